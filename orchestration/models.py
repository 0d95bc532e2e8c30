"""All tables on one page, with the unique keys that carry the promises."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

PICODOLLARS = Decimal(10) ** 12


class Moment(TypeDecorator[datetime]):
    """An aware time in UTC on both databases; SQLite itself knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware time into UTC; naive times are a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a time zone: {value}")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """US dollars as `Decimal` in code, integer picodollars (1e-12 USD) in the table."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Turn dollars into whole picodollars."""
        return None if value is None else int((value * PICODOLLARS).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Turn picodollars into dollars."""
        return None if value is None else Decimal(value) / PICODOLLARS


Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

metadata: MetaData = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def table(model: type[SQLModel]) -> Table:
    """Return the Core table of a model, for the hot paths."""
    return cast("Table", cast("Any", model).__table__)


def _one(name: str, column: str, condition: str) -> Index:
    """Return a unique index over the rows that meet a condition."""
    return Index(
        name, column, unique=True, sqlite_where=text(condition), postgresql_where=text(condition)
    )


class Customer(SQLModel, table=True):
    """The person we help, found by who vouches for them and their id there.

    `profile_at` says when a directory was asked who they are; its ids are no ids of the shop's.
    """

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: str = Field(primary_key=True)
    source: str
    external_id: str
    verified: bool = False
    email: str | None = None
    name: str | None = None
    created_at: datetime = Field(sa_type=Moment)
    profile_at: datetime | None = Field(default=None, sa_type=Moment)


class Conversation(SQLModel, table=True):
    """One customer's thread on one channel, with the two integers that fence its runs.

    `reply_to` is where its channel answers it; where others read that too, `private_to` is where
    the customer alone reads.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("channel", "external_id", "generation"),
        Index("ix_conversations_due_at", "due_at"),
        Index("ix_conversations_created_at", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    channel: str
    external_id: str
    generation: int = 1
    previous_id: str | None = None
    customer_id: str = Field(foreign_key="customers.id", index=True)
    status: str = "open"
    resolution: str | None = None
    assignee: str | None = None
    revision: int = 0
    turn_token: int = 0
    next_seq: int = 1
    supersedes: int = 0
    turns: int = 0
    memory: Any = Field(default=None, sa_type=Document, nullable=True)
    callback_url: str | None = None
    reply_to: str | None = None
    private_to: str | None = None
    details: Any = Field(default=None, sa_type=Document, nullable=True)
    last_word: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)
    acknowledged_at: datetime | None = Field(default=None, sa_type=Moment)
    resolved_at: datetime | None = Field(default=None, sa_type=Moment)
    seen_at: datetime | None = Field(default=None, sa_type=Moment)
    rating: int | None = None
    rating_comment: str | None = Field(default=None, sa_type=Text)


class Message(SQLModel, table=True):
    """One thing said; a customer's message is unanswered while it has no turn."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_messages_conversation_id_turn_id", "conversation_id", "turn_id"),
    )

    id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversations.id")
    seq: int
    author: str
    author_name: str | None = None
    audience: str = "customer"
    text: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Moment)
    run_id: str | None = None
    turn_id: str | None = None
    citations: Any = Field(default=None, sa_type=Document, nullable=True)
    source: str | None = None
    source_id: str | None = None
    fingerprint: str | None = None
    details: Any = Field(default=None, sa_type=Document, nullable=True)


class File(SQLModel, table=True):
    """An attachment; its content where the sender gave it, else its address, never fetched."""

    __tablename__ = "files"

    id: str = Field(primary_key=True)
    message_id: str = Field(foreign_key="messages.id", index=True)
    name: str
    type: str
    url: str | None = None
    content: bytes | None = Field(default=None, sa_type=LargeBinary)


class RawEvent(SQLModel, table=True):
    """Something a channel was told, as it came; `body` is None where it was nobody's but theirs."""

    __tablename__ = "raw_events"

    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    conversation_id: str | None = Field(default=None, index=True)
    body: Any = Field(default=None, sa_type=Document, nullable=True)
    at: datetime = Field(sa_type=Moment)


class Event(SQLModel, table=True):
    """Something a watcher of the conversation is told; shares the counter of its messages."""

    __tablename__ = "events"

    conversation_id: str = Field(foreign_key="conversations.id", primary_key=True)
    seq: int = Field(primary_key=True)
    kind: str
    audience: str = "customer"
    details: Any = Field(default=None, sa_type=Document, nullable=True)
    at: datetime = Field(sa_type=Moment)


class Run(SQLModel, table=True):
    """One turn's trip through one workflow version.

    `purpose` is `answer`, `suggestion` where an agent has the conversation, or `simulation`.
    Without `has_baseline` nobody knows what the premium model would have cost.
    """

    __tablename__ = "runs"
    __table_args__ = (
        _one("uq_runs_running", "conversation_id", "status = 'running'"),
        _one("uq_runs_waiting", "conversation_id", "status = 'waiting'"),
        Index("ix_runs_started_at", "started_at", "id"),
        Index("ix_runs_finished_at", "finished_at"),
        Index("ix_runs_conversation_id", "conversation_id"),
    )

    id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversations.id")
    workflow: str
    version: int
    status: str = "running"
    revision: int
    is_final: bool = False
    purpose: str = "answer"
    text: str = Field(sa_type=Text)
    messages: Any = Field(default=None, sa_type=Document, nullable=True)
    entry: Any = Field(default=None, sa_type=Document, nullable=True)
    output: Any = Field(default=None, sa_type=Document, nullable=True)
    route: str | None = None
    rule: str | None = None
    rules_tried: Any = Field(default=None, sa_type=Document, nullable=True)
    classification: Any = Field(default=None, sa_type=Document, nullable=True)
    parts: Any = Field(default=None, sa_type=Document, nullable=True)
    outcome: str | None = None
    error: str | None = Field(default=None, sa_type=Text)
    fingerprint: str | None = None
    resumes: int = 0
    steps_at_resume: int = 0
    cost: Decimal = Field(default=Decimal(0), sa_type=Money)
    premium_cost: Decimal = Field(default=Decimal(0), sa_type=Money)
    has_baseline: bool = True
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)


