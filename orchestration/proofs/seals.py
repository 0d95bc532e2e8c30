"""Walks on which a draft is sent that nobody has let pass since it was written."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

from orchestration.proofs.choices import NONE
from orchestration.proofs.graph import Graph
from orchestration.proofs.regions import Region
from orchestration.proofs.walks import Move, Place
from orchestration.types import Json
from orchestration.workflow import Problem

# Whether the draft may be sent; None where nobody has written one or looked at it since the start.
_Sealed = bool | None


class Ways(Protocol):
    """The ways through a workflow, place by place."""

    def start(self) -> Place | None: ...

    def moves(self, place: Place) -> Sequence[Move]: ...

    def shown(self, walk: Sequence[Move], *, start: str) -> dict[str, Json]: ...


class Lines:
    """All ways along the lines of the document; whether a message takes them is not asked."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def start(self) -> Place | None:
        """Return the entry; None where there is none."""
        entry = self._graph.workflow.entry
        return Place(entry, False, (), NONE) if entry in self._graph.nodes else None

    def moves(self, place: Place) -> list[Move]:
        """Return the ways on from a place."""
        edges, on_failure = self._graph.edges[place.node], self._graph.workflow.on_failure
        moves = [Move(place, e.exit, None, place._replace(node=e.target)) for e in edges]
        has_own_way = any(edge.exit == "error" for edge in edges)
        if on_failure in self._graph.nodes and not place.has_failed and not has_own_way:
            failed = Place(str(on_failure), True, (), NONE)
            moves.append(Move(place, "error", None, failed))
        return moves

    def shown(self, walk: Sequence[Move], *, start: str) -> dict[str, Json]:
        """Return a way as a counter-example: its nodes."""
        return {"path": [*(move.source.node for move in walk), start]}


def unchecked_drafts(graph: Graph, regions: Sequence[Region], ways: Ways) -> Iterator[Problem]:
    """Yield the nodes that would send a draft as it was written, each with a way that comes there.

    No branches may cross.
    """
    for node, walk in _Search(graph, regions, ways).sends().items():
        yield Problem(
            code="unchecked_draft",
            node=node,
            message="a draft comes here that no check has passed since it was written, and that "
            "nobody has released; lead it through a check, and on by passed",
            counter_example=ways.shown(walk, start=node),
        )


class _Stand(NamedTuple):
    """A place, and what became of the draft until there; inside of branches, until their fork."""

    place: Place
    sealed: _Sealed


class _Search:
    def __init__(self, graph: Graph, regions: Sequence[Region], ways: Ways) -> None:
        self._graph = graph
        self._ways = ways
        self._forks = {region.fork: region for region in regions}
        self._joins = {region.join: region for region in regions}
        self._inside = {n for region in regions for own in region.branches.values() for n in own}
        self._known: dict[str, tuple[_Sealed, ...]] = {}

    def sends(self) -> dict[str, list[Move]]:
        """Return the shortest walk to each `send` that comes to it with an unchecked draft."""
        start = self._ways.start()
        arrivals: dict[_Stand, tuple[_Stand, Move] | None] = {}
        if start is not None:
            arrivals[_Stand(start, None)] = None
        found: dict[str, list[Move]] = {}
        waiting = deque(arrivals)
        while waiting:
            stand = waiting.popleft()
            node = stand.place.node
            if self._graph.nodes[node].kind == "send" and stand.sealed is False:
                found.setdefault(node, _unwound(stand, arrivals))
            for move in self._ways.moves(stand.place):
                for sealed in self._sealed_after(stand, move):
                    after = _Stand(move.target, sealed)
                    if after not in arrivals:
                        arrivals[after] = (stand, move)
                        waiting.append(after)
        return found

    def _sealed_after(self, stand: _Stand, move: Move) -> Iterator[_Sealed]:
        source, target = move.source.node, move.target.node
        if source not in self._inside and not self._opens(source, move.exit):
            yield _last(stand.sealed, self._graph.seals(source, move.exit))
        elif target in self._inside or move.exit == "error":
            # An error leaves all branches, and what they have done is gone.
            yield stand.sealed
        else:
            for joined in self._through(self._joins[target]):
                yield _last(stand.sealed, joined)

    def _opens(self, node: str, exit: str) -> bool:
        return node in self._forks and exit in self._forks[node].branches

    def _through(self, region: Region) -> tuple[_Sealed, ...]:
        """Return what may become of the draft between a fork and its join, by the lines alone.

        Of two branches only one may write it, and only one look at it: parallel_write.
        """
        if region.fork not in self._known:
            edges = [e for e in self._graph.edges[region.fork] if e.exit in region.branches]
            done = [{*self._along(region, edge.target)} for edge in edges]
            self._known[region.fork] = tuple(_joined(done) if all(done) else ())
        return self._known[region.fork]

    def _along(self, region: Region, start: str) -> Iterator[_Sealed]:
        """Yield what a branch may do to the draft."""
        first: tuple[str, _Sealed] = (start, None)
        met, waiting = {first}, [first]
        while waiting:
            node, sealed = waiting.pop()
            if node == region.join:
                yield sealed
                continue
            for after in self._further(node, sealed):
                if after not in met:
                    met.add(after)
                    waiting.append(after)

    def _further(self, node: str, sealed: _Sealed) -> Iterator[tuple[str, _Sealed]]:
        inner = self._forks.get(node)
        if inner is not None:
            for joined in self._through(inner):
                yield inner.join, _last(sealed, joined)
        for edge in self._graph.edges[node]:
            if edge.exit != "error" and not self._opens(node, edge.exit):
                yield edge.target, _last(sealed, self._graph.seals(node, edge.exit))


def _last(before: _Sealed, sealed: _Sealed) -> _Sealed:
    return before if sealed is None else sealed


def _joined(branches: Sequence[Collection[_Sealed]]) -> Iterator[_Sealed]:
    """Yield what may have become of the draft, given what each branch may have done to it."""
    if any(False in done for done in branches):
        yield False
    if all(None in done for done in branches):
        yield None
    if any(True in done for done in branches) and all({*done} - {False} for done in branches):
        yield True


def _unwound(stand: _Stand, arrivals: dict[_Stand, tuple[_Stand, Move] | None]) -> list[Move]:
    walk: list[Move] = []
    while (before := arrivals[stand]) is not None:
        stand, move = before
        walk.append(move)
    return walk[::-1]
