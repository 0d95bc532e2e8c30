"""Ends a path by closing the conversation, with a last word or without."""

from orchestration.nodes import Config, End, Node, Outcome, Visit, node_kinds


class CloseConfig(Config):
    """`reason` is kept with the conversation; `text` is the last word to the customer."""

    reason: str = "closed by the workflow"
    text: str | None = None


@node_kinds.register("close")
class Close(Node):
    """Resolves the conversation as closed."""

    kind = "close"
    Config = CloseConfig
    ends = True

    @classmethod
    def exits(cls, config: CloseConfig) -> tuple[str, ...]:
        """It ends a path."""
        return ()

    async def run(self, visit: Visit) -> Outcome:
        """End without a human."""
        return Outcome(end=End(kind="close", text=self.config.text, reason=self.config.reason))
