"""Goes one way or the other by a condition."""

from orchestration import rules
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds


class BranchConfig(Config):
    """`when` is a condition as in a rule."""

    when: rules.When


@node_kinds.register("branch")
class Branch(Node):
    """Leaves by `yes` where the condition holds, else by `no`."""

    kind = "branch"
    Config = BranchConfig

    @classmethod
    def exits(cls, config: BranchConfig) -> tuple[str, ...]:
        """Leave by yes or no."""
        return ("yes", "no")

    @classmethod
    def reads(cls, config: BranchConfig) -> frozenset[str]:
        """Read the condition's fields."""
        return rules.fields_of(config.when)

    async def run(self, visit: Visit) -> Outcome:
        """Evaluate the condition."""
        read = {name: visit.state.get(name) for name in sorted(self.reads(self.config))}
        if rules.matches(self.config.when, visit.state):
            return Outcome(exit="yes", input=read)
        why = rules.failed_on(self.config.when, visit.state)
        return Outcome(exit="no", input=read, notes={"failed_on": why})
