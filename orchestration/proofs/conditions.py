"""Conditions name fields that exist, and compare them with values they can have."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from orchestration.proofs.fields import fields_in_templates
from orchestration.proofs.reads import is_written
from orchestration.rules import Leaf, leaves_of
from orchestration.state import Field
from orchestration.types import Json
from orchestration.workflow import NodeSpec, Problem, condition_of, rules_of

_EQUALITY = frozenset({"is", "is_not", "in", "not_in"})
_OPERATORS: Mapping[str, frozenset[str]] = {
    "choice": _EQUALITY,
    "boolean": _EQUALITY,
    "text": _EQUALITY | {"contains"},
    "number": _EQUALITY | {"at_least", "at_most"},
    "list": frozenset({"contains"}),
    "any": _EQUALITY | {"contains", "at_least", "at_most"},
}


def condition_problems(spec: NodeSpec, fields: Mapping[str, Field]) -> Iterator[Problem]:
    """Yield what is wrong with the comparisons in a node's rules or condition."""
    for rule, leaf in _leaves(spec):
        found = leaf_problem(leaf, fields)
        if found is not None:
            code, message = found
            example = {"fields": {leaf.field: _possible_value(fields.get(leaf.field))}}
            yield Problem(
                code=code, node=spec.name, rule=rule, message=message, counter_example=example
            )


def template_problems(
    spec: NodeSpec, fields: Mapping[str, Field], written: frozenset[str]
) -> Iterator[Problem]:
    """Yield the fields in a node's templates that nothing ever writes."""
    known = written.union(fields)
    for name in sorted(fields_in_templates(spec)):
        if not is_written(name, known):
            message = _unknown(name, known)
            example = {"fields": {name: None}}
            yield Problem(
                code="unknown_field", node=spec.name, message=message, counter_example=example
            )


def leaf_problem(leaf: Leaf, fields: Mapping[str, Field]) -> tuple[str, str] | None:
    """Return the code and the words for what is wrong with a comparison; None where nothing is."""
    field = fields.get(leaf.field)
    if field is None:
        return "unknown_field", _unknown(leaf.field, fields)
    if leaf.operator not in _OPERATORS[field.type]:
        return (
            "wrong_type",
            f"{leaf.field} is {_described(field)}, and {leaf.operator} {_advice(field)}",
        )
    for value in _values(leaf):
        if found := _value_problem(field, leaf, value):
            return found
    return None


def _leaves(spec: NodeSpec) -> Iterator[tuple[str | None, Leaf]]:
    for rule in rules_of(spec):
        for leaf in leaves_of(rule.when):
            yield rule.name, leaf
    for leaf in leaves_of(condition_of(spec)):
        yield None, leaf


def _unknown(name: str, known: Mapping[str, Field] | frozenset[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; {near[0]} is near" if near else ""
    return f"no field is called {name!r}{hint}"


def _values(leaf: Leaf) -> tuple[Json, ...]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _value_problem(field: Field, leaf: Leaf, value: Json) -> tuple[str, str] | None:
    if not _is_of_type(field, leaf, value):
        return "wrong_type", f"{field.name} is {_described(field)}, and {value!r} is not"
    if field.type == "choice" and value not in field.choices:
        near = get_close_matches(str(value), field.choices, n=1)
        hint = f"; {near[0]} is near" if near else ""
        return "unknown_value", f"{field.name} is never {value!r}: it is {_described(field)}{hint}"
    if field.type == "number" and not _is_within(field, leaf, value):
        return "unknown_value", f"{field.name} is never {value}: it is {_described(field)}"
    return None


def _is_of_type(field: Field, leaf: Leaf, value: Json) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if field.type == "number" or leaf.operator in ("at_least", "at_most"):
        return is_number
    if field.type == "boolean":
        return isinstance(value, bool)
    return field.type == "any" or isinstance(value, str)


def _is_within(field: Field, leaf: Leaf, value: float) -> bool:
    if field.whole and leaf.operator in _EQUALITY and value != int(value):
        return False
    is_too_low = field.low is not None and value < field.low
    is_too_high = field.high is not None and value > field.high
    return not is_too_low and not is_too_high


def _described(field: Field) -> str:
    match field.type:
        case "choice":
            return (
                f"one of {', '.join(field.choices[:12])}{', …' if len(field.choices) > 12 else ''}"
            )
        case "number":
            return _bounds(field)
        case "boolean":
            return "true or false"
        case "list":
            return "a list of texts"
    return "a text" if field.type == "text" else "any value"


def _bounds(field: Field) -> str:
    kind = "a whole number" if field.whole else "a number"
    if field.low is not None and field.high is not None:
        return f"{kind} from {field.low:g} to {field.high:g}"
    if field.low is not None:
        return f"{kind} of at least {field.low:g}"
    return kind if field.high is None else f"{kind} of at most {field.high:g}"


def _advice(field: Field) -> str:
    if field.type == "list":
        return "does not work on lists; use contains"
    if field.type == "text":
        return "is for numbers; use is, in or contains"
    if field.type == "number":
        return "is for texts and lists; use is, at_least or at_most"
    return "does not work on it; use is or in"


def _possible_value(field: Field | None) -> Json:
    if field is None:
        return None
    match field.type:
        case "choice":
            return field.choices[0] if field.choices else None
        case "number":
            return field.low if field.low is not None else field.high
        case "boolean":
            return True
        case "list":
            return []
    return ""
