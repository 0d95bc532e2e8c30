"""How customers say small things: hello, thanks, the other one, send it back."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

# What a message of several kinds is: "hi, thanks, bye" is thanks.
SMALL_TALK = (
    "no_number",
    "capabilities",
    "identity",
    "solved",
    "thanks",
    "goodbye",
    "greeting",
    "agreed",
    "unsure",
)
ORDINALS = ("first", "second", "third")
CHOICES = ("other", "both", *ORDINALS)
_PADDING = ("order_noun", "order_filler", "filler", "agreed", "greeting")
_APOSTROPHES = re.compile("['`\u2019\u00b4]")
_THUMBS = frozenset("👍👌🙏💯✅🎉❤😊🙂😀😃😄🥰🤗")
# Read at the start: a first turn that does it has many beside it that would all do the same.
_PHRASES: Mapping[str, Mapping[str, list[str] | str]] = YAML(typ="safe", pure=True).load(
    Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8")
)


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The kinds of phrases found in a text, and whether it holds nothing else."""

    kinds: frozenset[str]
    is_bare: bool


def small_talk(text: str, languages: Sequence[str], names: Sequence[str]) -> tuple[str, str] | None:
    """Return what kind of small talk a text is and in which language; None where it says more.

    The first language that fits wins; `names` are those by which the bot may be addressed.
    """
    for language in dict.fromkeys(languages):
        found = _scan(text, language, (*SMALL_TALK, "filler"), names)
        kind = next((kind for kind in SMALL_TALK if kind in found.kinds), None)
        if kind and found.is_bare:
            return kind, language
    return None


def order_talk(text: str, language: str, numbers: Collection[str] = ()) -> Scan:
    """Return how a text points at orders, its order numbers left aside."""
    for number in numbers:
        text = re.sub(re.escape(number), " ", text, flags=re.IGNORECASE)
    return _scan(text, language, (*CHOICES, *_PADDING), ())


def is_wordless(text: str) -> bool:
    """Tell whether a message speaks without words: "?", "👍"; an empty one does not speak."""
    return bool(text.strip()) and not re.search(r"\w", text)


def is_thumb_up(text: str) -> bool:
    """Tell whether a message is a sign of content and no more."""
    return is_wordless(text) and any(sign in _THUMBS for sign in text)


def is_returning(text: str, language: str) -> bool:
    """Tell whether a text is about sending something back."""
    return bool(re.search(_forms(language)["returning"], plain(text)))


def points_at_return(text: str, language: str) -> bool:
    """Tell whether a text is about sending back one particular thing: "can I return it?"."""
    return bool(re.search(_forms(language)["pointing"], plain(text)))


def days_to_return(text: str, language: str) -> int | None:
    """Return the number of days after delivery for sending back; None for none or several."""
    forms = _forms(language)
    days, delivery = forms["days"], forms["delivery"]
    after = rf"\b(\d{{1,3}}) {days}\b(?: \D\S*){{0,8}}? (?:{delivery})"
    before = rf"\b(?:{delivery})(?: \D\S*){{0,8}}? (\d{{1,3}}) {days}\b"
    sentences = [plain(sentence) for sentence in re.split(r"[.!?;\n]", text)]
    found = {
        int(number)
        for sentence in sentences
        if re.search(forms["returning"], sentence)
        for pattern in (after, before)
        for number in re.findall(pattern, sentence)
    }
    return found.pop() if len(found) == 1 else None


def plain(text: str) -> str:
    """Return the words of a text without accents, apostrophes and capitals, one space between."""
    bare = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text).casefold())
    words = re.findall(r"\w+", "".join(sign for sign in bare if not unicodedata.combining(sign)))
    return " ".join(re.sub(r"([^\W\d_])\1{2,}", r"\1", word) for word in words)


def _scan(text: str, language: str, among: tuple[str, ...], names: Sequence[str]) -> Scan:
    known = _vocabulary(language, among) | {tuple(plain(name).split()): "filler" for name in names}
    words = plain(text).split()
    kinds: set[str] = set()
    is_bare, position = True, 0
    while position < len(words):
        phrase = _longest(known, words[position : position + 9])
        if phrase:
            kinds.add(known[phrase])
        is_bare = is_bare and bool(phrase)
        position += len(phrase) or 1
    return Scan(kinds=frozenset(kinds), is_bare=is_bare)


def _longest(known: Mapping[tuple[str, ...], str], words: Sequence[str]) -> tuple[str, ...]:
    sizes = range(len(words), 0, -1)
    return next((tuple(words[:size]) for size in sizes if tuple(words[:size]) in known), ())


@cache
def _vocabulary(language: str, among: tuple[str, ...]) -> dict[tuple[str, ...], str]:
    phrases = _PHRASES[language]
    # The first kind named keeps a phrase that two kinds share.
    kinds = tuple(reversed(among))
    return {tuple(phrase.split()): kind for kind in kinds for phrase in phrases[kind]}


@cache
def _forms(language: str) -> Mapping[str, str]:
    return {kind: form for kind, form in _PHRASES[language].items() if isinstance(form, str)}
