"""Messages: the one transaction in which one is received, and what is said in reply."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from orchestration import masking
from orchestration.errors import Conflict, FrontdeskError, NotFound
from orchestration.models import Conversation, Customer, File, Message, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import deliveries, messages
from orchestration.types import (
    Attachment,
    ConversationId,
    IncomingMessage,
    MessageId,
    Profile,
    Received,
    Sender,
)

customers = table(Customer)
files = table(File)

# Later than this after it was resolved, a message starts a new conversation that links the old one.
REOPENS_WITHIN = timedelta(days=7)
# So long after the last word, what somebody writes beside it still belongs to it.
GOES_ON_FOR = timedelta(minutes=30)


class Repeated(FrontdeskError):
    """The same message was received by somebody else at the same moment; look again."""


def add_message(
    connection: Connection, incoming: IncomingMessage, *, now: datetime, debounce: timedelta
) -> Received:
    """Store a customer's message once and say when its turn may start.

    Raises `Conflict` for a known id with another body and for a conversation of another customer,
    `Repeated` where the same message is being stored at this very moment, `NotFound` where it
    belongs to no known conversation and may begin none.
    """
    known = _find_known(connection, incoming)
    if known is not None:
        return _repeat(connection, known, incoming, debounce)
    customer = _find_sender(connection, incoming, now)
    joined = _find_joined(connection, incoming, customer, now) if customer else None
    if customer is None or (joined is None and incoming.joins == "known"):
        raise NotFound("the message belongs to no conversation that is known")
    conversation = _find_or_add_conversation(connection, incoming, customer, joined, now)
    message = _insert(connection, incoming, conversation, now)
    due_at = _make_due(connection, conversation, now, debounce)
    return Received(
        conversation=ConversationId(conversation.id),
        message=MessageId(message.id),
        duplicate=False,
        unanswered=conversation.status != "assigned",
        due_at=due_at,
        is_with_bot=conversation.status in ("open", "resolved"),
    )


def _find_known(connection: Connection, incoming: IncomingMessage) -> Message | None:
    return rows.find(
        connection,
        Message,
        messages.c.source == incoming.source,
        messages.c.source_id == incoming.source_id,
    )


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
    return newest if newest and _goes_on(newest, now) else None


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


def _goes_on(conversation: Conversation, now: datetime) -> bool:
    """Tell whether what somebody writes next belongs to their newest conversation."""
    waits = conversation.last_word == "customer" or (conversation.memory or {}).get("pending")
    is_open = conversation.status == "open" and bool(waits)
    is_fresh = now - conversation.changed_at < GOES_ON_FOR
    return is_open or is_fresh or conversation.status in ("escalated", "assigned")


def _repeat(
    connection: Connection, known: Message, incoming: IncomingMessage, debounce: timedelta
) -> Received:
    if known.fingerprint != incoming.fingerprint:
        raise Conflict(f"message {incoming.source_id!r} was received before with another body")
    due = conversations.turn_due(connection, known.conversation_id, debounce)
    return Received(
        conversation=ConversationId(known.conversation_id),
        message=MessageId(known.id),
        duplicate=True,
        unanswered=known.turn_id is None,
        due_at=due or known.at,
    )


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
    changed = rows.without_nones({"email": sender.email, "name": sender.name})
    if any(getattr(found, name) != value for name, value in changed.items()):
        connection.execute(update(customers).where(customers.c.id == found.id).values(**changed))
    return found


def save_profile(connection: Connection, customer: str, profile: Profile, now: datetime) -> None:
    """Take over who a directory says a customer is."""
    connection.execute(
        update(customers)
        .where(customers.c.id == customer)
        .values(verified=profile.verified, email=profile.email, name=profile.name, profile_at=now)
    )


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
    if newest.resolved_at and now - newest.resolved_at > REOPENS_WITHIN:
        newest = _add_conversation(connection, incoming, external, customer, now, previous=newest)
    return conversations.lock(connection, newest.id)


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


def _insert(
    connection: Connection, incoming: IncomingMessage, conversation: Conversation, now: datetime
) -> Message:
    updates: dict[str, Any] = {"changed_at": now, "last_word": "customer"}
    if incoming.reply_to:
        updates |= {"reply_to": incoming.reply_to, "private_to": incoming.private_to}
    if incoming.callback_url:
        updates["callback_url"] = incoming.callback_url
    message = Message(
        id=rows.new_id(),
        conversation_id=conversation.id,
        seq=conversations.next_seq_of_message(connection, conversation.id, **updates),
        author="customer",
        author_name=incoming.sender.name,
        text=masking.mask(incoming.text),
        at=now,
        # What is written while an agent has the conversation is theirs to answer.
        turn_id="agent" if conversation.status == "assigned" else None,
        source=incoming.source,
        source_id=incoming.source_id,
        fingerprint=incoming.fingerprint,
        details=masking.mask_json(dict(incoming.metadata)) or None,
    )
    if not rows.add_unless_there(connection, message):
        raise Repeated(f"message {incoming.source_id!r} is being received twice")
    _add_files(connection, message.id, incoming.attachments)
    return message


def _add_files(connection: Connection, message: str, attachments: Sequence[Attachment]) -> None:
    for attachment in attachments:
        file = File(
            id=rows.new_id(),
            message_id=message,
            name=masking.mask_name(attachment.name),
            type=attachment.type,
            url=attachment.url,
            content=attachment.content,
        )
        rows.add(connection, file)


def _make_due(
    connection: Connection, conversation: Conversation, now: datetime, debounce: timedelta
) -> datetime:
    if conversation.status == "assigned":
        # Its agent's time to answer runs from here.
        conversations.make_due(connection, conversation.id, now)
        return now
    due = conversations.turn_due(connection, conversation.id, debounce) or now
    conversations.make_due(connection, conversation.id, due)
    return due


def list_unfetched(connection: Connection, conversation: str) -> list[tuple[str, str]]:
    """Return id and address of the files of unanswered messages whose content is not here yet."""
    statement = (
        select(files.c.id, files.c.url)
        .select_from(files.join(messages, files.c.message_id == messages.c.id))
        .where(
            messages.c.conversation_id == conversation,
            messages.c.turn_id.is_(None),
            files.c.content.is_(None),
            files.c.url.is_not(None),
        )
    )
    return [(id, url) for id, url in connection.execute(statement)]


def save_file(connection: Connection, id: str, content: bytes) -> None:
    """Keep the content of an attachment."""
    connection.execute(update(files).where(files.c.id == id).values(content=content))


def say(
    connection: Connection,
    conversation: Conversation,
    *,
    author: str,
    text: str,
    now: datetime,
    audience: str = "customer",
    author_name: str | None = None,
    run_id: str | None = None,
    citations: Sequence[dict[str, Any]] = (),
    source: tuple[str, str] | None = None,
    details: dict[str, Any] | None = None,
) -> Message:
    """Append what the bot, an agent or the system says; it still has to be delivered.

    `source` names where it comes from and its id there; the pair is unique.
    """
    message = Message(
        id=rows.new_id(),
        conversation_id=conversation.id,
        seq=conversations.next_seq(connection, conversation.id),
        author=author,
        author_name=author_name,
        audience=audience,
        text=text,
        at=now,
        run_id=run_id,
        citations=list(citations) or None,
        source=source[0] if source else None,
        source_id=source[1] if source else None,
        details=details,
    )
    rows.add(connection, message)
    if audience == "customer":
        conversations.change(connection, conversation.id, changed_at=now, last_word=author)
    return message


def list_unanswered(connection: Connection, conversation: str) -> list[Message]:
    """Return the customer's messages that have no turn yet, in order."""
    statement = (
        select(messages)
        .where(
            messages.c.conversation_id == conversation,
            messages.c.turn_id.is_(None),
            messages.c.author == "customer",
        )
        .order_by(messages.c.seq)
    )
    return rows.fetch(connection, Message, statement)


