"""Deliveries: retried with the same body and id, never shown twice, in order, or visibly failed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from orchestration import store
from orchestration.delivery import LOOK_AGAIN, WAITS, Postman
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.models import Delivery
from orchestration.types import ConversationId
from tests.fakes.acts import acting, echo
from tests.fakes.floor import DEBOUNCE, Floor, open_floor
from tests.fakes.memory_channel import Attempt, MemoryChannel
from tests.fakes.workflows import SHIPPED, WORK

BUSY = Attempt(error=TemporaryFailure("busy"))
GONE = Attempt(error=PermanentFailure("no such channel"))
LOST = TemporaryFailure("the answer never came", in_doubt=True)
SETTLES = timedelta(seconds=10)

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    with acting(work=echo):
        async with open_floor(database_url, workflow=WORK) as floor:
            yield floor


@pytest.fixture
async def doubtful(database_url: str) -> AsyncIterator[Floor]:
    """A floor whose channel shows twice what it is given twice."""
    memory = MemoryChannel(is_idempotent=False, settles_in=SETTLES)
    with acting(work=echo):
        async with open_floor(database_url, workflow=WORK, memory=memory) as floor:
            yield floor


@pytest.fixture
async def handed_over(database_url: str) -> AsyncIterator[tuple[Floor, ConversationId]]:
    """A floor with an escalated conversation whose last bot message has not left yet."""
    memory = MemoryChannel(is_idempotent=False, settles_in=SETTLES)
    async with open_floor(database_url, workflow=SHIPPED, memory=memory) as floor:
        memory.script(BUSY)
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)
        yield floor, conversation


async def pass_and_work(floor: Floor, conversation: ConversationId, after: timedelta) -> None:
    floor.clock.now += after
    await floor.turns.advance(conversation)


async def statuses(floor: Floor, conversation: ConversationId) -> list[str]:
    return [one.status for one in (await floor.see(conversation)).deliveries]


async def until_done(floor: Floor, conversation: ConversationId) -> None:
    """Do what is due at the moment it is due, until every delivery has ended."""
    for _ in range(40):
        due_at = await floor.turns.advance(conversation)
        if not {"pending", "sending"} & set(await statuses(floor, conversation)):
            return
        assert due_at is not None
        floor.clock.now = max(floor.clock.now, due_at)
    raise AssertionError("it never comes to an end")


# Retries


async def test_a_failed_attempt_is_repeated_with_the_same_body_and_id_after_growing_waits(
    floor: Floor,
) -> None:
    floor.memory.script(BUSY, BUSY, BUSY)
    conversation = await floor.say("hello")
    await floor.work(conversation)
    waits = []
    for _ in range(3):
        due_at = (await floor.see(conversation)).conversation.due_at
        assert due_at is not None
        waits.append(due_at - floor.clock.now)
        floor.clock.now = due_at
        await floor.turns.advance(conversation)

    assert waits == list(WAITS[:3])
    assert [parcel.attempt for parcel in floor.memory.attempts] == [1, 2, 3, 4]
    assert len({(parcel.delivery, parcel.body) for parcel in floor.memory.attempts}) == 1
    assert await statuses(floor, conversation) == ["delivered"]


async def test_nothing_is_tried_again_before_its_time(floor: Floor) -> None:
    floor.memory.script(BUSY)
    conversation = await floor.say("hello")
    await floor.work(conversation)

    await pass_and_work(floor, conversation, WAITS[0] - timedelta(seconds=1))

    assert len(floor.memory.attempts) == 1


async def test_the_other_side_says_when_to_try_again(floor: Floor) -> None:
    floor.memory.script(Attempt(error=TemporaryFailure("slow down", retry_after=77)))
    conversation = await floor.say("hello")
    await floor.work(conversation)

    talk = await floor.see(conversation)

    assert talk.conversation.due_at == floor.clock.now + timedelta(seconds=77)


async def test_a_body_is_frozen_when_it_is_made(floor: Floor) -> None:
    floor.memory.script(BUSY)
    conversation = await floor.say("hello")
    await floor.work(conversation)
    before = (await floor.see(conversation)).deliveries[0].body

    await floor.say("hello again")
    await until_done(floor, conversation)

    first = [parcel.body for parcel in floor.memory.attempts[:2]]
    assert first == [before, before]


async def test_what_fails_for_good_is_visible_and_opens_a_case(floor: Floor) -> None:
    floor.memory.script(GONE)
    conversation = await floor.say("hello")
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.deliveries[0].status == "failed"
    assert talk.deliveries[0].error == "no such channel"
    assert talk.conversation.status == "escalated"
    assert talk.case.reason == "a reply could not be delivered: no such channel"
    assert talk.case.brief["suggested_reply"] == "heard: hello"
    assert talk.case.brief["customer"]["verified"]["id"] == "C-1001"
    assert [one["author"] for one in talk.case.brief["transcript"]] == ["customer", "bot"]
    assert all("name" in one for one in talk.case.brief["transcript"])


async def test_what_is_refused_again_and_again_fails_in_the_end(floor: Floor) -> None:
    floor.memory.always(BUSY)
    conversation = await floor.say("hello")
    floor.clock.now += DEBOUNCE

    for _ in range(len(WAITS) + 1):
        due_at = await floor.turns.advance(conversation)
        assert due_at is not None
        floor.clock.now = max(floor.clock.now, due_at)

    talk = await floor.see(conversation)
    assert len(floor.memory.attempts) == len(WAITS) + 1
    assert await statuses(floor, conversation) == ["failed"]
    assert talk.conversation.status == "escalated"


@sqlite_alone
async def test_a_channel_that_is_not_set_up_fails_visibly(floor: Floor) -> None:
    floor.channel = "carrier pigeon"

    conversation = await floor.say("hello")
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.deliveries[0].status == "failed"
    assert "carrier pigeon" in talk.case.reason


@sqlite_alone
async def test_an_agents_reply_that_cannot_be_delivered_is_visibly_failed(floor: Floor) -> None:
    floor.memory.script(GONE)
    conversation = await floor.say("hello")
    await floor.work(conversation)
    await floor.command("claim", conversation)
    floor.memory.script(GONE)

    await floor.command("reply", conversation, text="Hello, Maria here.")
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert [one.status for one in talk.deliveries] == ["failed", "failed"]
    assert talk.case.status == "claimed"
    assert "undelivered" in [event.kind for event in talk.events]


# Unknown outcomes


async def test_an_idempotent_channel_is_simply_tried_again_when_in_doubt(floor: Floor) -> None:
    floor.memory.script(Attempt(error=LOST, shows=True))
    conversation = await floor.say("hello")
    await floor.work(conversation)

    await until_done(floor, conversation)

    assert len(floor.memory.attempts) == 2
    assert len(floor.memory.shown) == 1
    assert floor.memory.looks == 0
    assert await statuses(floor, conversation) == ["delivered"]


async def test_what_has_arrived_in_spite_of_doubt_is_found_and_not_sent_again(
    doubtful: Floor,
) -> None:
    doubtful.memory.script(Attempt(error=LOST, shows=True))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await until_done(doubtful, conversation)

    talk = await doubtful.see(conversation)
    assert len(doubtful.memory.attempts) == len(doubtful.memory.shown) == 1
    assert talk.deliveries[0].status == "delivered"
    assert talk.deliveries[0].reference == f"found-{talk.deliveries[0].id}"


async def test_nobody_looks_before_the_channel_has_settled(doubtful: Floor) -> None:
    doubtful.memory.script(Attempt(error=LOST, shows=True))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await pass_and_work(doubtful, conversation, SETTLES - timedelta(seconds=1))

    assert doubtful.memory.looks == 0
    assert await statuses(doubtful, conversation) == ["sending"]


async def test_what_has_not_arrived_is_looked_for_twice_and_then_sent_once_more(
    doubtful: Floor,
) -> None:
    doubtful.memory.script(Attempt(error=LOST))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await pass_and_work(doubtful, conversation, SETTLES)
    after_one_look = len(doubtful.memory.attempts)
    await pass_and_work(doubtful, conversation, LOOK_AGAIN)

    assert after_one_look == 1
    assert doubtful.memory.looks == 2
    assert len(doubtful.memory.attempts) == 2
    assert len(doubtful.memory.shown) == 1
    assert await statuses(doubtful, conversation) == ["delivered"]


async def test_what_stays_in_doubt_is_never_sent_a_third_time(doubtful: Floor) -> None:
    doubtful.memory.always(Attempt(error=LOST))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await until_done(doubtful, conversation)

    assert len(doubtful.memory.attempts) == 2
    assert doubtful.memory.looks == 4
    assert await statuses(doubtful, conversation) == ["unconfirmed"]


async def test_a_worker_that_dies_in_the_middle_of_sending_leaves_no_second_copy(
    doubtful: Floor,
) -> None:
    gate = asyncio.Event()
    doubtful.memory.script(Attempt(gate=gate))
    conversation = await doubtful.say("hello")
    work = asyncio.create_task(doubtful.work(conversation))
    await doubtful.memory.begun.wait()
    doubtful.memory.shown.append(doubtful.memory.attempts[0])
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)

    await until_done(doubtful, conversation)

    assert len(doubtful.memory.shown) == 1
    assert await statuses(doubtful, conversation) == ["delivered"]


@pytest.mark.parametrize("fault", [PermanentFailure("not allowed to look"), KeyError("messages")])
async def test_where_nobody_can_look_nothing_is_sent_again(
    doubtful: Floor, fault: Exception
) -> None:
    doubtful.memory.script(Attempt(error=LOST))
    doubtful.memory.blind = fault
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await until_done(doubtful, conversation)

    assert len(doubtful.memory.attempts) == 1
    assert await statuses(doubtful, conversation) == ["unconfirmed"]


@sqlite_alone
async def test_a_look_that_fails_for_now_is_repeated(doubtful: Floor) -> None:
    doubtful.memory.script(Attempt(error=LOST, shows=True))
    doubtful.memory.blind = TemporaryFailure("busy")
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await pass_and_work(doubtful, conversation, SETTLES)
    doubtful.memory.blind = None
    await pass_and_work(doubtful, conversation, LOOK_AGAIN)

    assert await statuses(doubtful, conversation) == ["delivered"]


async def test_a_channel_with_a_bug_is_in_doubt_and_does_not_stop_the_conversation(
    doubtful: Floor,
) -> None:
    doubtful.memory.script(Attempt(error=KeyError("ts"), shows=True))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await until_done(doubtful, conversation)

    assert len(doubtful.memory.shown) == 1
    assert await statuses(doubtful, conversation) == ["delivered"]


async def test_a_human_looks_once_at_a_reply_of_unknown_outcome(doubtful: Floor) -> None:
    doubtful.memory.always(Attempt(error=LOST))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    await until_done(doubtful, conversation)
    for _ in range(3):
        await pass_and_work(doubtful, conversation, timedelta(hours=1))

    talk = await doubtful.see(conversation)
    assert len(doubtful.memory.attempts) == 2
    assert talk.conversation.status == "escalated"
    assert talk.case.reason.startswith("it is not known whether a reply arrived: ")
    assert talk.case.brief["suggested_reply"] == "heard: hello"
    assert [event.kind for event in talk.events].count("undelivered") == 1
    assert talk.notes == []


async def test_a_reply_of_unknown_outcome_joins_the_open_case(
    handed_over: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = handed_over
    floor.memory.always(Attempt(error=LOST))

    await until_done(floor, conversation)
    await pass_and_work(floor, conversation, timedelta(minutes=1))

    talk = await floor.see(conversation)
    assert [one.status for one in talk.deliveries] == ["unconfirmed"]
    assert talk.case.reason == "no responder could answer (rule: everything else)"
    assert [talk.said[-1] in note.text for note in talk.notes] == [True]


async def test_an_agents_reply_of_unknown_outcome_comes_back_after_the_case_is_over(
    handed_over: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = handed_over
    await floor.command("claim", conversation)
    await until_done(floor, conversation)
    floor.memory.always(Attempt(error=LOST))
    await floor.command("reply", conversation, text="Maria here.")
    await floor.command("resolve", conversation)

    await until_done(floor, conversation)

    talk = await floor.see(conversation)
    assert [case.status for case in talk.cases] == ["resolved", "open"]
    assert talk.cases[-1].brief["suggested_reply"] == "Maria here."


async def test_that_a_reply_is_unconfirmed_is_written_together_with_its_case(
    doubtful: Floor,
) -> None:
    doubtful.memory.always(Attempt(error=LOST))
    conversation = await doubtful.say("hello")
    await doubtful.work(conversation)

    def die(connection: Connection, undelivered: Delivery) -> None:
        raise ConnectionError("the process died here")

    now = doubtful.clock()
    held = await doubtful.database.write(lambda c: store.take(c, conversation, now))
    assert held is not None
    dying = Postman(doubtful.tools, {"memory": doubtful.memory}, die)

    async def work_on() -> None:
        for _ in range(10):
            doubtful.clock.now += SETTLES
            await dying.deliver_due(held)

    with pytest.raises(ConnectionError):
        await work_on()
    before = await doubtful.see(conversation)
    await until_done(doubtful, conversation)

    assert [before.deliveries[0].status, before.cases] == ["sending", []]
    assert await statuses(doubtful, conversation) == ["unconfirmed"]
    assert len((await doubtful.see(conversation)).cases) == 1


# Order


async def test_what_stands_behind_a_delayed_delivery_waits_for_it(floor: Floor) -> None:
    floor.memory.script(BUSY)
    conversation = await floor.say("one")
    await floor.work(conversation)
    await floor.say("two")
    await floor.work(conversation)
    waiting = [parcel.attempt for parcel in floor.memory.shown]

    await until_done(floor, conversation)

    bodies = [parcel.body for parcel in floor.memory.shown]
    assert waiting == []
    assert ["heard: one" in bodies[0], "heard: two" in bodies[1]] == [True, True]
    assert len(bodies) == 2


async def test_what_stands_behind_a_failed_delivery_does_not_wait_for_it(floor: Floor) -> None:
    floor.memory.script(GONE)
    conversation = await floor.say("one")
    await floor.work(conversation)
    await floor.ask("two")

    assert ["heard: two" in one.body or "passed that on" in one.body for one in floor.memory.shown]
    assert (await statuses(floor, conversation))[0] == "failed"
    assert (await statuses(floor, conversation))[-1] == "delivered"


# Agents


async def test_what_the_bot_has_not_sent_when_an_agent_claims_is_withheld(
    handed_over: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = handed_over

    answer = await floor.command("claim", conversation)
    await until_done(floor, conversation)

    talk = await floor.see(conversation)
    assert answer["in_flight"] == []
    assert floor.memory.shown == []
    assert [one.status for one in talk.deliveries] == ["withheld"]
    assert talk.said == []
    assert len(talk.notes) == 1


async def test_what_is_on_its_way_when_an_agent_claims_is_named(database_url: str) -> None:
    gate = asyncio.Event()
    memory = MemoryChannel()
    memory.script(Attempt(gate=gate))
    async with open_floor(database_url, workflow=SHIPPED, memory=memory) as floor:
        conversation = await floor.say("I want my money back")
        work = asyncio.create_task(floor.work(conversation))
        await memory.begun.wait()

        answer = await floor.command("claim", conversation)
        gate.set()
        await work
        talk = await floor.see(conversation)

    assert answer["in_flight"] == [talk.deliveries[0].id]
    assert len(memory.shown) == 1


async def test_what_may_have_arrived_before_the_claim_is_not_called_withheld(
    database_url: str,
) -> None:
    memory = MemoryChannel(is_idempotent=True)
    memory.script(Attempt(error=LOST))
    async with open_floor(database_url, workflow=SHIPPED, memory=memory) as floor:
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)

        await floor.command("claim", conversation)
        await until_done(floor, conversation)
        talk = await floor.see(conversation)

    assert len(memory.attempts) == 1
    assert [one.status for one in talk.deliveries] == ["unconfirmed"]
    (note,) = talk.notes
    assert note.text.startswith("it is not known whether a reply arrived: the answer never came")
    assert talk.said[-1] in note.text


async def test_an_agents_own_words_are_sent_though_the_bots_are_withheld(
    handed_over: tuple[Floor, ConversationId],
) -> None:
    floor, conversation = handed_over
    await floor.command("claim", conversation)

    await floor.command("reply", conversation, text="Maria here.")
    await until_done(floor, conversation)

    assert ["Maria here." in parcel.body for parcel in floor.memory.shown] == [True]
