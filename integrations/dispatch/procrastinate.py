"""Many workers on many machines over one PostgreSQL, by Procrastinate."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker

from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.interfaces import Advance, Clock
from orchestration.types import ConversationId

log = logging.getLogger(__name__)

Action = Callable[[], Awaitable[None]]

QUEUE = "conversations"
TASK = "advance"

# Until then a local timer is more punctual than the sweep; what is due later the sweep finds.
TIMER_HORIZON_SECONDS = 10.0
# What is due at once again waits this long, so that the finished wake gives its lock back first.
SHORTEST_PAUSE_SECONDS = 0.1
# A wake that waited for its conversation's lock is announced by nobody; polling finds it.
POLLING_SECONDS = 0.25
BEAT_SECONDS = 0.5
STALLED_SECONDS = 3.0
GRACE_SECONDS = 10.0
POOL_TIMEOUT_SECONDS = 5.0
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0

# A database that vanished without a word is noticed in seconds, not after the system's two hours.
_CONNECTION = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# By the index that keeps a second wake of a conversation out.
_WAITING = """
SELECT queueing_lock FROM procrastinate_jobs
WHERE status = 'todo' AND queueing_lock = ANY(%(conversations)s)
"""
_SCHEMA_LOCK = 0x66726F6E74


async def apply_schema(dsn: str) -> None:
    """Create Procrastinate's tables where they are missing; safe to run twice and at once."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
        if not await _has_tables(connection):
            await connection.execute(SchemaManager.get_schema())


