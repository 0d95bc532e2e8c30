from datetime import timedelta

import pytest

from orchestration.responses import phrases
from orchestration.types import Memory, Order
from tests.fakes.questions import (
    ANA,
    BEN,
    NOW,
    RETURNS,
    FakeIndex,
    answer,
    draft_of,
    order,
    question,
)


def test_a_question_is_answered_with_the_articles_own_words() -> None:
    draft = answer("knowledge", question("how do returns work?", "returns"))

    assert draft.text == (
        "You can return most items within 30 days of delivery\n\nSource: Returning something"
    )
    assert draft.evidence[0].text.endswith(RETURNS.text)
    assert draft.confidence == 0.8
    assert draft.memory.last_intent == "returns"


def test_an_article_that_is_not_near_enough_is_not_quoted() -> None:
    asked = question("how do returns work?", "returns")

    assert draft_of("knowledge", asked, FakeIndex(score=0.49)) is None


def test_an_article_in_another_language_is_not_quoted() -> None:
    asked = question("comment faire un return?", "returns", language="fr")

    assert draft_of("knowledge", asked) is None


def test_a_named_order_is_counted_from_its_delivery() -> None:
    asked = question("may I send back 1043? return?", "returns", orders=ANA, numbers=["1043"])

    draft = answer("knowledge", asked)

    assert "the 30 days end on Sunday 13 December 2026" in draft.text
    assert "30 days from delivery: 2026-12-13" in draft.evidence[1].text


def test_days_that_are_over_are_said_to_be_over() -> None:
    old = order("1", "delivered", delivered_at=NOW - timedelta(days=31))

    asked = question("can I return it?", "returns", orders=[old], memory=Memory(last_order="1"))

    assert "the 30 days ended on Friday 20 November 2026" in answer("knowledge", asked).text


@pytest.mark.parametrize(
    ("text", "memory", "orders"),
    [
        ("what is your return policy?", Memory(last_order="1043"), ANA),
        ("can I return it?", Memory(), ANA),
        ("can I return it?", Memory(last_order="1042"), ANA),
        ("can I return it?", Memory(last_order="1043"), BEN),
    ],
)
def test_no_day_is_counted_where_no_delivered_order_is_meant(
    text: str, memory: Memory, orders: tuple[Order, ...]
) -> None:
    draft = answer("knowledge", question(text, "returns", memory=memory, orders=orders))

    assert draft.text.count("\n\n") == 1
    assert [item.kind for item in draft.evidence] == ["article"]


@pytest.mark.parametrize(
    ("text", "language", "days"),
    [
        ("You can return it within 30 days of delivery.", "en", 30),
        ("After delivery you have 14 days to return it.", "en", 14),
        ("We deliver within 3 days.", "en", None),
        ("Return it within 30 working days of delivery.", "en", None),
        ("Return within 30 days of delivery. Or return shoes 60 days after delivery.", "en", None),
        ("Rückgabe binnen 30 Tagen nach Zustellung.", "de", 30),
        ("Les retours sont acceptés 30 jours après la livraison.", "fr", 30),
        ("Puede devolver los artículos durante 30 días desde la entrega.", "es", 30),
        ("È possibile restituire i prodotti entro 30 giorni dalla consegna.", "it", 30),
        ("Retourneren kan binnen 30 dagen na bezorging.", "nl", 30),
        ("Pode devolver os artigos até 30 dias após a entrega.", "pt", 30),
    ],
)
def test_the_days_to_return_are_read_where_an_article_states_one_number(
    text: str, language: str, days: int | None
) -> None:
    found = phrases.days_to_return(text, language)

    assert found == days


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Can I still send this back?", "en"),
        ("Kann ich sie noch zurückschicken?", "de"),
        ("Puis-je la retourner ?", "fr"),
        ("¿Puedo devolverlo?", "es"),
        ("Posso restituirlo?", "it"),
        ("Kan ik het terugsturen?", "nl"),
        ("Posso devolvê-lo?", "pt"),
    ],
)
def test_sending_back_one_thing_is_understood_in_every_language(text: str, language: str) -> None:
    assert phrases.points_at_return(text, language)
