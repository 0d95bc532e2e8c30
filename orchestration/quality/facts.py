"""Finds every number, amount, date, time, code and address that a text states."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from orchestration.quality import dates
from orchestration.quality.dates import Clock, Day
from orchestration.quality.numerals import Rewritten, digits
from orchestration.quality.text import fold, fold_word
from orchestration.quality.vocabulary import (
    CURRENCIES,
    FILLERS,
    NEARBY_DAYS,
    PERCENT_PAIRS,
    UNITS,
    WEEKDAYS,
    WORKING,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """A number and what it counts: a currency code, a base unit, or nothing in particular."""

    value: Decimal
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A tracking number, phone number, e-mail address or other token that must be exact."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """A day named without a date: a weekday (0 is Monday) or a word such as `tomorrow`."""

    word: str
    weekday: int | None = None


Reading = Amount | Code | Clock | Day | Mention


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A fact as it is written; `readings` has more than one where 03/04 may be both."""

    text: str
    start: int
    readings: tuple[Reading, ...]


# What a reader returns: the readings, where they start and where they end.
Found = tuple[tuple[Reading, ...], int, int]
Reader = Callable[[str, int, str], Found | None]

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
LINK = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{1,20}:)?//[^\s<>]+|\bwww\.[^\s<>]+", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_LETTERS_BEFORE = re.compile(r"(?<![^\W_])([^\W\d_][\w-]*)\Z")
_CODE_TAIL = re.compile(r"[\w-]*\w")
_GLUED = re.compile(r"-?[^\W\d_][\w-]*")
_PHONE = re.compile(r"(?:\+|\()?\d(?:(?:[ .\-/]|\) ?| \()?\d){6,24}")
_SHORT_PHONE = re.compile(r"\d{3}[ .-]\d{4}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}")
_NUMBER = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?(?!\d)"
    r"|\d{1,3}(?:[.' \u2019]\d{3})+(?:,\d{1,2})?(?![\d.,]*\d)"
    r"|\d+(?:[.,]\d+)?"
)
_CURRENCY_BEFORE = re.compile(r"(R\$|US\$|[€$£¥₹]|\b[A-Za-z]{3})[ \t]?\Z")
_CURRENCY_AFTER = re.compile(r"[ \t]?(?:,-[ \t]?)?(%|€|\$|£|¥|₹|zł)")
_WORD_AFTER = re.compile(r"[ \t\u2010\u2011-]{0,2}([^\W\d_]+)")
_RANGE = re.compile(
    r"(?:[ \t]?[-\u2013\u2014][ \t]?"
    r"|[ \t](?:to|or|and|bis|oder|und|a|à|ou|et|al|o|y|e|of|en|tot|até)[ \t])(?=\d)"
)
_MARKER = re.compile(r"\d{1,2}[.)][ \t]")
_LINE_START = re.compile(r"(?:\A|\n)[ \t]*\Z")
_WORD = re.compile(r"[^\W\d_]{3,}")
_DOTTED_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}|[.,]\d{2}\Z")
_SUFFIXES = frozenset(["st", "nd", "rd", "th", "er", "ere", "eme", "e", "o", "a", "de", "ste"])


def extract(text: str, language: str, *, has_number_words: bool = True) -> list[Fact]:
    """Return the facts a text states; `text` is in its normal form (`text.normal`)."""
    facts, rest = _addresses(text)
    spelled = digits(rest, language) if has_number_words else Rewritten(text=rest)
    for readings, start, end in _read(spelled.text, language):
        first, last = spelled.source(start, end)
        facts.append(Fact(text=text[first:last], start=first, readings=readings))
    facts.extend(_mentions(rest, language))
    return facts


def _addresses(text: str) -> tuple[list[Fact], str]:
    """Take out links, which `links` judges, and e-mail addresses."""
    facts: list[Fact] = []
    if "//" in text or "www." in text.lower():
        text = LINK.sub(_blank, text)
    if "@" in text:
        for found in EMAIL.finditer(text):
            address = Code(text=found.group().casefold())
            facts.append(Fact(text=found.group(), start=found.start(), readings=(address,)))
        text = EMAIL.sub(_blank, text)
    return facts, text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _read(text: str, language: str) -> Iterator[Found]:
    position = 0
    while digit := _DIGIT.search(text, position):
        start = digit.start()
        found = next(filter(None, (reader(text, start, language) for reader in _READERS)), None)
        if found:
            yield found
        position = found[2] if found else start + 1


def _mentions(text: str, language: str) -> Iterator[Fact]:
    weekdays = WEEKDAYS.get(language, WEEKDAYS["en"])
    nearby = NEARBY_DAYS.get(language, NEARBY_DAYS["en"])
    for found in _WORD.finditer(text):
        word = fold_word(found.group())
        if word in weekdays and _is_weekday(text, found, word, language):
            mention = Mention(word=word, weekday=weekdays[word])
        elif word in nearby and not _is_morning(text, found.start()):
            mention = Mention(word=word)
        else:
            continue
        yield Fact(text=found.group(), start=found.start(), readings=(mention,))


def _is_weekday(text: str, found: re.Match[str], word: str, language: str) -> bool:
    # Portuguese weekdays are ordinals: "segunda" is also "the second one".
    is_ordinal = language == "pt" and word in {"segunda", "terca", "quarta", "quinta", "sexta"}
    return not is_ordinal or text[found.end() : found.end() + 6].lower() == "-feira"


def _is_morning(text: str, start: int) -> bool:
    return fold(text[max(0, start - 6) : start]).rstrip().endswith(("guten", "goede", " la", "am"))


def _marker(text: str, start: int, language: str) -> Found | None:
    """Skip the `1.` of a numbered list."""
    marker = _MARKER.match(text, start)
    if marker and _LINE_START.search(text, max(0, start - 8), start):
        return None if dates.day(text, start, language) else ((), start, marker.end())
    return None


