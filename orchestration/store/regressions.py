"""Regression cases: turns that every version must decide alike, with or without their words."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update

from orchestration.models import RegressionCase, table
from orchestration.store import rows
from orchestration.types import Json

cases = table(RegressionCase)

# What these are called is our own word or the admin's, and no customer's.
_OWN_WORDS = frozenset(
    {
        *("intent", "runner_up", "urgency", "complexity", "sentiment", "language", "risk", "by"),
        *("channel", "customer.tier", "order.status", "responder", "node", "kind", "exit"),
        *("route", "rule", "outcome", "status", "queue", "tier", "at", "fingerprint"),
    }
)
_OWN_RESULTS = ("drafted", "abstained", "abstained: no model is configured")


def put_regression(connection: Connection, case: RegressionCase) -> None:
    """Keep a case, in place of the one of that name."""
    rows.put(connection, case)


def list_regressions(connection: Connection, workflow: str) -> list[RegressionCase]:
    """Return the cases of a workflow by name."""
    own = select(cases).where(cases.c.workflow == workflow).order_by(cases.c.name)
    return rows.fetch(connection, RegressionCase, own)


def remove_regression(connection: Connection, workflow: str, name: str) -> bool:
    """Remove a case; tell whether there was one."""
    own = delete(cases).where(cases.c.workflow == workflow, cases.c.name == name)
    return connection.execute(own).rowcount == 1


def redact_regressions(connection: Connection, conversation: str) -> None:
    """Take a customer's words out of the cases that were made of a conversation."""
    own = select(cases).where(cases.c.conversation_id == conversation, ~cases.c.is_redacted)
    for case in rows.fetch(connection, RegressionCase, own):
        connection.execute(
            update(cases)
            .where(cases.c.workflow == case.workflow, cases.c.name == case.name)
            .values(recording=redacted(case.recording), is_redacted=True)
        )


def redacted(recording: Mapping[str, Json]) -> dict[str, Json]:
    """Return a recording without words that may be a customer's; equal words stay equal.

    What deciding needs stays: fields of a few values, numbers, names of nodes and rules.
    """
    known: dict[str, str] = {}
    kept: dict[str, Json] = {
        name: recording[name] for name in ("at", "configs", "fingerprint") if name in recording
    }
    rest = {name: value for name, value in recording.items() if name not in kept}
    return {**kept, **_redact(rest, "", known)}


def _redact(value: Json, name: str, known: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _redact(inner, key, known) for key, inner in value.items()}
        case list():
            return [_redact(inner, name, known) for inner in value]
        case str() if name in _OWN_WORDS or (name == "result" and value in _OWN_RESULTS):
            return value
        case str():
            return known.setdefault(value, f"[redacted {len(known) + 1}]")
    return value
