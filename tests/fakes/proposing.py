"""A workflow in which a node, in place of a model, proposes what the customer asks for."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from orchestration import proposals
from orchestration.nodes import Outcome, Visit, as_json
from orchestration.types import ConversationId, Draft, Json
from tests.fakes.floor import NOW, FakeOrders, Floor, sample_orders
from tests.fakes.workflows import act, document

CHECKING = "A colleague is taking a look at this before I answer. You will hear from us here."
AMOUNT = "59.90"

PROPOSING = document(
    "work",
    work=act(
        "work",
        ways=["proposed", "drafted", "unsure"],
        written=["draft", "proposal"],
        exits={"proposed": "approve", "drafted": "send", "unsure": "approve", "error": "escalate"},
    ),
    approve={
        "kind": "approve",
        "timeout": "4h",
        "exits": {"released": "send", "rejected": "escalate", "expired": "escalate"},
    },
)

# What a word in the text asks for.
ASKED: Mapping[str, Mapping[str, str]] = {
    "refund": {"action": "refund", "amount": AMOUNT},
    "cancel": {"action": "cancel_order"},
    "send it": {"action": "change_address", "address": "1 Main St"},
}


def open_orders(**changes: Any) -> FakeOrders:
    """Return a shop where 1042 and 1043 of Ana's may still be stopped, each worth 59.90."""
    orders = tuple(
        replace(order, status="in_transit", value=Decimal(AMOUNT))
        for order in sample_orders().orders
    )
    return FakeOrders(orders=orders, **changes)


async def propose(visit: Visit) -> Outcome:
    """Propose what the text asks for, on the order it names or else on 1042."""
    text = visit.case.text.lower()
    asked = next((dict(how) for word, how in ASKED.items() if word in text), None)
    if asked is None:
        return _left_by("unsure" if "perhaps" in text else "drafted", f"heard: {text}", None)
    proposal = proposals.make(
        asked.pop("action"),
        next((word for word in text.split() if word.isdigit()), "1042"),
        **asked,
        why="the customer asked for it",
        orders=await visit.case.orders(visit.tools.orders),
        now=NOW,
    )
    draft = f"I suggest this: {proposals.describe(proposal)}"
    return _left_by("proposed", draft, proposals.as_json(proposal))


def _left_by(exit: str, text: str, proposal: Json) -> Outcome:
    draft = as_json(Draft(text=text, responder="test"))
    return Outcome(exit=exit, updates={"draft": draft, "proposal": proposal})


async def decide(
    floor: Floor, approval: str, status: str = "released", *, agent: str = "maria", **more: Any
) -> ConversationId:
    """Let an agent decide, and return the conversation."""
    values = {"text": None, "reason": None, **more}
    found = await floor.desk.decide(approval, agent=agent, status=status, **values)
    return ConversationId(found)


class Watched:
    """A database that lets the test do something before a write."""

    def __init__(self, database: Any, before: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        self._database = database
        self._before = before

    async def write(self, function: Any, **how: Any) -> Any:
        await self._before(function)
        return await self._database.write(function, **how)

    async def read(self, function: Any) -> Any:
        return await self._database.read(function)
