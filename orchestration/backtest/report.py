"""Adds up what a version changes: routes, cost, humans, and who would be lost."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from math import sqrt

from orchestration.backtest.decisions import Change, Decision
from orchestration.backtest.forecast import Estimate
from orchestration.store import RecordedTurn
from orchestration.types import Json

ERASED = "its words have been erased"
# Three standard deviations: beyond them a sum of so many turns hardly ever comes out.
_SURE = 3
_SECONDS_PER_HOUR = 3600
_HOURS = 24
_PLACES = Decimal(1).scaleb(-12)


@dataclass(kw_only=True)
class Summary:
    """The figures of a backtest so far; grows with the kinds of change, not with the turns."""

    zone: tzinfo
    turns: int = 0
    changed: int = 0
    routes: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    spent_before: Decimal = Decimal(0)
    spent_after: Decimal = Decimal(0)
    humans_before: int = 0
    humans_after: float = 0.0
    not_replayable: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    _hours_before: Counter[int] = field(default_factory=Counter)
    _hours_after: Counter[int] = field(default_factory=Counter)
    _rest: dict[object, tuple[Estimate, int]] = field(default_factory=dict)

    def add(self, turn: RecordedTurn, decision: Decision, change: Change | None) -> None:
        """Count a turn that could be decided."""
        self._see(turn)
        self.spent_before += turn.cost
        self.spent_after += decision.cost
        self.humans_before += turn.was_with_human
        self.humans_after += decision.human
        hour = turn.at.astimezone(self.zone).hour
        self._hours_before[hour] += turn.was_with_human
        self._hours_after[hour] += decision.human  # type: ignore[assignment]
        if decision.unknown:
            self.not_replayable[decision.unknown] += 1
        for key, estimate in decision.rest:
            _, count = self._rest.get(key, (estimate, 0))
            self._rest[key] = (estimate, count + 1)
        if change:
            self.changed += 1
            if change.route[0] != change.route[1]:
                self.routes[change.route] += 1

    def skip(self, turn: RecordedTurn, reason: str) -> None:
        """Count a turn about which nothing can be said; it goes the way it went."""
        self._see(turn)
        self.not_replayable[reason] += 1
        self.spent_before += turn.cost
        self.spent_after += turn.cost
        self.humans_before += turn.was_with_human
        self.humans_after += turn.was_with_human

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

    def _see(self, turn: RecordedTurn) -> None:
        self.turns += 1
        self.first = min(self.first or turn.at, turn.at)
        self.last = max(self.last or turn.at, turn.at)

    def _share(self, humans: float) -> float:
        return round(humans / self.turns, 4) if self.turns else 0.0

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


def change_document(change: Change, text: str) -> dict[str, Json]:
    """Return a change as the API shows it, with the customer's message as it is stored."""
    return {**kept(change), "run_id": change.run_id, "text": text}


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
        self._kept: dict[object, list[Change]] = {}

    def add(self, change: Change) -> None:
        """Keep a change if there are few of its kind."""
        same = self._kept.setdefault((change.route, change.rule), [])
        if len(same) < self._each:
            same.append(change)

    def __iter__(self) -> Iterator[Change]:
        """Yield what was kept, the first of every kind first."""
        found = 0
        for number in range(self._each):
            for same in self._kept.values():
                if number < len(same) and found < self._most:
                    found += 1
                    yield same[number]
