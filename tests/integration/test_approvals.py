"""Drafts that wait for a human: released, rejected, expired or withdrawn."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from orchestration.errors import BadInput, Conflict, PermanentFailure
from orchestration.types import ConversationId, Json
from tests.fakes.acts import Act, acting, echo
from tests.fakes.floor import Floor, Talk, open_floor
from tests.fakes.memory_channel import Attempt
from tests.fakes.workflows import act, document

Opens = Callable[[Mapping[str, Json]], AbstractAsyncContextManager[Floor]]


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo, say=echo) as acts:
        yield acts


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


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


@pytest.mark.parametrize("blank", ["", " \n"])
async def test_a_draft_is_not_released_with_its_words_deleted(
    waiting: tuple[Floor, ConversationId], blank: str
) -> None:
    floor, conversation = waiting

    with pytest.raises(BadInput) as refused:
        await decide(floor, conversation, "released", text=blank)

    assert refused.value.field == "text"
    talk = await floor.see(conversation)
    assert talk.said == [CHECKING]
    assert talk.approval.status == "open"


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


async def test_a_case_that_is_opened_meanwhile_withdraws_a_waiting_draft(
    opens: Opens,
) -> None:
    async with opens(APPROVED) as floor:
        floor.memory.script(Attempt(error=PermanentFailure("no such channel")))
        conversation = await floor.say("may I?")
        await floor.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert talk.approval.status == "withdrawn"
    assert [run.status for run in talk.runs] == ["superseded", "done"]
    assert talk.conversation.status == "escalated"
    assert talk.unanswered == []
