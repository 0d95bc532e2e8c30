"""What is written in Slack is stored once, before its ack, and answered to whom it concerns."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from orchestration import escalation, store
from orchestration.desk import Command
from orchestration.nodes import Outcome, Visit
from tests.fakes.acts import acting, drafted
from tests.fakes.floor import Talk
from tests.fakes.slack_faults import HANG, SERVER_ERROR, busy, refusing
from tests.fakes.slack_server import ANA, BEN, GENERAL, FakeSlack, signed
from tests.fakes.slack_shop import SlackShop, open_shop
from tests.fakes.slack_world import Post
from tests.fakes.workflows import WORK

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = sqlite_alone

RECORD = "TRK-1042"


@dataclass
class Thinker:
    """Answers with the turn's own words, at once or, while `gate` is shut, later."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    thoughts: list[str] = field(default_factory=list)

    async def __call__(self, visit: Visit) -> Outcome:
        self.thoughts.append(visit.case.text)
        await self.gate.wait()
        return drafted(f"heard: {visit.case.text}")


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
def thinker() -> Iterator[Thinker]:
    thinker = Thinker()
    thinker.gate.set()
    with acting(work=thinker):
        yield thinker


@pytest.fixture
async def shop(database_url: str, slack: FakeSlack, thinker: Thinker) -> AsyncIterator[SlackShop]:
    """An app that says back what it hears."""
    async with open_shop(database_url, slack, workflow=WORK) as shop:
        yield shop


async def answers_in(slack: FakeSlack, post: Post, *, count: int = 1) -> list[str]:
    """Wait for so many answers in the thread of a message."""

    def found() -> list[Post]:
        posts = slack.messages(post.channel, thread=post.root)
        return posts if len(posts) >= count else []

    return [one.shown for one in await slack.until(found)]


async def at_rest(shop: SlackShop) -> None:
    """Wait until nothing is on its way in or out, and nothing is being worked on."""
    await shop.slack.all_acked()
    for _ in range(1000):
        talks = await shop.talks()
        if not any(is_busy(talk) for talk in talks):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("the conversations do not come to rest")


def is_busy(talk: Talk) -> bool:
    is_running = any(run.status == "running" for run in talk.runs)
    is_sending = any(one.status in ("pending", "sending") for one in talk.deliveries)
    is_awaited = talk.conversation.status != "assigned" and bool(talk.unanswered)
    return is_running or is_sending or is_awaited


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_a_direct_message_is_answered_in_its_thread(
    database_url: str, slack: FakeSlack, socket_mode: bool
) -> None:
    async with open_shop(database_url, slack, socket_mode=socket_mode):
        asked = slack.dm(ANA, "where is my order 1042?")
        (answer,) = await answers_in(slack, asked)

    assert RECORD in answer
    assert slack.statuses() == [200]


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_a_mention_is_answered_once_in_its_thread(
    database_url: str, slack: FakeSlack, socket_mode: bool
) -> None:
    async with open_shop(database_url, slack, socket_mode=socket_mode) as shop:
        asked = slack.mention(BEN, GENERAL, "how do I return something?")
        (answer,) = await answers_in(slack, asked)
        await at_rest(shop)
        talks = await shop.talks()

    assert "30 days" in answer
    assert len(slack.messages(GENERAL)) == 1
    assert [len(talk.messages) for talk in talks] == [2]
    # Both of its events are on record: that of the message and that of the mention.
    assert slack.statuses() == [200, 200]


async def test_what_a_record_holds_goes_to_its_owner_alone(
    database_url: str, slack: FakeSlack
) -> None:
    async with open_shop(database_url, slack) as shop:
        asked = slack.mention(ANA, GENERAL, "where is my order 1042?")
        (answer,) = await slack.until(lambda: slack.dms(ANA))
        (public,) = await answers_in(slack, asked)
        await at_rest(shop)

    assert RECORD in answer.shown
    assert "written to you" in public
    assert "1042" not in public


async def test_an_answer_below_a_private_message_goes_on_with_the_same_conversation(
    database_url: str, slack: FakeSlack
) -> None:
    async with open_shop(database_url, slack) as shop:
        slack.mention(ANA, GENERAL, "where is my order?")
        (question,) = await slack.until(lambda: slack.dms(ANA))
        slack.dm(ANA, "1042", thread=question.ts)
        (answer,) = await slack.until(lambda: slack.messages(question.channel, thread=question.ts))
        (talk,) = await shop.talks()

    assert RECORD in answer.shown
    assert len(talk.messages) == 4


