"""Reads a text's intent and language by a linear model, in about a millisecond."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from integrations.classifiers import classifiers
from integrations.classifiers.local import calibration, confusions, files, fitting
from integrations.classifiers.local.apart import do_apart
from integrations.classifiers.local.calibration import Calibration
from integrations.classifiers.local.encoder import encoder_at
from integrations.classifiers.local.fitting import Fit, Lessons, Score
from integrations.classifiers.local.grams import count_grams, spell_out
from integrations.classifiers.local.languages import find_language
from integrations.classifiers.local.tongues import Tongues, learn_tongues
from integrations.classifiers.local.word_vectors import word_vectors
from orchestration.errors import BadInput
from orchestration.types import Confusion, Intent, Reading

# Part of every fingerprint: raise it when the same examples would give another model.
VERSION = "tfidf-linear-8"
# So many texts tell how often a reading is right.
_ENOUGH = 50
# What was learnt from the shipped intents, so that a first start reads at once.
SHIPPED = Path(__file__).with_name("learnt") / "store.npz"


class _Encoder(Protocol):
    """Turns texts into vectors of what they mean.

    `weight` is the length that such a vector gets beside a text's words and its parts of words,
    which have length 1 each.
    """

    weight: float

    @property
    def width(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Model:
    """Everything learnt from one set of intents; `encoder` made the vectors it was learnt with.

    `calibration` is for texts in a language that is spoken, `partly` for those in another one.
    """

    fingerprint: str
    names: tuple[str, ...]
    fit: Fit
    calibration: Calibration
    partly: Calibration
    tongues: Tongues
    encoder: str

    def calibration_for(self, language: str | None) -> Calibration:
        """Return the calibration for texts in this language."""
        return self.calibration if self.tongues.is_spoken(language) else self.partly


@classifiers.register("local")
class LocalClassifier:
    """Learns intents from their examples; a training leaves the old model serving until it ends.

    `apart` trains in a process of its own, so that this one stays small. `semantic` is the folder
    of a sentence-embedding model; with it texts are compared by what they say as a whole, without
    it by what their words mean. `shipped` holds what was learnt before from some intents, which
    need not be learnt again.
    """

    fingerprint: str = ""

    def __init__(
        self,
        *,
        apart: bool = False,
        semantic: Path | None = None,
        shipped: Path | None = SHIPPED,
    ) -> None:
        self._model: Model | None = None
        self._apart = apart
        self._shipped = shipped
        self._semantic = semantic
        self._encoder: _Encoder = encoder_at(semantic) if semantic else word_vectors()

    def train(self, intents: Sequence[Intent]) -> None:
        """Learn the intents that have examples; raises `BadInput` where fewer than two have any."""
        taught, fingerprint = _taught(intents), self.fingerprint_of(intents)
        shipped = self._read_shipped()
        if shipped and shipped.fingerprint == fingerprint:
            self._adopt(shipped)
        elif learnt := self._do_apart("train", intents):
            self.load(learnt)
        else:
            with fitting.one_thread():
                self._adopt(_learn(taught, fingerprint, self._encoder))

    def find_confusions(self, intents: Sequence[Intent]) -> list[Confusion]:
        """Return the pairs of intents that are taken for each other, worst first.

        Raises `BadInput` where fewer than two have examples.
        """
        taught = _taught(intents)
        if found := self._do_apart("find confusions", intents):
            return confusions.read(found)
        with fitting.one_thread():
            texts, lessons = _lessons(taught, self._encoder)
            return confusions.find(texts, [intent.name for intent in taught], lessons)

    def read(self, text: str) -> Reading:
        """Return the probabilities of the intents for a text; all unsure before any training."""
        language, model = find_language(text), self._model
        if model is None:
            return Reading(probabilities={}, out_of_scope=True, language=language)
        score, fitted = self._score(model, text), model.calibration_for(language)
        chances = calibration.probabilities(score.classes, fitted.temperature)
        is_known = score.likeness > float("-inf")
        trust = model.tongues.trust(text, language) if is_known else 0.0
        chances = trust * chances + (1.0 - trust) / len(model.names)
        is_like_none = score.likeness < fitted.threshold
        return Reading(
            probabilities=dict(zip(model.names, chances.tolist(), strict=True)),
            out_of_scope=is_like_none or trust < 0.5,
            language=language,
        )

    def score(self, text: str) -> float:
        """Return how much a text is like any intent at all; higher is more in scope."""
        return self._score(self._trained(), text).likeness

    def calibrate(self, examples: Sequence[tuple[str, str]]) -> None:
        """Fit temperature and threshold to other (text, intent) pairs than those trained on.

        Pairs with an unknown intent are out of scope and left out.
        """
        import numpy as np

        model = self._trained()
        places = {name: place for place, name in enumerate(model.names)}
        known = [(text, places[name]) for text, name in examples if name in places]
        if not known:
            raise BadInput("none of the examples has an intent that was trained", field="intent")
        scores = [self._score(model, text) for text, _ in known]
        spoken, partly = _calibrations(
            [find_language(text) for text, _ in known],
            np.array([score.classes for score in scores]),
            np.array([score.likeness for score in scores]),
            np.array([label for _, label in known]),
            tongues=model.tongues,
        )
        self._adopt(replace(model, calibration=spoken, partly=partly))

    def fingerprint_of(self, intents: Sequence[Intent]) -> str:
        """Return the fingerprint that a training on these intents would have."""
        content = sorted([intent.name, *intent.examples] for intent in intents)
        learnt = [VERSION, self._encoder.fingerprint, content]
        return hashlib.sha256(json.dumps(learnt).encode()).hexdigest()

    def dump(self) -> bytes:
        """Return the model as plain arrays."""
        return files.write(_to_arrays(self._trained()))

    def load(self, content: bytes) -> None:
        """Take over a dumped model; raises `BadInput` for one this version cannot use."""
        self._adopt(_from_arrays(files.read(content), self._encoder))

    def _read_shipped(self) -> Model | None:
        try:
            content = self._shipped.read_bytes() if self._shipped else None
            return _from_arrays(files.read(content), self._encoder) if content else None
        except (OSError, BadInput):
            # Of another version or encoder, or not there: nothing is lost but some seconds.
            return None

    def _do_apart(self, task: str, intents: Sequence[Intent]) -> bytes | None:
        return do_apart(task, intents, self._semantic) if self._apart else None

    def _score(self, model: Model, text: str) -> Score:
        return fitting.score(model.fit, count_grams(text), _vectors(self._encoder, [text])[0])

    def _adopt(self, model: Model) -> None:
        self._model = model
        self.fingerprint = model.fingerprint

    def _trained(self) -> Model:
        if self._model is None:
            raise BadInput("the classifier has not been trained yet", field="intents")
        return self._model


def _vectors(encoder: _Encoder, texts: Sequence[str]) -> Any:
    return encoder.weight * encoder.encode(texts)


def _taught(intents: Sequence[Intent]) -> list[Intent]:
    """Return the intents that have examples, in an order that their list does not change."""
    taught = [intent for intent in intents if any(map(str.strip, intent.examples))]
    if len(taught) < 2:
        raise BadInput(
            "a classifier needs at least two intents with examples", field="intents.examples"
        )
    return sorted(taught, key=lambda intent: intent.name)


def _learn(intents: Sequence[Intent], fingerprint: str, encoder: _Encoder) -> Model:
    import numpy as np

    texts, lessons = _lessons(intents, encoder)
    fit, trial = fitting.fit(lessons), fitting.try_out(lessons)
    languages = [find_language(text) for text in texts]
    examples = list(zip(texts, lessons.labels, languages, strict=True))[: lessons.examples]
    tongues = learn_tongues(examples, len(intents))
    spoken, partly = _calibrations(
        [languages[place] for place in trial.places],
        trial.scores,
        trial.likenesses,
        np.array([lessons.labels[place] for place in trial.places], dtype=int),
        tongues=tongues,
        growth=fitting.growth(lessons, fit, trial),
    )
    return Model(
        fingerprint=fingerprint,
        names=tuple(intent.name for intent in intents),
        fit=fit,
        calibration=spoken,
        partly=partly,
        tongues=tongues,
        encoder=encoder.fingerprint,
    )


def _calibrations(
    languages: Sequence[str | None],
    scores: Any,
    likenesses: Any,
    labels: Any,
    *,
    tongues: Tongues,
    growth: float = 1.0,
) -> tuple[Calibration, Calibration]:
    """Fit to texts in languages that are spoken, and to those in others, each by itself.

    A model that has learnt little of a language is less often right there, and says nothing of how
    right it is elsewhere. Too few texts of one kind are fitted together with the others.
    """
    import numpy as np

    is_spoken = np.array([tongues.is_spoken(language) for language in languages], dtype=bool)
    parts = [is_spoken, ~is_spoken]
    if min(part.sum() for part in parts) < _ENOUGH:
        parts = [np.ones_like(is_spoken)] * 2
    spoken, partly = (
        calibration.calibrate(scores[part], likenesses[part], labels[part], growth=growth)
        for part in parts
    )
    return spoken, partly


def _lessons(intents: Sequence[Intent], encoder: _Encoder) -> tuple[list[str], Lessons]:
    """Return what there is to learn from: each intent's examples, then what it is called."""
    examples = [
        (text, label)
        for label, intent in enumerate(intents)
        for text in sorted(set(intent.examples))
        if text.strip()
    ]
    # A name like `cancel_order` says what is meant where no example does; a number does no harm.
    names = [(spell_out(intent.name), label) for label, intent in enumerate(intents)]
    texts = [text for text, _ in (*examples, *names)]
    lessons = Lessons(
        texts=[count_grams(text) for text in texts],
        labels=[label for _, label in (*examples, *names)],
        classes=len(intents),
        vectors=_vectors(encoder, texts),
        names=len(names),
    )
    return texts, lessons


