"""The workflow document: show it, check it, publish it, list its versions."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot import settings
from bot.api import shapes
from bot.basis import existing_database, problems_of
from bot.cli.console import Failed, cli, open_app, out, show_json
from bot.cli.lines import read_file
from bot.cli.reading import basis_in_use, note
from orchestration import programs, store, workflow
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.models import WorkflowVersion
from orchestration.programs import DEFAULT
from orchestration.types import Json
from orchestration.workflow import Problem

workflows = typer.Typer(help="The workflow document.", no_args_is_help=True)
cli.add_typer(workflows, name="workflow")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@workflows.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The workflow's name.")] = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Print the published document."""
    version, source = asyncio.run(_published(name))
    if as_json:
        document = workflow.document(workflow.parse(source))
        show_json({"name": name, "version": version, "document": document})
    else:
        typer.echo(source, nl=not source.endswith("\n"))


async def _published(name: str) -> tuple[int, str]:
    if name == DEFAULT:
        basis = await basis_in_use(settings.read())
        return basis.version, basis.source
    url = settings.read().frontdesk_database_url
    async with existing_database(url, note) as database:
        found = await database.read(lambda c: store.find_published(c, name)) if database else None
    if found is None:
        raise Failed(f"no workflow named {name!r} is published")
    return found.version, found.source


@workflows.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A document, YAML or JSON.")],
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a document; exits 1 where something stops publishing it."""
    source = read_file(file)
    basis = asyncio.run(basis_in_use(settings.read()))
    found = problems_of(source, basis.intent_names)
    errors = sum(problem.severity == "error" for problem in found)
    _show_problems(found, as_json=as_json)
    if errors:
        raise Failed(f"{file}: {errors} of {len(found)} problems stop publishing")
    if not as_json:
        warned = f", with {len(found)} warnings" if found else ""
        out.print(f"{file} can be published{warned}.", markup=False, soft_wrap=True)


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
    for line in _example(problem.counter_example or {}):
        out.print(f"    {line}", markup=False, soft_wrap=True, style="dim")


def _example(example: Json) -> list[str]:
    lines = []
    if path := example.get("path"):
        way = f", by {example['exit']}" if example.get("exit") else ""
        lines.append(f"on the way {' → '.join(path)}{way}")
    fields = example.get("fields")
    # Fields that are missing have no value: they are a list of names.
    if isinstance(fields, dict):
        shown = ", ".join(f"{name} = {value}" for name, value in fields.items())
        lines.append(f"for example {shown}")
    return lines


@workflows.command("publish")
def publish(
    file: Annotated[Path, typer.Argument(help="A document, YAML or JSON.")],
    note: Annotated[str, typer.Option(help="Why, for whoever reads the history.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a document the published version of the workflow it names; a server takes it up."""
    source = read_file(file)
    try:
        name, version = asyncio.run(_publish(source, note))
    except InvalidWorkflow as error:
        found = [Problem(**each) for each in error.problems]
        _show_problems(found, as_json=as_json)
        raise Failed(f"{file} was not published: {len(found)} problems stop it") from error
    if as_json:
        show_json({"name": name, "version": version})
    else:
        out.print(f"{name} version {version} is published.", markup=False, soft_wrap=True)


async def _publish(source: str, note: str) -> tuple[str, int]:
    async with open_app() as app:
        version = await app.database.write(
            lambda connection: programs.publish(
                connection, source, author="command line", note=note, clock=app.tools.clock
            ),
            durable=True,
        )
    return workflow.parse(source).name, version


def _show_problems(found: Sequence[Problem], *, as_json: bool) -> None:
    if as_json:
        show_json({"problems": [problem.document() for problem in found]})
        return
    for problem in found:
        _print_problem(problem)


@workflows.command("history")
def history(
    name: Annotated[str, typer.Argument(help="The workflow's name.")] = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List the versions, newest first; the published one is marked."""
    published, versions = asyncio.run(_versions(name))
    if as_json:
        show_json({"items": [_shape(row, published) for row in versions], "next": None})
        return
    for row in versions:
        mark = "published" if row.version == published else ""
        when = row.created_at.isoformat(sep=" ", timespec="minutes")
        line = f"{row.version:>4}  {when}  {row.author:<16} {mark:<10} {row.note}"
        out.print(line.rstrip(), markup=False, soft_wrap=True)


async def _versions(name: str) -> tuple[int, list[WorkflowVersion]]:
    url = settings.read().frontdesk_database_url
    async with existing_database(url, note) as database:
        found = await database.read(lambda c: _list_versions(c, name)) if database else None
    if found is None:
        raise Failed(f"no workflow named {name!r} has been published yet")
    return found


def _list_versions(connection: Connection, name: str) -> tuple[int, list[WorkflowVersion]] | None:
    published = store.find_published(connection, name)
    versions: list[WorkflowVersion] = []
    # They are numbered without gaps.
    with suppress(NotFound):
        while True:
            versions.append(store.get_version(connection, name, len(versions) + 1))
    return (published.version, versions[::-1]) if published else None


def _shape(row: WorkflowVersion, published: int) -> dict[str, Json]:
    return {
        "version": row.version,
        "published": row.version == published,
        "author": row.author,
        "note": row.note,
        "created_at": shapes.moment(row.created_at),
    }
