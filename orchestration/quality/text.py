"""Words and sentences of a text, folded so that spellings compare."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# A dot after a one- or two-digit number is a German date, after these letters an abbreviation.
_BREAK = re.compile(
    r"(?<=[.!?…])(?<![\s(]\d\.)(?<![\s(]\d\d\.)(?<!\b[Nn][ro]\.)(?<!\bca\.)(?<!\bz\.)"
    r"[\"'”»)\]*_]{0,3}\s+(?=[^\sa-zß-ÿ])|(?<!\s)\s*\n\s*|(?<!\s)\s+[•·▪]\s+"
)
_BULLET = re.compile(r"[\s•·▪*\->\u2013\u2014]+")
# A long line without an end, or a next line in lower case; a list keeps its lines.
_WRAP = re.compile(
    r"(?<=[^\s.!?:;])[ \t]*\n[ \t]*(?=[a-zß-ÿ]|\d+(?![.)\d]))"
    r"|(?<=[^\n]{60}[^\s.!?:;])[ \t]*\n[ \t]*(?=[^\W\d_])"
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence or a line of a list, and where it stands in the text."""

    text: str
    start: int
    end: int


def listed(names: str) -> list[str]:
    """Return the words of a list that is written as one text."""
    return names.split()


def normal(text: str) -> str:
    """Return the compatibility form of a text: one spelling of digits, spaces and letters."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def unwrapped(text: str) -> str:
    """Join the lines that a text file broke in the middle of a sentence."""
    return _WRAP.sub(" ", text)


def fold(text: str) -> str:
    """Return a text in lower case without accents and curly apostrophes; its length may change."""
    if text.isascii():
        return text.lower()
    text = text.replace("\u2019", "'")
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=10_000)
def fold_word(word: str) -> str:
    """Return a word folded; the same words come again and again."""
    return fold(word)


def words(text: str) -> list[str]:
    """Return the folded words and numbers of a text."""
    return _WORD.findall(fold(text))


def sentences(text: str) -> Iterator[Sentence]:
    """Split a text at the ends of sentences, lines and list items."""
    start = 0
    for cut in _BREAK.finditer(text):
        yield from _sentence(text, start, cut.start())
        start = cut.end()
    yield from _sentence(text, start, len(text))


def _sentence(text: str, start: int, end: int) -> Iterator[Sentence]:
    bullet = _BULLET.match(text, start, end)
    start = bullet.end() if bullet else start
    if text[start:end].strip():
        yield Sentence(text=text[start:end], start=start, end=end)
