"""A process is killed while a refund is carried out: at most once, and a human knows of a doubt."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.chaos.scene import PATIENCE_SECONDS, Died, Facts, Process, Scene
from tests.chaos.stage import Stage
from tests.fakes.http_shop import ShopServer

AT_ONCE = 4
# By name, so that each is met wherever it stands.
MOMENTS = (
    "before the shop is asked",
    "while the shop keeps its answer",
    "after the shop has answered",
)
HELD = MOMENTS[1]
MOST_DEATHS = 3


@dataclass(frozen=True, kw_only=True)
class Told:
    """How it went: how many processes died, what the last passed, what is on record and done."""

    deaths: int
    passed: int
    facts: Facts
    outcome: str | None
    done: int


class Teller:
    """Lets a customer ask for a refund and an agent release it, whatever dies meanwhile."""

    def __init__(self, scene: Scene, shop: ShopServer) -> None:
        self._scene = scene
        self._shop = shop
        self.deaths = 0

    async def tell(self, fuse: int | str | None) -> Told:
        """Go through it to its end, with the fuse lit as the agent releases."""
        process = await self._scene.bear()
        await self._scene.say(process, "customer", "I want a refund for 1042")
        approval = await self._until(self._waiting)
        is_held = fuse == HELD
        self._shop.holds = is_held
        await process.ask(arm=None if is_held else fuse)
        killing = asyncio.create_task(self._kill(process)) if is_held else None
        while True:
            try:
                if await self._waiting():
                    await process.ask(release=approval)
                if killing:
                    await killing
                facts, passed = await self._quiet(process)
                break
            except Died:
                process, killing = await self._replace(), None
        [(outcome,)] = await self._scene.query("SELECT outcome FROM approvals")
        done = len(self._shop.done)
        return Told(deaths=self.deaths, passed=passed, facts=facts, outcome=outcome, done=done)

    async def _kill(self, process: Process) -> None:
        """Kill the process once the shop has done it and still owes the answer."""
        await asyncio.to_thread(self._shop.has_done.wait, PATIENCE_SECONDS)
        self._shop.holds = False
        await process.kill()
        raise Died(HELD)

    async def _replace(self) -> Process:
        while True:
            self.deaths += 1
            assert self.deaths <= MOST_DEATHS
            with contextlib.suppress(Died):
                return await self._scene.bear()

    async def _waiting(self) -> str | None:
        found = await self._scene.query("SELECT id FROM approvals WHERE status = 'open'")
        return str(found[0][0]) if found else None

    async def _until(self, find: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await find()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def _quiet(self, process: Process) -> tuple[Facts, int]:
        """Return the facts once the run has ended and nobody does anything; may raise `Died`."""
        before = -1
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                passed = (await process.ask(count=True))["passed"]
                facts = await self._scene.settled()
                has_ended = facts and not [run for run in facts.runs if run.status == "waiting"]
                if facts and has_ended and passed == before:
                    return facts, passed
                before = passed
                await asyncio.sleep(0.1)


async def told(stage: Stage, where: str, *, knows_keys: bool, fuse: int | str | None) -> Told:
    with ShopServer(knows_keys=knows_keys) as shop:
        async with stage.scene(where, "refund", shop=shop) as scene:
            try:
                found = await Teller(scene, shop).tell(fuse)
                require(found)
            except Exception as error:
                kind = "knows keys" if knows_keys else "knows no keys"
                error.add_note(f"killed {fuse!r} on {where}, shop {kind}; {scene.folder}")
                raise
    return found


def require(told: Told) -> None:
    """Assert that it was done at most once, and that a human knows where nobody can."""
    assert told.done <= 1
    (run,) = told.facts.runs
    if told.outcome == "done":
        assert (told.done, run.outcome, told.facts.escalations) == (1, "send", [])
        return
    (case,) = told.facts.escalations
    assert case.status == "open"
    known = {"not_done": "this was not done", "unknown": "nobody knows whether this was done"}
    words = known.get(str(told.outcome), "nobody knows whether this was done")
    assert words in case.reason
    assert told.outcome != "not_done" or told.done == 0


async def gather(*works: Awaitable[Told]) -> list[Told]:
    free = asyncio.Semaphore(AT_ONCE)

    async def take_turn(work: Awaitable[Told]) -> Told:
        async with free:
            return await work

    return await asyncio.gather(*map(take_turn, works))


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
@pytest.mark.parametrize("knows_keys", [True, False])
async def test_a_kill_around_the_refund_does_it_at_most_once_and_a_human_knows(
    stage: Stage, where: str, knows_keys: bool
) -> None:
    stories = await gather(
        *(told(stage, where, knows_keys=knows_keys, fuse=moment) for moment in MOMENTS)
    )

    assert [story.deaths for story in stories] == [1] * len(MOMENTS)
    # A shop that knows keys is asked again; of any other nobody can tell, and a human is told.
    done = "done" if knows_keys else None
    assert [story.outcome == done for story in stories] == [knows_keys] * len(MOMENTS)
    assert [story.done for story in stories] == [1 if knows_keys else 0, 1, 1]


@pytest.mark.chaos
@pytest.mark.parametrize("where", ["sqlite", "postgres"])
@pytest.mark.parametrize("knows_keys", [True, False])
async def test_a_kill_at_any_boundary_of_a_refund_does_it_at_most_once(
    stage: Stage, where: str, knows_keys: bool
) -> None:
    whole = await told(stage, where, knows_keys=knows_keys, fuse=None)

    stories = await gather(
        *(
            told(stage, where, knows_keys=knows_keys, fuse=boundary)
            for boundary in range(1, whole.passed + 1)
        )
    )

    assert (whole.done, whole.outcome) == (1, "done")
    # How often a conversation is looked at in vain differs, so the last may not be there.
    unharmed = [one for one in stories if not one.deaths]
    assert len(unharmed) * 5 < len(stories)
