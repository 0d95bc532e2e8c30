"""What a walk over recorded turns may use: parts that cannot ask, send, buy or change anything."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from orchestration.context import Toolbox
from orchestration.errors import NotAllowed
from orchestration.types import CustomerRecord, Order, Proposal

T = TypeVar("T")

HasTier = Callable[[str], bool]
_REFUSED = "nothing outside is asked or changed over recorded turns"


class NoShop:
    """A shop that nobody may ask."""

    actions_are_idempotent = False

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        """Refuse."""
        raise NotAllowed(_REFUSED)

    async def list_orders(self, customer: str) -> list[Order]:
        """Refuse."""
        raise NotAllowed(_REFUSED)

    async def find_order(self, customer: str, order: str) -> Order | None:
        """Refuse."""
        raise NotAllowed(_REFUSED)

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        """Refuse."""
        raise NotAllowed(_REFUSED)


class NoTelemetry:
    """Counts nothing, so that what did not happen is in no metric."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Let it pass."""

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Let it pass."""


def quiet(tools: Toolbox) -> Toolbox:
    """Return the parts without models, other systems, the shop and metrics; none has a channel."""
    return replace(tools, gateway=None, http=None, orders=NoShop(), telemetry=NoTelemetry())


async def apart(function: Callable[..., Awaitable[T]], *given: object) -> T:
    """Run a coroutine that only computes in a thread, so that customers do not wait for it."""

    async def run() -> T:
        return await function(*given)

    return await asyncio.to_thread(lambda: asyncio.run(run()))
