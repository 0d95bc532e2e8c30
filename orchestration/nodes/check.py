"""Judges a draft before it may leave."""

from datetime import timedelta
from functools import partial

from pydantic import Field

from orchestration import judging, prompts, quality
from orchestration.gateway import Unanswered
from orchestration.nodes import Config, Node, Outcome, Visit, complete, draft_in, node_kinds
from orchestration.types import Draft, Json, Verdict


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
    # More than a run has for models, so that the next model is asked where one hangs.
    timeout = timedelta(seconds=60)

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

    @classmethod
    def seals(cls, config: CheckConfig, exit: str) -> bool:
        """Let the draft be sent where it passed."""
        return exit == "passed"

    async def run(self, visit: Visit) -> Outcome:
        """Check the draft against its evidence; what passes, the judge may still refuse."""
        draft = draft_in(visit.state)
        verdict = await self._check(draft, visit)
        notes: dict[str, Json] = {}
        if verdict.outcome == "passed" and self.config.judge:
            verdict, notes["judge"] = await self._judge(self.config.judge, draft, visit)
        found: Json = {"outcome": verdict.outcome, "reasons": list(verdict.reasons)}
        return Outcome(
            exit=verdict.outcome,
            updates={"verdict": found},
            input={"draft": draft.text, "responder": draft.responder},
            notes=notes,
        )

    async def _check(self, draft: Draft, visit: Visit) -> Verdict:
        case, shop = visit.case, visit.tools.shop
        orders = await case.orders(visit.tools.orders)
        return quality.check(
            draft,
            question=case.text,
            language=draft.language,
            link_domains=shop.link_domains,
            order_number=shop.order_number,
            own_orders=[order.id for order in orders],
            min_confidence=self.config.min_confidence,
        )

    async def _judge(self, tier: str, draft: Draft, visit: Visit) -> tuple[Verdict, str]:
        passed = Verdict(outcome="passed")
        if not visit.tools.has_tier(tier):
            return passed, f"{tier}: skipped, no model is configured"
        assert visit.case.run is not None  # noqa: S101
        share = self.config.sample
        if share is not None and not judging.is_sampled(visit.case.run.id, share):
            return passed, f"{tier}: skipped, not in the sample"
        try:
            verdict = await judging.judge(
                draft,
                question=visit.case.text,
                shop=visit.tools.shop.name,
                min_confidence=self.config.min_confidence,
                ask=partial(complete, visit, tier, purpose="judge"),
            )
        except Unanswered as failure:
            # What nobody has judged is for a human to release.
            reason = f"the judge did not answer: {failure}"
            return Verdict(outcome="unsure", reasons=(reason,)), f"{tier}: {failure}"
        prompt = prompts.load(judging.PROMPT)
        return verdict, f"{tier}: {verdict.outcome} (prompt {prompt.name} {prompt.version})"
