"""The intents over HTTP, which of them collide, and the examples that people propose."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from bot.api import shapes
from bot.api.answers import ExampleOut, IntentsOut, answers
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.pages import Cursor, Limit, page, read_cursor
from bot.api.schemas import (
    AcceptIn,
    CorrectionIn,
    DecisionIn,
    ExampleStatusIn,
    IntentsIn,
    Moment,
)
from bot.app import App
from orchestration import learning, store
from orchestration.intents import intent_row, parse_intents, require_enough
from orchestration.models import Example

# So long somebody waits for an answer that takes long to work out.
PATIENCE = timedelta(seconds=5)

router = APIRouter(prefix="/v1", tags=["intents"], dependencies=[AdminOnly, Depends(small_body)])


@router.get("/intents", responses=answers(IntentsOut))
async def list_intents(app: CurrentApp) -> dict[str, Any]:
    """List the intents in the admin's order; `learnt` tells whether they are in use yet."""
    found = await app.database.read(store.list_intents)
    learnt = await app.tools.catalog.is_learnt(found)
    return {"items": [intent_row(intent) for intent in found], "next": None, "learnt": learnt}


@router.put("/intents")
async def replace_intents(body: IntentsIn, app: CurrentApp) -> dict[str, Any]:
    """Put these intents in place of all earlier ones; every process learns them anew."""
    intents, problems = parse_intents(body.items)
    if problems:
        raise problems[0]
    require_enough(intents)
    by, now = body.author, app.tools.clock()
    await app.database.write(
        lambda connection: learning.replace_intents(connection, intents, by=by, now=now)
    )
    return await list_intents(app)


@router.get("/intents/confusions", responses={202: {}})
async def list_confusions(app: CurrentApp) -> JSONResponse:
    """List pairs of intents that are taken for each other, worst first, with what collides.

    202 while that is still being worked out: ask again.
    """
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            found = await app.tools.catalog.find_confusions()
    except TimeoutError:
        wait = {"Retry-After": str(int(PATIENCE.total_seconds()))}
        return JSONResponse({"items": [], "next": None}, 202, wait)
    return JSONResponse({"items": [asdict(confusion) for confusion in found], "next": None})


@router.get("/intents/figures")
async def show_figures(app: CurrentApp, since: Moment | None = None) -> dict[str, Any]:
    """Tell how turns are classified, and how that agrees with what people say."""
    return await app.database.read(lambda connection: learning.figures(connection, since=since))


@router.post("/runs/{id}/correct", responses=answers(ExampleOut, conflicts=True))
async def correct(id: str, body: CorrectionIn, app: CurrentApp) -> dict[str, Any]:
    """Say what a run's text is really about; it becomes a proposed example."""
    now = app.tools.clock()
    return await _changed(
        app,
        lambda connection: learning.correct(
            connection, id, intent=body.intent, by=body.agent, now=now, part=body.part
        ),
    )


@router.get("/examples")
async def list_examples(
    app: CurrentApp,
    status: ExampleStatusIn | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List proposed examples, newest first."""
    before = read_cursor(cursor)
    found = await app.database.read(
        lambda connection: store.list_examples(
            connection, status=status, limit=limit, before=before
        )
    )
    items = [shapes.example(row) for row in found]
    return page(items, [(row.proposed_at, row.id) for row in found], limit)


@router.post("/examples/{id}/accept")
async def accept(id: str, body: AcceptIn, app: CurrentApp) -> dict[str, Any]:
    """Make the words an example; the classifier learns them within seconds."""
    now = app.tools.clock()
    taken = await _changed(
        app,
        lambda connection: learning.accept(
            connection, id, by=body.agent, now=now, intent=body.intent
        ),
    )
    app.tools.telemetry.count(
        "observations",
        confidence=f"{int(10 * taken['confidence']) / 10:.1f}",
        correct="yes" if taken["guess"] == taken["intent"] else "no",
    )
    return taken


@router.post("/examples/{id}/reject")
async def reject(id: str, body: DecisionIn, app: CurrentApp) -> dict[str, Any]:
    """Keep the words out of what the classifier learns."""
    now = app.tools.clock()
    return await _changed(
        app, lambda connection: learning.reject(connection, id, by=body.agent, now=now)
    )


async def _changed(app: App, change: Callable[[Connection], Example]) -> dict[str, Any]:
    return shapes.example(await app.database.write(change, durable=True))
