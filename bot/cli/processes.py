"""The processes: serve, work, migrate and demo."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from sqlalchemy.exc import OperationalError

from bot import app as parts
from bot import demo, logs, settings, web
from bot.basis import reason_of
from bot.cli.console import Failed, cli, err, out
from bot.console.background import Build
from bot.console.building import Builder, NotBuilt
from bot.console.links import SignInLink
from bot.lock import FileLock
from bot.settings import Settings
from orchestration import migrate as migrations
from orchestration.database import Database, is_sqlite_url
from orchestration.errors import DatabaseAway

log = logging.getLogger(__name__)
# How long a thread that comes back from the database waits for one that computes. Python's own 5 ms
# add up where a turn comes back dozens of times.
_SWITCH_SECONDS = 0.001


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    url = settings.read().frontdesk_database_url
    with _reachable():
        _migrate(url)
    out.print(f"The database is at revision {migrations.head()}.")


def _migrate(url: str) -> None:
    migrations.upgrade(url)
    if not is_sqlite_url(url):
        # Only with PostgreSQL are there several workers to share the load.
        from integrations.dispatch.procrastinate import apply_schema  # noqa: PLC0415

        asyncio.run(apply_schema(url))


@cli.command()
def serve(
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="API alone; `frontdesk work` does the rest.")
    ] = False,
) -> None:
    """Serve API and web chat; with SQLite or without --no-worker also do the work."""
    read = settings.read()
    if no_worker and is_sqlite_url(read.frontdesk_database_url):
        raise Failed("--no-worker needs PostgreSQL; SQLite runs everything in one process", code=2)
    logs.set_up()
    with FileLock.beside(
        read.frontdesk_database_url, f"frontdesk serve, port {read.frontdesk_port}"
    ):
        _require_schema(read.frontdesk_database_url)
        listener = _bound(read.frontdesk_host, read.frontdesk_port)
        app = parts.build(read)
        build = _console(read, log.info)
        _listen(web.create(app, works=not no_worker, build=build), listener)


def _console(read: Settings, tell: Callable[[str], None]) -> Build | None:
    """Return the console's build to be done meanwhile; where it is required it is done at once."""
    builder = Builder()
    if read.frontdesk_console_build == "require":
        try:
            builder.require()
        except NotBuilt as failed:
            raise Failed(f"FRONTDESK_CONSOLE_BUILD is require: {failed}", code=2) from failed
    return Build(builder, tell) if read.frontdesk_console_build == "auto" else None


def _require_schema(url: str) -> None:
    """Migrate an SQLite file, which this process alone works on; others are migrated on purpose."""
    with _reachable():
        if is_sqlite_url(url):
            _migrate(url)
        elif not asyncio.run(_is_current(url)):
            raise Failed(
                "the database is not at this version's schema: run frontdesk migrate", code=2
            )


async def _is_current(url: str) -> bool:
    database = Database(url)
    try:
        return await database.read(migrations.is_current)
    finally:
        database.close()


@contextmanager
def _reachable() -> Iterator[None]:
    """Say in one sentence that the database cannot be reached."""
    try:
        yield
    except (OperationalError, DatabaseAway) as error:
        raise Failed(f"FRONTDESK_DATABASE_URL: {reason_of(error)}", code=2) from error


def _bound(host: str, port: int) -> socket.socket:
    """Take the port; uvicorn itself would first start everything and then end with a code of 1."""
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise Failed(
            f"cannot listen on {host}, port {port} ({error.strerror}); "
            "set FRONTDESK_PORT, or --port of the demo, to one that is free, for example 8001",
            code=2,
        ) from error
    return listener


def _listen(application: object, listener: socket.socket) -> None:
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    server = uvicorn.Server(config)
    _settle_in()
    with listener:
        server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


@cli.command()
def work(
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, help="Conversations advanced at once.")
    ] = 16,
) -> None:
    """Advance conversations; any number of these processes share the load."""
    read = settings.read()
    if is_sqlite_url(read.frontdesk_database_url):
        raise Failed("work needs PostgreSQL; with SQLite, `frontdesk serve` does the work", code=2)
    logs.set_up()
    _require_schema(read.frontdesk_database_url)
    _let_others_first()
    app = parts.build(read, concurrency=concurrency)
    _settle_in()
    asyncio.run(_work(app))


def _settle_in() -> None:
    """Have nobody wait for Python's own housekeeping longer than need be."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    # What is loaded by now stays; looking through it would stop everything for a tenth of a second.
    with _interrupts_later():
        gc.collect()
    gc.freeze()


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Have Ctrl-C wait, where what Python calls back in between would swallow it."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _let_others_first() -> None:
    """Work on without breaking in on those who take messages on the same machine."""
    # Linux alone knows it, and a sandbox may forbid it; the work is done all the same. The share of
    # the processor stays what it is, unlike with `nice`.
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _work(app: parts.App) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with app.running(works=True):
        err.print("working; Ctrl-C ends it")
        await stopping.wait()


@cli.command("demo")
def run_demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    data: Annotated[Path, typer.Option(help="Folder that the demo keeps its data in.")] = Path(
        ".frontdesk"
    ),
) -> None:
    """Run the whole product with a sample store; no key is needed."""
    logs.set_up(pretty=True, level="WARNING")
    read = demo.settings_for(data, port)
    with FileLock.beside(read.frontdesk_database_url, f"frontdesk demo, port {port}"):
        _migrate(read.frontdesk_database_url)
        listener = _bound(read.frontdesk_host, port)
        app = parts.build(read)
        samples = asyncio.run(demo.fill(read))
        link = SignInLink(app.tools.clock)
        demo.greet(out, read, link)
        build = _console(read, out.print)
        _listen(web.create(app, samples=samples, link=link, build=build), listener)
