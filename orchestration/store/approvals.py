"""Approvals: drafts and proposals that wait for a human, and what became of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select, update

from orchestration.errors import FrontdeskError
from orchestration.models import Approval, Message, Run
from orchestration.store import rows
from orchestration.store.conversations import approvals, is_undecided, messages, runs
from orchestration.store.runs import give_back
from orchestration.types import Proposal, RunId

# Until it is certain whether it was done, the same may not be proposed again.
_PENDING = or_(
    approvals.c.status == "open",
    (approvals.c.status == "released")
    & or_(approvals.c.outcome.is_(None), approvals.c.outcome.in_(("begun", "unknown"))),
)
_HAS_PROPOSAL = (
    select(approvals.c.id)
    .where(approvals.c.run_id == runs.c.id, approvals.c.action.is_not(None))
    .exists()
)
_MOST = 50


class AlreadyPending(FrontdeskError):
    """Somebody else has just proposed the same action on the same order; look again."""


def open_approval(connection: Connection, approval: Approval) -> None:
    """Put a draft before a human; the run waits. Opening it again changes nothing.

    Raises `AlreadyPending` where the action it proposes is pending already.
    """
    if rows.add_unless_there(connection, approval):
        return
    place = (approval.part, approval.node, approval.visit)
    if find_approval(connection, RunId(approval.run_id), *place) is None:
        raise AlreadyPending(f"{approval.action} on order {approval.order_id} is pending")


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


def find_pending(connection: Connection, proposal: Proposal) -> Approval | None:
    """Return the approval under which the same action on the same order waits, or is in doubt."""
    same = (approvals.c.order_id == proposal.order, approvals.c.action == proposal.action)
    return rows.find(connection, Approval, *same, _PENDING)


def has_proposal(connection: Connection, run: str) -> bool:
    """Tell whether the run has put an action before a human."""
    return rows.find(connection, Run, runs.c.id == run, _HAS_PROPOSAL) is not None


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


def withdraw_drafts(connection: Connection, conversation: str, now: datetime) -> None:
    """Withdraw the drafts that wait, and end the runs that wait for them.

    Their messages are without a turn again. What proposes an action stays open.
    """
    _withdraw(connection, conversation, ~_HAS_PROPOSAL, now)


def withdraw_approvals(connection: Connection, conversation: str, now: datetime) -> None:
    """Withdraw drafts and proposals alike, and end the runs that wait for them.

    An action that was released goes on: who released it was told that it will be done.
    """
    _withdraw(connection, conversation, or_(~_HAS_PROPOSAL, is_undecided), now)


def _withdraw(
    connection: Connection, conversation: str, condition: ColumnElement[bool], now: datetime
) -> None:
    waiting = select(runs.c.id).where(
        runs.c.conversation_id == conversation, runs.c.status == "waiting", condition
    )
    ended = list(connection.execute(waiting).scalars())
    if not ended:
        return
    give_back(connection, messages.c.turn_id.in_(ended))
    connection.execute(
        update(approvals)
        .where(approvals.c.run_id.in_(ended), approvals.c.status == "open")
        .values(status="withdrawn", decided_at=now)
    )
    connection.execute(
        update(runs).where(runs.c.id.in_(ended)).values(status="superseded", finished_at=now)
    )


def begin_action(connection: Connection, approval: str) -> bool:
    """Note that the action is about to be done; False where it may have been done before."""
    statement = (
        update(approvals)
        .where(
            approvals.c.id == approval,
            or_(approvals.c.outcome.is_(None), approvals.c.outcome == "not_done"),
        )
        .values(outcome="begun")
        .returning(approvals.c.id)
    )
    return connection.execute(statement).first() is not None


def finish_action(
    connection: Connection, approval: str, outcome: str, reference: str | None = None
) -> None:
    """Note what became of the action, whoever has the conversation by now."""
    connection.execute(
        update(approvals)
        .where(approvals.c.id == approval)
        .values(outcome=outcome, reference=reference)
    )


def list_proposals(connection: Connection, conversation: str) -> list[Approval]:
    """Return the actions that were proposed in a conversation, newest first."""
    return _list_proposals(connection, approvals.c.conversation_id == conversation)


def list_released(connection: Connection, run: str) -> list[Approval]:
    """Return the actions of a run that a human has released."""
    own = (approvals.c.run_id == run, approvals.c.status == "released")
    return _list_proposals(connection, *own)


def _list_proposals(connection: Connection, *conditions: ColumnElement[bool]) -> list[Approval]:
    statement = (
        select(approvals)
        # What was erased keeps the name of its action alone.
        .where(*conditions, approvals.c.action.is_not(None), approvals.c.proposal.is_not(None))
        .order_by(approvals.c.created_at.desc())
        .limit(_MOST)
    )
    return rows.fetch(connection, Approval, statement)


def list_said_since(connection: Connection, approval: Approval) -> list[Message]:
    """Return what the customer wrote between the turn that led to the approval and its decision."""
    turn = rows.get(connection, Run, approval.run_id).messages or []
    last: Any = select(messages.c.seq).where(messages.c.id.in_(turn))
    conditions = [
        messages.c.conversation_id == approval.conversation_id,
        messages.c.author == "customer",
        messages.c.seq > max(connection.execute(last).scalars(), default=0),
    ]
    if approval.decided_at:
        conditions.append(messages.c.at <= approval.decided_at)
    statement = select(messages).where(*conditions).order_by(messages.c.seq).limit(_MOST)
    return rows.fetch(connection, Message, statement)


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
