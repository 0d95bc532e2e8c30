"""What changed between two documents, in words."""

import copy
import random
from importlib.resources import files
from typing import Any

import pytest

from orchestration import workflow
from orchestration.types import Json

SUPPORT = workflow.read_document((files("orchestration.presets") / "support.yaml").read_text())


def told(**changes: Any) -> list[str]:
    """Return what is said where nodes are set to this; None takes one away."""
    after = copy.deepcopy(SUPPORT)
    for name, node in changes.items():
        if node is None:
            del after["nodes"][name]
        else:
            after["nodes"][name] = node
    return [change.message for change in workflow.changes(SUPPORT, after)]


def node(name: str, **settings: Json) -> dict[str, Json]:
    return {**SUPPORT["nodes"][name], **settings}


def rules(*order: int, **first: Json) -> dict[str, Json]:
    """Return the route with its rules in this order and the first one changed."""
    listed = copy.deepcopy(SUPPORT["nodes"]["route"]["rules"])
    listed[0] |= first
    return node("route", rules=[listed[number] for number in order])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"check": node("check", min_confidence=0.6)}, "check: min_confidence is 0.6; it was not"),
        ({"approve": node("approve", timeout="2d")}, "approve: timeout is 2d in place of 4h"),
        ({"escalate": {"kind": "escalate"}}, "escalate: queue was taken away; it was support"),
        ({"send": {"kind": "close"}}, "send: kind is close in place of send"),
        ({"classify": node("classify", next="enrich")}, "classify: its way on leads to enrich"),
        (
            {"check": node("check", exits={"passed": "send", "failed": "send"})},
            "check: the exit failed leads to send in place of enrich",
        ),
        (
            {"check": node("check", exits={"passed": "send", "failed": "enrich"})},
            "check: the exit unsure no longer leads to enrich",
        ),
        (
            {"send": node("send", exits={"error": "escalate"})},
            "send: the exit error leads to escalate",
        ),
        ({"more": {"kind": "send"}}, "the node more (send) was added"),
        ({"send": None}, "the node send was removed"),
        ({"send": "nonsense"}, "the node send was changed"),
        ({"route": node("route", rules="nonsense")}, "the rule “sure and simple” was removed"),
        (
            {"answer": node("answer", responders=["template"])},
            'answer: responders is ["template"] in place of ["template", "order_status"',
        ),
        ({"route": rules(1, 0, 2)}, "the rule “sure and simple” was moved to place 1 of 3"),
        ({"route": rules(0, 2)}, "route: the rule “sure and simple” was removed"),
        (
            {"route": rules(0, 1, 2, to="simple")},
            "the rule “risky or asked for a person” leads to simple in place of human",
        ),
        (
            {"route": rules(0, 1, 2, when={"field": "risk", "is_not": "none"})},
            "asks “the risk is not none”, it asked “the customer asks for a person or the risk is",
        ),
        (
            {"route": rules(0, 1, 2, name="risky")},
            "the rule “risky” was added: the customer asks for a person or the risk is not none",
        ),
    ],
)
def test_a_change_is_said_in_words(changes: dict[str, Json], words: str) -> None:
    assert any(words in message for message in told(**changes)), told(**changes)


def test_a_long_text_is_not_repeated() -> None:
    before = {"nodes": {"a": {"kind": "model", "prompt": "x" * 200}}}
    after = {"nodes": {"a": {"kind": "model", "prompt": "y" * 200}}}

    (change,) = workflow.changes(before, after)
    assert change.message == "a: prompt was changed"


def test_the_fewest_rules_are_said_to_have_moved() -> None:
    listed = [
        {"name": f"rule {n}", "when": {"field": "turn", "is": n}, "to": "a"} for n in range(9)
    ]
    before = {"nodes": {"route": {"kind": "route", "rules": listed}}}
    after = {"nodes": {"route": {"kind": "route", "rules": [*listed[1:6], listed[0], *listed[6:]]}}}

    messages = [change.message for change in workflow.changes(before, after)]
    assert messages == ["route: the rule “rule 0” was moved to place 6 of 9"]


def test_what_changed_at_the_top_is_said() -> None:
    after = {**SUPPORT, "entry": "route", "on_failure": None}

    assert [change.message for change in workflow.changes(SUPPORT, after)] == [
        "the workflow's entry is route in place of classify",
        "the workflow's on_failure was taken away; it was escalate",
    ]


def test_no_change_goes_unsaid() -> None:
    chance = random.Random(7)  # noqa: S311

    for _ in range(300):
        after = copy.deepcopy(SUPPORT)
        _spoil(after, chance)

        assert bool(workflow.changes(SUPPORT, after)) == (after != SUPPORT), after
        assert workflow.changes(after, copy.deepcopy(after)) == []


def _spoil(value: Any, chance: random.Random) -> None:
    """Change one thing somewhere in a document, whether it makes sense or not."""
    while True:
        place = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
        inner = value[place]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.85:
            value = inner
            continue
        match chance.randrange(3):
            case 0:
                del value[place]
            case 1:
                value[place] = chance.choice([None, 7, "other", [], {}, {"name": "x"}])
            case _ if isinstance(value, dict):
                value["more"] = inner
            case _:
                value.insert(place, inner)
        return
