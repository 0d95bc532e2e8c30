"""What is answered over HTTP, for the OpenAPI document: the words that a console can rely on."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from bot.api.schemas import (
    ApprovalStatusIn,
    ConversationStatusIn,
    EscalationStatusIn,
    RunStatusIn,
)
from orchestration.types import Complexity, DeliveryStatus, Risk, Sentiment, Urgency


class AttachmentOut(BaseModel):
    """A file of a message; `url` is what its sender gave, and is never fetched by us.

    A brief also says of which message it is.
    """

    id: str
    name: str
    type: str
    url: str | None
    size: int | None
    message_id: str | None = None


class CitationOut(BaseModel):
    """An article that an answer rests on."""

    id: str
    title: str
    url: str | None


class MessageOut(BaseModel):
    """One thing that was said; `audience` stands where the customer does not see it."""

    id: str
    seq: int
    author: Literal["customer", "bot", "agent", "system"]
    author_name: str | None
    text: str
    at: datetime
    run_id: str | None
    citations: list[CitationOut]
    attachments: list[AttachmentOut] = []
    audience: str = "customer"


class DeliveryOut(BaseModel):
    """How an outbound message fares."""

    id: str
    message_id: str | None
    channel: str
    kind: str
    audience: str
    status: DeliveryStatus
    attempts: int
    error: str | None
    created_at: datetime
    finished_at: datetime | None


class CustomerOut(BaseModel):
    """Who the customer is, and whether somebody vouches for it."""

    id: str
    email: str | None
    name: str | None
    verified: bool


class ConversationOut(BaseModel):
    """A conversation with what was said; `deliveries` are for the admin key."""

    id: str
    channel: str
    conversation: str
    status: ConversationStatusIn
    resolution: str | None
    customer: CustomerOut
    assignee: str | None
    previous_id: str | None
    rating: int | None
    created_at: datetime
    changed_at: datetime
    messages: list[MessageOut]
    deliveries: list[DeliveryOut] = []


class ClassificationOut(BaseModel):
    """What a message is about and how it should be treated."""

    intent: str
    confidence: float
    route_confidence: float
    runner_up: str | None
    out_of_scope: bool
    urgency: Urgency
    complexity: Complexity
    sentiment: Sentiment
    language: str
    wants_human: bool
    risk: Risk
    requests: int
    entities: dict[str, list[str]]
    by: str
    reasons: list[str]


class VerifiedOut(BaseModel):
    """Who somebody vouches that the customer is."""

    id: str
    email: str | None
    name: str | None
    tier: str | None
    record: str | None


class ClaimedOut(BaseModel):
    """Who the customer says to be."""

    email: str | None = None
    name: str | None = None
    emails_in_text: list[str] = []


class BriefCustomerOut(BaseModel):
    """The customer as a case knows them: what is vouched for apart from what is said."""

    verified: VerifiedOut | None
    claimed: ClaimedOut | None
    channel: str


class OrderOut(BaseModel):
    """One of the customer's orders."""

    id: str
    status: str
    placed_at: datetime | None
    due_at: datetime | None
    delivered_at: datetime | None
    tracking: str | None
    value: str | None
    currency: str | None
    items: list[str]


class SaidOut(BaseModel):
    """What had been said when the case was opened."""

    author: str
    name: str | None
    text: str
    at: datetime


class BriefProposalOut(BaseModel):
    """An action that had been proposed when the case was opened."""

    approval: str
    proposal: str
    status: ApprovalStatusIn
    by: str | None
    outcome: str | None
    reference: str | None


class BriefPartOut(BaseModel):
    """One of several requests and what became of it."""

    text: str
    outcome: str | None
    said: str | None
    reason: str | None


class BriefOut(BaseModel):
    """What an agent needs to know of a case."""

    summary: str
    classification: ClassificationOut | None
    customer: BriefCustomerOut
    orders: list[OrderOut]
    transcript: list[SaidOut]
    suggested_reply: str | None
    tried: list[dict[str, Any]]
    attachments: list[AttachmentOut] = []
    proposals: list[BriefProposalOut] = []
    parts: list[BriefPartOut] = []
    problems: list[str] = []


class ClockOut(BaseModel):
    """How a case stands against its response target; `share` is of the time for it."""

    target: Literal["first", "resolve"]
    due_at: datetime
    share: float
    paused: Literal["closed", "snoozed"] | None


class CaseOut(BaseModel):
    """A case without what belongs to it."""

    id: str
    conversation_id: str
    run_id: str | None
    status: EscalationStatusIn
    reason: str
    urgency: Urgency
    queue: str
    assignee: str | None
    version: int
    due_at: datetime | None
    snoozed_until: datetime | None
    created_at: datetime
    claimed_at: datetime | None
    replied_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    suggested_upto: int
    brief: BriefOut | None
    clock: ClockOut | None


