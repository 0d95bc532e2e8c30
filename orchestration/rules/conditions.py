"""Conditions over the state: what they are made of, and whether they hold.

A field that is absent from the state, or null, has no value: `is`, `in`, `at_least`, `at_most` and
`contains` are false for it. `is_not` and `not_in` are exactly the opposites of `is` and `in`, so
they are true. `risk is_not none` therefore holds where nothing is known about the risk, and no
message counts as harmless for want of a value. Values are compared with their type: `true` is not
1, and "1" is not 1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from orchestration.types import Json

Operator = Literal["is", "is_not", "in", "not_in", "at_least", "at_most", "contains"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)


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
