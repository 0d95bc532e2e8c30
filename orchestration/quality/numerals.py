"""Number words of seven languages, rewritten as digits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from orchestration.quality import spelling
from orchestration.quality.text import fold_word
from orchestration.quality.vocabulary import LANGUAGES, MONTHS, UNITS

_WORD = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[ \t\u2010\u2011-]{1,2}|\n[ \t]*")
# Also articles or everyday words: numbers only where a unit follows.
_ONES = {
    "en": "one a an",
    "de": "ein eine einen einem einer eines",
    "fr": "un une neuf",
    "es": "un una uno",
    "it": "un uno una sei",
    "nl": "een",
    "pt": "um uma",
}
_WITH_UNIT = {"neuf": 9, "sei": 6}
# The second word of "per cent".
_HUNDREDTH = frozenset({"cent", "ciento", "cento"})
# "A minute" and "a second" are ways of speaking in every language.
_VAGUE = frozenset({"minute", "second"})
_THOUSANDS = {
    "en": "thousand",
    "de": "tausend eintausend",
    "fr": "mille",
    "es": "mil",
    "it": "mila mille",
    "nl": "duizend",
    "pt": "mil",
}
_JOINERS = {"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "nl": "en", "pt": "e"}
_COMPOUND = re.compile(r"(\w{3,}?)(tagig|wochig|monatig|jahrig|stundig|daags)\w{0,3}")
_COMPOUND_UNITS = {
    "tagig": "Tage",
    "wochig": "Wochen",
    "monatig": "Monate",
    "jahrig": "Jahre",
    "stundig": "Stunden",
    "daags": "dagen",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A text with digits for number words; `changes` are (start, end, shift to the source)."""

    text: str
    changes: tuple[tuple[int, int, int, int], ...] = ()

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span of the rewritten text stands in the source."""
        return self._source(start, 2), self._source(end, 3)

    def _source(self, position: int, edge: int) -> int:
        shift = 0
        for change in self.changes:
            if position < change[0]:
                break
            if position < change[1] or (position == change[1] and edge == 3):
                return change[edge]
            shift = change[3] - change[1]
        return position + shift


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spellings:
    """The number words of a language (with English beside them)."""

    cardinals: Mapping[str, int]
    ordinals: Mapping[str, int]
    starts: frozenset[str]
    ones: frozenset[str]
    thousands: frozenset[str]
    joiner: str


def digits(text: str, language: str) -> Rewritten:
    """Write the number words of a text as digits."""
    spellings = _spellings(language if language in LANGUAGES else "en")
    months = MONTHS.get(language, MONTHS["en"])
    tokens = [
        _Token(word=fold_word(found.group()), start=found.start(), end=found.end())
        for found in _WORD.finditer(text)
    ]
    pieces: list[str] = []
    changes: list[tuple[int, int, int, int]] = []
    done = length = 0
    for start, end, digit in _numbers(text, tokens, spellings, months):
        length += start - done + len(digit)
        pieces += [text[done:start], digit]
        changes.append((length - len(digit), length, start, end))
        done = end
    if not changes:
        return Rewritten(text=text)
    return Rewritten(text="".join([*pieces, text[done:]]), changes=tuple(changes))


def _numbers(
    text: str, tokens: list[_Token], spellings: _Spellings, months: Mapping[str, int]
) -> Iterator[tuple[int, int, str]]:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.word not in spellings.starts:
            compound = _compound(token, spellings)
            if compound:
                yield token.start, token.end, compound
            index += 1
            continue
        count, digit = _number_at(text, tokens, index, spellings, months)
        if count:
            yield token.start, tokens[index + count - 1].end, digit
        index += count or 1


def _number_at(
    text: str,
    tokens: list[_Token],
    index: int,
    spellings: _Spellings,
    months: Mapping[str, int],
) -> tuple[int, str]:
    """Return how many tokens make a number here, and its digits."""
    run = _run(text, tokens, index)
    before = tokens[index - 1].word if index else ""
    if run[0] in _HUNDREDTH and before in ("per", "pour", "por"):
        return 0, ""
    ordinal = _longest(run, spellings.ordinals)
    if ordinal[0] and (ordinal[1] > 3 or _month_follows(run[ordinal[0] :], months)):
        return ordinal[0], f"{ordinal[1]}th"
    if ordinal[0] and not _longest(run, spellings.cardinals)[0]:
        return 0, ""
    if run[0] in spellings.ones:
        return _one(run, spellings, months, before)
    count, value = _with_thousands(run, spellings)
    return count, str(value)


def _run(text: str, tokens: list[_Token], index: int) -> list[str]:
    """Return up to twelve words from here that nothing but spaces and hyphens part."""
    run = [tokens[index].word]
    for left, right in zip(
        tokens[index : index + 11], tokens[index + 1 : index + 12], strict=False
    ):
        if not _GAP.fullmatch(text, left.end, right.start):
            break
        run.append(right.word)
    return run


def _longest(run: list[str], spellings: Mapping[str, int]) -> tuple[int, int]:
    for count in range(min(6, len(run)), 0, -1):
        value = spellings.get(" ".join(run[:count]))
        if value is not None:
            return count, value
    return 0, 0


def _one(
    run: list[str], spellings: _Spellings, months: Mapping[str, int], before: str
) -> tuple[int, str]:
    count, value = _longest(run, spellings.cardinals)
    if count > 1:
        return _with_thousands(run, spellings)[0], str(_with_thousands(run, spellings)[1])
    word = run[0]
    rest = run[1:]
    if word in ("a", "an") and before == "half":
        return 0, ""
    if rest[:1] in (["couple"], ["dozen"]) and word == "a":
        return 2, "2" if rest[0] == "couple" else "12"
    is_counted = bool(rest) and (_is_unit(rest, word) or _month_follows(rest, months))
    return (1, str(value or _WITH_UNIT.get(word, 1))) if is_counted else (0, "")


def _is_unit(rest: list[str], word: str) -> bool:
    from_filler = rest[1:2] if rest[0] in ("business", "working", "calendar", "full") else rest[:1]
    unit = UNITS.get(from_filler[0]) if from_filler else None
    # One letter is no unit after an article: "a m" and "un an" differ.
    if unit is None or len(from_filler[0]) < 2:
        return False
    return word in ("one", *_WITH_UNIT) or not (unit[0] in _VAGUE and unit[1] == 1)


def _month_follows(rest: list[str], months: Mapping[str, int]) -> bool:
    return any(word in months for word in rest[:1]) or (
        len(rest) > 1 and rest[0] in ("of", "de", "di", "del") and rest[1] in months
    )


def _with_thousands(run: list[str], spellings: _Spellings) -> tuple[int, int]:
    count, value = _longest(run, spellings.cardinals)
    if count < len(run) and run[count] in spellings.thousands:
        count, value = count + 1, max(value, 1) * 1000
        joined = count + (run[count : count + 1] == [spellings.joiner])
        more, rest = _longest(run[joined:], spellings.cardinals)
        if more:
            return joined + more, value + rest
    return count, value


def _compound(token: _Token, spellings: _Spellings) -> str | None:
    """Read `dreißigtägig` and `dertigdaags` as a number and its unit."""
    found = _COMPOUND.fullmatch(token.word) if len(token.word) > 7 else None
    value = spellings.cardinals.get(found.group(1)) if found else None
    return f"{value} {_COMPOUND_UNITS[found.group(2)]}" if found and value else None


@cache
def _spellings(language: str) -> _Spellings:
    cardinals = {**spelling.cardinals(language), **spelling.cardinals("en")}
    ordinals = {**spelling.ordinals(language), **spelling.ordinals("en")}
    if language == "nl":
        # "Ten" is Dutch for "at the": "ten minste".
        cardinals.pop("ten")
    ones = frozenset(f"{_ONES['en']} {_ONES[language]}".split())
    thousands = frozenset(f"{_THOUSANDS['en']} {_THOUSANDS[language]}".split())
    first_words = {phrase.split()[0] for phrase in (*cardinals, *ordinals)}
    return _Spellings(
        cardinals=cardinals,
        ordinals=ordinals,
        starts=frozenset(first_words | ones | thousands),
        ones=ones,
        thousands=thousands,
        joiner=_JOINERS[language],
    )
