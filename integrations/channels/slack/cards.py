"""How cases, approvals and reminders are drawn for agents, by the type of the delivery's body."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from integrations.channels.slack.blocks import Drawing, mrkdwn, plain
from integrations.channels.slack.texts import disarm, escape, shorten

Facts = Mapping[str, Any]
Block = dict[str, Any]

# Together far below the 13,200 characters that one message may have, whatever is escaped.
_LONGEST = {"name": 80, "line": 300, "summary": 900, "quote": 1_800, "suggestion": 2_500}
_MOST_TRIED = 5
_MOST_SAID = 5
_MOST_FILES = 5
_SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{2,}")

_SIGNS = {"urgent": "🔴", "high": "🟠", "normal": "🔵", "low": "⚪"}
_TARGETS = {"first": "Answer", "resolve": "Resolve"}
_MOST_TEXT = 2_900


def fit(text: str, most: int) -> str:
    """Return a text as mrkdwn that mentions nobody, in at most so many characters."""
    # No more than this can be shown, and some texts are long.
    harmless = disarm(text[: 2 * most + 2])
    whole = escape(harmless)
    if len(whole) <= most:
        return whole
    kept, room = [], most - 1
    for character in harmless:
        piece = escape(character)
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept).rstrip() + "…"


def mention(agent: str | None, name: str | None = None) -> str:
    """Return an agent as Slack shows them: by their Slack id, else by what they are called."""
    if agent and _SLACK_ID.fullmatch(agent):
        return f"<@{agent}>"
    return fit(name or agent or "nobody", _LONGEST["name"])


def moment(text: str | None) -> str:
    """Return a time that everybody sees in their own zone."""
    if not text:
        return "unknown"
    at = datetime.fromisoformat(text)
    fallback = at.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def title_of(facts: Facts) -> str:
    """Return what a case is about and whose it is, as plain text."""
    about = (facts.get("classification") or {}).get("intent") or "request"
    who = shorten(str(facts.get("customer_name") or "a customer"), _LONGEST["name"])
    return f"{str(about).replace('_', ' ').capitalize()} · {who}"


# Cases


def _case(facts: Facts) -> Drawing:
    sign = _SIGNS[facts["urgency"]]
    title = shorten(f"{sign} {facts['urgency'].capitalize()} · {title_of(facts)}", 150)
    is_open = facts["status"] in ("open", "claimed")
    blocks = [
        {"type": "header", "text": plain(title)},
        _context(_standing(facts)),
        _fields(facts),
        *_orders(facts),
        *_labelled("Summary", facts.get("summary"), _LONGEST["summary"]),
        *_tried(facts),
        *_quote(facts),
        *_files(facts),
    ]
    if is_open:
        blocks += _labelled("Suggested reply", facts.get("suggestion"), _LONGEST["suggestion"])
        blocks.append(_case_actions(facts))
    return Drawing(text=f"{fit(title, 300)}: {_standing(facts)}", blocks=blocks)


def _standing(facts: Facts) -> str:
    """Say who has the case, and until when it wants what."""
    status, who = facts["status"], mention(facts.get("assignee"), facts.get("assignee_name"))
    if status == "resolved":
        why = f": {fit(facts['end_reason'], 200)}" if facts.get("end_reason") else ""
        rated = f" · rated {facts['rating']} of 5" if facts.get("rating") else ""
        by = f" by {who}" if facts.get("assignee") else ""
        return f"✅ Resolved{by} {moment(facts.get('ended_at'))}{why}{rated}"
    if status == "handed_back":
        return f"↩️ Handed back to the bot by {who} {moment(facts.get('ended_at'))}"
    has_it = f"With {who}" if status == "claimed" else f"Waits in *{fit(facts['queue'], 80)}*"
    if facts.get("snoozed_until"):
        return f"💤 {has_it} · rests until {moment(facts['snoozed_until'])}"
    wants = _TARGETS.get(str(facts.get("target")))
    return f"{has_it} · {wants} by {moment(facts['due_at'])}" if wants else has_it


def _fields(facts: Facts) -> Block:
    read = facts.get("classification") or {}
    lines = {
        "Customer": _customer(facts),
        "Why": fit(str(facts.get("reason") or "unknown"), _LONGEST["line"]),
        "Writes from": fit(str(facts.get("channel") or "unknown"), _LONGEST["name"]),
    }
    if read:
        sure = f"{float(read.get('confidence') or 0):.0%} sure"
        mood = f"{read.get('complexity')}, {read.get('sentiment')}, {read.get('language')}"
        lines["Read as"] = fit(f"{read.get('intent')} ({sure}), {mood}", _LONGEST["line"])
    fields = [mrkdwn(f"*{label}*\n{text}") for label, text in lines.items()]
    return {"type": "section", "fields": fields}


def _customer(facts: Facts) -> str:
    known = facts.get("customer") or {}
    verified, claimed = known.get("verified") or {}, known.get("claimed") or {}
    name = verified.get("name") or claimed.get("name") or facts.get("customer_name") or "unknown"
    parts = [str(name), "verified" if verified else "not verified"]
    if verified.get("tier") not in (None, "standard"):
        parts.append(str(verified["tier"]).upper())
    if email := verified.get("email") or claimed.get("email"):
        parts.append(str(email))
    return fit(", ".join(parts), _LONGEST["line"])


def _orders(facts: Facts) -> list[Block]:
    orders = facts.get("orders") or []
    if not orders:
        return []
    lines = [f"• {fit(_order(order), 200)}" for order in orders]
    more = int(facts.get("orders_in_all") or 0) - len(orders)
    if more > 0:
        lines.append(f"and {more} more")
    return [_section("*Last orders*\n" + "\n".join(lines))]


def _order(order: Facts) -> str:
    parts = [str(order.get("id")), str(order.get("status")).replace("_", " ")]
    if order.get("value"):
        parts.append(f"{order['value']} {order.get('currency')}")
    if items := order.get("items"):
        parts.append(", ".join(str(item) for item in items[:3]))
    return ", ".join(shorten(part, 120) for part in parts)


def _tried(facts: Facts) -> list[Block]:
    tried = [": ".join(str(value) for value in one.values()) for one in facts.get("tried") or ()]
    lines = [*tried, *(str(problem) for problem in facts.get("problems") or ())]
    shown = [f"• {fit(line, 200)}" for line in lines[:_MOST_TRIED]]
    return [_context("*Tried*\n" + "\n".join(shown))] if shown else []


def _quote(facts: Facts) -> list[Block]:
    text = facts.get("quote")
    if not text:
        return []
    block = _section(_quoted(text, _LONGEST["quote"]))
    if _quoted(text, _LONGEST["quote"]) != _quoted(text, 50_000):
        block["accessory"] = _button("Show all", "case_show", facts["id"])
    return [block]


def _quoted(text: str, most: int) -> str:
    # Each line of a quotation bears its mark, so that many short lines grow.
    lines = fit(text, most // 2).splitlines() or ["…"]
    return shorten("\n".join(f"> {line}" for line in lines), most)


def _files(facts: Facts) -> list[Block]:
    shown = [_file(file) for file in (facts.get("files") or ())[:_MOST_FILES]]
    return [_context("\n".join(shown))] if shown else []


def _file(file: Facts) -> str:
    """Return a file's name, linked where it is on the web; nobody has looked into it."""
    name, url = fit(str(file.get("name") or "file"), 80), str(file.get("url") or "")
    is_plain = url.startswith("https://") and len(url) <= 300 and not set(url) & set("<>| ")
    return f"📎 <{escape(url)}|{name.replace('|', '/')}>" if is_plain else f"📎 {name}"


