"""Conversations: whose turn it is, what is due, and what watchers are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from orchestration.errors import Fenced, Superseded
from orchestration.models import (
    Approval,
    ChatSession,
    Conversation,
    Customer,
    Delivery,
    Escalation,
    Event,
    Message,
    Reminder,
    Run,
    table,
)
from orchestration.store import rows
from orchestration.types import ConversationId

conversations = table(Conversation)
messages = table(Message)
runs = table(Run)
deliveries = table(Delivery)
approvals = table(Approval)
escalations = table(Escalation)
reminders = table(Reminder)

# Of a run: somebody has yet to decide on what it put before them.
is_undecided = (
    select(approvals.c.id)
    .where(approvals.c.run_id == runs.c.id, approvals.c.status == "open")
    .exists()
)

# A worker that has not settled within this time is taken for dead; the next sweep wakes again.
LEASE = timedelta(seconds=10)
OPEN_DELIVERIES = ("pending", "sending")


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A worker's hold on a conversation; every commit of its run demands the token."""

    conversation: Conversation
    token: int


def take(connection: Connection, conversation: ConversationId, now: datetime) -> Hold | None:
    """Take the conversation, fencing whoever had it before; None where there is none."""
    statement = (
        update(conversations)
        .where(conversations.c.id == conversation)
        .values(turn_token=conversations.c.turn_token + 1, due_at=now + LEASE)
        .returning(*conversations.c)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    taken = Conversation(**row._mapping)
    return Hold(conversation=taken, token=taken.turn_token)


def hold(connection: Connection, held: Hold, *, revision: int | None = None) -> Conversation:
    """Lock the conversation for this commit and return it as it is now.

    Raises `Fenced` where another worker has taken it, `Superseded` where `revision` is given and
    the conversation has moved on since.
    """
    statement = (
        update(conversations)
        .where(conversations.c.id == held.conversation.id, conversations.c.turn_token == held.token)
        .values(turn_token=conversations.c.turn_token)
        .returning(*conversations.c)
    )
    row = connection.execute(statement).first()
    if row is None:
        raise Fenced(f"another worker has conversation {held.conversation.id}")
    current = Conversation(**row._mapping)
    if revision is not None and current.revision != revision:
        raise Superseded(f"conversation {held.conversation.id} has moved on")
    return current


def lock(connection: Connection, conversation: str) -> Conversation:
    """Lock the conversation's row before anything that belongs to it is changed."""
    statement = select(conversations).where(conversations.c.id == conversation).with_for_update()
    found = rows.fetch(connection, Conversation, statement)
    return found[0] if found else rows.get(connection, Conversation, conversation)


def change(connection: Connection, conversation: str, **values: Any) -> None:
    """Set columns of a conversation."""
    connection.execute(
        update(conversations).where(conversations.c.id == conversation).values(**values)
    )


def raise_revision(connection: Connection, conversation: str, **values: Any) -> None:
    """Tell runs under way that what they know has changed."""
    change(connection, conversation, revision=conversations.c.revision + 1, **values)


def next_seq(connection: Connection, conversation: str, **values: Any) -> int:
    """Take the next number of the conversation's messages and events, and set columns with it."""
    statement = (
        update(conversations)
        .where(conversations.c.id == conversation)
        .values(next_seq=conversations.c.next_seq + 1, **values)
        .returning(conversations.c.next_seq)
    )
    return int(connection.execute(statement).scalar_one()) - 1


def record_event(
    connection: Connection,
    conversation: str,
    kind: str,
    details: dict[str, Any],
    *,
    now: datetime,
    audience: str = "customer",
) -> None:
    """Append an event for whoever watches the conversation."""
    seq = next_seq(connection, conversation)
    event = Event(
        conversation_id=conversation, seq=seq, kind=kind, audience=audience, details=details, at=now
    )
    rows.add(connection, event)


def set_status(
    connection: Connection, conversation: Conversation, status: str, *, now: datetime, **values: Any
) -> None:
    """Move the conversation to a status and tell its watchers, where that is a change."""
    if status != "resolved":
        values = {"resolution": None, "resolved_at": None, **values}
    change(connection, conversation.id, status=status, changed_at=now, **values)
    if conversation.status == status and conversation.assignee == values.get(
        "assignee", conversation.assignee
    ):
        return
    details = {"status": status, "assignee": values.get("assignee", conversation.assignee)}
    details["resolution"] = values.get("resolution")
    record_event(connection, conversation.id, "status", details, now=now)


def due(connection: Connection, now: datetime, *, limit: int = 500) -> list[ConversationId]:
    """Return the conversations that need work, longest overdue first."""
    statement = (
        select(conversations.c.id)
        .where(conversations.c.due_at <= now)
        .order_by(conversations.c.due_at)
        .limit(limit)
    )
    return [ConversationId(id) for id in connection.execute(statement).scalars()]


def settle(
    connection: Connection, held: Hold, *, now: datetime, debounce: timedelta
) -> datetime | None:
    """Set when the conversation is next due, from all that waits in it; returns it."""
    current = hold(connection, held)
    moment = next_due(connection, current, debounce=debounce)
    change(connection, current.id, due_at=moment)
    return moment


def next_due(
    connection: Connection, conversation: Conversation, *, debounce: timedelta
) -> datetime | None:
    """Return the earliest moment at which something in the conversation wants doing."""
    moments = [
        _turn_due(connection, conversation, debounce),
        _run_due(connection, conversation),
        _delivery_due(connection, conversation),
        _approval_due(connection, conversation),
        _escalation_due(connection, conversation),
    ]
    set_moments = [moment for moment in moments if moment is not None]
    return min(set_moments) if set_moments else None


def make_due(connection: Connection, conversation: str, moment: datetime) -> None:
    """Bring the conversation's due time forward to a moment."""
    earlier = or_(conversations.c.due_at.is_(None), conversations.c.due_at > moment)
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation, earlier)
        .values(due_at=moment)
    )


