"""What was spent on models, and what was saved against the premium model alone."""

from typing import Any, Literal

from fastapi import APIRouter

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp
from bot.api.schemas import Moment
from orchestration import store

router = APIRouter(prefix="/v1/costs", tags=["costs"], dependencies=[AdminOnly])


@router.get("")
async def costs(
    app: CurrentApp,
    since: Moment | None = None,
    group_by: Literal["day", "route", "intent", "model"] = "day",
) -> dict[str, Any]:
    """Return costs in USD since a moment, as a whole and in groups."""
    report = await app.database.read(
        lambda connection: store.costs(connection, since=since, group_by=group_by)
    )
    groups = [{group_by: group.group, **shapes.costs(group)} for group in report.groups]
    return {**shapes.costs(report.total), "groups": groups}
