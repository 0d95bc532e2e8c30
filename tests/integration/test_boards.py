"""What boards show of a case: one card, drawn from its state, and below it what was said."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from orchestration import intake, store
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.shop import Shop
from orchestration.turns import Turns
from orchestration.types import ConversationId, Parcel, Raw
from tests.fakes.acts import acting
from tests.fakes.floor import Floor, Talk, open_floor
from tests.fakes.memory_channel import Attempt, MemoryChannel
from tests.fakes.proposing import PROPOSING, decide, open_orders, propose
from tests.fakes.workflows import SHIPPED

BOARD = "C-SUPPORT"

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The floor and the board that hangs above it."""

    floor: Floor
    board: MemoryChannel

    def shown(self, kind: str) -> list[dict[str, Any]]:
        """Return the facts of what the board was given, in order."""
        return [_facts(one) for one in self.parcels(kind)]

    def posts(self, type: str) -> list[dict[str, Any]]:
        """Return the facts of what stands below cards, of one type, in order."""
        return [_facts(one) for one in self.board.shown if _type(one) == type]

    def parcels(self, kind: str) -> list[Parcel]:
        return [one for one in self.board.shown if one.kind == kind]

    def restarted(self) -> Turns:
        """Return what another process would work with."""
        channels = {"memory": self.floor.memory, "slack": self.board}
        return Turns(self.floor.tools, self.floor.programs, channels)

    async def advance(self, conversation: ConversationId, **after: float) -> Talk:
        self.floor.clock.move(**after)
        await self.floor.turns.advance(conversation)
        return await self.floor.see(conversation)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    board = MemoryChannel(name="slack", is_idempotent=False)
    async with open_floor(
        database_url,
        workflow=SHIPPED,
        more_channels={"slack": board},
        shop=_shop(support={"slack_channel": BOARD}),
    ) as floor:
        yield Desk(floor=floor, board=board)


@pytest.fixture
async def escalated(desk: Desk) -> ConversationId:
    conversation = await desk.floor.say("I want my money back")
    await desk.floor.work(conversation)
    return conversation


# Cards


async def test_a_case_is_put_up_once_on_its_queues_board(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.advance(escalated)
    talk = await desk.advance(escalated)

    (card,) = desk.parcels("card")
    assert (card.target, card.audience, card.follows) == (BOARD, "agents", None)
    assert (_type(card), _facts(card)["id"]) == ("case.card", talk.case.id)


@sqlite_alone
async def test_a_card_is_put_up_once_by_two_workers(desk: Desk) -> None:
    conversation = await desk.floor.say("I want my money back")
    desk.floor.clock.move(seconds=1)

    await asyncio.gather(*(desk.floor.turns.advance(conversation) for _ in range(3)))
    await desk.advance(conversation)

    assert len(desk.parcels("card")) == 1


async def test_a_card_is_drawn_anew_where_it_stands_when_its_case_changes(
    desk: Desk, escalated: ConversationId
) -> None:
    root = desk.parcels("card")[0]

    await desk.floor.command("claim", escalated)
    await desk.advance(escalated)

    changed = desk.parcels("card")[1:]
    assert [one.follows for one in changed] == [f"shown-{root.delivery}"]


async def test_changes_that_no_card_shows_yet_are_drawn_once(
    desk: Desk, escalated: ConversationId
) -> None:
    desk.board.always(Attempt(error=TemporaryFailure("slow down", retry_after=60)))
    await desk.floor.command("claim", escalated)
    await desk.advance(escalated)
    await desk.floor.command("reply", escalated, text="On it.")
    await desk.advance(escalated, seconds=1)
    desk.board.always(Attempt())

    await desk.advance(escalated, seconds=60)
    await desk.advance(escalated, seconds=60)

    assert len(desk.parcels("card")) == 2


async def test_a_command_leaves_the_conversation_due_for_its_card(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)

    due_at = (await desk.floor.see(escalated)).conversation.due_at
    assert due_at is not None
    assert due_at <= desk.floor.clock.now


@sqlite_alone
async def test_a_card_that_is_refused_goes_to_the_default_queues_board(database_url: str) -> None:
    board = MemoryChannel(name="slack", is_idempotent=False)
    board.script(Attempt(error=PermanentFailure("not_in_channel")))
    workflow = SHIPPED.replace("queue: support", "queue: billing")
    async with open_floor(
        database_url,
        workflow=workflow,
        more_channels={"slack": board},
        shop=_shop(support={"slack_channel": BOARD}, billing={"slack_channel": "C-BILLING"}),
    ) as floor:
        desk = Desk(floor=floor, board=board)
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)

        talk = await desk.advance(conversation)

    assert [one.target for one in board.attempts] == ["C-BILLING", BOARD]
    assert [one.status for one in talk.deliveries if one.kind == "card"] == ["failed", "delivered"]
    assert len(talk.cases) == 1


