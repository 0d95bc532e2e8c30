"""Number words of seven languages, rewritten as digits."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from orchestration.quality.text import fold_word
from orchestration.quality.vocabulary import LANGUAGES, MONTHS, UNITS

_WORD = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[ \t\u2010\u2011-]{1,2}|\n[ \t]*")
# Also articles or everyday words: numbers only where a unit follows.
_ONES = {
    "en": "one a an",
    "de": "ein eine einen einem einer eines",
    "fr": "un une neuf",
    "es": "un una uno",
    "it": "un uno una sei",
    "nl": "een",
    "pt": "um uma",
}
_WITH_UNIT = {"neuf": 9, "sei": 6}
# "a minute" and "a second" are ways of speaking in every language.
# The second word of "per cent".
_HUNDREDTH = frozenset({"cent", "ciento", "cento"})
_VAGUE = frozenset({"minute", "second"})
_THOUSANDS = {
    "en": "thousand",
    "de": "tausend eintausend",
    "fr": "mille",
    "es": "mil",
    "it": "mila mille",
    "nl": "duizend",
    "pt": "mil",
}
_JOINERS = {"en": "and", "de": "und", "fr": "et", "es": "y", "it": "e", "nl": "en", "pt": "e"}
_COMPOUND = re.compile(r"(\w{3,}?)(tagig|wochig|monatig|jahrig|stundig|daags)\w{0,3}")
_COMPOUND_UNITS = {
    "tagig": "Tage",
    "wochig": "Wochen",
    "monatig": "Monate",
    "jahrig": "Jahre",
    "stundig": "Stunden",
    "daags": "dagen",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewritten:
    """A text with digits for number words; `changes` are (start, end, shift to the source)."""

    text: str
    changes: tuple[tuple[int, int, int, int], ...] = ()

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span of the rewritten text stands in the source."""
        return self._source(start, 2), self._source(end, 3)

    def _source(self, position: int, edge: int) -> int:
        shift = 0
        for change in self.changes:
            if position < change[0]:
                break
            if position < change[1] or (position == change[1] and edge == 3):
                return change[edge]
            shift = change[3] - change[1]
        return position + shift


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    word: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Spellings:
    """The number words of a language (with English beside them)."""

    cardinals: Mapping[str, int]
    ordinals: Mapping[str, int]
    starts: frozenset[str]
    ones: frozenset[str]
    thousands: frozenset[str]
    joiner: str


def digits(text: str, language: str) -> Rewritten:
    """Write the number words of a text as digits."""
    spellings = _spellings(language if language in LANGUAGES else "en")
    months = MONTHS.get(language, MONTHS["en"])
    tokens = [
        _Token(word=fold_word(found.group()), start=found.start(), end=found.end())
        for found in _WORD.finditer(text)
    ]
    pieces: list[str] = []
    changes: list[tuple[int, int, int, int]] = []
    done = length = 0
    for start, end, digit in _numbers(text, tokens, spellings, months):
        length += start - done + len(digit)
        pieces += [text[done:start], digit]
        changes.append((length - len(digit), length, start, end))
        done = end
    if not changes:
        return Rewritten(text=text)
    return Rewritten(text="".join([*pieces, text[done:]]), changes=tuple(changes))


def _numbers(
    text: str, tokens: list[_Token], spellings: _Spellings, months: Mapping[str, int]
) -> Iterator[tuple[int, int, str]]:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.word not in spellings.starts:
            compound = _compound(token, spellings)
            if compound:
                yield token.start, token.end, compound
            index += 1
            continue
        count, digit = _number_at(text, tokens, index, spellings, months)
        if count:
            yield token.start, tokens[index + count - 1].end, digit
        index += count or 1


def _number_at(
    text: str,
    tokens: list[_Token],
    index: int,
    spellings: _Spellings,
    months: Mapping[str, int],
) -> tuple[int, str]:
    """Return how many tokens make a number here, and its digits."""
    run = _run(text, tokens, index)
    before = tokens[index - 1].word if index else ""
    if run[0] in _HUNDREDTH and before in ("per", "pour", "por"):
        return 0, ""
    ordinal = _longest(run, spellings.ordinals)
    if ordinal[0] and (ordinal[1] > 3 or _month_follows(run[ordinal[0] :], months)):
        return ordinal[0], f"{ordinal[1]}th"
    if ordinal[0] and not _longest(run, spellings.cardinals)[0]:
        return 0, ""
    if run[0] in spellings.ones:
        return _one(run, spellings, months, before)
    count, value = _with_thousands(run, spellings)
    return count, str(value)


