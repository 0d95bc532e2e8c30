"""Block Kit as we use it: the shape of a drawing, and how a reply looks."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.channels.slack.texts import (
    LONGEST_FALLBACK,
    disarm,
    escape,
    shorten,
    split,
)

# What a customer presses under an answer; its value is `up` or `down` and the conversation.
FEEDBACK = "feedback"
# What they press to be answered by a human; its value is the conversation.
TALK = "talk_to_human"
_TALK = {
    "en": "Talk to a human",
    "de": "Mit einem Menschen sprechen",
    "fr": "Parler à un humain",
    "es": "Hablar con una persona",
    "it": "Parla con una persona",
    "nl": "Met een mens praten",
    "pt": "Falar com uma pessoa",
}
_EMPTY = "…"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A message as Slack shows it; `text` stands in notifications, in mrkdwn."""

    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


def plain(text: str) -> dict[str, Any]:
    """Return a text that Slack shows as it is."""
    return {"type": "plain_text", "text": text or _EMPTY, "emoji": True}


def mrkdwn(text: str) -> dict[str, Any]:
    """Return a text in Slack's own markup; what others wrote must be disarmed and escaped."""
    return {"type": "mrkdwn", "text": text or _EMPTY}


def reply(
    message: Mapping[str, Any],
    conversation: str,
    *,
    language: str | None = None,
    link_domains: Collection[str] = (),
) -> list[Drawing]:
    """Return how what the bot, an agent or the system says to a customer is shown, in pieces."""
    author = str(message.get("author"))
    text = str(message.get("text") or "")
    pieces = split(disarm(text, link_domains=link_domains))
    drawings = [_piece(piece) for piece in pieces]
    if author == "agent" and message.get("author_name"):
        drawings[0].blocks.insert(0, _signed(str(message["author_name"])))
    if cited := _citations(message, link_domains):
        drawings[-1].blocks.append(cited)
    if author == "bot" and message.get("id"):
        drawings[-1].blocks.extend((_feedback(conversation), _person(language, conversation)))
    return drawings


def _piece(text: str) -> Drawing:
    fallback = shorten(escape(text), LONGEST_FALLBACK) or _EMPTY
    return Drawing(text=fallback, blocks=[{"type": "markdown", "text": text or _EMPTY}])


def _signed(name: str) -> dict[str, Any]:
    return {"type": "context", "elements": [plain(shorten(name, 100))]}


def _citations(message: Mapping[str, Any], link_domains: Collection[str]) -> dict[str, Any] | None:
    titles = []
    for cited in message.get("citations") or ():
        title, url = escape(disarm(str(cited["title"]))), str(cited.get("url") or "")
        is_safe = bool(url) and disarm(url, link_domains=link_domains) == url
        titles.append(f"<{url}|{title.replace('|', '/')}>" if is_safe else title)
    if not titles:
        return None
    return {"type": "context", "elements": [mrkdwn(shorten(" · ".join(titles), 2_000))]}


def _feedback(conversation: str) -> dict[str, Any]:
    def button(label: str, value: str, spoken: str) -> dict[str, Any]:
        shown = {"type": "plain_text", "text": label}
        return {"text": shown, "value": f"{value}:{conversation}", "accessibility_label": spoken}

    return {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": FEEDBACK,
                "positive_button": button("👍", "up", "This helped me"),
                "negative_button": button("👎", "down", "This did not help me"),
            }
        ],
    }


def _person(language: str | None, conversation: str) -> dict[str, Any]:
    label = _TALK.get(language or "en", _TALK["en"])
    button = {"type": "button", "text": plain(label), "action_id": TALK, "value": conversation}
    return {"type": "actions", "elements": [button]}


def as_json(drawing: Drawing) -> dict[str, Any]:
    """Return the arguments of a post."""
    return {"text": drawing.text, "blocks": json.loads(json.dumps(drawing.blocks))}
