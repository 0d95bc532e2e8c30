import asyncio
import itertools
import random
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass

import pytest

from integrations.dispatch import procrastinate
from tests.chaos.scene import (
    PATIENCE_SECONDS,
    Died,
    Facts,
    Process,
    Scene,
    check,
)
from tests.chaos.stage import Stage

HI = "hi"
RISKY = "I will call my lawyer"
BOTH = "cancel 1043 and where is 1042?"
TEXTS = ("hi", "hello", "good morning", "hey")
CUSTOMERS = 5
MESSAGES_EACH = 4
SOME_BOUNDARIES = (6, 15)
LIMIT_SECONDS = procrastinate.STALLED_SECONDS

# More at once would wait for a processor, not for a clock.
AT_ONCE = 8


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
    Story(name="two parts that charge", first=BOTH, workflow="chaos"),
)


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


async def told(
    stage: Stage, where: str, story: Story, *fuses: int, is_idempotent: bool = False
) -> Told:
    async with stage.scene(where, story.workflow, is_idempotent=is_idempotent) as scene:
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


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_a_kill_at_some_boundaries_breaks_no_promise(stage: Stage, where: str) -> None:
    stories = await gather(
        *(told(stage, where, story, fuse) for story in STORIES for fuse in SOME_BOUNDARIES)
    )

    assert [one for one in stories if not one.deaths] == []


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("story", "is_idempotent"), [*((story, False) for story in STORIES), (STORIES[0], True)]
)
@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_a_kill_at_any_boundary_and_another_soon_after_break_no_promise(
    stage: Stage, where: str, story: Story, is_idempotent: bool
) -> None:
    whole = await told(stage, where, story, is_idempotent=is_idempotent)
    seconds = random.Random(whole.passed)  # noqa: S311

    once = [(first,) for first in range(1, whole.passed + 1)]
    twice = [(first, seconds.randint(1, whole.passed)) for (first,) in once[::3]]
    stories = await gather(
        *(
            told(stage, where, story, *fuses, is_idempotent=is_idempotent)
            for fuses in (*once, *twice)
        )
    )

    # How often a conversation is looked at in vain differs, so the last boundary may not be there.
    unharmed = [one for one in stories if not one.deaths]
    assert len(unharmed) * 10 < len(stories)


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.chaos)])
@pytest.mark.parametrize(("where", "workers"), [("sqlite", 1), ("postgres", 1), ("postgres", 2)])
async def test_kills_at_random_moments_break_no_promise(
    stage: Stage, where: str, workers: int, kills: int
) -> None:
    async with stage.scene(where, "chaos") as scene:
        storm = Storm(scene, seed=kills, workers=workers)

        await storm.rage(kills)

        facts = await quiet(scene, *storm.crew)
        check(scene, facts)
        assert len(scene.acknowledged) > kills


async def test_a_wake_that_waits_when_the_worker_dies_is_not_lost(stage: Stage) -> None:
    async with stage.scene("postgres", "chaos") as scene:
        door, worker = await scene.bear(works=False), await scene.bear()
        await scene.say(door, "customer", "slow")
        await until_reached(scene)
        await scene.say(door, "customer", HI)
        await until_wakes(scene, "todo", 1)

        await worker.kill()
        assert await wakes(scene) == {"doing": 1, "todo": 1}
        scene.gate.touch()
        another = await scene.bear()

        check(scene, await quiet(scene, another))


@pytest.mark.parametrize("where", ["sqlite", pytest.param("postgres", marks=pytest.mark.chaos)])
async def test_a_message_that_kills_three_times_ends_at_a_human_and_others_go_on(
    stage: Stage, where: str
) -> None:
    others = [f"visitor {number}" for number in range(4)]
    async with stage.scene(where, "chaos") as scene:
        process = await scene.bear()
        for other in others:
            await scene.say(process, other, HI)
        await scene.say(process, "mallory", "poison")

        facts, deaths = await outlive(scene, process)

        check(scene, facts)
        assert deaths == 3
        case = facts.of("mallory")
        assert [run.status for run in case.runs] == ["failed"]
        assert len(case.escalations) == len(case.deliveries) == 1
        outcomes = {other: [run.outcome for run in facts.of(other).runs] for other in others}
        assert outcomes == {other: ["send"] for other in others}


async def test_two_processes_share_the_work_and_one_takes_over_from_the_other(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    # More than one of them takes at a time.
    count = 24
    async with stage.scene("postgres", "chaos") as scene:
        door, one, other = [await scene.bear(works=works) for works in (False, True, True)]
        for number in range(count):
            await scene.say(door, f"customer {number}", "slow")
        await until_wakes(scene, "doing", count)
        held = await scene.query(
            "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' GROUP BY worker_id"
        )

        began = time.monotonic()
        await one.kill()
        scene.gate.touch()
        facts = await quiet(scene, other)
        took = time.monotonic() - began

        check(scene, facts)
        assert len(held) == 2
        assert {shown.process for shown in scene.shown()} == {other.pid}
    with capsys.disabled():
        sys.stdout.write(f"\ntook over and answered in {took:.1f} s (limit {LIMIT_SECONDS} + 1)\n")


class Storm:
    """Customers who write all the time, to processes that are killed all the time."""

    def __init__(self, scene: Scene, *, seed: int, workers: int) -> None:
        self.crew: list[Process] = []
        self._scene = scene
        self._workers = workers
        self._chance = random.Random(seed)  # noqa: S311
        self._door: Process | None = None
        self._is_over = False

    async def rage(self, kills: int) -> None:
        """Kill so many times, then let all customers finish."""
        self.crew = [await self._scene.bear() for _ in range(self._workers)]
        if not self._scene.url.startswith("sqlite"):
            self._door = await self._scene.bear(works=False)
        writing = [asyncio.create_task(self._write(number)) for number in range(CUSTOMERS)]
        for _ in range(kills):
            await asyncio.sleep(self._chance.uniform(0.05, 1.2))
            victim = self._chance.randrange(self._workers)
            await self.crew[victim].kill()
            if self._workers > 1:
                await asyncio.sleep(self._chance.uniform(0, 1))
            self.crew[victim] = await self._scene.bear()
        self._is_over = True
        await asyncio.gather(*writing)

    async def _write(self, number: int) -> None:
        # A conversation that has come to a human stays there; a new one goes to the bot.
        for said in itertools.count():
            if self._is_over:
                return
            customer = f"customer {number} about matter {said // MESSAGES_EACH}"
            await self._insist(customer, self._chance.choice(TEXTS))
            await asyncio.sleep(self._chance.uniform(0.02, 0.6))

    async def _insist(self, customer: str, text: str) -> None:
        """Repeat a message until it is acknowledged."""
        id = self._scene.new_id()
        while id not in self._scene.acknowledged:
            try:
                await self._scene.say(self._door or self.crew[0], customer, text, id)
            except Died:
                await asyncio.sleep(0.05)


async def outlive(scene: Scene, process: Process) -> tuple[Facts, int]:
    """Replace a process whenever it dies, until all is quiet; returns how often that was."""
    deaths = 0
    while True:
        try:
            return await quiet(scene, process), deaths
        except Died:
            deaths += 1
            process = await scene.bear()


async def wakes(scene: Scene) -> dict[str, int]:
    found = await scene.query(
        "SELECT status::text, count(*)::int FROM procrastinate_jobs GROUP BY status"
    )
    return {str(status): int(count) for status, count in found}


async def until_reached(scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not scene.reached.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_wakes(scene: Scene, status: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await wakes(scene)).get(status) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
