import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.masking import (
    CARD,
    CODE,
    EMAIL,
    IBAN,
    PHONE,
    SECRET,
    mask,
    mask_json,
    mask_name,
    redact,
)

HOSTILE = 65_536
NETWORKS = (("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("36", 14))
GAPS = ("", " ", "-", "\u00a0", " - ")


def check_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


@st.composite
def cards(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(NETWORKS))
    count = length - len(prefix) - 1
    middle = draw(st.text("0123456789", min_size=count, max_size=count))
    number = prefix + middle + check_digit(prefix + middle)
    size, gap = draw(st.integers(1, 6)), draw(st.sampled_from(GAPS))
    return gap.join(number[place : place + size] for place in range(0, length, size))


def digits_of(text: str) -> str:
    return re.sub(r"\D", "", text)


@pytest.mark.parametrize(
    "text",
    [
        "My card is 4111 1111 1111 1111.",
        "4111-1111-1111-1111",
        "5555555555554444 was charged twice",
        "Amex 3782 822463 10005",
        "VISA4111111111111111",
        "4111\u200b1111\u200b1111\u200b1111",
    ],
)
def test_a_card_number_is_masked_however_it_is_grouped(text: str) -> None:
    masked = mask(text)

    assert CARD in masked
    assert not digits_of(masked)


def test_only_the_card_is_taken_out_of_a_sentence() -> None:
    text = "Order 1042 was paid with 4111 1111 1111 1111 on 2026-11-24, 59.90 €."

    masked = mask(text)

    assert masked == f"Order 1042 was paid with {CARD} on 2026-11-24, 59.90 €."


@pytest.mark.parametrize(
    "text",
    [
        "order 1042",
        "orders 1042 1043 1044 1045",
        "3348917502",
        "1Z999AA10123456784",
        "tracking number 4111111111111111",
        "Sendungsnummer: 6011000990139424",
        "4111 1111 1111 1112",
        "2026-11-24 2026-11-25 2026-12-01",
        "TRK-1042 is due 24.11.2026",
        "call +44 20 7946 0958",
    ],
)
def test_order_numbers_tracking_ids_and_dates_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("cvv 123", f"cvv {CODE}"),
        ("CVC: 9876", f"CVC: {CODE}"),
        ("my cvv2 is 123.", f"my cvv2 is {CODE}."),
        ("123 is the cvc", f"{CODE} is the cvc"),
        ("Prüfnummer lautet 123", f"Prüfnummer lautet {CODE}"),
        ("le code de sécurité est 123", f"le code de sécurité est {CODE}"),
        ("código de seguridad: 123", f"código de seguridad: {CODE}"),
        ("codice di sicurezza 123", f"codice di sicurezza {CODE}"),
        ("beveiligingscode is 123", f"beveiligingscode is {CODE}"),
    ],
)
def test_a_security_code_is_masked_near_its_word(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my password is hunter2.", f"my password is {SECRET}."),
        ("Password: 'correct horse'", f"Password: {SECRET}"),
        ("PIN 4321", f"PIN {SECRET}"),
        ("my pin code is 4321!", f"my pin code is {SECRET}!"),
        ("Mein Passwort lautet geheim", f"Mein Passwort lautet {SECRET}"),
        ("mon mot de passe est soleil", f"mon mot de passe est {SECRET}"),
        ("mi contraseña es gato", f"mi contraseña es {SECRET}"),
        ("la mia password è gatto", f"la mia password è {SECRET}"),
        ("mijn wachtwoord is kat", f"mijn wachtwoord is {SECRET}"),
        ("minha senha é gato", f"minha senha é {SECRET}"),
        ("api key=sk-abc123", f"api key={SECRET}"),
    ],
)
def test_a_secret_is_masked_after_its_word_in_seven_languages(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "my password is not working",
        "I forgot my password for order 1042",
        "mein Passwort ist falsch",
        "mi contraseña no funciona",
        "how do I reset my password?",
        "the pin is broken",
        "a tan is what I want",
    ],
)
def test_talk_about_a_password_is_left_alone(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "account",
    ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "fr14 2004 1010 0505 0001 3m02 606"],
)
def test_a_valid_iban_is_masked(account: str) -> None:
    assert mask(f"pay to {account}, please") == f"pay to {IBAN}, please"


