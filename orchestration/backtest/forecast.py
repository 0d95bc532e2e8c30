"""What steps that nobody recorded may lead to and cost, by what such steps led to before."""

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, pvariance
from typing import Any

from orchestration import responses
from orchestration.backtest.quiet import HasTier
from orchestration.engine import Program
from orchestration.nodes import node_kinds
from orchestration.store import RecordedStep, RecordedTurn
from orchestration.types import Json
from orchestration.workflow import NodeSpec

# More says nothing new about a distribution, and memory stays what it is.
_KEPT = 500
_WALKS = 1000
# With fewer of the same intent, what a responder made of all turns says more.
_ENOUGH = 8
_LONGEST = 100
_SEED = 2026
_ENDS = frozenset({"send", "escalate", "close", "output"})
_TENTH = 0.1

Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What is expected of the rest of a turn, in USD, and the chance that a human gets it.

    `low` to `high` holds eight of ten such turns. `records` is how many recorded visits stand
    behind it; with none behind a paid one `is_priced` is false and the figures say nothing. The
    `variance` counts one turn more than was seen, as dear as the dearest of all: that a thing has
    not happened yet does not say that it cannot.
    """

    low: float
    expected: float
    high: float
    variance: float
    human: float
    records: int
    is_priced: bool = True


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """How one visit ended and what it cost in USD."""

    exit: str | None
    cost: float


class Forecast:
    """Learns from recorded turns, then walks a version from a node on, many times, by chance."""

    def __init__(self, program: Program, has_tier: HasTier) -> None:
        self._program = program
        self._has_tier = has_tier
        self._samples: dict[Key, deque[_Sample]] = {}
        self._estimates: dict[Key, Estimate] = {}
        self._dearest = 0.0

    def learn(self, turn: RecordedTurn) -> None:
        """Take in what the turn's steps led to and cost."""
        intent = (turn.classification or {}).get("intent")
        self._dearest = max(self._dearest, float(turn.cost))
        tried = Counter[int]()
        for step in turn.steps:
            if step.status == "started":
                continue
            if step.kind == "reply":
                tried[step.part] = self._learn_reply(step, intent, tried[step.part])
            sample = _Sample(exit=step.exit, cost=float(step.cost))
            self._keep((step.kind, step.node), sample)
            self._keep((step.kind,), sample)

    def rest(self, node: str, responder: int = 0, *, intent: str | None = None) -> Estimate:
        """Return what is expected from this node on; of a reply, from this responder on."""
        key = (node, responder, intent)
        if key not in self._estimates:
            walk = _Walk(self, self._program, self._has_tier, intent)
            ends = [walk.to_end(node, responder) for _ in range(_WALKS)]
            self._estimates[key] = self._estimate(ends, walk.fewest, is_priced=not walk.is_blind)
        return self._estimates[key]

    def ends_with_human(self, node: str) -> bool:
        """Tell whether every way from this node on comes to a human, whatever happens."""
        workflow = self._program.workflow
        reached, ahead = set[str](), [node]
        while ahead:
            spec = workflow.nodes[ahead.pop()]
            if spec.name in reached or spec.kind == "approve":
                continue
            if spec.kind in _ENDS and spec.kind != "escalate":
                return False
            reached.add(spec.name)
            ways = (*spec.exits.values(), spec.next, workflow.on_failure)
            ahead += [way for way in ways if way is not None and spec.kind not in _ENDS]
        return True

    def visit(self, node: str) -> Estimate:
        """Return what one more visit of this node alone is expected to cost."""
        costs = [one.cost for one in self._known(self._program.workflow.nodes[node]) if one.cost]
        return self._estimate([(cost, False) for cost in costs], len(costs), is_priced=bool(costs))

    def _learn_reply(self, step: RecordedStep, intent: str | None, tried_before: int) -> int:
        tried: Sequence[Json] = (step.output or {}).get("tried") or ()
        own = tried[tried_before:]
        for number, each in enumerate(own, start=1):
            if "no model is configured" in each["result"]:
                continue
            has_drafted = number == len(own) and step.exit in ("drafted", "proposed")
            cost = float(step.costs.get(each["responder"], Decimal(0)))
            sample = _Sample(exit=step.exit if has_drafted else None, cost=cost)
            self._keep(("responder", each["responder"]), sample)
            self._keep(("responder", each["responder"], intent), sample)
        return len(tried)

    def _keep(self, key: Key, sample: _Sample) -> None:
        self._samples.setdefault(key, deque(maxlen=_KEPT)).append(sample)

    def _known(self, spec: NodeSpec) -> Sequence[_Sample]:
        own = self._samples.get((spec.kind, spec.name))
        return own or self._samples.get((spec.kind,)) or ()

    def _estimate(
        self, ends: Sequence[tuple[float, bool]], records: int, *, is_priced: bool
    ) -> Estimate:
        costs = sorted(cost for cost, _ in ends) or [0.0]
        return Estimate(
            low=costs[int(_TENTH * (len(costs) - 1))],
            expected=fmean(costs),
            high=costs[-1 - int(_TENTH * (len(costs) - 1))],
            variance=_variance(costs, min(records, len(costs)), self._dearest),
            human=fmean([float(is_human) for _, is_human in ends]) if ends else 0.0,
            records=records,
            is_priced=is_priced,
        )

    def draw(self, key: Key, rng: random.Random, *, least: int = 1) -> tuple[_Sample | None, int]:
        """Return one of the recorded visits of this key, and how many there are."""
        known = self._samples.get(key, ())
        return (rng.choice(known), len(known)) if len(known) >= least else (None, 0)


