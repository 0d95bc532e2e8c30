"""Receiving a customer's message: the one transaction that stores it and makes its turn due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Row,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from orchestration import masking
from orchestration.errors import Conflict, FrontdeskError
from orchestration.models import File, Message, RawEvent, table
from orchestration.store import conversations, inbox, joining, rows
from orchestration.store.conversations import messages
from orchestration.types import (
    Attachment,
    ConversationId,
    IncomingMessage,
    MessageId,
    Raw,
    Received,
)

events = table(RawEvent)


class Repeated(FrontdeskError):
    """Somebody else stored or erased the same at this very moment; look again."""


def add_message(
    connection: Connection,
    incoming: IncomingMessage,
    raw: Raw | None = None,
    *,
    now: datetime,
    debounce: timedelta,
) -> Received:
    """Store a customer's message once, with its event, and say when its turn may start.

    Raises `Conflict` for a known id with another body and for a conversation of another customer,
    `Repeated` where the same message is being stored at this very moment, `NotFound` where it
    belongs to no known conversation and may begin none.
    """
    known = _find_known(connection, incoming)
    if known is not None:
        received = _repeat(connection, known, incoming, debounce)
        if raw:
            inbox.keep(connection, raw, now, conversation=received.conversation)
        return received
    conversation = joining.find_or_make(connection, incoming, now)
    waiting_since = conversations.waiting_since(connection, conversation)
    place = _Place(conversation=conversation, due=_due(waiting_since, now, debounce))
    return _store(connection, incoming, raw, place, now)


def add_message_at_once(
    connection: Connection,
    incoming: IncomingMessage,
    raw: Raw | None = None,
    *,
    now: datetime,
    debounce: timedelta,
) -> Received | None:
    """Store a message that goes on with a conversation of its sender, by one look and one write.

    None where there is more to it: then nothing is stored, and `add_message` has to do it. Raises
    `Repeated` as that does.
    """
    seen = joining.look(connection, incoming)
    if seen is None or seen["known"] or not joining.goes_on(incoming, seen, now):
        return None
    due = _due(seen["waiting_since"], now, debounce)
    place = _Place(conversation=seen["conversation"], due=due)
    return _store(connection, incoming, raw, place, now)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a message belongs, and when its turn may start."""

    conversation: str
    due: datetime


def _due(waiting_since: datetime | None, now: datetime, debounce: timedelta) -> datetime:
    return min(now + debounce, (waiting_since or now) + 5 * debounce)


def _find_known(connection: Connection, incoming: IncomingMessage) -> Message | None:
    return rows.find(
        connection,
        Message,
        messages.c.source == incoming.source,
        messages.c.source_id == incoming.source_id,
    )


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


def _store(
    connection: Connection,
    incoming: IncomingMessage,
    raw: Raw | None,
    place: _Place,
    now: datetime,
) -> Received:
    """Add the message and its event to a conversation, which is locked from here on."""
    message = rows.new_id()
    values = {
        "of": place.conversation,
        "due": place.due,
        "now": now,
        "reply_to": incoming.reply_to,
        "private_to": incoming.private_to,
        "callback_url": incoming.callback_url,
        **_prefixed("message", _message_values(incoming, message)),
        **(_prefixed("event", inbox.values_of(raw)) if raw else {}),
    }
    try:
        row = _write(connection, values, has_event=raw is not None)
    except IntegrityError as error:
        raise Repeated(f"message {incoming.source_id!r} is being received twice") from error
    if row is None:
        raise Repeated(f"conversation {place.conversation!r} was erased at this moment")
    _add_files(connection, message, incoming.attachments)
    is_assigned = row.status == "assigned"
    return Received(
        conversation=ConversationId(place.conversation),
        message=MessageId(message),
        duplicate=False,
        unanswered=not is_assigned,
        due_at=now if is_assigned else place.due,
        is_with_bot=row.status in ("open", "resolved"),
    )


def _message_values(incoming: IncomingMessage, id: str) -> dict[str, Any]:
    return {
        "id": id,
        "author_name": incoming.sender.name,
        "text": masking.mask(incoming.text),
        "source": incoming.source,
        "source_id": incoming.source_id,
        "fingerprint": incoming.fingerprint,
        "details": masking.mask_json(dict(incoming.metadata)) or None,
    }


