"""A link with which whoever started the demo is signed in, once."""

import hmac
import secrets
from datetime import timedelta

from orchestration.interfaces import Clock

WORKS_FOR = timedelta(minutes=10)


class SignInLink:
    """Works once, and not for long, in the process that made it."""

    def __init__(self, clock: Clock) -> None:
        self.token = secrets.token_urlsafe(32)
        self._clock = clock
        self._ends_at = clock() + WORKS_FOR
        self._is_used = False

    def use(self, token: str) -> bool:
        """Tell whether this token signs somebody in; it does not a second time."""
        is_right = hmac.compare_digest(token.encode(), self.token.encode())
        if not is_right or self._is_used or self._clock() > self._ends_at:
            return False
        self._is_used = True
        return True
