"""Proposals: approved by a human, done once by the shop, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from orchestration import store
from orchestration.errors import Conflict, PermanentFailure, TemporaryFailure
from orchestration.types import ConversationId, Proposal
from tests.fakes.acts import Act, acting
from tests.fakes.floor import GUEST, FakeOrders, Floor, open_floor
from tests.fakes.proposing import (
    AMOUNT,
    CHECKING,
    PROPOSING,
    Watched,
    decide,
    open_orders,
    propose,
)

REFUND = Proposal(
    action="refund",
    order="1042",
    arguments={"amount": AMOUNT, "currency": "USD"},
    why="the customer asked for it",
)
WORDS = "refund 59.90 USD on order 1042"
# The draft that was released, and what we add once the shop has done it.
DONE = "59.90 USD for order 1042 have been refunded."
ANSWER = f"I suggest this: {WORDS}\n\n{DONE}"
IN_DOUBT = TemporaryFailure("no answer", in_doubt=True)


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=propose) as acts:
        yield acts


@pytest.fixture
def orders() -> FakeOrders:
    return open_orders()


@pytest.fixture
async def floor(
    database_url: str, orders: FakeOrders, acts: dict[str, Act]
) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=PROPOSING, orders=orders) as floor:
        yield floor


@pytest.fixture
async def waiting(floor: Floor) -> ConversationId:
    conversation = await floor.say("refund please")
    await floor.work(conversation)
    return conversation


async def approval_of(floor: Floor, conversation: ConversationId) -> str:
    return (await floor.see(conversation)).approval.id


async def test_a_proposal_waits_with_its_exact_arguments(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert talk.said == [CHECKING]
    assert talk.approval.proposal == {
        "action": "refund",
        "order": "1042",
        "arguments": {"amount": AMOUNT, "currency": "USD"},
        "why": "the customer asked for it",
    }
    assert (talk.approval.status, talk.approval.outcome) == ("open", None)
    assert orders.attempts == []


@pytest.mark.parametrize(
    ("edited", "sent"), [(None, ANSWER), ("It is done!", f"It is done!\n\n{DONE}")]
)
async def test_a_released_proposal_is_done_to_the_letter_and_then_the_answer_is_sent(
    floor: Floor, orders: FakeOrders, waiting: ConversationId, edited: str | None, sent: str
) -> None:
    approval = await approval_of(floor, waiting)

    await decide(floor, approval, text=edited)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert orders.done == [(approval, REFUND)]
    assert talk.said == [CHECKING, sent]
    assert (talk.approval.outcome, talk.approval.reference) == ("done", f"ref-{approval}")
    assert talk.step("approve").output["reference"] == f"ref-{approval}"
    assert [run.status for run in talk.runs] == ["done"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_done_is_told_in_the_customers_language(
    floor: Floor, acts: dict[str, Act]
) -> None:
    async def in_german(visit: Any) -> Any:
        outcome = await propose(visit)
        draft = {**outcome.updates["draft"], "text": "Ich schlage das vor.", "language": "de"}
        return replace(outcome, updates={**outcome.updates, "draft": draft})

    acts["work"] = in_german
    talk = await floor.run("cancel 1042")

    await decide(floor, talk.approval.id)
    await floor.work(ConversationId(talk.conversation.id))

    after = await floor.see(ConversationId(talk.conversation.id))
    assert after.said[-1] == "Ich schlage das vor.\n\nDie Bestellung 1042 ist storniert."


async def test_of_two_who_approve_at_once_one_wins_and_it_is_done_once(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    approval = await approval_of(floor, waiting)

    results = await asyncio.gather(
        *(decide(floor, approval, agent=agent) for agent in ("maria", "john")),
        return_exceptions=True,
    )
    await asyncio.gather(*(floor.turns.advance(waiting) for _ in range(2)))
    await floor.work(waiting)

    assert [type(result) for result in results].count(Conflict) == 1
    assert {key for key, _ in orders.done} == {approval}
    assert len(orders.done) == 1
    assert (await floor.see(waiting)).said == [CHECKING, ANSWER]


async def test_a_proposal_stays_open_beside_what_the_customer_writes_next(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    beside = await floor.ask("hello?")
    talk = await floor.see(waiting)
    since = await floor.database.read(lambda c: store.list_said_since(c, talk.approval))

    await decide(floor, talk.approval.id)
    await floor.work(waiting)

    after = await floor.see(waiting)
    assert beside == ["heard: hello?"]
    assert [message.text for message in since] == ["hello?"]
    assert [key for key, _ in orders.done] == [talk.approval.id]
    assert after.said == [CHECKING, "heard: hello?", ANSWER]
    assert [run.status for run in after.runs] == ["done", "done"]


async def test_a_proposal_is_done_although_the_customer_wrote_just_before_it_was_released(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.say("hello?")
    await decide(floor, await approval_of(floor, waiting))

    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert talk.said == [CHECKING, ANSWER, "heard: hello?"]
    assert talk.unanswered == []


async def test_a_proposal_released_while_another_turn_runs_waits_for_that_turn(
    floor: Floor, orders: FakeOrders, acts: dict[str, Act], waiting: ConversationId
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await propose(visit)

    acts["work"] = slow
    approval = await approval_of(floor, waiting)
    await floor.say("hello?")
    work = asyncio.create_task(floor.work(waiting))
    await begun.wait()
    await decide(floor, approval)
    done_meanwhile = list(orders.done)
    go_on.set()
    await work

    assert done_meanwhile == []
    assert [key for key, _ in orders.done] == [approval]
    assert (await floor.see(waiting)).said == [CHECKING, "heard: hello?", ANSWER]


async def test_what_later_turns_remember_is_not_forgotten_for_an_old_answer(
    floor: Floor, waiting: ConversationId
) -> None:
    await floor.ask("hello?")
    await floor.database.write(lambda c: store.change(c, waiting, memory={"last_order": "1043"}))

    await decide(floor, await approval_of(floor, waiting))
    await floor.work(waiting)

    assert (await floor.see(waiting)).conversation.memory == {"last_order": "1043"}


@pytest.mark.parametrize("error", [IN_DOUBT, TimeoutError(), ValueError("a bug")])
@pytest.mark.parametrize("is_idempotent", [True, False])
async def test_where_nobody_knows_whether_it_was_done_a_human_does_and_it_is_not_done_again(
    floor: Floor,
    orders: FakeOrders,
    waiting: ConversationId,
    error: BaseException,
    is_idempotent: bool,
) -> None:
    orders.failures, orders.actions_are_idempotent = [(error, True)], is_idempotent

    await decide(floor, await approval_of(floor, waiting))
    for _ in range(3):
        await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.attempts) == len(orders.done) == 1
    assert f"nobody knows whether this was done: {WORDS}" in talk.case.reason
    assert talk.case.brief["proposals"][0]["outcome"] in ("begun", "unknown")
    assert not any(DONE in said for said in talk.said)


@pytest.mark.parametrize(
    "error", [TemporaryFailure("closed for lunch"), PermanentFailure("too late")]
)
async def test_what_the_shop_did_not_do_is_told_to_a_human_and_may_be_proposed_again(
    floor: Floor, orders: FakeOrders, waiting: ConversationId, error: Exception
) -> None:
    orders.failures = [(error, False)]

    await decide(floor, await approval_of(floor, waiting))
    await floor.work(waiting)
    again = await floor.say("refund please", conversation="another talk")
    await floor.work(again)

    talk = await floor.see(waiting)
    assert f"this was not done: {WORDS} ({error})" in talk.case.reason
    assert talk.approval.outcome == "not_done"
    assert (await floor.see(again)).approval.status == "open"


async def test_what_may_have_been_done_is_not_proposed_again(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    orders.failures = [(IN_DOUBT, False)]
    await decide(floor, await approval_of(floor, waiting))
    await floor.work(waiting)

    again = await floor.say("refund please", conversation="another talk")
    await floor.work(again)

    talk = await floor.see(again)
    assert talk.approvals == []
    assert talk.case.reason == f"a proposal like this is not settled: {WORDS}"


async def test_a_shop_that_cannot_tell_who_the_customer_is_does_nothing(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    orders.fault = TemporaryFailure("down")

    await decide(floor, await approval_of(floor, waiting))
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert orders.attempts == []
    assert f"this was not done: {WORDS}" in talk.case.reason


@pytest.mark.parametrize("writes", [0, 1, 2])
async def test_a_process_that_dies_after_it_was_done_is_made_up_for_without_doing_it_again(
    floor: Floor, orders: FakeOrders, waiting: ConversationId, writes: int
) -> None:
    left = [None] * writes

    async def die(function: Any) -> None:
        if orders.done:
            if not left:
                raise asyncio.CancelledError
            left.pop()

    dying: Any = Watched(floor.database, die)
    await decide(floor, await approval_of(floor, waiting))
    with pytest.raises(asyncio.CancelledError):
        await floor.with_tools(database=dying).work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert len(set(orders.attempts)) == 1
    assert len(orders.attempts) == (2 if writes == 0 else 1)
    assert talk.said == [CHECKING, ANSWER]
    assert talk.approval.outcome == "done"


async def test_a_shop_that_knows_no_keys_is_not_asked_again_after_a_process_died(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    orders.actions_are_idempotent = False
    orders.failures = [(asyncio.CancelledError(), True)]

    await decide(floor, await approval_of(floor, waiting))
    with pytest.raises(asyncio.CancelledError):
        await floor.work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.attempts) == len(orders.done) == 1
    assert f"nobody knows whether this was done: {WORDS}" in talk.case.reason


async def test_a_refusal_tells_nothing_about_an_attempt_that_came_before_it(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    orders.failures = [(asyncio.CancelledError(), True), (PermanentFailure("refunded"), False)]

    await decide(floor, await approval_of(floor, waiting))
    with pytest.raises(asyncio.CancelledError):
        await floor.work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert f"nobody knows whether this was done: {WORDS}" in talk.case.reason
    assert talk.approval.outcome == "unknown"


async def test_a_proposal_that_kills_its_process_each_time_ends_with_a_human_who_knows(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    orders.failures = [(asyncio.CancelledError(), True)] * 3

    await decide(floor, await approval_of(floor, waiting))
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await floor.work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert f"nobody knows whether this was done: {WORDS}" in talk.case.reason
    assert [run.status for run in talk.runs] == ["failed"]


async def test_a_rejected_proposal_goes_to_a_human_and_is_not_done(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.ask("hello?")

    await decide(floor, await approval_of(floor, waiting), "rejected", reason="used too long")
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert orders.attempts == []
    assert talk.case.reason == f"maria rejected the proposal to {WORDS}: used too long"
    assert [run.status for run in talk.runs] == ["done", "done"]


async def test_a_proposal_that_nobody_looks_at_expires_and_goes_to_a_human(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    floor.clock.move(hours=4)
    await floor.turns.advance(waiting)

    talk = await floor.see(waiting)
    assert orders.attempts == []
    assert talk.approval.status == "expired"
    assert talk.case.reason == f"nobody decided in time on the proposal to {WORDS}"


async def test_the_same_proposal_again_goes_to_a_human_and_the_first_stays_open(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.ask("I said refund please")
    talk = await floor.see(waiting)

    await decide(floor, talk.approval.id)
    await floor.work(waiting)

    after = await floor.see(waiting)
    assert talk.case.reason == f"a proposal like this already waits for approval: {WORDS}"
    assert talk.case.brief["proposals"][0]["status"] == "open"
    assert len(orders.done) == 1
    assert after.said[-1] == ANSWER
    assert after.conversation.status == "escalated"


@pytest.mark.parametrize("text", ["cancel 1043", "perhaps"])
async def test_while_a_proposal_waits_whatever_else_needs_approval_goes_to_a_human(
    floor: Floor, waiting: ConversationId, text: str
) -> None:
    await floor.ask(text)

    talk = await floor.see(waiting)
    assert talk.approval.status == "open"
    assert talk.case.reason == "another proposal already waits for approval in this conversation"


async def test_a_proposal_withdraws_the_draft_that_waited_before_it(floor: Floor) -> None:
    conversation = await floor.say("perhaps")
    await floor.work(conversation)

    await floor.ask("refund please")

    talk = await floor.see(conversation)
    assert [(one.status, one.action) for one in talk.approvals] == [
        ("withdrawn", None),
        ("open", "refund"),
    ]


async def test_the_same_proposal_from_another_conversation_at_the_same_moment_is_refused(
    floor: Floor, waiting: ConversationId
) -> None:
    first = await floor.say("cancel 1043", conversation="first")
    second = await floor.say("cancel 1043", conversation="second")
    floor.clock.move(seconds=5)
    is_over = asyncio.Event()

    async def let_the_other_first(function: Any) -> None:
        if "_end" in function.__code__.co_names and not is_over.is_set():
            is_over.set()
            await floor.turns.advance(second)

    watched: Any = Watched(floor.database, let_the_other_first)
    await floor.with_tools(database=watched).turns.advance(first)

    late, early = await floor.see(first), await floor.see(second)
    assert early.approval.status == "open"
    assert late.approvals == []
    assert late.case.reason == "a proposal like this already waits for approval: cancel order 1043"


async def test_a_claim_withdraws_a_proposal(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.ask("perhaps")

    await floor.command("claim", waiting)

    talk = await floor.see(waiting)
    with pytest.raises(Conflict, match="withdrawn"):
        await decide(floor, talk.approval.id)
    await floor.work(waiting)
    assert talk.runs[0].status == "superseded"
    assert orders.attempts == []


async def test_an_agent_who_resolves_the_case_withdraws_a_proposal(
    floor: Floor, waiting: ConversationId
) -> None:
    await floor.ask("perhaps")

    await floor.command("resolve", waiting, text="by phone")

    assert (await floor.see(waiting)).approval.status == "withdrawn"


@pytest.mark.parametrize(
    ("failures", "noted"),
    [([], ANSWER), ([(IN_DOUBT, True)], f"nobody knows whether this was done: {WORDS}")],
)
async def test_what_was_released_before_a_claim_is_done_and_the_agent_alone_is_told(
    floor: Floor, orders: FakeOrders, waiting: ConversationId, failures: list[Any], noted: str
) -> None:
    orders.failures = list(failures)
    await floor.ask("perhaps")
    said = (await floor.see(waiting)).said

    await decide(floor, await approval_of(floor, waiting), agent="john")
    await floor.command("claim", waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert talk.said == said
    assert noted in talk.notes[-1].text
    assert talk.conversation.status == "assigned"


async def test_an_order_that_is_not_the_customers_cannot_be_proposed_on(floor: Floor) -> None:
    conversation = await floor.say("refund 2077")
    await floor.work(conversation)
    guest = await floor.say("refund 1042", who=GUEST, conversation="guest")
    await floor.work(guest)

    for each, order in ((conversation, "2077"), (guest, "1042")):
        talk = await floor.see(each)
        assert talk.approvals == []
        assert f"the customer has no order '{order}'" in talk.case.reason
