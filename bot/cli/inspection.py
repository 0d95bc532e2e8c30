"""Looking without touching: simulate, classify and doctor."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from bot import logs, settings, simulation
from bot.api import shapes
from bot.app import utc_now
from bot.basis import existing_database, read_basis
from bot.cli import recorded
from bot.cli.console import Failed, cli, err, out, show_json
from bot.cli.diagnosis import diagnose, explain_settings
from bot.cli.lines import read_rows, require_whole
from bot.cli.reading import Reader, basis_in_use, note
from bot.findings import Finding
from bot.settings import BadSetting, Settings
from bot.simulation import Simulation
from orchestration.database import Database
from orchestration.store import Records
from orchestration.types import CustomerRecord, Json, Order

_SIGNS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


@cli.command("simulate")
def simulate(
    text: Annotated[str, typer.Argument(help="What the customer writes.")],
    email: Annotated[
        str | None, typer.Option(help="Who writes; without it a visitor nobody vouches for.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take one message through the published workflow; nothing is sent, or kept but its cost."""
    logs.set_up(pretty=True, level="WARNING")
    with err.status("Simulating …"):
        customer, result = asyncio.run(_simulate(settings.read(), require_whole(text), email))
    if as_json:
        show_json(_shape(customer, result))
    else:
        _print_simulation(customer, result)
    if result.run.status == "failed":
        raise Failed(f"the run failed: {result.run.error}")


async def _simulate(
    read: Settings, text: str, email: str | None
) -> tuple[CustomerRecord | None, Simulation]:
    customer, orders = None, list[Order]()
    async with existing_database(read.frontdesk_database_url, note) as database:
        basis = await read_basis(database)
        if email is not None:
            customer, orders = await _find_customer(database, email)
        result = await simulation.simulate(
            read, basis, text, customer=customer, orders=orders, ledger=database
        )
    return customer, result


async def _find_customer(
    database: Database | None, email: str
) -> tuple[CustomerRecord, list[Order]]:
    records = Records(database, utc_now) if database else None
    customer = await records.find_customer(email=email) if records else None
    if records is None or customer is None:
        raise Failed(f"no customer has the e-mail address {email!r}: frontdesk import customers")
    return customer, await records.list_orders(customer.id)


def _shape(customer: CustomerRecord | None, result: Simulation) -> dict[str, Json]:
    return {
        **shapes.run(result.run),
        "steps": [shapes.step(step) for step in result.steps],
        "customer": asdict(customer) if customer else None,
        "conversation_status": result.status,
        "reply": shapes.message(result.reply) if result.reply else None,
        "escalation": shapes.escalation(result.escalation) if result.escalation else None,
        "approval": shapes.approval(result.approval) if result.approval else None,
    }


def _print_simulation(customer: CustomerRecord | None, result: Simulation) -> None:
    run = result.run
    who = f"{customer.name or customer.id} ({customer.id})" if customer else "a visitor, unverified"
    recorded.line("Customer", who)
    recorded.print_run(run, result.steps)
    if result.reply:
        recorded.line("Reply", result.reply.text)
        for citation in result.reply.citations or ():
            recorded.line("", f"cited: {citation['title']} {citation['url'] or ''}".rstrip())
    if result.escalation:
        case = result.escalation
        recorded.line("Case", f"queue {case.queue}, urgency {case.urgency}: {case.reason}")
    if result.approval:
        recorded.line("Approval", f"waits for a human: {(result.approval.draft or {}).get('text')}")
    recorded.line("Ends", f"conversation {result.status}, run {run.status}")


@cli.command("classify")
def classify(
    text: Annotated[str | None, typer.Argument(help="What the customer writes.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="JSON lines of id and text; answers one line for each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a text is about, how urgent and how complex it is; by the intents in use."""
    if (text is None) == (file is None):
        raise Failed("give a text, or --file with JSON lines of id and text", code=2)
    rows = read_rows(file, "text") if file else [{"text": require_whole(text or "")}]
    reader = _reader(settings.read())
    if file:
        for row in track(rows, "Classifying", console=err, disable=not err.is_terminal):
            found = {"id": row.get("id"), **asdict(reader.classify(row["text"]))}
            typer.echo(json.dumps(found, ensure_ascii=False))
        return
    found = asdict(reader.classify(rows[0]["text"]))
    if as_json:
        show_json(found)
    else:
        recorded.print_classification(found)


def _reader(read: Settings) -> Reader:
    basis = asyncio.run(basis_in_use(read))
    with err.status(f"Training on {len(basis.intents)} intents …"):
        return Reader(basis.intents, read)


@cli.command("doctor")
def doctor(as_json: AsJson = False) -> None:
    """Check settings, database, keys, callbacks, models, store file and workflow; name cures."""
    logs.set_up(pretty=True, level="ERROR")
    try:
        read = settings.read()
    except BadSetting as refused:
        _report(explain_settings(refused), as_json=as_json)
        raise Failed("the settings cannot be used", code=2) from refused
    with err.status("Looking …"):
        findings = asyncio.run(diagnose(read))
    _report(findings, as_json=as_json)
    errors = sum(finding.level == "error" for finding in findings)
    if errors:
        raise Failed(f"{errors} of {len(findings)} checks found an error")


def _report(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        is_fine = all(finding.level != "error" for finding in findings)
        show_json({"ok": is_fine, "checks": [asdict(finding) for finding in findings]})
        return
    for finding in findings:
        out.print(_SIGNS[finding.level], end=" ")
        out.print(f"{finding.check:<12} {finding.message}", markup=False, soft_wrap=True)
        if finding.cure:
            out.print(f"               → {finding.cure}", markup=False, soft_wrap=True)
