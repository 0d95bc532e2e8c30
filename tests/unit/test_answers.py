"""What the OpenAPI document says of answers that the sample store alone does not bring about."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.api import answers, shapes
from orchestration import proposals
from orchestration.models import Approval, Delivery, Message, ModelCall, Reminder, Step
from orchestration.types import Json
from tests.fakes.described import agrees, undescribed

NOW = datetime(2030, 1, 31, 9, tzinfo=UTC)
REFUND = {
    "action": "refund",
    "order": "1043",
    "arguments": {"amount": "59.90", "currency": "USD"},
    "why": "delivered broken",
}


def approval(proposal: Json) -> Approval:
    return Approval(
        id="a-1",
        run_id="r-1",
        conversation_id="c-1",
        node="approve",
        draft={"text": "We give you 59.90 USD back."},
        reasons=["an action needs a human"],
        proposal=proposal,
        expires_at=NOW,
        created_at=NOW,
    )


def message() -> Message:
    return Message(
        id="m-1",
        conversation_id="c-1",
        seq=1,
        author="customer",
        text="and hurry up",
        audience="customer",
        at=NOW,
    )


@pytest.mark.parametrize("proposal", [None, REFUND])
def test_an_approval_is_as_described(proposal: Json) -> None:
    answer = shapes.approval(approval(proposal), [message()])

    agrees(answers.ApprovalOut, answer)
    if proposal:
        assert answer["proposal"]["description"] == proposals.describe(proposals.from_json(REFUND))


def test_a_step_with_its_model_calls_is_as_described() -> None:
    step = Step(
        run_id="r-1",
        position=1,
        part=0,
        node="answer",
        visit=1,
        kind="reply",
        status="finished",
        started_at=NOW,
    )
    call = ModelCall(
        id="call-1",
        run_id="r-1",
        node="answer",
        conversation_id="c-1",
        customer="C-1001",
        purpose="reply",
        tier="light",
        model="small-1",
        position=1,
        attempt=1,
        tokens_in=812,
        tokens_out=64,
        cost=Decimal("0.00042"),
        started_at=NOW,
    )

    answer = shapes.step(step, [call])

    assert len(answer["model_calls"]) == 1
    agrees(answers.StepOut, answer)


def test_a_delivery_and_a_reminder_are_as_described() -> None:
    delivery = Delivery(
        id="d-1",
        conversation_id="c-1",
        position=1,
        channel="webhook",
        kind="reply",
        audience="customer",
        author="bot",
        target="",
        body="",
        created_at=NOW,
    )
    reminder = Reminder(escalation_id="e-1", target_from=NOW, level=50, due_at=NOW, sent_at=NOW)

    agrees(answers.DeliveryOut, shapes.delivery(delivery))
    agrees(answers.ReminderOut, shapes.reminder(reminder))


def test_a_field_that_is_not_described_is_found() -> None:
    answer = {**shapes.approval(approval(REFUND)), "mood": "calm"}

    assert undescribed(answers.ApprovalOut, answer) == [".mood"]
