"""Attachments as agents fetch them: what a customer sent, and never as a page of ours."""

import re
from urllib.parse import quote

from fastapi import APIRouter, Response

from bot.api.guards import AdminOnly, CurrentApp
from orchestration import store
from orchestration.errors import NotFound
from orchestration.models import File

router = APIRouter(prefix="/v1/attachments", tags=["desk"], dependencies=[AdminOnly])

# What a browser shows without running anything; all else is bytes to it.
SHOWN_AS_IT_IS = frozenset(
    {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
)
BYTES = "application/octet-stream"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@router.get("/{id}", response_class=Response)
async def get_attachment(id: str, app: CurrentApp) -> Response:
    """Return what is in an attachment whose content was sent along.

    Where only an address was sent there is nothing to return: we never fetch it.
    """
    file = await app.database.read(lambda connection: store.get(connection, File, id))
    if file.content is None:
        raise NotFound(f"the content of attachment {id!r} is not here, only its url")
    kind = file.type.split(";")[0].strip().lower()
    return Response(
        content=file.content,
        media_type=kind if kind in SHOWN_AS_IT_IS else BYTES,
        headers={
            "Content-Disposition": disposition(file.name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )


def disposition(name: str) -> str:
    """Return the header that makes a browser save the file under its name, whatever that is."""
    plain = _UNSAFE.sub("_", name).strip("._") or "attachment"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
