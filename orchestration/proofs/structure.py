"""Every exit leads on, every path ends, and no loop goes on for ever."""

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from orchestration.proofs.graph import Graph
from orchestration.workflow import COMMON_EXITS, NodeSpec, Problem, rules_of


def structure_problems(graph: Graph) -> Iterator[Problem]:
    """Yield what is wrong with the edges of the graph, and with where its paths lead."""
    yield from _ends_of_the_thread(graph)
    for spec in graph.nodes.values():
        yield from _unknown_targets(graph, spec)
        if graph.is_understood(spec.name):
            yield from _exit_problems(graph, spec)
    yield from _unreachable(graph)
    yield from _unbounded_loops(graph)
    yield from _dead_ends(graph)


def _ends_of_the_thread(graph: Graph) -> Iterator[Problem]:
    workflow = graph.workflow
    for role, name in (("entry", workflow.entry), ("on_failure", workflow.on_failure)):
        if name is not None and name not in graph.nodes:
            message = f"{role} names {name!r}, and there is no such node"
            yield Problem(code="unknown_node", message=message, counter_example={"path": [name]})
    if workflow.on_failure is None and not _runs_as_an_api(graph):
        yield Problem(
            code="missing_on_failure",
            message="on_failure must name the node that takes over when another fails",
            counter_example={"path": [workflow.entry], "exit": "error"},
        )


def _runs_as_an_api(graph: Graph) -> bool:
    """Tell whether a caller is there to see a run end as failed."""
    has_output = any(spec.kind == "output" for spec in graph.nodes.values())
    return graph.workflow.input is not None or has_output


def _unknown_targets(graph: Graph, spec: NodeSpec) -> Iterator[Problem]:
    own = graph.own_exits(spec.name)
    stands_for = own[0] if graph.is_understood(spec.name) and len(own) == 1 else "next"
    named = dict(spec.exits) if spec.next is None else {stands_for: spec.next, **spec.exits}
    for exit, target in named.items():
        if target not in graph.nodes:
            yield Problem(
                code="unknown_node",
                node=spec.name,
                message=f"its exit {exit} leads to {target!r}, and there is no such node",
                counter_example=graph.example(spec.name, exit),
            )


def _exit_problems(graph: Graph, spec: NodeSpec) -> Iterator[Problem]:
    own = graph.own_exits(spec.name)
    stands_for = own[0] if spec.next is not None and len(own) == 1 else None
    loose = [exit for exit in graph.exits(spec.name) if exit not in (*spec.exits, stands_for)]
    for exit in loose:
        yield _unconnected(graph, spec, exit)
    # Beside an exit that leads nowhere, a needless one is most likely its misspelling.
    for exit in () if loose else spec.exits:
        if exit not in own and exit not in COMMON_EXITS:
            yield _bad_exit(graph, spec, f"has no exit {exit!r}; it has {_listed(own)}")
    if spec.next is not None and len(own) != 1:
        yield _bad_exit(graph, spec, f"next is short for an only exit; it has {_listed(own)}")
    if stands_for in spec.exits:
        yield _bad_exit(graph, spec, f"the exit {stands_for} is connected twice, by next too")


def _listed(exits: tuple[str, ...]) -> str:
    return ", ".join(exits) or "none: it ends a path"


def _bad_exit(graph: Graph, spec: NodeSpec, message: str) -> Problem:
    example = graph.example(spec.name)
    return Problem(code="bad_config", node=spec.name, message=message, counter_example=example)


def _unconnected(graph: Graph, spec: NodeSpec, exit: str) -> Problem:
    example = graph.example(spec.name, exit)
    rules = [rule.name for rule in rules_of(spec) if rule.to == exit]
    if spec.kind == "route" and rules:
        return Problem(
            code="route_without_edge",
            node=spec.name,
            rule=rules[0],
            message=f"the rule {rules[0]!r} leads to {exit!r}, and exits has no edge for it",
            counter_example=example,
        )
    message = f"its exit {exit} leads nowhere"
    return Problem(
        code="unconnected_exit", node=spec.name, message=message, counter_example=example
    )


def _unreachable(graph: Graph) -> Iterator[Problem]:
    # Without an entry nothing is reached, and that has been told.
    for name in graph.nodes if graph.workflow.entry in graph.nodes else ():
        if not graph.is_reached(name):
            yield Problem(
                code="unreachable_node",
                node=name,
                message="no path from the entry leads here",
                counter_example={"reached": graph.reached()},
            )


def _unbounded_loops(graph: Graph) -> Iterator[Problem]:
    """Yield the loops that nothing stops.

    A node with `max_visits` is left by its other exits only so often; a path that never ends is
    therefore one that, from some point on, leaves such nodes by `exhausted` alone.
    """
    left = dict.fromkeys(graph.reached())
    while loop := _loop(left, lambda name: _endless_targets(graph, name)):
        first = min(range(len(loop)), key=lambda index: len(graph.path_to(loop[index])))
        ordered = [*loop[first:], *loop[:first]]
        yield Problem(
            code="unbounded_loop",
            node=ordered[0],
            message=f"{' → '.join([*ordered, ordered[0]])} may go round for ever; "
            "give one of them max_visits and an exit exhausted that leads out",
            counter_example={"path": [*graph.path_to(ordered[0]), *ordered[1:], ordered[0]]},
        )
        for name in loop:
            del left[name]
    # Those in a loop have just been told so.
    for name in left:
        spec = graph.nodes[name]
        if "exhausted" in spec.exits and spec.max_visits is None:
            yield _bad_exit(graph, spec, "the exit exhausted needs max_visits")


def _endless_targets(graph: Graph, name: str) -> list[str]:
    is_bounded = graph.nodes[name].max_visits is not None
    edges = graph.edges[name]
    return [edge.target for edge in edges if edge.exit == "exhausted" or not is_bounded]


def _loop(nodes: Mapping[str, None], targets_of: Callable[[str], list[str]]) -> list[str]:
    """Return the nodes of one loop in the order they are passed; empty where there is none."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in nodes:
        sorter.add(name)
        for target in targets_of(name):
            if target in nodes:
                sorter.add(target, name)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])[:-1]
    return []


def _dead_ends(graph: Graph) -> Iterator[Problem]:
    """Yield the places that paths lead into and from where none of them ends."""
    ends = [name for name in graph.nodes if graph.ends(name)]
    saved = graph.leading_to(ends)
    stuck = [name for name in graph.reached() if name not in saved]
    # First those without a way on, then loops that nothing leads out of.
    stuck.sort(key=lambda name: bool(graph.edges[name]))
    told: set[str] = set()
    for name in stuck:
        leading = set() if name in told else graph.leading_to([name])
        if not leading or not graph.reached_from(name) <= leading:
            continue
        told |= leading
        if _has_own_problem(graph, name):
            continue
        yield Problem(
            code="dead_end",
            node=name,
            message="a path stops here without a reply, an escalation or a close",
            counter_example=graph.example(name),
        )


def _has_own_problem(graph: Graph, name: str) -> bool:
    """Tell whether its way on is there but leads to a node that is not."""
    spec = graph.nodes[name]
    targets = [*spec.exits.values(), *([spec.next] if spec.next else [])]
    return any(target not in graph.nodes for target in targets)
