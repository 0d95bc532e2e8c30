"""What a backtest knows of each kind of change: decided exactly, or estimated and said so."""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from orchestration import workflow
from orchestration.backtest import Backtest, Batch, Change, Decision, Judging
from orchestration.backtest.quiet import quiet
from orchestration.engine import Program
from orchestration.errors import NotAllowed
from orchestration.models import Run, table
from orchestration.nodes import Outcome, as_json
from orchestration.types import Draft, Json
from tests.fakes.acts import acting
from tests.fakes.models import ScriptedModels
from tests.fakes.programs import Desk, Hosts, api_workflow, open_desk, saying, stating
from tests.fakes.workflows import CHECK, SHIPPED, document

WHERE = "where is my order 1042?"
MONEY = "I want my money back for 1042"
ANSWER = {
    "can_answer": True,
    "answer": "Your order 1042 is on its way.",
    "sources": ["1042"],
    "confidence": 0.8,
}
PASSED = {"verdict": "passed", "confidence": 0.95, "reasons": []}
Open = Callable[..., Any]


@pytest.fixture
async def open_it(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Open]:
    """Open desks over a database of their own, with models that answer as they are told."""
    async with AsyncExitStack() as stack:

        async def opened(*workflows: Any, **parts: Any) -> Desk:
            file = shutil.copy(migrated_sqlite, tmp_path / "frontdesk.db")
            return await stack.enter_async_context(
                open_desk(f"sqlite:///{file}", *workflows, **parts)
            )

        yield opened


def answering() -> ScriptedModels:
    """Return models of which the dear one answers and the cheap one passes all."""
    return ScriptedModels(of={"big": (stating(ANSWER),) * 9}, always=stating(PASSED))


def shipped(change: Callable[[Any], None]) -> Program:
    """Return the shipped workflow, its nodes changed in place."""
    changed = workflow.document(workflow.parse(SHIPPED))
    change(changed["nodes"])
    return Program.of(workflow.parse(changed), 7)


def as_it_is(nodes: Any) -> None:
    """Change nothing."""


async def tried(desk: Desk, program: Program) -> tuple[Any, list[Change]]:
    """Return the report over all turns, and the changes; no model and no host is asked."""
    asked = (len(desk.models.asked), len(desk.hosts.sent))
    changes: list[Change] = []

    async def keep(batch: Batch) -> None:
        changes.extend(batch.changes)

    trial = Backtest(desk.floor.tools, desk.floor.programs, program)
    report = await trial.run(last=None, keep=keep)
    assert (len(desk.models.asked), len(desk.hosts.sent)) == asked
    return report, changes


async def decided(desk: Desk, program: Program) -> Decision:
    """Return what a version makes of the newest turn."""
    judging = Judging(desk.floor.tools, desk.floor.programs, program)
    await judging.learn()
    turns = await judging.read(None, None, 100)
    return await (await judging.judge(turns)).decide(turns[-1])


def reasons(report: Mapping[str, Json]) -> list[str]:
    return [each["reason"] for each in report["not_replayable_reasons"]]


@pytest.mark.parametrize("text", [WHERE, MONEY, "return", "fire", "what?"])
async def test_the_same_version_changes_nothing_and_costs_the_same(
    open_it: Open, text: str
) -> None:
    desk = await open_it(models=answering())
    talk = await desk.floor.run(text)

    report, changes = await tried(desk, shipped(as_it_is))

    assert (report["turns"], report["changed"], report["not_replayable"]) == (1, 0, 0)
    assert changes == []
    assert {Decimal(report["cost"][name]) for name in ("before", "after", "low", "high")} == {
        talk.run.cost
    }
    assert report["human"]["before"] == report["human"]["after"]


async def test_a_tier_that_never_answered_is_estimated_from_other_turns(open_it: Open) -> None:
    desk = await open_it(models=answering())
    for _ in range(3):
        await desk.floor.ask(MONEY, conversation=f"money {desk.floor.sent}")
    await desk.floor.ask(WHERE)

    def to_the_strong(nodes: Any) -> None:
        nodes["route"]["exits"]["simple"] = "enrich"

    report, [change] = await tried(desk, shipped(to_the_strong))

    cost = {name: Decimal(value) for name, value in report["cost"].items()}
    each = cost["before"] / 3
    assert cost["before"] > 0
    assert cost["after"] == pytest.approx(cost["before"] + each, rel=Decimal("0.001"))
    assert cost["low"] <= cost["before"] + each <= cost["high"]
    assert (change.end, change.is_exact) == (("send", "not recorded"), False)
    assert reasons(report) == [
        "what strong would have answered is not known: it was not asked then"
    ]


