"""The forms and homes that Slack is given, and what is read from them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack import home, modals, thread
from bot.slack.home import AgentsView, Line, Request
from orchestration.shop import Shop
from tests.fakes import slack_blocks

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SUBJECT = {"id": "e" * 32, "version": 3}
TEXTS = st.text(max_size=60) | st.sampled_from(
    [piece * times for piece in ("&", "<", "x", "🎉", "a|b> ") for times in (90, 3_500)]
)


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.none() | TEXTS)
def test_slack_takes_every_form(text: str, problem: str | None) -> None:
    forms = [
        *(
            form(SUBJECT, text=text, problem=problem)
            for form in (modals.reply, modals.resolve, modals.edit_draft, modals.reject)
        ),
        *(form(SUBJECT, problem=problem) for form in (modals.reassign, modals.snooze)),
        modals.whole(text),
    ]

    assert [slack_blocks.view_problems(form) for form in forms] == [[]] * len(forms)


LINES = st.lists(
    st.builds(
        Line,
        title=TEXTS,
        urgency=st.sampled_from(["low", "urgent"]),
        due_at=st.none() | st.just(NOW),
        assignee=st.none() | st.sampled_from(["U0MARIA", "maria"]),
        link=st.none() | st.just("https://slack.com/app_redirect?channel=C1&message_ts=1.2"),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(LINES, LINES, LINES, st.booleans())
def test_slack_takes_every_agents_home(
    mine: list[Line], overdue: list[Line], waiting: list[Line], is_paused: bool
) -> None:
    view = home.agents_home(
        AgentsView(mine=mine, overdue=overdue, waiting=waiting, is_paused=is_paused)
    )

    assert slack_blocks.view_problems(view) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Request,
            text=TEXTS,
            status=st.sampled_from(["open", "escalated", "assigned", "resolved"]),
            at=st.just(NOW),
        ),
        max_size=10,
    )
)
def test_slack_takes_every_customers_home(requests: list[Request]) -> None:
    assert slack_blocks.view_problems(home.customers_home(requests)) == []


@pytest.mark.parametrize(
    ("rest", "until"),
    [
        ("1h", datetime(2026, 11, 23, 11, 0, tzinfo=UTC)),
        ("72h", datetime(2026, 11, 26, 10, 0, tzinfo=UTC)),
        ("opening", datetime(2026, 11, 24, 9, 0, tzinfo=UTC)),
    ],
)
def test_a_case_rests_as_long_as_was_chosen(rest: str, until: datetime) -> None:
    shop = shop_of({"mon": ["09:00-17:00"], "tue": ["09:00-17:00"]})

    assert modals.rest_until(shop, rest, NOW) == until


def test_a_case_rests_a_day_where_the_shop_never_closes() -> None:
    assert modals.rest_until(shop_of({}), "opening", NOW) == NOW + timedelta(days=1)


def test_what_was_entered_is_read_by_its_field() -> None:
    values = {
        "text": {"text": {"type": "plain_text_input", "value": None}},
        "to": {"to": {"type": "users_select", "selected_user": "U0TOM"}},
        "rest": {"rest": {"type": "static_select", "selected_option": {"value": "4h"}}},
    }

    entered = modals.entered({"state": {"values": values}})

    assert entered == {"text": "", "to": "U0TOM", "rest": "4h"}


def event(**fields: Any) -> dict[str, Any]:
    given = {"type": "message", "channel": "C1", "ts": "2.0", "thread_ts": "1.0", "user": "U1"}
    return {"team_id": "T1", "event": {**given, "text": "hello", **fields}}


def test_what_an_agent_writes_in_a_thread_is_read_with_its_place() -> None:
    written = thread.read(event(text="see <https://a.example|this> &amp; that"))

    assert written is not None
    assert (written.text, written.place, written.thread) == ("see this & that", "C1:2.0", "1.0")


@pytest.mark.parametrize(
    "fields",
    [
        {"bot_id": "B1"},
        {"user": None},
        {"thread_ts": None},
        {"thread_ts": "2.0"},
        {"subtype": "channel_join"},
        {"user_team": "T2"},
        {"type": "app_mention"},
    ],
)
def test_what_nobody_of_ours_wrote_in_a_thread_is_no_note(fields: dict[str, Any]) -> None:
    assert thread.read(event(**fields)) is None


def shop_of(hours: dict[str, list[str]]) -> Shop:
    return Shop.model_validate({"name": "Willow & Wren", "hours": hours})
