"""Picks the sentences of an article that answer a question, word for word."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import log

from integrations.knowledge.lexical.words import terms

_LONGEST = 3
# A sentence joins the best one when it says nearly as much about the question.
_NEARLY_AS_GOOD = 0.6
_HEADING_CREDIT = 0.5
_NUMBER_CREDIT = 1.0
_PARAGRAPH_CREDIT = 0.3
# The first sentence of an article is mostly its gist.
_GIST_CREDIT = 0.45

_HIDDEN = re.compile(
    r"<!--.*?-->|^```.*?^```|<[^>\n]+>|!\[[^\]]*\]\([^)]*\)", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(\*\*|\*|__|`|~~|(?<!\w)_|_(?!\w))")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])\s+|^\s*>\s?")
_RULE = re.compile(r"^\s*(?:[-*_|: ]{3,}|=+)\s*$")
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bNo\.)(?<!\bz\.\sB\.)[\"'”»)]*\s+(?=[^\sa-zà-ÿ])"
)
_LEANS_ON_THE_ONE_BEFORE = re.compile(
    r"(?:it|its|they|this|these|that|those|there|then|after that|otherwise|however|so|you see it"
    r"|er|sie|es|dies|diese|dann|danach|dort|esto|este|esta|después|il|elle|ils|elles|cela|ensuite)\b",
    re.IGNORECASE,
)
_ASKS_FOR_A_NUMBER = re.compile(
    r"\b(?:how (?:long|much|many|fast|soon|quick\w*|old)|when|until|deadline|price|cost|fee|hours"
    r"|wie (?:lange|viel\w*|schnell)|wann|kostet|cuánt\w*|cuándo|combien|quand)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence and the heading over it; `opens` says that its paragraph begins there."""

    text: str
    heading: str
    opens: bool


def best_quote(
    markdown: str, question: str, language: str, weigh: Callable[[str], float] = lambda term: 1.0
) -> str:
    """Return the one to three sentences that answer best, in their order; else the first.

    `weigh` says how telling a term is among all articles, from 0 to 1.
    """
    sentences = split_sentences(markdown)
    if not sentences:
        return ""
    worth = _worth(sentences, question, language, weigh)
    best = max(range(len(sentences)), key=lambda at: (worth[at], -at))
    taken = {best}
    if best > 0 and _LEANS_ON_THE_ONE_BEFORE.match(sentences[best].text):
        taken.add(best - 1)
    for at in sorted(range(len(sentences)), key=lambda at: (-worth[at], at)):
        if len(taken) == _LONGEST or worth[at] <= _NEARLY_AS_GOOD * worth[best]:
            break
        if not _LEANS_ON_THE_ONE_BEFORE.match(sentences[at].text) or at - 1 in taken:
            taken.add(at)
    return " ".join(sentences[at].text for at in sorted(taken))


def split_sentences(markdown: str) -> list[Sentence]:
    """Return an article's sentences without Markdown; headings are not sentences."""
    sentences: list[Sentence] = []
    heading = ""
    paragraph: list[str] = []

    def close() -> None:
        parts = _SENTENCE_END.split(" ".join(paragraph))
        sentences.extend(
            Sentence(text=part.strip(), heading=heading, opens=not at)
            for at, part in enumerate(parts)
            if part.strip()
        )
        paragraph.clear()

    for line in _HIDDEN.sub("", markdown).splitlines():
        starts_anew = line.lstrip().startswith("#") or _BULLET.match(line) is not None
        if starts_anew or not line.strip() or _RULE.match(line):
            close()
        if line.lstrip().startswith("#"):
            heading = _plain(line.lstrip(" #"))
        elif line.strip() and not _RULE.match(line):
            paragraph.append(_plain(_BULLET.sub("", line)))
    close()
    return sentences


def _plain(line: str) -> str:
    return " ".join(_EMPHASIS.sub("", _LINK.sub(r"\1", line)).replace("|", " ").split())


def _worth(
    sentences: list[Sentence], question: str, language: str, weigh: Callable[[str], float]
) -> list[float]:
    said = [set(terms(sentence.text, language)) for sentence in sentences]
    spread = Counter(term for row in said for term in row)
    asked = {term: weigh(term) for term in dict.fromkeys(terms(question, language))}
    wants_number = _ASKS_FOR_A_NUMBER.search(question) is not None
    worth: list[float] = []
    for sentence, row in zip(sentences, said, strict=True):
        headed = set(terms(sentence.heading, language)) - row
        value = _PARAGRAPH_CREDIT * sentence.opens + _GIST_CREDIT * (sentence is sentences[0])
        for term, weight in asked.items():
            if term in row:
                value += weight * log(1 + len(sentences) / spread[term])
            elif term in headed:
                value += weight * _HEADING_CREDIT
        if wants_number and any(letter.isdigit() for letter in sentence.text):
            value += _NUMBER_CREDIT
        worth.append(value)
    return worth
