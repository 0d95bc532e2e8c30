"""The workflow document: reading it, refusing what is no workflow, writing it back."""

import json
from datetime import timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration import state
from orchestration.errors import InvalidWorkflow
from orchestration.types import Classification, Json
from orchestration.workflow import (
    MAX_BYTES,
    condition_of,
    document,
    dump,
    format_duration,
    load,
    parse,
    parse_duration,
    rules_of,
)
from tests.fakes.kinds import KINDS

SUPPORT = (files("orchestration.presets") / "support.yaml").read_text()
SMALL = {"name": "small", "entry": "end", "nodes": {"end": {"kind": "close"}}, "on_failure": "end"}


def with_node(**settings: Json) -> dict[str, Json]:
    return {**SMALL, "nodes": {"end": {"kind": "close"}, "one": {"kind": "enrich", **settings}}}


def refusal(source: Json) -> InvalidWorkflow:
    with pytest.raises(InvalidWorkflow) as refused:
        parse(source)
    return refused.value


def test_the_support_workflow_is_read() -> None:
    workflow = parse(SUPPORT)

    revise = workflow.nodes["revise"]
    assert (workflow.name, workflow.entry, workflow.on_failure) == (
        "support",
        "classify",
        "escalate",
    )
    assert (revise.kind, revise.max_visits, revise.config) == (
        "reply",
        1,
        {"responders": ["strong"]},
    )
    assert workflow.nodes["approve"].timeout == timedelta(hours=4)
    assert [rule.to for rule in rules_of(workflow.nodes["route"])] == ["human", "simple", "complex"]


def test_an_exit_leads_where_its_edge_goes() -> None:
    workflow = parse(SUPPORT)

    targets = [
        workflow.nodes["check"].target("passed"),
        workflow.nodes["classify"].target("done"),
        workflow.nodes["classify"].target("error"),
        workflow.nodes["check"].target("nonsense"),
    ]

    assert targets == ["send", "route", None, None]


def test_json_and_its_mapping_are_read_alike() -> None:
    content = {**SMALL, "name": "small 🙂"}

    assert parse(json.dumps(content)) == parse(json.dumps(content, indent="\t")) == parse(content)


def test_a_workflow_is_written_and_read_back_the_same() -> None:
    workflow = parse(SUPPORT)

    assert parse(dump(workflow)) == workflow
    assert parse(document(workflow)) == workflow


def test_writing_twice_changes_nothing() -> None:
    once = dump(parse(SUPPORT))

    assert dump(parse(once)) == once


def test_what_fits_stands_on_one_line() -> None:
    text = dump(parse(SUPPORT))

    assert (
        "\n  check: {kind: check, exits: {passed: send, failed: enrich, unsure: enrich}}\n" in text
    )
    assert max(map(len, text.splitlines())) <= 100


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=120) | st.sampled_from(
    [
        "yes",
        "no",
        "on",
        "true",
        "null",
        "~",
        "1043",
        "4h",
        "2026-01-01",
        "a: b",
        "# c",
        "one\ntwo\n",
    ]
)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.none() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=50)
@given(config=st.dictionaries(st.sampled_from(["prompt", "body", "headers"]), VALUES))
def test_any_setting_survives_being_written(config: Json) -> None:
    workflow = parse(with_node(**config))

    assert parse(dump(workflow)) == workflow


@pytest.mark.parametrize(
    "source",
    [
        "name: a\nname: b",
        "nodes: {one: {kind: x, kind: y}}",
        "name: &a [x]\nentry: *a",
        "name: &a x",
        "nodes: {<<: {a: b}}",
        "name: !!python/object:os.system ls",
        "name: !!binary aGk=",
        "name: .nan",
        "name: .inf",
        "1: a",
        "? [a]\n: b",
        "name: [",
        "name: a\n---\nname: b",
        "[" * 50_000,
        "- a",
        "",
        "just words",
        '{"name": "a", "name": "b"}',
        "name: " + "9" * 5000,
        "name: \x00",
        {"name": float("nan")},
        {"name": {1: "a"}},
        {"name": object()},
    ],
)
def test_what_is_no_plain_document_is_refused(source: Json) -> None:
    problems = refusal(source).problems

    assert {each["code"] for each in problems} == {"bad_config"}


def test_the_place_of_a_double_key_is_named() -> None:
    assert "'kind' is there twice, line 3" in str(refusal("nodes:\n  a: {kind: x,\n    kind: y}"))


def test_aliases_that_would_grow_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]

    assert "anchors and aliases are not allowed" in str(refusal("\n".join(lines)))


@pytest.mark.parametrize("source", ["name: " + "x" * MAX_BYTES, {"name": "x" * MAX_BYTES}])
def test_a_document_over_the_limit_is_refused(source: Json) -> None:
    assert "over 256 kB" in str(refusal(source))


