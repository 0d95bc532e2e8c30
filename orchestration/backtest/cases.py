"""Regression cases: a run kept as what every later version must decide alike."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from sqlalchemy import Connection

from orchestration import store
from orchestration.backtest import Judging
from orchestration.backtest.decisions import OPEN, Decision, Judge
from orchestration.backtest.quiet import apart
from orchestration.backtest.recall import Then
from orchestration.backtest.replays import read_turn
from orchestration.context import Toolbox
from orchestration.engine import Program
from orchestration.errors import BadInput, Conflict, NotFound
from orchestration.models import RegressionCase
from orchestration.nodes import node_kinds
from orchestration.programs import Programs
from orchestration.store import RecordedStep, RecordedTurn
from orchestration.types import Json

LONGEST_NAME = 100
_PINNED = ("route", "end")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a version made of a case; `failure` is one plain sentence, None where it passes.

    `unknown` says from where on nobody can tell, where the recording ends.
    """

    name: str
    failure: str | None
    unknown: str | None


class Cases:
    """Makes cases of runs, and tries versions on them."""

    def __init__(self, tools: Toolbox, programs: Programs) -> None:
        self._tools = tools
        self._programs = programs

    async def add(
        self, run: str, name: str, *, author: str, keep_words: bool = False
    ) -> RegressionCase:
        """Keep a run as a case, without the customer's words unless they are asked for.

        Raises `Conflict` where the run cannot be replayed, or where its own version does not decide
        the case as it decided the run, be it for want of the words.
        """
        if not 0 < len(name.strip()) <= LONGEST_NAME:
            raise BadInput(f"a name has 1 to {LONGEST_NAME} characters", field="name")
        turn = await read_turn(self._tools, run)
        program = await self._programs.get(turn.workflow, turn.version)
        whole = _recording(turn, program)
        case = RegressionCase(
            workflow=turn.workflow,
            name=name.strip(),
            run_id=run,
            conversation_id=turn.conversation_id,
            is_redacted=not keep_words,
            recording=whole if keep_words else store.redacted(whole),
            expected={"route": turn.route, "end": turn.outcome},
            author=author,
            created_at=self._tools.clock(),
        )
        [result] = await self._try(program, [case])
        if result.failure or result.unknown:
            words = "" if keep_words else "without its words "
            why = result.failure or result.unknown
            raise Conflict(f"{words}the run {run} is not decided as it was: {why}")
        await self._write([case], author, "case.added")
        return case

    async def of(self, workflow: str) -> list[RegressionCase]:
        """Return the cases of a workflow by name."""
        return await self._tools.database.read(lambda c: store.list_regressions(c, workflow))

    async def remove(self, workflow: str, name: str, *, author: str) -> None:
        """Remove a case; raises `NotFound`."""
        now = self._tools.clock()

        def remove(connection: Connection) -> None:
            if not store.remove_regression(connection, workflow, name):
                raise NotFound(f"the workflow {workflow!r} has no case named {name!r}")
            _audit(connection, workflow, [name], author, "case.removed", now)

        await self._tools.database.write(remove, durable=True)

    async def take_in(self, text: str, *, author: str) -> Sequence[str]:
        """Keep the cases of a YAML text, in place of those of their names; returns their names."""
        cases = read_cases(text, author=author, now=self._tools.clock())
        await self._write(cases, author, "case.added")
        return [case.name for case in cases]

    async def try_all(
        self, program: Program, cases: Sequence[RegressionCase] | None = None
    ) -> list[Result]:
        """Return what a version makes of these cases, or of all of its workflow."""
        return await self._try(
            program, await self.of(program.workflow.name) if cases is None else cases
        )

    async def failures(self, program: Program) -> Sequence[str]:
        """Return one sentence for each case that a version fails."""
        results = await self.try_all(program)
        return [f"{one.name}: {one.failure}" for one in results if one.failure]

    async def _try(self, program: Program, cases: Sequence[RegressionCase]) -> list[Result]:
        judge = await Judging(self._tools, self._programs, program).judge([])
        return await apart(_try_all, judge, cases)

    async def _write(self, cases: Sequence[RegressionCase], author: str, action: str) -> None:
        now = self._tools.clock()

        def write(connection: Connection) -> None:
            for case in cases:
                store.put_regression(connection, case)
            for workflow in sorted({case.workflow for case in cases}):
                names = [case.name for case in cases if case.workflow == workflow]
                _audit(connection, workflow, names, author, action, now)

        await self._tools.database.write(write, durable=True)


def _audit(
    connection: Connection,
    workflow: str,
    names: Sequence[str],
    actor: str,
    action: str,
    now: datetime,
) -> None:
    # A name is the admin's, but nobody keeps them from putting a customer's words into it.
    details = {"cases": [store.sha256(name) for name in names]}
    store.record_audit(
        connection,
        actor=actor,
        action=action,
        subject=f"workflow {workflow}",
        details=details,
        now=now,
    )


async def _try_all(judge: Judge, cases: Sequence[RegressionCase]) -> list[Result]:
    return [await _try_one(judge, case) for case in cases]


