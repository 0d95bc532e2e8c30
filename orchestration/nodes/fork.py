"""Opens branches that run in parallel; they come together again at a join."""

from pydantic import Field

from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds


class ForkConfig(Config):
    """`branches` are its exits, which need not be listed twice; each opens a branch."""

    branches: tuple[str, ...] = Field(min_length=1, description="one exit for each branch")


@node_kinds.register("fork")
class Fork(Node):
    """Leaves by all its exits at once."""

    kind = "fork"
    Config = ForkConfig

    @classmethod
    def exits(cls, config: ForkConfig) -> tuple[str, ...]:
        """Name the branches."""
        return config.branches

    async def run(self, visit: Visit) -> Outcome:
        """Open the branches; the engine walks them all."""
        return Outcome(exit=self.config.branches[0], notes={"branches": list(self.config.branches)})
