"""Slack as a channel: replies to customers, and whatever is shown to agents."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from integrations.channels import channels
from integrations.channels.slack import blocks
from integrations.channels.slack.blocks import Drawing
from integrations.channels.slack.calls import REQUEST_SECONDS, call
from integrations.channels.slack.cards import DRAWINGS
from integrations.channels.slack.pace import Pace
from orchestration.errors import ExternalFailure, PermanentFailure, TemporaryFailure
from orchestration.types import Parcel, Receipt

log = logging.getLogger(__name__)

EVENT_TYPE = "frontdesk_delivery"
# How far our clock and Slack's may be apart, in seconds.
_CLOCKS = 60
_PAGE = 200
# Done again these show nothing twice.
_REPEATABLE = ("message.edited", "slack.delete", "slack.reaction", "slack.update")
# Of what is to be taken back: it is not there any more, or only one person ever saw it.
_GONE = ("message_not_found", "cant_delete_message", "channel_not_found")
_MOST_PAGES = 10
# What a conversation's status is to Slack, which shows it beside the conversation.
SESSIONS = {"open": "active", "escalated": "suspended", "assigned": "suspended"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is posted; `thread` is the number of the message it stands under."""

    channel: str
    thread: str | None = None


def reference(channel: str, ts: str) -> str:
    """Return the name of a message; what is received bears the same."""
    return f"{channel}:{ts}"


def parse_reference(text: str) -> tuple[str, str]:
    """Return the channel and the number of a message."""
    channel, _, ts = text.partition(":")
    return channel, ts