class ProcrastinateDispatcher:
    """Hands due conversations to whichever worker is free, one worker at a time for each.

    A wake is a job that carries only the conversation's id, with that id as its lock (order) and as
    its queueing lock (at most one waits). `dsn` is a libpq URL.
    """

    def __init__(self, dsn: str, *, concurrency: int = 16, clock: Clock) -> None:
        self._clock = clock
        self._concurrency = concurrency
        self._dsn = dsn
        self._app = App(
            connector=PsycopgConnector(
                conninfo=dsn,
                kwargs=dict(_CONNECTION),
                min_size=1,
                max_size=8,
                timeout=POOL_TIMEOUT_SECONDS,
            )
        )
        self._app.task(name=TASK, queue=QUEUE, pass_context=True)(self._take)
        self._advance: Advance | None = None
        self._actions: list[tuple[str, timedelta, Action]] = []
        self._timers: dict[ConversationId, asyncio.TimerHandle] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._worker: Worker | None = None
        self._taken: set[int] = set()
        self._unattended: dict[int, float] = {}
        self._last_beat = 0.0
        self._is_open = False
        self._stopping = asyncio.Event()

    async def wake(self, conversation: ConversationId, *, at: datetime | None = None) -> None:
        """Hint that a conversation has work, now or at `at`; never raises, never waits for `at`.

        To be called after the commit: a wake that is taken before it would see nothing.
        """
        if at is None:
            await self._enqueue(conversation)
            return
        # Also what is late by now: whoever has just stored it does not wait for the wake.
        delay = max((at - self._clock()).total_seconds(), 0.0)
        if delay <= TIMER_HORIZON_SECONDS:
            self._set_timer(conversation, delay)

    async def wake_late(self, conversations: Sequence[ConversationId]) -> None:
        """Wake those of these that have no wake waiting, found by one look."""
        found = await self._app.connector.execute_query_all_async(
            _WAITING, conversations=list(conversations)
        )
        waiting = {row["queueing_lock"] for row in found}
        for conversation in conversations:
            if conversation not in waiting:
                await self._enqueue(conversation)

    def every(self, name: str, interval: timedelta, action: Action) -> None:
        """Run an action at the start and then periodically, in each process that works."""
        self._actions.append((name, interval, action))

    async def start(self, advance: Advance | None) -> None:
        """Begin to take wakes; with None this process only wakes others and repeats nothing."""
        await self._open()
        if advance is None:
            return
        self._advance = advance
        self.every("delete old wakes", timedelta(days=1), self._delete_old_wakes)
        self._tasks = [
            asyncio.create_task(self._work(), name="worker"),
            *(asyncio.create_task(self._repeat(*each), name=each[0]) for each in self._actions),
        ]

    async def stop(self) -> None:
        """Let work under way finish for some seconds, then end; what is cut off is due still."""
        self._stopping.set()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._worker:
            self._worker.stop()  # type: ignore[no-untyped-call]
        await _finish([*self._tasks, *self._errands])
        self._is_open = False
        await self._app.close_async()

    def is_ready(self) -> bool:
        """Tell whether wakes are being taken; where this process only wakes, whether it can."""
        if not self._is_open or self._advance is None:
            return self._is_open
        is_registered = self._worker is not None and self._worker.worker_id is not None
        return is_registered and self._silence() < STALLED_SECONDS

    async def _open(self) -> None:
        try:
            # Not by the pool at first: it tries for 30 s and then does not say what was wrong.
            async with await psycopg.AsyncConnection.connect(
                self._dsn, connect_timeout=_CONNECTION["connect_timeout"]
            ) as connection:
                has_tables = await _has_tables(connection)
        except psycopg.Error as error:
            raise TemporaryFailure(f"the dispatcher cannot reach PostgreSQL: {error}") from error
        if not has_tables:
            raise PermanentFailure("the dispatcher's tables are missing; run: frontdesk migrate")
        await self._app.open_async()
        self._is_open = True

    async def _enqueue(self, conversation: ConversationId) -> None:
        wake = self._app.configure_task(
            TASK, queue=QUEUE, lock=conversation, queueing_lock=conversation
        )
        try:
            await wake.defer_async(conversation=conversation)
        except AlreadyEnqueued:
            # The waiting one has not begun, so it will see all that is committed by now.
            return
        except ProcrastinateException:
            # The message is stored and due; the sweep wakes it once the database is back.
            log.warning("wake lost", extra={"conversation": conversation}, exc_info=True)

    def _set_timer(self, conversation: ConversationId, delay: float) -> None:
        """Wake in `delay` seconds; the earlier of two stays, and its turn says what is due next."""
        loop = asyncio.get_running_loop()
        earlier = self._timers.get(conversation)
        if self._stopping.is_set() or (earlier and earlier.when() <= loop.time() + delay):
            return
        if earlier:
            earlier.cancel()
        self._timers[conversation] = loop.call_later(delay, self._ring, conversation)

    def _ring(self, conversation: ConversationId) -> None:
        del self._timers[conversation]
        errand = asyncio.create_task(self._enqueue(conversation))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _take(self, context: JobContext, conversation: str) -> None:
        """Advance one conversation: what a wake does when a worker has fetched it."""
        if self._advance is None or context.job.id is None:
            return
        self._taken.add(context.job.id)
        try:
            due = await self._advance(ConversationId(conversation))
        except Exception:
            # What failed is due still; a failure must not take the other conversations with it.
            log.exception("advance failed", extra={"conversation": conversation})
            return
        finally:
            self._taken.discard(context.job.id)
        if due is not None:
            delay = max((due - self._clock()).total_seconds(), SHORTEST_PAUSE_SECONDS)
            if delay <= TIMER_HORIZON_SECONDS:
                self._set_timer(ConversationId(conversation), delay)

    async def _work(self) -> None:
        """Keep a worker running, each time under a new id, until told to stop."""
        beats = asyncio.create_task(self._beat(), name="beats")
        backoff = FIRST_BACKOFF_SECONDS
        try:
            while not self._stopping.is_set():
                lived = await self._work_once()
                if lived > 2 * LONGEST_BACKOFF_SECONDS:
                    backoff = FIRST_BACKOFF_SECONDS
                await self._rest(backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
        finally:
            beats.cancel()

    async def _work_once(self) -> float:
        """Run one worker to its end; returns how many seconds it lived."""
        began = self._last_beat = asyncio.get_running_loop().time()
        self._worker = self._new_worker()
        try:
            await self._worker.run()  # type: ignore[no-untyped-call]
        except Exception:
            # A worker that others took for dead dies at its next fetch: its id is gone.
            log.warning("worker ended, another begins", exc_info=True)
        finally:
            self._worker = None
        return asyncio.get_running_loop().time() - began

    def _new_worker(self) -> Worker:
        return Worker(
            self._app,
            queues=[QUEUE],
            concurrency=self._concurrency,
            fetch_job_polling_interval=POLLING_SECONDS,
            shutdown_graceful_timeout=GRACE_SECONDS,
            delete_jobs="successful",
            install_signal_handlers=False,
            update_heartbeat_interval=STALLED_SECONDS / 3,
            stalled_worker_timeout=STALLED_SECONDS,
        )

    async def _beat(self) -> None:
        """Show that this process lives and take over from those that no longer do.

        Procrastinate's own heartbeat ends for good at its first error and while a worker stops.
        """
        while True:
            worker = self._worker
            if worker and worker.worker_id is not None:
                await self._beat_once(worker, worker.worker_id)
            await asyncio.sleep(BEAT_SECONDS)

    async def _beat_once(self, worker: Worker, worker_id: int) -> None:
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await self._app.job_manager.update_heartbeat(worker_id)
                self._last_beat = asyncio.get_running_loop().time()
                for wake in await self._abandoned_wakes(worker_id):
                    await self._replace(wake)
        except Exception:
            # Whatever it was: when the beats end, others take this worker for dead.
            log.warning("heartbeat failed", extra={"worker": worker_id}, exc_info=True)
        if self._silence() > STALLED_SECONDS:
            # By now others have taken this worker for dead.
            worker.stop()  # type: ignore[no-untyped-call]

    def _silence(self) -> float:
        return asyncio.get_running_loop().time() - self._last_beat

    async def _abandoned_wakes(self, worker_id: int) -> list[Job]:
        """Return wakes whose worker is silent, and own ones that nobody here has worked on of late.

        The latter are left behind where the database failed just when a wake was to be finished.
        """
        manager = self._app.job_manager
        silent = await manager.get_stalled_jobs(
            queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS
        )
        own = await manager.list_jobs_async(
            queue=QUEUE, status=Status.DOING.value, worker_id=worker_id
        )
        now = asyncio.get_running_loop().time()
        idle = {wake.id: wake for wake in own if wake.id and wake.id not in self._taken}
        self._unattended = {id: self._unattended.get(id, now) for id in idle if id}
        left = [idle[id] for id, since in self._unattended.items() if now - since > STALLED_SECONDS]
        others = [wake for wake in silent if wake.id not in self._taken and wake.id not in idle]
        return others + left

    async def _replace(self, wake: Job) -> None:
        """End an abandoned wake and set a fresh one in its place.

        Retrying it would fail for good where another wake of the conversation waits already.
        """
        try:
            await self._app.job_manager.finish_job(wake, Status.FAILED, delete_job=True)
        except ProcrastinateException:
            # Somebody was quicker: another worker, or the one that was taken for dead.
            return
        log.warning("wake taken over", extra={"conversation": wake.lock, "worker": wake.worker_id})
        await self._enqueue(ConversationId(str(wake.task_kwargs["conversation"])))

    async def _delete_old_wakes(self) -> None:
        await self._app.job_manager.delete_old_jobs(
            nb_hours=24, queue=QUEUE, include_failed=True, include_aborted=True
        )

    async def _repeat(self, name: str, interval: timedelta, action: Action) -> None:
        while not self._stopping.is_set():
            try:
                await action()
            except Exception:
                # It comes round again; what failed this time may be gone by then.
                log.exception("periodic action failed", extra={"action": name})
            await self._rest(interval.total_seconds())

    async def _rest(self, seconds: float) -> None:
        """Sleep, but not past the order to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


async def _has_tables(connection: psycopg.AsyncConnection) -> bool:
    found = await connection.execute("SELECT to_regclass('procrastinate_jobs')")
    return await found.fetchone() != (None,)


async def _finish(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for tasks that have been told to stop, and cancel those that do not."""
    if not tasks:
        return
    _, slow = await asyncio.wait(tasks, timeout=GRACE_SECONDS + POOL_TIMEOUT_SECONDS)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
