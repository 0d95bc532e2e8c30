"""The forms that agents fill in: what they say, why a case is over, who takes it, until when."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.channels.slack.blocks import mrkdwn, plain
from integrations.channels.slack.cards import fit
from integrations.channels.slack.texts import escape, shorten, split
from orchestration.shop import Shop

View = dict[str, Any]
Block = dict[str, Any]

LONGEST_WORDS = 3_000
_LONGEST_SECTION = 2_900
_MOST_SECTIONS = 90


def reply(subject: Mapping[str, Any], *, text: str = "", problem: str | None = None) -> View:
    """Return the form for words to the customer, with what is suggested."""
    words = _words("text", "What the customer reads", text)
    return _form("case_reply", "Reply", "Send", subject, [words], problem)


def resolve(subject: Mapping[str, Any], *, text: str = "", problem: str | None = None) -> View:
    """Return the form that asks why a case is over."""
    reason = _words("text", "What was done (for colleagues)", text, optional=True)
    return _form("case_resolve", "Resolve the case", "Resolve", subject, [reason], problem)


def reassign(subject: Mapping[str, Any], *, problem: str | None = None) -> View:
    """Return the form that asks who takes a case."""
    choice = {"type": "users_select", "action_id": "to", "placeholder": plain("An agent")}
    blocks = [_input("to", "Who takes it", choice)]
    return _form("case_reassign", "Reassign the case", "Reassign", subject, blocks, problem)


def snooze(subject: Mapping[str, Any], *, problem: str | None = None) -> View:
    """Return the form that asks how long a case rests."""
    options = [{"text": plain(label), "value": value} for value, label in RESTS.items()]
    choice = {
        "type": "static_select",
        "action_id": "rest",
        "options": options,
        "initial_option": options[0],
    }
    blocks = [_input("rest", "Let it rest", choice)]
    return _form("case_snooze", "Snooze the case", "Snooze", subject, blocks, problem)


RESTS = {
    "1h": "for an hour",
    "4h": "for four hours",
    "opening": "until we open the next time",
    "24h": "for a day",
    "72h": "for three days",
}


def rest_until(shop: Shop, rest: str, now: datetime) -> datetime:
    """Return until when a case rests."""
    if rest != "opening":
        return now + timedelta(hours=int(rest.removesuffix("h")))
    closing = now
    while shop.is_open(closing) and closing - now < timedelta(days=1):
        closing += timedelta(minutes=15)
    return shop.next_opening(closing) or now + timedelta(days=1)


def edit_draft(subject: Mapping[str, Any], *, text: str = "", problem: str | None = None) -> View:
    """Return the form in which a draft is edited before it is approved."""
    words = _words("text", "What the customer reads", text)
    return _form("approval_edit", "Edit and approve", "Approve", subject, [words], problem)


def reject(subject: Mapping[str, Any], *, text: str = "", problem: str | None = None) -> View:
    """Return the form that asks why a draft or proposal is rejected."""
    reason = _words("text", "Why not (for colleagues)", text, optional=True)
    return _form("approval_reject", "Reject", "Reject", subject, [reason], problem)


def whole(text: str) -> View:
    """Return a message as it was written, however long."""
    pieces = split(text, _LONGEST_SECTION // 5)[:_MOST_SECTIONS]
    blocks = [{"type": "section", "text": mrkdwn(escape(piece))} for piece in pieces]
    return {
        "type": "modal",
        "title": plain("The whole message"),
        "close": plain("Close"),
        "blocks": blocks,
    }


def entered(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what was entered into a form, by field; a field left empty is an empty text."""
    found = {}
    for fields in view["state"]["values"].values():
        for name, element in fields.items():
            option = element.get("selected_option") or {}
            value = element.get("value") or element.get("selected_user") or option.get("value")
            found[name] = str(value or "")
    return found


def subject_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form is about."""
    subject: dict[str, Any] = json.loads(view["private_metadata"])
    return subject


def _form(
    callback: str,
    title: str,
    submit: str,
    subject: Mapping[str, Any],
    blocks: list[Block],
    problem: str | None,
) -> View:
    warning = [{"type": "section", "text": mrkdwn(f"⚠️ {fit(problem, 500)}")}] if problem else []
    return {
        "type": "modal",
        "callback_id": callback,
        "private_metadata": json.dumps(subject),
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "blocks": [*warning, *blocks],
    }


def _words(name: str, label: str, text: str, *, optional: bool = False) -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": True,
        "max_length": LONGEST_WORDS,
    }
    if text:
        element["initial_value"] = shorten(text, LONGEST_WORDS)
    return {**_input(name, label, element), "optional": optional}


def _input(name: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element}
