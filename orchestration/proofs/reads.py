"""Nothing is read that some path has not written."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration.proofs.graph import Graph
from orchestration.proofs.regions import Region
from orchestration.workflow import COMMON_EXITS, Problem

# After these exits the node has not done what it is there for.
FRUITLESS_EXITS: Mapping[str, frozenset[str]] = {
    "reply": frozenset({"abstained"}),
    "model": frozenset({"invalid"}),
    "call": frozenset({"failed"}),
}


@dataclass(frozen=True)
class _Place:
    """A node on its way: once something has failed, a second failure ends the run."""

    name: str
    has_failed: bool


@dataclass(frozen=True)
class _Move:
    source: _Place
    exit: str
    target: _Place
    adds: frozenset[str]


def read_problems(
    graph: Graph,
    regions: Sequence[Region],
    *,
    at_entry: Collection[str],
    excused: Mapping[str, Collection[str]],
) -> Iterator[Problem]:
    """Yield the fields that a node reads although a path leads to it that has not written them.

    `excused` are fields of nodes that something else is wrong with.
    """
    flow = _Flow(graph, regions, frozenset(at_entry))
    told: set[tuple[str, str]] = set()
    for place in flow.places:
        missing = [
            read
            for read in sorted(graph.reads(place.name))
            if (place.name, read) not in told
            and read not in excused.get(place.name, ())
            and not is_written(read, flow.written[place])
        ]
        told.update((place.name, read) for read in missing)
        for path, names in flow.group_by_path(place, missing).items():
            yield Problem(
                code="unwritten_read",
                node=place.name,
                message=f"reads {_listed(names)}, and a path leads here that has not written it",
                counter_example={"path": list(path), "fields": names},
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[:3] if more else names) + more


def is_written(read: str, written: Collection[str]) -> bool:
    """Tell whether the field, or part of it, or what it is part of, is among the written ones."""
    if read in written:
        return True
    return any(read.startswith(f"{w}.") or w.startswith(f"{read}.") for w in written)


class _Flow:
    """What is certainly written when a path comes to a place."""

    def __init__(self, graph: Graph, regions: Sequence[Region], at_entry: frozenset[str]) -> None:
        self._graph = graph
        self._regions = {region.join: region for region in regions}
        self._at_entry = at_entry
        self._moves = self._all_moves()
        self._everything = at_entry.union(*(move.adds for move in self._every_move()))
        self.places = list(self._moves)
        self._on_return: dict[_Place, frozenset[str]] = {}
        self.written = self._from_entry()
        self._on_return = self._returns()
        self.written = self._from_entry()

    def _from_entry(self) -> dict[_Place, frozenset[str]]:
        if not self.places:
            return {}
        start = self.places[0]
        return {**self._solve({start: self._at_entry}), start: self._at_entry}

    def group_by_path(self, place: _Place, fields: list[str]) -> dict[tuple[str, ...], list[str]]:
        """Return a path on which each field is not written, with the fields it is so for."""
        grouped: dict[tuple[str, ...], list[str]] = {}
        for field in fields:
            grouped.setdefault(self._path_without(place, field), []).append(field)
        return grouped

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
        moves = [
            _Move(
                place,
                edge.exit,
                _Place(edge.target, place.has_failed),
                self._adds(place, edge.exit),
            )
            for edge in edges
        ]
        on_failure = self._graph.workflow.on_failure
        has_own_way = any(edge.exit == "error" for edge in edges)
        if on_failure in self._graph.nodes and not place.has_failed and not has_own_way:
            target = _Place(str(on_failure), has_failed=True)
            moves.append(_Move(place, "error", target, frozenset()))
        return moves

    def _adds(self, place: _Place, exit: str) -> frozenset[str]:
        kind = self._graph.nodes[place.name].kind
        if exit in COMMON_EXITS or exit in FRUITLESS_EXITS.get(kind, ()):
            return frozenset()
        return self._graph.writes(place.name)

    def _solve(self, starts: Mapping[_Place, frozenset[str]]) -> dict[_Place, frozenset[str]]:
        """Return what is certainly written on arrival, on paths that set out from `starts`.

        It is the greatest solution: everything is written until a path shows that it is not.
        """
        arrivals: dict[_Place, list[_Move]] = {}
        for move in self._every_move():
            arrivals.setdefault(move.target, []).append(move)
        written = dict.fromkeys(self.places, self._everything)
        waiting = deque(self.places)
        while waiting:
            place = waiting.popleft()
            now = self._certain(arrivals.get(place, []), written, starts)
            if now != written[place]:
                written[place] = now
                waiting.extend(move.target for move in self._moves[place])
        return written

    def _every_move(self) -> Iterator[_Move]:
        for moves in self._moves.values():
            yield from moves

    def _certain(
        self,
        arrivals: list[_Move],
        written: Mapping[_Place, frozenset[str]],
        starts: Mapping[_Place, frozenset[str]],
    ) -> frozenset[str]:
        by_branch: dict[str, frozenset[str]] = {}
        for move in arrivals:
            after = self._after(move, starts.get(move.source, written[move.source]))
            branch = self._branch_of(move)
            by_branch[branch] = by_branch.get(branch, self._everything) & after
        # A join waits for all branches; elsewhere there is one group, and any of it may come.
        return frozenset().union(*by_branch.values()) if by_branch else self._everything

    def _after(self, move: _Move, before: frozenset[str]) -> frozenset[str]:
        if move.exit == "exhausted":
            return self._on_return.get(move.source, before)
        return before | move.adds

    def _returns(self) -> dict[_Place, frozenset[str]]:
        """Return what is written on coming back to each node with `max_visits`.

        Whoever leaves by `exhausted` has been there before, and got further then.
        """
        found: dict[_Place, frozenset[str]] = {}
        for name in {place.name for place in self.places}:
            if self._graph.nodes[name].max_visits is not None:
                visits = {place: self.written[place] for place in self.places if place.name == name}
                again = self._solve(visits)
                found |= {place: again[place] for place in visits}
        return found

    def _branch_of(self, move: _Move) -> str:
        if self._graph.nodes[move.target.name].kind != "join" or move.exit == "error":
            return ""
        region = self._regions.get(move.target.name)
        if region is None:
            return f"{move.source.name}.{move.exit}"
        if move.source.name == region.fork:
            return move.exit
        owned = (exit for exit, nodes in region.branches.items() if move.source.name in nodes)
        return next(owned, "")

    def _path_without(self, place: _Place, field: str) -> tuple[str, ...]:
        start = self.places[0]
        before: dict[_Place, _Place | None] = {start: None}
        waiting = deque([start])
        while waiting and place not in before:
            source = waiting.popleft()
            for move in self._moves[source]:
                after = self._after(move, self.written[source])
                is_there = is_written(field, after) or is_written(field, self.written[move.target])
                if not is_there and move.target not in before:
                    before[move.target] = source
                    waiting.append(move.target)
        return _unwound(before, place)


def _unwound(before: Mapping[_Place, _Place | None], place: _Place) -> tuple[str, ...]:
    path = [place.name]
    step = before.get(place)
    while step is not None:
        path.append(step.name)
        step = before[step]
    return tuple(path[::-1])
