"""What agents do with a case: each command is one transaction, decided by compare-and-set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from orchestration import delivery, escalated, escalation, learning, masking, resolution, store
from orchestration.boards import AGENTS, FROM_NOTE
from orchestration.context import Toolbox
from orchestration.errors import BadInput, Conflict, NotAllowed
from orchestration.interfaces import Dispatcher
from orchestration.models import Approval, Conversation, Escalation, Message, Run
from orchestration.types import ConversationId


@dataclass(frozen=True, kw_only=True)
class Command:
    """An agent's command on a case at the version they saw; under one `key` it is done once.

    Without a `version` it is meant whatever the case has become, as with words in its thread.
    `message` is the note to send or the reply to change, `suggested_upto` the number of the
    suggestion to send, `place` where a note was written.
    """

    escalation: str
    agent: str
    version: int | None
    key: str | None = None
    text: str = ""
    to: str = ""
    until: datetime | None = None
    message: str | None = None
    suggested_upto: int | None = None
    place: str | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A case locked for a command, with its conversation."""

    connection: Connection
    tools: Toolbox
    conversation: Conversation
    case: Escalation
    now: datetime


Answer = dict[str, Any]
Action = Callable[[Scene, Command], Answer]


class Desk:
    """Carries out agents' commands and wakes the conversation for what follows."""

    def __init__(self, tools: Toolbox, dispatcher: Dispatcher) -> None:
        self._tools = tools
        self._dispatcher = dispatcher

    async def carry_out(self, name: str, command: Command) -> Answer:
        """Do what the agent asked and return the case's new state.

        Raises `Conflict` for a stale version, for another's case, and for a case that is over.
        """
        action = ACTIONS[name]
        answer = await self._tools.database.write(
            lambda connection: _once(connection, self._tools, name, action, command), durable=True
        )
        await self._dispatcher.wake(ConversationId(answer["conversation_id"]))
        return answer

    async def pause(self, agent: str, *, paused: bool) -> None:
        """Remind an agent of nothing and assign them nothing, until they say otherwise."""
        since = self._tools.clock() if paused else None
        await self._tools.database.write(
            lambda connection: store.pause_agent(connection, agent, since)
        )

    async def decide(
        self, approval: str, *, agent: str, status: str, text: str | None, reason: str | None
    ) -> str:
        """Release or reject a waiting draft, with what it proposes; returns its conversation.

        Raises `Conflict` where it is no longer open.
        """
        if text is not None:
            _require_words(text)
        conversation = await self._tools.database.write(
            lambda connection: _decide(
                connection,
                approval,
                agent=agent,
                status=status,
                text=text,
                reason=reason,
                now=self._tools.clock(),
            ),
            durable=True,
        )
        await self._dispatcher.wake(ConversationId(conversation))
        return conversation


def _once(
    connection: Connection, tools: Toolbox, name: str, action: Action, command: Command
) -> Answer:
    now = tools.clock()
    fingerprint = sha256(repr((name, replace(command, key=None))).encode()).hexdigest()
    conversation, case = store.lock_escalation(connection, command.escalation)
    if command.key:
        known = store.recall_command(connection, command.key, fingerprint)
        if known is not None:
            return known
    is_stale = command.version not in (None, case.version)
    is_over = case.status not in ("open", "claimed")
    if is_stale or (is_over and not (command.version is None and name in LATE)):
        raise store.stale(case)
    scene = Scene(connection=connection, tools=tools, conversation=conversation, case=case, now=now)
    answer = {**action(scene, command), **_state(connection, case.id)}
    if command.key:
        store.remember_command(connection, command.key, fingerprint, answer, now)
    # Boards show what has changed, also if this process dies before it wakes the conversation.
    store.make_due(connection, conversation.id, now)
    return answer


def _state(connection: Connection, id: str) -> Answer:
    case = store.get_escalation(connection, id)
    return {
        "id": case.id,
        "conversation_id": case.conversation_id,
        "status": case.status,
        "assignee": case.assignee,
        "urgency": case.urgency,
        "version": case.version,
    }


def claim(scene: Scene, command: Command) -> Answer:
    """Take the case: from this commit on, no bot answer starts on its way to the customer."""
    if scene.case.status == "claimed":
        raise store.stale(scene.case)
    in_flight = store.list_in_flight(scene.connection, scene.conversation.id)
    _assign(scene, command.agent)
    return {"in_flight": in_flight}


def reassign(scene: Scene, command: Command) -> Answer:
    """Give the case to another agent."""
    to = command.to.strip()
    if not to:
        raise BadInput("name the agent who takes the case", field="to")
    if store.is_paused(scene.connection, to):
        name = store.name_of(scene.connection, to)
        raise BadInput(f"{name} takes no cases at the moment; name somebody else", field="to")
    _assign(scene, to)
    return {}


