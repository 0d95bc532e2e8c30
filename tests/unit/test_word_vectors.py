"""What English words mean, and what the classifier makes of wording that no example has."""

from pathlib import Path

import numpy as np
import pytest

from integrations.classifiers.local import LocalClassifier, calibration
from integrations.classifiers.local.grams import find_words
from integrations.classifiers.local.word_vectors import WORDS, word_vectors
from orchestration.intents import load_intents
from orchestration.types import Intent

PRESET = Path(__file__).parents[2] / "orchestration" / "presets" / "store.yaml"


@pytest.fixture(scope="module")
def intents() -> list[Intent]:
    return list(load_intents(PRESET))


@pytest.fixture(scope="module")
def trained(intents: list[Intent]) -> LocalClassifier:
    classifier = LocalClassifier()
    classifier.train(intents)
    return classifier


def likeness(one: str, other: str) -> float:
    first, second = word_vectors().encode([one, other])
    return float(first @ second)


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [
        ("refund", "reimbursement", "parcel"),
        ("parcel", "package", "password"),
        ("delivery", "shipment", "password"),
        ("cancel", "terminate", "deliver"),
        ("agent", "representative", "refund"),
    ],
)
def test_words_that_mean_alike_are_near(word: str, near: str, far: str) -> None:
    assert likeness(word, near) > likeness(word, far) + 0.2


def test_a_rare_word_says_more_of_a_text_than_a_frequent_one() -> None:
    assert likeness("the refund of it", "refund") > 0.9


def test_rows_have_length_one_and_those_of_unknown_words_are_zero() -> None:
    vectors = word_vectors().encode(["where is it", "REFUND", "Gutschein", "££ 1042", ""])

    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 0, 0, 0], abs=1e-5)
    assert vectors.shape == (5, word_vectors().width)
    assert word_vectors().encode([]).shape == (0, word_vectors().width)


def test_each_word_stands_there_once_in_the_form_that_texts_are_read_in() -> None:
    words = WORDS.read_text(encoding="utf-8").split()

    assert len(set(words)) == len(words) == 47_597
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    # One vector each: the last one is there.
    assert word_vectors().encode(words[-1:]).any()


@pytest.mark.parametrize(
    ("text", "new", "intent"),
    [
        ("the crockery is smashed", {"crockery", "smashed"}, "damaged_item"),
        ("the vase was shattered", {"vase"}, "damaged_item"),
        ("rescind my order", {"rescind"}, "cancel_order"),
        ("the garment is too tight", {"garment", "tight"}, "product_question"),
        ("I would like to converse with somebody", {"converse"}, "talk_to_human"),
    ],
)
def test_words_that_no_example_has_are_understood_by_what_they_mean(
    trained: LocalClassifier, intents: list[Intent], text: str, new: set[str], intent: str
) -> None:
    taught = {word for each in intents for example in each.examples for word in find_words(example)}

    reading = trained.read(text)

    assert not new & taught
    assert reading.probabilities[intent] > 0.5
    assert not reading.out_of_scope


@pytest.mark.parametrize(("texts", "most"), [(6, 0.9), (20, 0.97), (2000, 0.9998)])
def test_texts_that_are_all_told_apart_are_not_taken_for_certainty(texts: int, most: float) -> None:
    labels = np.arange(texts) % 2
    scores = np.where(labels[:, None] == np.arange(2), 1.0, -1.0)

    fitted = calibration.calibrate(scores, scores.max(axis=1), labels)

    chances = calibration.probabilities(scores, fitted.temperature).max(axis=1)
    assert chances.min() > 0.8
    assert chances.max() < most
