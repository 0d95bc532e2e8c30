"""What goes out to Slack arrives once, in order, or visibly not at all."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from integrations.channels.slack import EVENT_TYPE, SlackChannel
from integrations.channels.slack.calls import new_client
from orchestration import delivery, escalation, store
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.models import Conversation
from orchestration.types import ConversationId, DeliveryId, IncomingMessage, Parcel, Sender
from tests.fakes import slack_blocks
from tests.fakes.acts import acting, echo
from tests.fakes.floor import NOW, Floor, Talk, open_floor
from tests.fakes.slack_faults import (
    APPLIED_LATE,
    BUSY,
    HANG,
    HANG_AFTER_ACCEPTED,
    HTML_PAGE,
    MALFORMED,
    RESET,
    RESET_AFTER_ACCEPTED,
    SERVER_ERROR,
    SERVER_ERROR_AFTER_ACCEPTED,
    busy,
    refusing,
)
from tests.fakes.slack_server import ANA, GENERAL, SUPPORT, FakeSlack
from tests.fakes.slack_wire import BOT_TOKEN
from tests.fakes.slack_world import TEAM, Post
from tests.fakes.workflows import WORK

REQUEST_SECONDS = 1.0
# When what was asked late has been done, in seconds of Slack's clock.
LATEST = APPLIED_LATE.after + 0.1
AT_ONCE = 16
FAULTS = (
    RESET,
    RESET_AFTER_ACCEPTED,
    APPLIED_LATE,
    SERVER_ERROR,
    SERVER_ERROR_AFTER_ACCEPTED,
    HANG,
    HANG_AFTER_ACCEPTED,
    MALFORMED,
    HTML_PAGE,
    BUSY,
)
REPLIES = 200


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack(clock=lambda: NOW.timestamp()) as slack:
        yield slack


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"


@pytest.fixture
def channel(slack: FakeSlack) -> SlackChannel:
    return open_channel(slack)


def open_channel(slack: FakeSlack, **pace: float) -> SlackChannel:
    client = new_client(BOT_TOKEN, base_url=slack.api_url, seconds=REQUEST_SECONDS)
    return SlackChannel(
        client,
        link_domains=("shop.example",),
        seconds=REQUEST_SECONDS,
        **{"interval": 0.0, "patience": 5.0, **pace},
    )


@pytest.fixture
async def floor(database_url: str, channel: SlackChannel) -> AsyncIterator[Floor]:
    with acting(work=echo):
        async with open_floor(
            database_url, workflow=WORK, more_channels={"slack": channel}
        ) as floor:
            yield floor


async def hear(floor: Floor, slack: FakeSlack, text: str) -> tuple[Post, ConversationId]:
    """Let Ana write in her direct messages, with a thread of its own."""
    room = slack.world.direct_message(ANA)
    post = slack.world.add(Post(channel=room.id, ts=slack.world.next_ts(), user=ANA, text=text))
    received = await floor.receive(
        IncomingMessage(
            channel="slack",
            conversation=f"{TEAM}:{room.id}:{post.ts}",
            source=f"slack:{TEAM}",
            source_id=f"{room.id}:{post.ts}",
            sender=Sender(source=f"slack:{TEAM}", external_id=ANA),
            text=text,
            reply_to=f"{room.id}/{post.ts}",
        )
    )
    return post, received.conversation


async def settle(
    floor: Floor, conversations: list[ConversationId], *, rounds: int = 12, pause: float = LATEST
) -> None:
    """Do what is due, again and again, while the clock runs faster than Slack's."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def advance(conversation: ConversationId) -> None:
        async with at_once:
            await floor.turns.advance(conversation)

    for _ in range(rounds):
        due = await floor.database.read(lambda c: store.due(c, floor.clock()))
        await asyncio.gather(*(advance(one) for one in due))
        await asyncio.sleep(pause)
        floor.clock.move(seconds=10)
        if not await floor.database.read(lambda c: unfinished(c, conversations)):
            return


def unfinished(connection: Connection, conversations: list[ConversationId]) -> bool:
    return any(store.list_open(connection, one) for one in conversations)


