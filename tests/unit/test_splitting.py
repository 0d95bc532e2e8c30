"""Messages with one request stay whole; those with several come apart in the right place."""

from datetime import UTC, datetime

import pytest

from orchestration.classification.facts import Facts
from orchestration.classification.splitting import Request, split

FACTS = Facts(now=datetime(2026, 11, 23, tzinfo=UTC), order_number=r"\b\d{4}\b")


def texts(message: str) -> list[str]:
    return [request.text for request in split(message, FACTS)]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("cancel 1043 and where is 1042?", ["cancel 1043", "where is 1042?"]),
        ("Where is 1042? Cancel 1043.", ["Where is 1042?", "Cancel 1043."]),
        ("hi, cancel 1043 please. And where's 1042", ["hi, cancel 1043 please.", "where's 1042"]),
        ("cancel 1043\nwhere is 1042", ["cancel 1043", "where is 1042"]),
        ("cancel 1043 and refund 1042", ["cancel 1043", "refund 1042"]),
        (
            "where is my order 1042 and can I return it?",
            ["where is my order 1042", "can I return it?"],
        ),
        (
            "I want to cancel 1043 and know where 1042 is",
            ["I want to cancel 1043", "know where 1042 is"],
        ),
        (
            "Where is 1042? If it hasn't shipped, cancel it.",
            ["Where is 1042?", "If it hasn't shipped, cancel it."],
        ),
        (
            "Cancel 1043. My order 1042 was due yesterday. Where is it?",
            ["Cancel 1043.", "My order 1042 was due yesterday. Where is it?"],
        ),
        (
            "where is 1042? cancel 1043. and where's 1044?",
            ["where is 1042? where's 1044?", "cancel 1043."],
        ),
        (
            "1. where is 1042\n2. cancel 1043\n3. send me the invoice for 1044",
            ["where is 1042", "cancel 1043", "send me the invoice for 1044"],
        ),
        ("- where is 1042\n- cancel 1043", ["where is 1042", "cancel 1043"]),
        (
            "Do you ship to France and what are your opening hours?",
            ["Do you ship to France", "what are your opening hours?"],
        ),
        (
            "please reset my password, also I need an invoice",
            ["please reset my password", "I need an invoice"],
        ),
        ("change my address and cancel order 1043", ["change my address", "cancel order 1043"]),
        (
            "where is 1042?? I will sue you! cancel 1043",
            ["where is 1042?? I will sue you!", "cancel 1043"],
        ),
        (
            "Why was I charged twice for 1043? And where is 1042?",
            ["Why was I charged twice for 1043?", "where is 1042?"],
        ),
        (
            "Is 1042 on its way? Can you change the address to 12 Main Street?",
            ["Is 1042 on its way?", "Can you change the address to 12 Main Street?"],
        ),
        (
            "I'd like an invoice for 1042 and to know when 1043 arrives",
            ["I'd like an invoice for 1042", "to know when 1043 arrives"],
        ),
        (
            "Je voudrais savoir où en est 1042 et changer l'adresse de la 1043",
            ["Je voudrais savoir où en est 1042", "changer l'adresse de la 1043"],
        ),
        ("Storniere 1043 und wo ist 1042?", ["Storniere 1043", "wo ist 1042?"]),
        ("Wo ist 1042? Bitte stornieren Sie 1043.", ["Wo ist 1042?", "Bitte stornieren Sie 1043."]),
        (
            "Ich möchte 1043 stornieren und wissen, wo 1042 ist",
            ["Ich möchte 1043 stornieren und wissen", "wo 1042 ist"],
        ),
        (
            "Bonjour, annulez 1043 svp et où est 1042 ?",
            ["Bonjour, annulez 1043 svp", "où est 1042 ?"],
        ),
        (
            "Où est ma commande 1042 et je voudrais annuler la 1043",
            ["Où est ma commande 1042", "je voudrais annuler la 1043"],
        ),
        (
            "¿Dónde está 1042? Quiero cancelar el pedido 1043 por favor",
            ["¿Dónde está 1042?", "Quiero cancelar el pedido 1043 por favor"],
        ),
        (
            "Cancele el pedido 1043 y ¿dónde está el 1042?",
            ["Cancele el pedido 1043", "¿dónde está el 1042?"],
        ),
        (
            "Dov'è il mio ordine 1042 e vorrei annullare 1043",
            ["Dov'è il mio ordine 1042", "vorrei annullare 1043"],
        ),
        ("Annullate 1043 e dov'è 1042?", ["Annullate 1043", "dov'è 1042?"]),
        ("Waar is 1042 en graag 1043 annuleren", ["Waar is 1042", "graag 1043 annuleren"]),
        ("Annuleer 1043 en waar blijft 1042?", ["Annuleer 1043", "waar blijft 1042?"]),
        (
            "Onde está o pedido 1042 e quero cancelar o 1043",
            ["Onde está o pedido 1042", "quero cancelar o 1043"],
        ),
        ("Cancele o pedido 1043 e cadê o 1042?", ["Cancele o pedido 1043", "cadê o 1042?"]),
    ],
)
def test_a_message_with_several_requests_comes_apart(message: str, parts: list[str]) -> None:
    assert texts(message) == parts


