"""Walks a run through its workflow, node by node, branches in parallel."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from pydantic import BaseModel
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from orchestration.context import Case, Toolbox, entry_state
from orchestration.errors import DatabaseAway, Fenced, PermanentFailure, TemporaryFailure, describe
from orchestration.journal import Place
from orchestration.models import Run, Step
from orchestration.nodes import End, Node, Outcome, Visit, Wait, drafts, node_kinds
from orchestration.types import Draft, Json
from orchestration.workflow import COMMON_EXITS, MAX_STEPS, NodeSpec, Workflow, load

log = logging.getLogger(__name__)

# What an agent reads who gets a draft that could not be sent.
UNCHECKED = "no check has passed this draft since it was written, and nobody has released it"


class RunFailed(Exception):
    """The run cannot go on, not even by `on_failure`; `node` and `error` say why.

    `state` is what the run knew by then.
    """

    def __init__(self, node: str, error: str) -> None:
        super().__init__(f"{node}: {error}")
        self.node = node
        self.error = error
        self.state: Mapping[str, Json] = {}


@dataclass(frozen=True, kw_only=True)
class Program:
    """A workflow version ready to be walked."""

    name: str
    version: int
    workflow: Workflow
    configs: Mapping[str, BaseModel]

    @classmethod
    def of(cls, workflow: Workflow, version: int) -> "Program":
        """Check the configs of all nodes; raises `InvalidWorkflow`."""
        kinds = {kind: node_kinds.get(kind) for kind in node_kinds}
        configs = load(workflow, kinds)
        return cls(name=workflow.name, version=version, workflow=workflow, configs=configs)


class Log(Protocol):
    """Where a walk keeps its steps: the journal of a run, or notes that come to nothing."""

    run: Run

    def finished(self, place: Place) -> Step | None: ...

    def was_started(self, place: Place) -> bool: ...

    def begin(self, place: Place, kind: str) -> Step: ...

    def finish(self, place: Place, step: Step, *, binds: bool) -> None: ...

    async def record_start(self, place: Place, *, binds: bool) -> None: ...

    async def record_finish(self, place: Place) -> None: ...


# What takes the place of a node's work: an outcome that is known already, or None.
StandIn = Callable[[NodeSpec, Place, Mapping[str, Json]], Outcome | None]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where a walk stopped: at an end, or waiting for a human; with the state it had."""

    state: Mapping[str, Json]
    end: End | None = None
    wait: Wait | None = None
    place: Place | None = None


@dataclass(kw_only=True)
class _Path:
    """A path being walked: what it knows and how often it has been where.

    `sealed` is the draft that was passed by a check or released by a human, if that was the last
    that was said of one. It is on no record: a resumed walk comes to it again by its steps.
    """

    state: dict[str, Json]
    visits: Counter[str] = field(default_factory=Counter)
    part: int = 0
    is_failing: bool = False
    sealed: Json = None

    def branch(self) -> "_Path":
        return replace(self, state=dict(self.state), visits=Counter(self.visits))

    def take(self, updates: Mapping[str, Json], *, seals: bool | None) -> None:
        self.state.update(updates)
        if seals is not None:
            self.sealed = self.state.get("draft") if seals else None

    def join(self, branches: Iterable["_Path"]) -> None:
        before, sealed = dict(self.state), self.sealed
        for branch in branches:
            new = {name: v for name, v in branch.state.items() if before.get(name) != v}
            self.state.update(new)
            if branch.sealed != sealed:
                self.sealed = branch.sealed

    def may_send(self, draft: Draft | None) -> bool:
        return self.sealed is not None and drafts.validate_python(self.sealed) == draft


class _Leave(Exception):
    """A branch failed and leaves the region between fork and join by its error exit."""

    def __init__(self, target: str, path: _Path) -> None:
        super().__init__(target)
        self.target = target
        self.path = path


def is_bound(recorded: Iterable[Step]) -> bool:
    """Tell whether a resumed run began something outside, so that it must come to its end."""
    return any(_is_external(step.kind) and step.exit != "exhausted" for step in recorded)


