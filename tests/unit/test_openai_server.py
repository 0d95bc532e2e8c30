"""What the fake of OpenAI's server counts and refuses; its sockets are tried by test_litellm."""

from typing import Any

import pytest
from jsonschema import validate

from tests.fakes.openai_rules import (
    completion_tokens,
    example_of,
    problem,
    prompt_tokens,
    tokens_of,
)

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_order", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "{}"}
SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["refund", "return"]},
        "text": {"type": "string", "minLength": 3},
        "count": {"type": "integer", "minimum": 2},
        "notes": {"type": "array", "items": {"$ref": "#/$defs/Note"}, "minItems": 1},
        "order": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "sure": {"type": ["boolean", "null"]},
    },
    "required": ["kind", "text", "count", "notes", "order", "sure"],
    "additionalProperties": False,
    "$defs": {
        "Note": {
            "type": "object",
            "properties": {"text": {"const": "n"}},
            "required": ["text"],
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("one", 2), ("a b c d e f g h i j", 13)])
def test_tokens_are_thirteen_for_ten_words_rounded_up(text: str, tokens: int) -> None:
    assert tokens_of(text) == tokens


def test_a_prompt_is_billed_with_all_its_messages_and_tools() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    tools = [{"type": "function"}]

    counted = prompt_tokens({"messages": messages, "tools": tools})

    assert counted == tokens_of("Be brief.") + tokens_of("Hello") + tokens_of("a b")


def test_an_answer_is_billed_with_its_refusal_and_its_calls() -> None:
    message = {"content": "Well", "refusal": "I will not", "tool_calls": [CALL]}

    counted = completion_tokens(message)

    assert counted == tokens_of("Well") + tokens_of("I will not") + tokens_of("get_order {}")


def test_the_example_of_a_schema_is_valid() -> None:
    example = example_of(SCHEMA)

    validate(example, SCHEMA)
    assert example["notes"] == [{"text": "n"}]


@pytest.mark.parametrize(
    ("messages", "is_taken"),
    [
        ([{"role": "user", "content": "Hello"}], True),
        ([{"role": "assistant", "tool_calls": [CALL]}, RESULT], True),
        ([{"role": "assistant", "tool_calls": [CALL]}], False),
        ([{"role": "assistant", "tool_calls": [CALL]}, {"role": "user"}, RESULT], False),
        ([RESULT], False),
        ([], False),
    ],
)
def test_each_call_of_a_tool_needs_its_result(messages: list[Any], is_taken: bool) -> None:
    found = problem({"model": "gpt-4o-mini", "messages": messages})

    assert (found is None) is is_taken


@pytest.mark.parametrize(
    ("schema", "is_strict", "is_taken"),
    [
        (SCHEMA, True, True),
        ({"type": "object", "properties": {}}, True, False),
        ({"type": "object", "properties": {}}, False, True),
        ({**SCHEMA, "required": ["kind"]}, True, False),
        ({"type": "no such type"}, False, False),
    ],
)
def test_a_strict_schema_must_be_closed_and_complete(
    schema: dict[str, Any], is_strict: bool, is_taken: bool
) -> None:
    wanted = {"name": "answer", "schema": schema, "strict": is_strict}
    body = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hello"}],
        "response_format": {"type": "json_schema", "json_schema": wanted},
    }

    found = problem(body)

    assert (found is None) is is_taken


@pytest.mark.parametrize("body", [None, [], {"model": "x"}, {"messages": [{}]}, {"model": 3}])
def test_a_body_without_model_or_messages_is_refused(body: Any) -> None:
    found = problem(body)

    assert found
