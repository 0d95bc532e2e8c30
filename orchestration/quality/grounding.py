"""Holds the facts of a draft against those of its evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache

from orchestration.quality import languages
from orchestration.quality.dates import Clock, Day
from orchestration.quality.facts import Amount, Code, Fact, Mention, Reading, extract
from orchestration.quality.text import normal
from orchestration.quality.vocabulary import CURRENCIES, DOLLARS
from orchestration.types import Evidence

_CURRENCY_CODES = frozenset(CURRENCIES.values())


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a text states, for look-up."""

    units: dict[Decimal, set[str]] = field(default_factory=dict)
    days: set[Day] = field(default_factory=set)
    clocks: set[int] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    weekdays: set[int] = field(default_factory=set)

    def states(self, reading: Reading) -> bool:
        """Tell whether this very fact, in whatever spelling, is among the known ones."""
        match reading:
            case Amount():
                return self._states_amount(reading)
            case Day():
                return any(day.covers(reading) for day in self.days)
            case Clock(minutes=minutes):
                return minutes in self.clocks or "minute" in self.units.get(Decimal(minutes), ())
            case Code(text=text):
                return text in self.codes
            case Mention(word=word, weekday=weekday):
                return word in self.words or weekday in self.weekdays

    def _states_amount(self, amount: Amount) -> bool:
        units = self.units.get(amount.value, set())
        if amount.unit == "":
            return (
                bool(units) or self._is_part_of_day(amount.value) or str(amount.value) in self.codes
            )
        if amount.unit == "nth":
            return bool(units) or any(amount.value == day.day for day in self.days)
        if amount.unit in DOLLARS:
            return bool(units & DOLLARS)
        is_clock = amount.unit == "minute" and int(amount.value) in self.clocks
        return amount.unit in units or is_clock

    def _is_part_of_day(self, value: Decimal) -> bool:
        return any(value == day.year for day in self.days)


def known(text: str, language: str, *, kind: str = "") -> Known:
    """Collect what a text states."""
    plain = normal(text)
    found = Known()
    spoken = languages.guess(plain) or language
    # The field `due` of an order's record is no Italian two.
    for fact in extract(plain, spoken, has_number_words=kind != "order"):
        for reading in fact.readings:
            _add(found, reading)
    if kind == "order":
        _add_currencies(found, plain)
    return found


def known_of(evidence: Sequence[Evidence], language: str) -> list[tuple[Evidence, Known]]:
    """Collect what each text of the evidence states, its id included."""
    return [(item, _known_of(item, language)) for item in evidence]


def _known_of(item: Evidence, language: str) -> Known:
    # Articles come again and again; a customer's orders and words are not kept.
    read = _known_article if item.kind == "article" else known
    return read(f"{item.text}\n{item.id}", language, kind=item.kind)


_known_article = lru_cache(maxsize=256)(known)


def merged(parts: Iterator[Known]) -> Known:
    """Put together what several texts state."""
    whole = Known()
    for part in parts:
        for value, units in part.units.items():
            whole.units.setdefault(value, set()).update(units)
        whole.days.update(part.days)
        whole.clocks.update(part.clocks)
        whole.codes.update(part.codes)
        whole.words.update(part.words)
        whole.weekdays.update(part.weekdays)
    return whole


def states(source: Known, fact: Fact) -> bool:
    """Tell whether a fact in one of its readings is known; nothing to read is nothing to know."""
    return not fact.readings or any(source.states(reading) for reading in fact.readings)


def _add(found: Known, reading: Reading) -> None:
    match reading:
        case Amount(value=value, unit=unit):
            found.units.setdefault(value, set()).add(unit)
        case Day():
            found.days.add(reading)
            found.weekdays.update(_weekday(reading))
        case Clock(minutes=minutes):
            found.clocks.add(minutes)
        case Code(text=text):
            found.codes.add(text)
        case Mention(word=word, weekday=weekday):
            found.words.add(word)
            found.weekdays.update(() if weekday is None else (weekday,))


def _weekday(day: Day) -> Iterator[int]:
    if day.year and day.day:
        try:
            yield date(day.year, day.month, day.day).weekday()
        except ValueError:
            return


def _add_currencies(found: Known, text: str) -> None:
    """Let `value: 59.90, currency: EUR` state 59.90 EUR."""
    tokens = text.lower().replace(",", " ").replace(":", " ").split()
    codes = {CURRENCIES[token] for token in tokens if token in CURRENCIES} & _CURRENCY_CODES
    for units in found.units.values():
        if "" in units:
            units.update(codes)
