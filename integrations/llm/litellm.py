"""Any provider's models, by LiteLLM: one request per call, and only our own errors."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Final, Literal

import httpx

from integrations.llm import providers
from orchestration.errors import (
    ContentRefused,
    ContextTooLong,
    ExternalFailure,
    FrontdeskError,
    PermanentFailure,
    TemporaryFailure,
)
from orchestration.types import Json, ModelAnswer, ModelConfig, ModelRequest, Price, ToolCall

Finish = Literal["stop", "length", "tool_calls", "filtered", "refused", "other"]

CONNECT_SECONDS = 5.0
LONGEST_WAIT = 24 * 3600.0
PRICE_FILE = "litellm/model_prices_and_context_window_backup.json"
PER_MILLION = 1_000_000

# Read while it is imported. Without these it fetches files from GitHub, loads `.env` into the
# environment of this process, and writes links to its bug tracker into errors.
_SETTINGS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_DISABLE_BUG_REPORT_LINK": "True",
}
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
# Nearly a second of work that would else stop the event loop in the first request.
_LAZY = ("openai.resources", "httpcore", "anyio._backends._asyncio")
_TOOL: Final = {"type": "function", "function": {"name": "noop", "parameters": {"type": "object"}}}

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
# The provider says itself that it has not done the work, or will not bill it.
_NOT_DONE = (408, 425, 429, 500, 503, 529)
_TOO_LONG_CODES = ("context_length_exceeded", "request_too_large")
_FILTER_CODES = ("content_filter", "content_policy_violation")

_FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
}
_LOOSE_KEYWORDS = ("allOf", "oneOf", "not", "if", "patternProperties", "prefixItems")


@dataclass(frozen=True, kw_only=True)
class _Library:
    """What we use of LiteLLM, once it is imported."""

    complete: Callable[..., Awaitable[Json]]
    close_clients: Callable[[], Awaitable[None]]
    forget_clients: Callable[[], None]
    error: type[Exception]


@providers.register("litellm")
class LiteLLMProvider:
    """Makes one request per call; LiteLLM's retries, fallbacks, callbacks and downloads are off.

    LiteLLM takes seconds and 200 MB to import, so it is imported by `open` or the first `complete`.
    """

    def __init__(self) -> None:
        self._library: _Library | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Import LiteLLM off the event loop, so that the first customer does not wait for it."""
        await self._opened()

    async def close(self) -> None:
        """Close the connections that were kept."""
        if self._library:
            await self._library.close_clients()
            self._library.forget_clients()

    async def complete(self, model: ModelConfig, request: ModelRequest) -> ModelAnswer:
        """Make one request; the answer is as the provider gave it, be it empty or no JSON."""
        library = await self._opened()
        try:
            async with asyncio.timeout(model.timeout):
                response = await library.complete(**_arguments(model, request))
        except TimeoutError:
            raise _late(model) from None
        except library.error as error:
            # Its words may quote the prompt or the key, and ours go to logs and pages.
            raise _failure(error, model, library) from None
        return _answer(response)

    def list_price(self, model: str) -> Price | None:
        """Return the list price in LiteLLM's own file; None also where that says 0.

        It says 0 for what is free, for what is paid by month, and where nobody looked.
        """
        listed = _list_prices().get(model)
        if not listed:
            provider, _, bare = model.partition("/")
            listed = _list_prices().get(bare)
            # The same name at another provider, or at a server of one's own, has another price.
            if not listed or not listed.provider.startswith(provider):
                return None
        version = f"litellm {distribution('litellm').version}"
        return Price(input=listed.input, output=listed.output, version=version)

    async def _opened(self) -> _Library:
        async with self._opening:
            if self._library is None:
                self._library = await asyncio.to_thread(_load)
            return self._library


def _load() -> _Library:
    """Import LiteLLM, quiet it, and make it import what it would leave for the first request."""
    os.environ.update(_SETTINGS)
    litellm: Json = import_module("litellm")
    for name in _LAZY:
        import_module(name)
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    # With httpx alone every failure can be told apart by one family of errors.
    litellm.disable_aiohttp_transport = True
    litellm.completion(
        model="openai/gpt-4o-mini",
        messages=[{"role": "user", "content": "Hello"}],
        tools=[_TOOL],
        mock_response="Hello",
        api_key="none",
        max_retries=0,
        **{"no-log": True},
    )
    return _Library(
        complete=litellm.acompletion,
        close_clients=litellm.close_litellm_async_clients,
        forget_clients=litellm.in_memory_llm_clients_cache.flush_cache,
        error=import_module("openai").OpenAIError,
    )


