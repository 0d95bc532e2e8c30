"""A Slack of our own: Web API, Socket Mode, signed events with retries, clicks and modals.

It serves real HTTP and WebSockets on 127.0.0.1 from a thread of its own, for apps in this process
and in others. Use as `with FakeSlack() as slack`.
"""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from tests.fakes.slack_faults import Fault
from tests.fakes.slack_wire import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Call, Wire
from tests.fakes.slack_world import (
    APP,
    BOT_ID,
    BOT_USER,
    TEAM,
    Person,
    Post,
    Room,
    World,
    find_actions,
)

T = TypeVar("T")

ALL_EVENTS = frozenset(
    (
        "agent_session_stopped",
        "app_context_changed",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
        "tokens_revoked",
    )
)
# How long Slack waits for an acknowledgement, and before each repeat, in seconds.
ACK_SECONDS = 3.0
RETRIES = (0.0, 60.0, 300.0)
ANA, BEN, MARIA, TOM = "U0ANA", "U0BEN", "U0MARIA", "U0TOM"
SUPPORT, GENERAL = "C0SUPPORT", "C0GENERAL"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at handing something to the app: its status, 0 where no answer came."""

    kind: str
    id: str
    retry: int
    status: int
    seconds: float
    payload: Any = None


@dataclass(kw_only=True)
class Sent:
    """Something on its way to the app; `answer` is what the app's acknowledgement said."""

    kind: str
    id: str
    done: threading.Event = field(default_factory=threading.Event)
    is_acked: bool = False
    answer: Any = None


