"""Why a run took its way: the rule that fired, and what each before it failed on."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestration import store
from orchestration.explaining import Decision, explain
from orchestration.programs import publish
from orchestration.types import ConversationId, Intent
from tests.fakes.floor import INTENTS, FakeClassifier, Floor, Talk, open_floor
from tests.fakes.workflows import CHECK, SHIPPED, document

RULES = [
    {"name": "risky", "when": {"field": "risk", "is_not": "none"}, "to": "human"},
    {
        "name": "dear and unsure",
        "when": {
            "all": [
                {"field": "order.value", "at_least": 100},
                {"not": {"field": "route_confidence", "at_least": 0.5}},
            ]
        },
        "to": "human",
    },
    {"name": "about an order", "when": {"field": "intent", "is": "order_status"}, "to": "look"},
    {"name": "the rest", "otherwise": "human"},
]
WORKFLOW = document(
    "classify",
    classify={"kind": "classify", "next": "route"},
    route={"kind": "route", "rules": RULES, "exits": {"look": "open", "human": "escalate"}},
    open={
        "kind": "branch",
        "when": {"field": "within_hours", "is": True},
        "exits": {"yes": "escalate", "no": "answer"},
    },
    answer={
        "kind": "reply",
        "responders": ["template"],
        "exits": {"drafted": "check", "abstained": "escalate", "proposed": "escalate"},
    },
    check=CHECK,
)


@pytest.fixture
async def floor(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Floor]:
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"
    async with open_floor(url, workflow=WORKFLOW) as floor:
        yield floor


async def decisions_of(floor: Floor, talk: Talk) -> list[Decision]:
    taken = await floor.programs.workflow_of(talk.run.workflow, talk.run.version)
    return explain(taken, talk.steps)


async def test_each_rule_before_the_one_that_fired_says_what_it_failed_on(floor: Floor) -> None:
    talk = await floor.run("where is my order 1042?")

    route, open_now = await decisions_of(floor, talk)
    assert (route.node, route.exit, route.rule) == ("route", "look", "about an order")
    assert route.because == "intent is order_status"
    assert [(tried.rule, tried.failed_on) for tried in route.tried] == [
        ("risky", "risk is none, must not be none"),
        (
            "dear and unsure",
            "order.value is 59.9, needs at least 100; "
            f"route_confidence is {route.met['route_confidence']}, must be below 0.5",
        ),
    ]
    assert (open_now.rule, open_now.exit) == (None, "yes")
    assert open_now.because == "within_hours is true"


async def test_the_last_rule_fires_because_none_before_it_did(floor: Floor) -> None:
    talk = await floor.run("my money please")

    (route,) = await decisions_of(floor, talk)
    assert (route.rule, route.asks) == ("the rest", "every message")
    assert route.because == "no rule before it took the message"
    assert route.tried[-1].failed_on == "intent is refund_request, needs order_status"


async def test_a_run_is_explained_by_its_own_version(floor: Floor) -> None:
    talk = await floor.run("where is my order 1042?")
    before = await decisions_of(floor, talk)

    nodes = {"bye": {"kind": "close"}}
    turned = {"name": "support", "entry": "bye", "nodes": nodes, "on_failure": "bye"}
    await floor.database.write(
        lambda c: publish(c, json.dumps(turned), author="test", note="", clock=floor.clock)
    )
    await floor.programs.refresh()

    assert await decisions_of(floor, talk) == before


async def test_a_run_is_explained_though_a_kind_of_its_nodes_is_gone(floor: Floor) -> None:
    talk = await floor.run("where is my order 1042?")
    nodes = {**WORKFLOW["nodes"], "old": {"kind": "no_longer_there"}}
    source = json.dumps({**WORKFLOW, "nodes": nodes})

    draft = await floor.database.write(
        lambda c: store.add_draft(
            c, name="support", source=source, author="test", base=1, now=floor.clock()
        )
    )

    taken = await floor.programs.workflow_of("support", draft.version)
    assert explain(taken, talk.steps) == await decisions_of(floor, talk)


async def test_an_erased_run_says_that_it_cannot_tell(floor: Floor) -> None:
    talk = await floor.run("where is my order 1042?")

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    erased = await floor.see(ConversationId(talk.conversation.id))
    decisions = await decisions_of(floor, erased)
    assert {decision.because for decision in decisions} == {"what the message met has been erased"}
    assert all(not decision.tried and not decision.met for decision in decisions)


async def test_each_part_of_a_turn_is_explained(tmp_path: Path, migrated_sqlite: Path) -> None:
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'parts.db')}"
    cancel = Intent(name="cancel_order", complexity="complex", wants_human=True)
    words = {"cancel": "cancel_order", "where": "order_status"}
    async with open_floor(
        url,
        workflow=SHIPPED,
        intents=(*INTENTS, cancel),
        classifier=lambda: FakeClassifier(words),
    ) as floor:
        talk = await floor.run("cancel 1043 and where is 1042?")

        cancelled, tracked = await decisions_of(floor, talk)

    assert (cancelled.part, cancelled.rule) == (0, "risky or asked for a person")
    assert cancelled.because == "wants_human is true"
    assert (tracked.part, tracked.rule) == (1, "sure and simple")
    assert [tried.rule for tried in tracked.tried] == ["risky or asked for a person"]
