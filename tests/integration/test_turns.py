"""Turns: debounced, superseded, fenced, and one at a time, whatever workers do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from integrations.dispatch.local import LocalDispatcher
from orchestration import escalation, housekeeping, store
from orchestration.errors import PermanentFailure
from orchestration.nodes import Outcome, Visit
from orchestration.types import ConversationId
from tests.fakes.acts import Act, acting, drafted, echo
from tests.fakes.floor import DEBOUNCE, NOW, Floor, open_floor
from tests.fakes.workflows import WORK

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Gate:
    """A node that waits in the middle of its work until it is let on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, visit: Visit) -> Outcome:
        self.begun.set()
        await self.go_on.wait()
        return await echo(visit)


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo) as acts:
        yield acts


@pytest.fixture
async def floor(database_url: str, acts: dict[str, Act]) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=WORK) as floor:
        yield floor


async def begin(floor: Floor, conversation: ConversationId) -> "asyncio.Task[object]":
    """Wait out the debounce and let a worker take the conversation."""
    floor.clock.now += DEBOUNCE
    return asyncio.create_task(floor.turns.advance(conversation))


async def test_five_messages_within_the_debounce_get_one_reply_that_saw_them_all(
    floor: Floor,
) -> None:
    for number in range(5):
        conversation = await floor.say(f"part {number}")
        await floor.turns.advance(conversation)
        floor.clock.move(seconds=0.5)

    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.said == ["heard: part 0\npart 1\npart 2\npart 3\npart 4"]
    assert len(talk.runs) == 1
    assert talk.unanswered == []


async def test_a_turn_does_not_start_before_its_customer_has_paused(floor: Floor) -> None:
    conversation = await floor.say("where is it?")

    due_at = await floor.turns.advance(conversation)

    assert due_at == NOW + DEBOUNCE
    assert (await floor.see(conversation)).runs == []


async def test_a_customer_who_writes_every_eight_tenths_of_a_second_is_answered_meanwhile(
    floor: Floor,
) -> None:
    for number in range(75):
        conversation = await floor.say(f"{number}")
        await floor.turns.advance(conversation)
        floor.clock.move(seconds=0.8)
    await floor.work(conversation)

    talk = await floor.see(conversation)
    heard = "\n".join(text.removeprefix("heard: ") for text in talk.said).split("\n")
    waits = [
        (reply.at - first.at).total_seconds()
        for reply in talk.messages
        if reply.author == "bot"
        for first in [next(one for one in talk.messages if one.turn_id == reply.run_id)]
    ]
    assert heard == [str(number) for number in range(75)]
    assert 9 <= len(talk.said) <= 15
    assert max(waits) <= 6


async def test_a_message_that_arrives_while_a_run_works_supersedes_it(
    floor: Floor, acts: dict[str, Act]
) -> None:
    acts["work"] = gate = Gate()
    conversation = await floor.say("where is my order?")
    work = await begin(floor, conversation)
    await gate.begun.wait()

    await floor.say("1042, I mean")
    gate.go_on.set()
    due_at = await work
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert due_at == floor.clock.now
    assert talk.said == ["heard: where is my order?\n1042, I mean"]
    assert [run.status for run in talk.runs] == ["superseded", "done"]
    assert len(floor.memory.shown) == 1


async def test_after_two_supersedes_the_third_run_answers_what_it_saw(
    floor: Floor, acts: dict[str, Act]
) -> None:
    conversation = await floor.say("one")
    for text in ("two", "three", "four"):
        acts["work"] = gate = Gate()
        work = await begin(floor, conversation)
        await gate.begun.wait()
        await floor.say(text)
        gate.go_on.set()
        await work
    acts["work"] = echo
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.said == ["heard: one\ntwo\nthree", "heard: four"]
    assert [run.status for run in talk.runs] == ["superseded", "superseded", "done", "done"]
    assert talk.conversation.supersedes == 0


