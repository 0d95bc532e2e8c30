"""What a model may look up: read-only, and in the vouched-for customer's own record."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from orchestration.context import Case, Toolbox, describe_order
from orchestration.prompts import LONGEST, clean
from orchestration.types import Evidence, Json, Order, ToolCall

_ORDER = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
_QUERY = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
_NOTHING = {"type": "object", "properties": {}}
# The same words for another customer's order and for none at all.
_NO_SUCH_ORDER = {"error": "this customer has no such order"}


@dataclass(kw_only=True)
class Lookups:
    """Carries out a model's look-ups for one case; what it was shown becomes evidence."""

    case: Case
    tools: Toolbox
    language: str
    evidence: list[Evidence] = field(default_factory=list)

    async def answer(self, call: ToolCall) -> str:
        """Return what a tool call found, as JSON; a wrong call is told what is wrong."""
        action = ACTIONS.get(call.name)
        if action is None:
            names = ", ".join(ACTIONS)
            return json.dumps({"error": f"there is no tool {call.name!r}; there are {names}"})
        try:
            arguments = json.loads(call.arguments or "{}")
        except json.JSONDecodeError:
            return json.dumps({"error": "the arguments are not JSON"})
        if not isinstance(arguments, dict):
            return json.dumps({"error": "the arguments are not a JSON object"})
        found = await action(self, arguments)
        return clean(json.dumps(found, ensure_ascii=False))

    def show_order(self, order: Order) -> Mapping[str, Json]:
        """Return an order for the model, and keep it as evidence."""
        shown = self.describe(order)
        self.evidence.append(_evidence(order, shown))
        return shown

    def describe(self, order: Order) -> Mapping[str, Json]:
        """Return an order with its days as they are written in the customer's language."""
        described = describe_order(order, self.case.now)
        days = {
            name: self.tools.texts.date(self.tools.shop.day_of(moment), self.language)
            for name, moment in (
                ("placed", order.placed_at),
                ("due", order.due_at),
                ("delivered", order.delivered_at),
            )
            if moment
        }
        return {**described, "days": days}

    async def _orders(self) -> dict[str, Order]:
        return {order.id: order for order in await self.case.orders(self.tools.orders)}


def order_evidence(order: Order, lookups: Lookups) -> Evidence:
    """Return an order as a fact that a model may be shown from the start."""
    return _evidence(order, lookups.describe(order))


def _evidence(order: Order, shown: Mapping[str, Json]) -> Evidence:
    """Return the record as its fields one by one: what one denies is not denied of the others."""
    days = {f"{name} on": day for name, day in shown["days"].items()}
    fields = {**shown, **days, "items": ", ".join(shown["items"])}
    told = {name: value for name, value in fields.items() if name != "days" and value}
    return Evidence(
        kind="order", id=order.id, text="; ".join(f"{name}: {told[name]}" for name in told)
    )


async def _find_orders(lookups: Lookups, arguments: Mapping[str, Json]) -> Json:
    orders = await lookups._orders()
    return {"orders": [lookups.show_order(order) for order in list(orders.values())[:10]]}


async def _get_order(lookups: Lookups, arguments: Mapping[str, Json]) -> Json:
    order = (await lookups._orders()).get(str(arguments.get("order", "")))
    return lookups.show_order(order) if order else _NO_SUCH_ORDER


async def _get_shipping(lookups: Lookups, arguments: Mapping[str, Json]) -> Json:
    order = (await lookups._orders()).get(str(arguments.get("order", "")))
    if order is None:
        return _NO_SUCH_ORDER
    shown = lookups.show_order(order)
    names = ("id", "status", "tracking", "due_at", "delivered_at", "days")
    return {name: shown[name] for name in names}


async def _search_knowledge(lookups: Lookups, arguments: Mapping[str, Json]) -> Json:
    query = str(arguments.get("query", ""))[:500]
    passages = await lookups.tools.catalog.search(query, language=lookups.language)
    for passage in passages:
        text = f"{passage.article.title}\n{passage.article.text}"
        lookups.evidence.append(Evidence(kind="article", id=passage.article.id, text=text))
    return {
        "articles": [
            {
                "id": passage.article.id,
                "title": passage.article.title,
                "text": clean(passage.article.text)[:LONGEST],
            }
            for passage in passages
        ]
    }


Action = Callable[[Lookups, Mapping[str, Json]], Awaitable[Json]]

ACTIONS: Mapping[str, Action] = {
    "find_orders": _find_orders,
    "get_order": _get_order,
    "search_knowledge": _search_knowledge,
    "get_shipping": _get_shipping,
}

_DESCRIPTIONS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    "find_orders": ("List this customer's latest orders.", _NOTHING),
    "get_order": ("Look up one of this customer's orders by its number.", _ORDER),
    "search_knowledge": ("Search the shop's policy and how-to articles.", _QUERY),
    "get_shipping": ("Look up where one of this customer's orders is.", _ORDER),
}

# As the OpenAI chat protocol describes tools; none of them takes a customer.
SCHEMAS: tuple[Mapping[str, Json], ...] = tuple(
    {
        "type": "function",
        "function": {"name": name, "description": words, "parameters": dict(parameters)},
    }
    for name, (words, parameters) in _DESCRIPTIONS.items()
)
