"""Recorded runs walked again, and regression cases made of them."""

from typing import Any

from fastapi import APIRouter, Depends, Query, Response

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.schemas import CaseIn, ReplayIn
from orchestration import store, workflow
from orchestration.backtest import replays
from orchestration.engine import Program
from orchestration.errors import NotFound

runs = APIRouter(prefix="/v1/runs", tags=["runs"], dependencies=[AdminOnly])
cases = APIRouter(prefix="/v1/workflows", tags=["workflows"], dependencies=[AdminOnly])


@runs.post("/{id}/replay", dependencies=[Depends(small_body)])
async def replay(id: str, body: ReplayIn, app: CurrentApp) -> dict[str, Any]:
    """Walk a run again by what was recorded, by its own version or another."""
    return await replays.replay(app.tools, app.programs, id, version=body.version)


@cases.get("/{name}/cases")
async def list_cases(name: str, app: CurrentApp) -> dict[str, Any]:
    """List the regression cases of a workflow."""
    return {"items": [shapes.case(case) for case in await app.regressions.of(name)], "next": None}


@cases.post("/{name}/cases", status_code=201, dependencies=[Depends(small_body)])
async def add_case(name: str, body: CaseIn, app: CurrentApp) -> dict[str, Any]:
    """Turn a run of the workflow into a case; one of that name is replaced."""
    turn = await replays.read_turn(app.tools, body.run_id)
    if turn.workflow != name:
        raise NotFound(f"the workflow {name!r} has no run {body.run_id!r}")
    case = await app.regressions.add(
        body.run_id, body.name, author=body.author, keep_words=body.keep_words
    )
    return shapes.case(case)


@cases.delete("/{name}/cases/{case}", status_code=204)
async def remove_case(
    name: str, case: str, app: CurrentApp, author: str = Query("admin", max_length=200)
) -> Response:
    """Remove a case."""
    await app.regressions.remove(name, case, author=author)
    return Response(status_code=204)


@cases.post("/{name}/draft/test")
async def try_draft(name: str, app: CurrentApp) -> dict[str, Any]:
    """Run the cases of a workflow on its draft."""
    draft = await app.database.read(lambda c: store.find_draft(c, name))
    if draft is None:
        raise NotFound(f"the workflow {name!r} has no draft")
    program = Program.of(workflow.parse(draft.source), draft.version)
    results = await app.regressions.try_all(program)
    return {
        "items": [shapes.result(one) for one in results],
        "failed": sum(one.failure is not None for one in results),
    }
