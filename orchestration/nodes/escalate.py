"""Ends a path by handing the conversation to a human, with everything they need."""

from orchestration import escalation
from orchestration.nodes import Config, End, Node, Outcome, Visit, node_kinds


class EscalateConfig(Config):
    """`queue` that takes the case; `reason` in place of the one the run itself gives."""

    queue: str | None = None
    reason: str | None = None


@node_kinds.register("escalate")
class Escalate(Node):
    """Writes the brief and opens the case."""

    kind = "escalate"
    Config = EscalateConfig
    ends = True

    @classmethod
    def exits(cls, config: EscalateConfig) -> tuple[str, ...]:
        """It ends a path."""
        return ()

    async def run(self, visit: Visit) -> Outcome:
        """Assemble the brief."""
        reason = self.config.reason or escalation.reason_of(visit.state)
        brief = await escalation.write_brief(visit.case, visit.tools, visit.state)
        queue = self.config.queue or escalation.DEFAULT_QUEUE
        end = End(kind="escalate", queue=queue, reason=reason, brief=brief)
        return Outcome(end=end, input={"reason": reason, "queue": queue}, notes={"brief": brief})
