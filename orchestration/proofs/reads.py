"""Nothing is read that some path has not written."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from orchestration.proofs.graph import Graph
from orchestration.proofs.regions import Region
from orchestration.types import Json
from orchestration.workflow import Problem

# A set of fields, one bit for each.
_Fields = int


class _Place(NamedTuple):
    """A node on its way: once something has failed, a second failure ends the run."""

    name: str
    has_failed: bool


class _Move(NamedTuple):
    source: _Place
    exit: str
    target: _Place
    adds: _Fields


def read_problems(
    graph: Graph, regions: Sequence[Region], needs: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Yield the fields in `needs` that a node reads and a path of edges to it has not written.

    Whether a message takes that path is not asked.
    """
    flow = _Flow(graph, regions, needs)
    told: set[tuple[str, str]] = set()
    for place in flow.places:
        missing = [read for read in flow.lacking(place) if (place.name, read) not in told]
        told.update((place.name, read) for read in missing)
        for path, names in flow.group_by_path(place, missing).items():
            yield unwritten_read(place.name, {"path": list(path), "missing": names})


def unwritten_read(node: str, example: Mapping[str, Json]) -> Problem:
    """Return the problem that the fields `missing` in the example are read unwritten."""
    names = _listed(example["missing"])
    return Problem(
        code="unwritten_read",
        node=node,
        message=f"reads {names}, and a path leads here that has not written it",
        counter_example=example,
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more


def is_written(read: str, written: Collection[str]) -> bool:
    """Tell whether the field, or part of it, or what it is part of, is among the written ones."""
    return read in written or any(_is_akin(read, each) for each in written)


def _is_akin(read: str, written: str) -> bool:
    return read == written or read.startswith(f"{written}.") or written.startswith(f"{read}.")


class _Flow:
    """What is certainly written when a path comes to a place."""

    def __init__(
        self, graph: Graph, regions: Sequence[Region], needs: Mapping[str, Collection[str]]
    ) -> None:
        self._graph = graph
        self._regions = {region.join: region for region in regions}
        names = set[str]().union(*map(graph.writes, graph.nodes))
        self._bits = {name: 1 << index for index, name in enumerate(sorted(names))}
        self._everything = (1 << len(names)) - 1
        self._needs = {
            name: {read: self._akin(read) for read in sorted(needs.get(name, ()))}
            for name in graph.nodes
        }
        self._outermost = _outermost_forks(regions)
        self._moves = self._all_moves()
        self._arrivals = self._all_arrivals()
        self.places = list(self._moves)
        self._solve_all()

    def lacking(self, place: _Place) -> list[str]:
        """Return the fields that are read here and not certainly written."""
        written = self._written[place]
        return [read for read, akin in self._needs[place.name].items() if not akin & written]

    def group_by_path(self, place: _Place, fields: list[str]) -> dict[tuple[str, ...], list[str]]:
        """Return a path on which each field is not written, with the fields it is so for."""
        grouped: dict[tuple[str, ...], list[str]] = {}
        for field in fields:
            grouped.setdefault(self._path_without(place, self._akin(field)), []).append(field)
        return grouped

    def _fields(self, names: Collection[str]) -> _Fields:
        return reduce(or_, (self._bits[name] for name in names), 0)

    def _akin(self, read: str) -> _Fields:
        return self._fields([name for name in self._bits if _is_akin(read, name)])

    def _all_moves(self) -> dict[_Place, list[_Move]]:
        entry = self._graph.workflow.entry
        moves: dict[_Place, list[_Move]] = {}
        waiting = deque([_Place(entry, has_failed=False)] if entry in self._graph.nodes else [])
        while waiting:
            place = waiting.popleft()
            if place not in moves:
                moves[place] = self._moves_from(place)
                waiting.extend(move.target for move in moves[place])
        return moves

    def _moves_from(self, place: _Place) -> list[_Move]:
        edges = self._graph.edges[place.name]
        moves = []
        for edge in edges:
            target = _Place(edge.target, place.has_failed)
            moves.append(_Move(place, edge.exit, target, self._adds(place.name, edge.exit)))
        on_failure = self._graph.workflow.on_failure
        has_own_way = any(edge.exit == "error" for edge in edges)
        if on_failure in self._graph.nodes and not place.has_failed and not has_own_way:
            moves.append(_Move(place, "error", _Place(str(on_failure), has_failed=True), 0))
        return moves

    def _adds(self, name: str, exit: str) -> _Fields:
        return self._fields(self._graph.written_by(name, exit))

    def _all_arrivals(self) -> dict[_Place, dict[str, list[_Move]]]:
        """Return the moves into each place, grouped: one move of every group has been made."""
        arrivals: dict[_Place, dict[str, list[_Move]]] = {place: {} for place in self._moves}
        for move in (move for moves in self._moves.values() for move in moves):
            arrivals[move.target].setdefault(self._branch_of(move), []).append(move)
        return arrivals

    def _branch_of(self, move: _Move) -> str:
        """Name the branch that a move brings to its join; elsewhere any move will do."""
        if self._graph.nodes[move.target.name].kind != "join":
            return ""
        region = self._regions.get(move.target.name)
        if region is None:
            return f"{move.source.name}.{move.exit}"
        if move.source.name == region.fork:
            return move.exit
        owned = (exit for exit, nodes in region.branches.items() if move.source.name in nodes)
        return next(owned, "")

    def _solve_all(self) -> None:
        self._on_return: dict[_Place, _Fields] = {}
        self._written = self._from_entry()
        if any(map(self.lacking, self.places)):
            self._on_return = self._returns()
            self._written = self._from_entry()

    def _from_entry(self) -> dict[_Place, _Fields]:
        if not self.places:
            return {}
        start = {self.places[0]: 0}
        return {**self._solve(start), **start}

    def _returns(self) -> dict[_Place, _Fields]:
        """Return what is written on coming back to each node with `max_visits`.

        Whoever leaves by `exhausted` has been there before, and got further then.
        """
        found: dict[_Place, _Fields] = {}
        for name in {place.name for place in self.places}:
            if self._graph.nodes[name].max_visits is not None:
                visits = {
                    place: self._written[place] for place in self.places if place.name == name
                }
                again = self._solve(visits)
                found |= {place: again[place] for place in visits}
        return found

    def _solve(self, starts: Mapping[_Place, _Fields]) -> dict[_Place, _Fields]:
        """Return what is certainly written on arrival, on paths that set out from `starts`.

        It is the greatest solution: everything is written until a path shows that it is not.
        """
        written = dict.fromkeys(self.places, self._everything)
        waiting = deque(move.target for place in starts for move in self._moves[place])
        while waiting:
            place = waiting.popleft()
            now = self._certain(place, written, starts)
            if now != written[place]:
                written[place] = now
                if place not in starts:
                    waiting.extend(move.target for move in self._moves[place])
                waiting.extend(self._ways_out_of(place))
        return written

    def _ways_out_of(self, fork: _Place) -> list[_Place]:
        """Return where errors lead to from between a fork and its join."""
        inside = [_Place(n, fork.has_failed) for n, f in self._outermost.items() if f == fork.name]
        moves = (move for place in inside for move in self._moves.get(place, ()))
        return [move.target for move in moves if move.exit == "error"]

    def _certain(
        self,
        place: _Place,
        written: Mapping[_Place, _Fields],
        starts: Mapping[_Place, _Fields],
    ) -> _Fields:
        certain = 0
        for group in self._arrivals[place].values():
            after = self._everything
            for move in group:
                base = self._base(move)
                after &= self._after(move, starts.get(base, written[base]))
            certain |= after
        return certain

    def _base(self, move: _Move) -> _Place:
        """Return the place that a move goes on from: an error leaves what branches have written."""
        fork = self._outermost.get(move.source.name) if move.exit == "error" else None
        return move.source if fork is None else _Place(fork, move.source.has_failed)

    def _after(self, move: _Move, before: _Fields) -> _Fields:
        if move.exit == "exhausted":
            return self._on_return.get(move.source, before)
        return before | move.adds

    def _path_without(self, place: _Place, field: _Fields) -> tuple[str, ...]:
        start = self.places[0]
        before: dict[_Place, _Place | None] = {start: None}
        waiting = deque([start])
        while waiting and place not in before:
            source = waiting.popleft()
            for move in self._moves[source]:
                after = self._after(move, self._written[self._base(move)])
                after |= self._written[move.target]
                if not after & field and move.target not in before:
                    before[move.target] = source
                    waiting.append(move.target)
        return _unwound(before, place)


def _outermost_forks(regions: Sequence[Region]) -> dict[str, str]:
    """Return for each node inside of regions the fork of the largest."""
    found: dict[str, str] = {}
    for region in sorted(regions, key=lambda each: sum(map(len, each.branches.values()))):
        found |= {name: region.fork for nodes in region.branches.values() for name in nodes}
    return found


def _unwound(before: Mapping[_Place, _Place | None], place: _Place) -> tuple[str, ...]:
    path = [place.name]
    step = before.get(place)
    while step is not None:
        path.append(step.name)
        step = before[step]
    return tuple(path[::-1])
