"""One process: wakes are tasks of the event loop, periodic work is APScheduler's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from orchestration.interfaces import Advance, Clock
from orchestration.types import ConversationId

log = logging.getLogger(__name__)

# A timer beyond this is the sweep's; so many timers cost more than one look a second.
TIMER_LIMIT = timedelta(seconds=10)
GRACE = timedelta(seconds=10)


class LocalDispatcher:
    """Advances conversations in this process, each by one worker at a time."""

    def __init__(self, clock: Clock, *, concurrency: int = 16) -> None:
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrency)
        self._advance: Advance | None = None
        self._waiting: set[ConversationId] = set()
        self._at_work: set[ConversationId] = set()
        self._again: set[ConversationId] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    async def wake(self, conversation: ConversationId, *, at: datetime | None = None) -> None:
        """Advance the conversation now, or at a moment within the next seconds."""
        wait = (at - self._clock()) if at else timedelta(0)
        if wait > TIMER_LIMIT or self._advance is None:
            return
        if wait > timedelta(0):
            loop = asyncio.get_running_loop()
            loop.call_later(wait.total_seconds(), self._begin, conversation)
        else:
            self._begin(conversation)

    async def wake_late(self, conversations: Sequence[ConversationId]) -> None:
        """Wake those of these that do not wait for a worker already."""
        for conversation in conversations:
            self._begin(conversation)

    def every(self, name: str, interval: timedelta, action: Callable[[], Awaitable[None]]) -> None:
        """Run an action periodically; one that is still running is not begun again."""

        async def act() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            try:
                # APScheduler cancels at its end what is under way, and would log it as a failure.
                with suppress(asyncio.CancelledError):
                    await action()
            except Exception:
                # What failed now is tried again at the next turn.
                log.exception("periodic work failed", extra={"action": name})

        self._scheduler.add_job(
            act,
            "interval",
            seconds=interval.total_seconds(),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    async def start(self, advance: Advance | None) -> None:
        """Begin to take wakes and to do the periodic work."""
        # Each missed second of the sweep would be a warning in the log of a busy process.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._advance = advance
        self._scheduler.start()

    async def stop(self) -> None:
        """Take no more wakes, and give what is under way a moment to end."""
        self._advance = None
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GRACE.total_seconds())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def is_ready(self) -> bool:
        """Tell whether wakes are being taken."""
        return self._advance is not None

    def _begin(self, conversation: ConversationId) -> None:
        # One that waits has not begun, so it will see all that is committed by now.
        if self._advance is None or conversation in self._waiting:
            return
        if conversation in self._at_work:
            self._again.add(conversation)
            return
        self._waiting.add(conversation)
        task = asyncio.ensure_future(self._work(conversation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, conversation: ConversationId) -> None:
        due_at: datetime | None = None
        try:
            async with self._slots:
                self._waiting.discard(conversation)
                self._at_work.add(conversation)
                if self._advance is not None:
                    due_at = await self._advance(conversation)
        except Exception:
            # The conversation stays due, so the next sweep tries again.
            log.exception("advance failed", extra={"conversation": conversation})
        finally:
            self._waiting.discard(conversation)
            self._at_work.discard(conversation)
        if conversation in self._again:
            self._again.discard(conversation)
            self._begin(conversation)
        elif due_at is not None:
            await self.wake(conversation, at=due_at)
