from datetime import UTC, datetime, timedelta

import pytest

from orchestration import responses
from orchestration.shop import LANGUAGES, Shop
from orchestration.texts import Texts
from orchestration.types import Memory, Order, PendingQuestion
from tests.fakes.questions import (
    ANA,
    BEN,
    NOW,
    TEXTS,
    FakeIndex,
    answer,
    draft_of,
    order,
    question,
    status,
)


def test_anothers_order_and_no_such_order_get_the_same_words() -> None:
    other = status("where is my order 1042?", orders=BEN, numbers=["1042"])
    none = status("where is my order 9999?", orders=BEN, numbers=["9999"])

    assert other.text.replace("1042", "9999") == none.text
    assert other.memory == none.memory


def test_a_guest_is_asked_to_sign_in_whatever_order_they_name() -> None:
    asked = [
        status("where is my order 1042?", verified=False, numbers=["1042"]),
        status("where is my order 9999?", verified=False, numbers=["9999"]),
        status("where is my order?", verified=False),
    ]

    assert {draft.text for draft in asked} == {TEXTS.say("sign_in", "en")}
    assert len({draft.memory for draft in asked}) == 1
    assert not any(draft.evidence for draft in asked)


def test_a_guest_who_leaves_an_address_goes_to_a_human() -> None:
    memory = status("where is my order?", verified=False).memory

    asked = question("ana@example.com", out_of_scope=True, verified=False, memory=memory)

    assert draft_of("order_status", asked) is None


def test_a_guest_who_insists_goes_to_a_human() -> None:
    memory = Memory()
    for _ in range(2):
        memory = status("where is my order?", verified=False, memory=memory).memory

    asked = question("where is my order?", verified=False, memory=memory)

    assert draft_of("order_status", asked) is None


def test_a_customer_with_one_order_is_not_asked_which() -> None:
    draft = status("where is my order?", orders=ANA[:1])

    assert "1042 is on its way" in draft.text
    assert draft.memory.last_order == "1042"


def test_a_customer_without_orders_is_told_so() -> None:
    draft = status("where is my order?")

    assert draft.text == TEXTS.say("no_orders", "en")


def test_the_latest_three_are_listed_with_the_open_ones_first() -> None:
    days = {"1": "delivered", "2": "cancelled", "3": "not_shipped", "4": "delivered", "5": "late"}
    orders = [
        order(number, status, placed_at=NOW - timedelta(days=int(number)))
        for number, status in days.items()
    ]

    draft = status("where is my order?", orders=orders)

    assert draft.memory.pending == PendingQuestion(
        intent="order_status", missing="order", options=("3", "5", "1")
    )
    assert draft.memory.listed_orders == ("3", "5", "1")


def test_two_orders_asked_about_are_both_answered() -> None:
    draft = status("where are 1042 and 1043?", orders=ANA, numbers=["1042", "1043"])

    assert "1042 is on its way" in draft.text
    assert "1043 was delivered" in draft.text
    assert draft.memory.last_order == "1043"


def test_an_own_order_beside_an_unknown_one_is_answered() -> None:
    draft = status("where are 1042 and 9999?", orders=ANA, numbers=["1042", "9999"])

    assert draft.text.endswith(TEXTS.say("no_such_order", "en", order="9999"))
    assert "1042 is on its way" in draft.text
    assert draft.memory.pending is None


@pytest.mark.parametrize(
    ("text", "language", "numbers"),
    [
        ("the first one", "en", ["1042"]),
        ("the second one please", "en", ["1043"]),
        ("both", "en", ["1042", "1043"]),
        ("die zweite bitte", "de", ["1043"]),
        ("les deux", "fr", ["1042", "1043"]),
        ("el primero", "es", ["1042"]),
        ("il secondo", "it", ["1043"]),
        ("allebei", "nl", ["1042", "1043"]),
        ("o segundo", "pt", ["1043"]),
    ],
)
def test_a_listed_order_may_be_chosen_in_words(
    text: str, language: str, numbers: list[str]
) -> None:
    pending = PendingQuestion(intent="order_status", missing="order", options=("1042", "1043"))
    memory = Memory(pending=pending, listed_orders=pending.options)

    asked = question(text, "other", orders=ANA, memory=memory, language=language)
    draft = answer("order_status", asked)

    assert [item.id for item in draft.evidence] == numbers
    assert draft.memory.pending is None


def test_the_other_of_two_needs_no_list() -> None:
    memory = Memory(last_order="1042", last_intent="order_status")

    draft = status("and my other order?", orders=ANA, memory=memory)

    assert draft.memory.last_order == "1043"


def test_somebody_with_two_orders_is_remembered_as_having_seen_both() -> None:
    draft = status("where is 1042?", orders=ANA, numbers=["1042"])

    assert draft.memory.listed_orders == ("1042", "1043")


def test_the_other_of_three_is_asked_for() -> None:
    orders = (*ANA, order("1044", "not_shipped"))
    memory = Memory(last_order="1042", last_intent="order_status")

    draft = status("and the other one?", orders=orders, memory=memory)

    assert draft.memory.pending is not None