def _arguments(model: ModelConfig, request: ModelRequest) -> dict[str, Json]:
    connect = min(CONNECT_SECONDS, model.timeout)
    arguments: dict[str, Json] = {
        "model": _full_name(model),
        "messages": [dict(message) for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "api_base": model.api_base,
        "api_key": model.api_key,
        "timeout": httpx.Timeout(model.timeout, connect=connect),
        "max_retries": 0,
        "num_retries": 0,
        # Some models refuse a temperature; what they cannot do otherwise shows in the answer.
        "drop_params": True,
        "no-log": True,
    }
    if request.tools:
        arguments["tools"] = [dict(tool) for tool in request.tools]
    if request.schema is not None:
        arguments["response_format"] = _response_format(request.schema)
    return arguments


def _full_name(model: ModelConfig) -> str:
    """Name the provider where the name does not: a server of one's own speaks OpenAI's protocol."""
    if model.api_base and "/" not in model.name:
        return f"openai/{model.name}"
    return model.name


def _response_format(schema: Mapping[str, Json]) -> dict[str, Json]:
    is_strict = _can_be_strict(schema)
    wanted = _strict(schema) if is_strict else dict(schema)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": wanted, "strict": is_strict},
    }


def _strict(schema: Mapping[str, Json]) -> dict[str, Json]:
    """Close all objects and require all their fields, as strict mode demands."""
    closed = {key: value for key, value in schema.items() if key != "default"}
    for key in ("properties", "$defs"):
        if key in closed:
            closed[key] = {name: _strict(part) for name, part in closed[key].items()}
    if "items" in closed:
        closed["items"] = _strict(closed["items"])
    if "anyOf" in closed:
        closed["anyOf"] = [_strict(part) for part in closed["anyOf"]]
    if "properties" in closed:
        closed |= {"additionalProperties": False, "required": list(closed["properties"])}
    return closed


def _can_be_strict(schema: Mapping[str, Json]) -> bool:
    """Tell whether strict mode can express a schema: no open objects, no exotic keywords."""
    is_open = schema.get("type") == "object" and "properties" not in schema
    if (
        is_open
        or schema.get("additionalProperties")
        or any(key in schema for key in _LOOSE_KEYWORDS)
    ):
        return False
    return all(_can_be_strict(part) for part in _parts(schema))


