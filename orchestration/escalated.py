"""What an escalated conversation needs: further messages join, reminders come, claims lapse."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from orchestration import delivery, escalation, resolution, store
from orchestration.classification import asks_nothing
from orchestration.context import (
    Case,
    Toolbox,
    describe_customer,
    identify,
    read_memory,
    read_situation,
)
from orchestration.engine import Program, RunFailed, Walk
from orchestration.journal import Journal, Place
from orchestration.models import Conversation, Delivery, Escalation, Reminder, Run
from orchestration.nodes import Outcome, node_kinds
from orchestration.state import classification_of
from orchestration.store import Hold
from orchestration.types import URGENCIES, ConversationId, Json
from orchestration.workflow import NodeSpec

# A customer who writes on while waiting is told once per this time that they were heard.
QUIET_PERIOD = timedelta(minutes=30)
# What a customer means by these ends an unclaimed case.
SOLVED = "solved"


async def join(tools: Toolbox, program: Program, case: Case, journal: Journal) -> None:
    """Let new messages join the open case: classified, acknowledged, never answered by the bot."""
    state = await Walk(program, case, tools, journal).classify()
    await tools.database.write(lambda c: _join(c, tools, case, journal, state))


def _join(
    connection: Connection,
    tools: Toolbox,
    case: Case,
    journal: Journal,
    state: Mapping[str, Json],
) -> None:
    conversation = journal.commit(connection)
    now = tools.clock()
    found = store.find_open_escalation(connection, conversation.id)
    is_solved = state.get("intent") == SOLVED and conversation.status == "escalated"
    if found and found.status == "open" and is_solved:
        _resolve_unclaimed(connection, tools, conversation, found, state, now)
    elif found:
        escalation.raise_urgency(
            connection, tools.shop, found, str(state.get("urgency") or "normal"), now
        )
        _acknowledge(connection, tools, conversation, state, now)
    store.answer(connection, case.turn, journal.run.id)
    store.change(connection, conversation.id, turns=conversation.turns + 1, supersedes=0)
    classified = store.plain(classification_of(state)) if "intent" in state else None
    store.change_run(
        connection,
        journal.run.id,
        status="done",
        outcome="joined",
        classification=classified,
        finished_at=now,
    )


def next_suggestion(
    connection: Connection, tools: Toolbox, held: Hold, program: Program, now: datetime
) -> Run | None:
    """Begin to draft what the agent might answer to what has just been written to them."""
    waiting = store.list_unsuggested(connection, held.conversation.id)
    due_at = store.suggestion_due(waiting, tools.debounce)
    if due_at is None or due_at > now:
        return None
    _keep(connection, held.conversation.id, suggestion=None, suggested_upto=waiting[-1].seq)
    return store.start_run(
        connection,
        held,
        workflow=program.name,
        version=program.version,
        turn=waiting,
        is_final=False,
        purpose="suggestion",
        now=now,
    )


async def suggest(tools: Toolbox, program: Program, case: Case, journal: Journal) -> None:
    """Draft what the agent might answer; whatever comes of it, the customer hears nothing."""
    try:
        stop = await Walk(program, case, tools, journal, stand_in=_stay_inside).run()
        draft, error = stop.state.get("draft"), None
    except RunFailed as failed:
        draft, error = None, str(failed)
    text = str(draft["text"]) if draft else None
    await tools.database.write(lambda c: _suggest(c, tools, journal, text, error))


def _stay_inside(spec: NodeSpec, place: Place, state: Mapping[str, Json]) -> Outcome | None:
    """Do nothing outside for the sake of a suggestion."""
    kind = node_kinds.get(spec.kind)
    if kind.touches != "external" or kind.waits:
        return None
    return Outcome(exit="error", notes={"node": spec.name, "error": "not done for a suggestion"})


def _suggest(
    connection: Connection, tools: Toolbox, journal: Journal, text: str | None, error: str | None
) -> None:
    conversation = journal.commit(connection)
    # What an agent has answered meanwhile needs no suggestion.
    if conversation.last_word == "customer":
        _keep(connection, conversation.id, suggestion=text)
    store.change_run(
        connection,
        journal.run.id,
        status="failed" if error else "done",
        outcome="suggested",
        error=error,
        finished_at=tools.clock(),
    )


def forget_suggestion(connection: Connection, conversation: str) -> None:
    """Let the bot draft anew where a suggestion was cut short."""
    _keep(connection, conversation, suggested_upto=0)


def _keep(connection: Connection, conversation: str, **values: Any) -> None:
    found = store.find_open_escalation(connection, conversation)
    if found:
        store.keep_suggestion(connection, found.id, **values)


async def hand_over(tools: Toolbox, conversation: ConversationId, reason: str) -> bool:
    """Open a case because somebody asked for one by hand; False where agents have it already."""
    case = await tools.database.read(lambda c: _case_of(c, tools, conversation))
    await identify(tools.orders, case)
    brief = await escalation.write_brief(case, tools, {})
    return await tools.database.write(
        lambda c: _hand_over(c, tools, conversation, reason, brief), durable=True
    )


def _case_of(connection: Connection, tools: Toolbox, id: ConversationId) -> Case:
    conversation = store.get(connection, Conversation, id)
    situation = read_situation(connection, conversation, ())
    texts = [one.text for one in situation.transcript if one.author == "customer"]
    return Case(
        conversation=conversation,
        person=situation.person,
        text=texts[-1] if texts else "",
        turn=(),
        transcript=situation.transcript,
        memory=read_memory(conversation),
        now=tools.clock(),
    )


def _hand_over(
    connection: Connection,
    tools: Toolbox,
    id: ConversationId,
    reason: str,
    brief: Mapping[str, Json],
) -> bool:
    conversation = store.lock(connection, id)
    now = tools.clock()
    if store.find_open_escalation(connection, id):
        return False
    store.answer_all(connection, id, "agent")
    store.raise_revision(connection, id, supersedes=0)
    escalation.open_case(
        connection,
        tools,
        conversation,
        run=None,
        queue=escalation.DEFAULT_QUEUE,
        reason=reason,
        urgency="normal",
        brief=brief,
        now=now,
    )
    current = store.get(connection, Conversation, id)
    say(connection, tools, current, escalation.promise(tools, _language(tools, current), now), now)
    store.make_due(connection, id, now)
    return True


def _resolve_unclaimed(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    found: Escalation,
    state: Mapping[str, Json],
    now: datetime,
) -> None:
    ended = store.change_escalation(
        connection, found, status="resolved", ended_at=now, end_reason="the customer solved it"
    )
    tell(connection, tools, conversation, "resolved_thanks", state.get("language"), now)
    resolution.resolve(connection, tools, conversation, "confirmed", now)
    escalation.announce(connection, tools, conversation, ended, "escalation.resolved", now)


def _acknowledge(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    state: Mapping[str, Json],
    now: datetime,
) -> None:
    said = conversation.acknowledged_at
    if conversation.status != "escalated" or (said and now - said < QUIET_PERIOD):
        return
    tell(connection, tools, conversation, "still_with_us", state.get("language"), now)
    store.change(connection, conversation.id, acknowledged_at=now)


def tell(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    key: str,
    language: Json,
    now: datetime,
) -> None:
    """Say one of our own sentences to the customer."""
    text = tools.texts.say(key, str(language or _language(tools, conversation)))
    say(connection, tools, conversation, text, now)


def say(
    connection: Connection, tools: Toolbox, conversation: Conversation, text: str, now: datetime
) -> None:
    """Say something to the customer in the bot's name that no bot has written."""
    message = store.say(
        connection,
        conversation,
        author="system",
        author_name=tools.shop.bot_name,
        text=text,
        now=now,
    )
    delivery.queue_message(connection, conversation, message, now)