async def test_two_hundred_replies_under_ten_faults_arrive_once_each(
    floor: Floor, slack: FakeSlack
) -> None:
    heard = [await hear(floor, slack, f"question {number}") for number in range(REPLIES)]
    slack.fault("chat.postMessage", *(FAULTS[n % len(FAULTS)] for n in range(REPLIES)))
    slack.fault("conversations.replies", HANG, BUSY, SERVER_ERROR, MALFORMED)
    floor.clock.move(seconds=5)

    await settle(floor, [conversation for _, conversation in heard])

    shown = Counter(post.thread_ts for post in slack.dms(ANA))
    talks = [await floor.see(conversation) for _, conversation in heard]
    assert {post.ts: shown[post.ts] for post, _ in heard} == {post.ts: 1 for post, _ in heard}
    assert {one.status for talk in talks for one in talk.deliveries} == {"delivered"}


async def test_a_storm_of_429_delivers_all_in_order_and_paced(
    database_url: str, slack: FakeSlack
) -> None:
    interval, count = 0.02, 15
    channel = open_channel(slack, interval=interval, patience=0.3)
    with acting(work=echo):
        async with open_floor(
            database_url, workflow=WORK, more_channels={"slack": channel}
        ) as floor:
            heard = [await hear(floor, slack, f"talk {number}") for number in range(3)]
            talks = [conversation for _, conversation in heard]
            for conversation in talks:
                await say_many(floor, conversation, count)
            slack.fault("chat.postMessage", *([busy(0.05)] * 40))
            await settle(floor, talks, rounds=100, pause=0.05)
            seen = [await floor.see(conversation) for conversation in talks]

    for post, _ in heard:
        said = [one.shown for one in slack.dms(ANA) if one.thread_ts == post.ts]
        assert said[:count] == [f"line {number}" for number in range(count)]
        assert len(said) == count + 1
    assert {one.status for talk in seen for one in talk.deliveries} == {"delivered"}
    assert max(one.delays for talk in seen for one in talk.deliveries) > 0
    calls = [call.at for call in slack.called("chat.postMessage") if call.outcome == "ok"]
    assert calls[-1] - calls[0] >= (len(calls) - 1) * interval * 0.9


async def say_many(floor: Floor, conversation: ConversationId, count: int) -> None:
    def say(connection: Connection) -> None:
        found = store.get(connection, Conversation, conversation)
        for number in range(count):
            message = store.say(
                connection,
                found,
                author="system",
                text=f"line {number}",
                now=floor.clock(),
            )
            delivery.queue_message(connection, found, message, floor.clock())

    await floor.database.write(say)


async def test_a_refused_reply_is_visible_and_goes_to_agents(
    floor: Floor, slack: FakeSlack
) -> None:
    _, conversation = await hear(floor, slack, "hello")
    slack.fault("chat.postMessage", refusing("account_inactive"))

    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert talk.deliveries[0].status == "failed"
    assert "account_inactive" in str(talk.deliveries[0].error)
    assert "install it again" in str(talk.deliveries[0].error)
    assert "could not be delivered" in talk.case.reason


async def test_what_is_absent_twice_after_its_only_repeat_is_unconfirmed(
    floor: Floor, slack: FakeSlack
) -> None:
    _, conversation = await hear(floor, slack, "hello")
    slack.always("chat.postMessage", RESET)

    await floor.work(conversation)
    await settle(floor, [conversation])

    (reply, *_) = (await floor.see(conversation)).deliveries
    assert (reply.status, reply.resends) == ("unconfirmed", 1)
    # The case that it opens is told to the customer too, with the same luck.
    bodies = [call.arguments["metadata"] for call in slack.called("chat.postMessage")]
    assert [body["event_payload"]["delivery_id"] for body in bodies].count(reply.id) == 2


