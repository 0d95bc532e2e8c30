"""What the proofs say of a workflow is what walking it in every way there is comes to."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestration.engine import UNCHECKED
from orchestration.nodes import Outcome
from orchestration.proofs import Problem, problems
from orchestration.types import Json
from orchestration.workflow import NodeSpec
from tests.fakes.engine_replay import DECIDING, Replay, ended, left_by, new_draft, replay, walk
from tests.fakes.replaying import reproduces
from tests.fakes.simulator import (
    FRUITLESS,
    KINDS,
    Found,
    Simulator,
    TooMany,
    fields_in,
    is_there,
)
from tests.fakes.telling import tellings

DOMAINS: dict[str, list[Json]] = {
    "urgency": ["low", "normal", "high", "urgent"],
    "complexity": ["simple", "complex"],
    "turn": [0, 1, 2, 3],
    "wants_human": [True, False],
    "entities.orders": [(), ("a",)],
}
LEAVES: list[dict[str, Json]] = [
    {"field": "urgency", "is": "urgent"},
    {"field": "urgency", "in": ["low", "normal"]},
    {"field": "urgency", "is_not": "low"},
    {"field": "complexity", "is": "simple"},
    {"field": "turn", "at_least": 1},
    {"field": "turn", "at_most": 2},
    {"field": "wants_human", "is": True},
    {"field": "entities.orders", "contains": "a"},
]
ENDS = {"send": {"kind": "send"}, "close": {"kind": "close"}, "human": {"kind": "escalate"}}
SCHEMA = {"type": "object", "properties": {"colour": {"type": "string"}}}
ASK = {"kind": "model", "tier": "light", "prompt": "?", "output": SCHEMA, "required": True}
# Only a reply that asks a model leaves a draft that has to be looked at.
RESPONDERS = (["template"], ["light"], ["template", "light"])
EXITS = {
    "reply": ("drafted", "abstained", "proposed"),
    "check": ("passed", "failed", "unsure"),
    "approve": ("released", "rejected", "expired"),
    "enrich": ("done",),
    "classify": ("done",),
    "branch": ("yes", "no"),
}


Check = Callable[[dict[str, Json]], None]


class Maker:
    """Makes documents by chance; most edges lead on, some back, few are left out."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.nodes: dict[str, Json] = {}

    def document(self) -> dict[str, Json]:
        names = [f"n{n}" for n in range(self.dice.randrange(2, 6))]
        for index, name in enumerate(names):
            later = [*names[index + 1 :], *ENDS]
            self._add(name, later, names)
        start = {"kind": "classify", "next": names[0]}
        nodes = {"start": start, **self.nodes, **ENDS}
        if self.dice.random() < 0.9:
            nodes = reachable(nodes)
        return {"name": "test", "entry": "start", "nodes": nodes, "on_failure": "human"}

    def _add(self, name: str, later: Sequence[str], all_names: Sequence[str]) -> None:
        dice = self.dice
        kind = self._kind()
        if kind == "fork":
            self._add_region(name, dice.choice(later))
            return
        node: dict[str, Json] = {"kind": kind}
        if kind == "route":
            node["rules"] = rules = self._rules()
            exits = tuple(dict.fromkeys(rule.get("to") or rule["otherwise"] for rule in rules))
        else:
            exits = EXITS[kind]
        if kind == "branch":
            node["when"] = self._condition()
        if kind == "reply":
            node["responders"] = ["template"]
        if kind == "enrich":
            node["sources"] = ["history"]
        if dice.random() < 0.3:
            node["max_visits"] = dice.choice([1, 2])
            exits = (*exits, "exhausted")
        if dice.random() < 0.15:
            exits = (*exits, "error")
        node["exits"] = {exit: self._target(later, all_names) for exit in exits}
        if dice.random() < 0.05:
            node["exits"].popitem()
        self.nodes[name] = node

    def _kind(self) -> str:
        kind = self.dice.choice(["route", "branch", "branch", "reply", "enrich", "fork"])
        return self.dice.choice([kind] * 6 + ["classify", "check", "approve"])

    def _add_region(self, name: str, target: str) -> None:
        """Add a fork of two branches, each of one node, and their join."""
        left, right, join = f"{name}l", f"{name}r", f"{name}j"
        if not name.endswith("r") and self.dice.random() < 0.3:
            self._add_region(right, f"{name}a")
            self.nodes[f"{name}a"] = {**ASK, "into": f"after_{name}", "next": join}
            self._open(name, left, right, join, target, f"left_{name}", f"after_{name}")
            return
        self._open(name, left, right, join, target, f"left_{name}")
        into = self.dice.choice(["x", "y"])
        self.nodes[right] = self.dice.choice(
            [
                {"kind": "branch", "when": self._condition(), "exits": {"yes": join, "no": join}},
                {**ASK, "into": into, "next": join},
            ]
        )

    def _open(
        self, name: str, left: str, right: str, join: str, target: str, *written: str
    ) -> None:
        """Open a fork, and read behind its join what its branches have written."""
        self.nodes[name] = {"kind": "fork", "exits": {"a": left, "b": right}}
        if self.dice.random() < 0.5:
            self.nodes[name]["exits"] = {"b": right, "a": left}
        self.nodes[left] = {**ASK, "into": f"left_{name}", "next": join}
        if self.dice.random() < 0.3:
            self.nodes[left] |= {"next": None, "exits": {"done": join, "error": "human"}}
        prompt = " ".join(f"{{{{ {into}.colour }}}}" for into in written)
        self.nodes[join] = {"kind": "join", "next": f"{name}z"}
        self.nodes[f"{name}z"] = {
            **ASK,
            "prompt": prompt,
            "into": f"read_{name}",
            "next": target,
        }

    def _target(self, later: Sequence[str], all_names: Sequence[str]) -> str:
        if self.dice.random() < 0.1:
            return self.dice.choice(all_names)
        ends = [name for name in later if name != "send" or self.dice.random() < 0.2]
        return self.dice.choice(ends)

    def _condition(self) -> dict[str, Json]:
        dice = self.dice
        kind = dice.choice(["leaf", "leaf", "all", "any", "not"])
        if kind == "leaf":
            return dice.choice(LEAVES)
        if kind == "not":
            return {"not": dice.choice(LEAVES)}
        return {kind: dice.sample(LEAVES, 2)}

    def _rules(self) -> list[Json]:
        rules = [
            {"name": f"r{n}", "when": self._condition(), "to": self.dice.choice("ab")}
            for n in range(self.dice.randrange(1, 4))
        ]
        default = {"name": "else", "otherwise": self.dice.choice("abc")}
        return [*rules, default] if self.dice.random() < 0.95 else rules


