"""The one door every customer message comes through."""

from orchestration import store
from orchestration.context import Toolbox
from orchestration.interfaces import Dispatcher
from orchestration.types import IncomingMessage, Received


async def receive(tools: Toolbox, dispatcher: Dispatcher, incoming: IncomingMessage) -> Received:
    """Store a customer's message and wake its conversation; a repeat is stored once.

    Raises `Conflict` for a known id with another body and for another customer's conversation.
    """
    try:
        received = await _store(tools, incoming)
    except store.Repeated:
        # Its twin has been committed since, so this time it is found.
        received = await _store(tools, incoming)
    # A repeat may mean that the first attempt died between its commit and its wake.
    if received.unanswered:
        await dispatcher.wake(received.conversation, at=received.due_at)
    tools.telemetry.count(
        "messages", channel=incoming.channel, duplicate=str(received.duplicate).lower()
    )
    return received


async def _store(tools: Toolbox, incoming: IncomingMessage) -> Received:
    return await tools.database.write(
        lambda connection: store.add_message(
            connection, incoming, now=tools.clock(), debounce=tools.debounce
        ),
        durable=True,
    )
