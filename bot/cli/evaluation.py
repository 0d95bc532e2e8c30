"""How good the local classifier and the rules are on labelled messages."""

import asyncio
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track

from bot import settings
from bot.basis import Basis
from bot.cli.console import Failed, cli, err, show_json
from bot.cli.lines import Row, read_rows
from bot.cli.reading import Reader, basis_in_use
from integrations.classifiers.local import LocalClassifier
from integrations.classifiers.metrics import Answer, measure
from orchestration import rules, state, workflow
from orchestration.intents import load_intents
from orchestration.rules import Rule
from orchestration.types import Classification, Intent

# What data sets call texts that belong to no intent.
OUT_OF_SCOPE = "oos"
ROUTES = ("simple", "complex", "human")

evaluations = typer.Typer(
    help="How good classification and routes are on labelled messages; always JSON.",
    no_args_is_help=True,
)
cli.add_typer(evaluations, name="eval")

AsJson = Annotated[bool, typer.Option("--json", hidden=True, help="It always is.")]


@evaluations.command("intents")
def eval_intents(
    train: Annotated[Path, typer.Option(help="JSON lines of text and intent to learn from.")],
    test: Annotated[Path, typer.Option(help="JSON lines of text and intent to measure.")],
    dev: Annotated[
        Path | None, typer.Option(help="Sets temperature and threshold, in place of 3 folds.")
    ] = None,
    per_intent: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many examples of each intent.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Draws to take the mean of.")] = 3,
    as_json: AsJson = True,
) -> None:
    """Train the local classifier and measure it."""
    learn, measured, held = (
        read_rows(path, "text", "intent") if path else [] for path in (train, test, dev)
    )
    learn = [row for row in learn if row["intent"] != OUT_OF_SCOPE]
    draws = [_draw(learn, per_intent, seed) for seed in range(seeds)] if per_intent else [learn]
    figures = []
    for number, rows in enumerate(draws, start=1):
        with err.status(f"Training {number} of {len(draws)} on {len(rows)} examples …"):
            classifier, seconds = _trained(rows, held)
        figures.append(
            _measured(classifier, measured, {row["intent"] for row in rows})
            | {"train_seconds": seconds}
        )
    sizes = {"train_rows": len(draws[0]), "test_rows": len(measured), "runs": len(draws)}
    show_json({**_mean(figures), **sizes})


def _draw(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    chance = random.Random(seed)  # noqa: S311
    by_intent: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_intent[row["intent"]].append(row)
    return [
        row
        for intent in sorted(by_intent)
        for row in chance.sample(by_intent[intent], min(count, len(by_intent[intent])))
    ]


def _trained(rows: Sequence[Row], held: Sequence[Row]) -> tuple[LocalClassifier, float]:
    examples: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        examples[row["intent"]].append(row["text"])
    intents = [Intent(name=name, examples=tuple(texts)) for name, texts in examples.items()]
    classifier = LocalClassifier(semantic=settings.read().frontdesk_semantic_model)
    started = time.perf_counter()
    classifier.train(intents)
    if held:
        classifier.calibrate([(row["text"], row["intent"]) for row in held])
    return classifier, time.perf_counter() - started


def _measured(
    classifier: LocalClassifier, rows: Sequence[Row], known: set[str]
) -> dict[str, float | None]:
    answers, times = [], []
    for row in _watched(rows, "Measuring"):
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
    p50, p95 = _quantile(times, 0.5), _quantile(times, 0.95)
    return {**measure(answers), "ms_p50": p50, "ms_p95": p95}


def _mean(figures: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for name in figures[0]:
        values = [figure[name] for figure in figures]
        present = [value for value in values if value is not None]
        means[name] = round(statistics.fmean(present), 4) if present else None
    return means


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _watched(rows: Sequence[Row], words: str) -> Iterable[Row]:
    return track(rows, words, console=err, transient=True, disable=not err.is_terminal)


@evaluations.command("routes")
def eval_routes(
    test: Annotated[Path, typer.Option(help="JSON lines of text and route to measure.")],
    intents: Annotated[
        Path | None, typer.Option(help="Intents to learn, in place of those in use.")
    ] = None,
    as_json: AsJson = True,
) -> None:
    """Send messages through classification and the published rules, and compare the routes."""
    rows = read_rows(test, "text", "route")
    for row in rows:
        if row["route"] not in ROUTES:
            raise Failed(f"{test}: the route {row['route']!r} is none of {', '.join(ROUTES)}")
    read = settings.read()
    basis = asyncio.run(basis_in_use(read))
    listed = load_intents(intents) if intents else basis.intents
    routed = _route_rules(basis)
    with err.status(f"Training on {len(listed)} intents …"):
        reader = Reader(listed, read)
    taken = []
    for row in _watched(rows, "Measuring"):
        found = reader.classify(row["text"])
        route = rules.first_match(routed, _state(found)).route
        taken.append((row["route"], route, found.route_confidence))
    show_json(_compared(taken))


def _route_rules(basis: Basis) -> Sequence[Rule]:
    """Return the rules of the workflow's first `route` node."""
    nodes = workflow.parse(basis.source).nodes.values()
    found = next((workflow.rules_of(node) for node in nodes if node.kind == "route"), ())
    if not {rule.to for rule in found} & set(ROUTES):
        raise Failed(f"the published rules name none of the routes {', '.join(ROUTES)}")
    return found


def _state(found: Classification) -> dict[str, object]:
    """Return the state in which a route node meets a guest's first message."""
    entry = {
        "channel": "chat",
        "customer.tier": "standard",
        "customer.verified": False,
        "turn": 1,
        "within_hours": True,
    }
    orders = {"order.status": "none", "order.value": 0.0}
    return {**entry, **state.from_classification(found), **orders}


def _compared(taken: Sequence[tuple[str, str, float]]) -> dict[str, object]:
    counted = Counter((truth, route) for truth, route, _ in taken)
    totals = Counter(truth for truth, _, _ in taken)
    routes = sorted({*ROUTES, *(route for _, route, _ in taken)}, key=_place)
    surest = sorted(taken, key=lambda each: -each[2])[: int(0.8 * len(taken))]
    return {
        "accuracy": _share(sum(counted[name, name] for name in ROUTES), len(taken)),
        "recall": {name: _share(counted[name, name], totals[name]) for name in ROUTES},
        "confusion": {
            truth: {route: counted[truth, route] for route in routes} for truth in ROUTES
        },
        "complex_to_simple": _share(counted["complex", "simple"], totals["complex"]),
        "accuracy_at_80": _share(sum(truth == route for truth, route, _ in surest), len(surest)),
        "test_rows": len(taken),
    }


def _place(route: str) -> tuple[int, str]:
    return (ROUTES.index(route) if route in ROUTES else len(ROUTES), route)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
