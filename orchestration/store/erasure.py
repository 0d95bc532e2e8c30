"""What is held about one customer: exported whole, or erased with only ids and costs left."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from orchestration.models import (
    Action,
    Approval,
    Card,
    ChatSession,
    Command,
    Conversation,
    Customer,
    CustomerRow,
    Delivery,
    Escalation,
    Event,
    Example,
    File,
    Message,
    OrderRow,
    RawEvent,
    RegressionCase,
    Run,
    Step,
    TrialTurn,
    table,
)
from orchestration.store import rows
from orchestration.store.conversations import LEASE, conversations, lock, messages, runs
from orchestration.store.deliveries import add_delivery
from orchestration.store.examples import ERASED, forget_examples
from orchestration.store.regressions import redact_regressions
from orchestration.types import Json

# The kind of the deliveries that take back what stands elsewhere.
TAKEN_BACK = "erasure"
_OWNED: tuple[Any, ...] = (
    RawEvent,
    Message,
    Event,
    Run,
    Approval,
    Escalation,
    Delivery,
    Example,
    TrialTurn,
    RegressionCase,
)


def list_silent(connection: Connection, *, before: datetime) -> list[Conversation]:
    """Return open conversations whose last word is the bot's and older than a moment."""
    statement = (
        select(conversations)
        .where(
            conversations.c.status == "open",
            conversations.c.last_word == "bot",
            conversations.c.changed_at < before,
        )
        .limit(500)
    )
    return rows.fetch(connection, Conversation, statement)


def list_resolved(connection: Connection, *, before: datetime) -> list[str]:
    """Return the ids of conversations that were resolved before a moment and not erased yet."""
    statement = (
        select(conversations.c.id)
        .where(
            conversations.c.status == "resolved",
            conversations.c.resolved_at < before,
            conversations.c.external_id.not_like(f"{ERASED}%"),
        )
        .limit(500)
    )
    return list(connection.execute(statement).scalars())


def make_leased_due(connection: Connection, now: datetime) -> None:
    """Make conversations due that a worker has taken and not settled."""
    connection.execute(
        update(conversations)
        .where(conversations.c.due_at > now, conversations.c.due_at <= now + LEASE)
        .values(due_at=now)
    )


def drop_expired(connection: Connection, *, now: datetime, commands_before: datetime) -> None:
    """Drop expired chat sessions and the answers of old commands."""
    sessions, commands = table(ChatSession), table(Command)
    connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    connection.execute(delete(commands).where(commands.c.at < commands_before))