def _run(text: str, tokens: list[_Token], index: int) -> list[str]:
    """Return up to twelve words from here that nothing but spaces and hyphens part."""
    run = [tokens[index].word]
    for left, right in zip(tokens[index : index + 11], tokens[index + 1 : index + 12], strict=False):
        if not _GAP.fullmatch(text, left.end, right.start):
            break
        run.append(right.word)
    return run


def _longest(run: list[str], spellings: Mapping[str, int]) -> tuple[int, int]:
    for count in range(min(6, len(run)), 0, -1):
        value = spellings.get(" ".join(run[:count]))
        if value is not None:
            return count, value
    return 0, 0


def _one(
    run: list[str], spellings: _Spellings, months: Mapping[str, int], before: str
) -> tuple[int, str]:
    count, value = _longest(run, spellings.cardinals)
    if count > 1:
        return _with_thousands(run, spellings)[0], str(_with_thousands(run, spellings)[1])
    word = run[0]
    rest = run[1:]
    if word in ("a", "an") and before == "half":
        return 0, ""
    if rest[:1] in (["couple"], ["dozen"]) and word == "a":
        return 2, "2" if rest[0] == "couple" else "12"
    is_counted = bool(rest) and (_is_unit(rest, word) or _month_follows(rest, months))
    return (1, str(value or _WITH_UNIT.get(word, 1))) if is_counted else (0, "")


def _is_unit(rest: list[str], word: str) -> bool:
    from_filler = rest[1:2] if rest[0] in ("business", "working", "calendar", "full") else rest[:1]
    unit = UNITS.get(from_filler[0]) if from_filler else None
    # One letter is no unit after an article: "a m" and "un an" differ.
    if unit is None or len(from_filler[0]) < 2:
        return False
    return word in ("one", *_WITH_UNIT) or not (unit[0] in _VAGUE and unit[1] == 1)


def _month_follows(rest: list[str], months: Mapping[str, int]) -> bool:
    return any(word in months for word in rest[:1]) or (
        len(rest) > 1 and rest[0] in ("of", "de", "di", "del") and rest[1] in months
    )


def _with_thousands(run: list[str], spellings: _Spellings) -> tuple[int, int]:
    count, value = _longest(run, spellings.cardinals)
    if count < len(run) and run[count] in spellings.thousands:
        count, value = count + 1, max(value, 1) * 1000
        joined = count + (run[count : count + 1] == [spellings.joiner])
        more, rest = _longest(run[joined:], spellings.cardinals)
        if more:
            return joined + more, value + rest
    return count, value


def _compound(token: _Token, spellings: _Spellings) -> str | None:
    """Read `dreißigtägig` and `dertigdaags` as a number and its unit."""
    found = _COMPOUND.fullmatch(token.word) if len(token.word) > 7 else None
    value = spellings.cardinals.get(found.group(1)) if found else None
    return f"{value} {_COMPOUND_UNITS[found.group(2)]}" if found and value else None


@cache
def _spellings(language: str) -> _Spellings:
    cardinals: dict[str, int] = {}
    # "ten" is Dutch for "at the": "ten minste".
    for spoken in dict.fromkeys(("en", language)):
        for number in range(1000):
            for spelling in _SPELL[spoken](number):
                cardinals.setdefault(spelling, number)
    if language == "nl":
        cardinals.pop("ten")
    ordinals = _ordinals(language)
    ones = frozenset(f"{_ONES['en']} {_ONES[language]}".split())
    thousands = frozenset(f"{_THOUSANDS['en']} {_THOUSANDS[language]}".split())
    first_words = {phrase.split()[0] for phrase in (*cardinals, *ordinals)}
    return _Spellings(
        cardinals=cardinals,
        ordinals=ordinals,
        starts=frozenset(first_words | ones | thousands),
        ones=ones,
        thousands=thousands,
        joiner=_JOINERS[language],
    )


