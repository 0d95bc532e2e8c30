"""A message as plain words: small letters, no accents, no marks."""

import re
import unicodedata

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "`": "'", "\u00b4": "'"})
_WORD = re.compile(r"#?\w+(?:['-]\w+)*")
_CLAUSE = re.compile(
    r"[.!?;,\n]+\s*|\s+(?:and|also|plus|then|und|et|puis|y|e|ed|en|ook|auch|aussi|anche|alem|&)\s+"
)
_EMOTICON = re.compile(r"(?:[:;=x8][-'o]?[)(dpox/\\|*3]+|<3|\^\^|[oO]_[oO])+", re.IGNORECASE)


def fold(text: str) -> str:
    """Return the text in small letters without accents, with plain apostrophes and one-spaced."""
    spread = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    plain = "".join(letter for letter in spread if not unicodedata.combining(letter))
    return " ".join(plain.split())


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


def split_words(folded: str) -> list[str]:
    """Return the words of a folded text; an order number may keep its `#`."""
    return _WORD.findall(folded)


def split_clauses(folded: str) -> list[str]:
    """Split a folded text where one thing may end and another begin."""
    return [clause for part in _CLAUSE.split(folded) if (clause := part.strip())]


def is_wordless(text: str) -> bool:
    """Tell whether a message has something in it but neither letter nor digit: `?`, a thumb."""
    bare = _EMOTICON.sub("", text.strip())
    return bool(text.strip()) and not any(letter.isalnum() for letter in bare)
