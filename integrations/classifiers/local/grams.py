"""The pieces a text is compared by: its words, pairs of words, and parts of words."""

import re
import unicodedata
from collections import Counter
from itertools import pairwise

_LONG_NUMBER = re.compile(r"\d{3,}")
_WORD = re.compile(r"\w+|#")
_SIZES = (2, 3, 4, 5)
# Where one word of a name ends: `cancel_order`, `cancelOrder`, `editAPIKey`.
_SEAM = re.compile(r"_|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def count_grams(text: str) -> Counter[str]:
    """Count a text's grams; those of whole words begin with `=`."""
    words = find_words(text)
    grams = Counter("=" + word for word in words)
    grams.update(f"={first} {second}" for first, second in pairwise(words))
    for word in words:
        grams.update(_parts(f" {word} "))
    return grams


def find_words(text: str) -> list[str]:
    """Return a text's words in small letters without accents; long numbers are all `#`."""
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # An order number says that there is one, not which intent it belongs to.
    return _WORD.findall(_LONG_NUMBER.sub("#", plain))


def spell_out(name: str) -> str:
    """Return an identifier as the words it is made of: `cancel_order` as `cancel order`."""
    return " ".join(_SEAM.sub(" ", name).split())


def is_word_gram(gram: str) -> bool:
    """Tell whether the gram is of whole words rather than a part of one."""
    return gram.startswith("=")


def _parts(word: str) -> list[str]:
    sizes = [size for size in _SIZES if size <= len(word)]
    return [word[at : at + size] for size in sizes for at in range(len(word) - size + 1)]
