"""What OpenAI's chat protocol demands of a request, and what our fake of it counts.

Tokens are counted by a rule of our own, exact and the same on every machine: 13 for every ten words
begun, of what is said, of the tools and of the schema (`tokens_of`).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

Json = Any


def tokens_of(*texts: str) -> int:
    """Count the tokens of texts: words x 1.3, rounded up for each text."""
    return sum(-(-len(text.split()) * 13 // 10) for text in texts)


def prompt_tokens(body: Json) -> int:
    """Count what a request is billed: its messages, tools and schema."""
    fields = [body.get("tools"), body.get("response_format")]
    extra = [json.dumps(each) for each in fields if each]
    return tokens_of(*(said for message in body["messages"] for said in _words(message)), *extra)


def completion_tokens(message: Mapping[str, Json]) -> int:
    """Count what an answer is billed: its text, refusal and calls of tools."""
    return tokens_of(*_words(message))


def example_of(schema: Mapping[str, Json]) -> Json:
    """Return the plainest value a JSON schema allows."""
    return _example(schema, root=schema)


def problem(body: Json) -> str | None:
    """Say what OpenAI would not take in a request."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "We could not parse the JSON body of your request."
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return "Missing required parameter: 'messages'."
    if body.get("stream"):
        return "This server does not stream."
    return _unanswered_call(body["messages"]) or _loose_schema(body)


def _words(message: Mapping[str, Json]) -> Iterator[str]:
    content = message.get("content") or ""
    if isinstance(content, str):
        yield content
    else:
        yield from (part.get("text", "") for part in content)
    yield message.get("refusal") or ""
    for call in message.get("tool_calls") or ():
        yield f"{call['function']['name']} {call['function']['arguments']}"


def _unanswered_call(messages: list[Json]) -> str | None:
    """Say which call of a tool has no result, or which result no call."""
    waiting: list[str] = []
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                return "messages with role 'tool' must follow a message with 'tool_calls'."
            waiting.remove(message["tool_call_id"])
        elif waiting:
            break
        waiting += [call["id"] for call in message.get("tool_calls") or ()]
    return f"tool_call_ids without a response message: {', '.join(waiting)}" if waiting else None


def _loose_schema(body: Json) -> str | None:
    """Say what a strict schema lacks: all its objects are closed and all their fields required."""
    wanted = (body.get("response_format") or {}).get("json_schema")
    if not wanted:
        return None
    try:
        Draft202012Validator.check_schema(wanted["schema"])
    except SchemaError as error:
        return f"Invalid schema for response_format: {error.message}"
    if not wanted.get("strict"):
        return None
    for part in _objects(wanted["schema"]):
        if part.get("additionalProperties") is not False:
            return "Invalid schema: 'additionalProperties' is required to be false."
        if set(part.get("required", ())) != set(part.get("properties", {})):
            return "Invalid schema: 'required' must include every key in properties."
    return None


def _objects(schema: Json) -> Iterator[Mapping[str, Json]]:
    if isinstance(schema, list):
        for part in schema:
            yield from _objects(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from _objects(part)


def _example(schema: Mapping[str, Json], *, root: Mapping[str, Json]) -> Json:
    if "$ref" in schema:
        return _example(_resolved(schema["$ref"], root), root=root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _example(schema[key][0], root=root)
    kind = schema.get("type", "null")
    return _example_of_type(kind[0] if isinstance(kind, list) else kind, schema, root)


def _example_of_type(kind: str, schema: Mapping[str, Json], root: Mapping[str, Json]) -> Json:
    if kind == "object":
        fields = schema.get("properties", {})
        wanted = schema.get("required", ())
        return {name: _example(fields[name], root=root) for name in wanted}
    if kind == "array":
        return [_example(schema["items"], root=root)] * schema.get("minItems", 0)
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return {"string": "x" * max(schema.get("minLength", 1), 1), "boolean": False}.get(kind)


def _resolved(reference: str, root: Mapping[str, Json]) -> Mapping[str, Json]:
    found: Json = root
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return dict(found)
