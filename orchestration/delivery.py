"""Hands outbound messages to their channels until confirmed, and never shows one twice."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from orchestration import store
from orchestration.context import Toolbox
from orchestration.errors import DatabaseAway, PermanentFailure, TemporaryFailure, describe
from orchestration.interfaces import Channel
from orchestration.models import Conversation, Delivery, Message
from orchestration.store import Hold
from orchestration.types import ConversationId, DeliveryId, Parcel, Receipt

log = logging.getLogger(__name__)

# Channels whose customers fetch their messages themselves: shown as soon as they are committed.
PULLED = ("chat", "api")
# Channels that show buttons below what is said, in the customer's language.
WITH_BUTTONS = ("slack",)

# The waits between attempts, as the Standard Webhooks specification suggests; then it has failed.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200, 18000, 36000))
# A channel that hangs would hold up the conversation, and one that asks for weeks would lose it.
LONGEST_ATTEMPT = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=12)
LONGEST_DELAY = timedelta(days=1)
LOOK_AGAIN = timedelta(seconds=5)
MOST_LOOKS = 2

# Kinds of which nobody need be told that they did not arrive: they are no answers.
NOTICE = "notice"
NO_ANSWERS = ("rating", NOTICE)

Report = Callable[[Connection, Delivery], None]


def queue_message(
    connection: Connection,
    conversation: Conversation,
    message: Message,
    now: datetime,
    *,
    notice: str | None = None,
) -> Delivery | None:
    """Put a message on its way to the customer; None where they fetch it themselves.

    `notice` makes it personal: where others read the conversation too, the message goes to the
    customer alone, and the others read the notice.
    """
    target = _target(conversation)
    if target is None:
        return None
    body = frozen("message.created", _message_body(conversation, message), now)
    is_private = bool(notice and conversation.private_to)
    queued = store.add_delivery(
        connection,
        conversation,
        channel=conversation.channel,
        kind="reply",
        audience="customer",
        author=message.author,
        target=str(conversation.private_to) if is_private else target,
        body=body,
        message=message,
        now=now,
    )
    if is_private:
        _queue_notice(connection, conversation, queued, target, str(notice), now)
    return queued


def queue_edit(
    connection: Connection, conversation: Conversation, message: Message, now: datetime
) -> Delivery | None:
    """Put the new words of a message on their way; None where the customer fetches them."""
    shown = store.find_reply(connection, message.id)
    if shown is None:
        return None
    return store.add_delivery(
        connection,
        conversation,
        channel=shown.channel,
        kind="edit",
        audience="customer",
        author=message.author,
        target=shown.target,
        follows=shown.id,
        body=frozen("message.edited", _message_body(conversation, message), now),
        message=message,
        now=now,
    )


def queue_rating(
    connection: Connection, conversation: Conversation, question: str, now: datetime
) -> Delivery | None:
    """Ask the customer how content they are, where a channel can show it beside its buttons."""
    target = _target(conversation)
    if target is None or conversation.channel not in WITH_BUTTONS:
        return None
    details = {
        "conversation_id": conversation.id,
        "text": question,
        "resolved_at": now.isoformat(),
    }
    return store.add_delivery(
        connection,
        conversation,
        channel=conversation.channel,
        kind="rating",
        audience="customer",
        author="system",
        # Others may read the conversation; how content its customer is they alone say.
        target=conversation.private_to or target,
        body=frozen("rating.asked", details, now),
        now=now,
    )


def _queue_notice(
    connection: Connection,
    conversation: Conversation,
    message: Delivery,
    target: str,
    notice: str,
    now: datetime,
) -> None:
    """Say to all who read the conversation that there is an answer, once it has arrived."""
    details = {
        "conversation": conversation.external_id,
        "conversation_id": conversation.id,
        "message": {"author": "system", "text": notice, "at": now.isoformat()},
    }
    store.add_delivery(
        connection,
        conversation,
        channel=conversation.channel,
        kind=NOTICE,
        audience="customer",
        author=message.author,
        target=target,
        follows=message.id,
        body=frozen("message.created", details, now),
        now=now,
    )


def queue_event(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    kind: str,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Put an event on its way to the operator's other programs."""
    if tools.events_url is None:
        return
    store.add_delivery(
        connection,
        conversation,
        channel="webhook",
        kind="event",
        audience="programs",
        author="system",
        target=tools.events_url,
        body=frozen(kind, details, now),
        now=now,
    )


def _target(conversation: Conversation) -> str | None:
    if conversation.channel in PULLED:
        return None
    if conversation.channel == "webhook":
        return conversation.callback_url
    return conversation.reply_to or conversation.external_id


def queue_for_agents(
    connection: Connection,
    conversation: Conversation,
    *,
    kind: str,
    type: str,
    target: str,
    details: Mapping[str, Any],
    now: datetime,
    follows: str | None = None,
    message: Message | None = None,
    id: str | None = None,
) -> Delivery:
    """Put something on its way to where agents work; `type` says how it is drawn."""
    return store.add_delivery(
        connection,
        conversation,
        channel="slack",
        kind=kind,
        audience="agents",
        author="system",
        target=target,
        body=frozen(type, details, now),
        follows=follows,
        id=id,
        message=message,
        now=now,
    )