async def test_no_look_comes_before_what_was_asked_can_have_been_done(
    floor: Floor, slack: FakeSlack, channel: SlackChannel
) -> None:
    _, conversation = await hear(floor, slack, "hello")
    slack.fault("chat.postMessage", RESET)

    await floor.work(conversation)
    floor.clock.now += channel.settles_in * 0.9
    await floor.turns.advance(conversation)
    early = len(slack.called("conversations.replies"))
    floor.clock.now += channel.settles_in * 0.1
    await floor.turns.advance(conversation)

    assert channel.settles_in.total_seconds() >= 2 * REQUEST_SECONDS
    assert (early, len(slack.called("conversations.replies"))) == (0, 1)


async def test_a_long_text_is_cut_and_each_piece_is_shown_once(
    floor: Floor, slack: FakeSlack
) -> None:
    text = "\n\n".join(f"Paragraph {number}: " + "word " * 300 for number in range(20))
    post, conversation = await hear(floor, slack, text)
    slack.fault("chat.postMessage", RESET_AFTER_ACCEPTED, BUSY, BUSY)

    await floor.work(conversation)
    await settle(floor, [conversation])

    pieces = slack.messages(post.channel, thread=post.ts)
    words = " ".join(piece.blocks[0]["text"] for piece in pieces).split()
    assert len(pieces) == 4
    assert words == f"heard: {text}".split()
    assert all(slack_blocks.problems(piece.blocks) == [] for piece in pieces)


async def test_a_root_post_is_found_in_the_channels_history(
    slack: FakeSlack, channel: SlackChannel
) -> None:
    slack.fault("chat.postMessage", RESET_AFTER_ACCEPTED)
    parcel = card(target=SUPPORT)

    with pytest.raises(TemporaryFailure) as lost:
        await channel.deliver(parcel)
    receipt = await channel.find(parcel)

    (post,) = slack.messages(SUPPORT)
    assert lost.value.in_doubt
    assert receipt is not None
    assert receipt.reference == f"{SUPPORT}:{post.ts}"
    assert await channel.find(replace(parcel, delivery=DeliveryId("another"))) is None


