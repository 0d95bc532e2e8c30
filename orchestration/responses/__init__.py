"""The responders that draft an answer without a model."""

from collections.abc import Callable, Mapping

from orchestration.errors import NotFound
from orchestration.interfaces import KnowledgeIndex
from orchestration.responses import knowledge, order_status, template
from orchestration.responses.drafts import Desk
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import Draft, Question

RESPONDERS: Mapping[str, Callable[[Question, Desk], Draft | None]] = {
    template.NAME: template.respond,
    order_status.NAME: order_status.respond,
    knowledge.NAME: knowledge.respond,
}


def answer(
    name: str, question: Question, *, texts: Texts, shop: Shop, index: KnowledgeIndex
) -> Draft | None:
    """Return the named responder's draft; None where it abstains or the intent excludes it."""
    if name not in RESPONDERS:
        raise NotFound(f"no responder named {name!r}; there are: {', '.join(RESPONDERS)}")
    if question.responders and name not in question.responders:
        return None
    return RESPONDERS[name](question, Desk(texts=texts, shop=shop, index=index))
