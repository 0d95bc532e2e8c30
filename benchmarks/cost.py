"""Measures what the cascade costs beside a premium model: `python -m benchmarks.cost --data PATH`.

PATH is a folder with store_day/dev.jsonl, or a file of such rows (`text`, `route`, `source`,
`source_label`) in such a folder. The classifier's own routes need banking77, bitext and
multidogo_openings with their train.jsonl there. `--json` prints one object in place of the tables.

Each message goes through intake, workflow, gateway, LiteLLM and HTTP to a fake OpenAI server. The
prompts are the product's own, filled from the sample store; prices are the list's; the lengths of
the answers, and that a tenth of the simple messages is done again, are assumptions. A turn that
ends with a human costs nothing here and counts in the base as a hard message.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.cascade import MODELS, Cascade, Way, list_price, open_cascade
from integrations.classifiers.local import LocalClassifier
from orchestration import rules, state, workflow
from orchestration.classification import Facts, classify
from orchestration.types import Classification, Intent, Memory
from tests.fakes.scripts import Lengths
from tests.fakes.shopfront import PRESET

Row = Mapping[str, Any]

LABELS = ("simple", "complex", "human")
MIXES = ((50, 40, 10), (70, 20, 10), (80, 15, 5))
TIERS = ("two", "three")
MESSAGES, SEED = 400, 7
REDONE_OF_10, MIDDLE_OF_10 = 1, 7
BAR_MIX, BARS = (70, 20, 10), {"two": 60.0, "three": 70.0}
TRAINED_ON = {"banking77": "banking77", "bitext": "bitext", "multidogo": "multidogo_openings"}
ALONE = {label: Way(taker="premium", is_complex=label != "simple") for label in LABELS}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A message of a mix and how the cascade takes it."""

    text: str
    label: str
    way: Way


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a mix cost, in USD per 1000 messages; shares in percent of the premium model's cost.

    `saved` is over turns the bot answered, `avoided` what the others would have cost.
    """

    mix: str
    tiers: str
    routes: str
    premium: float
    spent: float
    saved: float
    avoided: float
    saved_percent: float
    saved_percent_without_human: float
    redone_percent: float
    ledger_percent: float
    bar_percent: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="drawn for each mix")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--without-classifier", action="store_true", help="by the labels alone")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    started = time.perf_counter()
    folder = wanted.data if wanted.data.is_dir() else wanted.data.parent.parent
    rows = read_rows(wanted.data / "store_day/dev.jsonl" if wanted.data.is_dir() else wanted.data)
    own = {} if wanted.without_classifier else own_routes(rows, folder)
    report = asyncio.run(measure(rows, own, messages=wanted.messages, seed=wanted.seed))
    report["seconds"] = round(time.perf_counter() - started)
    if wanted.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        show(report)


async def measure(
    rows: Sequence[Row], own: Mapping[str, str], *, messages: int, seed: int
) -> dict[str, Any]:
    """Run all mixes by the labels and by the classifier's own routes; return what they cost."""
    taken = {row["text"]: row["route"] for row in rows}
    plans = {
        (mix, tiers, routes): plan(rows, mix, known, tiers=tiers, messages=messages, seed=seed)
        for routes, known in (("labels", taken), *([("classifier", own)] if own else []))
        for mix in MIXES
        for tiers in TIERS
    }
    async with open_cascade() as cascade:
        everything = [drawn for drawn_ones in plans.values() for drawn in drawn_ones]
        await cascade.measure((drawn.text, drawn.way) for drawn in everything)
        await cascade.measure((drawn.text, ALONE[drawn.label]) for drawn in everything)
        booked = await cascade.require_books()
        figures = [figures_of(*key, drawn, cascade) for key, drawn in plans.items()]
        sizes = request_sizes(cascade)
    return {
        "figures": [asdict(one) for one in figures],
        "own_routes_agree_percent": agreement(rows, own),
        "prices": {tier: prices_of(model) for tier, model in MODELS.items()},
        "lengths": asdict(Lengths()),
        "tokens_per_request": sizes,
        "runs": len(cascade.known),
        "booked_and_counted": str(booked),
        "messages": messages,
        "seed": seed,
    }


