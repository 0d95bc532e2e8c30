"""What is done from time to time: waking what is due, assuming silence means solved, forgetting."""

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from orchestration import resolution, store
from orchestration.context import Toolbox
from orchestration.interfaces import Dispatcher

# A customer who has been silent so long after the bot's answer is taken to be content.
ASSUMED_AFTER = timedelta(hours=24)
COMMANDS_KEPT = timedelta(days=7)
# Far longer than an idle one opens anything.
IDLE_SESSIONS_KEPT = timedelta(days=1)
TRIALS_KEPT = timedelta(days=90)


async def sweep(tools: Toolbox, dispatcher: Dispatcher) -> None:
    """See that every conversation that is due is woken; wakes are hints, this is the guarantee."""
    now = tools.clock()
    await dispatcher.wake_late(await tools.database.read(lambda c: store.due(c, now)))


async def recover(tools: Toolbox) -> None:
    """Make conversations due at once that another process left in the middle of something.

    Only for a process that is known to be the only one.
    """
    now = tools.clock()
    await tools.database.write(lambda connection: store.make_leased_due(connection, now))


async def assume_resolved(tools: Toolbox) -> int:
    """Resolve conversations whose customers fell silent after a bot's answer."""
    return await tools.database.write(lambda connection: _assume(connection, tools, tools.clock()))


def _assume(connection: Connection, tools: Toolbox, now: datetime) -> int:
    silent = store.list_silent(connection, before=now - ASSUMED_AFTER)
    for conversation in silent:
        current = store.lock(connection, conversation.id)
        if current.changed_at != conversation.changed_at:
            continue
        resolution.resolve(connection, tools, current, "assumed", now)
    return len(silent)


async def forget(tools: Toolbox, *, retention: timedelta | None) -> None:
    """Drop what has expired: sessions, old commands, old trials, old conversations."""
    now = tools.clock()
    await tools.database.write(
        lambda connection: store.drop_expired(
            connection, now=now, commands_before=now - COMMANDS_KEPT
        )
    )
    await tools.database.write(
        lambda connection: store.drop_idle_sessions(connection, before=now - IDLE_SESSIONS_KEPT)
    )
    await tools.database.write(
        lambda connection: store.drop_trials(connection, before=now - TRIALS_KEPT)
    )
    if retention is None:
        return
    old = await tools.database.read(
        lambda connection: store.list_resolved(connection, before=now - retention)
    )
    for conversation in old:
        await tools.database.write(partial(store.erase_conversation, id=conversation))
