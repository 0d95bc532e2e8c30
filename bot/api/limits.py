"""How fast one visitor may open chats and write in them, and how often a wrong key may be tried."""

import time

from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from orchestration.errors import LimitReached

SESSIONS = parse("60/minute")
MESSAGES = parse("100/minute")
WRONG_KEYS = parse("10/minute")

_limiter = MovingWindowRateLimiter(MemoryStorage())


def allow_session(request: Request) -> None:
    """Count an opened chat; raises `LimitReached` where one address opens too many."""
    _allow(SESSIONS, f"session {_address(request)}")


def allow_message(session: str) -> None:
    """Count a message; raises `LimitReached` where one visitor writes too many."""
    _allow(MESSAGES, f"message {session}")


def allow_sign_in(request: Request) -> None:
    """Count nothing yet; raises `LimitReached` where one address has given too many wrong keys."""
    key = _wrong_keys(request)
    if not _limiter.test(WRONG_KEYS, key):
        raise _reached(WRONG_KEYS, key)


def note_wrong_key(request: Request) -> None:
    """Count a sign-in with a wrong key."""
    _limiter.hit(WRONG_KEYS, _wrong_keys(request))


def _wrong_keys(request: Request) -> str:
    return f"wrong key {_address(request)}"


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _allow(limit: RateLimitItem, key: str) -> None:
    if not _limiter.hit(limit, key):
        raise _reached(limit, key)


def _reached(limit: RateLimitItem, key: str) -> LimitReached:
    opens_at = _limiter.get_window_stats(limit, key).reset_time
    wait = max(1.0, opens_at - time.time())
    return LimitReached(f"at most {limit}; try again in {wait:.0f} s", retry_after=wait)