def list_unheard(connection: Connection, conversation: str) -> list[Message]:
    """Return what the customer wrote since an agent last answered them, in order."""
    agents = (messages.c.author == "agent", messages.c.audience == "customer")
    own = messages.c.conversation_id == conversation
    answered = select(func.coalesce(func.max(messages.c.seq), 0)).where(own, *agents)
    statement = (
        select(messages)
        .where(own, messages.c.author == "customer", messages.c.seq > answered.scalar_subquery())
        .order_by(messages.c.seq)
    )
    return rows.fetch(connection, Message, statement)


def answer(connection: Connection, ids: Sequence[str], turn: str) -> None:
    """Give messages their turn, where they have none yet."""
    connection.execute(
        update(messages)
        .where(messages.c.id.in_(list(ids)), messages.c.turn_id.is_(None))
        .values(turn_id=turn)
    )


def answer_all(connection: Connection, conversation: str, turn: str) -> None:
    """Give every unanswered message of the conversation its turn."""
    connection.execute(
        update(messages)
        .where(messages.c.conversation_id == conversation, messages.c.turn_id.is_(None))
        .values(turn_id=turn)
    )


def transcript(
    connection: Connection, conversation: str, *, audience: str | None = "customer", after: int = 0
) -> list[Message]:
    """Return what was said, in order; with `audience` None the agents' notes too."""
    conditions = [messages.c.conversation_id == conversation, messages.c.seq > after]
    if audience:
        conditions.append(messages.c.audience == audience)
    return rows.fetch(
        connection, Message, select(messages).where(*conditions).order_by(messages.c.seq)
    )


def find_message(connection: Connection, id: str | None) -> Message | None:
    """Return a message, or None."""
    return rows.find(connection, Message, messages.c.id == id) if id else None


def find_message_from(connection: Connection, source: str, id: str) -> Message | None:
    """Return the message with this id at its source, or None."""
    return rows.find(connection, Message, messages.c.source == source, messages.c.source_id == id)


def change_message(connection: Connection, message: str, **values: Any) -> None:
    """Set columns of a message."""
    connection.execute(update(messages).where(messages.c.id == message).values(**values))


def list_files(connection: Connection, message_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the attachments of messages; of their content the size, None where it is not here."""
    size = func.length(files.c.content).label("size")
    columns = [files.c.id, files.c.message_id, files.c.name, files.c.type, files.c.url, size]
    statement = select(*columns).where(files.c.message_id.in_(list(message_ids)))
    return [dict(row._mapping) for row in connection.execute(statement)]
