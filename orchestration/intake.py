"""The one door every customer message comes through, and what is changed of one."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from orchestration import store
from orchestration.context import Toolbox
from orchestration.errors import NotFound
from orchestration.interfaces import Dispatcher
from orchestration.models import Conversation, Message
from orchestration.types import ConversationId, IncomingMessage, Raw, Received

Change = Callable[[Connection, Message, datetime], None]


async def receive(
    tools: Toolbox, dispatcher: Dispatcher, incoming: IncomingMessage, *, raw: Raw | None = None
) -> Received:
    """Store a customer's message, with the event it came in, and wake its conversation.

    A repeat is stored once. Raises `Conflict` for a known id with another body and for another
    customer's conversation, `NotFound` where it belongs to no conversation and may begin none; the
    event itself is kept even then, without its words.
    """
    try:
        received = await _store(tools, incoming, raw)
    except store.Repeated:
        # Its twin has been committed since, so this time it is found.
        received = await _store(tools, incoming, raw)
    if received is None:
        raise NotFound("the message belongs to no conversation that is known")
    # A repeat may mean that the first attempt died between its commit and its wake.
    if received.unanswered or not received.duplicate:
        await dispatcher.wake(received.conversation, at=received.due_at)
    tools.telemetry.count(
        "messages", channel=incoming.channel, duplicate=str(received.duplicate).lower()
    )
    return received


async def _store(tools: Toolbox, incoming: IncomingMessage, raw: Raw | None) -> Received | None:
    now, debounce = tools.clock(), tools.debounce

    def add_at_once(connection: Connection) -> Received | None:
        return store.add_message_at_once(connection, incoming, raw, now=now, debounce=debounce)

    def add(connection: Connection) -> Received | None:
        try:
            return store.add_message(connection, incoming, raw, now=now, debounce=debounce)
        except NotFound:
            if raw is None:
                raise
            store.keep(connection, raw, now, is_ours=False)
            return None

    # Nearly all messages are one more in a conversation, and senders wait for their answer.
    received = await tools.database.write_at_once(add_at_once)
    return received or await tools.database.write(add, durable=True)


async def keep(tools: Toolbox, raw: Raw, *, is_ours: bool = True) -> bool:
    """Keep an event that is no message, without its words where it is not for us.

    Tells whether it came for the first time.
    """

    def add(connection: Connection) -> bool:
        return store.keep(connection, raw, tools.clock(), is_ours=is_ours)

    return await tools.database.write(add, durable=True)


async def edit(
    tools: Toolbox, dispatcher: Dispatcher, source_id: str, text: str, *, raw: Raw, is_ours: bool
) -> None:
    """Take over what the author of a message made of it; unanswered it is answered anew.

    `is_ours` says that the message itself comes to us for certain: raises `NotFound` where it has
    not come yet, and nothing is kept, so that the sender tells us again.
    """

    def change(connection: Connection, message: Message, now: datetime) -> None:
        store.rewrite_message(connection, message, text, now)

    await _change(tools, dispatcher, source_id, raw, change, is_ours=is_ours)


async def redact(
    tools: Toolbox, dispatcher: Dispatcher, source_id: str, *, raw: Raw, is_ours: bool
) -> None:
    """Forget what the author of a message took back, and answer it no more; raises as `edit`."""
    await _change(tools, dispatcher, source_id, raw, store.redact_message, is_ours=is_ours)


async def _change(
    tools: Toolbox,
    dispatcher: Dispatcher,
    source_id: str,
    raw: Raw,
    change: Change,
    *,
    is_ours: bool,
) -> None:
    def apply(connection: Connection) -> str | None:
        now = tools.clock()
        message = store.lock_message(connection, raw.source, source_id)
        if message is None:
            if is_ours:
                raise NotFound(f"message {source_id!r} has not come yet")
            store.keep(connection, raw, now, is_ours=False)
            return None
        if store.keep(connection, raw, now, conversation=message.conversation_id):
            change(connection, message, now)
        return message.conversation_id

    conversation = await tools.database.write(apply, durable=True)
    if conversation:
        await dispatcher.wake(ConversationId(conversation))


async def stop(
    tools: Toolbox,
    dispatcher: Dispatcher,
    find: Callable[[Connection], Conversation | None],
    *,
    raw: Raw,
) -> None:
    """Answer no more what was said so far in a conversation; its customer pressed Stop."""

    def apply(connection: Connection) -> Conversation | None:
        now = tools.clock()
        found = find(connection)
        id = found.id if found else None
        is_new = store.keep(connection, raw, now, conversation=id, is_ours=found is not None)
        if found and is_new:
            current = store.lock(connection, found.id)
            if current.status in ("open", "resolved"):
                store.stop_answering(connection, current, now)
        return found

    found = await tools.database.write(apply, durable=True)
    if found:
        await dispatcher.wake(ConversationId(found.id))