async def test_what_was_never_paid_for_is_unpriced(open_it: Open) -> None:
    desk = await open_it(models=answering())
    await desk.floor.ask(WHERE)

    def to_the_strong(nodes: Any) -> None:
        nodes["route"]["exits"]["simple"] = "investigate"

    report, _ = await tried(desk, shipped(to_the_strong))

    assert (report["cost"]["unpriced"], report["not_replayable"]) == (1, 1)


async def test_a_tier_without_a_model_is_known_to_abstain(open_it: Open) -> None:
    desk = await open_it(models=answering())
    floor = desk.floor.with_tools(gateway=None)
    await floor.ask(WHERE)

    def to_the_strong(nodes: Any) -> None:
        nodes["route"]["exits"]["simple"] = "investigate"

    without = Desk(floor=floor, models=desk.models, hosts=desk.hosts)
    report, [change] = await tried(without, shipped(to_the_strong))

    assert report["not_replayable"] == 0
    assert change.end == ("send", "escalate")
    assert report["human"] == {"before": 0.0, "after": 1.0}


async def test_responders_that_were_asked_may_change_places(open_it: Open) -> None:
    desk = await open_it(models=answering())
    await desk.floor.ask(WHERE)

    def other_order(nodes: Any) -> None:
        nodes["answer"]["responders"] = ["order_status", "template"]

    def another_first(nodes: Any) -> None:
        nodes["answer"]["responders"] = ["knowledge", "order_status"]

    exact, _ = await tried(desk, shipped(other_order))
    estimated, _ = await tried(desk, shipped(another_first))

    assert (exact["changed"], exact["not_replayable"]) == (0, 0)
    assert "what knowledge would have answered" in reasons(estimated)[0]


async def test_a_draft_is_checked_anew_where_the_check_has_changed(open_it: Open) -> None:
    desk = await open_it(models=answering())
    await desk.floor.ask(MONEY)

    def unjudged(nodes: Any) -> None:
        nodes["check_hard"].pop("judge")

    def another_judge(nodes: Any) -> None:
        nodes["check_hard"]["judge"] = "strong"

    def never_sure(nodes: Any) -> None:
        nodes["check_hard"]["min_confidence"] = 0.9
        nodes["check_hard"].pop("judge")

    cheaper = await decided(desk, shipped(unjudged))
    unknown = await decided(desk, shipped(another_judge))
    unsure = await decided(desk, shipped(never_sure))
    before = await decided(desk, shipped(as_it_is))

    assert (cheaper.end, cheaper.is_exact) == ("send", True)
    assert Decimal(0) < cheaper.cost < before.cost
    assert unknown.unknown == "strong has not judged this draft before"
    assert (unsure.end, unsure.path[-1], unsure.is_exact) == ("approve", "approve", True)


@pytest.mark.parametrize("text", ["what do you say?", MONEY])
async def test_a_classification_is_kept_where_asking_about_it_changes(
    open_it: Open, text: str
) -> None:
    desk = await open_it(
        models=ScriptedModels(always=stating({"intent": "other", "confidence": 0.9}))
    )
    talk = await desk.floor.run(text)

    def never_ask(nodes: Any) -> None:
        nodes["classify"].pop("ask")

    def always_ask(nodes: Any) -> None:
        nodes["classify"]["min_confidence"] = 1.0

    never = await decided(desk, shipped(never_ask))
    always = await decided(desk, shipped(always_ask))

    was_asked = text != MONEY
    changed = "whether classify asks a model has changed; the classification is kept"
    assert (talk.step("classify").output.get("asked") is not None) == was_asked
    assert (never.unknown == changed, always.unknown == changed) == (was_asked, True)
    assert never.route == always.route == talk.run.route
    assert never.cost <= talk.run.cost


async def test_a_human_who_decided_decides_alike_and_counts_as_asked(open_it: Open) -> None:
    approved = document(
        "classify",
        classify={"kind": "classify", "next": "answer"},
        answer={
            "kind": "reply",
            "responders": ["order_status"],
            "exits": {"drafted": "approve", "abstained": "escalate", "proposed": "approve"},
        },
        approve={
            "kind": "approve",
            "exits": {"released": "send", "rejected": "escalate", "expired": "escalate"},
        },
    )
    desk = await open_it(approved)
    await desk.floor.programs.refresh()
    conversation = await desk.floor.say(WHERE)
    await desk.floor.work(conversation)
    approval = (await desk.floor.see(conversation)).approval
    await desk.floor.desk.decide(
        approval.id, agent="maria", status="released", text=None, reason=None
    )
    await desk.floor.turns.advance(conversation)

    report, _ = await tried(desk, Program.of(workflow.parse(approved), 9))

    assert (report["changed"], report["not_replayable"]) == (0, 0)
    assert report["human"] == {"before": 1.0, "after": 1.0}


