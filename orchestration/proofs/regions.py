"""A fork and its join enclose a region: each node inside belongs to one branch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from orchestration.proofs.graph import Edge, Graph
from orchestration.workflow import COMMON_EXITS, Problem


@dataclass(frozen=True)
class Region:
    """A fork, its join, and the nodes of each branch between them."""

    fork: str
    join: str
    branches: Mapping[str, frozenset[str]]


@dataclass
class _Branch:
    """What is found on the way from one exit of a fork to its join."""

    nodes: set[str] = field(default_factory=set)
    joins: set[str] = field(default_factory=set)


def find_regions(graph: Graph) -> tuple[list[Region], list[Problem]]:
    """Return the regions that are well formed, and what is wrong with the others."""
    finder = _Finder(graph)
    forks = [name for name in graph.reached() if graph.nodes[name].kind == "fork"]
    regions = [region for fork in forks if (region := finder.region_of(fork))]
    problems = [*finder.problems, *_lonely_joins(graph, regions), *_shared_joins(graph, regions)]
    for region in regions:
        problems += _intruders(graph, region)
        problems += _parallel_writes(graph, region)
    return regions, _once(problems)


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, Region | None] = {}
        self.problems: list[Problem] = []

    def region_of(self, fork: str) -> Region | None:
        """Return the region that the fork opens; None where it is not well formed."""
        if fork not in self._known:
            # A fork that leads back into itself finds this None.
            self._known[fork] = None
            self._known[fork] = self._find(fork)
        return self._known[fork]

    def _find(self, fork: str) -> Region | None:
        before = len(self.problems)
        branches: dict[str, _Branch] = {}
        for edge in self._graph.edges[fork]:
            if edge.exit not in COMMON_EXITS:
                branches[edge.exit] = self._branch(fork, edge.target)
        joins = set().union(*(branch.joins for branch in branches.values()))
        if len(joins) != 1 and before == len(self.problems):
            self._refuse(fork, _joins_message(joins))
        self._refuse_shared(fork, branches)
        if before != len(self.problems):
            return None
        nodes = {exit: frozenset(branch.nodes) for exit, branch in branches.items()}
        return Region(fork, joins.pop(), nodes)

    def _branch(self, fork: str, head: str) -> _Branch:
        branch = _Branch()
        self._walk(fork, head, branch)
        return branch

    def _walk(self, fork: str, head: str, branch: _Branch) -> None:
        waiting = [head]
        while waiting:
            name = waiting.pop()
            if name in branch.nodes:
                continue
            kind = self._graph.nodes[name].kind
            if kind == "join":
                branch.joins.add(name)
            elif wrong := self._misplaced(fork, name):
                self._refuse(name, wrong)
            else:
                branch.nodes.add(name)
                waiting += self._next(name, branch) if kind == "fork" else self._targets(name)

    def _misplaced(self, fork: str, name: str) -> str | None:
        if name == fork:
            return "a branch leads back to its own fork; it may leave only by the join"
        if self._graph.nodes[name].kind == "approve":
            return f"no approval may be waited for between the fork {fork} and its join"
        if self._graph.ends(name):
            return f"no path may end between the fork {fork} and its join"
        return None

    def _next(self, fork: str, branch: _Branch) -> list[str]:
        """Take in an inner region as a whole and go on behind its join."""
        inner = self.region_of(fork)
        if inner is None:
            return []
        branch.nodes.update(*inner.branches.values(), {inner.join})
        used_up = [e.target for e in self._graph.edges[fork] if e.exit == "exhausted"]
        return [*self._targets(inner.join), *used_up]

    def _targets(self, name: str) -> list[str]:
        return [edge.target for edge in self._graph.edges[name] if edge.exit != "error"]

    def _refuse_shared(self, fork: str, branches: Mapping[str, _Branch]) -> None:
        for (one, left), (other, right) in combinations(branches.items(), 2):
            for name in sorted(left.nodes & right.nodes):
                self._refuse(name, f"belongs to two branches of {fork}: {one} and {other}")

    def _refuse(self, name: str, message: str) -> None:
        self.problems.append(_crossed(self._graph, name, message))


def _joins_message(joins: set[str]) -> str:
    if not joins:
        return "its branches never come together at a join"
    return f"its branches come together at different joins: {', '.join(sorted(joins))}"


def _crossed(graph: Graph, name: str, message: str, edge: Edge | None = None) -> Problem:
    example = graph.example(name)
    if edge is not None:
        example = {"path": [*graph.path_to(edge.source), edge.target], "exit": edge.exit}
    return Problem(code="crossed_branch", node=name, message=message, counter_example=example)


def _lonely_joins(graph: Graph, regions: list[Region]) -> Iterator[Problem]:
    has_broken_fork = sum(spec.kind == "fork" for spec in graph.nodes.values()) > len(regions)
    joined = {region.join for region in regions}
    for name in graph.reached():
        if graph.nodes[name].kind == "join" and name not in joined and not has_broken_fork:
            yield _crossed(graph, name, "waits for branches that no fork opens")


def _shared_joins(graph: Graph, regions: list[Region]) -> Iterator[Problem]:
    forks: dict[str, str] = {}
    for region in regions:
        first = forks.setdefault(region.join, region.fork)
        if first != region.fork:
            yield _crossed(graph, region.join, f"joins two forks: {first} and {region.fork}")


def _intruders(graph: Graph, region: Region) -> Iterator[Problem]:
    """Yield the edges that enter a branch other than by its fork, or the join other than by it."""
    owner = {name: exit for exit, nodes in region.branches.items() for name in nodes}
    for edge in (edge for name in graph.reached() for edge in graph.edges[name]):
        if edge.source == region.fork and edge.exit not in COMMON_EXITS:
            continue
        is_inside = edge.source in owner
        is_back = edge.target in owner or edge.target == region.join
        if edge.exit == "error" and is_inside and is_back:
            message = (
                f"an error leaves the fork {region.fork}; it may not lead back, to {edge.target}"
            )
            yield _crossed(graph, edge.source, message, edge)
            continue
        is_into_branch = edge.target in owner and owner.get(edge.source) != owner[edge.target]
        is_into_join = edge.target == region.join and not is_inside
        if is_into_branch or is_into_join:
            message = f"leads into a branch of {region.fork} past the fork, to {edge.target}"
            yield _crossed(graph, edge.source, message, edge)
    workflow = graph.workflow
    for role, name in (("entry", workflow.entry), ("on_failure", workflow.on_failure)):
        if name in owner or name == region.join:
            message = f"{role} leads into a branch of {region.fork} past the fork"
            yield _crossed(graph, str(name), message)


def _parallel_writes(graph: Graph, region: Region) -> Iterator[Problem]:
    for (one, left), (other, right) in combinations(region.branches.items(), 2):
        writers = {written: name for name in sorted(left) for written in graph.writes(name)}
        for name in sorted(right):
            clashes = sorted(written for written in graph.writes(name) if written in writers)
            if clashes:
                beside = writers[clashes[0]]
                yield Problem(
                    code="parallel_write",
                    node=name,
                    message=f"writes {', '.join(clashes)} in the branch {other} while {beside} "
                    f"does in the branch {one}",
                    counter_example={
                        "path": graph.path_to(name),
                        "beside": graph.path_to(beside),
                        "written": clashes,
                    },
                )


def _once(problems: list[Problem]) -> list[Problem]:
    return list({(each.code, each.node, each.message): each for each in problems}.values())
