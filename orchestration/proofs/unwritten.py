"""Walks on which nothing has written a field that a node reads, through parallel branches too."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from orchestration.proofs.graph import Edge, Graph
from orchestration.proofs.reads import is_written, unwritten_read
from orchestration.proofs.regions import Region
from orchestration.proofs.walks import Move, Place, Walks
from orchestration.types import Json
from orchestration.workflow import Problem

# A place, and whether the branch that it is in has written the field.
_Stand = tuple[Place, bool]


def unwritten_reads(
    needs: Mapping[str, Collection[str]], graph: Graph, regions: Sequence[Region], walks: Walks
) -> Iterator[Problem]:
    """Yield the fields in `needs` that a node reads and a walk to it has not written.

    There must be all walks.
    """
    searches: dict[frozenset[str], dict[str, list[Move]]] = {}
    for node, fields in needs.items():
        grouped: dict[str, tuple[dict[str, Json], list[str]]] = {}
        for field in sorted(fields):
            writers = frozenset(n for n in graph.nodes if is_written(field, graph.writes(n)))
            # Fields that the same nodes write are lacking on the same walks.
            if writers not in searches:
                searches[writers] = _Search(writers, graph, regions, walks).walks()
            if node in searches[writers]:
                example = walks.shown(searches[writers][node], start=node)
                grouped.setdefault(str(example), (example, []))[1].append(field)
        for example, missing in grouped.values():
            yield unwritten_read(node, {**example, "missing": missing})


class _Search:
    def __init__(
        self,
        writers: frozenset[str],
        graph: Graph,
        regions: Sequence[Region],
        walks: Walks,
    ) -> None:
        self._writers = writers
        self._graph = graph
        self._walks = walks
        self._joins = {region.join: region for region in regions}
        self._inside = {n for region in regions for own in region.branches.values() for n in own}
        self._surely_written = {region.join: self._is_surely_written(region) for region in regions}

    def walks(self) -> dict[str, list[Move]]:
        """Return the shortest walk to each node that comes to it without any of the writers."""
        start = self._walks.start()
        arrivals: dict[_Stand, tuple[_Stand, Move] | None] = {}
        if start is not None:
            arrivals[start, False] = None
        found: dict[str, list[Move]] = {}
        waiting = deque(arrivals)
        while waiting:
            stand = waiting.popleft()
            if not stand[1] and stand[0].node not in found:
                found[stand[0].node] = _unwound(stand, arrivals)
            for move in self._walks.moves(stand[0]):
                after = self._after(stand, move)
                if after is not None and after not in arrivals:
                    arrivals[after] = (stand, move)
                    waiting.append(after)
        return found

    def _after(self, stand: _Stand, move: Move) -> _Stand | None:
        """Return where a move leads to; None where the field is written from there on."""
        source, target = move.source.node, move.target.node
        if source not in self._inside:
            return None if self._writes(source, move.exit) else (move.target, False)
        if move.exit == "error":
            # An error leaves all branches, and what they have written is gone.
            return move.target, False
        has_written = stand[1] or self._writes(source, move.exit)
        has_written = has_written or self._surely_written.get(target, False)
        is_out = target not in self._inside
        return None if is_out and has_written else (move.target, has_written)

    def _writes(self, node: str, exit: str) -> bool:
        return node in self._writers and bool(self._graph.written_by(node, exit))

    def _is_surely_written(self, region: Region) -> bool:
        edges = [edge for edge in self._graph.edges[region.fork] if edge.exit in region.branches]
        return any(not self._may_pass(region, edge) for edge in edges)

    def _may_pass(self, region: Region, first: Edge) -> bool:
        """Tell whether a branch can come to the join without writing the field."""
        met, waiting = {first.target}, [first.target]
        while waiting:
            name = waiting.pop()
            if name == region.join:
                return True
            inner = self._joins.get(name)
            if inner is not None and self._is_surely_written(inner):
                continue
            for edge in self._graph.edges[name]:
                is_on = edge.exit != "error" and not self._writes(name, edge.exit)
                if is_on and edge.target not in met:
                    met.add(edge.target)
                    waiting.append(edge.target)
        return False


def _unwound(stand: _Stand, arrivals: dict[_Stand, tuple[_Stand, Move] | None]) -> list[Move]:
    walk: list[Move] = []
    while (before := arrivals[stand]) is not None:
        stand, move = before
        walk.append(move)
    return walk[::-1]
