"""A workflow as a graph: which exits its nodes have, where they lead, and paths through it."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from orchestration.types import Json
from orchestration.workflow import COMMON_EXITS, NodeKind, NodeSpec, Workflow


@dataclass(frozen=True)
class Edge:
    """A line from an exit of a node to another node."""

    source: str
    exit: str
    target: str


class Graph:
    """The nodes that exist, the edges between them, and what their kinds say about them."""

    def __init__(
        self,
        workflow: Workflow,
        kinds: Mapping[str, type[NodeKind]],
        configs: Mapping[str, BaseModel],
    ) -> None:
        self.workflow = workflow
        self.nodes = workflow.nodes
        self._kinds = kinds
        self._configs = configs
        self.edges = {name: self._edges(spec) for name, spec in self.nodes.items()}
        self._arrivals = self._walk()

    def is_understood(self, name: str) -> bool:
        """Tell whether the node's kind and config are valid, so that its exits are known."""
        return name in self._configs

    def ends(self, name: str) -> bool:
        """Tell whether a path may stop here; of an unknown kind it is assumed."""
        kind = self._kinds.get(self.nodes[name].kind)
        return kind is None or kind.ends

    def own_exits(self, name: str) -> tuple[str, ...]:
        """Return the exits of the node's kind, without `error` and `exhausted`."""
        spec = self.nodes[name]
        if not self.is_understood(name):
            return tuple(exit for exit in spec.exits if exit not in COMMON_EXITS)
        return tuple(self._kinds[spec.kind].exits(self._configs[name]))

    def exits(self, name: str) -> tuple[str, ...]:
        """Return all exits that need an edge."""
        is_bounded = self.nodes[name].max_visits is not None
        return (*self.own_exits(name), *(("exhausted",) if is_bounded else ()))

    def reads(self, name: str) -> frozenset[str]:
        """Return the fields that the node needs."""
        if not self.is_understood(name):
            return frozenset()
        return self._kinds[self.nodes[name].kind].reads(self._configs[name])

    def writes(self, name: str) -> frozenset[str]:
        """Return the fields that are there after the node."""
        if not self.is_understood(name):
            return frozenset()
        return self._kinds[self.nodes[name].kind].writes(self._configs[name])

    def written_by(self, name: str, exit: str) -> frozenset[str]:
        """Return the fields that have been written when the node is left by this exit."""
        kind = self._kinds.get(self.nodes[name].kind)
        has_failed = exit in COMMON_EXITS or (kind is not None and exit in kind.fruitless)
        return frozenset() if has_failed else self.writes(name)

    def seals(self, name: str, exit: str) -> bool | None:
        """Tell whether the draft may be sent after this exit; None where that is as before."""
        if exit in COMMON_EXITS or not self.is_understood(name):
            return None
        return self._kinds[self.nodes[name].kind].seals(self._configs[name], exit)

    def is_reached(self, name: str) -> bool:
        """Tell whether some path leads to the node."""
        return name in self._arrivals

    def reached(self) -> list[str]:
        """Return the nodes that some path leads to, nearest first."""
        return list(self._arrivals)

    def path_to(self, name: str) -> list[str]:
        """Return a shortest path from the entry, the node included; empty where there is none."""
        if name not in self._arrivals:
            return []
        path = [name]
        while (before := self._arrivals[path[-1]]) is not None:
            path.append(before)
        return path[::-1]

    def example(self, name: str, exit: str | None = None) -> dict[str, Json]:
        """Return the path to a node, and the exit it is left by, as a counter-example."""
        path: dict[str, Json] = {"path": self.path_to(name) or [name]}
        return path if exit is None else {**path, "exit": exit}

    def _edges(self, spec: NodeSpec) -> tuple[Edge, ...]:
        own = self.own_exits(spec.name)
        named = {exit: target for exit, target in spec.exits.items() if self._has(spec, exit, own)}
        if spec.next is not None and not self.is_understood(spec.name):
            named.setdefault("next", spec.next)
        elif spec.next is not None and len(own) == 1:
            named.setdefault(own[0], spec.next)
        known = [(exit, target) for exit, target in named.items() if target in self.nodes]
        return tuple(Edge(spec.name, exit, target) for exit, target in known)

    def _has(self, spec: NodeSpec, exit: str, own: tuple[str, ...]) -> bool:
        return exit in own or exit == "error" or (exit == "exhausted" and bool(spec.max_visits))

    def _walk(self) -> dict[str, str | None]:
        """Return the reached nodes, each with the one it was first reached from."""
        workflow = self.workflow
        arrivals: dict[str, str | None] = {}
        if workflow.entry in self.nodes:
            self._spread(arrivals, workflow.entry, None)
        # Every node may fail, the first one too.
        on_failure = workflow.on_failure
        if on_failure is not None and on_failure in self.nodes and on_failure not in arrivals:
            self._spread(arrivals, on_failure, next(iter(arrivals), None))
        return arrivals

    def _spread(self, arrivals: dict[str, str | None], start: str, before: str | None) -> None:
        arrivals[start] = before
        waiting = deque([start])
        while waiting:
            source = waiting.popleft()
            for edge in self.edges[source]:
                if edge.target not in arrivals:
                    arrivals[edge.target] = source
                    waiting.append(edge.target)

    def reached_from(self, name: str) -> set[str]:
        """Return the nodes that some path from this one leads to, itself included."""
        arrivals: dict[str, str | None] = {}
        self._spread(arrivals, name, None)
        return set(arrivals)

    def leading_to(self, names: Iterable[str]) -> set[str]:
        """Return the nodes from which some path leads to one of these, themselves included."""
        sources: dict[str, list[str]] = {}
        for edge in (edge for edges in self.edges.values() for edge in edges):
            sources.setdefault(edge.target, []).append(edge.source)
        found = set(names)
        waiting = list(found)
        while waiting:
            for source in sources.get(waiting.pop(), ()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return found
