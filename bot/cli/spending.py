"""Shows what was spent on models and what was saved."""

import asyncio
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from bot.api import shapes
from bot.cli.console import cli, open_app, out, show_json
from bot.cli.lines import read_moment
from orchestration import store
from orchestration.store import CostReport, Costs

_WIDTH = 30


@cli.command()
def costs(
    since: Annotated[str | None, typer.Option(help="A day or moment, such as 2026-11-01.")] = None,
    by: Annotated[Literal["day", "route", "intent", "model"], typer.Option()] = "day",
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Show what was spent, and what the premium model alone would have cost."""
    report = asyncio.run(_read(read_moment(since), by))
    if as_json:
        groups = [{by: group.group, **shapes.costs(group)} for group in report.groups]
        show_json({**shapes.costs(report.total), "groups": groups})
        return
    out.print(_table(report, by))
    if report.total.unpriced:
        out.print(f"{report.total.unpriced} calls have no price; they are in no sum.")
    if report.total.incomparable:
        out.print(
            f"Of {report.total.incomparable} turns nobody knows what the premium model would have "
            "cost; they are in no saving. Name FRONTDESK_PREMIUM_MODEL, with a price."
        )


async def _read(
    since: datetime | None, by: Literal["day", "route", "intent", "model"]
) -> CostReport:
    async with open_app() as app:
        report: CostReport = await app.database.read(
            lambda connection: store.costs(connection, since=since, group_by=by)
        )
    return report


def _table(report: CostReport, by: str) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(by)
    for name in ("turns", "human", "spent", "premium", "saved", "avoided"):
        table.add_column(name, justify="right")
    table.add_column("spent")
    dearest = max((group.spent for group in report.groups), default=Decimal(0))
    for group in report.groups:
        table.add_row(*_cells(group.group or "none", group), _bar(group.spent, dearest))
    table.add_section()
    table.add_row(*_cells("all", report.total), style="bold")
    return table


def _cells(name: str, costs: Costs) -> list[str]:
    human: Any = costs.human_share
    share = "" if human is None else f"{human:.0%}"
    amounts = (costs.spent, costs.premium_cost, costs.saved, costs.avoided)
    return [name, str(costs.turns), share, *(f"${amount:.4f}" for amount in amounts)]


def _bar(amount: Decimal, most: Decimal) -> str:
    return "█" * round(_WIDTH * amount / most) if most else ""
