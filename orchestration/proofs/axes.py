"""Splits fields into cells, within which no comparison of a rule set changes its answer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import chain, pairwise

from orchestration.proofs.boxes import Axis, OutOfSteps
from orchestration.rules import Leaf, matches
from orchestration.state import Field
from orchestration.types import Json

# Texts looked for within one text field: any set of them may occur together.
MAX_PARTS = 10
# Characters that stand between parts: the first that no comparison names.
_SEPARATORS = (" ", "·", "|", *map(chr, range(0xE000, 0xF8FF)))
# Beyond it a fraction may not fit a float.
_LARGE = 10**300


def axes_for(leaves: Iterable[Leaf], fields: Mapping[str, Field]) -> list[Axis]:
    """Return the axes these comparisons look at; raises `OutOfSteps` where cells are too many."""
    by_field: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        by_field.setdefault(leaf.field, []).append(leaf)
    axes: list[Axis] = []
    for name, own in by_field.items():
        if fields[name].type == "list":
            items = dict.fromkeys(leaf.value for leaf in own)
            axes += [Axis(field=name, cells=([], [item]), item=item) for item in items]
        else:
            axes.append(Axis(field=name, cells=_distinct(_values(fields[name], own), own)))
    return axes


def _distinct(values: Iterable[Json], leaves: Sequence[Leaf]) -> tuple[Json, ...]:
    """Keep one value for each way in which the comparisons may answer."""
    kept: dict[tuple[bool, ...], Json] = {}
    for value in values:
        answers = tuple(matches(leaf, {leaf.field: value}) for leaf in leaves)
        kept.setdefault(answers, value)
    return tuple(kept.values())


def _values(field: Field, leaves: Sequence[Leaf]) -> list[Json]:
    values: list[Json] = []
    if field.type == "choice":
        values += field.choices
    if field.type in ("boolean", "any"):
        values += (False, True)
    if field.type in ("number", "any"):
        values += _numbers(field, leaves)
    if field.type in ("text", "any"):
        values += _texts(leaves)
    if field.type == "any":
        values += _lists(leaves)
    if field.optional or field.type == "any" or not values:
        values.append(None)
    return values


def _constants(leaves: Iterable[Leaf]) -> list[Json]:
    values = (leaf.value for leaf in leaves)
    return [v for value in values for v in (value if isinstance(value, tuple) else (value,))]


def _numbers(field: Field, leaves: Sequence[Leaf]) -> list[float]:
    """Return each constant, and a number from each gap between them and beyond them."""
    constants = {
        value
        for value in _constants(leaves)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    points = sorted(constants | {end for end in (field.low, field.high) if end is not None} or {0})
    found = [*points, math.floor(points[0]) - 1, math.ceil(points[-1]) + 1]
    for left, right in pairwise(points):
        found += _between(left, right, field.whole)
    return sorted(number for number in found if _is_possible(field, number))


def _between(left: float, right: float, whole: bool) -> list[float]:
    if whole:
        inner = [int(left // 1) + 1, int(-(-right // 1)) - 1]
        return [number for number in inner if left < number < right]
    middle = (Fraction(left) + Fraction(right)) / 2
    near = float(middle) if abs(middle) < _LARGE else int(middle)
    return [n for n in (round(near, 2), round(near, 6), near) if left < n < right][:1]


def _is_possible(field: Field, number: float) -> bool:
    if field.whole and number != int(number):
        return False
    is_too_low = field.low is not None and number < field.low
    is_too_high = field.high is not None and number > field.high
    return not is_too_low and not is_too_high


def _texts(leaves: Sequence[Leaf]) -> list[str]:
    """Return each constant, and texts that hold every set of the parts that can occur together."""
    constants = [value for value in _constants(leaves) if isinstance(value, str)]
    parts = [leaf.value for leaf in leaves if leaf.operator == "contains"]
    parts = list(dict.fromkeys(part for part in parts if isinstance(part, str)))
    if len(parts) > MAX_PARTS:
        raise OutOfSteps
    named = set(chain.from_iterable(constants))
    between = next(mark for mark in _SEPARATORS if mark not in named)
    held = [""]
    for part in parts:
        held += [f"{text}{between}{part}" for text in held]
    return [*dict.fromkeys(constants), *(f"{text}{between}" for text in held)]


def _lists(leaves: Sequence[Leaf]) -> list[list[Json]]:
    items = [leaf.value for leaf in leaves if leaf.operator == "contains"]
    if len(items) > MAX_PARTS:
        raise OutOfSteps
    held: list[list[Json]] = [[]]
    for item in items:
        held += [[*each, item] for each in held]
    return held