@sqlite_alone
async def test_a_card_that_no_board_takes_is_tried_again_when_its_case_changes(
    desk: Desk,
) -> None:
    desk.board.always(Attempt(error=PermanentFailure("is_archived")))
    conversation = await desk.floor.say("I want my money back")
    await desk.floor.work(conversation)
    await desk.advance(conversation)
    desk.board.always(Attempt())

    await desk.floor.command("claim", conversation)
    talk = await desk.advance(conversation)

    assert [one.status for one in talk.deliveries if one.kind == "card"] == ["failed", "delivered"]
    assert len(talk.cases) == 1


@sqlite_alone
async def test_without_boards_nothing_is_put_up(database_url: str) -> None:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)

        assert [
            one for one in (await floor.see(conversation)).deliveries if one.kind == "card"
        ] == []


# Below the card


async def test_what_the_customer_writes_on_stands_below_the_card_in_order(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)
    for text in ("first", "second", "third"):
        await desk.floor.say(text)
        await desk.advance(escalated)

    said = [facts["text"] for facts in desk.posts("case.said")]
    root = desk.parcels("card")[0]
    assert said == ["first", "second", "third"]
    assert {one.follows for one in desk.parcels("post")} == {f"shown-{root.delivery}"}


async def test_the_words_that_led_to_the_case_are_not_repeated_below_its_card(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.advance(escalated)

    assert desk.posts("case.said") == []


@sqlite_alone
async def test_what_agents_write_elsewhere_stands_below_the_card(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)
    await desk.floor.command("note", escalated, text="looks like a doublet")
    await desk.floor.command("reply", escalated, text="I am looking into it.")
    await desk.advance(escalated)

    said = [(one["audience"], one["text"]) for one in desk.posts("case.said")]
    assert said == [("agents", "looks like a doublet"), ("customer", "I am looking into it.")]


@sqlite_alone
async def test_what_an_agent_writes_beside_the_card_is_not_repeated(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("note", escalated, text="hm", place=f"{BOARD}:12.5", version=None)
    await desk.advance(escalated)

    assert desk.posts("case.said") == []


async def test_a_delivered_reply_is_marked_where_it_was_written(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)
    note = await desk.floor.command("note", escalated, text="On it.", place=f"{BOARD}:12.5")
    await desk.floor.command("reply", escalated, message=note["message_id"])
    await desk.floor.command("reply", escalated, text="Done.")
    await desk.advance(escalated)

    post = next(one for one in desk.parcels("post") if "Done." in one.body)
    marks = [(_facts(one), one.follows) for one in desk.parcels("mark")]
    root = f"shown-{desk.parcels('card')[0].delivery}"
    assert marks == [
        ({"name": "white_check_mark", "message": f"{BOARD}:12.5"}, root),
        ({"name": "white_check_mark"}, f"shown-{post.delivery}"),
    ]


@sqlite_alone
async def test_a_reply_that_failed_is_marked_and_its_reason_stands_below_the_card(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)
    desk.floor.memory.always(Attempt(error=PermanentFailure("account_inactive")))
    await desk.floor.command("reply", escalated, text="On it.")

    await desk.advance(escalated)

    assert [facts["name"] for facts in desk.shown("mark")] == ["warning"]
    assert any("account_inactive" in body.get("text", "") for body in desk.shown("post"))


async def test_when_the_case_is_over_its_card_says_so_and_nothing_more_is_put_below(
    desk: Desk, escalated: ConversationId
) -> None:
    await desk.floor.command("claim", escalated)
    await desk.floor.command("hand-back", escalated)
    await desk.advance(escalated)
    cards, said = len(desk.parcels("card")), desk.posts("case.said")

    await desk.floor.ask("where is my order 1042?")
    await desk.advance(escalated)

    assert cards == 2
    assert len(desk.parcels("card")) == cards
    assert desk.posts("case.said") == said


# Reminders


async def test_each_reminder_stands_below_the_card_once_whoever_works_and_however_often(
    desk: Desk, escalated: ConversationId
) -> None:
    floor = desk.floor
    for hours in (2, 1.2, 0.8):
        floor.clock.move(hours=hours)
        restarted = Turns(
            floor.tools, floor.programs, {"memory": floor.memory, "slack": desk.board}
        )
        both = (floor.turns, restarted)
        await asyncio.gather(*(one.advance(escalated) for one in both for _ in range(2)))
        await desk.advance(escalated)

    reminders = [facts["level"] for facts in desk.posts("case.reminder")]
    assert reminders == [50, 80, 100]


@sqlite_alone
async def test_a_reminder_whose_worker_died_before_it_was_shown_is_shown_once(
    desk: Desk, escalated: ConversationId
) -> None:
    floor = desk.floor
    stalled = asyncio.Event()
    desk.board.begun.clear()
    desk.board.script(Attempt(gate=stalled, error=TemporaryFailure("gone", in_doubt=True)))
    floor.clock.move(hours=2)
    dying = asyncio.ensure_future(floor.turns.advance(escalated))
    await desk.board.begun.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)

    restarted = desk.restarted()
    for seconds in (11, 6, 6, 6):
        floor.clock.move(seconds=seconds)
        await restarted.advance(escalated)

    reminders = [facts["level"] for facts in desk.posts("case.reminder")]
    assert reminders == [50]


@sqlite_alone
async def test_the_last_reminder_calls_those_on_call(database_url: str) -> None:
    board = MemoryChannel(name="slack", is_idempotent=False)
    async with open_floor(
        database_url,
        workflow=SHIPPED,
        more_channels={"slack": board},
        shop=_shop(support={"slack_channel": BOARD, "on_call": "S0ONCALL"}),
    ) as floor:
        desk = Desk(floor=floor, board=board)
        conversation = await floor.say("I want my money back")
        await floor.work(conversation)
        await floor.command("claim", conversation)

        await desk.advance(conversation, hours=4)

    called = [(b["level"], b["call"], b["on_call"]) for b in desk.posts("case.reminder")]
    assert called == [(50, "maria", None), (80, "maria", None), (100, "maria", "S0ONCALL")]


@sqlite_alone
async def test_a_case_that_nobody_takes_in_time_is_called_out_on_the_board_itself(
    desk: Desk, escalated: ConversationId
) -> None:
    talk = await desk.advance(escalated, hours=4)

    (call,) = desk.posts("case.up")
    (parcel,) = [one for one in desk.board.shown if _type(one) == "case.up"]
    assert (call["id"], call["urgency"], call["version"]) == (
        talk.case.id,
        "high",
        talk.case.version,
    )
    assert parcel.follows is None


@sqlite_alone
async def test_an_agent_who_has_paused_is_not_called(desk: Desk, escalated: ConversationId) -> None:
    await desk.floor.command("claim", escalated)
    await desk.floor.desk.pause("maria", paused=True)

    await desk.advance(escalated, hours=2)

    assert [facts["call"] for facts in desk.posts("case.reminder")] == [None]


@sqlite_alone
async def test_a_case_that_rested_long_enough_is_up_again(
    desk: Desk, escalated: ConversationId
) -> None:
    until = desk.floor.clock.now + timedelta(hours=3)
    await desk.floor.command("snooze", escalated, until=until)
    talk = await desk.advance(escalated, hours=2.9)
    resting = (talk.case.snoozed_until, len(desk.posts("case.snooze_over")))

    talk = await desk.advance(escalated, hours=0.2)

    assert resting == (until, 0)
    assert talk.case.snoozed_until is None
    assert len(desk.posts("case.snooze_over")) == 1


def _type(parcel: Parcel) -> str:
    return str(json.loads(parcel.body)["type"])


def _facts(parcel: Parcel) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(parcel.body)["data"]
    return facts


def _shop(**queues: Mapping[str, Any]) -> Shop:
    return Shop.model_validate({"name": "Willow & Wren", "queues": queues})


# Approvals


@sqlite_alone
async def test_a_proposal_has_a_card_that_shows_what_is_written_meanwhile_and_what_becomes_of_it(
    database_url: str,
) -> None:
    board = MemoryChannel(name="slack", is_idempotent=False)
    with acting(work=propose):
        async with open_floor(
            database_url,
            workflow=PROPOSING,
            orders=open_orders(),
            more_channels={"slack": board},
            shop=_shop(support={"slack_channel": BOARD}),
        ) as floor:
            desk = Desk(floor=floor, board=board)
            conversation = await floor.say("refund please")
            await floor.work(conversation)
            approval = (await floor.see(conversation)).approval.id
            after_proposal = len(board.shown)
            await floor.say("hurry up")
            await floor.work(conversation)
            after_message = len(board.shown)
            await decide(floor, approval)
            await desk.advance(conversation)

    cards = desk.shown("card")
    assert [one["update"] for one in cards] == [False, True, True, True]
    assert {one["id"] for one in cards} == {approval}
    assert [one["said_since"] for one in cards] == [[], *[["hurry up"]] * 3]
    assert [(one["status"], one["outcome"]) for one in cards] == [
        ("open", None),
        ("open", None),
        ("released", None),
        ("released", "done"),
    ]
    assert cards[0]["proposal"] == "refund 59.90 USD on order 1042"
    assert after_proposal < after_message < len(board.shown)
    assert {one.follows for one in desk.parcels("card")[1:]} == {f"shown-{board.shown[0].delivery}"}


# Erased


@sqlite_alone
async def test_what_was_erased_is_put_up_no_more(desk: Desk, escalated: ConversationId) -> None:
    floor = desk.floor
    await floor.command("claim", escalated)
    await desk.advance(escalated)
    before = len(desk.parcels("card"))

    await floor.database.write(lambda c: store.erase_conversation(c, escalated))
    await desk.advance(escalated)
    await desk.advance(escalated)

    assert len(desk.parcels("card")) == before


# Changed by the customer


@sqlite_alone
async def test_what_a_customer_takes_back_is_taken_off_the_board(
    desk: Desk, escalated: ConversationId
) -> None:
    floor = desk.floor
    await floor.command("claim", escalated)
    await floor.say("my card is 1234", id="m-secret")
    await desk.advance(escalated)

    for id in ("m-1", "m-secret"):
        raw = Raw(source="test", id=f"deletion of {id}", kind="message", body={})
        await intake.redact(floor.tools, floor.dispatcher, id, raw=raw, is_ours=True)
    talk = await desk.advance(escalated)

    changed = desk.parcels("change")
    post = next(one for one in desk.parcels("post") if _type(one) == "case.said")
    assert [(one.follows, _facts(one)["text"]) for one in changed] == [
        (f"shown-{post.delivery}", "[deleted]")
    ]
    assert _facts(desk.parcels("card")[-1])["quote"] == "[deleted]"
    kept = json.dumps([one.body for one in talk.deliveries]) + json.dumps(talk.case.brief)
    assert "1234" not in kept
    assert "my money back" not in kept
    assert "[deleted]" in talk.case.brief["summary"]
