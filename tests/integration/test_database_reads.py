"""A look sees one state of the database, and changes none, on both databases."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from orchestration import store
from orchestration.database import Database
from orchestration.errors import DatabaseAway


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


async def test_a_look_sees_one_state_however_long_it_takes(database: Database) -> None:
    first, second = threading.Event(), threading.Event()
    await database.write(lambda c: store.save_setting(c, "x", 1))

    def look(connection: Connection) -> tuple[int, int]:
        before = store.read_setting(connection, "x")
        first.set()
        second.wait(30)
        return before, store.read_setting(connection, "x")

    looking = asyncio.ensure_future(database.read(look))
    await asyncio.to_thread(first.wait, 30)
    await database.write(lambda c: store.save_setting(c, "x", 2))
    second.set()

    assert await looking == (1, 1)
    assert await database.read(lambda c: store.read_setting(c, "x")) == 2


async def test_a_look_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        await database.read(lambda c: store.save_setting(c, "x", 1))

    assert await database.read(lambda c: store.read_setting(c, "x")) is None


async def test_what_fails_leaves_nothing_behind(database: Database) -> None:
    def fail(connection: Connection) -> None:
        store.save_setting(connection, "x", 1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await database.write(fail)

    assert await database.read(lambda c: store.read_setting(c, "x")) is None


async def test_writing_goes_on_after_many_looks(database: Database) -> None:
    for number in range(30):
        await database.read(lambda c: store.read_setting(c, "x"))
        await database.write(partial(store.save_setting, name="x", value=number))

    assert await database.read(lambda c: store.read_setting(c, "x")) == 29


async def test_a_server_that_never_answers_is_given_up_in_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host, port = silent.getsockname()[:2]
        database = Database(f"postgresql://nobody@{host}:{port}/nothing")
        try:
            async with asyncio.timeout(15):
                with pytest.raises(DatabaseAway):
                    await database.write_at_once(lambda connection: None)
        finally:
            # Who still waits for an answer hears now that there will be none.
            silent.close()
            database.close()