class Walk:
    """One walk of a run, or of one part of it, through a program.

    Where `stand_in` knows the outcome of a visit, its node does nothing.
    """

    def __init__(
        self,
        program: Program,
        case: Case,
        tools: Toolbox,
        journal: Log,
        *,
        part: int = 0,
        stand_in: StandIn | None = None,
    ) -> None:
        self.program = program
        self.case = case
        self.tools = tools
        self.journal = journal
        self.part = part
        self._stand_in = stand_in
        self._taken = 0

    async def run(self, state: Mapping[str, Json] | None = None) -> Stop:
        """Walk from the entry to an end or a wait; raises `RunFailed`, `Fenced`, `Superseded`.

        `state` is what the run begins with, by default what its case says.
        """
        path = _Path(state=dict(state or entry_state(self.tools, self.case)), part=self.part)
        try:
            return await self._walk(self.program.workflow.entry, path)
        except RunFailed as failed:
            failed.state = path.state
            raise

    async def classify(self) -> dict[str, Json]:
        """Run the workflow's first `classify` node alone and return the state it leaves."""
        path = _Path(state=entry_state(self.tools, self.case))
        nodes = self.program.workflow.nodes
        name = next((name for name, spec in nodes.items() if spec.kind == "classify"), None)
        if name is not None:
            await self._visit(name, path, inside=False)
        return path.state

    async def _walk(self, node: str, path: _Path) -> Stop:
        while True:
            try:
                stop = await self._follow(node, path)
            except _Leave as leave:
                node = leave.target
                path.state["failure"] = leave.path.state["failure"]
                path.is_failing = leave.path.is_failing
                continue
            assert isinstance(stop, Stop)  # noqa: S101
            return stop

    async def _follow(self, node: str, path: _Path, *, inside: bool = False) -> Stop | str:
        """Walk until a stop, or until the join that closes the region it is inside of."""
        has_joined = False
        while True:
            kind = self._spec(node).kind
            if inside and kind == "join" and not has_joined:
                return node
            outcome, place = await self._visit(node, path, inside=inside)
            if outcome.end or outcome.wait:
                return Stop(state=path.state, end=outcome.end, wait=outcome.wait, place=place)
            # The join that closes a region within this one is passed like any other node.
            has_joined = kind == "fork" and outcome.exit not in COMMON_EXITS
            if has_joined:
                node = await self._fork(node, path)
            else:
                node = self._next(node, outcome.exit or "")

    async def _fork(self, node: str, path: _Path) -> str:
        exits = node_kinds.get("fork").exits(self.program.configs[node])
        starts = [self._next(node, exit) for exit in exits]
        branches = [path.branch() for _ in starts]
        tasks = [
            asyncio.ensure_future(self._follow(start, branch, inside=True))
            for start, branch in zip(starts, branches, strict=True)
        ]
        try:
            joins = await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            # A sibling that is in the middle of something is let go only when it has stopped.
            await asyncio.gather(*tasks, return_exceptions=True)
            _count_visits(path, branches)
            raise
        path.join(branches)
        _count_visits(path, branches)
        join = joins[0]
        assert isinstance(join, str)  # noqa: S101
        return join

    async def _visit(self, node: str, path: _Path, *, inside: bool) -> tuple[Outcome, Place]:
        path.visits[node] += 1
        place = Place(part=path.part, node=node, visit=path.visits[node])
        outcome = await self._outcome(self._spec(node), place, path)
        if outcome.exit != "error":
            path.take(outcome.updates, seals=self._seals(node, outcome.exit))
            return outcome, place
        failure = dict(outcome.notes)
        if "error" not in self._spec(node).exits:
            if path.is_failing or self.program.workflow.on_failure is None:
                raise RunFailed(node, str(failure.get("error")))
            path.is_failing = True
        path.state["failure"] = failure
        if inside:
            raise _Leave(self._next(node, "error"), path)
        return outcome, place

    async def _outcome(self, spec: NodeSpec, place: Place, path: _Path) -> Outcome:
        done = self.journal.finished(place)
        if done is not None and self._leads_on(spec, done):
            return self._replay(spec, done)
        self._taken += 1
        if self._taken > MAX_STEPS:
            raise RunFailed(spec.name, f"more than {MAX_STEPS} steps")
        if spec.max_visits is not None and place.visit > spec.max_visits:
            return self._record(spec, place, Outcome(exit="exhausted"))
        if self._stand_in and (known := self._stand_in(spec, place, path.state)):
            return self._record(spec, place, _unless_unchecked(spec, known, path))
        return await self._perform(spec, place, path)

    async def _perform(self, spec: NodeSpec, place: Place, path: _Path) -> Outcome:
        was_started = self.journal.was_started(place)
        step = self.journal.begin(place, spec.kind)
        visit = Visit(
            part=place.part,
            node=place.node,
            number=place.visit,
            state=dict(path.state),
            case=self.case,
            tools=self.tools,
            was_started=was_started,
            record_start=partial(self.journal.record_start, place, binds=_is_external(spec.kind)),
        )
        try:
            attempted = await self._attempt(spec, step, visit)
            outcome = _unless_unchecked(spec, attempted, path)
            if outcome is not attempted:
                log.warning(
                    "draft kept back", extra={"node": spec.name, "run": self.journal.run.id}
                )
        except (Fenced, DatabaseAway, asyncio.CancelledError):
            raise
        except Exception as error:
            # Whatever a node does, its run goes on by its error exit.
            log.exception("node failed", extra={"node": spec.name, "run": self.journal.run.id})
            outcome = _failed(spec.name, error)
        recorded = self._record(spec, place, outcome, step)
        await self.journal.record_finish(place)
        return recorded

    async def _attempt(self, spec: NodeSpec, step: Step, visit: Visit) -> Outcome:
        config = self.program.configs[spec.name]
        node = node_kinds.get(spec.kind)(config)
        limit = (spec.timeout or node.timeout).total_seconds()

        def count(state: RetryCallState) -> None:
            step.attempt = state.attempt_number

        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(spec.retries + 1),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            retry=retry_if_exception(_may_work_later),
            before=count,
            reraise=True,
        ):
            with attempt:
                async with asyncio.timeout(limit):
                    outcome = await node.run(visit)
                _require_sense(outcome, node, config)
        return outcome

    def _record(
        self, spec: NodeSpec, place: Place, outcome: Outcome, step: Step | None = None
    ) -> Outcome:
        step = step or self.journal.begin(place, spec.kind)
        failed = outcome.exit == "error"
        step.status = "failed" if failed else ("started" if outcome.wait else "finished")
        step.exit = outcome.exit or (outcome.end.kind if outcome.end else None)
        step.input = dict(outcome.input) or None
        step.output = {**outcome.updates, **outcome.notes} or None
        step.error = str(outcome.notes.get("error")) if failed else None
        self.journal.finish(place, step, binds=_binds(spec, outcome))
        self.tools.telemetry.count(
            "steps", kind=spec.kind, exit=step.exit or "waiting", status=step.status
        )
        self.tools.telemetry.time("step_seconds", (step.ms or 0) / 1000, kind=spec.kind)
        return outcome

    def _leads_on(self, spec: NodeSpec, step: Step) -> bool:
        """Tell whether a step left by an exit; one that ended its path does so anew."""
        exits = node_kinds.get(spec.kind).exits(self.program.configs[spec.name])
        return step.exit in (*exits, "error", "exhausted")

    def _replay(self, spec: NodeSpec, step: Step) -> Outcome:
        output = step.output or {}
        written = node_kinds.get(spec.kind).writes(self.program.configs[spec.name])
        updates = {name: value for name, value in output.items() if name in written}
        return Outcome(exit=step.exit, updates=updates, notes=output)

    def _seals(self, node: str, exit: str | None) -> bool | None:
        if exit is None or exit in COMMON_EXITS:
            return None
        return node_kinds.get(self._spec(node).kind).seals(self.program.configs[node], exit)

    def _spec(self, node: str) -> NodeSpec:
        return self.program.workflow.nodes[node]

    def _next(self, node: str, exit: str) -> str:
        target = self._spec(node).target(exit)
        if target is None and exit == "error":
            target = self.program.workflow.on_failure
        if target is None:
            raise RunFailed(node, f"its exit {exit!r} leads nowhere")
        return target


