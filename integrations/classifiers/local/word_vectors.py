"""Turns texts into vectors of what they mean: the sum of what their English words mean."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from integrations.classifiers.local import files
from integrations.classifiers.local.grams import find_words

_FOLDER = Path(__file__).with_name("vectors")
WORDS, VECTORS = _FOLDER / "words.txt", _FOLDER / "vectors.npz"


@cache
def word_vectors() -> "WordVectors":
    """Return the word vectors of this process."""
    return WordVectors()


class WordVectors:
    """The shipped vectors of 47,000 English words, loaded when first used.

    A frequent word's vector is short, so that `the` says little. Words of other languages, and
    those that are spelt wrongly, have none; their letters still count elsewhere.
    """

    # A sum of words says less of a text than a sentence's vector does.
    weight = 1.0

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return int(self._read[1].shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the shipped files."""
        return hashlib.sha256(WORDS.read_bytes() + VECTORS.read_bytes()).hexdigest()

    def encode(self, texts: Sequence[str]) -> Any:
        """Return one row of length 1 for each text, of zeros where none of its words is known."""
        import numpy as np

        places, vectors, scales = self._read
        rows = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        for row, text in enumerate(texts):
            known = [places[word] for word in find_words(text) if word in places]
            rows[row] = scales[known] @ vectors[known]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.maximum(lengths, np.float32(1e-12))

    @cached_property
    def _read(self) -> tuple[Mapping[str, int], Any, Any]:
        arrays = files.read(VECTORS.read_bytes())
        words = WORDS.read_text(encoding="utf-8").split()
        places = {word: place for place, word in enumerate(words)}
        return places, arrays["vectors"], arrays["scales"]