def card(type: str = "slack.post", **more: Any) -> Parcel:
    """Return a parcel for agents."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "A case"}}]
    details = {"text": "A case", "blocks": blocks, **more.pop("details", {})}
    values = {
        "delivery": DeliveryId("d-1"),
        "conversation": ConversationId("c-1"),
        "kind": "card",
        "audience": "agents",
        "target": SUPPORT,
        "body": json.dumps({"type": type, "data": details}),
        "attempt": 1,
        "started_at": NOW,
        **more,
    }
    return Parcel(**values)


async def test_a_post_that_follows_stands_below_and_a_change_stays_in_place(
    slack: FakeSlack, channel: SlackChannel
) -> None:
    root = await channel.deliver(card())
    follows = root.reference
    below = await channel.deliver(card(delivery=DeliveryId("d-2"), follows=follows))
    await channel.deliver(card("slack.update", follows=follows, details={"text": "changed"}))
    await channel.deliver(card("slack.reaction", follows=follows, details={"name": "eyes"}))
    again = card("slack.reaction", follows=follows, details={"name": "eyes"})
    await channel.deliver(again)
    await channel.deliver(card("slack.ephemeral", follows=follows, details={"user": "U0MARIA"}))

    first, second = slack.messages(SUPPORT)
    assert (first.text, first.reactions) == ("changed", ["eyes"])
    assert (second.thread_ts, below.reference) == (first.ts, f"{SUPPORT}:{second.ts}")
    assert slack.ephemerals[0]["thread_ts"] == first.ts


async def test_nothing_internal_goes_where_others_read_it(
    slack: FakeSlack, channel: SlackChannel
) -> None:
    slack.world.rooms[SUPPORT].is_shared = True

    with pytest.raises(PermanentFailure, match="shared with another organisation"):
        await channel.deliver(card())

    assert slack.messages(SUPPORT) == []


async def test_the_metadata_holds_an_opaque_id_alone(floor: Floor, slack: FakeSlack) -> None:
    post, conversation = await hear(floor, slack, "hello")

    await floor.work(conversation)

    (shown,) = slack.messages(post.channel, thread=post.ts)
    talk = await floor.see(conversation)
    assert shown.metadata == {
        "event_type": EVENT_TYPE,
        "event_payload": {"delivery_id": talk.deliveries[0].id, "part": 0},
    }


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("channel_not_found", "invite the app"),
        ("not_in_channel", "invite it"),
        ("is_archived", "archived"),
        ("token_revoked", "install the app again"),
        ("msg_too_long", "msg_too_long"),
        ("invalid_blocks", "invalid_blocks"),
    ],
)
async def test_a_refusal_is_final_and_says_what_to_do(
    slack: FakeSlack, channel: SlackChannel, error: str, words: str
) -> None:
    slack.fault("chat.postMessage", refusing(error))

    with pytest.raises(PermanentFailure, match=words):
        await channel.deliver(card())


async def test_a_missing_scope_is_named(slack: FakeSlack, channel: SlackChannel) -> None:
    slack.scopes.discard("chat:write")

    with pytest.raises(PermanentFailure, match="missing_scope chat:write"):
        await channel.deliver(card())


async def test_a_slack_that_cannot_be_reached_has_shown_nothing(
    slack: FakeSlack,
) -> None:
    client = new_client(BOT_TOKEN, base_url="http://127.0.0.1:9/api/", seconds=1)

    with pytest.raises(TemporaryFailure) as failure:
        await SlackChannel(client, interval=0).deliver(card(audience="customer"))

    assert not failure.value.in_doubt


async def test_a_customer_is_not_told_by_a_post_that_an_agent_has_overtaken(
    floor: Floor, slack: FakeSlack
) -> None:
    post, conversation = await hear(floor, slack, "hello")
    slack.fault("chat.postMessage", busy(60))
    await floor.work(conversation)

    await claim(floor, conversation)
    floor.clock.move(minutes=2)
    await floor.turns.advance(conversation)

    talk = await floor.see(conversation)
    assert slack.messages(post.channel, thread=post.ts) == []
    assert talk.deliveries[0].status == "withheld"


async def claim(floor: Floor, conversation: ConversationId) -> Talk:
    def open_case(connection: Connection) -> None:
        escalation.open_case(
            connection,
            floor.tools,
            store.lock(connection, conversation),
            run=None,
            queue="support",
            reason="a colleague asks for it",
            urgency="normal",
            brief={},
            now=floor.clock(),
        )

    await floor.database.write(open_case)
    await floor.command("claim", conversation)
    return await floor.see(conversation)


async def test_an_erased_customers_posts_are_taken_back(floor: Floor, slack: FakeSlack) -> None:
    text = "word " * 3_000
    post, conversation = await hear(floor, slack, text)
    await floor.work(conversation)
    before = len(slack.messages(post.channel))

    await floor.database.write(lambda c: store.erase_customer(c, ANA))
    await floor.turns.advance(conversation)

    assert (before, slack.messages(post.channel)) == (2, [])


async def test_an_agents_words_in_a_shared_place_go_to_the_customer_alone(
    floor: Floor, slack: FakeSlack
) -> None:
    asked = slack.world.add(Post(channel=GENERAL, ts=slack.world.next_ts(), user=ANA, text="help"))
    received = await floor.receive(
        IncomingMessage(
            channel="slack",
            conversation=f"{TEAM}:{GENERAL}:{asked.ts}:{ANA}",
            source=f"slack:{TEAM}",
            source_id=f"{GENERAL}:{asked.ts}",
            sender=Sender(source=f"slack:{TEAM}", external_id=ANA),
            text="help",
            reply_to=f"{GENERAL}/{asked.ts}",
            private_to=f"@{ANA}",
        )
    )
    await claim(floor, received.conversation)
    await floor.command("reply", received.conversation, text="Your refund of 59.90 is on its way.")
    await floor.turns.advance(received.conversation)
    (reply,) = slack.dms(ANA)
    before = reply.shown
    talk = await floor.see(received.conversation)
    await floor.command(
        "edit",
        received.conversation,
        text="Your refund is on its way.",
        message=talk.messages[-1].id,
    )
    await floor.turns.advance(received.conversation)

    (notice,) = slack.messages(GENERAL, thread=asked.ts)
    (edited,) = slack.dms(ANA)
    assert "59.90" in before
    assert "Your refund is on its way." in edited.shown
    assert "written to you" in notice.shown
