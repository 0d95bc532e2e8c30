"""Answers small talk, and a message about an order that names none, with our own sentences."""

from orchestration.responses import orders, phrases
from orchestration.responses.drafts import Desk, language_of, remember, shop_evidence
from orchestration.types import Draft, Evidence, Question

NAME = "template"

_SAID = {
    "capabilities": "capabilities",
    "identity": "automated_notice",
    "solved": "solved",
    "thanks": "resolved_thanks",
    "goodbye": "goodbye",
    "greeting": "greeting",
    "agreed": "what_else",
}
_CLOSING = ("solved", "thanks")
# A hello that hides a question must not be lost; the worst of a wrong "I can do this" is a detour.
_SURE = {"solved": 0.99, "thanks": 0.99, "goodbye": 0.99, "greeting": 0.99, "capabilities": 0.7}


def respond(question: Question, desk: Desk) -> Draft | None:
    """Answer a message that is small talk and nothing else; None for one that asks something."""
    language = language_of(question, desk.shop)
    if phrases.is_wordless(question.text):
        return _answer_sign(question, desk, language or desk.shop.language)
    memory = question.memory
    likely = [code for code in (language, memory.language) if code in desk.shop.languages]
    names = (desk.shop.bot_name, desk.shop.name)
    found = phrases.small_talk(question.text, (*filter(None, likely), *desk.shop.languages), names)
    if found:
        return _answer_talk(*found, question=question, desk=desk)
    if language and _is_read_as_talk(question):
        return _answer_talk(question.classification.intent, language, question=question, desk=desk)
    if language and _names_no_order(question, language):
        return _ask_for_order(question, desk, language)
    return None


def _answer_sign(question: Question, desk: Desk, language: str) -> Draft:
    memory = question.memory
    if phrases.is_thumb_up(question.text) and memory.last_intent and not memory.pending:
        return _draft("resolved_thanks", question, desk, language, closes=True)
    return _draft("what_can_i_do", question, desk, language)


def _answer_talk(kind: str, language: str, *, question: Question, desk: Desk) -> Draft | None:
    is_asked_for_order = bool(question.memory.pending)
    if kind == "no_number" or (kind == "unsure" and is_asked_for_order):
        return _ask_for_order(question, desk, language)
    # "Ok" and "I don't know" answer a question of ours, if there is one; else "ok" ends a topic.
    if kind == "unsure" or (kind == "agreed" and is_asked_for_order):
        return None
    return _draft(_SAID[kind], question, desk, language, closes=kind in _CLOSING)


def _is_read_as_talk(question: Question) -> bool:
    """Tell whether a classifier is sure of small talk in words that are not among our phrases."""
    read = question.classification
    says_more = read.out_of_scope or read.requests > 1 or bool(read.entities)
    asks = "?" in question.text and read.intent != "capabilities"
    return read.confidence >= _SURE.get(read.intent, 2) and not says_more and not asks


def _names_no_order(question: Question, language: str) -> bool:
    talk = phrases.order_talk(question.text, language)
    return talk.is_bare and "order_noun" in talk.kinds and talk.kinds.isdisjoint(phrases.CHOICES)


def _ask_for_order(question: Question, desk: Desk, language: str) -> Draft | None:
    if not question.verified:
        return orders.ask_to_sign_in(question, desk, language, NAME)
    # Somebody with one order is not asked which: `order_status` tells of it.
    if len(question.orders) == 1:
        return None
    return orders.ask_which(question, desk, language, NAME)


def _draft(
    key: str, question: Question, desk: Desk, language: str, *, closes: bool = False
) -> Draft:
    text = desk.texts.say(key, language)
    # What the operator wrote for this occasion is theirs to say.
    own_words = Evidence(kind="shop", id=key, text=text)
    return Draft(
        text=text,
        responder=NAME,
        language=language,
        evidence=(shop_evidence(desk.shop), own_words),
        memory=remember(question, language),
        closes=closes,
    )
