"""Runs as they were recorded, step by step."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from bot.api import shapes
from bot.api.answers import RunOut, answers
from bot.api.guards import AdminOnly, CurrentApp
from bot.api.pages import Cursor, Limit, page, read_cursor
from bot.api.schemas import RunStatusIn
from orchestration import store
from orchestration.explaining import explain
from orchestration.models import Run

router = APIRouter(prefix="/v1/runs", tags=["runs"], dependencies=[AdminOnly])


@router.get("")
async def list_runs(
    app: CurrentApp,
    conversation_id: Annotated[str | None, Query(max_length=100)] = None,
    route: Annotated[str | None, Query(max_length=100)] = None,
    status: RunStatusIn | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List runs, newest first."""
    before = read_cursor(cursor)
    found = await app.database.read(
        lambda connection: store.list_runs(
            connection,
            conversation=conversation_id,
            route=route,
            status=status,
            limit=limit,
            before=before,
        )
    )
    return page(
        [shapes.run(row) for row in found], [(row.started_at, row.id) for row in found], limit
    )


@router.get("/{id}", responses=answers(RunOut))
async def get_run(id: str, app: CurrentApp) -> dict[str, Any]:
    """Return a run with what it decided and why, and every step: in, out and how long it took."""
    row, steps, calls = await app.database.read(
        lambda connection: (
            store.get(connection, Run, id),
            store.list_steps(connection, id),
            store.list_calls(connection, id),
        )
    )
    taken = await app.programs.workflow_of(row.workflow, row.version)
    return {
        **shapes.run(row),
        "decisions": [each.document() for each in explain(taken, steps)],
        "steps": [shapes.step(step, calls) for step in steps],
    }
