"""Escalations: cases that wait for agents, their response targets and their commands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from orchestration.errors import Conflict, NotFound
from orchestration.models import Command, Conversation, Escalation, Reminder, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import escalations, reminders

OPEN = ("open", "claimed")


def find_open_escalation(connection: Connection, conversation: str) -> Escalation | None:
    """Return the conversation's open or claimed escalation."""
    return rows.find(
        connection,
        Escalation,
        escalations.c.conversation_id == conversation,
        escalations.c.status.in_(OPEN),
    )


def get_escalation(connection: Connection, id: str) -> Escalation:
    """Return an escalation; raises `NotFound`."""
    found = rows.find(connection, Escalation, escalations.c.id == id)
    if found is None:
        raise NotFound(f"there is no escalation {id!r}")
    return found


def add_escalation(connection: Connection, escalation: Escalation) -> None:
    """Open a case; the unique key refuses a second one in the same conversation."""
    rows.add(connection, escalation)


def change_escalation(connection: Connection, escalation: Escalation, **values: Any) -> Escalation:
    """Change a case if nobody has changed it since; raises `Conflict` with what it is now."""
    statement = (
        update(escalations)
        .where(escalations.c.id == escalation.id, escalations.c.version == escalation.version)
        .values(version=escalation.version + 1, **values)
    )
    if connection.execute(statement).rowcount == 0:
        raise stale(get_escalation(connection, escalation.id))
    return get_escalation(connection, escalation.id)


def keep_suggestion(connection: Connection, id: str, **values: Any) -> None:
    """Keep what the bot suggests; it makes no command stale that has nothing to do with it."""
    connection.execute(update(escalations).where(escalations.c.id == id).values(**values))


def stale(current: Escalation) -> Conflict:
    """Return the error that tells the loser of a race who was first."""
    who = f" by {current.assignee}" if current.assignee else ""
    return Conflict(
        f"the case has changed: it is {current.status}{who}, version {current.version}",
        current={
            "status": current.status,
            "assignee": current.assignee,
            "version": current.version,
        },
    )


def schedule(
    connection: Connection,
    escalation: str,
    *,
    target_from: datetime,
    moments: Mapping[int, datetime],
) -> None:
    """Plan the reminders of a response target, by level in percent; earlier plans lapse."""
    for level, moment in moments.items():
        reminder = Reminder(
            escalation_id=escalation, target_from=target_from, level=level, due_at=moment
        )
        rows.add_unless_there(connection, reminder)
    connection.execute(
        update(escalations)
        .where(escalations.c.id == escalation)
        .values(target_from=target_from, due_at=moments.get(100))
    )


def list_due_reminders(
    connection: Connection, escalation: Escalation, now: datetime
) -> list[Reminder]:
    """Return the reminders whose time has come and that were not sent, lowest first."""
    statement = (
        select(reminders)
        .where(
            reminders.c.escalation_id == escalation.id,
            reminders.c.target_from == escalation.target_from,
            reminders.c.due_at <= now,
            reminders.c.sent_at.is_(None),
        )
        .order_by(reminders.c.level)
    )
    return rows.fetch(connection, Reminder, statement)


def list_reminders(connection: Connection, escalation: str) -> list[Reminder]:
    """Return the reminders that were sent, oldest first."""
    statement = (
        select(reminders)
        .where(reminders.c.escalation_id == escalation, reminders.c.sent_at.is_not(None))
        .order_by(reminders.c.sent_at, reminders.c.level)
    )
    return rows.fetch(connection, Reminder, statement)


def mark_reminded(connection: Connection, reminder: Reminder, now: datetime) -> bool:
    """Mark a reminder as sent; False where somebody else did."""
    statement = (
        update(reminders)
        .where(
            reminders.c.escalation_id == reminder.escalation_id,
            reminders.c.target_from == reminder.target_from,
            reminders.c.level == reminder.level,
            reminders.c.sent_at.is_(None),
        )
        .values(sent_at=now)
    )
    return connection.execute(statement).rowcount == 1


def list_escalations(
    connection: Connection,
    *,
    status: str | None,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[Escalation]:
    """Return cases, newest first, after a cursor."""
    conditions = [escalations.c.status == status] if status else []
    if before:
        moment, id = before
        earlier = or_(
            escalations.c.created_at < moment,
            and_(escalations.c.created_at == moment, escalations.c.id < id),
        )
        conditions.append(earlier)
    statement = (
        select(escalations)
        .where(*conditions)
        .order_by(escalations.c.created_at.desc(), escalations.c.id.desc())
        .limit(limit)
    )
    return rows.fetch(connection, Escalation, statement)


def recall_command(connection: Connection, key: str, fingerprint: str) -> dict[str, Any] | None:
    """Return the answer a command got before under this key.

    Raises `Conflict` where the key was used for another command.
    """
    found = rows.find(connection, Command, table(Command).c.key == key)
    if found is None:
        return None
    if found.fingerprint != fingerprint:
        raise Conflict("this Idempotency-Key was used for another command")
    return dict(found.answer)


def remember_command(
    connection: Connection, key: str, fingerprint: str, answer: dict[str, Any], now: datetime
) -> None:
    """Keep the answer of a command that was carried out."""
    rows.add(connection, Command(key=key, fingerprint=fingerprint, answer=answer, at=now))


def lock_escalation(connection: Connection, id: str) -> tuple[Conversation, Escalation]:
    """Lock a case by its conversation, and return both as they are now."""
    conversation = conversations.lock(connection, get_escalation(connection, id).conversation_id)
    return conversation, get_escalation(connection, id)
