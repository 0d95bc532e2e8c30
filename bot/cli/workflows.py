"""The workflow document: show it, check it, publish it, list its versions."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot import settings
from bot.api import shapes
from bot.basis import existing_database, problems_of
from bot.cli.console import COMMAND_LINE, Failed, cli, open_app, out, show_json
from bot.cli.lines import HIGHEST_VERSION, read_file
from bot.cli.reading import basis_in_use
from bot.cli.reading import note as note_to_reader
from orchestration import publishing, store, workflow
from orchestration.errors import BadInput, Conflict, GatesRefuse, InvalidWorkflow, NotFound
from orchestration.models import WorkflowVersion
from orchestration.programs import DEFAULT
from orchestration.publishing import Published, Release
from orchestration.types import Json
from orchestration.workflow import Problem

workflows = typer.Typer(help="The workflow document.", no_args_is_help=True)
cli.add_typer(workflows, name="workflow")

MOST_SHOWN = 1000
_SIGNS = {"added": "green", "removed": "red", "moved": "cyan", "changed": "yellow"}

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Author = Annotated[str, typer.Option(help="Who does this, for the history and the audit log.")]
Name = Annotated[str, typer.Argument(help="The workflow's name.")]
Base = Annotated[
    int | None,
    typer.Option(help="The number of the text it was changed from; by default the newest."),
]
Of = Annotated[str, typer.Option("--workflow", help="Which workflow, where no file says it.")]
File = Annotated[
    Path | None, typer.Argument(help="A document, YAML or JSON; without one the draft.")
]


@workflows.command("show")
def show(
    name: Name = DEFAULT,
    version: Annotated[
        int | None, typer.Option(min=1, max=HIGHEST_VERSION, help="By default the published one.")
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="The draft in place of it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the published document, as it was written; into a file, to edit it."""
    if draft and version:
        raise Failed("give --draft or --version, not both", code=2)
    number, source = asyncio.run(_text_of(name, version, is_draft=draft))
    if as_json:
        document = workflow.read_document(source)
        show_json({"name": name, "version": number, "document": document})
    else:
        typer.echo(source, nl=not source.endswith("\n"))


async def _text_of(name: str, version: int | None, *, is_draft: bool) -> tuple[int, str]:
    if is_draft:
        row = await draft_of(name)
        return row.version, row.source
    if version is not None:
        return version, await _source_of(name, version)
    if name == DEFAULT:
        basis = await basis_in_use(settings.read())
        return basis.version, basis.source
    url = settings.read().frontdesk_database_url
    async with existing_database(url, note_to_reader) as database:
        found = await database.read(lambda c: store.find_published(c, name)) if database else None
    if found is None:
        raise Failed(f"no workflow named {name!r} is published")
    return found.version, found.source


async def _source_of(name: str, version: int) -> str:
    async with open_app() as app:
        try:
            row = await app.database.read(lambda c: store.get_version(c, name, version))
        except NotFound as error:
            raise Failed(str(error)) from error
    return row.source


