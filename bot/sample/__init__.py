"""The sample store of the demo: its customers, orders and policy articles."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from orchestration.imports import Imported, read_articles, read_customers
from orchestration.types import Article, CustomerRecord, Json, Order

T = TypeVar("T")

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class SampleStore:
    """Everything the demo's shop knows."""

    customers: tuple[CustomerRecord, ...]
    orders: tuple[Order, ...]
    articles: tuple[Article, ...]


def load(now: datetime) -> SampleStore:
    """Return the sample store as it stands at `now`: its orders are dated relative to that."""
    listed = json.loads((_FOLDER / "orders.json").read_text(encoding="utf-8"))
    return SampleStore(
        customers=_faultless(read_customers(_FOLDER / "customers.csv")),
        orders=tuple(_dated_order(order, now) for order in listed),
        articles=_faultless(read_articles(_FOLDER / "articles")),
    )


def _faultless(imported: Imported[T]) -> tuple[T, ...]:
    if imported.problems:
        raise ValueError(f"the sample store is broken: {imported.problems[0]}")
    return imported.rows


def _dated_order(order: Json, now: datetime) -> Order:
    return Order(
        id=order["id"],
        customer_id=order["customer_id"],
        status=order["status"],
        placed_at=_days_from(now, order["placed"]),
        due_at=_days_from(now, order.get("due")),
        delivered_at=_days_from(now, order.get("delivered")),
        tracking=order.get("tracking"),
        value=Decimal(order["value"]),
        items=tuple(order["items"]),
    )


def _days_from(now: datetime, days: float | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)