async def _try_one(judge: Judge, case: RegressionCase) -> Result:
    decision = await judge.decide(_turn(case), _then(case.recording["configs"]))
    is_open = decision.end == OPEN
    return Result(
        name=case.name,
        failure=_failure(decision, case.expected),
        unknown=decision.unknown if is_open else None,
    )


def _failure(decision: Decision, expected: Mapping[str, Json]) -> str | None:
    """Say what is not as it should be; what was never recorded is not held against a version."""
    found = {"route": decision.route, "rule": decision.rule, "end": _end(decision)}
    wrong = [
        f"its {name} is {found[name]}, must be {wanted}"
        for name, wanted in expected.items()
        if found[name] != wanted and not (name == "end" and decision.end == OPEN)
    ]
    if not wrong:
        return None
    return "; ".join([*wrong, decision.because] if decision.because else wrong)


def _end(decision: Decision) -> str:
    """Return how it ends in the words of a run's record."""
    return {"failed": "escalate", "approve": "escalate"}.get(decision.end, decision.end)


def _recording(turn: RecordedTurn, program: Program) -> dict[str, Json]:
    """Return all of a turn that deciding it needs, as plain JSON."""
    taken = {step.node for step in turn.steps}
    nodes = program.workflow.nodes
    return {
        "text": turn.text,
        "at": turn.at.isoformat(),
        "fingerprint": turn.fingerprint,
        "entry": dict(turn.entry),
        "parts": turn.parts,
        "classification": turn.classification,
        "configs": {
            name: {"kind": nodes[name].kind, "config": dict(nodes[name].config)}
            for name in nodes
            if name in taken
        },
        "steps": [_step(step) for step in turn.steps],
    }


def _step(step: RecordedStep) -> dict[str, Json]:
    kept = {name: value for name, value in asdict(step).items() if name != "costs"}
    # The brief of a case repeats the whole conversation, and decides nothing.
    output = {name: value for name, value in (step.output or {}).items() if name != "brief"}
    return {**kept, "output": output or None}


def _turn(case: RegressionCase) -> RecordedTurn:
    recording = case.recording
    return RecordedTurn(
        run_id=case.run_id or case.name,
        conversation_id=case.conversation_id or "",
        workflow=case.workflow,
        version=0,
        text=recording["text"],
        at=datetime.fromisoformat(recording["at"]),
        status="done",
        purpose="answer",
        outcome=case.expected.get("end"),
        route=case.expected.get("route"),
        rule=None,
        rules_tried=None,
        classification=recording.get("classification"),
        fingerprint=recording.get("fingerprint"),
        entry=recording.get("entry") or {},
        parts=recording.get("parts"),
        cost=Decimal(0),
        was_with_human=case.expected.get("end") == "escalate",
        steps=tuple(RecordedStep(**step, costs={}) for step in recording["steps"]),
        is_redacted=case.is_redacted,
    )


def _then(configs: Mapping[str, Json]) -> Then:
    """Return what the nodes were; one whose kind or config is no more is left out."""
    found: dict[str, tuple[str, Any]] = {}
    for name, one in configs.items():
        if one["kind"] not in node_kinds:
            continue
        try:
            config = node_kinds.get(one["kind"]).Config.model_validate(one["config"])
        except ValidationError:
            continue
        found[name] = (one["kind"], config)
    return found


def write_cases(cases: Sequence[RegressionCase]) -> str:
    """Return cases as YAML that `read_cases` takes."""
    yaml = YAML()
    yaml.width = 120
    text = io.StringIO()
    yaml.dump([_document(case) for case in cases], text)
    return text.getvalue()


def _document(case: RegressionCase) -> dict[str, Json]:
    names = ("workflow", "name", "run_id", "conversation_id", "is_redacted")
    told = {name: getattr(case, name) for name in names}
    return {**told, "expected": case.expected, "recording": case.recording}


def read_cases(text: str, *, author: str, now: datetime) -> list[RegressionCase]:
    """Read cases; raises `BadInput` naming the case and field that is wrong."""
    try:
        rows = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise BadInput(f"the cases cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(rows, list):
        raise BadInput("cases are a list, such as `frontdesk workflow cases` writes it")
    return [_read(row, number, author, now) for number, row in enumerate(rows, start=1)]


def _read(row: Json, number: int, author: str, now: datetime) -> RegressionCase:
    where = f"case {number}"
    for name, kind in (("workflow", str), ("name", str), ("expected", dict), ("recording", dict)):
        if not isinstance(row, dict) or not isinstance(row.get(name), kind):
            raise BadInput(f"{where}: {name} must be a {kind.__name__}", field=f"{where}.{name}")
    if unknown := sorted(set(row["expected"]) - {*_PINNED, "rule"}):
        raise BadInput(f"{where}: expected has no {', '.join(unknown)}", field=f"{where}.expected")
    case = RegressionCase(
        workflow=row["workflow"],
        name=row["name"],
        run_id=row.get("run_id"),
        conversation_id=row.get("conversation_id"),
        is_redacted=bool(row.get("is_redacted")),
        recording=row["recording"],
        expected=row["expected"],
        author=author,
        created_at=now,
    )
    try:
        _turn(case), _then(case.recording["configs"])
    except (KeyError, TypeError, ValueError) as error:
        field = f"{where}.recording"
        raise BadInput(f"{field} is not as it was written: {error}", field=field) from error
    return case
