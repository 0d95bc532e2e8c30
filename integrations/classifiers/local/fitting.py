"""Fits a linear model to counted texts: TF-IDF weights, a linear SVM or logistic regression."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from integrations.classifiers.local.grams import is_word_gram

# Below this many texts logistic regression is a point or two better than the SVM and still fast.
_FEW = 2000
# From this many texts on, a gram seen once only costs memory.
_MANY = 3000
_FOLDS = 3
_EVERY_FOLD = -1
# How much the SVM minds each text.
_STRENGTH = 1.0
# How much it counts for being in scope that a text means what an intent's examples mean. On texts
# that belong to no intent, the score alone tells less (clinc150: AUROC .963 against .972).
_MEANING = 2.0


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What is learnt from: counted texts, and the number of each one's class.

    `vectors` has one row for each text, of what it means. The last `names` texts are no examples
    but what classes are called.
    """

    texts: Sequence[Counter[str]]
    labels: Sequence[int]
    classes: int
    vectors: Any
    names: int = 0

    @property
    def examples(self) -> int:
        """How many texts are examples; they come first."""
        return len(self.texts) - self.names

    @property
    def are_few(self) -> bool:
        """Whether logistic regression learns them rather than the SVM."""
        return self.examples <= _FEW


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What was learnt: one weight per gram and intent, and what each intent starts from.

    `vocabulary` gives each gram its row in `weights`; `idf` is how rare each gram is. Below the
    grams stand the rows of the numbers of a text's vector. `centres` has a row of length 1 for
    each intent: what its examples mean on average.
    """

    vocabulary: Mapping[str, int]
    idf: Any
    weights: Any
    bias: Any
    centres: Any


@dataclass(frozen=True, kw_only=True)
class Score:
    """A text's score for each class, and how much it is like any class at all.

    `likeness` is minus infinity where nothing of the text is known.
    """

    classes: Any
    likeness: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Scores of texts by models that have not seen them, and the places of those texts.

    `length` is that of all weights of such a model together, on average.
    """

    scores: Any
    likenesses: Any
    places: Any
    length: float


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the linear algebra to one thread: at this size more are slower and starve answers."""
    # The limit reaches only libraries that are loaded by then.
    import scipy.linalg  # noqa: F401
    import sklearn.linear_model
    import sklearn.svm  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(limits=1):
        yield


def fit(lessons: Lessons) -> Fit:
    """Learn to tell the classes apart."""
    vocabulary = _vocabulary(lessons)
    counts, flags = _matrix(lessons.texts, vocabulary), _word_flags(vocabulary)
    targets = _targets(lessons)
    weights, bias, idf = _solve(lessons, counts, lessons.vectors, targets, flags)
    centres = _centres(lessons.vectors, targets, lessons.classes)
    return Fit(vocabulary=vocabulary, idf=idf, weights=weights, bias=bias, centres=centres)


def try_out(lessons: Lessons) -> Trial:
    """Score each example by a model that has not seen it; names are known to every model."""
    import numpy as np

    vocabulary, vectors, classes = _vocabulary(lessons), lessons.vectors, lessons.classes
    counts, flags = _matrix(lessons.texts, vocabulary), _word_flags(vocabulary)
    folds, targets = np.asarray(_folds(lessons)), _targets(lessons)
    scores, places = [np.zeros((0, classes))], [np.zeros(0, dtype=int)]
    likenesses, lengths = [np.zeros(0)], []
    for fold in range(_FOLDS):
        seen = folds != fold
        if len(set(targets[seen].tolist())) < 2:
            continue
        weights, bias, idf = _solve(lessons, counts[seen], vectors[seen], targets[seen], flags)
        # A class with no example in the other folds cannot be recognised, which is no fault.
        fair = ~seen & np.isin(targets, targets[seen & (folds != _EVERY_FOLD)])
        points = _points(_weigh(counts[fair], idf, flags), vectors[fair])
        scores.append(points @ weights + bias)
        centres = _centres(vectors[seen], targets[seen], classes)
        likenesses.append(_likeness_to_any(scores[-1], vectors[fair], centres))
        places.append(np.flatnonzero(fair))
        lengths.append(float(np.linalg.norm(weights)))
    return Trial(
        scores=np.vstack(scores),
        likenesses=np.concatenate(likenesses),
        places=np.concatenate(places),
        length=float(np.mean(lengths)) if lengths else 0.0,
    )


def growth(lessons: Lessons, model: Fit, trial: Trial) -> float:
    """Return how much longer an SVM's weights are than those of the models that were tried out."""
    import numpy as np

    # Logistic regression is left as it is: with few examples, to hear a wish for a person too
    # often costs less than not to hear it.
    if lessons.are_few or not trial.length:
        return 1.0
    return float(np.linalg.norm(model.weights)) / trial.length


