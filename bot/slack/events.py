"""What Slack's events say, read without asking anybody."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestration.types import Attachment, IncomingMessage, Raw, Sender

Event = Mapping[str, Any]
Kind = Literal["message", "edit", "deletion", "stop", "other", "foreign"]

CHANNEL = "slack"
# Messages that people write; all other subtypes are Slack's own notices.
_WRITTEN = {None, "file_share", "thread_broadcast"}
_PLACES = {"channel": "channels", "group": "groups"}
_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|]+)(?:\|([^<>]*))?>")
_NAMED = re.compile(r"<[@#!][^<>|]*\|([^<>]*)>")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What an event means for us.

    `foreign` is none of our business. `source_id` names the message that was edited or taken back,
    `is_direct` says that it stands in the app's direct messages; `place` is the channel and thread
    in which Stop was pressed.
    """

    kind: Kind
    raw: Raw
    incoming: IncomingMessage | None = None
    source_id: str = ""
    text: str = ""
    is_direct: bool = False
    place: tuple[str, str] = ("", "")


def read(body: Event) -> Heard:
    """Say what an event of the Events API means."""
    event = body["event"]
    kind = str(event.get("type"))
    raw = Raw(source=source_of(body), id=str(body["event_id"]), kind=_kind_of(event), body=body)
    if kind == "agent_session_stopped":
        channel = str(event.get("channel") or event.get("channel_id"))
        return Heard(kind="stop", raw=raw, place=(channel, str(event.get("thread_ts") or "")))
    if kind not in ("message", "app_mention"):
        return Heard(kind="other", raw=raw)
    if event.get("subtype") in ("message_changed", "message_deleted"):
        return _changed(event, raw)
    if not _is_written_by_a_person(body, event):
        return Heard(kind="foreign", raw=raw)
    incoming = _incoming(body, event)
    return Heard(kind="message" if incoming else "foreign", raw=raw, incoming=incoming)


def source_of(body: Event) -> str:
    """Return the source of this workspace's messages."""
    return f"{CHANNEL}:{body.get('team_id')}"


def _kind_of(event: Event) -> str:
    """Return the event by the name under which it is subscribed to."""
    kind = str(event.get("type"))
    if kind != "message":
        return kind
    place = str(event.get("channel_type"))
    return f"message.{_PLACES.get(place, place)}"


def bot_user_of(body: Event) -> str | None:
    """Return the app's own user, as the event itself tells it."""
    for one in body.get("authorizations") or ():
        if one.get("is_bot"):
            return str(one["user_id"])
    return None


def _is_written_by_a_person(body: Event, event: Event) -> bool:
    if event.get("subtype") not in _WRITTEN or event.get("bot_id") or event.get("bot_profile"):
        return False
    return bool(event.get("user")) and event["user"] != bot_user_of(body)


def _changed(event: Event, raw: Raw) -> Heard:
    channel = event["channel"]
    is_direct = channel.startswith("D")
    before = event.get("previous_message") or {}
    if before.get("bot_id"):
        return Heard(kind="foreign", raw=raw)
    if event["subtype"] == "message_deleted":
        source_id = f"{channel}:{event['deleted_ts']}"
        return Heard(kind="deletion", raw=raw, source_id=source_id, is_direct=is_direct)
    message = event["message"]
    source_id = f"{channel}:{message['ts']}"
    if message.get("subtype") == "tombstone":
        # So Slack tells that a message with a thread under it was taken back.
        return Heard(kind="deletion", raw=raw, source_id=source_id, is_direct=is_direct)
    if message.get("bot_id") or "edited" not in message:
        return Heard(kind="foreign", raw=raw)
    text = _text(message, _mentioned(event))
    return Heard(kind="edit", raw=raw, source_id=source_id, text=text, is_direct=is_direct)


def _mentioned(event: Event) -> str | None:
    """Return whom the message began by mentioning; in an edit the app is not named otherwise."""
    before = str((event.get("previous_message") or {}).get("text") or "")
    found = re.match(r"\s*<@([A-Z0-9]+)>", before)
    return found[1] if found else None


def _incoming(body: Event, event: Event) -> IncomingMessage | None:
    team, channel, ts, user = body["team_id"], event["channel"], event["ts"], event["user"]
    above = event.get("thread_ts")
    thread, is_reply = above or ts, bool(above and above != ts)
    bot = bot_user_of(body)
    is_direct = event.get("channel_type") == "im" or channel.startswith("D")
    is_mention = event["type"] == "app_mention" or f"<@{bot}" in str(event.get("text"))
    if not is_direct and not is_mention and not is_reply:
        return None
    own: dict[str, Any] = {
        "conversation": f"{team}:{channel}:{thread}:{user}",
        "private_to": f"@{user}",
        "joins": "named" if is_mention else "known",
    }
    if is_direct:
        own = {
            "conversation": f"{team}:{channel}:{thread}",
            "joins": "newest",
            "answers": f"{channel}:{above}" if is_reply else None,
        }
    return IncomingMessage(
        channel=CHANNEL,
        source=source_of(body),
        source_id=f"{channel}:{ts}",
        sender=Sender(source=f"{CHANNEL}:{event.get('user_team') or team}", external_id=user),
        text=_text(event, bot),
        attachments=tuple(_attachments(event)),
        reply_to=f"{channel}/{thread}",
        **own,
    )


def _text(event: Event, bot: str | None) -> str:
    """Return what somebody wrote, without Slack's markup and without the mention of the app."""
    text = str(event.get("text") or "")
    if bot:
        text = re.sub(rf"<@{bot}(\|[^<>]*)?>", "", text)
    text = _LINK.sub(lambda m: _address(m[1], m[2]), text)
    text = _NAMED.sub(r"\1", text)
    return html.unescape(text).strip()


def _address(url: str, label: str | None) -> str:
    if not url.startswith("http"):
        return label or url.partition(":")[2]
    return f"{label} ({url})" if label and label not in url else url


def _attachments(event: Event) -> list[Attachment]:
    return [
        Attachment(
            name=str(file.get("name") or "file"),
            type=str(file.get("mimetype") or "application/octet-stream"),
            url=file.get("url_private_download") or file.get("url_private"),
        )
        for file in event.get("files") or ()
    ]
