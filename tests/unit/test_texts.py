from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from ruamel.yaml import YAML

import orchestration.texts
from orchestration.errors import BadInput
from orchestration.shop import LANGUAGES, Shop
from orchestration.texts import Texts, placeholders
from orchestration.types import ORDER_STATUSES

FOLDER = Path(orchestration.texts.__file__).parent
PROMISED = {
    "automated_notice",
    "back_in_queue",
    "canned_failure",
    "capabilities",
    "colleague_checking",
    "done_cancel_order",
    "done_change_address",
    "done_refund",
    "email_noted",
    "goodbye",
    "greeting",
    "handed_over",
    "handed_over_closed",
    "language_unknown",
    "no_such_order",
    "not_understood",
    "order_line",
    "part_checking",
    "part_handed_over",
    "part_handed_over_closed",
    "rating_question",
    "resolved_by_agent",
    "resolved_thanks",
    "sign_in",
    "still_with_us",
    "which_order",
}


def catalogue(language: str) -> dict[str, str]:
    text = (FOLDER / f"{language}.yaml").read_text(encoding="utf-8")
    texts: dict[str, str] = YAML(typ="safe", pure=True).load(text)["texts"]
    return texts


def texts_of(**fields: object) -> Texts:
    return Texts(Shop.model_validate({"name": "Willow & Wren", "bot_name": "Robin", **fields}))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_placeholders(language: str) -> None:
    english = {key: placeholders(text) for key, text in catalogue("en").items()}

    spoken = {key: placeholders(text) for key, text in catalogue(language).items()}

    assert spoken == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_left_in_english(language: str) -> None:
    english, spoken = catalogue("en"), catalogue(language)

    # A list line holds little more than what stands for it.
    same = {key for key, text in spoken.items() if text == english[key]} - {"order_line"}

    assert all(text.strip() == text for text in spoken.values())
    assert not same or language == "en"


def test_the_texts_that_other_parts_say_are_there() -> None:
    keys = catalogue("en")

    assert set(keys) >= PROMISED
    assert {f"status_{status}" for status in ORDER_STATUSES} <= set(keys)
    assert {f"short_{status}" for status in ORDER_STATUSES} <= set(keys)


def test_a_text_names_the_shop_and_the_bot() -> None:
    texts = texts_of()

    said = texts.say("automated_notice", "en")

    assert "Robin" in said
    assert "Willow & Wren" in said


def test_a_region_speaks_its_language() -> None:
    texts = texts_of()

    assert texts.say("goodbye", "pt-BR") == texts.say("goodbye", "pt")


def test_an_unknown_language_gets_the_default_one() -> None:
    texts = texts_of(languages=["fr", "en"])

    assert texts.say("goodbye", "ja") == texts.say("goodbye", "fr")


def test_an_unknown_key_is_an_error() -> None:
    texts = texts_of()

    with pytest.raises(KeyError):
        texts.say("no_such_text", "en")


def test_a_missing_value_is_an_error() -> None:
    texts = texts_of()

    with pytest.raises(KeyError):
        texts.say("no_such_order", "en")


def test_braces_in_a_value_stay_as_they_are() -> None:
    texts = texts_of()

    said = texts.say("part_handed_over", "en", part="{shop} {0}")

    assert "{shop} {0}" in said


def test_the_shops_own_text_replaces_ours_in_the_default_language_alone() -> None:
    texts = texts_of(languages=["de", "en"], texts={"goodbye": "Servus von {shop}!"})

    assert texts.say("goodbye", "de") == "Servus von Willow & Wren!"
    assert texts.say("goodbye", "en") == texts_of().say("goodbye", "en")


def test_the_shops_own_text_may_be_given_per_language() -> None:
    texts = texts_of(texts={"nl": {"no_such_order": "Geen {order}."}})

    assert texts.say("no_such_order", "nl", order="1042") == "Geen 1042."


@pytest.mark.parametrize(
    ("own", "field", "wrong"),
    [
        ({"greting": "Hi"}, "texts.greting", "no text is named 'greting'"),
        ({"de": {"greting": "Hi"}}, "texts.de.greting", "no text is named 'greting'"),
        ({"xx": {"greeting": "Hi"}}, "texts.xx", "not a language"),
        ({"goodbye": "Bye {order}"}, "texts.goodbye", "unknown {order}"),
        ({"goodbye": "Bye {"}, "texts.goodbye", "'{'"),
        ({"goodbye": "Bye {shop:>9}"}, "texts.goodbye", "takes no format"),
        ({"goodbye": "Bye {shop.name}"}, "texts.goodbye", "unknown {shop.name}"),
        ({"goodbye": "Bye {}"}, "texts.goodbye", "unknown {}"),
        ({"goodbye": " "}, "texts.goodbye", "is empty"),
    ],
)
def test_a_wrong_text_of_the_shops_own_is_refused_by_name(
    own: dict[str, object], field: str, wrong: str
) -> None:
    with pytest.raises(BadInput) as refused:
        texts_of(texts=own)

    assert refused.value.field == field
    assert wrong in str(refused.value)


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "Sunday 1 November 2026"),
        ("de", "1. November 2026"),
        ("fr", "dimanche 1er novembre 2026"),
        ("es", "domingo 1 de noviembre de 2026"),
        ("it", "domenica 1º novembre 2026"),
        ("nl", "zondag 1 november 2026"),
        ("pt", "1º de novembro de 2026"),
    ],
)
def test_a_day_is_written_as_its_language_writes_it(language: str, written: str) -> None:
    texts = texts_of()

    assert texts.date(date(2026, 11, 1), language) == written


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "Monday 23 November 2026 at 09:05"),
        ("de", "23. November 2026 um 9:05 Uhr"),
        ("fr", "lundi 23 novembre 2026 à 9 h 05"),
        ("es", "lunes 23 de noviembre de 2026 a las 09:05 h"),
        ("it", "lunedì 23 novembre 2026 alle ore 9:05"),
        ("nl", "maandag 23 november 2026 om 9:05 uur"),
        ("pt", "23 de novembro de 2026, às 09:05"),
    ],
)
def test_a_moment_is_written_in_the_zone_asked_for(language: str, written: str) -> None:
    texts = texts_of()
    moment = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)

    assert texts.time(moment, language, ZoneInfo("Europe/Berlin")) == written
