"""Whose a message is: its sender, and the conversation that it belongs to."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, select, update

from orchestration.errors import Conflict, NotFound
from orchestration.models import Conversation, Customer, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import deliveries, messages
from orchestration.types import IncomingMessage, Sender

customers = table(Customer)

# Later than this after it was resolved, a message starts a new conversation that links the old one.
REOPENS_WITHIN = timedelta(days=7)
# So long after the last word, what somebody writes beside it still belongs to it.
GOES_ON_FOR = timedelta(minutes=30)


def look(connection: Connection, incoming: IncomingMessage) -> RowMapping | None:
    """Return the sender and the conversation that is most likely meant, in one look.

    None where the sender is not known.
    """
    statement = _NEWEST if incoming.joins == "newest" else _NAMED
    values = {
        "sender_source": incoming.sender.source,
        "sender_id": incoming.sender.external_id,
        "message_source": incoming.source,
        "message_id": incoming.source_id,
        "channel": incoming.channel,
        "external": incoming.conversation,
    }
    return connection.execute(statement, values).mappings().first()


def _looking(likely: Select[Any]) -> Select[Any]:
    """Build the look; `likely` selects the id of the conversation."""
    own = conversations.conversations
    message = messages.alias()
    known = select(message.c.id).where(
        message.c.source == bindparam("message_source"),
        message.c.source_id == bindparam("message_id"),
    )
    waiting = select(func.min(messages.c.at)).where(
        messages.c.conversation_id == own.c.id,
        messages.c.turn_id.is_(None),
        messages.c.author == "customer",
    )
    return (
        select(
            customers.c.email,
            customers.c.name,
            customers.c.id.label("customer"),
            own.c.customer_id.label("owner"),
            own.c.id.label("conversation"),
            own.c.status,
            own.c.last_word,
            own.c.memory,
            own.c.changed_at,
            own.c.resolved_at,
            known.scalar_subquery().label("known"),
            waiting.scalar_subquery().label("waiting_since"),
        )
        .select_from(customers.outerjoin(own, own.c.id == likely.limit(1).scalar_subquery()))
        .where(
            customers.c.source == bindparam("sender_source"),
            customers.c.external_id == bindparam("sender_id"),
        )
    )


_other = conversations.conversations.alias()
# Built once: building a statement takes longer than the database needs to answer it.
_NEWEST = _looking(
    select(_other.c.id)
    .where(_other.c.customer_id == customers.c.id, _other.c.channel == bindparam("channel"))
    .order_by(_other.c.created_at.desc())
)
_NAMED = _looking(
    select(_other.c.id)
    .where(_other.c.channel == bindparam("channel"), _other.c.external_id == bindparam("external"))
    .order_by(_other.c.generation.desc())
)


def goes_on(incoming: IncomingMessage, seen: RowMapping, now: datetime) -> bool:
    """Tell whether a message simply adds to the conversation that was seen."""
    is_theirs = seen["conversation"] is not None and seen["owner"] == seen["customer"]
    if not is_theirs or incoming.answers or incoming.attachments:
        return False
    if _changes(incoming.sender, seen) or _is_over(seen["resolved_at"], now):
        return False
    return incoming.joins != "newest" or _is_under_way(seen, now)


def _is_over(resolved_at: datetime | None, now: datetime) -> bool:
    return resolved_at is not None and now - resolved_at > REOPENS_WITHIN


def _is_under_way(conversation: RowMapping | dict[str, Any], now: datetime) -> bool:
    """Tell whether what somebody writes next belongs to their newest conversation."""
    waits = conversation["last_word"] == "customer" or (conversation["memory"] or {}).get("pending")
    is_open = conversation["status"] == "open" and bool(waits)
    is_fresh = now - conversation["changed_at"] < GOES_ON_FOR
    return is_open or is_fresh or conversation["status"] in ("escalated", "assigned")


def _changes(sender: Sender, customer: RowMapping | dict[str, Any]) -> dict[str, str]:
    """Return what the sender's channel says of them that we did not know."""
    said = rows.without_nones({"email": sender.email, "name": sender.name})
    return {name: value for name, value in said.items() if customer[name] != value}


def find_or_make(connection: Connection, incoming: IncomingMessage, now: datetime) -> str:
    """Return the id of the conversation that a message belongs to, a new one where need be.

    Raises `Conflict` where it is another customer's, `NotFound` where there is none and the message
    may begin none.
    """
    customer = _find_sender(connection, incoming, now)
    joined = _find_joined(connection, incoming, customer, now) if customer else None
    if customer is None or (joined is None and incoming.joins == "known"):
        raise NotFound("the message belongs to no conversation that is known")
    return _find_or_add_conversation(connection, incoming, customer, joined, now).id


