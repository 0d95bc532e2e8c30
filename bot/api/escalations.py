"""The agents' desk over HTTP: cases, their commands, and drafts that wait for approval."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from sqlalchemy import Connection

from bot.api import shapes
from bot.api.answers import (
    ApprovalOut,
    ApprovalsOut,
    CasesOut,
    CommandOut,
    WholeCaseOut,
    answers,
)
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.pages import Cursor, Limit, page, read_cursor
from bot.api.schemas import (
    ApprovalStatusIn,
    CommandIn,
    EditIn,
    EscalationStatusIn,
    ReassignIn,
    RejectIn,
    ReleaseIn,
    ResolveIn,
    SnoozeIn,
    WordsIn,
)
from bot.app import App
from orchestration import store
from orchestration.desk import Command
from orchestration.errors import BadInput
from orchestration.models import Approval, Conversation

router = APIRouter(prefix="/v1", tags=["desk"], dependencies=[AdminOnly, Depends(small_body)])

LONGEST_SNOOZE = timedelta(days=366)
DONE = answers(CommandOut, conflicts=True)
DECIDED = answers(ApprovalOut, conflicts=True)

IdempotencyKey = Annotated[str | None, Header(max_length=200)]


@router.get("/escalations", responses=answers(CasesOut))
async def list_escalations(
    app: CurrentApp,
    status: EscalationStatusIn | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List cases, newest first."""
    before = read_cursor(cursor)
    found = await app.database.read(
        lambda connection: store.list_escalations(
            connection, status=status, limit=limit, before=before
        )
    )
    now = app.tools.clock()
    items = [shapes.timed_escalation(row, app.tools.shop, now) for row in found]
    return page(items, [(row.created_at, row.id) for row in found], limit)


@router.get("/escalations/{id}", responses=answers(WholeCaseOut))
async def get_escalation(id: str, app: CurrentApp) -> dict[str, Any]:
    """Return a case with its brief, what was said since, and how its messages fare."""
    now = app.tools.clock()

    def read(connection: Connection) -> dict[str, Any]:
        case = store.get_escalation(connection, id)
        conversation = store.get(connection, Conversation, case.conversation_id)
        said = store.transcript(connection, conversation.id, audience=None)
        files = store.list_files(connection, [message.id for message in said])
        return {
            **shapes.timed_escalation(case, app.tools.shop, now),
            "messages": [shapes.message(message, files) for message in said],
            "presence": shapes.presence(conversation, now),
            "reminders": [shapes.reminder(one) for one in store.list_reminders(connection, id)],
            "deliveries": [
                shapes.delivery(one) for one in store.list_deliveries(connection, conversation.id)
            ],
        }

    return await app.database.read(read)


async def _command(app: App, name: str, command: Command) -> dict[str, Any]:
    return await app.desk.carry_out(name, command)


def _parts(id: str, body: CommandIn, key: str | None) -> dict[str, Any]:
    return {"escalation": id, "agent": body.agent, "version": body.version, "key": key}


@router.post("/escalations/{id}/claim", responses=DONE)
async def claim(
    id: str, body: CommandIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Take a case; the answer names what the bot was just sending."""
    return await _command(app, "claim", Command(**_parts(id, body, idempotency_key)))


@router.post("/escalations/{id}/release", responses=DONE)
async def release(
    id: str, body: CommandIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Put a case back in its queue."""
    return await _command(app, "release", Command(**_parts(id, body, idempotency_key)))


@router.post("/escalations/{id}/reassign", responses=DONE)
async def reassign(
    id: str, body: ReassignIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Give a case to another agent."""
    command = Command(**_parts(id, body, idempotency_key), to=body.to)
    return await _command(app, "reassign", command)


@router.post("/escalations/{id}/snooze", responses=DONE)
async def snooze(
    id: str, body: SnoozeIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Let a case rest until a moment."""
    if body.until > app.tools.clock() + LONGEST_SNOOZE:
        raise BadInput("lies more than a year ahead", field="until")
    command = Command(**_parts(id, body, idempotency_key), until=body.until)
    return await _command(app, "snooze", command)


@router.post("/escalations/{id}/reply", responses=DONE)
async def reply(
    id: str, body: WordsIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Send the agent's words to the customer."""
    command = Command(**_parts(id, body, idempotency_key), text=body.text)
    return await _command(app, "reply", command)


@router.post("/escalations/{id}/edit", responses=DONE)
async def edit(
    id: str, body: EditIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Change a reply of the agent's own; the customer sees the new words."""
    command = Command(**_parts(id, body, idempotency_key), text=body.text, message=body.message_id)
    return await _command(app, "edit", command)


@router.post("/escalations/{id}/note", responses=DONE)
async def note(
    id: str, body: WordsIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Keep a note that only agents see."""
    command = Command(**_parts(id, body, idempotency_key), text=body.text)
    return await _command(app, "note", command)


@router.post("/escalations/{id}/hand-back", responses=DONE)
async def hand_back(
    id: str, body: CommandIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Give the conversation back to the bot."""
    return await _command(app, "hand-back", Command(**_parts(id, body, idempotency_key)))


@router.post("/escalations/{id}/resolve", responses=DONE)
async def resolve(
    id: str, body: ResolveIn, app: CurrentApp, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """End a case and its conversation."""
    command = Command(**_parts(id, body, idempotency_key), text=body.reason)
    return await _command(app, "resolve", command)


@router.get("/approvals", responses=answers(ApprovalsOut))
async def list_approvals(
    app: CurrentApp,
    status: ApprovalStatusIn | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List drafts that wait for a human, newest first."""
    before = read_cursor(cursor)

    def read(connection: Connection) -> dict[str, Any]:
        found = store.list_approvals(connection, status=status, limit=limit, before=before)
        items = [_approval(connection, row) for row in found]
        return page(items, [(row.created_at, row.id) for row in found], limit)

    return await app.database.read(read)


@router.get("/approvals/{id}", responses=answers(ApprovalOut))
async def get_approval(id: str, app: CurrentApp) -> dict[str, Any]:
    """Return one draft that waits, or waited."""
    return await app.database.read(
        lambda connection: _approval(connection, store.get(connection, Approval, id))
    )


def _approval(connection: Connection, row: Approval) -> dict[str, Any]:
    return shapes.approval(row, store.list_said_since(connection, row))


@router.post("/approvals/{id}/release", responses=DECIDED)
async def release_draft(id: str, body: ReleaseIn, app: CurrentApp) -> dict[str, Any]:
    """Have what is proposed done, and send the draft as it is or as the agent edited it."""
    await app.desk.decide(id, agent=body.agent, status="released", text=body.text, reason=None)
    return await get_approval(id, app)


@router.post("/approvals/{id}/reject", responses=DECIDED)
async def reject_draft(id: str, body: RejectIn, app: CurrentApp) -> dict[str, Any]:
    """Keep a draft back, with what it proposes; a human takes the conversation."""
    await app.desk.decide(id, agent=body.agent, status="rejected", text=None, reason=body.reason)
    return await get_approval(id, app)
