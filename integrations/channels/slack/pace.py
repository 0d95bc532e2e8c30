"""Keeps to the posts a second that Slack takes in one channel, and waits when it asks to."""

import asyncio
from collections import defaultdict

from orchestration.errors import TemporaryFailure

_TICK = 0.01


class Pace:
    """Lets posts to one channel through one after the other, `interval` seconds apart.

    Whoever would have to wait longer than `patience` seconds is sent away until then.
    """

    def __init__(self, *, interval: float = 1.0, patience: float = 5.0) -> None:
        self._interval = interval
        self._patience = patience
        self._free_at: dict[str, float] = {}
        self._waiting: dict[str, int] = defaultdict(int)
        self._gates: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def wait(self, channel: str) -> None:
        """Return when it is this post's turn; raises `TemporaryFailure` where that takes long."""
        expected = self._delay(channel) + self._waiting[channel] * self._interval
        if expected > self._patience:
            raise TemporaryFailure("other posts to the channel come first", retry_after=expected)
        self._waiting[channel] += 1
        try:
            async with self._gates[channel]:
                await asyncio.sleep(self._delay(channel))
                # Somebody may have been asked to wait meanwhile.
                if (delay := self._delay(channel)) > _TICK:
                    raise TemporaryFailure("Slack asks to wait", retry_after=delay)
                self._free_at[channel] = _now() + self._interval
        finally:
            self._waiting[channel] -= 1

    def hold(self, channel: str, seconds: float) -> None:
        """Let nothing through to the channel for so long."""
        self._free_at[channel] = max(self._free_at.get(channel, 0.0), _now() + seconds)

    def _delay(self, channel: str) -> float:
        return max(self._free_at.get(channel, 0.0) - _now(), 0.0)


def _now() -> float:
    return asyncio.get_running_loop().time()