async def test_a_node_that_failed_fails_again_until_it_is_changed(open_it: Open) -> None:
    calls = api_workflow(
        look={
            "kind": "call",
            "url": "https://shop.example/{{ input.item }}",
            "required": True,
            "exits": {"done": "out", "error": "sorry"},
        },
        out={"kind": "output", "fields": {"found": "input.item"}},
        sorry={"kind": "close"},
        input={"type": "object", "properties": {"item": {"type": "string"}}},
    )
    desk = await open_it(calls, hosts=Hosts(saying(500)))
    await desk.ask("api", {"item": "mug"})
    elsewhere = json.loads(json.dumps(calls))
    elsewhere["nodes"]["look"]["url"] = "https://other.example/{{ input.item }}"

    same = await decided(desk, Program.of(workflow.parse(calls), 9))
    other = await decided(desk, Program.of(workflow.parse(elsewhere), 9))

    assert (same.end, same.path, same.is_exact) == ("close", ("look", "sorry"), True)
    assert other.unknown == "what look would have led to was not recorded"


async def test_a_model_is_not_asked_again_where_it_reads_the_same(open_it: Open) -> None:
    made = api_workflow(
        make={
            "kind": "model",
            "tier": "light",
            "prompt": "A colour for {{ input.item }}",
            "output": {
                "type": "object",
                "required": ["colour"],
                "properties": {"colour": {"type": "string", "enum": ["red", "blue"]}},
            },
            "into": "idea",
            "required": True,
            "next": "is_red",
        },
        is_red={
            "kind": "branch",
            "when": {"field": "idea.colour", "is": "red"},
            "exits": {"yes": "out", "no": "none"},
        },
        out={"kind": "output", "fields": {"colour": "idea.colour"}},
        none={"kind": "close"},
        input={"type": "object", "properties": {"item": {"type": "string"}}},
    )
    desk = await open_it(made, models=ScriptedModels(always=stating({"colour": "red"})))
    run = await desk.ask("api", {"item": "mug"})
    blue, asked = json.loads(json.dumps(made)), json.loads(json.dumps(made))
    blue["nodes"]["is_red"]["when"]["is"] = "blue"
    asked["nodes"]["make"]["prompt"] = "Another colour for {{ input.item }}"

    same = await decided(desk, Program.of(workflow.parse(made), 9))
    other = await decided(desk, Program.of(workflow.parse(blue), 9))
    unknown = await decided(desk, Program.of(workflow.parse(asked), 9))

    assert (same.end, same.cost, same.is_exact) == ("output", run.cost, True)
    assert (other.end, other.path) == ("close", ("make", "is_red", "none"))
    assert (unknown.end, unknown.is_exact) == ("not recorded", False)


async def test_branches_side_by_side_are_the_same_way_in_any_order(open_it: Open) -> None:
    forked = document(
        "classify",
        classify={"kind": "classify", "next": "fork"},
        fork={"kind": "fork", "exits": {"a": "left", "b": "right"}},
        left={"kind": "enrich", "sources": ["customer"], "next": "join"},
        right={
            "kind": "branch",
            "when": {"field": "turn", "at_least": 1},
            "exits": {"yes": "join", "no": "join"},
        },
        join={"kind": "join", "next": "answer"},
        answer={
            "kind": "reply",
            "responders": ["order_status"],
            "exits": {"drafted": "check", "abstained": "escalate", "proposed": "escalate"},
        },
        check=CHECK,
    )
    desk = await open_it(forked)
    await desk.floor.programs.refresh()
    await desk.floor.ask(WHERE)

    report, changes = await tried(desk, Program.of(workflow.parse(forked), 9))

    assert (report["turns"], changes, report["not_replayable"]) == (1, [], 0)


