"""Judges a draft before it may leave."""

from pydantic import Field

from orchestration import quality
from orchestration.nodes import Config, Node, Outcome, Visit, draft_in, node_kinds
from orchestration.types import Json


class CheckConfig(Config):
    """`judge` is the tier that judges where the checks in code cannot; `sample` how often, 0..1."""

    judge: str | None = None
    sample: float | None = Field(default=None, ge=0, le=1)
    min_confidence: float | None = Field(default=None, ge=0, le=1)


@node_kinds.register("check")
class Check(Node):
    """Runs the checks in code; a judge without a model is skipped and noted."""

    kind = "check"
    Config = CheckConfig
    touches = "paid"

    @classmethod
    def exits(cls, config: CheckConfig) -> tuple[str, ...]:
        """Passed, failed, or not sure."""
        return ("passed", "failed", "unsure")

    @classmethod
    def reads(cls, config: CheckConfig) -> frozenset[str]:
        """Read the draft."""
        return frozenset({"draft"})

    @classmethod
    def writes(cls, config: CheckConfig) -> frozenset[str]:
        """Write what was found wrong."""
        return frozenset({"verdict"})

    async def run(self, visit: Visit) -> Outcome:
        """Check the draft against its evidence."""
        draft, case, shop = draft_in(visit.state), visit.case, visit.tools.shop
        orders = await case.orders(visit.tools.orders)
        verdict = quality.check(
            draft,
            question=case.text,
            language=draft.language,
            link_domains=shop.link_domains,
            order_number=shop.order_number,
            own_orders=[order.id for order in orders],
            min_confidence=self.config.min_confidence,
        )
        found: Json = {"outcome": verdict.outcome, "reasons": list(verdict.reasons)}
        notes = {"judge": f"{self.config.judge}: skipped, no model is configured"}
        return Outcome(
            exit=verdict.outcome,
            updates={"verdict": found},
            input={"draft": draft.text, "responder": draft.responder},
            notes=notes if self.config.judge else {},
        )