def frozen(kind: str, details: Mapping[str, Any], now: datetime) -> str:
    """Return the body of a delivery, as it stays however often it is sent."""
    body = {"type": kind, "timestamp": now.isoformat(), "data": details}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _message_body(conversation: Conversation, message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {
        "conversation": conversation.external_id,
        "conversation_id": conversation.id,
        "message": {
            "id": message.id,
            "seq": message.seq,
            "author": message.author,
            "author_name": message.author_name,
            "text": message.text,
            "at": message.at.isoformat(),
            "run_id": message.run_id,
            "citations": message.citations or [],
        },
        "status": conversation.status,
    }
    if conversation.channel in WITH_BUTTONS:
        body["language"] = (conversation.memory or {}).get("language")
    return body


class Postman:
    """Makes one attempt at each due delivery of a conversation, in their order.

    `report` is called for a reply to the customer that failed, or of which nobody will know whether
    it arrived, in the transaction that says so: once, whatever dies in between.
    """

    def __init__(self, tools: Toolbox, channels: Mapping[str, Channel], report: Report) -> None:
        self._tools = tools
        self._channels = channels
        self._report = report

    async def deliver_due(self, held: Hold) -> None:
        """Attempt what is due; raises `Fenced` where another worker has the conversation."""
        conversation = held.conversation.id
        waiting = await self._tools.database.read(
            lambda connection: store.list_open(connection, conversation)
        )
        blocked: set[tuple[str, str]] = set()
        for delivery in waiting:
            lane = (delivery.channel, delivery.target)
            if lane in blocked:
                continue
            after = await self._advance(held, delivery)
            if after.status in ("pending", "sending"):
                blocked.add(lane)

    async def _advance(self, held: Hold, delivery: Delivery) -> Delivery:
        now = self._tools.clock()
        if delivery.due_at and delivery.due_at > now:
            return delivery
        channel = self._channels.get(delivery.channel)
        if channel is None:
            return await self._give_up(
                held, delivery, f"no channel named {delivery.channel!r} is set up"
            )
        if delivery.status == "sending" and not channel.is_idempotent:
            return await self._look(held, channel, delivery)
        return await self._attempt(held, channel, delivery)

    async def _attempt(
        self, held: Hold, channel: Channel, delivery: Delivery, *, is_resend: bool = False
    ) -> Delivery:
        started = await self._tools.database.write(
            lambda c: self._start(c, held, delivery, is_resend=is_resend)
        )
        if started.status != "sending":
            return started
        try:
            parcel = await self._parcel(started)
            async with asyncio.timeout(LONGEST_ATTEMPT.total_seconds()):
                receipt = await channel.deliver(parcel)
        except TemporaryFailure as failure:
            return await self._try_later(channel, started, failure)
        except PermanentFailure as failure:
            return await self._finish(started, status="failed", error=str(failure))
        except DatabaseAway:
            raise
        except Exception as failure:
            # A channel with a bug must not stop the conversation; nobody knows what it did.
            log.exception("channel failed", extra={"channel": delivery.channel})
            doubt = TemporaryFailure(describe(failure), in_doubt=True)
            return await self._try_later(channel, started, doubt)
        return await self._arrived(started, receipt)

    def _start(
        self, connection: Connection, held: Hold, delivery: Delivery, *, is_resend: bool
    ) -> Delivery:
        now = self._tools.clock()
        store.start_attempt(connection, held, delivery, now=now, is_resend=is_resend)
        return self._after(connection, delivery)

    async def _try_later(
        self, channel: Channel, delivery: Delivery, failure: TemporaryFailure
    ) -> Delivery:
        if failure.retry_after is not None and not failure.in_doubt:
            return await self._put_off(delivery, failure, failure.retry_after)
        tries = delivery.attempts - delivery.delays
        if tries > len(WAITS):
            status = "unconfirmed" if failure.in_doubt else "failed"
            return await self._finish(delivery, status=status, error=str(failure))
        wait = WAITS[tries - 1]
        if failure.in_doubt and not channel.is_idempotent:
            wait = channel.settles_in
        status = "sending" if failure.in_doubt else "pending"
        due_at = self._tools.clock() + wait
        return await self._finish(delivery, status=status, error=str(failure), due_at=due_at)

    async def _put_off(
        self, delivery: Delivery, failure: TemporaryFailure, seconds: float
    ) -> Delivery:
        """Wait as long as the other side asks; that is no failed try, within a day."""
        now = self._tools.clock()
        due_at = now + min(timedelta(seconds=seconds), LONGEST_WAIT)
        if due_at > delivery.created_at + LONGEST_DELAY:
            return await self._finish(delivery, status="failed", error=str(failure))
        delays = delivery.delays + 1
        return await self._finish(
            delivery, status="pending", error=str(failure), due_at=due_at, delays=delays
        )

    async def _look(self, held: Hold, channel: Channel, delivery: Delivery) -> Delivery:
        """Find out whether an attempt of unknown outcome arrived; only if it has not, repeat it."""
        now = self._tools.clock()
        settled_at = (delivery.started_at or now) + channel.settles_in
        if now < settled_at:
            return await self._finish(delivery, status="sending", due_at=settled_at)
        try:
            receipt = await channel.find(await self._parcel(delivery))
        except TemporaryFailure as failure:
            due_at = now + max(LOOK_AGAIN, timedelta(seconds=failure.retry_after or 0))
            return await self._finish(delivery, status="sending", error=str(failure), due_at=due_at)
        except DatabaseAway:
            raise
        except Exception as failure:
            # Where nobody can look, nobody can tell that a second attempt shows nothing twice.
            log.exception("channel cannot look", extra={"channel": delivery.channel})
            return await self._finish(delivery, status="unconfirmed", error=describe(failure))
        if receipt is not None:
            return await self._arrived(delivery, receipt)
        if delivery.looks + 1 < MOST_LOOKS:
            return await self._finish(
                delivery, status="sending", looks=delivery.looks + 1, due_at=now + LOOK_AGAIN
            )
        if delivery.resends:
            words = "nobody knows whether it arrived"
            return await self._finish(delivery, status="unconfirmed", error=words)
        return await self._attempt(held, channel, delivery, is_resend=True)

    async def _arrived(self, delivery: Delivery, receipt: Receipt) -> Delivery:
        return await self._finish(delivery, status="delivered", reference=receipt.reference)

    async def _finish(self, delivery: Delivery, *, status: str, **values: Any) -> Delivery:
        now = self._tools.clock()
        changes = {"status": status, "due_at": None, "error": None, **values}
        if status not in ("pending", "sending"):
            changes["finished_at"] = now
        after = await self._tools.database.write(lambda c: self._end(c, delivery, changes))
        if after.finished_at:
            self._count(after)
        return after

    def _end(
        self, connection: Connection, delivery: Delivery, changes: Mapping[str, Any]
    ) -> Delivery:
        from_agent = delivery.author == "agent" and delivery.audience == "customer"
        if changes["status"] != "delivered" or from_agent:
            # What else is written belongs to the conversation, which is always locked first.
            store.lock(connection, delivery.conversation_id)
        store.finish_attempt(connection, delivery, **changes)
        if from_agent and changes["status"] == "delivered" and delivery.message_id:
            now = changes["finished_at"]
            tell_delivered(connection, delivery.conversation_id, delivery.message_id, now)
        return self._after(connection, delivery)

    async def _give_up(self, held: Hold, delivery: Delivery, error: str) -> Delivery:
        def give_up(connection: Connection) -> Delivery:
            store.hold(connection, held)
            store.change_delivery(
                connection,
                delivery.id,
                status="failed",
                error=error,
                due_at=None,
                finished_at=self._tools.clock(),
            )
            return self._after(connection, delivery)

        after = await self._tools.database.write(give_up)
        self._count(after)
        return after

    def _after(self, connection: Connection, delivery: Delivery) -> Delivery:
        """Return the delivery as it is by now, having told a human where one must look."""
        after = store.get(connection, Delivery, delivery.id)
        is_answer = after.audience == "customer" and after.kind not in NO_ANSWERS
        if after.status in store.UNDELIVERED and is_answer:
            self._report(connection, after)
        return after

    def _count(self, delivery: Delivery) -> None:
        self._tools.telemetry.count(
            "deliveries",
            channel=delivery.channel,
            kind=delivery.kind,
            status=delivery.status,
        )

    async def _parcel(self, delivery: Delivery) -> Parcel:
        """Return what the channel is handed; raises a failure where it follows nothing shown."""
        follows = None
        if delivery.follows:
            earlier = await self._tools.database.read(
                lambda connection: store.get(connection, Delivery, str(delivery.follows))
            )
            if earlier.status in ("pending", "sending"):
                words = "what it belongs to is still on its way"
                raise TemporaryFailure(words, retry_after=LOOK_AGAIN.total_seconds())
            follows = earlier.reference
            if follows is None:
                raise PermanentFailure("what it belongs to was never shown")
        return Parcel(
            delivery=DeliveryId(delivery.id),
            conversation=ConversationId(delivery.conversation_id),
            kind=delivery.kind,
            audience=delivery.audience,  # type: ignore[arg-type]
            target=delivery.target,
            body=delivery.body,
            attempt=delivery.attempts,
            started_at=delivery.created_at,
            follows=follows,
        )


def tell_delivered(connection: Connection, conversation: str, message: str, now: datetime) -> None:
    """Record for agents that the customer has been shown a message of theirs."""
    details = {"message": message}
    store.record_event(connection, conversation, "delivered", details, now=now, audience="agents")