def _ordinals(language: str) -> dict[str, int]:
    ordinals = {spelling: n for n in range(1, 100) for spelling in _english_ordinals(n)}
    if language == "de":
        for number in range(1, 32):
            stem = _GERMAN_ORDINALS.get(number) or _german(number)[0] + (
                "t" if number < 20 else "st"
            )
            ordinals.update({stem + ending: number for ending in ("e", "en", "er", "es", "em")})
    if language == "nl":
        for number in range(1, 32):
            ordinals[_DUTCH_ORDINALS.get(number) or _dutch(number)[0] + "ste"] = number
    firsts = {"fr": "premier", "es": "primero", "it": "primo", "pt": "primeiro"}
    if language in firsts:
        ordinals[firsts[language]] = 1
    return ordinals


_GERMAN_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
_DUTCH_ORDINALS = {
    1: "eerste", 2: "tweede", 3: "derde", 4: "vierde", 5: "vijfde", 6: "zesde", 7: "zevende",
    9: "negende", 10: "tiende", 11: "elfde", 12: "twaalfde", 13: "dertiende",
    14: "veertiende", 15: "vijftiende", 16: "zestiende", 17: "zeventiende", 19: "negentiende",
}

_EN = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_EN_TENS = ["_", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_EN_ORDINALS = ["_", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"]


def _english(number: int) -> list[str]:
    if number < 20:
        return [_EN[number]]
    if number < 100:
        tens = _EN_TENS[number // 10]
        return [f"{tens} {_EN[number % 10]}" if number % 10 else tens]
    hundreds = [f"{_EN[number // 100]} hundred", *(["a hundred"] if number < 200 else [])]
    if number % 100 == 0:
        return hundreds
    rest = _english(number % 100)[0]
    return [f"{start} {joint}{rest}" for start in hundreds for joint in ("", "and ")]


def _english_ordinals(number: int) -> list[str]:
    if number < 20:
        return [_EN_ORDINALS[number]]
    tens = _EN_TENS[number // 10]
    return [f"{tens} {_EN_ORDINALS[number % 10]}" if number % 10 else tens[:-1] + "ieth"]


_DE = ["null", "ein", "zwei", "drei", "vier", "funf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwolf", "dreizehn", "vierzehn", "funfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"]
_DE_TENS = ["_", "_", "zwanzig", "dreissig", "vierzig", "funfzig", "sechzig", "siebzig", "achtzig", "neunzig"]


def _german(number: int) -> list[str]:
    folded = _german_parts(number)
    if number % 100 == 1:
        folded += "s"
    spellings = [folded]
    if "funf" in folded or "zwolf" in folded:
        spellings.append(folded.replace("funf", "fuenf").replace("zwolf", "zwoelf"))
    if 100 <= number < 200:
        spellings += ["ein" + spelling for spelling in spellings]
    return spellings


def _german_parts(number: int) -> str:
    if number < 20:
        return _DE[number]
    if number < 100:
        ones = f"{_DE[number % 10]}und" if number % 10 else ""
        return ones + _DE_TENS[number // 10]
    hundreds = (_DE[number // 100] if number >= 200 else "") + "hundert"
    return hundreds + (_german_parts(number % 100) if number % 100 else "")


_NL = ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen", "tien", "elf", "twaalf", "dertien", "veertien", "vijftien", "zestien", "zeventien", "achttien", "negentien"]
_NL_TENS = ["_", "_", "twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"]


def _dutch(number: int) -> list[str]:
    if number < 20:
        return [_NL[number]]
    if number < 100:
        ones = f"{_NL[number % 10]}en" if number % 10 else ""
        return [ones + _NL_TENS[number // 10]]
    hundreds = (_NL[number // 100] if number >= 200 else "") + "honderd"
    return [hundreds + (_dutch(number % 100)[0] if number % 100 else "")]


_FR = (
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix_sept dix_huit dix_neuf"
).replace("_", "+").split()
_FR_TENS = ["_", "_", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre+vingt", "quatre+vingt"]


def _french(number: int) -> list[str]:
    return [spelling.replace("+", " ") for spelling in _french_parts(number)]


def _french_parts(number: int) -> list[str]:
    if number < 20:
        return [_FR[number]]
    if number < 100:
        tens, ones = _FR_TENS[number // 10], number % 20 if number >= 60 else number % 10
        if not ones:
            return [tens, *([tens + "s"] if number == 80 else [])]
        joint = " et " if ones in (1, 11) and number < 80 else " "
        swiss = {7: "septante", 9: "nonante"}.get(number // 10)
        also = [swiss if number % 10 == 0 else f"{swiss} {_FR[number % 10]}"] if swiss else []
        return [f"{tens}{joint}{_FR[ones]}", *also]
    hundreds = f"{_FR[number // 100]} cent" if number >= 200 else "cent"
    if number % 100 == 0:
        return [hundreds, hundreds + "s"]
    return [f"{hundreds} {rest}" for rest in _french_parts(number % 100)]


_ES = ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez", "once", "doce", "trece", "catorce", "quince", "dieciseis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidos", "veintitres", "veinticuatro", "veinticinco", "veintiseis", "veintisiete", "veintiocho", "veintinueve"]
_ES_TENS = ["_", "_", "_", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"]
_ES_HUNDREDS = ["_", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos", "ochocientos", "novecientos"]


def _spanish(number: int) -> list[str]:
    if number < 30:
        word = _ES[number]
        return [word, *([word[:-1], word[:-1] + "a"] if number == 21 else [])]
    if number < 100:
        tens = _ES_TENS[number // 10]
        return [f"{tens} y {ones}" for ones in _gendered(_ES, number % 10)] or [tens]
    hundreds = _ES_HUNDREDS[number // 100]
    also = [hundreds[:-2] + "as"] if number >= 200 else []
    if number % 100 == 0:
        return ["cien", hundreds] if number == 100 else [hundreds, *also]
    return [f"{start} {rest}" for start in (hundreds, *also) for rest in _spanish(number % 100)]


def _gendered(names: list[str], ones: int) -> list[str]:
    if ones == 1:
        return [names[1], names[1][:-1], names[1][:-1] + "a"]
    return [names[ones]] if ones else []


_IT = ["zero", "uno", "due", "tre", "quattro", "cinque", "sei", "sette", "otto", "nove", "dieci", "undici", "dodici", "tredici", "quattordici", "quindici", "sedici", "diciassette", "diciotto", "diciannove"]
_IT_TENS = ["_", "_", "venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"]


def _italian(number: int) -> list[str]:
    if number < 20:
        return [_IT[number]]
    if number < 100:
        tens, ones = _IT_TENS[number // 10], number % 10
        stem = tens[:-1] if ones in (1, 8) else tens
        word = stem + (_IT[ones] if ones else "")
        return [word, *([word[:-1]] if ones == 1 else [])]
    hundreds = (_IT[number // 100] if number >= 200 else "") + "cento"
    return [hundreds + rest for rest in (_italian(number % 100) if number % 100 else [""])]


_PT = ["zero", "um", "dois", "tres", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez", "onze", "doze", "treze", "catorze", "quinze", "dezesseis", "dezessete", "dezoito", "dezenove"]
_PT_ALSO = {2: "duas", 14: "quatorze", 16: "dezasseis", 17: "dezassete", 19: "dezanove"}
_PT_TENS = ["_", "_", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"]
_PT_HUNDREDS = ["_", "cento", "duzentos", "trezentos", "quatrocentos", "quinhentos", "seiscentos", "setecentos", "oitocentos", "novecentos"]


def _portuguese(number: int) -> list[str]:
    if number < 20:
        return [_PT[number], *([_PT_ALSO[number]] if number in _PT_ALSO else [])]
    if number < 100:
        tens, ones = _PT_TENS[number // 10], number % 10
        names = [*_portuguese(ones), *(["uma"] if ones == 1 else [])] if ones else []
        return [f"{tens} e {name}" for name in names] or [tens]
    hundreds = _PT_HUNDREDS[number // 100]
    if number % 100 == 0:
        return ["cem"] if number == 100 else [hundreds, hundreds[:-2] + "as"]
    return [f"{hundreds} e {rest}" for rest in _portuguese(number % 100)]


_SPELL: dict[str, Callable[[int], list[str]]] = {
    "en": _english,
    "de": _german,
    "fr": _french,
    "es": _spanish,
    "it": _italian,
    "nl": _dutch,
    "pt": _portuguese,
}
