"""Models through LiteLLM, against a server that speaks OpenAI's protocol and fails on purpose."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest

from integrations.llm import providers
from integrations.llm.litellm import LiteLLMProvider
from orchestration.errors import (
    ContentRefused,
    ContextTooLong,
    ExternalFailure,
    PermanentFailure,
    TemporaryFailure,
)
from orchestration.types import ModelConfig, ModelRequest, ToolCall
from tests.fakes.openai_server import (
    FAULTS,
    HANG,
    FakeOpenAI,
    Reply,
    Served,
    calling,
    calling_all,
    failing,
    saying,
    stating,
)

ROOT = Path(__file__).parents[2]
FIRST_CALL = ROOT / "tests/integration/first_model_call.py"
KEY = "sk-not-a-real-key-1234567890"
QUESTION = "Does the blue mug fit under a coffee machine?"
GET_ORDER = {
    "type": "function",
    "function": {
        "name": "get_order",
        "description": "Look an order up.",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string"}},
            "required": ["order"],
            "additionalProperties": False,
        },
    },
}
REPLY_SCHEMA = {
    "type": "object",
    "properties": {
        "reply": {"type": "string"},
        "confidence": {"type": "number", "default": 1},
        "sources": {"type": "array", "items": {"$ref": "#/$defs/Source"}},
    },
    "required": ["reply"],
    "$defs": {"Source": {"type": "object", "properties": {"id": {"type": "string"}}}},
}


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What a fault of the server is to us."""

    error: type[ExternalFailure]
    in_doubt: bool = False
    retry_after: float | None = None


FAILURES = {
    "rate limit": Meant(error=TemporaryFailure, retry_after=7),
    "internal error": Meant(error=TemporaryFailure),
    "overloaded": Meant(error=TemporaryFailure),
    "hang": Meant(error=TemporaryFailure, in_doubt=True),
    "reset": Meant(error=TemporaryFailure, in_doubt=True),
    "reset before reading": Meant(error=TemporaryFailure, in_doubt=True),
    "malformed http": Meant(error=TemporaryFailure, in_doubt=True),
    "cut short": Meant(error=TemporaryFailure, in_doubt=True),
    "html page": Meant(error=TemporaryFailure, in_doubt=True),
    "content filter": Meant(error=ContentRefused),
    "context too long": Meant(error=ContextTooLong),
    "wrong key": Meant(error=PermanentFailure),
    "no such model": Meant(error=PermanentFailure),
}
ANSWERS = {
    "empty content": ("", "stop"),
    "null content": (None, "stop"),
    "no choices": (None, "other"),
    "refusal": (None, "refused"),
    "wrong schema": ('{"unasked": 1}', "stop"),
    "invalid json": ('{"reply": "cut off in the mid', "stop"),
    "truncated": ("We are glad to", "length"),
    "unknown tool": (None, "tool_calls"),
    "garbage arguments": (None, "tool_calls"),
    "content filter finish": ("", "filtered"),
}
STATUSES = {
    "408 may work later": (failing(408), TemporaryFailure, False),
    "502 may have been done": (failing(502), TemporaryFailure, True),
    "503 may work later": (failing(503, retry_after="2"), TemporaryFailure, False),
    "504 may have been done": (failing(504), TemporaryFailure, True),
    "an empty account stays empty": (
        failing(429, code="insufficient_quota"),
        PermanentFailure,
        None,
    ),
    "no access": (failing(403), PermanentFailure, None),
    "unpaid": (failing(402), PermanentFailure, None),
    "unprocessable": (failing(422), PermanentFailure, None),
    "too large a body": (failing(413, code="request_too_large"), ContextTooLong, None),
    "a bad request that quotes a rate limit": (
        failing(400, message="Invalid text: 'what is your rate limit for refunds?'"),
        PermanentFailure,
        None,
    ),
    "a broken server that quotes a key": (
        failing(500, message=f"Incorrect API key provided: {KEY}"),
        TemporaryFailure,
        False,
    ),
}


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
async def provider() -> AsyncIterator[LiteLLMProvider]:
    found = LiteLLMProvider()
    # The deadline of a test's request is not there for an import that takes seconds.
    await found.open()
    yield found
    await found.close()


def model_at(server: FakeOpenAI, name: str = "openai/gpt-4o-mini", **extra: Any) -> ModelConfig:
    return ModelConfig(name=name, **({"api_base": server.url, "api_key": KEY} | extra))


def asking(text: str = QUESTION, **extra: Any) -> ModelRequest:
    return ModelRequest(messages=({"role": "user", "content": text},), **extra)


def test_every_fault_of_the_server_is_tried() -> None:
    tried = {**FAILURES, **ANSWERS}

    assert set(tried) == set(FAULTS)


