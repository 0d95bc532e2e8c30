"""Turns a text into the terms and letter groups that are compared."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SUFFIX = re.compile(r"(?:ations?|ments?|ing|able|ed|ly|es|s|e)$")
_LONGEST_PHRASE = 4


def terms(text: str, language: str) -> list[str]:
    """Return what a text is about: its words without stop words, stemmed, synonyms made one."""
    words = _words(text)
    stop = _stop_words(language)
    if language != "en":
        return [word for word in words if word not in stop]
    found: list[str] = []
    at = 0
    while at < len(words):
        term, length = _term_at(words, at)
        if length > 1 or words[at] not in stop:
            found.append(term)
        at += length
    return found


def letter_groups(text: str, language: str) -> Iterator[str]:
    """Yield the groups of three and four letters in a text's telling words."""
    for word in _words(text):
        if word not in _stop_words(language):
            padded = f" {word} "
            for size in (3, 4):
                yield from (padded[at : at + size] for at in range(len(padded) - size + 1))


def shortened(term: str) -> set[str]:
    """Return the term and all it becomes by losing one letter: two that share one are close."""
    return {term} | {term[:at] + term[at + 1 :] for at in range(len(term))}


@cache
def negatives(language: str) -> tuple[str, ...]:
    """Return messages of a language that no help article answers."""
    listed = (line.partition(": ") for line in _lines("negatives.txt"))
    return tuple(text for spoken, _, text in listed if spoken == language)


def _lines(name: str) -> list[str]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'"))


def _term_at(words: list[str], at: int) -> tuple[str, int]:
    for length in range(min(_LONGEST_PHRASE, len(words) - at), 1, -1):
        phrase = " ".join(words[at : at + length])
        if phrase in _synonyms():
            return _synonyms()[phrase], length
    stem = _stem(words[at])
    return _synonyms().get(words[at]) or _synonyms().get(stem, stem), 1


def _stem(word: str) -> str:
    """Return a rough English stem; it only has to be the same for the forms of one word."""
    word = word.removesuffix("'s")
    for _ in range(2):
        shorter = _SUFFIX.sub("", word)
        if len(shorter) < 3 or word.endswith("ss"):
            break
        word = shorter
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious":
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word[-1] == "y" else word


@cache
def _stop_words(language: str) -> frozenset[str]:
    listed = (line.partition(": ") for line in _lines("stopwords.txt"))
    return frozenset(
        word for spoken, _, words in listed if spoken == language for word in words.split()
    )


@cache
def _synonyms() -> dict[str, str]:
    """Map words, stems and phrases to the stem that stands for their group."""
    standing: dict[str, str] = {}
    for line in _lines("synonyms.txt"):
        group = [" ".join(_words(part)) for part in line.split(",")]
        for spoken in group:
            standing[spoken] = _stem(group[0])
            if " " not in spoken:
                standing[_stem(spoken)] = _stem(group[0])
    return standing
