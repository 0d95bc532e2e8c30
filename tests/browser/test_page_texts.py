"""What the chat page says, in every language the shop may choose."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "bot" / "chat" / "page"
LANGUAGES = ("de", "es", "fr", "it", "nl", "pt")
BLANK = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_everything_that_english_says(language: str) -> None:
    english, other = read("en"), read(language)

    assert list(other) == list(english)
    assert [len(flat(text)) > 0 for text in other.values()] == [True] * len(english)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_fills_the_same_blanks(language: str) -> None:
    english, other = read("en"), read(language)

    assert blanks(other) == blanks(english)


def test_the_page_asks_only_for_texts_that_there_are() -> None:
    asked = re.findall(r"\w+:(\w+)", " ".join(re.findall(r'data-words="([^"]+)"', source("html"))))
    said = re.findall(r"(?:texts\.|say\(\")(\w+)", source("js"))

    assert set(asked) | set(said) <= set(read("en")) | {"json"}


def test_no_text_is_left_that_nobody_asks_for() -> None:
    everything = source("html") + source("js")

    # A state of the conversation is itself the key of what the banner says.
    states = {"escalated", "assigned", "resolved"}
    unused = {key for key in read("en") if not re.search(rf"\b{key}\b", everything)} - states
    assert unused == set()


def read(language: str) -> dict[str, Any]:
    texts: dict[str, Any] = json.loads((PAGE / f"texts.{language}.json").read_text("utf-8"))
    return texts


def flat(text: Any) -> str:
    return text if isinstance(text, str) else " ".join(text)


def blanks(texts: dict[str, Any]) -> dict[str, list[str]]:
    return {key: sorted(BLANK.findall(flat(text))) for key, text in texts.items()}


def source(suffix: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(PAGE.glob(f"*.{suffix}")))
