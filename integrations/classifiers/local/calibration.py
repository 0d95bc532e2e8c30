"""Turns scores into probabilities, and says below which score a text is out of scope."""

import math
from dataclasses import dataclass
from typing import Any

# The share of in-scope texts that must stay in scope.
KEEP = 0.95
_COLDEST, _HOTTEST, _TRIES = 0.02, 5.0, 30


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The softmax temperature, and the least likeness of a text that is in scope."""

    temperature: float
    threshold: float


def calibrate(scores: Any, likenesses: Any, labels: Any, *, growth: float = 1.0) -> Calibration:
    """Fit to texts that the model has not seen; `labels` are their true classes.

    `likenesses` say how much each is like any class at all; `growth` says how much longer the
    model's weights are than those that made the scores.
    """
    import numpy as np

    if not len(labels):
        return Calibration(temperature=1.0, threshold=float("-inf"))
    rough = np.geomspace(_COLDEST, _HOTTEST, _TRIES)
    near = _best(scores, labels, rough)
    fine = np.geomspace(rough[max(near - 1, 0)], rough[min(near + 1, _TRIES - 1)], _TRIES)
    best = float(fine[_best(scores, labels, fine)])
    # More examples make longer weights, which set scores further apart. The model is righter too,
    # but not by as much: held-out parts of banking77 and bitext say that the root is near.
    best *= math.sqrt(growth)
    threshold = float(np.quantile(likenesses, 1.0 - KEEP))
    return Calibration(temperature=best, threshold=threshold)


def probabilities(scores: Any, temperature: float) -> Any:
    """Return the softmax over the last axis."""
    import numpy as np

    shifted = (scores - scores.max(axis=-1, keepdims=True)) / temperature
    raised = np.exp(shifted)
    return raised / raised.sum(axis=-1, keepdims=True)


def _best(scores: Any, labels: Any, temperatures: Any) -> int:
    """Return the place of the temperature whose probabilities are nearest to what is so."""
    losses = [_loss(scores, labels, temperature) for temperature in temperatures]
    return losses.index(min(losses))


def _loss(scores: Any, labels: Any, temperature: float) -> float:
    import numpy as np

    logs = np.log(np.maximum(probabilities(scores, temperature), 1e-12))
    right = logs[np.arange(len(labels)), labels]
    wrong = (logs.sum(axis=1) - right) / max(1, scores.shape[1] - 1)
    # A handful of texts that are all told apart would be taken for certainty: one more is counted
    # as wrong (Platt, 1999).
    doubt = 1.0 / (len(labels) + 2)
    return float(-((1.0 - doubt) * right + doubt * wrong).mean())