def _count_visits(path: _Path, branches: Iterable[_Path]) -> None:
    for branch in branches:
        path.visits |= branch.visits


def _may_work_later(error: BaseException) -> bool:
    if isinstance(error, TemporaryFailure):
        return not error.in_doubt
    return isinstance(error, Exception) and not isinstance(
        error, Fenced | DatabaseAway | PermanentFailure
    )


def _require_sense(outcome: Any, node: Node, config: Any) -> None:
    if not isinstance(outcome, Outcome):
        raise TypeError(f"it returned {type(outcome).__name__} in place of an outcome")
    is_end = outcome.end is not None or outcome.wait is not None
    if not is_end and outcome.exit not in node.exits(config):
        raise ValueError(f"it left by {outcome.exit!r}, which is none of its exits")
    if foreign := set(outcome.updates) - node.writes(config):
        raise ValueError(f"it wrote {', '.join(sorted(foreign))}, which it does not declare")
    written = [outcome.updates, outcome.input, outcome.notes]
    # PostgreSQL holds neither zero bytes nor half characters, nor numbers that are none.
    json.dumps(written, ensure_ascii=False, allow_nan=False).encode()
    if "\\u0000" in json.dumps(written):
        raise ValueError("it returned a zero byte")


def _binds(spec: NodeSpec, outcome: Outcome) -> bool:
    return _is_external(spec.kind) and outcome.exit not in ("error", "exhausted")


def _is_external(kind: str) -> bool:
    if kind not in node_kinds:
        return False
    node = node_kinds.get(kind)
    return node.touches == "external" and not node.waits


def _unless_unchecked(spec: NodeSpec, outcome: Outcome, path: _Path) -> Outcome:
    """Return the outcome, or a failure where it would send what nobody has let pass."""
    end = outcome.end
    if end is None or end.kind != "send" or path.may_send(end.draft):
        return outcome
    return _failed(spec.name, PermanentFailure(UNCHECKED))


def _failed(node: str, error: Exception) -> Outcome:
    return Outcome(exit="error", notes={"node": node, "error": describe(error)})
