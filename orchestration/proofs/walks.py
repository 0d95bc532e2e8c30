"""The walks that messages can really take: step by step, with visits counted and choices kept."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

from orchestration.proofs.boxes import OutOfSteps
from orchestration.proofs.choices import (
    NONE,
    Choice,
    Choices,
    Deciders,
    still_telling,
    written_again,
)
from orchestration.proofs.graph import Graph
from orchestration.types import Json
from orchestration.workflow import COMMON_EXITS

MAX_PLACES = 20_000


class Place(NamedTuple):
    """A node that a walk has come to, with what decides how it may go on."""

    node: str
    has_failed: bool
    visits: tuple[tuple[str, int], ...]
    choices: Choices


class Move(NamedTuple):
    """A step from one place to the next, with the rule that took the message there."""

    source: Place
    exit: str
    choice: Choice | None
    target: Place


Walk = Sequence[Move]


class Walks:
    """All walks through a workflow; where they are too many, `is_complete` is False.

    A walk through a fork takes one of its branches.
    """

    def __init__(self, graph: Graph, deciders: Deciders, *, most: int = MAX_PLACES) -> None:
        self._graph = graph
        self._deciders = deciders
        self._later = cache(self._nodes_later)
        self._moves: dict[Place, list[Move]] = {}
        self._arrivals: dict[Place, Move | None] = {}
        self._taken: set[tuple[str, int]] = set()
        try:
            self.is_complete = self._explore(most)
        except OutOfSteps:
            self.is_complete = False
        self._at: dict[str, list[Place]] = {}
        for place in self._arrivals:
            self._at.setdefault(place.node, []).append(place)

    def reaches(self, node: str) -> bool:
        """Tell whether some walk comes to the node."""
        return node in self._at

    def at(self, node: str) -> Sequence[Place]:
        """Return the places at a node that some walk comes to."""
        return self._at.get(node, ())

    def takes(self, node: str, index: int) -> bool:
        """Tell whether a rule of a node that decides takes some message that comes to it."""
        return (node, index) in self._taken

    def example(self, node: str, exit: str | None = None) -> dict[str, Json] | None:
        """Return a walk to the node, to be left by the exit; None where none is known."""
        for place in self._at.get(node, ()):
            if (exit == "exhausted") != self._is_used_up(place) and exit is not None:
                continue
            if exit is None or node not in self._deciders or exit in COMMON_EXITS:
                return self.shown(self._walk_to(place), start=node, exit=exit)
            for rule, choice in self._deciders.choices_at(node):
                if rule.to == exit and self._deciders.go_together(place.choices | {choice}):
                    walk = self._walk_to(place)
                    return self.shown(walk, start=node, exit=exit, last=choice)
        return None

    def start(self) -> Place | None:
        """Return the entry; None where there is none."""
        return next(iter(self._arrivals), None)

    def moves(self, place: Place) -> Sequence[Move]:
        """Return the ways on from a place."""
        return self._moves[place]

    def loops(self) -> Iterator[tuple[list[str], dict[str, Json]]]:
        """Yield the nodes of each loop without an end, with a walk into it and once round."""
        left = dict.fromkeys(self._arrivals)
        while loop := _loop(left, self._moves):
            first = min(range(len(loop)), key=lambda index: len(self._walk_to(loop[index].source)))
            once_round = [*loop[first:], *loop[:first]]
            nodes = list(dict.fromkeys(move.source.node for move in once_round))
            walk: Walk = [*self._walk_to(once_round[0].source), *once_round]
            if all(self._graph.nodes[name].max_visits is None for name in nodes):
                walk = _shortened(walk, once_round)
                start = nodes.index(walk[-1].target.node)
                nodes = [*nodes[start:], *nodes[:start]]
            yield nodes, self.shown(walk, start=nodes[0])
            names = set(nodes)
            left = {place: None for place in left if place.node not in names}

    def longest(self) -> tuple[int, dict[str, Json]]:
        """Return the most steps a walk can take, and that walk; no loop may go round for ever."""
        sorter: TopologicalSorter[Place] = TopologicalSorter()
        arrivals: dict[Place, Move | None] = dict(self._arrivals)
        lengths = dict.fromkeys(self._arrivals, 1)
        for move in (move for moves in self._moves.values() for move in moves):
            sorter.add(move.target, move.source)
        for place in sorter.static_order():
            for move in self._moves[place]:
                if lengths[place] >= lengths[move.target]:
                    lengths[move.target] = lengths[place] + 1
                    arrivals[move.target] = move
        last = max(lengths, key=lambda place: lengths[place])
        return lengths[last], self.shown(_walk_to(last, arrivals), start=last.node)

    def shown(
        self, walk: Walk, *, start: str, exit: str | None = None, last: Choice | None = None
    ) -> dict[str, Json]:
        """Return a walk as a counter-example: its nodes, and the fields of a message that takes it.

        A field that is written again on the way has its other values under `later`.
        """
        path = [*(move.source.node for move in walk), walk[-1].target.node if walk else start]
        example: dict[str, Json] = {"path": path}
        if exit is not None:
            example["exit"] = exit
        choices = NONE
        for move in walk:
            if move.choice is not None:
                choices |= {move.choice}
            else:
                choices = written_again(
                    choices, self._graph.written_by(move.source.node, move.exit)
                )
        if last is not None:
            choices |= {last}
        return {**example, **self._fields_shown(choices)}

    def _fields_shown(self, choices: Choices) -> dict[str, Json]:
        values: dict[str, list[Json]] = {}
        found = self._deciders.sample(choices)
        # Of a field's values, 0 is the last and 1 the first.
        for name, version in sorted(found, key=lambda each: (each[0], each[1] == 0, each[1])):
            values.setdefault(name, []).append(found[name, version])
        later = {name: own[1:] for name, own in values.items() if len(own) > 1}
        fields = {name: own[0] for name, own in values.items()}
        return {**({"fields": fields} if fields else {}), **({"later": later} if later else {})}

    def _walk_to(self, place: Place) -> list[Move]:
        return _walk_to(place, self._arrivals)

    def _explore(self, most: int) -> bool:
        entry = self._graph.workflow.entry
        if entry not in self._graph.nodes:
            return True
        start = self._arrive((), entry, has_failed=False, choices=NONE)
        self._arrivals[start] = None
        waiting = deque([start])
        while waiting:
            place = waiting.popleft()
            self._moves[place] = []
            for move in self._moves_from(place):
                self._moves[place].append(move)
                if move.target not in self._arrivals:
                    self._arrivals[move.target] = move
                    waiting.append(move.target)
            if len(self._arrivals) > most:
                return False
        return True

    def _moves_from(self, place: Place) -> Iterator[Move]:
        edges = {edge.exit: edge.target for edge in self._graph.edges[place.node]}
        if self._is_used_up(place):
            if "exhausted" in edges:
                yield self._move(place, "exhausted", edges["exhausted"])
            return
        own = [exit for exit in edges if exit not in COMMON_EXITS]
        if place.node in self._deciders:
            yield from self._decisions(place, edges)
        else:
            for exit in own:
                yield self._move(place, exit, edges[exit])
        on_failure = self._graph.workflow.on_failure
        if "error" in edges:
            yield self._move(place, "error", edges["error"])
        elif on_failure in self._graph.nodes and not place.has_failed:
            yield self._move(place, "error", str(on_failure), has_failed=True)

    def _is_used_up(self, place: Place) -> bool:
        limit = self._graph.nodes[place.node].max_visits
        return limit is not None and dict(place.visits)[place.node] > limit

    def _decisions(self, place: Place, edges: Mapping[str, str]) -> Iterator[Move]:
        for rule, choice in self._deciders.choices_at(place.node):
            if self._deciders.go_together(place.choices | {choice}):
                self._taken.add((place.node, choice.rule))
                if rule.to in edges:
                    yield self._move(place, rule.to, edges[rule.to], choice=choice)

    def _move(
        self,
        place: Place,
        exit: str,
        target: str,
        *,
        choice: Choice | None = None,
        has_failed: bool = False,
    ) -> Move:
        if choice is not None:
            choices = place.choices | {choice}
        else:
            choices = written_again(place.choices, self._graph.written_by(place.node, exit))
        has_failed = has_failed or place.has_failed
        arrived = self._arrive(place.visits, target, has_failed=has_failed, choices=choices)
        return Move(place, exit, choice, arrived)

    def _arrive(
        self, visits: Sequence[tuple[str, int]], node: str, *, has_failed: bool, choices: Choices
    ) -> Place:
        """Return the place at a node, without what no longer tells how the walk may go on."""
        later = self._later(node, has_failed)
        counted = {name: count for name, count in visits if name in later}
        limit = self._graph.nodes[node].max_visits
        if limit is not None:
            counted[node] = min(counted.get(node, 0), limit) + 1
        telling = still_telling(choices, self._deciders.fields_of(later))
        return Place(node, has_failed, tuple(sorted(counted.items())), telling)

    def _nodes_later(self, node: str, has_failed: bool) -> frozenset[str]:
        """Return the nodes that a walk may still come to, this one included."""
        on_failure = self._graph.workflow.on_failure
        later = self._graph.reached_from(node)
        if not has_failed and on_failure is not None and on_failure in self._graph.nodes:
            later |= self._graph.reached_from(on_failure)
        return frozenset(later)


def _walk_to(place: Place, arrivals: Mapping[Place, Move | None]) -> list[Move]:
    walk: list[Move] = []
    while (move := arrivals[place]) is not None:
        walk.append(move)
        place = move.source
    return walk[::-1]


def _loop(left: Mapping[Place, None], moves: Mapping[Place, Sequence[Move]]) -> list[Move]:
    """Return the moves of one loop; empty where there is none."""
    sorter: TopologicalSorter[Place] = TopologicalSorter()
    for place in left:
        for move in moves[place]:
            if move.target in left:
                sorter.add(move.target, place)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[Place] = list(error.args[1])
        return [_move_between(moves, *pair) for pair in pairwise(cycle)]
    return []


def _shortened(walk: Walk, once_round: Walk) -> Walk:
    """Return the walk until it has been round once, from where it comes into the loop to stay."""
    nodes = {move.source.node for move in once_round}
    outside = [index for index, move in enumerate(walk) if move.source.node not in nodes]
    first = outside[-1] + 1 if outside else 0
    start, whole = walk[first].source.node, [*walk, *once_round]
    ends = range(first + len(once_round), len(whole) + 1)
    return next(whole[:end] for end in ends if whole[end - 1].target.node == start)


def _move_between(moves: Mapping[Place, Sequence[Move]], source: Place, target: Place) -> Move:
    return next(move for move in moves[source] if move.target == target)
