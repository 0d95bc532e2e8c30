"""Why a run took its way: `frontdesk explain`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from bot.api import shapes
from bot.cli.console import Failed, cli, open_app, out, show_json
from orchestration import parts, store
from orchestration.errors import NotFound
from orchestration.explaining import Decision, explain
from orchestration.models import Run
from orchestration.types import Json


@cli.command("explain")
def explain_run(
    run: Annotated[str, typer.Argument(help="The run's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Say which rule fired in a run, and for each rule before it what it failed on."""
    row, decisions = asyncio.run(_explain(run))
    if as_json:
        shape: dict[str, Json] = shapes.run(row)
        show_json({**shape, "decisions": [decision.document() for decision in decisions]})
        return
    words = f"{row.workflow}, version {row.version}; run {row.status}"
    out.print(words, markup=False, soft_wrap=True)
    asked = {part.number: part.text for part in parts.from_json(row.parts)}
    for decision in decisions:
        _show(decision, asked.get(decision.part))
    if not decisions:
        out.print("No node of it decided anything.")


def _show(decision: Decision, text: str | None) -> None:
    part = f", part {decision.part + 1} “{text}”" if text is not None else ""
    out.print(f"\n{decision.node}{part} → {decision.exit}", markup=False, style="bold")
    for tried in decision.tried:
        out.print(f"  ✗ “{tried.rule}”: {tried.failed_on}", markup=False, soft_wrap=True)
    name = f"“{decision.rule}”: " if decision.rule else ""
    out.print(f"  ✓ {name}{decision.because}", markup=False, soft_wrap=True, style="green")


async def _explain(run: str) -> tuple[Run, Sequence[Decision]]:
    async with open_app() as app:
        try:
            row = await app.database.read(lambda c: store.get(c, Run, run))
        except NotFound as error:
            raise Failed(str(error)) from error
        steps = await app.database.read(lambda c: store.list_steps(c, run))
        taken = await app.programs.workflow_of(row.workflow, row.version)
    return row, explain(taken, steps)
