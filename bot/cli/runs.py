"""Looks at what runs have done."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from bot.api import shapes
from bot.cli import recorded
from bot.cli.console import cli, open_app, out, show_json
from orchestration import store
from orchestration.models import ModelCall, Run, Step

runs = typer.Typer(help="What runs have done.", no_args_is_help=True)
cli.add_typer(runs, name="runs")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@runs.command("list")
def list_runs(
    conversation: Annotated[str | None, typer.Option(help="Of this conversation alone.")] = None,
    route: Annotated[str | None, typer.Option(help="Of this route alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    found = asyncio.run(_list(conversation, route, limit))
    if as_json:
        show_json([shapes.run(run) for run in found])
        return
    for run in found:
        several = f", {len(run.parts)} parts" if run.parts else ""
        words = f"{run.id} {run.status}, {run.route or 'no route'}{several}: {run.text}"
        out.print(recorded.short(words), markup=False, soft_wrap=True)


@runs.command("show")
def show(
    run: Annotated[str, typer.Argument(help="The id of the run.")], as_json: AsJson = False
) -> None:
    """Show one run: each step, and of each part why it took its way."""
    row, steps, calls = asyncio.run(_read(run))
    if as_json:
        show_json({**shapes.run(row), "steps": [shapes.step(step, calls) for step in steps]})
        return
    recorded.line("Run", f"{row.id}, {row.status}{f': {row.error}' if row.error else ''}")
    recorded.line("Text", row.text)
    recorded.print_run(row, steps, calls)


async def _list(conversation: str | None, route: str | None, limit: int) -> Sequence[Run]:
    async with open_app() as app:
        return await app.database.read(
            lambda c: store.list_runs(c, conversation=conversation, route=route, limit=limit)
        )


async def _read(run: str) -> tuple[Run, list[Step], list[ModelCall]]:
    async with open_app() as app:
        return await app.database.read(
            lambda c: (store.get(c, Run, run), store.list_steps(c, run), store.list_calls(c, run))
        )
