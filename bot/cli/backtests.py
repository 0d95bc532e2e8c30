"""Tries a workflow document on what was recorded: `frontdesk backtest`."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from bot.cli.console import Failed, cli, err, open_app, out, show_json
from bot.cli.lines import read_file, read_moment
from bot.cli.workflows import workflows
from orchestration import workflow
from orchestration.backtest import LAST, Backtest, Batch
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow
from orchestration.types import Json

# No version has this number: it stands for the document in the file.
UNPUBLISHED = 0

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@workflows.command("backtest")
@cli.command("backtest")
def backtest(
    file: Annotated[Path, typer.Argument(help="A document, YAML or JSON.")],
    last: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many of the newest turns are looked at.")
    ] = LAST,
    since: Annotated[str | None, typer.Option(help="A day or moment, such as 2026-11-01.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a document would have done with recorded turns; nothing is sent, no model asked."""
    report = asyncio.run(_backtest(program_in(file), last, read_moment(since)))
    if as_json:
        show_json(report)
    else:
        show_report(report)


def program_in(file: Path) -> Program:
    """Return the document in a file, ready to be walked; ends the command where it is not."""
    try:
        return Program.of(workflow.parse(read_file(file)), UNPUBLISHED)
    except InvalidWorkflow as error:
        raise Failed(f"{file}: {error}; frontdesk workflow check says more") from error


async def _backtest(program: Program, last: int, since: datetime | None) -> Mapping[str, Json]:
    async with open_app() as app:
        with Progress(console=err, transient=True) as progress:
            line = progress.add_task("Deciding recorded turns", total=None)

            async def show(batch: Batch) -> None:
                progress.update(line, completed=batch.done, total=batch.total)

            trial = Backtest(app.tools, app.programs, program)
            return await trial.run(last=last, since=since, keep=show)


def show_report(report: Mapping[str, Json]) -> None:
    """Print what a backtest or a shadow has found."""
    if not report["turns"]:
        _say("Nothing has been recorded yet that this workflow would decide.")
        return
    _say(f"{report['changed']} of {report['turns']} turns would go another way.")
    if report["routes"]:
        out.print(_routes(report["routes"]))
    cost, human, load = report["cost"], report["human"], report["load"]
    _say(f"Cost      {_usd(cost['before'])} → {_usd(cost['after'])}{_band(cost)}")
    _say(f"Humans    {human['before']:.1%} → {human['after']:.1%} of the turns")
    _say(f"          {load['before']:g} → {load['after']:g} turns an hour")
    _say(f"Estimated {report['not_replayable']} of {report['turns']} turns")
    for each in report["not_replayable_reasons"]:
        _say(f"          {each['count']}: {each['reason']}")
    lost = report["urgent_lost"]
    _list("Urgent or risky, and perhaps no longer with a human", lost, "bold red")
    known = {each["run_id"] for each in lost}
    others = [each for each in report["examples"] if each["run_id"] not in known]
    _list("Examples", others, "bold")


def _routes(routes: Json) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column("turns", justify="right")
    table.add_column("from")
    table.add_column("to")
    for each in routes:
        table.add_row(str(each["count"]), each["from"] or "undecided", each["to"] or "undecided")
    return table


def _list(title: str, changes: Json, style: str) -> None:
    if not changes:
        return
    out.print(f"\n{title}: {len(changes)}", style=style, markup=False)
    for each in changes:
        _say(f"  {each['run_id']}  “{each['text']}”")
        _say(f"    was    {' → '.join(each['path_before'])}")
        _say(f"    would  {' → '.join(each['path_after'])}")
        _say(f"    why    {each['why']}")


def _band(cost: Json) -> str:
    band = f", between {_usd(cost['low'])} and {_usd(cost['high'])}"
    unpriced = f"; {cost['unpriced']} turns could not be priced" if cost["unpriced"] else ""
    return (band if cost["low"] != cost["high"] else "") + unpriced


def _usd(amount: str) -> str:
    return f"${Decimal(amount):.4f}"


def _say(words: str) -> None:
    out.print(words, markup=False, soft_wrap=True)
