"""Which languages the examples are written in, and how far a text in another one can be trusted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations.classifiers.local.grams import find_words

# A language is spoken when at least this share of the intents has examples in it.
_MOST = 0.8
# Below the first share of familiar words nothing is trusted, above the second all.
_NONE_BELOW, _ALL_ABOVE = 0.45, 0.8
_ALIKE = 0.6


@dataclass(frozen=True, kw_only=True)
class Tongues:
    """The languages of the examples; `partly` holds the words of those that few intents have.

    A linear model takes any German text for the one intent that has German examples, so a text
    in such a language counts only as far as its words are those of the examples.
    """

    spoken: frozenset[str]
    partly: Mapping[str, frozenset[str]]

    def is_spoken(self, language: str | None) -> bool:
        """Tell whether a language is spoken, or may be: it or the examples' are not known."""
        return language is None or not self.spoken or language in self.spoken

    def trust(self, text: str, language: str | None) -> float:
        """Return in 0..1 how far the examples can speak for a text in this language."""
        if language is None or self.is_spoken(language):
            return 1.0
        familiar = _familiar_share(find_words(text), self.partly.get(language, frozenset()))
        return min(1.0, max(0.0, (familiar - _NONE_BELOW) / (_ALL_ABOVE - _NONE_BELOW)))


def learn_tongues(examples: Iterable[tuple[str, int, str | None]], classes: int) -> Tongues:
    """Find which languages are spoken, by examples as (text, class, language)."""
    taught: dict[str, set[int]] = defaultdict(set)
    words: dict[str, set[str]] = defaultdict(set)
    for text, label, language in examples:
        if language:
            taught[language].add(label)
            words[language].update(find_words(text))
    spoken = frozenset(x for x, labels in taught.items() if len(labels) >= _MOST * classes)
    partly = {x: frozenset(known) for x, known in words.items() if x not in spoken}
    return Tongues(spoken=spoken, partly=partly)


def _familiar_share(words: Sequence[str], known: frozenset[str]) -> float:
    # Long words carry the subject, short ones the grammar.
    weights = [max(0, len(word) - 2) for word in words]
    if not sum(weights):
        return 1.0 if known else 0.0
    found = [weight for word, weight in zip(words, weights, strict=True) if _is_like(word, known)]
    return sum(found) / sum(weights)


def _is_like(word: str, known: frozenset[str]) -> bool:
    return word in known or any(
        abs(len(word) - len(other)) <= 3 and _likeness(word, other) >= _ALIKE for other in known
    )


def _likeness(first: str, second: str) -> float:
    one, other = _pairs(first), _pairs(second)
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)}
