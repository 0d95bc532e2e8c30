"""Proofs: every broken workflow is refused at the right place, and what passes never fails."""

import itertools
import random
from collections import Counter
from collections.abc import Collection
from importlib.resources import files

import pytest
from ruamel.yaml import YAML

from orchestration.proofs import Problem, problems
from orchestration.types import Json
from orchestration.workflow import parse
from tests.fakes.kinds import KINDS

SUPPORT = (files("orchestration.presets") / "support.yaml").read_text()

INTENTS = ("order_status", "refund")


def broken(
    *replacements: tuple[str, str], intents: Collection[str] | None = INTENTS
) -> list[Problem]:
    """Return the problems of the support workflow with some of its text replaced."""
    text = SUPPORT
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return problems(text, KINDS, intents=intents)


def workflow(nodes: Json, **settings: Json) -> dict[str, Json]:
    """Return a document that begins at its first node and has a human to fall back on."""
    nodes = YAML(typ="safe", pure=True).load(nodes) if isinstance(nodes, str) else nodes
    return {
        "name": "test",
        "entry": next(iter(nodes)),
        "nodes": {**nodes, "human": {"kind": "escalate"}},
        "on_failure": "human",
        **settings,
    }


def forked(branches: str, **replaced: Json) -> dict[str, Json]:
    """Return a workflow with a fork to `x` and `y`, to be brought together again at `join`."""
    read = YAML(typ="safe", pure=True).load(branches)
    return workflow(
        {
            "classify": {"kind": "classify", "next": "fork"},
            "fork": {"kind": "fork", "exits": {"a": "x", "b": "y"}},
            "join": {"kind": "join", "next": "human"},
            **read,
            **replaced,
        }
    )


def lookup(name: str, into: str, *, done: str = "join", invalid: str = "join") -> str:
    """Return the line of a model node that writes `<into>.colour`."""
    schema = "{type: object, properties: {colour: {type: string}}}"
    exits = f"{{done: {done}, invalid: {invalid}}}"
    settings = f'tier: light, prompt: "?", output: {schema}, into: {into}'
    return f"{name}: {{kind: model, {settings}, exits: {exits}}}\n"


def branched(tests: str) -> dict[str, Json]:
    """Return a workflow that branches where all the tests hold."""
    when = f"{{all: [{{field: {tests}}}]}}"
    return workflow(f"b: {{kind: branch, when: {when}, exits: {{yes: human, no: human}}}}")


def shown(problem: Problem) -> Json:
    return problem.counter_example


def of_code(found: list[Problem], code: str) -> list[Problem]:
    return [each for each in found if each.code == code]


