"""What Alembic runs around the migrations: one connection, one lock, one transaction."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, URL, Connection, NullPool, create_engine
from sqlmodel.sql.sqltypes import AutoString

from orchestration.database import make_folder_of, with_driver
from orchestration.models import Moment, Money, metadata

# Replicas start together and all of them migrate; the second waits here and finds nothing to do.
# SQLite's driver opens no transaction before DDL by itself, so a failure would leave half a schema.
LOCKS = {
    "postgresql": "SELECT pg_advisory_xact_lock(4626115030)",
    "sqlite": "BEGIN IMMEDIATE",
}


def migrate() -> None:
    """Run what Alembic was asked for; on an error nothing of it remains."""
    url = with_driver(context.config.get_main_option("sqlalchemy.url", ""))
    with create_engine(url, poolclass=NullPool, connect_args=_patience(url)).begin() as connection:
        connection.exec_driver_sql(LOCKS[connection.dialect.name])
        _configure(connection)
        context.run_migrations()


def _patience(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "sqlite":
        return {}
    if url.database:
        make_folder_of(Path(url.database))
    return {"timeout": 60}


def _configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        # SQLite cannot alter a column; Alembic then copies the table.
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_render,
    )


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    # A migration must not change when the models do, so it names plain types only.
    if kind == "type" and isinstance(item, Moment | Money):
        return f"sa.{item.impl!r}"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects.postgresql import JSONB")
        return 'sa.JSON().with_variant(JSONB(), "postgresql")'
    return False


migrate()
