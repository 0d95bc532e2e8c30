"""What a message names: order numbers, e-mail addresses and amounts of money."""

import re
from collections.abc import Iterator

from orchestration.classification.facts import Facts

# The lookbehind keeps it linear: without, each letter of a long word would be a new attempt.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_CURRENCY = r"(?:[$€£¥]|usd|eur|euros?|gbp|pounds?|dollars?|bucks|chf|cents?|reais|r\$)"
_AMOUNT = re.compile(
    rf"(?<!\w){_CURRENCY}\s?\d+(?:[.,]\d+)*|(?<![\w.,])\d+(?:[.,]\d+)*\s?{_CURRENCY}(?!\w)",
    re.IGNORECASE,
)
_DATE = re.compile(r"\b\d{4}-\d\d?-\d\d?\b|\b\d\d?[./]\d\d?[./]\d{2,4}\b|\b\d\d?[./]\d{4}\b")
_PHONE = re.compile(r"(?<![\w#])\+?\(?\d[\d ()/.-]{5,}\d(?!\w)")
# Numbers of something else than an order.
_OF_ANOTHER = re.compile(
    r"(?:invoice|bill|receipt|tracking|phone|zip|postcode|plz|pin|code|model|version|room|"
    r"rechnung|modell|facture|factura|fattura|factuur|fatura|modele|modelo|modello|street|avenue)"
    r"(?: (?:number|no\.?|nr\.?|num\.?|n))?[ :#.-]*$",
    re.IGNORECASE,
)
_ORDER_WORD = re.compile(
    r"(?:#|\b(?:orders?|purchases?|bestellung(?:en)?|auftrag|commandes?|pedidos?|ordin[ei]|"
    r"bestelling(?:en)?|encomendas?|compra)(?:'?s)?)"
    r"(?: (?:number|no|nr|num|nummer|numero|número|n))?[ :.#°º-]*$",
    re.IGNORECASE,
)
_OF_A_YEAR = re.compile(
    r"(?:\b(?:in|since|from|of|until|by|year|seit|bis|jahr|im|en|depuis|desde|del|dal|nel|sinds|"
    r"em|de|january|february|march|april|may|june|july|august|september|october|november|"
    r"december)) $",
    re.IGNORECASE,
)
_FIRST_YEAR, _LAST_YEAR = 1950, 2040
# How far before a number the word may stand that says what it is.
_LOOK_BACK = 80


def find_orders(text: str, facts: Facts) -> tuple[str, ...]:
    """Return the order numbers in a text by the shop's pattern, as the shop writes them."""
    own = {order.id.casefold(): order.id for order in facts.orders}
    hidden = _hide_others(text, facts.order_number)
    found = (
        own.get(match.group().casefold(), match.group())
        for match in re.finditer(facts.order_number, hidden, re.IGNORECASE)
        if _is_an_order(match, hidden, known=match.group().casefold() in own)
    )
    return tuple(dict.fromkeys(found))


def find_emails(text: str) -> tuple[str, ...]:
    """Return the e-mail addresses in a text, in small letters."""
    return tuple(dict.fromkeys(email.casefold() for email in _EMAIL.findall(text)))


def find_amounts(text: str) -> tuple[str, ...]:
    """Return the amounts of money in a text, as they are written."""
    return tuple(dict.fromkeys(_AMOUNT.findall(text)))


def _hide_others(text: str, order_number: str) -> str:
    """Blank out what holds numbers that are no order's, keeping all places."""
    spans = [
        found.span()
        for pattern in (_EMAIL, _LINK, _AMOUNT, _DATE)
        for found in pattern.finditer(text)
    ]
    spans.extend(_phones(text, order_number))
    letters = list(text)
    for start, end in spans:
        letters[start:end] = "\0" * (end - start)
    return "".join(letters)


def _phones(text: str, order_number: str) -> Iterator[tuple[int, int]]:
    for found in _PHONE.finditer(text):
        groups = re.findall(r"\d+", found.group())
        are_orders = all(re.fullmatch(order_number, group, re.IGNORECASE) for group in groups)
        if len(groups) > 1 and not are_orders:
            yield found.span()


def _is_an_order(match: re.Match[str], text: str, *, known: bool) -> bool:
    before, number = text[max(0, match.start() - _LOOK_BACK) : match.start()], match.group()
    if _OF_ANOTHER.search(before):
        return known
    if _ORDER_WORD.search(before):
        return True
    # TRK-1042, v2.1042, @1042 and 10.1042 are parts of something longer.
    is_part = bool(re.search(r"[\w\0][-_.]$|[@$€£%]$", before))
    after = text[match.end() : match.end() + 2]
    is_part = is_part or bool(re.match(r"[-_]\w|\.\d|%", after))
    return not is_part and (known or not _is_a_year(number, before))


def _is_a_year(number: str, before: str) -> bool:
    if not number.isdigit() or not _FIRST_YEAR <= int(number) <= _LAST_YEAR:
        return False
    return bool(_OF_A_YEAR.search(before))
