"""The audit log over HTTP: what was changed by whom, and whether the log is whole."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp
from bot.api.pages import Limit
from orchestration import store
from orchestration.errors import BadInput

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[AdminOnly])

Position = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("")
async def list_entries(
    app: CurrentApp,
    subject: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Position = None,
) -> dict[str, Any]:
    """List changes, newest first; `subject` such as `workflow support` or `channel chat`."""
    found = await app.database.read(
        lambda connection: store.list_audit(connection, subject=subject, limit=limit, before=cursor)
    )
    items = [shapes.audit_entry(row) for row in found]
    return {"items": items, "next": str(found[-1].position) if len(found) == limit else None}


@router.get("/verify")
async def verify(
    app: CurrentApp,
    position: Position = None,
    hash: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> dict[str, Any]:
    """Say whether each entry is what it was, up to one whose hash was noted where that is given."""
    if (position is None) != (hash is None):
        raise BadInput("position and hash come together", field="hash" if position else "position")
    noted = (position, hash) if position is not None and hash is not None else None
    found = await app.database.read(lambda connection: store.verify_audit(connection, noted=noted))
    return {"ok": found.broken is None, **shapes.verdict(found)}
