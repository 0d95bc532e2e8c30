"""Turns every error into `application/problem+json` (RFC 9457), in one place."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from orchestration.errors import (
    BadInput,
    Conflict,
    DatabaseAway,
    FrontdeskError,
    GatesRefuse,
    InvalidWorkflow,
    LimitReached,
    NotAuthenticated,
    TooLarge,
)

log = logging.getLogger(__name__)

# The type of the validation error of a text over the limit, which is a 413.
TOO_LARGE = "text_too_large"
_WORDS = {
    "extra_forbidden": "is not known; leave it out",
    "model_attributes_type": "is not a JSON object sent as Content-Type: application/json",
    "model_type": "is not a JSON object",
}


def install(api: FastAPI) -> None:
    """Answer all errors of an application in this form."""
    api.add_exception_handler(FrontdeskError, _known)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _plain)
    api.add_exception_handler(Exception, _unexpected)


def problem(
    status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return one problem document."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(content, status, dict(headers or {}), media_type="application/problem+json")


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FrontdeskError)  # noqa: S101
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    match error:
        case BadInput(field=str(field)):
            more["errors"] = [{"field": field, "message": str(error)}]
        case InvalidWorkflow(problems=problems):
            more["problems"] = list(problems)
        case GatesRefuse(refusals=refusals):
            more["gates"] = list(refusals)
        case Conflict(current=current) if current:
            more["current"] = current
        case DatabaseAway(reason=reason):
            log.warning("database away", extra={"path": request.url.path, "reason": reason})
            headers["Retry-After"] = str(round(error.retry_after))
        case LimitReached(retry_after=seconds):
            headers["Retry-After"] = str(max(1, round(seconds)))
        case NotAuthenticated():
            headers["WWW-Authenticate"] = "Bearer"
    return problem(error.status, error.title, str(error), headers, **more)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [_field_problem(one) for one in error.errors()]
    words = "; ".join(f"{one['field'] or 'body'}: {one['message']}" for one in found)
    is_too_large = any(one.get("type") == TOO_LARGE for one in error.errors())
    kind = TooLarge if is_too_large else BadInput
    return problem(kind.status, kind.title, words, errors=found)


def _field_problem(error: Mapping[str, Any]) -> dict[str, str]:
    if error["type"] == "json_invalid":
        # Its place is a position in the text, not a field.
        return {"field": "", "message": f"is not JSON: {error['ctx']['error']}"}
    places: Sequence[Any] = error["loc"]
    path = ".".join(str(place) for place in places if place not in ("body", "query", "path"))
    message = _WORDS.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
    # The name of an unknown field may be half a character, which no answer can carry.
    return {"field": path.encode(errors="replace").decode(), "message": message}


async def _plain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    # FastAPI makes a 400 without words of whatever is raised while it reads a body.
    cause = error.__cause__
    if isinstance(cause, FrontdeskError):
        return await _known(request, cause)
    if isinstance(cause, ValueError | RecursionError):
        return await _known(request, BadInput("the body cannot be read as JSON in UTF-8"))
    title = HTTPStatus(error.status_code).phrase
    return problem(error.status_code, title, str(error.detail), error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", exc_info=error, extra={"path": request.url.path})
    return problem(500, "Internal error", "Something failed on our side; it has been logged.")