@pytest.mark.parametrize(
    "message",
    [
        "",
        "?",
        "hi, where is 1042?",
        "I ordered 1042 and 1043, where are they?",
        "where are 1042 and 1043?",
        "where is 1042 and where is 1043?",
        "cancel 1042 and 1043",
        "cancel 1042 and also cancel 1043 please",
        "cancel my order and refund me",
        "I want to return my shoes and get a refund",
        "I returned 1042, where is my refund?",
        "I was charged twice for 1042, where is it?",
        "Why was I charged twice for 1042? I want a refund",
        "I cancelled 1043 and want my money back",
        "My order 1042 has not shipped and I want a refund",
        "My refund has not shown up in my account. Where is it?",
        "I tried to cancel 1043 but it did not work, where is 1042?",
        "don't cancel 1043, where is 1042",
        "cancel or change my order 1043",
        "Can you tell me where 1042 is, otherwise cancel it",
        "Where is 1042, do you have any update?",
        "Where is 1042? I need it tomorrow. Thanks!",
        "Where is 1042? I ordered it last week and paid by card.",
        "please cancel 1043 because I don't know when it will arrive",
        "thanks and bye",
        "hello and good morning, I have a question",
        "The invoice says 59.90, where is 1042?",
        "I got the discount code, where is 1042?",
        "It arrived and then broke, and the colour was wrong and I am angry",
        "I will return 1043 tomorrow, where is 1042?",
        "Wo ist meine Bestellung 1042 und wann kommt sie?",
        "Ich habe 1043 storniert, wo ist mein Geld?",
        "Wenn 1042 noch nicht verschickt ist, bitte stornieren",
        "Ich möchte 1043 stornieren und mein Geld zurück",
        "Où est ma commande 1042 et quand arrive-t-elle ?",
        "J'ai annulé 1043, où est la commande 1042 ?",
        "Je veux annuler 1043 et être remboursé",
        "¿Dónde está mi pedido 1042 y cuándo llega?",
        "Quiero devolver 1043 y el reembolso",
        "Dov'è il mio ordine 1042 e quando arriva?",
        "Vorrei annullare 1043 e il rimborso",
        "Waar is mijn bestelling 1042 en wanneer komt hij?",
        "Ik wil 1043 annuleren en mijn geld terug",
        "Onde está o meu pedido 1042 e quando chega?",
        "Quero cancelar o 1043 e o reembolso",
    ],
)
def test_a_message_with_one_request_stays_whole(message: str) -> None:
    assert split(message, FACTS) == (Request(text=message),)


@pytest.mark.parametrize(
    ("message", "orders"),
    [
        ("where is my order 1042 and can I return it?", [(), ("1042",)]),
        ("where is 1042? I want a refund for it", [(), ("1042",)]),
        ("where are 1042 and 1043 and can I return them?", [(), ("1042", "1043")]),
        ("where is 1042 and what are your opening hours?", [(), ()]),
        ("where is 1042? And can I return my other order?", [(), ()]),
        ("where is my parcel and cancel 1043", [(), ()]),
        ("Wo ist 1042 und kann ich sie stornieren?", [(), ("1042",)]),
    ],
)
def test_an_order_named_before_goes_with_the_part_that_needs_it(
    message: str, orders: list[tuple[str, ...]]
) -> None:
    assert [request.orders for request in split(message, FACTS)] == orders


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("1043. And what are your opening hours?", ["1043.", "what are your opening hours?"]),
        ("It's 1043 please. Cancel 1042", ["It's 1043 please.", "Cancel 1042"]),
        ("1043, and when will it arrive?", ["1043, and when will it arrive?"]),
        ("1043 and 1042", ["1043 and 1042"]),
    ],
)
def test_a_number_we_have_asked_for_is_an_answer_of_its_own(message: str, parts: list[str]) -> None:
    answered = split(message, FACTS, awaits_order=True)

    assert [request.text for request in answered] == parts
    assert len(split("1043. And what are your opening hours?", FACTS)) == 1


@pytest.mark.parametrize(
    "message",
    [
        "where is 1042? I want to kill myself. cancel 1043",
        "cancel 1043 and where is 1042? I will hurt you",
    ],
)
def test_where_a_life_may_be_at_risk_nothing_is_cut(message: str) -> None:
    assert len(split(message, FACTS)) == 1


def test_a_letter_is_read_as_a_whole() -> None:
    letter = "cancel 1043 and where is 1042? " + "It is a long story. " * 200

    assert len(split(letter, FACTS)) == 1


def test_more_requests_than_anybody_has_come_apart_all_the_same() -> None:
    message = (
        "where is 1042? cancel 1043. I want to change my address. I need an invoice. "
        "Do you ship to France? How can I reset my password?"
    )

    assert len(split(message, FACTS)) == 6