def _case_actions(facts: Facts) -> Block:
    value = f"{facts['id']}:{facts['version']}"
    elements = []
    if facts["status"] == "open":
        elements.append(_button("Claim", "case_claim", value, style="primary"))
    else:
        if facts.get("suggestion"):
            chosen = f"{value}:{facts.get('suggested_upto') or 0}"
            elements += [
                _button("Send suggestion", "case_send", chosen, style="primary"),
                _button("Edit and send", "case_edit", chosen),
            ]
        elements.append(_button("Reply", "case_reply", value))
    elements += [_button("Resolve", "case_resolve", value), _more(facts, value)]
    return {"type": "actions", "elements": elements}


def _more(facts: Facts, value: str) -> Block:
    offered = {"reassign": "Reassign", "snooze": "Snooze"}
    if facts["status"] == "claimed":
        offered |= {"hand-back": "Hand back to bot", "release": "Put back in the queue"}
    options: list[Block] = [
        {"text": plain(text), "value": f"{what}:{value}"} for what, text in offered.items()
    ]
    if url := facts.get("console"):
        # A menu takes five of them, and four are the most that stand before this one.
        options.append({"text": plain("Open in console"), "value": f"open:{value}", "url": url})
    return {"type": "overflow", "action_id": "case_more", "options": options}


