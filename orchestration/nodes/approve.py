"""Puts a draft before a human and waits for what they decide."""

from dataclasses import replace
from datetime import timedelta

from orchestration import store
from orchestration.nodes import (
    Config,
    Node,
    Outcome,
    Visit,
    Wait,
    as_json,
    draft_in,
    node_kinds,
)
from orchestration.types import RunId


class ApproveConfig(Config):
    """`timeout` such as 4h, after which nobody's answer counts as expired."""

    timeout: timedelta = timedelta(hours=4)


@node_kinds.register("approve")
class Approve(Node):
    """Waits until the draft is released, rejected or expired."""

    kind = "approve"
    Config = ApproveConfig

    @classmethod
    def exits(cls, config: ApproveConfig) -> tuple[str, ...]:
        """Released, rejected or expired."""
        return ("released", "rejected", "expired")

    @classmethod
    def reads(cls, config: ApproveConfig) -> frozenset[str]:
        """Read the draft."""
        return frozenset({"draft"})

    @classmethod
    def writes(cls, config: ApproveConfig) -> frozenset[str]:
        """Write the draft as the human released it."""
        return frozenset({"draft"})

    async def run(self, visit: Visit) -> Outcome:
        """Open the approval, or go on with what was decided."""
        draft = draft_in(visit.state)
        assert visit.case.run is not None  # noqa: S101
        run = RunId(visit.case.run.id)
        approval = await visit.tools.database.read(
            lambda connection: store.find_approval(
                connection, run, visit.part, visit.node, visit.number
            )
        )
        if approval is None or approval.status == "open":
            reasons = tuple((visit.state.get("verdict") or {}).get("reasons", ()))
            expires_at = visit.tools.clock() + self.config.timeout
            return Outcome(
                wait=Wait(draft=draft, reasons=reasons, expires_at=expires_at),
                input={"draft": draft.text},
            )
        decided = replace(draft, text=approval.text or draft.text)
        return Outcome(
            exit=approval.status,
            updates={"draft": as_json(decided)},
            input={"draft": draft.text},
            notes={"by": approval.decided_by, "reason": approval.reason},
        )
