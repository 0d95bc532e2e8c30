"""What people teach the classifier: customers' words proposed as examples, accepted or rejected."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from orchestration import masking, store
from orchestration.errors import BadInput, Conflict
from orchestration.models import Escalation, Example, Run
from orchestration.types import Json

CORRECTION, RESOLUTION = "correction", "resolution"


def correct(
    connection: Connection, run: str, *, intent: str, by: str, now: datetime, part: int = 0
) -> Example:
    """Propose a run's words as an example of the intent that they really are about.

    A later correction of the same words replaces an earlier one that nobody has decided on; raises
    `Conflict` where somebody has.
    """
    _require_intent(connection, intent)
    found = store.get(connection, Run, run)
    example = _drawn_from(found, part=part, source=CORRECTION, intent=intent, by=by, now=now)
    if example is None:
        raise BadInput("the run has no text, or nothing has classified it", field="run")
    return _propose(connection, example)


def propose_resolved(
    connection: Connection, case: Escalation, *, by: str, now: datetime
) -> Example | None:
    """Propose what led to a case that an agent resolved, unless it was proposed already.

    Without an intent where the classification knew none: whoever accepts it names one.
    """
    run = store.get(connection, Run, case.run_id) if case.run_id else None
    if run is None or store.find_example(connection, run.id, 0):
        return None
    example = _drawn_from(run, part=0, source=RESOLUTION, intent=None, by=by, now=now)
    if example is None:
        return None
    known = {intent.name: intent.examples for intent in store.list_intents(connection)}
    if example.text.casefold() in {text.casefold() for text in known.get(example.guess, ())}:
        return None
    intent = example.guess if example.guess in known else None
    return _propose(connection, example.model_copy(update={"intent": intent}))


def accept(
    connection: Connection, id: str, *, by: str, now: datetime, intent: str | None = None
) -> Example:
    """Make the words an example of their intent, or of another; the classifier learns it anew."""
    example = _undecided(connection, id)
    name = intent or example.intent
    if name is None:
        raise BadInput("is not known yet; name the intent that the words are about", field="intent")
    _require_intent(connection, name)
    is_added = store.add_to_intent(connection, name, example.text)
    return _decide(connection, example, "accepted", by, now, intent=name, is_added=is_added)


def reject(connection: Connection, id: str, *, by: str, now: datetime) -> Example:
    """Keep the words out of what the classifier learns."""
    return _decide(connection, _undecided(connection, id), "rejected", by, now)


def _drawn_from(
    run: Run, *, part: int, source: str, intent: str | None, by: str, now: datetime
) -> Example | None:
    """Return the words of a run as an example; None where there are none, or nothing read them."""
    text = " ".join(masking.redact(run.text).split())
    read: Mapping[str, Json] | None = run.classification
    if not text or text == store.ERASED or not read:
        return None
    return Example(
        id=store.new_id(),
        run_id=run.id,
        part=part,
        conversation_id=run.conversation_id,
        message_id=next(iter(run.messages or ()), None),
        source=source,
        text=text,
        intent=intent,
        guess=read["intent"],
        confidence=read["confidence"],
        proposed_by=by,
        proposed_at=now,
    )


def _propose(connection: Connection, example: Example) -> Example:
    if store.add_unless_there(connection, example):
        return example
    earlier = store.find_example(connection, example.run_id, example.part)
    assert earlier is not None  # noqa: S101
    earlier = _undecided(connection, earlier.id)
    changed = example.model_copy(update={"id": earlier.id})
    store.put(connection, changed)
    return changed


def _undecided(connection: Connection, id: str) -> Example:
    example = store.lock_example(connection, id)
    if example.status != "proposed":
        by = f" by {example.decided_by}" if example.decided_by else ""
        raise Conflict(f"the example is {example.status}{by}", current={"status": example.status})
    return example


def _decide(
    connection: Connection, example: Example, status: str, by: str, now: datetime, **values: Json
) -> Example:
    decision = {"status": status, "decided_by": by, "decided_at": now, **values}
    decided = example.model_copy(update=decision)
    store.put(connection, decided)
    return decided


def _require_intent(connection: Connection, name: str) -> None:
    known = [intent.name for intent in store.list_intents(connection)]
    if name not in known:
        raise BadInput(f"{name!r} is no intent; there are: {', '.join(known)}", field="intent")
