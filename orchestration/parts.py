"""The parts of a run whose turn asks for several things: each takes the workflow by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from orchestration.types import RISKS, URGENCIES, Json

# A turn that asks for more than this is a human's, as a whole.
MOST = 4

_ROUTES = ("simple", "complex", "human")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One request of a turn and what has become of it, as the run's record keeps it.

    `number` is that of its steps, model calls and approvals. `orders` are those it is about without
    naming them, from what was said before it; `answers` says that it gives the order number that we
    had asked for. `intents` are the intent it was read as and the runner-up. `outcome` is None
    until its path has stopped: `send escalate close`, or `wait` for a human's decision. `cost` is
    in USD.
    """

    number: int
    text: str
    orders: tuple[str, ...] = ()
    answers: bool = False
    intents: tuple[str, ...] = ()
    classification: Json = None
    route: str | None = None
    rule: str | None = None
    rules_tried: Json = None
    outcome: str | None = None
    error: str | None = None
    cost: str = "0"

    @property
    def is_over(self) -> bool:
        """Whether its path has come to an end, which has been told and is not walked again."""
        return self.outcome not in (None, "wait")


_PARTS = TypeAdapter(tuple[Part, ...])


def from_json(kept: Json) -> tuple[Part, ...]:
    """Return the parts that a run's record keeps; none where its turn asks for one thing."""
    return _PARTS.validate_python(kept or ())


def as_json(parts: Sequence[Part]) -> Json:
    """Return parts as plain JSON for the record; None where there are none."""
    return _PARTS.dump_python(tuple(parts), mode="json") or None


def most_demanding(parts: Sequence[Part]) -> Part:
    """Return the part whose route, rule and intent stand for the run: human, complex, simple."""
    return max(parts, key=_demand)


def decision(parts: Sequence[Part]) -> dict[str, Json]:
    """Return what the run's own record says of route, rule and classification."""
    leading = most_demanding(parts)
    read = [part.classification for part in parts if part.classification]
    return {
        "route": leading.route,
        "rule": leading.rule,
        "rules_tried": leading.rules_tried,
        "classification": _sum_up(read, leading.classification or read[0]) if read else None,
        "parts": as_json(parts),
    }


def _demand(part: Part) -> tuple[int, bool, int]:
    """Rank by route, then by whether a human was needed, then by urgency; the first wins a tie."""
    read: Mapping[str, Any] = part.classification or {}
    needs_human = part.outcome in ("escalate", "wait")
    is_known = part.route in _ROUTES
    # An operator's own route counts by what came of it.
    by_outcome = 2 if needs_human else int(read.get("complexity") != "simple")
    rank = _ROUTES.index(str(part.route)) if is_known else by_outcome
    return rank, needs_human, URGENCIES.index(read.get("urgency") or "normal")


def _sum_up(read: Sequence[Mapping[str, Json]], leading: Mapping[str, Json]) -> Json:
    """Return the leading part's classification, raised by all others."""
    return {
        **leading,
        "urgency": max((each["urgency"] for each in read), key=URGENCIES.index),
        "complexity": "complex",
        "wants_human": any(each["wants_human"] for each in read),
        "risk": min((each["risk"] for each in read), key=RISKS.index),
        "requests": len(read),
        "entities": _together([each["entities"] for each in read]),
    }


def _together(entities: Iterable[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in entities:
        for kind, values in each.items():
            known = found.setdefault(kind, [])
            known += [value for value in values if value not in known]
    return found
