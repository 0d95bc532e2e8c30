"""Says what the turn is about, how urgent and how complex it is."""

from dataclasses import asdict
from decimal import Decimal

from pydantic import Field

from orchestration import classification, state
from orchestration.classification import Facts
from orchestration.errors import ExternalFailure
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds
from orchestration.types import ORDER_STATUSES, Classification, Json, Order


class ClassifyConfig(Config):
    """`min_confidence` below which the tier `ask` is asked."""

    min_confidence: float | None = Field(default=None, ge=0, le=1)
    ask: str | None = None


@node_kinds.register("classify")
class Classify(Node):
    """Reads the turn with the local classifier and the conversation's memory."""

    kind = "classify"
    Config = ClassifyConfig

    @classmethod
    def writes(cls, config: ClassifyConfig) -> frozenset[str]:
        """Write every field of the classification and of the orders it is about."""
        return frozenset(state.CLASSIFICATION_FIELDS)

    async def run(self, visit: Visit) -> Outcome:
        """Classify the turn's text."""
        orders, problem = await _orders(visit)
        result = await read(visit, orders)
        updates = {**state.from_classification(result), **order_fields(visit, result, orders)}
        notes: dict[str, Json] = {"classification": asdict(result)}
        if problem:
            notes["problem"] = problem
        if self.config.ask and result.confidence < (self.config.min_confidence or 0):
            notes["asked"] = f"{self.config.ask}: no model is configured"
        return Outcome(exit="done", updates=updates, notes=notes, input={"text": visit.case.text})


async def read(visit: Visit, orders: tuple[Order, ...]) -> Classification:
    """Classify the turn with everything the conversation knows."""
    case, tools = visit.case, visit.tools
    reading = await tools.catalog.read(case.text)
    facts = Facts(
        customer_tier=case.customer.tier if case.customer else "standard",
        verified=case.is_verified,
        orders=orders,
        now=case.now,
        turn=case.conversation.turns + 1,
        order_number=tools.shop.order_number,
        languages=tuple(tools.shop.languages),
    )
    return classification.classify(
        case.text,
        reading,
        intents=tuple(tools.catalog.intents.values()),
        memory=case.memory,
        facts=facts,
    )


async def _orders(visit: Visit) -> tuple[tuple[Order, ...], str | None]:
    try:
        return await visit.case.orders(visit.tools.orders), None
    except ExternalFailure as failure:
        return (), f"orders could not be read: {failure}"


def order_fields(
    visit: Visit, result: Classification, orders: tuple[Order, ...]
) -> dict[str, Json]:
    """Return the worst status and highest value of the own orders the message is about."""
    named = set(result.entities.get("orders", ()))
    about = [order for order in orders if order.id in named]
    statuses = [order.status_at(visit.case.now) for order in about]
    worst = min(statuses, key=ORDER_STATUSES.index, default="none")
    value = max((order.value or Decimal(0) for order in about), default=Decimal(0))
    return {"order.status": worst, "order.value": float(value)}
