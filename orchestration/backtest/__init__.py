"""Tries a version of a workflow on turns that were recorded; nothing is asked, sent or changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from orchestration import store
from orchestration.backtest.decisions import Change, Decision, Judge, change_of
from orchestration.backtest.forecast import Forecast
from orchestration.backtest.quiet import apart, quiet
from orchestration.backtest.report import ERASED, Examples, Figures, Summary, kept
from orchestration.context import Toolbox
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.programs import Programs
from orchestration.store import RecordedTurn
from orchestration.types import Json

__all__ = ["Backtest", "Batch", "Change", "Decision", "Judge", "Judging", "change_of", "kept"]

LAST = 1000
BATCH = 200
# The newest turns say best what a step leads to.
LEARNED_FROM = 2000


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch of turns has brought; `done` of `total` turns are through."""

    done: int
    total: int
    changes: tuple[Change, ...]


Keep = Callable[[Batch], Awaitable[None]]


async def _keep_nothing(batch: Batch) -> None:
    """Let the changes go."""


class Judging:
    """Gets a version ready to decide recorded turns: what it costs, and what turns really took."""

    def __init__(self, tools: Toolbox, programs: Programs, program: Program) -> None:
        self.program = program
        self._database = tools.database
        self._programs = programs
        self._judge = Judge(
            program=program,
            tools=quiet(tools),
            has_tier=tools.has_tier,
            forecast=Forecast(program, tools.has_tier),
        )

    async def learn(self, turns: int = LEARNED_FROM) -> None:
        """Learn what steps lead to, from the newest turns."""
        name, left = self.program.workflow.name, min(turns, LEARNED_FROM)
        _, first = await self._database.read(
            lambda c: store.count_recorded(c, name, last=left, since=None)
        )
        after = None
        while left > 0 and (batch := await self.read(first, after, min(BATCH, left))):
            after, left = batch[-1].position, left - len(batch)
            for turn in batch:
                self._judge.forecast.learn(turn)

    async def judge(self, batch: Sequence[RecordedTurn]) -> Judge:
        """Return who decides these turns, with the versions that they really took."""
        then = await versions_of(self._programs, batch, self._judge.then)
        self._judge = replace(self._judge, then=then)
        return self._judge

    async def read(
        self, first: store.Position | None, after: store.Position | None, limit: int
    ) -> list[RecordedTurn]:
        """Read the next recorded turns of the workflow."""
        name = self.program.workflow.name
        return await self._database.read(
            lambda c: store.list_recorded(c, name, first=first, after=after, limit=limit)
        )


class Backtest:
    """Decides recorded turns by one version and adds up the differences."""

    def __init__(self, tools: Toolbox, programs: Programs, program: Program) -> None:
        self._database = tools.database
        self._zone = tools.shop.zone
        self._judging = Judging(tools, programs, program)

    async def run(
        self, *, last: int | None = LAST, since: datetime | None = None, keep: Keep = _keep_nothing
    ) -> dict[str, Json]:
        """Return the report over the newest turns, at most `last`, none older than `since`.

        `keep` is given the changes batch by batch, so that they need not all fit into memory.
        """
        name = self._judging.program.workflow.name
        total, first = await self._database.read(
            lambda c: store.count_recorded(c, name, last=last, since=since)
        )
        await self._judging.learn(total)
        summary = Summary(zone=self._zone)
        lost, examples = list[Json](), Examples()
        after = None
        while (left := total - summary.turns) > 0:
            batch = await self._judging.read(first, after, min(BATCH, left))
            if not batch:
                break
            after = batch[-1].position
            judge = await self._judging.judge(batch)
            changes = await apart(_decide_all, judge, batch, summary)
            for change in changes:
                told = {**kept(change), "run_id": change.run_id}
                examples.add(told)
                if change.is_lost:
                    lost.append(told)
            await keep(Batch(done=summary.turns, total=total, changes=tuple(changes)))
        return await self._report(summary, lost, examples.chosen())

    async def _report(
        self, summary: Summary, lost: Sequence[Json], examples: Sequence[Json]
    ) -> dict[str, Json]:
        shown = sorted({change["run_id"] for change in (*lost, *examples)})
        texts = await self._database.read(partial(store.read_texts, runs=shown))

        def told(changes: Sequence[Json]) -> list[Json]:
            return [{**change, "text": texts[change["run_id"]]} for change in changes]

        return {**summary.document(), "urgent_lost": told(lost), "examples": told(examples)}


async def _decide_all(
    judge: Judge, batch: Sequence[RecordedTurn], summary: Summary
) -> list[Change]:
    changes = []
    for turn in batch:
        if turn.is_erased:
            summary.skip(turn.at, ERASED)
            continue
        decision = await judge.decide(turn)
        change = change_of(turn, decision)
        summary.add(Figures.of(turn, decision, change))
        if change:
            changes.append(change)
    return changes


async def versions_of(
    programs: Programs,
    turns: Sequence[RecordedTurn],
    known: Mapping[tuple[str, int], Program] = MappingProxyType({}),
) -> Mapping[tuple[str, int], Program]:
    """Return the versions that turns really took; one that cannot be read any more is left out."""
    found = dict(known)
    for key in {(turn.workflow, turn.version) for turn in turns} - set(found):
        # A version that an older release wrote may not pass this one's checks.
        with suppress(NotFound, InvalidWorkflow):
            found[key] = await programs.get(*key)
    return found
