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
            fields |= _from_schema(into, output)
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
    values = schema.get("enum")
    if isinstance(values, list) and values and all(isinstance(each, str) for each in values):
        return Field(name=name, type="choice", choices=tuple(values), optional=not is_required)
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        holds_texts = isinstance(items, Mapping) and items.get("type") == "string"
        return Field(name=name, type="list" if holds_texts else "any", optional=not is_required)
    return Field(
        name=name,
        type=_TYPES.get(kind, "any") if isinstance(kind, str) else "any",
        low=_bound(schema, "minimum"),
        high=_bound(schema, "maximum"),
        whole=kind == "integer",
        optional=not is_required,
    )


def _bound(schema: Mapping[str, Json], key: str) -> float | None:
    value = schema.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
