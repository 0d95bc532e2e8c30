"""Asks a model for the first time in a process, and prints what that took and touched, as JSON."""

import asyncio
import json
import os
import resource
import sys
import time
from typing import Any

from integrations.llm.litellm import LiteLLMProvider
from orchestration.types import ModelConfig, ModelRequest

connected_to: set[str] = set()
looked_up: set[str] = set()


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        connected_to.add(":".join(map(str, arguments[1][:2])))
    if event == "socket.getaddrinfo" and arguments[0] not in ("127.0.0.1", b"127.0.0.1", None):
        looked_up.add(str(arguments[0]))


async def longest_pause(until: asyncio.Event) -> float:
    longest = 0.0
    while not until.is_set():
        started = time.perf_counter()
        await asyncio.sleep(0.01)
        longest = max(longest, time.perf_counter() - started)
    return longest


async def call(api_base: str) -> dict[str, Any]:
    provider = LiteLLMProvider()
    provider.list_price("gpt-4o-mini")
    imported_before = "litellm" in sys.modules
    ended = asyncio.Event()
    pause = asyncio.create_task(longest_pause(ended))
    started = time.perf_counter()
    answer = await provider.complete(
        ModelConfig(name="gpt-4o-mini", api_base=api_base, api_key="sk-test"),
        ModelRequest(messages=({"role": "user", "content": "Hello?"},)),
    )
    seconds = time.perf_counter() - started
    ended.set()
    litellm: Any = sys.modules["litellm"]
    callbacks = [*litellm.callbacks, *litellm.success_callback, *litellm.failure_callback]
    await provider.close()
    return {
        "text": answer.text,
        "imported_before": imported_before,
        "seconds": seconds,
        "pause": await pause,
        "callbacks": [str(each) for each in callbacks],
        "key_from_file": "OPENAI_API_KEY" in os.environ,
    }


def main() -> None:
    sys.addaudithook(watch)
    seen = asyncio.run(call(sys.argv[1]))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seen |= {"megabytes": memory, "connected_to": sorted(connected_to)}
    json.dump(seen | {"looked_up": sorted(looked_up)}, sys.stdout)


if __name__ == "__main__":
    main()
