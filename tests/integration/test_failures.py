"""What fails is retried within limits, or ends in a canned answer and a human who knows why."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from orchestration import store
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.nodes import End, Outcome, Visit
from orchestration.types import Json
from tests.fakes.acts import Act, acting, echo, failing
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import act, document

CANNED = "I'm sorry, something went wrong on our side."
CLASSIFY: dict[str, Json] = {"kind": "classify", "next": "work"}

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
postgres_alone = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
Opens = Callable[[Mapping[str, Json]], AbstractAsyncContextManager[Floor]]


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo, say=echo) as acts:
        yield acts


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


def work_with(**config: Any) -> dict[str, Json]:
    return document("work", work=act("work", next="send", **config))


# Limits and retries


@sqlite_alone
async def test_a_temporary_failure_is_retried(opens: Opens, acts: dict[str, Act]) -> None:
    acts["work"], left = failing(TemporaryFailure("busy"), TemporaryFailure("busy"))

    async with opens(work_with(retries=2)) as floor:
        talk = await floor.run()

    assert left == []
    assert talk.said == ["heard: hello"]
    assert talk.step("work").attempt == 3


@sqlite_alone
@pytest.mark.parametrize(
    "error", [PermanentFailure("never"), TemporaryFailure("did it?", in_doubt=True)]
)
async def test_what_will_never_work_or_may_have_worked_is_not_retried(
    opens: Opens, acts: dict[str, Act], error: Exception
) -> None:
    acts["work"], left = failing(error, RuntimeError("a second attempt"))

    async with opens(work_with(retries=2)) as floor:
        talk = await floor.run()

    assert len(left) == 1
    assert talk.step("work").attempt == 1
    assert str(error) in talk.case.reason


@sqlite_alone
async def test_a_node_that_hangs_is_stopped_after_its_own_timeout(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def hang(visit: Visit) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    acts["work"] = hang
    async with opens(work_with(timeout="1s")) as floor:
        talk = await floor.run()

    assert talk.said[0].startswith(CANNED)
    assert talk.case.reason == "the node work failed: TimeoutError: took too long"


# The database away


@postgres_alone
async def test_a_run_that_loses_its_database_is_gone_on_with_and_not_handed_over(
    opens: Opens, acts: dict[str, Act]
) -> None:
    losses = iter([True])

    async def lose_the_database(visit: Visit) -> Outcome:
        if next(losses, False):
            await visit.tools.database.read(cut_all)
        return await echo(visit)

    acts["work"] = lose_the_database
    async with opens(work_with()) as floor:
        conversation = await floor.say("hello")
        again_at = await floor.work(conversation)
        left_at, before = floor.clock(), await floor.see(conversation)
        floor.clock.move(seconds=10)
        late = await floor.database.read(lambda c: store.due(c, floor.clock()))
        await floor.work(conversation)
        after = await floor.see(conversation)

    assert (before.said, before.cases) == ([], [])
    assert again_at == left_at + timedelta(seconds=1)
    assert late == [conversation]
    assert (after.said, after.cases) == (["heard: hello"], [])


def cut_all(connection: Connection) -> None:
    mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({mine}) mine"))  # noqa: S608


# Failures


class Unprintable:
    """Nothing that a record could hold."""


NONSENSE: dict[str, Any] = {
    "nothing": None,
    "a text": "done",
    "an unknown exit": Outcome(exit="elsewhere"),
    "a field it does not declare": Outcome(exit="done", updates={"intent": "order_status"}),
    "what JSON cannot hold": Outcome(exit="done", updates={"draft": Unprintable()}),
    "a number that is none": Outcome(exit="done", updates={"draft": float("nan")}),
    "a zero byte": Outcome(exit="done", notes={"found": "a\x00b"}),
    "half a character": Outcome(exit="done", notes={"found": "a\ud800b"}),
    "a draft that is none": Outcome(exit="done", updates={"draft": {"words": 3}}),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_a_node_that_returns_nonsense_leads_to_a_canned_answer_and_a_human(
    opens: Opens, acts: dict[str, Act], nonsense: str
) -> None:
    async def work(visit: Visit) -> Outcome:
        return NONSENSE[nonsense]  # type: ignore[no-any-return]

    acts["work"] = work
    async with opens(work_with()) as floor:
        talk = await floor.run()

    assert talk.said[0].startswith(CANNED)
    assert talk.case.reason.startswith("the node ")
    assert talk.case.status == "open"
    assert talk.unanswered == []


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("boom"),
        KeyError("x"),
        PermanentFailure("gone"),
        ValueError("a\x00b and \ud800"),
        RecursionError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_node_that_raises_leads_to_a_canned_answer_and_says_what_failed(
    opens: Opens, acts: dict[str, Act], error: Exception
) -> None:
    acts["work"], _ = failing(error)

    async with opens(work_with()) as floor:
        talk = await floor.run()

    assert talk.said[0].startswith(CANNED)
    assert talk.conversation.status == "escalated"
    assert talk.case.reason.startswith(f"the node work failed: {type(error).__name__}")
    assert talk.step("work").status == "failed"
    assert talk.run.status == "done"


@sqlite_alone
async def test_the_brief_of_a_failure_has_the_words_the_customer_and_what_was_tried(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"], _ = failing(RuntimeError("boom"))

    async with opens(
        document("classify", classify=CLASSIFY, work=act("work", next="send"))
    ) as floor:
        talk = await floor.run("where is 1042?")

    brief = talk.case.brief
    assert "where is 1042?" in brief["summary"]
    assert brief["customer"]["verified"]["id"] == "C-1001"
    assert [order["id"] for order in brief["orders"]] == ["1042", "1043"]
    assert [line["text"] for line in brief["transcript"]] == ["where is 1042?"]
    assert {"node": "work", "result": "RuntimeError: boom"} in brief["tried"]


@sqlite_alone
async def test_an_error_exit_of_its_own_keeps_a_failure_from_a_human(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"], _ = failing(RuntimeError("boom"))
    workflow = document(
        "work",
        work=act("work", exits={"done": "send", "error": "say"}),
        say=act("say", next="send"),
    )

    async with opens(workflow) as floor:
        talk = await floor.run()

    assert talk.said == ["heard: hello"]
    assert talk.cases == []


async def test_where_escalate_itself_raises_the_last_resort_takes_over(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"], _ = failing(RuntimeError("boom"))
    acts["broken"], _ = failing(RuntimeError("no way out"))
    workflow = document(
        "work",
        work=act("work", next="send"),
        escalate={"kind": "test_end", "act": "broken"},
    )

    async with opens(workflow) as floor:
        talk = await floor.run()

    assert talk.said[0].startswith(CANNED)
    assert talk.conversation.status == "escalated"
    assert talk.case.reason == "the node escalate failed: RuntimeError: no way out"
    assert (talk.run.status, talk.run.error) == ("failed", "RuntimeError: no way out")
    assert talk.unanswered == []
    assert [step.node for step in talk.steps] == ["work", "escalate"]


@sqlite_alone
async def test_an_end_that_cannot_be_written_ends_at_the_last_resort(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def close(visit: Visit) -> Outcome:
        return Outcome(end=End(kind="vanish"))

    acts["finish"] = close
    workflow = document("finish", finish={"kind": "test_end", "act": "finish"})
    workflow["nodes"].pop("send")

    async with opens({**workflow, "on_failure": "escalate"}) as floor:
        talk = await floor.run()

    assert talk.run.status == "failed"
    assert talk.said[0].startswith(CANNED)


@sqlite_alone
async def test_an_urgent_message_stays_urgent_through_the_last_resort(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"], _ = failing(RuntimeError("boom"))
    acts["broken"], _ = failing(RuntimeError("no way out"))
    workflow = document(
        "classify",
        classify=CLASSIFY,
        work=act("work", next="send"),
        escalate={"kind": "test_end", "act": "broken"},
    )

    async with opens(workflow) as floor:
        talk = await floor.run("there is a fire")

    assert talk.case.urgency == "urgent"
