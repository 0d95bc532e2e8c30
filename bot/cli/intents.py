"""The admin's intents: take them out as YAML, bring them in again, and see which collide."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import settings
from bot.cli import content
from bot.cli.console import Failed, cli, err, open_app, out, show_json
from bot.cli.lines import read_moment
from bot.cli.reading import basis_in_use
from integrations.classifiers import classifiers
from orchestration import learning
from orchestration.intents import write_intents
from orchestration.types import Confusion, Json

intents = typer.Typer(help="The intents and their examples.", no_args_is_help=True)
cli.add_typer(intents, name="intents")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@intents.command("export")
def export_intents(
    output: Annotated[
        Path | None, typer.Option(help="File to write; without it the text is printed.")
    ] = None,
) -> None:
    """Print the intents in use as YAML, as `intents import` takes them."""
    listed = asyncio.run(basis_in_use(settings.read())).intents
    text = write_intents(listed)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}", code=2) from error
    out.print(f"{len(listed)} intents written to {output}.", markup=False, soft_wrap=True)


@intents.command("import")
def import_intents(
    path: Annotated[Path, typer.Argument(help="YAML, a list of intents.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good ones even where others are wrong.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a file's intents in place of all earlier ones; a server learns them within seconds."""
    content.import_content(content.Content.INTENTS, path, partial=partial, as_json=as_json)


@intents.command("confusions")
def show_confusions(
    most: Annotated[int, typer.Option("--most", min=1, help="How many pairs to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show which intents are taken for each other, worst first, with the examples that collide."""
    read = settings.read()
    listed = asyncio.run(basis_in_use(read)).intents
    classifier = classifiers.get("local")(semantic=read.frontdesk_semantic_model)
    with err.status(f"Reading the examples of {len(listed)} intents, each by those without it …"):
        found = classifier.find_confusions(listed)
    if as_json:
        show_json({"items": [asdict(confusion) for confusion in found[:most]], "next": None})
        return
    if not found:
        out.print("No example is taken for one of another intent.")
    for confusion in found[:most]:
        _print_confusion(confusion)
    if len(found) > most:
        out.print(f"\n… and {len(found) - most} more pairs")


def _print_confusion(confusion: Confusion) -> None:
    one, other = confusion.intents
    words = f"{one} and {other}: {confusion.misread} of {confusion.examples} examples"
    out.print(f"\n{words}", style="bold", markup=False, soft_wrap=True)
    for each in confusion.collisions:
        words = f"{each.intent}: “{each.text}” is taken for {each.taken_for}, as “{each.nearest}”"
        out.print(f"    {words}", markup=False, soft_wrap=True)


@intents.command("figures")
def show_figures(
    since: Annotated[str | None, typer.Option(help="A day or moment, such as 2026-11-01.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is answered locally, how models agree, and how far confidence can be trusted."""
    found = asyncio.run(_figures(read_moment(since)))
    if as_json:
        show_json(found)
        return
    out.print(f"{'turns classified':<28} {found['turns']}")
    for words, name in (("of them locally", "local_share"), ("models agree", "agreement")):
        out.print(f"{words:<28} {_percent(found[name])}")
    for band in found["bands"]:
        words = f"confidence {band['from']:.1f} to {band['to']:.1f}"
        shares = f"{_percent(band['correct'])} right, {_percent(band['confidence'])} expected"
        out.print(f"{words:<28} {shares}, {band['examples']} examples", markup=False)


async def _figures(since: datetime | None) -> dict[str, Json]:
    async with open_app() as app:
        found: dict[str, Json] = await app.database.read(
            lambda connection: learning.figures(connection, since=since)
        )
    return found


def _percent(share: float | None) -> str:
    return "nothing yet" if share is None else f"{share:.0%}"
