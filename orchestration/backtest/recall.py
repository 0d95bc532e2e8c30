"""What a recorded turn knows of the steps a version would take, in place of their being done."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from orchestration import escalation, judging, quality, responses
from orchestration.backtest.quiet import HasTier
from orchestration.engine import Program
from orchestration.errors import NotAllowed
from orchestration.journal import Place
from orchestration.models import Run, Step
from orchestration.nodes import End, Outcome, Wait, draft_in, node_kinds, proposal_in
from orchestration.shop import Shop
from orchestration.state import ENTRY_FIELDS
from orchestration.store import RecordedStep, RecordedTurn
from orchestration.types import Draft, Json
from orchestration.workflow import NodeSpec

State = Mapping[str, Json]
# The kind and config that each node had when a turn was recorded.
Then = Mapping[str, tuple[str, Any]]

# These decide by what the run knows and nothing else, so they are done anew.
DECIDED_ANEW = frozenset({"route", "branch", "fork", "join", "close", "output"})
# Stands for what a source would have said, where it was not asked.
UNRECORDED = "not recorded"
_NO_MODEL = "abstained: no model is configured"


class Unknown(Exception):
    """The recording holds no outcome for a visit, so the way from here on can only be estimated.

    `responder` is the place, in a reply's list, of the first one that has not answered before.
    `needs_reading` says that the message would have to be classified for it.
    """

    def __init__(
        self, node: str, reason: str, *, responder: int = 0, needs_reading: bool = False
    ) -> None:
        super().__init__(reason)
        self.node = node
        self.reason = reason
        self.responder = responder
        self.needs_reading = needs_reading


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A step that a version would have done otherwise, where what was recorded is kept instead.

    `is_paid` says that a model would have been asked.
    """

    node: str
    reason: str
    is_paid: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """All that a walk over a recording needs of its run."""

    id: str


