"""Finds the article that answers a question by its words and letters, without any model."""

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from integrations.knowledge import knowledge
from integrations.knowledge.lexical.chance import Chance
from integrations.knowledge.lexical.matching import Floats, Matcher
from integrations.knowledge.lexical.quotes import best_quote
from orchestration.types import Article, Passage

# Beyond this a message is no question to a help page, and time grows with it.
_LONGEST_TEXT = 2000
_MOST_QUESTIONS = 3
# A question inside a longer message counts a little less than the whole message would.
_PART_CREDIT = 0.85
_QUESTION = re.compile(r"[^.!?\n]+\?")
_CLAUSE = re.compile(r"[,;:]\s+")


@knowledge.register("lexical")
class LexicalIndex:
    """A `KnowledgeIndex` in memory; it finds only articles in the language asked in."""

    def __init__(self) -> None:
        self._shelves: dict[str, _Shelf] = {}

    def build(self, articles: Sequence[Article]) -> None:
        """Index these articles in place of the earlier ones; slow, run it off the event loop."""
        by_language: dict[str, list[Article]] = defaultdict(list)
        for article in articles:
            by_language[article.language].append(article)
        self._shelves = {
            language: _shelf(tuple(shelved), language) for language, shelved in by_language.items()
        }

    def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        """Return the best passages, best first; an empty list where nothing is near."""
        shelf = self._shelves.get(language)
        return shelf.search(text[:_LONGEST_TEXT], limit) if shelf else []


class _Shelf:
    """The articles of one language."""

    def __init__(self, articles: Sequence[Article], language: str) -> None:
        self._articles = articles
        self._language = language
        self._matcher = Matcher(articles, language)
        self._chance = Chance(self._matcher)

    def search(self, text: str, limit: int) -> list[Passage]:
        chances = self._chances(text)
        best = np.argsort(-chances, kind="stable")[:limit].tolist()
        return [self._passage(at, float(chances[at]), text) for at in best if chances[at] > 0]

    def _chances(self, text: str) -> Floats:
        chances = self._chance.of_each(text)
        for question in _questions_in(text):
            chances = np.maximum(chances, _PART_CREDIT * self._chance.of_each(question))
        return chances

    def _passage(self, at: int, chance: float, text: str) -> Passage:
        article = self._articles[at]
        quote = best_quote(article.text, text, self._language, self._matcher.weigh)
        return Passage(article=article, score=round(chance, 4), quote=quote)


@lru_cache(maxsize=8)
def _shelf(articles: tuple[Article, ...], language: str) -> _Shelf:
    """Index what has changed alone: the articles of the other languages stand as they were."""
    return _Shelf(articles, language)


def _questions_in(text: str) -> list[str]:
    """Return the questions inside a longer message, each without the clauses before it."""
    found = [_CLAUSE.split(question)[-1].strip() for question in _QUESTION.findall(text)]
    return [question for question in found if question != text.strip()][:_MOST_QUESTIONS]