@pytest.mark.parametrize("supersedes", [0, 2])
async def test_an_agent_who_claims_while_a_run_works_keeps_the_bot_silent(
    floor: Floor, acts: dict[str, Act], supersedes: int
) -> None:
    conversation = await floor.say("where is it?")
    await floor.database.write(lambda c: store.change(c, conversation, supersedes=supersedes))
    acts["work"] = gate = Gate()
    work = await begin(floor, conversation)
    await gate.begun.wait()

    await open_case(floor, conversation)
    await floor.command("claim", conversation)
    gate.go_on.set()
    await work
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.said == []
    assert floor.memory.attempts == []
    assert talk.conversation.status == "assigned"
    assert [run.status for run in talk.runs] == ["superseded"]
    assert talk.unanswered == []


async def test_supersedes_by_an_agent_do_not_count_against_the_next_turn(
    floor: Floor, acts: dict[str, Act]
) -> None:
    conversation = await floor.say("where is it?")
    acts["work"] = gate = Gate()
    work = await begin(floor, conversation)
    await gate.begun.wait()

    await open_case(floor, conversation)
    await floor.command("claim", conversation)
    gate.go_on.set()
    await work

    assert (await floor.see(conversation)).conversation.supersedes == 0


async def test_a_stalled_worker_that_wakes_after_another_commits_nothing(
    floor: Floor, acts: dict[str, Act]
) -> None:
    acts["work"] = stalled = Gate()
    conversation = await floor.say("where is it?")
    first = await begin(floor, conversation)
    await stalled.begun.wait()
    acts["work"] = echo
    await floor.turns.advance(conversation)
    before = await floor.see(conversation), await floor.count_rows()

    stalled.go_on.set()
    due_at = await first

    assert due_at is None
    assert (await floor.see(conversation), await floor.count_rows()) == before
    assert before[0].said == ["heard: where is it?"]
    assert [run.status for run in before[0].runs] == ["done"]


async def test_a_stalled_worker_does_not_end_the_run_that_another_goes_on_with(
    floor: Floor, acts: dict[str, Act]
) -> None:
    acts["work"] = first_gate = Gate()
    conversation = await floor.say("where is it?")
    first = await begin(floor, conversation)
    await first_gate.begun.wait()
    acts["work"] = second_gate = Gate()
    second = asyncio.create_task(floor.turns.advance(conversation))
    await second_gate.begun.wait()

    first_gate.go_on.set()
    await first
    before_second = await floor.see(conversation)
    second_gate.go_on.set()
    await second

    assert before_second.said == []
    assert (await floor.see(conversation)).said == ["heard: where is it?"]


async def test_three_workers_at_once_give_one_answer(floor: Floor) -> None:
    conversation = await floor.say("where is it?")
    floor.clock.now += DEBOUNCE

    await asyncio.gather(*(floor.turns.advance(conversation) for _ in range(3)))
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert talk.said == ["heard: where is it?"]
    assert len(floor.memory.shown) == 1


async def test_advancing_a_conversation_with_nothing_to_do_does_no_harm(floor: Floor) -> None:
    conversation = await floor.say("where is it?")
    await floor.work(conversation)
    before = await floor.count_rows()

    due = [await floor.turns.advance(conversation) for _ in range(3)]

    assert due == [None, None, None]
    assert await floor.count_rows() == before


async def test_advancing_a_conversation_that_is_not_there_does_no_harm(floor: Floor) -> None:
    assert await floor.turns.advance(ConversationId("nobody")) is None


async def test_the_sweep_finds_what_nobody_woke(floor: Floor) -> None:
    conversation = await floor.say("where is it?")
    floor.dispatcher.asked.clear()  # type: ignore[attr-defined]

    await housekeeping.sweep(floor.tools, floor.dispatcher)
    early = list(floor.dispatcher.asked)  # type: ignore[attr-defined]
    floor.clock.now += DEBOUNCE
    await housekeeping.sweep(floor.tools, floor.dispatcher)

    assert early == []
    assert floor.dispatcher.asked == [conversation]  # type: ignore[attr-defined]