def reachable(nodes: dict[str, Json]) -> dict[str, Json]:
    met, waiting = {"start", "human"}, ["start"]
    while waiting:
        node = nodes[waiting.pop()]
        targets = {*node.get("exits", {}).values(), *filter(None, [node.get("next")])} - met
        met |= targets
        waiting += sorted(targets)
    return {name: node for name, node in nodes.items() if name in met}


class DraftMaker(Maker):
    """Makes documents that write drafts, look at them and send them; about half are sound."""

    # Where each exit mostly leads, beside what comes by chance.
    SOUND: ClassVar[dict[str, str]] = {
        "abstained": "human",
        "passed": "send",
        "released": "send",
        "rejected": "human",
        "expired": "human",
    }

    def document(self) -> dict[str, Json]:
        names = [f"n{n}" for n in range(self.dice.randrange(2, 6))]
        self._add_one("write", "reply", names)
        for index, name in enumerate(names):
            kinds = ["check", "approve", "reply", "branch", "enrich", "fork"]
            kind = self.dice.choices(kinds, weights=[5, 2, 2, 1, 1, 2])[0]
            self._add_one(name, kind, [*names[index + 1 :], "human"])
        start = {"kind": "classify", "next": "write"}
        nodes = reachable({"start": start, **self.nodes, **ENDS})
        return {"name": "test", "entry": "start", "nodes": nodes, "on_failure": "human"}

    def _add_one(self, name: str, kind: str, later: Sequence[str]) -> None:
        if kind == "fork":
            self._add_branches(name, later[0])
            return
        exits = {exit: self._leads(exit, later) for exit in EXITS[kind]}
        if self.dice.random() < 0.2:
            exits["error"] = self._leads("error", [*later, "send"])
        node: dict[str, Json] = {"kind": kind, "exits": exits, **self._settings(kind)}
        if self.dice.random() < 0.3:
            exits[self.dice.choice(list(exits))] = name if name == "write" else "write"
            exits["exhausted"] = self._leads("exhausted", [*later, "send"])
            node["max_visits"] = self.dice.choice([1, 2])
        self.nodes[name] = node

    def _leads(self, exit: str, later: Sequence[str]) -> str:
        is_sound = exit in self.SOUND and self.dice.random() < 0.8
        return self.SOUND[exit] if is_sound else self.dice.choice(later[:2])

    def _settings(self, kind: str) -> dict[str, Json]:
        settings: dict[str, dict[str, Json]] = {
            "reply": {"responders": self.dice.choice(RESPONDERS)},
            "enrich": {"sources": ["orders"]},
            "branch": {"when": self._condition()},
            "approve": {"text": "closed today"} if self.dice.random() < 0.3 else {},
        }
        return settings.get(kind, {})

    def _add_branches(self, name: str, target: str) -> None:
        """Add a fork of two branches, each of up to two nodes or a fork, and their join."""
        join = f"{name}j"
        heads = {"a": self._branch(f"{name}a", join), "b": self._branch(f"{name}b", join)}
        self.nodes[name] = {"kind": "fork", "exits": heads}
        self.nodes[join] = {"kind": "join", "next": target}

    def _branch(self, name: str, join: str) -> str:
        if len(name) < 5 and self.dice.random() < 0.2:
            self._add_branches(name, join)
            return name
        target = join
        for step in range(self.dice.randrange(3)):
            kind = self.dice.choice(["reply", "check", "enrich", "branch"])
            exits = dict.fromkeys(EXITS[kind], target)
            if self.dice.random() < 0.2:
                exits["error"] = self.dice.choice(["send", "human"])
            target = f"{name}{step}"
            self.nodes[target] = {"kind": kind, "exits": exits, **self._settings(kind)}
        return target


