"""Good drafts in seven languages, and seeded ways to spoil them."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from orchestration import quality
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import Citation, Draft, Evidence, Verdict
from tests.unit.quality_texts import ARTICLES, INVENTED, PROMISES, REWRITTEN

OWN = ("1042", "1043", "1051", "1077")
FOREIGN = ("2077", "2078", "3105", "4410", "9981")
DOMAINS = ("willow-wren.example",)
PATTERN = r"\b\d{4}\b"
_TEXTS = Texts(Shop(name="Willow & Wren", bot_name="Robin"))
_FIRST_DAY = date(2026, 11, 2)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A draft, what the customer had asked, and what is wrong with it, if anything."""

    draft: Draft
    question: str
    fault: str = ""

    def verdict(self) -> Verdict:
        return quality.check(
            self.draft,
            question=self.question,
            language=self.draft.language,
            link_domains=DOMAINS,
            order_number=PATTERN,
            own_orders=OWN,
            min_confidence=0.5,
        )


_QUESTIONS = {
    "en": "Hello, can you help me with this please?",
    "de": "Guten Tag, können Sie mir bitte helfen?",
    "fr": "Bonjour, pouvez-vous m'aider ?",
    "es": "Hola, ¿me puede ayudar?",
    "it": "Salve, mi può aiutare?",
    "nl": "Hallo, kunt u mij helpen?",
    "pt": "Olá, pode me ajudar?",
}
LANGUAGES = tuple(ARTICLES)
_STATUSES = ("in_transit_due", "delivered_on", "not_shipped_due", "late_due")


def good(seed: int, count: int) -> list[Case]:
    """Return good drafts of every responder, in every language."""
    chance = random.Random(seed)  # noqa: S311
    makers = (_order_status, _order_list, _quote, _quote, _rewritten, _order_by_model)
    return [chance.choice(makers)(chance) for _ in range(count)]


def _order(chance: random.Random, number: str, language: str) -> tuple[str, str, Evidence]:
    """Return an order's status, its day as written, and its record."""
    status = chance.choice(_STATUSES)
    day = _FIRST_DAY + timedelta(days=chance.randrange(50))
    written = _TEXTS.date(day, language)
    value = f"{chance.randrange(5, 400)}.{chance.randrange(10, 99)}"
    name = "delivered" if status == "delivered_on" else "due"
    text = f"order: {number}; status: {status.rsplit('_', 1)[0]}; {name}: {written}"
    text += f"; tracking: TRK-{number}; value: {value} EUR; items: Oak table lamp"
    return status, written, Evidence(kind="order", id=number, text=text)


def _order_status(chance: random.Random) -> Case:
    language, number = chance.choice(LANGUAGES), chance.choice(OWN)
    status, day, record = _order(chance, number, language)
    text = _TEXTS.say(f"status_{status}", language, order=number, date=day)
    if chance.random() < 0.5:
        text += " " + _TEXTS.say("tracking", language, tracking=f"TRK-{number}")
    draft = Draft(text=text, responder="order_status", language=language, evidence=(record,))
    return Case(draft=draft, question=_QUESTIONS[language])


def _order_list(chance: random.Random) -> Case:
    language = chance.choice(LANGUAGES)
    lines, records = [], []
    for number in sorted(chance.sample(OWN, 2)):
        status, day, record = _order(chance, number, language)
        lines.append(f"• {_TEXTS.say(f'status_{status}', language, order=number, date=day)}")
        records.append(record)
    text = _TEXTS.say("which_order", language, orders="\n".join(lines))
    draft = Draft(text=text, responder="template", language=language, evidence=tuple(records))
    return Case(draft=draft, question=_QUESTIONS[language])


def _quote(chance: random.Random) -> Case:
    language = chance.choice(LANGUAGES)
    id, article = chance.choice(list(ARTICLES[language].items()))
    lines = article.splitlines()
    start = chance.randrange(len(lines) - 1)
    quote = " ".join(lines[start : start + chance.randint(1, 3)])
    source = _TEXTS.say("source", language, title=id)
    draft = Draft(
        text=f"{quote}\n\n{source}",
        responder="knowledge",
        language=language,
        citations=(Citation(id=id, title=id),),
        evidence=(Evidence(kind="article", id=id, text=article),),
    )
    return Case(draft=draft, question=_QUESTIONS[language])


def _rewritten(chance: random.Random) -> Case:
    language, id, text = chance.choice(REWRITTEN)
    articles = ARTICLES[language]
    draft = Draft(
        text=text,
        responder="light",
        language=language,
        citations=(Citation(id=id, title=id),),
        evidence=tuple(Evidence(kind="article", id=id, text=text) for id, text in articles.items()),
        confidence=0.9,
    )
    return Case(draft=draft, question=_QUESTIONS[language])


def _order_by_model(chance: random.Random) -> Case:
    number = chance.choice(OWN)
    status, day, record = _order(chance, number, "en")
    state = {
        "in_transit_due": f"is in transit and due on {day}",
        "delivered_on": f"was delivered on {day}",
        "not_shipped_due": f"has not shipped yet; it is due on {day}",
        "late_due": f"was due on {day} and is late",
    }[status]
    text = f"Thanks for writing, Ana. Your order {number} {state}."
    text += f" The tracking number is TRK-{number}."
    draft = Draft(text=text, responder="light", evidence=(record,), confidence=0.8)
    return Case(draft=draft, question=f"where is {number}")