async def test_a_conversation_whose_worker_died_is_due_again_when_its_lease_is_over(
    floor: Floor, acts: dict[str, Act]
) -> None:
    acts["work"] = gate = Gate()
    conversation = await floor.say("where is it?")
    dying = await begin(floor, conversation)
    await gate.begun.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    acts["work"] = echo

    floor.clock.now += store.conversations.LEASE
    floor.dispatcher.asked.clear()  # type: ignore[attr-defined]
    await housekeeping.sweep(floor.tools, floor.dispatcher)
    await floor.turns.advance(conversation)

    assert floor.dispatcher.asked == [conversation]  # type: ignore[attr-defined]
    assert (await floor.see(conversation)).said == ["heard: where is it?"]


@sqlite_alone
async def test_a_process_that_starts_alone_need_not_wait_for_leases(floor: Floor) -> None:
    conversation = await floor.say("where is it?")
    await floor.database.write(lambda c: store.take(c, conversation, floor.clock()))

    await housekeeping.recover(floor.tools)

    assert (await floor.see(conversation)).conversation.due_at == floor.clock.now


async def test_a_message_that_stops_its_process_three_times_ends_at_a_human(
    floor: Floor, acts: dict[str, Act]
) -> None:
    conversation = await floor.say("poison")
    for _ in range(3):
        acts["work"] = gate = Gate()
        dying = await begin(floor, conversation)
        await gate.begun.wait()
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    acts["work"] = echo
    other = await floor.say("hello", conversation="other")

    await floor.work(conversation)
    await floor.turns.advance(other)

    talk = await floor.see(conversation)
    assert talk.conversation.status == "escalated"
    assert [run.status for run in talk.runs] == ["failed"]
    assert talk.said[0].startswith("I'm sorry, something went wrong on our side.")
    assert (await floor.see(other)).said == ["heard: hello"]


async def test_an_order_source_with_a_bug_is_not_asked_for_ever(floor: Floor) -> None:
    floor.tools.orders.fault = KeyError("customer")  # type: ignore[attr-defined]

    conversation = await floor.say("hello")
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.conversation.status == "escalated"
    assert "KeyError" in talk.case.reason
    assert talk.said[0].startswith("I'm sorry, something went wrong on our side.")


async def test_a_shop_that_cannot_be_asked_does_not_stop_an_answer_that_needs_no_orders(
    floor: Floor,
) -> None:
    floor.tools.orders.fault = PermanentFailure("the shop is gone")  # type: ignore[attr-defined]

    assert await floor.ask("hello") == ["heard: hello"]


async def test_numbers_of_messages_and_events_follow_the_order_of_their_commits(
    floor: Floor,
) -> None:
    incoming = [floor.message(f"{number}") for number in range(8)]
    received = await asyncio.gather(*(floor.receive(one) for one in incoming))
    conversation = received[0].conversation
    await floor.work(conversation)

    talk = await floor.see(conversation)
    numbers = [one.seq for one in talk.messages] + [one.seq for one in talk.events]

    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert talk.run.text.split("\n") == [one.text for one in talk.messages[:-1]]


@sqlite_alone
async def test_a_local_dispatcher_answers_by_itself_after_the_debounce(floor: Floor) -> None:
    dispatcher = LocalDispatcher(lambda: floor.clock.now)
    floor = floor.with_tools(debounce=timedelta(0))
    answered = asyncio.Event()

    async def advance(conversation: ConversationId) -> None:
        await floor.turns.advance(conversation)
        answered.set()

    floor.dispatcher = dispatcher
    await dispatcher.start(advance)
    conversation = await floor.say("hello")
    await asyncio.wait_for(answered.wait(), 30)
    await dispatcher.stop()

    assert (await floor.see(conversation)).said == ["heard: hello"]


async def open_case(floor: Floor, conversation: ConversationId) -> None:
    """Open a case as a reply that could not be delivered would."""
    found = (await floor.see(conversation)).conversation
    await floor.database.write(
        lambda c: escalation.open_case(
            c,
            floor.tools,
            found,
            run=None,
            queue="support",
            reason="test",
            urgency="normal",
            brief={},
            now=floor.clock(),
        )
    )


async def test_what_a_node_adds_to_the_state_is_seen_by_the_next(
    floor: Floor, acts: dict[str, Act]
) -> None:
    async def shout(visit: Visit) -> Outcome:
        return drafted(str(visit.state["intent"]).upper())

    acts["work"] = shout

    assert await floor.ask("where is it?") == ["ORDER_STATUS"]
