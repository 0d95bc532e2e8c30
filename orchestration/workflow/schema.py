"""The JSON schema of a document, made from the node kinds: editors complete and check by it."""

from collections.abc import Mapping
from typing import Any

from orchestration.state import FIELDS, Field
from orchestration.types import Json
from orchestration.workflow.documents import MAX_NODES, MAX_RETRIES, MAX_VISITS
from orchestration.workflow.values import COMMON_EXITS, NodeKind

_TARGET: dict[str, Json] = {"type": ["string", "null"], "description": "the node to go on with"}
_DURATION: dict[str, Json] = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"},
        {"type": "number", "exclusiveMinimum": 0},
    ],
    "description": "such as 30s, 10m, 4h or 2d",
}
_COMMON: dict[str, Json] = {
    "timeout": _DURATION,
    "retries": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_RETRIES,
        "description": "how often it is tried again where that may help",
    },
    "max_visits": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_VISITS,
        "description": "after so many visits a run leaves by the exit exhausted",
    },
}
_VALUE: dict[str, Json] = {"type": ["string", "number", "boolean"]}
_ONE_VALUE = ("is", "is_not", "at_least", "at_most", "contains")
_SEVERAL = ("in", "not_in")


def schema(kinds: Mapping[str, type[NodeKind]]) -> dict[str, Json]:
    """Return the JSON schema (2020-12) of a document; what `proofs` prove is not in it."""
    definitions: dict[str, Json] = {"condition": _condition()}
    for name, kind in kinds.items():
        definitions[f"node_{name}"] = _node(name, kind, definitions)
    choices = [
        {
            "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/node_{name}"},
        }
        for name in kinds
    ]
    definitions["node"] = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds), "description": "what the node does"}},
        "allOf": choices,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of Frontdesk",
        "type": "object",
        "required": ["name", "entry", "nodes"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1},
            "entry": {"type": "string", "minLength": 1, "description": "the node to begin with"},
            "input": {"type": "object", "description": "the JSON schema of what a run is given"},
            "nodes": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_NODES,
                "additionalProperties": {"$ref": "#/$defs/node"},
            },
            "on_failure": {
                "type": ["string", "null"],
                "description": "the node to go to where one fails and has no exit error",
            },
        },
        "$defs": definitions,
    }


def _node(name: str, kind: type[NodeKind], definitions: dict[str, Json]) -> dict[str, Json]:
    config: dict[str, Any] = kind.Config.model_json_schema(ref_template="#/$defs/{model}")
    definitions |= config.pop("$defs", {})
    own = {
        setting: _with_conditions(each)
        for setting, each in config["properties"].items()
        if setting not in _COMMON
    }
    properties = {"kind": {"const": name}, **own, **_COMMON, **_ways_out(kind)}
    # A fork's branches are its exits, which need not be listed twice.
    required = [setting for setting in config.get("required", ()) if setting != "branches"]
    return {
        "description": (kind.__doc__ or "").strip(),
        "required": ["kind", *required],
        "additionalProperties": False,
        "properties": properties,
    }


def _ways_out(kind: type[NodeKind]) -> dict[str, Json]:
    exits = _exits(kind)
    edges: dict[str, Json] = {
        "type": "object",
        "properties": dict.fromkeys((*(exits or ()), *sorted(COMMON_EXITS)), _TARGET),
        "additionalProperties": _TARGET if exits is None else False,
    }
    # With some settings a kind that has several exits has only one, which `next` may name.
    return {"exits": edges} if exits == () else {"next": _TARGET, "exits": edges}


def _exits(kind: type[NodeKind]) -> tuple[str, ...] | None:
    """Return the exits that a kind has whatever its settings; None where they say which."""
    try:
        return tuple(kind.exits(kind.Config.model_construct()))
    except AttributeError:
        return None


def _with_conditions(schema: Json) -> Json:
    """Put the whole grammar of conditions where a kind's own schema spells out one level of it."""
    if isinstance(schema, list):
        return [_with_conditions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if {"all", "any", "not", "field"} <= set(schema.get("properties", ())):
        return {"$ref": "#/$defs/condition"}
    return {key: _with_conditions(each) for key, each in schema.items()}


def _condition() -> dict[str, Json]:
    inner: dict[str, Json] = {"$ref": "#/$defs/condition"}
    several = {"type": "array", "items": inner, "minItems": 1}
    tests: dict[str, Json] = {
        **dict.fromkeys(_ONE_VALUE, _VALUE),
        **{key: {"type": "array", "items": _VALUE, "minItems": 1} for key in _SEVERAL},
    }
    named = {"anyOf": [{"enum": list(FIELDS)}, {"type": "string", "pattern": r"^[^.]+\..+$"}]}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "all": {**several, "description": "every one of these"},
            "any": {**several, "description": "at least one of these"},
            "not": {**inner, "description": "the opposite of this"},
            "field": {**named, "description": "what to look at"},
            **tests,
        },
        "oneOf": [{"required": [key]} for key in ("all", "any", "not", "field")],
        "if": {"required": ["field"]},
        "then": {"minProperties": 2, "maxProperties": 2},
        "else": {"maxProperties": 1},
        "allOf": [_values(field) for field in FIELDS.values() if _values_of(field)],
    }


def _values_of(field: Field) -> list[Json]:
    return [True, False] if field.type == "boolean" else list(field.choices)


def _values(field: Field) -> dict[str, Json]:
    allowed: dict[str, Json] = {"enum": _values_of(field)}
    return {
        "if": {"properties": {"field": {"const": field.name}}, "required": ["field"]},
        "then": {
            "properties": {
                "is": allowed,
                "is_not": allowed,
                "in": {"items": allowed},
                "not_in": {"items": allowed},
            }
        },
    }