def _assign(scene: Scene, agent: str) -> None:
    connection, conversation = scene.connection, scene.conversation
    changed = store.change_escalation(
        connection,
        scene.case,
        status="claimed",
        assignee=agent,
        claimed_at=scene.now,
        snoozed_until=None,
    )
    store.withdraw_approvals(connection, conversation.id, scene.now)
    store.answer_all(connection, conversation.id, "agent")
    store.raise_revision(connection, conversation.id, supersedes=0)
    store.set_status(connection, conversation, "assigned", now=scene.now, assignee=agent)
    escalation.announce(
        connection, scene.tools, conversation, changed, "escalation.claimed", scene.now
    )


def release(scene: Scene, command: Command) -> Answer:
    """Put the case back in its queue."""
    _require_assignee(scene, command)
    changed = store.change_escalation(
        scene.connection, scene.case, status="open", assignee=None, claimed_at=None
    )
    if escalated.waiting_since(scene.connection, changed):
        escalation.plan_first_answer(scene.connection, scene.tools.shop, changed, scene.now)
    store.raise_revision(scene.connection, scene.conversation.id)
    store.set_status(
        scene.connection, scene.conversation, "escalated", now=scene.now, assignee=None
    )
    return {}


def snooze(scene: Scene, command: Command) -> Answer:
    """Let the case rest until a moment; its reminders move with it."""
    if command.until is None or command.until <= scene.now:
        raise BadInput("needs a moment in the future, such as 2030-01-31T09:00:00Z", field="until")
    changed = store.change_escalation(scene.connection, scene.case, snoozed_until=command.until)
    waits = escalated.waiting_since(scene.connection, scene.case) is not None
    plan = escalation.plan_first_answer if waits else escalation.plan_resolution
    plan(scene.connection, scene.tools.shop, changed, command.until)
    return {}


def reply(scene: Scene, command: Command) -> Answer:
    """Send the agent's words to the customer: typed, suggested, or written before as a note."""
    _require_assignee(scene, command)
    text, source = _words(scene, command)
    waited = escalated.waiting_since(scene.connection, scene.case) is not None
    message = store.say(
        scene.connection,
        scene.conversation,
        author="agent",
        author_name=store.name_of(scene.connection, command.agent),
        text=masking.mask(text),
        now=scene.now,
        source=source,
        details={"agent": command.agent},
    )
    # What an agent writes may draw on the customer's record.
    language = str((scene.conversation.memory or {}).get("language") or scene.tools.shop.language)
    queued = delivery.queue_message(
        scene.connection,
        scene.conversation,
        message,
        scene.now,
        notice=scene.tools.texts.say("written_to_you", language),
    )
    if queued is None:
        _tell_shown(scene, message)
    changed = store.change_escalation(
        scene.connection, scene.case, replied_at=scene.now, suggestion=None
    )
    if waited:
        escalation.plan_resolution(scene.connection, scene.tools.shop, changed, scene.now)
    return {"message_id": message.id}


def _words(scene: Scene, command: Command) -> tuple[str, tuple[str, str] | None]:
    """Return what to send, and the note it comes from, which is sent once."""
    if command.message is not None:
        return _note_to_send(scene, command.message), (FROM_NOTE, command.message)
    if command.suggested_upto is None:
        return _text(command), None
    suggested = escalation.suggestion_of(scene.case)
    if suggested is None or command.suggested_upto != scene.case.suggested_upto:
        raise Conflict("the suggestion is not the one you saw; look at the case again")
    return suggested, None


def _note_to_send(scene: Scene, id: str) -> str:
    note = store.find_message(scene.connection, id)
    is_note = note is not None and (note.author, note.audience) == ("agent", "agents")
    if note is None or not is_note or note.conversation_id != scene.conversation.id:
        raise BadInput("is no note of this case", field="message")
    if store.find_message_from(scene.connection, FROM_NOTE, id):
        raise Conflict("this note was sent before")
    return note.text


def _tell_shown(scene: Scene, message: Message) -> None:
    """Note that a customer who fetches their messages is shown one as soon as it is committed."""
    connection, conversation = scene.connection, scene.conversation
    delivery.tell_delivered(connection, conversation.id, message.id, scene.now)


