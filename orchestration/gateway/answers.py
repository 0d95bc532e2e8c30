"""What makes an answer usable, how it is read, and how a model is told what was wrong with it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeGuard, TypeVar, cast

from jsonschema import Draft202012Validator, ValidationError
from pydantic import BaseModel
from pydantic import ValidationError as ModelError

from orchestration.gateway.failures import Cure, Unusable
from orchestration.types import Json, ModelAnswer, ModelRequest, ToolCall

T = TypeVar("T")
Reader = type[BaseModel] | Callable[[ModelAnswer], Any] | None

_REPAIR = (
    "Your last answer cannot be used: {flaw}. Answer the same request again in full, in the form "
    "that was asked for, and say nothing of this correction."
)
_FAILED_FINISHES: dict[str, tuple[str, Cure]] = {
    "length": ("it was cut off at the longest length allowed; be briefer", "repair"),
    "filtered": ("the provider's content filter withheld it", "leave"),
    "refused": ("the model refused", "leave"),
}


@dataclass(frozen=True, kw_only=True)
class Completion(Generic[T]):
    """An answer that can be used, who gave it, and how many requests that took."""

    answer: ModelAnswer
    tier: str
    model: str
    calls: int
    found: T | None

    @property
    def value(self) -> T:
        """What was read out of the answer; there is nothing to read in one that calls tools."""
        if self.answer.tool_calls:
            raise ValueError("the model called tools and has not answered yet")
        return cast("T", self.found)


def shape(request: ModelRequest, read: Reader) -> ModelRequest:
    """Return the request asking for the shape of the model it will be read into."""
    if _is_shape(read) and request.schema is None:
        return replace(request, schema=read.model_json_schema())
    return request


def use(answer: ModelAnswer, request: ModelRequest, read: Reader) -> Any:
    """Return what is read out of an answer, None where it calls tools; raises `Unusable`."""
    if answer.finish in _FAILED_FINISHES:
        raise Unusable(*_FAILED_FINISHES[answer.finish])
    if answer.tool_calls:
        for call in answer.tool_calls:
            _check_tool_call(call, request)
        return None
    if not (answer.text or "").strip():
        raise Unusable("it is empty", "repeat")
    return _read(answer, request, read)


def repair(request: ModelRequest, said: str | None, flaw: Unusable) -> ModelRequest:
    """Return the request with what the failed answer said, and what was wrong with it."""
    failed = [{"role": "assistant", "content": said}] if said else []
    complaint = {"role": "user", "content": _REPAIR.format(flaw=flaw)}
    return replace(request, messages=(*request.messages, *failed, complaint))


def _read(answer: ModelAnswer, request: ModelRequest, read: Reader) -> Any:
    text = answer.text or ""
    try:
        if _is_shape(read):
            return read.model_validate_json(_bare(text))
        if read is not None:
            return cast("Callable[[ModelAnswer], Any]", read)(answer)
        return text if request.schema is None else _parse(text, request.schema)
    except ModelError as error:
        raise Unusable(_describe(error), "repair") from None
    except ValueError as error:
        raise Unusable(str(error), "repair") from None


def _is_shape(read: Reader) -> TypeGuard[type[BaseModel]]:
    return isinstance(read, type)


def _check_tool_call(call: ToolCall, request: ModelRequest) -> None:
    offered = {tool["function"]["name"]: tool["function"] for tool in request.tools}
    if call.name not in offered:
        names = ", ".join(sorted(offered)) or "none"
        raise Unusable(f"it calls a tool that does not exist; there are: {names}", "repair")
    try:
        _parse(call.arguments, offered[call.name].get("parameters") or {"type": "object"})
    except ValueError as error:
        raise Unusable(f"the arguments of {call.name}: {error}", "repair") from None


def _parse(text: str, schema: Mapping[str, Json]) -> Json:
    """Return the JSON in a text if it fits a schema; raises `ValueError` saying what is wrong."""
    try:
        value = json.loads(_bare(text))
    except ValueError:
        raise ValueError("it is not valid JSON") from None
    error = next(Draft202012Validator(dict(schema)).iter_errors(value), None)
    if error is not None:
        raise ValueError(_place(error))
    return value


def _bare(text: str) -> str:
    """Return the text without the fence that models like to put around JSON."""
    text = text.strip()
    if not (text.startswith("```") and text.endswith("```")):
        return text
    return text[3:-3].strip().removeprefix("json").strip()


# What was wrong is kept in the ledger, so it names places and rules and never the text there.
def _place(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").lstrip(".") or "the answer"
    expected = json.dumps(error.validator_value, ensure_ascii=False)[:200]
    return f"{where} breaks the rule {error.validator}: {expected}"


def _describe(error: ModelError) -> str:
    flaws = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(
        f"{'.'.join(map(str, flaw['loc'])) or 'the answer'}: {flaw['msg']}" for flaw in flaws[:5]
    )
