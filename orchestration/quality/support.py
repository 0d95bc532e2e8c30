"""Checks that each sentence a model wrote rests on a sentence of the evidence."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import sqrt

from orchestration.quality import courtesy
from orchestration.quality.languages import STOPWORDS, guess
from orchestration.quality.numerals import digits
from orchestration.quality.text import Sentence, fold, listed, sentences
from orchestration.types import Evidence

# The share of a sentence's words that one place of the evidence must hold.
ENOUGH = 0.6
_WORD = re.compile(r"[a-z]{3,}|(?<!\d)(?!00)\d{1,3}(?!\d)")
_SHORTENED = re.compile(r"\b[a-z]+n't\b|'(?:ll|re|ve|s|m|d)\b")
_CLAUSE = re.compile(
    r"[;:] |, (?:but|and|so|aber|und|doch|mais|et|pero|y|ma|e|maar|en|mas|which|while) "
    r"| [\u2013\u2014] "
)
# Where the evidence may be cut: never between the things of a list, which share their denial, but
# where a denial begins, which says nothing of what stands before it.
_HALVES = re.compile(
    r"[;:] |,? (?:but|so|because|aber|sondern|weil|mais|pero|porque|ma|maar|mas) "
    r"|,? and (?=(?:have|has|is|are|do|does|you|we|it|there)\b)"
    r"|,? (?:and|und|et|y|e|en) (?=(?:no|not|never|nothing|none|nichts?|keine?[nmrs]?|nie|rien"
    r"|aucune?|jamais|nada|ning[uú]n[oa]?s?|nunca|niente|nulla|nessun[oa]?|mai|niets|niet|geen"
    r"|nooit|nenhuma?)\b)"
    r"|, (?=(?:nothing|nichts|rien|nada|niente|nulla|niets)\b)"
)
_ENDINGS = re.compile(
    r"(?:ings?|ies|ed|es|s|ungen|ung|en|er|em|ement|ements|cion|ciones|zione|zioni|coes|cao)$"
)
_STEM = 5
# How many places a word must stand in to weigh a good deal less than a rare one.
_OFTEN = 6
# "If no mail arrives, look …" denies nothing.
_CONDITION = re.compile(
    r"^[^\w]*(?:if|when|once|after|unless|wenn|falls|sobald|nachdem|si|lorsque|quand|cuando|se"
    r"|quando|als|wanneer)\b"
    r"[^,;.!?]*,"
)
_COMMON = frozenset().union(*STOPWORDS.values()) | frozenset(
    listed(
        "bonjour hola buongiorno salve ola hallo hello dear eur euro euros usd dollar dollars "
        "order orders bestellung bestellungen commande commandes pedido pedidos ordine ordini "
        "bestelling encomenda unfortunately leider malheureusement lamentablemente purtroppo "
        "helaas infelizmente yet now soon currently already momentan derzeit noch actuellement "
        "actualmente attualmente momenteel nog ainda ancora aun any all also just very more most "
        "some such then there their them they its only than too here where why does did done "
        "being could would should may might must shall let get got make made use used via per "
        "each every both either still already yes sure course simply please note however "
        "therefore need needs want like able back out off over under again once your yours "
        "yourself einfach gern gerne gerade schon dann doch aber denn mehr sehr hier dort mussen "
        "darf sollte plus tres bien encore aussi alors donc ainsi tout tous toute toutes merci "
        "afin doit devez muy bien tambien entonces asi todo todos toda todas debe puede tiene "
        "tener hacer molto bene anche allora cosi tutto tutti deve puo avere fare essere goed "
        "heel zeer dan dus alle alles moet mag kan kunnen zijn hebben muito bem tambem entao "
        "assim tudo todos toda deve pode ter fazer ser"
    )
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|cannot|without|unless|nor|nicht|keine?[nmrs]?|nie|ohne|ne|pas|jamais"
    r"|aucune?|sans|sin"
    r"|nunca|non|mai|senza|niet|geen|nooit|zonder|nao|sem|excluded|ausgeschlossen|exclu\w*)\b"
    r"|n't\b"
)
# How people say what a record's fields and statuses say.
_SAID = {
    "transit": (
        "way shipped dispatched sent unterwegs versandt verschickt route expediee camino enviado "
        "viaggio spedito onderweg verzonden caminho"
    ),
    "shipped": (
        "sent dispatched ship leave left versandt verschickt expediee enviado spedito verzonden"
    ),
    "delivered": (
        "arrived delivery zugestellt geliefert zustellung livree entregado entrega consegnato "
        "consegna bezorgd geleverd entregue"
    ),
    "late": (
        "delayed overdue delay arrived verspatet verspatung angekommen retard retrasado retraso "
        "ritardo vertraagd vertraging atrasado atraso"
    ),
    "due": (
        "expected arrive delivery scheduled erwartet zustellung prevue livraison previsto entrega "
        "prevista consegna verwacht bezorging previsao"
    ),
    "cancelled": "canceled storniert annulee cancelado annullato geannuleerd",
    "refunded": "refund erstattet remboursee reembolsado rimborsato terugbetaald",
    "returned": "return zuruckgeschickt retournee devuelto reso teruggestuurd devolvido",
    "tracking": (
        "number sendungsnummer nummer suivi numero seguimiento tracciamento rastreamento code"
    ),
    "value": (
        "total amount price cost paid betrag preis wert montant prix total importe precio valor "
        "importo prezzo bedrag prijs preco"
    ),
    "items": "item artikel article articulo articolo artigo contains enthalt",
    "placed": "ordered placed bestellt passee hecho effettuato geplaatst feito",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """A sentence of the evidence: its stems, whether it denies, and what it comes from."""

    stems: frozenset[str]
    denies: bool
    kind: str


def grounds(evidence: Sequence[Evidence], language: str) -> list[Ground]:
    """Return each sentence of the evidence, and each two that follow each other."""
    found: list[Ground] = []
    for item in evidence:
        if item.kind == "order":
            found += _record(item, language)
        elif item.kind == "article":
            found += _article(item.text, language)
        else:
            found += _sentences(item.text, item.kind, language)
    return found


def unsupported(parts: Sequence[Sentence], known: Sequence[Ground], language: str) -> Iterator[str]:
    """Name the sentences that claim something no sentence of the evidence says."""
    claims_anything, common = False, _common(known)
    for part in parts:
        for text, claim in _claims(part.text, language):
            claims_anything = True
            if _best(claim, known, common) is None:
                yield f"no evidence says: {text[:160]}"
    if not claims_anything:
        for part in filter(lambda part: courtesy.affirms(part.text), parts):
            yield f"says yes or no and gives no reason: {part.text}"


def rests_on_article(parts: Sequence[Sentence], known: Sequence[Ground], language: str) -> bool:
    """Tell whether some sentence draws on an article rather than on an order's record."""
    common = _common(known)
    best = (
        _best(claim, known, common) for part in parts for _, claim in _claims(part.text, language)
    )
    return any(ground is not None and ground.kind == "article" for ground in best)