@st.composite
def documents(draw: st.DrawFn, maker: type[Maker] = Maker) -> dict[str, Json]:
    return maker(random.Random(draw(st.integers(min_value=0)))).document()  # noqa: S311


def simulated(document: Json) -> Found:
    looked_at = fields_in(document)
    try:
        return Simulator(document, {n: DOMAINS[n] for n in DOMAINS if n in looked_at}).run()
    except TooMany:
        assume(False)
        raise


def codes(found: Sequence[Problem]) -> set[str]:
    return {each.code for each in found if each.severity == "error"}


def check_what_passes_ends(document: Json) -> None:
    found = problems(document, KINDS)
    assume(not codes(found))

    walked = simulated(document)

    assert not walked.stuck
    assert not walked.endless
    assert not walked.lacking
    assert not walked.unchecked
    assert not walked.unruled
    nets = [each for each in found if each.code == "rule_never_fires"]
    assert nets or walked.nodes == set(document["nodes"])


def check_the_engine_comes_to_an_end(document: Json) -> None:
    assume(not codes(problems(document, KINDS)))

    for seed in range(5):
        wanderer = Wanderer(document, random.Random(seed))  # noqa: S311
        walked = asyncio.run(walk(document, wanderer.leave, wanderer.entry()))

        assert wanderer.lacking == set()
        assert not kept_back(walked)
        assert walked.end in ("send", "close", "escalate") or wanderer.failures > 1, walked.failure