def turn_due(connection: Connection, conversation: str, debounce: timedelta) -> datetime | None:
    """Return when the next turn may start: a pause in the writing, or five times it at the most."""
    condition = and_(
        messages.c.conversation_id == conversation,
        messages.c.turn_id.is_(None),
        messages.c.author == "customer",
    )
    first, last = connection.execute(
        select(func.min(messages.c.at), func.max(messages.c.at)).where(condition)
    ).one()
    if first is None:
        return None
    due: datetime = min(last + debounce, first + 5 * debounce)
    return due


def waiting_since(connection: Connection, conversation: str) -> datetime | None:
    """Return when the earliest message came that has no turn yet; None where all have one."""
    statement = select(func.min(messages.c.at)).where(
        messages.c.conversation_id == conversation,
        messages.c.turn_id.is_(None),
        messages.c.author == "customer",
    )
    return connection.execute(statement).scalar()


def list_unsuggested(connection: Connection, conversation: str) -> list[Message]:
    """Return what the customer wrote to an agent that waits for an answer, in order.

    Empty where the bot has drafted one, or has begun to.
    """
    case = rows.find(
        connection,
        Escalation,
        escalations.c.conversation_id == conversation,
        escalations.c.status == "claimed",
    )
    if case is None:
        return []
    own = messages.c.conversation_id == conversation
    answered = select(func.coalesce(func.max(messages.c.seq), 0)).where(
        own, messages.c.author == "agent", messages.c.audience == "customer"
    )
    statement = (
        select(messages)
        .where(
            own,
            messages.c.author == "customer",
            messages.c.turn_id == "agent",
            messages.c.at >= case.created_at,
            messages.c.seq > answered.scalar_subquery(),
        )
        .order_by(messages.c.seq)
    )
    waiting = rows.fetch(connection, Message, statement)
    return waiting if waiting and waiting[-1].seq > case.suggested_upto else []


def suggestion_due(waiting: Sequence[Message], debounce: timedelta) -> datetime | None:
    """Return when the bot may draft what an agent might answer: after a pause in the writing."""
    if not waiting:
        return None
    return min(waiting[-1].at + debounce, waiting[0].at + 5 * debounce)


def _turn_due(
    connection: Connection, conversation: Conversation, debounce: timedelta
) -> datetime | None:
    if conversation.status == "assigned":
        return suggestion_due(list_unsuggested(connection, conversation.id), debounce)
    return turn_due(connection, conversation.id, debounce)


def _run_due(connection: Connection, conversation: Conversation) -> datetime | None:
    unfinished = or_(runs.c.status == "running", and_(runs.c.status == "waiting", ~is_undecided))
    return _earliest(connection, runs.c.started_at, unfinished, conversation)


def _delivery_due(connection: Connection, conversation: Conversation) -> datetime | None:
    statement = (
        select(deliveries.c.channel, deliveries.c.target, deliveries.c.due_at)
        .where(
            deliveries.c.conversation_id == conversation.id,
            deliveries.c.status.in_(OPEN_DELIVERIES),
        )
        .order_by(deliveries.c.position)
    )
    # What stands behind another one on the same way waits for that one.
    first: dict[tuple[str, str], datetime] = {}
    for channel, target, due_at in connection.execute(statement):
        first.setdefault((channel, target), due_at)
    return min(first.values(), default=None)


def _approval_due(connection: Connection, conversation: Conversation) -> datetime | None:
    return _earliest(connection, approvals.c.expires_at, approvals.c.status == "open", conversation)


