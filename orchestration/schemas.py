"""JSON schemas: checked, held against a value, and spread out into fields of the state."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match

from orchestration.types import Json

_LONGEST = 300


def check(schema: Json) -> Json:
    """Return the schema; raises `ValueError` where it is none, or points outside of itself."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"is no JSON schema: {error.message[:_LONGEST]}") from None
    for keyword, text in _keywords(schema):
        if keyword == "pattern":
            _check_pattern(text)
        elif not _leads_somewhere(text, schema):
            raise ValueError(f"{keyword} {text!r} names nothing in this schema, such as #/$defs/x")
    return schema


def flaw(value: Json, schema: Json, *, name: str) -> tuple[str, str] | None:
    """Return where a value breaks a schema, as a path that begins with `name`, and how.

    None where it fits.
    """
    try:
        error = best_match(Draft202012Validator(schema).iter_errors(value))
    except RecursionError:
        return name, "is nested too deeply, or its schema leads to itself"
    if error is None:
        return None
    path = ".".join([name, *map(str, error.absolute_path)])
    missing = _missing(error)
    if missing is not None:
        return f"{path}.{missing}", "is missing"
    return path, error.message[:_LONGEST]


def paths(name: str, schema: Json) -> Iterator[str]:
    """Yield the name of each property, inner ones too, as a field: `name.size.width`."""
    for key, inner in _properties(schema).items():
        yield f"{name}.{key}"
        yield from paths(f"{name}.{key}", inner)


def spread(name: str, value: Json, schema: Json) -> dict[str, Json]:
    """Return a value as fields: the whole under `name`, and one for each property of its schema.

    What was left out has its default, else null.
    """
    fields = {name: value}
    given = value if isinstance(value, Mapping) else {}
    for key, inner in _properties(schema).items():
        default = inner.get("default") if isinstance(inner, Mapping) else None
        fields |= spread(f"{name}.{key}", given.get(key, default), inner)
    return fields


def _properties(schema: Json) -> Mapping[str, Json]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return properties if isinstance(properties, Mapping) else {}


def _missing(error: ValidationError) -> str | None:
    if error.validator != "required" or not isinstance(error.instance, Mapping):
        return None
    wanted: Any = error.validator_value
    return next((str(each) for each in wanted if each not in error.instance), None)


def _keywords(schema: Json) -> Iterator[tuple[str, str]]:
    """Yield the keywords whose text can be wrong in a way that only its use would show."""
    if isinstance(schema, Mapping):
        for key, each in schema.items():
            if key in ("$ref", "$dynamicRef", "pattern") and isinstance(each, str):
                yield key, each
            yield from _keywords(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _keywords(each)


def _check_pattern(text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"pattern {text!r} is no regular expression: {error}") from None


def _leads_somewhere(reference: str, schema: Json) -> bool:
    if not (reference == "#" or reference.startswith("#/")):
        return False
    found = schema
    for part in reference.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return False
        found = found[key]
    return True
