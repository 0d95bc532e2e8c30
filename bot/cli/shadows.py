"""Lets a draft decide in the shadow, beside the version in use, on live turns."""

import asyncio
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot.api import shapes
from bot.cli.backtests import show_report
from bot.cli.console import Failed, open_app, out, show_json
from bot.cli.workflows import workflows
from orchestration import store
from orchestration.models import Trial
from orchestration.programs import DEFAULT
from orchestration.types import Json

AUTHOR = "command line"

shadows = typer.Typer(
    help="A draft that decides beside the version in use; nothing it decides is done.",
    no_args_is_help=True,
)
workflows.add_typer(shadows, name="shadow")

Of = Annotated[str, typer.Option("--workflow", help="The workflow's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@shadows.command("start")
def start(of: Of = DEFAULT) -> None:
    """Let the draft decide every turn that ends from now on, until it is stopped."""
    trial = asyncio.run(_start(of))
    _say(f"Draft {trial.version} of {of} decides in the shadow: {trial.id}")


async def _start(of: str) -> Trial:
    async with open_app() as app:
        return await app.trials.begin_shadow(of, author=AUTHOR)


@shadows.command("show")
def show(of: Of = DEFAULT, as_json: AsJson = False) -> None:
    """Show what the newest shadow has decided otherwise so far."""
    trial, report = asyncio.run(_show(of))
    if as_json:
        show_json({**shapes.trial(trial), "report": report})
        return
    _say(f"Draft {trial.version} of {of}, {trial.status} since {shapes.moment(trial.created_at)}")
    show_report(report)


async def _show(of: str) -> tuple[Trial, dict[str, Json]]:
    async with open_app() as app:
        trial = await app.database.read(lambda c: _newest(c, of))
        return trial, await app.trials.report(trial) or {}


@shadows.command("stop")
def stop(of: Of = DEFAULT) -> None:
    """Stop the shadow; what it has decided stays."""
    trial = asyncio.run(_stop(of))
    _say(f"The shadow {trial.id} is stopped; it decided {trial.done} turns.")


async def _stop(of: str) -> Trial:
    async with open_app() as app:
        trial = await app.database.read(lambda c: _newest(c, of))
        return await app.trials.stop(trial.id, author=AUTHOR)


def _newest(connection: Connection, of: str) -> Trial:
    found = store.list_trials(connection, kind="shadow", workflow=of, limit=1)
    if not found:
        raise Failed(f"no draft of {of!r} was ever let decide in the shadow")
    return found[0]


def _say(words: str) -> None:
    out.print(words, markup=False, soft_wrap=True)
