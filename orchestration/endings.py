"""What the end of a run writes: the reply, the case, the steps and the run, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from orchestration import delivery, escalation, parts, proposals, resolution, store
from orchestration.context import Case, Toolbox, entry_state, memories
from orchestration.costs import estimate_tokens
from orchestration.gateway import RunCost
from orchestration.journal import Journal, Place
from orchestration.models import Approval, Conversation
from orchestration.nodes import End, Wait, as_json
from orchestration.parts import Part
from orchestration.prompts import load
from orchestration.state import ENTRY_FIELDS, classification_of
from orchestration.store import plain
from orchestration.types import Draft, Evidence, Json, Memory, RunId


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Everything the last transaction of a run needs; `parts` are those it has, as they stand."""

    case: Case
    tools: Toolbox
    journal: Journal
    state: Mapping[str, Json]
    now: datetime
    parts: tuple[Part, ...] = ()


# What classifying and routing alone write.
_SAFE = ("urgency", "language", "route", "rule", "rules_tried")


def finish(connection: Connection, ending: Ending, end: End) -> None:
    """Write how the run ended; raises `Superseded` where the conversation has moved on."""
    conversation = ending.journal.commit(connection)
    _WRITERS[end.kind](connection, ending, conversation, end)
    close_turn(connection, ending, conversation, outcome=end.kind)


def wait(connection: Connection, ending: Ending, waiting: Wait, place: Place) -> None:
    """Put the draft before a human and let the run wait; the customer is told once.

    Raises `AlreadyPending` where the action it proposes is pending already.
    """
    conversation = ending.journal.commit(connection)
    open_approval(connection, ending, conversation, waiting, place)
    if not _is_by_api(conversation):
        tell(connection, ending, conversation, say(ending, "colleague_checking"))
    wait_on(connection, ending, conversation)


def open_approval(
    connection: Connection, ending: Ending, conversation: Conversation, waiting: Wait, place: Place
) -> None:
    """Put the draft, and what it proposes, before a human.

    Raises `AlreadyPending` where the action is pending already.
    """
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


def wait_on(connection: Connection, ending: Ending, conversation: Conversation) -> None:
    """Let the run wait for what was put before a human."""
    run = ending.journal.run
    # The turn is with a human now; what makes the draft useless gives the messages back.
    store.answer(connection, ending.case.turn, run.id)
    if conversation.status == "resolved":
        store.set_status(connection, conversation, "open", now=ending.now)
    store.change_run(connection, run.id, status="waiting", **_decision(ending))


def resort(
    case: Case, state: Mapping[str, Json], *, node: str, error: str
) -> tuple[dict[str, Json], End]:
    """Return how a path ends that cannot go on, and all of its state that cannot fail in turn."""
    kept = {name: state[name] for name in (*_SAFE, *ENTRY_FIELDS) if name in state}
    end = End(
        kind="escalate",
        queue=escalation.DEFAULT_QUEUE,
        reason=f"the node {node} failed: {error}",
        brief=escalation.bare_brief(case, error),
    )
    return {**kept, "failure": {"node": node, "error": error}}, end


def last_resort(connection: Connection, ending: Ending, *, node: str, error: str) -> None:
    """End a run that cannot go on: canned answer, case and failed run, whatever has happened."""
    state, end = resort(ending.case, ending.state, node=node, error=error)
    ending = replace(ending, state=state)
    conversation = ending.journal.commit(connection, is_last_resort=True)
    if _is_by_api(conversation):
        # Whoever asked for the run sees that it failed; there is nobody else to answer.
        _shut(connection, ending, conversation)
        close_turn(connection, ending, conversation, outcome="failed", status="failed", error=error)
        return
    _escalate(connection, ending, conversation, end)
    close_turn(connection, ending, conversation, outcome="escalate", status="failed", error=error)