def _language(tools: Toolbox, conversation: Conversation) -> str:
    return str((conversation.memory or {}).get("language") or tools.shop.language)


def keep_time(connection: Connection, tools: Toolbox, held: Hold) -> None:
    """Send the reminders whose time has come; release a claim whose target passed unanswered."""
    now = tools.clock()
    conversation = store.hold(connection, held)
    found = store.find_open_escalation(connection, conversation.id)
    if found is None:
        return
    if found.snoozed_until and found.snoozed_until <= now:
        found = store.change_escalation(connection, found, snoozed_until=None)
        store.record_event(
            connection, conversation.id, "snooze_over", {}, now=now, audience="agents"
        )
    since = waiting_since(connection, found)
    if since and found.target_from < since:
        escalation.plan_first_answer(connection, tools.shop, found, since)
        found = store.get_escalation(connection, found.id)
    for reminder in store.list_due_reminders(connection, found, now):
        if store.mark_reminded(connection, reminder, now):
            _remind(connection, tools, conversation, found, reminder, now)
            if reminder.level >= escalation.LEVELS[-1]:
                _target_passed(connection, tools, conversation, found, now)
                return


def waiting_since(connection: Connection, case: Escalation) -> datetime | None:
    """Return since when the customer waits for an agent's words; None where no answer is due.

    Thanks and the like wait for nobody; what is written later puts nothing off.
    """
    if case.replied_at is None:
        return case.created_at
    unheard = store.list_unheard(connection, case.conversation_id)
    return next((message.at for message in unheard if not asks_nothing(message.text)), None)


