"""Why a completion came to nothing; nodes abstain on any of them and the reason is on the step.

PermanentFailure
└── Unanswered               no model answered: the next responder is asked, or a human
    ├── NoModel              the tier has no model
    ├── BudgetGone           a cap leaves no room for the call
    ├── RunLimitReached      the run has used its requests or its time
    └── ModelsFailed         every model of the tier was tried
"""

from collections.abc import Sequence
from typing import Literal

from orchestration.costs import Allowance
from orchestration.errors import PermanentFailure

Cure = Literal["repeat", "repair", "leave"]


# Permanent, so that the engine does not retry on top of us.
class Unanswered(PermanentFailure):
    """No model gave an answer that can be used."""


class NoModel(Unanswered):
    """The tier has no model."""

    def __init__(self, tier: str) -> None:
        super().__init__(f"no model is configured for the tier {tier!r}")


class BudgetGone(Unanswered):
    """A cap leaves no room for the call; `allowance` says which."""

    def __init__(self, allowance: Allowance) -> None:
        of = f"the {allowance.scope} {allowance.period}".rstrip()
        super().__init__(f"the budget of {of} is gone: its cap is {allowance.cap} USD")
        self.allowance = allowance


class RunLimitReached(Unanswered):
    """The run has used up its requests or its time with models."""


class ModelsFailed(Unanswered):
    """Every model of the tier was tried; `reasons` says what became of each request.

    `was_answered` says that an answer arrived at all, though none that could be used.
    """

    def __init__(self, tier: str, reasons: Sequence[str], *, was_answered: bool = False) -> None:
        super().__init__(f"no model of the tier {tier!r} answered: {'; '.join(reasons)}")
        self.tier = tier
        self.reasons = tuple(reasons)
        self.was_answered = was_answered


class NotNow(PermanentFailure):
    """A model that rests after failures, or is busy for longer than there is time."""


class MinuteFull(PermanentFailure):
    """A model has had its requests of this minute; in `seconds` it may be asked again."""

    def __init__(self, limit: int, seconds: float) -> None:
        super().__init__(f"has had its {limit} requests of this minute")
        self.seconds = seconds


class Unusable(PermanentFailure):
    """An answer that arrived and cannot be used.

    `cure` is what may help: to ask again, to say what was wrong, or to leave this model.
    """

    def __init__(self, message: str, cure: Cure) -> None:
        super().__init__(message)
        self.cure = cure
