"""Says what the turn is about, how urgent and how complex it is."""

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from pydantic import Field

from orchestration import classification, prompts, second_opinion, state
from orchestration.classification import OTHER, Advice, Facts
from orchestration.errors import ExternalFailure
from orchestration.gateway import Unanswered
from orchestration.nodes import Config, Node, Outcome, Visit, complete, node_kinds
from orchestration.types import ORDER_STATUSES, Classification, Json, Order, Reading

# A model that is slower than this is not worth the customer's wait: the local result stands.
PATIENCE = timedelta(seconds=10)


class ClassifyConfig(Config):
    """`ask` is the tier that is asked below `min_confidence`, and of what is like no intent."""

    min_confidence: float | None = Field(default=None, ge=0, le=1)
    ask: str | None = None


@node_kinds.register("classify")
class Classify(Node):
    """Reads the turn with the local classifier and the conversation's memory; in doubt it asks."""

    kind = "classify"
    Config = ClassifyConfig
    touches = "paid"

    @classmethod
    def writes(cls, config: ClassifyConfig) -> frozenset[str]:
        """Write every field of the classification and of the orders it is about."""
        return frozenset(state.CLASSIFICATION_FIELDS)

    async def run(self, visit: Visit) -> Outcome:
        """Classify the turn's text."""
        orders, problem = await _orders(visit)
        reading = await _read_text(visit)
        result = read(visit, reading, orders)
        notes: dict[str, Json] = {}
        if doubt := self._doubt(result):
            result, notes["asked"] = await self._ask(visit, reading, orders, result, doubt)
        visit.tools.telemetry.count(
            "classifications", by=result.by, asked=notes.get("asked", {}).get("outcome", "no")
        )
        notes["classification"] = asdict(result)
        if problem:
            notes["problem"] = problem
        updates = {**state.from_classification(result), **order_fields(visit, result, orders)}
        return Outcome(exit="done", updates=updates, notes=notes, input={"text": visit.case.text})

    def _doubt(self, result: Classification) -> str | None:
        """Say why a model should be asked; None where it need not be."""
        least = self.config.min_confidence or 0
        if self.config.ask is None:
            return None
        if result.out_of_scope:
            return "it is like none of the intents"
        if result.confidence < least:
            return f"the confidence {result.confidence:.2f} is below {least:g}"
        return None

    async def _ask(
        self,
        visit: Visit,
        reading: Reading,
        orders: tuple[Order, ...],
        local: Classification,
        doubt: str,
    ) -> tuple[Classification, dict[str, Json]]:
        """Return what the tier makes of the turn, or the local result where that must do."""
        tier, intents = self.config.ask, visit.tools.catalog.intents
        record: dict[str, Json] = {"tier": tier, "why": doubt, "local": _named(local)}
        if reason := _needless(visit, tier):
            return local, {**record, "outcome": "skipped", "problem": reason}
        try:
            completion = await second_opinion.ask_intent(
                visit.case.text,
                intents=intents.values(),
                shop=visit.tools.shop.name,
                ask=partial(complete, visit, tier, purpose="classify", patience=PATIENCE),
            )
        except Unanswered as failure:
            return local, {**record, "outcome": "failed", "problem": str(failure)}
        guess = completion.value
        is_sure = guess.confidence >= (self.config.min_confidence or 0)
        intent = guess.intent if is_sure else OTHER
        advice = Advice(intent=intent, confidence=guess.confidence, by=tier)
        advised = read(visit, reading, orders, advice)
        record |= {
            "model": completion.model,
            "prompt": prompts.load(second_opinion.PROMPT).version,
            "intent": guess.intent,
            "confidence": guess.confidence,
            "outcome": _outcome(intent, local),
        }
        return classification.not_below(advised, local), record


def _needless(visit: Visit, tier: str) -> str | None:
    """Say why a model is not asked after all; None where it is."""
    if not visit.case.text.strip():
        return "there is no text to ask about"
    if visit.case.conversation.status == "escalated":
        return "a human has the case"
    if not visit.tools.has_tier(tier):
        return "no model is configured"
    return None


def _outcome(intent: str, local: Classification) -> str:
    if intent == OTHER:
        return "unsure"
    return "agreed" if intent == local.intent else "differed"


def _named(local: Classification) -> dict[str, Json]:
    return {
        "intent": local.intent,
        "confidence": local.confidence,
        "out_of_scope": local.out_of_scope,
    }


def read(
    visit: Visit, reading: Reading, orders: tuple[Order, ...], advice: Advice | None = None
) -> Classification:
    """Classify the turn with everything the conversation knows."""
    case, tools = visit.case, visit.tools
    facts = Facts(
        customer_tier=case.customer.tier if case.customer else "standard",
        verified=case.is_verified,
        orders=orders,
        now=case.now,
        turn=case.conversation.turns + 1,
        order_number=tools.shop.order_number,
        languages=tuple(tools.shop.languages),
        about=case.about,
    )
    return classification.classify(
        case.text,
        reading,
        intents=tuple(tools.catalog.intents.values()),
        memory=case.memory,
        facts=facts,
        advice=advice,
    )


async def _read_text(visit: Visit) -> Reading:
    case, catalog = visit.case, visit.tools.catalog
    reading = await catalog.read(case.text)
    if case.whole is None:
        return reading
    # A few words tell a language less surely than all of them.
    whole = await catalog.read(case.whole)
    return replace(reading, language=whole.language)


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
