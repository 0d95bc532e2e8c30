"""The fields that a workflow's conditions and templates may name."""

from collections.abc import Collection, Mapping

from orchestration import templates
from orchestration.state import Field, FieldType, known_fields
from orchestration.types import Json
from orchestration.workflow import NodeSpec, Workflow

_TYPES: Mapping[str, FieldType] = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
}


def fields_of_workflow(workflow: Workflow, intents: Collection[str] | None) -> dict[str, Field]:
    """Return every field: those of each message, `input.<name>`, and `<into>.<property>`."""
    fields = known_fields(intents)
    fields |= _from_schema("input", workflow.input)
    for spec in workflow.nodes.values():
        into, output = spec.config.get("into"), spec.config.get("output")
        if isinstance(into, str) and isinstance(output, dict):
            for name, field in _from_schema(into, output).items():
                # Several nodes may write under one name, each in its own form.
                fields[name] = _either(fields[name], field) if name in fields else field
    return fields


def fields_in_templates(spec: NodeSpec) -> frozenset[str]:
    """Return the fields that the node's settings name as `{{ field }}`."""
    return templates.fields_in(dict(spec.config))


def _from_schema(prefix: str, schema: Json) -> dict[str, Field]:
    """Return a field for each property of an object's JSON schema, inner objects included."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required")
    found: dict[str, Field] = {}
    for name, inner in properties.items():
        is_required = isinstance(required, list) and name in required
        path = f"{prefix}.{name}"
        found[path] = _field(path, inner if isinstance(inner, Mapping) else {}, is_required)
        found |= _from_schema(path, inner)
    return found


def _field(name: str, schema: Mapping[str, Json], is_required: bool) -> Field:
    kind, may_be_null = _kind(schema.get("type"))
    values = schema.get("enum")
    texts = [each for each in values if each is not None] if isinstance(values, list) else []
    if texts and all(isinstance(each, str) for each in texts):
        is_optional = not is_required or None in (values or ())
        return Field(name=name, type="choice", choices=tuple(texts), optional=is_optional)
    is_optional = not is_required or may_be_null
    if kind == "array":
        items = schema.get("items")
        holds_texts = isinstance(items, Mapping) and items.get("type") == "string"
        return Field(name=name, type="list" if holds_texts else "any", optional=is_optional)
    return Field(
        name=name,
        type=_TYPES.get(kind, "any"),
        low=_bound(schema, "minimum"),
        high=_bound(schema, "maximum"),
        whole=kind == "integer",
        optional=is_optional,
    )


def _kind(named: Json) -> tuple[str, bool]:
    """Return the only kind of value that a schema names, if there is one, and whether null is."""
    kinds = named if isinstance(named, list) else [named]
    others = [kind for kind in kinds if kind != "null"]
    is_one = len(others) == 1 and isinstance(others[0], str)
    return others[0] if is_one else "", "null" in kinds


def _either(one: Field, other: Field) -> Field:
    """Return a field that may have the values of both."""
    is_optional = one.optional or other.optional
    if one.type != other.type:
        return Field(name=one.name, type="any", optional=is_optional)
    return Field(
        name=one.name,
        type=one.type,
        choices=tuple(dict.fromkeys([*one.choices, *other.choices])),
        low=None if one.low is None or other.low is None else min(one.low, other.low),
        high=None if one.high is None or other.high is None else max(one.high, other.high),
        whole=one.whole and other.whole,
        optional=is_optional,
    )


def _bound(schema: Mapping[str, Json], key: str) -> float | None:
    value = schema.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
