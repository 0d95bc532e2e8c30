"""Which messages go which way at the nodes that decide, alone and one after the other."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from orchestration.proofs.axes import axes_for
from orchestration.proofs.boxes import Box, Region, Search, Space, Steps, region_of
from orchestration.rules import All, Any, Condition, Leaf, Not, Rule, fields_of, leaves_of
from orchestration.state import Field
from orchestration.types import Json

# A field and which of its values: 0 is the one it has, others are those it had before.
Value = tuple[str, int]


_Earlier = frozenset[Value]
# So much work is it to look at a choice at all.
STEPS_PER_CHOICE = 5


class Choice(NamedTuple):
    """A rule that took the message, and the values that it and the rules before it looked at."""

    node: str
    rule: int
    looked_at: tuple[Value, ...]


Choices = frozenset[Choice]
NONE: Choices = frozenset()


class Deciders:
    """The nodes that decide, with their rules, and whether choices made at them go together."""

    def __init__(
        self, rules: Mapping[str, Sequence[Rule]], fields: Mapping[str, Field], steps: Steps
    ) -> None:
        self._rules = rules
        self._fields = fields
        self._steps = steps
        self._looked_at = {name: _fields_by_rule(own) for name, own in rules.items()}
        self._spaces: dict[_Earlier, Space] = {}
        self._regions: dict[tuple[_Earlier, Choice], tuple[Region, Sequence[Region]]] = {}
        self._built: dict[tuple[_Earlier, Rule, tuple[tuple[str, str], ...]], Region] = {}
        self._found: dict[Choices, Box | None] = {}

    def __contains__(self, node: str) -> bool:
        return node in self._rules

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def fields_of(self, nodes: Collection[str]) -> frozenset[str]:
        """Return all fields that these nodes decide by."""
        return frozenset().union(*(self._looked_at[n][-1] for n in nodes if n in self._rules))

    def choices_at(self, node: str) -> Iterator[tuple[Rule, Choice]]:
        """Yield each rule of the node with the choice of it, by the values that fields have."""
        for index, rule in enumerate(self._rules[node]):
            looked_at = tuple((name, 0) for name in sorted(self._looked_at[node][index]))
            yield rule, Choice(node, index, looked_at)

    def go_together(self, choices: Choices) -> bool:
        """Tell whether some message makes all of these choices; raises `OutOfSteps`."""
        return self._find(choices) is not None

    def sample(self, choices: Collection[Choice]) -> dict[Value, Json]:
        """Return values with which all of these choices are made; empty where there are none."""
        choices = frozenset(choices)
        box = self._find(choices)
        if box is None:
            return {}
        values = self._space(_earlier(choices)).sample(box)
        looked_at = sorted({value for choice in choices for value in choice.looked_at})
        return {value: values[_axis(value)] for value in looked_at if _axis(value) in values}

    def overlap(self, choices: Choices, first: Choice, later: int) -> dict[str, Json]:
        """Return fields that a rule takes and a later one of its node would, given the choices.

        Empty where there is no such message. Raises `OutOfSteps`.
        """
        together, rule = choices | {first}, self._rules[first.node][later]
        names = {name for name, _ in first.looked_at} | fields_of(rule.when)
        earlier = _earlier(together)
        would = self._region(earlier, rule, {name: name for name in names})
        box = self._search(together, [would])
        values = {} if box is None else self._space(earlier).sample(box)
        return {name: values[name] for name in sorted(names) if name in values}

    def _find(self, choices: Choices) -> Box | None:
        if choices not in self._found:
            self._found[choices] = self._search(choices, [])
        return self._found[choices]

    def _search(self, choices: Choices, also: Sequence[Region]) -> Box | None:
        self._steps.take(STEPS_PER_CHOICE * len(choices))
        earlier = _earlier(choices)
        pairs = [self._regions_of(earlier, choice) for choice in choices]
        within = [*(taking for taking, _ in pairs), *also]
        without = dict(enumerate(chain.from_iterable(before for _, before in pairs)))
        return Search(self._space(earlier), self._steps).find(within, without)

    def _space(self, earlier: _Earlier) -> Space:
        """Return the space in which each earlier value is a field of its own."""
        if earlier not in self._spaces:
            rules = (rule for own in self._rules.values() for rule in own)
            leaves = [leaf for rule in rules for leaf in leaves_of(rule.when)]
            fields, again = dict(self._fields), []
            for value in sorted(earlier):
                fields[_axis(value)] = self._fields[value[0]]
                again += [replace(x, field=_axis(value)) for x in leaves if x.field == value[0]]
            self._spaces[earlier] = Space(axes_for([*leaves, *again], fields))
        return self._spaces[earlier]

    def _regions_of(self, earlier: _Earlier, choice: Choice) -> tuple[Region, Sequence[Region]]:
        """Return the messages that the rule would take, and those that the ones before it would."""
        if (earlier, choice) not in self._regions:
            names = {value[0]: _axis(value) for value in choice.looked_at}
            rules = self._rules[choice.node][: choice.rule + 1]
            regions = [self._region(earlier, rule, names) for rule in rules]
            self._regions[earlier, choice] = (regions[-1], regions[:-1])
        return self._regions[earlier, choice]

    def _region(self, earlier: _Earlier, rule: Rule, names: Mapping[str, str]) -> Region:
        own = {name: names[name] for name in fields_of(rule.when)}
        key = (earlier, rule, tuple(sorted(own.items())))
        if key not in self._built:
            said = None if rule.when is None else _renamed(rule.when, own)
            self._built[key] = region_of(self._space(earlier), said, self._steps)
        return self._built[key]


def written_again(choices: Choices, names: Collection[str]) -> Choices:
    """Return the choices when these fields have been given other values."""
    if not any(name in names for choice in choices for name, _ in choice.looked_at):
        return choices
    newest: Counter[str] = Counter()
    for name, version in (value for choice in choices for value in choice.looked_at):
        newest[name] = max(newest[name], version)

    def aged(value: Value) -> Value:
        name, version = value
        return (name, newest[name] + 1) if version == 0 and name in names else value

    return frozenset(
        choice._replace(looked_at=tuple(map(aged, choice.looked_at))) for choice in choices
    )


def still_telling(choices: Choices, fields: Collection[str]) -> Choices:
    """Return the choices that still say something about these fields, each said once."""
    told = {(name, 0) for name in fields}
    kept: set[Choice] = set()
    while more := {c for c in choices - kept if not told.isdisjoint(c.looked_at)}:
        kept |= more
        told |= {value for choice in more for value in choice.looked_at}
    return _numbered_anew(kept)


def _numbered_anew(choices: Collection[Choice]) -> Choices:
    """Return the choices with earlier values counted from 1, and what is said twice said once.

    A loop makes the same choices again by other values; of each way to make them, one tells all.
    """
    if not any(version for choice in choices for _, version in choice.looked_at):
        return frozenset(choices)
    said = {_said(group) for group in _groups(choices)}
    counted: Counter[str] = Counter()
    anew: set[Choice] = set()
    for group in sorted(said):
        before = Counter(counted)
        for choice in group:
            looked_at = tuple((n, v and before[n] + v) for n, v in choice.looked_at)
            anew.add(choice._replace(looked_at=looked_at))
            for name, version in looked_at:
                counted[name] = max(counted[name], version)
    return frozenset(anew)


def _groups(choices: Collection[Choice]) -> list[list[Choice]]:
    """Return the choices in groups, of which each has its earlier values to itself."""
    groups: list[list[Choice]] = []
    for choice in sorted(choices):
        own = {value for value in choice.looked_at if value[1]}
        linked = [g for g in groups if any(own.intersection(each.looked_at) for each in g)]
        groups = [group for group in groups if group not in linked]
        groups.append([choice, *(each for group in linked for each in group)])
    return groups


def _said(group: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return what a group says, whatever its earlier values are numbered."""
    values = sorted({value for choice in group for value in choice.looked_at if value[1]})
    ranks: dict[Value, int] = {}
    for name, version in values:
        ranks[name, version] = 1 + sum(known == name for known, _ in ranks)
    return tuple(
        sorted(
            choice._replace(looked_at=tuple((v[0], ranks.get(v, 0)) for v in choice.looked_at))
            for choice in group
        )
    )


def _earlier(choices: Choices) -> _Earlier:
    return frozenset(value for choice in choices for value in choice.looked_at if value[1])


def _axis(value: Value) -> str:
    name, version = value
    return f"{name}#{version}" if version else name


def _renamed(condition: Condition, names: Mapping[str, str]) -> Condition:
    match condition:
        case All(conditions):
            return All(tuple(_renamed(each, names) for each in conditions))
        case Any(conditions):
            return Any(tuple(_renamed(each, names) for each in conditions))
        case Not(inner):
            return Not(_renamed(inner, names))
        case Leaf(field):
            return replace(condition, field=names[field])


def _fields_by_rule(rules: Sequence[Rule]) -> list[frozenset[str]]:
    """Return for each rule the fields that are looked at until it takes a message."""
    found: list[frozenset[str]] = []
    for rule in rules:
        found.append((found[-1] if found else frozenset()) | fields_of(rule.when))
    return found
