"""Reads dates and times of day in the spellings of seven languages."""

import re
from dataclasses import dataclass

from orchestration.quality.text import fold
from orchestration.quality.vocabulary import MONTHS


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A calendar day; what the text leaves open is None."""

    month: int
    day: int | None = None
    year: int | None = None

    def covers(self, other: "Day") -> bool:
        """Tell whether this day says all that the other one says."""
        return (
            self.month == other.month
            and other.day in (None, self.day)
            and other.year in (None, self.year)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """A time of day in minutes after midnight."""

    minutes: int


_YEAR = r"(20[0-4]\d)(?!\d)"
_ISO = re.compile(rf"{_YEAR}[-/](\d\d?)[-/](\d\d?)(?!\d)T?")
_NUMERIC = re.compile(r"(\d{1,2})([./-])[ \t]?(\d{1,2})\2[ \t]?(20[0-4]\d|\d\d)(?!\d)")
_SHORT = re.compile(r"(\d{1,2})(?:\.(\d{1,2})\.(?!\d)|/(\d{1,2})(?![\d/]))")
_BEFORE_MONTH = re.compile(
    r"(\d{1,2})(?:(?:st|nd|rd|th|er|ste|de|o|a)(?![^\W\d_])|[.°])?[ \t-]*"
    r"(?:(?:of|de|del|di|den)[ \t]+|d['\u2019])?"
    r"(?:the[ \t])?([^\W\d_]{3,10})\b\.?"
)
_RANGE_END = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|\.|o)?(?:[ \t]?[-\u2013\u2014/][ \t]?"
    r"|[ \t](?:to|or|and|bis(?: zum)?|und|oder|au|et|ou|al|y|o|e|a|ao|tot|en|of)[ \t])"
    r"(?:den |the |le |el |il |o )?(?=\d)"
)
_YEAR_AFTER = re.compile(rf",?[ \t]*(?:de|del|of)?[ \t]*{_YEAR}")
_MONTH_BEFORE = re.compile(r"([^\W\d_]{3,10})\.?[ \t]{1,2}(?:the[ \t])?\Z")
_AFTER_MONTH = re.compile(rf"(?:{_YEAR}|(\d{{1,2}})(?:st|nd|rd|th)?(?!\d)(?:,?[ \t]+{_YEAR})?)")
_CLOCK = re.compile(
    r"(\d{1,2})(?:(?:[:hH]|\.(?=\d\d[ \t]?(?:[Uu]hr|h\b"
    r"|[ap]\.?m)))(\d\d)(?!\d))?(?::\d\d(?:\.\d+)?(?:[+-]\d\d:?\d\d)?)?"
    r"[ \t]?(?:([aApP])\.?[mM]\b\.?)?(?:[ \t]?([Uu]hr|o'clock|o\u2019clock)\b)?"
)
# English words that are months only with a capital.
_CAPITAL = frozenset({"may", "march", "mar"})

Days = tuple[tuple[Day, ...], int, int]


def day(text: str, start: int, language: str) -> Days | None:
    """Read the date at a digit: its possible readings, its start and its end."""
    return (
        _iso(text, start)
        or _numeric(text, start, language)
        or _named(text, start, language)
        or _after_month(text, start, language)
        or _range_start(text, start, language)
    )


def clock(text: str, start: int) -> tuple[tuple[Clock, ...], int, int] | None:
    """Read the time of day at a digit."""
    found = _CLOCK.match(text, start)
    if not found or not any(found.groups()[1:]):
        return None
    hours, minutes = int(found.group(1)), int(found.group(2) or 0)
    if found.group(3):
        hours = hours % 12 + (12 if found.group(3) in "pP" else 0)
    if hours > 24 or minutes > 59:
        return None
    return (Clock(minutes=hours * 60 + minutes),), start, found.end()


def _iso(text: str, start: int) -> Days | None:
    found = _ISO.match(text, start)
    if not found:
        return None
    year, month, number = (int(group) for group in found.groups())
    return _valid([(month, number)], year, start, found.end())


def _numeric(text: str, start: int, language: str) -> Days | None:
    found = _NUMERIC.match(text, start)
    if found:
        first, _, second, year = found.groups()
        century = 2000 if len(year) == 2 else 0
        pairs = _orders(int(first), int(second), found.group(2), language)
        return _valid(pairs, int(year) + century, start, found.end())
    short = _SHORT.match(text, start)
    if not short:
        return None
    mark = "." if short.group(2) else "/"
    second = short.group(2) or short.group(3)
    pairs = _orders(int(short.group(1)), int(second), mark, language)
    return _valid(pairs, None, start, short.end())


def _orders(first: int, second: int, mark: str, language: str) -> list[tuple[int, int]]:
    """Return (month, day) as read; with English and a slash both orders are in use."""
    day_first = (second, first)
    return [day_first, (first, second)] if mark == "/" and language == "en" else [day_first]


def _named(text: str, start: int, language: str) -> Days | None:
    found = _BEFORE_MONTH.match(text, start)
    month = _month(found.group(2), language) if found else None
    if not found or month is None or _is_inside_number(text, start):
        return None
    year = _YEAR_AFTER.match(text, found.end())
    pairs = [(month, int(found.group(1)))]
    return _valid(
        pairs, int(year.group(1)) if year else None, start, year.end() if year else found.end()
    )


def _after_month(text: str, start: int, language: str) -> Days | None:
    before = _MONTH_BEFORE.search(text, max(0, start - 18), start)
    month = _month(before.group(1), language) if before else None
    found = _AFTER_MONTH.match(text, start)
    if not before or not found or month is None:
        return None
    year = found.group(1) or found.group(3)
    if found.group(2) is None:
        return (Day(month=month, year=int(year)),), before.start(), found.end()
    number = int(found.group(2))
    return _valid([(month, number)], int(year) if year else None, before.start(), found.end())


def _range_start(text: str, start: int, language: str) -> Days | None:
    """Give the 24 of `24 to 26 November` its month."""
    found = _RANGE_END.match(text, start)
    if not found or _is_inside_number(text, start):
        return None
    end = _named(text, found.end(), language)
    if not end:
        return None
    return _valid([(end[0][0].month, int(found.group(1)))], end[0][0].year, start, found.end(1))


def _month(word: str, language: str) -> int | None:
    folded = fold(word)
    if folded in _CAPITAL and language == "en" and not word[0].isupper():
        return None
    return MONTHS.get(language, MONTHS["en"]).get(folded)


def _is_inside_number(text: str, start: int) -> bool:
    return start > 0 and text[start - 1] in "0123456789.,"


def _valid(pairs: list[tuple[int, int]], year: int | None, start: int, end: int) -> Days | None:
    readings = [
        Day(month=month, day=number, year=year)
        for month, number in pairs
        if 1 <= month <= 12 and 1 <= number <= 31
    ]
    return (tuple(dict.fromkeys(readings)), start, end) if readings else None
