"""Why a run went the way it did: each rule and condition it met, with the values that decided."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestration import rules
from orchestration.models import Step
from orchestration.rules import Rule
from orchestration.types import Json
from orchestration.workflow import NodeSpec, Workflow, condition_of, rules_of

_ERASED = "what the message met has been erased"
_NO_RULE_BEFORE = "no rule before it took the message"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A rule that did not fire: what it asks, and what of that the message did not meet."""

    rule: str
    asks: str
    failed_on: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One visit to a node that decides: the way it took, because of what, with the values met.

    `rule` is None at a `branch`, which has a condition and no rules.
    """

    node: str
    part: int
    visit: int
    exit: str
    rule: str | None
    asks: str
    because: str
    tried: tuple[Tried, ...]
    met: Mapping[str, Json]

    def document(self) -> dict[str, Json]:
        """Return the decision as the API shows it."""
        return {
            "node": self.node,
            "part": self.part,
            "visit": self.visit,
            "exit": self.exit,
            "rule": self.rule,
            "asks": self.asks,
            "because": self.because,
            "tried": [
                {"rule": each.rule, "asks": each.asks, "failed_on": each.failed_on}
                for each in self.tried
            ],
            "met": dict(self.met),
        }


def explain(workflow: Workflow, steps: Sequence[Step]) -> list[Decision]:
    """Return the decisions of a run in their order, one part after the other."""
    return sorted(_decisions(workflow, steps), key=lambda decision: decision.part)


def _decisions(workflow: Workflow, steps: Sequence[Step]) -> Iterator[Decision]:
    for step in steps:
        spec = workflow.nodes.get(step.node)
        if spec is None or step.status != "finished" or step.exit in (None, "exhausted"):
            continue
        if spec.kind == "route":
            yield _of_rules(spec, step)
        elif spec.kind == "branch":
            yield _of_condition(spec, step)


def _of_rules(spec: NodeSpec, step: Step) -> Decision:
    said = step.output or {}
    met: dict[str, Json] = step.input or {}
    listed = rules_of(spec)
    place = next((n for n, rule in enumerate(listed) if rule.name == said.get("rule")), None)
    if place is None:
        return _decision(step, rule=None, asks="", because=_ERASED)
    told = {each["rule"]: each["failed_on"] for each in said.get("rules_tried") or ()}
    tried = [_tried(rule, met, told.get(rule.name)) for rule in listed[:place]]
    fired = listed[place]
    because = _NO_RULE_BEFORE if fired.when is None else rules.held_by(fired.when, met)
    return _decision(
        step,
        rule=fired.name,
        asks=rules.in_words(fired.when),
        because=because or _ERASED,
        tried=tuple(tried),
    )


def _tried(rule: Rule, met: Mapping[str, Json], told: str | None) -> Tried:
    failed_on = rules.failed_on(rule.when, met) if met else told
    return Tried(rule=rule.name, asks=rules.in_words(rule.when), failed_on=failed_on or _ERASED)


def _of_condition(spec: NodeSpec, step: Step) -> Decision:
    condition = condition_of(spec)
    met: dict[str, Json] = step.input or {}
    decided = rules.held_by if step.exit == "yes" else rules.failed_on
    because = decided(condition, met) if met else ""
    return _decision(step, rule=None, asks=rules.in_words(condition), because=because or _ERASED)


def _decision(
    step: Step, *, rule: str | None, asks: str, because: str, tried: tuple[Tried, ...] = ()
) -> Decision:
    return Decision(
        node=step.node,
        part=step.part,
        visit=step.visit,
        exit=step.exit or "",
        rule=rule,
        asks=asks,
        because=because,
        tried=tried,
        met=step.input or {},
    )
