"""The agents' desk in Slack, from the first card to the rating, by clicks alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.app import utc_now
from orchestration.desk import Command
from orchestration.shop import Shop
from tests.fakes.acts import acting
from tests.fakes.floor import Talk
from tests.fakes.proposing import PROPOSING, open_orders, propose
from tests.fakes.slack_faults import RESET_AFTER_ACCEPTED, refusing
from tests.fakes.slack_server import ANA, BEN, GENERAL, MARIA, SUPPORT, TOM, FakeSlack, Sent
from tests.fakes.slack_shop import ByEmail, SlackShop, open_shop
from tests.fakes.slack_world import Post

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HANDED_OVER = "I'm passing this on to a colleague"
NAMES = {MARIA: "Maria", TOM: "Tom"}


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
async def shop(database_url: str, slack: FakeSlack) -> AsyncIterator[SlackShop]:
    async with open_shop(database_url, slack) as shop:
        yield shop


@pytest.fixture
async def card(shop: SlackShop, slack: FakeSlack) -> Post:
    """Return the card of a case that Ana has just begun."""
    slack.dm(ANA, "I want my money back")
    return await root_card(slack)


async def root_card(slack: FakeSlack, *, number: int = 1) -> Post:
    """Wait for the card of so many cases, and return the last."""

    def cards() -> list[Post]:
        posts = [post for post in slack.messages(SUPPORT) if not post.thread_ts]
        return posts if len(posts) >= number else []

    posts: list[Post] = await slack.until(cards)
    return posts[-1]


async def done(slack: FakeSlack, sent: Sent) -> Sent:
    await slack.until(lambda: sent.done.is_set())
    assert sent.is_acked
    return sent


async def told_in_private(slack: FakeSlack, number: int) -> list[str]:
    """Return what clicks and shortcuts were answered, which follows their acknowledgement."""
    await slack.until(lambda: len(slack.responses) >= number)
    return [one["text"] for one in slack.responses]


async def until_offers(slack: FakeSlack, card: Post, action: str) -> None:
    await slack.until(lambda: action in card.actions())


async def claimed(slack: FakeSlack, card: Post, agent: str = MARIA) -> None:
    await done(slack, slack.click(card, "case_claim", agent))
    await until_offers(slack, card, "case_reply")


async def form(slack: FakeSlack, sent: Sent) -> dict[str, Any]:
    """Return the form that a click opened."""
    await done(slack, sent)
    view: dict[str, Any] = slack.views[-1]
    return view


def told(slack: FakeSlack, customer: str = ANA) -> list[str]:
    return [post.shown for post in slack.dms(customer)]


def below(slack: FakeSlack, card: Post) -> list[str]:
    return [post.shown for post in slack.messages(SUPPORT, thread=card.ts)]


async def the_talk(shop: SlackShop) -> Talk:
    return (await shop.talks())[-1]


def more(card: Post, what: str) -> str:
    """Return the value of an option of the card's menu."""
    options = card.actions()["case_more"]["options"]
    return next(str(one["value"]) for one in options if one["value"].startswith(f"{what}:"))


async def until_fresh(shop: SlackShop, card: Post) -> None:
    """Wait until the card shows the version that its case has."""
    async with asyncio.timeout(20):
        while True:
            case = (await the_talk(shop)).cases[-1]
            if more(card, "snooze").endswith(f":{case.version}"):
                return
            await asyncio.sleep(0.01)


# The whole case


async def test_a_case_goes_from_card_to_rating_and_is_opened_again_by_clicks_alone(
    shop: SlackShop, slack: FakeSlack
) -> None:
    slack.dm(ANA, "I want my money back")
    card = await root_card(slack)
    assert "I want my money back" in card.shown
    assert any(HANDED_OVER in text for text in told(slack))

    winner = await two_claim_at_once(shop, slack, card)
    await talk_among_agents(shop, slack, card, winner)
    await edit_and_send(slack, card, winner)
    await hand_back(shop, slack, card, winner)
    answer = await bot_answers_again(slack)
    again = await call_a_human(slack, answer)
    await claimed(slack, again, winner)
    await resolve_and_rate(shop, slack, again, winner)

    slack.dm(ANA, "I want my money back after all")
    third = await root_card(slack, number=3)
    assert "after all" in third.shown
    assert len(await shop.talks()) == 1


