"""What every request passes first: sizes, characters that cannot be stored, and keys."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api import sessions
from bot.api.problems import problem
from bot.api.schemas import BODY_LIMIT
from bot.app import App
from orchestration.errors import BadInput, NotAuthenticated, TooLarge

# A base64 text is a third longer than what it says.
BODY_WITH_FILES_LIMIT = 10 * 1024 * 1024


class RequestGuard:
    """Refuses bodies that are too large and addresses that no database could look up."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body as it arrives."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not _is_readable(scope):
            answer = problem(422, BadInput.title, "the address contains NUL or is not UTF-8")
            await answer(scope, receive, send)
            return
        if _announced(scope) > BODY_WITH_FILES_LIMIT:
            answer = problem(413, TooLarge.title, "a body may have 10 MB at the most")
            await answer(scope, receive, send)
            return
        await self._app(scope, _counted(receive), send)


def _is_readable(scope: Scope) -> bool:
    raw = bytes(scope.get("raw_path") or b"") + b"?" + bytes(scope.get("query_string") or b"")
    decoded = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        return "\x00" not in decoded.decode()
    except UnicodeDecodeError:
        return False


def _announced(scope: Scope) -> int:
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


def _counted(receive: Receive) -> Receive:
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_WITH_FILES_LIMIT:
            raise TooLarge("a body may have 10 MB at the most")
        return message

    return count


async def limited_body(request: Request) -> bytes:
    """Return the raw body; raises `TooLarge` where one without files is over the limit."""
    body = await request.body()
    if len(body) > BODY_LIMIT and b'"content_base64"' not in body:
        raise TooLarge("a body without attachments may have 256 kB at the most")
    return body


async def small_body(request: Request) -> None:
    """Refuse a command that is too large to be one."""
    if len(await request.body()) > BODY_LIMIT:
        raise TooLarge("a command may have 256 kB at the most")


def app_of(request: Request) -> App:
    """Return the parts that this process works with."""
    app = request.app.state.app
    assert isinstance(app, App)  # noqa: S101
    return app


CurrentApp = Annotated[App, Depends(app_of)]


def bearer(request: Request) -> str | None:
    """Return the key that came with the request."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None


def is_key(given: str | None, expected: str | None) -> bool:
    """Compare keys in constant time; a key that is not set opens nothing."""
    if not given or not expected:
        return False
    return hmac.compare_digest(given.encode(), expected.encode())


def _opener(*names: str) -> Callable[[Request], Awaitable[str]]:
    async def check(request: Request) -> str:
        app = app_of(request)
        given = bearer(request)
        for name in names:
            if is_key(given, getattr(app.settings, f"frontdesk_{name}_key")):
                return name
        if await sessions.opens(app, request):
            return "admin"
        raise NotAuthenticated("send a valid key as Authorization: Bearer …")

    return check


needs_admin = _opener("admin")
needs_reader = _opener("admin", "api")
AdminOnly = Depends(needs_admin)
Reader = Annotated[str, Depends(needs_reader)]
