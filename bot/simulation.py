"""One message through the published workflow, in a database of its own that is thrown away."""

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
from orchestration.models import (
    Approval,
    Conversation,
    Escalation,
    Message,
    Run,
    Step,
    Workflow,
    WorkflowVersion,
)
from orchestration.programs import DEFAULT
from orchestration.types import ConversationId, CustomerRecord, IncomingMessage, Order, Sender

SOURCE = "simulate"


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
            await app.advance(received.conversation)
            return await app.database.read(lambda c: _read_back(c, received.conversation))
        finally:
            await app.close()


def _confined(read: Settings, url: str) -> Settings:
    """Return settings with which nothing leaves this process."""
    nowhere = {
        "frontdesk_events_url": None,
        "frontdesk_callback_secret": None,
        "frontdesk_callback_hosts": None,
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
