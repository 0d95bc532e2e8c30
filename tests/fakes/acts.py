"""Node kinds of the tests alone: what such a node does is a function of the test's own."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from orchestration.nodes import Config, Node, Outcome, Visit, as_json, node_kinds
from orchestration.types import Draft, Json

Act = Callable[[Visit], Awaitable[Outcome]]

_acts: dict[str, Act] = {}


class ActConfig(Config):
    """What a test has a node say is taken as checked, unless it says otherwise."""

    act: str
    ways: tuple[str, ...] = ("done",)
    written: tuple[str, ...] = ("draft",)
    checked: bool = True


@node_kinds.register("test_act")
class ActNode(Node):
    Config = ActConfig

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        return tuple(config.ways)

    @classmethod
    def writes(cls, config: Any) -> frozenset[str]:
        return frozenset(config.written)

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool | None:
        return bool(config.checked) if "draft" in config.written else None

    async def run(self, visit: Visit) -> Outcome:
        return await _acts[self.config.act](visit)


@node_kinds.register("test_external")
class ExternalNode(ActNode):
    touches = "external"


@node_kinds.register("test_end")
class EndNode(ActNode):
    ends = True

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        return ()


@contextmanager
def acting(**acts: Act) -> Iterator[dict[str, Act]]:
    """Let nodes with these names do this, and return the names for more of them."""
    _acts.update(acts)
    try:
        yield _acts
    finally:
        _acts.clear()


def drafted(text: str, **updates: Json) -> Outcome:
    """Return the outcome of a node that drafts these words."""
    return Outcome(
        exit="done", updates={"draft": as_json(Draft(text=text, responder="test")), **updates}
    )


async def echo(visit: Visit) -> Outcome:
    """Answer with the turn's own words."""
    return drafted(f"heard: {visit.case.text}")


def failing(*errors: Exception) -> tuple[Act, list[Exception]]:
    """Return an act that raises these one after the other and then answers, and those left."""
    left = list(errors)

    async def fail(visit: Visit) -> Outcome:
        if left:
            raise left.pop(0)
        return await echo(visit)

    return fail, left
