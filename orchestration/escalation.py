"""Cases for humans: the brief they start from, how a case is opened, and its response targets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import Connection

from orchestration import delivery, proposals, store
from orchestration.context import Case, Toolbox, describe_customer, describe_order
from orchestration.errors import ExternalFailure
from orchestration.models import Approval, Conversation, Escalation, Message
from orchestration.shop import Shop, Target
from orchestration.state import classification_of
from orchestration.types import URGENCIES, Json, Urgency

DEFAULT_QUEUE = "support"
LEVELS = (50, 80, 100)
_TRANSCRIPT = 50


@dataclass(frozen=True, kw_only=True)
class ResponseClock:
    """How a case stands against its target: `share` of the time for it, in opening hours, is over.

    `paused` says why the time does not run at this moment.
    """

    target: Literal["first", "resolve"]
    due_at: datetime
    share: float
    paused: Literal["closed", "snoozed"] | None


def reason_of(run_state: Mapping[str, Json]) -> str:
    """Say why the run came to a human: what failed, or else the rule that sent it there."""
    failure = run_state.get("failure")
    if failure:
        return f"the node {failure['node']} failed: {failure['error']}"
    if (decision := run_state.get("decision")) and decision["status"] != "released":
        return _decided(decision)
    if (verdict := run_state.get("verdict")) and verdict["outcome"] != "passed":
        return "the draft did not pass the check: " + "; ".join(verdict["reasons"])
    rule = run_state.get("rule")
    if run_state.get("tried"):
        return f"no responder could answer (rule: {rule})"
    if rule:
        return f"rule: {rule}"
    return "the workflow asks for a human"


def _decided(decision: Mapping[str, Json]) -> str:
    what = f"the proposal to {decision['proposal']}" if decision["proposal"] else "the draft"
    if decision["status"] == "expired":
        return f"nobody decided in time on {what}"
    why = f": {decision['reason']}" if decision["reason"] else ""
    return f"{decision['by']} rejected {what}{why}"


async def write_brief(case: Case, tools: Toolbox, run_state: Mapping[str, Json]) -> dict[str, Json]:
    """Assemble what an agent needs to know; what cannot be read is said in it."""
    orders, problem = await _orders(case, tools)
    proposed = await tools.database.read(
        lambda connection: store.list_proposals(connection, case.conversation.id)
    )
    brief: dict[str, Json] = {
        "summary": _summary(case, tools, run_state, orders),
        "classification": _classification(run_state),
        "customer": _customer(case, run_state),
        "orders": orders,
        "transcript": transcript(case.transcript),
        "suggested_reply": _suggestion(run_state),
        "tried": _tried(run_state),
        "proposals": [_proposal(approval) for approval in proposed],
        "attachments": case.files,
    }
    if problem:
        brief["problems"] = [problem]
    return brief


def bare_brief(case: Case, error: str) -> dict[str, Json]:
    """Return a brief that needs nothing but what is at hand; for the last resort."""
    return {
        "summary": f"The bot failed on this message: {case.text[:500]}",
        "classification": None,
        "customer": dict(describe_customer(case.person, case.conversation.channel, case.customer)),
        "orders": [],
        "transcript": transcript(case.transcript),
        "suggested_reply": None,
        "tried": [{"node": "engine", "result": error}],
        "attachments": case.files,
    }


def _proposal(approval: Approval) -> dict[str, Json]:
    return {
        "approval": approval.id,
        "proposal": proposals.describe(proposals.from_json(approval.proposal)),
        "status": approval.status,
        "by": approval.decided_by,
        "outcome": approval.outcome,
        "reference": approval.reference,
    }


def transcript(said: Sequence[Message]) -> list[Json]:
    """Return what was said of late, oldest first."""
    return [
        {
            "author": message.author,
            "name": message.author_name,
            "text": message.text,
            "at": message.at.isoformat(),
        }
        for message in said[-_TRANSCRIPT:]
    ]


async def _orders(case: Case, tools: Toolbox) -> tuple[list[Json], str | None]:
    try:
        orders = await case.orders(tools.orders)
    except ExternalFailure as failure:
        return [], f"the orders could not be read: {failure}"
    return [describe_order(order, case.now) for order in orders[:10]], None


def _customer(case: Case, run_state: Mapping[str, Json]) -> dict[str, Json]:
    described = dict(describe_customer(case.person, case.conversation.channel, case.customer))
    if emails := run_state.get("entities.emails"):
        # An address in a text is what somebody says, not who they are.
        described["claimed"] = {**(described["claimed"] or {}), "emails_in_text": emails}
    return described


def _classification(run_state: Mapping[str, Json]) -> Json:
    return asdict(classification_of(run_state)) if "intent" in run_state else None


def _summary(case: Case, tools: Toolbox, run_state: Mapping[str, Json], orders: list[Json]) -> str:
    intent = tools.catalog.intents.get(str(run_state.get("intent")))
    wants = intent.description if intent and intent.description else "see the message"
    who = (case.customer.name if case.customer else case.person.name) or "A customer"
    standing = "verified" if case.is_verified else "not verified"
    about = set(run_state.get("entities.orders") or ())
    named = [f"{order['id']} ({order['status']})" for order in orders if order["id"] in about]
    claimed = sorted(about - {order["id"] for order in orders})
    parts = [f"{who} ({standing}): {wants.rstrip('.')}."]
    if named:
        parts.append(f"About their order {', '.join(named)}.")
    if claimed:
        parts.append(f"Names order {', '.join(claimed)}, which is not theirs on record.")
    said = "Last message" if case.whole is None else "This part of their message"
    parts.append(f"{said}: “{case.text[:500]}”")
    return " ".join(parts)


def _suggestion(run_state: Mapping[str, Json]) -> str | None:
    draft = run_state.get("draft")
    return str(draft["text"]) if draft else None


def _tried(run_state: Mapping[str, Json]) -> list[Json]:
    tried: list[Json] = list(run_state.get("tried") or ())
    if verdict := run_state.get("verdict"):
        tried.append({"check": verdict["outcome"], "reasons": verdict["reasons"]})
    if failure := run_state.get("failure"):
        tried.append({"node": failure["node"], "result": failure["error"]})
    return tried or [{"result": "no automatic answer was tried"}]


def open_case(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    *,
    run: str | None,
    queue: str,
    reason: str,
    urgency: str,
    brief: Mapping[str, Json],
    now: datetime,
) -> Escalation:
    """Open the case of a conversation; where one is open the new matter joins it."""
    known = store.find_open_escalation(connection, conversation.id)
    if known:
        return raise_urgency(connection, tools.shop, known, urgency, now)
    case = Escalation(
        id=store.new_id(),
        conversation_id=conversation.id,
        run_id=run,
        reason=reason,
        urgency=urgency,
        queue=queue if queue in tools.shop.queues else DEFAULT_QUEUE,
        brief=dict(brief),
        created_at=now,
        target_from=now,
    )
    store.add_escalation(connection, case)
    plan_first_answer(connection, tools.shop, case, now)
    store.withdraw_drafts(connection, conversation.id, now)
    store.set_status(connection, conversation, "escalated", now=now, assignee=None)
    announce(connection, tools, conversation, case, "escalation.created", now)
    return case


def raise_urgency(
    connection: Connection, shop: Shop, case: Escalation, urgency: str, now: datetime
) -> Escalation:
    """Raise a case's urgency, never lower it; the response target only ever comes nearer."""
    if URGENCIES.index(urgency) <= URGENCIES.index(case.urgency):
        return case
    changed = store.change_escalation(connection, case, urgency=urgency)
    sooner = shop.after_open_time(now, _target(shop, changed).first)
    if case.due_at is None or sooner < case.due_at:
        plan_first_answer(connection, shop, changed, now)
    return changed


