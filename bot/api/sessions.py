"""Agents' sessions in the console: a cookie that opens what the admin key opens, for a while."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request, Response

from bot.api.origins import is_from_own_page, is_https
from bot.app import App
from orchestration import store
from orchestration.errors import NotAllowed
from orchestration.models import ConsoleSession

COOKIE = "frontdesk_console"
# The prefix ties it to this host and to https; over plain http no browser would take it.
SECURE_COOKIE = f"__Host-{COOKIE}"
IDLE = timedelta(minutes=30)
LASTS = timedelta(hours=12)
# Not each request is worth a write.
NOTED_EACH = timedelta(seconds=30)

CSRF_HEADER = "X-CSRF-Token"
POLL_HEADER = "X-Poll"
_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session that is open, with the cookie that opens it."""

    token: str
    row: ConsoleSession

    @property
    def csrf(self) -> str:
        """What a write must bring along; only who has the cookie can know it."""
        return _keyed(self.token, "csrf")

    @property
    def expires_at(self) -> datetime:
        """When it ends, unless it is used before."""
        return min(self.row.used_at + IDLE, self.row.opened_at + LASTS)


async def open_for(app: App, agent: str, *, admin_key: str) -> Session:
    """Open a session for an agent who has shown the admin key."""
    token, now = secrets.token_urlsafe(32), app.tools.clock()
    hashed = _hash(token)
    row = ConsoleSession(
        token_hash=hashed,
        # With another admin key none of the sessions is worth anything.
        key_mark=_keyed(admin_key, hashed),
        agent=agent,
        opened_at=now,
        used_at=now,
    )
    await app.database.write(lambda connection: store.add(connection, row))
    return Session(token=token, row=row)


async def find(app: App, request: Request) -> Session | None:
    """Return the session of the request's cookie while it lasts."""
    token = request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE)
    admin_key = app.settings.frontdesk_admin_key
    if not token or not admin_key:
        return None
    hashed = _hash(token)
    row = await app.database.read(lambda c: store.find_console_session(c, hashed))
    if row is None or not _is_same(row.key_mark, _keyed(admin_key, hashed)):
        return None
    found = Session(token=token, row=row)
    return found if found.expires_at > app.tools.clock() else None


async def opens(app: App, request: Request) -> bool:
    """Tell whether the request's session lets it in; a key that is sent along counts alone.

    Raises `NotAllowed` for a write that another site's page may have made.
    """
    if "authorization" in request.headers:
        return False
    found = await find(app, request)
    if found is None:
        return False
    if request.method not in _READS:
        require_own_write(request, found)
    if not _is_poll(request):
        await keep_alive(app, found)
    return True


def require_own_write(request: Request, session: Session) -> None:
    """Raise `NotAllowed` unless a page of ours makes this request in this session."""
    if not is_from_own_page(request):
        raise NotAllowed("a session writes only from the console's own pages")
    if not _is_same(request.headers.get(CSRF_HEADER, ""), session.csrf):
        raise NotAllowed(f"send the session's csrf token as {CSRF_HEADER}")


async def keep_alive(app: App, session: Session) -> Session:
    """Note that the session is in use and return it as it is from now on."""
    now = app.tools.clock()
    if now - session.row.used_at < NOTED_EACH:
        return session
    hashed = session.row.token_hash
    await app.database.write(lambda connection: store.note_use(connection, hashed, now))
    return Session(token=session.token, row=session.row.model_copy(update={"used_at": now}))


def lasting(app: App, request: Request) -> Callable[[], Awaitable[bool]]:
    """Return what tells whether that which let a request in still would."""

    async def lasts() -> bool:
        return "authorization" in request.headers or await find(app, request) is not None

    return lasts


async def end(app: App, session: Session) -> None:
    """End a session."""
    hashed = session.row.token_hash
    await app.database.write(lambda connection: store.end_console_session(connection, hashed))


def set_cookie(request: Request, response: Response, session: Session) -> None:
    """Have the browser keep the session's cookie until it is closed, out of scripts' reach."""
    is_secure = is_https(request)
    response.set_cookie(
        SECURE_COOKIE if is_secure else COOKIE,
        session.token,
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )


def drop_cookies(response: Response) -> None:
    """Have the browser forget the cookie, whichever it has."""
    response.delete_cookie(SECURE_COOKIE, httponly=True, samesite="lax", secure=True)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def _is_poll(request: Request) -> bool:
    """Tell whether a page asks by itself, so that an agent who has gone home is signed out."""
    is_stream = "text/event-stream" in request.headers.get("accept", "")
    return is_stream or POLL_HEADER in request.headers


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _keyed(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
