"""What agents write: notes stay among them until sent, and what was sent can be put right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import pytest

from orchestration import resolution
from orchestration.desk import Command
from orchestration.errors import BadInput, Conflict, NotAllowed
from orchestration.types import ConversationId
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import SHIPPED

HANDED_OVER = "I'm passing this on to a colleague, who will answer you here."
PLACE = "C-SUPPORT:1700000000.000100"

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        yield floor


@pytest.fixture
async def claimed(floor: Floor) -> ConversationId:
    conversation = await floor.say("I want my money back")
    await floor.work(conversation)
    await floor.command("claim", conversation)
    return conversation


async def test_a_note_from_one_place_is_kept_once(floor: Floor, claimed: ConversationId) -> None:
    first = await floor.command("note", claimed, text="a doublet?", place=PLACE)
    again = await floor.command("note", claimed, text="a doublet?", place=PLACE)

    talk = await floor.see(claimed)
    assert first["message_id"] == again["message_id"]
    assert [note.text for note in talk.notes] == ["a doublet?"]
    assert talk.said == [HANDED_OVER]


async def test_a_note_is_sent_once_however_often_it_is_asked_for(
    floor: Floor, claimed: ConversationId
) -> None:
    note = await floor.command("note", claimed, text="It is on its way.", place=PLACE)

    sent = await asyncio.gather(
        *(floor.command("reply", claimed, message=note["message_id"]) for _ in range(3)),
        return_exceptions=True,
    )
    again = await asyncio.gather(
        floor.command("reply", claimed, message=note["message_id"]), return_exceptions=True
    )

    assert sorted(isinstance(each, Conflict) for each in sent) == [False, True, True]
    assert isinstance(again[0], Conflict)
    assert (await floor.see(claimed)).said == [HANDED_OVER, "It is on its way."]


@sqlite_alone
async def test_only_who_has_the_case_sends_a_note(floor: Floor, claimed: ConversationId) -> None:
    note = await floor.command("note", claimed, agent="john", text="I know!", place=PLACE)

    with pytest.raises(Conflict, match="claimed by maria"):
        await floor.command("reply", claimed, agent="john", message=note["message_id"])

    assert (await floor.see(claimed)).said == [HANDED_OVER]


@sqlite_alone
async def test_what_is_no_note_of_the_case_is_not_sent(
    floor: Floor, claimed: ConversationId
) -> None:
    words = (await floor.see(claimed)).messages[0].id

    with pytest.raises(BadInput, match="no note of this case"):
        await floor.command("reply", claimed, message=words)


async def test_a_changed_reply_reaches_the_customer_behind_the_first_one(
    floor: Floor, claimed: ConversationId
) -> None:
    sent = await floor.command("reply", claimed, text="It comes on Monday.")

    await floor.command("edit", claimed, message=sent["message_id"], text="It comes on Tuesday.")
    await floor.work(claimed)

    talk = await floor.see(claimed)
    assert talk.said == [HANDED_OVER, "It comes on Tuesday."]
    assert [parcel.kind for parcel in floor.memory.shown] == ["reply", "reply", "edit"]
    assert "Tuesday" in floor.memory.shown[-1].body
    assert [event.details for event in talk.events if event.kind == "edited"] == [
        {"id": sent["message_id"], "text": "It comes on Tuesday."}
    ]


@sqlite_alone
async def test_a_reply_can_be_put_right_when_the_case_is_over(
    floor: Floor, claimed: ConversationId
) -> None:
    sent = await floor.command("reply", claimed, text="It comes on Monday.")
    await floor.command("resolve", claimed)

    right = Command(
        escalation=sent["id"],
        agent="maria",
        version=None,
        message=sent["message_id"],
        text="It comes on Tuesday.",
    )
    await floor.desk.carry_out("edit", right)

    assert (await floor.see(claimed)).said == [HANDED_OVER, "It comes on Tuesday."]


@sqlite_alone
async def test_nobody_changes_what_somebody_else_has_written(
    floor: Floor, claimed: ConversationId
) -> None:
    sent = await floor.command("reply", claimed, text="It comes on Monday.")
    bots = (await floor.see(claimed)).messages[1].id

    with pytest.raises(NotAllowed):
        await floor.command("edit", claimed, agent="john", message=sent["message_id"], text="No.")
    with pytest.raises(BadInput):
        await floor.command("edit", claimed, message=bots, text="No.")


async def test_agents_learn_that_their_words_were_delivered(
    floor: Floor, claimed: ConversationId
) -> None:
    sent = await floor.command("reply", claimed, text="On it.")
    before = (await floor.see(claimed)).events
    await floor.work(claimed)

    told = [event for event in (await floor.see(claimed)).events if event.kind == "delivered"]
    assert "delivered" not in [event.kind for event in before]
    assert [(event.audience, event.details) for event in told] == [
        ("agents", {"message": sent["message_id"]})
    ]


# Who is left in peace


@sqlite_alone
async def test_an_agent_who_has_paused_is_assigned_nothing_until_they_resume(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.desk.pause("john", paused=True)
    with pytest.raises(BadInput, match="john takes no cases at the moment"):
        await floor.command("reassign", claimed, to="john")
    await floor.desk.pause("john", paused=False)

    await floor.command("reassign", claimed, to="john")

    assert (await floor.see(claimed)).case.assignee == "john"


# Snoozed


async def test_a_case_that_rested_long_enough_is_up_again(
    floor: Floor, claimed: ConversationId
) -> None:
    until = floor.clock.now + timedelta(hours=3)
    await floor.command("snooze", claimed, until=until)
    floor.clock.move(hours=2)
    due_at = await floor.turns.advance(claimed)
    resting = (await floor.see(claimed)).case

    floor.clock.move(hours=1)
    await floor.turns.advance(claimed)

    talk = await floor.see(claimed)
    assert (resting.snoozed_until, due_at) == (until, until)
    assert talk.case.snoozed_until is None
    assert [event.kind for event in talk.events].count("snooze_over") == 1


# Rated


async def test_a_question_is_rated_once(floor: Floor, claimed: ConversationId) -> None:
    await floor.command("resolve", claimed)

    def rate(score: int) -> Awaitable[object]:
        return floor.database.write(
            lambda c: resolution.rate(c, floor.tools, claimed, score=score, question="q-1")
        )

    rated = await asyncio.gather(*(rate(score) for score in (5, 1)), return_exceptions=True)

    assert [isinstance(each, Conflict) for each in rated].count(True) == 1
    talk = await floor.see(claimed)
    assert talk.conversation.rating == (1 if isinstance(rated[0], Conflict) else 5)
    assert talk.conversation.status == "resolved"
