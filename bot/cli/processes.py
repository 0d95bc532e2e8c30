"""The processes: serve, work, migrate and demo."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from bot import app as parts
from bot import demo, logs, settings, web
from bot.cli.console import Failed, cli, err, out
from bot.lock import FileLock
from orchestration import migrate as migrations
from orchestration.database import is_sqlite_url


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    url = settings.read().frontdesk_database_url
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
        app = parts.build(read)
        _listen(web.create(app, works=not no_worker), read.frontdesk_host, read.frontdesk_port)


def _require_schema(url: str) -> None:
    """Migrate an SQLite file, which this process alone works on; others are migrated on purpose."""
    if is_sqlite_url(url):
        _migrate(url)


def _listen(application: object, host: str, port: int) -> None:
    uvicorn.run(
        application,  # type: ignore[arg-type]
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )


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
    asyncio.run(_work(parts.build(read, concurrency=concurrency)))


async def _work(app: parts.App) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with app.running(works=True):
        err.print("working; Ctrl-C ends it")
        await stopping.wait()


@cli.command("demo")
def run_demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    data: Annotated[Path, typer.Option(help="Folder that the demo keeps its data in.")] = Path(
        ".frontdesk"
    ),
) -> None:
    """Run the whole product with a sample store; no key is needed."""
    logs.set_up(pretty=True, level="WARNING")
    read = demo.settings_for(data, port)
    with FileLock.beside(read.frontdesk_database_url, f"frontdesk demo, port {port}"):
        _migrate(read.frontdesk_database_url)
        app = parts.build(read)
        samples = asyncio.run(demo.fill(read))
        demo.greet(out, read)
        _listen(web.create(app, samples=samples), read.frontdesk_host, port)
