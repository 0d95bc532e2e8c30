"""The one door: each message once, in its own customer's conversation, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, event

from orchestration import store
from orchestration.errors import Conflict
from orchestration.masking import CARD, CODE
from orchestration.types import Attachment
from tests.fakes.acts import acting, echo
from tests.fakes.floor import BEN, GUEST, Floor, open_floor
from tests.fakes.workflows import WORK


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    with acting(work=echo):
        async with open_floor(database_url, workflow=WORK) as floor:
            yield floor


async def test_the_same_message_five_times_at_once_is_one_message_one_run_and_one_reply(
    floor: Floor,
) -> None:
    incoming = floor.message("where is it?")

    received = await asyncio.gather(*(floor.receive(incoming) for _ in range(5)))
    await floor.work(received[0].conversation)

    talk = await floor.see(received[0].conversation)
    assert {one.message for one in received} == {talk.messages[0].id}
    assert sorted(one.duplicate for one in received) == [False, True, True, True, True]
    assert [message.text for message in talk.messages] == ["where is it?", "heard: where is it?"]
    assert len(talk.runs) == 1
    assert len(floor.memory.shown) == 1


async def test_one_more_message_five_times_at_once_is_one_message(floor: Floor) -> None:
    first = await floor.receive(floor.message("hello"))
    incoming = floor.message("where is it?")

    received = await asyncio.gather(*(floor.receive(incoming) for _ in range(5)))

    talk = await floor.see(first.conversation)
    assert {one.conversation for one in received} == {first.conversation}
    assert sorted(one.duplicate for one in received) == [False, True, True, True, True]
    assert [message.text for message in talk.messages] == ["hello", "where is it?"]
    assert [message.seq for message in talk.messages] == [1, 2]


async def test_one_more_message_takes_one_look_and_one_write(floor: Floor) -> None:
    await floor.receive(floor.message("hello"))
    said: list[str] = []

    def note(_: Connection, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement.split()[0])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await floor.receive(floor.message("where is it?"))
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    # SQLite knows no statement of two writes, and no journeys.
    on_sqlite = ["BEGIN", "SAVEPOINT", "SELECT", "UPDATE", "INSERT", "RELEASE"]
    assert said in (["SELECT", "WITH"], on_sqlite)


async def test_the_same_new_conversation_five_times_at_once_is_one_conversation(
    floor: Floor,
) -> None:
    incoming = floor.message("hello", conversation=None)

    received = await asyncio.gather(*(floor.receive(incoming) for _ in range(5)))

    assert len({one.conversation for one in received}) == 1
    assert (await floor.count_rows())["conversations"] == 1


async def test_five_first_messages_at_once_open_one_conversation(floor: Floor) -> None:
    incoming = [floor.message(f"part {number}") for number in range(5)]

    received = await asyncio.gather(*(floor.receive(one) for one in incoming))

    talk = await floor.see(received[0].conversation)
    assert {one.conversation for one in received} == {received[0].conversation}
    assert [message.seq for message in talk.messages] == [1, 2, 3, 4, 5]
    assert (await floor.count_rows())["customers"] == 1


async def test_a_repeat_that_is_still_unanswered_wakes_its_conversation_again(
    floor: Floor,
) -> None:
    incoming = floor.message("where is it?")

    first = await floor.receive(incoming)
    second = await floor.receive(incoming)

    assert second.duplicate
    assert floor.dispatcher.asked == [first.conversation] * 2  # type: ignore[attr-defined]


async def test_a_repeat_of_an_answered_message_wakes_nobody(floor: Floor) -> None:
    incoming = floor.message("where is it?")
    received = await floor.receive(incoming)
    await floor.work(received.conversation)

    repeated = await floor.receive(incoming)
    await floor.work(received.conversation)

    assert repeated.duplicate
    assert not repeated.unanswered
    assert (await floor.see(received.conversation)).said == ["heard: where is it?"]
    assert len(floor.dispatcher.asked) == 1  # type: ignore[attr-defined]


async def test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing(
    floor: Floor,
) -> None:
    await floor.say("where is it?", id="m-1")
    before = await floor.count_rows()

    with pytest.raises(Conflict, match="another body"):
        await floor.say("where is the other one?", id="m-1")

    assert await floor.count_rows() == before


@pytest.mark.parametrize("stranger", [BEN, GUEST])
async def test_nobody_writes_into_the_conversation_of_another_customer(
    floor: Floor, stranger: object
) -> None:
    conversation = await floor.say("where is it?")
    before = await floor.count_rows(), (await floor.see(conversation)).conversation

    with pytest.raises(Conflict, match="another customer"):
        await floor.say("and mine?", who=stranger)

    after = await floor.count_rows(), (await floor.see(conversation)).conversation
    assert after == before


async def test_a_guest_with_a_customers_id_is_not_that_customer(floor: Floor) -> None:
    await floor.say("where is it?")

    impostor = replace(GUEST, external_id="C-1001", email="ana@example.com")
    conversation = await floor.say("where is it?", who=impostor, conversation="other")

    rows = await floor.count_rows()
    talk = await floor.see(conversation)
    await floor.work(conversation)
    assert rows["customers"] == 2
    assert [message.text for message in talk.messages] == ["where is it?"]
    assert floor.tools.orders.asked == 0  # type: ignore[attr-defined]


async def test_card_numbers_and_passwords_are_masked_before_they_are_stored(floor: Floor) -> None:
    conversation = await floor.say("my card is 4111 1111 1111 1111 and my password is hunter2!")

    stored = (await floor.see(conversation)).messages[0].text

    assert "4111" not in stored
    assert "hunter2" not in stored


async def test_metadata_and_names_of_attachments_are_masked_before_they_are_stored(
    floor: Floor,
) -> None:
    message = replace(
        floor.message("see attachment"),
        metadata={"page": "/checkout", "form": {"card": "4111111111111111", "cvv": 123}},
        attachments=(Attachment(name="card_4111111111111111.png", type="image/png", content=b"-"),),
    )

    received = await floor.receive(message)

    (stored,) = (await floor.see(received.conversation)).messages
    (file,) = await floor.database.read(lambda c: store.list_files(c, [stored.id]))
    assert stored.details == {"page": "/checkout", "form": {"card": CARD, "cvv": CODE}}
    assert file["name"] == f"card {CARD}.png"


async def test_ten_conversations_at_once_are_all_answered(floor: Floor) -> None:
    incoming = [floor.message(f"hello {n}", conversation=f"talk-{n}") for n in range(10)]

    received = await asyncio.gather(*(floor.receive(one) for one in incoming))
    floor.clock.move(seconds=1)
    await asyncio.gather(*(floor.turns.advance(one.conversation) for one in received))

    talks = [await floor.see(one.conversation) for one in received]
    assert [talk.said for talk in talks] == [[f"heard: hello {n}"] for n in range(10)]


async def test_messages_of_one_moment_begin_one_conversation(floor: Floor) -> None:
    incoming = [
        replace(floor.message(f"line {number}", conversation=f"thread-{number}"), joins="newest")
        for number in range(6)
    ]

    received = await asyncio.gather(*(floor.receive(one) for one in incoming))

    assert len({one.conversation for one in received}) == 1
