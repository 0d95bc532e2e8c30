from pathlib import Path

import pytest
from ruamel.yaml import YAML

import orchestration.responses
from orchestration import responses
from orchestration.errors import NotFound
from orchestration.responses import phrases
from orchestration.shop import LANGUAGES, Shop
from orchestration.texts import Texts
from orchestration.types import Memory
from tests.fakes.questions import ANA, TEXTS, FakeIndex, draft_of, first_answer, question


def test_an_unknown_responder_is_named() -> None:
    with pytest.raises(NotFound, match="no responder named 'oracle'"):
        draft_of("oracle", question("hi"))


def test_a_responder_that_the_intent_does_not_name_abstains() -> None:
    asked = question("hi", "greeting", responders=["knowledge"])

    assert draft_of("template", asked) is None


def test_ana_asks_for_her_orders_and_their_return_without_a_model() -> None:
    talk = [
        ("where is my order?", "order_status", ()),
        ("1042", "other", ("1042",)),
        ("and the other one?", "other", ()),
        ("can I return it?", "returns", ()),
        ("thanks", "other", ()),
    ]
    memory, drafts = Memory(), []

    for text, intent, numbers in talk:
        asked = question(text, intent, orders=ANA, memory=memory, numbers=numbers)
        drafts.append(first_answer(asked))
        memory = drafts[-1].memory

    listed, first, other, returns, thanks = drafts
    assert listed.text == (
        "Which order do you mean? Please send me its number.\n"
        "• 1042, ordered on Wednesday 18 November 2026: on its way\n"
        "• 1043, ordered on Monday 9 November 2026: delivered"
    )
    assert first.text == (
        "Your order 1042 is on its way and is expected on Monday 23 November 2026. "
        "The tracking number is TRK-1042."
    )
    assert other.text == "Your order 1043 was delivered on Friday 13 November 2026."
    assert returns.text == (
        "You can return most items within 30 days of delivery\n\n"
        "Your order 1043 was delivered on Friday 13 November 2026; "
        "counted from then, the 30 days end on Sunday 13 December 2026.\n\n"
        "Source: Returning something"
    )
    assert [citation.id for citation in returns.citations] == ["returns"]
    assert thanks.text == TEXTS.say("resolved_thanks", "en")
    assert [draft.closes for draft in drafts] == [False, False, False, False, True]
    assert [draft.responder for draft in drafts] == [
        "order_status",
        "order_status",
        "order_status",
        "knowledge",
        "template",
    ]


def test_the_same_talk_works_in_german() -> None:
    talk = [
        ("Wo ist meine Bestellung?", "order_status", ()),
        ("1042", "other", ("1042",)),
        ("und die andere?", "other", ()),
        ("Kann ich die zurückgeben?", "returns", ()),
        ("Vielen Dank!", "other", ()),
    ]
    memory, drafts = Memory(), []

    for text, intent, numbers in talk:
        # A bare number is in no language, so a classifier guesses.
        language = "nl" if numbers else "de"
        asked = question(
            text, intent, orders=ANA, memory=memory, numbers=numbers, language=language
        )
        drafts.append(first_answer(asked))
        memory = drafts[-1].memory

    assert [draft.language for draft in drafts] == ["de"] * 5
    assert "am 23. November 2026 erwartet" in drafts[1].text
    assert drafts[2].text == "Ihre Bestellung 1043 wurde am 13. November 2026 zugestellt."
    assert "enden die 30 Tage am 13. Dezember 2026" in drafts[3].text
    assert drafts[4].closes


@pytest.mark.parametrize("name", list(responses.RESPONDERS))
def test_a_language_that_the_shop_does_not_speak_is_left_to_a_human(name: str) -> None:
    asked = question("注文はどこですか", orders=ANA, language="ja")

    assert draft_of(name, asked) is None


def test_a_shipped_language_that_the_shop_does_not_offer_is_left_to_a_human() -> None:
    shop = Shop(name="Corner Shop", languages=("en",))
    asked = question("Wo ist meine Bestellung?", orders=ANA, language="de")

    drafts = [
        responses.answer(name, asked, texts=Texts(shop), shop=shop, index=FakeIndex())
        for name in responses.RESPONDERS
    ]

    assert drafts == [None, None, None]


def test_every_language_knows_the_same_kinds_of_phrases() -> None:
    path = Path(orchestration.responses.__file__).with_name("phrases.yaml")
    known = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))

    kinds = {language: set(phrases_of) for language, phrases_of in known.items()}

    assert set(kinds) == set(LANGUAGES)
    assert all(of_language == kinds["en"] for of_language in kinds.values())


def test_phrases_are_written_as_they_are_compared() -> None:
    path = Path(orchestration.responses.__file__).with_name("phrases.yaml")
    known = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))

    written = [
        phrase
        for kinds in known.values()
        for phrases_of in kinds.values()
        if isinstance(phrases_of, list)
        for phrase in phrases_of
    ]

    assert [phrase for phrase in written if phrases.plain(phrase) != phrase] == []
