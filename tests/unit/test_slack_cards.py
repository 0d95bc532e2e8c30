"""Cards as Slack takes them, whatever stands in a case."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.channels.slack.blocks import Drawing
from integrations.channels.slack.cards import DRAWINGS, fit
from tests.fakes import slack_blocks

NOW = "2026-11-23T10:00:00+00:00"

CASE: dict[str, Any] = {
    "id": "e" * 32,
    "version": 3,
    "status": "claimed",
    "urgency": "high",
    "queue": "support",
    "reason": "rule: everything else",
    "assignee": "UMARIA",
    "assignee_name": "Maria",
    "customer_name": "Ana Ruiz",
    "channel": "chat",
    "target": "first",
    "rating": None,
    "due_at": NOW,
    "snoozed_until": None,
    "created_at": NOW,
    "ended_at": None,
    "end_reason": None,
    "customer": {"verified": {"name": "Ana Ruiz", "email": "ana@example.com", "tier": "vip"}},
    "classification": {
        "intent": "refund_request",
        "confidence": 0.93,
        "complexity": "complex",
        "sentiment": "negative",
        "language": "en",
    },
    "orders": [
        {
            "id": "1042",
            "status": "in_transit",
            "value": "59.90",
            "currency": "USD",
            "items": ["Cup"],
        }
    ],
    "orders_in_all": 4,
    "summary": "Ana Ruiz (verified): wants money back.",
    "tried": [{"node": "answer", "result": "abstained"}],
    "problems": [],
    "quote": "I want my money back",
    "files": [{"name": "lamp.jpg", "url": "https://shop.example/lamp.jpg"}],
    "suggestion": "We will refund you.",
    "suggested_upto": 7,
    "update": False,
}
APPROVAL: dict[str, Any] = {
    "id": "a" * 32,
    "status": "open",
    "draft": "I suggest this.",
    "text": None,
    "proposal": "refund 59.90 USD on order 1043",
    "why": "the customer asked",
    "reasons": ["names no source"],
    "expires_at": NOW,
    "decided_by": None,
    "decided_by_name": None,
    "reason": None,
    "outcome": None,
    "reference": None,
    "customer_name": "Ana Ruiz",
    "said_since": [],
    "update": False,
}
SAID: dict[str, Any] = {
    "id": "m" * 32,
    "author": "customer",
    "name": "Ana",
    "customer_name": "Ana Ruiz",
    "audience": "customer",
    "text": "hello?",
    "files": [],
}

# What needs most room: Slack counts what is escaped, and a quotation grows with its lines.
WORST = st.sampled_from(
    ["&", "<", ">", "\n", "x", "🎉", "<!channel> ", "*", "`", "[a](http://b.c) "]
)
TEXTS = st.one_of(
    st.text(max_size=200),
    st.builds(lambda piece, times: piece * times, WORST, st.integers(1, 30_000)),
)


FILES = st.lists(
    st.fixed_dictionaries(
        {"name": TEXTS, "url": st.none() | TEXTS | TEXTS.map("https://a.b/{}".format)}
    ),
    max_size=40,
)


def draw(type: str, facts: dict[str, Any]) -> Drawing:
    return DRAWINGS[type](facts)


def problems_of(drawing: Drawing) -> list[str]:
    json.dumps(drawing.blocks)
    found = slack_blocks.problems(drawing.blocks)
    if not 0 < len(drawing.text) <= 4_000:
        found.append(f"the text has {len(drawing.text)} characters")
    return found


def actions_of(drawing: Drawing) -> dict[str, str]:
    """Return the buttons with their values, and what the overflow offers."""
    found: dict[str, str] = {}
    for block in drawing.blocks:
        for element in block.get("elements", []) if block["type"] == "actions" else []:
            if element["type"] == "overflow":
                found |= {one["value"].split(":")[0]: one["value"] for one in element["options"]}
            else:
                found[element["action_id"]] = element["value"]
    return found


def options_of(drawing: Drawing) -> list[dict[str, Any]]:
    """Return what the overflow offers."""
    elements = [one for block in drawing.blocks for one in block.get("elements", [])]
    return [option for one in elements for option in one.get("options", [])]


def words_of(drawing: Drawing) -> str:
    return json.dumps([drawing.text, drawing.blocks], ensure_ascii=False)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "reason": TEXTS,
            "queue": st.text(min_size=1, max_size=500),
            "assignee": st.none() | st.text(max_size=300),
            "assignee_name": st.none() | TEXTS,
            "customer_name": st.none() | TEXTS,
            "summary": st.none() | TEXTS,
            "quote": st.none() | TEXTS,
            "suggestion": st.none() | TEXTS,
            "end_reason": st.none() | TEXTS,
            "status": st.sampled_from(["open", "claimed", "handed_back", "resolved"]),
            "urgency": st.sampled_from(["low", "normal", "high", "urgent"]),
            "snoozed_until": st.sampled_from([None, NOW]),
            "target": st.sampled_from([None, "first", "resolve"]),
            "rating": st.sampled_from([None, 1, 5]),
            "classification": st.none()
            | st.fixed_dictionaries({"intent": TEXTS, "confidence": st.floats(0, 1)}),
            "customer": st.fixed_dictionaries(
                {}, optional={"verified": st.fixed_dictionaries({"name": TEXTS, "tier": TEXTS})}
            ),
            "orders": st.lists(
                st.fixed_dictionaries(
                    {
                        "id": TEXTS,
                        "status": TEXTS,
                        "value": TEXTS,
                        "currency": st.just("USD"),
                        "items": st.lists(TEXTS, max_size=50),
                    }
                ),
                max_size=3,
            ),
            "tried": st.lists(st.dictionaries(st.text(max_size=5), TEXTS), max_size=40),
            "problems": st.lists(TEXTS, max_size=10),
            "files": FILES,
            "console": st.none() | st.just(f"https://{'h' * 250}/console/cases/{'e' * 32}"),
        },
    )
)
def test_slack_takes_every_case(changes: dict[str, Any]) -> None:
    assert problems_of(draw("case.card", {**CASE, **changes})) == []


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "draft": TEXTS,
            "text": st.none() | TEXTS,
            "proposal": st.none() | TEXTS,
            "why": st.none() | TEXTS,
            "reasons": st.lists(TEXTS, max_size=20),
            "reason": st.none() | TEXTS,
            "said_since": st.lists(TEXTS, max_size=60),
            "status": st.sampled_from(["open", "released", "rejected", "expired", "withdrawn"]),
            "outcome": st.sampled_from([None, "begun", "done", "not_done", "unknown"]),
            "reference": st.none() | TEXTS,
            "customer_name": st.none() | TEXTS,
        },
    )
)
def test_slack_takes_every_approval(changes: dict[str, Any]) -> None:
    assert problems_of(draw("approval.card", {**APPROVAL, **changes})) == []


@settings(max_examples=40, deadline=None)
@given(
    TEXTS,
    TEXTS,
    st.sampled_from(["customer", "bot", "agent", "system"]),
    st.sampled_from(["customer", "agents"]),
    FILES,
)
def test_slack_takes_all_that_is_said(
    text: str, name: str, author: str, audience: str, files: list[dict[str, str]]
) -> None:
    facts = {**SAID, "text": text, "name": name, "author": author, "audience": audience}

    assert problems_of(draw("case.said", {**facts, "files": files})) == []


@settings(max_examples=40, deadline=None)
@given(TEXTS, st.integers(0, 4_000))
def test_a_text_that_is_cut_to_fit_is_never_longer_and_never_cut_within_an_escape(
    text: str, most: int
) -> None:
    fitted = fit(text, most + 1)

    assert len(fitted) <= most + 1
    rest = fitted.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not {"&", "<", ">"} & set(rest)


@pytest.mark.parametrize("type", ["case.status", "case.reminder", "case.up", "case.snooze_over"])
def test_slack_takes_what_happens(type: str) -> None:
    facts = {**CASE, "level": 100, "call": "UMARIA", "on_call": "SONCALL", "name": "x" * 900}

    assert problems_of(draw(type, {**facts, "status": "assigned"})) == []


def test_a_case_shows_all_that_an_agent_needs_to_begin() -> None:
    words = words_of(draw("case.card", CASE))

    for expected in (
        "🟠 High · Refund request · Ana Ruiz",
        "With <@UMARIA>",
        "Answer by <!date^1795428000^",
        "rule: everything else",
        "Ana Ruiz, verified, VIP, ana@example.com",
        "refund_request (93% sure)",
        "1042, in transit, 59.90 USD, Cup",
        "and 3 more",
        "wants money back",
        "answer: abstained",
        "> I want my money back",
        "We will refund you.",
        "<https://shop.example/lamp.jpg|lamp.jpg>",
    ):
        assert expected in words


def test_an_unclaimed_case_can_be_claimed_at_the_version_it_shows() -> None:
    drawing = draw("case.card", {**CASE, "status": "open", "assignee": None})

    value = f"{CASE['id']}:3"
    assert actions_of(drawing) == {
        "case_claim": value,
        "case_resolve": value,
        "reassign": f"reassign:{value}",
        "snooze": f"snooze:{value}",
    }


def test_a_claimed_case_offers_the_suggestion_that_it_shows() -> None:
    actions = actions_of(draw("case.card", CASE))

    value = f"{CASE['id']}:3"
    assert actions["case_send"] == actions["case_edit"] == f"{value}:7"
    assert {"case_reply", "case_resolve", "hand-back", "release"} <= set(actions)
    assert "case_claim" not in actions


@pytest.mark.parametrize("status", ["open", "claimed"])
def test_with_a_public_address_a_case_opens_in_the_console(status: str) -> None:
    url = f"https://help.shop.example/console/cases/{CASE['id']}"

    drawing = draw("case.card", {**CASE, "status": status, "console": url})

    [last] = [each for each in options_of(drawing) if each["text"]["text"] == "Open in console"]
    assert last["url"] == url
    assert problems_of(drawing) == []


def test_without_a_public_address_no_card_leads_to_the_console() -> None:
    drawing = draw("case.card", CASE)

    assert [each for each in options_of(drawing) if "url" in each] == []


def test_without_a_suggestion_there_is_none_to_send() -> None:
    actions = actions_of(draw("case.card", {**CASE, "suggestion": None}))

    assert not {"case_send", "case_edit"} & set(actions)


@pytest.mark.parametrize("status", ["handed_back", "resolved"])
def test_a_case_that_is_over_offers_nothing(status: str) -> None:
    facts = {**CASE, "status": status, "ended_at": NOW}

    assert actions_of(draw("case.card", facts)) == {}


def test_how_a_case_ended_and_was_rated_stands_on_its_card() -> None:
    facts = {**CASE, "status": "resolved", "ended_at": NOW, "end_reason": "refunded", "rating": 4}

    words = words_of(draw("case.card", facts))

    assert "✅ Resolved by <@UMARIA>" in words
    assert "refunded · rated 4 of 5" in words


def test_nothing_that_a_customer_writes_calls_anybody() -> None:
    words = "<!channel> <@UMARIA> <#C1> [pay](http://evil.example)"
    texts = (
        "quote",
        "summary",
        "suggestion",
        "customer_name",
        "reason",
        "draft",
        "proposal",
        "why",
    )
    said = dict.fromkeys((*texts, "text", "name"), words)
    facts = {**CASE, **said, "assignee": None, "files": [], "said_since": [words]}

    drawn = [
        draw("case.card", facts),
        draw("case.up", {**facts, "on_call": None}),
        draw("case.said", {**SAID, **said}),
        draw("approval.card", {**APPROVAL, **said, "said_since": [words]}),
    ]

    shown = [_unheaded(one) for one in drawn]
    calls = ("<!channel", "<@U", "<#C", "<http", "](http")
    assert [call for call in calls if call in "".join(shown)] == []


def _unheaded(drawing: Drawing) -> str:
    """Return all that is read as markup; a header is plain text to Slack."""
    read = [block for block in drawing.blocks if block["type"] != "header"]
    return json.dumps([drawing.text, read], ensure_ascii=False)


def test_a_long_message_can_be_read_whole() -> None:
    drawing = draw("case.card", {**CASE, "quote": "please " * 2_000})

    (button,) = [block["accessory"] for block in drawing.blocks if "accessory" in block]
    assert (button["action_id"], button["value"]) == ("case_show", CASE["id"])


def test_a_proposal_shows_exactly_what_will_be_done_and_what_was_written_since() -> None:
    drawing = draw("approval.card", {**APPROVAL, "said_since": ["do not refund it"]})

    words = words_of(drawing)
    assert "refund 59.90 USD on order 1043" in words
    assert "> do not refund it" in words
    assert actions_of(drawing) == dict.fromkeys(
        ("approval_release", "approval_edit", "approval_reject"), APPROVAL["id"]
    )


def test_a_decided_proposal_says_who_decided_and_what_became_of_it() -> None:
    facts = {**APPROVAL, "status": "released", "decided_by": "UMARIA", "outcome": "done"}

    drawing = draw("approval.card", {**facts, "reference": "RF-1"})

    assert "Approved by <@UMARIA> · for Ana Ruiz · done, RF-1" in words_of(drawing)
    assert actions_of(drawing) == {}


def test_the_last_reminder_calls_those_on_call() -> None:
    facts = {"level": 100, "due_at": NOW, "call": "UMARIA", "on_call": "SONCALL"}

    assert "<@UMARIA> <!subteam^SONCALL>" in draw("case.reminder", facts).text


def test_a_file_links_nowhere_but_to_the_web() -> None:
    files = [{"name": "a", "url": "javascript:alert(1)"}, {"name": "b", "url": "https://x|<!here>"}]

    words = words_of(draw("case.said", {**SAID, "files": files}))

    assert "📎 a" in words
    assert not any(call in words for call in ("<javascript", "<https", "<!here"))
