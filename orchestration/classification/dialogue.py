"""Answers to what the bot asked, and messages that only make sense after what was said before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.classification.entities import find_emails
from orchestration.classification.facts import Facts
from orchestration.classification.smalltalk import find_small_talk
from orchestration.classification.words import fold, split_words, word_set
from orchestration.types import Memory, PendingQuestion, Reading

_FILLERS = word_set(
    """a an and about also as au c'est bitte by con das de dem den der die e el em en er est et ex
    favor for from hello hi ich id is ist it it's its i'd i'm i il ik isto j'ai je la le les lo lui
    ma mean meant meine mein meu mi mia mine minha mio mon my n no nr number nummer numero of ok
    okay
    one ones order orders number: o other para per please pls plz por prego pour purchase same s'il
    sie sono sorry sure te thanks that that's the then this too uh um und van vous was what with y
    yes yeah yep ja oui si sim het mijn bestelling bestellung commande pedido ordine encomenda was
    were would like want svp plait danke merci gracias grazie bedankt obrigado how einen eine da de
    now well it'll be guess think"""
)
_ORDINALS: dict[str, int] = {
    word: place
    for place, words in {
        0: """first 1st erste ersten erster premier premiere primer primero primera primo prima
           eerste primeiro primeira former newest latest neueste""",
        1: """second 2nd zweite zweiten zweiter deuxieme seconde segundo segunda secondo seconda
           tweede latter""",
        2: "third 3rd dritte dritten troisieme tercero tercera terzo terza derde terceiro terceira",
        -1: "last letzte letzten dernier derniere ultimo ultima laatste oldest",
    }.items()
    for word in words.split()
}
_ALL = word_set("both all beide alle deux tous ambos todos entrambi tutti allebei")
_THE_OTHER = re.compile(
    r"(?<!\w)(?:the other(?: (?:one|order|ones|parcel|package))?|other one|die andere|das andere|"
    r"der andere|l'autre|la otra|el otro|l'altro|l'altra|de andere|het andere|(?:o|a) outr[oa])"
    r"(?: (?:bestellung|commande|pedido|ordine|bestelling|encomenda|paket|colis|paquete|pacco))?"
    r"(?!\w)"
)
_POINTING = re.compile(
    r"(?<!\w)(?:it|them|this one|that one|(?:this|that) (?:order|parcel|package|item|one)|this|"
    r"es|sie|diese bestellung|das|le|la|les|l'|cette commande|ce colis|lo|los|este pedido|"
    r"ese pedido|(?:devolver|cancelar|restituir|annullar|tracciar|rastrear)\w{0,2}l[oae]|"
    r"quest'ordine|questo ordine|het|hem|dit|deze bestelling|ele|ela|esse pedido|isso|isto)(?!\w)"
)
_POINTING_AT_NOTHING = re.compile(
    r"(?<!\w)(?:is it (?:possible|ok|okay|true|safe|allowed)|does it cost|it is possible|"
    r"it'?s (?:possible|ok)|es (?:gibt|ist moglich)|est-ce)(?!\w)"
)
_LONGEST_FOLLOW_UP = 8
_SURE_OF_ANOTHER = 0.5


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """An intent taken over from the conversation, for these orders, and why."""

    intent: str
    orders: tuple[str, ...]
    reason: str


def resume(
    text: str, reading: Reading, *, memory: Memory, facts: Facts, orders: tuple[str, ...]
) -> Resumed | None:
    """Return what a message means as an answer or a follow-up; None where it stands for itself."""
    pending = memory.pending
    if pending and pending.missing == "order":
        chosen = _chosen(text, reading, pending, facts=facts, orders=orders)
        if chosen:
            reason = "answers the question which order"
            return Resumed(intent=pending.intent, orders=chosen, reason=reason)
    if pending and pending.missing == "email" and find_emails(text):
        return Resumed(intent=pending.intent, orders=(), reason="leaves an e-mail address")
    followed = _follow_up(text, memory, orders)
    if followed is None and pending and _means_nothing(reading) and not find_small_talk(text):
        # Asked once more; a second answer that does not fit goes to a human.
        return Resumed(intent=pending.intent, orders=(), reason="does not fit what was asked")
    return followed


def _means_nothing(reading: Reading) -> bool:
    likeliest = max(reading.probabilities.values(), default=0.0)
    return reading.out_of_scope or likeliest < _SURE_OF_ANOTHER


def points_back(text: str) -> bool:
    """Tell whether a message speaks of something named earlier: "it", "that order"."""
    folded = _POINTING_AT_NOTHING.sub(" ", fold(text))
    return bool(_POINTING.search(folded))


def is_bare(text: str, orders: Sequence[str] = ()) -> bool:
    """Tell whether nothing is said beside order numbers and polite words."""
    return not _content(text, orders)


def _content(text: str, orders: Sequence[str]) -> list[str]:
    folded = fold(text)
    for order in orders:
        folded = folded.replace(fold(order), " ")
    return [word for word in split_words(folded.replace("#", " ")) if word not in _FILLERS]


def _chosen(
    text: str,
    reading: Reading,
    pending: PendingQuestion,
    *,
    facts: Facts,
    orders: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the orders a message picks; nothing where it asks for something else."""
    content = _content(text, orders)
    if orders:
        return orders if not content or not _asks_anew(reading, pending.intent) else ()
    options = pending.options or tuple(order.id for order in facts.orders)
    if any(word in _ALL for word in split_words(fold(text))) and len(content) <= 2:
        return options
    places = {_ORDINALS[word] for word in content if word in _ORDINALS}
    if len(places) == 1 and len(content) <= 3:
        place = places.pop()
        return (options[place],) if -len(options) <= place < len(options) else ()
    return _by_items(content, options, facts)


def _asks_anew(reading: Reading, pending: str) -> bool:
    if not reading.probabilities:
        return False
    intent, probability = max(reading.probabilities.items(), key=lambda pair: pair[1])
    return intent != pending and probability >= _SURE_OF_ANOTHER and not reading.out_of_scope


def _by_items(content: Sequence[str], options: Sequence[str], facts: Facts) -> tuple[str, ...]:
    """Return the one order whose items are named by most of the words, if there is just one."""
    asked = {_stem(word) for word in content}
    if not asked:
        return ()
    hits = {
        order.id: len(asked & {_stem(word) for word in split_words(fold(" ".join(order.items)))})
        for order in facts.orders
        if order.id in options
    }
    most = max(hits.values(), default=0)
    best = [order for order, count in hits.items() if count == most]
    is_about_items = most > 0 and 2 * most >= len(asked)
    return (best[0],) if is_about_items and len(best) == 1 else ()


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith(("s", "n")) else word


def _follow_up(text: str, memory: Memory, orders: tuple[str, ...]) -> Resumed | None:
    folded = fold(text)
    if len(split_words(folded)) > _LONGEST_FOLLOW_UP or memory.last_intent is None:
        return None
    rest = tuple(order for order in memory.listed_orders if order != memory.last_order)
    if rest and not orders and _THE_OTHER.search(folded):
        asked = _content(_THE_OTHER.sub(" ", folded), ())
        if not asked:
            reason = "asks the same about the other order"
            return Resumed(intent=memory.last_intent, orders=rest, reason=reason)
    if orders and is_bare(text, orders):
        reason = "asks the same about another order"
        return Resumed(intent=memory.last_intent, orders=orders, reason=reason)
    return None
