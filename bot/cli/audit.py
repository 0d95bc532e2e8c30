"""The audit log: list what was changed by whom, and see that nobody touched the list."""

import asyncio
from typing import Annotated

import typer

from bot.api import shapes
from bot.cli.console import Failed, cli, open_app, out, show_json
from orchestration import store
from orchestration.models import AuditEntry
from orchestration.store import Verdict

audit = typer.Typer(help="Who changed how the bot decides.", no_args_is_help=True)
cli.add_typer(audit, name="audit")

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@audit.command("list")
def list_entries(
    subject: Annotated[
        str | None, typer.Option(help="Only what concerns this, such as “workflow support”.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the changes, newest first."""
    entries = asyncio.run(_entries(subject, limit))
    if as_json:
        show_json({"items": [shapes.audit_entry(entry) for entry in entries], "next": None})
        return
    for entry in entries:
        when = entry.at.isoformat(sep=" ", timespec="seconds")
        numbers = ", ".join(
            f"{name} {value}"
            for name, value in sorted((entry.details or {}).items())
            if not name.endswith("sha256")
        )
        line = f"{entry.position:>5}  {when}  {entry.actor:<16} {entry.action} {entry.subject}"
        out.print(f"{line} {numbers}".rstrip(), markup=False, soft_wrap=True)


async def _entries(subject: str | None, limit: int) -> list[AuditEntry]:
    async with open_app() as app:
        entries: list[AuditEntry] = await app.database.read(
            lambda connection: store.list_audit(connection, subject=subject, limit=limit)
        )
    return entries


@audit.command("verify")
def verify(
    noted: Annotated[
        str | None,
        typer.Option(help="POSITION:HASH that an earlier verify printed and you kept elsewhere."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See that each entry is what it was and none is missing; exits 1 where that is not so."""
    found = asyncio.run(_verify(_noted(noted)))
    if as_json:
        show_json({"ok": found.broken is None, **shapes.verdict(found)})
    if found.broken:
        raise Failed(f"the audit log is broken: {found.broken}")
    if not as_json:
        head = f"{found.position}:{found.hash}"
        out.print(f"{found.entries} entries, none touched. Head: {head}", soft_wrap=True)


def _noted(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    position, _, hash = text.partition(":")
    if not position.isdigit() or len(hash) != 64:
        raise Failed("--noted is POSITION:HASH, as an earlier verify printed it", code=2)
    return int(position), hash


async def _verify(noted: tuple[int, str] | None) -> Verdict:
    async with open_app() as app:
        verdict: Verdict = await app.database.read(
            lambda connection: store.verify_audit(connection, noted=noted)
        )
    return verdict