class FakeSlack:
    """One workspace with one installed app.

    `time_scale` shortens Slack's waits between repeats; `events_url` is where events, clicks and
    commands are posted; without it they go over Socket Mode. Ana and Ben are customers, Maria and
    Tom agents; all and the app are in #general, the agents and the app in #support.
    """

    def __init__(
        self,
        *,
        time_scale: float = 0.005,
        clock: Callable[[], float] = time.time,
        limit: float | None = None,
    ) -> None:
        self.world = World(clock)
        self.events_url: str | None = None
        self.subscribed: set[str] = set(ALL_EVENTS)
        self.attempts: list[Attempt] = []
        self._bodies: list[dict[str, Any]] = []
        self.time_scale = time_scale
        self._wire: Wire
        self._limit = limit
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-slack")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._fill()

    def _fill(self) -> None:
        for id, name, email in (
            (ANA, "Ana Ruiz", "ana@example.com"),
            (BEN, "Ben Okafor", "ben@example.com"),
            (MARIA, "Maria Agent", "maria@shop.example"),
            (TOM, "Tom Agent", "tom@shop.example"),
        ):
            self.world.people[id] = Person(id=id, name=name, email=email)
        self.add_channel(GENERAL, "general", ANA, BEN, MARIA, TOM, BOT_USER)
        self.add_channel(SUPPORT, "support", MARIA, TOM, BOT_USER)

    def __enter__(self) -> "FakeSlack":
        self._thread.start()
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        self._wire = Wire(self.world, limit=self._limit)
        self._runner = web.AppRunner(self._wire.application(), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._wire.base = f"http://{host}:{port}"
        self._client = aiohttp.ClientSession()

    async def _close(self) -> None:
        for task in [*self._tasks]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wire.close()
        await self._client.close()
        await self._runner.cleanup()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    # What the app is given.

    @property
    def api_url(self) -> str:
        """The value of SLACK_API_URL."""
        return f"{self._wire.base}/api/"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of an app that speaks HTTP."""
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": self.api_url,
            "FRONTDESK_SLACK_AGENTS_CHANNEL": SUPPORT,
        }

    @property
    def socket_environment(self) -> dict[str, str]:
        """The settings of an app in Socket Mode."""
        environment = {**self.environment, "SLACK_APP_TOKEN": APP_TOKEN}
        del environment["SLACK_SIGNING_SECRET"]
        return environment

    @property
    def scopes(self) -> set[str]:
        """The scopes that were granted; take some out to see what is missing."""
        return self._wire.scopes

    def fault(self, method: str, *faults: Fault) -> None:
        """Let these befall the next calls of a method, one after the other."""
        self._do(self._later(lambda: self._wire.script(method, *faults)))

    def always(self, method: str, fault: Fault | None) -> None:
        """Let this befall every call of a method until it is None again."""
        self._do(self._later(lambda: self._wire.always(method, fault)))

    async def _later(self, function: Callable[[], T]) -> T:
        return function()

    # The workspace.

    def add_person(self, id: str, name: str, **more: Any) -> Person:
        """Add a member, or with `team` somebody of another organisation."""
        person = Person(id=id, name=name, **more)
        self.world.people[id] = person
        return person

    def add_channel(self, id: str, name: str, *members: str, **more: Any) -> Room:
        """Add a channel; the app is in it where its user is among the members."""
        room = Room(id=id, name=name, members=set(members), **more)
        self.world.rooms[id] = room
        return room

    def add_file(self, name: str, kind: str, content: bytes) -> dict[str, Any]:
        """Add a file that a message can carry."""
        id = self.world.next_id("F")
        url = f"{self._wire.base}/files/{id}"
        self.world.contents[id] = content
        self.world.files[id] = {
            "id": id,
            "name": name,
            "mimetype": kind,
            "size": len(content),
            "url_private": url,
            "url_private_download": url,
            "permalink": f"https://shop.slack.com/files/{id}",
        }
        return self.world.files[id]

    # What people do.

    def dm(
        self, user: str, text: str, *, thread: str | None = None, files: list[Any] | None = None
    ) -> Post:
        """Write to the app's direct messages."""
        room = self.world.direct_message(user)
        return self.say(user, room.id, text, thread=thread, files=files)

    def mention(self, user: str, channel: str, text: str, *, thread: str | None = None) -> Post:
        """Write in a channel and mention the app: Slack sends that as two events."""
        return self.say(user, channel, f"<@{BOT_USER}> {text}", thread=thread)

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        *,
        thread: str | None = None,
        files: list[Any] | None = None,
        bot_id: str | None = None,
    ) -> Post:
        """Write in a channel; what the app may hear of it is on its way when this returns."""
        post = Post(
            channel=channel,
            ts=self.world.next_ts(),
            user=user,
            text=text,
            thread_ts=thread,
            files=files or [],
            bot_id=bot_id,
        )
        self.world.add(post)
        event = self._message_event(post)
        if files:
            event["subtype"] = "file_share"
        self._send_event(event, f"message.{self.world.rooms[channel].scope}", channel)
        if f"<@{BOT_USER}>" in text and self.world.rooms[channel].kind != "im":
            mention = {**self._message_event(post), "type": "app_mention"}
            del mention["channel_type"]
            self._send_event(mention, "app_mention", channel)
        return post

    def write_unheard(self, user: str, text: str) -> tuple[Post, Callable[[], None]]:
        """Write to the app, and return what hands it over, as after a delivery that failed."""
        room = self.world.direct_message(user)
        post = self.world.add(Post(channel=room.id, ts=self.world.next_ts(), user=user, text=text))
        event = self._message_event(post)
        return post, lambda: self._send_event(event, "message.im", room.id)

    def edit(self, post: Post, text: str) -> None:
        """Change what was written."""
        before = self._message_event(post)
        post.text, post.edited_ts = text, self.world.next_ts()
        now = {**self._message_event(post), "edited": {"user": post.user, "ts": post.edited_ts}}
        event = {
            "type": "message",
            "subtype": "message_changed",
            "channel": post.channel,
            "channel_type": before["channel_type"],
            "message": now,
            "previous_message": before,
            "ts": post.edited_ts,
            "event_ts": post.edited_ts,
        }
        self._send_event(event, f"message.{self.world.rooms[post.channel].scope}", post.channel)

    def delete(self, post: Post) -> None:
        """Take back what was written."""
        post.is_deleted = True
        before, ts = self._message_event(post), self.world.next_ts()
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "channel": post.channel,
            "channel_type": before["channel_type"],
            "previous_message": before,
            "deleted_ts": post.ts,
            "ts": ts,
            "event_ts": ts,
        }
        self._send_event(event, f"message.{self.world.rooms[post.channel].scope}", post.channel)

    def stop(self, post: Post) -> None:
        """Press Stop while the app is at work on a message."""
        event = {
            "type": "agent_session_stopped",
            "channel": post.channel,
            "channel_id": post.channel,
            "thread_ts": post.root,
            "user": post.user,
            "event_ts": self.world.next_ts(),
        }
        self._send_event(event, "agent_session_stopped", post.channel)

    def open_home(self, user: str, *, tab: str = "home") -> None:
        """Open the app's Home or Messages tab."""
        room = self.world.direct_message(user)
        event = {
            "type": "app_home_opened",
            "user": user,
            "channel": room.id,
            "tab": tab,
            "event_ts": self.world.next_ts(),
        }
        self._send_event(event, "app_home_opened", room.id)

    def react(self, user: str, post: Post, name: str) -> None:
        """Put a reaction under a message."""
        event = {
            "type": "reaction_added",
            "user": user,
            "reaction": name,
            "item": {"type": "message", "channel": post.channel, "ts": post.ts},
            "event_ts": self.world.next_ts(),
        }
        self._send_event(event, "reaction_added", post.channel)

    def click(
        self,
        post: Post | Mapping[str, Any],
        action_id: str,
        user: str,
        *,
        value: str | None = None,
    ) -> Sent:
        """Use a button, menu or select; `value` chooses an option of it, or a person.

        The post may be a message, an ephemeral one (from `ephemerals`), a modal or a home view.
        Raises `LookupError` where it holds no such element.
        """
        blocks = post.blocks if isinstance(post, Post) else post["blocks"]
        element = next((e for e in find_actions(blocks) if e["action_id"] == action_id), None)
        if element is None:
            raise LookupError(f"{action_id!r} is not among {[*_ids(blocks)]}")
        action = _action(blocks, element, value)
        payload = {
            **self._interaction("block_actions", user),
            "actions": [action],
            **self._place(post),
        }
        return self._send_interaction(payload)

    def submit(self, view: Mapping[str, Any], values: Mapping[str, Any], user: str) -> Sent:
        """Send a modal off; `values` are what was entered, by the action id of the element."""
        state: dict[str, dict[str, Any]] = {}
        for block in view["blocks"]:
            if block.get("type") == "input":
                element = block["element"]
                block_id = block.get("block_id") or element["action_id"]
                entered = values.get(element["action_id"], element.get("initial_value"))
                state[block_id] = {element["action_id"]: _entered(element, entered)}
        payload = {
            **self._interaction("view_submission", user),
            "view": {**view, "state": {"values": state}, "app_id": APP, "team_id": TEAM},
        }
        return self._send_interaction(payload)

    def shortcut(self, callback_id: str, post: Post, user: str) -> Sent:
        """Use a message shortcut on a message."""
        payload = {
            **self._interaction("message_action", user),
            "callback_id": callback_id,
            "channel": self._channel(post.channel),
            "message": post.as_json(),
            "message_ts": post.ts,
            "response_url": self._wire.new_response_url(),
        }
        return self._send_interaction(payload)

    def command(
        self, user: str, text: str, *, channel: str = SUPPORT, name: str = "/support"
    ) -> Sent:
        """Use a slash command; the answer is in `Sent.answer` once it is done."""
        form = {
            "token": "unused",
            "team_id": TEAM,
            "channel_id": channel,
            "channel_name": self.world.rooms[channel].name,
            "user_id": user,
            "user_name": self.world.people[user].name,
            "command": name,
            "text": text,
            "api_app_id": APP,
            "response_url": self._wire.new_response_url(),
            "trigger_id": self._trigger(),
        }
        return self._begin(
            Sent(kind="slash_commands", id=form["trigger_id"]), envelope=form, form=form, repeats=0
        )

    def repeat(self, *, times: int = 1) -> None:
        """Hand the newest event to the app again, as Slack does when it is in doubt."""
        body = self._bodies[-1]
        for _ in range(times):
            sent = Sent(kind="events_api", id=body["event_id"])
            self._begin(sent, envelope=body, json_body=body)

    # What the app did.

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API so far."""
        return list(self._wire.calls)

    def called(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def messages(self, channel: str, *, thread: str | None = None) -> list[Post]:
        """What the app has written in a channel, or in one thread of it, oldest first."""
        posts = [post for post in self.world.in_room(channel) if post.bot_id == BOT_ID]
        return [post for post in posts if thread is None or post.thread_ts == thread]

    def dms(self, user: str) -> list[Post]:
        """What the app has written to a person."""
        return self.messages(self.world.direct_message(user).id)

    @property
    def ephemerals(self) -> list[dict[str, Any]]:
        """What the app has shown to one person alone."""
        return self.world.ephemerals

    @property
    def responses(self) -> list[dict[str, Any]]:
        """What was posted to the response URLs of interactions and commands."""
        return list(self._wire.responses)

    @property
    def views(self) -> list[dict[str, Any]]:
        """The modals that were opened, newest last, as they are now."""
        return list(self.world.views.values())

    @property
    def homes(self) -> dict[str, dict[str, Any]]:
        """The App Homes by person."""
        return self.world.homes

    @property
    def connections(self) -> int:
        """How many Socket Mode connections are open."""
        return len(self._wire.links)

    def drop_connections(self) -> None:
        """Cut every Socket Mode connection without a goodbye."""
        for link in [*self._wire.links]:
            transport = link.socket._req.transport if link.socket._req else None
            if transport:
                self._loop.call_soon_threadsafe(transport.abort)

    def statuses(self, events: str = "events_api") -> list[int]:
        """What the app answered to each attempt, in order."""
        return [attempt.status for attempt in self.attempts if attempt.kind == events]

    async def until(self, is_so: Callable[[], Any], *, seconds: float = 20) -> Any:
        """Wait until something is so and return it; raises `TimeoutError`."""
        end = time.monotonic() + seconds
        while not (found := is_so()):
            if time.monotonic() > end:
                raise TimeoutError(f"{is_so} did not come to be in {seconds} s")
            await asyncio.sleep(0.005)
        return found

    async def all_acked(self, *, seconds: float = 20) -> None:
        """Wait until nothing is on its way to the app."""
        await self.until(lambda: not self._tasks, seconds=seconds)

    # How it gets to the app.

    def _message_event(self, post: Post) -> dict[str, Any]:
        person = self.world.people.get(post.user)
        room = self.world.rooms[post.channel]
        event = {
            **post.as_json(),
            "channel": post.channel,
            "channel_type": {"channels": "channel", "groups": "group", "im": "im"}[room.scope],
            "event_ts": post.ts,
        }
        if person and person.is_stranger:
            event |= {"user_team": person.team, "source_team": person.team}
        return event

    def _send_event(self, event: dict[str, Any], subscription: str, channel: str) -> None:
        members = self.world.rooms[channel].members
        if subscription not in self.subscribed or BOT_USER not in members:
            return
        body = {
            "token": "unused",
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": self.world.next_id("Ev"),
            "event_time": int(self.world.clock()),
            "authorizations": [
                {"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}
            ],
            "is_ext_shared_channel": self.world.rooms[channel].is_shared,
        }
        self._bodies.append(body)
        sent = Sent(kind="events_api", id=str(body["event_id"]))
        self._begin(sent, envelope=body, json_body=body)

    def _interaction(self, kind: str, user: str) -> dict[str, Any]:
        person = self.world.people[user]
        return {
            "type": kind,
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": TEAM},
            "api_app_id": APP,
            "token": "unused",
            "team": {"id": TEAM, "domain": "shop"},
            "trigger_id": self._trigger(),
        }

    def _trigger(self) -> str:
        return self._do(self._later(self._wire.new_trigger))

    def _channel(self, id: str) -> dict[str, Any]:
        return {"id": id, "name": self.world.rooms[id].name}

    def _place(self, post: Post | Mapping[str, Any]) -> dict[str, Any]:
        if isinstance(post, Post):
            container = {"type": "message", "message_ts": post.ts, "channel_id": post.channel}
            if post.thread_ts:
                container["thread_ts"] = post.thread_ts
            message = post.as_json()
            ephemeral = False
        elif "channel" in post:
            container = {"type": "message", "message_ts": post["ts"], "channel_id": post["channel"]}
            if post.get("thread_ts"):
                container["thread_ts"] = post["thread_ts"]
            message = {"ts": post["ts"], "blocks": post["blocks"], "text": post["text"]}
            ephemeral = True
        else:
            return {"view": dict(post), "container": {"type": "view", "view_id": post.get("id")}}
        return {
            "container": {**container, "is_ephemeral": ephemeral},
            "channel": self._channel(str(container["channel_id"])),
            "message": message,
            "response_url": self._wire.new_response_url(),
        }

    def _send_interaction(self, payload: dict[str, Any]) -> Sent:
        form = {"payload": json.dumps(payload)}
        sent = Sent(kind="interactive", id=payload["trigger_id"])
        return self._begin(sent, envelope=payload, form=form, repeats=0)

    def _begin(
        self,
        sent: Sent,
        *,
        envelope: dict[str, Any],
        json_body: dict[str, Any] | None = None,
        form: dict[str, str] | None = None,
        repeats: int = len(RETRIES),
    ) -> Sent:
        raw = json.dumps(json_body) if json_body else urlencode(form or {})
        kind = "application/json" if json_body else "application/x-www-form-urlencoded"

        async def once(retry: int) -> tuple[int, Any]:
            if self.events_url:
                return await self._post(raw, kind, retry)
            return await self._over_socket(sent.kind, envelope, retry)

        def start() -> None:
            task = self._loop.create_task(self._try(sent, once, repeats))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._do(self._later(start))
        return sent

    async def _try(
        self, sent: Sent, once: Callable[[int], Awaitable[tuple[int, Any]]], repeats: int
    ) -> None:
        for retry in range(repeats + 1):
            if retry:
                await asyncio.sleep(RETRIES[retry - 1] * self.time_scale)
            started = time.monotonic()
            status, answer = await once(retry)
            attempt = Attempt(
                kind=sent.kind,
                id=sent.id,
                retry=retry,
                status=status,
                seconds=time.monotonic() - started,
                payload=answer,
            )
            self.attempts.append(attempt)
            if 200 <= status < 300:
                sent.is_acked, sent.answer = True, answer
                break
        sent.done.set()

    async def _post(self, raw: str, kind: str, retry: int) -> tuple[int, Any]:
        assert self.events_url is not None
        headers = {"Content-Type": kind, **signed(raw)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        wait = aiohttp.ClientTimeout(total=ACK_SECONDS)
        try:
            async with self._client.post(
                self.events_url, data=raw.encode(), headers=headers, timeout=wait
            ) as answer:
                text = await answer.text()
                return answer.status, _decoded(text)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, None

    async def _over_socket(self, kind: str, payload: Any, retry: int) -> tuple[int, Any]:
        if not self._wire.links:
            return 0, None
        link, id = self._wire.links[-1], self.world.next_id("E")
        envelope = {
            "type": kind,
            "envelope_id": id,
            "payload": payload,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        waiting = self._loop.create_future()
        link.waiting[id] = waiting
        try:
            await link.socket.send_json(envelope)
            async with asyncio.timeout(ACK_SECONDS):
                await asyncio.wait([waiting])
        except (TimeoutError, ConnectionError):
            return 0, None
        finally:
            link.waiting.pop(id, None)
        return (0, None) if waiting.cancelled() else (200, waiting.result())


def signed(raw: str, *, at: float | None = None, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Return the headers by which an app knows that a request comes from Slack."""
    timestamp = str(int(time.time() if at is None else at))
    base = f"v0:{timestamp}:{raw}".encode()
    signature = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={signature}"}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text or None


