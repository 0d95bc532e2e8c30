"""Turns as they were recorded, with all that a later decision about them depends on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from orchestration.errors import NotFound
from orchestration.models import Approval, Customer, ModelCall, Money, Run, table
from orchestration.store.conversations import conversations, runs
from orchestration.store.examples import ERASED
from orchestration.store.runs import steps
from orchestration.types import Json

approvals = table(Approval)
calls = table(ModelCall)
customers = table(Customer)

_NOTHING = Decimal(0)
_cost = func.sum(func.coalesce(calls.c.cost, calls.c.reserved, type_=Money()), type_=Money())

Position = tuple[datetime, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedStep:
    """A step of a recorded turn, and what it cost by tier."""

    part: int
    node: str
    visit: int
    kind: str
    status: str
    exit: str | None
    input: Json
    output: Json
    error: str | None
    costs: Mapping[str, Decimal]

    @property
    def cost(self) -> Decimal:
        """What all of its model calls cost."""
        return sum(self.costs.values(), start=_NOTHING)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedTurn:
    """A run that has come to its end; `entry` is what its state began with, as far as is known.

    `parts` are the requests that were walked one by one, None where the turn was walked whole.

    `was_with_human` says that it ended with a human, or that one was asked to approve.
    """

    run_id: str
    conversation_id: str
    workflow: str
    version: int
    text: str
    at: datetime
    status: str
    purpose: str
    outcome: str | None
    route: str | None
    rule: str | None
    rules_tried: Json
    classification: Json
    fingerprint: str | None
    entry: Mapping[str, Json]
    parts: Json
    cost: Decimal
    was_with_human: bool
    steps: tuple[RecordedStep, ...]
    is_redacted: bool = False

    @property
    def is_erased(self) -> bool:
        """Whether its words and steps have been erased, so that nothing can be said about it."""
        return self.text == ERASED and all(step.output is None for step in self.steps)

    @property
    def position(self) -> Position:
        """Where it stands in the order of turns."""
        return (self.at, self.run_id)


def count_recorded(
    connection: Connection, workflow: str, *, last: int | None, since: datetime | None
) -> tuple[int, Position | None]:
    """Return how many turns there are to look at, and the place of the first one."""
    newest = (
        select(runs.c.started_at, runs.c.id)
        .where(*_ended(workflow, since=since))
        .order_by(runs.c.started_at.desc(), runs.c.id.desc())
        .limit(last)
        .subquery()
    )
    total = connection.execute(select(func.count()).select_from(newest)).scalar_one()
    first = select(newest.c.started_at, newest.c.id).order_by(newest.c.started_at, newest.c.id)
    row = connection.execute(first.limit(1)).first()
    return int(total), (row.started_at, row.id) if row else None


def list_recorded(
    connection: Connection,
    workflow: str,
    *,
    first: Position | None = None,
    after: Position | None = None,
    limit: int,
) -> list[RecordedTurn]:
    """Return ended turns of a workflow, oldest first, from a place on or after one."""
    conditions = _ended(workflow)
    if first:
        conditions.append(_from(first, or_equal=True))
    if after:
        conditions.append(_from(after, or_equal=False))
    statement = _turns().where(*conditions).order_by(runs.c.started_at, runs.c.id).limit(limit)
    return _complete(connection, connection.execute(statement).all())


def get_recorded(connection: Connection, run: str) -> RecordedTurn:
    """Return one turn, whatever has become of it; raises `NotFound`."""
    found = _complete(connection, connection.execute(_turns().where(runs.c.id == run)).all())
    if not found:
        raise NotFound(f"there is no run {run!r}")
    return found[0]


def read_texts(connection: Connection, runs: Sequence[str]) -> dict[str, str]:
    """Return the messages of runs, as they are stored at this moment."""
    own = table(Run)
    found = connection.execute(select(own.c.id, own.c.text).where(own.c.id.in_(runs)))
    return {row.id: row.text for row in found}


def list_ended_since(
    connection: Connection, workflow: str, *, since: datetime, unless: Any, limit: int
) -> list[RecordedTurn]:
    """Return turns that ended since a moment, but for those whose ids `unless` selects."""
    statement = (
        _turns()
        .where(*_ended(workflow), runs.c.finished_at >= since, runs.c.id.not_in(unless))
        .order_by(runs.c.finished_at, runs.c.id)
        .limit(limit)
    )
    return _complete(connection, connection.execute(statement).all())


def _ended(workflow: str, since: datetime | None = None) -> list[ColumnElement[bool]]:
    """Select turns that the workflow decided; what only joined an open case was not decided."""
    conditions = [
        runs.c.workflow == workflow,
        runs.c.status.in_(("done", "failed")),
        runs.c.outcome.is_distinct_from("joined"),
        runs.c.purpose == "answer",
    ]
    if since is not None:
        conditions.append(runs.c.started_at >= since)
    return conditions


def _from(position: Position, *, or_equal: bool) -> ColumnElement[bool]:
    moment, id = position
    behind = runs.c.id >= id if or_equal else runs.c.id > id
    return or_(runs.c.started_at > moment, (runs.c.started_at == moment) & behind)


def _turns() -> Select[Any]:
    return (
        select(runs, conversations.c.channel, customers.c.verified)
        .join(conversations, conversations.c.id == runs.c.conversation_id)
        .join(customers, customers.c.id == conversations.c.customer_id)
    )


def _complete(connection: Connection, found: Sequence[Row[Any]]) -> list[RecordedTurn]:
    ids = [row.id for row in found]
    recorded = _steps_of(connection, ids)
    asked = select(approvals.c.run_id).where(approvals.c.run_id.in_(ids)).distinct()
    approved = set(connection.execute(asked).scalars())
    return [_turn(row, recorded[row.id], was_approved=row.id in approved) for row in found]


def _turn(row: Row[Any], recorded: list[RecordedStep], *, was_approved: bool) -> RecordedTurn:
    known = {"channel": row.channel, "customer.verified": row.verified}
    return RecordedTurn(
        run_id=row.id,
        conversation_id=row.conversation_id,
        workflow=row.workflow,
        version=row.version,
        text=row.text,
        at=row.started_at,
        status=row.status,
        purpose=row.purpose,
        outcome=row.outcome,
        route=row.route,
        rule=row.rule,
        rules_tried=row.rules_tried,
        classification=row.classification,
        fingerprint=row.fingerprint,
        entry={**known, **(row.entry or {})},
        parts=row.parts,
        cost=row.cost,
        was_with_human=was_approved or row.outcome == "escalate",
        steps=tuple(recorded),
    )


def _steps_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[RecordedStep]]:
    spent = _costs_of(connection, ids)
    statement = select(steps).where(steps.c.run_id.in_(ids))
    found: dict[str, list[RecordedStep]] = defaultdict(list)
    for row in connection.execute(statement.order_by(steps.c.run_id, steps.c.position)):
        step = RecordedStep(
            part=row.part,
            node=row.node,
            visit=row.visit,
            kind=row.kind,
            status=row.status,
            exit=row.exit,
            input=row.input,
            output=row.output,
            error=row.error,
            costs=spent.get((row.run_id, row.part, row.node, row.visit), {}),
        )
        found[row.run_id].append(step)
    return found


def _costs_of(
    connection: Connection, ids: Sequence[str]
) -> dict[tuple[str, int, str, int], dict[str, Decimal]]:
    place = (calls.c.run_id, calls.c.part, calls.c.node, calls.c.visit)
    statement = (
        select(*place, calls.c.tier, _cost.label("cost"))
        .where(calls.c.run_id.in_(ids))
        .group_by(*place, calls.c.tier)
    )
    found: dict[tuple[str, int, str, int], dict[str, Decimal]] = defaultdict(dict)
    for row in connection.execute(statement):
        cost = _NOTHING if row.cost is None else row.cost
        found[row.run_id, row.part, row.node, row.visit][row.tier] = cost
    return found