async def test_what_an_old_run_did_not_keep_is_not_guessed(open_it: Open) -> None:
    desk = await open_it(models=answering())
    await desk.floor.ask(WHERE)
    runs = table(Run)
    await desk.floor.database.write(lambda c: c.execute(update(runs).values(entry=None)))

    def by_tier(nodes: Any) -> None:
        rule = {"name": "vip", "when": {"field": "customer.tier", "is": "vip"}, "to": "human"}
        nodes["route"]["rules"].insert(0, rule)

    def by_channel(nodes: Any) -> None:
        rule = {"name": "chat", "when": {"field": "channel", "is": "chat"}, "to": "human"}
        nodes["route"]["rules"].insert(0, rule)

    unknown = await decided(desk, shipped(by_tier))
    known = await decided(desk, shipped(by_channel))

    assert unknown.unknown == "customer.tier was not recorded for this turn"
    assert (known.route, known.is_exact) == ("simple", True)


async def test_an_urgent_turn_counts_as_lost_however_sure_the_estimate_is(open_it: Open) -> None:
    desk = await open_it()
    floor = desk.floor.with_tools(gateway=None)
    for number in range(9):
        # Nothing is answered here, so every turn that was recorded came to a human.
        await floor.ask("return", conversation=f"return {number}")
    await floor.ask("fire", conversation="fire")

    def first_answer(nodes: Any) -> None:
        nodes["route"]["exits"]["human"] = "answer"

    without = Desk(floor=floor, models=desk.models, hosts=desk.hosts)
    report, _ = await tried(without, shipped(first_answer))

    assert report["human"]["after"] == report["human"]["before"] == 1.0
    assert [one["text"] for one in report["urgent_lost"]] == ["fire"]


async def test_a_turn_is_not_lost_where_every_way_leads_to_a_human(open_it: Open) -> None:
    desk = await open_it(models=answering())
    await desk.floor.ask("fire")

    def human_in_the_end(nodes: Any) -> None:
        nodes["route"]["exits"]["human"] = "look"
        nodes["look"] = {
            "kind": "reply",
            "responders": ["template"],
            "exits": dict.fromkeys(("drafted", "abstained", "proposed"), "escalate"),
        }

    report, [change] = await tried(desk, shipped(human_in_the_end))

    assert report["urgent_lost"] == []
    assert change.route == ("human", "human")
    assert "the steps after the route 'human' are others" in change.why


async def test_a_node_of_somebody_elses_is_never_run(open_it: Open) -> None:
    done: list[str] = []

    async def act(visit: Any) -> Outcome:
        done.append(visit.node)
        return Outcome(exit="done", updates={"draft": as_json(Draft(text="hi", responder="us"))})

    ours = document(
        "work",
        work={"kind": "test_external", "act": "work", "next": "send"},
        escalate={"kind": "escalate"},
    )
    with acting(work=act):
        desk = await open_it(ours)
        await desk.floor.programs.refresh()
        await desk.floor.ask(WHERE)
        elsewhere = json.loads(json.dumps(ours))
        elsewhere["nodes"]["work"]["written"] = ["draft", "tried"]

        same = await decided(desk, Program.of(workflow.parse(ours), 9))
        other = await decided(desk, Program.of(workflow.parse(elsewhere), 9))

    assert done == ["work"]
    assert (same.end, same.is_exact) == ("send", True)
    assert other.unknown == "what work would have led to was not recorded"


async def test_whatever_would_begin_over_a_recording_is_refused(open_it: Open) -> None:
    desk = await open_it()
    parts = quiet(desk.floor.tools)

    assert (parts.gateway, parts.http) == (None, None)
    for ask in (
        parts.orders.find_customer(id="C-1001"),
        parts.orders.list_orders("C-1001"),
        parts.orders.find_order("C-1001", "1042"),
    ):
        with pytest.raises(NotAllowed):
            await ask


async def test_turns_that_only_joined_a_case_are_left_out(open_it: Open) -> None:
    desk = await open_it()
    await desk.floor.ask("fire")
    await desk.floor.ask("are you there?")

    report, _ = await tried(desk, shipped(as_it_is))

    assert report["turns"] == 1


async def test_only_the_turns_asked_for_are_looked_at(open_it: Open) -> None:
    desk = await open_it()
    for number in range(5):
        desk.floor.clock.move(hours=1)
        await desk.floor.ask("return", conversation=f"return {number}")
    middle = desk.floor.clock() - timedelta(hours=2, minutes=30)
    trial = Backtest(desk.floor.tools, desk.floor.programs, shipped(as_it_is))

    last = await trial.run(last=2)
    since = await trial.run(since=middle)
    both = await trial.run(last=1, since=middle)

    assert (last["turns"], since["turns"], both["turns"]) == (2, 3, 1)
