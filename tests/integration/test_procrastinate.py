import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from integrations.dispatch.procrastinate import ProcrastinateDispatcher, apply_schema
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.interfaces import Advance
from orchestration.types import ConversationId

# Longest that anything here may take; what is awaited comes much earlier or not at all.
PATIENCE_SECONDS = 60

# A worker that takes wakes and never ends one: what it is killed in the middle of.
STUCK_WORKER = """
import asyncio, sys
from datetime import UTC, datetime
from integrations.dispatch.procrastinate import ProcrastinateDispatcher

async def advance(conversation):
    print(conversation, flush=True)
    await asyncio.Event().wait()

async def main():
    dispatcher = ProcrastinateDispatcher(sys.argv[1], clock=lambda: datetime.now(UTC))
    await dispatcher.start(advance)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def dsn(postgres_url: str) -> str:
    await apply_schema(postgres_url)
    return postgres_url


def now() -> datetime:
    return datetime.now(UTC)


async def nothing_to_do(_conversation: ConversationId) -> None:
    return None


@contextlib.asynccontextmanager
async def working(
    dsn: str, advance: Advance | None, *, concurrency: int = 16
) -> AsyncIterator[ProcrastinateDispatcher]:
    dispatcher = ProcrastinateDispatcher(dsn, concurrency=concurrency, clock=now)
    await dispatcher.start(advance)
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        found = await connection.execute(query.encode())
        return await found.fetchall() if found.description else []


async def until_rows(
    dsn: str, query: str, hold: Callable[[list[tuple[object, ...]]], bool]
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not hold(await rows(dsn, query)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_empty(dsn: str) -> None:
    await until_rows(dsn, "SELECT 1 FROM procrastinate_jobs", lambda found: not found)


def conversations(count: int) -> list[ConversationId]:
    return [ConversationId(f"c-{number}") for number in range(count)]


class Advances:
    """Records who is advanced when, and whether ever twice at once."""

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.overlaps: list[str] = []

    async def __call__(self, conversation: ConversationId) -> None:
        self.under_way[conversation] += 1
        if self.under_way[conversation] > 1:
            self.overlaps.append(conversation)
        await asyncio.sleep(0.002)
        self.under_way[conversation] -= 1
        self.done[conversation] += 1


async def test_the_schema_is_applied_once_however_often_it_is_asked_for(dsn: str) -> None:
    await asyncio.gather(apply_schema(dsn), apply_schema(dsn))

    assert await rows(dsn, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]


async def test_without_its_tables_the_dispatcher_says_what_to_run(postgres_url: str) -> None:
    dispatcher = ProcrastinateDispatcher(postgres_url, clock=now)

    with pytest.raises(PermanentFailure, match="frontdesk migrate"):
        await dispatcher.start(nothing_to_do)

    assert not dispatcher.is_ready()


async def test_without_a_database_the_dispatcher_says_so() -> None:
    dispatcher = ProcrastinateDispatcher("postgresql:///desk?host=/nowhere", clock=now)

    with pytest.raises(TemporaryFailure, match="cannot reach PostgreSQL"):
        await dispatcher.start(nothing_to_do)


async def test_a_woken_conversation_is_advanced(dsn: str) -> None:
    advances = Advances()

    async with working(dsn, advances) as dispatcher:
        await dispatcher.wake(ConversationId("c-1"))
        await until(lambda: advances.done["c-1"] == 1)
        await until(dispatcher.is_ready)

    assert not dispatcher.is_ready()


async def test_two_workers_never_advance_one_conversation_at_once(dsn: str) -> None:
    advances = Advances()
    async with working(dsn, advances) as one, working(dsn, advances) as other:
        for _ in range(5):
            for conversation in conversations(20):
                await one.wake(conversation)
                await other.wake(conversation)
        await until(lambda: len(advances.done) == 20)
        await until_empty(dsn)

    assert advances.overlaps == []


async def test_a_wake_during_an_advance_leads_to_another_one(dsn: str) -> None:
    begun: list[str] = []
    go_on = asyncio.Event()

    async def advance(conversation: ConversationId) -> None:
        begun.append(conversation)
        await go_on.wait()

    async with working(dsn, advance) as dispatcher:
        await dispatcher.wake(ConversationId("c-1"))
        await until(lambda: len(begun) == 1)
        await dispatcher.wake(ConversationId("c-1"))
        await dispatcher.wake(ConversationId("c-1"))
        go_on.set()
        await until(lambda: len(begun) == 2)
        await until_empty(dsn)

    assert begun == ["c-1", "c-1"]


async def test_a_slow_conversation_does_not_hold_up_another(dsn: str) -> None:
    advances = Advances()
    stuck = asyncio.Event()

    async def advance(conversation: ConversationId) -> None:
        if conversation == "slow":
            await stuck.wait()
        await advances(conversation)

    async with working(dsn, advance) as dispatcher:
        await dispatcher.wake(ConversationId("slow"))
        await dispatcher.wake(ConversationId("quick"))
        await until(lambda: advances.done["quick"] == 1)
        stuck.set()
        await until(lambda: advances.done["slow"] == 1)

    assert (advances.done["quick"], advances.done["slow"]) == (1, 1)


async def test_a_failing_advance_is_logged_and_the_next_one_goes_on(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    advances = Advances()

    async def advance(conversation: ConversationId) -> None:
        if conversation == "bad":
            raise ZeroDivisionError
        await advances(conversation)

    async with working(dsn, advance) as dispatcher:
        await dispatcher.wake(ConversationId("bad"))
        await until(lambda: "advance failed" in caplog.messages)
        await dispatcher.wake(ConversationId("good"))
        await until(lambda: advances.done["good"] == 1)

    assert advances.done["good"] == 1


async def test_a_wake_in_a_moment_comes_in_a_moment_and_the_earlier_one_wins(dsn: str) -> None:
    advances = Advances()

    async with working(dsn, advances) as dispatcher:
        await dispatcher.wake(ConversationId("c-1"), at=now() + timedelta(seconds=9))
        await dispatcher.wake(ConversationId("c-1"), at=now() + timedelta(milliseconds=50))
        await until(lambda: advances.done["c-1"] == 1)

    assert await rows(dsn, "SELECT * FROM procrastinate_jobs WHERE scheduled_at IS NOT NULL") == []


async def test_what_is_due_much_later_is_left_to_the_sweep(dsn: str) -> None:
    async with working(dsn, None) as dispatcher:
        await dispatcher.wake(ConversationId("c-1"), at=now() + timedelta(hours=1))

        assert await rows(dsn, "SELECT * FROM procrastinate_jobs") == []


async def test_what_is_late_is_enqueued_unless_it_waits_already(dsn: str) -> None:
    advances = Advances()
    late = conversations(20)
    numbers = "SELECT last_value FROM procrastinate_jobs_id_seq"
    async with working(dsn, None) as api:
        await api.wake_late(late)
        before = await rows(dsn, numbers)
        await api.wake_late(late)
        after = await rows(dsn, numbers)
        # As if those wakes had been lost.
        await rows(dsn, "DELETE FROM procrastinate_jobs WHERE lock IN ('c-3', 'c-7')")
        await api.wake_late(late)
        async with working(dsn, advances):
            await until(lambda: len(advances.done) == len(late))
            await until_empty(dsn)

    assert before == after == [(20,)]
    assert advances.done == Counter(late)


async def test_what_an_advance_says_is_due_soon_is_advanced_again(dsn: str) -> None:
    times: list[datetime] = []

    async def advance(_conversation: ConversationId) -> datetime | None:
        times.append(now())
        return now() + timedelta(milliseconds=20) if len(times) < 3 else None

    async with working(dsn, advance) as dispatcher:
        await dispatcher.wake(ConversationId("c-1"))
        await until(lambda: len(times) == 3)
        await until_empty(dsn)

    assert len(times) == 3


async def test_a_process_without_a_worker_wakes_those_that_have_one(dsn: str) -> None:
    advances = Advances()
    repeated: list[int] = []

    async def repeat() -> None:
        repeated.append(1)

    api = ProcrastinateDispatcher(dsn, clock=now)
    api.every("sweep", timedelta(milliseconds=10), repeat)
    await api.start(None)
    await api.wake(ConversationId("c-1"))
    async with working(dsn, advances):
        await until(lambda: advances.done["c-1"] == 1)

    assert api.is_ready()
    assert repeated == []
    await api.stop()


async def test_a_periodic_action_goes_on_after_it_has_failed(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    async def sweep() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError

    dispatcher = ProcrastinateDispatcher(dsn, clock=now)
    dispatcher.every("sweep", timedelta(milliseconds=10), sweep)
    await dispatcher.start(nothing_to_do)
    await until(lambda: len(calls) >= 3)
    await dispatcher.stop()

    assert "periodic action failed" in caplog.messages


async def test_stopping_lets_an_advance_under_way_finish(dsn: str) -> None:
    advances = Advances()
    begun = asyncio.Event()

    async def advance(conversation: ConversationId) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        await advances(conversation)

    dispatcher = ProcrastinateDispatcher(dsn, clock=now)
    await dispatcher.start(advance)
    await dispatcher.wake(ConversationId("c-1"))
    await begun.wait()
    await dispatcher.stop()

    assert advances.done["c-1"] == 1
    assert await rows(dsn, "SELECT * FROM procrastinate_jobs") == []


async def test_a_wake_that_cannot_be_stored_does_not_raise(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = ProcrastinateDispatcher(dsn, clock=now)
    await dispatcher.start(None)
    await dispatcher.stop()

    await dispatcher.wake(ConversationId("c-1"))

    assert "wake lost" in caplog.messages


async def test_a_worker_that_was_taken_for_dead_comes_back_under_a_new_id(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    advances = Advances()

    async with working(dsn, advances) as dispatcher:
        await until(dispatcher.is_ready)
        await rows(dsn, "DELETE FROM procrastinate_workers")
        await dispatcher.wake(ConversationId("c-1"))
        await until(lambda: advances.done["c-1"] == 1)
        await until(dispatcher.is_ready)

    assert "worker ended, another begins" in caplog.messages


async def test_a_worker_outlives_its_connections_being_cut(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    advances = Advances()
    caplog.set_level(logging.CRITICAL, logger="procrastinate")

    async with working(dsn, advances) as dispatcher:
        await until(dispatcher.is_ready)
        await rows(
            dsn,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        for conversation in conversations(5):
            await dispatcher.wake(conversation)
        await until(lambda: len(advances.done) == 5)
        await until(dispatcher.is_ready)

    assert set(advances.done) == set(conversations(5))


async def test_a_worker_whose_heartbeat_fails_for_long_is_replaced(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    advances = Advances()
    workers = "SELECT id FROM procrastinate_workers"

    async with working(dsn, advances) as dispatcher:
        await until(dispatcher.is_ready)
        before = await rows(dsn, workers)
        await rows(dsn, "ALTER FUNCTION procrastinate_update_heartbeat_v1 RENAME TO beat")
        await until(lambda: not dispatcher.is_ready())
        await until_rows(dsn, workers, lambda found: bool(found) and found != before)
        await rows(dsn, "ALTER FUNCTION beat RENAME TO procrastinate_update_heartbeat_v1")
        await until(dispatcher.is_ready)
        await dispatcher.wake(ConversationId("c-1"))
        await until(lambda: advances.done["c-1"] == 1)

    assert "heartbeat failed" in caplog.messages


async def test_a_wake_left_behind_by_a_worker_that_lives_is_set_anew(dsn: str) -> None:
    advances = Advances()

    async with working(dsn, advances) as dispatcher:
        await until(dispatcher.is_ready)
        await rows(
            dsn,
            "INSERT INTO procrastinate_jobs"
            " (queue_name, task_name, lock, queueing_lock, args, status, worker_id)"
            " SELECT 'conversations', 'advance', 'c-1', 'c-1', '{\"conversation\": \"c-1\"}',"
            " 'doing', max(id) FROM procrastinate_workers",
        )
        await until(lambda: advances.done["c-1"] == 1)

    assert advances.done["c-1"] == 1


async def test_what_a_killed_worker_held_is_taken_over(dsn: str) -> None:
    advances = Advances()
    held = conversations(8)
    async with working(dsn, None) as api:
        for conversation in held:
            await api.wake(conversation)
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", STUCK_WORKER, dsn),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert killed.stdout
        async with asyncio.timeout(PATIENCE_SECONDS):
            taken = {(await killed.stdout.readline()).decode().strip() for _ in held}
        # A wake that waits already is what makes a retry of the killed worker's one impossible.
        await api.wake(held[0])
        async with working(dsn, advances) as other:
            killed.send_signal(signal.SIGKILL)
            await killed.wait()
            await until(lambda: len(advances.done) == len(held))
            await other.wake(ConversationId("new"))
            await until(lambda: advances.done["new"] == 1)
            await until_empty(dsn)

    assert taken == set(held)
    assert advances.overlaps == []
