"""What people propose as examples: look at it, take it, or keep it out."""

import asyncio
from typing import Annotated, Literal

import typer

from bot.api import shapes
from bot.cli.console import cli, open_app, out, show_json
from orchestration import learning, store
from orchestration.models import Example

examples = typer.Typer(
    help="Customers' words that people propose as examples of intents.", no_args_is_help=True
)
cli.add_typer(examples, name="examples")

WHO = "command line"

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Id = Annotated[str, typer.Argument(help="The example's id, as `examples list` shows it.")]
Status = Literal["proposed", "accepted", "rejected", "erased"]


@examples.command("list")
def list_examples(
    status: Annotated[Status, typer.Option(help="Those that are so.")] = "proposed",
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="How many to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List examples, newest first."""
    found = asyncio.run(_list(status, most))
    if as_json:
        show_json({"items": [shapes.example(row) for row in found], "next": None})
        return
    for row in found:
        read = f"read as {row.guess} ({row.confidence:.2f})"
        line = f"{row.id}  {row.intent or 'no intent yet'}, {read}: {row.text}"
        out.print(line, markup=False, soft_wrap=True)
    if not found:
        out.print(f"There are no {status} examples.")


async def _list(status: str, most: int) -> list[Example]:
    async with open_app() as app:
        return await app.database.read(
            lambda connection: store.list_examples(connection, status=status, limit=most)
        )


@examples.command("accept")
def accept(
    id: Id,
    intent: Annotated[
        str | None, typer.Option(help="Another intent than the proposed one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the words an example of the intent; a server learns them within seconds."""
    row = asyncio.run(_accept(id, intent))
    if as_json:
        show_json(shapes.example(row))
    else:
        words = f"“{row.text}” is an example of {row.intent}."
        out.print(words, markup=False, soft_wrap=True)


async def _accept(id: str, intent: str | None) -> Example:
    async with open_app() as app:
        now = app.tools.clock()
        return await app.database.write(
            lambda connection: learning.accept(connection, id, by=WHO, now=now, intent=intent)
        )


@examples.command("reject")
def reject(id: Id, as_json: AsJson = False) -> None:
    """Keep the words out of what is learnt."""
    row = asyncio.run(_reject(id))
    if as_json:
        show_json(shapes.example(row))
    else:
        out.print(f"“{row.text}” is rejected.", markup=False, soft_wrap=True)


async def _reject(id: str) -> Example:
    async with open_app() as app:
        now = app.tools.clock()
        return await app.database.write(
            lambda connection: learning.reject(connection, id, by=WHO, now=now)
        )
