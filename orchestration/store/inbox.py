"""What a channel was told, kept as it came; and what people change of what they wrote."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from orchestration import masking
from orchestration.models import Conversation, Escalation, File, Message, RawEvent, Run, Step, table
from orchestration.store import approvals, conversations, deliveries, messages, rows
from orchestration.types import Json, Raw

raw_events = table(RawEvent)
files = table(File)
steps = table(Step)

# What stands in the place of a message that its author took back.
DELETED = "[deleted]"
# So much of a message stands in the summary of a case's brief.
_QUOTED = 500
# Names, ids and addresses of an event; everything else in it may be what somebody wrote.
_NO_WORDS = ("id", "_id", "ts", "type", "channel", "user", "team", "url", "_ts", "time")


def keep(
    connection: Connection,
    raw: Raw,
    now: datetime,
    *,
    conversation: str | None = None,
    is_ours: bool = True,
) -> bool:
    """Keep an event once, without its words where it is not ours; tell whether it is new."""
    event = RawEvent(**values_of(raw), conversation_id=conversation, at=now)
    if not is_ours:
        event.body = None
    return rows.add_unless_there(connection, event)


def values_of(raw: Raw) -> dict[str, Any]:
    """Return what is kept of an event that is ours."""
    return {"source": raw.source, "id": raw.id, "kind": raw.kind, "body": _masked(raw.body)}


def _masked(value: Json, name: str = "") -> Json:
    if isinstance(value, dict):
        return {key: _masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    if isinstance(value, str) and not name.endswith(_NO_WORDS):
        return masking.mask(value)
    return value


def list_raw_kinds(connection: Connection) -> set[str]:
    """Return the kinds of events that have ever come."""
    return set(connection.execute(select(raw_events.c.kind).distinct()).scalars())


def lock_message(connection: Connection, source: str, source_id: str) -> Message | None:
    """Return the message that a channel knows under an id, with its conversation locked."""
    condition = (
        conversations.messages.c.source == source,
        conversations.messages.c.source_id == source_id,
    )
    found = rows.find(connection, Message, *condition)
    if found is None:
        return None
    conversations.lock(connection, found.conversation_id)
    return rows.find(connection, Message, *condition)


def rewrite_message(connection: Connection, message: Message, text: str, now: datetime) -> None:
    """Take over what its author made of a message; unanswered it is answered as it is then."""
    masked = masking.mask(text)
    if masked == message.text:
        return
    _give_back(connection, message, now)
    details = {**(message.details or {}), "edited_at": now.isoformat()}
    _set(connection, message.id, text=masked, details=details)
    _tell_agents(connection, message, now)
    _start_anew(connection, message.conversation_id, now)


def redact_message(connection: Connection, message: Message, now: datetime) -> None:
    """Forget what a message said, and answer it no more where that has not been done."""
    _give_back(connection, message, now)
    details = {**(message.details or {}), "deleted_at": now.isoformat()}
    _set(connection, message.id, text=DELETED, details=details)
    connection.execute(delete(files).where(files.c.message_id == message.id))
    messages.answer(connection, [message.id], "deleted")
    _forget_events(connection, message)
    _forget_runs(connection, message)
    _forget_briefs(connection, message)
    _tell_agents(connection, message, now)
    _start_anew(connection, message.conversation_id, now)


def _tell_agents(connection: Connection, message: Message, now: datetime) -> None:
    """Record that agents who have read a message should read what it says by now."""
    details = {"message": message.id}
    conversations.record_event(
        connection, message.conversation_id, "reworded", details, now=now, audience="agents"
    )


def _forget_briefs(connection: Connection, message: Message) -> None:
    """Take the words out of the briefs that quote them."""
    escalations = conversations.escalations
    own = escalations.c.conversation_id == message.conversation_id
    for case in rows.fetch(connection, Escalation, select(escalations).where(own)):
        brief = case.brief or {}
        said = [
            {**one, "text": DELETED} if one["text"] == message.text else one
            for one in brief.get("transcript") or ()
        ]
        if not message.text or said == (brief.get("transcript") or []):
            continue
        summary = str(brief.get("summary") or "").replace(message.text[:_QUOTED], DELETED)
        values = {"brief": {**brief, "transcript": said, "summary": summary}}
        connection.execute(update(escalations).where(escalations.c.id == case.id).values(**values))


def _give_back(connection: Connection, message: Message, now: datetime) -> None:
    """Withdraw the draft that waits for a human on the strength of this message."""
    run = rows.find(connection, Run, conversations.runs.c.id == (message.turn_id or ""))
    if run and run.status == "waiting":
        approvals.withdraw_drafts(connection, message.conversation_id, now)


def _start_anew(connection: Connection, conversation: str, now: datetime) -> None:
    """Have a run under way begin again, also one that would have gone on for a further message."""
    conversations.raise_revision(connection, conversation, changed_at=now)
    running = (
        conversations.runs.c.conversation_id == conversation,
        conversations.runs.c.status == "running",
    )
    connection.execute(update(conversations.runs).where(*running).values(is_final=False))
    conversations.make_due(connection, conversation, now)


def _forget_runs(connection: Connection, message: Message) -> None:
    runs = conversations.runs
    own = runs.c.conversation_id == message.conversation_id
    for run in rows.fetch(connection, Run, select(runs).where(own)):
        if message.id not in (run.messages or ()):
            continue
        connection.execute(update(runs).where(runs.c.id == run.id).values(text=DELETED))
        # One under way still goes by its journal, and ends before it says anything.
        if run.status != "running":
            words = {"input": None, "output": None}
            connection.execute(update(steps).where(steps.c.run_id == run.id).values(**words))


def _forget_events(connection: Connection, message: Message) -> None:
    own = raw_events.c.conversation_id == message.conversation_id
    channel_id = str(message.source_id).rpartition(":")[2]
    for row in rows.fetch(connection, RawEvent, select(raw_events).where(own)):
        if channel_id in str(row.body):
            assign = (raw_events.c.source == row.source, raw_events.c.id == row.id)
            connection.execute(update(raw_events).where(*assign).values(body=None))


def _set(connection: Connection, message: str, **values: Any) -> None:
    connection.execute(
        update(conversations.messages)
        .where(conversations.messages.c.id == message)
        .values(**values)
    )


def stop_answering(connection: Connection, conversation: Conversation, now: datetime) -> None:
    """Answer what was said so far no more, and keep back what has not been sent yet."""
    approvals.withdraw_drafts(connection, conversation.id, now)
    messages.answer_all(connection, conversation.id, "stopped")
    for delivery in deliveries.list_open(connection, conversation.id):
        if delivery.author == "bot" and delivery.audience == "customer":
            deliveries.withhold(connection, delivery, now=now)
    _start_anew(connection, conversation.id, now)
