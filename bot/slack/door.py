"""Where Slack's events come in: each is in the database before Slack hears that it was taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from sqlalchemy import Connection

from bot.app import App
from bot.slack import events, thread
from orchestration import intake, store
from orchestration.errors import DatabaseAway, NotFound
from orchestration.models import Conversation
from orchestration.types import Received

log = logging.getLogger(__name__)

# Where a listener finds whether the event it is called for came for the first time.
IS_NEW = "frontdesk_is_new"
# What people write and what they change of it; only its being answered is shown by a listener.
_WORDS = ("message", "edit", "deletion", "foreign")


class Courtesies:
    """Lets through so many niceties a second, so that they hold up nobody's message in a rush."""

    def __init__(self, per_second: float = 5.0) -> None:
        self._per_second = per_second
        self._left = per_second
        self._counted_at = 0.0

    def allow(self) -> bool:
        """Tell whether there is room for one more."""
        now = asyncio.get_running_loop().time()
        earned = (now - self._counted_at) * self._per_second
        self._left = min(self._left + earned, self._per_second)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Door:
    """Bolt's middleware that takes events; whatever it raises makes Slack send them again."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._courtesies = Courtesies()

    async def take(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],
    ) -> BoltResponse | None:
        """Store an event before anything else, whether or not Slack can be asked who we are.

        A message goes on to the listeners only where they are to show that it is being answered.
        """
        if body.get("type") == "event_callback":
            try:
                if await self._hear(body, context):
                    return BoltResponse(status=200, body="")
            except DatabaseAway as away:
                return _not_now(away)
        await next()
        return None

    async def _hear(self, body: dict[str, Any], context: AsyncBoltContext) -> bool:
        """Store an event; tells whether that is all, since Bolt would try each of its listeners."""
        heard = events.read(body)
        if await thread.hear(self._app, body, heard.raw):
            return True
        received = await self._store(heard, context)
        return heard.kind in _WORDS and not self._is_shown(received)

    def _is_shown(self, received: Received | None) -> bool:
        if received is None or received.duplicate or not received.is_with_bot:
            return False
        return self._courtesies.allow()

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


def _not_now(away: DatabaseAway) -> BoltResponse:
    # Bolt itself would make a 500 of it, with a traceback for each event.
    log.warning("database away", extra={"path": "/slack/events", "reason": away.reason})
    wait: str | Sequence[str] = str(round(away.retry_after))
    return BoltResponse(status=away.status, body="", headers={"Retry-After": wait})


def _at(heard: events.Heard) -> Callable[[Connection], Conversation | None]:
    channel, thread = heard.place
    source = heard.raw.source

    def find(connection: Connection) -> Conversation | None:
        return store.find_above(connection, events.CHANNEL, source, f"{channel}:{thread}")

    return find
