"""What a Slack workspace holds: people, channels and what stands in them."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

TEAM = "T0SHOP"
APP = "A0FRONT"
BOT_USER = "U0BOT"
BOT_ID = "B0BOT"


class Refused(Exception):
    """The error a method answers with."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more


@dataclass(kw_only=True)
class Person:
    """A member of the workspace, or with another `team` somebody met through Slack Connect."""

    id: str
    name: str
    email: str | None = None
    is_email_confirmed: bool = True
    team: str = TEAM
    is_bot: bool = False
    tz: str = "Europe/Berlin"

    @property
    def is_stranger(self) -> bool:
        return self.team != TEAM


@dataclass(kw_only=True)
class Room:
    """A channel, private channel or direct message."""

    id: str
    name: str = ""
    kind: str = "channel"
    members: set[str] = field(default_factory=set)
    is_shared: bool = False
    is_archived: bool = False

    @property
    def scope(self) -> str:
        """The word by which scopes and events name this kind."""
        return {"channel": "channels", "group": "groups", "im": "im"}[self.kind]


@dataclass(kw_only=True)
class Post:
    """A message as it stands in a channel."""

    channel: str
    ts: str
    user: str
    text: str = ""
    thread_ts: str | None = None
    blocks: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    bot_id: str | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    edited_ts: str | None = None
    is_deleted: bool = False
    reactions: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """All that a reader sees: the text of its blocks, else its text."""
        return "\n".join(_shown(self.blocks)) or self.text

    @property
    def root(self) -> str:
        """The thread it belongs to, or would begin."""
        return self.thread_ts or self.ts

    def actions(self) -> dict[str, dict[str, Any]]:
        """Return the interactive elements by their action id."""
        return {one["action_id"]: one for one in find_actions(self.blocks)}

    def as_json(self, *, with_metadata: bool = True) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "text": self.text,
            "ts": self.ts,
            "team": TEAM,
        }
        optional = {
            "thread_ts": self.thread_ts,
            "blocks": self.blocks,
            "bot_id": self.bot_id,
            "files": self.files,
        }
        body |= {name: value for name, value in optional.items() if value}
        if self.edited_ts:
            body["edited"] = {"user": self.user, "ts": self.edited_ts}
        if self.metadata and with_metadata:
            body["metadata"] = self.metadata
        return body


def _shown(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _shown(inner)
    elif isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        for name in ("text", "fields", "elements", "accessory", "label", "element"):
            if isinstance(value.get(name), dict | list):
                yield from _shown(value[name])


def find_actions(value: Any) -> Iterator[dict[str, Any]]:
    """Find every element with an action id, however deep it lies."""
    if isinstance(value, list):
        for inner in value:
            yield from find_actions(inner)
    elif isinstance(value, dict):
        if "action_id" in value:
            yield value
        for inner in value.values():
            if isinstance(inner, dict | list):
                yield from find_actions(inner)


class World:
    """The state behind the fake; `clock` gives the seconds that message numbers are made of."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.people: dict[str, Person] = {}
        self.rooms: dict[str, Room] = {}
        self.posts: list[Post] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.ephemerals: list[dict[str, Any]] = []
        self._last = 0
        self._numbers = itertools.count(1)
        self.people[BOT_USER] = Person(id=BOT_USER, name="Frontdesk", is_bot=True)

    def next_ts(self) -> str:
        """Return a message number, later than every one before."""
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def next_id(self, letter: str) -> str:
        return f"{letter}{next(self._numbers):08d}"

    def direct_message(self, user: str) -> Room:
        """Return the direct message between the app and a person, opened if need be."""
        for room in self.rooms.values():
            if room.kind == "im" and user in room.members:
                return room
        room = Room(id=self.next_id("D"), kind="im", members={user, BOT_USER})
        self.rooms[room.id] = room
        return room

    def find_post(self, channel: str, ts: str) -> Post | None:
        same = (post for post in self.posts if post.channel == channel and post.ts == ts)
        return next(same, None)

    def add(self, post: Post) -> Post:
        self.posts.append(post)
        return post

    def in_room(self, channel: str) -> list[Post]:
        """Return what stands in a channel, oldest first."""
        return [post for post in self.posts if post.channel == channel and not post.is_deleted]


def parse(value: Any) -> Any:
    """Return what a form field holds: JSON where it is some."""
    if not isinstance(value, str) or value[:1] not in "[{":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
