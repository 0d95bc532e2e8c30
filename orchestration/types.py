"""The values that travel between the parts; every word is one of docs/concepts.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NewType

ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
RunId = NewType("RunId", str)
EscalationId = NewType("EscalationId", str)
DeliveryId = NewType("DeliveryId", str)

Json = Any
Author = Literal["customer", "bot", "agent", "system"]
Audience = Literal["customer", "agents", "programs"]
Urgency = Literal["low", "normal", "high", "urgent"]
Complexity = Literal["simple", "complex"]
Sentiment = Literal["negative", "neutral", "positive"]
Risk = Literal["none", "legal", "fraud", "safety", "self_harm", "threat"]
ConversationStatus = Literal["open", "escalated", "assigned", "resolved"]
Resolution = Literal["confirmed", "assumed", "by_agent", "closed"]
RunStatus = Literal["running", "waiting", "done", "superseded", "failed"]
EscalationStatus = Literal["open", "claimed", "handed_back", "resolved"]
ApprovalStatus = Literal["open", "released", "rejected", "expired", "withdrawn"]
DeliveryStatus = Literal["pending", "sending", "delivered", "withheld", "failed", "unconfirmed"]
Touches = Literal["pure", "paid", "external"]
ProposedAction = Literal["cancel_order", "refund", "change_address"]

URGENCIES: tuple[Urgency, ...] = ("low", "normal", "high", "urgent")
# Worst first: a message that has several risks is treated by the worst.
RISKS: tuple[Risk, ...] = ("self_harm", "threat", "safety", "fraud", "legal", "none")


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who wrote, as the channel knows it; never read out of a text.

    `verified` says that the channel vouches for `external_id` and `email`. Only then is the
    customer joined with the shop's record of that id or e-mail.
    """

    source: str
    external_id: str
    verified: bool = False
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with a message; `url` is shown to agents and never fetched."""

    name: str
    type: str
    url: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class IncomingMessage:
    """One thing a customer said, as a channel hands it to `intake.receive`.

    `conversation` is the channel's own name for the conversation; None starts a new one. `joins`
    says what else it may belong to: `newest` is the sender's newest conversation while that goes
    on; `known` is only a conversation of that name, so that else the message is nobody's.
    `answers` is the id of an earlier message, theirs or ours, under which it was written: it
    belongs to the same conversation. `reply_to` is where the channel answers it; where others read
    there too, `private_to` is where the sender alone reads.
    (`source`, `source_id`) is unique: the same pair again is the same message. `fingerprint` is a
    hash of what the sender sent, so that the same id with another body is told apart from a repeat.
    """

    channel: str
    conversation: str | None
    source: str
    source_id: str
    sender: Sender
    text: str
    fingerprint: str = ""
    attachments: tuple[Attachment, ...] = ()
    callback_url: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    joins: Literal["named", "newest", "known"] = "named"
    answers: str | None = None
    reply_to: str | None = None
    private_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a channel was told, to the letter; the pair of `source` and `id` is unique."""

    source: str
    id: str
    kind: str
    body: Json


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Who a channel's directory says somebody is; `email` only where the directory confirms it."""

    name: str | None = None
    email: str | None = None
    verified: bool = False


@dataclass(frozen=True, kw_only=True)
class Received:
    """What became of an incoming message; `due_at` says when its turn may start.

    `is_with_bot` says that no agent has the conversation or is awaited in it.
    """

    conversation: ConversationId
    message: MessageId
    duplicate: bool
    unanswered: bool
    due_at: datetime
    is_with_bot: bool = True


@dataclass(frozen=True, kw_only=True)
class CustomerRecord:
    """A customer as the shop's own system knows them."""

    id: str
    name: str | None = None
    email: str | None = None
    tier: str = "standard"


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of the shop; `status` is one of `ORDER_STATUSES`, `value` in `currency`."""

    id: str
    customer_id: str
    status: str
    placed_at: datetime | None = None
    due_at: datetime | None = None
    delivered_at: datetime | None = None
    tracking: str | None = None
    value: Decimal | None = None
    currency: str = "USD"
    items: tuple[str, ...] = ()

    def status_at(self, now: datetime) -> str:
        """Return the status, `late` when the promised day has passed and it has not arrived."""
        if self.status in ("in_transit", "not_shipped") and self.due_at and self.due_at < now:
            return "late"
        return self.status


# Worst first: what a rule on `order.status` sees when a message is about several orders.
ORDER_STATUSES = (
    "late",
    "in_transit",
    "not_shipped",
    "delivered",
    "return_requested",
    "returned",
    "refunded",
    "cancelled",
)


@dataclass(frozen=True, kw_only=True)
class Article:
    """A policy or how-to text the bot may quote; `questions` are ways customers ask for it."""

    id: str
    title: str
    text: str
    url: str | None = None
    language: str = "en"
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Passage:
    """An article found for a question; `score` in 0..1 is the chance that it answers it.

    `quote` holds the sentences of the article that answer best, word for word.
    """

    article: Article
    score: float
    quote: str


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a customer may want, with the admin's defaults for such messages."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    complexity: Complexity = "complex"
    urgency: Urgency = "normal"
    risk: Risk = "none"
    wants_human: bool = False
    responders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a classifier makes of a text alone.

    `probabilities` are calibrated and sum to 1 over the intents it was trained on; `out_of_scope`
    says that the text is like none of them; `language` is a two-letter code of the shop's languages
    or None where it cannot tell.
    """

    probabilities: Mapping[str, float]
    out_of_scope: bool
    language: str | None


