"""All errors that callers may act on.

FrontdeskError
├── BadInput            422   the sender must change something; names the field
├── InvalidWorkflow     422   carries the problems found
├── NotAuthenticated    401
├── NotAllowed          403
├── NotFound            404
├── Conflict            409   the state moved on; carries what it is now
│   └── GatesRefuse           a draft does what its workflow's gates do not allow
├── TooLarge            413
├── LimitReached        429   carries the seconds to wait
├── DatabaseAway        503   it was restarted, or cannot be reached; carries the seconds to wait
├── ExternalFailure           a system outside did not do what was asked
│   ├── TemporaryFailure 503  may work later
│   └── PermanentFailure 502  will never work
│       ├── ContextTooLong    more text than the model takes
│       └── ContentRefused    the provider's filter stands against it
└── Fenced                    another worker has the conversation; never leaves `turns`
    └── Superseded            the customer wrote again; the turn starts anew
"""

from collections.abc import Mapping, Sequence
from typing import Any


class FrontdeskError(Exception):
    """The root: `status` is the HTTP status the API answers with."""

    status = 500
    title = "Something failed"


class BadInput(FrontdeskError):
    """Input that must be changed; `field` is the path of what was wrong."""

    status = 422
    title = "The request cannot be accepted as it is"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidWorkflow(FrontdeskError):
    """A workflow document with problems that stop it."""

    status = 422
    title = "The workflow has problems"

    def __init__(self, message: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class NotAuthenticated(FrontdeskError):
    """No key, session or signature that opens this."""

    status = 401
    title = "Not authenticated"


class NotAllowed(FrontdeskError):
    """Known, but not allowed to do this."""

    status = 403
    title = "Not allowed"


class NotFound(FrontdeskError):
    """The named thing does not exist, or is not this caller's to see."""

    status = 404
    title = "Not found"


class Conflict(FrontdeskError):
    """The state has moved on; `current` shows what it is now."""

    status = 409
    title = "Conflict"

    def __init__(self, message: str, *, current: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.current = dict(current or {})


class GatesRefuse(Conflict):
    """A draft that its workflow's gates refuse; `refusals` says which, and what they found."""

    title = "The gates refuse"

    def __init__(self, message: str, refusals: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message)
        self.refusals = tuple(refusals)


class TooLarge(FrontdeskError):
    """More than is accepted."""

    status = 413
    title = "Too large"


class LimitReached(FrontdeskError):
    """Too many; `retry_after` says in how many seconds it may work."""

    status = 429
    title = "Limit reached"

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DatabaseAway(FrontdeskError):
    """The database does not answer, and nobody knows whether what was being written is.

    Whoever asked asks again; a conversation that was being worked on is due still.
    """

    status = 503
    title = "Temporarily not possible"
    retry_after = 1.0

    def __init__(self, *, reason: str) -> None:
        # Its own words may name hosts and users, which are not everybody's to know.
        super().__init__("the database does not answer at the moment; send the same again")
        self.reason = reason


class ExternalFailure(FrontdeskError):
    """A system outside did not do what was asked."""


class TemporaryFailure(ExternalFailure):
    """May work later, after `retry_after` seconds where the other side said so.

    `in_doubt` says that the other side may have done it all the same.
    """

    status = 503
    title = "Temporarily not possible"

    def __init__(
        self, message: str, *, retry_after: float | None = None, in_doubt: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.in_doubt = in_doubt


class PermanentFailure(ExternalFailure):
    """Will not work however often it is tried."""

    status = 502
    title = "Refused by the other side"


class ContextTooLong(PermanentFailure):
    """The model takes less text than it was given; another may take it."""


class ContentRefused(PermanentFailure):
    """The provider's content filter refused; another model may answer."""


class Fenced(FrontdeskError):
    """Another worker has taken the conversation; whatever this one did is not committed."""


class Superseded(Fenced):
    """The conversation changed while the run worked; its turn starts again."""


def describe(error: BaseException) -> str:
    """Return an error's kind and words, without what a table cannot hold."""
    words = "took too long" if isinstance(error, TimeoutError) else str(error)
    return f"{type(error).__name__}: {words}".replace("\0", "").encode(errors="replace").decode()