def _ids(blocks: Any) -> list[str]:
    return [element["action_id"] for element in find_actions(blocks)]


def _action(blocks: Any, element: Mapping[str, Any], value: str | None) -> dict[str, Any]:
    block = next(b for b in blocks if any(e is element for e in find_actions(b)))
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block.get("block_id", "b1"),
        "action_ts": "1.0",
    }
    if element["type"] == "feedback_buttons":
        names = {element[n]["value"] for n in ("positive_button", "negative_button")}
        if value not in names:
            raise LookupError(f"{value!r} is not among {names}")
        return {**action, "value": value}
    return action | _entered(element, element.get("value") if value is None else value)


def _entered(element: Mapping[str, Any], value: Any) -> dict[str, Any]:
    kind = element["type"]
    entered: dict[str, Any] = {"type": kind}
    if kind == "users_select":
        entered["selected_user"] = value
    elif kind in ("overflow", "static_select", "radio_buttons"):
        chosen = [o for o in element["options"] if o["value"] == value]
        if not chosen and value is not None:
            raise LookupError(f"{value!r} is no option of {element['action_id']!r}")
        entered["selected_option"] = chosen[0] if chosen else None
    elif kind == "checkboxes":
        entered["selected_options"] = [o for o in element["options"] if o["value"] in (value or ())]
    elif kind == "datetimepicker":
        entered["selected_date_time"] = value
    elif kind == "datepicker":
        entered["selected_date"] = value
    elif kind == "timepicker":
        entered["selected_time"] = value
    else:
        entered["value"] = value
    return entered