@dataclass(kw_only=True, slots=True)
class TakenStep:
    """What a walk notes of a step: a `Step` without a row, which would cost more than the walk."""

    part: int
    node: str
    visit: int
    position: int
    kind: str
    status: str = "started"
    exit: str | None = None
    attempt: int = 1
    ms: float | None = None
    input: Json = None
    output: Json = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a responder made of the turn; without an `exit` it abstained."""

    result: str
    exit: str | None
    output: Mapping[str, Json]
    cost: Decimal


@dataclass(frozen=True, kw_only=True)
class _Visited:
    """A recorded step, the config its node had then, and the state it found."""

    step: RecordedStep
    config: Any
    before: State


class Recording:
    """Stands in for every node that would read, ask or change something, and keeps the steps.

    Nothing paid or external can begin in it. `cost` is what the recorded steps it gave cost.
    """

    def __init__(
        self,
        turn: RecordedTurn,
        *,
        then: Then,
        now: Program,
        shop: Shop,
        has_tier: HasTier,
        part: int = 0,
        text: str | None = None,
    ) -> None:
        self.turn = turn
        self.part = part
        self.text = turn.text if text is None else text
        self.run = cast("Run", _Named(id=turn.run_id))
        self.entry = _entry(turn, shop)
        self.steps: list[TakenStep] = []
        self.cost = Decimal(0)
        self.asked_human = False
        self.doubts: list[Doubt] = []
        self.routed: tuple[str, State] | None = None
        self._begun = 0
        self._now = now
        self._shop = shop
        self._has_tier = has_tier
        self._visited = list(_visited(turn, then, self.entry))
        self._answers = {key: answer for one in self._visited for key, answer in _answers(one)}
        self._kinds: Mapping[str, Callable[[NodeSpec, Place, Any, State], Outcome]] = {
            "classify": self._classify,
            "enrich": self._enrich,
            "reply": self._reply,
            "check": self._check,
            "approve": self._approve,
            "send": self._send,
            "escalate": self._escalate,
        }

    def stand_in(self, spec: NodeSpec, place: Place, state: State) -> Outcome | None:
        """Return the outcome of a visit as recorded, or None for what is decided anew.

        Raises `Unknown`.
        """
        config = self._now.configs[spec.name]
        if spec.kind in DECIDED_ANEW:
            self._require(spec, config, state)
            if spec.kind == "route":
                self.routed = (spec.name, dict(state))
            return None
        if failed := self._find(spec, place, config, state, status="failed"):
            return self._give(failed, config)
        try:
            return self._kinds.get(spec.kind, self._as_recorded)(spec, place, config, state)
        except KeyError as missing:
            error = f"there is no {missing.args[0]} in the run's state"
            return Outcome(exit="error", notes={"node": spec.name, "error": error})

    def finished(self, place: Place) -> Step | None:
        """Nothing is done before a walk over a recording begins."""
        return None

    def was_started(self, place: Place) -> bool:
        """Nothing is under way either."""
        return False

    def begin(self, place: Place, kind: str) -> Step:
        """Note that a step begins."""
        self._begun += 1
        taken = TakenStep(
            part=place.part,
            node=place.node,
            visit=place.visit,
            position=self._begun,
            kind=kind,
        )
        return cast("Step", taken)

    def finish(self, place: Place, step: Step, *, binds: bool) -> None:
        """Keep a step that has ended."""
        self.steps.append(cast("TakenStep", step))

    async def record_start(self, place: Place, *, binds: bool) -> None:
        """Refuse: what costs or changes something is never begun over a recording."""
        raise NotAllowed(f"{place.node} would begin something, and this is only a recording")

    async def record_finish(self, place: Place) -> None:
        """Nothing was begun."""

    def _require(self, spec: NodeSpec, config: Any, state: State) -> None:
        needed = node_kinds.get(spec.kind).reads(config)
        if missing := sorted(name for name in needed if name not in state):
            raise Unknown(spec.name, f"{', '.join(missing)} was not recorded for this turn")

    def _give(self, visited: _Visited, config: Any, *, is_paid: bool = True) -> Outcome:
        step, output = visited.step, visited.step.output or {}
        self.cost += step.cost if is_paid else 0
        written = node_kinds.get(step.kind).writes(config)
        return Outcome(
            exit=step.exit,
            updates={name: value for name, value in output.items() if name in written},
            notes={name: value for name, value in output.items() if name not in written},
            input=step.input or {},
        )

    def _find(
        self, spec: NodeSpec, place: Place, config: Any, state: State, *, status: str = "finished"
    ) -> _Visited | None:
        """Return a recorded visit of the same node, with the same config, that read the same."""
        read = node_kinds.get(spec.kind).reads(config)
        for one in self._visited:
            step = one.step
            is_same = (step.part, step.node, step.kind) == (place.part, spec.name, spec.kind)
            if (
                is_same
                and step.status == status
                and one.config == config
                and all(one.before.get(name) == state.get(name) for name in read)
            ):
                return one
        return None

    def _of_kind(self, kind: str, part: int) -> list[_Visited]:
        return [one for one in self._visited if (one.step.kind, one.step.part) == (kind, part)]

    def _as_recorded(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        found = self._find(spec, place, config, state)
        if found is None:
            raise Unknown(spec.name, f"what {spec.name} would have led to was not recorded")
        return self._give(found, config)

    def _classify(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        known = self._of_kind("classify", place.part)
        if not known:
            raise Unknown(spec.name, "the turn was never classified", needs_reading=True)
        asked, would_ask = _was_asked(known[0]), self._would_ask(known[0], config)
        if bool(asked) != would_ask or (asked and not _is_asked_alike(asked, known[0], config)):
            reason = f"whether {spec.name} asks a model has changed; the classification is kept"
            self.doubts.append(
                Doubt(node=spec.name, reason=reason, is_paid=would_ask and not asked)
            )
        return self._give(known[0], config, is_paid=would_ask)

    def _would_ask(self, known: _Visited, config: Any) -> bool:
        """Tell whether the tier would be asked, by what the local classifier said."""
        if not config.ask or not self._has_tier(config.ask) or not self.text.strip():
            return False
        output = known.step.output or {}
        local = (output.get("asked") or {}).get("local") or output
        is_low = local.get("confidence", 0) < (config.min_confidence or 0)
        return bool(is_low or local.get("out_of_scope"))

    def _enrich(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        found: dict[str, Json] = {}
        known = self._of_kind("enrich", place.part)
        for one in known:
            found |= (one.step.output or {}).get("enriched") or {}
        enriched = {source: found.get(source, UNRECORDED) for source in config.sources}
        if known and known[0].config == config:
            return self._give(known[0], config)
        updates = {"enriched": enriched}
        return Outcome(exit="done", updates=updates, input={"sources": list(config.sources)})

    def _reply(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        tried: list[Json] = list(state.get("tried") or ())
        shown = self._shown(place.part)
        for number, name in enumerate(config.responders):
            answer = self._answer(name, place.part, state)
            if answer is None:
                reason = f"what {name} would have answered is not known: it was not asked then"
                raise Unknown(spec.name, reason, responder=number)
            self.cost += answer.cost
            tried.append({"node": spec.name, "responder": name, "result": answer.result})
            if answer.exit:
                drafted = {name: answer.output.get(name) for name in ("draft", "proposal")}
                return Outcome(exit=answer.exit, updates={**drafted, "tried": tried}, input=shown)
        return Outcome(exit="abstained", updates={"tried": tried}, input=shown)

    def _answer(self, name: str, part: int, state: State) -> _Answer | None:
        known = self._answers.get((part, name, _context(name, state)))
        has_model = name in responses.RESPONDERS or self._has_tier(name)
        if not has_model:
            return known or _Answer(result=_NO_MODEL, exit=None, output={}, cost=Decimal(0))
        return None if known and known.result == _NO_MODEL else known

    def _shown(self, part: int) -> Mapping[str, Json]:
        """Return what any reply of the turn was shown."""
        known = self._of_kind("reply", part)
        return (known[0].step.input or {}) if known else {}

    def _check(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        draft = draft_in(state)
        for one in self._of_kind("check", place.part):
            if one.config == config and (one.step.input or {}).get("draft") == draft.text:
                return self._give(one, config)
        if self.turn.is_redacted:
            raise Unknown(spec.name, "its words are redacted, so they cannot be checked otherwise")
        verdict = quality.check(
            draft,
            question=self.text,
            language=draft.language,
            link_domains=self._shop.link_domains,
            order_number=self._shop.order_number,
            own_orders=self._shown(place.part).get("orders") or (),
            min_confidence=config.min_confidence,
        )
        if verdict.outcome == "passed" and self._would_be_judged(config):
            raise Unknown(spec.name, f"{config.judge} has not judged this draft before")
        found = {"outcome": verdict.outcome, "reasons": list(verdict.reasons)}
        shown = {"draft": draft.text, "responder": draft.responder}
        return Outcome(exit=verdict.outcome, updates={"verdict": found}, input=shown)

    def _would_be_judged(self, config: Any) -> bool:
        if not config.judge or not self._has_tier(config.judge):
            return False
        return config.sample is None or judging.is_sampled(self.turn.run_id, config.sample)

    def _approve(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        self.asked_human = True
        for one in self._of_kind("approve", place.part):
            shown = (one.step.input or {}).get("draft")
            decided = one.step.status == "finished" and one.step.exit != "escalate"
            if decided and "draft" in state and shown == draft_in(state).text:
                return self._give(one, config)
        draft = draft_in(state) if "draft" in state else Draft(text="", responder=spec.name)
        waits = Wait(draft=draft, proposal=proposal_in(state), reasons=(), expires_at=self.turn.at)
        return Outcome(wait=waits)

    def _send(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        draft = draft_in(state)
        return Outcome(end=End(kind="send", draft=draft), input={"draft": draft.text})

    def _escalate(self, spec: NodeSpec, place: Place, config: Any, state: State) -> Outcome:
        reason = config.reason or escalation.reason_of(state)
        queue = config.queue or escalation.DEFAULT_QUEUE
        shown = {"reason": reason, "queue": queue}
        known = [one for one in self._of_kind("escalate", place.part) if one.step.input == shown]
        notes = (known[0].step.output or {}) if known else {}
        return Outcome(
            end=End(kind="escalate", queue=queue, reason=reason), input=shown, notes=notes
        )


def _was_asked(known: _Visited) -> Mapping[str, Json]:
    """Return the record of a model that was asked what the turn is about; empty where none was."""
    asked: Mapping[str, Json] = (known.step.output or {}).get("asked") or {}
    return {} if asked.get("outcome") == "skipped" else asked


def _is_asked_alike(asked: Mapping[str, Json], known: _Visited, config: Any) -> bool:
    """Tell whether the answer would have counted for as much as it did."""
    then = known.config.min_confidence if known.config else None
    sure = [asked.get("confidence", 0) >= (least or 0) for least in (then, config.min_confidence)]
    return bool(asked.get("tier") == config.ask and sure[0] == sure[1])


def _entry(turn: RecordedTurn, shop: Shop) -> dict[str, Json]:
    """Return what the state began with; what a run of old did not keep, its rules may have."""
    entry = {"within_hours": shop.is_open(turn.at), **turn.entry}
    for step in turn.steps:
        if step.kind in ("route", "branch"):
            read = step.input or {}
            entry |= {name: read[name] for name in ENTRY_FIELDS if name in read}
    return entry


def _visited(turn: RecordedTurn, then: Then, entry: Mapping[str, Json]) -> Iterator[_Visited]:
    """Yield the recorded steps, each with the state that those before it left."""
    states: dict[int, dict[str, Json]] = {}
    for step in turn.steps:
        state = states.setdefault(step.part, dict(entry))
        kind, config = then.get(step.node, (None, None))
        if step.status != "started":
            own = config if kind == step.kind else None
            yield _Visited(step=step, config=own, before=dict(state))
        state.update(step.output or {})


def _answers(visited: _Visited) -> Iterator[tuple[tuple[int, str, Any], _Answer]]:
    """Yield what each responder that a recorded reply tried made of the turn."""
    step, before = visited.step, visited.before
    if step.kind != "reply" or step.status != "finished":
        return
    output = step.output or {}
    tried = (output.get("tried") or ())[len(before.get("tried") or ()) :]
    for number, each in enumerate(tried, start=1):
        has_drafted = number == len(tried) and step.exit in ("drafted", "proposed")
        name = each["responder"]
        answer = _Answer(
            result=each["result"],
            exit=step.exit if has_drafted else None,
            output=output,
            cost=step.costs.get(name, Decimal(0)),
        )
        yield (step.part, name, _context(name, before)), answer


def _context(responder: str, state: State) -> Any:
    """Return what a responder is shown beside the turn itself; None for one without a model."""
    if responder in responses.RESPONDERS:
        return None
    verdict = state.get("verdict") or {}
    last = (state.get("draft") or {}).get("text") if verdict else None
    has_orders = bool((state.get("enriched") or {}).get("orders"))
    return (has_orders, tuple(verdict.get("reasons", ())), last)
