"""Sets of messages as unions of boxes, and the search for a message that none of them holds.

Each field is an axis that is split into cells: within one cell no condition of the rule set changes
its answer. A box allows some cells on each axis; it is one integer with a bit for each cell and,
behind every axis, a guard bit that is always 0. Adding `fill` carries into the guard of each axis
that still has a cell, so that one addition tells which axes are empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from operator import or_

from orchestration.rules import All, Any, Condition, Leaf, Not, matches
from orchestration.types import Json

Box = int
MAX_BOXES = 256
STEPS_PER_REGION = 40_000
# With more boxes to choose from, it is cheaper to say which messages are left out.
MAX_CHOICES = 8

# Boxes of which one must hold the message, and the key of the region that demands it.
_Choice = tuple[int | None, tuple[Box, ...]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A field split into cells, each with a value that stands for all in it.

    A list has an axis for each text that is looked for in it: `item` is that text.
    """

    field: str
    cells: tuple[Json, ...]
    item: Json = None

    def fits(self, leaf: Leaf) -> bool:
        """Tell whether the comparison looks at this axis."""
        return leaf.field == self.field and self.item in (None, leaf.value)


class OutOfSteps(Exception):
    """The search has taken more steps than it was given."""


class Steps:
    """How much work is left, counted in looks at a box so that it is the same on every machine."""

    def __init__(self, total: int) -> None:
        self.left = total

    def take(self, count: int) -> None:
        """Use some of what is left; raises `OutOfSteps`."""
        self.left -= count
        if self.left < 0:
            raise OutOfSteps


