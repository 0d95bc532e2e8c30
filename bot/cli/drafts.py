"""Changing workflows: drafts, what changed, rolling back, gates, channels, and how a file looks."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import Connection

from bot.cli.console import COMMAND_LINE, Failed, err, open_app, out, show_json
from bot.cli.lines import HIGHEST_VERSION, read_file
from bot.cli.workflows import AsJson, Author, Base, File, Name, Of, show_changes, workflows
from orchestration import publishing, store, workflow
from orchestration.errors import BadInput, Conflict, NotFound
from orchestration.gates import Gates
from orchestration.models import WorkflowVersion
from orchestration.nodes import node_kinds
from orchestration.programs import DEFAULT
from orchestration.types import Json

_LOOKS_BACK = 200


@workflows.command("draft")
def save_draft(
    file: Annotated[Path, typer.Argument(help="A document, YAML or JSON.")],
    base: Base = None,
    author: Author = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Keep a document as the draft of the workflow it names; nothing is published."""
    source = read_file(file)
    try:
        saved = asyncio.run(_save(source, base, author))
    except Conflict as conflict:
        show_changes(conflict.current, as_json=as_json)
        raise Failed(str(conflict)) from conflict
    if as_json:
        show_json({"name": saved.name, "version": saved.version, "base_version": saved.base})
    else:
        words = f"{saved.name} has the draft {saved.version}."
        out.print(words, markup=False, soft_wrap=True)


async def _save(source: str, base: int | None, author: str) -> WorkflowVersion:
    name = str(workflow.read_document(source).get("name"))
    async with open_app() as app:
        if base is None:
            base = await app.database.read(lambda c: store.newest_version(c, name))
        return await app.publishing.save_draft(name, source, base=base, author=author)


