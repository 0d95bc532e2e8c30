"""The audit log: chained entries that show when one of them was touched."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from orchestration import store
from orchestration.database import Database
from orchestration.errors import NotFound
from orchestration.models import AuditEntry, AuditHead, table
from orchestration.store import Verdict

entries = table(AuditEntry)
head = table(AuditHead)

NOW = datetime(2026, 11, 30, 12, 30, 1, 123456, tzinfo=UTC)
WRITERS, EACH = 10, 15


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


async def record(database: Database, count: int = 1, *, actor: str = "maria") -> None:
    for number in range(count):
        await database.write(partial(add_entry, actor=actor, number=number))


def add_entry(connection: Connection, *, actor: str, number: int) -> None:
    store.record_audit(
        connection,
        actor=actor,
        action="workflow.published",
        subject="workflow support",
        details={"version": number, "sha256": store.sha256(f"{actor} {number}")},
        now=NOW,
    )


async def verify(database: Database, **noted: Any) -> Verdict:
    return await database.read(lambda c: store.verify_audit(c, **noted))


async def test_a_log_that_nobody_touched_is_whole(database: Database) -> None:
    assert await verify(database) == Verdict(entries=0, position=0, hash="0" * 64)

    await record(database, 3)

    verdict = await verify(database)
    assert (verdict.entries, verdict.position, verdict.broken) == (3, 3, None)


async def test_entries_are_listed_newest_first(database: Database) -> None:
    await record(database, 5)

    first = await database.read(lambda c: store.list_audit(c, limit=2))
    rest = await database.read(lambda c: store.list_audit(c, limit=9, before=first[-1].position))

    assert [entry.position for entry in first + rest] == [5, 4, 3, 2, 1]
    assert first[0].at == NOW


def change_details(connection: Connection) -> None:
    connection.execute(
        update(entries).where(entries.c.position == 3).values(details={"version": 9})
    )


def change_actor(connection: Connection) -> None:
    connection.execute(update(entries).where(entries.c.position == 3).values(actor="ben"))


def change_time(connection: Connection) -> None:
    moved = NOW.replace(microsecond=123457)
    connection.execute(update(entries).where(entries.c.position == 3).values(at=moved))


def change_with_its_hash(connection: Connection) -> None:
    row = store.fetch(connection, AuditEntry, select(entries).where(entries.c.position == 3))[0]
    row.actor = "ben"
    forged = store.audit_hash(row)
    connection.execute(
        update(entries).where(entries.c.position == 3).values(actor="ben", hash=forged)
    )


def delete_one(connection: Connection) -> None:
    connection.execute(delete(entries).where(entries.c.position == 3))


def delete_the_first(connection: Connection) -> None:
    connection.execute(delete(entries).where(entries.c.position == 1))


def swap_two(connection: Connection) -> None:
    for old, new in ((3, 99), (4, 3), (99, 4)):
        connection.execute(update(entries).where(entries.c.position == old).values(position=new))


def cut_the_end(connection: Connection) -> None:
    connection.execute(delete(entries).where(entries.c.position > 3))


def add_one(connection: Connection) -> None:
    row = store.fetch(connection, AuditEntry, select(entries).where(entries.c.position == 5))[0]
    added = AuditEntry(**{**row.model_dump(), "position": 6, "previous": row.hash})
    added.hash = store.audit_hash(added)
    connection.execute(insert(entries).values(**added.model_dump()))


def add_before_the_first(connection: Connection) -> None:
    row = store.fetch(connection, AuditEntry, select(entries).where(entries.c.position == 1))[0]
    added = {**row.model_dump(), "position": -4}
    connection.execute(insert(entries).values(**added))


def empty_all(connection: Connection) -> None:
    connection.execute(delete(entries))


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (change_details, "entry 3 was changed"),
        (change_actor, "entry 3 was changed"),
        (change_time, "entry 3 was changed"),
        (change_with_its_hash, "entry 4 does not follow from the one before it"),
        (delete_one, "entry 3 is missing; entry 4 follows"),
        (delete_the_first, "entry 1 is missing; entry 2 follows"),
        (swap_two, "entry 3 does not follow from the one before it"),
        (cut_the_end, "the head says that entry 5 is the last, but the log ends at 3"),
        (add_one, "the head says that entry 5 is the last, but the log ends at 6"),
        (add_before_the_first, "entry 1 is missing; entry -4 follows"),
        (empty_all, "the head says that entry 5 is the last, but the log ends at 0"),
    ],
)
async def test_a_log_that_was_touched_says_where(
    database: Database, tamper: Callable[[Connection], None], words: str
) -> None:
    await record(database, 5)

    await database.write(tamper)

    verdict = await verify(database)
    assert verdict.broken is not None
    assert words in verdict.broken


async def test_a_hash_that_was_noted_shows_a_log_written_anew(database: Database) -> None:
    await record(database, 3)
    noted = await verify(database)
    await record(database, 2)

    same = await verify(database, noted=(noted.position, noted.hash))
    await database.write(lambda c: c.execute(delete(entries)))
    await database.write(lambda c: c.execute(update(head).values(position=0, hash="0" * 64)))
    await record(database, 5, actor="somebody else")

    alone = await verify(database)
    anew = await verify(database, noted=(noted.position, noted.hash))
    ahead = await verify(database, noted=(8, "0" * 64))
    assert same.broken is None
    assert alone.broken is None
    assert anew.broken == "entry 3 has another hash than was noted"
    assert ahead.broken == "the log ends at entry 5, but entry 8 was noted"


async def test_without_its_head_nothing_is_recorded_or_believed(database: Database) -> None:
    await database.write(lambda c: c.execute(delete(head)))

    with pytest.raises(NotFound, match="head of the audit log is gone"):
        await record(database)
    with pytest.raises(NotFound, match="head of the audit log is gone"):
        await verify(database)


def write_from_a_process(url: str, name: str) -> None:
    asyncio.run(write_with(Database(url), name))


async def write_with(database: Database, name: str) -> None:
    half = range(WRITERS // 2)
    try:
        await asyncio.gather(*(record(database, EACH, actor=f"{name}-{n}") for n in half))
    finally:
        database.close()


async def test_the_chain_holds_under_ten_writers(database: Database, database_url: str) -> None:
    other = multiprocessing.get_context("spawn").Process(
        target=write_from_a_process, args=(database_url, "other")
    )

    other.start()
    await write_with(Database(database_url), "own")
    await asyncio.to_thread(other.join)

    verdict = await verify(database)
    written = await database.read(lambda c: store.list_audit(c, limit=1000))
    assert other.exitcode == 0
    assert (verdict.entries, verdict.broken) == (WRITERS * EACH, None)
    assert len({entry.actor for entry in written}) == WRITERS
