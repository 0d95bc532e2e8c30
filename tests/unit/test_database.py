"""The one writer on SQLite: what is committed together, what is not, and what a look may do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from shutil import copy

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError

from orchestration import store
from orchestration.database import Database, Work, is_sqlite_url, sqlite_path, with_driver
from orchestration.models import Moment, Money


@pytest.fixture
def url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
async def busy(database: Database) -> AsyncIterator[threading.Event]:
    """Keep the writer at work until the event is set, so that what follows is one batch."""
    go_on, begun = threading.Event(), threading.Event()

    def wait(connection: Connection) -> None:
        begun.set()
        go_on.wait(30)

    task = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(begun.wait, 30)
    yield go_on
    go_on.set()
    await task


async def saved(database: Database) -> list[str]:
    return await database.read(
        lambda c: sorted(c.execute(select(store.shop.settings.c.name)).scalars())
    )


def save(name: str) -> Work[None]:
    return lambda connection: store.save_setting(connection, name, 1)


def fail_after(name: str) -> Work[None]:
    def save_and_fail(connection: Connection) -> None:
        store.save_setting(connection, name, 1)
        raise ValueError(name)

    return save_and_fail


async def test_one_that_fails_in_a_batch_does_not_fail_its_neighbours(
    database: Database, busy: threading.Event
) -> None:
    functions = [save("a"), fail_after("b"), save("c")]
    writes = [asyncio.ensure_future(database.write(one)) for one in functions]
    await asyncio.sleep(0)
    busy.set()

    results = await asyncio.gather(*writes, return_exceptions=True)

    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert await saved(database) == ["a", "c"]


async def test_a_batch_is_one_transaction(database: Database, busy: threading.Event) -> None:
    depth: list[str] = []

    def note(connection: Connection) -> None:
        transaction = connection.get_transaction()
        depth.append(str(id(transaction)))

    writes = [asyncio.ensure_future(database.write(note)) for _ in range(3)]
    await asyncio.sleep(0)
    busy.set()
    await asyncio.gather(*writes)

    assert len(set(depth)) == 1


async def test_a_write_is_there_for_the_next_look(database: Database) -> None:
    for number in range(20):
        await database.write(save(f"{number:02}"))

        assert len(await saved(database)) == number + 1


async def test_writes_are_done_in_the_order_they_came(database: Database) -> None:
    order: list[int] = []

    def note(number: int) -> Work[None]:
        return lambda _: order.append(number)

    await asyncio.gather(*(database.write(note(n)) for n in range(50)))

    assert order == list(range(50))


async def test_a_durable_write_reaches_the_disk_and_another_need_not(database: Database) -> None:
    def level(connection: Connection) -> int:
        return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    durable = await database.write(level, durable=True)
    other = await database.write(level)

    assert (durable, other) == (2, 1)


async def test_a_durable_write_goes_before_all_that_waits(
    database: Database, busy: threading.Event
) -> None:
    order: list[tuple[str, int]] = []

    def note(name: str) -> Work[None]:
        def level(connection: Connection) -> None:
            found = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
            order.append((name, int(found)))

        return level

    writes = [
        asyncio.ensure_future(database.write(note(name), durable=name == "durable"))
        for name in ("first", "second", "durable")
    ]
    await asyncio.sleep(0)
    busy.set()
    await asyncio.gather(*writes)

    assert order == [("durable", 2), ("first", 1), ("second", 1)]


async def test_a_batch_ends_where_a_durable_write_comes(
    database: Database, busy: threading.Event
) -> None:
    order: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        begun.set()
        go_on.wait(30)
        order.append("first")

    batch = [
        asyncio.ensure_future(database.write(one))
        for one in (hold, lambda _: order.append("second"))
    ]
    await asyncio.sleep(0)
    busy.set()
    await asyncio.to_thread(begun.wait, 30)
    durable = asyncio.ensure_future(database.write(lambda _: order.append("durable"), durable=True))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*batch, durable)

    assert order == ["first", "durable", "second"]


async def test_what_nobody_waits_for_is_not_kept_waiting_by_durable_writes(
    database: Database, busy: threading.Event
) -> None:
    done: list[str] = []
    other = asyncio.ensure_future(database.write(lambda _: done.append("other")))
    first = asyncio.ensure_future(database.write(lambda _: done.append("1"), durable=True))
    await asyncio.sleep(0)
    busy.set()
    await first
    await database.write(lambda _: done.append("2"), durable=True)
    await other

    assert done == ["1", "other", "2"]


async def test_a_write_that_was_given_up_before_it_began_is_not_done(
    database: Database, busy: threading.Event
) -> None:
    write = asyncio.ensure_future(database.write(save("a")))
    await asyncio.sleep(0)
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)
    busy.set()

    assert await database.write(lambda _: "next") == "next"
    assert await saved(database) == []


async def test_a_look_cannot_write(database: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await database.read(save("a"))


async def test_a_look_goes_on_while_something_is_written(
    database: Database, busy: threading.Event
) -> None:
    assert await asyncio.wait_for(saved(database), 10) == []


async def test_foreign_keys_are_heeded(database: Database) -> None:
    orphan = insert(store.conversations.messages).values(
        id="m",
        conversation_id="nobody",
        seq=1,
        author="bot",
        audience="customer",
        text="",
        at=datetime.now(UTC),
    )

    with pytest.raises(Exception, match="FOREIGN KEY"):
        await database.write(lambda c: c.execute(orphan))


async def test_what_was_asked_for_is_finished_before_it_closes(url: str) -> None:
    database = Database(url)
    writes = [asyncio.ensure_future(database.write(save(f"{number}"))) for number in range(5)]
    await asyncio.sleep(0)

    await asyncio.to_thread(database.close)
    await asyncio.gather(*writes)

    again = Database(url)
    try:
        assert await saved(again) == ["0", "1", "2", "3", "4"]
    finally:
        again.close()


def test_times_come_back_aware_and_in_utc() -> None:
    moment, dialect = Moment(), sqlite.dialect()
    now = datetime.fromisoformat("2026-11-23T11:00:00+01:00")

    stored = moment.process_bind_param(now, dialect)

    assert moment.process_result_value(stored, dialect) == now
    with pytest.raises(ValueError, match="without a time zone"):
        moment.process_bind_param(datetime(2026, 11, 23), dialect)  # noqa: DTZ001


def test_money_is_whole_picodollars() -> None:
    money, dialect = Money(), sqlite.dialect()

    stored = money.process_bind_param(Decimal("0.000000000123"), dialect)

    assert stored == 123
    assert money.process_result_value(stored, dialect) == Decimal("0.000000000123")


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://u:p@host/db", "postgresql+psycopg"),
        ("postgres://u:p@host/db", "postgresql+psycopg"),
        ("postgresql:///db?host=/run/postgres", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite"),
    ],
)
def test_the_driver_is_our_business(url: str, driver: str) -> None:
    assert with_driver(url).drivername == driver


def test_the_file_of_an_sqlite_url() -> None:
    assert sqlite_path("sqlite:///some/x.db") == Path("some/x.db")
    assert sqlite_path("postgresql://host/db") is None
    assert is_sqlite_url("sqlite:////abs/x.db")
