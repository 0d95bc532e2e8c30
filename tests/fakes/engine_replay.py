"""Leads the real engine along a path: nodes that decide do so, the others leave as told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from orchestration.backtest.decisions import NOBODY
from orchestration.context import Toolbox
from orchestration.engine import Program, RunFailed, Walk
from orchestration.journal import Place
from orchestration.models import Run, Step
from orchestration.nodes import End, Outcome, as_json, draft_in
from orchestration.types import Draft, Json
from orchestration.workflow import NodeSpec, parse

Leave = Callable[[NodeSpec, Mapping[str, Json]], Outcome | None]
DECIDING = ("route", "branch", "fork", "join")
_THEN = datetime(2026, 1, 1, tzinfo=UTC)


class _Telemetry:
    def count(self, name: str, value: float = 1, **labels: str) -> None:
        return

    def time(self, name: str, seconds: float, **labels: str) -> None:
        return


@dataclass
class Log:
    """Keeps the steps of a walk in memory."""

    run: Run = field(
        default_factory=lambda: Run(
            id="",
            conversation_id="",
            workflow="test",
            version=1,
            revision=0,
            text="",
            started_at=_THEN,
        )
    )
    steps: list[Step] = field(default_factory=list)

    def finished(self, place: Place) -> Step | None:
        return None

    def was_started(self, place: Place) -> bool:
        return False

    def begin(self, place: Place, kind: str) -> Step:
        return Step(
            run_id="",
            node=place.node,
            visit=place.visit,
            position=0,
            kind=kind,
            status="",
            started_at=_THEN,
        )

    def finish(self, place: Place, step: Step, *, binds: bool) -> None:
        self.steps.append(step)

    async def record_start(self, place: Place, *, binds: bool) -> None:
        return

    async def record_finish(self, place: Place) -> None:
        return


@dataclass
class Replay:
    """What the engine did on a path: its steps, the state each node saw, and how it ended."""

    steps: list[Step]
    seen: list[tuple[str, dict[str, Json]]]
    failure: str | None = None
    end: str | None = None

    @property
    def nodes(self) -> list[str]:
        return [step.node for step in self.steps]


@dataclass(frozen=True)
class Told:
    """How a node is to be left: its exit, and what it writes."""

    node: str
    exit: str
    writes: Mapping[str, Json]


async def replay(document: Json, told: Sequence[Told], entry: Mapping[str, Json]) -> Replay:
    """Walk as told from the entry; what nobody is told about ends there, or leaves its branch."""
    waiting = list(told)

    def leave(spec: NodeSpec, state: Mapping[str, Json]) -> Outcome | None:
        if waiting and waiting[0].node == spec.name:
            one = waiting.pop(0)
            if spec.kind not in DECIDING or one.exit == "error":
                return left_by(one.exit, one.writes)
        if spec.kind in DECIDING:
            return None
        own = spec.exits or ({"done": spec.next} if spec.next else {})
        return left_by(next(iter(own))) if own else ended(spec, state)

    return await walk(document, leave, entry)


def left_by(exit: str, writes: Mapping[str, Json] | None = None) -> Outcome:
    """Return the outcome of a node that is left by this exit."""
    notes = {"error": "as told"} if exit == "error" else {}
    return Outcome(exit=exit, updates=writes or {}, notes=notes)


def ended(spec: NodeSpec, state: Mapping[str, Json]) -> Outcome:
    """Return the outcome of a node that ends a path, with the draft where there is one."""
    draft = draft_in(state) if spec.kind == "send" and "draft" in state else None
    return Outcome(end=End(kind=spec.kind, draft=draft))


def new_draft(number: int) -> Json:
    """Return a draft as a node writes it, another for each number."""
    return as_json(Draft(text=f"draft {number}", responder="test"))


async def walk(document: Json, leave: Leave, entry: Mapping[str, Json]) -> Replay:
    """Walk from the entry; `leave` says how each node is left, or None where it decides itself."""
    program = Program.of(parse(document), 1)
    log = Log()
    seen: list[tuple[str, dict[str, Json]]] = []

    def stand_in(spec: NodeSpec, place: Place, state: Mapping[str, Json]) -> Outcome | None:
        seen.append((spec.name, dict(state)))
        return leave(spec, state)

    tools = cast(Toolbox, SimpleNamespace(telemetry=_Telemetry()))
    replayed = Replay(log.steps, seen)
    try:
        stop = await Walk(program, NOBODY, tools, log, stand_in=stand_in).run(entry)
        replayed.end = stop.end.kind if stop.end else None
    except RunFailed as failed:
        replayed.failure = str(failed)
    except KeyError as missing:
        replayed.failure = f"no node {missing}"
    return replayed
