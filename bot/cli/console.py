"""What all commands share: the application, its output, and the parts they work with."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from bot import app as parts
from bot import logs, settings
from bot.app import App

cli = typer.Typer(
    name="frontdesk",
    help="A customer-support bot for shops: answers what it can, hands over what it must.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# Who acts where nobody is named.
COMMAND_LINE = "command line"

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Failed(Exception):
    """Ends a command with a message and an exit code."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def complain(message: str) -> None:
    """Say on standard error what is wrong."""
    err.print(f"[bold red]✗[/] {escape(message)}", soft_wrap=True)


def show_json(value: Any) -> None:
    """Print a value as JSON for a program to read."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@asynccontextmanager
async def open_app(**overrides: object) -> AsyncIterator[App]:
    """Lend the parts to one command, with the database checked and nothing started."""
    logs.set_up(pretty=True, level="WARNING")
    app = parts.build(settings.read(**overrides))
    try:
        await app.prepare()
        yield app
    finally:
        await app.close()
