"""Agents' sessions in the console, by the hash of their cookie."""

from datetime import datetime

from sqlalchemy import Connection, delete, update

from orchestration.models import ConsoleSession, table
from orchestration.store import rows

sessions = table(ConsoleSession)


def find_console_session(connection: Connection, token_hash: str) -> ConsoleSession | None:
    """Return the session of a cookie, whether or not it still opens anything."""
    return rows.find(connection, ConsoleSession, sessions.c.token_hash == token_hash)


def note_use(connection: Connection, token_hash: str, at: datetime) -> None:
    """Note that a session is in use; one that was ended meanwhile stays so."""
    statement = update(sessions).where(sessions.c.token_hash == token_hash).values(used_at=at)
    connection.execute(statement)


def end_console_session(connection: Connection, token_hash: str) -> None:
    """End a session: its cookie opens nothing from now on."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def drop_idle_sessions(connection: Connection, *, before: datetime) -> None:
    """Drop the sessions that have not been used since."""
    connection.execute(delete(sessions).where(sessions.c.used_at < before))
