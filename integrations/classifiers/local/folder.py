"""The folder of a sentence-embedding model: what must be in it, and what is wrong with it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestration.errors import BadInput

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
# Models with a head on top keep the rest under this name.
PREFIX = "bert."

_NUMBERS = (
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
)
_KINDS = ("F32", "F16")
# Of a damaged file the first bytes may announce anything.
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of a BERT model."""

    hidden: int
    inner: int
    positions: int
    heads: int
    layers: int
    types: int
    words: int
    epsilon: float


def check(folder: Path) -> Shape:
    """Return the shape of the model in a folder; raises `BadInput` naming the file that is wrong.

    Reads no weights, so it takes some milliseconds.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; name the one with {CONFIG}")
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        if not (folder / name).is_file():
            raise BadInput(f"{folder / name} is missing")
    missing = [name for name in ("tokenizers", "safetensors") if find_spec(name) is None]
    if missing:
        raise BadInput(f"{' and '.join(missing)} not installed: pip install 'frontdesk[semantic]'")
    if "model" not in _read_json(folder / TOKENIZER):
        raise BadInput(f"{folder / TOKENIZER} describes no tokenizer")
    shape = _read_shape(folder / CONFIG)
    _check_weights(folder / WEIGHTS, shape)
    return shape


def tensors(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return the names and sizes of all weights that a model of this shape has."""
    wide, inner = shape.hidden, shape.inner
    yield "embeddings.word_embeddings.weight", (shape.words, wide)
    yield "embeddings.position_embeddings.weight", (shape.positions, wide)
    yield "embeddings.token_type_embeddings.weight", (shape.types, wide)
    yield from _pair("embeddings.LayerNorm", (wide,))
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        for part in ("query", "key", "value"):
            yield from _pair(f"{layer}.attention.self.{part}", (wide, wide))
        yield from _pair(f"{layer}.attention.output.dense", (wide, wide))
        yield from _pair(f"{layer}.attention.output.LayerNorm", (wide,))
        yield from _pair(f"{layer}.intermediate.dense", (inner, wide))
        yield from _pair(f"{layer}.output.dense", (wide, inner))
        yield from _pair(f"{layer}.output.LayerNorm", (wide,))


def _pair(name: str, size: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", size
    yield f"{name}.bias", size[:1]


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} is no JSON object")
    return content


def _read_shape(path: Path) -> Shape:
    config = _read_json(path)
    wanted = (
        ("model_type", "bert", None),
        ("hidden_act", "gelu", "gelu"),
        ("position_embedding_type", "absolute", "absolute"),
    )
    for field, right, usual in wanted:
        found = config.get(field, usual)
        if found != right:
            raise BadInput(
                f"{path}: {field} is {found!r}, but only {right!r} is known; take a BERT model "
                "such as all-MiniLM-L6-v2"
            )
    for field in _NUMBERS:
        value = config.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadInput(f"{path}: {field} is {value!r}, but must be a whole number above 0")
    shape = Shape(
        hidden=config["hidden_size"],
        inner=config["intermediate_size"],
        positions=config["max_position_embeddings"],
        heads=config["num_attention_heads"],
        layers=config["num_hidden_layers"],
        types=config["type_vocab_size"],
        words=config["vocab_size"],
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
    )
    if shape.hidden % shape.heads:
        raise BadInput(f"{path}: hidden_size {shape.hidden} is no multiple of {shape.heads} heads")
    return shape


def _check_weights(path: Path, shape: Shape) -> None:
    header, size = _read_header(path)
    for name, wanted in tensors(shape):
        found = header.get(name) or header.get(PREFIX + name)
        if found is None:
            raise BadInput(f"{path} has no {name}; it is not the model that {CONFIG} describes")
        if tuple(found["shape"]) != wanted:
            was = "x".join(map(str, found["shape"]))
            right = "x".join(map(str, wanted))
            raise BadInput(f"{path}: {name} is {was}, but {CONFIG} says {right}")
        if found["dtype"] not in _KINDS:
            raise BadInput(
                f"{path}: {name} is of type {found['dtype']}; save it as {' or '.join(_KINDS)}"
            )
        if found["data_offsets"][1] > size:
            raise BadInput(f"{path} is cut off; download it again")


def _read_header(path: Path) -> tuple[Mapping[str, Any], int]:
    """Return what a safetensors file says of its tensors, and how many bytes of them it has."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST_HEADER:
            raise BadInput(f"{path} is no safetensors file")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            # A pointer that Git LFS left in place of the file ends here too.
            raise BadInput(f"{path} is no safetensors file, or cut off") from error
    if not isinstance(header, dict):
        raise BadInput(f"{path} is no safetensors file")
    return header, path.stat().st_size - 8 - length
