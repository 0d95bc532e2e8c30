"""Many at once, on both databases: admins who save, runs under way, processes that take it up."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app import utc_now
from integrations.dispatch.procrastinate import apply_schema
from orchestration import store, workflow
from orchestration.database import Database
from orchestration.errors import Conflict
from orchestration.models import WorkflowVersion
from orchestration.nodes import Outcome, Visit
from orchestration.programs import DEFAULT
from orchestration.publishing import Publishing, Release
from orchestration.types import Intent
from tests.fakes.acts import acting, drafted
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import SHIPPED, act, document

ROOT = Path(__file__).parents[2]
MARIA = Release(author="maria")
ADMINS, TALKS = 10, 50

# Few to learn from, so that the processes are soon ready.
INTENTS = [Intent(name=name, examples=(f"{name} it", f"do {name}")) for name in ("send", "stop")]

# Works as `frontdesk serve` does, and says which version it takes whenever that changes.
WATCH = """
import asyncio, sys
from bot import app, settings

async def watch():
    parts = app.build(settings.read())
    async with parts.running():
        seen = None
        while True:
            if (version := parts.programs.published.version) != seen:
                print(seen := version, flush=True)
            await asyncio.sleep(0.01)

asyncio.run(watch())
"""


def new_publishing(floor: Floor) -> Publishing:
    return Publishing(floor.database, floor.clock, channels=("memory",))


def changed(threshold: float) -> str:
    """Return the shipped document with another threshold."""
    content = workflow.read_document(SHIPPED)
    rules: Any = content["nodes"]["route"]["rules"]
    rules[1]["when"]["all"][1]["at_least"] = threshold
    return workflow.rewrite(SHIPPED, content)


async def test_of_ten_admins_at_once_one_is_first_and_the_others_see_what_it_did(
    database_url: str,
) -> None:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        publishing = new_publishing(floor)
        saves = [
            publishing.save_draft(DEFAULT, changed(0.5 + n / 100), base=1, author=f"admin {n}")
            for n in range(ADMINS)
        ]
        outcomes = await asyncio.gather(*saves, return_exceptions=True)
        verdict = await floor.database.read(store.verify_audit)

    saved = [one for one in outcomes if isinstance(one, WorkflowVersion)]
    refused = [one for one in outcomes if isinstance(one, Conflict)]
    assert (len(saved), len(refused)) == (1, ADMINS - 1)
    assert {one.current["author"] for one in refused} == {saved[0].author}
    assert all(one.current["changes"][0]["rule"] == "sure and simple" for one in refused)
    assert (verdict.entries, verdict.broken) == (2, None)


async def test_ten_who_publish_at_once_get_ten_numbers(database_url: str) -> None:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        publishing = new_publishing(floor)
        texts = [changed(0.5 + n / 100) for n in range(ADMINS)]
        done = await asyncio.gather(
            *(publishing.publish_text(text, MARIA) for text in texts), return_exceptions=True
        )
        versions = await floor.database.read(lambda c: store.list_versions(c, DEFAULT, limit=50))
        newest = await floor.database.read(lambda c: store.find_published(c, DEFAULT))
        verdict = await floor.database.read(store.verify_audit)

    published = [one.version for one in done if not isinstance(one, BaseException)]
    assert all(isinstance(one, Conflict) for one in done if isinstance(one, BaseException))
    assert [row.version for row in versions] == [*sorted(published, reverse=True), 1]
    assert newest is not None
    assert newest.version == max(published)
    assert (verdict.entries, verdict.broken) == (1 + len(published), None)


class Gate:
    """Holds every run that comes to it until it is opened; they answer with the version's words."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.arrived = asyncio.Event()
        self._all_held = asyncio.Event()
        self._opened = asyncio.Event()

    async def first(self, visit: Visit) -> Outcome:
        self.held.append(visit.case.conversation.id)
        self.arrived.set()
        if len(self.held) == TALKS:
            self._all_held.set()
        await self._opened.wait()
        return drafted("first")

    async def second(self, visit: Visit) -> Outcome:
        return drafted("second")

    async def wait(self) -> None:
        async with asyncio.timeout(60):
            await self._all_held.wait()

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    with acting(first=gate.first, second=gate.second):
        yield gate


def working(name: str) -> dict[str, Any]:
    """Return a workflow that does what is called so and sends what it drafts."""
    return document("work", work=act(name, next="send"))


async def test_runs_under_way_end_on_their_own_version(database_url: str, gate: Gate) -> None:
    async with open_floor(database_url, workflow=working("first")) as floor:
        talks = [await floor.say("hello", conversation=f"talk {n}") for n in range(TALKS)]
        floor.clock.now += floor.tools.debounce
        under_way = [asyncio.ensure_future(floor.turns.advance(talk)) for talk in talks]
        await gate.wait()

        await new_publishing(floor).publish_text(json.dumps(working("second")), MARIA)
        await floor.programs.refresh()
        gate.open()
        await asyncio.gather(*under_way)

        ended = [await floor.see(talk) for talk in talks]
        later = await floor.ask("hello", conversation="a new one")

    assert [(talk.run.version, talk.run.status) for talk in ended] == [(1, "done")] * TALKS
    assert [talk.said for talk in ended] == [["first"]] * TALKS
    assert later == ["second"]


async def test_a_run_that_crashed_is_resumed_on_its_own_version(
    database_url: str, gate: Gate
) -> None:
    async with open_floor(database_url, workflow=working("first")) as floor:
        talk = await floor.say("hello")
        floor.clock.now += floor.tools.debounce
        under_way = asyncio.ensure_future(floor.turns.advance(talk))
        await gate.arrived.wait()
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)

        await new_publishing(floor).publish_text(json.dumps(working("second")), MARIA)
        await floor.programs.refresh()
        gate.open()
        await floor.turns.advance(talk)

        ended = await floor.see(talk)
    assert (ended.run.version, ended.run.status, ended.said) == (1, "done", ["first"])


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_two_processes_take_up_what_a_third_publishes(
    database_url: str, tmp_path: Path
) -> None:
    await apply_schema(database_url)
    database = Database(database_url)
    await database.write(lambda c: store.replace_intents(c, INTENTS))
    watchers = [await start_watcher(database_url, tmp_path) for _ in range(2)]
    try:
        assert [await next_version(one) for one in watchers] == [1, 1]
        publishing = Publishing(database, utc_now, channels=())

        await publishing.publish_text(changed(0.9), MARIA)
        assert [await next_version(one) for one in watchers] == [2, 2]

        await publishing.roll_back(DEFAULT, 1, author="maria")
        assert [await next_version(one) for one in watchers] == [3, 3]
    finally:
        for one in watchers:
            if one.returncode is None:
                one.kill()
            await one.wait()
        database.close()


async def start_watcher(url: str, folder: Path) -> asyncio.subprocess.Process:
    settings = {"FRONTDESK_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WATCH,
        cwd=folder,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
    )


async def next_version(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return int(await process.stdout.readline())
