"""The web chat: its page, and what the page asks for."""

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Connection

from bot.api import limits, shapes, streams
from bot.api.guards import CurrentApp, limited_body, small_body
from bot.api.origins import own_origins
from bot.api.schemas import ChatMessageIn, ChatSessionIn, RatingIn
from bot.app import App
from bot.chat import sessions
from orchestration import intake, resolution, store
from orchestration.errors import Conflict, NotAllowed
from orchestration.models import ChatSession
from orchestration.types import CustomerRecord, IncomingMessage

Samples = Mapping[str, CustomerRecord]

PAGE = resources.files("bot.chat") / "page"
_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "img-src 'self' blob:"
)

router = APIRouter(prefix="/chat", tags=["chat"])


def serve_page(api: FastAPI, app: App) -> None:
    """Serve the page and its files."""
    ancestors = " ".join(["'self'", *app.settings.chat_origins])
    headers = {
        "Content-Security-Policy": f"{_POLICY}; frame-ancestors {ancestors}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
    html = (PAGE / "index.html").read_text(encoding="utf-8")

    @api.get("/chat", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers=headers)

    api.mount("/chat/assets", _Assets(directory=str(PAGE)), name="chat-assets")


class _Assets(StaticFiles):
    """Files that a browser asks about each time, so that an upgrade is seen at once."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _same_site(request: Request, app: CurrentApp) -> None:
    """Refuse a page of another site that the operator has not named."""
    origin = request.headers.get("origin")
    if origin is None or origin in app.settings.chat_origins:
        return
    if origin not in own_origins(request):
        raise NotAllowed("this page may not use the chat; name it in FRONTDESK_CHAT_ORIGINS")


async def _session(request: Request, app: CurrentApp) -> ChatSession:
    return await sessions.require(app, request)


Session = Annotated[ChatSession, Depends(_session)]
SameSite = Depends(_same_site)


@router.get("/config")
async def config(request: Request, app: CurrentApp) -> dict[str, Any]:
    """Return what the page says and whom the demo lets one be."""
    shop, samples = app.tools.shop, request.app.state.samples or {}
    return {
        "shop": shop.name,
        "bot_name": shop.bot_name,
        "language": shop.language,
        "demo": [{"id": id, "name": record.name} for id, record in samples.items()],
        "texts": {"notice": app.tools.texts.say("automated_notice", shop.language)},
    }


@router.post("/sessions", dependencies=[SameSite, Depends(small_body)])
async def open_session(
    body: ChatSessionIn, request: Request, response: Response, app: CurrentApp
) -> dict[str, Any]:
    """Open the chat for whoever the identity vouches for, or for a visitor."""
    sender = None
    if body.identity is not None:
        sender = sessions.vouched(app, body.identity)
    elif body.sample is not None:
        if body.sample == "visitor":
            return await _as_visitor(request, response, app)
        sender = sessions.sample(request.app.state.samples, body.sample)
    limits.allow_session(request)
    session = await sessions.open_for(app, request, response, sender)
    return await _opened(app, session)


async def _as_visitor(request: Request, response: Response, app: App) -> dict[str, Any]:
    if request.app.state.samples is None:
        raise NotAllowed("only the demo lets a visitor choose who they are")
    known = await sessions.find(app, request)
    if known is None or known.verified:
        request.cookies.pop(sessions.COOKIE, None)
        known = await sessions.open_for(app, request, response, None)
    return await _opened(app, known)


async def _opened(app: App, session: ChatSession) -> dict[str, Any]:
    found = await app.database.read(lambda c: sessions.conversation_of(c, session))
    return {
        "customer": {
            "id": session.external_id if session.verified else None,
            "name": session.name,
            "verified": session.verified,
        },
        "conversation_id": found.id if found else None,
    }


@router.get("/messages")
async def messages(app: CurrentApp, session: Session) -> dict[str, Any]:
    """Return what was said, newest first, and how the conversation stands."""

    def read(connection: Connection) -> dict[str, Any]:
        found = sessions.conversation_of(connection, session)
        if found is None:
            return {"items": [], "next": None, "status": "open", "assignee": None, "rated": False}
        said = store.transcript(connection, found.id)
        files = store.list_files(connection, [message.id for message in said])
        return {
            "items": [shapes.message(message, files) for message in reversed(said)],
            "next": None,
            "status": found.status,
            "assignee": found.assignee,
            "rated": found.rating is not None,
        }

    return await app.database.read(read)


@router.post("/messages", status_code=202, dependencies=[SameSite, Depends(limited_body)])
async def write(body: ChatMessageIn, app: CurrentApp, session: Session) -> dict[str, Any]:
    """Take what the visitor writes; the same id again is harmless."""
    limits.allow_message(session.token_hash)
    fingerprint = hashlib.sha256(
        json.dumps([body.text, [one.model_dump() for one in body.attachments]]).encode()
    ).hexdigest()
    received = await intake.receive(
        app.tools,
        app.dispatcher,
        IncomingMessage(
            channel="chat",
            conversation=session.conversation,
            source=f"chat:{session.conversation}",
            source_id=body.message_id,
            sender=sessions.sender_of(session),
            text=body.text,
            fingerprint=fingerprint,
            attachments=tuple(one.value() for one in body.attachments),
        ),
    )
    return {
        "id": received.message,
        "conversation_id": received.conversation,
        "duplicate": received.duplicate,
    }


@router.get("/events", response_class=StreamingResponse)
async def events(request: Request, app: CurrentApp, session: Session) -> StreamingResponse:
    """Stream the session's conversation; before the first message it waits for one."""
    after = streams.last_seen(request)
    return streams.stream(
        app, lambda c: sessions.conversation_of(c, session), after, is_customer=True
    )


@router.post("/rating", dependencies=[SameSite, Depends(small_body)])
async def rate(body: RatingIn, app: CurrentApp, session: Session) -> dict[str, Any]:
    """Keep how content the visitor is; a good rating of a bot's answer confirms it."""

    def save(connection: Connection) -> None:
        found = sessions.conversation_of(connection, session)
        if found is None:
            raise Conflict("there is nothing to rate yet")
        resolution.rate(connection, app.tools, found.id, score=body.score, comment=body.comment)

    await app.database.write(save)
    return {"score": body.score}
