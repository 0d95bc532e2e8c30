"""What was spent on models, and what was saved against the premium model alone."""

from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp
from orchestration import store

router = APIRouter(prefix="/v1/costs", tags=["costs"], dependencies=[AdminOnly])


@router.get("")
async def costs(
    app: CurrentApp,
    since: datetime | None = None,
    group_by: Literal["day", "route", "intent", "model"] = "day",
) -> dict[str, Any]:
    """Return costs in USD since a moment, as a whole and in groups."""
    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    report = await app.database.read(
        lambda connection: store.costs(connection, since=moment, group_by=group_by)
    )
    groups = [{group_by: group.group, **shapes.costs(group)} for group in report.groups]
    return {**shapes.costs(report.total), "groups": groups}
