"""Trials of drafts over HTTP: backtests on recorded turns, and shadows beside live ones."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.pages import Cursor, Limit, page, read_cursor
from bot.api.schemas import BacktestIn, ShadowIn
from bot.app import App
from orchestration import store
from orchestration.backtest.trials import changes_of
from orchestration.errors import NotFound
from orchestration.models import Trial

drafts = APIRouter(prefix="/v1/workflows", tags=["workflows"], dependencies=[AdminOnly])
backtests = APIRouter(prefix="/v1/backtests", tags=["workflows"], dependencies=[AdminOnly])
shadows = APIRouter(prefix="/v1/shadows", tags=["workflows"], dependencies=[AdminOnly])

# As long as a program may be expected to hold a request open.
PATIENCE = 30.0

Prefer = Annotated[str | None, Header(max_length=200)]
Of = Annotated[str | None, Query(max_length=200)]


@drafts.post("/{name}/draft/backtest", dependencies=[Depends(small_body)], responses={202: {}})
async def start_backtest(
    name: str, body: BacktestIn, app: CurrentApp, prefer: Prefer = None
) -> JSONResponse:
    """Try the draft on recorded turns: 200 with the report, or 202 where it takes longer."""
    trial = await app.trials.begin_backtest(
        name, last=body.last, since=body.since, author=body.author
    )
    wants_no_wait = "respond-async" in [one.strip().lower() for one in (prefer or "").split(",")]
    if not wants_no_wait:
        trial = await app.trials.wait(trial.id, seconds=PATIENCE)
    if trial.status == "done":
        return JSONResponse({**shapes.trial(trial), **(await app.trials.report(trial) or {})})
    applied = {"Preference-Applied": "respond-async"} if wants_no_wait else {}
    where = {"Location": f"/v1/backtests/{trial.id}", **applied}
    return JSONResponse(shapes.trial(trial), 202, where)


@drafts.post("/{name}/draft/shadow", status_code=201, dependencies=[Depends(small_body)])
async def start_shadow(name: str, body: ShadowIn, app: CurrentApp) -> dict[str, Any]:
    """Let the draft decide beside the version in use; nothing it decides is done."""
    return shapes.trial(await app.trials.begin_shadow(name, author=body.author))


@backtests.get("")
async def list_backtests(app: CurrentApp, workflow: Of = None, limit: Limit = 50) -> dict[str, Any]:
    """List the newest backtests, without their reports."""
    return await _list(app, "backtest", workflow, limit)


@shadows.get("")
async def list_shadows(app: CurrentApp, workflow: Of = None, limit: Limit = 50) -> dict[str, Any]:
    """List the newest shadows, without their reports."""
    return await _list(app, "shadow", workflow, limit)


@backtests.get("/{id}")
async def get_backtest(id: str, app: CurrentApp) -> dict[str, Any]:
    """Return a backtest: how far it is, and its report once it is done."""
    return await _get(app, "backtest", id)


@shadows.get("/{id}")
async def get_shadow(id: str, app: CurrentApp) -> dict[str, Any]:
    """Return a shadow with the differences that it has found so far."""
    return await _get(app, "shadow", id)


@backtests.get("/{id}/changes")
async def list_changes(
    id: str, app: CurrentApp, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """List every turn that would go another way, the oldest first."""
    return await _changes(app, "backtest", id, limit, cursor)


@shadows.get("/{id}/changes")
async def list_differences(
    id: str, app: CurrentApp, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """List every turn that the draft decided otherwise, the oldest first."""
    return await _changes(app, "shadow", id, limit, cursor)


@backtests.post("/{id}/stop", dependencies=[Depends(small_body)])
async def stop_backtest(id: str, body: ShadowIn, app: CurrentApp) -> dict[str, Any]:
    """Stop a backtest that is under way."""
    return await _stop(app, "backtest", id, body.author)


@shadows.post("/{id}/stop", dependencies=[Depends(small_body)])
async def stop_shadow(id: str, body: ShadowIn, app: CurrentApp) -> dict[str, Any]:
    """Stop a shadow; what it has decided stays."""
    return await _stop(app, "shadow", id, body.author)


Kind = Literal["backtest", "shadow"]


async def _list(app: App, kind: Kind, workflow: str | None, limit: int) -> dict[str, Any]:
    found = await app.database.read(
        lambda c: store.list_trials(c, kind=kind, workflow=workflow, limit=limit)
    )
    return {"items": [shapes.trial(trial) for trial in found], "next": None}


async def _get(app: App, kind: Kind, id: str) -> dict[str, Any]:
    trial = await _find(app, kind, id)
    return {**shapes.trial(trial), "report": await app.trials.report(trial)}


async def _find(app: App, kind: Kind, id: str) -> Trial:
    trial = await app.trials.get(id)
    if trial.kind != kind:
        raise NotFound(f"there is no {kind} {id!r}")
    return trial


async def _changes(app: App, kind: Kind, id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    trial, after = await _find(app, kind, id), read_cursor(cursor)
    found, told = await app.database.read(
        lambda c: (
            turns := store.list_trial_turns(c, trial.id, after=after, limit=limit),
            changes_of(c, turns),
        )
    )
    return page(told, [(turn.at, turn.run_id) for turn in found], limit)


async def _stop(app: App, kind: Kind, id: str, author: str) -> dict[str, Any]:
    await _find(app, kind, id)
    return shapes.trial(await app.trials.stop(id, author=author))
