"""The shop's own content: customers, orders, articles, intents, and shared settings."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from orchestration import proposals
from orchestration.database import Database
from orchestration.errors import BadInput, PermanentFailure
from orchestration.interfaces import Clock
from orchestration.models import (
    Action,
    ArticleRow,
    Artifact,
    CustomerRow,
    IntentRow,
    OrderRow,
    Setting,
    table,
)
from orchestration.store import rows
from orchestration.types import Article, CustomerRecord, Intent, Order, Proposal, ProposedAction

intents = table(IntentRow)
articles = table(ArticleRow)
customers = table(CustomerRow)
orders = table(OrderRow)
settings = table(Setting)
actions = table(Action)

CONTENT = "content"
CLOSED = ("delivered", "returned", "refunded", "cancelled")


def save_customers(connection: Connection, records: Sequence[CustomerRecord]) -> None:
    """Add or replace customers of the shop; raises `BadInput` where two would share an e-mail."""
    for record in records:
        if record.email:
            other = _find_customer(connection, id=None, email=record.email)
            if other and other.id != record.id:
                words = f"customers {other.id} and {record.id} both have {record.email}"
                raise BadInput(f"{words}; an e-mail address belongs to one customer", field="email")
        rows.put(connection, CustomerRow(**rows.plain(record)))


def save_orders(connection: Connection, records: Sequence[Order]) -> None:
    """Add or replace orders of the shop."""
    for record in records:
        values = rows.plain(record)
        values["value"] = None if record.value is None else str(record.value)
        values["items"] = list(record.items)
        rows.put(connection, OrderRow(**values))


def save_articles(connection: Connection, records: Sequence[Article]) -> None:
    """Add or replace articles; every process indexes them anew."""
    for record in records:
        values = {**rows.plain(record), "questions": list(record.questions)}
        rows.put(connection, ArticleRow(**values))
    content_changed(connection)


def replace_intents(connection: Connection, records: Sequence[Intent]) -> None:
    """Put these intents in place of all earlier ones; every process trains anew."""
    hold_content(connection)
    connection.execute(delete(intents))
    for position, record in enumerate(records):
        values = rows.plain(record)
        values["examples"] = list(record.examples)
        values["responders"] = list(record.responders)
        rows.add(connection, IntentRow(position=position, **values))
    content_changed(connection)


def list_intents(connection: Connection) -> list[Intent]:
    """Return the intents in the admin's order."""
    found = rows.fetch(connection, IntentRow, select(intents).order_by(intents.c.position))
    return [_intent(row) for row in found]


def list_articles(connection: Connection) -> list[Article]:
    """Return the articles of the knowledge base."""
    found = rows.fetch(connection, ArticleRow, select(articles).order_by(articles.c.id))
    return [
        Article(**{**row.model_dump(), "questions": tuple(row.questions or ())}) for row in found
    ]


def content_version(connection: Connection) -> int:
    """Return the number of the last change to intents or articles."""
    return int(read_setting(connection, CONTENT) or 0)


def read_setting(connection: Connection, name: str) -> Any:
    """Return a shared value, or None."""
    return connection.execute(select(settings.c.value).where(settings.c.name == name)).scalar()


def save_setting(connection: Connection, name: str, value: Any) -> None:
    """Set a shared value."""
    rows.put(connection, Setting(name=name, value=value))


def find_artifact(connection: Connection, name: str, fingerprint: str | None) -> bytes | None:
    """Return what was computed last, of content with this fingerprint where one is given."""
    target = table(Artifact)
    same = [target.c.name == name]
    if fingerprint is not None:
        same.append(target.c.fingerprint == fingerprint)
    found = rows.find(connection, Artifact, *same)
    return found.content if found else None


def save_artifact(connection: Connection, name: str, fingerprint: str, content: bytes) -> None:
    """Keep what was computed, in place of the earlier one."""
    rows.put(connection, Artifact(name=name, fingerprint=fingerprint, content=content))