class Space:
    """All messages, as far as the rules can tell them apart."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes = axes
        self.full: Box = 0
        self.guards = 0
        self._offsets: list[int] = []
        self._masks: dict[tuple[str, str, str], Box] = {}
        offset = 0
        for axis in axes:
            self._offsets.append(offset)
            self.full |= ((1 << len(axis.cells)) - 1) << offset
            offset += len(axis.cells) + 1
            self.guards |= 1 << (offset - 1)

    def holds_any(self, box: Box) -> bool:
        """Tell whether the box has a cell left on every axis."""
        return (box + self.full) & self.guards == self.guards

    def axes_in(self, cells: Box) -> int:
        """Count the axes on which there is a cell."""
        return ((cells + self.full) & self.guards).bit_count()

    def leaf_box(self, leaf: Leaf) -> Box:
        """Return the box in which the comparison holds."""
        # `true` and 1 are equal in Python, and their comparisons are not.
        key = (leaf.field, leaf.operator, repr(leaf.value))
        if key not in self._masks:
            index = next(i for i, axis in enumerate(self.axes) if axis.fits(leaf))
            allowed = 0
            for position, value in enumerate(self.axes[index].cells):
                allowed |= matches(leaf, {leaf.field: value}) << position
            self._masks[key] = self._with_axis(self.full, index, allowed)
        return self._masks[key]

    def opposite(self, box: Box) -> Box:
        """Return what a box that limits at most one axis leaves out, as a box."""
        index = self.limited_axis(box)
        if index is None:
            return 0
        width = len(self.axes[index].cells)
        allowed = ~(box >> self._offsets[index]) & ((1 << width) - 1)
        return self._with_axis(self.full, index, allowed)

    def limited_axis(self, box: Box) -> int | None:
        """Return the first axis on which the box leaves out a cell."""
        for index in range(len(self.axes)):
            axis = self._axis_mask(index)
            if box & axis != axis:
                return index
        return None

    def limited_fields(self, box: Box) -> set[str]:
        """Return the fields of all axes on which the box leaves out a cell."""
        masks = ((axis, self._axis_mask(index)) for index, axis in enumerate(self.axes))
        return {axis.field for axis, mask in masks if box & mask != mask}

    def widened(self, box: Box, index: int) -> Box:
        """Return the box with all cells of an axis."""
        return box | self._axis_mask(index)

    def minus(self, box: Box, hole: Box) -> list[Box]:
        """Return what is left of the box outside of the hole, as boxes that do not overlap."""
        pieces = []
        for index in range(len(self.axes)):
            axis = self._axis_mask(index)
            outside = box & ~hole & axis
            if outside:
                pieces.append((box & ~axis) | outside)
                box = (box & ~axis) | (box & hole & axis)
        return pieces

    def sample(self, box: Box) -> dict[str, Json]:
        """Return the fields of one message in the box."""
        fields: dict[str, Json] = {}
        for axis, offset in zip(self.axes, self._offsets, strict=True):
            cells = (box >> offset) & ((1 << len(axis.cells)) - 1)
            value = axis.cells[(cells & -cells).bit_length() - 1]
            fields[axis.field] = (
                fields.get(axis.field, []) + value if axis.item is not None else value
            )
        return fields

    def _axis_mask(self, index: int) -> Box:
        return ((1 << len(self.axes[index].cells)) - 1) << self._offsets[index]

    def _with_axis(self, box: Box, index: int, allowed: int) -> Box:
        return (box & ~self._axis_mask(index)) | (allowed << self._offsets[index])


@dataclass(frozen=True)
class Region:
    """The messages a condition takes: boxes it is made of, or those that its opposite is made of.

    Either is None where it would be too many. No message outside of `bounds` is taken.
    """

    inside: tuple[Box, ...] | None
    outside: tuple[Box, ...] | None
    bounds: Box

    @property
    def is_exactly_bounded(self) -> bool:
        """Whether each cell within the bounds is that of some message taken."""
        return self.inside is not None


def region_of(space: Space, condition: Condition | None, steps: Steps) -> Region:
    """Return the messages that the condition takes; None takes all."""
    if condition is None:
        return Region((space.full,), (), space.full)
    inside = _Builder(space, steps).boxes(condition, wanted=True)
    outside = _Builder(space, steps).boxes(condition, wanted=False)
    bounds = reduce(or_, inside, 0) if inside is not None else space.full
    return Region(inside, outside, bounds)


class _Builder:
    """Multiplies a condition out into boxes, within limits."""

    def __init__(self, space: Space, steps: Steps) -> None:
        self._space = space
        self._all_steps = steps
        self._steps = Steps(min(steps.left, STEPS_PER_REGION))

    def boxes(self, condition: Condition, *, wanted: bool) -> tuple[Box, ...] | None:
        """Return the boxes in which the condition holds, or does not; None where too many."""
        given = self._steps.left
        try:
            return tuple(self._boxes(condition, wanted))
        except OutOfSteps:
            return None
        finally:
            self._all_steps.left -= given - max(self._steps.left, 0)

    def _boxes(self, condition: Condition, wanted: bool) -> list[Box]:
        match condition:
            case Leaf():
                box = self._space.leaf_box(condition)
                box = box if wanted else self._space.opposite(box)
                return [box] if self._space.holds_any(box) else []
            case Not(inner):
                return self._boxes(inner, not wanted)
            case All(conditions) | Any(conditions):
                parts = [self._boxes(each, wanted) for each in conditions]
                is_product = isinstance(condition, All) == wanted
                return self._product(parts) if is_product else self._union(chain(*parts))

    def _product(self, parts: Sequence[list[Box]]) -> list[Box]:
        product = [self._space.full]
        for part in sorted(parts, key=len):
            both = (one & other for one in product for other in part)
            product = self._union(box for box in both if self._space.holds_any(box))
        return product

    def _union(self, boxes: Iterable[Box]) -> list[Box]:
        """Gather boxes, leaving out those inside another; melt those that differ on one axis."""
        union: list[Box] = []
        for box in boxes:
            self._add(union, box)
            if len(union) > MAX_BOXES:
                raise OutOfSteps
        return union

    def _add(self, boxes: list[Box], box: Box) -> None:
        index = 0
        while index < len(boxes):
            self._steps.take(1)
            other = boxes[index]
            if box & ~other == 0:
                return
            if other & ~box == 0 or self._space.axes_in(box ^ other) == 1:
                # What has grown may now melt with one that was passed before.
                box |= boxes.pop(index)
                index = 0
            else:
                index += 1
        boxes.append(box)


class Search:
    """Looks for a message that is in some regions and not in others."""

    def __init__(self, space: Space, steps: Steps) -> None:
        self._space = space
        self._steps = steps
        self.blamed: set[int] = set()

    def find(self, within: Sequence[Region], without: Mapping[int, Region]) -> Box | None:
        """Return a box of messages in all of `within` and none of `without`; None if there is none.

        Raises `OutOfSteps`. Afterwards `blamed` holds keys of `without` that together leave none.
        """
        choices: list[_Choice] = []
        holes: dict[Box, int | None] = {}
        for region in within:
            _constrain(region.inside, region.outside, None, choices, holes)
        for key, region in without.items():
            _constrain(region.outside, region.inside, key, choices, holes)
        self.blamed = set()
        whole = self._space.full
        for owner, options in choices:
            if len(options) == 1 and whole & ~options[0]:
                whole &= options[0]
                self._blame(owner)
        open_choices = [each for each in choices if len(each[1]) != 1]
        open_choices.sort(key=lambda each: len(each[1]))
        return self._choose(whole, open_choices, holes) if self._space.holds_any(whole) else None

    def _choose(
        self, box: Box, choices: Sequence[_Choice], holes: Mapping[Box, int | None]
    ) -> Box | None:
        witness = self._uncovered(box, holes)
        if witness is None or not choices:
            return witness
        key, options = choices[0]
        self._blame(key)
        self._steps.take(len(options) + 1)
        # Where the message found so far fits an option, that is most likely the one.
        for option in sorted(options, key=lambda each: not self._space.holds_any(witness & each)):
            narrowed = box & option
            if self._space.holds_any(narrowed):
                found = self._choose(narrowed, choices[1:], holes)
                if found is not None:
                    return found
        return None

    def _blame(self, key: int | None) -> None:
        if key is not None:
            self.blamed.add(key)

    def _uncovered(self, whole: Box, holes: Mapping[Box, int | None]) -> Box | None:
        """Return a part of the box that is in none of the holes."""
        full, guards = self._space.full, self._space.guards
        waiting = [(whole, list(holes))]
        while waiting:
            box, far = waiting.pop()
            self._steps.take(len(far) + 1)
            near = [hole for hole in far if ((box & hole) + full) & guards == guards]
            if not near:
                return box
            # The hole that leaves the fewest pieces: with none the box is done, one is no choice.
            hole = min(near, key=lambda each: (((box & ~each) + full) & guards).bit_count())
            self._blame(holes[hole])
            waiting += [(piece, near) for piece in self._space.minus(box, hole)]
        return None


def _constrain(
    choices_of: tuple[Box, ...] | None,
    holes_of: tuple[Box, ...] | None,
    key: int | None,
    choices: list[_Choice],
    holes: dict[Box, int | None],
) -> None:
    """Demand one of `choices_of`, or the same thing said as none of `holes_of`."""
    if choices_of is None and holes_of is None:
        raise OutOfSteps
    limit = MAX_CHOICES if key is None else 1
    if choices_of is not None:
        is_cheap = len(choices_of) <= limit
        if holes_of is None or (is_cheap and len(choices_of) < len(holes_of)):
            choices.append((key, choices_of))
            return
    for hole in holes_of or ():
        holes.setdefault(hole, key)
