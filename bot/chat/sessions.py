"""Who sits in front of the chat page: a cookie bound to its own conversations."""

import hashlib
import secrets
from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import Connection

from bot.api.schemas import storable
from bot.app import App
from integrations import signatures
from orchestration import store
from orchestration.errors import NotAllowed, NotAuthenticated
from orchestration.models import ChatSession, Conversation
from orchestration.types import CustomerRecord, Sender

COOKIE = "frontdesk_chat"
LASTS = timedelta(days=30)
GUEST = "chat-guest"


def hash_of(token: str) -> str:
    """Return what is kept of a cookie: whoever reads the table cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def sender_of(session: ChatSession) -> Sender:
    """Return who writes in this session."""
    return Sender(
        source=session.customer_source,
        external_id=session.external_id,
        verified=session.verified,
        email=session.email,
        name=session.name,
    )


async def find(app: App, request: Request) -> ChatSession | None:
    """Return the session of the request's cookie while it lasts."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    key, now = hash_of(token), app.tools.clock()
    found = await app.database.read(lambda connection: store.find_session(connection, key))
    return found if found and found.expires_at > now else None


async def require(app: App, request: Request) -> ChatSession:
    """Return the session; raises `NotAuthenticated` without one."""
    found = await find(app, request)
    if found is None:
        raise NotAuthenticated("open the chat first: POST /chat/sessions")
    return found


def vouched(app: App, identity: str) -> Sender:
    """Return whom the shop's page vouches for; raises `NotAuthenticated`."""
    secret = app.settings.frontdesk_chat_secret
    if secret is None:
        raise NotAuthenticated("identities cannot be verified: FRONTDESK_CHAT_SECRET is not set")
    claims = signatures.identity(identity, secret, app.tools.clock())
    try:
        who = {name: storable(claims[name]) for name in ("id", "email", "name") if claims[name]}
    except ValueError as error:
        raise NotAuthenticated(f"the chat identity {error}") from error
    return Sender(
        source="shop",
        external_id=who["id"],
        verified=True,
        email=who.get("email"),
        name=who.get("name"),
    )


def sample(samples: dict[str, CustomerRecord] | None, id: str) -> Sender:
    """Return one of the demo's customers; raises `NotAllowed` outside the demo."""
    if samples is None:
        raise NotAllowed("only the demo lets a visitor choose who they are")
    record = samples.get(id)
    if record is None:
        raise NotAllowed(f"the demo knows {', '.join(samples)}")
    return Sender(
        source="shop", external_id=id, verified=True, email=record.email, name=record.name
    )


async def open_for(
    app: App, request: Request, response: Response, sender: Sender | None
) -> ChatSession:
    """Go on with the cookie's session where it is the same person's, or begin one."""
    known = await find(app, request)
    if known and (sender is None or sender.external_id == known.external_id):
        return known
    token = secrets.token_urlsafe(32)
    session = _new(token, sender, app.tools.clock())
    await app.database.write(lambda connection: store.add(connection, session))
    embedded = bool(app.settings.chat_origins)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LASTS.total_seconds()),
        path="/chat",
        httponly=True,
        # A page of another site may only use the cookie where the operator named that site.
        samesite="none" if embedded else "lax",
        secure=embedded or request.url.scheme == "https",
    )
    return session


def _new(token: str, sender: Sender | None, now: datetime) -> ChatSession:
    who = sender or Sender(source=GUEST, external_id=secrets.token_hex(16))
    return ChatSession(
        token_hash=hash_of(token),
        customer_source=who.source,
        external_id=who.external_id,
        verified=who.verified,
        email=who.email,
        name=who.name,
        conversation=secrets.token_hex(16),
        expires_at=now + LASTS,
    )


def conversation_of(connection: Connection, session: ChatSession) -> Conversation | None:
    """Return the session's newest conversation, or None before its first message."""
    return store.newest_conversation(connection, "chat", session.conversation)