def _find_sender(
    connection: Connection, incoming: IncomingMessage, now: datetime
) -> Customer | None:
    """Return who wrote; None for somebody not known yet whose message may be nobody's."""
    if incoming.joins == "known":
        return _find_customer(connection, incoming.sender)
    # Two messages at the same moment must not begin a conversation each.
    return _find_or_add_customer(connection, incoming.sender, now, locks=incoming.joins == "newest")


def _find_joined(
    connection: Connection, incoming: IncomingMessage, person: Customer, now: datetime
) -> Conversation | None:
    above = None
    if incoming.answers:
        above = find_above(connection, incoming.channel, incoming.source, incoming.answers)
    if above and above.customer_id == person.id:
        return conversations.newest_conversation(connection, above.channel, above.external_id)
    if incoming.joins == "known":
        named = conversations.newest_conversation(
            connection, incoming.channel, incoming.conversation or ""
        )
        return named if named and named.customer_id == person.id else None
    if incoming.joins != "newest":
        return None
    # Below a message of ours whose number we have not got yet, too.
    newest = _newest_of(connection, incoming.channel, person)
    return newest if newest and _is_under_way(newest.model_dump(), now) else None


def find_above(
    connection: Connection, channel: str, source: str, source_id: str
) -> Conversation | None:
    """Return the conversation of a message, a customer's or ours, by the channel's id of it."""
    theirs = select(messages.c.conversation_id).where(
        messages.c.source == source, messages.c.source_id == source_id
    )
    ours = select(deliveries.c.conversation_id).where(
        deliveries.c.channel == channel, deliveries.c.reference == source_id
    )
    for statement in (theirs, ours):
        if id := connection.execute(statement.limit(1)).scalar():
            return conversations.find_conversation(connection, id)
    return None


def _newest_of(connection: Connection, channel: str, person: Customer) -> Conversation | None:
    statement = (
        select(conversations.conversations)
        .where(
            conversations.conversations.c.customer_id == person.id,
            conversations.conversations.c.channel == channel,
        )
        .order_by(conversations.conversations.c.created_at.desc())
        .limit(1)
    )
    return next(iter(rows.fetch(connection, Conversation, statement)), None)


def _find_customer(
    connection: Connection, sender: Sender, *, locks: bool = False
) -> Customer | None:
    same = (customers.c.source == sender.source, customers.c.external_id == sender.external_id)
    statement = select(customers).where(*same)
    if locks:
        # Not so strong that it waits for those who only refer to the row.
        statement = statement.with_for_update(key_share=True)
    return next(iter(rows.fetch(connection, Customer, statement)), None)


def _find_or_add_customer(
    connection: Connection, sender: Sender, now: datetime, *, locks: bool = False
) -> Customer:
    """Return who wrote; with `locks` nobody else takes a message of theirs meanwhile."""
    found = _find_customer(connection, sender, locks=locks)
    if found is None:
        new = Customer(
            id=rows.new_id(),
            source=sender.source,
            external_id=sender.external_id,
            verified=sender.verified,
            email=sender.email,
            name=sender.name,
            created_at=now,
        )
        rows.add_unless_there(connection, new)
        found = _find_customer(connection, sender, locks=locks)
        assert found is not None  # noqa: S101
    if changed := _changes(sender, found.model_dump()):
        connection.execute(update(customers).where(customers.c.id == found.id).values(**changed))
    return found


def _find_or_add_conversation(
    connection: Connection,
    incoming: IncomingMessage,
    customer: Customer,
    joined: Conversation | None,
    now: datetime,
) -> Conversation:
    external = joined.external_id if joined else incoming.conversation or rows.new_id()
    newest = joined or conversations.newest_conversation(connection, incoming.channel, external)
    if newest is None:
        newest = _add_conversation(connection, incoming, external, customer, now, previous=None)
    if newest.customer_id != customer.id:
        raise Conflict(f"conversation {external!r} belongs to another customer")
    if _is_over(newest.resolved_at, now):
        newest = _add_conversation(connection, incoming, external, customer, now, previous=newest)
    return newest


def _add_conversation(
    connection: Connection,
    incoming: IncomingMessage,
    external: str,
    customer: Customer,
    now: datetime,
    *,
    previous: Conversation | None,
) -> Conversation:
    new = Conversation(
        id=rows.new_id(),
        channel=incoming.channel,
        external_id=external,
        generation=previous.generation + 1 if previous else 1,
        previous_id=previous.id if previous else None,
        customer_id=customer.id,
        created_at=now,
        changed_at=now,
    )
    rows.add_unless_there(connection, new)
    found = conversations.newest_conversation(connection, incoming.channel, external)
    assert found is not None  # noqa: S101
    return found
