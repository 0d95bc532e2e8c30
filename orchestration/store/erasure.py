"""What is held about one customer: exported whole, or erased with only ids and costs left."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from orchestration.models import (
    Approval,
    ChatSession,
    Command,
    Conversation,
    Customer,
    CustomerRow,
    Delivery,
    Escalation,
    Event,
    File,
    Message,
    OrderRow,
    Run,
    Step,
    table,
)
from orchestration.store import rows
from orchestration.store.conversations import LEASE, conversations, messages, runs
from orchestration.types import Json

ERASED = "[erased]"
_OWNED: tuple[Any, ...] = (Message, Event, Run, Approval, Escalation, Delivery)


def list_silent(connection: Connection, *, before: datetime) -> list[Conversation]:
    """Return open conversations whose last word is the bot's and older than a moment."""
    statement = (
        select(conversations)
        .where(
            conversations.c.status == "open",
            conversations.c.last_word == "bot",
            conversations.c.changed_at < before,
        )
        .limit(500)
    )
    return rows.fetch(connection, Conversation, statement)


def list_resolved(connection: Connection, *, before: datetime) -> list[str]:
    """Return the ids of conversations that were resolved before a moment and not erased yet."""
    statement = (
        select(conversations.c.id)
        .where(
            conversations.c.status == "resolved",
            conversations.c.resolved_at < before,
            conversations.c.external_id.not_like(f"{ERASED}%"),
        )
        .limit(500)
    )
    return list(connection.execute(statement).scalars())


def make_leased_due(connection: Connection, now: datetime) -> None:
    """Make conversations due that a worker has taken and not settled."""
    connection.execute(
        update(conversations)
        .where(conversations.c.due_at > now, conversations.c.due_at <= now + LEASE)
        .values(due_at=now)
    )


def drop_expired(connection: Connection, *, now: datetime, commands_before: datetime) -> None:
    """Drop expired chat sessions and the answers of old commands."""
    sessions, commands = table(ChatSession), table(Command)
    connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    connection.execute(delete(commands).where(commands.c.at < commands_before))


def find_customers(connection: Connection, id: str) -> list[Customer]:
    """Return everybody who may be meant: by our id, the shop's id, or the e-mail address."""
    people = table(Customer)
    own = or_(
        people.c.id == id,
        people.c.external_id == id,
        func.lower(people.c.email) == id.lower(),
    )
    return rows.fetch(connection, Customer, select(people).where(own))


def export_customer(connection: Connection, id: str) -> dict[str, Json]:
    """Return all that is held about a customer."""
    people = find_customers(connection, id)
    talks = _conversations_of(connection, people)
    shop_customers, shop_orders = table(CustomerRow), table(OrderRow)
    return {
        "customers": [person.model_dump(mode="json") for person in people],
        "record": _dump(connection, CustomerRow, shop_customers.c.id == id),
        "orders": _dump(connection, OrderRow, shop_orders.c.customer_id == id),
        "conversations": [_export_conversation(connection, one) for one in talks],
    }


def _conversations_of(connection: Connection, people: list[Customer]) -> list[Conversation]:
    own = conversations.c.customer_id.in_([person.id for person in people])
    return rows.fetch(connection, Conversation, select(conversations).where(own))


def _export_conversation(connection: Connection, conversation: Conversation) -> dict[str, Json]:
    exported: dict[str, Json] = conversation.model_dump(mode="json")
    for model in _OWNED:
        target = table(model)
        exported[target.name] = _dump(
            connection, model, target.c.conversation_id == conversation.id
        )
    files = table(File)
    own = select(messages.c.id).where(messages.c.conversation_id == conversation.id)
    exported["files"] = [
        {"name": row.name, "type": row.type, "url": row.url, "bytes": len(row.content or b"")}
        for row in connection.execute(select(files).where(files.c.message_id.in_(own)))
    ]
    return exported


def _dump(connection: Connection, model: Any, condition: Any) -> list[Json]:
    found = rows.fetch(connection, model, select(table(model)).where(condition))
    return [row.model_dump(mode="json") for row in found]


def erase_customer(connection: Connection, id: str) -> int:
    """Erase what is held about a customer; returns how many conversations that concerned."""
    people = find_customers(connection, id)
    talks = _conversations_of(connection, people)
    for conversation in talks:
        erase_conversation(connection, conversation.id)
    for person in people:
        values = {"external_id": f"{ERASED} {person.id}", "email": None, "name": None}
        connection.execute(
            update(table(Customer)).where(table(Customer).c.id == person.id).values(**values)
        )
    sessions = table(ChatSession)
    for person in people:
        connection.execute(delete(sessions).where(sessions.c.external_id == person.external_id))
    connection.execute(delete(table(OrderRow)).where(table(OrderRow).c.customer_id == id))
    connection.execute(delete(table(CustomerRow)).where(table(CustomerRow).c.id == id))
    return len(talks)


def erase_conversation(connection: Connection, id: str) -> None:
    """Erase the words of a conversation; its ids, times, routes and costs stay."""
    own_messages = select(messages.c.id).where(messages.c.conversation_id == id)
    own_runs = select(runs.c.id).where(runs.c.conversation_id == id)
    files, steps, deliveries = table(File), table(Step), table(Delivery)
    connection.execute(delete(files).where(files.c.message_id.in_(own_messages)))
    _blank(connection, steps, steps.c.run_id.in_(own_runs), input=None, output=None, error=None)
    _blank(connection, deliveries, deliveries.c.conversation_id == id, body="", target="")
    _blank(
        connection,
        messages,
        messages.c.conversation_id == id,
        text=ERASED,
        author_name=None,
        citations=None,
        details=None,
    )
    _blank(
        connection, runs, runs.c.conversation_id == id, text=ERASED, entry=None, classification=None
    )
    for model, values in (
        (Approval, {"draft": None, "reasons": None, "text": None, "reason": None}),
        (Escalation, {"brief": None, "reason": ERASED, "end_reason": None}),
        (Event, {"details": None}),
    ):
        target = table(model)
        _blank(connection, target, target.c.conversation_id == id, **values)
    _blank(
        connection,
        conversations,
        conversations.c.id == id,
        external_id=f"{ERASED} {id}",
        memory=None,
        details=None,
        callback_url=None,
        rating_comment=None,
        due_at=None,
    )


def _blank(connection: Connection, rows_of: Any, condition: Any, /, **values: Any) -> None:
    connection.execute(update(rows_of).where(condition).values(**values))