@workflows.command("diff")
def diff(
    file: File = None,
    name: Of = DEFAULT,
    before: Annotated[
        int | None, typer.Option("--from", min=1, help="By default the published one.")
    ] = None,
    after: Annotated[
        int | None, typer.Option("--to", min=1, help="By default the file or the draft.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed from the published text to a file or the draft; exits 1 if something did."""
    if file and after:
        raise Failed("give a file or --to, not both", code=2)
    source = read_file(file) if file else None
    told = asyncio.run(_compare(source, name, before, after))
    show_changes(told, as_json=as_json)
    if told["diff"]:
        raise typer.Exit(1)


async def _compare(
    source: str | None, name: str, before: int | None, after: int | None
) -> dict[str, Json]:
    if source is not None:
        name = str(workflow.read_document(source).get("name"))
    async with open_app() as app:
        try:
            return await app.database.read(lambda c: _told(c, source, name, before, after))
        except NotFound as error:
            raise Failed(str(error)) from error


def _told(
    connection: Connection, source: str | None, name: str, before: int | None, after: int | None
) -> dict[str, Json]:
    if source is None:
        old, new = publishing.get_pair(connection, name, before, after)
        names = (f"{name} {old.version}", f"{name} {new.version}")
        return publishing.changes_between(old.source, new.source, names=names)
    published = store.find_published(connection, name)
    first = store.get_version(connection, name, before) if before else published
    if first is None:
        raise NotFound(f"no workflow named {name!r} is published")
    names = (f"{name} {first.version}", "the file")
    return publishing.changes_between(first.source, source, names=names)


@workflows.command("rollback")
def roll_back(
    version: Annotated[
        int | None,
        typer.Argument(
            min=1, max=HIGHEST_VERSION, help="By default the one that was published before."
        ),
    ] = None,
    name: Of = DEFAULT,
    note: Annotated[str, typer.Option(help="Why, for whoever reads the history.")] = "",
    author: Author = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Put what an older version says in use again, as the next version."""
    older, number = asyncio.run(_roll_back(name, version, note, author))
    if as_json:
        show_json({"name": name, "version": number, "back_to": older})
    else:
        words = f"{name} version {number} is published; it says what version {older} says."
        out.print(words, markup=False, soft_wrap=True)


async def _roll_back(name: str, version: int | None, note: str, author: str) -> tuple[int, int]:
    async with open_app() as app:
        try:
            if version is None:
                version = await app.database.read(lambda c: _version_before(c, name))
            number = await app.publishing.roll_back(name, version, author=author, note=note)
        except (Conflict, NotFound) as error:
            raise Failed(str(error)) from error
    return version, number


def _version_before(connection: Connection, name: str) -> int:
    rows = store.list_versions(connection, name, limit=_LOOKS_BACK)
    published = store.find_published(connection, name)
    if published is None:
        raise NotFound(f"no workflow named {name!r} is published")
    for row in rows:
        if row.version < published.version and row.source != published.source:
            return row.version
    raise NotFound(f"there is no other version of {name!r} to go back to")


@workflows.command("format")
def format_file(
    files: Annotated[list[Path], typer.Argument(help="Documents, YAML or JSON.")],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 where a file would change.")
    ] = False,
) -> None:
    """Write documents in the one form that shows changes well in git; comments stay."""
    untidy = 0
    for file in files:
        source = read_file(file)
        formatted = workflow.format_text(source)
        if formatted == source:
            continue
        untidy += 1
        if check:
            err.print(f"{file} would be formatted", markup=False, soft_wrap=True)
        else:
            file.write_text(formatted, encoding="utf-8")
            out.print(f"{file} is formatted", markup=False, soft_wrap=True)
    if check and untidy:
        raise typer.Exit(1)


@workflows.command("schema")
def show_schema() -> None:
    """Print the JSON schema of a document, with which editors complete and check it."""
    show_json(workflow.schema({kind: node_kinds.get(kind) for kind in node_kinds}))


@workflows.command("bind")
def bind(
    channel: Annotated[str, typer.Argument(help="Such as chat, slack or webhook.")],
    name: Name,
    author: Author = COMMAND_LINE,
) -> None:
    """Let the conversations of a channel take a workflow from their next turn on."""
    asyncio.run(_bind(channel, name, author))
    out.print(f"{channel} takes {name}.", markup=False, soft_wrap=True)


async def _bind(channel: str, name: str, author: str) -> None:
    async with open_app() as app:
        try:
            await app.publishing.bind(channel, name, author=author)
        except (BadInput, NotFound) as error:
            raise Failed(str(error), code=2) from error


@workflows.command("channels")
def list_channels(as_json: AsJson = False) -> None:
    """List the channels with the workflow that their conversations take."""
    bound = asyncio.run(_bindings())
    if as_json:
        show_json([{"channel": channel, "workflow": name} for channel, name in bound.items()])
        return
    for channel, name in bound.items():
        out.print(f"{channel:<10} {name}", markup=False, soft_wrap=True)


async def _bindings() -> dict[str, str]:
    async with open_app() as app:
        return await app.publishing.bindings()


@workflows.command("gates")
def gates(
    name: Name = DEFAULT,
    set_to: Annotated[
        list[str] | None,
        typer.Option("--set", help="A bound, such as human_rise=0.1; none takes it away."),
    ] = None,
    author: Author = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Show, or change, what a draft may do at the most to be published without a reason."""
    bounds = asyncio.run(_gates(name, set_to or [], author))
    if as_json:
        show_json(bounds.model_dump())
        return
    for gate, value in bounds:
        out.print(f"{gate:<15} {'none' if value is None else value}", markup=False, soft_wrap=True)


async def _gates(name: str, changes: list[str], author: str) -> Gates:
    async with open_app() as app:
        bounds = await app.database.read(lambda c: publishing.read_gates(c, name))
        if not changes:
            return bounds
        changed = _changed(bounds, changes)
        try:
            await app.publishing.set_gates(name, changed, author=author)
        except NotFound as error:
            raise Failed(str(error)) from error
        return changed


def _changed(bounds: Gates, changes: list[str]) -> Gates:
    pairs = [change.partition("=") for change in changes]
    values = {gate.strip(): None if value == "none" else value for gate, _, value in pairs}
    try:
        return Gates.model_validate({**bounds.model_dump(), **values})
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(Gates.model_fields)
        gate = ".".join(str(part) for part in first["loc"])
        words = f"--set {gate}: {first['msg']}; there are: {known}"
        raise Failed(words, code=2) from error
