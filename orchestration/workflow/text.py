"""Documents as text: YAML or JSON, read with care."""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import takewhile

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from orchestration.types import Json

MAX_BYTES = 256 * 1024
MAX_DEPTH = 60


def read_text(source: str) -> Json:
    """Read one YAML or JSON document into plain values; raises `ValueError` in plain words."""
    if len(source.encode(errors="replace")) > MAX_BYTES:
        raise ValueError(_TOO_LARGE)
    try:
        return _read_json(source) if source.lstrip().startswith("{") else _read_yaml(source)
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error
    except RecursionError:
        raise ValueError(f"nested more than {MAX_DEPTH} deep") from None


def plain(value: Json, where: str = "the document", depth: int = 0) -> Json:
    """Copy a value; raises `ValueError` where it holds what JSON does not have, or too much."""
    if depth > MAX_DEPTH:
        raise ValueError(f"{where} is nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise ValueError(f"every key in {where} must be a text")
        copy: Json = {key: plain(each, key, depth + 1) for key, each in value.items()}
    elif isinstance(value, list | tuple):
        copy = [plain(each, where, depth + 1) for each in value]
    elif value is None or isinstance(value, str | bool | int | float):
        copy = _finite(value) if isinstance(value, float) else value
    else:
        raise ValueError(f"{where} holds {value!r}, which JSON does not have")
    if (
        depth == 0
        and len(json.dumps(copy, ensure_ascii=False).encode(errors="replace")) > MAX_BYTES
    ):
        raise ValueError(_TOO_LARGE)
    return copy


_TOO_LARGE = f"the document is over {MAX_BYTES // 1024} kB"


def _read_json(source: str) -> Json:
    try:
        return plain(json.loads(source, object_pairs_hook=_unique))
    except json.JSONDecodeError:
        # YAML may begin with a brace too.
        return _read_yaml(source)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    built = dict(pairs)
    if len(built) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return built


def _read_yaml(source: str) -> Json:
    return _Builder(source).document()


class _Builder:
    """Builds plain values straight from the parser's events, so that it can stop at once."""

    def __init__(self, source: str) -> None:
        self._yaml = YAML(typ="safe", pure=True)
        self._events: Iterator[Event] = iter(self._yaml.parse(source))

    def document(self) -> Json:
        """Return the one document that the text holds; None where it holds none."""
        self._next(StreamStartEvent)
        if not self._next(DocumentStartEvent):
            return None
        built = self._built(next(self._events), 0)
        self._next(DocumentEndEvent)
        if not self._next(StreamEndEvent):
            raise ValueError("it holds more than one document")
        return built

    def _next(self, wanted: type[Event]) -> bool:
        return isinstance(next(self._events), wanted)

    def _built(self, event: Event, depth: int) -> Json:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        if anchor := getattr(event, "anchor", None):
            # An alias inside an alias grows exponentially; a document has no need of either.
            raise ValueError(f"anchors and aliases are not allowed: {anchor}{_line(event)}")
        if tag := getattr(event, "tag", None):
            raise ValueError(f"the tag {tag} is not allowed{_line(event)}")
        if isinstance(event, MappingStartEvent):
            return self._mapping(depth)
        if isinstance(event, SequenceStartEvent):
            inner = iter(self._events.__next__, None)
            items = takewhile(lambda each: not isinstance(each, SequenceEndEvent), inner)
            return [self._built(each, depth + 1) for each in items]
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        raise ValueError(f"cannot be read{_line(event)}")

    def _mapping(self, depth: int) -> dict[str, Json]:
        built: dict[str, Json] = {}
        while not isinstance(start := next(self._events), MappingEndEvent):
            key = self._built(start, depth + 1)
            if not isinstance(key, str) or key in built:
                wrong = "is there twice" if isinstance(key, str) else "must be a text"
                raise ValueError(f"the key {key!r} {wrong}{_line(start)}")
            built[key] = self._built(next(self._events), depth + 1)
        return built

    def _scalar(self, event: ScalarEvent) -> Json:
        tag = str(self._yaml.resolver.resolve(ScalarNode, event.value, event.implicit))
        node = ScalarNode(tag, event.value)
        match tag.rpartition(":")[2]:
            case "null":
                return None
            case "bool":
                return str(event.value).lower() == "true"
            case "int":
                return int(self._yaml.constructor.construct_yaml_int(node))
            case "float":
                return _finite(float(self._yaml.constructor.construct_yaml_float(node)))
            case "merge":
                raise ValueError(f"merge keys are not allowed{_line(event)}")
        return str(event.value)


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number that can be compared")
    return number


def _line(event: Event) -> str:
    return f", line {event.start_mark.line + 1}" if event.start_mark else ""
