"""How the bot speaks of a customer's orders and asks which one is meant."""

from collections.abc import Sequence
from datetime import datetime

from orchestration.responses.drafts import Desk, message_evidence, remember
from orchestration.types import (
    ORDER_STATUSES,
    Draft,
    Evidence,
    Order,
    PendingQuestion,
    Question,
)

INTENT = "order_status"
LISTED = 3
_OPEN = ("late", "in_transit", "not_shipped", "return_requested")


def status_sentence(order: Order, now: datetime, desk: Desk, language: str) -> str | None:
    """Return what we know about an order; None for a status we have no words for."""
    status = order.status_at(now)
    if status not in ORDER_STATUSES:
        return None
    key, day = _dated(order, status, desk, language)
    sentence = desk.texts.say(key, language, order=order.id, date=day)
    if order.tracking and status in ("in_transit", "late"):
        sentence += " " + desk.texts.say("tracking", language, tracking=order.tracking)
    return sentence


def evidence(order: Order, now: datetime, desk: Desk, language: str) -> Evidence:
    """Return all we know about an order, its days also as they are written in the language."""
    facts = {
        "order": order.id,
        "status": order.status_at(now),
        "placed": _day(order.placed_at, desk, language),
        "due": _day(order.due_at, desk, language),
        "delivered": _day(order.delivered_at, desk, language),
        "tracking": order.tracking,
        "value": f"{order.value} {order.currency}" if order.value is not None else None,
        "items": ", ".join(order.items),
    }
    text = "; ".join(f"{name}: {fact}" for name, fact in facts.items() if fact)
    return Evidence(kind="order", id=order.id, text=text)


def ask_which(question: Question, desk: Desk, language: str, responder: str) -> Draft | None:
    """Ask which order is meant, once more after a miss; None after the second miss.

    A customer without orders is told so.
    """
    if not question.orders:
        text = desk.texts.say("no_orders", language)
        memory = remember(question, language, last_intent=INTENT)
        return Draft(text=text, responder=responder, language=language, memory=memory)
    listed = _latest(question)
    pending = ask("order", question, options=tuple(order.id for order in listed))
    if pending is None:
        return None
    lines = "\n".join(_line(order, question.now, desk, language) for order in listed)
    key = "which_order_again" if pending.misses else "which_order"
    return Draft(
        text=desk.texts.say(key, language, orders=lines),
        responder=responder,
        language=language,
        evidence=tuple(evidence(order, question.now, desk, language) for order in listed),
        memory=remember(
            question,
            language,
            pending=pending,
            last_intent=INTENT,
            listed_orders=pending.options,
        ),
    )


def ask_to_sign_in(question: Question, desk: Desk, language: str, responder: str) -> Draft | None:
    """Ask a guest to sign in, in the same words whatever they named; None after the second miss."""
    pending = ask("email", question)
    if pending is None:
        return None
    return Draft(
        text=desk.texts.say("sign_in", language),
        responder=responder,
        language=language,
        memory=remember(question, language, pending=pending, last_intent=INTENT),
    )


def deny(number: str, question: Question, desk: Desk, language: str) -> tuple[str, Evidence]:
    """Say that the customer has no such order: the same of another's and of none."""
    text = desk.texts.say("no_such_order", language, order=number)
    return text, message_evidence(question)


def ask(missing: str, question: Question, options: tuple[str, ...] = ()) -> PendingQuestion | None:
    """Return the question to leave pending, counting misses; None at the second miss."""
    earlier = question.memory.pending
    misses = earlier.misses + 1 if earlier and earlier.missing == missing else 0
    if misses > 1:
        return None
    return PendingQuestion(intent=INTENT, missing=missing, options=options, misses=misses)


def _dated(order: Order, status: str, desk: Desk, language: str) -> tuple[str, str]:
    key = f"status_{status}"
    if status == "delivered" and order.delivered_at:
        return f"{key}_on", _written(order.delivered_at, desk, language)
    if status in ("late", "in_transit", "not_shipped") and order.due_at:
        return f"{key}_due", _written(order.due_at, desk, language)
    return key, ""


def _latest(question: Question) -> Sequence[Order]:
    orders = list(question.orders)
    # The source names the newest first; a day says it better where every order has one.
    if all(order.placed_at for order in orders):
        orders.sort(key=lambda order: order.placed_at or question.now, reverse=True)
    orders.sort(key=lambda order: order.status_at(question.now) not in _OPEN)
    return orders[:LISTED]


def _line(order: Order, now: datetime, desk: Desk, language: str) -> str:
    status = order.status_at(now)
    words = desk.texts.say(f"short_{status}", language) if status in ORDER_STATUSES else status
    placed = _written(order.placed_at, desk, language) if order.placed_at else ""
    key = "order_line_placed" if placed else "order_line"
    return desk.texts.say(key, language, order=order.id, status=words, placed=placed)


def _day(moment: datetime | None, desk: Desk, language: str) -> str | None:
    if moment is None:
        return None
    return f"{desk.shop.day_of(moment).isoformat()} ({_written(moment, desk, language)})"


def _written(moment: datetime, desk: Desk, language: str) -> str:
    return desk.texts.date(desk.shop.day_of(moment), language)
