"""Customers' words that people propose as examples, and the intents that take them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from orchestration.models import Example, IntentRow, table
from orchestration.store import rows
from orchestration.store.shop import content_changed

# What stands where words were.
ERASED = "[erased]"

examples = table(Example)
intents = table(IntentRow)


def find_example(connection: Connection, run: str, part: int) -> Example | None:
    """Return what was proposed from one part of a run, or None."""
    return rows.find(connection, Example, examples.c.run_id == run, examples.c.part == part)


def list_examples(
    connection: Connection,
    *,
    status: str | None = None,
    limit: int = 50,
    before: tuple[datetime, str] | None = None,
) -> list[Example]:
    """Return proposed examples, newest first, those after the page that ended at `before`."""
    statement = select(examples).order_by(examples.c.proposed_at.desc(), examples.c.id.desc())
    if status:
        statement = statement.where(examples.c.status == status)
    if before:
        moment, id = before
        same = (examples.c.proposed_at == moment) & (examples.c.id < id)
        statement = statement.where(or_(examples.c.proposed_at < moment, same))
    return rows.fetch(connection, Example, statement.limit(limit))


def lock_example(connection: Connection, id: str) -> Example:
    """Return an example that nobody else decides on meanwhile; raises `NotFound`."""
    connection.execute(select(examples.c.id).where(examples.c.id == id).with_for_update())
    return rows.get(connection, Example, id)


def add_to_intent(connection: Connection, name: str, text: str) -> bool:
    """Give an intent one more example, unless it has it; tell whether it was added."""
    held = _lock_examples(connection, intents.c.name == name)
    if _is_among(text, held.get(name, [])):
        return False
    _set_examples(connection, name, [*held[name], text])
    content_changed(connection)
    return True


def forget_examples(connection: Connection, conversation: str) -> None:
    """Erase a conversation's words from what was proposed, and from the intents that took them."""
    own = examples.c.conversation_id == conversation
    given = rows.fetch(connection, Example, select(examples).where(own, examples.c.is_added))
    _drop_from_intents(connection, [example.text for example in given])
    erased = {"text": ERASED, "status": "erased", "is_added": False}
    connection.execute(update(examples).where(own).values(**erased))


def _drop_from_intents(connection: Connection, texts: Sequence[str]) -> None:
    """Take these examples away from every intent that has them."""
    changed = False
    for name, held in _lock_examples(connection).items():
        kept = [text for text in held if not _is_among(text, texts)]
        if kept != held:
            _set_examples(connection, name, kept)
            changed = True
    if changed:
        content_changed(connection)


def _lock_examples(connection: Connection, *conditions: Any) -> dict[str, list[str]]:
    statement = select(intents.c.name, intents.c.examples).where(*conditions)
    locked = connection.execute(statement.order_by(intents.c.name).with_for_update())
    return {name: list(held or ()) for name, held in locked}


def _set_examples(connection: Connection, name: str, texts: Sequence[str]) -> None:
    connection.execute(update(intents).where(intents.c.name == name).values(examples=list(texts)))


def _is_among(text: str, others: Sequence[str]) -> bool:
    return text.casefold() in {other.casefold() for other in others}
