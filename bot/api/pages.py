"""Lists in pages: newest first, with a cursor for the next page."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import Query

from orchestration.errors import BadInput

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200)]


class HasId(Protocol):
    """A row that a page can end with."""

    id: str


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Return where the last page ended; raises `BadInput` for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        moment, id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ", 1)
        parsed = datetime.fromisoformat(moment).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadInput("cursor is not one that an earlier page gave", field="cursor") from error
    if "\x00" in id:
        raise BadInput("cursor is not one that an earlier page gave", field="cursor")
    return parsed, id


def page(items: Sequence[Any], ends: Sequence[tuple[datetime, str]], limit: int) -> dict[str, Any]:
    """Return a page; `ends` are the sort keys of the items."""
    following = None
    if len(items) == limit and ends:
        moment, id = ends[-1]
        following = base64.urlsafe_b64encode(f"{moment.isoformat()} {id}".encode()).decode()
    return {"items": list(items), "next": following}
