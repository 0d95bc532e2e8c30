"""The fake Slack's wires: the Web API and Socket Mode over HTTP on 127.0.0.1, with its faults."""

import asyncio
import json
import secrets
import struct
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes import slack_blocks
from tests.fakes.slack_faults import Fault
from tests.fakes.slack_methods import METHODS, SCOPES, room_of
from tests.fakes.slack_world import Refused, World, parse

BOT_TOKEN = "xoxb-" + "bot-of-the-fake"
APP_TOKEN = "xapp-" + "app-of-the-fake"
SIGNING_SECRET = "the signing secret of the fake"  # noqa: S105
ALL_SCOPES = frozenset(
    (
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:read",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    )
)
TRIGGER_SECONDS = 3


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the Web API as it arrived; `at` in seconds of the machine's own clock."""

    method: str
    arguments: Mapping[str, Any]
    token: str
    at: float
    outcome: str


@dataclass(kw_only=True)
class Link:
    """A Socket Mode connection and the acknowledgements that are waited for on it."""

    socket: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)


class Wire:
    """Answers calls over the world; `limit` is the posts a second that a channel takes."""

    def __init__(self, world: World, *, limit: float | None = None) -> None:
        self.world = world
        self.scopes: set[str] = set(ALL_SCOPES)
        self.calls: list[Call] = []
        self.links: list[Link] = []
        self.responses: list[dict[str, Any]] = []
        self.base = ""
        self.limit = limit
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._posted_at: dict[str, float] = {}
        self._triggers: dict[str, float] = {}
        self._late: set[asyncio.Task[None]] = set()
        self.closing = asyncio.Event()

    def application(self) -> web.Application:
        """Return what is to be served."""
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/link", self._link)
        app.router.add_post("/upload/{id}", self._upload)
        app.router.add_post("/response/{id}", self._respond_later)
        app.router.add_get("/files/{id}", self._download)
        return app

    def script(self, method: str, *faults: Fault) -> None:
        """Let these befall the next calls of a method, one after the other."""
        self._faults[method].extend(faults)

    def always(self, method: str, fault: Fault | None) -> None:
        """Let this befall every call of a method that the script says nothing of."""
        self._always.pop(method, None)
        if fault:
            self._always[method] = fault

    def new_trigger(self) -> str:
        """Return a trigger that opens one modal within the next seconds."""
        id = secrets.token_hex(8)
        self._triggers[id] = asyncio.get_running_loop().time()
        return id

    def new_response_url(self) -> str:
        """Return an address at which an interaction may be answered later."""
        return f"{self.base}/response/{secrets.token_hex(4)}"

    async def close(self) -> None:
        """Let go of whoever hangs, and of what would be applied later."""
        self.closing.set()
        for task in [*self._late]:
            task.cancel()
        for link in [*self.links]:
            with suppress(Exception):
                await link.socket.close()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method, arguments = request.match_info["method"], await _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = str(arguments.pop("token", "") or token)
        script = self._faults[method]
        fault = script.popleft() if script else self._always.get(method)
        if fault:
            self._note(method, arguments, token, fault.answer)
            return await self._fail(request, fault, method, arguments, token)
        limited = self._limited(method, arguments)
        if limited:
            self._note(method, arguments, token, "busy")
            return _busy(limited)
        answer = self._apply(method, arguments, token)
        self._note(method, arguments, token, "ok" if answer["ok"] else answer["error"])
        return self._respond(answer)

    def _respond(self, answer: dict[str, Any]) -> web.Response:
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return web.json_response(answer, headers=headers)

    def _note(self, method: str, arguments: dict[str, Any], token: str, outcome: str) -> None:
        at = asyncio.get_running_loop().time()
        call = Call(method=method, arguments=arguments, token=token, at=at, outcome=outcome)
        self.calls.append(call)

    def _limited(self, method: str, arguments: dict[str, Any]) -> float | None:
        if self.limit is None or method != "chat.postMessage":
            return None
        channel, now = str(arguments.get("channel")), asyncio.get_running_loop().time()
        free_at = self._posted_at.get(channel, 0) + 1 / self.limit
        if now < free_at:
            return free_at - now
        self._posted_at[channel] = now
        return None

    def _apply(self, method: str, arguments: dict[str, Any], token: str) -> dict[str, Any]:
        try:
            return {"ok": True, **self._do(method, arguments, token)}
        except Refused as refused:
            return {"ok": False, "error": refused.error, **refused.more}

    def _do(self, method: str, arguments: dict[str, Any], token: str) -> dict[str, Any]:
        if method == "apps.connections.open":
            return self._open_connection(token)
        if token != BOT_TOKEN:
            raise Refused("not_authed" if not token else "invalid_auth")
        if method in ("views.open", "views.update", "views.publish", "views.push"):
            return self._show_view(method, arguments)
        if method not in METHODS:
            raise Refused("unknown_method", req_method=method)
        self._demand_scopes(method, arguments)
        extra = {"_may_see_email": "users:read.email" in self.scopes, "_base": self.base}
        return METHODS[method](self.world, {**arguments, **extra})

    def _demand_scopes(self, method: str, arguments: dict[str, Any]) -> None:
        for scope in SCOPES.get(method, ()):
            needed = scope
            if scope.startswith("*"):
                needed = scope.replace("*", room_of(self.world, arguments).scope)
            if needed not in self.scopes:
                provided = ",".join(sorted(self.scopes))
                raise Refused("missing_scope", needed=needed, provided=provided)

    def _open_connection(self, token: str) -> dict[str, Any]:
        if token != APP_TOKEN:
            raise Refused("invalid_auth" if token else "not_authed")
        return {
            "url": self.base.replace("http://", "ws://") + "/link?ticket=" + secrets.token_hex(4)
        }

    def _show_view(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        view = arguments.get("view")
        if found := slack_blocks.view_problems(view):
            messages = [f"[ERROR] {one}" for one in found]
            raise Refused("invalid_arguments", response_metadata={"messages": messages})
        assert isinstance(view, dict)
        if method == "views.publish":
            self.world.homes[str(arguments.get("user_id"))] = view
            return {"view": {"id": self.world.next_id("V"), **view}}
        if method == "views.update":
            return {"view": self._update_view(arguments, view)}
        opened_at = self._triggers.pop(str(arguments.get("trigger_id")), None)
        if opened_at is None:
            raise Refused("invalid_trigger_id")
        if asyncio.get_running_loop().time() - opened_at > TRIGGER_SECONDS:
            raise Refused("expired_trigger_id")
        id = self.world.next_id("V")
        self.world.views[id] = {**view, "id": id, "hash": secrets.token_hex(4)}
        return {"view": self.world.views[id]}

    def _update_view(self, arguments: dict[str, Any], view: dict[str, Any]) -> dict[str, Any]:
        id = str(arguments.get("view_id"))
        known = self.world.views.get(id)
        if known is None:
            raise Refused("not_found")
        if arguments.get("hash") not in (None, known["hash"]):
            raise Refused("hash_conflict")
        self.world.views[id] = {**view, "id": id, "hash": secrets.token_hex(4)}
        return self.world.views[id]

    async def _fail(
        self,
        request: web.Request,
        fault: Fault,
        method: str,
        arguments: dict[str, Any],
        token: str,
    ) -> web.StreamResponse:
        if fault.applies and fault.after:
            task = asyncio.create_task(self._apply_late(fault.after, method, arguments, token))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        elif fault.applies:
            self._apply(method, arguments, token)
        if fault.answer == "hang":
            await self.closing.wait()
        if fault.answer in ("reset", "hang"):
            return _reset(request)
        return self._garbled(fault)

    def _garbled(self, fault: Fault) -> web.Response:
        if fault.answer == "busy":
            return _busy(fault.seconds)
        if fault.answer == "malformed":
            return web.Response(text='{"ok": tr', content_type="application/json")
        if fault.answer == "html":
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if fault.answer == "text":
            return web.Response(status=500, text="internal error", content_type="text/plain")
        return self._respond({"ok": False, "error": fault.answer})

    async def _apply_late(
        self, seconds: float, method: str, arguments: dict[str, Any], token: str
    ) -> None:
        await asyncio.sleep(seconds)
        self._apply(method, arguments, token)

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        link = Link(socket=socket)
        self.links.append(link)
        await socket.send_json({"type": "hello", "num_connections": len(self.links)})
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    _acknowledge(link, message.data)
        finally:
            self.links.remove(link)
            for one in link.waiting.values():
                one.cancel()
        return socket

    async def _respond_later(self, request: web.Request) -> web.Response:
        body = await request.json()
        if found := slack_blocks.problems(body.get("blocks") or []):
            return web.Response(status=400, text=f"invalid_blocks: {found}")
        self.responses.append({**body, "url": str(request.url)})
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.Response:
        self.world.contents[request.match_info["id"]] = await request.read()
        return web.Response(text="OK")

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            # As Slack does: the page to sign in, with status 200.
            return web.Response(text="<html>sign in</html>", content_type="text/html")
        id = request.match_info["id"]
        kind = self.world.files[id]["mimetype"]
        return web.Response(body=self.world.contents[id], content_type=kind)


def _acknowledge(link: Link, text: str) -> None:
    with suppress(ValueError):
        message = json.loads(text)
        waiting = link.waiting.pop(str(message.get("envelope_id")), None)
        if waiting and not waiting.done():
            waiting.set_result(message.get("payload"))


def _busy(seconds: float) -> web.Response:
    # Slack gives whole seconds; parts of one keep tests quick.
    headers = {"Retry-After": f"{seconds:g}"}
    body = {"ok": False, "error": "ratelimited"}
    return web.json_response(body, status=429, headers=headers)


def _reset(request: web.Request) -> web.StreamResponse:
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        # Closing with a linger time of 0 sends RST in place of FIN.
        raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        body = await request.json()
        return dict(body)
    posted = await request.post()
    return {name: parse(value) for name, value in {**request.query, **posted}.items()}
