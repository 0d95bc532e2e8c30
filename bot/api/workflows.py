"""Workflows over HTTP: the published document, the kinds of node, and runs for programs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import JSONResponse

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.schemas import WorkflowRunIn
from orchestration import api_runs, store, workflow
from orchestration.errors import NotFound
from orchestration.models import Run
from orchestration.nodes import Node, node_kinds

router = APIRouter(prefix="/v1/workflows", tags=["workflows"], dependencies=[AdminOnly])
kinds = APIRouter(prefix="/v1/node-kinds", tags=["workflows"], dependencies=[AdminOnly])

ENDED = ("done", "failed", "superseded")

Prefer = Annotated[str | None, Header(max_length=200)]


@router.get("/{name}")
async def get_workflow(name: str, app: CurrentApp) -> dict[str, Any]:
    """Return the published version of a workflow."""
    row, newest = await app.database.read(
        lambda connection: (
            store.find_published(connection, name),
            store.newest_version(connection, name),
        )
    )
    if row is None:
        raise NotFound(f"no workflow named {name!r} is published")
    return {
        **shapes.workflow_version(row, row.version),
        "document": workflow.document(workflow.parse(row.source)),
        "source": row.source,
        "draft": newest if newest > row.version else None,
    }


@router.post("/{name}/runs", dependencies=[Depends(small_body)], responses={202: {}})
async def start_run(
    name: str, body: WorkflowRunIn, app: CurrentApp, prefer: Prefer = None
) -> JSONResponse:
    """Run a workflow: 200 with its output, or 202 where it takes longer or `Prefer` says so."""
    run = await api_runs.begin(
        app.tools, app.programs, app.dispatcher, workflow=name, given=body.input
    )
    if _wants_no_wait(prefer):
        return _accepted(run, {"Preference-Applied": "respond-async"})
    run = await api_runs.wait(app.database, run)
    if run.status not in ENDED:
        return _accepted(run)
    return JSONResponse(
        {
            "run_id": run.id,
            "status": run.status,
            "outcome": run.outcome,
            "output": run.output,
            "error": run.error,
        }
    )


@kinds.get("")
async def list_node_kinds() -> dict[str, Any]:
    """List what a box in a workflow can do; null where that depends on the box's config."""
    return {"items": [_kind(name, node_kinds.get(name)) for name in node_kinds], "next": None}


def _wants_no_wait(prefer: str | None) -> bool:
    return "respond-async" in [part.strip().lower() for part in (prefer or "").split(",")]


def _accepted(run: Run, headers: Mapping[str, str] | None = None) -> JSONResponse:
    where = {"Location": f"/v1/runs/{run.id}", **(headers or {})}
    return JSONResponse({"run_id": run.id, "status": run.status}, 202, where)


def _kind(name: str, kind: type[Node]) -> dict[str, Any]:
    return {
        "kind": name,
        "description": (kind.__doc__ or "").strip(),
        "config": kind.Config.model_json_schema(),
        "exits": _said(kind.exits, kind.Config.model_construct()),
        "reads": _fields(kind.reads),
        "writes": _fields(kind.writes),
        "touches": kind.touches,
        "ends": kind.ends,
    }


def _fields(say: Callable[[Any], Iterable[str]]) -> list[str] | None:
    said = _said(say, None)
    return None if said is None else sorted(said)


def _said(say: Callable[[Any], Iterable[str]], config: object) -> list[str] | None:
    """Return what a kind says of itself, given no more config than this; None where it asks on."""
    try:
        return list(say(config))
    except AttributeError:
        return None
