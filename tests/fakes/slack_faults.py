"""The ways in which Slack, and the network before it, fails a call."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls one call.

    `applies` says whether Slack does what was asked all the same, `after` seconds later where that
    is not 0. `answer` is what the caller sees: `reset` (the connection breaks), `hang` (nothing
    comes), `malformed` (broken JSON), `html` (a page with status 200), `text` (a plain 500),
    `busy` (429 with `Retry-After: seconds`) or an error of Slack's such as `not_in_channel`.
    """

    answer: str
    applies: bool = False
    after: float = 0
    seconds: float = 1


RESET = Fault(answer="reset")
RESET_AFTER_ACCEPTED = Fault(answer="reset", applies=True)
APPLIED_LATE = Fault(answer="reset", applies=True, after=0.3)
SERVER_ERROR = Fault(answer="text")
SERVER_ERROR_AFTER_ACCEPTED = Fault(answer="text", applies=True)
HANG = Fault(answer="hang")
HANG_AFTER_ACCEPTED = Fault(answer="hang", applies=True)
MALFORMED = Fault(answer="malformed", applies=True)
HTML_PAGE = Fault(answer="html", applies=True)
BUSY = Fault(answer="busy")


def busy(seconds: float) -> Fault:
    """Return a 429 that asks to wait."""
    return Fault(answer="busy", seconds=seconds)


def refusing(error: str) -> Fault:
    """Return an error that Slack answers with: `channel_not_found`, `token_revoked` …"""
    return Fault(answer=error)
