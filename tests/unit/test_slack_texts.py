"""Texts on their way to Slack: harmless, and cut to what it takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.slack.blocks import reply
from integrations.channels.slack.texts import JOINER, disarm, escape, shorten, split
from tests.fakes import slack_blocks

DOMAINS = ("shop.example",)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!channel> look", f"<{JOINER}!channel> look"),
        ("<!here|here>", f"<{JOINER}!here|here>"),
        ("hi <@U0ANA>", f"hi <{JOINER}@U0ANA>"),
        ("see <#C0SECRET|secret>", f"see <{JOINER}#C0SECRET|secret>"),
        ("@channel and @here", f"@{JOINER}channel and @{JOINER}here"),
        ("<https://evil.example|our shop>", f"our shop (https{JOINER}://evil.example)"),
        ("[our shop](https://evil.example)", f"our shop (https{JOINER}://evil.example)"),
        ("![](https://evil.example/p.png)", f"https{JOINER}://evil.example/p.png"),
        ("[x]: https://evil.example", f"[x]{JOINER}: https{JOINER}://evil.example"),
        ("https://evil.example/a", f"https{JOINER}://evil.example/a"),
        ("www.evil.example", f"www{JOINER}.evil.example"),
        ("mailto:a@evil.example", f"mailto{JOINER}:a@evil.example"),
        ("slack://user?id=U1", f"slack{JOINER}://user?id=U1"),
        ("https://shop.example@evil.example/", f"https{JOINER}://shop.example@evil.example/"),
        ("https://shop.example.evil.example", f"https{JOINER}://shop.example.evil.example"),
        ("https://shop.example/returns", "https://shop.example/returns"),
        ("see https://help.shop.example/a.", "see https://help.shop.example/a."),
        ("[returns](https://shop.example/r)", "returns (https://shop.example/r)"),
        ("5 < 7 and **bold**", "5 < 7 and **bold**"),
    ],
)
def test_what_others_write_mentions_nobody_and_links_nowhere(written: str, shown: str) -> None:
    assert disarm(written, link_domains=DOMAINS) == shown


@given(st.text(alphabet="<>@!#|[]()/:.hrefw a\n", max_size=60))
def test_no_text_keeps_a_command_or_a_labelled_link(text: str) -> None:
    harmless = disarm(text)

    assert not any(command in harmless for command in ("<@", "<#", "<!"))
    assert "](http" not in harmless


@given(st.text(alphabet="ab \n", max_size=300), st.integers(min_value=4, max_value=40))
def test_the_pieces_hold_every_word_and_are_short_enough(text: str, most: int) -> None:
    pieces = split(text, most)

    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece) <= most for piece in pieces)


def test_a_text_is_cut_between_paragraphs_where_it_can_be() -> None:
    assert split("one two\n\nthree", 12) == ["one two", "three"]
    assert split("one two three", 10) == ["one two", "three"]
    assert split("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert split("") == [""]


def test_a_shortened_text_says_that_something_is_missing() -> None:
    assert shorten("0123456789", 5) == "0123…"
    assert shorten("0123", 5) == "0123"
    assert escape("a & <b>") == "a &amp; &lt;b&gt;"


@pytest.mark.parametrize("text", ["", "hello", "word " * 10_000, "<!channel>" * 2_000, "\n" * 50])
def test_every_reply_keeps_to_slacks_limits(text: str) -> None:
    message = {
        "id": "m-1",
        "author": "bot",
        "text": text,
        "citations": [
            {"id": "a", "title": "Returns <!here> | more", "url": "https://shop.example/r"},
            {"id": "b", "title": "x" * 5_000, "url": "https://evil.example"},
        ],
    }

    drawings = reply(message, "c-1", link_domains=DOMAINS)

    for drawing in drawings:
        assert slack_blocks.problems(drawing.blocks) == []
        assert drawing.text
    assert "evil.example" not in str(drawings)


def test_an_agent_signs_and_thumbs_stand_below_the_bots_words_alone() -> None:
    (bot,) = reply({"id": "m", "author": "bot", "text": "hello"}, "c-1")
    (agent,) = reply({"id": "m", "author": "agent", "author_name": "Maria", "text": "hi"}, "c-1")
    (notice,) = reply({"author": "system", "text": "I have written to you"}, "c-1")

    assert [block["type"] for block in bot.blocks][-1] in ("context_actions", "actions")
    assert agent.blocks[0]["elements"][0]["text"] == "Maria"
    assert [block["type"] for block in notice.blocks] == ["markdown"]