@pytest.mark.parametrize(
    ("source", "node"),
    [
        ({}, None),
        ({**SMALL, "nodes": []}, None),
        ({**SMALL, "nodes": {}}, None),
        ({**SMALL, "colour": "red"}, None),
        ({**SMALL, "nodes": {f"n{n}": {"kind": "close"} for n in range(201)}}, None),
        ({**SMALL, "entry": ["end"]}, None),
        ({**SMALL, "on_failure": 3}, None),
        ({**SMALL, "input": {"type": 3}}, None),
        ({**SMALL, "input": True}, None),
        ({**SMALL, "nodes": {"end": "close"}}, "end"),
        ({**SMALL, "nodes": {"end": {"queue": "x"}}}, "end"),
        (with_node(next=["end"]), "one"),
        (with_node(exits=["end"]), "one"),
        (with_node(exits={"done": {"to": "end"}}), "one"),
        (with_node(timeout="soon"), "one"),
        (with_node(timeout="0s"), "one"),
        (with_node(timeout="40d"), "one"),
        (with_node(timeout=True), "one"),
        (with_node(retries=-1), "one"),
        (with_node(retries=True), "one"),
        (with_node(retries=11), "one"),
        (with_node(max_visits=0), "one"),
        (with_node(max_visits="2"), "one"),
    ],
)
def test_a_shape_that_is_wrong_is_told_with_its_node(source: Json, node: Json) -> None:
    problems = refusal(source).problems

    assert {(each["code"], each["severity"], each["node"]) for each in problems} == {
        ("bad_config", "error", node)
    }


def test_all_shape_errors_are_told_at_once() -> None:
    source = with_node(retries=-1, max_visits=0, timeout="soon")

    assert len(refusal(source).problems) == 3


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("4h", timedelta(hours=4)),
        ("2d", timedelta(days=2)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_a_duration_is_read_and_written(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == text


def test_a_bare_number_is_seconds() -> None:
    assert parse_duration(1.5) == timedelta(seconds=1.5)


def test_configs_are_validated_by_their_kinds() -> None:
    configs: Json = load(parse(SUPPORT), KINDS)

    assert configs["check_hard"].min_confidence == 0.6
    assert configs["approve"].timeout == timedelta(hours=4)


def test_a_fork_knows_its_branches_by_its_exits() -> None:
    nodes = {
        "fork": {"kind": "fork", "exits": {"a": "join", "b": "join", "error": "end"}},
        "join": {"kind": "join", "next": "end"},
        "end": {"kind": "close"},
    }

    configs: Json = load(parse({**SMALL, "entry": "fork", "nodes": nodes}), KINDS)

    assert configs["fork"].branches == ("a", "b")


@pytest.mark.parametrize(
    ("node", "code", "words"),
    [
        ({"kind": "guess"}, "unknown_kind", "'guess'"),
        ({"kind": "enrich", "sauces": []}, "bad_config", "no setting called 'sauces'"),
        ({"kind": "reply", "responders": []}, "bad_config", "responders"),
        ({"kind": "reply"}, "bad_config", "responders"),
        ({"kind": "branch", "when": {"all": []}}, "bad_config", "when.all"),
        ({"kind": "route", "rules": [{"name": "a"}]}, "bad_config", "rules[0]"),
    ],
)
def test_a_config_that_its_kind_refuses_is_told_with_its_node(
    node: Json, code: str, words: str
) -> None:
    workflow = parse({**SMALL, "nodes": {"end": {"kind": "close"}, "one": node}})

    with pytest.raises(InvalidWorkflow, match=r"^one: ") as refused:
        load(workflow, KINDS)

    (problem,) = refused.value.problems
    assert (problem["code"], problem["node"]) == (code, "one")
    assert words in problem["message"]


def test_a_condition_that_cannot_be_read_is_none() -> None:
    workflow = parse(with_node(when={"all": []}))

    assert condition_of(workflow.nodes["one"]) is None


def test_a_classification_goes_into_the_state_and_comes_back() -> None:
    classification = Classification(
        intent="order_status",
        confidence=0.93,
        route_confidence=0.97,
        runner_up="refund",
        entities={"orders": ("1042",)},
        reasons=("names an order",),
    )

    fields = state.from_classification(classification)

    assert fields["entities.orders"] == ["1042"]
    assert state.classification_of(fields) == classification
    assert {*fields, *state.ORDER_FIELDS} == {*state.CLASSIFICATION_FIELDS}


def test_intents_become_choices_where_they_are_known() -> None:
    known = state.known_fields(["refund", "order_status"])

    assert (known["intent"].type, known["intent"].choices) == (
        "choice",
        tuple(sorted({"order_status", "refund", *state.OWN_INTENTS})),
    )
    assert state.known_fields()["intent"].type == "text"