@workflows.command("check")
def check(
    file: File = None,
    name: Of = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a document; exits 1 where something stops publishing it."""
    source = read_file(file) if file else asyncio.run(draft_of(name)).source
    what = file or f"the draft of {name}"
    basis = asyncio.run(basis_in_use(settings.read()))
    found = problems_of(source, basis.intent_names)
    errors = sum(problem.severity == "error" for problem in found)
    _show_problems(found, as_json=as_json)
    if errors:
        raise Failed(f"{what}: {errors} of {len(found)} problems stop publishing")
    if not as_json:
        warned = f", with {len(found)} warnings" if found else ""
        out.print(f"{what} can be published{warned}.", markup=False, soft_wrap=True)


def _print_problem(problem: Problem) -> None:
    place = ", ".join(
        f"{noun} {name}"
        for noun, name in (("node", problem.node), ("rule", problem.rule))
        if name is not None
    )
    color = "red" if problem.severity == "error" else "yellow"
    out.print(f"{problem.severity} {problem.code}", style=color, end=" ", markup=False)
    words = f"{place}: {problem.message}" if place else problem.message
    out.print(words, markup=False, soft_wrap=True)
    if example := problem.example_in_words:
        out.print(f"    {example}", markup=False, soft_wrap=True, style="dim")


@workflows.command("publish")
def publish(
    file: File = None,
    name: Of = DEFAULT,
    note: Annotated[str, typer.Option(help="Why, for whoever reads the history.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Overrule the gates; say why.")] = False,
    reason: Annotated[str, typer.Option(help="Why the gates are overruled.")] = "",
    base: Base = None,
    author: Author = COMMAND_LINE,
    as_json: AsJson = False,
) -> None:
    """Make a document the published version of the workflow it names; a server takes it up."""
    source = read_file(file) if file else None
    what = file or f"the draft of {name}"
    release = _release(author=author, note=note, force=force, reason=reason)
    try:
        done = asyncio.run(_publish(source, name, release, base))
    except InvalidWorkflow as error:
        found = [Problem(**each) for each in error.problems]
        _show_problems(found, as_json=as_json)
        raise Failed(f"{what} was not published: {len(found)} problems stop it") from error
    except GatesRefuse as refused:
        _show_refusals(refused.refusals, as_json=as_json)
        raise Failed(f"{what} was not published; --force with a --reason overrules it") from refused
    except Conflict as conflict:
        show_changes(conflict.current, as_json=as_json)
        raise Failed(str(conflict)) from conflict
    if as_json:
        show_json({"name": done.name, "version": done.version, "judged": done.judgement.words})
        return
    out.print(f"{done.name} version {done.version} is published.", markup=False, soft_wrap=True)
    if done.judgement.turns is not None:
        note_to_reader(f"The gates: {done.judgement.words}.")


def _release(*, author: str, note: str, force: bool, reason: str) -> Release:
    try:
        return Release(author=author, note=note, force=force, reason=reason)
    except BadInput as error:
        raise Failed(f"--reason: {error}", code=2) from error


async def _publish(source: str | None, name: str, release: Release, base: int | None) -> Published:
    async with open_app() as app:
        if source is None:
            return await app.publishing.publish_draft(name, release, version=base)
        return await app.publishing.publish_text(source, release, base=base)


async def draft_of(name: str) -> WorkflowVersion:
    """Return the draft of a workflow; ends the command where there is none."""
    async with open_app() as app:
        try:
            return await app.database.read(lambda c: publishing.get_draft(c, name))
        except NotFound as error:
            raise Failed(str(error)) from error


def _show_refusals(refusals: Sequence[Mapping[str, Json]], *, as_json: bool) -> None:
    if as_json:
        show_json({"gates": list(refusals)})
        return
    for refusal in refusals:
        out.print(f"refused by {refusal['gate']}", style="red", end=" ", markup=False)
        out.print(refusal["message"], markup=False, soft_wrap=True)


def show_changes(told: dict[str, Json], *, as_json: bool) -> None:
    """Print what changed, in words and line by line."""
    if as_json:
        show_json(told)
        return
    for change in told.get("changes", ()):
        what = change["what"]
        out.print(f"{what:<8}", style=_SIGNS[what], end=" ", markup=False)
        out.print(change["message"], markup=False, soft_wrap=True)
    if told.get("diff"):
        out.print(f"\n{told['diff']}", markup=False, soft_wrap=True, style="dim")


def _show_problems(found: Sequence[Problem], *, as_json: bool) -> None:
    if as_json:
        show_json({"problems": [problem.document() for problem in found]})
        return
    for problem in found:
        _print_problem(problem)


@workflows.command("history")
def history(
    name: Name = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the versions, newest first; the published one is marked."""
    published, versions = asyncio.run(_versions(name))
    if as_json:
        items = [shapes.workflow_version(row, published) for row in versions]
        show_json({"items": items, "next": None})
        return
    for row in versions:
        mark = "published" if row.version == published else ""
        when = (row.published_at or row.created_at).isoformat(sep=" ", timespec="minutes")
        line = f"{row.version:>4}  {when}  {row.published_by:<16} {mark:<10} {row.note}"
        out.print(line.rstrip(), markup=False, soft_wrap=True)
        if row.override:
            words = f"the gates were overruled: {row.override['reason']}"
            out.print(f"      {words}", markup=False, soft_wrap=True, style="yellow")


async def _versions(name: str) -> tuple[int, list[WorkflowVersion]]:
    url = settings.read().frontdesk_database_url
    async with existing_database(url, note_to_reader) as database:
        found = await database.read(lambda c: _list_versions(c, name)) if database else None
    if found is None:
        raise Failed(f"no workflow named {name!r} has been published yet")
    return found


def _list_versions(connection: Connection, name: str) -> tuple[int, list[WorkflowVersion]] | None:
    published = store.find_published(connection, name)
    if published is None:
        return None
    return published.version, store.list_versions(connection, name, limit=MOST_SHOWN)
