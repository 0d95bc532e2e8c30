"""Runs and their steps: the log of record and the journal a crashed run resumes from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from orchestration.models import Conversation, Customer, Message, Run, Step, table
from orchestration.store import conversations, rows
from orchestration.store.conversations import Hold, messages, runs

steps = table(Step)

# The channel of runs that another program asked for.
API = "api"
# The purpose and channel of runs that were tried, and of which nothing is kept but what they cost.
SIMULATION = "simulation"


def start_run(
    connection: Connection,
    held: Hold,
    *,
    workflow: str,
    version: int,
    turn: Sequence[Message],
    is_final: bool,
    now: datetime,
    purpose: str = "answer",
    parts: Any = None,
) -> Run:
    """Record a run over these messages, and their parts, at the revision of this moment."""
    current = conversations.hold(connection, held)
    run = Run(
        id=rows.new_id(),
        conversation_id=current.id,
        workflow=workflow,
        version=version,
        revision=current.revision,
        is_final=is_final,
        purpose=purpose,
        text=words_of(turn),
        messages=[message.id for message in turn],
        parts=parts,
        started_at=now,
    )
    rows.add(connection, run)
    return run


def words_of(turn: Sequence[Message]) -> str:
    """Return the text of messages that are answered together."""
    return "\n".join(message.text for message in turn if message.text)


def start_api_run(
    connection: Connection,
    *,
    workflow: str,
    version: int,
    text: str,
    entry: Mapping[str, Any],
    now: datetime,
) -> Run:
    """Record a run with a conversation of its own, due at once; nobody has written in it."""
    id = rows.new_id()
    person = Customer(id=rows.new_id(), source=API, external_id=id, created_at=now)
    rows.add(connection, person)
    conversation = Conversation(
        id=id,
        channel=API,
        external_id=id,
        customer_id=person.id,
        due_at=now,
        created_at=now,
        changed_at=now,
    )
    rows.add(connection, conversation)
    run = Run(
        id=rows.new_id(),
        conversation_id=id,
        workflow=workflow,
        version=version,
        revision=conversation.revision,
        text=text,
        entry=dict(entry),
        started_at=now,
    )
    rows.add(connection, run)
    return run


def add_simulated_run(connection: Connection, tried: Run) -> Run:
    """Record that a run was tried, without its words and steps, so that its calls can be booked."""
    now = tried.started_at
    person = Customer(id=rows.new_id(), source=SIMULATION, external_id=tried.id, created_at=now)
    rows.add(connection, person)
    conversation = Conversation(
        id=rows.new_id(),
        channel=SIMULATION,
        external_id=tried.id,
        customer_id=person.id,
        status="resolved",
        resolution="closed",
        created_at=now,
        changed_at=now,
        resolved_at=now,
    )
    rows.add(connection, conversation)
    run = Run(
        id=tried.id,
        conversation_id=conversation.id,
        workflow=tried.workflow,
        version=tried.version,
        status="failed" if tried.status == "failed" else "done",
        revision=conversation.revision,
        purpose=SIMULATION,
        text="",
        route=tried.route,
        cost=tried.cost,
        has_baseline=False,
        started_at=now,
        finished_at=tried.finished_at or now,
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
    return rows.find(
        connection,
        Run,
        runs.c.conversation_id == conversation,
        runs.c.status == "waiting",
        ~conversations.is_undecided,
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
    # A run by API was there before anybody took its conversation: the first to do so begins it.
    if run.status == "waiting" or held.token == 1:
        resumes = 0
    change_run(connection, run.id, status="running", resumes=resumes, steps_at_resume=recorded)
    return rows.get(connection, Run, run.id)


def change_run(connection: Connection, run: str, **values: Any) -> None:
    """Set columns of a run."""
    connection.execute(update(runs).where(runs.c.id == run).values(**values))


def supersede_run(connection: Connection, run: str, *, now: datetime) -> None:
    """End a run whose turn starts again with newer messages."""
    change_run(connection, run, status="superseded", finished_at=now)
    give_back(connection, messages.c.turn_id == run)


def give_back(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Take their turn from the messages that meet the condition; they are unanswered again."""
    connection.execute(update(messages).where(condition).values(turn_id=None))


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


def has_newer_run(connection: Connection, run: Run) -> bool:
    """Tell whether a run that began later has come to its end before this one."""
    newer = (
        runs.c.conversation_id == run.conversation_id,
        runs.c.started_at > run.started_at,
        runs.c.status.in_(("done", "failed")),
    )
    return rows.find(connection, Run, *newer) is not None


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
