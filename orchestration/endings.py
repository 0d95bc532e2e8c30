"""What the end of a run writes: the reply, the case, the steps and the run, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from orchestration import delivery, escalation, proposals, resolution, store
from orchestration.context import Case, Toolbox, memories
from orchestration.costs import estimate_tokens
from orchestration.journal import Journal, Place
from orchestration.models import Approval, Conversation
from orchestration.nodes import End, Wait, as_json
from orchestration.prompts import load
from orchestration.state import ENTRY_FIELDS, classification_of
from orchestration.store import plain
from orchestration.types import Draft, Json, Memory, RunId


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Everything the last transaction of a run needs."""

    case: Case
    tools: Toolbox
    journal: Journal
    state: Mapping[str, Json]
    now: datetime


# What the last resort takes over from a run's state; classifying and routing alone write it.
_SAFE = ("urgency", "language", "route", "rule", "rules_tried")


def finish(connection: Connection, ending: Ending, end: End) -> None:
    """Write how the run ended; raises `Superseded` where the conversation has moved on."""
    conversation = ending.journal.commit(connection)
    _WRITERS[end.kind](connection, ending, conversation, end)
    _close_turn(connection, ending, conversation, outcome=end.kind)


def wait(connection: Connection, ending: Ending, waiting: Wait, place: Place) -> None:
    """Put the draft before a human and let the run wait; the customer is told once.

    Raises `AlreadyPending` where the action it proposes is pending already.
    """
    conversation = ending.journal.commit(connection)
    run = ending.journal.run
    approval = Approval(
        id=store.new_id(),
        run_id=run.id,
        part=place.part,
        node=place.node,
        visit=place.visit,
        conversation_id=conversation.id,
        draft=as_json(waiting.draft),
        proposal=proposals.as_json(waiting.proposal),
        order_id=waiting.proposal.order if waiting.proposal else None,
        action=waiting.proposal.action if waiting.proposal else None,
        reasons=list(waiting.reasons),
        expires_at=waiting.expires_at,
        created_at=ending.now,
    )
    store.open_approval(connection, approval)
    # The turn is with a human now; what makes the draft useless gives the messages back.
    store.answer(connection, ending.case.turn, run.id)
    if conversation.status == "resolved":
        store.set_status(connection, conversation, "open", now=ending.now)
    if not _is_by_api(conversation):
        _tell(connection, ending, conversation, _text(ending, "colleague_checking"))
    store.change_run(connection, run.id, status="waiting", **_decision(ending))


def last_resort(connection: Connection, ending: Ending, *, node: str, error: str) -> None:
    """End a run that cannot go on: canned answer, case and failed run, whatever has happened.

    Of what the run knew it takes only what cannot fail in its turn.
    """
    kept = {name: ending.state[name] for name in (*_SAFE, *ENTRY_FIELDS) if name in ending.state}
    ending = replace(ending, state={**kept, "failure": {"node": node, "error": error}})
    conversation = ending.journal.commit(connection, is_last_resort=True)
    if _is_by_api(conversation):
        # Whoever asked for the run sees that it failed; there is nobody else to answer.
        _shut(connection, ending, conversation)
        _close_turn(
            connection, ending, conversation, outcome="failed", status="failed", error=error
        )
        return
    end = End(
        kind="escalate",
        queue=escalation.DEFAULT_QUEUE,
        reason=f"the node {node} failed: {error}",
        brief=escalation.bare_brief(ending.case, error),
    )
    _escalate(connection, ending, conversation, end)
    _close_turn(connection, ending, conversation, outcome="escalate", status="failed", error=error)


