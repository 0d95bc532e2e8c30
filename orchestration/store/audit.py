"""The audit log: who changed what and when, each entry chained to the one before by its hash.

An entry holds ids, numbers and hashes, never a text that somebody wrote. The head row is locked by
each writer, so that entries come one after the other, and says which entry is the last: a log whose
end was cut off does not reach it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from orchestration.errors import NotFound
from orchestration.models import AuditEntry, AuditHead, table
from orchestration.store import rows
from orchestration.types import Json

entries = table(AuditEntry)
head = table(AuditHead)

START = "0" * 64
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the log is whole: `broken` names the first place that is not, and why.

    `position` and `hash` are the head's; noted elsewhere, they tell later whether all entries up to
    there are still those of today.
    """

    entries: int
    position: int
    hash: str
    broken: str | None = None


def sha256(text: str) -> str:
    """Return the hash by which an entry names a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def record_audit(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Json] | None = None,
    now: datetime,
) -> AuditEntry:
    """Add an entry, as the last statement of a transaction: it holds up all others that audit."""
    last = _head(connection, lock=True)
    entry = AuditEntry(
        position=last.position + 1,
        at=now,
        actor=actor,
        action=action,
        subject=subject,
        details=dict(details or {}),
        previous=last.hash,
        hash="",
    )
    entry.hash = audit_hash(entry)
    rows.add(connection, entry)
    connection.execute(update(head).values(position=entry.position, hash=entry.hash))
    return entry


def audit_hash(entry: AuditEntry) -> str:
    """Return the hash of all that an entry says, its place and its predecessor among them."""
    said = {
        "position": entry.position,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous": entry.previous,
    }
    return sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def verify_audit(connection: Connection, *, noted: tuple[int, str] | None = None) -> Verdict:
    """Read the whole log and say whether each entry is what it was.

    `noted` is a position with its hash that was written down earlier.
    """
    last = _head(connection)
    previous, seen, broken = START, 0, None
    for entry in _all(connection):
        broken = _flaw(entry, seen + 1, previous, noted)
        if broken:
            break
        previous, seen = entry.hash, entry.position
    if broken is None and (seen, previous) != (last.position, last.hash):
        broken = f"the head says that entry {last.position} is the last, but the log ends at {seen}"
    if broken is None and noted and noted[0] > seen:
        broken = f"the log ends at entry {seen}, but entry {noted[0]} was noted"
    return Verdict(entries=seen, position=last.position, hash=last.hash, broken=broken)


def list_audit(
    connection: Connection, *, subject: str | None = None, limit: int, before: int | None = None
) -> list[AuditEntry]:
    """Return entries, newest first."""
    statement = select(entries).order_by(entries.c.position.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(entries.c.subject == subject)
    if before is not None:
        statement = statement.where(entries.c.position < before)
    return rows.fetch(connection, AuditEntry, statement)


def _head(connection: Connection, *, lock: bool = False) -> AuditHead:
    statement = select(head)
    found = rows.fetch(connection, AuditHead, statement.with_for_update() if lock else statement)
    if not found:
        raise NotFound("the head of the audit log is gone: somebody has deleted its row")
    return found[0]


def _all(connection: Connection) -> Iterator[AuditEntry]:
    reached = -(2**31)
    while batch := rows.fetch(
        connection,
        AuditEntry,
        select(entries)
        .where(entries.c.position > reached)
        .order_by(entries.c.position)
        .limit(_BATCH),
    ):
        yield from batch
        reached = batch[-1].position


def _flaw(
    entry: AuditEntry, expected: int, previous: str, noted: tuple[int, str] | None
) -> str | None:
    if entry.position != expected:
        return f"entry {expected} is missing; entry {entry.position} follows"
    if entry.previous != previous:
        return f"entry {entry.position} does not follow from the one before it"
    if entry.hash != audit_hash(entry):
        return f"entry {entry.position} was changed: it does not match its hash"
    if noted and noted[0] == entry.position and noted[1] != entry.hash:
        return f"entry {entry.position} has another hash than was noted"
    return None
