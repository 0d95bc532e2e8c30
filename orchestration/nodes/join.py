"""Waits for all branches of a fork and goes on as one."""

from orchestration.nodes import Node, Outcome, Visit, node_kinds


@node_kinds.register("join")
class Join(Node):
    """Goes on once every branch has arrived."""

    kind = "join"

    async def run(self, visit: Visit) -> Outcome:
        """Go on; the engine has brought the branches together."""
        return Outcome(exit="done")