def plan(
    rows: Sequence[Row],
    mix: Sequence[int],
    routes: Mapping[str, str],
    *,
    tiers: str,
    messages: int,
    seed: int,
) -> list[Drawn]:
    """Draw a mix and say how each message is taken; whoever is misrouted is done again."""
    chance = random.Random(f"{seed} {mix}")  # noqa: S311
    drawn: list[Row] = []
    for label, share in zip(LABELS, mix, strict=True):
        own = [row for row in rows if row["route"] == label]
        drawn += chance.choices(own, k=messages * share // 100)
    is_by_label = all(routes[row["text"]] == row["route"] for row in drawn)
    counted: Counter[str] = Counter()
    planned = []
    for row in drawn:
        label, route = row["route"], routes[row["text"]]
        counted[route] += 1
        # Every tenth, and seven of ten: the messages came in an order of chance.
        place = counted[route] % 10
        is_redone = place < REDONE_OF_10 if is_by_label and route == "simple" else route != label
        on_middle = tiers == "three" and place < MIDDLE_OF_10
        way = way_of(route, label, is_redone=is_redone, on_middle=on_middle)
        planned.append(Drawn(text=row["text"], label=label, way=way))
    return planned


def way_of(route: str, label: str, *, is_redone: bool, on_middle: bool) -> Way:
    """Return how a route takes a message that is in truth of this label."""
    is_complex = label != "simple"
    if route == "simple":
        return Way(taker="light", is_redone=is_redone, is_complex=is_complex)
    if route == "complex":
        taker = "middle" if on_middle else "strong"
        return Way(taker=taker, is_redone=is_redone, is_complex=is_complex)  # type: ignore[arg-type]
    # What a person was asked for in vain costs a model's answer all the same.
    return Way(taker="strong", is_complex=is_complex) if is_redone else Way(taker="human")


def figures_of(
    mix: tuple[int, ...], tiers: str, routes: str, drawn: Sequence[Drawn], cascade: Cascade
) -> Figures:
    known = cascade.known
    by_human = [one for one in drawn if one.way.taker == "human"]
    by_bot = [one for one in drawn if one.way.taker != "human"]
    spent = sum((known[one.text, one.way].spent for one in drawn), start=Decimal(0))
    base = _alone(by_bot, cascade)
    avoided = _alone(by_human, cascade)
    ledger = sum((known[one.text, one.way].premium for one in drawn), start=Decimal(0))
    per_1000 = Decimal(1000) / len(drawn)
    return Figures(
        mix="/".join(map(str, mix)),
        tiers=tiers,
        routes=routes,
        premium=_money((base + avoided) * per_1000),
        spent=_money(spent * per_1000),
        saved=_money((base - spent) * per_1000),
        avoided=_money(avoided * per_1000),
        saved_percent=_percent(1 - spent / (base + avoided)),
        saved_percent_without_human=_percent(1 - spent / base),
        redone_percent=_percent(_share_redone(drawn)),
        ledger_percent=_percent(1 - spent / ledger),
        bar_percent=BARS[tiers] if mix == BAR_MIX and routes == "labels" else None,
    )


def _alone(drawn: Iterable[Drawn], cascade: Cascade) -> Decimal:
    costs = (cascade.known[one.text, ALONE[one.label]].spent for one in drawn)
    return sum(costs, start=Decimal(0))


def _share_redone(drawn: Sequence[Drawn]) -> Decimal:
    return Decimal(sum(one.way.is_redone for one in drawn)) / len(drawn)


def _money(amount: Decimal) -> float:
    return round(float(amount), 2)


def _percent(share: Decimal) -> float:
    return round(float(100 * share), 1)


def own_routes(rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Return the routes of a classifier trained on the train files; none where they are missing."""
    if not all((folder / name / "train.jsonl").exists() for name in TRAINED_ON.values()):
        return {}
    intents = _intents(rows, folder)
    classifier = LocalClassifier()
    classifier.train(intents)
    facts = Facts(now=datetime.now(UTC))
    published = next(
        workflow.rules_of(node)
        for node in workflow.parse(PRESET).nodes.values()
        if node.kind == "route"
    )
    found = {}
    for row in rows:
        reading = classifier.read(row["text"])
        result = classify(row["text"], reading, intents=intents, memory=Memory(), facts=facts)
        found[row["text"]] = rules.first_match(published, _state(result)).route
    return found


def _intents(rows: Sequence[Row], folder: Path) -> list[Intent]:
    """Return an intent for each label of the rows, with the texts of the train files but theirs."""
    routes = {(row["source"], row["source_label"]): row["route"] for row in rows}
    held = {row["text"].casefold().strip() for row in rows}
    examples: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for source, name in TRAINED_ON.items():
        for row in read_rows(folder / name / "train.jsonl"):
            if row["text"].casefold().strip() not in held:
                examples[source, row["intent"]].append(row["text"])
    return [
        Intent(
            name=f"{source} {label}",
            examples=tuple(examples[source, label]),
            complexity="simple" if route == "simple" else "complex",
            wants_human=route == "human",
        )
        for (source, label), route in sorted(routes.items())
        if examples[source, label]
    ]


def _state(found: Classification) -> dict[str, Any]:
    return {**state.from_classification(found), "order.status": "none", "order.value": 0.0}


def agreement(rows: Sequence[Row], routes: Mapping[str, str]) -> dict[str, float]:
    """Return how many rows of each label the classifier's own routes take as labelled."""
    totals = Counter(row["route"] for row in rows)
    agreed = Counter(row["route"] for row in rows if routes.get(row["text"]) == row["route"])
    return {label: round(100 * agreed[label] / totals[label], 1) for label in LABELS if routes}


def request_sizes(cascade: Cascade) -> dict[str, str]:
    """Return the mean tokens in and out of a request, by the model that served it."""
    return {
        model: f"{served.tokens_in // served.answers}/{served.tokens_out // served.answers}"
        for model, served in cascade.server.ledger.items()
    }


def prices_of(model: str) -> dict[str, str]:
    price = list_price(model)
    per_million = {
        "input": f"{price.input.normalize():f}",
        "output": f"{price.output.normalize():f}",
    }
    return {"model": model, **per_million, "version": price.version}


def read_rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


HEAD = (
    "mix       tiers  routes      premium $  spent $  saved $  avoided $   saved %  "
    "without human %  done again %  ledger %"
)


def show(report: Mapping[str, Any]) -> None:
    """Print the figures as tables."""
    print(f"USD per 1000 messages, simple/complex/human; {report['messages']} drawn per mix.")
    for tier, price in report["prices"].items():
        print(f"  {tier:7} {price['model']:18} {price['input']}/{price['output']} per million")
    print(f"  mean tokens of a request in/out: {report['tokens_per_request']}\n\n{HEAD}")
    for one in report["figures"]:
        bar = f"  (bar {one['bar_percent']:.0f})" if one["bar_percent"] else ""
        print(
            f"{one['mix']:9} {one['tiers']:6} {one['routes']:10} {one['premium']:10.2f} "
            f"{one['spent']:8.2f} {one['saved']:8.2f} {one['avoided']:10.2f} "
            f"{one['saved_percent']:9.1f} {one['saved_percent_without_human']:16.1f} "
            f"{one['redone_percent']:13.1f} {one['ledger_percent']:9.1f}{bar}"
        )
    print(
        f"\nThe classifier agrees with the labels, in percent: {report['own_routes_agree_percent']}"
    )
    print(
        f"{report['runs']} runs; booked and counted by the server alike: "
        f"${report['booked_and_counted']}; {report['seconds']} s."
    )


if __name__ == "__main__":
    main()
