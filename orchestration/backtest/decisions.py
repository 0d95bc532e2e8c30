"""Decides a recorded turn as another version would, and says what changes and why."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from math import prod
from typing import Any

from orchestration import parts, rules
from orchestration.backtest.forecast import Estimate, Forecast
from orchestration.backtest.quiet import HasTier
from orchestration.backtest.recall import Recording, TakenStep, Then, Unknown
from orchestration.context import Case, Toolbox
from orchestration.engine import Program, RunFailed, Walk
from orchestration.errors import NotFound
from orchestration.models import Conversation, Customer
from orchestration.parts import Part
from orchestration.store import RecordedTurn
from orchestration.types import Json, Memory

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# A walk over a recording reads nothing of a case but what the recording gives it.
NOBODY = Case(
    conversation=Conversation(
        id="",
        channel="",
        external_id="",
        customer_id="",
        created_at=_LONG_AGO,
        changed_at=_LONG_AGO,
    ),
    person=Customer(id="", source="", external_id="", created_at=_LONG_AGO),
    text="",
    turn=(),
    transcript=(),
    memory=Memory(),
    now=_LONG_AGO,
)
WITH_HUMAN = frozenset({"escalate", "approve", "failed"})
# How a way ends that goes on beyond what was recorded.
OPEN = "not recorded"
# What of several ends stands for all of them.
_BY_WEIGHT = ("failed", "approve", "escalate", OPEN, "send", "output", "close")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a version does with a turn.

    `end` is `send`, `escalate`, `close`, `output`, `approve` (a human is asked), `failed` (the last
    resort), or `not recorded`: then `rest` estimates what follows and `unknown` says why;
    `needs_reading` says that the message would have to be classified for it. `because` says why the
    rules lead elsewhere than those of the version that the turn took. `human` is the chance that a
    human gets the turn, `is_with_human` whether that is certain, `cost` what of the cost is.
    """

    route: str | None
    rule: str | None
    rules_tried: Sequence[Mapping[str, Json]]
    classification: Json
    path: tuple[str, ...]
    end: str
    human: float
    is_with_human: bool
    cost: Decimal
    steps: tuple[TakenStep, ...]
    rest: tuple[tuple[str, Estimate], ...] = ()
    unknown: str | None = None
    needs_reading: bool = False
    because: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether all of it follows from what was recorded."""
        return self.unknown is None


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Decides turns by one version; `then` finds the version that a turn really took."""

    program: Program
    tools: Toolbox
    has_tier: HasTier
    forecast: Forecast
    then: Mapping[tuple[str, int], Program] = field(default_factory=dict)

    async def decide(self, turn: RecordedTurn, then: Then | None = None) -> Decision:
        """Walk the version over what was recorded; nothing is asked, sent or changed.

        `then` is what the nodes were when the turn was recorded, where no version kept says so.
        """
        if then is None:
            then = nodes_of(self.then.get((turn.workflow, turn.version)))
        requests = [(one.number, one.text) for one in parts.from_json(turn.parts)]
        decided = [
            await self._walk(turn, then, part, text) for part, text in requests or [(0, turn.text)]
        ]
        return decided[0] if len(decided) == 1 else _together(requests, decided)

    async def _walk(self, turn: RecordedTurn, then: Then, part: int, text: str) -> Decision:
        recording = Recording(
            turn,
            then=then,
            now=self.program,
            shop=self.tools.shop,
            has_tier=self.has_tier,
            part=part,
            text=text,
        )
        case = replace(NOBODY, text=text, now=turn.at)
        walk = Walk(
            self.program, case, self.tools, recording, part=part, stand_in=recording.stand_in
        )
        unknown: Unknown | None = None
        end = "failed"
        try:
            stop = await walk.run(recording.entry)
            end = stop.end.kind if stop.end else "approve"
        except RunFailed:
            pass
        except Unknown as found:
            unknown, end = found, OPEN
        return self._decision(recording, end, unknown, then)

    def _decision(
        self, recording: Recording, end: str, unknown: Unknown | None, then: Then
    ) -> Decision:
        reasons = [doubt.reason for doubt in recording.doubts]
        rest = [
            (f"visit {doubt.node}", self.forecast.visit(doubt.node))
            for doubt in recording.doubts
            if doubt.is_paid
        ]
        steps = tuple(sorted(recording.steps, key=lambda step: step.position))
        path = [step.node for step in steps]
        human = float(end in WITH_HUMAN or recording.asked_human)
        is_certain = human == 1
        if unknown:
            path.append(unknown.node)
            reasons.insert(0, unknown.reason)
            intent = (recording.turn.classification or {}).get("intent")
            ahead = self.forecast.rest(unknown.node, unknown.responder, intent=intent)
            rest.append((f"rest {unknown.node} {unknown.responder} {intent}", ahead))
            human = max(human, ahead.human)
            is_certain = is_certain or self.forecast.ends_with_human(unknown.node)
        decided = _routed(steps)
        return Decision(
            route=decided.get("route"),
            rule=decided.get("rule"),
            rules_tried=decided.get("rules_tried") or (),
            classification=_classified(steps),
            path=tuple(path),
            end=end,
            human=human,
            is_with_human=is_certain,
            cost=recording.cost,
            steps=steps,
            rest=tuple(rest),
            unknown="; ".join(reasons) or None,
            needs_reading=bool(recording.doubts) or (unknown is not None and unknown.needs_reading),
            because=_because(then, self.program, recording, decided.get("route")),
        )


