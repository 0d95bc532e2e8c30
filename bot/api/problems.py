"""Turns every error into `application/problem+json` (RFC 9457), in one place."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from orchestration.errors import (
    BadInput,
    Conflict,
    FrontdeskError,
    InvalidWorkflow,
    LimitReached,
    NotAuthenticated,
    TooLarge,
)

log = logging.getLogger(__name__)


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


def validated(error: ValidationError) -> FrontdeskError:
    """Return a body's validation error as ours, naming each field."""
    found = [_field_problem(one) for one in error.errors(include_url=False, include_input=False)]
    words = "; ".join(f"{one['field'] or 'body'}: {one['message']}" for one in found)
    if any(one["message"].endswith("kB") and "longer than" in one["message"] for one in found):
        return TooLarge(words)
    return BadInput(words, field=found[0]["field"])


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FrontdeskError)  # noqa: S101
    headers: dict[str, str] = {}
    more: dict[str, Any] = {}
    match error:
        case BadInput(field=str(field)):
            more["errors"] = [{"field": field, "message": str(error)}]
        case InvalidWorkflow(problems=problems):
            more["problems"] = list(problems)
        case Conflict(current=current) if current:
            more["current"] = current
        case LimitReached(retry_after=seconds):
            headers["Retry-After"] = str(max(1, round(seconds)))
        case NotAuthenticated():
            headers["WWW-Authenticate"] = "Bearer"
    return problem(error.status, error.title, str(error), headers, **more)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [_field_problem(one) for one in error.errors()]
    words = "; ".join(f"{one['field'] or 'body'}: {one['message']}" for one in found)
    return problem(422, BadInput.title, words, errors=found)


def _field_problem(error: Mapping[str, Any]) -> dict[str, str]:
    places: Sequence[Any] = error.get("loc", ())
    path = [str(place) for place in places if place not in ("body", "query", "path")]
    message = str(error.get("msg", "")).removeprefix("Value error, ")
    if error.get("type") == "extra_forbidden":
        message = "is not known; leave it out"
    return {"field": ".".join(path), "message": message}


async def _plain(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    title = HTTPStatus(error.status_code).phrase
    return problem(error.status_code, title, str(error.detail), error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("request failed", exc_info=error, extra={"path": request.url.path})
    return problem(500, "Internal error", "Something failed on our side; it has been logged.")
