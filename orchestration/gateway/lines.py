"""The line to a model: how many may use it at once, and when it is left alone to recover."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from orchestration.gateway.failures import NotNow
from orchestration.interfaces import Clock
from orchestration.types import ModelConfig

FAILURES_IN_A_ROW = 5
REST = timedelta(seconds=30)


class Line:
    """One process's way to one model; after failures in a row the model rests for a while."""

    def __init__(self, model: ModelConfig, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._places = asyncio.Semaphore(model.max_concurrency)
        self._failures = 0
        self._rests_until: datetime | None = None

    @asynccontextmanager
    async def place(self, *, patience: float) -> AsyncIterator[None]:
        """Hold one of the model's places; raises `NotNow` where it rests or all stay taken."""
        if self._is_resting():
            raise NotNow(f"rests after {self._failures} failures in a row")
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            raise NotNow("busy for longer than there is time") from None
        try:
            self._enter()
            yield
        finally:
            self._places.release()

    def succeed(self) -> None:
        """Note that the model answered."""
        self._failures = 0
        self._rests_until = None

    def fail(self) -> None:
        """Note that the model did not answer."""
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._rests_until = self._clock() + REST

    def _is_resting(self) -> bool:
        return self._rests_until is not None and self._clock() < self._rests_until

    def _enter(self) -> None:
        # It may have begun to rest while we waited for a place.
        if self._is_resting():
            raise NotNow(f"rests after {self._failures} failures in a row")
        # Back from a rest it is tried by one; the others leave it alone until that one is answered.
        if self._rests_until is not None:
            self._rests_until = self._clock() + REST


class Lines:
    """The lines to all models; a model in two tiers has one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: dict[tuple[str, str | None], Line] = {}

    def to(self, model: ModelConfig) -> Line:
        """Return the line to a model."""
        key = (model.name, model.api_base)
        if key not in self._lines:
            self._lines[key] = Line(model, self._clock)
        return self._lines[key]