class Step(SQLModel, table=True):
    """One execution of one node in a run: the log of record and the journal."""

    __tablename__ = "steps"

    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    part: int = Field(default=0, primary_key=True)
    node: str = Field(primary_key=True)
    visit: int = Field(default=1, primary_key=True)
    position: int
    kind: str
    status: str
    exit: str | None = None
    attempt: int = 1
    started_at: datetime = Field(sa_type=Moment)
    ms: float | None = None
    input: Any = Field(default=None, sa_type=Document, nullable=True)
    output: Any = Field(default=None, sa_type=Document, nullable=True)
    error: str | None = Field(default=None, sa_type=Text)


# Until it is certain whether it was done, the same may not be proposed again.
_PENDING = (
    "status = 'open' OR (status = 'released' "
    "AND (outcome IS NULL OR outcome IN ('begun', 'unknown')))"
)


class Approval(SQLModel, table=True):
    """A draft waiting for a human, with the action it proposes, if it proposes one.

    `outcome` says what became of the action: `begun`, `done` (with the shop's `reference`),
    `not_done`, or `unknown`.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("run_id", "part", "node", "visit"),
        Index(
            "uq_approvals_pending",
            "order_id",
            "action",
            unique=True,
            sqlite_where=text(_PENDING),
            postgresql_where=text(_PENDING),
        ),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="runs.id")
    part: int = 0
    node: str
    visit: int = 1
    conversation_id: str = Field(foreign_key="conversations.id", index=True)
    status: str = "open"
    draft: Any = Field(default=None, sa_type=Document, nullable=True)
    reasons: Any = Field(default=None, sa_type=Document, nullable=True)
    proposal: Any = Field(default=None, sa_type=Document, nullable=True)
    order_id: str | None = None
    action: str | None = None
    outcome: str | None = Field(default=None, sa_type=Text)
    reference: str | None = Field(default=None, sa_type=Text)
    expires_at: datetime = Field(sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decided_by: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)


class Escalation(SQLModel, table=True):
    """A conversation handed to agents, with its brief; at most one open per conversation.

    `suggestion` is what the bot would answer to the messages up to number `suggested_upto`.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        _one("uq_escalations_open", "conversation_id", "status IN ('open', 'claimed')"),
        Index("ix_escalations_created_at", "created_at", "id"),
    )

    id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversations.id")
    run_id: str | None = None
    status: str = "open"
    reason: str = Field(sa_type=Text)
    urgency: str = "normal"
    queue: str
    assignee: str | None = None
    version: int = 1
    brief: Any = Field(default=None, sa_type=Document, nullable=True)
    suggestion: str | None = Field(default=None, sa_type=Text)
    suggested_upto: int = 0
    created_at: datetime = Field(sa_type=Moment)
    target_from: datetime = Field(sa_type=Moment)
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    snoozed_until: datetime | None = Field(default=None, sa_type=Moment)
    claimed_at: datetime | None = Field(default=None, sa_type=Moment)
    replied_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    end_reason: str | None = Field(default=None, sa_type=Text)