_WORDS = {
    "en": ("seven", "twenty-one", "forty-five", "sixty", "ninety"),
    "de": ("sieben", "einundzwanzig", "fünfundvierzig", "sechzig", "neunzig"),
    "fr": ("sept", "vingt-et-un", "quarante-cinq", "soixante", "quatre-vingt-dix"),
    "es": ("siete", "veintiún", "cuarenta y cinco", "sesenta", "noventa"),
    "it": ("sette", "ventuno", "quarantacinque", "sessanta", "novanta"),
    "nl": ("zeven", "eenentwintig", "vijfenveertig", "zestig", "negentig"),
    "pt": ("sete", "vinte e um", "quarenta e cinco", "sessenta", "noventa"),
}
_LINKS = (
    " See https://willow-wren.example.evil.example/claim for more.",
    " More at https://willow-wren.example@evil.example/help.",
    " You can also write to www.refund-desk.example.",
    " [Track it here](http://cheap.evil.example/t).",
    " Details: bit.ly/3xYzAb",
    " Visit wiIlow-wren.com today.",
    " https://xn--willw-wren-0bb.example/",
    " Log in at http://127.0.0.1:8000/admin",
    " https://evil.example\\@willow-wren.example/",
    " <https://evil.example|our help page>",
)
_OTHER_ORDER = {
    "en": ("Your other order {} is on its way.", "Order {} was delivered to Ben Okafor."),
    "de": ("Ihre andere Bestellung {} ist unterwegs.",),
    "fr": ("Votre autre commande {} est en route.",),
    "es": ("Su otro pedido {} está en camino.",),
    "it": ("L'altro suo ordine {} è in viaggio.",),
    "nl": ("Uw andere bestelling {} is onderweg.",),
    "pt": ("O seu outro pedido {} está a caminho.",),
}
_MONEY = re.compile(r"(?:€ ?)?(\d+)[.,](\d\d)(?= ?(?:€|EUR|euro))|(?<=€)(\d+)[.,](\d\d)")
_DAY = re.compile(r"(?<!\d)(\d{1,2})(?=\.? (?:de )?[^\W\d_]{3,10}(?: de)? 20\d\d)")
_SPAN = re.compile(
    r"\b30(?= (?:days|Tagen|jours|días|giorni|dagen|dias))|\bthirty\b|\bdreißig\b|\btrente\b"
    r"|\btreinta\b|\btrenta\b|\bdertig\b|\btrinta\b"
)


def corrupted(seed: int, per_kind: int = 50) -> list[Case]:
    """Return as many spoiled drafts of each kind, from good ones."""
    chance = random.Random(seed)  # noqa: S311
    pool = good(seed, 40 * per_kind)
    spoilers: tuple[tuple[str, Callable[[random.Random, Case], str | None]], ...] = (
        ("amount", _other_amount),
        ("date", _other_date),
        ("number as word", _other_word),
        ("other customer's order", _other_order),
        ("link", _foreign_link),
        ("promise of a refund", _promise),
    )
    return [
        spoiled
        for fault, spoil in spoilers
        for spoiled in _spoiled(chance, pool, fault, spoil, per_kind)
    ]


def invented(seed: int, count: int) -> list[Case]:
    """Return drafts of a model with a sentence of policy that nobody wrote."""
    chance = random.Random(seed)  # noqa: S311
    cases = [_rewritten(chance) for _ in range(count)]
    return [
        _with_text(
            case,
            _added(chance, case.draft.text, chance.choice(INVENTED[case.draft.language])),
            "invented",
        )
        for case in cases
    ]


def _spoiled(
    chance: random.Random,
    pool: Sequence[Case],
    fault: str,
    spoil: Callable[[random.Random, Case], str | None],
    count: int,
) -> Iterator[Case]:
    made = 0
    for case in chance.sample(list(pool), len(pool)):
        text = spoil(chance, case)
        if text is not None and text != case.draft.text and made < count:
            made += 1
            yield _with_text(case, text, fault)


def _with_text(case: Case, text: str, fault: str) -> Case:
    return replace(case, draft=replace(case.draft, text=text), fault=fault)


def _added(chance: random.Random, text: str, sentence: str) -> str:
    return f"{text} {sentence}" if chance.random() < 0.7 else f"{sentence} {text}"


def _other_amount(chance: random.Random, case: Case) -> str | None:
    found = _MONEY.search(case.draft.text)
    if not found:
        return None
    whole = found.group(1) or found.group(3)
    start = found.start(1) if found.group(1) else found.start(3)
    other = int(whole) + chance.randint(1, 90)
    return f"{case.draft.text[:start]}{other}{case.draft.text[start + len(whole) :]}"


def _other_date(chance: random.Random, case: Case) -> str | None:
    found = _DAY.search(case.draft.text)
    if not found:
        return None
    day = int(found.group(1))
    other = chance.choice([number for number in range(1, 29) if number != day])
    return f"{case.draft.text[: found.start()]}{other}{case.draft.text[found.end() :]}"


def _other_word(chance: random.Random, case: Case) -> str | None:
    found = _SPAN.search(case.draft.text)
    if not found:
        return None
    word = chance.choice(_WORDS[case.draft.language])
    return f"{case.draft.text[: found.start()]}{word}{case.draft.text[found.end() :]}"


def _other_order(chance: random.Random, case: Case) -> str | None:
    foreign = chance.choice(FOREIGN)
    for number in OWN:
        if number in case.draft.text and chance.random() < 0.6:
            return case.draft.text.replace(number, foreign)
    sentence = chance.choice(_OTHER_ORDER[case.draft.language]).format(foreign)
    return _added(chance, case.draft.text, sentence)


def _foreign_link(chance: random.Random, case: Case) -> str | None:
    return case.draft.text + chance.choice(_LINKS)


def _promise(chance: random.Random, case: Case) -> str | None:
    return _added(chance, case.draft.text, chance.choice(PROMISES[case.draft.language]))
