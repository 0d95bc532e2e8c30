"""Drafts a reply: the responders are tried in order until one does not abstain."""

import asyncio

from pydantic import Field

from orchestration import responses, state
from orchestration.nodes import Config, Node, Outcome, Visit, as_json, node_kinds
from orchestration.types import Draft, Json, Order, Question


class ReplyConfig(Config):
    """`responders` without a model, or names of tiers, in the order they are tried."""

    responders: tuple[str, ...] = Field(min_length=1)


@node_kinds.register("reply")
class Reply(Node):
    """Asks each responder in turn; a tier without a model abstains."""

    kind = "reply"
    Config = ReplyConfig
    touches = "paid"

    @classmethod
    def exits(cls, config: ReplyConfig) -> tuple[str, ...]:
        """A draft, none, or an action that a human must approve."""
        return ("drafted", "abstained", "proposed")

    @classmethod
    def reads(cls, config: ReplyConfig) -> frozenset[str]:
        """Read what the turn is about."""
        return frozenset(state.CLASSIFICATION_FIELDS)

    @classmethod
    def writes(cls, config: ReplyConfig) -> frozenset[str]:
        """Write the draft, and who was tried."""
        return frozenset({"draft", "tried"})

    async def run(self, visit: Visit) -> Outcome:
        """Try the responders."""
        question = await ask(visit)
        tried: list[Json] = list(visit.state.get("tried") or ())
        for name in self.config.responders:
            draft = await self._try(name, question, visit, tried)
            if draft is not None:
                updates = {"draft": as_json(draft), "tried": tried}
                return Outcome(exit="drafted", updates=updates, input=_shown(question))
        return Outcome(exit="abstained", updates={"tried": tried}, input=_shown(question))

    async def _try(
        self, name: str, question: Question, visit: Visit, tried: list[Json]
    ) -> Draft | None:
        tools = visit.tools
        if name not in responses.RESPONDERS:
            result = "abstained: no model is configured"
            tried.append({"node": visit.node, "responder": name, "result": result})
            return None
        index = await tools.catalog.index()
        draft = await asyncio.to_thread(
            responses.answer, name, question, texts=tools.texts, shop=tools.shop, index=index
        )
        result = "drafted" if draft else "abstained"
        tried.append({"node": visit.node, "responder": name, "result": result})
        return draft


async def ask(visit: Visit) -> Question:
    """Return all that a responder is given about the turn."""
    case, tools = visit.case, visit.tools
    classification = state.classification_of(visit.state)
    orders: tuple[Order, ...] = await case.orders(tools.orders)
    intent = tools.catalog.intents.get(classification.intent)
    return Question(
        text=case.text,
        classification=classification,
        memory=case.memory,
        verified=case.is_verified,
        channel=case.conversation.channel,
        now=case.now,
        customer=case.customer,
        orders=orders,
        responders=intent.responders if intent else (),
    )


def _shown(question: Question) -> dict[str, Json]:
    return {
        "text": question.text,
        "intent": question.classification.intent,
        "orders": [order.id for order in question.orders],
        "responders": list(question.responders),
    }
