"""What events of Slack mean, read without asking anybody."""

from typing import Any

import pytest

from bot.slack.events import Heard, read

TEAM, BOT, ANA = "T0SHOP", "U0BOT", "U0ANA"


def heard(event: dict[str, Any]) -> Heard:
    body = {
        "team_id": TEAM,
        "event_id": "Ev1",
        "event": event,
        "authorizations": [{"user_id": BOT, "is_bot": True}],
    }
    return read(body)


def message(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "user": ANA,
        "text": text,
        "ts": "17.000200",
        "channel": "D0ANA",
        "channel_type": "im",
        **more,
    }


def in_channel(text: str, **more: Any) -> dict[str, Any]:
    return message(text, **{"channel": "C0GENERAL", "channel_type": "channel", **more})


def test_a_direct_message_may_go_on_with_what_there_is() -> None:
    found = heard(message())

    assert found.kind == "message"
    assert found.incoming is not None
    assert found.incoming.source_id == "D0ANA:17.000200"
    assert (found.incoming.joins, found.incoming.answers) == ("newest", None)
    assert (found.incoming.reply_to, found.incoming.private_to) == ("D0ANA/17.000200", None)


def test_a_message_in_a_thread_belongs_to_what_stands_above_it() -> None:
    found = heard(message(thread_ts="16.000100"))

    assert found.incoming is not None
    assert found.incoming.answers == "D0ANA:16.000100"
    assert found.incoming.reply_to == "D0ANA/16.000100"


def test_a_mention_begins_a_conversation_of_its_author_in_its_thread() -> None:
    found = heard({**in_channel(f"<@{BOT}> where is 1042?"), "type": "app_mention"})

    assert found.incoming is not None
    assert found.incoming.text == "where is 1042?"
    assert found.incoming.conversation == f"{TEAM}:C0GENERAL:17.000200:{ANA}"
    assert (found.incoming.joins, found.incoming.private_to) == ("named", f"@{ANA}")


def test_in_a_channel_only_a_known_thread_is_listened_to() -> None:
    below = heard(in_channel("and 1043?", thread_ts="16.000100"))
    beside = heard(in_channel("lunch?"))

    assert below.incoming is not None
    assert below.incoming.joins == "known"
    assert beside.kind == "foreign"


@pytest.mark.parametrize(
    "event",
    [
        message(bot_id="B0OTHER"),
        message(subtype="bot_message"),
        message(subtype="channel_join"),
        message(user=BOT),
        message(user=None),
        {
            **message(subtype="message_changed"),
            "message": {"ts": "1.0", "text": "x", "bot_id": "B", "edited": {}},
        },
        {**message(subtype="message_changed"), "message": {"ts": "1.0", "text": "unfurled"}},
    ],
)
def test_what_no_person_wrote_is_not_for_us(event: dict[str, Any]) -> None:
    assert heard(event).kind == "foreign"


def test_edits_and_deletions_name_the_message_they_change() -> None:
    edit = heard(
        {
            **in_channel("", subtype="message_changed"),
            "message": {"ts": "1.5", "text": f"<@{BOT}> 1042", "edited": {"ts": "2.0"}},
            "previous_message": {"ts": "1.5", "text": f"<@{BOT}> 1043"},
        }
    )
    gone = heard({**message(subtype="message_deleted"), "deleted_ts": "1.5"})
    tombstone = heard(
        {
            **message(subtype="message_changed"),
            "message": {"ts": "1.5", "subtype": "tombstone", "text": "gone"},
        }
    )

    assert (edit.kind, edit.source_id, edit.text) == ("edit", "C0GENERAL:1.5", "1042")
    assert (gone.kind, gone.source_id) == ("deletion", "D0ANA:1.5")
    assert (tombstone.kind, tombstone.source_id) == ("deletion", "D0ANA:1.5")


def test_somebody_from_elsewhere_is_known_by_their_own_team() -> None:
    found = heard(message(user_team="T0OTHER"))

    assert found.incoming is not None
    assert found.incoming.sender.source == "slack:T0OTHER"
    assert found.incoming.source == f"slack:{TEAM}"
    assert not found.incoming.sender.verified


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("5 &lt; 7 &amp; more", "5 < 7 & more"),
        ("<mailto:ana@example.com|ana@example.com>", "ana@example.com"),
        ("<tel:+4930123|+49 30 123>", "+49 30 123"),
        ("<https://shop.example/a>", "https://shop.example/a"),
        ("<http://shop.example|shop.example>", "http://shop.example"),
        ("<https://shop.example/a|this one>", "this one (https://shop.example/a)"),
        ("<#C1|general> and <!subteam^S1|@team>", "general and @team"),
    ],
)
def test_slacks_markup_is_read_as_what_was_written(written: str, read_as: str) -> None:
    found = heard(message(written))

    assert found.incoming is not None
    assert found.incoming.text == read_as


def test_stop_names_its_place() -> None:
    found = heard({"type": "agent_session_stopped", "channel": "D0ANA", "thread_ts": "1.5"})

    assert (found.kind, found.place) == ("stop", ("D0ANA", "1.5"))
