"""The chance that an article answers a question, learnt from the articles' own examples.

Two layers. A kernel ridge classifier over the example questions, with a class of its own for
messages that no article answers. Its scores and the plain nearness of the best article then go
through a logistic regression whose examples are the same questions, each held out in turn, and once
more with their whole article held out, when the right answer is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from integrations.knowledge.lexical.matching import Floats, Matcher, Nearness

# The classifier's work grows with the cube of its examples: 1,500 take about a second.
_MOST_CLASSIFIED = 1500
_MOST_LEARNT_FROM = 400
_RIDGE = 0.3
_HELD_OUT_WEIGHT = 0.15
_NEWTON_STEPS = 12
# In the order of `_features`: what the sample store taught; every shop's own examples move it.
_PRIOR = np.array([0.6, 1.3, 0.4, 0.1, 1.7, 0.8, -0.7, -1.0, 1.7, -0.1, 1.8, -2.4])

_RANK = {"asked": 0.3, "told": 0.15, "words": 0.3, "letters": 0.25, "bm25": 0.1, "class": 0.5}
# No shared term, and fewer shared letters than a compound word would have: not near at all.
_FEWEST_LETTERS = 0.5
_MOST_LIKELY = 12


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """One line of the logistic regression's training."""

    features: Floats
    answers: bool
    weight: float


class Chance:
    """Says how likely each article is to answer; learns at once when made."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._classes = _Classes(matcher) if _is_small(matcher) else None
        self._weights = _learn(list(self._lessons()))

    def of_each(self, text: str) -> Floats:
        """Return the chance of each article, in their order; 0 where far behind or not near."""
        near = self._matcher.compare(text)
        scores = self._classes.scores(near) if self._classes else _no_scores(self._matcher)
        ranks = _ranks(near, scores)
        chances = np.zeros(len(ranks))
        is_near = (near.asked + near.told > 0) | (near.letters >= _FEWEST_LETTERS)
        for at in np.argsort(-ranks, kind="stable")[:_MOST_LIKELY].tolist():
            if is_near[at]:
                chances[at] = _sigmoid(_features(at, near, scores, ranks) @ self._weights)
        return chances

    def _lessons(self) -> Iterator[_Lesson]:
        matcher = self._matcher
        step = -(-len(matcher.examples) // _MOST_LEARNT_FROM)
        for at in range(0, len(matcher.examples), step):
            owner = int(matcher.owners[at])
            scores = self._classes.held_out[at] if self._classes else _no_scores(matcher)
            near = matcher.compare(matcher.examples[at], hidden=at)
            yield _lesson(near, scores, owner, weight=1.0)
            if owner < len(matcher.articles) > 1:
                scores = self._classes.without_owner[at] if self._classes else scores
                near = matcher.compare(matcher.examples[at], without=owner)
                yield _lesson(near, scores, None, weight=_HELD_OUT_WEIGHT, left_out=owner)


class _Classes:
    """One class per article and one for none of them: kernel ridge regression over the examples.

    Leaving out one example or one article has a closed form (Rifkin and Lippert, "Notes on
    Regularized Least Squares", 2007), so nothing is trained twice.
    """

    def __init__(self, matcher: Matcher) -> None:
        kernel = np.array([matcher.alike(text) for text in matcher.examples])
        targets = np.eye(len(matcher.articles) + 1)[matcher.owners]
        inverse = np.linalg.inv((kernel + kernel.T) / 2 + _RIDGE * np.eye(len(kernel)))
        self._dual = inverse @ targets
        self.held_out = targets - self._dual / np.diag(inverse)[:, None]
        self.without_owner = targets.copy()
        for owner in range(len(matcher.articles)):
            block = np.flatnonzero(matcher.owners == owner)
            self.without_owner[block] -= np.linalg.solve(
                inverse[np.ix_(block, block)], self._dual[block]
            )

    def scores(self, near: Nearness) -> Floats:
        """Return the score of each article and, last, of none."""
        scores: Floats = near.alike @ self._dual
        return scores


def _is_small(matcher: Matcher) -> bool:
    return len(matcher.examples) <= _MOST_CLASSIFIED


def _no_scores(matcher: Matcher) -> Floats:
    return np.zeros(len(matcher.articles) + 1)


def _ranks(near: Nearness, scores: Floats) -> Floats:
    ranks: Floats = (
        _RANK["asked"] * near.asked
        + _RANK["told"] * near.told
        + _RANK["words"] * near.words
        + _RANK["letters"] * near.letters
        + _RANK["bm25"] * near.bm25
        + _RANK["class"] * scores[:-1]
    )
    return ranks


def _lesson(
    near: Nearness,
    scores: Floats,
    owner: int | None,
    *,
    weight: float,
    left_out: int | None = None,
) -> _Lesson:
    ranks = _ranks(near, scores)
    if left_out is not None:
        ranks[left_out] = -np.inf
        scores = scores.copy()
        scores[left_out] = 0.0
    best = int(ranks.argmax())
    features = _features(best, near, scores, ranks)
    return _Lesson(features=features, answers=best == owner, weight=weight)


def _features(at: int, near: Nearness, scores: Floats, ranks: Floats) -> Floats:
    return np.array(
        [
            max(near.asked[at], near.told[at]),
            near.told[at],
            near.words[at],
            near.letters[at],
            near.bm25[at],
            _lead(ranks, at),
            near.negative,
            float(near.terms <= 1),
            scores[at],
            scores[-1],
            _lead(scores[:-1], at),
            1.0,
        ]
    )


def _lead(values: Floats, at: int) -> float:
    others = np.delete(values, at)
    return float(values[at] - others.max(initial=0.0))


def _learn(lessons: Sequence[_Lesson]) -> Floats:
    """Fit a logistic regression by Newton's method, drawn towards the prior weights."""
    features = np.array([lesson.features for lesson in lessons])
    answers = np.array([lesson.answers for lesson in lessons], np.float64)
    counts = np.array([lesson.weight for lesson in lessons])
    weights = _PRIOR.copy()
    for _ in range(_NEWTON_STEPS):
        guesses = _sigmoid(features @ weights)
        slope = features.T @ (counts * (guesses - answers)) + (weights - _PRIOR)
        curve = (features.T * (counts * guesses * (1 - guesses))) @ features + np.eye(len(weights))
        weights = weights - np.linalg.solve(curve, slope)
    return weights


def _sigmoid(values: Floats) -> Floats:
    chances: Floats = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return chances
