"""What agents write below a card: a note of the case, until they say that it is to be sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from bot.app import App
from integrations.channels.slack import blocks
from integrations.channels.slack.cards import fit
from orchestration import boards, delivery, intake, masking, store
from orchestration.desk import Command
from orchestration.errors import BadInput
from orchestration.models import Conversation, Escalation, Message
from orchestration.types import ConversationId, Raw

# What begins so is meant for the colleagues, and nobody asks about it.
_ASIDE = re.compile(r"\s*(?:note:|//)\s*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What somebody wrote, or made of what they wrote, in a board's channel."""

    channel: str
    thread: str
    ts: str
    user: str
    text: str
    is_edit: bool

    @property
    def place(self) -> str:
        """The name of the message."""
        return f"{self.channel}:{self.ts}"


async def hear(app: App, body: Mapping[str, Any], raw: Raw) -> bool:
    """Take what is written in a board's channel, whose words are never a customer's.

    Tells whether the event was one of these.
    """
    event = body["event"]
    is_message = event.get("type") in ("message", "app_mention")
    if not is_message or event.get("channel") not in boards.all_of(app.tools.shop):
        return False
    await intake.keep(app.tools, raw, is_ours=False)
    written = read(body)
    if written:
        await _take(app, written)
    return True


def read(body: Mapping[str, Any]) -> Written | None:
    """Say what an agent wrote in a thread; None for all else, such as what we write ourselves."""
    event = body["event"]
    is_edit = event.get("subtype") == "message_changed"
    message = event["message"] if is_edit else event
    is_person = bool(message.get("user")) and not message.get("bot_id")
    is_stranger = message.get("user_team") not in (None, body.get("team_id"))
    is_written = is_edit or event.get("subtype") in (None, "file_share", "thread_broadcast")
    thread = message.get("thread_ts")
    is_reply = bool(thread) and thread != message.get("ts")
    if event["type"] != "message" or not (is_person and is_written and is_reply) or is_stranger:
        return None
    names = [f"📎 {file.get('name')}" for file in message.get("files") or ()]
    return Written(
        channel=event["channel"],
        thread=str(thread),
        ts=message["ts"],
        user=message["user"],
        text="\n".join([_unmarked(str(message.get("text") or "")), *names]).strip(),
        is_edit=is_edit,
    )


def _unmarked(text: str) -> str:
    """Return a text without Slack's markup of links and its escapes."""
    text = re.sub(r"<(?:https?://|mailto:)[^<>|]+\|([^<>]+)>", r"\1", text)
    text = re.sub(r"<(?:mailto:)?([^<>@#!|][^<>|]*)>", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


async def _take(app: App, written: Written) -> None:
    case = await app.database.read(lambda c: _case_of(c, written))
    if case is None or not written.text:
        return
    if written.is_edit:
        await _change(app, case, written)
        return
    words = _ASIDE.sub("", written.text, count=1) if _is_aside(written.text) else written.text
    if not words:
        return
    kept = await app.desk.carry_out("note", _command(case, written, text=words))
    if not _is_aside(written.text):
        await app.database.write(
            lambda c: _ask(c, app, case.id, written, str(kept["message_id"])), durable=True
        )
        await app.dispatcher.wake(ConversationId(case.conversation_id))


def _is_aside(text: str) -> bool:
    return _ASIDE.match(text) is not None


def _case_of(connection: Connection, written: Written) -> Escalation | None:
    card = store.find_subject(connection, written.channel, f"{written.channel}:{written.thread}")
    if card is None or card.kind != "case":
        return None
    return store.get_escalation(connection, card.subject)


def _command(case: Escalation, written: Written, **more: Any) -> Command:
    return Command(
        escalation=case.id, agent=written.user, version=None, place=written.place, **more
    )


def _ask(connection: Connection, app: App, case_id: str, written: Written, note: str) -> None:
    """Ask whoever has the case, and nobody else, whether what they wrote is for the customer."""
    conversation, case = store.lock_escalation(connection, case_id)
    id = f"ask-{note}"
    has_case = case.status == "claimed" and case.assignee == written.user
    if not has_case or store.find_delivery(connection, id):
        return
    card = store.find_card(connection, case.id)
    if card is None:
        return
    delivery.queue_for_agents(
        connection,
        conversation,
        kind="ask",
        type="slack.ephemeral",
        target=card.target,
        details={"user": written.user, **question(_name(connection, conversation), case.id, note)},
        follows=card.delivery_id,
        id=id,
        now=app.tools.clock(),
    )


def question(customer: str, case: str, note: str) -> dict[str, Any]:
    """Return the question whether a note is to be sent, with its two answers."""
    text = f"Send to {fit(customer, 80)}?"
    value = f"{case}:{note}"
    send = {"text": blocks.plain("Send"), "action_id": "note_send", "style": "primary"}
    keep = {"text": blocks.plain("Keep as note"), "action_id": "note_keep"}
    buttons = [{"type": "button", "value": value, **one} for one in (send, keep)]
    return {
        "text": text,
        "blocks": [
            {"type": "section", "text": blocks.mrkdwn(text)},
            {"type": "actions", "elements": buttons},
        ],
    }


def _name(connection: Connection, conversation: Conversation) -> str:
    return store.customer_of(connection, conversation).name or "the customer"


async def _change(app: App, case: Escalation, written: Written) -> None:
    """Change the note, and where it was sent, what the customer sees."""
    note = await app.database.read(
        lambda c: store.find_message_from(c, boards.AGENTS, written.place)
    )
    if note is None or (note.details or {}).get("agent") != written.user:
        return
    text = _ASIDE.sub("", written.text, count=1)
    masked = masking.mask(text)
    await app.database.write(lambda c: store.change_message(c, note.id, text=masked), durable=True)
    sent = await app.database.read(lambda c: store.find_message_from(c, boards.FROM_NOTE, note.id))
    if sent:
        await _change_reply(app, case, written, sent, text)


async def _change_reply(
    app: App, case: Escalation, written: Written, sent: Message, text: str
) -> None:
    command = _command(case, written, message=sent.id, text=text)
    try:
        await app.desk.carry_out("edit", command)
    except BadInput:
        # An empty text is no reply; what was sent stays.
        return


async def send(app: App, agent: str, case: str, note: str) -> None:
    """Send a note to the customer; raises `Conflict` where it was sent before, or is not theirs."""
    command = Command(escalation=case, agent=agent, version=None, message=note)
    await app.desk.carry_out("reply", command)
