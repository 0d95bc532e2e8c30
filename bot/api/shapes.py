"""How rows look in the contract's JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration import proposals
from orchestration.backtest.cases import Result
from orchestration.escalation import ResponseClock, read_clock, suggestion_of
from orchestration.models import (
    Approval,
    AuditEntry,
    Conversation,
    Customer,
    Delivery,
    Escalation,
    Event,
    Example,
    Message,
    ModelCall,
    RegressionCase,
    Reminder,
    Run,
    Step,
    Trial,
    WorkflowVersion,
)
from orchestration.shop import Shop
from orchestration.store import Costs, Verdict
from orchestration.types import Json

# A visitor whose page has not asked for news for this long is taken to be away.
AWAY_AFTER = timedelta(seconds=45)


def moment(value: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None


def money(value: Decimal) -> str:
    """Return dollars as a decimal string without an exponent."""
    return f"{value.normalize():f}" if value else "0"


def message(row: Message, files: Sequence[Json] = ()) -> dict[str, Any]:
    """Return one thing that was said."""
    shape = {
        "id": row.id,
        "seq": row.seq,
        "author": row.author,
        "author_name": row.author_name,
        "text": row.text,
        "at": moment(row.at),
        "run_id": row.run_id,
        "citations": row.citations or [],
    }
    attached = [file for file in files if file["message_id"] == row.id]
    if attached:
        shape["attachments"] = [
            {name: file[name] for name in ("id", "name", "type", "url", "size")}
            for file in attached
        ]
    if row.audience != "customer":
        shape["audience"] = row.audience
    return shape


def customer(row: Customer) -> dict[str, Any]:
    """Return who the customer is and whether somebody vouches for it."""
    return {
        "id": row.external_id,
        "email": row.email,
        "name": row.name,
        "verified": row.verified,
    }


def conversation(row: Conversation, person: Customer) -> dict[str, Any]:
    """Return a conversation without its messages."""
    return {
        "id": row.id,
        "channel": row.channel,
        "conversation": row.external_id,
        "status": row.status,
        "resolution": row.resolution,
        "customer": customer(person),
        "assignee": row.assignee,
        "previous_id": row.previous_id,
        "rating": row.rating,
        "created_at": moment(row.created_at),
        "changed_at": moment(row.changed_at),
    }


def event(row: Event) -> dict[str, Any]:
    """Return what a watcher is told."""
    return {**(row.details or {}), "at": moment(row.at)}


def model_call(row: ModelCall) -> dict[str, Any]:
    """Return one request to a model; a cost of None is unknown, not nothing."""
    return {
        "tier": row.tier,
        "model": row.model,
        "purpose": row.purpose,
        "attempt": row.attempt,
        "status": row.status,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "cost": None if row.cost is None else money(row.cost),
        "ms": row.ms,
        "error": row.error,
    }


def costs(row: Costs) -> dict[str, Any]:
    """Return what was spent and saved."""
    return {
        "spent": money(row.spent),
        "premium_cost": money(row.premium_cost),
        "saved": money(row.saved),
        "avoided": money(row.avoided),
        "turns": row.turns,
        "human_share": row.human_share,
        "calls": row.calls,
        "unpriced_calls": row.unpriced,
        "incomparable_turns": row.incomparable,
    }


def step(row: Step, calls: Sequence[ModelCall] = ()) -> dict[str, Any]:
    """Return one step of a run, with the requests it made to models."""
    return {
        "node": row.node,
        "kind": row.kind,
        "part": row.part,
        "visit": row.visit,
        "status": row.status,
        "exit": row.exit,
        "attempt": row.attempt,
        "started_at": moment(row.started_at),
        "ms": row.ms,
        "input": row.input or {},
        "output": row.output or {},
        "error": row.error,
        "model_calls": [
            model_call(call)
            for call in calls
            if (call.node, call.part, call.visit) == (row.node, row.part, row.visit)
        ],
    }


def run(row: Run) -> dict[str, Any]:
    """Return a run without its steps."""
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "status": row.status,
        "workflow": {"name": row.workflow, "version": row.version},
        "route": row.route,
        "rule": row.rule,
        "rules_tried": row.rules_tried or [],
        "classification": row.classification,
        "parts": row.parts or [],
        "outcome": row.outcome,
        "input": (row.entry or {}).get("input"),
        "output": row.output,
        "error": row.error,
        "text": row.text,
        "messages": row.messages or [],
        "cost": money(row.cost),
        "premium_cost": money(row.premium_cost) if row.has_baseline else None,
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
    }


def approval(row: Approval, said_since: Sequence[Message] = ()) -> dict[str, Any]:
    """Return a draft that waits for a human, or waited, and what the customer wrote meanwhile."""
    return {
        "id": row.id,
        "run_id": row.run_id,
        "part": row.part,
        "conversation_id": row.conversation_id,
        "status": row.status,
        "expires_at": moment(row.expires_at),
        "draft": (row.draft or {}).get("text"),
        "reasons": row.reasons or [],
        "proposal": proposal(row.proposal) if row.proposal else None,
        "outcome": row.outcome,
        "reference": row.reference,
        "messages_since": [message(each) for each in said_since],
        "decided_by": row.decided_by,
        "reason": row.reason,
    }


def proposal(kept: Json) -> dict[str, Any]:
    """Return an action with all its arguments, and its name in our words."""
    proposed = proposals.from_json(kept)
    return {
        "action": proposed.action,
        "arguments": {"order": proposed.order, **proposed.arguments},
        "description": proposals.describe(proposed),
        "why": proposed.why,
    }


def escalation(row: Escalation) -> dict[str, Any]:
    """Return a case without what belongs to it."""
    brief = {**row.brief, "suggested_reply": suggestion_of(row)} if row.brief else row.brief
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "run_id": row.run_id,
        "status": row.status,
        "reason": row.reason,
        "urgency": row.urgency,
        "queue": row.queue,
        "assignee": row.assignee,
        "version": row.version,
        "due_at": moment(row.due_at),
        "snoozed_until": moment(row.snoozed_until),
        "created_at": moment(row.created_at),
        "claimed_at": moment(row.claimed_at),
        "replied_at": moment(row.replied_at),
        "ended_at": moment(row.ended_at),
        "end_reason": row.end_reason,
        "suggested_upto": row.suggested_upto,
        "brief": brief,
    }


def timed_escalation(row: Escalation, shop: Shop, now: datetime) -> dict[str, Any]:
    """Return a case with its `clock`: how it stands against its response target."""
    read = read_clock(shop, row, now)
    return {**escalation(row), "clock": read and _clock(read)}


def _clock(read: ResponseClock) -> dict[str, Any]:
    return {
        "target": read.target,
        "due_at": moment(read.due_at),
        "share": read.share,
        "paused": read.paused,
    }


def workflow_version(row: WorkflowVersion, published: int | None = None) -> dict[str, Any]:
    """Return a numbered text of a workflow, without the text."""
    return {
        "name": row.name,
        "version": row.version,
        "published": row.version == published,
        "author": row.author,
        "note": row.note,
        "base_version": row.base,
        "created_at": moment(row.created_at),
        "published_at": moment(row.published_at),
        "published_by": row.published_by,
        "override": row.override,
    }


def audit_entry(row: AuditEntry) -> dict[str, Any]:
    """Return one change that was recorded."""
    return {
        "position": row.position,
        "at": moment(row.at),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "details": row.details or {},
        "previous": row.previous,
        "hash": row.hash,
    }


def verdict(found: Verdict) -> dict[str, Any]:
    """Return whether the audit log is whole, and its head to note elsewhere."""
    return {
        "entries": found.entries,
        "position": found.position,
        "hash": found.hash,
        "broken": found.broken,
    }


def presence(row: Conversation, now: datetime) -> dict[str, Any]:
    """Tell whether the customer's page is open, where the channel can know."""
    if row.channel != "chat":
        return {"away": None, "seen_at": None}
    away = row.seen_at is None or now - row.seen_at > AWAY_AFTER
    return {"away": away, "seen_at": moment(row.seen_at)}


