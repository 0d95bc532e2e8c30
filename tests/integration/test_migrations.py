"""The migrations make the tables that the models declare, whatever happens meanwhile."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from orchestration import migrate
from orchestration.database import Database, with_driver
from orchestration.models import Conversation, Customer, Escalation, Run, metadata, table

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)

# Several of these are let go at the same moment, so that their upgrades meet.
UPGRADE_WHEN_TOLD = """
import sys
from orchestration import migrate

migrate.head()
print("ready", flush=True)
sys.stdin.readline()
migrate.upgrade(sys.argv[1])
"""


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def bare_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        yield connection


@pytest.fixture
def conversation(connection: Connection) -> str:
    add(connection, Customer(id="ann", source="chat", external_id="1", created_at=NOW))
    add(connection, conversation_of("ann"))
    return "ann-1"


def test_there_is_one_head_and_alembics_own_command_finds_it() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))

    assert scripts.get_heads() == [migrate.head()]


def test_the_tables_come_go_and_come_again(bare_url: str) -> None:
    seen = []

    migrate.upgrade(bare_url)
    seen.append(tables_of(bare_url))
    migrate.downgrade(bare_url, "base")
    seen.append(tables_of(bare_url))
    migrate.upgrade(bare_url)
    seen.append(tables_of(bare_url))

    ours = set(metadata.tables)
    assert seen == [ours, set(), ours]


def test_the_tables_are_those_of_the_models(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})

    differences = compare_metadata(context, metadata)

    assert differences == []


def test_the_primary_keys_are_those_of_the_models(connection: Connection) -> None:
    inspector = inspect(connection)

    found = {name: inspector.get_pk_constraint(name) for name in metadata.tables}

    keys = {name: key["constrained_columns"] for name, key in found.items()}
    assert keys == {
        name: found.primary_key.columns.keys() for name, found in metadata.tables.items()
    }


def test_an_upgrade_of_current_tables_changes_nothing(
    database_url: str, connection: Connection, conversation: str
) -> None:
    connection.commit()

    migrate.upgrade(database_url)

    assert migrate.is_current(connection)
    assert connection.scalar(text("SELECT id FROM conversations")) == conversation


def test_tables_are_current_only_at_the_head(bare_url: str) -> None:
    seen = []

    seen.append(is_current(bare_url))
    migrate.upgrade(bare_url)
    seen.append(is_current(bare_url))
    migrate.downgrade(bare_url, "base")
    seen.append(is_current(bare_url))

    assert seen == [False, True, False]


async def test_a_reader_can_tell_that_its_tables_are_current(database_url: str) -> None:
    database = Database(database_url)

    assert await database.read(migrate.is_current)

    database.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(bare_url: str) -> None:
    with connected(bare_url) as connection:
        connection.execute(text("CREATE TABLE steps (mine INTEGER)"))
        connection.commit()

    with pytest.raises((OperationalError, ProgrammingError), match="steps"):
        migrate.upgrade(bare_url)

    assert tables_of(bare_url) == {"steps"}
    assert not is_current(bare_url)


def test_processes_that_upgrade_together_all_succeed(bare_url: str, tmp_path: Path) -> None:
    processes = [start(UPGRADE_WHEN_TOLD, bare_url, folder=tmp_path) for _ in range(2)]
    ready = [process.stdout.readline() for process in processes if process.stdout]

    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]

    assert ready == ["ready\n"] * 2
    assert errors == [""] * 2
    assert is_current(bare_url)


def test_a_new_folder_is_made_for_a_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'frontdesk.db'}"

    migrate.upgrade(url)

    assert is_current(url)


def test_a_percent_sign_in_a_url_is_no_trouble(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / '100%.db'}"

    migrate.upgrade(url)

    assert is_current(url)


@pytest.mark.parametrize("status", ["running", "waiting"])
def test_a_second_run_in_the_same_state_is_refused(
    connection: Connection, conversation: str, status: str
) -> None:
    add(connection, run(conversation, "first", status=status))

    with pytest.raises(IntegrityError):
        add(connection, run(conversation, "second", status=status))


def test_one_run_may_wait_while_another_runs_and_any_number_is_over(
    connection: Connection, conversation: str
) -> None:
    for number, status in enumerate(["running", "waiting", "done", "done", "failed", "failed"]):
        add(connection, run(conversation, f"run-{number}", status=status))

    assert connection.scalar(text("SELECT count(*) FROM runs")) == 6


def test_two_conversations_may_run_at_the_same_time(
    connection: Connection, conversation: str
) -> None:
    add(connection, conversation_of("ann", number=2))

    add(connection, run(conversation, "first", status="running"))
    add(connection, run("ann-2", "second", status="running"))

    assert connection.scalar(text("SELECT count(*) FROM runs")) == 2


@pytest.mark.parametrize("first", ["open", "claimed"])
@pytest.mark.parametrize("second", ["open", "claimed"])
def test_a_second_open_escalation_is_refused(
    connection: Connection, conversation: str, first: str, second: str
) -> None:
    add(connection, escalation(conversation, "first", status=first))

    with pytest.raises(IntegrityError):
        add(connection, escalation(conversation, "second", status=second))


def test_an_escalation_may_follow_those_that_ended(
    connection: Connection, conversation: str
) -> None:
    for number, status in enumerate(["handed_back", "handed_back", "resolved", "resolved", "open"]):
        add(connection, escalation(conversation, f"e-{number}", status=status))

    assert connection.scalar(text("SELECT count(*) FROM escalations")) == 5


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    with create_engine(with_driver(url), poolclass=NullPool).connect() as connection:
        yield connection


def tables_of(url: str) -> set[str]:
    with connected(url) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def is_current(url: str) -> bool:
    with connected(url) as connection:
        return migrate.is_current(connection)


def add(connection: Connection, row: Customer | Conversation | Run | Escalation) -> None:
    connection.execute(table(type(row)).insert().values(**row.model_dump()))


def conversation_of(customer: str, *, number: int = 1) -> Conversation:
    return Conversation(
        id=f"{customer}-{number}",
        channel="chat",
        external_id=f"{customer}-{number}",
        customer_id=customer,
        created_at=NOW,
        changed_at=NOW,
    )


def run(conversation: str, id: str, *, status: str) -> Run:
    return Run(
        id=id,
        conversation_id=conversation,
        workflow="support",
        version=1,
        status=status,
        revision=1,
        text="Where is my order?",
        started_at=NOW,
    )


def escalation(conversation: str, id: str, *, status: str) -> Escalation:
    return Escalation(
        id=id,
        conversation_id=conversation,
        status=status,
        reason="wants a human",
        queue="support",
        created_at=NOW,
        target_from=NOW,
    )


def start(program: str, *arguments: Any, folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