@pytest.mark.parametrize("fault", FAILURES)
async def test_a_fault_becomes_the_right_failure_after_one_request(
    server: FakeOpenAI, provider: LiteLLMProvider, fault: str
) -> None:
    meant = FAILURES[fault]
    server.script(FAULTS[fault])
    model = model_at(server, timeout=0.5 if fault == "hang" else 30.0)

    with pytest.raises(ExternalFailure) as failure:
        await provider.complete(model, asking(tools=(GET_ORDER,)))

    assert type(failure.value) is meant.error
    assert getattr(failure.value, "in_doubt", False) is meant.in_doubt
    assert getattr(failure.value, "retry_after", None) == meant.retry_after
    assert len(server.requests) + server.dropped == 1


@pytest.mark.parametrize("fault", ANSWERS)
async def test_an_odd_answer_is_handed_on_as_it_came_with_its_usage(
    server: FakeOpenAI, provider: LiteLLMProvider, fault: str
) -> None:
    server.script(FAULTS[fault])

    answer = await provider.complete(model_at(server), asking(tools=(GET_ORDER,)))

    assert (answer.text, answer.finish) == ANSWERS[fault]
    assert served(answer.tokens_in, answer.tokens_out) == server.ledger["gpt-4o-mini"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("case", STATUSES)
async def test_a_status_means_more_than_the_words_beside_it(
    server: FakeOpenAI, provider: LiteLLMProvider, case: str
) -> None:
    reply, error, in_doubt = STATUSES[case]
    server.script(reply)

    with pytest.raises(ExternalFailure) as failure:
        await provider.complete(model_at(server), asking())

    assert type(failure.value) is error
    assert getattr(failure.value, "in_doubt", None) is in_doubt
    assert len(server.requests) == 1


async def test_a_date_in_retry_after_is_counted_from_now(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(failing(429, retry_after=formatdate(time() + 3600, usegmt=True)))

    with pytest.raises(TemporaryFailure) as failure:
        await provider.complete(model_at(server), asking())

    assert failure.value.retry_after == pytest.approx(3600, abs=60)


async def test_a_failure_quotes_neither_the_key_nor_the_customer(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(failing(401, code="invalid_api_key", message=f"Bad key {KEY} for {QUESTION!r}"))

    with pytest.raises(PermanentFailure) as failure:
        await provider.complete(model_at(server), asking())

    assert str(failure.value) == "openai/gpt-4o-mini answered 401 (invalid_api_key)"
    assert failure.value.__suppress_context__


async def test_a_failure_is_not_taken_for_the_one_before(
    server: FakeOpenAI, provider: LiteLLMProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.script(FAULTS["rate limit"])

    with pytest.raises(PermanentFailure, match="no API key is set"):
        await fall_back(provider, model_at(server), model_at(server, api_key=None))


@pytest.mark.parametrize(
    "name", ["openai/gpt-4o-mini", "gpt-4o-mini", "anthropic/claude-sonnet-4-5"]
)
async def test_a_missing_key_will_never_work(
    server: FakeOpenAI, provider: LiteLLMProvider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(variable, raising=False)

    with pytest.raises(PermanentFailure):
        await provider.complete(model_at(server, name=name, api_key=None), asking())

    assert server.requests == []


async def test_a_server_that_takes_no_connection_has_surely_done_nothing(
    provider: LiteLLMProvider,
) -> None:
    with FakeOpenAI() as gone:
        model = model_at(gone)

    with pytest.raises(TemporaryFailure) as failure:
        await provider.complete(model, asking())

    assert not failure.value.in_doubt


async def test_a_name_without_provider_or_server_will_never_work(provider: LiteLLMProvider) -> None:
    model = ModelConfig(name="our-own-model", api_key=KEY)

    with pytest.raises(PermanentFailure):
        await provider.complete(model, asking())


async def test_a_name_without_provider_is_asked_of_the_server_in_openais_protocol(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    for name in ("our-own-model", "claude-sonnet-4-5"):
        await provider.complete(model_at(server, name=name), asking())

    assert [asked.body["model"] for asked in server.requests] == [
        "our-own-model",
        "claude-sonnet-4-5",
    ]
    assert set(server.ledger) == {"our-own-model", "claude-sonnet-4-5"}


async def test_the_request_carries_all_that_was_asked(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    request = asking(tools=(GET_ORDER,), schema=REPLY_SCHEMA, max_tokens=77, temperature=0.3)

    await provider.complete(model_at(server), request)

    asked = server.requests[0]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body["messages"] == [{"role": "user", "content": QUESTION}]
    assert asked.body["tools"] == [GET_ORDER]
    assert (asked.body["max_tokens"], asked.body["temperature"]) == (77, 0.3)


async def test_a_schema_is_closed_so_that_strict_mode_takes_it(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    answer = await provider.complete(model_at(server), asking(schema=REPLY_SCHEMA))

    wanted = server.requests[0].body["response_format"]["json_schema"]
    assert wanted["strict"] is True
    assert wanted["schema"]["required"] == ["reply", "confidence", "sources"]
    assert wanted["schema"]["$defs"]["Source"]["additionalProperties"] is False
    assert json.loads(answer.text or "") == {"reply": "x", "confidence": 0, "sources": []}


async def test_a_schema_that_strict_mode_cannot_express_is_sent_as_it_is(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    server.script(stating({"colour": "blue"}))

    await provider.complete(model_at(server), asking(schema=schema))

    wanted = server.requests[0].body["response_format"]["json_schema"]
    assert wanted == {"name": "answer", "schema": schema, "strict": False}


async def test_tool_calls_come_as_the_model_wrote_them(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(calling_all(("get_order", {"order": "1042"}), ("get_order", "{order: 1043")))

    answer = await provider.complete(model_at(server), asking(tools=(GET_ORDER,)))

    assert answer.finish == "tool_calls"
    assert answer.tool_calls == (
        ToolCall(id="call_1", name="get_order", arguments='{"order": "1042"}'),
        ToolCall(id="call_2", name="get_order", arguments="{order: 1043"),
    )


async def test_a_tools_result_goes_back_to_the_model(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(calling("get_order", {"order": "1042"}), saying("It is on its way."))
    first = await provider.complete(model_at(server), asking(tools=(GET_ORDER,)))
    call = first.tool_calls[0]
    function = {"name": call.name, "arguments": call.arguments}
    asked = {"id": call.id, "type": "function", "function": function}
    messages = (
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call.id, "content": '{"status": "in_transit"}'},
    )

    second = await provider.complete(
        model_at(server), ModelRequest(messages=messages, tools=(GET_ORDER,))
    )

    assert (second.text, second.finish) == ("It is on its way.", "stop")


async def test_usage_that_was_not_told_stays_unknown(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(Reply(message={"content": "Yes, it does."}, told=False))

    answer = await provider.complete(model_at(server), asking())

    assert answer.text == "Yes, it does."
    assert (answer.tokens_in, answer.tokens_out) == (None, None)


async def test_the_answer_says_which_model_gave_it(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(Reply(message={"content": "Yes."}, model="gpt-4o-mini-2024-07-18"))

    answer = await provider.complete(model_at(server), asking())

    assert answer.model == "gpt-4o-mini-2024-07-18"


async def test_sixteen_requests_at_once_add_up_to_the_servers_own_count(
    provider: LiteLLMProvider,
) -> None:
    with FakeOpenAI(key=KEY, latency=0.05) as server:
        server.answer_with(lambda body: saying(body["messages"][0]["content"] * 2))
        texts = ["word " * number for number in range(1, 17)]

        answers = await asyncio.gather(
            *(provider.complete(model_at(server), asking(text)) for text in texts)
        )

        told = Served(
            answers=len(answers),
            tokens_in=sum(answer.tokens_in or 0 for answer in answers),
            tokens_out=sum(answer.tokens_out or 0 for answer in answers),
        )
        assert server.ledger == {"gpt-4o-mini": told}
        assert server.unseen == {}


async def test_a_provider_goes_on_after_a_request_that_hung(
    server: FakeOpenAI, provider: LiteLLMProvider
) -> None:
    server.script(HANG)
    with pytest.raises(TemporaryFailure):
        await provider.complete(model_at(server, timeout=0.3), asking())

    answer = await provider.complete(model_at(server), asking())

    assert answer.text == "Hello."


def test_nothing_is_imported_before_the_first_call_and_nothing_phones_home(
    server: FakeOpenAI, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-from-a-file\n")

    ran = subprocess.run(  # noqa: S603
        [sys.executable, FIRST_CALL, server.url],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )

    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    pause = f"longest pause of the event loop {seen['pause']:.2f} s"
    print(f"\n{seen['seconds']:.1f} s, {seen['megabytes']:.0f} MB, {pause}")  # noqa: T201
    assert seen["imported_before"] is False
    assert seen["text"] == "Hello."
    assert seen["connected_to"] == [f"127.0.0.1:{server.url.split(':')[2].removesuffix('/v1')}"]
    assert seen["looked_up"] == []
    assert seen["callbacks"] == []
    assert seen["key_from_file"] is False
    assert ran.stderr == ""


def test_the_list_price_is_exact_and_names_its_version() -> None:
    price = LiteLLMProvider().list_price("openai/gpt-4o-mini")

    assert price
    assert (price.input, price.output) == (Decimal("0.15"), Decimal("0.6"))
    assert price.version == "litellm 1.106.2"
    assert LiteLLMProvider().list_price("gpt-4o-mini") == price


@pytest.mark.parametrize("name", ["our-own-model", "openai/claude-sonnet-4-5", "ollama/llama3"])
def test_a_price_nobody_lists_is_unknown_and_never_nothing(name: str) -> None:
    price = LiteLLMProvider().list_price(name)

    assert price is None


def test_the_provider_is_found_by_its_name() -> None:
    found = providers.get("litellm")

    assert found is LiteLLMProvider


async def fall_back(provider: LiteLLMProvider, first: ModelConfig, second: ModelConfig) -> None:
    try:
        await provider.complete(first, asking())
    except TemporaryFailure:
        await provider.complete(second, asking())


def served(tokens_in: int | None, tokens_out: int | None) -> Served:
    return Served(answers=1, tokens_in=tokens_in or 0, tokens_out=tokens_out or 0)
