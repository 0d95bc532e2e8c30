"""The engine through whole runs: ways, branches, loops, limits, failures and resuming."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from orchestration.errors import Conflict, PermanentFailure, TemporaryFailure
from orchestration.nodes import End, Outcome, Visit
from orchestration.types import ConversationId, Json
from tests.fakes.acts import Act, acting, drafted, echo
from tests.fakes.floor import Floor, Talk, open_floor
from tests.fakes.workflows import act, document

CANNED = "I'm sorry, something went wrong on our side."
CLASSIFY: dict[str, Json] = {"kind": "classify", "next": "work"}

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Opens = Callable[[Mapping[str, Json]], AbstractAsyncContextManager[Floor]]


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo, say=echo) as acts:
        yield acts


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


async def ask(floor: Floor, text: str = "hello") -> Talk:
    """Let Ana write, and return all that has become of it."""
    conversation = await floor.say(text)
    await floor.work(conversation)
    return await floor.see(conversation)


def failing(*errors: Exception) -> tuple[Act, list[Exception]]:
    """Return an act that raises these one after the other and then answers, and those left."""
    left = list(errors)

    async def fail(visit: Visit) -> Outcome:
        if left:
            raise left.pop(0)
        return await echo(visit)

    return fail, left


def work_with(**config: Any) -> dict[str, Json]:
    return document("work", work=act("work", next="send", **config))


# Ways


@sqlite_alone
@pytest.mark.parametrize(("text", "heard"), [("where is it?", "an order"), ("hm", "no order")])
async def test_a_branch_goes_by_its_condition(
    opens: Opens, acts: dict[str, Act], text: str, heard: str
) -> None:
    when = {"field": "intent", "is": "order_status"}
    workflow = document(
        "classify",
        classify={"kind": "classify", "next": "branch"},
        branch={"kind": "branch", "when": when, "exits": {"yes": "order", "no": "other"}},
        order=act("order", next="send"),
        other=act("other", next="send"),
    )
    acts |= {"order": says("an order"), "other": says("no order")}

    async with opens(workflow) as floor:
        talk = await ask(floor, text)

    assert talk.said == [heard]
    assert talk.step("branch").exit == ("yes" if heard == "an order" else "no")


@sqlite_alone
async def test_a_run_records_its_rule_and_why_those_before_it_did_not_fire(opens: Opens) -> None:
    rules = [
        {"name": "risky", "when": {"field": "risk", "is_not": "none"}, "to": "human"},
        {"name": "orders", "when": {"field": "intent", "is": "order_status"}, "to": "answer"},
        {"name": "the rest", "otherwise": "human"},
    ]
    workflow = document(
        "classify",
        classify={"kind": "classify", "next": "route"},
        route={"kind": "route", "rules": rules, "exits": {"human": "escalate", "answer": "work"}},
        work=act("work", next="send"),
    )

    async with opens(workflow) as floor:
        talk = await ask(floor, "where is it?")

    assert (talk.run.route, talk.run.rule) == ("answer", "orders")
    assert [one["rule"] for one in talk.run.rules_tried] == ["risky"]
    assert "risk" in str(talk.run.rules_tried[0]["failed_on"])
    assert [step.node for step in talk.steps] == ["classify", "route", "work", "send"]
    assert all(step.ms is not None and step.status == "finished" for step in talk.steps)


# Branches in parallel


FORKED = document(
    "fork",
    fork={"kind": "fork", "branches": ["a", "b"], "exits": {"a": "left", "b": "right"}},
    left=act("left", next="join", written=["left"]),
    right=act("right", next="join", written=["right"]),
    join={"kind": "join", "next": "say"},
    say=act("say", next="send"),
)


async def test_branches_work_at_the_same_time_and_what_they_write_is_merged(
    opens: Opens, acts: dict[str, Act]
) -> None:
    both = asyncio.Barrier(2)

    async def left(visit: Visit) -> Outcome:
        await both.wait()
        return Outcome(exit="done", updates={"left": "L"})

    async def right(visit: Visit) -> Outcome:
        await both.wait()
        return Outcome(exit="done", updates={"right": "R"})

    async def say(visit: Visit) -> Outcome:
        return drafted(f"{visit.state['left']} and {visit.state['right']}")

    acts |= {"left": left, "right": right, "say": say}
    async with opens(FORKED) as floor:
        talk = await ask(floor)

    assert talk.said == ["L and R"]
    assert {step.node for step in talk.steps} == {"fork", "left", "right", "join", "say", "send"}


async def test_a_branch_that_fails_cancels_its_siblings_and_waits_for_them(
    opens: Opens, acts: dict[str, Act]
) -> None:
    stopped: list[str] = []
    begun = asyncio.Event()

    async def left(visit: Visit) -> Outcome:
        await begun.wait()
        raise PermanentFailure("no luck")

    async def right(visit: Visit) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append("right")
        raise AssertionError

    acts |= {"left": left, "right": right}
    async with opens(FORKED) as floor:
        talk = await ask(floor)

    assert stopped == ["right"]
    assert talk.conversation.status == "escalated"
    assert "the node left failed: PermanentFailure: no luck" in talk.case.reason
    assert talk.run.status == "done"


@sqlite_alone
async def test_a_branch_leaves_the_fork_by_its_own_error_exit(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["left"], _ = failing(PermanentFailure("no luck"))
    acts["right"] = wrote("right", "R")
    nodes = dict(FORKED["nodes"])
    nodes["left"] = act("left", written=["left"], exits={"done": "join", "error": "say"})

    async with opens({**FORKED, "nodes": nodes}) as floor:
        talk = await ask(floor, "hi there")

    assert talk.said == ["heard: hi there"]


# Loops


async def test_a_bounded_loop_ends_by_its_exit_exhausted(
    opens: Opens, acts: dict[str, Act]
) -> None:
    workflow = document(
        "again",
        again=act(
            "again",
            ways=["more"],
            written=[],
            max_visits=3,
            exits={"more": "again", "exhausted": "work"},
        ),
        work=act("work", next="send"),
    )
    rounds: list[int] = []

    async def again(visit: Visit) -> Outcome:
        rounds.append(visit.number)
        return Outcome(exit="more")

    acts["again"] = again
    async with opens(workflow) as floor:
        talk = await ask(floor)

    assert rounds == [1, 2, 3]
    assert talk.said == ["heard: hello"]
    assert [step.exit for step in talk.steps if step.node == "again"] == [
        "more",
        "more",
        "more",
        "exhausted",
    ]


# Limits and retries


@sqlite_alone
async def test_a_temporary_failure_is_retried(opens: Opens, acts: dict[str, Act]) -> None:
    acts["work"], left = failing(TemporaryFailure("busy"), TemporaryFailure("busy"))

    async with opens(work_with(retries=2)) as floor:
        talk = await ask(floor)

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
        talk = await ask(floor)

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
        talk = await ask(floor)

    assert talk.said[0].startswith(CANNED)
    assert talk.case.reason == "the node work failed: TimeoutError: took too long"


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
        talk = await ask(floor)

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
        talk = await ask(floor)

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
        talk = await ask(floor, "where is 1042?")

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
        talk = await ask(floor)

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
        talk = await ask(floor)

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
        talk = await ask(floor)

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
        talk = await ask(floor, "there is a fire")

    assert talk.case.urgency == "urgent"


# Resuming


async def test_a_resumed_run_does_not_do_finished_steps_again(
    opens: Opens, acts: dict[str, Act]
) -> None:
    done: list[str] = []

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("pay")
        return drafted("paid")

    async def stop(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("stop")
        if done.count("stop") == 1:
            raise asyncio.CancelledError
        return drafted(f"{visit.state['draft']['text']} and {visit.was_started}")

    acts |= {"pay": pay, "stop": stop}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "stop"},
        stop={"kind": "test_external", "act": "stop", "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("hello")
        with pytest.raises(asyncio.CancelledError):
            await floor.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert done == ["pay", "stop", "stop"]
    assert talk.said == ["paid and True"]
    assert [run.status for run in talk.runs] == ["done"]


async def test_a_commit_that_fails_at_the_end_is_made_up_for_without_doing_steps_again(
    opens: Opens, acts: dict[str, Act]
) -> None:
    done: list[str] = []

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("pay")
        return drafted("paid")

    async def late(visit: Visit) -> Outcome:
        await visit.record_start()
        return Outcome(exit="done")

    acts |= {"pay": pay, "late": late}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "late"},
        late={"kind": "test_external", "act": "late", "written": [], "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("hello")
        dying = floor.with_tools(texts=None, database=Dying(floor.database, at="end"))
        with pytest.raises(asyncio.CancelledError):
            await dying.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert done == ["pay"]
    assert talk.said == ["paid"]
    assert [run.status for run in talk.runs] == ["done"]


class Dying:
    """A database whose process is stopped at the commit that would end a run."""

    def __init__(self, database: Any, *, at: str) -> None:
        self._database = database
        self._at = at

    async def write(self, function: Any, **how: Any) -> Any:
        if f"_{self._at}" in getattr(function, "__code__", function).co_names:
            raise asyncio.CancelledError
        return await self._database.write(function, **how)

    async def read(self, function: Any) -> Any:
        return await self._database.read(function)


async def test_a_run_whose_outside_work_is_done_is_not_superseded(
    opens: Opens, acts: dict[str, Act]
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        begun.set()
        await go_on.wait()
        return await echo(visit)

    acts |= {"pay": echo, "slow": slow}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "slow"},
        slow=act("slow", next="send"),
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("refund it")
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await floor.say("and one more thing")
        go_on.set()
        await work
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.said == ["heard: refund it", "heard: and one more thing"]
    assert [run.status for run in talk.runs] == ["done", "done"]


@sqlite_alone
async def test_a_newer_message_stops_a_run_before_anything_outside_begins(
    opens: Opens, acts: dict[str, Act]
) -> None:
    paid: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        begun.set()
        await go_on.wait()
        return await echo(visit)

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        paid.append(visit.case.text)
        return await echo(visit)

    acts |= {"slow": slow, "pay": pay}
    workflow = document(
        "slow",
        slow=act("slow", next="pay"),
        pay={"kind": "test_external", "act": "pay", "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("one")
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await floor.say("two")
        go_on.set()
        await work
        await floor.work(conversation)

    assert paid == ["one\ntwo"]


# Approvals


APPROVED = document(
    "work",
    work=act("work", next="approve"),
    approve={
        "kind": "approve",
        "timeout": "4h",
        "exits": {"released": "send", "rejected": "escalate", "expired": "escalate"},
    },
)
CHECKING = "A colleague is taking a look at this before I answer. You will hear from us here."


@pytest.fixture
async def waiting(opens: Opens) -> AsyncIterator[tuple[Floor, ConversationId]]:
    async with opens(APPROVED) as floor:
        conversation = await floor.say("may I?")
        await floor.work(conversation)
        yield floor, conversation


async def decide(floor: Floor, conversation: ConversationId, status: str, **more: Any) -> Talk:
    approval = (await floor.see(conversation)).approval
    values = {"text": None, "reason": None, **more}
    await floor.desk.decide(approval.id, agent="maria", status=status, **values)
    await floor.turns.advance(conversation)
    return await floor.see(conversation)


async def test_a_draft_waits_for_a_human_and_the_customer_is_told_once(
    waiting: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = waiting

    for _ in range(3):
        await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.said == [CHECKING]
    assert [run.status for run in talk.runs] == ["waiting"]
    assert talk.approval.status == "open"
    assert talk.approval.draft["text"] == "heard: may I?"
    assert talk.conversation.due_at == talk.approval.expires_at


@pytest.mark.parametrize(("edited", "sent"), [(None, "heard: may I?"), ("Yes!", "Yes!")])
async def test_a_released_draft_is_sent_as_the_human_left_it(
    waiting: tuple[Floor, ConversationId], edited: str | None, sent: str
) -> None:
    floor, conversation = waiting

    talk = await decide(floor, conversation, "released", text=edited)

    assert talk.said == [CHECKING, sent]
    assert [run.status for run in talk.runs] == ["done"]
    assert (talk.approval.status, talk.approval.decided_by) == ("released", "maria")
    assert talk.unanswered == []


async def test_a_rejected_draft_goes_to_a_human(waiting: tuple[Floor, ConversationId]) -> None:
    floor, conversation = waiting

    talk = await decide(floor, conversation, "rejected", reason="wrong")

    assert talk.conversation.status == "escalated"
    assert talk.case.brief["suggested_reply"] == "heard: may I?"
    assert "heard: may I?" not in talk.said


async def test_a_draft_that_nobody_looks_at_expires_and_goes_to_a_human(
    waiting: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = waiting

    floor.clock.move(hours=4)
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert talk.approval.status == "expired"
    assert talk.conversation.status == "escalated"
    assert len(talk.said) == 2


async def test_a_new_message_withdraws_a_waiting_draft_and_both_are_answered(
    waiting: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = waiting

    await floor.say("never mind, may she?")
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert [run.status for run in talk.runs] == ["superseded", "waiting"]
    assert [one.status for one in talk.approvals] == ["withdrawn", "open"]
    assert talk.approvals[-1].draft["text"] == "heard: may I?\nnever mind, may she?"


async def test_a_draft_cannot_be_released_once_the_customer_has_written_again(
    waiting: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = waiting
    await floor.say("never mind, may she?")

    with pytest.raises(Conflict, match="withdrawn"):
        await decide(floor, conversation, "released")

    assert (await floor.see(conversation)).said == [CHECKING]


async def test_a_draft_is_decided_on_once(waiting: tuple[Floor, ConversationId]) -> None:
    floor, conversation = waiting
    await decide(floor, conversation, "released")

    with pytest.raises(Conflict, match="released by maria"):
        await decide(floor, conversation, "rejected")


async def test_of_two_who_decide_at_once_one_wins(waiting: tuple[Floor, ConversationId]) -> None:
    floor, conversation = waiting
    approval = (await floor.see(conversation)).approval

    results = await asyncio.gather(
        *(
            floor.desk.decide(approval.id, agent=agent, status=status, text=None, reason=None)
            for agent, status in (("maria", "released"), ("john", "rejected"))
        ),
        return_exceptions=True,
    )

    assert [type(result) for result in results].count(Conflict) == 1


async def test_a_claim_withdraws_a_waiting_draft(waiting: tuple[Floor, ConversationId]) -> None:
    floor, conversation = waiting
    await decide(floor, conversation, "rejected")

    await floor.command("claim", conversation)

    talk = await floor.see(conversation)
    assert talk.conversation.status == "assigned"
    assert talk.unanswered == []


def says(text: str) -> Act:
    async def say(visit: Visit) -> Outcome:
        return drafted(text)

    return say


def wrote(name: str, value: Json) -> Act:
    async def write(visit: Visit) -> Outcome:
        return Outcome(exit="done", updates={name: value})

    return write
