"""One message through the published workflow, in a database of its own that is thrown away.

What its models were paid is real, and is booked in the operator's ledger.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from bot import app as parts
from bot.basis import Basis
from bot.settings import Settings
from orchestration import intake, migrate, store
from orchestration.database import Database
from orchestration.models import (
    Approval,
    Conversation,
    Escalation,
    Message,
    ModelCall,
    Run,
    Step,
    Workflow,
    WorkflowVersion,
)
from orchestration.programs import DEFAULT
from orchestration.types import ConversationId, CustomerRecord, IncomingMessage, Order, Sender

SOURCE = "simulate"

# A turn that is superseded begins again, a few times at the most.
_MOST_RUNS = 100


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What became of the message; both `escalation` and `approval` only where it had parts."""

    run: Run
    steps: tuple[Step, ...]
    status: str
    reply: Message | None
    escalation: Escalation | None
    approval: Approval | None


async def simulate(
    read: Settings,
    basis: Basis,
    text: str,
    *,
    customer: CustomerRecord | None = None,
    orders: Sequence[Order] = (),
    ledger: Database | None = None,
) -> Simulation:
    """Take a message of this verified customer, or of a guest, to the end of its run."""
    with TemporaryDirectory(prefix="frontdesk-") as folder:
        url = f"sqlite:///{Path(folder) / 'simulation.db'}"
        await asyncio.to_thread(migrate.upgrade, url)
        app = parts.build(_confined(read, url))
        try:
            now = app.tools.clock()
            await app.database.write(lambda c: _fill(c, basis, customer, orders, now))
            await app.prepare()
            await app.tools.catalog.refresh()
            received = await intake.receive(app.tools, app.dispatcher, _message(text, customer))
            try:
                await app.advance(received.conversation)
            finally:
                await _book(app.database, ledger)
            return await app.database.read(lambda c: _read_back(c, received.conversation))
        finally:
            await app.close()


async def _book(simulated: Database, ledger: Database | None) -> None:
    paid = await simulated.read(_read_calls)
    if ledger and paid:
        await ledger.write(lambda c: _book_calls(c, paid))


def _read_calls(connection: Connection) -> list[tuple[Run, list[ModelCall]]]:
    runs = store.list_runs(connection, limit=_MOST_RUNS)
    calls = [(run, store.list_calls(connection, run.id)) for run in runs]
    return [(run, own) for run, own in calls if own]


def _book_calls(connection: Connection, paid: list[tuple[Run, list[ModelCall]]]) -> None:
    for tried, calls in paid:
        run = store.add_simulated_run(connection, tried)
        store.book_elsewhere(connection, calls, run, SOURCE)


def _confined(read: Settings, url: str) -> Settings:
    """Return settings with which nothing leaves this process."""
    nowhere = {
        "frontdesk_events_url": None,
        "frontdesk_callback_secret": None,
        "frontdesk_callback_hosts": None,
        "slack_bot_token": None,
    }
    own = {"frontdesk_database_url": url, "frontdesk_debounce_seconds": 0.0}
    return read.model_copy(update=nowhere | own)


def _fill(
    connection: Connection,
    basis: Basis,
    customer: CustomerRecord | None,
    orders: Sequence[Order],
    now: datetime,
) -> None:
    version = max(basis.version, 1)
    store.add(connection, Workflow(name=DEFAULT, published=version))
    published = WorkflowVersion(
        name=DEFAULT, version=version, source=basis.source, author=SOURCE, created_at=now
    )
    store.add(connection, published)
    store.replace_intents(connection, basis.intents)
    store.save_articles(connection, basis.articles)
    store.save_customers(connection, [customer] if customer else [])
    store.save_orders(connection, orders)


def _message(text: str, customer: CustomerRecord | None) -> IncomingMessage:
    sender = Sender(source=SOURCE, external_id="guest")
    if customer:
        sender = Sender(
            source=SOURCE,
            external_id=customer.id,
            verified=True,
            email=customer.email,
            name=customer.name,
        )
    return IncomingMessage(
        # Its customers fetch their messages themselves, so there is nothing to deliver.
        channel="chat",
        conversation=None,
        source=SOURCE,
        source_id="1",
        sender=sender,
        text=text,
    )


def _read_back(connection: Connection, conversation: ConversationId) -> Simulation:
    [run] = store.list_runs(connection, conversation=conversation, limit=1)
    said = [each for each in store.transcript(connection, conversation) if each.author == "bot"]
    approvals = store.list_approvals(connection, status="open", limit=1)
    return Simulation(
        run=run,
        steps=tuple(store.list_steps(connection, run.id)),
        status=store.get(connection, Conversation, conversation).status,
        reply=said[-1] if said else None,
        escalation=store.find_open_escalation(connection, conversation),
        approval=approvals[0] if approvals else None,
    )
