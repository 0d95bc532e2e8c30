"""The app's home and what `/support` says: agents see their cases, customers their requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from integrations.channels.slack.blocks import mrkdwn, plain
from integrations.channels.slack.cards import fit, mention, moment
from orchestration import store
from orchestration.models import Conversation, Escalation

Block = dict[str, Any]
View = dict[str, Any]

_MOST = 20
_REQUESTS = 10
_STATUSES = {
    "open": "with our assistant",
    "escalated": "waits for a colleague",
    "assigned": "a colleague is on it",
    "resolved": "solved",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A case as a line shows it; `link` leads to its card."""

    title: str
    urgency: str
    due_at: datetime | None
    assignee: str | None
    link: str | None


@dataclass(frozen=True, kw_only=True)
class AgentsView:
    """What an agent sees at home."""

    mine: Sequence[Line]
    overdue: Sequence[Line]
    waiting: Sequence[Line]
    is_paused: bool


@dataclass(frozen=True, kw_only=True)
class Request:
    """A customer's own conversation."""

    text: str
    status: str
    at: datetime


def read_agent(connection: Connection, agent: str, now: datetime) -> AgentsView:
    """Read what an agent has, what is overdue, and what waits."""

    def lines(cases: Sequence[Escalation]) -> list[Line]:
        return [_line(connection, case) for case in cases[:_MOST]]

    return AgentsView(
        mine=lines(store.list_cases_of(connection, agent)),
        overdue=lines(store.list_overdue(connection, now)),
        waiting=lines(store.list_waiting(connection)),
        is_paused=store.is_paused(connection, agent),
    )


def _line(connection: Connection, case: Escalation) -> Line:
    conversation = store.get(connection, Conversation, case.conversation_id)
    read = (case.brief or {}).get("classification") or {}
    about = str(read.get("intent") or "request").replace("_", " ")
    who = store.customer_of(connection, conversation).name or "a customer"
    return Line(
        title=f"{about} · {who}",
        urgency=case.urgency,
        due_at=case.due_at,
        assignee=case.assignee,
        link=_link(connection, case.id),
    )


def _link(connection: Connection, case: str) -> str | None:
    reference = store.find_card_reference(connection, case)
    channel, _, ts = (reference or "").partition(":")
    return f"https://slack.com/app_redirect?channel={channel}&message_ts={ts}" if ts else None


def read_customer(connection: Connection, source: str, user: str) -> list[Request]:
    """Read a customer's own requests, newest first."""
    found = store.list_own_conversations(connection, source, user, limit=_REQUESTS)
    return [
        Request(text=_first_words(connection, one), status=one.status, at=one.changed_at)
        for one in found
    ]


def _first_words(connection: Connection, conversation: Conversation) -> str:
    said = store.transcript(connection, conversation.id)
    return next((one.text for one in said if one.author == "customer" and one.text), "…")


def agents_home(seen: AgentsView) -> View:
    """Draw the home of an agent."""
    blocks = [
        *_titled("Your cases", seen.mine, "You have no case."),
        {"type": "divider"},
        *_titled("Overdue", seen.overdue, "Nothing is overdue."),
        {"type": "divider"},
        *_titled("Nobody has these yet", seen.waiting, "No case waits."),
    ]
    if seen.is_paused:
        words = "You have paused: no reminders and no assignments until `/support resume`."
        blocks.insert(0, _section(f"⏸️ {words}"))
    return {"type": "home", "blocks": blocks}


def customers_home(requests: Sequence[Request]) -> View:
    """Draw the home of a customer."""
    blocks = [_header("Your requests")]
    blocks += [_section(_request(one)) for one in requests]
    if not requests:
        blocks.append(_section("You have not asked us anything yet. Write to us under Messages."))
    return {"type": "home", "blocks": blocks}


def status_of(requests: Sequence[Request]) -> str:
    """Say how a customer's requests stand."""
    return "\n".join(_request(one) for one in requests[:5]) or "You have not asked us anything yet."


def queue_of(seen: AgentsView) -> str:
    """Say what waits."""
    return _listed("Nobody has these yet", seen.waiting, "No case waits.")


def mine_of(seen: AgentsView) -> str:
    """Say what an agent has."""
    return _listed("Your cases", seen.mine, "You have no case.")


def summary_of(seen: AgentsView) -> str:
    """Say in one line how the desk stands."""
    state = " You have paused." if seen.is_paused else ""
    return (
        f"{len(seen.waiting)} waiting, {len(seen.overdue)} overdue, {len(seen.mine)} yours.{state}"
    )


def _request(one: Request) -> str:
    status = _STATUSES.get(one.status, one.status)
    return f"*{fit(one.text, 150)}*\n{status} · {moment(one.at.isoformat())}"


def _listed(title: str, lines: Sequence[Line], nothing: str) -> str:
    return "\n".join([f"*{title}*", *(f"• {_words(one)}" for one in lines)]) if lines else nothing


def _titled(title: str, lines: Sequence[Line], nothing: str) -> list[Block]:
    return [_header(title), *(_section(_words(one)) for one in lines or ())] + (
        [] if lines else [_section(nothing)]
    )


def _words(line: Line) -> str:
    title = fit(line.title, 200).replace("|", "/")
    linked = f"<{line.link}|{title}>" if line.link else title
    due = f" · due {moment(line.due_at.isoformat())}" if line.due_at else ""
    who = f" · {mention(line.assignee)}" if line.assignee else ""
    return f"{linked} · {line.urgency}{due}{who}"


def _header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}