@dataclass(frozen=True, kw_only=True)
class Person:
    """Everybody and everything that one customer is here: who wrote, and the shop's records."""

    customers: tuple[Customer, ...]
    records: tuple[CustomerRow, ...]
    shop_ids: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether anything is held about them."""
        return bool(self.customers or self.records)


def find_person(connection: Connection, id: str) -> Person:
    """Return whom an id or e-mail address means, joined as orders are: by what is vouched for."""
    people, records = table(Customer), table(CustomerRow)
    own = or_(people.c.id == id, people.c.external_id == id, _is(people.c.email, [id]))
    found = rows.fetch(connection, Customer, select(people).where(own))
    vouched = [person for person in found if person.verified]
    ids = [id, *(person.external_id for person in vouched)]
    emails = [id, *(person.email for person in vouched if person.email)]
    theirs = or_(records.c.id.in_(ids), _is(records.c.email, emails))
    known = rows.fetch(connection, CustomerRow, select(records).where(theirs))
    same = or_(
        people.c.external_id.in_([record.id for record in known]),
        _is(people.c.email, [record.email for record in known if record.email]),
    )
    others = rows.fetch(connection, Customer, select(people).where(same, people.c.verified))
    everybody = {person.id: person for person in [*found, *others]}
    shop_ids = {*ids, *(record.id for record in known)}
    return Person(
        customers=tuple(everybody.values()), records=tuple(known), shop_ids=tuple(shop_ids)
    )


def _is(column: Any, emails: Sequence[str]) -> Any:
    return func.lower(column).in_([email.lower() for email in emails])


def export_customer(connection: Connection, id: str) -> dict[str, Json]:
    """Return all that is held about a customer."""
    person = find_person(connection, id)
    talks = _conversations_of(connection, person.customers)
    return {
        "customers": [one.model_dump(mode="json") for one in person.customers],
        "records": [one.model_dump(mode="json") for one in person.records],
        "orders": _dump(connection, OrderRow, table(OrderRow).c.customer_id.in_(person.shop_ids)),
        "actions": _dump(connection, Action, table(Action).c.customer_id.in_(person.shop_ids)),
        "conversations": [_export_conversation(connection, one) for one in talks],
    }


def _conversations_of(connection: Connection, people: Sequence[Customer]) -> list[Conversation]:
    own = conversations.c.customer_id.in_([person.id for person in people])
    return rows.fetch(connection, Conversation, select(conversations).where(own))


def _export_conversation(connection: Connection, conversation: Conversation) -> dict[str, Json]:
    exported: dict[str, Json] = conversation.model_dump(mode="json")
    for model in _OWNED:
        target = table(model)
        exported[target.name] = _dump(
            connection, model, target.c.conversation_id == conversation.id
        )
    files = table(File)
    own = select(messages.c.id).where(messages.c.conversation_id == conversation.id)
    exported["files"] = [
        {"name": row.name, "type": row.type, "url": row.url, "bytes": len(row.content or b"")}
        for row in connection.execute(select(files).where(files.c.message_id.in_(own)))
    ]
    return exported


def _dump(connection: Connection, model: Any, condition: Any) -> list[Json]:
    found = rows.fetch(connection, model, select(table(model)).where(condition))
    return [row.model_dump(mode="json") for row in found]


def erase_customer(connection: Connection, id: str) -> int:
    """Erase what is held about a customer; returns how many conversations that concerned."""
    person = find_person(connection, id)
    talks = _conversations_of(connection, person.customers)
    for conversation in talks:
        erase_conversation(connection, conversation.id)
    _erase_records(connection, person.shop_ids)
    for one in person.customers:
        sessions = table(ChatSession)
        connection.execute(delete(sessions).where(sessions.c.external_id == one.external_id))
        values = {"external_id": f"{ERASED} {one.id}", "email": None, "name": None}
        connection.execute(
            update(table(Customer)).where(table(Customer).c.id == one.id).values(**values)
        )
    return len(talks)


def _erase_records(connection: Connection, ids: Sequence[str]) -> None:
    orders, records, actions = table(OrderRow), table(CustomerRow), table(Action)
    own = actions.c.customer_id.in_(ids)
    _blank(connection, actions, own, customer_id=ERASED, arguments=None)
    connection.execute(delete(orders).where(orders.c.customer_id.in_(ids)))
    connection.execute(delete(records).where(records.c.id.in_(ids)))


def erase_conversation(connection: Connection, id: str) -> None:
    """Erase the words of a conversation; its ids, times, routes and costs stay.

    What is under way in it ends, and a worker that is at it commits nothing more.
    """
    lock(connection, id)
    cards = table(Card)
    connection.execute(delete(cards).where(cards.c.conversation_id == id))
    _stop(connection, id)
    forget_examples(connection, id)
    own_messages = select(messages.c.id).where(messages.c.conversation_id == id)
    own_runs = select(runs.c.id).where(runs.c.conversation_id == id)
    files, steps, deliveries = table(File), table(Step), table(Delivery)
    connection.execute(delete(files).where(files.c.message_id.in_(own_messages)))
    _blank(connection, steps, steps.c.run_id.in_(own_runs), input=None, output=None, error=None)
    shown = _list_shown(connection, id)
    own_deliveries = deliveries.c.conversation_id == id
    _blank(connection, deliveries, own_deliveries, body="", target="", error=None)
    _blank(
        connection,
        messages,
        messages.c.conversation_id == id,
        text=ERASED,
        author_name=None,
        citations=None,
        details=None,
    )
    redact_regressions(connection, id)
    words = {
        "text": ERASED,
        **dict.fromkeys(("entry", "output", "classification", "parts", "error")),
    }
    _blank(connection, runs, runs.c.conversation_id == id, **words)
    for model, values in (
        (Approval, dict.fromkeys(("draft", "reasons", "proposal", "text", "reason"))),
        (Escalation, {"brief": None, "reason": ERASED, "end_reason": None, "suggestion": None}),
        (Event, {"details": None}),
        (TrialTurn, {"details": None}),
        (RawEvent, {"body": None}),
    ):
        target = table(model)
        _blank(connection, target, target.c.conversation_id == id, **values)
    _blank(
        connection,
        conversations,
        conversations.c.id == id,
        external_id=f"{ERASED} {id}",
        memory=None,
        details=None,
        callback_url=None,
        reply_to=None,
        private_to=None,
        rating_comment=None,
        due_at=None,
        status="resolved",
        resolution=func.coalesce(conversations.c.resolution, "closed"),
        assignee=None,
        revision=conversations.c.revision + 1,
        turn_token=conversations.c.turn_token + 1,
    )
    for post in shown:
        _take_back(connection, post)


def _list_shown(connection: Connection, id: str) -> list[Delivery]:
    """Return what was posted where it stays until we take it back."""
    deliveries = table(Delivery)
    statement = select(deliveries).where(
        deliveries.c.conversation_id == id,
        deliveries.c.channel == "slack",
        deliveries.c.kind != TAKEN_BACK,
        deliveries.c.reference.is_not(None),
    )
    found = rows.fetch(connection, Delivery, statement)
    return list({post.reference: post for post in reversed(found)}.values())


def _take_back(connection: Connection, post: Delivery) -> None:
    details = {
        "message": post.reference,
        "delivery": post.id,
        "thread": post.target.partition("/")[2],
        "at": post.created_at.isoformat(),
    }
    add_delivery(
        connection,
        rows.get(connection, Conversation, post.conversation_id),
        channel=post.channel,
        kind=TAKEN_BACK,
        audience="programs",
        author="system",
        target=str(post.reference),
        body=json.dumps({"type": "slack.delete", "data": details}),
        # Long past, and so due at once.
        now=post.created_at,
    )


def _stop(connection: Connection, id: str) -> None:
    """End the runs, drafts, cases and deliveries of a conversation, as far as they are open."""
    for model, unfinished, over in (
        (Run, ("running", "waiting"), "superseded"),
        (Approval, ("open",), "withdrawn"),
        (Escalation, ("open", "claimed"), "resolved"),
        (Delivery, ("pending", "sending"), "withheld"),
    ):
        columns = table(model).c
        own = and_(columns.conversation_id == id, columns.status.in_(unfinished))
        connection.execute(update(table(model)).where(own).values(status=over))
    unanswered = and_(messages.c.conversation_id == id, messages.c.turn_id.is_(None))
    connection.execute(update(messages).where(unanswered).values(turn_id="erased"))


def _blank(connection: Connection, rows_of: Any, condition: Any, /, **values: Any) -> None:
    connection.execute(update(rows_of).where(condition).values(**values))