def _code(text: str, start: int, language: str) -> Found | None:
    """Read a token whose letters come first: `TRK-1042`, but neither `EUR59` nor `x2`."""
    before = _LETTERS_BEFORE.search(text, max(0, start - 30), start)
    if not before:
        return None
    letters = fold(before.group(1)).rstrip("-")
    if letters in CURRENCIES or letters == "x" or (len(letters) > 5 and "-" in before.group(1)):
        return None
    tail = _CODE_TAIL.match(text, start)
    end = tail.end() if tail else start + 1
    return (Code(text=text[before.start() : end].casefold()),), before.start(), end


def _day(text: str, start: int, language: str) -> Found | None:
    return dates.day(text, start, language)


def _clock(text: str, start: int, language: str) -> Found | None:
    return dates.clock(text, start)


def _phone(text: str, start: int, language: str) -> Found | None:
    first = start - 1 if start and text[start - 1] in "+(" else start
    found = _PHONE.match(text, first)
    if not found:
        return None
    written = found.group()
    digits_only = re.sub(r"\D", "", written)
    is_long = len(digits_only) >= 9 or len(digits_only) == len(written)
    is_phone = written[0] in "+(0" or is_long or _SHORT_PHONE.fullmatch(written)
    if not is_phone or _DOTTED_DATE.search(written) or _quantity(text, found.end())[0]:
        return None
    return (Code(text=digits_only),), first, found.end()


def _number(text: str, start: int, language: str) -> Found | None:
    number = _NUMBER.match(text, start)
    if number is None:
        return None
    value = _value(number.group())
    unit, end = _quantity(text, number.end())
    currency = _CURRENCY_BEFORE.search(text, max(0, start - 4), start)
    code = CURRENCIES.get(currency.group(1).lower()) if currency else None
    if currency and code and unit[:1] != ("%",):
        return (Amount(value=value, unit=code),), currency.start(), number.end()
    if unit:
        return (Amount(value=value * unit[1], unit=unit[0]),), start, end
    glued = _GLUED.match(text, number.end())
    if glued and fold(glued.group()) in _SUFFIXES:
        # "The 2nd item" counts nothing, "the 24th" is a day.
        return ((Amount(value=value, unit="nth"),) if value > 3 else ()), start, glued.end()
    if glued:
        return _glued(text, start, number.end(), glued.end(), value)
    return _in_range(text, start, number.end(), value, language)


def _glued(text: str, start: int, middle: int, end: int, value: Decimal) -> Found:
    """Read `1Z99`, and the 24 of `24-port`."""
    if text[middle] == "-" and not any(letter.isdigit() for letter in text[middle:end]):
        return (Amount(value=value),), start, end
    if fold(text[middle:end]) == "x":
        return (Amount(value=value),), start, end
    return (Code(text=text[start:end].casefold()),), start, end


def _in_range(text: str, start: int, end: int, value: Decimal, language: str) -> Found:
    """Give the 3 of `3 to 5 days` its unit."""
    joint = _RANGE.match(text, end)
    second = _NUMBER.match(text, joint.end()) if joint and end - start < 4 else None
    if second:
        unit, _ = _quantity(text, second.end())
        if unit:
            return (Amount(value=value * unit[1], unit=unit[0]),), start, end
        if value <= 24 and _clock(text, second.start(), language):
            return (Clock(minutes=int(value) * 60),), start, end
    return (Amount(value=value),), start, end


def _quantity(text: str, end: int) -> tuple[tuple[str, Decimal] | tuple[()], int]:
    """Return the unit that follows a number, if any, and where it ends."""
    symbol = _CURRENCY_AFTER.match(text, end)
    if symbol:
        mark = symbol.group(1)
        return (CURRENCIES.get(mark.lower(), mark), Decimal(1)), symbol.end()
    first = _WORD_AFTER.match(text, end)
    if not first:
        return (), end
    second = _WORD_AFTER.match(text, first.end())
    word, after = fold(first.group(1)), fold(second.group(1)) if second else ""
    if (word, after) in PERCENT_PAIRS and second:
        return ("%", Decimal(1)), second.end()
    if word in CURRENCIES and (len(word) > 1):
        return (CURRENCIES[word], Decimal(1)), first.end()
    return _unit(word, after, first, second)


def _unit(
    word: str, after: str, first: re.Match[str], second: re.Match[str] | None
) -> tuple[tuple[str, Decimal] | tuple[()], int]:
    is_day = UNITS.get(word, ("", 0))[1] == 1440
    if is_day and after in WORKING and second:
        return ("workday", Decimal(1)), second.end()
    if word in UNITS:
        return UNITS[word], first.end()
    if word in WORKING and UNITS.get(after, ("", 0))[1] == 1440 and second:
        return ("workday", Decimal(1)), second.end()
    if word in FILLERS and after in UNITS and second:
        return UNITS[after], second.end()
    return (), first.start()


def _value(written: str) -> Decimal:
    """Read a number in either notation: three digits after a mark are thousands."""
    plain = re.sub(r"[ '\u2019]", "", written)
    if re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+(?:[.,]\d{1,2})?", plain):
        head, mark, tail = _decimals(plain)
        return Decimal(re.sub(r"[.,]", "", head) + (f".{tail}" if mark else ""))
    return Decimal(plain.replace(",", "."))


def _decimals(plain: str) -> tuple[str, bool, str]:
    found = re.fullmatch(r"(.*)[.,](\d{1,2})", plain)
    return (found.group(1), True, found.group(2)) if found else (plain, False, "")


_READERS: tuple[Reader, ...] = (_marker, _code, _day, _clock, _phone, _number)