class Wanderer:
    """Leaves every node by chance, and sees that what it reads is there."""

    def __init__(self, document: Json, dice: random.Random) -> None:
        self.simulator = Simulator(document, {})
        self.dice = dice
        self.failures = 0
        self.drafts = 0
        self.lacking: set[tuple[str, str]] = set()

    def entry(self) -> dict[str, Json]:
        return {"channel": "test", "turn": self.dice.choice(DOMAINS["turn"])}

    def leave(self, spec: NodeSpec, state: Mapping[str, Json]) -> Outcome | None:
        written = frozenset(state)
        reads = KINDS[spec.kind].reads(self.simulator.configs[spec.name])
        self.lacking |= {(spec.name, name) for name in reads if not is_there(name, written)}
        if self.dice.random() < 0.05:
            self.failures += "error" not in spec.exits
            return left_by("error")
        if spec.kind in DECIDING:
            return None
        exits = self.simulator.own_exits(spec)
        if not exits:
            return ended(spec, state)
        exit = self.dice.choice(exits)
        names = () if (spec.kind, exit) in FRUITLESS else self.simulator.writes(spec.name)
        values = {name: self._value(name) for name in sorted(names)}
        if spec.kind == "approve" and exit != "released" and "draft" in state:
            # Only who releases a draft may have edited it.
            values["draft"] = state["draft"]
        return left_by(exit, values)

    def _value(self, name: str) -> Json:
        if name == "draft":
            self.drafts += 1
            return new_draft(self.drafts)
        value = self.dice.choice(DOMAINS.get(name, ["written"]))
        return list(value) if isinstance(value, tuple) else value


def check_what_is_said_is_so(document: Json) -> None:
    found = problems(document, KINDS)
    crossed = {"crossed_branch", "parallel_write"} & codes(found)
    assume(not crossed)

    walked = simulated(document)

    told = {(each.code, each.node) for each in found}
    assert {node for code, node in told if code == "unbounded_loop"} <= walked.endless
    assert bool(walked.endless) == any(code == "unbounded_loop" for code, _ in told)
    assert {node for code, node in told if code == "unchecked_draft"} == walked.unchecked
    lacking = {node for node, _ in walked.lacking}
    assert {node for code, node in told if code == "unwritten_read"} == lacking
    loose = {"unconnected_exit", "route_without_edge", "dead_end", "missing_default"}
    stuck = {node for node, _ in walked.stuck} | walked.unruled
    assert stuck <= {node for code, node in told if code in loose}
    assert not {node for code, node in told if code == "unreachable_node"} & walked.nodes
    dead = ("rule_never_fires", "rules_contradict")
    never = {(each.node, each.rule) for each in found if each.code in dead}
    assert {each for each in never if each[0] in walked.nodes} == {
        each for each in all_rules(document) - walked.fired if each[0] in walked.nodes
    }


def check_what_is_not_proved_is_rather_refused(document: Json) -> None:
    exact = {(each.code, each.node) for each in problems(document, KINDS)}

    rough = {(each.code, each.node) for each in problems(document, KINDS, steps=0)}

    of_nodes = {"dead_end", "unwritten_read", "unchecked_draft", "unconnected_exit"}
    assert {each for each in exact if each[0] in of_nodes} <= rough
    loops = [{each for each in told if each[0] == "unbounded_loop"} for told in (exact, rough)]
    assert bool(loops[0]) <= bool(loops[1])


