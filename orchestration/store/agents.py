"""Agents: what they are called, and who has asked to be left in peace."""

from datetime import datetime

from sqlalchemy import Connection, select

from orchestration.models import Agent, Escalation, table
from orchestration.store import rows
from orchestration.store.conversations import escalations

agents = table(Agent)


def find_agent(connection: Connection, id: str) -> Agent | None:
    """Return what is known of an agent."""
    return rows.find(connection, Agent, agents.c.id == id)


def name_agent(connection: Connection, id: str, name: str) -> None:
    """Keep what an agent is called."""
    known = find_agent(connection, id) or Agent(id=id)
    if known.name != name:
        rows.put(connection, known.model_copy(update={"name": name}))


def pause_agent(connection: Connection, id: str, since: datetime | None) -> None:
    """Leave an agent in peace from a moment on, or no longer."""
    known = find_agent(connection, id) or Agent(id=id)
    rows.put(connection, known.model_copy(update={"paused_at": since}))


def name_of(connection: Connection, id: str) -> str:
    """Return what an agent is called, else their id."""
    known = find_agent(connection, id)
    return known.name if known and known.name else id


def is_paused(connection: Connection, id: str | None) -> bool:
    """Tell whether an agent has asked to be left in peace."""
    known = find_agent(connection, id) if id else None
    return known is not None and known.paused_at is not None


def list_cases_of(connection: Connection, agent: str) -> list[Escalation]:
    """Return the open cases that an agent has, the one that is due first at the top."""
    statement = (
        select(escalations)
        .where(escalations.c.assignee == agent, escalations.c.status == "claimed")
        .order_by(escalations.c.due_at, escalations.c.id)
        .limit(100)
    )
    return rows.fetch(connection, Escalation, statement)


def list_waiting(connection: Connection) -> list[Escalation]:
    """Return the cases that nobody has, the one that is due first at the top."""
    statement = (
        select(escalations)
        .where(escalations.c.status == "open")
        .order_by(escalations.c.due_at, escalations.c.id)
        .limit(100)
    )
    return rows.fetch(connection, Escalation, statement)


def list_overdue(connection: Connection, now: datetime) -> list[Escalation]:
    """Return the open cases whose response target has passed, longest overdue first."""
    statement = (
        select(escalations)
        .where(escalations.c.status.in_(("open", "claimed")), escalations.c.due_at <= now)
        .order_by(escalations.c.due_at, escalations.c.id)
        .limit(100)
    )
    return rows.fetch(connection, Escalation, statement)
