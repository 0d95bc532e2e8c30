"""Gates: what a backtest may show of a draft at the most, or publishing it needs a reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from orchestration.types import Json

Share = Annotated[float, Field(ge=0, le=1)]


class Gates(BaseModel):
    """The bounds of one workflow; null takes a gate away.

    `human_rise` is in shares of all turns (0.05: five more in a hundred reach a human), `cost_rise`
    a part of what they cost before (0.25: a quarter more), `not_replayable` a share of all turns,
    `turns` how many recorded turns are looked at.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    urgent_lost: Annotated[int, Field(ge=0)] | None = 0
    human_rise: Share | None = 0.05
    cost_rise: Annotated[float, Field(ge=0, le=1000)] | None = 0.25
    not_replayable: Share | None = 0.2
    turns: Annotated[int, Field(ge=1, le=100_000)] = 1000

    @property
    def ask_backtest(self) -> bool:
        """Whether there is a bound that only a backtest can tell of."""
        return any(value is not None for name, value in self if name != "turns")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A gate that refuses, in one sentence, with what was found and what it allows."""

    gate: str
    message: str
    found: Json = None
    allowed: Json = None

    def document(self) -> dict[str, Json]:
        """Return the refusal as the API shows it."""
        return {
            "gate": self.gate,
            "message": self.message,
            "found": self.found,
            "allowed": self.allowed,
        }


def judge(report: Mapping[str, Json], gates: Gates) -> list[Refusal]:
    """Return the gates that a backtest's report does not pass; none where no turn was recorded."""
    if not report["turns"]:
        return []
    checks = (_urgent_lost, _human_rise, _cost_rise, _not_replayable)
    return [refusal for check in checks for refusal in check(report, gates)]


def failing_cases(failures: Sequence[str]) -> list[Refusal]:
    """Return the gate of the regression cases; it has no bound."""
    if not failures:
        return []
    one = "a regression case fails" if len(failures) == 1 else f"{len(failures)} cases fail"
    message = f"{one}: {'; '.join(failures[:3])}{' …' if len(failures) > 3 else ''}"
    return [Refusal(gate="cases", message=message, found=len(failures), allowed=0)]


def _urgent_lost(report: Mapping[str, Json], gates: Gates) -> Iterator[Refusal]:
    allowed, lost = gates.urgent_lost, len(report["urgent_lost"])
    if allowed is None or lost <= allowed:
        return
    turns = "urgent or risky turn" if lost == 1 else "urgent or risky turns"
    message = f"{lost} {turns} would no longer reach a human; allowed: {allowed}"
    yield Refusal(gate="urgent_lost", message=message, found=lost, allowed=allowed)


def _human_rise(report: Mapping[str, Json], gates: Gates) -> Iterator[Refusal]:
    before, after = report["human"]["before"], report["human"]["after"]
    allowed = gates.human_rise
    # The shares are quotients of whole numbers; what rounding adds must not refuse.
    if allowed is None or after - before <= allowed + 1e-9:
        return
    message = (
        f"{after:.1%} of the turns would reach a human, {before:.1%} did; "
        f"it may rise by {allowed * 100:g} in a hundred"
    )
    rise = round(after - before, 6)
    yield Refusal(gate="human_rise", message=message, found=rise, allowed=allowed)


def _cost_rise(report: Mapping[str, Json], gates: Gates) -> Iterator[Refusal]:
    before, after = Decimal(report["cost"]["before"]), Decimal(report["cost"]["after"])
    allowed = gates.cost_rise
    if allowed is None or after <= before * (1 + Decimal(str(allowed))):
        return
    message = (
        f"the recorded turns would cost {_dollars(after)} in place of {_dollars(before)}; "
        f"it may rise by {allowed * 100:g} %"
    )
    rise = round(float(after / before - 1), 6) if before else None
    yield Refusal(gate="cost_rise", message=message, found=rise, allowed=allowed)


def _not_replayable(report: Mapping[str, Json], gates: Gates) -> Iterator[Refusal]:
    turns, unknown = report["turns"], report["not_replayable"]
    allowed = gates.not_replayable
    if allowed is None or unknown <= turns * allowed + 1e-9:
        return
    message = (
        f"{unknown} of {turns} turns could not be judged exactly; "
        f"allowed: {allowed * 100:g} in a hundred"
    )
    share = round(unknown / turns, 6)
    yield Refusal(gate="not_replayable", message=message, found=share, allowed=allowed)


def _dollars(amount: Decimal) -> str:
    return f"${amount:.4f}"
