"""Gathers what a stronger model or a human needs to know, from several sources at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from orchestration.context import Case, Toolbox, describe_customer, describe_order
from orchestration.errors import ExternalFailure
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds
from orchestration.types import Json

Source = Literal["customer", "orders", "history", "knowledge"]


class EnrichConfig(Config):
    """`sources` are gathered in parallel, each within `source_timeout` seconds."""

    sources: tuple[Source, ...] = Field(min_length=1)
    source_timeout: float = Field(default=5.0, gt=0, le=60)


@node_kinds.register("enrich")
class Enrich(Node):
    """Asks each source; one that fails is noted, not fatal."""

    kind = "enrich"
    Config = EnrichConfig

    @classmethod
    def writes(cls, config: EnrichConfig) -> frozenset[str]:
        """Write what was found, by source."""
        return frozenset({"enriched"})

    async def run(self, visit: Visit) -> Outcome:
        """Gather from all sources at once."""
        names = self.config.sources
        found = await asyncio.gather(*(self._gather(name, visit) for name in names))
        enriched = {name: value for name, (value, _) in zip(names, found, strict=True)}
        problems = {name: why for name, (_, why) in zip(names, found, strict=True) if why}
        return Outcome(
            exit="done",
            updates={"enriched": enriched},
            input={"sources": list(names)},
            notes={"problems": problems} if problems else {},
        )

    async def _gather(self, name: Source, visit: Visit) -> tuple[Json, str | None]:
        try:
            async with asyncio.timeout(self.config.source_timeout):
                return await SOURCES[name](visit.case, visit.tools), None
        except TimeoutError:
            return None, f"no answer within {self.config.source_timeout:g} s"
        except ExternalFailure as failure:
            return None, str(failure)


async def _customer(case: Case, tools: Toolbox) -> Json:
    if case.failure:
        raise case.failure
    return dict(describe_customer(case.person, case.conversation.channel, case.customer))


async def _orders(case: Case, tools: Toolbox) -> Json:
    return [describe_order(order, case.now) for order in await case.orders(tools.orders)]


async def _history(case: Case, tools: Toolbox) -> Json:
    said = [message for message in case.transcript if message.id not in case.turn]
    return [{"author": message.author, "text": message.text} for message in said[-20:]]


async def _knowledge(case: Case, tools: Toolbox) -> Json:
    language = case.language or tools.shop.language
    passages = await tools.catalog.search(case.text, language=language)
    return [
        {
            "id": passage.article.id,
            "title": passage.article.title,
            "score": round(passage.score, 3),
            "quote": passage.quote,
        }
        for passage in passages
    ]


SOURCES: dict[Source, Callable[[Case, Toolbox], Awaitable[Json]]] = {
    "customer": _customer,
    "orders": _orders,
    "history": _history,
    "knowledge": _knowledge,
}