async def two_claim_at_once(shop: SlackShop, slack: FakeSlack, card: Post) -> str:
    both = [slack.click(card, "case_claim", agent) for agent in (MARIA, TOM)]
    for sent in both:
        await done(slack, sent)
    await until_offers(slack, card, "case_reply")

    winner = (await the_talk(shop)).case.assignee or ""
    (refused,) = await told_in_private(slack, 1)
    assert f"{NAMES[winner]} was first" in refused
    assert f"<@{winner}>" in card.shown
    return winner


async def talk_among_agents(shop: SlackShop, slack: FakeSlack, card: Post, winner: str) -> None:
    loser = TOM if winner == MARIA else MARIA
    slack.say(winner, SUPPORT, "// I think she is right", thread=card.ts)
    slack.say(winner, SUPPORT, "note: ask the warehouse", thread=card.ts)
    slack.say(loser, SUPPORT, "me too", thread=card.ts)
    slack.say(winner, SUPPORT, "shall we refund?", thread=card.ts)
    (asked,) = await slack.until(lambda: slack.ephemerals)
    await done(slack, slack.click(asked, "note_keep", winner))

    notes = [note.text for note in (await the_talk(shop)).notes]
    assert (asked["user"], asked["text"]) == (winner, "Send to Ana Ruiz?")
    assert sorted(notes) == [
        "I think she is right",
        "ask the warehouse",
        "me too",
        "shall we refund?",
    ]
    assert len(told(slack)) == 1


async def edit_and_send(slack: FakeSlack, card: Post, winner: str) -> None:
    slack.dm(ANA, "where is my order 1042?")
    await until_offers(slack, card, "case_edit")
    await slack.until(lambda: any("where is my order" in text for text in below(slack, card)))
    view = await form(slack, slack.click(card, "case_edit", winner))
    assert "1042" in view["blocks"][0]["element"]["initial_value"]
    await done(slack, slack.submit(view, {"text": "It comes on Monday."}, winner))
    await slack.until(lambda: any("It comes on Monday." in text for text in told(slack)))
    await slack.until(lambda: marked(slack, card, "It comes on Monday.", "white_check_mark"))

    slack.dm(ANA, "and on Monday I am away")
    await slack.until(lambda: any("I am away" in text for text in below(slack, card)))


async def hand_back(shop: SlackShop, slack: FakeSlack, card: Post, winner: str) -> None:
    await until_fresh(shop, card)
    value = more(card, "hand-back")
    await done(slack, slack.click(card, "case_more", winner, value=value))
    await slack.until(lambda: "Handed back" in card.shown)


async def bot_answers_again(slack: FakeSlack) -> Post:
    before = len(told(slack))
    slack.dm(ANA, "where is my order 1042?")
    await slack.until(lambda: len(told(slack)) > before)
    answer = slack.dms(ANA)[-1]
    assert "your order 1042" in answer.shown
    return answer


async def call_a_human(slack: FakeSlack, answer: Post) -> Post:
    await done(slack, slack.click(answer, "talk_to_human", ANA))
    return await root_card(slack, number=2)


async def resolve_and_rate(shop: SlackShop, slack: FakeSlack, card: Post, winner: str) -> None:
    view = await form(slack, slack.click(card, "case_resolve", winner))
    await done(slack, slack.submit(view, {"text": "told her when it comes"}, winner))
    question = await slack.until(lambda: offering(slack, "rate_4"))
    await done(slack, slack.click(question, "rate_4", ANA))
    await slack.until(lambda: "rated 4 of 5" in card.shown)

    talk = await the_talk(shop)
    assert (talk.conversation.status, talk.conversation.rating) == ("resolved", 4)
    assert "told her when it comes" in card.shown


def offering(slack: FakeSlack, action: str) -> Post | None:
    return next((post for post in slack.dms(ANA) if action in post.actions()), None)


def marked(slack: FakeSlack, card: Post, text: str, reaction: str) -> bool:
    posts = slack.world.in_room(SUPPORT)
    return any(
        text in (post.shown or post.text) and reaction in post.reactions
        for post in posts
        if post.thread_ts == card.ts
    )


# Words in the thread


