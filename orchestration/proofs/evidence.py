"""The evidence of walks: counter-examples of what was found, and what only walks can show."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from orchestration.proofs.boxes import OutOfSteps
from orchestration.proofs.choices import NONE, Deciders
from orchestration.proofs.graph import Graph
from orchestration.proofs.reads import read_problems
from orchestration.proofs.regions import Region
from orchestration.proofs.ruleset import rules_overlap
from orchestration.proofs.seals import Lines, unchecked_drafts
from orchestration.proofs.unwritten import unwritten_reads
from orchestration.proofs.walks import Walks
from orchestration.rules import Rule
from orchestration.types import Json
from orchestration.workflow import MAX_STEPS, NodeSpec, Problem

# Less than five seconds on a small machine of 2026.
STEPS_FOR_WALKS = 4_000_000
# Of more loops than that the others are told when these have been mended.
MOST_LOOPS = 40
_OF_WALKS = frozenset({"dead_end", "unbounded_loop", "unwritten_read", "unchecked_draft"})
_OF_RULES = frozenset({"rule_never_fires", "rules_contradict", "not_proved"})


def proved(
    found: Sequence[Problem],
    graph: Graph,
    regions: Sequence[Region],
    deciders: Deciders,
    walks: Walks,
    *,
    needs: Mapping[str, Collection[str]],
    is_crossed: bool,
) -> list[Problem]:
    """Return the problems that some walk shows, each with that walk, and those of walks alone.

    `needs` are the fields that each node reads and that are not there at the entry. Where the walks
    are too many, all problems are kept as they are. Where branches cross, nobody knows what is
    written when.
    """
    if walks.is_complete:
        with suppress(OutOfSteps):
            written = (
                []
                if is_crossed
                else [
                    *unwritten_reads(needs, graph, regions, walks),
                    *unchecked_drafts(graph, regions, walks),
                ]
            )
            return [*_proved(found, graph, deciders, walks), *written]
    if not is_crossed:
        found = [
            *found,
            *read_problems(graph, regions, needs),
            *unchecked_drafts(graph, regions, Lines(graph)),
        ]
    return [*found, *_not_proved(found, deciders)]


def _proved(
    found: Sequence[Problem], graph: Graph, deciders: Deciders, walks: Walks
) -> list[Problem]:
    met = [each for problem in found for each in _met(problem, deciders, walks)]
    shown = [each for problem in met for each in _shown(problem, walks)]
    loops = [*_endless(walks)]
    if not loops and walks.reaches(graph.workflow.entry):
        loops = [*_too_long(walks)]
    rules = _never_on_arrival(found, graph, deciders, walks)
    return [*shown, *loops, *rules, *_never_used_up(graph, walks)]


def _not_proved(found: Sequence[Problem], deciders: Deciders) -> Iterator[Problem]:
    if len([*deciders]) > 1 or any(each.code in _OF_WALKS for each in found):
        yield Problem(
            code="not_proved",
            severity="warning",
            message="not proved: which rules fire where several nodes decide, and that messages "
            "really take the paths shown; there are too many ways through the workflow",
        )


def _met(problem: Problem, deciders: Deciders, walks: Walks) -> Iterator[Problem]:
    """Yield the problem, but an overlap only by a message that comes to its node."""
    node = problem.node or ""
    arrivals = [place.choices for place in walks.at(node)] if node in deciders else []
    if problem.code != "rules_overlap" or NONE in arrivals or not arrivals:
        yield problem
        return
    names = (problem.counter_example or {})["rules"]
    own = {rule.name: (rule, choice) for rule, choice in deciders.choices_at(node)}
    (first, choice), (later, other) = (own[name] for name in names)
    for choices in dict.fromkeys(arrivals):
        if fields := deciders.overlap(choices, choice, other.rule):
            yield rules_overlap(node, first, later, fields)
            return


def _shown(problem: Problem, walks: Walks) -> Iterator[Problem]:
    """Yield the problem with a walk that shows it; nothing where no message takes such a walk."""
    example, node = problem.counter_example or {}, problem.node
    # What only walks can show is found by them.
    if problem.code in ("unbounded_loop", "unwritten_read"):
        return
    is_of_rules = problem.counter_example is not None and "path" not in example
    if node is None or is_of_rules or problem.code == "crossed_branch":
        yield problem
    else:
        exit = example.get("exit")
        walk = walks.example(node, exit)
        if walk is not None:
            yield replace(problem, counter_example={**example, **walk})
        elif problem.code != "dead_end":
            alone = {"path": [node], **({} if exit is None else {"exit": exit})}
            yield replace(problem, counter_example={**example, **alone})


def _endless(walks: Walks) -> Iterator[Problem]:
    for nodes, example in islice(walks.loops(), MOST_LOOPS):
        yield Problem(
            code="unbounded_loop",
            node=nodes[0],
            message=f"{' → '.join([*nodes, nodes[0]])} may go round for ever; "
            "give one of them max_visits and an exit exhausted that leads out",
            counter_example=example,
        )


def _too_long(walks: Walks) -> Iterator[Problem]:
    steps, example = walks.longest()
    if steps > MAX_STEPS:
        path = example["path"]
        often = max(path, key=path.count)
        yield Problem(
            code="unbounded_loop",
            node=often,
            message=f"a run may take {steps} steps, and it is stopped after {MAX_STEPS}; "
            f"lower the max_visits of the loop through {often}",
            counter_example=example,
        )


def _never_on_arrival(
    found: Sequence[Problem], graph: Graph, deciders: Deciders, walks: Walks
) -> Iterator[Problem]:
    """Yield the rules that take no message which comes to their node, though they would others."""
    for node in filter(walks.reaches, deciders):
        told = {each.rule for each in found if each.node == node and each.code in _OF_RULES}
        for rule, choice in deciders.choices_at(node):
            if not walks.takes(node, choice.rule) and not told & {rule.name, None}:
                fields = {name: value for (name, _), value in deciders.sample({choice}).items()}
                yield _never_comes(graph.nodes[node], rule, fields)


def _never_comes(spec: NodeSpec, rule: Rule, fields: Mapping[str, Json]) -> Problem:
    is_route = spec.kind == "route"
    subject = "never fires" if is_route else f"its exit {rule.name} is never taken"
    # A default that nothing is left to is a safety net, not a mistake.
    return Problem(
        code="rule_never_fires",
        severity="warning" if is_route and rule.when is None else "error",
        node=spec.name,
        rule=rule.name,
        message=f"{subject}: a message that it would take goes another way before it comes here",
        counter_example={"fields": fields},
    )


def _never_used_up(graph: Graph, walks: Walks) -> Iterator[Problem]:
    """Yield the nodes that only an exit `exhausted` leads to which is never taken."""
    edges = (edge for name in graph.reached() for edge in graph.edges[name])
    for edge in edges:
        if (
            edge.exit == "exhausted"
            and walks.reaches(edge.source)
            and not walks.reaches(edge.target)
        ):
            yield Problem(
                code="unreachable_node",
                node=edge.target,
                message=f"only the exit exhausted of {edge.source} leads here, and no path comes "
                f"to {edge.source} often enough",
                counter_example=walks.example(edge.source),
            )
