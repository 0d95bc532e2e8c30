"""Workflows: their numbered texts, which of them is published, and which channel takes which."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from orchestration.errors import NotFound
from orchestration.models import Binding, Workflow, WorkflowVersion, table
from orchestration.store import rows

workflows = table(Workflow)
versions = table(WorkflowVersion)
bindings = table(Binding)


def lock_workflow(connection: Connection, name: str) -> int:
    """Hold a workflow until the transaction ends; returns the number of its newest text, or 0."""
    rows.add_unless_there(connection, Workflow(name=name, published=0))
    connection.execute(select(workflows.c.name).where(workflows.c.name == name).with_for_update())
    return newest_version(connection, name)


def newest_version(connection: Connection, name: str) -> int:
    """Return the number of a workflow's newest text, draft or published; 0 where there is none."""
    statement = select(func.max(versions.c.version)).where(versions.c.name == name)
    return int(connection.execute(statement).scalar() or 0)


def add_draft(
    connection: Connection, *, name: str, source: str, author: str, base: int, now: datetime
) -> WorkflowVersion:
    """Keep a text under the next number."""
    row = WorkflowVersion(
        name=name,
        version=lock_workflow(connection, name) + 1,
        source=source,
        author=author,
        created_at=now,
        base=base,
    )
    rows.add(connection, row)
    return row


def publish_version(
    connection: Connection,
    name: str,
    version: int,
    *,
    author: str,
    note: str,
    override: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Make a text that is kept the one in use."""
    connection.execute(
        update(versions)
        .where(versions.c.name == name, versions.c.version == version)
        .values(note=note, published_at=now, published_by=author, override=override)
    )
    connection.execute(update(workflows).where(workflows.c.name == name).values(published=version))


def find_draft(connection: Connection, name: str) -> WorkflowVersion | None:
    """Return the newest text where it was never published, or None."""
    newest = versions.c.version == newest_version(connection, name)
    unpublished = versions.c.published_at.is_(None)
    return rows.find(connection, WorkflowVersion, versions.c.name == name, newest, unpublished)


def find_published(connection: Connection, name: str) -> WorkflowVersion | None:
    """Return the published version of a workflow, or None where there is none."""
    number = select(workflows.c.published).where(workflows.c.name == name).scalar_subquery()
    is_published = versions.c.version == number
    return rows.find(connection, WorkflowVersion, versions.c.name == name, is_published)


def published_numbers(connection: Connection) -> dict[str, int]:
    """Return the number of the published version of each workflow that has one."""
    statement = select(workflows.c.name, workflows.c.published).where(workflows.c.published > 0)
    return {str(row.name): int(row.published) for row in connection.execute(statement)}


def list_workflows(connection: Connection) -> list[tuple[str, int, int]]:
    """Return each workflow's name, its published number, 0 for none, and its newest."""
    newest = func.max(versions.c.version)
    statement = (
        select(workflows.c.name, workflows.c.published, newest)
        .join(versions, versions.c.name == workflows.c.name)
        .group_by(workflows.c.name, workflows.c.published)
        .order_by(workflows.c.name)
    )
    return [(name, published, last) for name, published, last in connection.execute(statement)]


def get_version(connection: Connection, name: str, version: int) -> WorkflowVersion:
    """Return one numbered text of a workflow; raises `NotFound`."""
    found = find_version(connection, name, version)
    if found is None:
        raise NotFound(f"there is no version {version} of workflow {name!r}")
    return found


def find_version(connection: Connection, name: str, version: int) -> WorkflowVersion | None:
    """Return one numbered text of a workflow, or None."""
    same = (versions.c.name == name, versions.c.version == version)
    return rows.find(connection, WorkflowVersion, *same)


def list_versions(
    connection: Connection, name: str, *, limit: int, before: int | None = None
) -> list[WorkflowVersion]:
    """Return the texts that were published, newest first."""
    was_published = (versions.c.name == name, versions.c.published_at.is_not(None))
    statement = select(versions).where(*was_published).order_by(versions.c.version.desc())
    if before is not None:
        statement = statement.where(versions.c.version < before)
    return rows.fetch(connection, WorkflowVersion, statement.limit(limit))


def bind(connection: Connection, channel: str, workflow: str) -> None:
    """Let a channel's next runs take this workflow."""
    rows.put(connection, Binding(channel=channel, workflow=workflow))


def list_bindings(connection: Connection) -> dict[str, str]:
    """Return the workflow of each channel that an admin has bound."""
    found = rows.fetch(connection, Binding, select(bindings).order_by(bindings.c.channel))
    return {each.channel: each.workflow for each in found}
