"""How near each article is to a question, by shared terms and shared letter groups."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray

from integrations.knowledge.lexical.words import letter_groups, negatives, shortened, terms
from orchestration.types import Article

Floats = NDArray[np.float64]

_MISSPELT_CREDIT = 0.8
_SHORTEST_MISSPELT = 5
_BM25_LENGTH, _BM25_REPEAT = 0.4, 1.2
# A negative that says the same as an article's own example is answered in this shop.
_SAME_TERMS = 0.6


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """How near a question is to each article (in their order) and to the negatives, 0 to 1.

    `asked` and `told` are the shares of its terms that the article's examples and its text hold,
    `bm25` weighs the text's terms; `words` and `letters` compare with the nearest example;
    `alike` compares with every example and negative.
    """

    asked: Floats
    told: Floats
    bm25: Floats
    words: Floats
    letters: Floats
    alike: Floats
    negative: float
    terms: int


class Matcher:
    """Compares questions with the articles of one language and with messages no article answers."""

    def __init__(self, articles: Sequence[Article], language: str) -> None:
        self.language = language
        self.articles = articles
        asked = [(at, text) for at, each in enumerate(articles) for text in _ways_to_ask(each)]
        held = {frozenset(terms(text, language)) for _, text in asked}
        refused = [text for text in negatives(language) if not _is_asked(text, held, language)]
        self.examples = [*(text for _, text in asked), *refused]
        # Negatives belong to no article: their owner is one past the last.
        self.owners = np.array([at for at, _ in asked] + [len(articles)] * len(refused), np.intp)
        self.asked_examples = len(asked)
        self._terms = [terms(text, language) for text in self.examples]
        self._words = _Rows([_with_pairs(row) for row in self._terms])
        self._letters = _Rows([list(letter_groups(text, language)) for text in self.examples])
        self._askers: dict[str, Counter[int]] = defaultdict(Counter)
        for owner, row in zip(self.owners[: len(asked)].tolist(), self._terms, strict=False):
            for term in set(row):
                self._askers[term][owner] += 1
        self._tellers = _bm25_weights(articles, language)
        self._spellings = _spellings(self._askers.keys() | self._tellers.keys())

    def compare(
        self, text: str, *, hidden: int | None = None, without: int | None = None
    ) -> Nearness:
        """Compare a question with every article.

        `hidden` is an example and `without` an article that count as if they were not there.
        """
        found = [self._known_as(term) for term in terms(text, self.language)]
        words, letters = self._cosines(text, [term for term, _ in found])
        alike = (words + letters) / 2
        if hidden is not None:
            words[hidden] = letters[hidden] = 0.0
        asked, told, bm25 = self._shares(dict(found), hidden, without)
        refused = slice(self.asked_examples, None)
        return Nearness(
            asked=asked,
            told=told,
            bm25=bm25,
            words=self._nearest(words),
            letters=self._nearest(letters),
            alike=alike,
            negative=float(((words + letters) / 2)[refused].max(initial=0.0)),
            terms=len(found),
        )

    def weigh(self, term: str) -> float:
        """Return how telling a term is: 1 where one article holds it, near 0 where all do."""
        holders = self._askers.get(term, Counter()).keys() | self._tellers.get(term, {}).keys()
        return self._rarity(max(1, len(holders))) / self._rarity(1)

    def alike(self, text: str) -> Floats:
        """Return how alike a text is to every example and negative, 0 to 1."""
        words, letters = self._cosines(text, terms(text, self.language))
        return (words + letters) / 2

    def _cosines(self, text: str, found: list[str]) -> tuple[Floats, Floats]:
        words = self._words.cosines(_with_pairs(found))
        return words, self._letters.cosines(letter_groups(text, self.language))

    def _nearest(self, alike: Floats) -> Floats:
        best = np.zeros(len(self.articles) + 1)
        np.maximum.at(best, self.owners, alike)
        return best[:-1]

    def _shares(
        self, found: dict[str, float], hidden: int | None, without: int | None
    ) -> tuple[Floats, Floats, Floats]:
        asked, told, bm25 = (np.zeros(len(self.articles)) for _ in range(3))
        whole = 0.0
        for term, credit in found.items():
            askers = self._askers_of(term, hidden) - {without}
            tellers = self._tellers.get(term, {})
            weight = self._rarity(len((askers | tellers.keys()) - {without}))
            whole += weight
            for at in askers:
                asked[at] += weight * credit
            for at, strength in tellers.items():
                told[at] += weight * credit
                bm25[at] += weight * strength
        whole = whole or 1.0
        return asked / whole, told / whole, np.tanh(bm25 / whole / 2)

    def _askers_of(self, term: str, hidden: int | None) -> set[int]:
        askers = self._askers.get(term, Counter())
        if hidden is None or hidden >= self.asked_examples or term not in self._terms[hidden]:
            return set(askers)
        owner = int(self.owners[hidden])
        return {at for at, count in askers.items() if at != owner or count > 1}

    def _rarity(self, articles: int) -> float:
        return log(1 + (len(self.articles) - articles + 0.5) / (articles + 0.5))

    def _known_as(self, term: str) -> tuple[str, float]:
        """Return the term as the articles spell it, and how much it counts."""
        if term in self._askers or term in self._tellers or len(term) < _SHORTEST_MISSPELT:
            return term, 1.0
        near = [known for short in shortened(term) for known in self._spellings.get(short, ())]
        return (min(near), _MISSPELT_CREDIT) if near else (term, 1.0)


class _Rows:
    """Rows of weighted features of length one, kept by feature."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        counted = [Counter(row) for row in rows]
        spread = Counter(feature for row in counted for feature in row)
        self._size = len(rows)
        self._unknown = log(1 + len(rows)) + 1
        self._rarity = {
            feature: log((1 + len(rows)) / (1 + among)) + 1 for feature, among in spread.items()
        }
        gathered: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        for at, row in enumerate(counted):
            for feature, weight in self._weights(row).items():
                gathered[feature][0].append(at)
                gathered[feature][1].append(weight)
        self._columns = {
            feature: (np.array(places, np.intp), np.array(weights))
            for feature, (places, weights) in gathered.items()
        }

    def cosines(self, features: Iterable[str]) -> Floats:
        """Return how alike each row is to these features, 0 to 1."""
        alike = np.zeros(self._size)
        for feature, weight in self._weights(Counter(features)).items():
            if feature in self._columns:
                places, weights = self._columns[feature]
                alike[places] += weight * weights
        return alike

    def _weights(self, counted: Counter[str]) -> dict[str, float]:
        weights = {
            feature: (1 + log(count)) * self._rarity.get(feature, self._unknown)
            for feature, count in counted.items()
        }
        length = sum(weight * weight for weight in weights.values()) ** 0.5
        return {feature: weight / length for feature, weight in weights.items()}


def _ways_to_ask(article: Article) -> list[str]:
    return list(dict.fromkeys([*article.questions, article.title]))


def _is_asked(text: str, held: set[frozenset[str]], language: str) -> bool:
    own = frozenset(terms(text, language))
    return any(len(own & row) > _SAME_TERMS * len(own | row) for row in held)


def _with_pairs(row: Sequence[str]) -> list[str]:
    return [*row, *(f"{first} {second}" for first, second in pairwise(row))]


def _bm25_weights(articles: Sequence[Article], language: str) -> dict[str, dict[int, float]]:
    counted = [Counter(terms(article.text, language)) for article in articles]
    mean = sum(row.total() for row in counted) / len(counted) or 1.0
    weights: dict[str, dict[int, float]] = defaultdict(dict)
    for at, row in enumerate(counted):
        length = 1 - _BM25_LENGTH + _BM25_LENGTH * row.total() / mean
        for term, count in row.items():
            weights[term][at] = count * (_BM25_REPEAT + 1) / (count + _BM25_REPEAT * length)
    return weights


def _spellings(known: set[str]) -> dict[str, list[str]]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for term in known:
        if len(term) >= _SHORTEST_MISSPELT:
            for short in shortened(term):
                spellings[short].append(term)
    return spellings
