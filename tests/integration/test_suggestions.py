"""While an agent has a case, the bot drafts what they might answer, and never sends it."""

from collections.abc import AsyncIterator

import pytest

from orchestration import store
from orchestration.errors import Conflict
from orchestration.escalated import hand_over
from orchestration.escalation import suggestion_of
from orchestration.nodes import Outcome, Visit
from orchestration.types import ConversationId
from tests.fakes.acts import acting, echo
from tests.fakes.floor import ANA, Floor, open_floor
from tests.fakes.workflows import SHIPPED, document

HANDED_OVER = "I'm passing this on to a colleague, who will answer you here."
ON_ITS_WAY = "Your order 1042 is on its way"

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        yield floor


@pytest.fixture
async def claimed(floor: Floor) -> ConversationId:
    conversation = await floor.say("I want my money back", who=ANA)
    await floor.work(conversation)
    await floor.command("claim", conversation)
    return conversation


async def suggestion(floor: Floor, conversation: ConversationId) -> str | None:
    return suggestion_of((await floor.see(conversation)).case)


async def test_what_is_written_to_an_agent_is_drafted_and_not_sent(
    floor: Floor, claimed: ConversationId
) -> None:
    told = await floor.ask("where is my order 1042?")

    talk = await floor.see(claimed)
    assert told == []
    assert (await suggestion(floor, claimed) or "").startswith(ON_ITS_WAY)
    assert [(run.purpose, run.status, run.outcome) for run in talk.runs[1:]] == [
        ("suggestion", "done", "suggested")
    ]


async def test_a_suggestion_makes_no_command_of_an_agent_stale(
    floor: Floor, claimed: ConversationId
) -> None:
    version = (await floor.see(claimed)).case.version
    await floor.ask("where is my order 1042?")

    await floor.command("reply", claimed, text="I am on it.", version=version)

    assert (await floor.see(claimed)).said == [HANDED_OVER, "I am on it."]


async def test_an_agent_sends_the_suggestion_they_saw(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.ask("where is my order 1042?")
    seen = (await floor.see(claimed)).case

    await floor.command("reply", claimed, suggested_upto=seen.suggested_upto)

    talk = await floor.see(claimed)
    assert talk.said == [HANDED_OVER, seen.suggestion]
    assert talk.messages[-1].author == "agent"
    assert await suggestion(floor, claimed) is None


async def test_a_suggestion_that_a_later_one_has_replaced_is_not_sent(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.ask("where is my order 1042?")
    seen = (await floor.see(claimed)).case.suggested_upto
    await floor.ask("and how do I return it?")

    with pytest.raises(Conflict, match="not the one you saw"):
        await floor.command("reply", claimed, suggested_upto=seen)

    assert (await floor.see(claimed)).said == [HANDED_OVER]


@sqlite_alone
async def test_several_messages_in_a_row_are_drafted_together(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.say("hello")
    await floor.ask("where is my order 1042?")

    talk = await floor.see(claimed)
    assert [run.text for run in talk.runs if run.purpose == "suggestion"] == [
        "hello\nwhere is my order 1042?"
    ]


@sqlite_alone
async def test_what_an_agent_has_answered_is_not_drafted(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.say("where is my order 1042?")
    await floor.command("reply", claimed, text="On its way.")

    await floor.work(claimed)

    assert [run.purpose for run in (await floor.see(claimed)).runs] == ["answer"]


async def test_a_hand_back_stops_a_suggestion_and_the_bot_answers_what_comes_next(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.say("where is my order 1042?")
    await floor.command("hand-back", claimed)

    told = await floor.ask("where is my order 1042?")

    talk = await floor.see(claimed)
    assert [text.startswith(ON_ITS_WAY) for text in told] == [True]
    assert [run.purpose for run in talk.runs] == ["answer", "answer"]


@sqlite_alone
async def test_suggestions_are_no_turns_in_the_costs(floor: Floor, claimed: ConversationId) -> None:
    await floor.ask("where is my order 1042?")

    report = await floor.database.read(store.costs)
    assert report.total.turns == 1


@sqlite_alone
async def test_for_a_suggestion_nothing_is_done_outside(database_url: str) -> None:
    outside = []

    async def call(visit: Visit) -> Outcome:
        outside.append(visit.node)
        return await echo(visit)

    workflow = document(
        "classify",
        classify={"kind": "classify", "next": "call"},
        call={"kind": "test_external", "act": "call", "next": "send"},
    )
    with acting(call=call):
        async with open_floor(database_url, workflow=workflow) as floor:
            conversation = await floor.say("hello")
            await hand_over(floor.tools, conversation, "asked for by hand")
            await floor.command("claim", conversation)
            told = await floor.ask("hello again")
            case = (await floor.see(conversation)).case

    assert (outside, told, suggestion_of(case)) == ([], [], None)


@sqlite_alone
async def test_a_suggestion_is_erased_with_its_conversation(
    floor: Floor, claimed: ConversationId
) -> None:
    await floor.ask("where is my order 1042?")
    assert (await floor.see(claimed)).case.suggestion

    await floor.database.write(lambda c: store.erase_conversation(c, claimed))

    assert (await floor.see(claimed)).case.suggestion is None
