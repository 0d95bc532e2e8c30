"""How fast one visitor may open chats and write in them."""

import time

from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from orchestration.errors import LimitReached

SESSIONS = parse("60/minute")
MESSAGES = parse("100/minute")

_limiter = MovingWindowRateLimiter(MemoryStorage())


def allow_session(request: Request) -> None:
    """Count an opened chat; raises `LimitReached` where one address opens too many."""
    address = request.client.host if request.client else "unknown"
    _allow(SESSIONS, f"session {address}")


def allow_message(session: str) -> None:
    """Count a message; raises `LimitReached` where one visitor writes too many."""
    _allow(MESSAGES, f"message {session}")


def _allow(limit: RateLimitItem, key: str) -> None:
    if _limiter.hit(limit, key):
        return
    opens_at = _limiter.get_window_stats(limit, key).reset_time
    wait = max(1.0, opens_at - time.time())
    raise LimitReached(f"at most {limit}; try again in {wait:.0f} s", retry_after=wait)
