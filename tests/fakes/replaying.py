"""Takes a counter-example at its word: walks its path, asks its rules, sees what comes of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestration.proofs import Problem
from orchestration.rules import Rule, leaves_of, matches
from orchestration.types import Json
from orchestration.workflow import MAX_STEPS, condition_of, rules_of
from tests.fakes.simulator import At, Simulator, first, is_unchecked

Domains = Mapping[str, Sequence[Json]]


class Step(NamedTuple):
    """From a place on the path to a later one, by an exit; over a fork it may pass several."""

    place: int
    at: At
    exit: str
    there: int
    after: At


def reproduces(problem: Problem, document: Json, domains: Domains) -> bool:
    """Tell whether the counter-example shows what the problem says."""
    example = dict(problem.counter_example or {})
    fields = example.get("fields", {})
    later = example.get("later", {})
    known = {**domains, **{name: [value, *later.get(name, ())] for name, value in fields.items()}}
    simulator = Simulator(document, {name: _hashable(values) for name, values in known.items()})
    return CHECKS[problem.code](simulator, problem, example)


def walked(simulator: Simulator, path: Sequence[str], starts: Sequence[At] = ()) -> set[At]:
    """Return every place that a walk along the path may end at; empty where it cannot be walked."""
    ways = _ways(simulator, path, starts or list(simulator.starts()))
    return {at for index, at in ways if index == len(path) - 1}


def traces(simulator: Simulator, path: Sequence[str]) -> Iterator[list[Step]]:
    """Yield for every place at the end of the path how a walk may come there."""
    ways = _ways(simulator, path, [*simulator.starts()])
    for end in (each for each in ways if each[0] == len(path) - 1):
        trace: list[Step] = []
        stand = end
        while (before := ways[stand]) is not None:
            trace.append(Step(*before, *stand))
            stand = before[:2]
        yield trace[::-1]


def _ways(
    simulator: Simulator, path: Sequence[str], starts: Sequence[At]
) -> dict[tuple[int, At], tuple[int, At, str] | None]:
    """Return all places on the path that can be come to, each with the one before and its exit."""
    ways: dict[tuple[int, At], tuple[int, At, str] | None] = {}
    ways |= {(0, at): None for at in starts if at.node == path[0]}
    waiting = list(ways)
    while waiting:
        index, at = waiting.pop(0)
        for exit, there, after in _further(simulator, path, index, at):
            if (there, after) not in ways:
                ways[there, after] = (index, at, exit)
                waiting.append((there, after))
    return ways


def _further(
    simulator: Simulator, path: Sequence[str], index: int, at: At
) -> Iterator[tuple[str, int, At]]:
    if index == len(path) - 1:
        return
    spec = simulator.workflow.nodes[at.node]
    moves = [(exit, after) for exit, _, after in simulator.moves(at)]
    if spec.kind != "fork":
        yield from ((x, index + 1, after) for x, after in moves if after.node == path[index + 1])
        return
    # Behind the fork a walk is at the join, or where an error leads; a path may end before that.
    for there in range(index + 1, len(path)):
        yield from ((x, there, after) for x, after in moves if after.node == path[there])
    kinds = [simulator.workflow.nodes[name].kind for name in path[index + 1 : -1]]
    if "join" not in kinds:
        for exit in simulator.own_exits(spec):
            inside = simulator.arrive(at, simulator.target(spec, exit))
            if inside.node == path[index + 1]:
                yield exit, index + 1, inside


def _leads_nowhere(simulator: Simulator, problem: Problem, example: Json) -> bool:
    if problem.node is None:
        return not set(example["path"]) & set(simulator.workflow.nodes)
    node, exit = str(problem.node), example["exit"]
    if example["path"] == [node] and simulator.workflow.entry != node:
        return simulator.target(simulator.workflow.nodes[node], exit) == ""
    return any(
        taken == exit and not after.node
        for at in walked(simulator, example["path"])
        for taken, _, after in simulator.moves(at)
    )


def _never_ends(simulator: Simulator, problem: Problem, example: Json) -> bool:
    path = example["path"]
    if len(path) > MAX_STEPS:
        return bool(walked(simulator, path))
    rounds = [index for index, name in enumerate(path[:-1]) if name == path[-1]]
    return any(
        at in walked(simulator, path[index:], [at])
        for index in rounds
        for at in walked(simulator, path)
    )


def _stops(simulator: Simulator, problem: Problem, example: Json) -> bool:
    standing = walked(simulator, example["path"])
    met = set(standing)
    while standing:
        standing = {x for at in standing for e, _, x in simulator.moves(at) if e != "error"}
        standing = {at for at in standing if at.node} - met
        met |= standing
    return bool(met) and not any(simulator.ends(at.node) for at in met)


def _lacks(simulator: Simulator, problem: Problem, example: Json) -> bool:
    lacking = [simulator.lacking(at) for at in walked(simulator, example["path"])]
    return all(any(name in each for each in lacking) for name in example["missing"])


def _sends_unchecked(simulator: Simulator, problem: Problem, example: Json) -> bool:
    spec = simulator.workflow.nodes[str(problem.node)]
    return any(is_unchecked(spec, at) for at in walked(simulator, example["path"]))


def _is_not_reached(simulator: Simulator, problem: Problem, example: Json) -> bool:
    return problem.node not in simulator.run().nodes


def _is_taken_before(simulator: Simulator, problem: Problem, example: Json) -> bool:
    """A rule that never fires: others take the message, it goes elsewhere, or none meets it."""
    rules, fields = _rules(simulator, problem), _hashed(example["fields"])
    rule = next(each for each in rules if each.name == problem.rule)
    if "failed_on" in example:
        return not matches(rule.when, fields)
    before = {each.name for each in rules[: rules.index(rule)]}
    if "rules" in example:
        named = [each for each in rules if each.name in before & set(example["rules"])]
        return matches(rule.when, fields) and any(matches(each.when, fields) for each in named)
    fired = {name for node, name in simulator.run().fired if node == problem.node}
    return matches(rule.when, fields) and problem.rule not in fired


def _goes_elsewhere(simulator: Simulator, problem: Problem, example: Json) -> bool:
    rules, fields = _rules(simulator, problem), _hashed(example["fields"])
    rule = next(each for each in rules if each.name == problem.rule)
    taking = first(rules, fields)
    return bool(taking and taking.to != rule.to and matches(rule.when, fields))


def _is_taken_by_none(simulator: Simulator, problem: Problem, example: Json) -> bool:
    rules = _rules(simulator, problem)
    if "path" in example:
        # Rules that happen to take everything need a default all the same.
        return rules[-1].when is not None
    return first(rules, _hashed(example["fields"])) is None


def _says_nothing(simulator: Simulator, problem: Problem, example: Json) -> bool:
    """A comparison that fails, or holds, whatever value of the field it meets."""
    (name,) = example["fields"]
    leaves = [leaf for rule in _rules(simulator, problem) for leaf in leaves_of(rule.when)]
    own = [leaf for leaf in leaves if leaf.field == name]
    if not own:
        return simulator.is_read(str(problem.node), name) and not simulator.is_ever_written(name)
    values = simulator.domains.get(name, [None])
    return any(len({matches(leaf, {name: value}) for value in values}) == 1 for leaf in own)


def _is_a_path(simulator: Simulator, problem: Problem, example: Json) -> bool:
    """Parallel branches that are built wrongly: the path follows the lines of the document."""
    nodes, on_failure = simulator.workflow.nodes, simulator.workflow.on_failure
    pairs = zip(example["path"], example["path"][1:], strict=False)
    return all(
        there in {*nodes[here].exits.values(), nodes[here].next, on_failure}
        for here, there in pairs
    )


def _write_the_same(simulator: Simulator, problem: Problem, example: Json) -> bool:
    one, other = example["path"][-1], example["beside"][-1]
    return all(
        name in simulator.writes(one) & simulator.writes(other) for name in example["written"]
    )


def _fails_for_good(simulator: Simulator, problem: Problem, example: Json) -> bool:
    entry = simulator.workflow.entry
    return example["path"] == [entry] and "error" not in {
        exit for at in simulator.starts() for exit, _, _ in simulator.moves(at)
    }


def _is_refused(simulator: Simulator, problem: Problem, example: Json) -> bool:
    return example["path"][-1] not in simulator.configs


def _is_set_wrongly(simulator: Simulator, problem: Problem, example: Json) -> bool:
    name = example["path"][-1]
    spec, own = simulator.workflow.nodes[name], simulator.own_exits(simulator.workflow.nodes[name])
    rules = [rule.name for rule in rules_of(spec)]
    return (
        name not in simulator.configs
        or len(rules) > len(set(rules))
        or not set(spec.exits) <= {*own, "error", *(["exhausted"] if spec.max_visits else [])}
        or (spec.next is not None and (len(own) != 1 or own[0] in spec.exits))
    )


# All codes but `not_proved`, which says that nothing could be shown.
CHECKS: Mapping[str, Callable[[Simulator, Problem, Json], bool]] = {
    "unconnected_exit": _leads_nowhere,
    "route_without_edge": _leads_nowhere,
    "unknown_node": _leads_nowhere,
    "unbounded_loop": _never_ends,
    "dead_end": _stops,
    "unwritten_read": _lacks,
    "unchecked_draft": _sends_unchecked,
    "unreachable_node": _is_not_reached,
    "rule_never_fires": _is_taken_before,
    "rules_contradict": _goes_elsewhere,
    "rules_overlap": _goes_elsewhere,
    "missing_default": _is_taken_by_none,
    "unknown_field": _says_nothing,
    "unknown_value": _says_nothing,
    "wrong_type": _says_nothing,
    "crossed_branch": _is_a_path,
    "parallel_write": _write_the_same,
    "missing_on_failure": _fails_for_good,
    "unknown_kind": _is_refused,
    "bad_config": _is_set_wrongly,
}


def _rules(simulator: Simulator, problem: Problem) -> list[Rule]:
    spec = simulator.workflow.nodes[str(problem.node)]
    condition = condition_of(spec) if spec.kind == "branch" else None
    if condition is not None:
        return [Rule("yes", condition, "yes"), Rule("no", None, "no")]
    return list(rules_of(spec))


def _hashed(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}


def _hashable(values: Sequence[Json]) -> list[Json]:
    return [tuple(value) if isinstance(value, list) else value for value in values]
