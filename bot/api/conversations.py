"""Conversations as other systems and agents read them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from bot.api import sessions, shapes, streams
from bot.api.answers import ConversationOut, answers
from bot.api.guards import AdminOnly, CurrentApp, Reader, small_body
from bot.api.pages import Cursor, Limit, page, read_cursor
from bot.api.schemas import ConversationStatusIn, RatingIn
from orchestration import resolution, store
from orchestration.models import Conversation

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.get("", dependencies=[AdminOnly])
async def list_conversations(
    app: CurrentApp,
    status: ConversationStatusIn | None = None,
    customer: Annotated[str | None, Query(max_length=500)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List conversations, newest first."""
    before = read_cursor(cursor)

    def read(connection: Connection) -> dict[str, Any]:
        found = store.list_conversations(
            connection, status=status, customer=customer, limit=limit, before=before
        )
        items = [shapes.conversation(row, store.customer_of(connection, row)) for row in found]
        return page(items, [(row.created_at, row.id) for row in found], limit)

    return await app.database.read(read)


@router.get("/{id}", responses=answers(ConversationOut))
async def get_conversation(id: str, app: CurrentApp, key: Reader) -> dict[str, Any]:
    """Return a conversation with what was said.

    Agents' notes, and how what was said fares on its way, are for the admin key alone.
    """
    is_admin = key == "admin"
    return await app.database.read(lambda connection: _whole(connection, id, is_admin=is_admin))


def _whole(connection: Connection, id: str, *, is_admin: bool) -> dict[str, Any]:
    row = store.get(connection, Conversation, id)
    said = store.transcript(connection, id, audience=None if is_admin else "customer")
    files = store.list_files(connection, [message.id for message in said])
    shape = shapes.conversation(row, store.customer_of(connection, row))
    shape["messages"] = [shapes.message(message, files) for message in said]
    if is_admin:
        sent = store.list_deliveries(connection, id)
        shape["deliveries"] = [shapes.delivery(one) for one in sent]
    return shape


@router.get("/{id}/events", response_class=StreamingResponse)
async def watch(id: str, request: Request, app: CurrentApp, key: Reader) -> StreamingResponse:
    """Stream `message`, `status` and `typing` events; resumable with Last-Event-ID."""
    after = streams.last_seen(request)
    await app.database.read(lambda connection: store.get(connection, Conversation, id))
    lasts = sessions.lasting(app, request)
    return streams.stream(app, lambda c: store.find_conversation(c, id), after, lasts=lasts)


@router.post("/{id}/rating", dependencies=[Depends(small_body)])
async def rate(id: str, rating: RatingIn, app: CurrentApp, key: Reader) -> dict[str, Any]:
    """Keep how content the customer is; a rating reopens nothing."""
    await app.database.write(
        lambda connection: resolution.rate(
            connection, app.tools, id, score=rating.score, comment=rating.comment
        )
    )
    return {"score": rating.score}