class Reminder(SQLModel, table=True):
    """A reminder of a response target; the key says that each comes once."""

    __tablename__ = "reminders"

    escalation_id: str = Field(foreign_key="escalations.id", primary_key=True)
    target_from: datetime = Field(sa_type=Moment, primary_key=True)
    level: int = Field(primary_key=True)
    due_at: datetime = Field(sa_type=Moment)
    sent_at: datetime | None = Field(default=None, sa_type=Moment)


class Delivery(SQLModel, table=True):
    """One outbound message on its way; the body is frozen when it is made.

    `follows` is the earlier delivery that it changes or stands under. Of the `attempts`, `delays`
    were put off by the other side, and `resends` came after a look that found nothing.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_conversation_id", "conversation_id", "position"),
        Index("ix_deliveries_reference", "reference"),
        Index("ix_deliveries_message_id", "message_id"),
    )

    id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversations.id")
    position: int
    message_id: str | None = Field(default=None, foreign_key="messages.id")
    channel: str
    kind: str
    audience: str
    author: str
    target: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    status: str = "pending"
    attempts: int = 0
    looks: int = 0
    resends: int = 0
    delays: int = 0
    follows: str | None = None
    reference: str | None = None
    error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)


class Card(SQLModel, table=True):
    """What a board shows of a case or an approval: `subject` is its id, `kind` says of which.

    `delivery_id` is the card itself, `target` the board, `shown` the state that was last put on its
    way, and `told_upto` the number up to which what was said stands in the card's thread.
    """

    __tablename__ = "cards"

    subject: str = Field(primary_key=True)
    kind: str
    conversation_id: str = Field(foreign_key="conversations.id", index=True)
    delivery_id: str = Field(index=True)
    target: str
    shown: str
    told_upto: int = 0


class Agent(SQLModel, table=True):
    """A human who answers, as far as the desk knows more of them than their id."""

    __tablename__ = "agents"

    id: str = Field(primary_key=True)
    name: str | None = None
    paused_at: datetime | None = Field(default=None, sa_type=Moment)


class ModelCall(SQLModel, table=True):
    """One request to a model, written before it is made; `reserved` is the most it may cost.

    `customer` is whose daily budget it comes out of, `scopes` names the budgets it was reserved in,
    `position` counts the run's requests and `attempt` those of one completion.
    """

    __tablename__ = "model_calls"
    __table_args__ = (
        Index("ix_model_calls_run_id_position", "run_id", "position"),
        Index("ix_model_calls_conversation_id", "conversation_id"),
        Index("ix_model_calls_started_at", "started_at"),
        Index(
            "ix_model_calls_under_way",
            "started_at",
            sqlite_where=text("status = 'started'"),
            postgresql_where=text("status = 'started'"),
        ),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="runs.id")
    part: int = 0
    node: str
    visit: int = 1
    conversation_id: str
    customer: str
    purpose: str
    tier: str
    model: str
    position: int
    attempt: int
    status: str = "started"
    tokens_in: int | None = None
    tokens_out: int | None = None
    reserved: Decimal | None = Field(default=None, sa_type=Money)
    cost: Decimal | None = Field(default=None, sa_type=Money)
    price_version: str | None = None
    scopes: str = ""
    ms: int | None = None
    error: str | None = Field(default=None, sa_type=Text)
    started_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)


class Budget(SQLModel, table=True):
    """What one scope has spent in one period, and what is reserved for calls under way."""

    __tablename__ = "budgets"

    scope: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    spent: Decimal = Field(default=Decimal(0), sa_type=Money)
    reserved: Decimal = Field(default=Decimal(0), sa_type=Money)
    warned_at: datetime | None = Field(default=None, sa_type=Moment)


class Workflow(SQLModel, table=True):
    """A workflow by name, and which of its versions is published; 0 while none is."""

    __tablename__ = "workflows"

    name: str = Field(primary_key=True)
    published: int


class WorkflowVersion(SQLModel, table=True):
    """A numbered text of a workflow, never changed but for its publication; a draft until then.

    `base` is the number it was edited from; `override` the reason why gates were overruled.
    """

    __tablename__ = "workflow_versions"

    name: str = Field(foreign_key="workflows.name", primary_key=True)
    version: int = Field(primary_key=True)
    source: str = Field(sa_type=Text)
    author: str
    note: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    base: int | None = None
    published_at: datetime | None = Field(default=None, sa_type=Moment)
    published_by: str | None = None
    override: Any = Field(default=None, sa_type=Document, nullable=True)


class Binding(SQLModel, table=True):
    """Which workflow the conversations of a channel take."""

    __tablename__ = "bindings"

    channel: str = Field(primary_key=True)
    workflow: str = Field(foreign_key="workflows.name")


class AuditEntry(SQLModel, table=True):
    """A change of how the bot decides: ids and hashes, chained to the entry before it."""

    __tablename__ = "audit"

    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Moment)
    actor: str
    action: str
    subject: str
    details: Any = Field(default=None, sa_type=Document, nullable=True)
    previous: str
    hash: str


class AuditHead(SQLModel, table=True):
    """The one row that every audited change locks: the newest entry's position and hash."""

    __tablename__ = "audit_head"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    position: int
    hash: str