async def test_two_people_in_one_thread_have_a_conversation_each(
    slack: FakeSlack, shop: SlackShop
) -> None:
    first = slack.mention(ANA, GENERAL, "I am Ana")
    await slack.until(lambda: slack.dms(ANA))
    slack.mention(BEN, GENERAL, "I am Ben", thread=first.ts)
    await slack.until(lambda: slack.dms(BEN))
    slack.say(BEN, GENERAL, "Ben again", thread=first.ts)
    await slack.until(lambda: len(slack.dms(BEN)) == 2)
    await at_rest(shop)

    said = [
        [one.text for one in talk.messages if one.author == "customer"]
        for talk in await shop.talks()
    ]

    assert said == [["I am Ana"], ["I am Ben", "Ben again"]]
    assert [one.shown.splitlines()[0] for one in slack.dms(ANA)] == ["heard: I am Ana"]


async def test_what_others_say_to_each_other_is_no_turn_and_its_words_are_not_kept(
    slack: FakeSlack, shop: SlackShop
) -> None:
    first = slack.mention(ANA, GENERAL, "hello")
    await slack.until(lambda: slack.dms(ANA))
    slack.say(BEN, GENERAL, "lunch at noon?", thread=first.ts)
    slack.say(BEN, GENERAL, "the secret is out")
    await at_rest(shop)

    (talk,) = await shop.talks()
    kept = [event.body for event in await shop.raw_events()]

    assert len([one for one in talk.messages if one.author == "customer"]) == 1
    assert "noon" not in str(kept)
    assert "secret" not in str(kept)
    assert len(kept) == 4


async def test_a_top_level_answer_to_a_question_goes_on_with_it(
    database_url: str, slack: FakeSlack
) -> None:
    async with open_shop(database_url, slack) as shop:
        first = slack.dm(ANA, "where is my order?")
        (question,) = await answers_in(slack, first)
        second = slack.dm(ANA, "1042")
        (answer,) = await answers_in(slack, second)
        await at_rest(shop)
        (talk,) = await shop.talks()

    assert "Which order" in question
    assert RECORD in answer
    assert [one.author for one in talk.messages] == ["customer", "bot", "customer", "bot"]


async def test_copies_of_an_event_are_one_message(slack: FakeSlack, shop: SlackShop) -> None:
    asked = slack.dm(ANA, "hello")
    slack.repeat(times=2)
    await answers_in(slack, asked)
    slack.repeat()
    await at_rest(shop)

    (talk,) = await shop.talks()

    assert len(slack.dms(ANA)) == 1
    assert len(talk.messages) == 2
    assert len(await shop.raw_events()) == 1
    assert slack.statuses() == [200] * 4


@pytest.mark.parametrize("fault", [refusing("invalid_auth"), SERVER_ERROR, busy(0.05), HANG])
async def test_no_event_is_lost_while_slack_cannot_say_who_we_are(
    database_url: str, slack: FakeSlack, thinker: Thinker, fault: object
) -> None:
    slack.always("auth.test", fault)  # type: ignore[arg-type]

    async with open_shop(database_url, slack, workflow=WORK):
        asked = slack.dm(ANA, "hello")
        answers = await answers_in(slack, asked)

    assert answers[0].startswith("heard: hello")
    assert slack.statuses() == [200]


async def test_an_event_that_cannot_be_stored_is_not_acknowledged(
    slack: FakeSlack, shop: SlackShop
) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    await shop.app.database.write(
        lambda c: c.exec_driver_sql(rename.format("raw_events", "elsewhere"))
    )
    asked = slack.dm(ANA, "hello")
    await slack.until(lambda: len(slack.attempts) == 2)
    await shop.app.database.write(
        lambda c: c.exec_driver_sql(rename.format("elsewhere", "raw_events"))
    )
    answers = await answers_in(slack, asked)
    await at_rest(shop)

    assert set(slack.statuses()) == {500, 200}
    assert slack.statuses()[-1] == 200
    assert len(answers) == 1


async def test_an_edit_of_an_unanswered_message_is_what_is_answered(
    slack: FakeSlack, shop: SlackShop, thinker: Thinker
) -> None:
    thinker.gate.clear()
    asked = slack.dm(ANA, "where is 1043")
    await slack.until(lambda: thinker.thoughts)
    slack.edit(asked, "where is 1042")
    await slack.all_acked()
    thinker.gate.set()
    answers = await answers_in(slack, asked)
    await at_rest(shop)

    assert thinker.thoughts == ["where is 1043", "where is 1042"]
    assert [answer.splitlines()[0] for answer in answers] == ["heard: where is 1042"]
    assert len(slack.dms(ANA)) == 1


async def test_an_edit_of_an_answered_message_only_changes_the_record(
    slack: FakeSlack, shop: SlackShop
) -> None:
    asked = slack.dm(ANA, "hello")
    await answers_in(slack, asked)
    slack.edit(asked, "good morning")
    await at_rest(shop)

    (talk,) = await shop.talks()

    assert talk.messages[0].text == "good morning"
    assert len(slack.dms(ANA)) == 1