@dataclass(frozen=True, kw_only=True)
class Collision:
    """An example that a classifier takes for another intent, and the nearest one of that intent."""

    text: str
    intent: str
    taken_for: str
    nearest: str


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Two intents that are taken for each other: how often, of all examples that both have."""

    intents: tuple[str, str]
    misread: int
    examples: int
    collisions: tuple[Collision, ...]


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a message is about and how it should be treated; the shape of CONTRACT.md."""

    intent: str
    confidence: float
    route_confidence: float
    runner_up: str | None = None
    out_of_scope: bool = False
    urgency: Urgency = "normal"
    complexity: Complexity = "complex"
    sentiment: Sentiment = "neutral"
    language: str = "en"
    wants_human: bool = False
    risk: Risk = "none"
    requests: int = 1
    entities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by: str = "local"
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PendingQuestion:
    """What the bot asked and waits for: the intent to resume and the entity it lacks.

    `options` are the order numbers it offered; `misses` counts the answers that did not fit.
    """

    intent: str
    missing: str
    options: tuple[str, ...] = ()
    misses: int = 0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a conversation remembers between turns."""

    pending: PendingQuestion | None = None
    last_intent: str | None = None
    last_order: str | None = None
    listed_orders: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, kw_only=True)
class Citation:
    """The article an answer rests on."""

    id: str
    title: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A text an answer may draw facts from: `kind` is `article`, `order`, `message` or `shop`."""

    kind: str
    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An answer that has not been checked yet.

    `memory` is what the conversation remembers once it has been sent; `closes` says that it ends
    the conversation when sent (an answer to thanks); `confidence` in 0..1 is the responder's own.
    """

    text: str
    responder: str
    language: str = "en"
    citations: tuple[Citation, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    memory: Memory = field(default_factory=Memory)
    closes: bool = False
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An action that a human must approve; `arguments` are carried out to the letter.

    `why` is what the proposer says for it, for the human who decides.
    """

    action: ProposedAction
    order: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    """All a responder is given: the turn's text, what it is about, and what may be used.

    `orders` are those of the verified customer and nobody else's; empty for a guest.
    """

    text: str
    classification: Classification
    memory: Memory
    verified: bool
    channel: str
    now: datetime
    customer: CustomerRecord | None = None
    orders: tuple[Order, ...] = ()
    responders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the quality check says of a draft; `reasons` name each thing that failed."""

    outcome: Literal["passed", "failed", "unsure"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One outbound message handed to a channel.

    `delivery` is its stable id (the idempotency key), `body` what was frozen when it was made,
    `target` where it goes (a URL, a Slack channel), `attempt` counts from 1; no attempt was made
    before `started_at`. `follows` is the reference of the earlier parcel that it changes or stands
    under.
    """

    delivery: DeliveryId
    conversation: ConversationId
    kind: str
    audience: Audience
    target: str
    body: str
    attempt: int
    started_at: datetime
    follows: str | None = None


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A channel's confirmation; `reference` is its own id of what it showed."""

    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """USD per million tokens, and where the price comes from (`models file`, `list 1.106.2`)."""

    input: Decimal
    output: Decimal
    version: str


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A model of a tier: its LiteLLM name and how to reach it; `timeout` in seconds.

    `price` is None where nobody has said it: its cost is then unknown, never 0. No more than
    `requests_per_minute` are made of it by all processes together; None sets no limit.
    """

    name: str
    api_base: str | None = None
    api_key: str | None = None
    price: Price | None = None
    timeout: float = 30.0
    max_concurrency: int = 8
    requests_per_minute: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """One request to a model, in the messages and tools of the OpenAI chat protocol.

    `schema` is the JSON schema the answer must have; `max_tokens` bounds the answer.
    """

    messages: tuple[Mapping[str, Json], ...]
    tools: tuple[Mapping[str, Json], ...] = ()
    schema: Mapping[str, Json] | None = None
    max_tokens: int = 800
    temperature: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A tool the model wants used; `arguments` is the text it wrote, which may be no JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class ModelAnswer:
    """What a model answered; tokens are None where the provider told none."""

    text: str | None
    finish: Literal["stop", "length", "tool_calls", "filtered", "refused", "other"]
    tool_calls: tuple[ToolCall, ...] = ()
    tokens_in: int | None = None
    tokens_out: int | None = None
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What a host answered; not `is_complete` where it was longer or slower than allowed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_complete: bool = True
