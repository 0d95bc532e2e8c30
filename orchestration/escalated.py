"""What an escalated conversation needs: further messages join, reminders come, claims lapse."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from orchestration import delivery, escalation, resolution, store
from orchestration.classification import asks_nothing
from orchestration.context import Case, Toolbox
from orchestration.engine import Program, Walk
from orchestration.journal import Journal
from orchestration.models import Conversation, Delivery, Escalation, Reminder
from orchestration.state import classification_of
from orchestration.store import Hold
from orchestration.types import URGENCIES, Json

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
    details = {"escalation": found.id, "level": reminder.level, "queue": found.queue}
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
    details = {"delivery": undelivered.id, "status": undelivered.status, "error": undelivered.error}
    store.record_event(
        connection, conversation.id, "undelivered", details, now=now, audience="agents"
    )
    said = store.transcript(connection, conversation.id)
    text = next((one.text for one in said if one.id == undelivered.message_id), None)
    if store.find_open_escalation(connection, conversation.id):
        note = f"{problem}: “{text}”" if text else problem
        store.say(connection, conversation, author="system", text=note, now=now, audience="agents")
        return
    transcript = [
        {"author": one.author, "text": one.text, "at": one.at.isoformat()} for one in said
    ]
    brief: dict[str, Json] = {
        "summary": f"{problem[0].upper()}{problem[1:]}.",
        "classification": None,
        "customer": {},
        "orders": [],
        "transcript": transcript,
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
