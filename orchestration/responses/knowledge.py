"""Answers a question about the shop's rules by quoting the article that answers it."""

from datetime import timedelta

from orchestration.responses import orders, phrases
from orchestration.responses.drafts import Desk, language_of, remember
from orchestration.types import Article, Citation, Draft, Evidence, Order, Passage, Question

NAME = "knowledge"
MIN_SCORE = 0.5


def respond(question: Question, desk: Desk) -> Draft | None:
    """Quote the best article and name it; None where none is near enough."""
    # What `order_status` could not make out about an own order is for a human, not for an article.
    if question.classification.intent == orders.INTENT:
        return None
    language = language_of(question, desk.shop)
    passage = _best(question, desk, language) if language else None
    if language is None or passage is None:
        return None
    article = passage.article
    order = _order_to_return(question, language)
    added = _return_days(order, article, question=question, desk=desk) if order else None
    sentences = [passage.quote.strip(), *([added[0]] if added else [])]
    # The chat page shows the citation itself, as a link.
    if question.channel != "chat":
        sentences.append(desk.texts.say("source", language, title=article.title))
    last_order = order.id if order else question.memory.last_order
    return Draft(
        text="\n\n".join(sentences),
        responder=NAME,
        language=language,
        citations=(Citation(id=article.id, title=article.title, url=article.url),),
        evidence=(_article_evidence(article), *([added[1]] if added else [])),
        memory=remember(
            question,
            language,
            last_intent=question.classification.intent,
            last_order=last_order,
        ),
        confidence=passage.score,
    )


def _best(question: Question, desk: Desk, language: str) -> Passage | None:
    for passage in desk.index.search(question.text, language=language)[:1]:
        is_spoken = passage.article.language.split("-")[0] == language
        if passage.score >= MIN_SCORE and passage.quote.strip() and is_spoken:
            return passage
    return None


def _article_evidence(article: Article) -> Evidence:
    return Evidence(kind="article", id=article.id, text=f"{article.title}\n{article.text}")


def _order_to_return(question: Question, language: str) -> Order | None:
    own = {order.id.casefold(): order for order in question.orders}
    named = question.classification.entities.get("orders", ())
    if named and phrases.is_returning(question.text, language):
        return own.get(named[0].casefold()) if len(named) == 1 else None
    if phrases.points_at_return(question.text, language):
        return own.get((question.memory.last_order or "").casefold())
    return None


def _return_days(
    order: Order, article: Article, *, question: Question, desk: Desk
) -> tuple[str, Evidence] | None:
    language = article.language.split("-")[0]
    days = phrases.days_to_return(article.text, language)
    if days is None or order.delivered_at is None or order.status != "delivered":
        return None
    delivered = desk.shop.day_of(order.delivered_at)
    until = delivered + timedelta(days=days)
    is_over = until < desk.shop.day_of(question.now)
    written = desk.texts.date(until, language)
    text = desk.texts.say(
        "return_days_over" if is_over else "return_days",
        language,
        order=order.id,
        delivered=desk.texts.date(delivered, language),
        days=days,
        until=written,
    )
    known = orders.evidence(order, question.now, desk, language)
    counted = f"{days} days from delivery: {until.isoformat()} ({written})"
    return text, Evidence(kind=known.kind, id=known.id, text=f"{known.text}; {counted}")
