"""Customers' words that people propose as examples, and the intents that take them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select, true, update

from orchestration.models import Example, IntentRow, Run, Step, table
from orchestration.store import rows
from orchestration.store.shop import content_changed, hold_content

# What stands where words were.
ERASED = "[erased]"

examples = table(Example)
intents = table(IntentRow)
runs = table(Run)
steps = table(Step)


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


def list_observed(
    connection: Connection, *, since: datetime | None = None
) -> list[tuple[float, bool]]:
    """Return confidences, and whether people found the classification right; newest 10 000."""
    decided = or_(examples.c.source == "correction", examples.c.decided_by.is_not(None))
    statement = (
        select(examples.c.confidence, examples.c.guess == examples.c.intent)
        .where(decided, examples.c.intent.is_not(None), examples.c.status != "rejected")
        .order_by(examples.c.proposed_at.desc())
        .limit(10_000)
    )
    if since:
        statement = statement.where(examples.c.proposed_at >= since)
    return [(confidence, bool(is_right)) for confidence, is_right in connection.execute(statement)]


def count_classified(
    connection: Connection, *, since: datetime | None = None
) -> tuple[Counter[str], Counter[str]]:
    """Count runs by what classified them, and what models said that were asked, by outcome."""
    by = runs.c.classification["by"].as_string()
    asked = steps.c.output[("asked", "outcome")].as_string()
    count = func.count()
    recent = runs.c.started_at >= since if since else true()
    classified = select(by, count).where(by.is_not(None), recent).group_by(by)
    said = (
        select(asked, count)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.kind == "classify", asked.is_not(None), recent)
        .group_by(asked)
    )
    return _counted(connection, classified), _counted(connection, said)


def _counted(connection: Connection, statement: Select[Any]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for name, number in connection.execute(statement):
        counted[name] = number
    return counted


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
    if rows.find(connection, Example, own) is None:
        return
    # Whoever accepts one of them at this moment has done so once this is held.
    hold_content(connection)
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