@channels.register("slack")
class SlackChannel:
    """Posts a parcel once; the delivery's id in its metadata tells whether it has arrived.

    The target is a channel (`C1`), a thread (`C1/1700000000.000100`) or a person (`@U1`). What the
    body's type says is done: `message.created` is a reply, `message.edited` changes the one that it
    follows; `slack.post`, `slack.update`, `slack.ephemeral` (with `user`) and `slack.reaction`
    (with `name`, and `remove` or not) carry `text` and `blocks` of their own; every type of
    `cards.DRAWINGS` is drawn, and changes what it follows where its data says `update`. A post that
    follows another stands in its thread.
    """

    name = "slack"
    is_idempotent = False

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        link_domains: Collection[str] = (),
        interval: float = 1.0,
        patience: float = 5.0,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._client = client
        self._link_domains = tuple(link_domains)
        self._pace = Pace(interval=interval, patience=patience)
        # An attempt may wait for its turn first; what it asked for may be done late.
        self.settles_in = timedelta(seconds=patience + 2 * seconds)
        self._direct: dict[str, str] = {}
        self._shared: dict[str, bool] = {}

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Do what the body's type says, once."""
        body = json.loads(parcel.body)
        kind, details = str(body["type"]), dict(body["data"])
        if parcel.audience == "agents":
            await self._refuse_shared(await self._place(parcel))
        if kind == "slack.reaction":
            return await self._react(parcel, details)
        if kind == "slack.ephemeral":
            return await self._show_to_one(parcel, details)
        if kind == "slack.delete":
            return await self._take_back(details)
        drawings = self._draw(kind, details)
        if kind in ("slack.update", "message.edited") or details.get("update"):
            return await self._update(parcel, drawings[0])
        receipt = await self._post(parcel, drawings)
        await self._set_session(parcel, kind, details)
        return receipt

    async def find(self, parcel: Parcel) -> Receipt | None:
        """Look for the delivery's id in the thread, or in the channel since the first attempt.

        What only changes a message is not looked for: done again it shows nothing twice.
        """
        body = json.loads(parcel.body)
        kind, details = str(body["type"]), dict(body["data"])
        if kind == "slack.ephemeral":
            raise PermanentFailure("nobody can look at what one person alone was shown")
        if kind in _REPEATABLE or details.get("update"):
            return None
        place = await self._place(parcel)
        seen = await self._seen(parcel.delivery, parcel.started_at, place)
        if len(seen) < len(self._draw(kind, details)):
            return None
        return Receipt(reference=reference(place.channel, seen[0]))

    def _draw(self, kind: str, details: Mapping[str, Any]) -> list[Drawing]:
        if kind in ("message.created", "message.edited"):
            conversation = str(details["conversation_id"])
            message = details["message"]
            language = details.get("language")
            return blocks.reply(
                message, conversation, language=language, link_domains=self._link_domains
            )
        if kind in DRAWINGS:
            return [DRAWINGS[kind](details)]
        if kind in ("slack.post", "slack.update"):
            return [Drawing(text=details.get("text") or "", blocks=details.get("blocks") or [])]
        raise PermanentFailure(f"Slack shows nothing of the type {kind!r}")

    async def _place(self, parcel: Parcel) -> Place:
        # A notice comes after what it tells of, and elsewhere.
        if parcel.follows and parcel.kind != "notice":
            channel, ts = parse_reference(parcel.follows)
            return Place(channel=channel, thread=ts)
        channel, _, thread = parcel.target.partition("/")
        if channel.startswith("@"):
            channel = await self._direct_message(channel[1:])
        return Place(channel=channel, thread=thread or None)

    async def _direct_message(self, user: str) -> str:
        if user not in self._direct:
            # Opened twice it is the same one, so that a doubtful outcome does no harm.
            with _undoubted():
                opened = await call(self._client.conversations_open(users=user))
            self._direct[user] = str(opened["channel"]["id"])
        return self._direct[user]

    async def _refuse_shared(self, place: Place) -> None:
        """Refuse to show anything internal where another organisation reads it."""
        if place.channel not in self._shared:
            with _undoubted():
                found = await call(self._client.conversations_info(channel=place.channel))
            self._shared[place.channel] = bool(found["channel"].get("is_ext_shared"))
        if self._shared[place.channel]:
            raise PermanentFailure(
                f"the channel {place.channel} is shared with another organisation; "
                "nothing internal goes there"
            )

    async def _post(self, parcel: Parcel, drawings: list[Drawing]) -> Receipt:
        place = await self._place(parcel)
        # Of a long text some pieces may stand there since an earlier attempt.
        is_again = len(drawings) > 1 and parcel.attempt > 1
        with _undoubted():
            seen = await self._seen(parcel.delivery, parcel.started_at, place) if is_again else {}
        for number, drawing in enumerate(drawings):
            if number in seen:
                continue
            await self._pace.wait(place.channel)
            try:
                posted = await call(
                    self._client.chat_postMessage(
                        channel=place.channel,
                        thread_ts=place.thread,
                        metadata=_metadata(parcel, number),
                        unfurl_links=False,
                        unfurl_media=False,
                        **blocks.as_json(drawing),
                    )
                )
            except TemporaryFailure as failure:
                if failure.retry_after is not None:
                    self._pace.hold(place.channel, failure.retry_after)
                raise
            seen[number] = str(posted["ts"])
        return Receipt(reference=reference(place.channel, seen[0]))

    async def _update(self, parcel: Parcel, drawing: Drawing) -> Receipt:
        if parcel.follows is None:
            raise PermanentFailure("a change follows what it changes")
        channel, ts = parse_reference(parcel.follows)
        await call(self._client.chat_update(channel=channel, ts=ts, **blocks.as_json(drawing)))
        return Receipt(reference=parcel.follows)

    async def _react(self, parcel: Parcel, details: Mapping[str, Any]) -> Receipt:
        shown = str(details.get("message") or parcel.follows)
        channel, ts = parse_reference(shown)
        change = (
            self._client.reactions_remove if details.get("remove") else self._client.reactions_add
        )
        try:
            await call(change(channel=channel, timestamp=ts, name=str(details["name"])))
        except PermanentFailure as refused:
            if not any(word in str(refused) for word in ("already_reacted", "no_reaction")):
                raise
        return Receipt(reference=shown)

    async def _show_to_one(self, parcel: Parcel, details: Mapping[str, Any]) -> Receipt:
        place = await self._place(parcel)
        drawing = Drawing(text=details.get("text") or "", blocks=details.get("blocks") or [])
        shown = await call(
            self._client.chat_postEphemeral(
                channel=place.channel,
                user=str(details["user"]),
                thread_ts=place.thread,
                **blocks.as_json(drawing),
            )
        )
        return Receipt(reference=reference(place.channel, str(shown["message_ts"])))

    async def _take_back(self, details: Mapping[str, Any]) -> Receipt:
        """Delete a message, and the further pieces of a long one."""
        channel, ts = parse_reference(str(details["message"]))
        for number in await self._pieces(channel, ts, details):
            try:
                await call(self._client.chat_delete(channel=channel, ts=number))
            except PermanentFailure as refused:
                if not any(word in str(refused) for word in _GONE):
                    raise
        return Receipt(reference=str(details["message"]))

    async def _pieces(self, channel: str, ts: str, details: Mapping[str, Any]) -> set[str]:
        if not details.get("thread"):
            return {ts}
        place = Place(channel=channel, thread=str(details["thread"]))
        since = datetime.fromisoformat(str(details["at"]))
        return {ts, *(await self._seen(str(details["delivery"]), since, place)).values()}

    async def _seen(self, delivery: str, since: datetime, place: Place) -> dict[int, str]:
        """Return the numbers of the messages that bear a delivery's id, by piece."""
        seen = {}
        async for message in self._messages(since, place):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            is_ours = metadata.get("event_type") == EVENT_TYPE
            if is_ours and payload.get("delivery_id") == delivery:
                seen[int(payload.get("part", 0))] = str(message["ts"])
        return seen

    async def _messages(self, since: datetime, place: Place) -> AsyncIterator[Mapping[str, Any]]:
        oldest = f"{since.timestamp() - _CLOCKS:.6f}"
        where: dict[str, Any] = {"channel": place.channel, "oldest": oldest, "limit": _PAGE}
        ask: Callable[..., Awaitable[Any]] = self._client.conversations_history
        if place.thread:
            where["ts"], ask = place.thread, self._client.conversations_replies
        cursor = None
        for _ in range(_MOST_PAGES):
            page = await call(ask(**where, cursor=cursor, include_all_metadata=True))
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def _set_session(self, parcel: Parcel, kind: str, details: Mapping[str, Any]) -> None:
        """Tell Slack how the conversation stands; a reply that was shown does not fail by it."""
        channel, _, thread = parcel.target.partition("/")
        if kind != "message.created" or not (channel.startswith("D") and thread):
            return
        status = SESSIONS.get(str(details.get("status")), "closed")
        with suppress(ExternalFailure):
            await call(
                self._client.agents_sessions_setStatus(
                    channel_id=channel, thread_ts=thread, status=status
                )
            )


def _metadata(parcel: Parcel, part: int) -> dict[str, Any]:
    # Members and other apps can read it: an opaque id and nothing else.
    payload = {"delivery_id": parcel.delivery, "part": part}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


@contextmanager
def _undoubted() -> Iterator[None]:
    """Say of a failed question that nothing was shown by it."""
    try:
        yield
    except TemporaryFailure as failure:
        raise TemporaryFailure(str(failure), retry_after=failure.retry_after) from failure
