"""Deliveries: what is on its way out, with its frozen body and its attempts."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from orchestration.errors import Fenced
from orchestration.models import Conversation, Delivery, Message
from orchestration.store import conversations, rows
from orchestration.store.conversations import OPEN_DELIVERIES, Hold, deliveries

# How a delivery ends that did not arrive, or may not have.
UNDELIVERED = ("failed", "unconfirmed")


def add_delivery(
    connection: Connection,
    conversation: Conversation,
    *,
    channel: str,
    kind: str,
    audience: str,
    author: str,
    target: str,
    body: str,
    now: datetime,
    message: Message | None = None,
    id: str | None = None,
    follows: str | None = None,
) -> Delivery:
    """Record something on its way out, due at once; the caller hands it over after the commit.

    `follows` is the id of the earlier delivery that it changes or stands under.
    """
    delivery = Delivery(
        id=id or rows.new_id(),
        conversation_id=conversation.id,
        position=_next_position(connection, conversation.id),
        message_id=message.id if message else None,
        channel=channel,
        kind=kind,
        audience=audience,
        author=author,
        target=target,
        body=body,
        follows=follows,
        created_at=now,
        due_at=now,
    )
    rows.add(connection, delivery)
    conversations.make_due(connection, conversation.id, now)
    return delivery


def _next_position(connection: Connection, conversation: str) -> int:
    statement = select(func.coalesce(func.max(deliveries.c.position), 0)).where(
        deliveries.c.conversation_id == conversation
    )
    return int(connection.execute(statement).scalar_one()) + 1


def list_open(connection: Connection, conversation: str) -> list[Delivery]:
    """Return the deliveries that have not ended, in the order they were made."""
    statement = (
        select(deliveries)
        .where(
            deliveries.c.conversation_id == conversation, deliveries.c.status.in_(OPEN_DELIVERIES)
        )
        .order_by(deliveries.c.position)
    )
    return rows.fetch(connection, Delivery, statement)


def find_delivery(connection: Connection, id: str) -> Delivery | None:
    """Return a delivery, or None."""
    return rows.find(connection, Delivery, deliveries.c.id == id)


def find_reply(connection: Connection, message: str) -> Delivery | None:
    """Return the delivery in which a message was first handed over."""
    own = (deliveries.c.message_id == message, deliveries.c.kind == "reply")
    return rows.find(connection, Delivery, *own)


def start_attempt(
    connection: Connection, held: Hold, delivery: Delivery, *, now: datetime, is_resend: bool
) -> None:
    """Mark an attempt as started, or withhold it where an agent has taken over."""
    current = conversations.hold(connection, held)
    from_bot = delivery.author == "bot" and delivery.audience == "customer"
    if from_bot and current.status == "assigned":
        withhold(connection, delivery, now=now)
        return
    change_delivery(
        connection,
        delivery.id,
        status="sending",
        attempts=delivery.attempts + 1,
        looks=0,
        resends=delivery.resends + is_resend,
        started_at=now,
    )


def withhold(connection: Connection, delivery: Delivery, *, now: datetime) -> None:
    """Keep back what the bot wrote; where an earlier attempt may have arrived, say so instead."""
    is_in_doubt = delivery.status == "sending"
    status = "unconfirmed" if is_in_doubt else "withheld"
    change_delivery(connection, delivery.id, status=status, finished_at=now, due_at=None)
    if delivery.message_id and not is_in_doubt:
        connection.execute(
            update(conversations.messages)
            .where(conversations.messages.c.id == delivery.message_id)
            .values(audience="agents")
        )


def change_delivery(connection: Connection, delivery: str, **values: Any) -> None:
    """Set columns of a delivery."""
    connection.execute(update(deliveries).where(deliveries.c.id == delivery).values(**values))


def finish_attempt(connection: Connection, delivery: Delivery, **values: Any) -> None:
    """Record how an attempt ended; raises `Fenced` where a later attempt has begun since."""
    statement = (
        update(deliveries)
        .where(
            deliveries.c.id == delivery.id,
            deliveries.c.status == "sending",
            deliveries.c.attempts == delivery.attempts,
        )
        .values(**values)
    )
    if connection.execute(statement).rowcount == 0:
        raise Fenced(f"delivery {delivery.id} has been taken over")
    if values.get("due_at"):
        conversations.make_due(connection, delivery.conversation_id, values["due_at"])


def list_in_flight(connection: Connection, conversation: str) -> list[str]:
    """Return the ids of what the bot is just sending to the customer."""
    statement = select(deliveries.c.id).where(
        deliveries.c.conversation_id == conversation,
        deliveries.c.status == "sending",
        deliveries.c.author == "bot",
        deliveries.c.audience == "customer",
    )
    return list(connection.execute(statement).scalars())


def count_undelivered(connection: Connection) -> dict[str, int]:
    """Return how many deliveries did not arrive or may not have, by status."""
    statement = (
        select(deliveries.c.status, func.count())
        .where(deliveries.c.status.in_(UNDELIVERED))
        .group_by(deliveries.c.status)
        .order_by(deliveries.c.status)
    )
    return {status: int(count) for status, count in connection.execute(statement)}


def newest_undelivered(connection: Connection) -> Delivery | None:
    """Return the newest delivery that did not arrive or may not have."""
    statement = (
        select(deliveries)
        .where(deliveries.c.status.in_(UNDELIVERED))
        .order_by(deliveries.c.created_at.desc(), deliveries.c.id)
        .limit(1)
    )
    found = rows.fetch(connection, Delivery, statement)
    return found[0] if found else None


def list_deliveries(connection: Connection, conversation: str) -> list[Delivery]:
    """Return all deliveries of a conversation, in the order they were made."""
    statement = (
        select(deliveries)
        .where(deliveries.c.conversation_id == conversation)
        .order_by(deliveries.c.position)
    )
    return rows.fetch(connection, Delivery, statement)
