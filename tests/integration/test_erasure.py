"""Export holds everything about a customer; after erasing nothing of it is left but ids."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from orchestration import housekeeping, store
from orchestration.errors import TemporaryFailure
from orchestration.models import metadata
from orchestration.types import ConversationId, CustomerRecord, Order
from tests.fakes.floor import ANA, BEN, NOW, Floor, open_floor
from tests.fakes.memory_channel import Attempt
from tests.fakes.workflows import SHIPPED

SECRETS = ("zanzibar", "ana@example.com", "Ana Ruiz", "C-1001", "quagga", "okapi")


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        await floor.database.write(
            lambda c: store.save_customers(
                c, [CustomerRecord(id="C-1001", name="Ana Ruiz", email="ana@example.com")]
            )
        )
        await floor.database.write(
            lambda c: store.save_orders(
                c, [Order(id="1042", customer_id="C-1001", status="in_transit", placed_at=NOW)]
            )
        )
        yield floor


async def dump(floor: Floor) -> dict[str, list[dict[str, Any]]]:
    return await floor.database.read(_dump)


def _dump(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [dict(row._mapping) for row in connection.execute(select(each))]
        for name, each in metadata.tables.items()
    }


async def a_long_story(floor: Floor) -> ConversationId:
    """Let Ana be answered, escalated, replied to and resolved, with words that can be found."""
    conversation = await floor.say("where is my zanzibar?")
    await floor.work(conversation)
    await floor.ask("I want my money back for the zanzibar")
    await floor.command("claim", conversation)
    await floor.command("note", conversation, text="okapi")
    await floor.command("reply", conversation, text="quagga", key="k-1")
    await floor.command("resolve", conversation, text="quagga is settled")
    await floor.turns.advance(conversation)
    return conversation


async def test_an_export_holds_all_that_is_known(floor: Floor) -> None:
    await a_long_story(floor)

    exported = await floor.database.read(lambda c: store.export_customer(c, "C-1001"))

    text = json.dumps(exported, default=str)
    assert [secret for secret in SECRETS if secret not in text] == []
    assert "1042" in text


async def test_an_export_holds_nothing_of_anybody_else(floor: Floor) -> None:
    await a_long_story(floor)
    await floor.ask("where is my armadillo?", who=BEN, conversation="ben")

    exported = await floor.database.read(lambda c: store.export_customer(c, "C-1001"))

    text = json.dumps(exported, default=str)
    assert "armadillo" not in text
    assert "ben@example.com" not in text


async def test_after_erasing_no_word_is_left_and_the_ids_stay(floor: Floor) -> None:
    conversation = await a_long_story(floor)
    before = await floor.count_rows()

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    after = await dump(floor)
    left = {
        (name, column, secret)
        for name, rows in after.items()
        for row in rows
        for column, value in row.items()
        for secret in SECRETS
        if secret in str(value)
    }
    kept = {name: len(rows) for name, rows in after.items()}
    assert left == set()
    assert kept["runs"] == before["runs"]
    assert kept["steps"] == before["steps"]
    assert kept["messages"] == before["messages"]
    assert [row["id"] for row in after["conversations"]] == [conversation]


async def test_erasing_one_customer_leaves_the_others_alone(floor: Floor) -> None:
    await a_long_story(floor)
    bens = await floor.say("where is my armadillo?", who=BEN, conversation="ben")
    await floor.work(bens)
    before = await floor.see(bens)

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    assert await floor.see(bens) == before


async def test_what_was_under_way_for_an_erased_customer_is_not_gone_on_with(
    floor: Floor,
) -> None:
    floor.memory.always(Attempt(error=TemporaryFailure("busy")))
    answered = await floor.say("where is my zanzibar?")
    await floor.work(answered)
    waiting = await floor.say("I want my money back", conversation="waiting")
    escalated = await floor.say("I want my money back", conversation="escalated")
    await floor.work(escalated)
    attempts = len(floor.memory.attempts)

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))
    floor.clock.now += timedelta(days=1)
    for conversation in (answered, waiting, escalated):
        await floor.turns.advance(conversation)

    talks = [await floor.see(one) for one in (answered, waiting, escalated)]
    assert len(floor.memory.attempts) == attempts
    assert [len(talk.runs) for talk in talks] == [1, 0, 1]
    assert [one.status for one in talks[2].cases] == ["resolved"]
    assert [talk.conversation.due_at for talk in talks] == [None, None, None]


async def test_a_worker_that_is_at_it_does_not_write_the_words_again(floor: Floor) -> None:
    conversation = await floor.say("where is my zanzibar?")
    held = await floor.database.write(lambda c: store.take(c, conversation, floor.clock()))
    assert held is not None

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    with pytest.raises(Exception, match="another worker"):
        await floor.database.write(lambda c: store.hold(c, held))


async def test_an_erased_customer_who_writes_again_is_somebody_new(floor: Floor) -> None:
    old = await a_long_story(floor)
    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    new = await floor.say("where is my order?", who=ANA)

    assert new != old
    assert [one.text for one in (await floor.see(new)).messages] == ["where is my order?"]


async def test_resolved_conversations_are_erased_when_their_time_is_over(floor: Floor) -> None:
    old = await a_long_story(floor)
    floor.clock.move(days=20)
    young = await floor.say("I want my money back", conversation="young")
    await floor.work(young)
    await floor.command("resolve", young)
    floor.clock.move(days=15)

    await housekeeping.forget(floor.tools, retention=timedelta(days=30))

    assert "[erased]" in (await floor.see(old)).messages[0].text
    assert (await floor.see(young)).messages[0].text == "I want my money back"