class PresenceOut(BaseModel):
    """Whether the customer's page is open; null where the channel cannot know."""

    away: bool | None
    seen_at: datetime | None


class ReminderOut(BaseModel):
    """A reminder that was sent."""

    level: int
    sent_at: datetime
    due_at: datetime | None


class WholeCaseOut(CaseOut):
    """A case with what was said and how its messages fare."""

    messages: list[MessageOut]
    presence: PresenceOut
    reminders: list[ReminderOut]
    deliveries: list[DeliveryOut]


class CasesOut(BaseModel):
    """A page of cases."""

    items: list[CaseOut]
    next: str | None


class CommandOut(BaseModel):
    """What a command has made of a case.

    `message_id` is what was said or noted; `in_flight` what the bot was just sending at a claim.
    """

    id: str
    conversation_id: str
    status: EscalationStatusIn
    assignee: str | None
    urgency: Urgency
    version: int
    message_id: str | None = None
    in_flight: list[str] = []


class ProposalOut(BaseModel):
    """An action with exactly what it would do."""

    action: str
    arguments: dict[str, Any]
    description: str
    why: str | None


class ApprovalOut(BaseModel):
    """A draft that waits for a human, or waited, and what the customer wrote meanwhile."""

    id: str
    run_id: str
    part: int
    conversation_id: str
    status: ApprovalStatusIn
    expires_at: datetime | None
    draft: str | None
    reasons: list[str]
    proposal: ProposalOut | None
    outcome: str | None
    reference: str | None
    messages_since: list[MessageOut]
    decided_by: str | None
    reason: str | None


class ApprovalsOut(BaseModel):
    """A page of approvals."""

    items: list[ApprovalOut]
    next: str | None


class ModelCallOut(BaseModel):
    """One request to a model; a cost of null is unknown, not nothing."""

    tier: str
    model: str
    purpose: str | None
    attempt: int
    status: str
    tokens_in: int | None
    tokens_out: int | None
    cost: str | None
    ms: float | None
    error: str | None


class StepOut(BaseModel):
    """One execution of one node, with the requests it made to models."""

    node: str
    kind: str
    part: int
    visit: int
    status: str
    exit: str | None
    attempt: int
    started_at: datetime
    ms: float | None
    input: dict[str, Any]
    output: dict[str, Any]
    error: str | None
    model_calls: list[ModelCallOut]


class TriedOut(BaseModel):
    """A rule that did not fire: what it asks, and what of that was not met."""

    rule: str
    asks: str
    failed_on: str


class DecisionOut(BaseModel):
    """One visit to a node that decides, and because of what it went the way it did."""

    node: str
    part: int
    visit: int
    exit: str
    rule: str | None
    asks: str
    because: str
    tried: list[TriedOut]
    met: dict[str, Any]


class WorkflowNamedOut(BaseModel):
    """Which text of a workflow was walked."""

    name: str
    version: int


class RunOut(BaseModel):
    """A run with what it decided and why, and every step."""

    id: str
    conversation_id: str
    status: RunStatusIn
    workflow: WorkflowNamedOut
    route: str | None
    rule: str | None
    rules_tried: list[dict[str, Any]]
    classification: ClassificationOut | None
    parts: list[dict[str, Any]]
    outcome: str | None
    input: dict[str, Any] | None
    output: dict[str, Any] | None
    error: str | None
    text: str | None
    messages: list[str]
    cost: str
    premium_cost: str | None
    started_at: datetime
    finished_at: datetime | None
    decisions: list[DecisionOut]
    steps: list[StepOut]


class IntentOut(BaseModel):
    """What customers write about."""

    name: str
    description: str
    complexity: str
    urgency: str
    risk: str
    wants_human: bool
    responders: list[str]
    examples: list[str]


class IntentsOut(BaseModel):
    """The intents in the admin's order; `learnt` tells whether they are in use yet."""

    items: list[IntentOut]
    next: str | None
    learnt: bool


class ExampleOut(BaseModel):
    """A customer's words that are proposed as an example, or were."""

    id: str
    run_id: str | None
    part: int
    conversation_id: str | None
    message_id: str | None
    source: str
    status: str
    text: str
    intent: str | None
    guess: str
    confidence: float
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class ProblemOut(BaseModel):
    """Why a request was refused (RFC 9457); `current` is what is so instead, at a conflict."""

    type: str
    title: str
    status: int
    detail: str
    current: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []


def answers(model: type[BaseModel], *, conflicts: bool = False) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers; the answer itself is left as the route made it."""
    described: dict[int | str, dict[str, Any]] = {200: {"model": model}}
    if conflicts:
        described[409] = {"model": ProblemOut}
    return described
