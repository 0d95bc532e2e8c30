"""Each broken workflow is refused in its place, and its counter-example is true: taken at its word,
by the rules of the guide and by the engine itself, it shows what was said.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from orchestration import programs
from orchestration.proofs import Problem, problems
from orchestration.types import Json
from orchestration.workflow import parse
from tests.fakes.engine_replay import Replay, Told, replay
from tests.fakes.replaying import CHECKS, Step, reproduces, traces
from tests.fakes.simulator import KINDS, At, Simulator, fields_in

CASES = YAML(typ="safe", pure=True).load(Path(__file__).with_name("broken_workflows.yaml"))
IDS = [case["name"] for case in CASES]
# One value and more of each field, whatever the conditions say.
DOMAINS: dict[str, list[Json]] = {
    "urgency": ["low", "normal", "high", "urgent"],
    "complexity": ["simple", "complex"],
    "risk": ["none", "legal"],
    "turn": [0, 1, 2, 3],
    "wants_human": [True, False],
    "within_hours": [True, False],
    "route_confidence": [0.1, 0.6, 0.9],
    "confidence": [0.1, 0.9],
    "order.status": ["late", "none"],
    "order.value": [0, 100],
    "entities.orders": [(), ("1042",)],
    "input.colour": ["red", "blue"],
    "idea.colour": ["red", None],
}
WALKED = {
    *("unconnected_exit", "route_without_edge", "unknown_node", "dead_end"),
    *("unbounded_loop", "unwritten_read"),
}


def document(case: Json) -> dict[str, Json]:
    return {
        "name": "test",
        "entry": case.get("entry", next(iter(case["nodes"]))),
        "nodes": {**case["nodes"], "human": {"kind": "escalate"}},
        "on_failure": case.get("on_failure", "human"),
        **({"input": case["input"]} if "input" in case else {}),
    }


def expected(case: Json) -> Problem:
    """Return the problem that is to be told."""
    found = problems(document(case), KINDS)
    wanted = {"severity": "error", "node": None, "rule": None, **case["says"]}
    told = [each for each in found if each.code == wanted["code"]]
    assert told, [f"{each.code} at {each.node}" for each in found]
    return next(
        each for each in told if all(getattr(each, key) == wanted[key] for key in _keys(case))
    )


def _keys(case: Json) -> set[str]:
    return {"severity", "node"} | set(case["says"])


def test_there_are_many_broken_workflows_and_every_code_among_them() -> None:
    told = Counter(case["says"]["code"] for case in CASES)

    assert set(told) == set(CHECKS)
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_it_is_refused_at_its_place_in_one_plain_sentence(case: Json) -> None:
    problem = expected(case)

    assert problem.counter_example
    assert problem.message
    assert "\n" not in problem.message
    assert not problem.message.endswith(".")


# What goes with another problem: the same mistake seen from another side.
ALSO = {
    "a confidence in percent": ("rule_never_fires",),
    "half a turn": ("rule_never_fires",),
    "used up visits that lead nowhere": ("dead_end",),
    "a node with no way on": ("unconnected_exit",),
    "urgent and simple, and no end": ("unbounded_loop",),
    "branches that never come together": ("unbounded_loop", "dead_end"),
}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_nothing_is_refused_but_what_is_broken(case: Json) -> None:
    codes = {each.code for each in problems(document(case), KINDS) if each.severity == "error"}

    assert codes <= {case["says"]["code"], *ALSO.get(case["name"], ())}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_its_counter_example_is_true(case: Json) -> None:
    whole = document(case)
    looked_at = fields_in(whole)

    assert reproduces(
        expected(case), whole, {name: DOMAINS[name] for name in DOMAINS if name in looked_at}
    )


ON_PATHS = [case for case in CASES if case["says"]["code"] in WALKED and case["says"].get("node")]


@pytest.mark.parametrize("case", ON_PATHS, ids=[case["name"] for case in ON_PATHS])
def test_the_engine_comes_to_what_the_counter_example_shows(case: Json) -> None:
    problem, whole = expected(case), document(case)
    example: Json = problem.counter_example

    walks = [asyncio.run(replay(whole, *told)) for told in tellings(whole, problem)]

    ended = [walk for walk in walks if SHOWS[problem.code](walk, problem, example)]
    assert ended, [(walk.nodes, walk.failure, walk.end) for walk in walks]


UNFIT: dict[str, Json] = {
    "nobody to fall back on": (
        {"input": {"type": "object"}, "on_failure": None},
        ("missing_on_failure", {"path": ["classify"], "exit": "error"}),
    ),
    "an input that messages do not bring": (
        {"input": {"type": "object", "required": ["colour"]}, "on_failure": "human"},
        ("bad_config", {"fields": {"input.colour": None}}),
    ),
}


@pytest.mark.parametrize(("settings", "told"), UNFIT.values(), ids=UNFIT)
def test_what_an_api_may_have_is_refused_where_customers_are_answered(
    settings: Json, told: Json
) -> None:
    nodes = {"classify": {"kind": "classify", "next": "human"}, "human": {"kind": "escalate"}}
    parsed = parse({"name": "test", "entry": "classify", "nodes": nodes, **settings})

    assert programs.problems(parsed, []) == []
    found = programs.problems(parsed, [], answers=True)
    assert [(each.code, each.counter_example) for each in found] == [told]


def tellings(whole: Json, problem: Problem) -> Iterator[tuple[list[Told], dict[str, Json]]]:
    """Yield how the engine is to be led along the path, and the fields that it begins with."""
    example: Json = problem.counter_example
    path, fields = example["path"], example.get("fields", {})
    known = {**DOMAINS, **{name: [_hashable(value)] for name, value in fields.items()}}
    looked_at = fields_in(whole)
    simulator = Simulator(whole, {name: known[name] for name in known if name in looked_at})
    for trace in traces(simulator, path):
        told = [each for step in trace for each in _told(simulator, path, step)]
        if problem.code == "unbounded_loop":
            rounds = [each for each in trace if each.place >= path.index(path[-1])]
            told += 200 * [each for step in rounds for each in _told(simulator, path, step)]
        elif problem.code == "dead_end" or "exit" in example:
            told.append(Told(path[-1], example.get("exit", "done"), {}))
        entry = trace[0].at if trace else next(simulator.starts())
        yield told, {"channel": "test", **_values(entry)}


def _told(simulator: Simulator, path: list[str], step: Step) -> Iterator[Told]:
    """Yield how each node on a step is left; the engine knows itself what is used up and forked."""
    if simulator.workflow.nodes[step.at.node].kind == "fork":
        between = range(step.place + 1, step.there)
        exits = {
            n: "error" if step.exit == "error" and n == step.there - 1 else "" for n in between
        }
    else:
        exits = {step.place: step.exit}
    for index, exit in exits.items():
        if exit != "exhausted":
            name = path[index]
            left_by = exit or next(iter(simulator.own_exits(simulator.workflow.nodes[name])))
            has_written = left_by not in ("error", "abstained", "invalid", "failed")
            written = simulator.writes(name) if has_written else ()
            values = _values(step.after)
            yield Told(name, left_by, {each: values.get(each, "written") for each in written})


def _values(at: At) -> dict[str, Json]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in at.values}


def _hashable(value: Json) -> Json:
    return tuple(value) if isinstance(value, list) else value


def _leads_nowhere(walk: Replay, problem: Problem, example: Json) -> bool:
    told = walk.failure or ""
    is_there = walk.nodes[: len(example["path"])] == example["path"]
    return is_there and ("leads nowhere" in told or "no node" in told)


def _goes_on_for_ever(walk: Replay, problem: Problem, example: Json) -> bool:
    return walk.nodes[:200] == walk.nodes and "more than 200 steps" in (walk.failure or "")


def _stops(walk: Replay, problem: Problem, example: Json) -> bool:
    return _leads_nowhere(walk, problem, example) or _goes_on_for_ever(walk, problem, example)


def _sees_nothing_written(walk: Replay, problem: Problem, example: Json) -> bool:
    state = next(state for node, state in reversed(walk.seen) if node == problem.node)
    return not [name for name in example["missing"] if name in state]


SHOWS = {
    "unconnected_exit": _leads_nowhere,
    "route_without_edge": _leads_nowhere,
    "unknown_node": _leads_nowhere,
    "dead_end": _stops,
    "unbounded_loop": _goes_on_for_ever,
    "unwritten_read": _sees_nothing_written,
}
