"""Answers where a customer's own orders are, without a model."""

from collections.abc import Sequence

from orchestration.responses import orders, phrases
from orchestration.responses.drafts import Desk, language_of, remember
from orchestration.responses.phrases import Scan
from orchestration.types import Draft, Order, Question

NAME = "order_status"


def respond(question: Question, desk: Desk) -> Draft | None:
    """Return the status of the orders asked about, or ask which; None where it is not asked."""
    language = language_of(question, desk.shop)
    if language is None:
        return None
    talk = phrases.order_talk(question.text, language, _numbers(question))
    if not _is_asked(question, talk):
        return None
    if not question.verified:
        return _guest(question, desk, language)
    own, unknown = _wanted(question, talk)
    if own or unknown:
        return _report(question, own, unknown, desk=desk, language=language)
    return orders.ask_which(question, desk, language, NAME)


def _numbers(question: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys(question.classification.entities.get("orders", ())))


def _is_asked(question: Question, talk: Scan) -> bool:
    if question.classification.intent == orders.INTENT:
        return True
    if NAME in question.responders:
        # Beside `knowledge` an intent may be a question about the shop's rules as well.
        return "knowledge" not in question.responders or bool(_numbers(question))
    return _continues(question, talk)


def _continues(question: Question, talk: Scan) -> bool:
    pending = question.memory.pending
    is_awaited = pending is not None and pending.intent == orders.INTENT
    if is_awaited and question.classification.out_of_scope:
        return True
    points = bool(_numbers(question)) or not talk.kinds.isdisjoint(phrases.CHOICES)
    return points and talk.is_bare and (is_awaited or question.memory.last_intent == orders.INTENT)


def _guest(question: Question, desk: Desk, language: str) -> Draft | None:
    pending = question.memory.pending
    # The address that was asked for is for a colleague to use.
    if pending and pending.missing == "email" and "@" in question.text:
        return None
    return orders.ask_to_sign_in(question, desk, language, NAME)


def _wanted(question: Question, talk: Scan) -> tuple[Sequence[Order], Sequence[str]]:
    own = {order.id.casefold(): order for order in question.orders}
    numbers = _numbers(question)
    if numbers:
        found = {own[number.casefold()]: None for number in numbers if number.casefold() in own}
        return list(found), [number for number in numbers if number.casefold() not in own]
    chosen = [
        own[number.casefold()] for number in _chosen(question, talk) if number.casefold() in own
    ]
    return chosen, ()


def _chosen(question: Question, talk: Scan) -> tuple[str, ...]:
    memory = question.memory
    offered = memory.pending.options if memory.pending else memory.listed_orders
    if len(question.orders) == 1:
        return (question.orders[0].id,)
    if "other" in talk.kinds:
        return _others(question, offered)
    if "both" in talk.kinds and talk.is_bare:
        return offered
    places = [place for place, kind in enumerate(phrases.ORDINALS) if kind in talk.kinds]
    if places and talk.is_bare:
        return offered[places[0] : places[0] + 1]
    # "When will it come?" goes on about the last order; "my order" may be any.
    if memory.last_order and not memory.pending and "order_noun" not in talk.kinds:
        return (memory.last_order,)
    return ()


def _others(question: Question, offered: tuple[str, ...]) -> tuple[str, ...]:
    pool = offered if len(offered) > 1 else tuple(order.id for order in question.orders)
    others = tuple(number for number in pool if number != question.memory.last_order)
    return others if len(others) == 1 else ()


def _report(
    question: Question,
    own: Sequence[Order],
    unknown: Sequence[str],
    *,
    desk: Desk,
    language: str,
) -> Draft | None:
    said = [orders.status_sentence(order, question.now, desk, language) for order in own]
    sentences = [sentence for sentence in said if sentence]
    pending = None if own else orders.ask("order", question)
    if len(sentences) < len(own) or not (own or pending):
        return None
    evidence = [orders.evidence(order, question.now, desk, language) for order in own]
    for number in unknown:
        text, words = orders.deny(number, question, desk, language)
        sentences.append(text)
        evidence.append(words)
    last_order = own[-1].id if own else question.memory.last_order
    listed = question.memory.listed_orders or _pair(question)
    return Draft(
        text="\n".join(sentences),
        responder=NAME,
        language=language,
        evidence=tuple(dict.fromkeys(evidence)),
        memory=remember(
            question,
            language,
            pending=pending,
            last_intent=orders.INTENT,
            last_order=last_order,
            listed_orders=listed,
        ),
    )


def _pair(question: Question) -> tuple[str, ...]:
    """Return the orders of somebody with two, where "the other one" is clear without a list."""
    return tuple(order.id for order in question.orders) if len(question.orders) == 2 else ()
