"""Adds up what a version changes: routes, cost, humans, and who would be lost."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from math import sqrt

from pydantic import TypeAdapter

from orchestration.backtest.decisions import Change, Decision
from orchestration.backtest.forecast import Estimate
from orchestration.store import RecordedTurn
from orchestration.types import Json

ERASED = "its words have been erased"
# Of what a change tells both sides.
KINDS = ("route", "rule", "end")
# Three standard deviations: beyond them a sum of so many turns hardly ever comes out.
_SURE = 3
_SECONDS_PER_HOUR = 3600
_HOURS = 24
_PLACES = Decimal(1).scaleb(-12)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one turn adds to the sums: costs in USD, chances of a human, and what is estimated."""

    at: datetime
    cost: tuple[Decimal, Decimal]
    human: tuple[bool, float]
    route: tuple[str | None, str | None]
    is_changed: bool
    unknown: str | None
    rest: tuple[tuple[str, Estimate], ...]

    @classmethod
    def of(cls, turn: RecordedTurn, decision: Decision, change: Change | None) -> "Figures":
        """Return the figures of a decided turn."""
        return cls(
            at=turn.at,
            cost=(turn.cost, decision.cost),
            human=(turn.was_with_human, decision.human),
            route=(turn.route, decision.route),
            is_changed=change is not None,
            unknown=decision.unknown,
            rest=decision.rest,
        )

    def as_json(self) -> Json:
        """Return the figures as plain JSON."""
        return _FIGURES.dump_python(self, mode="json")

    @classmethod
    def from_json(cls, kept: Json) -> "Figures":
        """Read back what `as_json` gave."""
        return _FIGURES.validate_python(kept)


_FIGURES = TypeAdapter(Figures)


@dataclass(kw_only=True)
class Summary:
    """The figures of a backtest so far; grows with the kinds of change, not with the turns."""

    zone: tzinfo
    turns: int = 0
    decided: int = 0
    changed: int = 0
    routes: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    spent_before: Decimal = Decimal(0)
    spent_after: Decimal = Decimal(0)
    humans_before: int = 0
    humans_after: float = 0.0
    not_replayable: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    _hours_before: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    _hours_after: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    _rest: dict[str, tuple[Estimate, int]] = field(default_factory=dict)

    def add(self, figures: Figures) -> None:
        """Count a turn that could be decided."""
        self._see(figures.at)
        self.decided += 1
        self.spent_before += figures.cost[0]
        self.spent_after += figures.cost[1]
        self.humans_before += figures.human[0]
        self.humans_after += figures.human[1]
        hour = figures.at.astimezone(self.zone).hour
        self._hours_before[hour] += figures.human[0]
        self._hours_after[hour] += figures.human[1]
        if figures.unknown:
            self.not_replayable[figures.unknown] += 1
        for key, estimate in figures.rest:
            _, count = self._rest.get(key, (estimate, 0))
            self._rest[key] = (estimate, count + 1)
        self.changed += figures.is_changed
        if figures.is_changed and figures.route[0] != figures.route[1]:
            self.routes[figures.route] += 1

    def skip(self, at: datetime, reason: str) -> None:
        """Count a turn about which nothing can be said; it is in no other figure."""
        self._see(at)
        self.not_replayable[reason] += 1

    def document(self) -> dict[str, Json]:
        """Return the figures as the API shows them, without the turns themselves."""
        low, expected, high = self._band()
        return {
            "turns": self.turns,
            "changed": self.changed,
            "routes": [
                {"from": before, "to": after, "count": count}
                for (before, after), count in self.routes.most_common()
            ],
            "cost": {
                "before": _money(self.spent_before),
                "after": _money(expected),
                "low": _money(low),
                "high": _money(high),
                "unpriced": sum(n for one, n in self._rest.values() if not one.is_priced),
            },
            "human": {
                "before": self._share(self.humans_before),
                "after": self._share(self.humans_after),
            },
            "load": self._load(),
            "not_replayable": sum(self.not_replayable.values()),
            "not_replayable_reasons": [
                {"reason": reason, "count": count}
                for reason, count in self.not_replayable.most_common()
            ],
        }

    def _see(self, at: datetime) -> None:
        self.turns += 1
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)

    def _share(self, humans: float) -> float:
        return round(humans / self.decided, 4) if self.decided else 0.0

    def _band(self) -> tuple[Decimal, Decimal, Decimal]:
        rest = self._rest.values()
        expected = sum(count * one.expected for one, count in rest)
        # The turns scatter about their mean, and the mean itself is known from so many records.
        scatter = sum(count * one.variance for one, count in rest)
        doubt = sum(count**2 * one.variance / max(one.records, 1) for one, count in rest)
        off = _SURE * sqrt(scatter + doubt)
        low = min(sum(count * one.low for one, count in rest), max(expected - off, 0))
        high = max(sum(count * one.high for one, count in rest), expected + off)
        known = self.spent_after
        return known + Decimal(low), known + Decimal(expected), known + Decimal(high)

    def _load(self) -> dict[str, Json]:
        """Return how many turns humans get per hour, over all and by the hour of the day."""
        if not self.first or not self.last:
            return {"before": 0.0, "after": 0.0, "by_hour": []}
        seconds = (self.last - self.first).total_seconds()
        hours = max(seconds / _SECONDS_PER_HOUR, 1)
        days = max((self.last - self.first).days + 1, 1)
        return {
            "before": round(self.humans_before / hours, 2),
            "after": round(self.humans_after / hours, 2),
            "by_hour": [
                {
                    "hour": hour,
                    "before": round(self._hours_before[hour] / days, 2),
                    "after": round(self._hours_after[hour] / days, 2),
                }
                for hour in range(_HOURS)
                if self._hours_before[hour] or self._hours_after[hour]
            ],
        }


def kept(change: Change) -> dict[str, Json]:
    """Return what is kept of a change: everything but the message, which stays with its run."""
    return {
        "at": change.at.isoformat().replace("+00:00", "Z"),
        "urgency": change.urgency,
        "risk": change.risk,
        **_pair("route", change.route),
        **_pair("rule", change.rule),
        "path_before": list(change.path[0]),
        "path_after": list(change.path[1]),
        **_pair("end", change.end),
        "human_before": change.human[0],
        "human_after": round(change.human[1], 4),
        "exact": change.is_exact,
        "why": change.why,
    }


def _pair(name: str, both: tuple[Json, Json]) -> Mapping[str, Json]:
    return {f"{name}_before": both[0], f"{name}_after": both[1]}


def _money(amount: Decimal) -> str:
    rounded = amount.quantize(_PLACES).normalize()
    return f"{rounded:f}" if rounded else "0"


class Examples:
    """Keeps a few changes of every kind, so that none hides behind the most frequent one."""

    def __init__(self, each: int = 5, most: int = 100) -> None:
        self._each = each
        self._most = most
        self._kept: dict[object, list[Json]] = {}

    def add(self, change: Json) -> None:
        """Keep a change, in the form of `kept`, if there are few of its kind."""
        kind = tuple(change.get(name) for name in _KIND)
        same = self._kept.setdefault(kind, [])
        if len(same) < self._each:
            same.append(change)

    def chosen(self) -> list[Json]:
        """Return what was kept, the first of every kind first."""
        rounds = [
            same[number]
            for number in range(self._each)
            for same in self._kept.values()
            if number < len(same)
        ]
        return rounds[: self._most]


_KIND = ("route_before", "route_after", "rule_before", "rule_after")