@sqlite_alone
async def test_a_note_is_sent_when_its_author_says_so_and_marked_when_it_has_arrived(
    card: Post, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    slack.say(
        MARIA, SUPPORT, "It comes on <https://a.example|Monday> &amp; is free", thread=card.ts
    )
    (asked,) = await slack.until(lambda: slack.ephemerals)

    await done(slack, slack.click(asked, "note_send", MARIA))

    await slack.until(lambda: any("It comes on Monday & is free" in text for text in told(slack)))
    await slack.until(lambda: marked(slack, card, "It comes on", "white_check_mark"))


@sqlite_alone
async def test_a_note_that_is_sent_twice_by_a_double_click_arrives_once(
    card: Post, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    slack.say(MARIA, SUPPORT, "It comes on Monday.", thread=card.ts)
    (asked,) = await slack.until(lambda: slack.ephemerals)

    clicks = [slack.click(asked, "note_send", MARIA) for _ in range(3)]
    for sent in clicks:
        await done(slack, sent)
    await slack.until(lambda: marked(slack, card, "It comes on", "white_check_mark"))

    assert sum("It comes on Monday." in text for text in told(slack)) == 1


@sqlite_alone
async def test_an_edit_of_a_note_that_was_sent_changes_what_the_customer_sees(
    card: Post, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    note = slack.say(MARIA, SUPPORT, "It comes on Monday.", thread=card.ts)
    (asked,) = await slack.until(lambda: slack.ephemerals)
    await done(slack, slack.click(asked, "note_send", MARIA))
    await slack.until(lambda: any("It comes on Monday." in text for text in told(slack)))
    before = len(told(slack))

    slack.edit(note, "It comes on Tuesday.")

    await slack.until(lambda: any("It comes on Tuesday." in text for text in told(slack)))
    assert len(told(slack)) == before
    assert not any("Monday" in text for text in told(slack))


@sqlite_alone
async def test_a_reply_that_does_not_arrive_is_marked_and_says_why(
    card: Post, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    slack.say(MARIA, SUPPORT, "It comes on Monday.", thread=card.ts)
    (asked,) = await slack.until(lambda: slack.ephemerals)
    slack.fault("chat.postMessage", refusing("account_inactive"))

    await done(slack, slack.click(asked, "note_send", MARIA))

    await slack.until(lambda: marked(slack, card, "It comes on", "warning"))
    await slack.until(lambda: any("account_inactive" in text for text in below(slack, card)))


@sqlite_alone
async def test_a_message_that_slack_hands_over_again_is_one_note_and_one_question(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    slack.say(MARIA, SUPPORT, "shall we refund?", thread=card.ts)
    slack.repeat(times=3)
    await slack.all_acked()
    await slack.until(lambda: slack.ephemerals)

    assert [note.text for note in (await the_talk(shop)).notes] == ["shall we refund?"]
    assert len(slack.ephemerals) == 1


@sqlite_alone
async def test_what_agents_say_in_their_channel_is_nobodys_request(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    slack.mention(TOM, SUPPORT, "where is my order 1042?")
    slack.say(TOM, SUPPORT, "lunch?")
    await slack.all_acked()

    assert len(await shop.talks()) == 1
    assert [event.body for event in await shop.raw_events() if "lunch" in str(event.body)] == []


# Who may click


@sqlite_alone
async def test_customers_and_people_of_other_organisations_do_nothing_on_a_card(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    slack.add_person("U0EVE", "Eve", team="T0OTHER")
    # A channel that is shared with another organisation has members of theirs.
    slack.world.rooms[SUPPORT].members.add("U0EVE")

    for user in (BEN, "U0EVE"):
        await done(slack, slack.click(card, "case_claim", user))
        await done(slack, slack.click(card, "case_resolve", user))

    assert (await the_talk(shop)).case.status == "open"
    assert slack.views == []
    answers = await told_in_private(slack, 4)
    assert len(answers) == 4
    assert all("only agents" in one for one in answers)


@sqlite_alone
async def test_nobody_but_the_customer_rates_or_calls_a_human_for_them(
    shop: SlackShop, slack: FakeSlack
) -> None:
    slack.dm(ANA, "where is my order 1042?")
    answer = await slack.until(lambda: offering(slack, "talk_to_human"))

    await done(slack, slack.click(answer, "talk_to_human", BEN))

    assert (await the_talk(shop)).cases == []
    assert "somebody else" in (await told_in_private(slack, 1))[-1]


@sqlite_alone
async def test_a_form_that_comes_too_late_is_shown_again_with_what_was_typed(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    view = await form(slack, slack.click(card, "case_reply", MARIA))
    slack.dm(ANA, "there is a fire")
    await until_fresh(shop, card)
    case = (await the_talk(shop)).case
    await shop.app.desk.carry_out(
        "snooze",
        Command(
            escalation=case.id,
            agent=MARIA,
            version=case.version,
            until=utc_now() + timedelta(hours=1),
        ),
    )

    sent = await done(slack, slack.submit(view, {"text": "On it."}, MARIA))

    shown = sent.answer["view"]
    words = [block for block in shown["blocks"] if block["type"] == "input"]
    assert sent.answer["response_action"] == "update"
    assert words[0]["element"]["initial_value"] == "On it."
    again = await done(slack, slack.submit(shown, {"text": "On it."}, MARIA))
    assert again.answer is None
    await slack.until(lambda: any("On it." in text for text in told(slack)))


# Reassign, snooze, pause


@sqlite_alone
async def test_a_case_goes_to_another_agent_who_has_not_paused(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    await done(slack, slack.command(TOM, "pause"))
    view = await form(slack, slack.click(card, "case_more", MARIA, value=more(card, "reassign")))
    refused = await done(slack, slack.submit(view, {"to": TOM}, MARIA))
    await done(slack, slack.command(TOM, "resume"))

    await done(slack, slack.submit(refused.answer["view"], {"to": TOM}, MARIA))

    await slack.until(lambda: f"<@{TOM}>" in card.shown)
    assert "takes no cases" in str(refused.answer)
    assert (await the_talk(shop)).case.assignee == TOM


@sqlite_alone
async def test_a_case_opens_in_the_console_from_its_menu_and_stays_as_it_is(
    database_url: str, slack: FakeSlack
) -> None:
    async with open_shop(database_url, slack, public_url="https://help.shop.example") as shop:
        slack.dm(ANA, "I want my money back")
        card = await root_card(slack)
        await claimed(slack, card)
        before = (await the_talk(shop)).case
        options = card.actions()["case_more"]["options"]

        clicked = await done(slack, slack.click(card, "case_more", MARIA, value=more(card, "open")))
        after = (await the_talk(shop)).case

    assert [one["url"] for one in options if "url" in one] == [
        f"https://help.shop.example/console/cases/{before.id}"
    ]
    assert len(options) == 5
    assert clicked.is_acked
    assert (slack.views, slack.ephemerals) == ([], [])
    assert after.version == before.version


@sqlite_alone
async def test_a_case_is_put_to_rest_by_its_menu(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    await claimed(slack, card)
    view = await form(slack, slack.click(card, "case_more", MARIA, value=more(card, "snooze")))

    await done(slack, slack.submit(view, {"rest": "4h"}, MARIA))

    await slack.until(lambda: "rests until" in card.shown)
    until = (await the_talk(shop)).case.snoozed_until
    assert until is not None
    assert timedelta(hours=3.9) < until - utc_now() < timedelta(hours=4.1)


# Approvals


@sqlite_alone
async def test_a_proposal_that_two_approve_at_once_is_done_once(
    database_url: str, slack: FakeSlack
) -> None:
    orders = proposed_orders()
    with acting(work=propose):
        async with open_shop(database_url, slack, workflow=PROPOSING, orders=orders) as shop:
            slack.dm(ANA, "refund please")
            card = await root_card(slack)
            slack.dm(ANA, "and be quick")
            await slack.until(lambda: "and be quick" in card.shown)

            for sent in [slack.click(card, "approval_release", agent) for agent in (MARIA, TOM)]:
                await done(slack, sent)

            await slack.until(lambda: "· done," in card.shown)
            talk = (await shop.talks())[-1]
            await told_in_private(slack, 1)

    assert "refund 59.90 USD on order 1042" in card.shown
    assert len(orders.done) == 1
    assert len(slack.responses) == 1
    assert "released by" in slack.responses[0]["text"]
    assert talk.approval.outcome == "done"


@sqlite_alone
async def test_a_draft_is_edited_before_it_is_approved_and_a_rejected_one_goes_to_agents(
    database_url: str, slack: FakeSlack
) -> None:
    orders = proposed_orders()
    with acting(work=propose):
        async with open_shop(database_url, slack, workflow=PROPOSING, orders=orders) as shop:
            slack.dm(ANA, "refund please")
            card = await root_card(slack)
            view = await form(slack, slack.click(card, "approval_edit", MARIA))
            await done(slack, slack.submit(view, {"text": "You get it back."}, MARIA))
            await slack.until(lambda: any("You get it back." in text for text in told(slack)))

            slack.dm(ANA, "refund please")
            other = await root_card(slack, number=2)
            view = await form(slack, slack.click(other, "approval_reject", MARIA))
            await done(slack, slack.submit(view, {"text": "not ours"}, MARIA))
            case = await root_card(slack, number=3)
            await slack.until(lambda: "Rejected by" in other.shown)
            talks = await shop.talks()

    assert len(orders.done) == 1
    assert "not ours" in case.shown
    assert talks[-1].case.status == "open"
    assert [one.status for one in talks[-1].approvals] == ["released", "rejected"]


# App Home, command, shortcut


@sqlite_alone
async def test_agents_see_their_cases_at_home_and_customers_their_requests(
    card: Post, slack: FakeSlack
) -> None:
    await claimed(slack, card)

    for user in (MARIA, ANA):
        slack.open_home(user)
    await slack.until(lambda: {MARIA, ANA} <= set(slack.homes))

    agents, customers = str(slack.homes[MARIA]), str(slack.homes[ANA])
    assert "Your cases" in agents
    assert "refund request · Ana Ruiz" in agents
    assert "Overdue" in agents
    assert "I want my money back" in customers
    assert "a colleague is on it" in customers
    assert "Overdue" not in customers


@sqlite_alone
async def test_the_command_answers_everybody_with_what_is_theirs(
    card: Post, shop: SlackShop, slack: FakeSlack
) -> None:
    async def say(user: str, text: str) -> str:
        return str((await done(slack, slack.command(user, text))).answer)

    assert "1 waiting, 0 overdue, 0 yours" in await say(MARIA, "status")
    assert "refund request · Ana Ruiz" in await say(MARIA, "queue")
    assert "You have no case." in await say(MARIA, "mine")
    assert "no reminders" in await say(MARIA, "pause")
    assert "You have paused." in await say(MARIA, "")
    assert "Welcome back" in await say(MARIA, "resume")
    assert "Say" in await say(MARIA, "dance")
    assert "waits for a colleague" in await say(ANA, "status")
    assert "Only agents" in await say(ANA, "queue")
    assert "Ana Ruiz" not in await say(BEN, "status")


@sqlite_alone
async def test_an_agent_makes_a_case_of_a_message_once_and_a_customer_only_of_their_own(
    shop: SlackShop, slack: FakeSlack
) -> None:
    written = slack.say(BEN, GENERAL, "my lamp is broken")
    await done(slack, slack.shortcut("make_case", written, ANA))
    (refused,) = await told_in_private(slack, 1)

    for number in (2, 3):
        await done(slack, slack.shortcut("make_case", written, MARIA))
        await told_in_private(slack, number)

    card = await root_card(slack)
    (talk,) = await shop.talks()
    assert "only agents" in refused
    assert "my lamp is broken" in card.shown
    assert [one["text"] for one in slack.responses[1:]] == [
        "This is a case for our team.",
        "Our team has this already.",
    ]
    assert talk.case.status == "open"


def proposed_orders() -> ByEmail:
    return ByEmail(orders=open_orders().orders)


# Reminders


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_each_reminder_stands_once_below_the_card_whoever_of_two_works_over_a_restart(
    database_url: str, slack: FakeSlack
) -> None:
    async with open_shop(database_url, slack, shop=SOON_DUE):
        async with open_shop(database_url, slack, shop=SOON_DUE):
            slack.dm(ANA, "I want my money back")
            card = await root_card(slack)
            slack.fault("chat.postMessage", RESET_AFTER_ACCEPTED)
            await slack.until(lambda: "50 % of the time" in " ".join(below(slack, card)))
        async with open_shop(database_url, slack, shop=SOON_DUE):
            await slack.until(lambda: "The time for this case" in " ".join(below(slack, card)))
            await slack.until(lambda: "🟠 High" in card.shown)

    said = [text for text in below(slack, card) if "of the time" in text or "is over (" in text]
    roots = [post.shown for post in slack.messages(SUPPORT) if not post.thread_ts]
    assert [text.split(" ", 1)[1][:8] for text in said] == ["50 % of ", "80 % of ", "The time"]
    assert sum("Nobody has taken this case in time" in text for text in roots) == 1


SOON_DUE = Shop.model_validate(
    {
        "name": "Willow & Wren",
        "sla": {
            "normal": {"first": "3s", "resolve": "1h"},
            "high": {"first": "1h", "resolve": "2h"},
        },
    }
)
