"""What agents do with a case: each command is one transaction, decided by compare-and-set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from orchestration import delivery, escalated, escalation, learning, masking, resolution, store
from orchestration.context import Toolbox
from orchestration.errors import BadInput, Conflict
from orchestration.interfaces import Dispatcher
from orchestration.models import Approval, Conversation, Escalation, Run
from orchestration.types import ConversationId


@dataclass(frozen=True, kw_only=True)
class Command:
    """An agent's command on a case at the version they saw; under one `key` it is done once."""

    escalation: str
    agent: str
    version: int
    key: str | None = None
    text: str = ""
    to: str = ""
    until: datetime | None = None


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

    async def decide(
        self, approval: str, *, agent: str, status: str, text: str | None, reason: str | None
    ) -> str:
        """Release or reject a waiting draft, with what it proposes; returns its conversation.

        Raises `Conflict` where it is no longer open.
        """
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
    if case.version != command.version or case.status not in ("open", "claimed"):
        raise store.stale(case)
    scene = Scene(connection=connection, tools=tools, conversation=conversation, case=case, now=now)
    answer = {**action(scene, command), **_state(connection, case.id)}
    if command.key:
        store.remember_command(connection, command.key, fingerprint, answer, now)
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
    if not command.to.strip():
        raise BadInput("name the agent who takes the case", field="to")
    _assign(scene, command.to.strip())
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
    """Send the agent's words to the customer."""
    _require_assignee(scene, command)
    text = masking.mask(_text(command))
    waited = escalated.waiting_since(scene.connection, scene.case) is not None
    message = store.say(
        scene.connection,
        scene.conversation,
        author="agent",
        author_name=command.agent,
        text=text,
        now=scene.now,
    )
    delivery.queue_message(scene.connection, scene.conversation, message, scene.now)
    changed = store.change_escalation(scene.connection, scene.case, replied_at=scene.now)
    if waited:
        escalation.plan_resolution(scene.connection, scene.tools.shop, changed, scene.now)
    return {"message_id": message.id}


def note(scene: Scene, command: Command) -> Answer:
    """Keep a note that only agents see."""
    message = store.say(
        scene.connection,
        scene.conversation,
        author="agent",
        author_name=command.agent,
        text=masking.mask(_text(command)),
        now=scene.now,
        audience="agents",
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
    "note": note,
    "hand-back": hand_back,
    "resolve": resolve,
}


def _require_assignee(scene: Scene, command: Command) -> None:
    if scene.case.assignee != command.agent:
        raise store.stale(scene.case)


def _text(command: Command) -> str:
    if not command.text.strip():
        raise BadInput("is empty; write what should be said", field="text")
    return command.text


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