def _together(requests: Sequence[tuple[int, str]], decided: Sequence[Decision]) -> Decision:
    """Return what a turn of several parts comes to, which is what its record would say of it."""
    told = [
        Part(
            number=number,
            text=text,
            classification=one.classification,
            route=one.route,
            outcome={"approve": "wait", "failed": "escalate"}.get(one.end, one.end),
        )
        for (number, text), one in zip(requests, decided, strict=True)
    ]
    leading = decided[told.index(parts.most_demanding(told))]
    ends = {one.end for one in decided}
    unknown = "; ".join(dict.fromkeys(one.unknown for one in decided if one.unknown))
    return replace(
        leading,
        path=tuple(node for one in decided for node in one.path),
        end=next(end for end in _BY_WEIGHT if end in ends),
        human=1 - prod(1 - one.human for one in decided),
        is_with_human=any(one.is_with_human for one in decided),
        cost=sum((one.cost for one in decided), start=Decimal(0)),
        steps=tuple(step for one in decided for step in one.steps),
        rest=tuple(estimate for one in decided for estimate in one.rest),
        unknown=unknown or None,
        needs_reading=any(one.needs_reading for one in decided),
        because="; ".join(dict.fromkeys(one.because for one in decided if one.because)),
    )


@dataclass(frozen=True, kw_only=True)
class Change:
    """A turn that a version would treat otherwise; it holds no word of the customer's message."""

    run_id: str
    conversation_id: str
    at: datetime
    urgency: str | None
    risk: str | None
    route: tuple[str | None, str | None]
    rule: tuple[str | None, str | None]
    path: tuple[tuple[str, ...], tuple[str, ...]]
    end: tuple[str, str]
    human: tuple[bool, float]
    is_lost: bool
    is_exact: bool
    why: str


def change_of(turn: RecordedTurn, decision: Decision) -> Change | None:
    """Return what changes for a turn; None where it goes the way it went."""
    before = path_of(turn)
    is_lost = is_grave(turn) and turn.was_with_human and not decision.is_with_human
    # Branches that ran side by side have no order among them.
    is_same_way = sorted(before) == sorted(decision.path)
    if is_same_way and turn.route == decision.route and not is_lost:
        return None
    said = turn.classification or {}
    return Change(
        run_id=turn.run_id,
        conversation_id=turn.conversation_id,
        at=turn.at,
        urgency=said.get("urgency"),
        risk=said.get("risk"),
        route=(turn.route, decision.route),
        rule=(turn.rule, decision.rule),
        path=(before, decision.path),
        end=(turn.outcome or "failed", decision.end),
        human=(turn.was_with_human, decision.human),
        is_lost=is_lost,
        is_exact=decision.is_exact,
        why=why(turn, decision),
    )


def path_of(turn: RecordedTurn) -> tuple[str, ...]:
    """Return the nodes that a recorded turn came by."""
    return tuple(step.node for step in sorted(turn.steps, key=lambda step: step.part))


def is_grave(turn: RecordedTurn) -> bool:
    """Tell whether a turn was urgent or risky."""
    said = turn.classification or {}
    return said.get("urgency") == "urgent" or said.get("risk", "none") != "none"


def why(turn: RecordedTurn, decision: Decision) -> str:
    """Say in plain words what makes the difference."""
    said = []
    if decision.route != turn.route and decision.because:
        said.append(decision.because)
    elif decision.route == turn.route:
        said.append(f"the steps after the route {turn.route!r} are others")
    if decision.unknown:
        said.append(decision.unknown)
    return "; ".join(said) or "the way to its rules is another"


def nodes_of(program: Program | None) -> Then:
    """Return the kind and config of each node of a version; none of one that is not to be had."""
    if program is None:
        return {}
    nodes = program.workflow.nodes
    return {name: (nodes[name].kind, config) for name, config in program.configs.items()}


def _because(then: Then, now: Program, recording: Recording, route: str | None) -> str:
    """Say why the rules lead elsewhere; empty where they do not, or are not to be had."""
    own = [step for step in recording.turn.steps if step.part == recording.part]
    old = next((step for step in own if step.kind == "route"), None)
    if recording.routed is None or old is None or old.exit == route:
        return ""
    node, state = recording.routed
    kind, before = then.get(old.node, ("", None))
    after: Any = now.configs[node]
    if kind != "route" or before is None:
        return ""
    with suppress(NotFound):
        return rules.why_changed(before.rules, after.rules, state)
    return ""


def _classified(steps: Sequence[TakenStep]) -> Json:
    """Return the classification that the steps went by, as a run's record has it."""
    found = [step.output for step in steps if step.kind == "classify" and step.output]
    return found[-1].get("classification") if found else None


def _routed(steps: Sequence[TakenStep]) -> Mapping[str, Json]:
    """Return what the last route node decided."""
    decided = [step.output for step in steps if step.output and "route" in step.output]
    return decided[-1] if decided else {}
