"""Months, weekdays, units and currencies as the seven languages write them, folded."""

from decimal import Decimal

from orchestration.quality.text import listed

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar marz april mai juni juli august september oktober november dezember",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "es": (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ),
    "it": (
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre "
        "dicembre"
    ),
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": (
        "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro"
    ),
}
_SHORT = {
    "en": "jan feb mar apr may jun jul aug sep oct nov dec",
    "de": "jan feb mrz apr mai jun jul aug sep okt nov dez",
    "fr": "janv fevr mars avr mai juin juil aout sept oct nov dec",
    "es": "ene feb mar abr may jun jul ago sep oct nov dic",
    "it": "gen feb mar apr mag giu lug ago set ott nov dic",
    "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "pt": "jan fev mar abr mai jun jul ago set out nov dez",
}
_EXTRA = {
    "en": {"sept": 9},
    "de": {"janner": 1, "maerz": 3, "feber": 2, "sept": 9},
    "es": {"setiembre": 9},
}
_WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miercoles jueves viernes sabado domingo",
    "it": "lunedi martedi mercoledi giovedi venerdi sabato domenica",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    "pt": "segunda terca quarta quinta sexta sabado domingo",
}
_NEARBY_DAYS = {
    "en": "tomorrow yesterday tonight",
    "de": "morgen ubermorgen gestern",
    "fr": "demain hier",
    "es": "manana ayer",
    "it": "domani dopodomani ieri",
    "nl": "morgen overmorgen gisteren",
    "pt": "amanha ontem",
}
# Unit, how many of the base unit it is, and its words.
_UNITS: tuple[tuple[str, str, str], ...] = (
    (
        "second",
        "1",
        "second seconds sec secs sekunde sekunden seconde secondes segundo segundos "
        "secondo secondi seconden",
    ),
    ("minute", "1", "minute minutes min mins minuten minuto minutos minuti minuut"),
    (
        "minute",
        "60",
        "hour hours hr hrs h std stunde stunden heure heures hora horas ora ore uur uren "
        "stundig stundige stundigen hourly",
    ),
    (
        "minute",
        "1440",
        "day days tag tage tagen tages jour jours journee journees dia dias giorno "
        "giorni dag dagen daagse daags tagig tagige tagigen tagiger tagiges tagesfrist",
    ),
    (
        "minute",
        "10080",
        "week weeks woche wochen semaine semaines semana semanas settimana settimane "
        "weken wochig wochige wochigen",
    ),
    ("minute", "20160", "fortnight fortnights quinzaine quincena"),
    (
        "month",
        "1",
        "month months monat monate monaten monats mois mes meses mese mesi maand maanden "
        "monatig monatige monatigen",
    ),
    (
        "month",
        "12",
        "year years jahr jahre jahren jahres an ans annee annees ano anos anno anni jaar "
        "jaren jahrig jahrige jahrigen yr yrs",
    ),
    (
        "workday",
        "1",
        "werktag werktage werktagen arbeitstag arbeitstage arbeitstagen geschaftstag "
        "geschaftstage geschaftstagen bankarbeitstage bankarbeitstagen werkdag werkdagen workday "
        "workdays weekday weekdays",
    ),
    ("%", "1", "percent pct prozent procent pourcent"),
    ("kg", "1", "kg kilo kilos kilogram kilograms kilogramm"),
    ("g", "1", "g gr gram grams gramm grammes gramos grammi"),
    ("km", "1", "km kilometer kilometers kilometres kilometre"),
    ("m", "1", "m meter meters metre metres metros metri"),
    ("cm", "1", "cm centimeter centimeters centimetres zentimeter"),
    ("mm", "1", "mm"),
    ("l", "1", "l liter liters litre litres litros litri"),
    ("ml", "1", "ml"),
    ("mb", "1", "mb megabyte megabytes"),
    ("gb", "1", "gb gigabyte gigabytes"),
    ("cent", "1", "cents ct centimes centimos centesimi centavos"),
)
UNITS: dict[str, tuple[str, Decimal]] = {
    word: (unit, Decimal(factor)) for unit, factor, names in _UNITS for word in listed(names)
}
# Words between a number and its unit; the second set turns days into working days.
FILLERS = frozenset(
    listed(
        "calendar full whole more consecutive volle vollen weitere weiteren ganze kalender "
        "kalendertage further additional hele volledige"
    )
)
WORKING = frozenset(
    listed(
        "business working work ouvre ouvres ouvrable ouvrables habil habiles laborable laborables "
        "lavorativo lavorativi lavorativa util uteis werk"
    )
)
PERCENT_PAIRS = frozenset(
    {("per", "cent"), ("pour", "cent"), ("por", "ciento"), ("per", "cento"), ("por", "cento")}
)
_CURRENCIES = {
    "EUR": "€ eur euro euros",
    "USD": "$ usd us$ dollar dollars dolar dolares dollari dolares",
    "GBP": "£ gbp pound pounds pfund sterling libra libras sterline pond",
    "CHF": "chf franken sfr francs",
    "JPY": "¥ jpy yen",
    "INR": "₹ inr rupees",
    "BRL": "r$ brl reais",
    "PLN": "zł pln zloty",
    "SEK": "sek kronor",
    "NOK": "nok",
    "DKK": "dkk",
    "CZK": "czk",
    "CAD": "cad",
    "AUD": "aud",
}
CURRENCIES = {word: code for code, names in _CURRENCIES.items() for word in listed(names)}
DOLLARS = frozenset({"USD", "CAD", "AUD"})


def _numbered(names: str, first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(listed(names), first)}


LANGUAGES = tuple(_MONTHS)
MONTH_NAMES = {language: _numbered(names, 1) for language, names in _MONTHS.items()}
# English stands beside every language: shops' own systems write it.
MONTHS = {
    language: {
        **MONTH_NAMES["en"],
        **(_numbered(_SHORT["en"], 1) if language != "pt" else {}),
        **_numbered(_SHORT[language], 1),
        **MONTH_NAMES[language],
        **_EXTRA.get(language, {}),
    }
    for language in LANGUAGES
}
WEEKDAYS = {
    language: {**_numbered(_WEEKDAYS["en"], 0), **_numbered(_WEEKDAYS[language], 0)}
    for language in LANGUAGES
}
NEARBY_DAYS = {
    language: frozenset(listed(f"{_NEARBY_DAYS['en']} {names}"))
    for language, names in _NEARBY_DAYS.items()
}
