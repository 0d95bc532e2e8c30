"""Which messages go which way at the nodes that decide, alone and one after the other."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from orchestration.proofs.axes import axes_for
from orchestration.proofs.boxes import Box, Region, Search, Space, Steps, region_of
from orchestration.rules import All, Any, Condition, Leaf, Not, Rule, fields_of, leaves_of
from orchestration.state import Field
from orchestration.types import Json

# A field and which of its values: 0 is the one it has, others are those it had before.
Value = tuple[str, int]


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
        self._spaces: dict[frozenset[Value], Space] = {}
        self._regions: dict[tuple[frozenset[Value], str, int, tuple[Value, ...]], Region] = {}
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
        values = self._space(choices).sample(box)
        looked_at = sorted({value for choice in choices for value in choice.looked_at})
        return {value: values[_axis(value)] for value in looked_at if _axis(value) in values}

    def _find(self, choices: Choices) -> Box | None:
        if choices not in self._found:
            within = [self._region(choices, each, each.rule) for each in choices]
            before = [
                self._region(choices, each, index) for each in choices for index in range(each.rule)
            ]
            search = Search(self._space(choices), self._steps)
            self._found[choices] = search.find(within, dict(enumerate(before)))
        return self._found[choices]

    def _space(self, choices: Choices) -> Space:
        """Return the space in which each earlier value is a field of its own."""
        earlier = _earlier(choices)
        if earlier not in self._spaces:
            rules = (rule for own in self._rules.values() for rule in own)
            leaves = [leaf for rule in rules for leaf in leaves_of(rule.when)]
            fields, again = dict(self._fields), []
            for value in sorted(earlier):
                fields[_axis(value)] = self._fields[value[0]]
                again += [replace(x, field=_axis(value)) for x in leaves if x.field == value[0]]
            self._spaces[earlier] = Space(axes_for([*leaves, *again], fields))
        return self._spaces[earlier]

    def _region(self, choices: Choices, choice: Choice, index: int) -> Region:
        before = tuple(value for value in choice.looked_at if value[1])
        key = (_earlier(choices), choice.node, index, before)
        if key not in self._regions:
            names = {value[0]: _axis(value) for value in choice.looked_at}
            when = self._rules[choice.node][index].when
            said = None if when is None else _renamed(when, names)
            self._regions[key] = region_of(self._space(choices), said, self._steps)
        return self._regions[key]


def written_again(choices: Choices, names: Collection[str]) -> Choices:
    """Return the choices when these fields have been given other values."""
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
    shared = Counter(value for choice in choices for value in choice.looked_at)
    numbers: dict[Value, int] = {}
    told: set[tuple[Json, ...]] = set()
    anew: set[Choice] = set()
    for choice in sorted(choices):
        # What only differs in earlier values that nothing else looked at says the same.
        own = tuple((n, v if v == 0 or shared[n, v] > 1 else -1) for n, v in choice.looked_at)
        if (choice.node, choice.rule, own) in told:
            continue
        told.add((choice.node, choice.rule, own))
        looked_at = []
        for name, version in choice.looked_at:
            if version and (name, version) not in numbers:
                numbers[name, version] = 1 + sum(known == name for known, _ in numbers)
            looked_at.append((name, numbers[name, version] if version else 0))
        anew.add(choice._replace(looked_at=tuple(looked_at)))
    return frozenset(anew)


def _earlier(choices: Choices) -> frozenset[Value]:
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