OUTPUT = "out: {kind: output, fields: [facts.colour]}"
REPLY = ("drafted", "abstained", "proposed")
COLOURS = {"type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}}
X = "x: {kind: enrich, next: join}\n"
Y = lookup("y", "found")


def test_the_support_workflow_has_no_problems() -> None:
    assert problems(SUPPORT, KINDS, intents=INTENTS) == []


EDITS = {
    "a kind that is not there": ([("kind: enrich,", "kind: enrch,")], "unknown_kind", "enrich"),
    "a field that is not there": ([("field: risk", "field: rsk")], "unknown_field", "route"),
    "a value the field never has": ([("is: urgent", "is: urgnt")], "unknown_value", "route"),
    "a number out of bounds": ([("at_least: 0.7", "at_least: 70")], "unknown_value", "route"),
    "a text for a number": ([("at_least: 0.7", "at_least: high")], "wrong_type", "route"),
    "a test that the field has not": ([("is: urgent", "at_least: 2")], "wrong_type", "route"),
    "a text for a truth value": ([("is: true", 'is: "yes"')], "wrong_type", "route"),
    "a setting that is not there": ([("judge: light", "jugde: light")], "bad_config", "check_hard"),
    "a setting out of bounds": (
        [("judge: light, min_confidence: 0.6", "judge: light, min_confidence: 6")],
        "bad_config",
        "check_hard",
    ),
    "a rule without a route": ([("        to: human\n", "")], "bad_config", "route"),
    "an exit without an edge": ([(", unsure: approve", "")], "unconnected_exit", "check_hard"),
    "no way on at all": ([(", next: investigate", "")], "dead_end", "enrich"),
    "exhausted without an edge": (
        [(", exhausted: escalate", "")],
        "unconnected_exit",
        "revise",
    ),
    "a rule to nowhere": (
        [("otherwise: complex", "otherwise: other")],
        "route_without_edge",
        "route",
    ),
    "an edge to nowhere": ([("simple: answer,", "simple: answr,")], "unknown_node", "route"),
    "an entry that is not there": ([("entry: classify", "entry: clasify")], "unknown_node", None),
    "a next that is not there": ([("next: route", "next: rout")], "unknown_node", "classify"),
    "on_failure that is not there": ([("failure: escalate", "failure: x")], "unknown_node", None),
    "a node nobody leads to": (
        [("simple: answer,", "simple: enrich,")],
        "unreachable_node",
        "answer",
    ),
    "a loop without a limit": ([("max_visits: 1, ", "")], "unbounded_loop", "check_hard"),
    "a draft that may not be there": (
        [("abstained: enrich", "abstained: send")],
        "unwritten_read",
        "send",
    ),
    "a classification that is not there": (
        [("entry: classify", "entry: route")],
        "unwritten_read",
        "route",
    ),
    "a failure without a draft": (
        [("on_failure: escalate", "on_failure: send")],
        "unwritten_read",
        "send",
    ),
    "no on_failure": ([("on_failure: escalate", "")], "missing_on_failure", None),
    "no default": (
        [("else, otherwise: complex", "else, when: {field: turn, is: 1}, to: complex")],
        "missing_default",
        "route",
    ),
    "a rule that an earlier one covers": (
        [("complexity, is: simple", "wants_human, is: true")],
        "rule_never_fires",
        "route",
    ),
    "an exit that the kind has not": (
        [("passed: send, failed: revise", "passed: send, maybe: send, failed: revise")],
        "bad_config",
        "check_hard",
    ),
    "next for many exits": (
        [("judge: light, min_confidence: 0.6,", "judge: light, next: send,")],
        "bad_config",
        "check_hard",
    ),
    "a way on behind an end": (
        [("{kind: send}", "{kind: send, next: escalate}")],
        "bad_config",
        "send",
    ),
}


@pytest.mark.parametrize(("edits", "code", "node"), EDITS.values(), ids=EDITS)
def test_a_broken_support_workflow_is_refused_at_its_place(
    edits: Json, code: str, node: Json
) -> None:
    found = of_code(broken(*edits), code)

    assert found[0].node == node
    assert {each.severity for each in found} == {"error"}
    assert all(each.counter_example for each in found)


def test_an_intent_is_known_only_where_the_operators_are() -> None:
    edit = ("{field: complexity, is: simple}", "{field: intent, is: refnd}")

    assert [each.code for each in broken(edit)] == ["unknown_value"]
    assert broken(edit, intents=None) == []


DOCUMENTS = {
    "a loop that only exhausted leads round": (
        workflow(
            """
            one: {kind: enrich, max_visits: 2, exits: {done: one, exhausted: two}}
            two: {kind: enrich, exits: {done: one, error: human}}
            """
        ),
        "unbounded_loop",
        "one",
    ),
    "a loop that nothing leads out of": (
        workflow("{one: {kind: enrich, next: two}, two: {kind: enrich, next: one}}"),
        "dead_end",
        "one",
    ),
    "a loop by way of an error": (
        workflow("one: {kind: enrich, exits: {done: human, error: one}}"),
        "unbounded_loop",
        "one",
    ),
    "a limit that is not there": (
        workflow("one: {kind: enrich, exits: {done: human, exhausted: human}}"),
        "bad_config",
        "one",
    ),
    "an only exit connected twice": (
        workflow("one: {kind: enrich, next: human, exits: {done: human}}"),
        "bad_config",
        "one",
    ),
    "a field of a model whose answer may be invalid": (
        workflow(lookup("ask", "facts", done="out", invalid="out") + OUTPUT),
        "unwritten_read",
        "out",
    ),
    "a template that names nothing": (
        workflow(
            lookup("ask", "facts", done="human", invalid="human").replace("?", "{{ input.colr }}")
        ),
        "unknown_field",
        "ask",
    ),
    "a comparison that a list has not": (branched("entities.orders, is: a"), "wrong_type", "b"),
    "a condition that every message meets": (
        branched("turn, at_least: 0"),
        "rule_never_fires",
        "b",
    ),
    "a condition that no message meets": (
        branched("turn, is: 3}, {field: turn, at_most: 2"),
        "rule_never_fires",
        "b",
    ),
    "two branches that write the same": (
        forked(lookup("x", "facts") + lookup("y", "facts")),
        "parallel_write",
        "y",
    ),
    "a branch that reads what the other writes": (
        forked(
            lookup("x", "facts")
            + "y: {kind: branch, when: {field: facts.colour, is: a}, exits: {yes: join, no: join}}"
        ),
        "unwritten_read",
        "y",
    ),
    "a node in two branches": (
        forked(X, fork={"kind": "fork", "exits": {"a": "x", "b": "x"}}),
        "crossed_branch",
        "x",
    ),
    "an edge from branch to branch": (
        forked(X.replace("join", "y") + Y),
        "crossed_branch",
        "y",
    ),
    "an end inside a branch": (forked(X + "y: {kind: close}"), "crossed_branch", "y"),
    "an approval inside a branch": (
        forked(X + "y: {kind: approve, exits: {released: join, rejected: join, expired: join}}"),
        "crossed_branch",
        "y",
    ),
    "an edge past the fork into a branch": (
        forked(X + Y, classify={"kind": "classify", "exits": {"done": "fork", "error": "x"}}),
        "crossed_branch",
        "classify",
    ),
    "an edge past the fork to the join": (
        forked(X + Y, classify={"kind": "classify", "exits": {"done": "fork", "error": "join"}}),
        "crossed_branch",
        "classify",
    ),
    "a failure that leads into a branch": (
        {**forked(X + Y), "on_failure": "x"},
        "crossed_branch",
        "x",
    ),
    "a branch back to its fork": (forked(X.replace("join", "fork") + Y), "crossed_branch", "fork"),
    "branches that never join": (
        forked("x: {kind: enrich, next: y}\ny: {kind: enrich, next: x}"),
        "crossed_branch",
        "fork",
    ),
    "a join that no fork opens": (
        workflow("join: {kind: join, next: human}"),
        "crossed_branch",
        "join",
    ),
    "branches that join at different places": (
        forked(X.replace("join", "other") + Y + "other: {kind: join, next: human}"),
        "crossed_branch",
        "fork",
    ),
    "two forks with one join": (
        forked(
            X + "y: {kind: fork, exits: {c: u, d: v}}\n" + lookup("u", "one") + lookup("v", "two")
        ),
        "crossed_branch",
        "x",
    ),
    "an error that leads into the other branch": (
        forked("x: {kind: enrich, exits: {done: join, error: y}}\n" + Y),
        "crossed_branch",
        "x",
    ),
    "an error that leads on to the join": (
        forked(
            "x: {kind: enrich, exits: {done: join, error: mend}}\n"
            "mend: {kind: enrich, next: join}\n" + Y
        ),
        "crossed_branch",
        "mend",
    ),
    "a fork whose exit exhausted leads into a branch": (
        forked(
            X + Y,
            fork={
                "kind": "fork",
                "max_visits": 1,
                "exits": {"a": "x", "b": "y", "exhausted": "x"},
            },
        ),
        "crossed_branch",
        "fork",
    ),
    "a field that a branch has written before it failed": (
        forked(
            lookup("x", "one", done="more", invalid="join")
            + "more: {kind: enrich, exits: {done: join, error: out}}\n"
            "out: {kind: output, fields: [one.colour]}\n" + Y
        ),
        "unwritten_read",
        "out",
    ),
    "a node that visits never lead to": (
        workflow(
            """
            one: {kind: enrich, max_visits: 2, exits: {done: human, exhausted: two}}
            two: {kind: enrich, next: human}
            """
        ),
        "unreachable_node",
        "two",
    ),
    "a limit beyond what a run may take": (
        workflow(
            """
            one: {kind: enrich, max_visits: 99, exits: {done: two, exhausted: human}}
            two: {kind: enrich, next: three}
            three: {kind: enrich, next: one}
            """
        ),
        "unbounded_loop",
        "one",
    ),
    "a rule that comes too late": (
        workflow(
            """
            classify: {kind: classify, next: risky}
            risky:
              kind: branch
              when: {field: risk, is: none}
              exits: {yes: urgent, no: human}
            urgent:
              kind: branch
              when: {all: [{field: urgency, is: urgent}, {field: risk, is_not: none}]}
              exits: {yes: human, no: human}
            """
        ),
        "rule_never_fires",
        "urgent",
    ),
}


@pytest.mark.parametrize(("document", "code", "node"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_broken_workflow_is_refused_at_its_place(document: Json, code: str, node: Json) -> None:
    found = of_code(problems(document, KINDS), code)

    assert node in [each.node for each in found]
    assert all(each.counter_example for each in found)


@pytest.mark.parametrize("source", ["nodes: [", "name: a\nname: b", {}])
def test_what_is_no_document_is_a_problem_too(source: Json) -> None:
    assert {each.code for each in problems(source, KINDS)} == {"bad_config"}


def test_a_path_is_the_counter_example_of_a_structure() -> None:
    (problem,) = of_code(broken((", unsure: approve", "")), "unconnected_exit")

    path = ["classify", "route", "enrich", "investigate", "check_hard"]
    assert shown(problem)["path"] == path
    assert shown(problem)["exit"] == "unsure"
    assert shown(problem)["fields"].keys() == {
        *("complexity", "risk", "route_confidence", "urgency", "wants_human")
    }


def test_a_loop_is_shown_from_the_entry_and_once_round() -> None:
    (problem,) = of_code(broken(("max_visits: 1, ", "")), "unbounded_loop")

    assert shown(problem)["path"][-3:] == ["check_hard", "revise", "check_hard"]


WRITE = "write: {kind: reply, responders: [light], max_visits: 3, exits: {drafted: check, "
LOOP = """
classify: {kind: classify, next: write}
check: {kind: check, exits: {passed: send, failed: write, unsure: human}}
send: {kind: send}
"""
GOOD = {
    "a loop that passes a limited node": workflow(
        LOOP + WRITE + "abstained: human, proposed: human, exhausted: human}}"
    ),
    "what was written on the way round is there when the visits are used up": workflow(
        LOOP
        + "ok: {kind: approve, exits: {released: send, rejected: human, expired: human}}\n"
        + WRITE
        + "abstained: human, proposed: human, exhausted: ok}}"
    ),
    "parallel branches, one of them empty": forked(
        X + Y, fork={"kind": "fork", "exits": {"a": "x", "b": "y", "c": "join"}}
    ),
    "what a branch has written is there after the join": forked(
        X + "y: {kind: classify, next: join}\n",
        join={"kind": "join", "next": "write"},
        classify={
            "kind": "enrich",
            "max_visits": 1,
            "exits": {"done": "fork", "exhausted": "human"},
        },
        write={"kind": "reply", "responders": ["light"], "exits": dict.fromkeys(REPLY, "human")},
    ),
    "a fork inside a branch": forked(
        X
        + "y: {kind: fork, exits: {c: u, d: v}}\n"
        + lookup("u", "one", done="meet", invalid="meet")
        + lookup("v", "two", done="meet", invalid="meet")
        + "meet: {kind: join, next: join}"
    ),
    "an error that leaves the region": forked(
        "x: {kind: enrich, exits: {done: join, error: human}}\n" + Y
    ),
    "a rule that another classification may meet": workflow(
        """
        classify: {kind: classify, next: risky}
        risky: {kind: branch, when: {field: risk, is: none}, exits: {yes: again, no: human}}
        again: {kind: classify, next: urgent}
        urgent: {kind: branch, when: {field: risk, is: legal}, exits: {yes: human, no: human}}
        """
    ),
    "a loop that no message goes round": workflow(
        """
        classify: {kind: classify, next: first}
        first:
          kind: branch
          when: {field: turn, at_least: 3}
          exits: {yes: calm, no: urgent}
        calm: {kind: branch, when: {field: urgency, is: low}, exits: {yes: urgent, no: human}}
        urgent: {kind: branch, when: {field: urgency, is: high}, exits: {yes: calm, no: close}}
        close: {kind: close}
        """
    ),
    "a run by API needs nobody to fall back on": {
        "name": "api",
        "entry": "out",
        "input": COLOURS,
        "nodes": {"out": {"kind": "output", "fields": ["input.colour"]}},
    },
    "a single route may be called next": workflow(
        "route: {kind: route, rules: [{name: all, otherwise: on}], next: human}"
    ),
}


@pytest.mark.parametrize("document", GOOD.values(), ids=GOOD)
def test_a_sound_workflow_has_no_problems(document: Json) -> None:
    assert problems(document, KINDS) == []


def test_a_value_that_the_input_never_has_is_refused() -> None:
    document = branched("input.colour, is: green")

    found = problems({**document, "input": COLOURS}, KINDS)

    assert [(each.code, each.node) for each in found] == [("unknown_value", "b")]


@pytest.mark.parametrize(
    ("schema", "test", "codes"),
    [
        ({"type": ["string", "null"], "enum": ["red", None]}, "is: green", ["unknown_value"]),
        ({"enum": ["red", "blue", None]}, "in: [red, blue]", []),
        ({"enum": ["red", "blue"]}, "in: [red, blue]", ["rule_never_fires"]),
        ({"type": ["integer", "null"]}, "is: red", ["wrong_type"]),
        ({"type": ["integer", "null"], "minimum": 1}, "at_least: 1", []),
        ({"type": ["integer", "string"]}, "is: red", []),
    ],
)
def test_a_field_of_the_input_has_the_values_that_its_schema_allows(
    schema: Json, test: str, codes: list[str]
) -> None:
    declared = {"type": "object", "required": ["colour"], "properties": {"colour": schema}}

    found = problems({**branched(f"input.colour, {test}"), "input": declared}, KINDS)

    assert [each.code for each in found] == codes


def test_a_field_that_two_nodes_write_has_the_values_of_either() -> None:
    def asked(name: str, following: str, colour: Json) -> dict[str, Json]:
        output = {"type": "object", "required": ["colour"], "properties": {"colour": colour}}
        exits = {"done": following, "invalid": "human"}
        settings = {"tier": "light", "prompt": "?", "into": "facts", "output": output}
        return {name: {"kind": "model", **settings, "exits": exits}}

    branch = branched("facts.colour, is: red")["nodes"]["b"]
    nodes = {
        **asked("first", "again", {"enum": ["red"]}),
        "again": {"kind": "branch", "when": {"field": "turn", "is": 1}, "exits": {}},
        **asked("second", "b", {"enum": ["blue", "green"]}),
        "b": branch,
    }
    nodes["again"]["exits"] = {"yes": "second", "no": "b"}

    assert problems(workflow(nodes), KINDS) == []


def random_workflow(seed: int) -> dict[str, Json]:
    """Return a small workflow with random edges, often sound and often not."""
    dice = random.Random(seed)  # noqa: S311
    names = ["start", *(f"n{n}" for n in range(dice.randrange(2, 6)))]
    ends = {"send": {"kind": "send"}, "close": {"kind": "close"}}
    targets = [*names, "send", "close", "human"]
    nodes: dict[str, Json] = {"start": {"kind": "classify", "next": dice.choice(targets)}}
    for name in names[1:]:
        kind = dice.choice(["reply", "enrich", "check", "approve"])
        exits = {exit: dice.choice(targets) for exit in KINDS[kind].own_exits}
        if dice.random() < 0.2:
            exits["error"] = dice.choice(targets)
        nodes[name] = {"kind": kind, "exits": exits}
        if kind == "reply":
            nodes[name]["responders"] = ["light"]
        if dice.random() < 0.6:
            nodes[name]["max_visits"] = dice.randrange(1, 3)
            exits["exhausted"] = dice.choice(targets)
    return workflow({**nodes, **ends})


def walk(document: Json, seed: int, steps: int = 400) -> tuple[str, frozenset[str] | None]:
    """Walk a workflow by chance; return the last node, and what was lacking there."""
    dice = random.Random(seed)  # noqa: S311
    parsed = parse(document)
    name, written, visits = parsed.entry, set[str](), Counter[str]()
    for _ in range(steps):
        spec, kind = parsed.nodes[name], KINDS[parsed.nodes[name].kind]
        visits[name] += 1
        if spec.max_visits is not None and visits[name] > spec.max_visits:
            name = str(spec.target("exhausted"))
            continue
        lacking = kind.read - written
        if lacking or kind.ends:
            return name, lacking
        exit = dice.choice([*kind.own_exits, *(["error"] if "error" in spec.exits else [])])
        if exit not in ("error", "abstained"):
            written |= kind.written
        name = str(spec.target(exit))
    return name, None


def test_what_has_no_structure_problem_always_comes_to_an_end() -> None:
    passed = 0

    for seed in range(800):
        document = random_workflow(seed)
        errors = {each.code for each in problems(document, KINDS)} - {"unreachable_node"}
        if errors:
            continue
        passed += 1
        for walker in range(10):
            name, lacking = walk(document, walker)
            assert KINDS[parse(document).nodes[name].kind].ends
            assert not lacking

    assert passed >= 20


def test_what_a_walk_stumbles_over_is_always_told() -> None:
    stumbled = 0

    for seed in range(400):
        document = random_workflow(seed)
        found = problems(document, KINDS)
        told = {each.node for each in of_code(found, "unwritten_read")}
        loops = of_code(found, "unbounded_loop")
        for walker in range(10):
            name, lacking = walk(document, walker)
            stumbled += bool(lacking or lacking is None)
            assert not lacking or name in told
            assert lacking is not None or loops

    assert stumbled >= 100


def test_every_path_that_is_shown_follows_the_edges() -> None:
    for seed in range(300):
        document = random_workflow(seed)
        parsed = parse(document)
        for each in problems(document, KINDS):
            path = shown(each).get("path", [])
            for here, there in itertools.pairwise(path):
                spec = parsed.nodes[here]
                targets = {*spec.exits.values(), spec.next, parsed.on_failure}
                assert there in targets


def test_a_counter_example_is_said_in_one_line() -> None:
    (problem,) = of_code(broken((", unsure: approve", "")), "unconnected_exit")

    assert problem.example_in_words == (
        "for example complexity simple, risk none, route_confidence 0.0, urgency low, "
        "wants_human false, on the way classify → route → enrich → investigate → check_hard, "
        "by unsure"
    )


def test_a_path_that_goes_round_very_often_is_said_in_short() -> None:
    document, code, _ = DOCUMENTS["a limit beyond what a run may take"]
    (problem,) = of_code(problems(document, KINDS), code)

    assert problem.example_in_words.startswith("on the way one → two → three → one → two → three →")
    assert "… (300 steps) …" in problem.example_in_words


def very_many_ways() -> dict[str, Json]:
    """Return many branches in a row, each of which the next ones depend on in its own way."""
    dice = random.Random(1)  # noqa: S311
    nodes: dict[str, Json] = {"classify": {"kind": "classify", "next": "n0"}}
    for number in range(60):
        following = [f"n{number + step}" if number + step < 60 else "human" for step in (1, 2)]
        urgency = dice.choice(["low", "normal", "high", "urgent"])
        risk = dice.choice(["none", "legal", "fraud", "safety", "threat"])
        either = [
            {"field": "urgency", "is": urgency},
            {"field": "risk", "is": risk},
            {"field": "turn", "is": number},
        ]
        exits = dict(zip(("yes", "no"), dice.sample(following, 2), strict=True))
        nodes[f"n{number}"] = {"kind": "branch", "when": {"any": either}, "exits": exits}
    return workflow(nodes)


def test_of_too_many_ways_it_is_said_that_they_are_not_proved_the_same_each_time() -> None:
    found = problems(very_many_ways(), KINDS, steps=50_000)

    assert [(each.code, each.severity) for each in found] == [("not_proved", "warning")]
    assert found == problems(very_many_ways(), KINDS, steps=50_000)


def test_a_loop_that_classifies_anew_each_time_is_followed_to_its_end() -> None:
    document = workflow(
        """
        first: {kind: classify, next: seen}
        seen: {kind: branch, when: {field: urgency, is: low}, exits: {yes: route, no: route}}
        route:
          kind: route
          rules:
            - name: patient
              when: {all: [{field: turn, at_most: 2}, {field: urgency, is_not: urgent}]}
              to: again
            - {name: rest, otherwise: human}
          exits: {again: more, human: human}
        more: {kind: enrich, max_visits: 3, exits: {done: first, exhausted: human}}
        """
    )

    assert problems(document, KINDS) == []
