"""Proposals are checked against the customer's own orders before a human sees them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestration import proposals
from orchestration.errors import BadInput
from orchestration.types import Order, Proposal

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def order(id: str = "1042", **changes: Any) -> Order:
    known = {"customer_id": "C-1001", "status": "in_transit", "value": Decimal("59.90")}
    return Order(id=id, **{**known, **changes})


def make(action: str, number: str = "1042", **how: Any) -> Proposal:
    orders = how.pop("orders", [order(), order("1043", status="delivered")])
    return proposals.make(action, number, orders=orders, now=NOW, **how)


@pytest.mark.parametrize(
    ("action", "how", "arguments", "words"),
    [
        (
            "refund",
            {"amount": "59.90"},
            {"amount": "59.90", "currency": "USD"},
            "refund 59.90 USD on order 1042",
        ),
        ("cancel_order", {}, {}, "cancel order 1042"),
        (
            "change_address",
            {"address": " Hauptstraße 1, 10115 Berlin "},
            {"address": "Hauptstraße 1, 10115 Berlin"},
            "send order 1042 to Hauptstraße 1, 10115 Berlin",
        ),
    ],
)
def test_a_proposal_has_exact_arguments_and_words_of_ours(
    action: str, how: dict[str, str], arguments: dict[str, str], words: str
) -> None:
    proposal = make(action, **how)

    assert (proposal.action, proposal.order, proposal.arguments) == (action, "1042", arguments)
    assert proposals.describe(proposal) == words


@pytest.mark.parametrize("action", ["refund", "cancel_order", "change_address"])
@pytest.mark.parametrize("number", ["2077", "", "1042 ", "1042\u200b"])
def test_an_order_that_is_not_the_customers_is_refused(action: str, number: str) -> None:
    with pytest.raises(BadInput, match="the customer has no order") as refused:
        make(action, number, amount="1.00", address="1 Main St")

    assert refused.value.field == "order"


def test_an_action_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="one of cancel_order, refund, change_address"):
        make("delete_customer")


@pytest.mark.parametrize("amount", ["0.01", "5", "59.9", "59.90", " 12.50 "])
def test_an_amount_up_to_the_orders_value_is_taken_as_it_was_written(amount: str) -> None:
    assert make("refund", amount=amount).arguments["amount"] == amount.strip()


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "is no amount"),
        ("", "is no amount"),
        ("59,90", "is no amount"),
        ("$59.90", "is no amount"),
        ("-5", "is no amount"),
        ("+5", "is no amount"),
        ("1e1", "is no amount"),
        ("NaN", "is no amount"),
        ("Infinity", "is no amount"),
        ("\u0665", "is no amount"),
        ("9" * 400, "is no amount"),
        ("0", "more than 0"),
        ("0.00", "more than 0"),
        ("59.91", "59.91 is more than the 59.90 USD of order 1042"),
        ("1000000", "is more than"),
        ("1.001", "finer than USD"),
    ],
)
def test_an_amount_that_is_none_or_too_high_is_refused(amount: str | None, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        make("refund", amount=amount)

    assert refused.value.field == "amount"


def test_a_currency_with_more_decimals_is_refunded_as_finely_as_it_was_paid() -> None:
    dinars = order(value=Decimal("12.345"), currency="KWD")

    proposal = make("refund", amount="0.005", orders=[dinars])

    assert proposal.arguments == {"amount": "0.005", "currency": "KWD"}


def test_an_order_of_unknown_value_is_not_refunded() -> None:
    with pytest.raises(BadInput, match="nobody knows what order 1042 was worth"):
        make("refund", amount="1.00", orders=[order(value=None)])


def test_a_delivered_order_is_refunded_and_a_refunded_one_is_not() -> None:
    refunded = [order(status="refunded")]

    assert make("refund", "1043", amount="5.00").order == "1043"
    with pytest.raises(BadInput, match="has been refunded before"):
        make("refund", amount="5.00", orders=refunded)


@pytest.mark.parametrize("action", ["cancel_order", "change_address"])
@pytest.mark.parametrize(
    "status", ["delivered", "return_requested", "returned", "refunded", "cancelled"]
)
def test_what_is_no_longer_on_its_way_is_neither_cancelled_nor_sent_elsewhere(
    action: str, status: str
) -> None:
    with pytest.raises(BadInput, match=f"order 1042 is {status}"):
        make(action, address="1 Main St", orders=[order(status=status)])


@pytest.mark.parametrize("action", ["cancel_order", "change_address"])
@pytest.mark.parametrize("status", ["not_shipped", "in_transit", "late"])
def test_what_is_on_its_way_or_late_is_cancelled_or_sent_elsewhere(
    action: str, status: str
) -> None:
    yesterday = NOW - timedelta(days=1)

    proposal = make(action, address="1 Main St", orders=[order(status=status, due_at=yesterday)])

    assert proposal.action == action


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (None, "missing"),
        ("   ", "missing"),
        ("1 Main St\nBoston", "control character"),
        ("1 Main\u202e St", "control character"),
        ("1 Main\u200bSt", "control character"),
        ("1\x00", "control character"),
        ("x" * 301, "more than 300 characters"),
    ],
)
def test_an_address_that_is_empty_or_hides_something_is_refused(
    address: str | None, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        make("change_address", address=address)

    assert refused.value.field == "address"


def test_the_reason_given_is_short_and_hides_nothing() -> None:
    proposal = make("cancel_order", why="it\u202eis\n" + "late " * 200)

    assert proposal.why.startswith("it is late")
    assert len(proposal.why) <= proposals.LONGEST_WHY


def test_a_proposal_comes_back_from_json_as_it_was() -> None:
    proposal = make("refund", amount="5.00", why="broken")

    assert proposals.from_json(proposals.as_json(proposal)) == proposal
    assert proposals.as_json(None) is None
