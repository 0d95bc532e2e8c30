"""Whether the process lives, whether it takes messages, and what it counts."""

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from bot.api.guards import CurrentApp
from orchestration import migrate
from orchestration.errors import TemporaryFailure

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, Any]:
    """Answer as long as the process lives."""
    return {"status": "alive"}


@router.get("/readyz")
async def ready(app: CurrentApp) -> dict[str, Any]:
    """Answer 200 where messages are accepted: database, schema and dispatcher are there."""
    try:
        has_schema = await app.database.read(migrate.is_current)
    except SQLAlchemyError as error:
        raise TemporaryFailure(f"the database does not answer: {type(error).__name__}") from error
    if not has_schema:
        raise TemporaryFailure("the database is not at this version's schema")
    if not app.dispatcher.is_ready():
        raise TemporaryFailure("the dispatcher takes no wakes")
    return {"status": "ready"}


@router.get("/metrics")
async def metrics(app: CurrentApp) -> Response:
    """Show Prometheus metrics."""
    return Response(app.metrics.show(), media_type="text/plain; version=0.0.4; charset=utf-8")
