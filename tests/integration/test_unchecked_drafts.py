"""What nobody has let pass is not sent, whatever the workflow says: a human gets it instead."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import Connection

from orchestration import programs, store
from orchestration.backtest import replays
from orchestration.engine import UNCHECKED
from orchestration.errors import InvalidWorkflow
from orchestration.nodes import Outcome, Visit
from orchestration.parts import from_json
from orchestration.types import Json
from tests.fakes.acts import Act, acting, drafted, echo
from tests.fakes.floor import NOW, Floor, open_floor
from tests.fakes.proposing import decide
from tests.fakes.workflows import CHECK, SHIPPED, act, document

WHERE = "where is 1042?"
ON_ITS_WAY = "Your order 1042 is on its way"
WRITE: dict[str, Any] = {
    "kind": "reply",
    "responders": ["order_status", "light"],
    "exits": {"drafted": "send", "abstained": "escalate", "proposed": "escalate"},
}
UNPROVED = document("classify", classify={"kind": "classify", "next": "write"}, write=WRITE)
APPROVE: dict[str, Any] = {
    "kind": "approve",
    "exits": {"released": "work", "rejected": "escalate", "expired": "escalate"},
}

Opens = Callable[..., AbstractAsyncContextManager[Floor]]


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo) as acts:
        yield acts


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


@pytest.fixture
async def floor(opens: Opens) -> AsyncIterator[Floor]:
    async with opens(SHIPPED) as floor:
        yield floor


async def publish_unproved(floor: Floor, workflow: Mapping[str, Json]) -> int:
    """Publish a document as versions were that knew of no such problem."""

    def publish(connection: Connection) -> int:
        newest = store.lock_workflow(connection, "support")
        row = store.add_draft(
            connection,
            name="support",
            source=json.dumps(workflow),
            author="test",
            base=newest,
            now=NOW,
        )
        programs.release(connection, row, author="test", note="", now=NOW)
        return row.version

    version = await floor.database.write(publish)
    await floor.programs.refresh()
    return version


async def test_a_version_of_old_that_sends_unchecked_drafts_hands_them_to_a_human(
    floor: Floor,
) -> None:
    await publish_unproved(floor, UNPROVED)

    talk = await floor.run(WHERE)

    assert [step.node for step in talk.steps] == ["classify", "write", "send", "escalate"]
    assert (talk.step("send").status, talk.step("send").exit) == ("failed", "error")
    assert len(talk.said) == 1
    assert talk.said[0].startswith("I'm sorry, something went wrong on our side.")
    assert talk.conversation.status == "escalated"
    assert UNCHECKED in talk.case.reason
    assert talk.case.brief["suggested_reply"].startswith(ON_ITS_WAY)


async def test_what_no_model_can_have_written_is_sent_without_a_check(opens: Opens) -> None:
    write = {**WRITE, "responders": ["template", "order_status", "knowledge"]}
    plain = document("classify", classify={"kind": "classify", "next": "write"}, write=write)

    async with opens(plain) as floor:
        talk = await floor.run(WHERE)

    assert talk.run.status == "done"
    assert [said.startswith(ON_ITS_WAY) for said in talk.said] == [True]


async def test_where_failures_lead_back_to_send_the_last_resort_answers(floor: Floor) -> None:
    await publish_unproved(floor, {**UNPROVED, "on_failure": "send"})

    talk = await floor.run(WHERE)

    assert (talk.run.status, talk.run.outcome) == ("failed", "escalate")
    assert talk.said[0].startswith("I'm sorry, something went wrong on our side.")
    assert UNCHECKED in talk.case.reason
    assert ON_ITS_WAY not in " ".join(talk.said)


async def test_of_several_requests_only_what_was_checked_is_sent(floor: Floor) -> None:
    about_1043 = {"field": "entities.orders", "contains": "1043"}
    one_unchecked = document(
        "classify",
        classify={"kind": "classify", "next": "which"},
        which={"kind": "branch", "when": about_1043, "exits": {"yes": "unchecked", "no": "work"}},
        unchecked=act("work", checked=False, next="send"),
        work=act("work", next="send"),
    )
    await publish_unproved(floor, one_unchecked)

    talk = await floor.run("cancel 1043 and where is 1042?")

    assert [part.outcome for part in from_json(talk.run.parts)] == ["escalate", "send"]
    assert len(talk.said) == 1
    assert talk.said[0].startswith("heard: where is 1042?\n\n")
    assert "heard: cancel 1043" not in talk.said[0]
    assert UNCHECKED in talk.case.reason


async def test_a_draft_that_is_written_again_after_its_release_is_kept_back(floor: Floor) -> None:
    changed = document(
        "first",
        first=act("work", next="approve"),
        approve=APPROVE,
        work=act("work", checked=False, next="send"),
    )
    await publish_unproved(floor, changed)
    waiting = await floor.run("may I?")

    conversation = await decide(floor, waiting.approval.id, text="You may.")
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert [step.exit for step in talk.steps if step.node == "send"] == ["error"]
    assert UNCHECKED in talk.case.reason
    assert "heard: may I?" not in talk.said


async def test_a_draft_that_a_human_edited_is_sent_as_edited(floor: Floor) -> None:
    approved = document(
        "work",
        work=act("work", checked=False, next="approve"),
        approve={**APPROVE, "exits": {**APPROVE["exits"], "released": "send"}},
    )
    await floor.database.write(
        lambda c: programs.publish(
            c, json.dumps(approved), author="test", note="", clock=lambda: NOW
        )
    )
    await floor.programs.refresh()
    waiting = await floor.run("may I?")

    conversation = await decide(floor, waiting.approval.id, text="You may.")
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert talk.said[1:] == ["You may."]
    assert talk.cases == []


async def test_a_resumed_run_knows_what_was_checked_by_the_steps_that_were_recorded(
    opens: Opens, acts: dict[str, Act]
) -> None:
    tried: list[bool] = []

    async def stop(visit: Visit) -> Outcome:
        await visit.record_start()
        tried.append(visit.was_started)
        if len(tried) == 1:
            raise asyncio.CancelledError
        return Outcome(exit="done")

    acts["stop"] = stop
    resumed = document(
        "classify",
        classify={"kind": "classify", "next": "write"},
        write={**WRITE, "exits": {**WRITE["exits"], "drafted": "check"}},
        check={**CHECK, "exits": {**CHECK["exits"], "passed": "stop"}},
        stop={"kind": "test_external", "act": "stop", "written": [], "next": "send"},
    )
    async with opens(resumed) as floor:
        conversation = await floor.say(WHERE)
        with pytest.raises(asyncio.CancelledError):
            await floor.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert tried == [False, True]
    assert talk.said[0].startswith(ON_ITS_WAY)
    # All of it is what versions wrote that kept nothing back, so that theirs go on too.
    assert talk.step("check").output == {"verdict": {"outcome": "passed", "reasons": []}}
    assert talk.step("send").output is None


async def test_branches_come_together_with_what_was_said_of_the_draft(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def aside(visit: Visit) -> Outcome:
        return Outcome(exit="done", updates={"aside": "A"})

    acts["aside"] = aside
    exits = dict.fromkeys(("passed", "failed", "unsure"), "join")
    forked = document(
        "classify",
        classify={"kind": "classify", "next": "write"},
        write={**WRITE, "exits": {**WRITE["exits"], "drafted": "fork"}},
        fork={"kind": "fork", "exits": {"a": "check", "b": "aside"}},
        check={"kind": "check", "exits": exits},
        aside=act("aside", written=["aside"], next="join"),
        join={"kind": "join", "next": "send"},
    )
    async with opens(SHIPPED) as floor:
        await publish_unproved(floor, forked)
        talk = await floor.run(WHERE)

    assert talk.said[0].startswith(ON_ITS_WAY)


async def test_a_draft_written_beside_the_check_of_another_is_kept_back(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def again(visit: Visit) -> Outcome:
        return drafted("something else")

    acts["again"] = again
    exits = dict.fromkeys(("passed", "failed", "unsure"), "join")
    forked = document(
        "classify",
        classify={"kind": "classify", "next": "write"},
        write={**WRITE, "exits": {**WRITE["exits"], "drafted": "fork"}},
        fork={"kind": "fork", "exits": {"a": "check", "b": "again"}},
        check={"kind": "check", "exits": exits},
        again=act("again", checked=False, next="join"),
        join={"kind": "join", "next": "send"},
    )
    async with opens(SHIPPED) as floor:
        await publish_unproved(floor, forked)
        talk = await floor.run(WHERE)

    assert talk.step("check").exit == "passed"
    assert talk.step("send").exit == "error"
    assert "something else" not in talk.said


async def test_such_a_version_cannot_be_published_any_more(floor: Floor) -> None:
    source = json.dumps(UNPROVED)

    with pytest.raises(InvalidWorkflow) as refused:
        await floor.database.write(
            lambda c: programs.publish(c, source, author="test", note="", clock=lambda: NOW)
        )

    [problem] = refused.value.problems
    assert (problem["code"], problem["node"]) == ("unchecked_draft", "send")
    assert problem["counter_example"] == {"path": ["classify", "write", "send"]}


async def test_a_recorded_turn_is_walked_again_as_it_went_and_as_it_would_go(floor: Floor) -> None:
    run = (await floor.run(WHERE)).run.id
    version = await publish_unproved(floor, UNPROVED)

    same: Any = await replays.replay(floor.tools, floor.programs, run)
    other: Any = await replays.replay(floor.tools, floor.programs, run, version=version)

    assert (same["equal"], same["exact"], same["change"]) == (True, True, None)
    assert other["change"]["path_after"] == ["classify", "write", "send", "escalate"]
    assert (other["change"]["end_before"], other["change"]["end_after"]) == ("send", "escalate")