# What stands below a case's card


def _said(facts: Facts) -> Drawing:
    who = {
        "customer": facts.get("customer_name") or "The customer",
        "agent": facts.get("name") or "An agent",
    }.get(facts["author"], facts.get("name") or "Frontdesk")
    is_note = facts["audience"] == "agents"
    head = f"*{fit(str(who), _LONGEST['name'])}*"
    if is_note:
        head += " · note"
    elif facts["author"] != "customer":
        head += f" → {fit(str(facts.get('customer_name') or 'customer'), _LONGEST['name'])}"
    text = str(facts.get("text") or "")
    body = _section(fit(text, _MOST_TEXT) if is_note else _quoted(text, _MOST_TEXT))
    if len(text) > _MOST_TEXT // 2 and facts.get("id"):
        body["accessory"] = _button("Show all", "message_show", facts["id"])
    blocks = [_context(head), body, *_files(facts)]
    name = fit(str(who), _LONGEST["name"])
    return Drawing(text=f"{name}: {fit(text, 200)}", blocks=blocks)


def _reminder(facts: Facts) -> Drawing:
    level, due = int(facts["level"]), moment(facts.get("due_at"))
    called = [mention(facts["call"])] if facts.get("call") else []
    if facts.get("on_call"):
        called.append(_on_call(str(facts["on_call"])))
    over = level >= 100
    said = (
        f"The time for this case is over (it was {due})."
        if over
        else (f"{level} % of the time for this case is over; it is due {due}.")
    )
    text = f"{'🚨' if over else '⏰'} {said} {' '.join(called)}".strip()
    return Drawing(text=text, blocks=[_section(text)])


def _up_again(facts: Facts) -> Drawing:
    called = f" {_on_call(str(facts['on_call']))}" if facts.get("on_call") else ""
    title = fit(title_of(facts), 200)
    sign = _SIGNS[facts["urgency"]]
    text = f"{sign} Nobody has taken this case in time: *{title}*.{called}"
    claim = _button("Claim", "case_claim", f"{facts['id']}:{facts['version']}", style="primary")
    return Drawing(text=text, blocks=[_section(text), {"type": "actions", "elements": [claim]}])


def _on_call(whom: str) -> str:
    if _GROUP_ID.fullmatch(whom):
        return f"<!subteam^{whom}>"
    return mention(whom)


def _status(facts: Facts) -> Drawing:
    who = mention(facts.get("assignee"), facts.get("name"))
    words = {
        "assigned": f"{who} has this case.",
        "escalated": "This case is back in its queue.",
        "open": "The bot has the conversation again.",
    }
    text = words.get(str(facts.get("status")), f"This case is {facts.get('status')}.")
    return Drawing(text=text, blocks=[_context(text)])