def _remind(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    found: Escalation,
    reminder: Reminder,
    now: datetime,
) -> None:
    details = {
        "escalation": found.id,
        "level": reminder.level,
        "queue": found.queue,
        "assignee": found.assignee,
        "due_at": found.due_at.isoformat() if found.due_at else None,
    }
    store.record_event(connection, conversation.id, "reminder", details, now=now, audience="agents")
    tools.telemetry.count("reminders", level=str(reminder.level), queue=found.queue)


def _target_passed(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    found: Escalation,
    now: datetime,
) -> None:
    """Bring a case back up: unclaimed, one urgency higher, with a new target."""
    if waiting_since(connection, found) is None:
        return
    higher = URGENCIES[min(URGENCIES.index(found.urgency) + 1, len(URGENCIES) - 1)]
    was_claimed = found.status == "claimed"
    changed = store.change_escalation(
        connection, found, status="open", assignee=None, claimed_at=None, urgency=higher
    )
    escalation.plan_first_answer(connection, tools.shop, changed, now)
    if was_claimed:
        store.raise_revision(connection, conversation.id)
        store.set_status(connection, conversation, "escalated", now=now, assignee=None)
        tell(connection, tools, conversation, "back_in_queue", None, now)


def report_undelivered(connection: Connection, undelivered: Delivery, *, tools: Toolbox) -> None:
    """Have a human look at a reply that failed, or of which nobody knows whether it arrived.

    An open case gets a note, where there is none one is opened.
    """
    conversation = store.lock(connection, undelivered.conversation_id)
    now = tools.clock()
    problem = _problem(undelivered)
    details = {
        "delivery": undelivered.id,
        "message": undelivered.message_id,
        "status": undelivered.status,
        "error": undelivered.error,
    }
    store.record_event(
        connection, conversation.id, "undelivered", details, now=now, audience="agents"
    )
    said = store.transcript(connection, conversation.id)
    text = next((one.text for one in said if one.id == undelivered.message_id), None)
    if store.find_open_escalation(connection, conversation.id):
        note = f"{problem}: “{text}”" if text else problem
        store.say(connection, conversation, author="system", text=note, now=now, audience="agents")
        return
    person = store.customer_of(connection, conversation)
    brief: dict[str, Json] = {
        "summary": f"{problem[0].upper()}{problem[1:]}.",
        "classification": None,
        "customer": dict(describe_customer(person, conversation.channel)),
        "orders": [],
        "transcript": escalation.transcript(said),
        "suggested_reply": text,
        "tried": [{"delivery": undelivered.id, "result": problem}],
    }
    escalation.open_case(
        connection,
        tools,
        conversation,
        run=None,
        queue=escalation.DEFAULT_QUEUE,
        reason=problem,
        urgency="normal",
        brief=brief,
        now=now,
    )


def _problem(undelivered: Delivery) -> str:
    error = undelivered.error or "the attempt came to no end"
    if undelivered.status == "unconfirmed":
        return f"it is not known whether a reply arrived: {error}"
    return f"a reply could not be delivered: {error}"
