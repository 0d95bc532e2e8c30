"""What is known around a message before it is read."""

from dataclasses import dataclass
from datetime import datetime

from orchestration.types import Order


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The customer, their orders, the clock and the shop's ways; the default language is first.

    `turn` counts the turns of the conversation, this one included; `orders` are the verified
    customer's own; `order_number` is the pattern of the shop's order numbers. `about` are
    the orders that a part of a turn means without naming them.
    """

    now: datetime
    customer_tier: str | None = None
    verified: bool = False
    orders: tuple[Order, ...] = ()
    turn: int = 1
    order_number: str = r"\b\d{4}\b"
    languages: tuple[str, ...] = ("en",)
    about: tuple[str, ...] = ()
