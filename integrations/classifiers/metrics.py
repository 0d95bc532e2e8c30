"""How good a classifier is: accuracy, calibration, and telling what is out of scope."""

from collections.abc import Sequence
from dataclasses import dataclass

_BINS = 15


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a classifier said of one text; `truth` is None where the text is out of scope.

    `likeness` says how much the text is like any intent, `in_scope` whether that was enough.
    """

    truth: str | None
    guess: str
    confidence: float
    likeness: float
    in_scope: bool


def measure(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Return the figures of `frontdesk eval intents`; None where there is nothing to measure.

    Accuracy, F1 and calibration are those of the in-scope texts. At the threshold, an in-scope
    text that was rejected counts as wrong.
    """
    inside = [answer for answer in answers if answer.truth is not None]
    outside = [answer for answer in answers if answer.truth is None]
    accuracy = _share([answer.guess == answer.truth for answer in inside])
    return {
        "accuracy": accuracy,
        "macro_f1": _macro_f1(inside),
        "ece": _calibration_error(inside),
        "accuracy_at_80": _accuracy_at(inside, 0.8),
        "accuracy_at_90": _accuracy_at(inside, 0.9),
        "oos_auroc": _auroc(inside, outside),
        "in_scope_accuracy": accuracy,
        "in_scope_accuracy_at_threshold": _share(
            [answer.in_scope and answer.guess == answer.truth for answer in inside]
        ),
        "oos_recall_at_threshold": _share([not answer.in_scope for answer in outside]),
    }


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _macro_f1(answers: Sequence[Answer]) -> float | None:
    names = {answer.truth for answer in answers}
    scores = []
    for name in names:
        found = sum(answer.truth == name == answer.guess for answer in answers)
        there = sum(answer.truth == name for answer in answers)
        said = sum(answer.guess == name for answer in answers)
        scores.append(2 * found / (there + said))
    return sum(scores) / len(scores) if scores else None


def _calibration_error(answers: Sequence[Answer]) -> float | None:
    """Return the expected calibration error over equal bins of confidence."""
    bins: list[list[Answer]] = [[] for _ in range(_BINS)]
    for answer in answers:
        bins[min(_BINS - 1, int(answer.confidence * _BINS))].append(answer)
    gaps = (
        abs(sum(x.confidence for x in held) - sum(x.guess == x.truth for x in held))
        for held in bins
    )
    return sum(gaps) / len(answers) if answers else None


def _accuracy_at(answers: Sequence[Answer], coverage: float) -> float | None:
    ranked = sorted(answers, key=lambda answer: -answer.confidence)
    kept = ranked[: int(coverage * len(ranked))]
    return _share([answer.guess == answer.truth for answer in kept])


def _auroc(inside: Sequence[Answer], outside: Sequence[Answer]) -> float | None:
    """Return how often an in-scope text is more alike than one out of scope; ties count half."""
    if not inside or not outside:
        return None
    places: dict[float, float] = {}
    ranked = sorted(answer.likeness for answer in (*inside, *outside))
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end] == ranked[start]:
            end += 1
        places[ranked[start]] = (start + end + 1) / 2
        start = end
    total = sum(places[answer.likeness] for answer in inside)
    pairs = len(inside) * len(outside)
    return (total - len(inside) * (len(inside) + 1) / 2) / pairs
