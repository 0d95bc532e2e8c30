"""Walks recorded runs again, and keeps them as regression cases."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from bot.api import shapes
from bot.cli.backtests import UNPUBLISHED, program_in
from bot.cli.console import Failed, cli, open_app, out, show_json
from bot.cli.lines import read_file
from bot.cli.workflows import workflows
from orchestration import store, workflow
from orchestration.backtest import replays
from orchestration.backtest.cases import Result, read_cases, write_cases
from orchestration.backtest.replays import Version
from orchestration.engine import Program
from orchestration.errors import Conflict, InvalidWorkflow
from orchestration.models import RegressionCase
from orchestration.programs import DEFAULT
from orchestration.types import Json

AUTHOR = "command line"

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Of = Annotated[str, typer.Option("--workflow", help="The workflow's name.")]


@cli.command("replay")
def replay(
    run: Annotated[str, typer.Argument(help="The id of a run.")],
    version: Annotated[str | None, typer.Option(help="Another version's number, or draft.")] = None,
    as_json: AsJson = False,
) -> None:
    """Walk a run again by what was recorded; free, and nothing is sent.

    Exits 1 where its own version takes other steps than it took.
    """
    told = asyncio.run(_replay(run, _version(version)))
    if as_json:
        show_json(told)
    else:
        _show_replay(told)
    if told["version"] == told["recorded_version"] and not told["equal"]:
        raise Failed(f"the run {run} takes other steps than it took")


def _version(given: str | None) -> Version:
    if given is None:
        return None
    if given == "draft":
        return "draft"
    if not given.isdecimal() or len(given) > 9:
        raise Failed(f"--version {given!r} is neither a number nor draft", code=2)
    return int(given)


async def _replay(run: str, version: Version) -> dict[str, Json]:
    async with open_app() as app:
        try:
            return await replays.replay(app.tools, app.programs, run, version=version)
        except Conflict as why:
            raise Failed(str(why)) from why


def _show_replay(told: Mapping[str, Json]) -> None:
    _say(f"“{told['text']}”")
    _say(f"recorded by version {told['recorded_version']}, walked by version {told['version']}")
    for step in told["steps"]:
        mark = "[green]=[/]" if step["equal"] else "[red]≠[/]"
        ways = dict.fromkeys(str(way or "—") for way in (step["exit_before"], step["exit_after"]))
        out.print(mark, end=" ")
        differs = "" if step["equal"] else f"   ({', '.join(step['differs'])})"
        _say(f"{step['node']:<16} {' → '.join(ways)}{differs}")
    if change := told["change"]:
        _say(f"route  {change['route_before']} → {change['route_after']}")
        _say(f"why    {change['why']}")
    for note in told["notes"]:
        _say(f"note   {note}")


cases = typer.Typer(
    help="Regression cases: runs that every version must decide alike.", no_args_is_help=True
)
workflows.add_typer(cases, name="case")


@cases.command("add")
def add(
    run: Annotated[str, typer.Argument(help="The id of a run.")],
    name: Annotated[str, typer.Argument(help="What the case is called from now on.")],
    keep_words: Annotated[
        bool, typer.Option(help="Keep the customer's words; by default they are redacted.")
    ] = False,
) -> None:
    """Turn a run into a case; one of that name is replaced."""
    asyncio.run(_add(run, name, keep_words=keep_words))
    _say(f"The case {name!r} is part of publishing from now on.")


async def _add(run: str, name: str, *, keep_words: bool) -> None:
    async with open_app() as app:
        try:
            await app.regressions.add(run, name, author=AUTHOR, keep_words=keep_words)
        except Conflict as why:
            raise Failed(str(why)) from why


@cases.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="What the case is called.")], of: Of = DEFAULT
) -> None:
    """Remove a case."""
    asyncio.run(_remove(of, name))
    _say(f"The case {name!r} is removed.")


async def _remove(of: str, name: str) -> None:
    async with open_app() as app:
        await app.regressions.remove(of, name, author=AUTHOR)


@cases.command("export")
def export(of: Of = DEFAULT) -> None:
    """Print the cases as YAML, for a file beside the workflow's."""
    typer.echo(write_cases(asyncio.run(_list(of))), nl=False)


async def _list(of: str) -> list[RegressionCase]:
    async with open_app() as app:
        return await app.regressions.of(of)


@cases.command("import")
def take_in(file: Annotated[Path, typer.Argument(help="Cases, as export prints them.")]) -> None:
    """Keep the cases of a file; those of the same names are replaced."""
    names = asyncio.run(_take_in(read_file(file)))
    _say(f"{len(names)} cases are kept: {', '.join(names)}")


async def _take_in(text: str) -> Sequence[str]:
    async with open_app() as app:
        return await app.regressions.take_in(text, author=AUTHOR)


@workflows.command("test")
def run_cases(
    file: Annotated[
        Path | None, typer.Argument(help="A document; by default the draft, else what is in use.")
    ] = None,
    cases_in: Annotated[
        Path | None, typer.Option("--cases", help="A file of cases in place of the kept ones.")
    ] = None,
    of: Of = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Run the regression cases; exits 1 where one fails."""
    program = program_in(file) if file else None
    results = asyncio.run(_test(program, of, read_file(cases_in) if cases_in else None))
    failed = [one for one in results if one.failure]
    if as_json:
        show_json({"items": [shapes.result(one) for one in results], "failed": len(failed)})
    else:
        for one in results:
            _show_result(one)
    if failed:
        raise Failed(f"{len(failed)} of {len(results)} cases fail")


async def _test(program: Program | None, of: str, text: str | None) -> list[Result]:
    async with open_app() as app:
        given = read_cases(text, author=AUTHOR, now=app.tools.clock()) if text else None
        if program is None:
            row = await app.database.read(
                lambda c: store.find_draft(c, of) or store.find_published(c, of)
            )
            if row is None:
                raise Failed(f"there is no workflow named {of!r}")
            try:
                program = Program.of(workflow.parse(row.source), UNPUBLISHED)
            except InvalidWorkflow as error:
                raise Failed(f"the draft of {of!r}: {error}") from error
        return await app.regressions.try_all(program, given)


def _show_result(one: Result) -> None:
    out.print("[red]✗[/]" if one.failure else "[green]✓[/]", end=" ")
    said = [one.name, *(word for word in (one.failure, one.unknown) if word)]
    _say(": ".join(said))


def _say(words: str) -> None:
    out.print(words, markup=False, soft_wrap=True)
