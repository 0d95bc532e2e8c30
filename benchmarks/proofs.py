"""Measures how long it takes to prove a workflow of 200 rules over 12 fields, shape by shape.

Run: `python -m benchmarks.proofs`. The ratio is to reading the same document from YAML, so that it
means the same on a slow machine; each figure is the median of five.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from statistics import median

from orchestration import workflow
from orchestration.nodes import node_kinds
from orchestration.proofs import Problem, problems
from orchestration.types import Json

RULES = 200
ROUNDS = 5
FIELDS = (
    *("urgency", "complexity", "risk", "sentiment", "wants_human", "within_hours"),
    *("customer.verified", "order.status", "order.value", "route_confidence", "turn"),
    "entities.orders",
)
INTENTS = tuple(f"intent_{number}" for number in range(40))
CHOICES: dict[str, tuple[str, ...]] = {
    "urgency": ("low", "normal", "high", "urgent"),
    "complexity": ("simple", "complex"),
    "risk": ("none", "legal", "fraud", "safety"),
    "sentiment": ("negative", "neutral", "positive"),
    "order.status": ("late", "in_transit", "not_shipped", "delivered", "none"),
    "intent": INTENTS,
}
Dice = random.Random


def leaf(dice: Dice, name: str) -> dict[str, Json]:
    """Return a comparison that the field may have."""
    if name in CHOICES:
        operator = dice.choice(["is", "is_not", "in"])
        chosen = dice.sample(CHOICES[name], 2) if operator == "in" else dice.choice(CHOICES[name])
        return {"field": name, operator: chosen}
    if name in ("order.value", "route_confidence", "turn"):
        bound = {"order.value": 500, "route_confidence": 1, "turn": 9}[name]
        value = round(bound * dice.random(), 2) if name != "turn" else dice.randrange(bound)
        return {"field": name, dice.choice(["at_least", "at_most"]): value}
    if name == "entities.orders":
        return {"field": name, "contains": f"{dice.randrange(5)}"}
    return {"field": name, "is": dice.choice([True, False])}


def table(dice: Dice) -> dict[str, Json]:
    """Return a condition as in a table of rules: one intent, and a few more things."""
    first = {"field": "intent", "is": dice.choice(INTENTS)}
    return {"all": [first, *(leaf(dice, name) for name in dice.sample(FIELDS[:11], 3))]}


def flat(dice: Dice) -> dict[str, Json]:
    """Return a condition of three things that must all be so."""
    return {"all": [leaf(dice, name) for name in dice.sample(FIELDS, 3)]}


def nested(dice: Dice) -> dict[str, Json]:
    """Return a condition of either, both and not."""
    either = {"any": [leaf(dice, name) for name in dice.sample(FIELDS, 2)]}
    refused = {"not": {"all": [leaf(dice, name) for name in dice.sample(FIELDS, 2)]}}
    return {"all": [leaf(dice, dice.choice(FIELDS)), either, refused]}


def knotted(dice: Dice) -> dict[str, Json]:
    """Return a part of a formula of the kind that makes any search long."""

    def literal() -> dict[str, Json]:
        holds = {"field": "entities.orders", "contains": f"{dice.randrange(48)}"}
        return holds if dice.random() < 0.5 else {"not": holds}

    return {"all": [literal() for _ in range(3)]}


def document(condition: Callable[[Dice], dict[str, Json]], *, nodes: int = 1) -> str:
    """Return a workflow with the rules spread over so many nodes, one after the other."""
    dice = random.Random(20261130)  # noqa: S311
    share = RULES // nodes
    routed: dict[str, Json] = {}
    for number in range(nodes):
        rules = [
            {"name": f"r{index}", "when": condition(dice), "to": dice.choice(["a", "b", "human"])}
            for index in range(share)
        ]
        rest = f"route{number + 1}" if number + 1 < nodes else "human"
        exits = {"a": "a", "b": "b", "human": "human", "rest": rest}
        rules.append({"name": "rest", "otherwise": "rest"})
        routed[f"route{number}"] = {"kind": "route", "rules": rules, "exits": exits}
    ends = {"a": {"kind": "close"}, "b": {"kind": "close"}, "human": {"kind": "escalate"}}
    whole = {"classify": {"kind": "classify", "next": "route0"}, **routed, **ends}
    parsed = {"name": "large", "entry": "classify", "nodes": whole, "on_failure": "human"}
    return workflow.dump(workflow.parse(parsed))


SHAPES: dict[str, Callable[[], str]] = {
    "a table by intent": lambda: document(table),
    "flat conditions": lambda: document(flat),
    "nested conditions": lambda: document(nested),
    "flat, over 4 nodes": lambda: document(flat, nodes=4),
    "a knot": lambda: document(knotted),
}


def timed(work: Callable[[], object], rounds: int) -> float:
    """Return the median seconds that the work takes."""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return median(taken)


def told(found: list[Problem]) -> str:
    """Return how often each code was told."""
    counted = Counter(problem.code for problem in found)
    return ", ".join(f"{count} {code}" for code, count in counted.most_common()) or "nothing"


def main() -> None:
    kinds = {kind: node_kinds.get(kind) for kind in node_kinds}
    print(f"{'':20} {'seconds':>8} {'x reading':>10}   told")
    for name, make in SHAPES.items():
        source = make()
        parsed = workflow.parse(source)
        reading = timed(partial(workflow.parse, source), ROUNDS)
        proving = timed(partial(problems, parsed, kinds, intents=INTENTS), ROUNDS)
        found = problems(parsed, kinds, intents=INTENTS)
        print(f"{name:20} {proving:8.2f} {proving / reading:10.2f}   {told(found)}")


if __name__ == "__main__":
    main()