def _parts(schema: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for key in ("properties", "$defs"):
        yield from schema.get(key, {}).values()
    yield from schema.get("anyOf", ())
    if "items" in schema:
        yield schema["items"]


def _answer(response: Json) -> ModelAnswer:
    choice = response.choices[0] if response.choices else None
    message = choice.message if choice else None
    tokens_in, tokens_out = _tokens(response)
    return ModelAnswer(
        text=message.content if message else None,
        finish=_finish(choice) if choice else "other",
        tool_calls=tuple(_tool_calls(message)) if message else (),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        model=response.model or "",
    )


def _tokens(response: Json) -> tuple[int | None, int | None]:
    """Return the provider's count; LiteLLM puts zeros where the provider told none."""
    usage = getattr(response, "usage", None)
    if not usage or not usage.prompt_tokens:
        return None, None
    return usage.prompt_tokens, usage.completion_tokens


def _finish(choice: Json) -> Finish:
    extra = getattr(choice.message, "provider_specific_fields", None) or {}
    if extra.get("refusal") or getattr(choice.message, "refusal", None):
        return "refused"
    finish = _FINISHES.get(choice.finish_reason or "", "other")
    return "tool_calls" if finish == "stop" and choice.message.tool_calls else finish


def _tool_calls(message: Json) -> Iterator[ToolCall]:
    for number, call in enumerate(message.tool_calls or (), start=1):
        yield ToolCall(
            id=call.id or f"call_{number}",
            name=call.function.name or "",
            arguments=call.function.arguments or "",
        )


def _failure(error: Exception, model: ModelConfig, library: _Library) -> ExternalFailure:
    """Return what an error means, by what happened on the wire before by what LiteLLM calls it.

    LiteLLM searches the provider's words for phrases: a 400 that quotes a customer's "rate limit"
    becomes its RateLimitError, a reset connection or a missing key its InternalServerError.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, httpx.HTTPStatusError):
            return _refusal(error, cause.response, model.name)
        if isinstance(cause, _NOT_SENT):
            return TemporaryFailure(f"{model.name} cannot be reached: {type(cause).__name__}")
        if isinstance(cause, httpx.TimeoutException):
            return _late(model)
        if isinstance(cause, httpx.TransportError):
            message = f"{model.name} broke off: {type(cause).__name__}"
            return TemporaryFailure(message, in_doubt=True)
    if any(type(cause) is library.error for cause in causes):
        return PermanentFailure(f"no API key is set for {model.name}")
    return _unsent(error, model.name)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it; a failure of ours belongs to an earlier request."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, FrontdeskError):
        yield cause
        cause = cause.__cause__ or cause.__context__


def _refusal(error: Exception, response: httpx.Response, name: str) -> ExternalFailure:
    """Return what a response other than 2xx means."""
    status, code = response.status_code, _code(response)
    message = f"{name} answered {status}" + (f" ({code})" if code else "")
    retry_after = _retry_after(response.headers)
    if status in _NOT_DONE and code != "insufficient_quota":
        return TemporaryFailure(message, retry_after=retry_after)
    if status >= 500:
        # A gateway may have lost sight of a model that did the work.
        return TemporaryFailure(message, retry_after=retry_after, in_doubt=True)
    return _permanent(error, message, code)


def _permanent(error: Exception, message: str, code: str) -> PermanentFailure:
    kind = type(error).__name__
    if code in _TOO_LONG_CODES or kind == "ContextWindowExceededError":
        return ContextTooLong(message)
    if code in _FILTER_CODES or kind == "ContentPolicyViolationError":
        return ContentRefused(message)
    return PermanentFailure(message)


def _unsent(error: Exception, name: str) -> ExternalFailure:
    """Return what an error means that came without a response and without a broken connection."""
    status = getattr(error, "status_code", 500)
    message = f"{name} failed: {type(error).__name__}"
    if 400 <= status < 429 and status != 408:
        return _permanent(error, message, "")
    return TemporaryFailure(message, in_doubt=True)


def _late(model: ModelConfig) -> TemporaryFailure:
    message = f"{model.name} did not answer within {model.timeout:g} s"
    return TemporaryFailure(message, in_doubt=True)


def _code(response: httpx.Response) -> str:
    """Return the provider's code for an error, where it gives one that is a plain word."""
    with suppress(ValueError, httpx.StreamError):
        body = response.json()
        error = body.get("error") if isinstance(body, dict) else None
        code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
        if isinstance(code, str) and re.fullmatch(r"[\w.-]{1,60}", code):
            return code
    return ""


def _retry_after(headers: httpx.Headers) -> float | None:
    """Read `Retry-After`, seconds or a date, as seconds from now."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return min(float(text), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)


@dataclass(frozen=True, kw_only=True)
class _ListPrice:
    """USD per million tokens, and whose model it is."""

    provider: str
    input: Decimal
    output: Decimal


@cache
def _list_prices() -> Mapping[str, _ListPrice]:
    """Read the file that comes with LiteLLM, without importing LiteLLM."""
    text = Path(str(distribution("litellm").locate_file(PRICE_FILE))).read_text(encoding="utf-8")
    found: dict[str, _ListPrice] = {}
    # Decimal: a price of 1.5e-07 per token must not become 0.15000000000000002 per million.
    for name, entry in json.loads(text, parse_float=Decimal).items():
        price = _list_price(entry)
        if price:
            found |= dict.fromkeys([name, *(entry.get("aliases") or ())], price)
    return found


def _list_price(entry: Mapping[str, Json]) -> _ListPrice | None:
    costs = [entry.get(f"{way}_cost_per_token") for way in ("input", "output")]
    sent, said = (PER_MILLION * Decimal(cost or 0) for cost in costs)
    if None in costs or not (sent or said):
        return None
    return _ListPrice(provider=entry.get("litellm_provider", ""), input=sent, output=said)
