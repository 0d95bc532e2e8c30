"""Ends a path by sending the draft to the customer."""

from orchestration.nodes import End, Node, Outcome, Visit, draft_in, node_kinds


@node_kinds.register("send")
class Send(Node):
    """Hands the draft to the engine, which sends it if the conversation has not moved on.

    The engine makes it a failure where no check has passed this very draft and nobody released it.
    """

    kind = "send"
    ends = True

    @classmethod
    def exits(cls, config: object) -> tuple[str, ...]:
        """It ends a path."""
        return ()

    @classmethod
    def reads(cls, config: object) -> frozenset[str]:
        """Read the draft."""
        return frozenset({"draft"})

    async def run(self, visit: Visit) -> Outcome:
        """End with the draft."""
        draft = draft_in(visit.state)
        return Outcome(end=End(kind="send", draft=draft), input={"draft": draft.text})
