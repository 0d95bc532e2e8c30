"""Conditions and rules as documents: read with the place of what is wrong, and written back."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from orchestration.errors import BadInput
from orchestration.rules.conditions import OPERATORS, All, Any, Condition, Leaf, Not, Operator
from orchestration.rules.matching import Rule
from orchestration.types import Json

MAX_DEPTH = 20


class BadRule(BadInput, ValueError):
    """A condition or rule that cannot be read; `field` is the path inside it."""


def parse_condition(document: Json, *, path: str = "when", depth: int = 0) -> Condition:
    """Read a condition from its JSON form; raises `BadRule` naming the place."""
    if depth > MAX_DEPTH:
        raise BadRule(f"nested more than {MAX_DEPTH} deep", field=path)
    if not isinstance(document, Mapping) or not document:
        raise BadRule("a condition is a mapping: all, any, not, or a field and a test", field=path)
    if "field" in document:
        return _parse_leaf(document, path)
    if len(document) != 1:
        raise BadRule(f"needs exactly one of all, any, not; has {_keys(document)}", field=path)
    word, inner = next(iter(document.items()))
    if word == "not":
        return Not(parse_condition(inner, path=f"{path}.not", depth=depth + 1))
    if word not in ("all", "any"):
        raise BadRule(f"no condition is called {word!r}: all, any, not, or field", field=path)
    parts = _parse_parts(inner, f"{path}.{word}", depth)
    return All(parts) if word == "all" else Any(parts)


def _parse_parts(document: Json, path: str, depth: int) -> tuple[Condition, ...]:
    if not isinstance(document, list | tuple) or not document:
        raise BadRule("needs a list of at least one condition", field=path)
    return tuple(
        parse_condition(part, path=f"{path}[{index}]", depth=depth + 1)
        for index, part in enumerate(document)
    )


def _parse_leaf(document: Mapping[str, Json], path: str) -> Leaf:
    field = document["field"]
    if not isinstance(field, str) or not field:
        raise BadRule("field must be the name of a field", field=path)
    tests = [key for key in document if key != "field"]
    if len(tests) != 1 or tests[0] not in OPERATORS:
        wanted = ", ".join(OPERATORS)
        raise BadRule(f"{field} needs exactly one of {wanted}; has {tests or 'none'}", field=path)
    operator = tests[0]
    return Leaf(field, operator, _parse_value(document[operator], operator, f"{path}.{operator}"))


def _parse_value(value: Json, operator: Operator, path: str) -> Json:
    if operator not in ("in", "not_in"):
        if isinstance(value, str | int | float):
            return value
        raise BadRule("needs one text, number or boolean", field=path)
    if not isinstance(value, list | tuple) or not value:
        raise BadRule("needs a list of at least one value", field=path)
    if not all(isinstance(each, str | int | float) for each in value):
        raise BadRule("its values must be texts, numbers or booleans", field=path)
    return tuple(value)


def parse_rule(document: Json, *, path: str = "rule", name: str = "") -> Rule:
    """Read one rule; `name` is what it is called where it does not say."""
    if not isinstance(document, Mapping):
        raise BadRule("a rule is a mapping with name, when and to", field=path)
    if extra := set(document) - {"name", "when", "to", "otherwise"}:
        raise BadRule(f"does not know {', '.join(map(repr, sorted(extra, key=str)))}", field=path)
    called = document.get("name", name)
    if not isinstance(called, str) or not called:
        raise BadRule("a rule needs a name", field=path)
    if "otherwise" in document:
        if "when" in document or "to" in document:
            raise BadRule("has otherwise beside when or to; it needs one or the other", field=path)
        return Rule(called, None, _parse_route(document["otherwise"], f"{path}.otherwise"))
    if "when" not in document:
        raise BadRule("needs when and to, or otherwise", field=path)
    condition = parse_condition(document["when"], path=f"{path}.when")
    return Rule(called, condition, _parse_route(document.get("to"), f"{path}.to"))


def _parse_route(document: Json, path: str) -> str:
    if not isinstance(document, str) or not document:
        raise BadRule("needs the name of a route", field=path)
    return document


def parse_rules(document: Json) -> tuple[Rule, ...]:
    """Read a list of rules in their order; raises `BadRule` naming the first bad place."""
    if not isinstance(document, list | tuple) or not document:
        raise BadRule("needs a list of at least one rule", field="rules")
    return tuple(
        rule
        if isinstance(rule, Rule)
        else parse_rule(rule, path=f"rules[{index}]", name=f"rule {index + 1}")
        for index, rule in enumerate(document)
    )


def document_of(condition: Condition) -> dict[str, Json]:
    """Return the condition in its JSON form."""
    match condition:
        case All(conditions):
            return {"all": [document_of(each) for each in conditions]}
        case Any(conditions):
            return {"any": [document_of(each) for each in conditions]}
        case Not(inner):
            return {"not": document_of(inner)}
        case Leaf(field, operator, value):
            return {"field": field, operator: list(value) if isinstance(value, tuple) else value}


def rule_document(rule: Rule) -> dict[str, Json]:
    """Return the rule in its JSON form."""
    if rule.when is None:
        return {"name": rule.name, "otherwise": rule.to}
    return {"name": rule.name, "when": document_of(rule.when), "to": rule.to}


def _keys(document: Mapping[str, Json]) -> str:
    return ", ".join(str(key) for key in document)


def _read_condition(value: Json) -> Condition:
    return value if isinstance(value, All | Any | Not | Leaf) else parse_condition(value)


_VALUE = {"type": ["string", "number", "boolean"]}
_VALUES = {"type": "array", "items": _VALUE, "minItems": 1}
_TESTS = {name: _VALUES if name in ("in", "not_in") else _VALUE for name in OPERATORS}
# One level is spelled out: a form asks for a field and a test, deeper ones are written as text.
_CONDITION_SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "all": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "any": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "not": {"type": "object"},
        "field": {"type": "string"},
        **_TESTS,
    },
    "additionalProperties": False,
}
_RULES_SCHEMA: dict[str, Json] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "when": _CONDITION_SCHEMA,
            "to": {"type": "string"},
            "otherwise": {"type": "string"},
        },
        "required": ["name"],
        "additionalProperties": False,
    },
}

# For a node's `Config`: read from the document, written back as the document has it.
When = Annotated[
    Condition,
    PlainValidator(_read_condition),
    PlainSerializer(document_of),
    WithJsonSchema(_CONDITION_SCHEMA),
]
Rules = Annotated[
    tuple[Rule, ...],
    PlainValidator(parse_rules),
    PlainSerializer(lambda rules: [rule_document(rule) for rule in rules]),
    WithJsonSchema(_RULES_SCHEMA),
]
