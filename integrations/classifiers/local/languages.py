"""Tells which of the shipped languages a short message is written in, or that it cannot tell."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

# Words of support messages that give a language away; one that several share counts less for each.
_FOLDER = Path(__file__).with_name("words")

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_LETTERS: Mapping[str, str] = {"ß": "de", "ä": "de", "ö": "de", "ñ": "es", "¿": "es", "¡": "es"} | {
    "ã": "pt",
    "õ": "pt",
    "œ": "fr",
    "û": "fr",
}
_FOREIGN = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u00ff\u0152\u0153]")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_ENOUGH = 1.5
_AHEAD = 0.5
# Below this many letters the statistical model guesses; its say grows up to here.
_LONG = 25


class _Identifier(Protocol):
    def rank(self, text: str) -> list[tuple[str, float]]: ...


def find_language(text: str) -> str | None:
    """Return the two-letter code of the text's language; None where too little gives it away."""
    words = [word.lower() for word in _WORD.findall(text.replace("\u2019", "'"))]
    if not words:
        return None
    votes = _votes(words, text)
    if only := _only_voice(votes):
        return only
    letters = sum(map(len, words))
    share = 2.0 * min(1.0, letters / _LONG)
    for language, probability in _identifier().rank(text):
        votes[language] += share * probability
    first, second = sorted(votes, key=votes.__getitem__, reverse=True)[:2]
    is_clear = votes[first] >= _ENOUGH and votes[first] - votes[second] >= _AHEAD
    return first if is_clear else None


def _votes(words: list[str], text: str) -> dict[str, float]:
    votes = dict.fromkeys(LANGUAGES, 0.0)
    for word in words:
        speakers = _speakers().get(word, ())
        for language in speakers:
            votes[language] += 1.0 / len(speakers)
    for letter in set(text.lower()):
        if letter in _LETTERS:
            votes[_LETTERS[letter]] += 1.0
    # Letters that none of these languages writes: Polish, Turkish, Russian and so on.
    strange = len(_FOREIGN.findall(text))
    return {language: vote - strange for language, vote in votes.items()}


def _only_voice(votes: Mapping[str, float]) -> str | None:
    heard = [language for language, vote in votes.items() if vote > 0]
    return heard[0] if len(heard) == 1 and votes[heard[0]] >= 1 else None


@lru_cache(maxsize=1)
def _speakers() -> dict[str, tuple[str, ...]]:
    speakers: dict[str, tuple[str, ...]] = {}
    for language in LANGUAGES:
        for word in (_FOLDER / f"{language}.txt").read_text(encoding="utf-8").split():
            speakers[word] = (*speakers.get(word, ()), language)
    return speakers


@lru_cache(maxsize=1)
def _identifier() -> _Identifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return cast(_Identifier, identifier)