def _to_arrays(model: Model) -> dict[str, Any]:
    import numpy as np

    words = {
        "version": VERSION,
        "fingerprint": model.fingerprint,
        "encoder": model.encoder,
        "names": model.names,
        "vocabulary": list(model.fit.vocabulary),
        "spoken": sorted(model.tongues.spoken),
        "partly": {tongue: sorted(words) for tongue, words in model.tongues.partly.items()},
    }
    fitted = [[each.temperature, each.threshold] for each in (model.calibration, model.partly)]
    return {
        "words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8),
        "calibrations": np.array(fitted),
        "idf": model.fit.idf,
        "weights": model.fit.weights,
        "bias": model.fit.bias,
        "centres": model.fit.centres,
    }


def _from_arrays(arrays: dict[str, Any], encoder: _Encoder) -> Model:
    try:
        words = json.loads(arrays["words"].tobytes())
        model = _rebuilt(words, arrays)
        grams, classes = len(model.fit.vocabulary), len(model.names)
        if model.encoder != encoder.fingerprint:
            raise ValueError("it was learnt with another sentence-embedding model")
        rows = grams + encoder.width
        fits = arrays["weights"].shape == (rows, classes) and arrays["idf"].shape == (grams,)
        if words["version"] != VERSION or not fits:
            raise ValueError(f"it is of version {words['version']!r}, not {VERSION!r}, or cut off")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"this holds no classifier of this version: {error}; train it again", field="content"
        ) from error
    return model


def _rebuilt(words: Any, arrays: dict[str, Any]) -> Model:
    spoken, partly = (
        Calibration(temperature=temperature, threshold=threshold)
        for temperature, threshold in arrays["calibrations"].tolist()
    )
    return Model(
        fingerprint=words["fingerprint"],
        names=tuple(words["names"]),
        fit=Fit(
            vocabulary={gram: row for row, gram in enumerate(words["vocabulary"])},
            idf=arrays["idf"],
            weights=arrays["weights"],
            bias=arrays["bias"],
            centres=arrays["centres"],
        ),
        calibration=spoken,
        partly=partly,
        tongues=Tongues(
            spoken=frozenset(words["spoken"]),
            partly={tongue: frozenset(known) for tongue, known in words["partly"].items()},
        ),
        encoder=words["encoder"],
    )