def plan_first_answer(connection: Connection, shop: Shop, case: Escalation, now: datetime) -> None:
    """Plan the reminders until an agent answers who waits since `now`, in opening hours."""
    _plan(connection, shop, case, now, _target(shop, case).first)


def plan_resolution(connection: Connection, shop: Shop, case: Escalation, now: datetime) -> None:
    """Plan the reminders until the case is resolved, in opening hours."""
    _plan(connection, shop, case, now, _target(shop, case).resolve)


def _target(shop: Shop, case: Escalation) -> Target:
    return shop.sla[cast("Urgency", case.urgency)]


def read_clock(shop: Shop, case: Escalation, now: datetime) -> ResponseClock | None:
    """Return how a case stands against its response target; None where it has none, or is over."""
    if case.status not in ("open", "claimed") or case.due_at is None:
        return None
    whole = shop.open_time(case.target_from, case.due_at)
    passed = shop.open_time(case.target_from, now)
    paused: Literal["closed", "snoozed"] | None = None
    if case.snoozed_until and case.snoozed_until > now:
        paused = "snoozed"
    elif not shop.is_open(now):
        paused = "closed"
    first_due = shop.after_open_time(case.target_from, _target(shop, case).first)
    return ResponseClock(
        target="first" if case.due_at == first_due else "resolve",
        due_at=case.due_at,
        share=round(passed / whole, 4) if whole else 1.0,
        paused=paused,
    )


def suggestion_of(case: Escalation) -> str | None:
    """Return what the bot would answer to what no agent has answered yet."""
    if case.suggestion or case.suggested_upto or case.replied_at:
        return case.suggestion
    return (case.brief or {}).get("suggested_reply")


def promise(tools: Toolbox, language: str, now: datetime, *, part: str | None = None) -> str:
    """Tell a customer that a colleague will answer, and when the shop is closed, from when on.

    `part` is the only one of their words that the colleague takes, where they have asked for more.
    """
    key, values = "handed_over", {}
    if part is not None:
        key, values = "part_handed_over", {"part": part}
    opens = tools.shop.next_opening(now)
    if opens is None:
        return tools.texts.say(key, language, **values)
    moment = tools.texts.time(opens, language, tools.shop.zone)
    return tools.texts.say(f"{key}_closed", language, opens=moment, **values)


def _plan(
    connection: Connection, shop: Shop, case: Escalation, now: datetime, target: timedelta
) -> None:
    moments = {level: shop.after_open_time(now, target * level / 100) for level in LEVELS}
    store.schedule(connection, case.id, target_from=now, moments=moments)
    store.make_due(connection, case.conversation_id, moments[LEVELS[0]])


def announce(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    case: Escalation,
    kind: str,
    now: datetime,
) -> None:
    """Tell other programs what happened to a case, where the operator named an address."""
    details: dict[str, Any] = {
        "id": case.id,
        "conversation_id": conversation.id,
        "status": case.status,
        "urgency": case.urgency,
        "queue": case.queue,
        "reason": case.reason,
        "assignee": case.assignee,
    }
    delivery.queue_event(connection, tools, conversation, kind, details, now)