def reminder(row: Reminder) -> dict[str, Any]:
    """Return a reminder that was sent."""
    return {"level": row.level, "sent_at": moment(row.sent_at), "due_at": moment(row.due_at)}


def delivery(row: Delivery) -> dict[str, Any]:
    """Return how an outbound message fares."""
    return {
        "id": row.id,
        "message_id": row.message_id,
        "channel": row.channel,
        "kind": row.kind,
        "audience": row.audience,
        "status": row.status,
        "attempts": row.attempts,
        "error": row.error,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
    }


def example(row: Example) -> dict[str, Any]:
    """Return a customer's words that are proposed as an example, or were."""
    return {
        "id": row.id,
        "run_id": row.run_id,
        "part": row.part,
        "conversation_id": row.conversation_id,
        "message_id": row.message_id,
        "source": row.source,
        "status": row.status,
        "text": row.text,
        "intent": row.intent,
        "guess": row.guess,
        "confidence": row.confidence,
        "proposed_by": row.proposed_by,
        "proposed_at": moment(row.proposed_at),
        "decided_by": row.decided_by,
        "decided_at": moment(row.decided_at),
    }


def trial(row: Trial) -> dict[str, Any]:
    """Return a backtest or shadow without what it has found."""
    return {
        "id": row.id,
        "workflow": {"name": row.workflow, "version": row.version},
        "status": row.status,
        "done": row.done,
        "total": row.total,
        "last": row.last,
        "since": moment(row.since),
        "author": row.author,
        "error": row.error,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
    }


def case(row: RegressionCase) -> dict[str, Any]:
    """Return a regression case without its recording."""
    return {
        "workflow": row.workflow,
        "name": row.name,
        "run_id": row.run_id,
        "redacted": row.is_redacted,
        "text": row.recording["text"],
        "expected": row.expected,
        "author": row.author,
        "created_at": moment(row.created_at),
    }


def result(one: Result) -> dict[str, Any]:
    """Return what a version made of a case; `unknown` says from where on nobody can tell."""
    passed = one.failure is None
    return {"name": one.name, "passed": passed, "failure": one.failure, "unknown": one.unknown}
