"""Questions of Ana, Ben and guests, and what is needed to let the responders answer them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration import responses
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import (
    Article,
    Classification,
    CustomerRecord,
    Draft,
    Memory,
    Order,
    Passage,
    Question,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHOP = Shop(
    name="Willow & Wren", bot_name="Robin", languages=("en", "de", "fr", "es", "it", "nl", "pt")
)
TEXTS = Texts(SHOP)
RETURNS = Article(
    id="returns",
    title="Returning something",
    text="You can return most items within 30 days of delivery. Refunds take up to 5 working days.",
)
RETURNS_DE = Article(
    id="returns-de",
    title="Rückgabe",
    text="Sie können fast alles innerhalb von 30 Tagen nach der Zustellung zurückgeben.",
    language="de",
)


@dataclass
class FakeIndex:
    """Finds the articles of a language where the question holds that language's word."""

    articles: tuple[Article, ...] = (RETURNS, RETURNS_DE)
    score: float = 0.8
    words: dict[str, str] = field(default_factory=lambda: {"en": "return", "de": "zurück"})

    def build(self, articles: Sequence[Article]) -> None:
        self.articles = tuple(articles)

    def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        word = self.words.get(language)
        near = [article for article in self.articles if article.language == language]
        if not word or word not in text.lower():
            return []
        found = [Passage(article=a, score=self.score, quote=a.text.split(". ")[0]) for a in near]
        return found[:limit]


def order(number: str, status: str, **fields: Any) -> Order:
    return Order(id=number, customer_id="C-1001", status=status, **fields)


ANA = (
    order(
        "1042",
        "in_transit",
        placed_at=NOW - timedelta(days=3),
        due_at=NOW + timedelta(days=2),
        tracking="TRK-1042",
        value=Decimal("59.90"),
    ),
    order(
        "1043",
        "delivered",
        placed_at=NOW - timedelta(days=12),
        delivered_at=NOW - timedelta(days=8),
    ),
)
BEN = (
    order("2077", "in_transit", due_at=NOW - timedelta(days=1)),
    order("2078", "not_shipped"),
)


def question(
    text: str,
    intent: str = "order_status",
    *,
    orders: Sequence[Order] = (),
    memory: Memory | None = None,
    numbers: Sequence[str] = (),
    verified: bool = True,
    language: str = "en",
    out_of_scope: bool = False,
    responders: Sequence[str] = (),
    confidence: float = 0.9,
) -> Question:
    return Question(
        text=text,
        classification=Classification(
            intent=intent,
            confidence=confidence,
            route_confidence=confidence,
            language=language,
            out_of_scope=out_of_scope,
            entities={"orders": tuple(numbers)} if numbers else {},
        ),
        memory=memory or Memory(),
        verified=verified,
        channel="web",
        now=NOW,
        customer=CustomerRecord(id="C-1001") if verified else None,
        orders=tuple(orders),
        responders=tuple(responders),
    )


def draft_of(name: str, asked: Question, index: FakeIndex | None = None) -> Draft | None:
    return responses.answer(name, asked, texts=TEXTS, shop=SHOP, index=index or FakeIndex())


def answer(name: str, asked: Question, index: FakeIndex | None = None) -> Draft:
    draft = draft_of(name, asked, index)
    assert draft is not None
    return draft


def first_answer(asked: Question) -> Draft:
    drafts = (draft_of(name, asked) for name in responses.RESPONDERS)
    return next(draft for draft in drafts if draft)


def status(text: str, **fields: Any) -> Draft:
    return answer("order_status", question(text, **fields))