def score(model: Fit, grams: Counter[str], vector: Any) -> Score:
    """Score a text by its grams and its vector."""
    scores, is_known = _score_grams(model, grams)
    scores = scores + vector @ model.weights[len(model.vocabulary) :]
    if not is_known and not vector.any():
        return Score(classes=scores, likeness=float("-inf"))
    return Score(classes=scores, likeness=float(_likeness_to_any(scores, vector, model.centres)))


def _score_grams(model: Fit, grams: Counter[str]) -> tuple[Any, bool]:
    import numpy as np

    known = [(model.vocabulary[gram], gram) for gram in grams if gram in model.vocabulary]
    if not known:
        return model.bias, False
    rows = np.fromiter((row for row, _ in known), dtype=np.int64, count=len(known))
    values = np.array([1.0 + math.log(grams[gram]) for _, gram in known]) * model.idf[rows]
    flags = np.fromiter((is_word_gram(gram) for _, gram in known), dtype=bool, count=len(known))
    for part in (flags, ~flags):
        length = math.sqrt(float(np.dot(values[part], values[part])))
        values[part] /= length or 1.0
    return values.astype(np.float32) @ model.weights[rows] + model.bias, True


def _centres(vectors: Any, targets: Any, classes: int) -> Any:
    import numpy as np

    sums = np.zeros((classes, vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, targets, vectors)
    return _directions(sums)


def _likeness_to_any(scores: Any, vectors: Any, centres: Any) -> Any:
    """Return how much each text is like the class that it is most like."""
    return (scores + _MEANING * (_directions(vectors) @ centres.T)).max(axis=-1)


def _directions(rows: Any) -> Any:
    """Return rows of length 1; those of zeros stay so."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.maximum(lengths, np.float32(1e-12))


def likenesses(lessons: Lessons) -> Any:
    """Return a matrix of which a row times another says how alike the two texts are."""
    vocabulary = _vocabulary(lessons)
    counts = _matrix(lessons.texts, vocabulary)
    return _points(_weigh(counts, _rarity(counts), _word_flags(vocabulary)), lessons.vectors)


def _vocabulary(lessons: Lessons) -> dict[str, int]:
    seen = Counter(gram for grams in lessons.texts for gram in grams)
    least = 2 if lessons.examples >= _MANY else 1
    # What a class is called is kept though no example may say it: a customer still may.
    called = {gram for grams in lessons.texts[lessons.examples :] for gram in grams}
    kept = (gram for gram, count in seen.items() if count >= least or gram in called)
    return {gram: row for row, gram in enumerate(kept)}


def _targets(lessons: Lessons) -> Any:
    import numpy as np

    return np.asarray(lessons.labels)


def _matrix(texts: Sequence[Counter[str]], vocabulary: Mapping[str, int]) -> Any:
    import numpy as np
    from scipy.sparse import csr_matrix

    starts: list[int] = [0]
    columns: list[int] = []
    values: list[float] = []
    for grams in texts:
        known = [(vocabulary[gram], count) for gram, count in grams.items() if gram in vocabulary]
        columns.extend(column for column, _ in known)
        values.extend(1.0 + math.log(count) for _, count in known)
        starts.append(len(columns))
    shape = (len(texts), len(vocabulary))
    return csr_matrix((np.array(values), np.array(columns), np.array(starts)), shape=shape)


def _word_flags(vocabulary: Mapping[str, int]) -> Any:
    import numpy as np

    return np.fromiter((is_word_gram(gram) for gram in vocabulary), dtype=np.int64)


def _weigh(counts: Any, idf: Any, flags: Any) -> Any:
    """Multiply by rarity, then give the words and the parts of words of each text length 1."""
    import numpy as np

    weighed = counts.copy()
    weighed.data *= idf[weighed.indices]
    rows = np.repeat(np.arange(weighed.shape[0]), np.diff(weighed.indptr))
    blocks = rows * 2 + flags[weighed.indices]
    lengths = np.sqrt(np.bincount(blocks, weighed.data**2, minlength=2 * weighed.shape[0]))
    # A gram that the other folds never had weighs nothing; so may all of a text's words.
    lengths[lengths == 0] = 1.0
    weighed.data /= lengths[blocks]
    return weighed


def _points(weighed: Any, vectors: Any) -> Any:
    """Put the numbers of each text's vector beside its grams."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([weighed, csr_matrix(vectors)], format="csr")


def _rarity(counts: Any) -> Any:
    import numpy as np

    seen_in = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.where(seen_in > 0, np.log((1 + counts.shape[0]) / (1 + seen_in)) + 1.0, 0.0)


def _solve(
    lessons: Lessons, counts: Any, vectors: Any, targets: Any, flags: Any
) -> tuple[Any, Any, Any]:
    """Return weights and bias with one column per class, and the grams' rarity.

    Learns from some of the lessons' texts, in the way that fits all of them: the scores of one way
    say nothing of the other's confidence.
    """
    import numpy as np

    idf = _rarity(counts)
    points = _points(_weigh(counts, idf, flags), vectors)
    if lessons.are_few:
        columns, bias, present = _logistic(points, targets)
    else:
        columns, bias, present = _svm(points, targets)
    if columns.shape[1] == 1:
        columns, bias = np.hstack([-columns, columns]), np.array([-bias[0], bias[0]])
    weights = np.zeros((points.shape[1], lessons.classes), dtype=np.float32)
    weights[:, present] = columns
    # A class without texts starts below every other, so that it never wins.
    start = np.full(lessons.classes, float(bias.min()) - 1.0, dtype=np.float32)
    start[present] = bias
    return weights, start, idf


def _svm(weighed: Any, targets: Any) -> tuple[Any, Any, Any]:
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=_STRENGTH, tol=1e-3, random_state=0).fit(weighed, targets)
    return model.coef_.T, model.intercept_, model.classes_


def _logistic(weighed: Any, targets: Any) -> tuple[Any, Any, Any]:
    """Fit in the space of the texts, which are far fewer than the grams; the result is the same."""
    import numpy as np
    from scipy.linalg import solve_triangular
    from sklearn.linear_model import LogisticRegression

    likeness = (weighed @ weighed.T).toarray()
    # Examples that stand there twice would make it singular.
    likeness[np.diag_indices_from(likeness)] += 1e-6
    points = np.linalg.cholesky(likeness)
    model = LogisticRegression(C=10.0, tol=1e-3, max_iter=300).fit(points, targets)
    back = solve_triangular(points, model.coef_.T, lower=True, trans="T")
    return np.asarray(weighed.T @ back), model.intercept_, model.classes_


def _folds(lessons: Lessons) -> list[int]:
    """Deal each class's examples out evenly, in an order that is always the same."""
    order = list(range(lessons.examples))
    random.Random(0).shuffle(order)  # noqa: S311
    dealt: Counter[int] = Counter()
    folds = [_EVERY_FOLD] * len(lessons.texts)
    for index in order:
        label = lessons.labels[index]
        folds[index] = dealt[label] % _FOLDS
        dealt[label] += 1
    return folds