def test_it_means_the_order_last_talked_about() -> None:
    memory = Memory(last_order="1042", last_intent="order_status")

    draft = status("when will it arrive?", orders=ANA, memory=memory)

    assert draft.memory.last_order == "1042"
    assert "1042 is on its way" in draft.text


def test_my_order_may_be_any_of_them() -> None:
    memory = Memory(last_order="1042", last_intent="order_status")

    draft = status("where is my order?", orders=ANA, memory=memory)

    assert draft.memory.pending is not None


def test_a_number_alone_goes_on_about_orders() -> None:
    memory = Memory(last_order="1042", last_intent="order_status")

    asked = question("and 1043?", "other", orders=ANA, memory=memory, numbers=["1043"])

    assert answer("order_status", asked).memory.last_order == "1043"


def test_a_question_about_something_else_is_not_for_order_status() -> None:
    memory = Memory(last_order="1042", last_intent="order_status")

    asked = question("can I pay 1043 by card?", "payment", memory=memory, numbers=["1043"])

    assert draft_of("order_status", asked) is None


def test_an_intent_may_name_order_status_as_its_responder() -> None:
    asked = question("has it left yet?", "dispatch", orders=ANA[:1], responders=["order_status"])

    assert answer("order_status", asked).memory.last_order == "1042"


def test_an_intent_shared_with_knowledge_needs_an_order() -> None:
    shared = ["order_status", "knowledge"]

    general = question("how long is delivery?", "delivery", orders=ANA, responders=shared)
    own = question("is 1042 late?", "delivery", orders=ANA, responders=shared, numbers=["1042"])

    assert draft_of("order_status", general) is None
    assert answer("order_status", own).memory.last_order == "1042"


def test_an_answer_that_does_not_fit_is_asked_once_more_then_left_to_a_human() -> None:
    first = status("where is my order?", orders=ANA)

    second = status("the blue lamp", orders=ANA, memory=first.memory, out_of_scope=True)
    third = question("the lamp!", "x", orders=ANA, memory=second.memory, out_of_scope=True)

    assert second.text.startswith("Sorry, I couldn't match that")
    assert second.memory.pending is not None
    assert second.memory.pending.misses == 1
    assert [draft_of(name, third) for name in responses.RESPONDERS] == [None, None, None]


def test_wrong_numbers_count_as_answers_that_do_not_fit() -> None:
    memory = status("where is my order?", orders=ANA).memory
    memory = status("9999", orders=ANA, memory=memory, numbers=["9999"]).memory

    asked = question("9998", orders=ANA, memory=memory, numbers=["9998"])

    assert draft_of("order_status", asked) is None


def test_a_customer_who_does_not_know_the_number_gets_the_list_again() -> None:
    memory = status("where is my order?", orders=ANA).memory

    draft = answer("template", question("I don't know", orders=ANA, memory=memory))

    assert draft.memory.pending is not None
    assert draft.memory.pending.misses == 1


def test_what_order_status_could_not_answer_is_not_answered_by_an_article() -> None:
    asked = question("return of my order?", orders=ANA)

    assert draft_of("knowledge", asked) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "one",
    [
        order("7001", "in_transit"),
        order("7001", "in_transit", due_at=NOW + timedelta(days=1), tracking="TRK-9"),
        order("7001", "in_transit", due_at=NOW - timedelta(days=1), tracking="TRK-9"),
        order("7001", "not_shipped", due_at=NOW + timedelta(days=1)),
        order("7001", "not_shipped"),
        order("7001", "late"),
        order("7001", "delivered"),
        order("7001", "delivered", delivered_at=NOW - timedelta(days=1)),
        order("7001", "cancelled"),
        order("7001", "returned"),
        order("7001", "refunded"),
        order("7001", "return_requested"),
    ],
)
def test_each_word_of_a_status_with_a_digit_stands_in_the_evidence(
    one: Order, language: str
) -> None:
    draft = status("7001", orders=[one], numbers=["7001"], language=language)

    known = " ".join(item.text for item in draft.evidence)
    facts = [word.strip(".;,()") for word in draft.text.split() if any(map(str.isdigit, word))]
    assert "7001" in facts
    assert all(fact in known for fact in facts)


def test_an_order_past_its_day_is_late() -> None:
    draft = status("2077", orders=BEN, numbers=["2077"])

    assert "was expected on Friday 20 November 2026" in draft.text
    assert "status: late" in draft.evidence[0].text


def test_a_status_without_words_is_left_to_a_human() -> None:
    asked = question("1", orders=[order("1", "lost_in_space")], numbers=["1"])

    assert draft_of("order_status", asked) is None


def test_days_are_those_of_the_shops_own_zone() -> None:
    shop = Shop(name="Tienda", time_zone="Pacific/Auckland")
    one = order("1", "delivered", delivered_at=datetime(2026, 11, 20, 20, 0, tzinfo=UTC))

    asked = question("1", orders=[one], numbers=["1"])
    draft = responses.answer("order_status", asked, texts=Texts(shop), shop=shop, index=FakeIndex())

    assert draft is not None
    assert "21 November" in draft.text
