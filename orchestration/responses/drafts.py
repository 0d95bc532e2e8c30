"""What every responder works with and puts into its draft."""

import re
from dataclasses import dataclass, replace
from typing import Any

from orchestration.interfaces import KnowledgeIndex
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import Evidence, Memory, Question


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What lies ready for a responder: our sentences, the shop and its articles."""

    texts: Texts
    shop: Shop
    index: KnowledgeIndex


def language_of(question: Question, shop: Shop) -> str | None:
    """Return the language to answer in; None where the shop does not answer in the customer's."""
    has_letters = re.search(r"[^\W\d_]", question.text)
    # A bare number is in no language, whatever a classifier makes of it.
    remembered = None if has_letters else question.memory.language
    language = (remembered or question.classification.language).replace("_", "-").split("-")[0]
    return language if language in shop.languages else None


def remember(question: Question, language: str, **changes: Any) -> Memory:
    """Return the conversation's memory with these changes and no pending question but theirs."""
    return replace(question.memory, **{"pending": None, "language": language, **changes})


def shop_evidence(shop: Shop) -> Evidence:
    """Return the names that a sentence of ours may mention."""
    return Evidence(kind="shop", id="shop", text=f"{shop.name}; {shop.bot_name}")


def message_evidence(question: Question) -> Evidence:
    """Return the customer's own words, whose numbers an answer may repeat."""
    return Evidence(kind="message", id="message", text=question.text)