def _send(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    draft = end.draft
    assert draft is not None  # noqa: S101
    closes = draft.closes and conversation.status in ("open", "resolved")
    if conversation.status == "resolved" and not closes:
        store.set_status(connection, conversation, "open", now=ending.now)
    _tell(connection, ending, conversation, draft.text, draft)
    # Turns that were answered while this one waited for a human know better what was said last.
    if not store.has_newer_run(connection, ending.journal.run):
        remembered = memories.dump_python(draft.memory, mode="json")
        store.change(connection, conversation.id, memory=remembered)
    if closes and conversation.status == "open" and _was_answered(ending):
        resolution.resolve(connection, ending.tools, conversation, "confirmed", ending.now)


def _was_answered(ending: Ending) -> bool:
    """Tell whether the last word before this turn was the bot's."""
    before = [message for message in ending.case.transcript if message.id not in ending.case.turn]
    return bool(before) and before[-1].author == "bot"


def _escalate(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    urgency = str(ending.state.get("urgency") or "normal")
    reason = "; ".join([end.reason, *_loose_ends(connection, ending, end.reason)])
    if store.find_open_escalation(connection, conversation.id):
        # Its agents read on in the conversation; the customer knows that one of them will answer.
        _note(connection, ending, conversation, reason)
        return
    escalation.open_case(
        connection,
        ending.tools,
        conversation,
        run=ending.journal.run.id,
        queue=end.queue or escalation.DEFAULT_QUEUE,
        reason=reason,
        urgency=urgency,
        brief=end.brief or escalation.bare_brief(ending.case, end.reason),
        now=ending.now,
    )
    _tell(connection, ending, conversation, _handed_over(ending))
    # A pending question of the bot's is no longer the bot's to ask.
    memory = Memory(
        last_intent=ending.case.memory.last_intent,
        last_order=ending.case.memory.last_order,
        listed_orders=ending.case.memory.listed_orders,
        language=_language(ending),
    )
    store.change(connection, conversation.id, memory=memories.dump_python(memory, mode="json"))


def _loose_ends(connection: Connection, ending: Ending, reason: str) -> list[str]:
    """Say what was released in this run and not confirmed by the shop, where `reason` does not."""
    told = []
    for approval in store.list_released(connection, ending.journal.run.id):
        words = proposals.describe(proposals.from_json(approval.proposal))
        if approval.outcome is None:
            store.finish_action(connection, approval.id, "not_done")
            told.append(f"this was released and not done: {words}")
        elif approval.outcome in ("begun", "unknown") and words not in reason:
            told.append(f"nobody knows whether this was done: {words}")
    return told


def _note(connection: Connection, ending: Ending, conversation: Conversation, text: str) -> None:
    store.say(
        connection,
        conversation,
        author="system",
        text=text,
        now=ending.now,
        run_id=ending.journal.run.id,
        audience="agents",
    )


def _handed_over(ending: Ending) -> str:
    promise = escalation.promise(ending.tools, _language(ending), ending.now)
    key = _what_happened(ending)
    return f"{_text(ending, key)} {promise}" if key else promise


def _what_happened(ending: Ending) -> str | None:
    """Return the sentence that goes before the promise of a colleague, where one is due."""
    state = ending.state
    if state.get("failure") or "intent" not in state:
        return "canned_failure"
    if not ending.case.is_verified and state.get("entities.emails"):
        return "email_noted"
    if state.get("out_of_scope") and _language(ending) != ending.tools.shop.language:
        return "language_unknown"
    return None


def _close(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    if end.text:
        _tell(connection, ending, conversation, end.text)
    if conversation.status != "assigned":
        resolution.resolve(connection, ending.tools, conversation, "closed", ending.now)


def _output(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    store.change_run(connection, ending.journal.run.id, output=dict(end.output or {}))
    _shut(connection, ending, conversation)


def _shut(connection: Connection, ending: Ending, conversation: Conversation) -> None:
    """Resolve the conversation of a run by API; nobody waits to hear of that."""
    values = {"resolution": "closed", "resolved_at": ending.now}
    store.set_status(connection, conversation, "resolved", now=ending.now, **values)


def _is_by_api(conversation: Conversation) -> bool:
    return conversation.channel == store.API


_WRITERS = {"send": _send, "escalate": _escalate, "close": _close, "output": _output}


def _tell(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    text: str,
    draft: Draft | None = None,
) -> None:
    citations = [
        {"id": each.id, "title": each.title, "url": each.url}
        for each in (draft.citations if draft else ())
    ]
    # What has been done outside is told to the agent who has taken over, not to the customer.
    is_with_agent = conversation.status == "assigned"
    message = store.say(
        connection,
        conversation,
        author="bot",
        author_name=ending.tools.shop.bot_name,
        text=text,
        now=ending.now,
        run_id=ending.journal.run.id,
        citations=citations,
        audience="agents" if is_with_agent else "customer",
    )
    if is_with_agent:
        return
    current = store.get(connection, Conversation, conversation.id)
    notice = _text(ending, "written_to_you") if draft and _is_personal(draft) else None
    delivery.queue_message(connection, current, message, ending.now, notice=notice)


def _is_personal(draft: Draft) -> bool:
    """Tell whether the answer may draw on what only its customer should read."""
    if draft.evidence:
        return any(one.kind not in ("article", "shop") for one in draft.evidence)
    return draft.responder != "template"


def _text(ending: Ending, key: str, **values: str) -> str:
    return ending.tools.texts.say(key, _language(ending), **values)


def _language(ending: Ending) -> str:
    known = ending.state.get("language") or ending.case.language
    return str(known or ending.tools.shop.language)


def _close_turn(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    *,
    outcome: str,
    status: str = "done",
    error: str | None = None,
) -> None:
    run = ending.journal.run
    store.answer(connection, ending.case.turn, run.id)
    store.change(connection, conversation.id, turns=conversation.turns + 1, supersedes=0)
    store.change_run(
        connection,
        run.id,
        status=status,
        outcome=outcome,
        error=error,
        finished_at=ending.now,
        **_decision(ending),
        **_booked(connection, ending),
    )


def _booked(connection: Connection, ending: Ending) -> dict[str, Decimal]:
    """Return what the run cost, and what it would have cost on the premium model alone."""
    if ending.tools.gateway is None:
        return {}
    if _is_by_api(ending.case.conversation):
        # Its steps are compared with themselves at the premium price; it answers no message.
        total = ending.tools.gateway.sum_up(
            connection, RunId(ending.journal.run.id), context_tokens=0, answer_tokens=0
        )
        return {"cost": total.cost, "premium_cost": total.premium_cost or Decimal(0)}
    draft = ending.state.get("draft") or {}
    said = [message.text for message in ending.case.transcript[-10:]]
    shown = [fact["text"] for fact in draft.get("evidence", ())]
    total = ending.tools.gateway.sum_up(
        connection,
        RunId(ending.journal.run.id),
        context_tokens=estimate_tokens("\n".join([load("strong").text, *said, *shown])),
        answer_tokens=estimate_tokens(str(draft.get("text", ""))),
    )
    return {"cost": total.cost, "premium_cost": total.premium_cost or Decimal(0)}


def _decision(ending: Ending) -> dict[str, Json]:
    state = ending.state
    is_classified = "intent" in state
    return {
        "route": state.get("route"),
        "rule": state.get("rule"),
        "rules_tried": state.get("rules_tried"),
        "classification": plain(classification_of(state)) if is_classified else None,
        "fingerprint": ending.tools.catalog.fingerprint,
        # A later version can be tried on this turn only with what the turn began with.
        "entry": {**(ending.journal.run.entry or {}), **_entry(state)},
    }


def _entry(state: Mapping[str, Json]) -> dict[str, Json]:
    return {name: state[name] for name in ENTRY_FIELDS if name in state}