def check_the_overlaps_are_those_that_messages_meet(document: Json) -> None:
    found = problems(document, KINDS)
    assume(not {"crossed_branch", "parallel_write"} & codes(found))

    walked = simulated(document)

    # A rule that other rules leave nothing to overlaps none.
    dead = {
        (each.node, each.rule)
        for each in found
        if each.code == "rules_contradict"
        or (each.code == "rule_never_fires" and len(each.counter_example or {}) > 1)
    }
    met = {pair for pair in walked.overlaps if (pair[0], pair[2]) not in dead}
    told = [each for each in found if each.code == "rules_overlap" and each.node in walked.nodes]
    assert {(each.node, *(each.counter_example or {})["rules"]) for each in told} == met


def check_what_is_shown_is_so(document: Json) -> None:
    found = problems(document, KINDS)
    looked_at = fields_in(document)
    domains = {name: DOMAINS[name] for name in DOMAINS if name in looked_at}

    for problem in found:
        try:
            assert reproduces(problem, document, domains), problem
        except TooMany:
            continue


def check_the_engine_keeps_back_what_is_refused(document: Json) -> None:
    found = problems(document, KINDS)
    assume(not {"crossed_branch", "parallel_write"} & codes(found))
    # What a branch beside the one that is shown does is not told to the engine.
    kinds = {name: node["kind"] for name, node in document["nodes"].items()}
    refused = [each for each in found if each.code == "unchecked_draft"]
    paths = [(each, (each.counter_example or {})["path"]) for each in refused]
    plain = [each for each, path in paths if "fork" not in {kinds[name] for name in path}]
    assume(plain)

    for problem in plain:
        tried = [
            asyncio.run(replay(document, *told)) for told in tellings(document, problem, DOMAINS)
        ]
        assert any(problem.node in kept_back(walked) for walked in tried), problem


def kept_back(walked: Replay) -> list[str]:
    """Return the nodes at which the engine would not send a draft."""
    return [step.node for step in walked.steps if UNCHECKED in (step.error or "")]


def all_rules(document: Json) -> set[tuple[str, str]]:
    rules: set[tuple[str, str]] = set()
    for name, node in document["nodes"].items():
        if node["kind"] == "route":
            rules |= {(name, rule["name"]) for rule in node["rules"]}
        if node["kind"] == "branch":
            rules |= {(name, "yes"), (name, "no")}
    return rules


CHECKS: dict[str, Check] = {
    "what passes ends": check_what_passes_ends,
    "the engine comes to an end": check_the_engine_comes_to_an_end,
    "what is said is so": check_what_is_said_is_so,
    "what is not proved is rather refused": check_what_is_not_proved_is_rather_refused,
    "overlaps are met": check_the_overlaps_are_those_that_messages_meet,
    "what is shown is so": check_what_is_shown_is_so,
}
OF_DRAFTS: dict[str, Check] = {
    **CHECKS,
    "the engine keeps back what is refused": check_the_engine_keeps_back_what_is_refused,
}
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def made_by_chance(
    check: Check, examples: int, *, is_same_each_time: bool, maker: type[Maker] = Maker
) -> None:
    """Check documents made by chance; in CI they are the same ones each time."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=is_same_each_time,
        database=None,
        suppress_health_check=SLOW,
    )
    @given(documents(maker))
    def run(document: Json) -> None:
        check(document)

    run()


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_of_workflows_made_by_chance(check: Check) -> None:
    made_by_chance(check, 60, is_same_each_time=True)


@pytest.mark.parametrize("check", OF_DRAFTS.values(), ids=OF_DRAFTS)
def test_of_workflows_that_draft_and_send_by_chance(check: Check) -> None:
    made_by_chance(check, 60, is_same_each_time=True, maker=DraftMaker)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_of_very_many_workflows_made_by_chance(check: Check) -> None:
    made_by_chance(check, 2000, is_same_each_time=False)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("check", OF_DRAFTS.values(), ids=OF_DRAFTS)
def test_of_very_many_workflows_that_draft_and_send_by_chance(check: Check) -> None:
    made_by_chance(check, 2000, is_same_each_time=False, maker=DraftMaker)