def _snooze_over(facts: Facts) -> Drawing:
    called = f" {mention(facts['call'])}" if facts.get("call") else ""
    text = f"💤 This case has rested long enough.{called}"
    return Drawing(text=text, blocks=[_section(text)])


# Approvals


def _approval(facts: Facts) -> Drawing:
    what = facts.get("proposal") or "a reply"
    title = shorten(f"Approve: {what}", 150)
    is_open = facts["status"] == "open"
    said = facts.get("said_since") or []
    blocks = [
        {"type": "header", "text": plain(title)},
        _context(_decision(facts)),
        *_labelled("Exactly this will be done", facts.get("proposal"), _LONGEST["line"] * 2),
        *_labelled("Because", facts.get("why"), _LONGEST["line"] * 2),
        *_labelled("Then this is sent", facts.get("text") or facts.get("draft"), 2_500),
        *_labelled("The check says", "; ".join(map(str, facts.get("reasons") or ())), 600),
        *_written_meanwhile(said),
    ]
    if is_open:
        blocks.append(_approval_actions(facts))
    return Drawing(text=fit(title, 300), blocks=blocks)


def _decision(facts: Facts) -> str:
    status = facts["status"]
    who = fit(str(facts.get("customer_name") or "a customer"), _LONGEST["name"])
    if status == "open":
        return f"For {who} · decide by {moment(facts.get('expires_at'))}"
    by = mention(facts.get("decided_by"), facts.get("decided_by_name"))
    words = {
        "released": f"✅ Approved by {by}",
        "rejected": f"⛔ Rejected by {by}",
        "expired": "⌛ Nobody decided in time",
        "withdrawn": "Withdrawn: an agent has taken over, or the customer has written since",
    }[status]
    if facts.get("reason"):
        words += f": {fit(str(facts['reason']), _LONGEST['line'])}"
    outcomes = {
        "done": f" · done, {fit(str(facts.get('reference')), 100)}",
        "not_done": " · *not done*",
        "unknown": " · *nobody knows whether it was done*",
        "begun": " · under way",
    }
    return f"{words} · for {who}{outcomes.get(str(facts.get('outcome')), '')}"


def _written_meanwhile(said: Sequence[str]) -> list[Block]:
    if not said:
        return []
    quoted = "\n".join(_quoted(text, 400) for text in said[-_MOST_SAID:])
    left = len(said) - _MOST_SAID
    earlier = f" (and {left} more before)" if left > 0 else ""
    return [_section(f"⚠️ *Written since*{earlier}\n{quoted}")]


def _approval_actions(facts: Facts) -> Block:
    return {
        "type": "actions",
        "elements": [
            _button("Approve", "approval_release", facts["id"], style="primary"),
            _button("Edit", "approval_edit", facts["id"]),
            _button("Reject", "approval_reject", facts["id"], style="danger"),
        ],
    }


# What a customer is asked


def _rating(facts: Facts) -> Drawing:
    text = fit(str(facts["text"]), _LONGEST["line"])
    question = f"{facts['conversation_id']}|{facts['resolved_at']}"
    stars = [_button("★" * n, f"rate_{n}", f"{n}|{question}") for n in range(1, 6)]
    return Drawing(text=text, blocks=[_section(text), {"type": "actions", "elements": stars}])


# Blocks


def _section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def _labelled(label: str, text: Any, most: int) -> list[Block]:
    return [_section(f"*{label}*\n{fit(str(text), most)}")] if text else []


def _button(label: str, action: str, value: str, *, style: str | None = None) -> Block:
    button = {"type": "button", "text": plain(label), "action_id": action, "value": value}
    return {**button, "style": style} if style else button


# A drawing depends on the body alone, so that what is sent again looks the same.
DRAWINGS: Mapping[str, Callable[[Facts], Drawing]] = {
    "case.card": _case,
    "case.said": _said,
    "case.reminder": _reminder,
    "case.up": _up_again,
    "case.status": _status,
    "case.snooze_over": _snooze_over,
    "approval.card": _approval,
    "rating.asked": _rating,
}
