"""Trials of drafts: who works on them, and what they decided turn by turn."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orchestration.models import Trial, TrialTurn, table
from orchestration.store import rows
from orchestration.store.conversations import runs
from orchestration.types import Json

trials = table(Trial)
trial_turns = table(TrialTurn)


def claim_trial(connection: Connection, id: str, *, now: datetime, until: datetime) -> bool:
    """Take a backtest that nobody works on, from its beginning; tell whether it is ours."""
    lost = and_(trials.c.status == "running", trials.c.leased_until < now)
    taken = connection.execute(
        update(trials)
        .where(trials.c.id == id, or_(trials.c.status == "waiting", lost))
        .values(status="running", leased_until=until, done=0)
    )
    if taken.rowcount != 1:
        return False
    connection.execute(delete(trial_turns).where(trial_turns.c.trial_id == id))
    return True


def list_unfinished_trials(connection: Connection, *, now: datetime) -> list[Trial]:
    """Return the backtests that nobody works on, and the shadows that have not been stopped."""
    is_free = or_(
        trials.c.status == "waiting",
        and_(trials.c.status == "running", trials.c.leased_until < now),
        and_(trials.c.status == "running", trials.c.kind == "shadow"),
    )
    return rows.fetch(
        connection, Trial, select(trials).where(is_free).order_by(trials.c.created_at)
    )


def change_trial(connection: Connection, id: str, **values: Any) -> bool:
    """Set columns of a trial that is running; tell whether it still was."""
    running = update(trials).where(trials.c.id == id, trials.c.status == "running")
    return connection.execute(running.values(**values)).rowcount == 1


def stop_trial(connection: Connection, id: str, *, now: datetime) -> None:
    """End a trial; whoever works on it finds that out at its next batch."""
    values = {"status": "stopped", "finished_at": now, "leased_until": None}
    connection.execute(update(trials).where(trials.c.id == id).values(**values))


def find_shadow(connection: Connection, workflow: str) -> Trial | None:
    """Return the shadow of a workflow that has not been stopped, or None."""
    own = (trials.c.workflow == workflow, trials.c.kind == "shadow", trials.c.status == "running")
    return rows.find(connection, Trial, *own)


def list_trials(
    connection: Connection, *, kind: str, workflow: str | None, limit: int
) -> list[Trial]:
    """Return the newest trials of a kind, newest first."""
    statement = select(trials).where(trials.c.kind == kind)
    if workflow is not None:
        statement = statement.where(trials.c.workflow == workflow)
    newest = statement.order_by(trials.c.created_at.desc(), trials.c.id.desc()).limit(limit)
    return rows.fetch(connection, Trial, newest)


def record_trial_turns(connection: Connection, decided: Sequence[TrialTurn]) -> None:
    """Keep what was decided; a turn that another process has decided already is left alone."""
    if not decided:
        return
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(trial_turns).on_conflict_do_nothing()
    connection.execute(statement, [row.model_dump() for row in decided])


def list_trial_turns(
    connection: Connection,
    trial: str,
    *,
    after: tuple[datetime, str] | None = None,
    only_lost: bool = False,
    only_changed: bool = True,
    limit: int,
) -> list[TrialTurn]:
    """Return decided turns, the oldest first, after a cursor."""
    columns = trial_turns.c
    conditions = [columns.trial_id == trial]
    if only_changed:
        conditions.append(columns.is_changed)
    if only_lost:
        conditions.append(columns.is_lost)
    if after:
        moment, id = after
        later = or_(columns.at > moment, and_(columns.at == moment, columns.run_id > id))
        conditions.append(later)
    ordered = select(trial_turns).where(*conditions).order_by(columns.at, columns.run_id)
    return rows.fetch(connection, TrialTurn, ordered.limit(limit))


def count_trial_turns(connection: Connection, trial: str) -> int:
    """Return how many turns a trial has decided and kept."""
    own = select(func.count()).select_from(trial_turns).where(trial_turns.c.trial_id == trial)
    return int(connection.execute(own).scalar_one())


def newest_end(connection: Connection, trial: str) -> datetime | None:
    """Return when the last of the decided turns ended."""
    ends = select(func.max(runs.c.finished_at)).join(trial_turns, trial_turns.c.run_id == runs.c.id)
    found: datetime | None = connection.execute(
        ends.where(trial_turns.c.trial_id == trial)
    ).scalar()
    return found


def decided_in(trial: str) -> Any:
    """Select the ids of the runs that a trial has decided."""
    return select(trial_turns.c.run_id).where(trial_turns.c.trial_id == trial)


def drop_trials(connection: Connection, *, before: datetime) -> None:
    """Drop the trials that ended before a moment, with what they decided."""
    old = select(trials.c.id).where(trials.c.finished_at < before)
    connection.execute(delete(trial_turns).where(trial_turns.c.trial_id.in_(old)))
    connection.execute(delete(trials).where(trials.c.finished_at < before))


def with_texts(connection: Connection, turns: Sequence[TrialTurn]) -> list[dict[str, Json]]:
    """Return what was decided about turns, each with its message as it is stored now."""
    wanted = [turn.run_id for turn in turns]
    texts = dict(
        connection.execute(select(runs.c.id, runs.c.text).where(runs.c.id.in_(wanted))).all()
    )
    return [
        {**(turn.details or {}), "run_id": turn.run_id, "text": texts[turn.run_id]}
        for turn in turns
    ]
