"""The sample store is what CONTRACT.md says it is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.sample import SampleStore, load
from orchestration.types import ORDER_STATUSES, Order

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
ARTICLES = {
    "returns-window",
    "refunds",
    "shipping",
    "order-changes",
    "cancellations",
    "warranty",
    "payments",
    "gift-cards",
    "account",
    "privacy",
    "damaged-parcels",
    "contact-hours",
}


@pytest.fixture(scope="module")
def store() -> SampleStore:
    return load(NOW)


def order(store: SampleStore, id: str) -> Order:
    return next(order for order in store.orders if order.id == id)


def test_ana_waits_for_1042_and_has_had_1043_for_eight_days(store: SampleStore) -> None:
    ana = store.customers[0]

    orders = [order for order in store.orders if order.customer_id == "C-1001"]

    assert (ana.id, ana.name, ana.email) == ("C-1001", "Ana Ruiz", "ana@example.com")
    assert [order.id for order in orders] == ["1042", "1043"]
    assert orders[0].status_at(NOW) == "in_transit"
    assert orders[0].tracking == "TRK-1042"
    assert orders[0].placed_at == NOW - timedelta(days=3)
    assert orders[0].due_at == NOW + timedelta(days=2)
    assert orders[1].status_at(NOW) == "delivered"
    assert orders[1].delivered_at == NOW - timedelta(days=8)
    assert orders[1].value == Decimal("59.90")


def test_ben_is_a_vip_whose_2077_is_late_and_2078_has_not_left(store: SampleStore) -> None:
    ben = store.customers[1]

    orders = [order for order in store.orders if order.customer_id == "C-1002"]

    assert (ben.name, ben.email, ben.tier) == ("Ben Okafor", "ben@example.com", "vip")
    assert [order.id for order in orders] == ["2077", "2078"]
    assert (orders[0].status, orders[0].status_at(NOW)) == ("in_transit", "late")
    assert orders[0].due_at == NOW - timedelta(days=2)
    assert orders[1].status_at(NOW) == "not_shipped"
    assert orders[1].due_at == NOW + timedelta(days=5)


def test_the_orders_stay_fresh_however_late_the_demo_is_started(store: SampleStore) -> None:
    year_later = load(NOW + timedelta(days=365))

    first, second = order(store, "1042"), order(year_later, "1042")

    assert first.due_at is not None
    assert second.due_at == first.due_at + timedelta(days=365)


def test_there_are_120_orders_of_42_customers_in_every_status(store: SampleStore) -> None:
    owners = {order.customer_id for order in store.orders}

    statuses = {order.status_at(NOW) for order in store.orders}

    assert len(store.orders) == 120
    assert owners == {customer.id for customer in store.customers}
    assert len(owners) == 42
    assert statuses == set(ORDER_STATUSES)


def test_every_order_is_complete_and_has_a_number_of_its_own(store: SampleStore) -> None:
    ids = [order.id for order in store.orders]

    incomplete = [
        order.id for order in store.orders if not (order.value and order.items and order.placed_at)
    ]

    assert len(set(ids)) == len(ids)
    assert all(len(id) == 4 and id.isdigit() for id in ids)
    assert incomplete == []


def test_no_order_arrives_before_it_is_placed_or_in_the_future(store: SampleStore) -> None:
    delivered = [order for order in store.orders if order.delivered_at and order.placed_at]

    wrong = [
        order.id
        for order in delivered
        if not (order.placed_at or NOW) < (order.delivered_at or NOW) <= NOW
    ]

    assert len(delivered) > 50
    assert wrong == []


def test_every_customer_has_an_example_address(store: SampleStore) -> None:
    addresses = [customer.email or "" for customer in store.customers]

    assert len(set(addresses)) == len(addresses)
    assert all(
        address.endswith(("@example.com", "@example.org", "@example.net")) for address in addresses
    )


def test_twelve_articles_have_length_address_and_examples(store: SampleStore) -> None:
    articles = {article.id: article for article in store.articles}

    assert set(articles) == ARTICLES
    for id, article in articles.items():
        assert article.url == f"https://shop.example.com/help/{id}"
        assert 100 <= len(article.text.split()) <= 200
        assert len(article.questions) >= 6


@pytest.mark.parametrize("id", ["refunds", "cancellations", "order-changes"])
def test_what_moves_money_or_parcels_needs_a_person(store: SampleStore, id: str) -> None:
    article = next(article for article in store.articles if article.id == id)

    assert "a member of our team" in article.text.lower()