class _Walk:
    """Chance walks through a version; `fewest` is the weakest evidence that any step had."""

    def __init__(
        self, forecast: Forecast, program: Program, has_tier: HasTier, intent: str | None
    ) -> None:
        self._forecast = forecast
        self._nodes = program.workflow.nodes
        self._configs = program.configs
        self._on_failure = program.workflow.on_failure
        self._has_tier = has_tier
        self._intent = intent
        self._rng = random.Random(_SEED)  # noqa: S311
        self.fewest = _KEPT
        self.is_blind = False
        self._steps = 0

    def to_end(self, node: str, responder: int) -> tuple[float, bool]:
        """Return what one way to an end costs, and whether it came to a human."""
        self._steps = 0
        return self._follow(node, responder, Counter())[:2]

    def _follow(
        self, node: str, responder: int, visits: Counter[str], *, inside: bool = False
    ) -> tuple[float, bool, str | None]:
        """Walk to an end, or to the join of the region it is inside of, which is returned too."""
        spent = 0.0
        here: str | None = node
        has_joined = False
        while here is not None and self._steps < _LONGEST:
            self._steps += 1
            spec = self._nodes[here]
            visits[here] += 1
            if inside and spec.kind == "join" and not has_joined:
                return spent, False, here
            has_joined = spec.kind == "fork"
            if spec.kind == "approve":
                return spent, True, None
            if spec.kind in _ENDS:
                return spent, spec.kind == "escalate", None
            if has_joined:
                branches = [
                    self._follow(start, 0, visits, inside=True) for start in spec.exits.values()
                ]
                spent += sum(cost for cost, _, _ in branches)
                here = branches[0][2]
                continue
            exit, cost = self._leave(spec, visits[here], responder)
            responder = 0
            spent += cost
            here = spec.target(exit) or (self._on_failure if exit == "error" else None)
        # What leads nowhere ends with the last resort, which is a human.
        return spent, True, None

    def _leave(self, spec: NodeSpec, visit: int, responder: int) -> tuple[str, float]:
        if spec.max_visits is not None and visit > spec.max_visits:
            return "exhausted", 0.0
        if spec.kind == "reply":
            return self._reply(spec, responder)
        keys: tuple[Key, ...] = ((spec.kind, spec.name), (spec.kind,))
        for sample, count in (self._forecast.draw(key, self._rng) for key in keys):
            if sample and sample.exit and self._leads_on(spec, sample.exit):
                self.fewest = min(self.fewest, count)
                return sample.exit, sample.cost
        node = node_kinds.get(spec.kind)
        self.is_blind = self.is_blind or (node.touches == "paid" and self._asks(spec))
        return self._rng.choice(node.exits(self._configs[spec.name])), 0.0

    def _reply(self, spec: NodeSpec, first: int) -> tuple[str, float]:
        spent = 0.0
        for name in self._configs[spec.name].responders[first:]:  # type: ignore[attr-defined]
            key = ("responder", name)
            sample, count = self._forecast.draw((*key, self._intent), self._rng, least=_ENOUGH)
            if sample is None:
                sample, count = self._forecast.draw(key, self._rng)
            if sample is None:
                self.is_blind = self.is_blind or self._has_tier(name)
                continue
            if name not in responses.RESPONDERS and not self._has_tier(name):
                continue
            self.fewest = min(self.fewest, count)
            spent += sample.cost
            if sample.exit and self._leads_on(spec, sample.exit):
                return sample.exit, spent
        return "abstained", spent

    def _leads_on(self, spec: NodeSpec, exit: str) -> bool:
        return exit == "error" or spec.target(exit) is not None

    def _asks(self, spec: NodeSpec) -> bool:
        """Tell whether a node of a paid kind would ask a model at all."""
        config = self._configs[spec.name]
        tiers = (getattr(config, name, None) for name in ("tier", "judge", "ask"))
        return any(tier and self._has_tier(tier) for tier in tiers)


def _variance(costs: Sequence[float], records: int, dearest: float) -> float:
    """Return the variance of costs of which so many are evidence, and one more that is dear."""
    mean = fmean(costs)
    squares = pvariance(costs, mean) * records + max(dearest - mean, 0) ** 2
    return squares / (records + 1)