def _send(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    draft = end.draft
    assert draft is not None  # noqa: S101
    closes = draft.closes and conversation.status in ("open", "resolved")
    if conversation.status == "resolved" and not closes:
        store.set_status(connection, conversation, "open", now=ending.now)
    tell(connection, ending, conversation, draft.text, draft)
    # Turns that were answered while this one waited for a human know better what was said last.
    if not store.has_newer_run(connection, ending.journal.run):
        remember(connection, conversation, draft.memory)
    if closes and conversation.status == "open" and _was_answered(ending):
        resolution.resolve(connection, ending.tools, conversation, "confirmed", ending.now)


def _was_answered(ending: Ending) -> bool:
    """Tell whether the last word before this turn was the bot's."""
    before = [message for message in ending.case.transcript if message.id not in ending.case.turn]
    return bool(before) and before[-1].author == "bot"


def _escalate(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    urgency = str(ending.state.get("urgency") or "normal")
    reason = "; ".join([end.reason, *loose_ends(connection, ending, end.reason)])
    if store.find_open_escalation(connection, conversation.id):
        # Its agents read on in the conversation; the customer knows that one of them will answer.
        note(connection, ending, conversation, reason)
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
    tell(connection, ending, conversation, handed_over(ending))
    # A pending question of the bot's is no longer the bot's to ask.
    memory = replace(ending.case.memory, pending=None, language=language_of(ending))
    remember(connection, conversation, memory)


def remember(connection: Connection, conversation: Conversation, memory: Memory) -> None:
    """Keep what the conversation remembers."""
    store.change(connection, conversation.id, memory=memories.dump_python(memory, mode="json"))


def loose_ends(connection: Connection, ending: Ending, reason: str) -> list[str]:
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


def note(connection: Connection, ending: Ending, conversation: Conversation, text: str) -> None:
    """Tell agents alone."""
    store.say(
        connection,
        conversation,
        author="system",
        text=text,
        now=ending.now,
        run_id=ending.journal.run.id,
        audience="agents",
    )


def handed_over(ending: Ending, *, part: str | None = None) -> str:
    """Return the promise that a colleague will answer, or will answer one part, and from when."""
    promise = escalation.promise(ending.tools, language_of(ending), ending.now, part=part)
    key = _what_happened(ending)
    return f"{say(ending, key)} {promise}" if key else promise


def _what_happened(ending: Ending) -> str | None:
    """Return the sentence that goes before the promise of a colleague, where one is due."""
    state = ending.state
    if state.get("failure") or "intent" not in state:
        return "canned_failure"
    if not ending.case.is_verified and state.get("entities.emails"):
        return "email_noted"
    if state.get("wants_human"):
        return None
    if state.get("out_of_scope") and language_of(ending) != ending.tools.shop.language:
        return "language_unknown"
    return None


def _close(connection: Connection, ending: Ending, conversation: Conversation, end: End) -> None:
    if end.text:
        tell(connection, ending, conversation, end.text)
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


def tell(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    text: str,
    draft: Draft | None = None,
) -> None:
    """Say something to the customer, with what the draft cites."""
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
    notice = say(ending, "written_to_you") if draft and _is_personal(draft) else None
    delivery.queue_message(connection, current, message, ending.now, notice=notice)


def _is_personal(draft: Draft) -> bool:
    """Tell whether the answer may draw on what only its customer should read."""
    if draft.responder == "parts" or not draft.evidence:
        return draft.responder != "template"
    return any(not _is_public(one) for one in draft.evidence)


def _is_public(evidence: Evidence) -> bool:
    """Tell whether everybody may read it: an article, or what the shop says to all."""
    is_news = evidence.id.startswith(proposals.DONE)
    return evidence.kind == "article" or (evidence.kind == "shop" and not is_news)


def say(ending: Ending, key: str, **values: str) -> str:
    """Return one of our own sentences in the customer's language."""
    return ending.tools.texts.say(key, language_of(ending), **values)


def language_of(ending: Ending) -> str:
    """Return the language that the customer writes in."""
    known = ending.state.get("language") or ending.case.language
    return str(known or ending.tools.shop.language)


def close_turn(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    *,
    outcome: str,
    status: str = "done",
    error: str | None = None,
) -> None:
    """End the run, and the turn it was for."""
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


def _booked(connection: Connection, ending: Ending) -> dict[str, Decimal | bool]:
    """Return what the run cost, and what it would have cost on the premium model alone."""
    if ending.tools.gateway is None:
        return {}
    if _is_by_api(ending.case.conversation):
        # Its steps are compared with themselves at the premium price; it answers no message.
        total = ending.tools.gateway.sum_up(
            connection, RunId(ending.journal.run.id), context_tokens=0, answer_tokens=0
        )
        return _costs(total)
    draft = ending.state.get("draft") or {}
    said = [message.text for message in ending.case.transcript[-10:]]
    shown = [fact["text"] for fact in draft.get("evidence", ())]
    total = ending.tools.gateway.sum_up(
        connection,
        RunId(ending.journal.run.id),
        context_tokens=estimate_tokens("\n".join([load("strong").text, *said, *shown])),
        answer_tokens=estimate_tokens(str(draft.get("text", ""))),
    )
    return _costs(total)


def _costs(total: RunCost) -> dict[str, Decimal | bool]:
    premium = total.premium_cost
    return {
        "cost": total.cost,
        "premium_cost": premium or Decimal(0),
        "has_baseline": premium is not None,
    }


def _decision(ending: Ending) -> dict[str, Json]:
    if ending.parts:
        return {
            **parts.decision(ending.parts),
            "fingerprint": ending.tools.catalog.fingerprint,
            "entry": entry_state(ending.tools, ending.case),
        }
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
