"""How a run looks on a terminal: its steps, what it was about, and why it took its way."""

import json
from collections.abc import Mapping, Sequence

from bot.api import shapes
from bot.cli.console import out
from orchestration import parts
from orchestration.models import ModelCall, Run, Step
from orchestration.parts import Part
from orchestration.types import Json

LONGEST = 120


def print_run(run: Run, steps: Sequence[Step], calls: Sequence[ModelCall] = ()) -> None:
    """Show a run step by step; where its turn asked for several things, part by part."""
    line("Workflow", f"{run.workflow}, version {run.version}")
    asked = parts.from_json(run.parts)
    for part in asked:
        out.print()
        line(f"Part {part.number + 1}", f"“{part.text}”", style="bold")
        _print_steps([step for step in steps if step.part == part.number], calls)
        out.print()
        _print_part(part)
    if not asked:
        _print_steps(steps, calls)
    out.print()
    if run.classification:
        print_classification(run.classification)
    _print_decision(run.route, run.rule, () if asked else run.rules_tried)
    line("Cost", shapes.money(run.cost))


def _print_part(part: Part) -> None:
    if part.orders:
        line("", f"means order {', '.join(part.orders)}, named before")
    if part.classification:
        print_classification(part.classification)
    _print_decision(part.route, part.rule, part.rules_tried)
    line("Cost", part.cost)
    line("Ended", f"{part.outcome or 'not yet'}{f': {part.error}' if part.error else ''}")


def _print_decision(
    route: str | None, rule: str | None, tried: Sequence[Mapping[str, Json]] | None
) -> None:
    if route:
        line("Route", f"{route}, by the rule “{rule}”")
    for one in tried or ():
        line("", f"not “{one['rule']}”: {one['failed_on']}")


def _print_steps(steps: Sequence[Step], calls: Sequence[ModelCall]) -> None:
    for number, step in enumerate(steps, start=1):
        place = (step.part, step.node, step.visit)
        _print_step(
            number, step, [call for call in calls if (call.part, call.node, call.visit) == place]
        )


def _print_step(number: int, step: Step, calls: Sequence[ModelCall]) -> None:
    ms = "" if step.ms is None else f"  {step.ms:.1f} ms"
    kind = f" ({step.kind})" if step.kind != step.node else ""
    where = f"{step.node}{kind} → {step.exit or step.status}{ms}"
    out.print(f"\n{number:>2} {where}", markup=False)
    for name, values in (("in", step.input), ("out", step.output)):
        for key, value in (values or {}).items():
            if value not in (None, "", [], {}):
                line(f"   {name}", f"{key}: {short(value)}", style="dim")
                name = ""
    for call in calls:
        cost = "unknown" if call.cost is None else f"${shapes.money(call.cost)}"
        tokens = f"{call.tokens_in or 0} + {call.tokens_out or 0} tokens"
        line("   asked", f"{call.tier} {call.model}: {call.status}, {tokens}, {cost}", style="dim")
    if step.error:
        line("   error", step.error, style="red")


def print_classification(found: Mapping[str, Json]) -> None:
    """Show what a text is about, and why."""
    sure = f"{found['intent']} ({found['confidence']:.2f}; route {found['route_confidence']:.2f})"
    line("About", sure + (f", else {found['runner_up']}" if found["runner_up"] else ""))
    names = ("urgency", "complexity", "sentiment", "language", "risk", "wants_human", "requests")
    line("", ", ".join(f"{name} {short(found[name])}" for name in names))
    if found["entities"]:
        line("", f"entities {short(found['entities'])}")
    for reason in found["reasons"]:
        line("", f"because it {reason}" if reason == found["reasons"][0] else reason)


def line(name: str, words: str, *, style: str | None = None) -> None:
    """Show one named thing."""
    out.print(f"{name:<10} {words}", markup=False, soft_wrap=True, style=style)


def short(value: Json) -> str:
    """Return a value on one line, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