def _prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _write(connection: Connection, values: dict[str, Any], *, has_event: bool) -> Row[Any] | None:
    """Raise the conversation's counters and insert; return them, or None where it is gone."""
    if connection.dialect.name == "postgresql":
        statement = _ALL_WITH_EVENT if has_event else _ALL
        return connection.execute(statement, values).first()
    # SQLite knows no statement of several writes, and none of them is a journey there.
    row = connection.execute(_TAKEN, values).first()
    if row:
        connection.execute(_SAID, values)
        if has_event:
            connection.execute(_HEARD, values)
    return row


def _taking() -> ReturningUpdate[Any]:
    own = conversations.conversations.c
    # An assigned one: its agent's time to answer runs from here.
    now, due = _value(own.changed_at, "now"), _value(own.due_at, "due")
    moment = case((own.status == "assigned", now), else_=due)
    is_later = or_(own.due_at.is_(None), own.due_at > moment)
    reply_to = _value(own.reply_to)
    return (
        update(conversations.conversations)
        .where(own.id == bindparam("of"))
        .values(
            next_seq=own.next_seq + 1,
            # Runs under way know less than what is written now.
            revision=own.revision + 1,
            changed_at=now,
            last_word="customer",
            due_at=case((is_later, moment), else_=own.due_at),
            reply_to=func.coalesce(reply_to, own.reply_to),
            private_to=case((reply_to.is_(None), own.private_to), else_=_value(own.private_to)),
            callback_url=func.coalesce(_value(own.callback_url), own.callback_url),
        )
        .returning(own.id, own.next_seq, own.status)
    )


def _saying(taken: FromClause) -> Insert:
    """Build the insertion of the message into the conversation that was taken."""
    here: dict[str, ColumnElement[Any]] = {
        "conversation_id": taken.c.id,
        "seq": taken.c.next_seq - 1,
        "author": literal("customer"),
        "audience": literal("customer"),
        "at": _value(messages.c.at, "now"),
        # What is written while an agent has the conversation is theirs to answer.
        "turn_id": case((taken.c.status == "assigned", literal("agent")), else_=null()),
    }
    given = {name: _value(messages.c[name], f"message_{name}") for name in _OF_MESSAGE}
    return insert(messages).from_select(*_rows_of(taken, here | given))


def _hearing(taken: FromClause, dialect: str) -> Insert:
    """Build the insertion of the event that the message came in, unless it is there."""
    here: dict[str, ColumnElement[Any]] = {
        "conversation_id": taken.c.id,
        "at": _value(events.c.at, "now"),
    }
    given = {name: _value(events.c[name], f"event_{name}") for name in _OF_EVENT}
    inserting = (sqlite if dialect == "sqlite" else postgresql).insert(events)
    inserting = inserting.from_select(*_rows_of(taken, here | given))
    unless_there: Insert = inserting.on_conflict_do_nothing()
    return unless_there


def _rows_of(
    taken: FromClause, values: Mapping[str, ColumnElement[Any]]
) -> tuple[list[str], Select[Any]]:
    return list(values), select(*values.values()).where(taken.c.id == bindparam("of"))


def _value(column: ColumnElement[Any], name: str | None = None) -> BindParameter[Any]:
    return bindparam(name or column.key, type_=column.type)


def _all(*, has_event: bool) -> Select[Any]:
    taken = _TAKEN.cte("taken")
    writes = [_saying(taken).cte("said")]
    if has_event:
        writes.append(_hearing(taken, "postgresql").cte("heard"))
    return select(taken.c.next_seq, taken.c.status).add_cte(*writes)


_OF_EVENT = ("source", "id", "kind", "body")
_OF_MESSAGE = ("id", "author_name", "text", "source", "source_id", "fingerprint", "details")
# Built once: building a statement takes longer than the database needs to carry it out.
_TAKEN = _taking()
_SAID = _saying(conversations.conversations)
_HEARD = _hearing(conversations.conversations, "sqlite")
_ALL, _ALL_WITH_EVENT = _all(has_event=False), _all(has_event=True)


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
