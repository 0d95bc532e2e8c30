"""How the numbers below a thousand are spelled in seven languages, folded."""

from collections.abc import Callable

from orchestration.quality.text import listed


def cardinals(language: str) -> dict[str, int]:
    """Return every spelling of 0 to 999."""
    spell = _SPELL[language]
    return {spelling: number for number in range(999, -1, -1) for spelling in spell(number)}


def ordinals(language: str) -> dict[str, int]:
    """Return the ordinals a date or a list may use."""
    match language:
        case "en":
            return {word: number for number in range(1, 100) for word in _english_ordinals(number)}
        case "de":
            return {word: number for number in range(1, 32) for word in _german_ordinals(number)}
        case "nl":
            return {_dutch_ordinal(number): number for number in range(1, 32)}
        case _:
            return {_FIRST[language]: 1}


_FIRST = {"fr": "premier", "es": "primero", "it": "primo", "pt": "primeiro"}
_GERMAN_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
_DUTCH_ORDINALS = listed(
    "_ eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde "
    "dertiende veertiende vijftiende zestiende zeventiende achttiende negentiende"
)
_EN = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
_EN_TENS = listed("_ ten twenty thirty forty fifty sixty seventy eighty ninety")
_EN_ORDINALS = listed(
    "_ first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
)


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


_DE = listed(
    "null ein zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn "
    "funfzehn sechzehn siebzehn achtzehn neunzehn"
)
_DE_TENS = listed("_ _ zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")


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


def _german_ordinals(number: int) -> list[str]:
    stem = _GERMAN_ORDINALS.get(number) or _german(number)[0] + ("t" if number < 20 else "st")
    return [stem + ending for ending in ("e", "en", "er", "es", "em")]


def _german_parts(number: int) -> str:
    if number < 20:
        return _DE[number]
    if number < 100:
        ones = f"{_DE[number % 10]}und" if number % 10 else ""
        return ones + _DE_TENS[number // 10]
    hundreds = (_DE[number // 100] if number >= 200 else "") + "hundert"
    return hundreds + (_german_parts(number % 100) if number % 100 else "")


_NL = listed(
    "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien "
    "vijftien zestien zeventien achttien negentien"
)
_NL_TENS = listed("_ _ twintig dertig veertig vijftig zestig zeventig tachtig negentig")


def _dutch(number: int) -> list[str]:
    if number < 20:
        return [_NL[number]]
    if number < 100:
        ones = f"{_NL[number % 10]}en" if number % 10 else ""
        return [ones + _NL_TENS[number // 10]]
    hundreds = (_NL[number // 100] if number >= 200 else "") + "honderd"
    return [hundreds + (_dutch(number % 100)[0] if number % 100 else "")]


def _dutch_ordinal(number: int) -> str:
    return _DUTCH_ORDINALS[number] if number < 20 else _dutch(number)[0] + "ste"


# A plus joins what is one number: "quatre-vingt" is no four and no twenty.
_FR = listed(
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix+sept dix+huit dix+neuf"
)
_FR_TENS = listed("_ _ vingt trente quarante cinquante soixante soixante quatre+vingt quatre+vingt")


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


_ES = listed(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce "
    "quince dieciseis diecisiete dieciocho diecinueve veinte veintiuno veintidos "
    "veintitres veinticuatro veinticinco veintiseis veintisiete veintiocho veintinueve"
)
_ES_TENS = listed("_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ES_HUNDREDS = listed(
    "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos "
    "ochocientos novecientos"
)


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


_IT = listed(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici "
    "quattordici quindici sedici diciassette diciotto diciannove"
)
_IT_TENS = listed("_ _ venti trenta quaranta cinquanta sessanta settanta ottanta novanta")


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


_PT = listed(
    "zero um dois tres quatro cinco seis sete oito nove dez onze doze treze catorze "
    "quinze dezesseis dezessete dezoito dezenove"
)
_PT_ALSO = {2: "duas", 14: "quatorze", 16: "dezasseis", 17: "dezassete", 19: "dezanove"}
_PT_TENS = listed("_ _ vinte trinta quarenta cinquenta sessenta setenta oitenta noventa")
_PT_HUNDREDS = listed(
    "_ cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos"
)


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