class Trial(SQLModel, table=True):
    """A text of a workflow tried on turns: a `backtest` on recorded ones, a `shadow` on live ones.

    `waiting running done failed stopped`; `leased_until` says how long whoever works on it has.
    """

    __tablename__ = "trials"
    __table_args__ = (
        Index("ix_trials_status", "status"),
        Index("ix_trials_workflow", "workflow", "created_at"),
    )

    id: str = Field(primary_key=True)
    kind: str
    workflow: str = Field(foreign_key="workflows.name")
    version: int
    status: str = "waiting"
    author: str
    last: int | None = None
    since: datetime | None = Field(default=None, sa_type=Moment)
    total: int = 0
    done: int = 0
    report: Any = Field(default=None, sa_type=Document, nullable=True)
    error: str | None = Field(default=None, sa_type=Text)
    leased_until: datetime | None = Field(default=None, sa_type=Moment)
    created_at: datetime = Field(sa_type=Moment)
    finished_at: datetime | None = Field(default=None, sa_type=Moment)


class TrialTurn(SQLModel, table=True):
    """What a trial decided about one turn; its message stays with its run and is erased there."""

    __tablename__ = "trial_turns"

    trial_id: str = Field(foreign_key="trials.id", primary_key=True)
    run_id: str = Field(foreign_key="runs.id", primary_key=True)
    conversation_id: str = Field(foreign_key="conversations.id", index=True)
    at: datetime = Field(sa_type=Moment)
    is_changed: bool
    is_lost: bool
    details: Any = Field(default=None, sa_type=Document, nullable=True)


class RegressionCase(SQLModel, table=True):
    """A turn that every later version must decide alike, with all that deciding it needs.

    It outlives the run it was made of; `is_redacted` says that it holds no word of the customer's.
    """

    __tablename__ = "regression_cases"

    workflow: str = Field(foreign_key="workflows.name", primary_key=True)
    name: str = Field(primary_key=True)
    run_id: str | None = None
    conversation_id: str | None = Field(default=None, index=True)
    is_redacted: bool
    recording: Any = Field(default=None, sa_type=Document, nullable=True)
    expected: Any = Field(default=None, sa_type=Document, nullable=True)
    author: str
    created_at: datetime = Field(sa_type=Moment)


class IntentRow(SQLModel, table=True):
    """An intent with its examples and the admin's defaults."""

    __tablename__ = "intents"

    name: str = Field(primary_key=True)
    position: int
    description: str = Field(default="", sa_type=Text)
    examples: Any = Field(default=None, sa_type=Document, nullable=True)
    complexity: str
    urgency: str
    risk: str
    wants_human: bool = False
    responders: Any = Field(default=None, sa_type=Document, nullable=True)