async def test_a_deleted_message_is_forgotten_and_not_answered(
    slack: FakeSlack, shop: SlackShop, thinker: Thinker
) -> None:
    thinker.gate.clear()
    asked = slack.dm(ANA, "my name is Rumpelstiltskin")
    await slack.until(lambda: thinker.thoughts)
    slack.delete(asked)
    await slack.all_acked()
    thinker.gate.set()
    await at_rest(shop)

    (talk,) = await shop.talks()
    kept = [event.body for event in await shop.raw_events()]

    assert slack.dms(ANA) == []
    assert talk.messages[0].text == "[deleted]"
    assert "Rumpelstiltskin" not in str([kept, talk.runs, talk.steps])


async def test_stop_while_thinking_ends_the_turn_without_an_answer(
    slack: FakeSlack, shop: SlackShop, thinker: Thinker
) -> None:
    thinker.gate.clear()
    asked = slack.dm(ANA, "a long story")
    await slack.until(lambda: thinker.thoughts)
    slack.stop(asked)
    await slack.all_acked()
    thinker.gate.set()
    await at_rest(shop)
    after = slack.dm(ANA, "a short one")
    answers = await answers_in(slack, after)

    assert [one.shown.splitlines()[0] for one in slack.dms(ANA)] == ["heard: a short one"]
    assert len(answers) == 1

    def sessions() -> list[str]:
        return [call.arguments["status"] for call in slack.called("agents.sessions.setStatus")]

    await slack.until(lambda: sessions() == ["processing", "active"] * 2)


async def test_the_bots_answer_is_kept_back_when_an_agent_claims_while_it_thinks(
    slack: FakeSlack, shop: SlackShop, thinker: Thinker
) -> None:
    thinker.gate.clear()
    asked = slack.dm(ANA, "please help")
    await slack.until(lambda: thinker.thoughts)
    (conversation,) = await shop.conversations()
    case = await shop.app.database.write(
        lambda c: escalation.open_case(
            c,
            shop.tools,
            store.lock(c, conversation.id),
            run=None,
            queue="support",
            reason="a colleague asks for it",
            urgency="normal",
            brief={},
            now=shop.tools.clock(),
        )
    )
    await shop.app.desk.carry_out(
        "claim", Command(escalation=case.id, agent="maria", version=case.version)
    )
    thinker.gate.set()
    await at_rest(shop)

    assert slack.messages(asked.channel) == []
    (talk,) = await shop.talks()
    assert talk.conversation.status == "assigned"


async def test_bots_and_our_own_posts_are_ignored(slack: FakeSlack, shop: SlackShop) -> None:
    slack.say("U0OTHERBOT", GENERAL, "<@U0BOT> hello", bot_id="B0OTHER")
    room = slack.world.direct_message(ANA)
    slack.say("U0BOT", room.id, "hello")
    await slack.all_acked()

    assert await shop.conversations() == []
    assert set(slack.statuses()) == {200}


async def test_card_numbers_are_not_kept_in_the_events_either(
    slack: FakeSlack, shop: SlackShop
) -> None:
    asked = slack.dm(ANA, "my card is 4111 1111 1111 1111")
    await answers_in(slack, asked)

    kept = str([event.body for event in await shop.raw_events()])

    assert "4111" not in kept
    assert asked.ts in kept


async def test_somebody_from_another_organisation_is_a_guest_of_their_own(
    database_url: str, slack: FakeSlack
) -> None:
    # Their workspace uses the same id as ours does for Ana.
    slack.world.people[ANA].team = "T0OTHER"
    slack.world.rooms[GENERAL].is_shared = True
    async with open_shop(database_url, slack) as shop:
        slack.mention(ANA, GENERAL, "where is my order 1042?")
        (answer,) = await slack.until(lambda: slack.dms(ANA))
        (talk,) = await shop.talks()
        person = await shop.person_of(talk.conversation)

    assert "sign in" in answer.shown
    assert (person.source, person.verified, person.email) == ("slack:T0OTHER", False, None)


