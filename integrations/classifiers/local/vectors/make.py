"""Makes `vectors.npz` anew: `python -m integrations.classifiers.local.vectors.make FOLDER`.

FOLDER holds a sentence-embedding model as `frontdesk[semantic]` reads it. Takes some minutes.
"""

import argparse
from pathlib import Path
from typing import Any

from integrations.classifiers.local import files
from integrations.classifiers.local.encoder import Encoder
from integrations.classifiers.local.word_vectors import VECTORS, WORDS

WIDTH = 96
# A word's share of what is written is about 1 / (12 x its place among the most frequent ones), by
# Zipf's law. The weight of a word with the share p is RARE / (RARE + p), the smooth inverse
# frequency of Arora, Liang and Ma (2017).
_ZIPF, RARE = 12.0, 1e-3


def main() -> None:
    """Encode the words of `words.txt` and write what is kept of the vectors beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    words = WORDS.read_text(encoding="utf-8").split()
    vectors = Encoder(parser.parse_args().folder).encode(words)
    VECTORS.write_bytes(files.write(_packed(vectors)))


def _packed(vectors: Any) -> dict[str, Any]:
    """Keep the directions in which words differ most, as whole numbers and a scale for each word.

    The words are in the order of their frequency.
    """
    import numpy as np

    shares = 1.0 / (_ZIPF * np.arange(1, len(vectors) + 1))
    centred = vectors.astype(np.float64) - np.average(vectors, axis=0, weights=shares)
    _, directions = np.linalg.eigh(centred.T @ centred)
    kept = centred @ directions[:, : -WIDTH - 1 : -1] * (RARE / (RARE + shares))[:, None]
    scales = np.abs(kept).max(axis=1) / 127.0
    whole = np.round(kept / scales[:, None]).astype(np.int8)
    return {"vectors": whole, "scales": scales.astype(np.float32)}


if __name__ == "__main__":
    main()
