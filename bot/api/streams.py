"""Server-sent events of one conversation, resumable by their number."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from bot.api import shapes
from bot.app import App
from orchestration import store
from orchestration.errors import BadInput, DatabaseAway
from orchestration.models import Conversation, Event, Message

POLL_SECONDS = 0.25
BATCH = 200
HEARTBEAT_SECONDS = 15
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def last_seen(request: Request) -> int:
    """Return the number after which the watcher wants to be told; raises `BadInput`."""
    given = request.headers.get("last-event-id", "0").strip() or "0"
    if not given.isdecimal() or len(given) > 18:
        raise BadInput("must be the number of an event", field="Last-Event-ID")
    return int(given)


Finder = Callable[[Connection], Conversation | None]


async def always() -> bool:
    """Say of a stream that nothing but its watcher ends it."""
    return True


def stream(
    app: App,
    find: Finder,
    after: int,
    *,
    is_customer: bool = False,
    lasts: Callable[[], Awaitable[bool]] = always,
) -> StreamingResponse:
    """Answer with a conversation's events from a number on, until the watcher leaves.

    Where `find` finds none yet, the watcher waits for it. The stream of a page that `is_customer`
    says that they are there. It ends when what let the watcher in no longer `lasts`.
    """
    events = _events(app, find, after, is_customer=is_customer, lasts=lasts)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


async def _events(
    app: App,
    find: Finder,
    after: int,
    *,
    is_customer: bool,
    lasts: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    # A watcher comes again from where it was, and finds the database back or waits.
    with suppress(DatabaseAway):
        async for event in _watched(app, find, after, is_customer=is_customer, lasts=lasts):
            yield event


async def _watched(
    app: App,
    find: Finder,
    after: int,
    *,
    is_customer: bool,
    lasts: Callable[[], Awaitable[bool]],
) -> AsyncIterator[str]:
    watcher = _Watcher(app, find, after)
    loop = asyncio.get_running_loop()
    beat = loop.time() - HEARTBEAT_SECONDS
    while app.dispatcher.is_ready():
        async for event in watcher.look():
            yield event
        is_beat = loop.time() - beat >= HEARTBEAT_SECONDS
        if is_beat:
            beat = loop.time()
            if not await lasts():
                return
            watcher.forget_presence()
        if is_customer:
            await watcher.note_presence()
        if is_beat:
            yield ": here\n\n"
        await asyncio.sleep(POLL_SECONDS)


class _Watcher:
    """One page's view of a conversation: what it has been told already."""

    def __init__(self, app: App, find: Finder, after: int) -> None:
        self._app = app
        self._find = find
        self._after = after
        self._conversation = ""
        self._next_seq = 0
        self._is_typing = False
        self._noted = ""

    async def look(self) -> AsyncIterator[str]:
        """Tell what is new since the last look."""
        row, is_typing = await self._app.database.read(self._glance)
        if row is None:
            return
        if row.id != self._conversation:
            # A newer conversation of the same page counts from the beginning again.
            self._after = 0 if self._conversation else self._after
            self._conversation, self._next_seq = row.id, 0
        if row.next_seq != self._next_seq:
            async for event in self._news():
                yield event
            self._next_seq = row.next_seq
        if is_typing != self._is_typing:
            self._is_typing = is_typing
            yield _format("typing", {"author": "bot", "active": is_typing})

    async def _news(self) -> AsyncIterator[str]:
        while True:
            found, files = await self._app.database.read(self._read_news)
            for item in found:
                self._after = item.seq
                if isinstance(item, Message):
                    yield _format("message", shapes.message(item, files), item.seq)
                else:
                    yield _format(item.kind, shapes.event(item), item.seq)
            if len(found) < BATCH:
                return

    def _read_news(
        self, connection: Connection
    ) -> tuple[list[Message | Event], list[dict[str, Any]]]:
        found = store.watch(connection, self._conversation, after=self._after, limit=BATCH)
        said = [item.id for item in found if isinstance(item, Message)]
        return found, store.list_files(connection, said)

    def _glance(self, connection: Connection) -> tuple[Conversation | None, bool]:
        row = self._find(connection)
        return row, row is not None and store.is_working(connection, row)

    async def note_presence(self) -> None:
        """Note, where that has not been done of late, that the customer's page is open."""
        if self._noted == self._conversation:
            return
        self._noted = self._conversation
        now = self._app.tools.clock()
        await self._app.database.write(
            lambda connection: store.change(connection, self._conversation, seen_at=now)
        )

    def forget_presence(self) -> None:
        """Have the page's being open noted anew."""
        self._noted = ""


def _format(kind: str, details: dict[str, Any], seq: int | None = None) -> str:
    number = f"id: {seq}\n" if seq is not None else ""
    return f"{number}event: {kind}\ndata: {json.dumps(details, ensure_ascii=False)}\n\n"