def _escalation_due(connection: Connection, conversation: Conversation) -> datetime | None:
    statement = (
        select(func.min(reminders.c.due_at))
        .select_from(reminders.join(escalations, reminders.c.escalation_id == escalations.c.id))
        .where(
            escalations.c.conversation_id == conversation.id,
            escalations.c.status.in_(("open", "claimed")),
            reminders.c.target_from == escalations.c.target_from,
            reminders.c.sent_at.is_(None),
        )
    )
    snoozed = escalations.c.snoozed_until
    moments = [
        connection.execute(statement).scalar(),
        _earliest(connection, snoozed, escalations.c.status.in_(("open", "claimed")), conversation),
    ]
    return min((moment for moment in moments if moment), default=None)


def _earliest(
    connection: Connection, column: Any, condition: Any, conversation: Conversation
) -> datetime | None:
    own = column.table.c.conversation_id == conversation.id
    return connection.execute(select(func.min(column)).where(own, condition)).scalar()


def customer_of(connection: Connection, conversation: Conversation) -> Customer:
    """Return the conversation's customer."""
    return rows.get(connection, Customer, conversation.customer_id)


def list_conversations(
    connection: Connection,
    *,
    status: str | None = None,
    customer: str | None = None,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[Conversation]:
    """Return conversations, newest first, after a cursor; those of API runs are left out."""
    conditions = [conversations.c.channel != "api"]
    if status:
        conditions.append(conversations.c.status == status)
    if customer:
        people = table(Customer)
        own = select(people.c.id).where(people.c.external_id == customer)
        conditions.append(conversations.c.customer_id.in_(own))
    if before:
        moment, id = before
        same_moment = and_(conversations.c.created_at == moment, conversations.c.id < id)
        conditions.append(or_(conversations.c.created_at < moment, same_moment))
    statement = (
        select(conversations)
        .where(*conditions)
        .order_by(conversations.c.created_at.desc(), conversations.c.id.desc())
        .limit(limit)
    )
    return rows.fetch(connection, Conversation, statement)


def watch(
    connection: Connection, conversation: str, *, after: int, limit: int = 200
) -> list[Message | Event]:
    """Return what the customer may see of the conversation after a number, in order."""
    events = table(Event)
    said = rows.fetch(
        connection,
        Message,
        select(messages)
        .where(
            messages.c.conversation_id == conversation,
            messages.c.seq > after,
            messages.c.audience == "customer",
        )
        .order_by(messages.c.seq)
        .limit(limit),
    )
    happened = rows.fetch(
        connection,
        Event,
        select(events)
        .where(
            events.c.conversation_id == conversation,
            events.c.seq > after,
            events.c.audience == "customer",
        )
        .order_by(events.c.seq)
        .limit(limit),
    )
    both: list[Message | Event] = [*said, *happened]
    return sorted(both, key=lambda item: item.seq)[:limit]


def find_conversation(connection: Connection, id: str) -> Conversation | None:
    """Return a conversation, or None."""
    return rows.find(connection, Conversation, conversations.c.id == id)


def newest_conversation(connection: Connection, channel: str, external: str) -> Conversation | None:
    """Return the newest conversation that a channel knows under a name."""
    statement = (
        select(conversations)
        .where(conversations.c.channel == channel, conversations.c.external_id == external)
        .order_by(conversations.c.generation.desc())
        .limit(1)
    )
    found = rows.fetch(connection, Conversation, statement)
    return found[0] if found else None


def is_working(connection: Connection, conversation: Conversation) -> bool:
    """Tell whether the bot is at work on an answer, or about to be."""
    if conversation.status not in ("open", "resolved"):
        return False
    unanswered = select(messages.c.id).where(
        messages.c.conversation_id == conversation.id,
        messages.c.turn_id.is_(None),
        messages.c.author == "customer",
    )
    return bool(connection.execute(select(unanswered.exists())).scalar())


def list_own_conversations(
    connection: Connection, source: str, external_id: str, *, limit: int
) -> list[Conversation]:
    """Return the conversations of one person, newest first."""
    people = table(Customer)
    own = select(people.c.id).where(people.c.source == source, people.c.external_id == external_id)
    statement = (
        select(conversations)
        .where(conversations.c.customer_id.in_(own))
        .order_by(conversations.c.created_at.desc(), conversations.c.id)
        .limit(limit)
    )
    return rows.fetch(connection, Conversation, statement)


def find_session(connection: Connection, token_hash: str) -> ChatSession | None:
    """Return a chat session by the hash of its cookie."""
    return rows.find(connection, ChatSession, table(ChatSession).c.token_hash == token_hash)
