"""The one writer: every change goes through `write`, every look through `read`."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from orchestration.errors import BadInput, DatabaseAway

T = TypeVar("T")
Work = Callable[[Connection], T]

# How many of each a process has under way, beside SQLite's one writer. They share an interpreter:
# more transactions only keep their conversations locked for longer, and whoever brings a message
# for one waits. The door has threads of its own, so that no look makes it wait.
_LOOKS = 4
_TRANSACTIONS = 2
_AT_THE_DOOR = 4
# A connection that was used a moment ago is taken to be there still.
_TRUSTED_SECONDS = 1.0
_RESTING = "resting since"
# A server that vanished without a word is noticed in seconds, not after the system's two hours.
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# What PostgreSQL refuses for reasons that pass: the connection, another transaction, a lack of
# memory or connections, and an operator who stops it.
_PASSING = ("08", "40", "53", "57")


class Database:
    """SQLite with one writer thread and group commit, or PostgreSQL with a pool of connections.

    All that goes through it raises `DatabaseAway` where PostgreSQL cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = with_driver(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writer = _SqliteWriter(self.url) if self.is_sqlite else None
        self._engine = _sqlite_readers(self.url) if self.is_sqlite else _postgres(self.url)
        self._looks = self._engine if self.is_sqlite else _looking(self._engine)
        self._single = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._threads = ThreadPoolExecutor(_LOOKS, thread_name_prefix="database")
        self._transactions = ThreadPoolExecutor(_TRANSACTIONS, thread_name_prefix="transactions")
        self._door = ThreadPoolExecutor(_AT_THE_DOOR, thread_name_prefix="door")

    async def write(self, function: Work[T], *, durable: bool = False) -> T:
        """Run a plain function in one transaction and return its result after the commit.

        `durable` asks SQLite to reach the disk before it returns, so that what was acknowledged
        survives a power cut as well as a kill. On an exception nothing of the function remains.
        """
        if self._writer:
            return await asyncio.wrap_future(self._writer.submit(function, durable=durable))
        return await asyncio.get_running_loop().run_in_executor(
            self._transactions, self._commit, function
        )

    async def write_at_once(self, function: Work[T]) -> T:
        """Run a plain function that writes by a single statement, durably, as its last act.

        That statement is its own transaction, so PostgreSQL need not be told of a beginning and an
        end; what the function reads before it may have changed by then.
        """
        if self._writer:
            return await self.write(function, durable=True)
        return await asyncio.get_running_loop().run_in_executor(
            self._door, self._run_at_once, function
        )

    async def read(self, function: Work[T]) -> T:
        """Run a plain function over a connection that sees one consistent state."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._look, function)

    def close(self) -> None:
        """End the threads and connections; what was submitted is finished first."""
        if self._writer:
            self._writer.close()
        self._transactions.shutdown(wait=True)
        self._door.shutdown(wait=True)
        self._threads.shutdown(wait=True)
        self._engine.dispose()

    def _commit(self, function: Work[T]) -> T:
        with _reachable(), self._engine.begin() as connection:
            return function(connection)

    def _run_at_once(self, function: Work[T]) -> T:
        with _reachable(), self._single.connect() as connection:
            return function(connection)

    def _look(self, function: Work[T]) -> T:
        with _reachable(), self._looks.connect() as connection:
            try:
                return function(connection)
            finally:
                connection.rollback()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if _is_away(error):
            raise DatabaseAway(reason=" ".join(str(error.orig).split())) from error
        raise


def _is_away(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    # SQLite knows no such code, and PostgreSQL says none where no connection could be opened.
    code = getattr(error.orig, "sqlstate", "")
    return isinstance(error, OperationalError) and (code is None or code.startswith(_PASSING))


class _SqliteWriter:
    """One thread that commits whatever is waiting together; each function in its own savepoint.

    Where durability is asked for somebody waits for an acknowledgement: that goes first, and what
    else is being committed ends with the function under way.
    """

    def __init__(self, url: URL) -> None:
        if url.database:
            make_folder_of(Path(url.database))
        self._url = url
        self._urgent: deque[_Waiting] = deque()
        self._others: deque[_Waiting] = deque()
        self._news = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="database-writer", daemon=True)
        self._thread.start()

    def submit(self, function: Work[T], *, durable: bool) -> "Future[T]":
        future: Future[T] = Future()
        with self._news:
            (self._urgent if durable else self._others).append((function, future))
            self._news.notify()
        return future

    def close(self) -> None:
        with self._news:
            self._is_closed = True
            self._news.notify()
        self._thread.join()

    def _serve(self) -> None:
        engine = _sqlite_writer(self._url)
        try:
            while self._has_work():
                # In turns, so that neither is kept waiting for good.
                for batch, durable in ((self._all_urgent(), True), (self._some_others(), False)):
                    _commit_batch(engine, batch, durable=durable)
        finally:
            engine.dispose()

    def _has_work(self) -> bool:
        """Wait for something to do; False where there is nothing left and nothing will come."""
        with self._news:
            self._news.wait_for(lambda: self._urgent or self._others or self._is_closed)
            return bool(self._urgent or self._others)

    def _all_urgent(self) -> "Iterator[_Waiting]":
        for _ in range(len(self._urgent)):
            yield self._urgent.popleft()

    def _some_others(self) -> "Iterator[_Waiting]":
        for _ in range(len(self._others)):
            yield self._others.popleft()
            if self._urgent:
                return


_Waiting = tuple[Work[Any], "Future[Any]"]


def _commit_batch(engine: Engine, batch: Iterator[_Waiting], *, durable: bool) -> None:
    first = next(batch, None)
    if first is None:
        return
    begun: list[Future[Any]] = []
    done: list[tuple[Future[Any], Any]] = []
    try:
        with engine.connect() as connection:
            _set_durability(connection, durable=durable)
            with connection.begin():
                for function, future in chain([first], batch):
                    begun.append(future)
                    _run_in_savepoint(connection, function, future, done)
    except BaseException as error:
        # The commit itself failed, so nothing of the batch remains.
        for future, _ in done:
            future.set_exception(error)
        for future in begun or [first[1]]:
            if not future.done():
                future.set_exception(error)
        return
    for future, result in done:
        future.set_result(result)


def _run_in_savepoint(
    connection: Connection,
    function: Work[Any],
    future: "Future[Any]",
    done: list[tuple["Future[Any]", Any]],
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    savepoint = connection.begin_nested()
    try:
        result = function(connection)
    except Exception as error:
        savepoint.rollback()
        future.set_exception(error)
    else:
        savepoint.commit()
        done.append((future, result))


def _set_durability(connection: Connection, *, durable: bool) -> None:
    # SQLite refuses to change this inside a transaction.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101
    driver.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")


def with_driver(url: str) -> URL:
    """Return the URL with the name of the driver we use; users name the database alone."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _sqlite_engine(url: URL, *, pool_size: int, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"timeout": 10, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # We say BEGIN ourselves: the driver's own is deferred, and an update could get lost.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _sqlite_writer(url: URL) -> Engine:
    pragmas = ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=10000")
    return _sqlite_engine(url, pool_size=1, begin="BEGIN IMMEDIATE", pragmas=pragmas)


def _sqlite_readers(url: URL) -> Engine:
    pragmas = ("query_only=ON", "busy_timeout=10000")
    return _sqlite_engine(url, pool_size=_LOOKS, begin="BEGIN", pragmas=pragmas)


def _postgres(url: URL) -> Engine:
    patience = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    engine = create_engine(
        url,
        pool_size=_LOOKS + _TRANSACTIONS + _AT_THE_DOOR,
        max_overflow=0,
        connect_args=patience,
    )

    @event.listens_for(engine, "checkin")
    def rest(_: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_RESTING] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, entry: ConnectionPoolEntry, _: Any) -> None:
        # The pool's own ping is one more journey for each transaction, also in the middle of work.
        now = time.monotonic()
        if now - entry.info.get(_RESTING, now) < _TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool opens another one.
            raise DisconnectionError("the connection was lost while nobody used it") from error

    return engine


def _looking(engine: Engine) -> Engine:
    """Return the engine with transactions that see one state from their start and change none."""
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def is_alive(connection: Connection) -> bool:
    """Tell whether the database answers and has our tables."""
    connection.execute(text("SELECT 1 FROM conversations LIMIT 1"))
    return True


def is_sqlite_url(url: str) -> bool:
    """Tell whether a database URL names an SQLite file."""
    return make_url(url).get_backend_name() == "sqlite"


def make_folder_of(file: Path) -> None:
    """Make the folder that a database's file is to stand in; raises `BadInput` where none can."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = f"the database's folder {file.parent} cannot be made: {error.strerror}"
        raise BadInput(words) from error


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite URL; None for another database."""
    parsed = make_url(url)
    return Path(parsed.database) if is_sqlite_url(url) and parsed.database else None