def _claims(sentence: str, language: str) -> Iterator[tuple[str, Ground]]:
    """Return the clauses of a sentence that state something."""
    for clause in _CLAUSE.split(sentence):
        for text, claim in _pure(clause, "", language):
            if claim.stems and courtesy.claims(text):
                yield text, claim


def stems(folded: str) -> frozenset[str]:
    """Return the beginnings of the words that carry meaning."""
    plain = _SHORTENED.sub(" ", folded)
    return frozenset(_stem(word) for word in _WORD.findall(plain) if word not in _COMMON)


def _stem(word: str) -> str:
    if len(word) > _STEM:
        return _ENDINGS.sub("", word)[:_STEM]
    # As the longer forms lose it: "store" like "stored", "price" like "prices".
    return word.rstrip("s").removesuffix("e")


_RECORD_WORDS = {_stem(name): stems(said) for name, said in _SAID.items()}


def _sentences(text: str, kind: str, language: str) -> list[Ground]:
    wholes = [part.text for part in sentences(text)]
    singles = [ground for whole in wholes for _, ground in _pure(whole, kind, language)]
    clauses = [
        _ground(clause, kind, language)
        for whole in wholes
        for clause in _HALVES.split(whole)
        if clause != whole
    ]
    # A pair lends its words to a sentence that joins them, but not to one that denies.
    pairs = [
        Ground(stems=left.stems | right.stems, denies=left.denies, kind=kind)
        for left, right in pairwise(singles)
        if left.denies == right.denies
    ]
    return singles + clauses + pairs


def _pure(text: str, kind: str, language: str) -> list[tuple[str, Ground]]:
    """Return a text as it is, or in pieces where it denies one thing and says another."""
    pieces = [(piece, _ground(piece, kind, language)) for piece in _HALVES.split(text)]
    if len({ground.denies for _, ground in pieces}) > 1:
        return pieces
    return [(text, _ground(text, kind, language))]


# Articles come again and again; a customer's orders and words are not kept.
@lru_cache(maxsize=256)
def _article(text: str, language: str) -> tuple[Ground, ...]:
    return tuple(_sentences(text, "article", guess(text) or language))


def _ground(text: str, kind: str, language: str) -> Ground:
    folded = fold(digits(text, language).text).replace("_", " ")
    main = _CONDITION.sub("", folded)
    return Ground(stems=stems(folded), denies=bool(_NEGATION.search(main)), kind=kind)


def _common(known: Sequence[Ground]) -> Counter[str]:
    """Count in how many places each stem stands: what stands everywhere supports little."""
    return Counter(stem for ground in known for stem in ground.stems)


def _record(item: Evidence, language: str) -> list[Ground]:
    """Read an order's record: all its fields together, and what it denies with them."""
    fields = [_ground(field, "order", language) for field in re.split(r"[;\n]", item.text)]
    fields = [replace(field, stems=field.stems | _also(field)) for field in fields]
    stated = frozenset().union(*(field.stems for field in fields if not field.denies))
    denied = [
        Ground(stems=stated | field.stems, denies=True, kind="order")
        for field in fields
        if field.denies
    ]
    return [Ground(stems=stated, denies=False, kind="order"), *denied]


def _also(field: Ground) -> frozenset[str]:
    return frozenset().union(*(_RECORD_WORDS[stem] for stem in field.stems & _RECORD_WORDS.keys()))


def _best(claim: Ground, known: Sequence[Ground], common: Counter[str]) -> Ground | None:
    """Return the place of the evidence that shares most words, None where it is not enough."""
    weights = {stem: 1 / sqrt(1 + common[stem] / _OFTEN) for stem in claim.stems}
    needed = ENOUGH * sum(weights.values())
    best, most = None, 0.0
    for ground in known:
        shared = sum(weights[stem] for stem in claim.stems & ground.stems)
        if shared > most and claim.denies == ground.denies:
            best, most = ground, shared
    return best if most >= needed else None
