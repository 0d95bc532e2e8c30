"""What agents do with a case: one wins, the loser is told who was first, and repeats do no harm."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from orchestration.errors import BadInput, Conflict
from orchestration.types import ConversationId
from tests.fakes.acts import acting, echo
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import SHIPPED

EXPECTED = "I'm passing this on to a colleague, who will answer you here."

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


async def test_a_claim_gives_the_conversation_to_its_agent(
    floor: Floor, escalated: ConversationId
) -> None:
    answer = await floor.command("claim", escalated)

    talk = await floor.see(escalated)
    assert (answer["status"], answer["assignee"], answer["in_flight"]) == ("claimed", "maria", [])
    assert (talk.conversation.status, talk.conversation.assignee) == ("assigned", "maria")


async def test_while_an_agent_has_it_the_bot_is_silent(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    told = await floor.ask("where is my order?")

    talk = await floor.see(escalated)
    assert told == []
    assert talk.unanswered == []
    assert [run.purpose for run in talk.runs] == ["answer", "suggestion"]


async def test_of_two_who_claim_at_once_one_wins_and_the_other_is_told_who_was_first(
    floor: Floor, escalated: ConversationId
) -> None:
    results = await asyncio.gather(
        *(floor.command("claim", escalated, agent=agent) for agent in ("maria", "john")),
        return_exceptions=True,
    )

    [winner] = [one for one in results if isinstance(one, dict)]
    [loser] = [one for one in results if isinstance(one, Conflict)]
    assert f"claimed by {winner['assignee']}" in str(loser)
    assert loser.current["assignee"] == winner["assignee"]
    assert (await floor.see(escalated)).case.assignee == winner["assignee"]


@pytest.mark.parametrize(
    "command",
    ["claim", "release", "reassign", "snooze", "reply", "note", "hand-back", "resolve"],
)
async def test_a_command_at_a_stale_version_is_refused_and_changes_nothing(
    floor: Floor, escalated: ConversationId, command: str
) -> None:
    await floor.command("claim", escalated)
    before = await floor.see(escalated)

    with pytest.raises(Conflict, match="claimed by maria, version 2"):
        await floor.command(
            command,
            escalated,
            version=1,
            text="hi",
            to="john",
            until=floor.clock.now + timedelta(hours=1),
        )

    assert await floor.see(escalated) == before


@sqlite_alone
@pytest.mark.parametrize("command", ["release", "reply", "hand-back", "resolve"])
async def test_only_the_assignee_acts_on_a_claimed_case(
    floor: Floor, escalated: ConversationId, command: str
) -> None:
    await floor.command("claim", escalated)

    with pytest.raises(Conflict, match="claimed by maria"):
        await floor.command(command, escalated, agent="john", text="hi")


@sqlite_alone
@pytest.mark.parametrize("command", ["claim", "reply", "note", "resolve", "snooze"])
async def test_nothing_is_done_about_a_case_that_is_over(
    floor: Floor, escalated: ConversationId, command: str
) -> None:
    await floor.command("resolve", escalated)

    with pytest.raises(Conflict, match="resolved"):
        await floor.command(command, escalated, text="hi")


async def test_a_reply_reaches_the_customer_and_not_as_the_bots(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    await floor.command("reply", escalated, text="Hello Ana, I am Maria.")
    await floor.turns.advance(escalated)

    talk = await floor.see(escalated)
    assert (talk.messages[-1].author, talk.messages[-1].author_name) == ("agent", "maria")
    assert "Hello Ana, I am Maria." in floor.memory.shown[-1].body


async def test_a_note_is_for_agents_alone(floor: Floor, escalated: ConversationId) -> None:
    await floor.command("note", escalated, text="she has called before")
    await floor.turns.advance(escalated)

    talk = await floor.see(escalated)
    assert talk.said == [EXPECTED]
    assert [note.text for note in talk.notes] == ["she has called before"]
    assert not any("called before" in parcel.body for parcel in floor.memory.attempts)


@sqlite_alone
@pytest.mark.parametrize("command", ["reply", "note"])
async def test_an_agent_who_says_nothing_is_told_so(
    floor: Floor, escalated: ConversationId, command: str
) -> None:
    await floor.command("claim", escalated)

    with pytest.raises(BadInput, match="empty"):
        await floor.command(command, escalated, text="  ")


async def test_a_released_case_waits_again(floor: Floor, escalated: ConversationId) -> None:
    await floor.command("claim", escalated)

    await floor.command("release", escalated)

    talk = await floor.see(escalated)
    assert (talk.case.status, talk.case.assignee) == ("open", None)
    assert (talk.conversation.status, talk.conversation.assignee) == ("escalated", None)


async def test_a_reassigned_case_is_the_other_agents(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)

    await floor.command("reassign", escalated, to="john")
    await floor.command("reply", escalated, agent="john", text="Hi, this is John.")

    talk = await floor.see(escalated)
    assert (talk.case.assignee, talk.conversation.assignee) == ("john", "john")


async def test_the_same_command_under_the_same_key_is_done_once(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    version = (await floor.see(escalated)).case.version

    answers = [
        await floor.command("reply", escalated, version=version, text="Hello.", key="k-1")
        for _ in range(3)
    ]

    assert answers[0] == answers[1] == answers[2]
    assert (await floor.see(escalated)).said == [EXPECTED, "Hello."]


async def test_the_same_command_at_once_under_the_same_key_is_done_once(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    version = (await floor.see(escalated)).case.version

    answers = await asyncio.gather(
        *(
            floor.command("reply", escalated, version=version, text="Hello.", key="k-1")
            for _ in range(4)
        )
    )

    assert all(answer == answers[0] for answer in answers)
    assert (await floor.see(escalated)).said == [EXPECTED, "Hello."]


@sqlite_alone
@pytest.mark.parametrize("changed", [{"to": "eve"}, {"agent": "eve"}])
async def test_a_key_used_for_another_command_is_a_conflict(
    floor: Floor, escalated: ConversationId, changed: dict[str, str]
) -> None:
    await floor.command("reassign", escalated, version=1, key="k-1", to="john")

    with pytest.raises(Conflict, match="Idempotency-Key"):
        await floor.command(
            "reassign", escalated, version=1, key="k-1", **{"to": "john", **changed}
        )


@sqlite_alone
async def test_words_said_under_a_key_are_kept_once(
    floor: Floor, escalated: ConversationId
) -> None:
    await floor.command("claim", escalated)
    await floor.command("reply", escalated, text="Dear Ana", key="k-1")

    fingerprints = await floor.database.read(
        lambda c: [str(row) for row in c.exec_driver_sql("SELECT fingerprint FROM commands")]
    )

    assert not any("Dear Ana" in fingerprint for fingerprint in fingerprints)
