"""Where Slack's events come in: each is in the database before Slack hears that it was taken."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext
from sqlalchemy import Connection

from bot.app import App
from bot.slack import events, thread
from orchestration import intake, store
from orchestration.errors import NotFound
from orchestration.models import Conversation
from orchestration.types import Received

# Where a listener finds what became of the event it is called for.
RECEIVED = "frontdesk_received"
IS_NEW = "frontdesk_is_new"


class Door:
    """Bolt's middleware that takes events; whatever it raises makes Slack send them again."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def take(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],
    ) -> None:
        """Store an event before anything else, whether or not Slack can be asked who we are."""
        if body.get("type") == "event_callback":
            heard = events.read(body)
            if not await thread.hear(self._app, body, heard.raw):
                context[RECEIVED] = await self._store(heard, context)
        await next()

    async def _store(self, heard: events.Heard, context: AsyncBoltContext) -> Received | None:
        tools, dispatcher = self._app.tools, self._app.dispatcher
        if heard.incoming:
            try:
                return await intake.receive(tools, dispatcher, heard.incoming, raw=heard.raw)
            except NotFound:
                # Somebody talks in a thread that the app is no part of.
                return None
        if heard.kind == "edit":
            id, text, is_ours = heard.source_id, heard.text, heard.is_direct
            await intake.edit(tools, dispatcher, id, text, raw=heard.raw, is_ours=is_ours)
        elif heard.kind == "deletion":
            id, is_ours = heard.source_id, heard.is_direct
            await intake.redact(tools, dispatcher, id, raw=heard.raw, is_ours=is_ours)
        elif heard.kind == "stop":
            await intake.stop(tools, dispatcher, _at(heard), raw=heard.raw)
        else:
            is_ours = heard.kind == "other"
            context[IS_NEW] = await intake.keep(tools, heard.raw, is_ours=is_ours)
        return None


def _at(heard: events.Heard) -> Callable[[Connection], Conversation | None]:
    channel, thread = heard.place
    source = heard.raw.source

    def find(connection: Connection) -> Conversation | None:
        return store.find_above(connection, events.CHANNEL, source, f"{channel}:{thread}")

    return find