@pytest.mark.parametrize("field", ["is_email_confirmed", "scope"])
async def test_an_address_that_slack_does_not_vouch_for_opens_no_record(
    database_url: str, slack: FakeSlack, field: str
) -> None:
    if field == "scope":
        slack.scopes.discard("users:read.email")
    else:
        slack.world.people[ANA].is_email_confirmed = False
    async with open_shop(database_url, slack):
        asked = slack.dm(ANA, "where is my order 1042?")
        (answer,) = await answers_in(slack, asked)

    assert "sign in" in answer


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "²"},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Signature": "v0=0000"},
        signed("{}", secret="another secret"),  # noqa: S106
        signed("{}", at=1_000_000_000),
    ],
)
async def test_what_is_not_signed_by_slack_is_refused(
    shop: SlackShop, headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient() as client:
        sent = {**signed("{}"), **headers, "Content-Type": "application/json"}
        sent = {name: value.encode() for name, value in sent.items()}  # type: ignore[misc]
        answer = await client.post(f"{shop.url}/slack/events", content=b"{}", headers=sent)

    assert answer.status_code == 401


async def test_slack_can_verify_the_address(shop: SlackShop) -> None:
    raw = '{"type": "url_verification", "token": "unused", "challenge": "abc"}'
    async with httpx.AsyncClient() as client:
        headers = {**signed(raw), "Content-Type": "application/json"}
        answer = await client.post(
            f"{shop.url}/slack/events", content=raw.encode(), headers=headers
        )

    assert answer.json() == {"challenge": "abc"}


async def test_opening_the_messages_tab_suggests_prompts(slack: FakeSlack, shop: SlackShop) -> None:
    slack.open_home(ANA, tab="messages")
    (call,) = await slack.until(lambda: slack.called("assistant.threads.setSuggestedPrompts"))

    assert call.outcome == "ok"
    assert call.arguments["prompts"][0]["message"] == "Where is my order?"


async def test_a_thumb_under_an_answer_is_its_rating(slack: FakeSlack, shop: SlackShop) -> None:
    asked = slack.dm(ANA, "hello")
    await answers_in(slack, asked)
    (answer,) = slack.dms(ANA)
    (talk,) = await shop.talks()
    up = f"up:{talk.conversation.id}"

    stranger = slack.click(answer, "feedback", BEN, value=up)
    await slack.until(stranger.done.is_set)
    (before,) = await shop.talks()
    own = slack.click(answer, "feedback", ANA, value=up)
    await slack.until(own.done.is_set)
    (after,) = await shop.talks()

    assert (before.conversation.rating, after.conversation.rating) == (None, 5)
    assert after.conversation.resolution == "confirmed"
    assert own.is_acked


async def test_a_dropped_socket_loses_nothing(
    database_url: str, slack: FakeSlack, thinker: Thinker
) -> None:
    slack.time_scale = 0.05
    async with open_shop(database_url, slack, workflow=WORK, socket_mode=True) as shop:
        slack.drop_connections()
        await slack.until(lambda: not slack.connections)
        asked = slack.dm(ANA, "hello")
        answers = await answers_in(slack, asked)
        await at_rest(shop)

    assert len(answers) == 1
    assert slack.statuses()[-1] == 200


async def test_files_come_with_their_message(slack: FakeSlack, shop: SlackShop) -> None:
    file = slack.add_file("parcel.png", "image/png", b"a picture")
    asked = slack.dm(ANA, "look", files=[file])
    await answers_in(slack, asked)

    (known,) = await shop.files()

    assert (known.name, known.type) == ("parcel.png", "image/png")
    assert known.content == b"a picture"


async def test_a_directory_that_stumbles_makes_nobody_a_guest(
    database_url: str, slack: FakeSlack
) -> None:
    slack.fault("users.info", SERVER_ERROR)
    slack.fault("auth.test", SERVER_ERROR, busy(0.1))
    async with open_shop(database_url, slack):
        asked = slack.dm(ANA, "where is my order 1042?")
        (answer,) = await answers_in(slack, asked)

    assert RECORD in answer


async def test_nobody_is_told_of_a_private_answer_that_did_not_arrive(
    database_url: str, slack: FakeSlack
) -> None:
    slack.fault("conversations.open", refusing("user_disabled"))
    async with open_shop(database_url, slack) as shop:
        slack.mention(ANA, GENERAL, "where is my order 1042?")
        await slack.until(lambda: slack.called("conversations.open"))
        await at_rest(shop)
        (talk,) = await shop.talks()

    told = [post.shown for post in slack.messages(GENERAL)]
    assert not any("written to you" in one for one in told)
    assert "could not be delivered" in talk.case.reason


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_change_that_comes_before_its_message_still_counts(
    slack: FakeSlack, shop: SlackShop, is_deleted: bool
) -> None:
    slack.time_scale = 0.01
    asked, hand_over = slack.write_unheard(ANA, "where is 1043")
    if is_deleted:
        slack.delete(asked)
    else:
        slack.edit(asked, "where is 1042")
    await slack.until(lambda: slack.statuses() == [500, 500])
    hand_over()
    await at_rest(shop)
    (talk,) = await shop.talks()

    assert talk.messages[0].text == ("[deleted]" if is_deleted else "where is 1042")
    assert slack.statuses()[-1] == 200