def edit(scene: Scene, command: Command) -> Answer:
    """Change the words of a reply of one's own; the customer sees what it says since."""
    connection = scene.connection
    message = store.find_message(connection, command.message)
    is_reply = message is not None and (message.author, message.audience) == ("agent", "customer")
    if message is None or not is_reply or message.conversation_id != scene.conversation.id:
        raise BadInput("is no reply in this case", field="message")
    if (message.details or {}).get("agent") != command.agent:
        raise NotAllowed("only the agent who wrote a reply may change it")
    text = masking.mask(_text(command))
    if text == message.text:
        return {"message_id": message.id}
    details = {**(message.details or {}), "edited_at": scene.now.isoformat()}
    store.change_message(connection, message.id, text=text, details=details)
    changed = message.model_copy(update={"text": text})
    told = {"id": message.id, "text": text}
    store.record_event(connection, scene.conversation.id, "edited", told, now=scene.now)
    if delivery.queue_edit(connection, scene.conversation, changed, scene.now) is None:
        _tell_shown(scene, changed)
    return {"message_id": message.id}


def note(scene: Scene, command: Command) -> Answer:
    """Keep a note that only agents see; what stands at one place is kept once."""
    source = (AGENTS, command.place) if command.place else None
    known = store.find_message_from(scene.connection, *source) if source else None
    if known:
        return {"message_id": known.id}
    message = store.say(
        scene.connection,
        scene.conversation,
        author="agent",
        author_name=store.name_of(scene.connection, command.agent),
        text=masking.mask(_text(command)),
        now=scene.now,
        audience="agents",
        source=source,
        details={"agent": command.agent},
    )
    return {"message_id": message.id}


def hand_back(scene: Scene, command: Command) -> Answer:
    """Give the conversation back to the bot, which looks only at what is written from now on."""
    _require_assignee(scene, command)
    store.change_escalation(scene.connection, scene.case, status="handed_back", ended_at=scene.now)
    store.answer_all(scene.connection, scene.conversation.id, "agent")
    store.raise_revision(scene.connection, scene.conversation.id, acknowledged_at=None)
    store.set_status(scene.connection, scene.conversation, "open", now=scene.now, assignee=None)
    return {}


def resolve(scene: Scene, command: Command) -> Answer:
    """End the case and the conversation."""
    if scene.case.status == "claimed":
        _require_assignee(scene, command)
    ended = store.change_escalation(
        scene.connection,
        scene.case,
        status="resolved",
        ended_at=scene.now,
        end_reason=masking.mask(command.text) or None,
    )
    store.withdraw_approvals(scene.connection, scene.conversation.id, scene.now)
    store.answer_all(scene.connection, scene.conversation.id, "agent")
    store.raise_revision(scene.connection, scene.conversation.id)
    resolution.resolve(scene.connection, scene.tools, scene.conversation, "by_agent", scene.now)
    learning.propose_resolved(scene.connection, ended, by=command.agent, now=scene.now)
    resolution.ask_for_rating(scene.connection, scene.tools, scene.conversation, scene.now)
    escalation.announce(
        scene.connection, scene.tools, scene.conversation, ended, "escalation.resolved", scene.now
    )
    return {}


ACTIONS: dict[str, Action] = {
    "claim": claim,
    "release": release,
    "reassign": reassign,
    "snooze": snooze,
    "reply": reply,
    "edit": edit,
    "note": note,
    "hand-back": hand_back,
    "resolve": resolve,
}
# What may still be said where a case was shown, when it is over.
LATE = ("note", "edit")


def _require_assignee(scene: Scene, command: Command) -> None:
    if scene.case.assignee != command.agent:
        raise store.stale(scene.case)


def _text(command: Command) -> str:
    _require_words(command.text)
    return command.text


def _require_words(text: str) -> None:
    if not text.strip():
        raise BadInput("is empty; write what should be said", field="text")


def _decide(
    connection: Connection,
    id: str,
    *,
    agent: str,
    status: str,
    text: str | None,
    reason: str | None,
    now: datetime,
) -> str:
    approval = store.get(connection, Approval, id)
    conversation = store.lock(connection, approval.conversation_id)
    approval = store.get(connection, Approval, id)
    if approval.status != "open":
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        raise Conflict(
            f"the approval is {approval.status}{by}", current={"status": approval.status}
        )
    # What the customer wrote since withdraws the draft; the worker may not have got there yet.
    # An action stays open beside the next turns: those who decide see what was said meanwhile.
    run = store.get(connection, Run, approval.run_id)
    if run.revision != conversation.revision and not store.has_proposal(connection, run.id):
        raise Conflict(
            "the approval is withdrawn: the customer has written since",
            current={"status": "withdrawn"},
        )
    approval = approval.model_copy(
        update={
            "status": status,
            "decided_by": agent,
            "decided_at": now,
            "text": text,
            "reason": reason,
        }
    )
    store.put(connection, approval)
    store.make_due(connection, approval.conversation_id, now)
    return approval.conversation_id