class Example(SQLModel, table=True):
    """A customer's words that people propose as an example of an intent.

    `status` is `proposed`, `accepted`, `rejected` or `erased`; `guess` and `confidence` are what
    the classification said. `is_added` tells that the intent did not have the text before.
    """

    __tablename__ = "examples"
    __table_args__ = (
        UniqueConstraint("run_id", "part"),
        Index("ix_examples_proposed_at", "proposed_at", "id"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="runs.id")
    part: int = 0
    conversation_id: str = Field(foreign_key="conversations.id", index=True)
    message_id: str | None = None
    source: str
    status: str = "proposed"
    text: str = Field(sa_type=Text)
    intent: str | None = None
    guess: str
    confidence: float
    is_added: bool = False
    proposed_by: str
    proposed_at: datetime = Field(sa_type=Moment)
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Moment)


class ArticleRow(SQLModel, table=True):
    """An article of the knowledge base."""

    __tablename__ = "articles"

    id: str = Field(primary_key=True)
    title: str
    url: str | None = None
    language: str
    questions: Any = Field(default=None, sa_type=Document, nullable=True)
    text: str = Field(sa_type=Text)


class CustomerRow(SQLModel, table=True):
    """A customer imported from the shop's system."""

    __tablename__ = "shop_customers"

    id: str = Field(primary_key=True)
    name: str | None = None
    email: str | None = Field(default=None, index=True)
    tier: str = "standard"


class OrderRow(SQLModel, table=True):
    """An order imported from the shop's system."""

    __tablename__ = "shop_orders"

    id: str = Field(primary_key=True)
    customer_id: str = Field(index=True)
    status: str
    placed_at: datetime | None = Field(default=None, sa_type=Moment)
    due_at: datetime | None = Field(default=None, sa_type=Moment)
    delivered_at: datetime | None = Field(default=None, sa_type=Moment)
    tracking: str | None = None
    value: str | None = None
    currency: str = "USD"
    items: Any = Field(default=None, sa_type=Document, nullable=True)
    details: Any = Field(default=None, sa_type=Document, nullable=True)


class Action(SQLModel, table=True):
    """An approved action that was done to an imported order; the key says that it was done once."""

    __tablename__ = "actions"

    key: str = Field(primary_key=True)
    customer_id: str = Field(index=True)
    action: str
    order_id: str
    arguments: Any = Field(default=None, sa_type=Document, nullable=True)
    reference: str
    at: datetime = Field(sa_type=Moment)


class Artifact(SQLModel, table=True):
    """Something computed from the content, with the fingerprint of what it was computed from."""

    __tablename__ = "artifacts"

    name: str = Field(primary_key=True)
    fingerprint: str
    content: bytes = Field(sa_type=LargeBinary)


class ChatSession(SQLModel, table=True):
    """A browser's session in the web chat; only the hash of its cookie is kept."""

    __tablename__ = "chat_sessions"

    token_hash: str = Field(primary_key=True)
    customer_source: str
    external_id: str
    verified: bool = False
    email: str | None = None
    name: str | None = None
    conversation: str
    expires_at: datetime = Field(sa_type=Moment)


class ConsoleSession(SQLModel, table=True):
    """An agent's session in the console; from it neither cookie nor admin key can be had."""

    __tablename__ = "console_sessions"

    token_hash: str = Field(primary_key=True)
    key_mark: str
    agent: str
    opened_at: datetime = Field(sa_type=Moment)
    used_at: datetime = Field(sa_type=Moment, index=True)


class Command(SQLModel, table=True):
    """An agent's command that was carried out, by its idempotency key."""

    __tablename__ = "commands"

    key: str = Field(primary_key=True)
    fingerprint: str
    answer: Any = Field(default=None, sa_type=Document, nullable=True)
    at: datetime = Field(sa_type=Moment)


class Setting(SQLModel, table=True):
    """A value all processes share, such as the number of the last change of the content."""

    __tablename__ = "settings"

    name: str = Field(primary_key=True)
    value: Any = Field(default=None, sa_type=Document, nullable=True)
