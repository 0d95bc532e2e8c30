"""Walks one recorded turn again, by its own version or by another; nothing is asked or done."""

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy import Connection

from orchestration import store
from orchestration.backtest import Judging
from orchestration.backtest.decisions import Change, Decision, change_of
from orchestration.backtest.recall import TakenStep
from orchestration.backtest.report import kept
from orchestration.catalog import ARTIFACT
from orchestration.context import Toolbox
from orchestration.engine import Program
from orchestration.errors import Conflict, NotFound
from orchestration.programs import Programs
from orchestration.store import RecordedStep, RecordedTurn
from orchestration.types import Json

Version = int | Literal["draft"] | None

# What makes a step the same step; how long it took is another matter.
_COMPARED = ("kind", "status", "exit", "input", "output", "error")


async def replay(
    tools: Toolbox, programs: Programs, run: str, *, version: Version = None
) -> dict[str, Json]:
    """Return the steps of a run walked again, beside those that were recorded.

    Without `version` that is the run's own. Raises `NotFound`, and `Conflict` where the run cannot
    be replayed.
    """
    turn = await read_turn(tools, run)
    program = await _program(tools, programs, turn, version)
    judging = Judging(tools, programs, program)
    await judging.learn()
    judge = await judging.judge([turn])
    decision = await judge.decide(turn)
    is_kept = await tools.database.read(lambda c: _is_kept(c, turn.fingerprint))
    return _document(turn, program, decision, change_of(turn, decision), is_kept=is_kept)


async def read_turn(tools: Toolbox, run: str) -> RecordedTurn:
    """Return a recorded turn that can be walked again; raises `Conflict` for any other."""
    turn = await tools.database.read(lambda c: store.get_recorded(c, run))
    if turn.is_erased:
        raise Conflict(f"the run {run} cannot be replayed: its words have been erased")
    if turn.status not in ("done", "failed"):
        why = f"it is {turn.status}, and only a run that has come to its end"
        raise Conflict(f"the run {run} cannot be replayed: {why} has all of its steps")
    if turn.outcome == "joined" or turn.purpose != "answer":
        why = "a human had the conversation, so no workflow decided it"
        raise Conflict(f"the run {run} cannot be replayed: {why}")
    return turn


async def _program(
    tools: Toolbox, programs: Programs, turn: RecordedTurn, version: Version
) -> Program:
    if version == "draft":
        draft = await tools.database.read(lambda c: store.find_draft(c, turn.workflow))
        if draft is None:
            raise NotFound(f"the workflow {turn.workflow!r} has no draft")
        version = draft.version
    return await programs.get(turn.workflow, turn.version if version is None else version)


def _is_kept(connection: Connection, fingerprint: str | None) -> bool:
    """Tell whether the classifier that read the turn is still the one that is kept."""
    if not fingerprint:
        return False
    return store.find_artifact(connection, ARTIFACT, fingerprint) is not None


def _document(
    turn: RecordedTurn,
    program: Program,
    decision: Decision,
    change: Change | None,
    *,
    is_kept: bool,
) -> dict[str, Json]:
    steps = _side_by_side(turn.steps, decision.steps)
    return {
        "run_id": turn.run_id,
        "text": turn.text,
        "recorded_version": turn.version,
        "version": program.version,
        "equal": all(step["equal"] for step in steps),
        "exact": decision.is_exact,
        "change": kept(change) if change else None,
        "classifier": {"fingerprint": turn.fingerprint, "kept": is_kept},
        "notes": _notes(turn, decision, is_kept=is_kept),
        "steps": steps,
    }


def _notes(turn: RecordedTurn, decision: Decision, *, is_kept: bool) -> list[str]:
    notes = [decision.unknown] if decision.unknown else []
    if not is_kept and decision.needs_reading:
        notes.append("the classifier that read it is gone, so it cannot be read again")
    elif not is_kept:
        notes.append("the classifier that read it is gone; what it said then is what counts here")
    return notes


def _side_by_side(recorded: Sequence[RecordedStep], walked: Sequence[TakenStep]) -> list[Json]:
    """Return every step of both, in the order of the recording, then those that are new."""
    before = {(step.part, step.node, step.visit): step for step in recorded}
    after = {(step.part, step.node, step.visit): step for step in walked}
    return [
        {
            "part": part,
            "node": node,
            "visit": visit,
            **_compared(before.get((part, node, visit)), after.get((part, node, visit))),
        }
        for part, node, visit in {**before, **after}
    ]


def _compared(before: RecordedStep | None, after: TakenStep | None) -> Mapping[str, Json]:
    told = {
        "kind": before.kind if before else after.kind if after else None,
        "exit_before": before.exit if before else None,
        "exit_after": after.exit if after else None,
    }
    if before is None or after is None:
        differs = ["not taken" if after is None else "not recorded"]
    else:
        differs = [name for name in _COMPARED if getattr(before, name) != getattr(after, name)]
    return {**told, "equal": not differs, "differs": differs}
