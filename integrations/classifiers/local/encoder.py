"""Turns texts into vectors of what they mean: a BERT model, mean pooling and length 1, in NumPy."""

import hashlib
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from integrations.classifiers.local import folder as folders
from integrations.classifiers.local.folder import CONFIG, PREFIX, TOKENIZER, WEIGHTS, Shape
from orchestration.errors import BadInput

# Sentence models of this kind are trained on texts of at most so many tokens.
LONGEST = 256
# Tokens of one batch, padding included: what it takes beside the weights stays below 40 MB.
_BATCH = 1024


@cache
def encoder_at(folder: Path) -> "Encoder":
    """Return the one encoder of this process for a folder."""
    return Encoder(folder)


class Encoder:
    """The model in a folder, loaded when it is first used; many threads may share it."""

    # As much as words and parts of words together.
    weight = 2.0

    def __init__(self, folder: Path) -> None:
        """Look at the folder; raises `BadInput` naming the file that is wrong."""
        self.folder = folder
        self.shape = folders.check(folder)
        self._loading = threading.Lock()

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return self.shape.hidden

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the model's files."""
        digest = hashlib.sha256()
        for name in (CONFIG, TOKENIZER, WEIGHTS):
            with (self.folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> Any:
        """Return one row of length 1 for each text, as 32-bit numbers."""
        import numpy as np

        tokenizer, weights = self._loaded
        tokens = [each.ids for each in tokenizer.encode_batch(list(texts))]
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for places in _batches([len(each) for each in tokens]):
            vectors[places] = _forward([tokens[place] for place in places], weights, self.shape)
        return vectors

    @property
    def _loaded(self) -> tuple[Any, Mapping[str, Any]]:
        with self._loading:
            return self._read

    @cached_property
    def _read(self) -> tuple[Any, Mapping[str, Any]]:
        import numpy as np
        from safetensors.numpy import load_file
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
        from tokenizers import Tokenizer

        # For good: threads that share one product wait for each other, which on a busy machine
        # takes ten times as long as the product itself.
        threadpool_limits(limits=1)
        try:
            tokenizer = Tokenizer.from_file(str(self.folder / TOKENIZER))
        except Exception as error:  # the library raises nothing narrower
            raise BadInput(f"{self.folder / TOKENIZER} cannot be used: {error}") from error
        if tokenizer.get_vocab_size() > self.shape.words:
            raise BadInput(
                f"{self.folder / TOKENIZER} has {tokenizer.get_vocab_size()} words, but {CONFIG} "
                f"says {self.shape.words}"
            )
        # The file may ask for padding to a fixed length and for shorter texts.
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length=min(LONGEST, self.shape.positions))
        kept = load_file(self.folder / WEIGHTS)
        weights = {
            name: np.ascontiguousarray(kept.get(name, kept.get(PREFIX + name)), dtype=np.float32)
            for name, _ in folders.tensors(self.shape)
        }
        return tokenizer, weights


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Return the places of texts of like length, so that little is padded; empty ones are left."""
    batch: list[int] = []
    for place in sorted((p for p, length in enumerate(lengths) if length), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _forward(tokens: Sequence[Sequence[int]], weights: Mapping[str, Any], shape: Shape) -> Any:
    """Return the vectors of one batch of token rows."""
    import numpy as np

    longest = max(map(len, tokens))
    ids = np.zeros((len(tokens), longest), dtype=np.int64)
    mask = np.zeros((len(tokens), longest), dtype=np.float32)
    for row, each in enumerate(tokens):
        ids[row, : len(each)] = each
        mask[row, : len(each)] = 1.0
    state = (
        weights["embeddings.word_embeddings.weight"][ids]
        + weights["embeddings.position_embeddings.weight"][:longest]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    state = _normal(state, "embeddings.LayerNorm", weights, shape)
    hidden_away = (1.0 - mask[:, None, None, :]) * np.float32(-1e9)
    for number in range(shape.layers):
        state = _layer(state, hidden_away, f"encoder.layer.{number}", weights, shape)
    means = (state * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return means / np.maximum(lengths, np.float32(1e-12))


def _layer(
    state: Any, hidden_away: Any, name: str, weights: Mapping[str, Any], shape: Shape
) -> Any:
    heads = _attend(state, hidden_away, f"{name}.attention.self", weights, shape)
    said = _linear(heads, f"{name}.attention.output.dense", weights)
    state = _normal(state + said, f"{name}.attention.output.LayerNorm", weights, shape)
    inner = _gelu(_linear(state, f"{name}.intermediate.dense", weights))
    said = _linear(inner, f"{name}.output.dense", weights)
    return _normal(state + said, f"{name}.output.LayerNorm", weights, shape)


def _attend(
    state: Any, hidden_away: Any, name: str, weights: Mapping[str, Any], shape: Shape
) -> Any:
    import numpy as np

    rows, length, wide = state.shape
    each = wide // shape.heads

    def part(which: str) -> Any:
        whole = _linear(state, f"{name}.{which}", weights)
        return whole.reshape(rows, length, shape.heads, each).transpose(0, 2, 1, 3)

    scores = part("query") @ part("key").transpose(0, 1, 3, 2)
    scores = scores * np.float32(1.0 / math.sqrt(each)) + hidden_away
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return (scores @ part("value")).transpose(0, 2, 1, 3).reshape(rows, length, wide)


def _linear(state: Any, name: str, weights: Mapping[str, Any]) -> Any:
    return state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _normal(state: Any, name: str, weights: Mapping[str, Any], shape: Shape) -> Any:
    import numpy as np

    state = state - state.mean(axis=-1, keepdims=True)
    spread = np.sqrt((state * state).mean(axis=-1, keepdims=True) + np.float32(shape.epsilon))
    return state / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _gelu(state: Any) -> Any:
    import numpy as np
    from scipy.special import erf

    return state * np.float32(0.5) * (1.0 + erf(state * np.float32(1.0 / math.sqrt(2.0))))
