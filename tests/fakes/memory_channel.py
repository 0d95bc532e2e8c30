"""A channel in memory that shows what it is given and fails as it is told to."""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from orchestration.types import Parcel, Receipt


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What becomes of one attempt.

    With `shows` the parcel arrives even though `error` is raised; with `gate` the attempt first
    waits for it.
    """

    error: Exception | None = None
    shows: bool = False
    gate: asyncio.Event | None = None


class MemoryChannel:
    """What arrived stands in `shown`, what was tried in `attempts`."""

    def __init__(
        self,
        *,
        name: str = "memory",
        is_idempotent: bool = True,
        settles_in: timedelta = timedelta(seconds=10),
    ) -> None:
        self.name = name
        self.is_idempotent = is_idempotent
        self.settles_in = settles_in
        self.shown: list[Parcel] = []
        self.attempts: list[Parcel] = []
        self.looks = 0
        self.begun = asyncio.Event()
        self.blind: Exception | None = None
        self._script: deque[Attempt] = deque()
        self._otherwise = Attempt()

    def script(self, *attempts: Attempt) -> None:
        """Treat the next attempts so; those after them arrive."""
        self._script.extend(attempts)

    def always(self, attempt: Attempt) -> None:
        """Treat every attempt so that the script says nothing of."""
        self._otherwise = attempt

    async def deliver(self, parcel: Parcel) -> Receipt:
        self.attempts.append(parcel)
        self.begun.set()
        attempt = self._script.popleft() if self._script else self._otherwise
        if attempt.gate:
            await attempt.gate.wait()
        if attempt.error is None or attempt.shows:
            self._show(parcel)
        if attempt.error:
            raise attempt.error
        return Receipt(reference=f"shown-{parcel.delivery}")

    async def find(self, parcel: Parcel) -> Receipt | None:
        self.looks += 1
        if self.blind:
            raise self.blind
        is_there = any(one.delivery == parcel.delivery for one in self.shown)
        return Receipt(reference=f"found-{parcel.delivery}") if is_there else None

    def _show(self, parcel: Parcel) -> None:
        is_repeat = any(one.delivery == parcel.delivery for one in self.shown)
        if not (self.is_idempotent and is_repeat):
            self.shown.append(parcel)
