"""What the shop brings in and takes out: import, export and erase."""

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot.basis import problems_of, read_basis
from bot.cli.console import COMMAND_LINE, Failed, cli, err, open_app, out, show_json
from orchestration import learning, store
from orchestration.errors import BadInput
from orchestration.imports import Imported, Problem, read_articles, read_customers, read_orders
from orchestration.intents import read_intents, require_enough
from orchestration.shop import Shop
from orchestration.types import Intent, Json

MOST_SHOWN = 50


class Content(StrEnum):
    """What can be imported."""

    ORDERS = "orders"
    CUSTOMERS = "customers"
    KNOWLEDGE = "knowledge"
    INTENTS = "intents"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """How one kind of content is read from a file and saved, and what one of it is called."""

    noun: str
    read: Callable[[Path, Shop], Imported[Any]]
    save: Callable[[Connection, Sequence[Any], datetime], None]


CustomerOption = Annotated[
    str, typer.Option("--customer", help="The customer's id or e-mail address.")
]


@cli.command("import")
def import_content(
    content: Annotated[Content, typer.Argument(help="What the file holds.")],
    path: Annotated[Path, typer.Argument(help="JSON, CSV or YAML; a folder of Markdown.")],
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good rows even where others are wrong.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Load orders, customers, articles or intents; intents replace all earlier ones."""
    if not path.exists():
        raise Failed(f"there is no {path}", code=2)
    asyncio.run(_import(content, path, partial=partial, as_json=as_json))


async def _import(content: Content, path: Path, *, partial: bool, as_json: bool) -> None:
    way = _WAYS[content]
    async with open_app() as app:
        with err.status(f"Reading {path} …"):
            imported = _read(way, path, app.tools.shop)
        is_taken = bool(imported.rows) and (partial or not imported.problems)
        if is_taken:
            with err.status(f"Writing {_count(len(imported.rows), way.noun)} …"):
                now = app.tools.clock()
                await app.database.write(
                    lambda connection: way.save(connection, imported.rows, now)
                )
        warnings = []
        if is_taken and content is Content.INTENTS:
            basis = await read_basis(app.database)
            warnings = [
                f"the published workflow, {problem.node}: {problem.message}"
                for problem in problems_of(basis.source, basis.intent_names)
                if problem.severity == "error"
            ]
    _report(content, imported, is_taken=is_taken, warnings=warnings, as_json=as_json)


def _read(way: _Way, path: Path, shop: Shop) -> Imported[Any]:
    try:
        return way.read(path, shop)
    except BadInput as error:
        raise Failed(str(error)) from error


def _report(
    content: Content,
    imported: Imported[Any],
    *,
    is_taken: bool,
    warnings: Sequence[str],
    as_json: bool,
) -> None:
    problems, rows = imported.problems, imported.rows
    if as_json:
        answer = {"content": content.value, "good": len(rows), "written": len(rows) * is_taken}
        listed = {"problems": [asdict(problem) for problem in problems], "warnings": warnings}
        show_json({**answer, **listed})
    for problem in problems[:MOST_SHOWN]:
        err.print(str(problem), markup=False, soft_wrap=True)
    if len(problems) > MOST_SHOWN:
        err.print(f"… and {len(problems) - MOST_SHOWN} more")
    for warning in warnings:
        err.print(f"warning: {warning}", markup=False, soft_wrap=True)
    if not is_taken:
        cure = "; --partial takes the good ones" if rows else ""
        counts = f"{_count(len(problems), 'problem')}, {_count(len(rows), 'good row')}"
        raise Failed(f"nothing was written: {counts}{cure}")
    if not as_json:
        out.print(f"Took {_count(len(rows), _WAYS[content].noun)}.")


def _read_intents(path: Path, _: Shop) -> Imported[Intent]:
    intents, refused = read_intents(path)
    problems = tuple(map(_problem, refused))
    try:
        require_enough(intents)
    except BadInput as refused:
        few = Problem(line=None, field="intents", message=str(refused))
        return Imported(rows=(), problems=(*problems, few))
    return Imported(rows=tuple(intents), problems=problems)


def _problem(refused: BadInput) -> Problem:
    """Return what is wrong with an intent, in the form that the other readers have."""
    field = refused.field or "intents"
    place, _, message = str(refused).partition(f", {field}: ")
    found = re.fullmatch(r"(.*), line (\d+)", place)
    name, line = (found[1], int(found[2])) if found else (place, None)
    return Problem(line=line, field=field, message=f"{name}: {message}")


def _save_intents(connection: Connection, rows: Sequence[Intent], now: datetime) -> None:
    learning.replace_intents(connection, rows, by=COMMAND_LINE, now=now)


_WAYS: dict[Content, _Way] = {
    Content.ORDERS: _Way(
        noun="order",
        read=lambda path, shop: read_orders(path, zone=shop.zone),
        save=lambda c, rows, _: store.save_orders(c, rows),
    ),
    Content.CUSTOMERS: _Way(
        noun="customer",
        read=lambda path, _: read_customers(path),
        save=lambda c, rows, _: store.save_customers(c, rows),
    ),
    Content.KNOWLEDGE: _Way(
        noun="article",
        read=lambda path, _: read_articles(path),
        save=lambda c, rows, _: store.save_articles(c, rows),
    ),
    Content.INTENTS: _Way(noun="intent", read=_read_intents, save=_save_intents),
}


@cli.command("export")
def export_customer(
    customer: CustomerOption,
    output: Annotated[
        Path | None, typer.Option(help="File to write; without it the text is printed.")
    ] = None,
) -> None:
    """Print all that is held about a customer, as JSON."""
    held = asyncio.run(_held(customer))
    if output is None:
        show_json(held)
        return
    text = json.dumps(held, ensure_ascii=False, indent=2, default=str)
    try:
        # Nobody but the operator need read it.
        output.touch(mode=0o600)
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Failed(f"{output} cannot be written: {error.strerror}", code=2) from error
    out.print(f"{_summary(held)} written to {output}.", markup=False, soft_wrap=True)


@cli.command("erase")
def erase_customer(
    customer: CustomerOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a customer: the record, the orders and all that was said; ids and costs stay."""
    held = asyncio.run(_held(customer))
    if not yes:
        typer.confirm(f"Erase {_summary(held)} for good?", abort=True, err=True)
    asyncio.run(_erase(customer))
    out.print(f"Erased {_summary(held)}.", markup=False)


async def _held(customer: str) -> dict[str, Json]:
    async with open_app() as app:
        held: dict[str, Json] = await app.database.read(
            lambda connection: store.export_customer(connection, customer)
        )
    if not any(held.values()):
        raise Failed(f"nothing is held about a customer {customer!r}")
    return held


async def _erase(customer: str) -> None:
    async with open_app() as app:
        now = app.tools.clock()
        await app.database.write(
            lambda connection: _erase_all(connection, customer, now), durable=True
        )


def _erase_all(connection: Connection, customer: str, now: datetime) -> None:
    store.erase_customer(connection, customer)
    store.record_audit(
        connection,
        actor=COMMAND_LINE,
        action="customer.erased",
        subject="customer",
        # Their id is theirs; its hash still tells whether it was this one.
        details={"sha256": store.sha256(customer)},
        now=now,
    )


def _summary(held: dict[str, Json]) -> str:
    nouns = {"records": "record", "orders": "order", "conversations": "conversation"}
    return ", ".join(_count(len(held[key]), noun) for key, noun in nouns.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
