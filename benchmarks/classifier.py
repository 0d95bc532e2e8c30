"""Measures the local classifier: `python -m benchmarks.classifier --data FOLDER`.

FOLDER holds banking77, clinc150, bitext and store_day as JSON lines. Prints one JSON object;
`--only NAME ...` measures some of it.
"""

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from integrations.classifiers.local import LocalClassifier
from integrations.classifiers.metrics import Answer, measure
from orchestration.classification import Facts, classify
from orchestration.intents import load_intents
from orchestration.types import Classification, Intent, Memory

Row = dict[str, Any]
PRESET = Path(__file__).parents[1] / "orchestration" / "presets" / "store.yaml"
OUT_OF_SCOPE = "oos"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=sorted(MEASUREMENTS), default=None)
    wanted = parser.parse_args()
    chosen = wanted.only or list(MEASUREMENTS)
    figures: Row = {name: MEASUREMENTS[name](wanted.data) for name in chosen}
    figures["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump(figures, sys.stdout, indent=2)
    print()


def banking77(data: Path) -> Row:
    return _trained_and_measured(_rows(data / "banking77/train"), _rows(data / "banking77/dev"))


def banking77_10_shot(data: Path) -> Row:
    train, test = _rows(data / "banking77/train"), _rows(data / "banking77/dev")
    return _mean([_trained_and_measured(_shots(train, 10, seed), test) for seed in range(3)])


def clinc150(data: Path) -> Row:
    train = [row for row in _rows(data / "clinc150/train") if row["intent"] != OUT_OF_SCOPE]
    dev = _rows(data / "clinc150/dev")
    # One half sets temperature and threshold, the other is measured.
    return _trained_and_measured(train, dev[1::2], dev=dev[::2])


def bitext(data: Path) -> Row:
    """Wording that was never seen: each cluster of alike texts is held out once, in four folds.

    A fold is a whole range of clusters, so folds differ by several points; compare two recipes
    fold by fold. `names_hidden` is the same with `i00`, `i01` ... for the intents' names.
    """
    rows = _rows(data / "bitext/train") + _rows(data / "bitext/dev")
    folds = [_split_by_cluster(rows, fold) for fold in range(4)]
    runs = [_trained_and_measured(train, test) for train, test in folds]
    nameless = _without_names(rows)
    hidden = [_trained_and_measured(*_split_by_cluster(nameless, fold)) for fold in range(4)]
    bare = [_bare_accuracy(train, test) for train, test in folds]
    return {
        **_mean(runs),
        "accuracy_by_fold": [run["accuracy"] for run in runs],
        "names_hidden_by_fold": [run["accuracy"] for run in hidden],
        "bare_accuracy_by_fold": bare,
    }


def store_preset(data: Path) -> Row:
    """Routes of the store_day rows from bitext by the shipped intents alone."""
    rows = [row for row in _rows(data / "store_day/dev") if row["source"] == "bitext"]
    intents = load_intents(PRESET)
    classifier = LocalClassifier()
    seconds = _timed(lambda: classifier.train(intents))
    facts = Facts(now=datetime.now(UTC))
    routes = Counter(
        (row["route"], _route(_classified(row["text"], classifier, intents, facts))) for row in rows
    )
    totals = Counter(row["route"] for row in rows)
    return {
        "rows": len(rows),
        "accuracy": sum(routes[name, name] for name in totals) / len(rows),
        "recall": {name: routes[name, name] / total for name, total in totals.items()},
        "complex_to_simple": routes["complex", "simple"] / totals["complex"],
        "human_rows": totals["human"],
        "train_seconds": seconds,
        "intents": len(intents),
        "examples": sum(len(intent.examples) for intent in intents),
    }


def speed(data: Path) -> Row:
    """Latency beside a bare scikit-learn pipeline on the same texts; saving and loading."""
    train, test = _rows(data / "banking77/train"), _rows(data / "banking77/dev")[:300]
    texts = [row["text"] for row in test]
    classifier = LocalClassifier()
    classifier.train(_intents(train))
    bare = _bare_pipeline(train)
    ours, theirs = [], []
    for text in texts:
        ours.append(1000 * _timed(partial(classifier.read, text)))
        theirs.append(1000 * _timed(partial(bare.decision_function, [text])))
    dumped = classifier.dump()
    loading = _timed(lambda: LocalClassifier().load(dumped))
    size = len(dumped)
    shots = _intents(_shots(train, 10, 0))
    return {
        "ms_p50": _quantile(ours, 0.5),
        "ms_p95": _quantile(ours, 0.95),
        "bare_ms_p50": _quantile(theirs, 0.5),
        "bare_ms_p95": _quantile(theirs, 0.95),
        "ratio_p50": _quantile(ours, 0.5) / _quantile(theirs, 0.5),
        "load_seconds": loading,
        "file_mb": size / 1e6,
        "train_77x10_seconds": _timed(lambda: LocalClassifier().train(shots)),
    }


MEASUREMENTS: dict[str, Callable[[Path], Row]] = {
    "banking77": banking77,
    "banking77_10_shot": banking77_10_shot,
    "clinc150": clinc150,
    "bitext_by_cluster": bitext,
    "store_preset": store_preset,
    "speed": speed,
}


def _trained_and_measured(train: list[Row], test: list[Row], dev: list[Row] | None = None) -> Row:
    classifier = LocalClassifier()
    seconds = _timed(lambda: classifier.train(_intents(train)))
    if dev:
        classifier.calibrate([(row["text"], row["intent"]) for row in dev])
    known = {row["intent"] for row in train}
    answers, times = [], []
    for row in test:
        started = time.perf_counter()
        reading = classifier.read(row["text"])
        times.append(1000 * (time.perf_counter() - started))
        guess = max(reading.probabilities, key=reading.probabilities.__getitem__)
        answers.append(
            Answer(
                truth=row["intent"] if row["intent"] in known else None,
                guess=guess,
                confidence=reading.probabilities[guess],
                likeness=classifier.score(row["text"]),
                in_scope=not reading.out_of_scope,
            )
        )
    latency = {"ms_p50": _quantile(times, 0.5), "ms_p95": _quantile(times, 0.95)}
    sizes = {"train_rows": len(train), "test_rows": len(test)}
    return {**measure(answers), **latency, "train_seconds": seconds, **sizes}


def _mean(runs: Sequence[Row]) -> Row:
    return {
        key: sum(run[key] for run in runs) / len(runs)
        for key, value in runs[0].items()
        if value is not None
    }


def _split_by_cluster(rows: list[Row], fold: int) -> tuple[list[Row], list[Row]]:
    """Return what is learnt and what is held out: every fourth cluster of each intent."""
    clusters: dict[str, list[int]] = defaultdict(list)
    for intent, cluster in sorted({(row["intent"], row["cluster"]) for row in rows}):
        clusters[intent].append(cluster)
    held = {cluster for own in clusters.values() for cluster in own[fold::4]}
    return (
        [row for row in rows if row["cluster"] not in held],
        [row for row in rows if row["cluster"] in held],
    )


def _without_names(rows: list[Row]) -> list[Row]:
    names = sorted({row["intent"] for row in rows})
    return [{**row, "intent": f"i{names.index(row['intent']):02}"} for row in rows]


def _bare_accuracy(train: list[Row], test: list[Row]) -> float:
    guesses = _bare_pipeline(train).predict([row["text"] for row in test])
    return sum(map(str.__eq__, guesses, (row["intent"] for row in test))) / len(test)


def _bare_pipeline(train: list[Row]) -> Any:
    words = TfidfVectorizer(ngram_range=(1, 2))
    parts = TfidfVectorizer(ngram_range=(2, 5), analyzer="char_wb")
    pipeline = make_pipeline(make_union(words, parts), LinearSVC(C=0.5))
    return pipeline.fit([row["text"] for row in train], [row["intent"] for row in train])


def _classified(
    text: str, classifier: LocalClassifier, intents: Sequence[Intent], facts: Facts
) -> Classification:
    return classify(text, classifier.read(text), intents=intents, memory=Memory(), facts=facts)


def _route(found: Classification) -> str:
    if found.wants_human or found.risk != "none" or found.urgency == "urgent":
        return "human"
    is_sure = found.complexity == "simple" and found.route_confidence >= 0.7
    return "simple" if is_sure else "complex"


def _intents(rows: list[Row]) -> list[Intent]:
    examples: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        examples[row["intent"]].append(row["text"])
    return [Intent(name=name, examples=tuple(texts)) for name, texts in examples.items()]


def _shots(rows: list[Row], count: int, seed: int) -> list[Row]:
    chance = random.Random(seed)  # noqa: S311
    by_intent: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_intent[row["intent"]].append(row)
    return [
        row
        for intent in sorted(by_intent)
        for row in chance.sample(by_intent[intent], min(count, len(by_intent[intent])))
    ]


def _rows(path: Path) -> list[Row]:
    lines = path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


if __name__ == "__main__":
    main()
