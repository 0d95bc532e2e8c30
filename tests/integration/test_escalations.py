"""What becomes of a case: who joins it, who has it, when it is due, and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.errors import BadInput
from orchestration.shop import Shop
from orchestration.types import ConversationId
from tests.fakes.acts import acting, echo
from tests.fakes.floor import ANA, GUEST, NOW, Floor, Talk, open_floor
from tests.fakes.workflows import SHIPPED

EXPECTED = "I'm passing this on to a colleague, who will answer you here."
HEARD = "Thank you, I have passed that on as well. A colleague will answer you here."
MOVED_UP = "I'm sorry that nobody has answered you yet; I have moved your request up the queue."
LISTS = "Which order do you mean? Please send me its number."

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    with acting(work=echo):
        async with open_floor(database_url, workflow=SHIPPED) as floor:
            yield floor


@pytest.fixture
async def escalated(floor: Floor) -> ConversationId:
    """Return a conversation with an open case of normal urgency, due in four hours."""
    conversation = await floor.say("I want my money back")
    await floor.work(conversation)
    return conversation


async def at(floor: Floor, conversation: ConversationId, **after: float) -> Talk:
    """Let time pass since the case was opened, and do what is due."""
    floor.clock.now = (await floor.see(conversation)).cases[-1].created_at + timedelta(**after)
    await floor.turns.advance(conversation)
    return await floor.see(conversation)


def levels(talk: Talk) -> list[int]:
    return [reminder.level for reminder in talk.reminders]


# Opened, joined


async def test_a_case_is_opened_with_its_reason_and_its_target(
    floor: Floor, escalated: ConversationId
) -> None:
    talk = await floor.see(escalated)

    assert talk.said == [EXPECTED]
    assert talk.conversation.status == "escalated"
    assert (talk.case.status, talk.case.urgency, talk.case.queue) == ("open", "normal", "support")
    assert "everything else" in talk.case.reason
    assert talk.case.due_at == talk.case.created_at + timedelta(hours=4)


async def test_further_messages_join_the_open_case_and_are_acknowledged_once_per_quiet_period(
    floor: Floor, escalated: ConversationId
) -> None:
    told = [await floor.ask(text) for text in ("hello?", "where is it?", "anyone?")]
    floor.clock.move(minutes=31)
    later = await floor.ask("still there?")

    talk = await floor.see(escalated)
    assert told == [[HEARD], [], []]
    assert later == [HEARD]
    assert len(talk.cases) == 1
    assert [run.outcome for run in talk.runs] == ["escalate"] + ["joined"] * 4
    assert talk.unanswered == []


async def test_a_message_that_joins_is_classified_as_a_run_of_one_step(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.ask("where is it?")

    talk = await floor.see(escalated)
    assert [step.node for step in talk.steps if step.run_id == talk.run.id] == ["classify"]
    assert talk.run.classification["intent"] == "order_status"


async def test_a_message_that_joins_may_raise_the_urgency_and_brings_the_target_forward(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.ask("there is a fire")

    talk = await floor.see(escalated)
    assert talk.case.urgency == "urgent"
    assert talk.case.due_at == floor.clock.now + timedelta(minutes=15)


@sqlite_alone
async def test_a_message_that_joins_never_lowers_the_urgency(floor: Floor) -> None:
    conversation = await floor.say("there is a fire")
    await floor.work(conversation)

    await floor.ask("where is it?")

    assert (await floor.see(conversation)).case.urgency == "urgent"


@sqlite_alone
async def test_raising_the_urgency_never_puts_the_target_off(
    floor: Floor, escalated: ConversationId
) -> None:
    due_at = (await floor.see(escalated)).case.due_at
    assert due_at is not None
    floor.clock.now = due_at - timedelta(minutes=5)

    await floor.ask("there is a fire")

    talk = await floor.see(escalated)
    assert talk.case.urgency == "urgent"
    assert talk.case.due_at == due_at


async def test_never_mind_ends_an_unclaimed_case(floor: Floor, escalated: ConversationId) -> None:
    told = await floor.ask("never mind, solved")

    talk = await floor.see(escalated)
    assert len(told) == 1
    assert talk.case.status == "resolved"
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "confirmed")


async def test_never_mind_does_not_take_a_claimed_case_from_its_agent(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    told = await floor.ask("never mind, solved")

    talk = await floor.see(escalated)
    assert told == []
    assert (talk.case.status, talk.conversation.status) == ("claimed", "assigned")


# Targets


async def test_reminders_come_at_their_times_and_once(
    floor: Floor, escalated: ConversationId
) -> None:
    seen = [
        levels(await at(floor, escalated, hours=hours))
        for hours in (1.99, 2, 2, 3.19, 3.2, 3.2, 3.99)
    ]

    assert seen == [[], [50], [50], [50], [50, 80], [50, 80], [50, 80]]


async def test_reminders_that_were_slept_through_all_come_once(
    floor: Floor, escalated: ConversationId
) -> None:
    talk = await at(floor, escalated, days=1)
    await floor.turns.advance(escalated)

    assert levels(talk) == [50, 80, 100]
    assert levels(await floor.see(escalated)) == [50, 80, 100]


async def test_two_workers_at_once_remind_once(floor: Floor, escalated: ConversationId) -> None:
    floor.clock.move(hours=2)

    await asyncio.gather(*(floor.turns.advance(escalated) for _ in range(3)))

    talk = await floor.see(escalated)
    assert levels(talk) == [50]
    assert [event.kind for event in talk.events].count("reminder") == 1


async def test_a_claimed_case_whose_target_passes_unanswered_is_released_more_urgent(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    talk = await at(floor, escalated, hours=4)
    again = await at(floor, escalated, hours=4)

    assert (talk.case.status, talk.case.assignee, talk.case.urgency) == ("open", None, "high")
    assert (talk.conversation.status, talk.conversation.assignee) == ("escalated", None)
    assert talk.said == [EXPECTED, MOVED_UP]
    assert again.said == talk.said
    assert talk.case.due_at == floor.clock.now + timedelta(hours=1)


async def test_an_unclaimed_case_whose_target_passes_becomes_more_urgent_in_silence(
    floor: Floor, escalated: ConversationId
) -> None:
    talk = await at(floor, escalated, hours=4)

    assert (talk.case.status, talk.case.urgency) == ("open", "high")
    assert talk.said == [EXPECTED]


async def test_a_case_that_was_answered_in_time_stays_with_its_agent(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("reply", escalated, text="On it.")

    talk = await at(floor, escalated, hours=5)

    assert (talk.case.status, talk.case.assignee) == ("claimed", "maria")
    assert talk.said == [EXPECTED, "On it."]


@pytest.fixture
async def answered(floor: Floor, escalated: ConversationId) -> ConversationId:
    """Return a conversation whose agent has answered, half a day before now."""
    await floor.command("claim", escalated)
    await floor.command("reply", escalated, text="On it.")
    floor.clock.move(hours=11)
    await floor.turns.advance(escalated)
    return escalated


async def test_a_later_silence_of_the_agent_releases_the_claim_too(
    floor: Floor, answered: ConversationId
) -> None:
    written = floor.clock.now
    await floor.say("where is it now?")
    await floor.turns.advance(answered)
    planned = await floor.see(answered)

    floor.clock.move(hours=4)
    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert planned.case.due_at == written + timedelta(hours=4)
    assert (talk.case.status, talk.case.assignee, talk.case.urgency) == ("open", None, "high")
    assert (talk.conversation.status, talk.said[-1]) == ("escalated", MOVED_UP)


async def test_the_sweep_finds_a_message_that_waits_for_its_agent(
    floor: Floor, answered: ConversationId
) -> None:
    await floor.say("where is it now?")

    assert (await floor.see(answered)).conversation.due_at == floor.clock.now


async def test_what_is_written_while_waiting_does_not_put_the_target_off(
    floor: Floor, answered: ConversationId
) -> None:
    written = floor.clock.now
    await floor.say("where is it now?")
    await floor.turns.advance(answered)
    floor.clock.move(hours=3)
    await floor.say("hello?")
    await floor.turns.advance(answered)

    assert (await floor.see(answered)).case.due_at == written + timedelta(hours=4)


async def test_a_target_slept_through_is_found_when_the_process_is_back(
    floor: Floor, answered: ConversationId
) -> None:
    await floor.say("where is it now?")
    floor.clock.move(hours=5)

    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert levels(talk)[-3:] == [50, 80, 100]
    assert (talk.case.status, talk.said[-1]) == ("open", MOVED_UP)


@sqlite_alone
@pytest.mark.parametrize("thanks", ["thanks!", "👍", "ok", "bye"])
async def test_thanks_wait_for_nobody(floor: Floor, answered: ConversationId, thanks: str) -> None:
    await floor.say(thanks)
    await floor.turns.advance(answered)
    floor.clock.move(days=1)
    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert (talk.case.status, talk.case.assignee) == ("claimed", "maria")


async def test_each_answer_ends_the_wait_and_the_next_message_begins_another(
    floor: Floor, answered: ConversationId
) -> None:
    await floor.say("where is it now?")
    await floor.turns.advance(answered)
    await floor.command("reply", answered, text="In Lyon.")
    after_answer = await floor.see(answered)
    floor.clock.move(hours=5)
    await floor.turns.advance(answered)
    stayed = await floor.see(answered)
    await floor.say("and when does it come?")
    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert after_answer.case.due_at == floor.clock.now - timedelta(hours=5) + timedelta(hours=24)
    assert stayed.case.status == "claimed"
    assert talk.case.due_at == floor.clock.now + timedelta(hours=4)


@sqlite_alone
async def test_a_case_released_while_the_customer_waits_has_a_target_of_its_own(
    floor: Floor, answered: ConversationId
) -> None:
    await floor.say("where is it now?")
    floor.clock.move(hours=1)
    await floor.command("release", answered)
    released = await floor.see(answered)
    floor.clock.move(hours=4)
    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert released.case.due_at == floor.clock.now
    assert (talk.case.status, talk.case.urgency) == ("open", "high")


@sqlite_alone
async def test_a_snoozed_case_rests_although_the_customer_waits(
    floor: Floor, answered: ConversationId
) -> None:
    await floor.say("where is it now?")
    until = floor.clock.now + timedelta(days=2)
    await floor.command("snooze", answered, until=until)
    floor.clock.move(days=1)
    await floor.say("hello?")
    await floor.turns.advance(answered)

    talk = await floor.see(answered)
    assert talk.case.status == "claimed"
    assert talk.case.due_at == until + timedelta(hours=4)


async def test_the_sweep_finds_a_reminder_that_is_due(
    floor: Floor, escalated: ConversationId
) -> None:
    assert (await floor.see(escalated)).conversation.due_at == floor.clock.now + timedelta(hours=2)


@sqlite_alone
async def test_targets_count_opening_hours_and_customers_are_told_when_it_opens(
    database_url: str,
) -> None:
    shop = Shop(name="Shut", hours={"mon": ("09:00-11:00",), "tue": ("09:00-17:00",)})
    async with open_floor(database_url, workflow=SHIPPED, shop=shop) as floor:
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)
        talk = await floor.see(conversation)
        floor.clock.now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
        closed = await floor.ask("I want my money back", conversation="other")

    opened = NOW + timedelta(seconds=1)
    assert talk.case.due_at == opened + timedelta(hours=4) + timedelta(hours=22)
    assert "Monday 30 November 2026 at 09:00" in closed[0]


async def test_a_snoozed_case_rests_until_then(floor: Floor, escalated: ConversationId) -> None:
    until = floor.clock.now + timedelta(days=2)

    await floor.command("snooze", escalated, until=until)

    talk = await at(floor, escalated, days=1)
    assert levels(talk) == []
    assert talk.case.snoozed_until == until
    assert talk.case.due_at == until + timedelta(hours=4)


@sqlite_alone
async def test_snoozing_an_answered_case_moves_the_target_of_its_resolution(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("reply", escalated, text="I am looking into it.")
    until = floor.clock.now + timedelta(days=2)

    await floor.command("snooze", escalated, until=until)

    assert (await floor.see(escalated)).case.due_at == until + timedelta(hours=24)


@sqlite_alone
async def test_a_case_is_not_snoozed_into_the_past(floor: Floor, escalated: ConversationId) -> None:
    with pytest.raises(BadInput, match="future"):
        await floor.command("snooze", escalated, until=floor.clock.now - timedelta(hours=1))


# Handed back, resolved, opened again


async def test_after_a_hand_back_old_words_do_not_escalate_again(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.ask("and I will call my lawyer")

    await floor.command("hand-back", escalated)
    await floor.work(escalated)

    talk = await floor.see(escalated)
    assert talk.case.status == "handed_back"
    assert (talk.conversation.status, talk.conversation.assignee) == ("open", None)
    assert talk.said == [EXPECTED]
    assert [run.purpose for run in talk.runs] == ["answer", "suggestion"]


async def test_after_a_hand_back_the_bot_answers_what_is_new(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("hand-back", escalated)

    told = await floor.ask("where is my order?")

    assert told[0].startswith(LISTS)
    assert (await floor.see(escalated)).run.text == "where is my order?"


async def test_after_a_hand_back_a_new_matter_opens_a_new_case(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("hand-back", escalated)

    await floor.ask("I want my money back")

    talk = await floor.see(escalated)
    assert [case.status for case in talk.cases] == ["handed_back", "open"]


async def test_an_agent_resolves_case_and_conversation(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    await floor.command("resolve", escalated, text="refunded by phone")

    talk = await floor.see(escalated)
    assert (talk.case.status, talk.case.end_reason) == ("resolved", "refunded by phone")
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "by_agent")
    assert talk.conversation.assignee is None
    assert talk.conversation.due_at is None or await floor.turns.advance(escalated) is None


async def test_thanks_after_an_agent_resolved_it_stays_resolved(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("resolve", escalated)

    await floor.ask("thanks!")

    talk = await floor.see(escalated)
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "by_agent")


async def test_thanks_while_an_agent_is_awaited_resolve_nothing(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.ask("thanks!")

    assert (await floor.see(escalated)).conversation.status == "escalated"


@pytest.mark.parametrize("days", [0, 6.9])
async def test_a_new_question_within_seven_days_opens_it_again(
    floor: Floor, escalated: ConversationId, days: float
) -> None:
    await floor.command("resolve", escalated)
    floor.clock.move(days=days)

    told = await floor.ask("where is my order?")

    talk = await floor.see(escalated)
    assert told[0].startswith(LISTS)
    assert (talk.conversation.status, talk.conversation.resolution) == ("open", None)
    assert talk.conversation.resolved_at is None


async def test_a_new_question_after_seven_days_is_a_new_conversation_that_links_the_old(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("resolve", escalated)
    floor.clock.move(days=7.1)

    later = await floor.say("where is my order?")
    await floor.work(later)

    old, new = await floor.see(escalated), await floor.see(later)
    assert later != escalated
    assert new.conversation.previous_id == escalated
    assert old.conversation.status == "resolved"
    assert new.messages[0].text == "where is my order?"


async def test_a_new_matter_for_a_human_opens_a_resolved_conversation_again(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("resolve", escalated)

    await floor.ask("I want my money back")

    talk = await floor.see(escalated)
    assert talk.conversation.status == "escalated"
    assert [case.status for case in talk.cases] == ["resolved", "open"]


# The brief


@sqlite_alone
async def test_the_brief_tells_what_was_verified_from_what_was_only_claimed(floor: Floor) -> None:
    mine = await floor.say("I want my money back for 1042")
    guests = await floor.say(
        "I want my money back for 1042, ana@example.com", who=GUEST, conversation="guest"
    )
    await floor.work(mine)
    await floor.turns.advance(guests)

    known, unknown = (await floor.see(mine)).case.brief, (await floor.see(guests)).case.brief
    assert known["customer"]["verified"]["email"] == ANA.email
    assert [order["id"] for order in known["orders"]] == ["1042", "1043"]
    assert unknown["customer"]["verified"] is None
    assert unknown["customer"]["claimed"]["emails_in_text"] == ["ana@example.com"]
    assert unknown["orders"] == []
    assert "not theirs on record" in unknown["summary"]


# What other programs are told


@sqlite_alone
async def test_other_programs_are_told_of_each_step_of_a_case(database_url: str) -> None:
    async with open_floor(
        database_url, workflow=SHIPPED, events_url="https://shop.example/events"
    ) as floor:
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)
        await floor.command("claim", conversation)
        await floor.command("resolve", conversation)
        talk = await floor.see(conversation)

    kinds = [one.body.split('"')[3] for one in talk.deliveries if one.audience == "programs"]
    assert kinds[:2] == ["escalation.created", "escalation.claimed"]
    assert sorted(kinds[2:]) == ["conversation.resolved", "escalation.resolved"]