def hold_content(connection: Connection) -> None:
    """Let nobody else change intents or articles before this transaction ends.

    Whoever locks examples as well does this first.
    """
    rows.add_unless_there(connection, Setting(name=CONTENT, value=0))
    held = select(settings.c.name).where(settings.c.name == CONTENT)
    connection.execute(held.with_for_update())


def content_changed(connection: Connection) -> None:
    """Let every process learn intents and articles anew."""
    hold_content(connection)
    save_setting(connection, CONTENT, content_version(connection) + 1)


def _intent(row: IntentRow) -> Intent:
    values = row.model_dump(exclude={"position"})
    values["examples"] = tuple(row.examples or ())
    values["responders"] = tuple(row.responders or ())
    return Intent(**values)


def count_orders(connection: Connection) -> int:
    """Return how many orders were imported."""
    return int(connection.execute(select(func.count()).select_from(orders)).scalar_one())


class Records:
    """The imported customers and orders, as lent to an order source."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        """Return the imported customer with this id, or else with this e-mail address."""
        return await self._database.read(
            lambda connection: _find_customer(connection, id=id, email=email)
        )

    async def list_orders(self, customer: str) -> list[Order]:
        """Return the customer's imported orders, newest first."""
        return await self._database.read(lambda connection: _list_orders(connection, customer))

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        """Do it to the imported order, once for each key; returns its reference."""
        now = self._clock()
        return await self._database.write(
            lambda connection: _carry_out(connection, customer, proposal, key, now), durable=True
        )


def _find_customer(
    connection: Connection, *, id: str | None, email: str | None
) -> CustomerRecord | None:
    found = None
    if id:
        found = rows.find(connection, CustomerRow, customers.c.id == id)
    if found is None and email:
        same = func.lower(customers.c.email) == email.lower()
        found = rows.find(connection, CustomerRow, same)
    return CustomerRecord(**found.model_dump()) if found else None


def _list_orders(connection: Connection, customer: str) -> list[Order]:
    statement = (
        select(orders)
        .where(orders.c.customer_id == customer)
        .order_by(orders.c.placed_at.desc(), orders.c.id.desc())
    )
    return [_order(row) for row in rows.fetch(connection, OrderRow, statement)]


def _order(row: OrderRow) -> Order:
    values = row.model_dump(exclude={"details"})
    values["value"] = None if row.value is None else Decimal(row.value)
    values["items"] = tuple(row.items or ())
    return Order(**values)


def _carry_out(
    connection: Connection, customer: str, proposal: Proposal, key: str, now: datetime
) -> str:
    own = (orders.c.id == proposal.order, orders.c.customer_id == customer)
    found = rows.fetch(connection, OrderRow, select(orders).where(*own).with_for_update())
    # Only now: whoever came first with this key held the order until they were done.
    known = rows.find(connection, Action, actions.c.key == key)
    if known:
        return _same(known, customer, proposal)
    if not found:
        raise PermanentFailure(f"the customer has no order {proposal.order}")
    try:
        proposals.check(proposal, _order(found[0]), now=now)
    except BadInput as refused:
        raise PermanentFailure(str(refused)) from refused
    connection.execute(update(orders).where(*own).values(**_changes(proposal)))
    action = Action(
        key=key,
        customer_id=customer,
        action=proposal.action,
        order_id=proposal.order,
        arguments=dict(proposal.arguments),
        reference=rows.new_id()[:12].upper(),
        at=now,
    )
    rows.add(connection, action)
    return action.reference


def _same(known: Action, customer: str, proposal: Proposal) -> str:
    asked = (customer, proposal.action, proposal.order, dict(proposal.arguments))
    if (known.customer_id, known.action, known.order_id, known.arguments) != asked:
        raise PermanentFailure(f"something else was done before under the key {known.key}")
    return known.reference


def _changes(proposal: Proposal) -> dict[str, Any]:
    changes: dict[ProposedAction, dict[str, Any]] = {
        "cancel_order": {"status": "cancelled"},
        "refund": {"status": "refunded"},
        "change_address": {"details": dict(proposal.arguments)},
    }
    return changes[proposal.action]
