"""How Slack is called: one client that never repeats by itself, and what its failures mean."""

from collections.abc import Awaitable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from orchestration.errors import ExternalFailure, PermanentFailure, TemporaryFailure

REQUEST_SECONDS = 8
# Slack says of these that some of what was asked may have been done.
_DOUBTFUL = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
_CURES = {
    "account_inactive": "the app was removed from the workspace: install it again",
    "channel_not_found": "there is no such channel, or it is private: invite the app with /invite",
    "invalid_auth": "SLACK_BOT_TOKEN is not valid: copy it anew from OAuth & Permissions",
    "is_archived": "the channel is archived",
    "not_in_channel": "the app is not in the channel: invite it with /invite",
    "token_revoked": "SLACK_BOT_TOKEN was revoked: install the app again",
}


def new_client(token: str, *, base_url: str, seconds: float = REQUEST_SECONDS) -> AsyncWebClient:
    """Return a client of the Web API; nothing is sent yet."""
    return AsyncWebClient(
        token=token,
        base_url=base_url,
        timeout=seconds,  # type: ignore[arg-type]
        # The default one posts again what Slack accepted before the connection broke.
        retry_handlers=[],
    )


async def call(answer: Awaitable[Any]) -> Mapping[str, Any]:
    """Return what Slack answers; raises as `ask` does."""
    data: Mapping[str, Any] = (await ask(answer)).data
    return data


async def ask(answer: Awaitable[Any]) -> Any:
    """Return the client's response, with its headers.

    Raises `PermanentFailure` where it refuses; `TemporaryFailure` with `retry_after` where it asks
    to wait, and `in_doubt` where nobody knows whether it was done.
    """
    try:
        return await answer
    except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise failure_of(error) from error


def failure_of(error: Exception) -> ExternalFailure:
    """Return what an error of the client means."""
    if isinstance(error, SlackApiError):
        return _failure_of_answer(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return TemporaryFailure(f"Slack cannot be reached: {error}")
    words = f"Slack gave no answer: {type(error).__name__}"
    return TemporaryFailure(words, in_doubt=True)


def _failure_of_answer(error: SlackApiError) -> ExternalFailure:
    # The answer comes in three shapes: with a dict, with a text, or as aiohttp's own response.
    response: Any = error.response
    status: int = getattr(response, "status_code", None) or getattr(response, "status", 0) or 0
    data = getattr(response, "data", None)
    reason = data.get("error") if isinstance(data, Mapping) else None
    if status == 429 or reason in ("ratelimited", "rate_limited"):
        return TemporaryFailure("Slack asks to wait", retry_after=_wait_of(response))
    if not reason or reason in _DOUBTFUL or status >= 500:
        return TemporaryFailure(f"Slack failed ({reason or status})", in_doubt=True)
    assert isinstance(data, Mapping)  # noqa: S101
    return PermanentFailure(f"Slack refuses: {reason}{_explain(reason, data)}")


def _wait_of(response: Any) -> float:
    headers = getattr(response, "headers", None) or {}
    found = {str(name).lower(): value for name, value in headers.items()}.get("retry-after", "1")
    try:
        return max(float(found), 0.0)
    except ValueError:
        return 1.0


def _explain(reason: str, data: Mapping[str, Any]) -> str:
    if reason == "missing_scope":
        return f" {data.get('needed')}; add it to the app and install it again"
    if reason in _CURES:
        return f"; {_CURES[reason]}"
    messages = (data.get("response_metadata") or {}).get("messages") or []
    return f" ({'; '.join(messages)})" if messages else ""
