"""What people teach the classifier: customers' words proposed as examples, accepted or rejected."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from orchestration import masking, parts, store
from orchestration.errors import BadInput, Conflict
from orchestration.models import Escalation, Example, Run
from orchestration.types import Intent, Json

# Between a confidence of 0 and 1.
_BANDS = 10

CORRECTION, RESOLUTION = "correction", "resolution"


def correct(
    connection: Connection, run: str, *, intent: str, by: str, now: datetime, part: int = 0
) -> Example:
    """Propose a run's words as an example of the intent that they really are about.

    `part` is the number of the part where the turn asked for several things. A later correction of
    the same words replaces an earlier one that nobody has decided on; raises `Conflict` where
    somebody has.
    """
    _require_intent(connection, intent)
    found = store.get(connection, Run, run)
    said = {each.part: each for each in _said(found)}
    if part not in said:
        has = f"has the parts {', '.join(map(str, said))}" if said else "has no words to learn from"
        raise BadInput(f"is {part}, but the run {has}", field="part")
    source = {"source": CORRECTION, "intent": intent, "proposed_by": by, "proposed_at": now}
    return _propose(connection, said[part].model_copy(update=source))


def propose_resolved(
    connection: Connection, case: Escalation, *, by: str, now: datetime
) -> list[Example]:
    """Propose what led to a case that an agent resolved, unless it was proposed already.

    Without an intent where the classification knew none: whoever accepts it names one.
    """
    if case.run_id is None:
        return []
    known = {intent.name: intent.examples for intent in store.list_intents(connection)}
    proposed = []
    for example in _said(store.get(connection, Run, case.run_id), with_human=True):
        taught = {text.casefold() for text in known.get(example.guess, ())}
        if example.text.casefold() not in taught:
            intent = example.guess if example.guess in known else None
            source = {"source": RESOLUTION, "intent": intent, "proposed_by": by, "proposed_at": now}
            proposed.append(example.model_copy(update=source))
    return [each for each in proposed if store.add_unless_there(connection, each)]


def accept(
    connection: Connection, id: str, *, by: str, now: datetime, intent: str | None = None
) -> Example:
    """Make the words an example of their intent, or of another; the classifier learns it anew."""
    store.hold_content(connection)
    example = _undecided(connection, id)
    name = intent or example.intent
    if name is None:
        raise BadInput("is not known yet; name the intent that the words are about", field="intent")
    _require_intent(connection, name)
    is_added = store.add_to_intent(connection, name, example.text)
    decided = _decide(connection, example, "accepted", by, now, intent=name, is_added=is_added)
    store.record_audit(
        connection,
        actor=by,
        action="example.accepted",
        subject=f"intent {name}",
        details={"example": id, "sha256": store.sha256(example.text)},
        now=now,
    )
    return decided


def replace_intents(
    connection: Connection, intents: Sequence[Intent], *, by: str, now: datetime
) -> None:
    """Put these intents in place of all earlier ones, and record who did it."""
    store.replace_intents(connection, intents)
    said = json.dumps([store.plain(intent) for intent in intents], sort_keys=True, default=str)
    store.record_audit(
        connection,
        actor=by,
        action="intents.replaced",
        subject="intents",
        details={"intents": len(intents), "sha256": store.sha256(said)},
        now=now,
    )


def reject(connection: Connection, id: str, *, by: str, now: datetime) -> Example:
    """Keep the words out of what the classifier learns."""
    return _decide(connection, _undecided(connection, id), "rejected", by, now)


def figures(connection: Connection, *, since: datetime | None = None) -> dict[str, Json]:
    """Return how turns were classified since a moment, and how that agrees with what people say.

    Of the examples that somebody corrected or accepted `bands` compares the confidence with how
    often the classification was right.
    """
    by, asked = store.count_classified(connection, since=since)
    turns = sum(by.values())
    compared = asked["agreed"] + asked["differed"]
    return {
        "turns": turns,
        "local_share": by["local"] / turns if turns else None,
        "asked": dict(asked),
        "agreement": asked["agreed"] / compared if compared else None,
        "bands": _bands(store.list_observed(connection, since=since)),
    }


def _bands(observed: Sequence[tuple[float, bool]]) -> list[Json]:
    held: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, is_right in observed:
        held[min(_BANDS - 1, int(confidence * _BANDS))].append((confidence, is_right))
    return [
        {
            "from": band / _BANDS,
            "to": (band + 1) / _BANDS,
            "examples": len(each),
            "confidence": sum(confidence for confidence, _ in each) / len(each),
            "correct": sum(is_right for _, is_right in each) / len(each),
        }
        for band, each in sorted(held.items())
    ]


def _said(run: Run, *, with_human: bool = False) -> list[Example]:
    """Return the words of a run, or of each part of it, as nobody has proposed them yet.

    With `with_human` only those parts that a human had to see to.
    """
    several = parts.from_json(run.parts)
    if not several:
        drawn = [_example(run, 0, run.text, run.classification)]
    else:
        drawn = [
            _example(run, part.number, part.text, part.classification)
            for part in several
            if not with_human or part.outcome in ("escalate", "wait")
        ]
    return [example for example in drawn if example]


def _example(run: Run, part: int, words: str, read: Mapping[str, Json] | None) -> Example | None:
    text = " ".join(masking.redact(words).split())
    if not text or text == store.ERASED or not read:
        return None
    return Example(
        id=store.new_id(),
        run_id=run.id,
        part=part,
        conversation_id=run.conversation_id,
        message_id=next(iter(run.messages or ()), None),
        source="",
        text=text,
        guess=read["intent"],
        confidence=read["confidence"],
        proposed_by="",
        proposed_at=run.started_at,
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
