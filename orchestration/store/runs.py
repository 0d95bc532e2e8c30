"""Runs and their steps: the log of record and the journal a crashed run resumes from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from orchestration.models import Approval, Message, Run, Step, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import Hold, approvals, messages, runs
from orchestration.types import RunId

steps = table(Step)


def start_run(
    connection: Connection,
    held: Hold,
    *,
    workflow: str,
    version: int,
    turn: Sequence[Message],
    is_final: bool,
    now: datetime,
) -> Run:
    """Record a run over these messages, at the revision of this moment."""
    current = conversations.hold(connection, held)
    run = Run(
        id=rows.new_id(),
        conversation_id=current.id,
        workflow=workflow,
        version=version,
        revision=current.revision,
        is_final=is_final,
        text="\n".join(message.text for message in turn if message.text),
        messages=[message.id for message in turn],
        started_at=now,
    )
    rows.add(connection, run)
    return run


def find_unfinished(connection: Connection, conversation: str) -> Run | None:
    """Return the run to go on with: the running one, else a waiting one that was decided on."""
    running = rows.find(
        connection, Run, runs.c.conversation_id == conversation, runs.c.status == "running"
    )
    if running:
        return running
    decided = select(approvals.c.id).where(
        approvals.c.run_id == runs.c.id, approvals.c.status != "open"
    )
    return rows.find(
        connection,
        Run,
        runs.c.conversation_id == conversation,
        runs.c.status == "waiting",
        decided.exists(),
    )


def find_waiting(connection: Connection, conversation: str) -> Run | None:
    """Return the run that waits for an approval, if there is one."""
    return rows.find(
        connection, Run, runs.c.conversation_id == conversation, runs.c.status == "waiting"
    )


def resume_run(connection: Connection, held: Hold, run: Run) -> Run:
    """Note that a run is taken up again; counts how often without a new step in between."""
    conversations.hold(connection, held)
    recorded = count_steps(connection, run.id)
    resumes = run.resumes + 1 if run.steps_at_resume == recorded else 1
    if run.status == "waiting":
        resumes = 0
    change_run(connection, run.id, status="running", resumes=resumes, steps_at_resume=recorded)
    return rows.get(connection, Run, run.id)


def change_run(connection: Connection, run: str, **values: Any) -> None:
    """Set columns of a run."""
    connection.execute(update(runs).where(runs.c.id == run).values(**values))


def supersede_run(connection: Connection, run: str, *, now: datetime) -> None:
    """End a run whose turn starts again with newer messages."""
    change_run(connection, run, status="superseded", finished_at=now)
    _give_back(connection, messages.c.turn_id == run)


def count_steps(connection: Connection, run: str) -> int:
    """Return how many steps of the run are on record."""
    statement = select(func.count()).select_from(steps).where(steps.c.run_id == run)
    return int(connection.execute(statement).scalar_one())


def record_steps(connection: Connection, recorded: Sequence[Step]) -> None:
    """Write steps; one that is on record as started is completed."""
    for step in recorded:
        rows.put(connection, step)


def list_steps(connection: Connection, run: str) -> list[Step]:
    """Return a run's steps in the order they were begun."""
    return rows.fetch(
        connection, Step, select(steps).where(steps.c.run_id == run).order_by(steps.c.position)
    )


def list_runs(
    connection: Connection,
    *,
    conversation: str | None = None,
    route: str | None = None,
    status: str | None = None,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[Run]:
    """Return runs, newest first, after a cursor."""
    wanted = {"conversation_id": conversation, "route": route, "status": status}
    conditions = [runs.c[name] == value for name, value in wanted.items() if value is not None]
    if before:
        moment, id = before
        earlier = or_(runs.c.started_at < moment, (runs.c.started_at == moment) & (runs.c.id < id))
        conditions.append(earlier)
    statement = (
        select(runs)
        .where(*conditions)
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(limit)
    )
    return rows.fetch(connection, Run, statement)


def last_run(connection: Connection, conversation: str) -> Run | None:
    """Return the conversation's newest finished run."""
    statement = (
        select(runs)
        .where(runs.c.conversation_id == conversation, runs.c.status.in_(("done", "failed")))
        .order_by(runs.c.started_at.desc())
        .limit(1)
    )
    found = rows.fetch(connection, Run, statement)
    return found[0] if found else None


def open_approval(connection: Connection, approval: Approval) -> None:
    """Put a draft before a human; the run waits. Opening it again changes nothing."""
    rows.add_unless_there(connection, approval)


def find_approval(
    connection: Connection, run: RunId, part: int, node: str, visit: int
) -> Approval | None:
    """Return the approval that a step opened."""
    return rows.find(
        connection,
        Approval,
        approvals.c.run_id == run,
        approvals.c.part == part,
        approvals.c.node == node,
        approvals.c.visit == visit,
    )


def expire_approvals(connection: Connection, conversation: str, now: datetime) -> None:
    """Close the approvals whose time is over."""
    connection.execute(
        update(approvals)
        .where(
            approvals.c.conversation_id == conversation,
            approvals.c.status == "open",
            approvals.c.expires_at <= now,
        )
        .values(status="expired", decided_at=now)
    )


def withdraw_approvals(connection: Connection, conversation: str, now: datetime) -> None:
    """Withdraw the drafts that wait, and end the runs that wait for them.

    Their messages are without a turn again.
    """
    waiting = select(runs.c.id).where(
        runs.c.conversation_id == conversation, runs.c.status == "waiting"
    )
    _give_back(connection, messages.c.turn_id.in_(waiting))
    connection.execute(
        update(approvals)
        .where(approvals.c.conversation_id == conversation, approvals.c.status == "open")
        .values(status="withdrawn", decided_at=now)
    )
    connection.execute(
        update(runs)
        .where(runs.c.conversation_id == conversation, runs.c.status == "waiting")
        .values(status="superseded", finished_at=now)
    )


def _give_back(connection: Connection, condition: ColumnElement[bool]) -> None:
    connection.execute(update(messages).where(condition).values(turn_id=None))


def list_approvals(
    connection: Connection,
    *,
    status: str | None,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[Approval]:
    """Return approvals, newest first, after a cursor."""
    conditions = [approvals.c.status == status] if status else []
    if before:
        moment, id = before
        same_moment = (approvals.c.created_at == moment) & (approvals.c.id < id)
        conditions.append(or_(approvals.c.created_at < moment, same_moment))
    statement = (
        select(approvals)
        .where(*conditions)
        .order_by(approvals.c.created_at.desc(), approvals.c.id.desc())
        .limit(limit)
    )
    return rows.fetch(connection, Approval, statement)
