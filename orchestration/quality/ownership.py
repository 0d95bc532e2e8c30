"""Checks that a draft speaks of this customer's orders alone, and of each what is true of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orchestration.quality.dates import Day
from orchestration.quality.facts import Amount, Code, Fact
from orchestration.quality.grounding import Known, states
from orchestration.quality.text import Sentence, fold
from orchestration.types import Evidence

_STATUS = re.compile(
    r"\b(?:in transit|on (?:its|the) way|delivered|shipped|dispatched"
    r"|refunded|cancelled|canceled|returned|late|delayed|due|arriv\w+|belongs|unterwegs|zugestellt"
    r"|geliefert|versandt|verschickt|storniert|erstattet|verspatet|gehort|en route|livree?"
    r"|expediee?"
    r"|annulee?|remboursee?|retard|appartient|en camino|entregad[oa]|enviad[oa]|cancelad[oa]"
    r"|reembolsad[oa]|retras\w+|pertenece|in viaggio|consegnat[oa]|spedit[oa]|annullat[oa]"
    r"|rimborsat[oa]|ritardo|appartiene|onderweg|bezorgd|geleverd|verzonden|geannuleerd"
    r"|terugbetaald"
    r"|vertraagd|behoort|a caminho|entregue|atrasad[oa]|pertence)\b"
)


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Which order numbers may be named: the customer's own and those they wrote themselves."""

    pattern: str
    own: frozenset[str]
    written: frozenset[str]

    def number(self, token: str) -> str | None:
        """Return a token as an order number, None where it is none by the shop's pattern."""
        found = _compiled(self.pattern).fullmatch(token.strip().lstrip("#"))
        return _plain(token) if found else None


def orders(*, pattern: str, own: Sequence[str], question: Sequence[Fact]) -> Orders:
    """Read the customer's orders and those numbers of the question that look like orders."""
    named = Orders(pattern=pattern, own=frozenset(map(_plain, own)), written=frozenset())
    written = {
        number for fact in question if is_token(fact) and (number := named.number(fact.text))
    }
    return Orders(pattern=pattern, own=named.own, written=frozenset(written))


def is_token(fact: Fact) -> bool:
    """Tell whether a fact is a bare number or code, as order numbers are."""
    reading = fact.readings[0] if fact.readings else None
    return isinstance(reading, Code) or (isinstance(reading, Amount) and reading.unit == "")


def order_in(fact: Fact, named: Orders) -> str | None:
    """Return the order number a fact of the draft is, own or by the shop's pattern."""
    if not is_token(fact):
        return None
    plain = _plain(fact.text)
    return plain if plain in named.own else named.number(fact.text)


def is_list_of_own(fact: Fact, named: Orders) -> bool:
    """Tell whether `1042 1043 1044`, which reads like a phone number, is a list of orders."""
    parts = re.split(r"[\s,/.-]+", fact.text)
    return len(parts) > 1 and all(_plain(part) in named.own for part in parts)


def complaints(
    parts: Sequence[Sentence],
    facts: Sequence[Fact],
    named: Orders,
    evidence: Sequence[tuple[Evidence, Known]],
    *,
    text: str,
) -> Iterator[str]:
    """Name what a sentence says of an order that is only known of another, or of a foreign one."""
    for part, inside, numbers in _about(parts, facts, named, text):
        if not numbers & named.own and _STATUS.search(fold(part.text)):
            yield f"says how a foreign order stands: {part.text[:120]}"
        for fact in inside:
            owner = _owner(fact, evidence, named)
            if owner and owner not in numbers:
                yield f"{fact.text} belongs to order {owner}, not to {', '.join(sorted(numbers))}"


def _about(
    parts: Sequence[Sentence], facts: Sequence[Fact], named: Orders, text: str
) -> Iterator[tuple[Sentence, list[Fact], set[str]]]:
    """Return sentences with the orders they are about: "It is due …" goes on about the last."""
    numbers: set[str] = set()
    end = 0
    for part in parts:
        inside = [fact for fact in facts if part.start <= fact.start < part.end]
        own = {number for fact in inside if (number := order_in(fact, named))}
        is_same_line = "\n" not in text[end : part.start]
        numbers = own or (numbers if is_same_line else set())
        end = part.end
        if numbers:
            yield part, inside, numbers


def _owner(fact: Fact, evidence: Sequence[tuple[Evidence, Known]], named: Orders) -> str | None:
    """Return the only order whose record states a fact; None where anything else states it too."""
    if not any(isinstance(reading, Day | Code | Amount) for reading in fact.readings):
        return None
    if order_in(fact, named):
        return None
    sources = [item for item, facts in evidence if states(facts, fact)]
    if len(sources) != 1 or sources[0].kind != "order":
        return None
    owner = _plain(sources[0].id)
    return owner if owner in named.own else None


def _plain(token: str) -> str:
    return token.strip().lstrip("#").casefold()


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