def test_an_iban_with_a_wrong_check_number_stays() -> None:
    text = "DE88 3704 0044 0532 0130 00"

    assert mask(text) == text


def test_redacting_also_hides_addresses_and_phones_but_no_order_number() -> None:
    text = "ana@example.com, +44 20 7946 0958 or (555) 123-4567 about 1042 and 1043 of 2026-11-24"

    redacted = redact(text)

    assert redacted == f"{EMAIL}, {PHONE} or {PHONE} about 1042 and 1043 of 2026-11-24"


@given(cards(), st.text(max_size=30), st.text(max_size=30))
def test_no_card_with_a_right_check_digit_survives(card: str, before: str, after: str) -> None:
    masked = mask(f"{before}\n{card}\n{after}")

    assert card not in masked


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)

    assert mask(once) == once


SNIPPETS = st.sampled_from(
    [
        *(
            "cvv",
            "password",
            "PIN",
            "is",
            ":",
            " ",
            "[",
            "]",
            CARD,
            CODE,
            SECRET,
            IBAN,
            "123",
            "4321",
        ),
        *("4111 1111 1111 1111", "DE89370400440532013000", "-", ",", "x", "é", "\n", "a@b.example"),
        *("4111", "1111", "order", "tracking number", "security code", "'"),
    ]
)


@settings(max_examples=200)
@given(st.lists(SNIPPETS, max_size=14).map("".join))
def test_masking_and_redacting_are_stable_on_what_they_look_for(text: str) -> None:
    once, hidden = mask(text), redact(text)

    assert mask(once) == once
    assert redact(hidden) == hidden


@given(st.text(st.characters(exclude_categories=("Nd", "Cs")), max_size=200))
def test_a_text_without_digits_and_secret_words_stays_byte_for_byte(text: str) -> None:
    if not re.search(
        r"pass|pwd|pin|key|code|token|contra|clave|wacht|senha|palavra|wort|secret", text, re.I
    ):
        assert mask(text) == text


@pytest.mark.parametrize("function", [mask, redact])
@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "1 ",
            "4",
            "4 ",
            "1-",
            "a",
            "a.a",
            "a@",
            "+1(",
            "(",
            "'",
            "is ",
            "123 ",
            "4111 1111 1111 1111 ",
        ),
        *("password ", "password: ", "cvv ", "cvv is ", "pin :", "DE89 ", "DE89", "security code "),
    ],
)
def test_the_time_for_64_kb_grows_no_faster_than_the_text(
    function: Callable[[str], str], pattern: str
) -> None:
    def seconds(size: int) -> float:
        text = (pattern * (size // len(pattern) + 1))[:size]
        start = time.thread_time()
        function(text)
        return time.thread_time() - start

    quarter = min(seconds(HOSTILE // 4) for _ in range(2))
    whole = seconds(HOSTILE)

    # A quadratic expression would take sixteen times as long.
    assert whole < 10 * quarter + 0.2


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("card_4111111111111111.png", f"card {CARD}.png"),
        ("4111-1111-1111-1111.jpg", f"{CARD}.jpg"),
        ("IMG_20261123_101112.jpg", "IMG_20261123_101112.jpg"),
        ("order_1042.pdf", "order_1042.pdf"),
    ],
)
def test_a_file_name_is_masked_word_by_word(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        ({"note": "card 4111 1111 1111 1111"}, {"note": f"card {CARD}"}),
        ({"card": 4111111111111111}, {"card": CARD}),
        ({"cvv": 123}, {"cvv": CODE}),
        ({"user_password": "hunter2"}, {"user_password": SECRET}),
        ({"password": "correct horse battery"}, {"password": SECRET}),
        ({"4111111111111111": True}, {CARD: True}),
        (
            {"deep": [{"iban": "GB82 WEST 1234 5698 7654 32"}, "plain"]},
            {"deep": [{"iban": IBAN}, "plain"]},
        ),
        ("my password is hunter2!", f"my password is {SECRET}!"),
    ],
)
def test_json_is_masked_in_its_fields_and_their_names(given: Any, masked: Any) -> None:
    assert mask_json(given) == masked


@pytest.mark.parametrize(
    "given",
    [{"order": 1042, "total": 59.9, "paid": True, "note": None, "tags": ["a", 1.5]}, "hello", 7],
)
def test_json_without_secrets_stays_as_it_is(given: Any) -> None:
    assert mask_json(given) == given
