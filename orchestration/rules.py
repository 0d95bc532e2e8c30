"""Conditions over the state, and rules: the first that matches names the route.

A field that is absent from the state, or null, has no value: `is`, `in`, `at_least`, `at_most` and
`contains` are false for it. `is_not` and `not_in` are exactly the opposites of `is` and `in`, so
they are true. `risk is_not none` therefore holds where nothing is known about the risk, and no
message counts as harmless for want of a value. Values are compared with their type: `true` is not
1, and "1" is not 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from orchestration.errors import BadInput, NotFound
from orchestration.types import Json

Operator = Literal["is", "is_not", "in", "not_in", "at_least", "at_most", "contains"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
MAX_DEPTH = 20

_NEEDS: Mapping[Operator, str] = {
    "is": "needs",
    "is_not": "must not be",
    "in": "needs one of",
    "not_in": "must be none of",
    "at_least": "needs at least",
    "at_most": "needs at most",
    "contains": "needs to contain",
}
# The words for a test that holds and, under a `not`, should fail.
_MUST_NOT: Mapping[Operator, str] = {
    "is": "must not be",
    "is_not": "needs",
    "in": "must be none of",
    "not_in": "needs one of",
    "at_least": "must be below",
    "at_most": "must be above",
    "contains": "must not contain",
}


class BadRule(BadInput, ValueError):
    """A condition or rule that cannot be read; `field` is the path inside it."""


@dataclass(frozen=True)
class All:
    """Holds where every one of its conditions does."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Any:
    """Holds where at least one of its conditions does."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Not:
    """Holds where its condition does not."""

    condition: "Condition"


@dataclass(frozen=True)
class Leaf:
    """One comparison; `value` is a tuple for `in` and `not_in`."""

    field: str
    operator: Operator
    value: Json


Condition = All | Any | Not | Leaf


@dataclass(frozen=True)
class Rule:
    """A condition and the route it names; without a condition it takes every message."""

    name: str
    when: Condition | None
    to: str


@dataclass(frozen=True)
class Tried:
    """A rule that did not match, and why."""

    rule: str
    failed_on: str


@dataclass(frozen=True)
class Match:
    """The rule that took a message, and those tried before it."""

    rule: str
    route: str
    tried: tuple[Tried, ...]


def matches(condition: Condition | None, state: Mapping[str, Json]) -> bool:
    """Tell whether the condition holds in the state; None always does."""
    match condition:
        case None:
            return True
        case All(conditions):
            return all(matches(each, state) for each in conditions)
        case Any(conditions):
            return any(matches(each, state) for each in conditions)
        case Not(inner):
            return not matches(inner, state)
        case Leaf():
            return _holds(condition, state.get(condition.field))


def first_match(rules: Sequence[Rule], state: Mapping[str, Json]) -> Match:
    """Return the first rule that takes the state; raises `NotFound` where none does."""
    tried: list[Tried] = []
    for rule in rules:
        if matches(rule.when, state):
            return Match(rule.name, rule.to, tuple(tried))
        tried.append(Tried(rule.name, failed_on(rule.when, state)))
    raise NotFound(f"none of {len(rules)} rules takes the message, and none has otherwise")


def failed_on(condition: Condition | None, state: Mapping[str, Json]) -> str:
    """Say in plain words what keeps the condition from holding; empty where it holds."""
    return _reason(condition, state, wanted=True)


def fields_of(condition: Condition | None) -> frozenset[str]:
    """Return the names of the fields that the condition looks at."""
    return frozenset(leaf.field for leaf in leaves_of(condition))


def leaves_of(condition: Condition | None) -> Iterator[Leaf]:
    """Yield every comparison in the condition, in the order it is written."""
    match condition:
        case All(conditions) | Any(conditions):
            for each in conditions:
                yield from leaves_of(each)
        case Not(inner):
            yield from leaves_of(inner)
        case Leaf():
            yield condition


def is_same(left: Json, right: Json) -> bool:
    """Compare two values with their type; whole and fractional numbers are one type."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _holds(leaf: Leaf, actual: Json) -> bool:
    match leaf.operator:
        case "is":
            return actual is not None and is_same(actual, leaf.value)
        case "is_not":
            return actual is None or not is_same(actual, leaf.value)
        case "in":
            return actual is not None and any(is_same(actual, each) for each in leaf.value)
        case "not_in":
            return actual is None or not any(is_same(actual, each) for each in leaf.value)
        case "contains":
            return _contains(actual, leaf.value)
        case "at_least" | "at_most":
            return _is_within(leaf, actual)


def _is_within(leaf: Leaf, actual: Json) -> bool:
    if not _is_number(actual) or not _is_number(leaf.value):
        return False
    return bool(actual >= leaf.value if leaf.operator == "at_least" else actual <= leaf.value)


def _contains(actual: Json, value: Json) -> bool:
    if isinstance(actual, str):
        return isinstance(value, str) and value in actual
    return isinstance(actual, list | tuple) and any(is_same(each, value) for each in actual)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reason(condition: Condition | None, state: Mapping[str, Json], *, wanted: bool) -> str:
    if matches(condition, state) == wanted:
        return ""
    match condition:
        case None:
            return ""
        case Not(inner):
            return _reason(inner, state, wanted=not wanted)
        case All(conditions) | Any(conditions):
            reasons = (_reason(each, state, wanted=wanted) for each in conditions)
            return "; ".join(dict.fromkeys(reason for reason in reasons if reason))
        case Leaf(field, operator, value):
            needs = _NEEDS[operator] if wanted else _MUST_NOT[operator]
            return f"{field} is {_words(state.get(field))}, {needs} {_words(value)}"


def _words(value: Json) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " or ".join(_words(each) for each in value) or "nothing"
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value) or "empty"
    return str(value)


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
