"""A model's requests per minute: waited for where there is time, else the next model is asked."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.llm.litellm import LiteLLMProvider
from orchestration.gateway import ModelsFailed, Tiers
from orchestration.types import ModelConfig
from tests.fakes.models import CHEAP, NOW, Asking, asking
from tests.fakes.openai_server import FakeOpenAI

KEY = "sk-not-a-real-key-1234567890"
LIMIT = 3
FAST, SLOW = "openai/fast", "openai/slow"

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Hands:
    """A clock for both sides, which only the waits of a gateway move."""

    def __init__(self) -> None:
        self.process: Asking | None = None

    def __call__(self) -> float:
        return (self.process.now - NOW).total_seconds() if self.process else 0.0


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def server(hands: Hands) -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY, limits={"fast": LIMIT}, clock=hands) as fake:
        yield fake


@pytest.fixture
async def process(database_url: str, server: FakeOpenAI, hands: Hands) -> AsyncIterator[Asking]:
    """A process that knows how many requests the fast model takes; the slow one takes any."""
    provider = LiteLLMProvider()
    await provider.open()
    fast = ModelConfig(
        name=FAST, api_base=server.url, api_key=KEY, price=CHEAP, requests_per_minute=LIMIT
    )
    slow = replace(fast, name=SLOW, requests_per_minute=None)
    async with asking(
        database_url, provider=provider, tiers=Tiers({"light": [fast, slow]})
    ) as found:
        hands.process = found
        yield found
    await provider.close()


def unlimited(process: Asking) -> Tiers:
    first, *others = process.tiers.models("light")
    return Tiers({"light": [replace(first, requests_per_minute=None), *others]})


async def ask(process: Asking, run: str, *, used: timedelta = timedelta()) -> str:
    """Ask on behalf of a run of its own that has used so much of its time; return who answered."""
    await process.open_run(run)
    if used:
        milliseconds = round(used / timedelta(milliseconds=1))
        await process.book(run, "earlier", cost="0", ms=milliseconds)
    return str((await process.ask(run)).model)


@sqlite_alone
async def test_the_server_itself_refuses_what_goes_beyond_its_limit(
    process: Asking, server: FakeOpenAI
) -> None:
    unwary = replace(process, tiers=unlimited(process))

    answered = [await ask(unwary, f"run-{number}") for number in range(2, 2 + LIMIT + 1)]

    assert answered == [FAST] * LIMIT + [SLOW]
    assert server.refused["fast"] >= 1


async def test_the_next_model_is_asked_where_the_wait_would_take_too_long(
    process: Asking, server: FakeOpenAI
) -> None:
    answered = [await ask(process, f"run-{number}") for number in range(2, 2 + LIMIT + 2)]

    assert answered == [FAST] * LIMIT + [SLOW] * 2
    assert server.refused["fast"] == 0
    assert process.waited == []


@sqlite_alone
async def test_a_short_wait_is_waited_out(process: Asking, server: FakeOpenAI) -> None:
    for number in range(2, 2 + LIMIT):
        await ask(process, f"run-{number}")
        process.now += timedelta(seconds=10)

    answered = await ask(process, "patient")

    assert answered == FAST
    assert process.waited == [60 - 10 * LIMIT]
    assert server.refused["fast"] == 0


@sqlite_alone
async def test_a_wait_is_measured_by_the_time_that_the_run_has_left(process: Asking) -> None:
    for number in range(2, 2 + LIMIT):
        await ask(process, f"run-{number}")
        process.now += timedelta(seconds=10)

    answered = await ask(process, "hurried", used=timedelta(seconds=20))

    assert answered == SLOW
    assert process.waited == []


@sqlite_alone
async def test_a_full_minute_is_named_as_the_reason(process: Asking) -> None:
    fast = process.tiers.models("light")[:1]
    alone = replace(process, tiers=Tiers({"light": fast}))
    for number in range(2, 2 + LIMIT):
        await ask(alone, f"run-{number}")

    with pytest.raises(ModelsFailed, match=f"fast: has had its {LIMIT} requests of this minute"):
        await ask(alone, "run-9")


async def test_processes_share_a_minute(process: Asking, server: FakeOpenAI) -> None:
    others = [replace(process) for _ in range(3)]
    runs = [f"run-{number}" for number in range(2, 14)]

    answered = await asyncio.gather(
        *(ask(others[number % 3], run) for number, run in enumerate(runs))
    )

    assert answered.count(FAST) == LIMIT
    assert server.refused["fast"] == 0
