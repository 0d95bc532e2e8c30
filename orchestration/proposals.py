"""Actions that are proposed to a human: checked against the order they are about, and named."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import get_args

from pydantic import TypeAdapter

from orchestration.errors import BadInput
from orchestration.types import Json, Order, Proposal, ProposedAction

# So begin the texts that tell a customer what was done to their order.
DONE = "done_"

LONGEST_ADDRESS = 300
LONGEST_WHY = 500

_JSON = TypeAdapter(Proposal)
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
_USUAL_DECIMALS = 2
# What has arrived, or never will, can neither be stopped nor sent elsewhere.
_ON_ITS_WAY = ("not_shipped", "in_transit", "late")


def make(
    action: str,
    order: str,
    *,
    amount: str | None = None,
    address: str | None = None,
    why: str = "",
    orders: Sequence[Order],
    now: datetime,
) -> Proposal:
    """Return the proposal with the exact arguments that will be carried out.

    `orders` are the verified customer's own, and none else's. Raises `BadInput`, which names what
    is wrong.
    """
    own = next((each for each in orders if each.id == order), None)
    if own is None:
        raise BadInput(f"the customer has no order {_shown(order)}", field="order")
    proposal = Proposal(
        action=_action(action),
        order=own.id,
        arguments=_arguments(action, own, amount, address),
        why=_readable(why)[:LONGEST_WHY],
    )
    check(proposal, own, now=now)
    return proposal


def check(proposal: Proposal, order: Order, *, now: datetime) -> None:
    """Raise `BadInput` where the order, as it is now, does not allow the proposal."""
    _CHECKS[proposal.action](proposal.arguments, order, order.status_at(now))


def describe(proposal: Proposal) -> str:
    """Return what is proposed in our words: `refund 59.90 USD on order 1043`."""
    return _WORDS[proposal.action].format(order=proposal.order, **proposal.arguments)


def as_json(proposal: Proposal | None) -> Json:
    """Return a proposal as plain JSON."""
    return _JSON.dump_python(proposal, mode="json") if proposal else None


def from_json(value: Json) -> Proposal:
    """Return the proposal that was kept as JSON."""
    return _JSON.validate_python(value)


_WORDS: Mapping[ProposedAction, str] = {
    "cancel_order": "cancel order {order}",
    "refund": "refund {amount} {currency} on order {order}",
    "change_address": "send order {order} to {address}",
}


def _action(name: str) -> ProposedAction:
    for known in get_args(ProposedAction):
        if known == name:
            return known  # type: ignore[no-any-return]
    known_names = ", ".join(get_args(ProposedAction))
    raise BadInput(f"{_shown(name)} is no action; one of {known_names}", field="action")


def _arguments(
    action: str, order: Order, amount: str | None, address: str | None
) -> dict[str, str]:
    if action == "refund":
        return {"amount": (amount or "").strip(), "currency": order.currency}
    if action == "change_address":
        return {"address": (address or "").strip()}
    return {}


def _check_cancel(arguments: Mapping[str, str], order: Order, status: str) -> None:
    if status not in _ON_ITS_WAY:
        raise BadInput(f"order {order.id} is {status} and cannot be cancelled", field="action")


def _check_refund(arguments: Mapping[str, str], order: Order, status: str) -> None:
    amount = _amount(arguments["amount"], order)
    if order.value is None:
        raise BadInput(f"nobody knows what order {order.id} was worth", field="amount")
    if amount > order.value:
        words = f"{amount} is more than the {order.value} {order.currency} of order {order.id}"
        raise BadInput(words, field="amount")
    if arguments["currency"] != order.currency:
        raise BadInput(f"order {order.id} was paid in {order.currency}", field="currency")
    if status == "refunded":
        raise BadInput(f"order {order.id} has been refunded before", field="action")


def _amount(text: str, order: Order) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise BadInput(f"{_shown(text)} is no amount; for example 59.90", field="amount")
    amount = Decimal(text)
    if amount <= 0:
        raise BadInput("an amount must be more than 0", field="amount")
    if _decimals(amount) > max(_USUAL_DECIMALS, _decimals(order.value or amount)):
        raise BadInput(f"{amount} is finer than {order.currency} is paid in", field="amount")
    return amount


def _decimals(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _check_address(arguments: Mapping[str, str], order: Order, status: str) -> None:
    address = arguments["address"]
    if not address:
        raise BadInput("the new address is missing", field="address")
    if len(address) > LONGEST_ADDRESS:
        raise BadInput(f"has more than {LONGEST_ADDRESS} characters", field="address")
    if address != _readable(address):
        raise BadInput("holds a control character; write it on one line", field="address")
    if status not in _ON_ITS_WAY:
        raise BadInput(f"order {order.id} is {status} and goes nowhere any more", field="action")


_CHECKS: Mapping[ProposedAction, Callable[[Mapping[str, str], Order, str], None]] = {
    "cancel_order": _check_cancel,
    "refund": _check_refund,
    "change_address": _check_address,
}


def _readable(text: str) -> str:
    """Return a text with a space for each character that cannot be seen or breaks the line."""
    return "".join(" " if _is_unseen(character) else character for character in text).strip()


def _is_unseen(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("C") or category in ("Zl", "Zp")


def _shown(text: str) -> str:
    return repr(_readable(text)[:50])
