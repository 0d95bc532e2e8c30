"""Cards: what boards show of cases and approvals, and what has yet to be told below them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from orchestration.models import (
    Approval,
    Card,
    Conversation,
    Delivery,
    Escalation,
    Event,
    Message,
    table,
)
from orchestration.store import deliveries as parcels
from orchestration.store import rows
from orchestration.store.conversations import approvals, deliveries, escalations, messages

cards = table(Card)
events = table(Event)


def list_cases(connection: Connection, conversation: str) -> list[Escalation]:
    """Return all cases of a conversation, newest first."""
    statement = (
        select(escalations)
        .where(escalations.c.conversation_id == conversation)
        .order_by(escalations.c.created_at.desc(), escalations.c.id)
    )
    return rows.fetch(connection, Escalation, statement)


def list_own_approvals(connection: Connection, conversation: str) -> list[Approval]:
    """Return all approvals of a conversation, oldest first."""
    statement = (
        select(approvals)
        .where(approvals.c.conversation_id == conversation)
        .order_by(approvals.c.created_at, approvals.c.id)
    )
    return rows.fetch(connection, Approval, statement)


def list_cards(connection: Connection, conversation: str) -> dict[str, Card]:
    """Return the cards of a conversation by their subject."""
    found = rows.fetch(
        connection, Card, select(cards).where(cards.c.conversation_id == conversation)
    )
    return {card.subject: card for card in found}


def find_card(connection: Connection, subject: str) -> Card | None:
    """Return the card of a case or an approval."""
    return rows.find(connection, Card, cards.c.subject == subject)


def find_card_reference(connection: Connection, subject: str) -> str | None:
    """Return what the board calls the card of a case or an approval, once it is shown."""
    root = select(cards.c.delivery_id).where(cards.c.subject == subject).scalar_subquery()
    statement = select(deliveries.c.reference).where(deliveries.c.id == root)
    return connection.execute(statement).scalars().first()


def put_card(connection: Connection, card: Card) -> None:
    """Keep what a board shows of a case or an approval."""
    rows.put(connection, card)


def find_subject(connection: Connection, target: str, reference: str) -> Card | None:
    """Return the card that a board knows by its own reference."""
    own = (
        select(deliveries.c.id)
        .where(deliveries.c.target == target, deliveries.c.reference == reference)
        .where(deliveries.c.kind == "card")
    )
    root = connection.execute(own).scalars().first()
    return rows.find(connection, Card, cards.c.delivery_id == root) if root else None


def find_waiting_card(connection: Connection, card: Card) -> Delivery | None:
    """Return the drawing of a card that no attempt has been made to show."""
    waiting = (
        deliveries.c.conversation_id == card.conversation_id,
        deliveries.c.kind == "card",
        deliveries.c.status == "pending",
        (deliveries.c.id == card.delivery_id) | (deliveries.c.follows == card.delivery_id),
    )
    return rows.find(connection, Delivery, *waiting)


def forget_drawings(connection: Connection, card: Card) -> None:
    """Keep nothing of how a card looked before; it may say what was taken back since."""
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.conversation_id == card.conversation_id,
            deliveries.c.kind == "card",
            deliveries.c.status == "delivered",
            (deliveries.c.id == card.delivery_id) | (deliveries.c.follows == card.delivery_id),
        )
        .values(body="")
    )


def list_told(
    connection: Connection, conversation: str, *, after: int
) -> Sequence[Message | Event]:
    """Return what was said and what happened after a number, whoever it is for, in order."""
    said: list[Message | Event] = [
        *rows.fetch(
            connection,
            Message,
            select(messages).where(
                messages.c.conversation_id == conversation, messages.c.seq > after
            ),
        ),
        *rows.fetch(
            connection,
            Event,
            select(events).where(events.c.conversation_id == conversation, events.c.seq > after),
        ),
    ]
    return sorted(said, key=lambda item: item.seq)


def last_seq(connection: Connection, conversation: str, *, upto: datetime) -> int:
    """Return the number of the last thing that was said or happened up to a moment."""
    told = list_told(connection, conversation, after=0)
    return max((item.seq for item in told if item.at <= upto), default=0)


def find_post(connection: Connection, message: str) -> Delivery | None:
    """Return the delivery that showed a message below its case's card."""
    return rows.find(
        connection, Delivery, deliveries.c.message_id == message, deliveries.c.kind == "post"
    )


def list_refused(connection: Connection, conversation: str, *, but: str) -> list[Delivery]:
    """Return the reminders that boards other than `but` refused to show."""
    statement = select(deliveries).where(
        deliveries.c.conversation_id == conversation,
        deliveries.c.kind == "reminder",
        deliveries.c.status == "failed",
        deliveries.c.target != but,
    )
    return rows.fetch(connection, Delivery, statement)


def queue_again(
    connection: Connection,
    conversation: Conversation,
    refused: Delivery,
    *,
    target: str,
    now: datetime,
) -> bool:
    """Put what one board refused on its way to another, once; tell whether that was this time."""
    id = f"{refused.id}-again"
    if parcels.find_delivery(connection, id):
        return False
    parcels.add_delivery(
        connection,
        conversation,
        id=id,
        channel=refused.channel,
        kind=refused.kind,
        audience=refused.audience,
        author=refused.author,
        target=target,
        body=refused.body,
        now=now,
    )
    return True
