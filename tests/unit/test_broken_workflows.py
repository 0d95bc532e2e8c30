"""Each broken workflow is refused in its place, and its counter-example is true: taken at its word,
by the rules of the guide and by the engine itself, it shows what was said.
"""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from orchestration import programs
from orchestration.engine import UNCHECKED
from orchestration.proofs import Problem, problems
from orchestration.types import Json
from orchestration.workflow import parse
from tests.fakes.engine_replay import Replay, replay
from tests.fakes.replaying import CHECKS, reproduces
from tests.fakes.simulator import KINDS, fields_in
from tests.fakes.telling import tellings

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
    *("unbounded_loop", "unwritten_read", "unchecked_draft"),
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


def test_a_setting_is_refused_in_our_own_words() -> None:
    route = {"kind": "route", "rules": "none", "exits": {"human": "human"}}

    found = problems(document({"nodes": {"route": route}}), KINDS)

    assert "rules: needs a list of at least one rule" in [each.message for each in found]


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

    walks = [asyncio.run(replay(whole, *told)) for told in tellings(whole, problem, DOMAINS)]

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


def _is_kept_back(walk: Replay, problem: Problem, example: Json) -> bool:
    kept = [step.node for step in walk.steps if UNCHECKED in (step.error or "")]
    return kept == [problem.node]


SHOWS = {
    "unconnected_exit": _leads_nowhere,
    "route_without_edge": _leads_nowhere,
    "unknown_node": _leads_nowhere,
    "dead_end": _stops,
    "unbounded_loop": _goes_on_for_ever,
    "unwritten_read": _sees_nothing_written,
    "unchecked_draft": _is_kept_back,
}
