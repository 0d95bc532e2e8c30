"""Messages: what is said in reply, and what was said before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from orchestration.models import Conversation, Customer, File, Message, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import messages
from orchestration.types import (
    Profile,
)

customers = table(Customer)
files = table(File)


def save_profile(connection: Connection, customer: str, profile: Profile, now: datetime) -> None:
    """Take over who a directory says a customer is."""
    connection.execute(
        update(customers)
        .where(customers.c.id == customer)
        .values(verified=profile.verified, email=profile.email, name=profile.name, profile_at=now)
    )


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
