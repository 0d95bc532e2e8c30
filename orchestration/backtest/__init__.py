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
from orchestration.backtest.report import ERASED, Examples, Summary, change_document, kept
from orchestration.context import Toolbox
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.programs import Programs
from orchestration.store import RecordedTurn
from orchestration.types import Json

__all__ = ["Backtest", "Batch", "Change", "Decision", "Judge", "change_of", "kept"]

LAST = 1000
_BATCH = 200
# The newest turns say best what a step leads to.
_LEARNED_FROM = 2000


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch of turns has brought; `done` of `total` turns are through."""

    done: int
    total: int
    changes: tuple[Change, ...]


Keep = Callable[[Batch], Awaitable[None]]


async def _keep_nothing(batch: Batch) -> None:
    """Let the changes go."""


class Backtest:
    """Decides recorded turns by one version and adds up the differences."""

    def __init__(self, tools: Toolbox, programs: Programs, program: Program) -> None:
        self._tools = quiet(tools)
        self._has_tier = tools.has_tier
        self._programs = programs
        self._program = program

    async def run(
        self, *, last: int | None = LAST, since: datetime | None = None, keep: Keep = _keep_nothing
    ) -> dict[str, Json]:
        """Return the report over the newest turns, at most `last`, none older than `since`.

        `keep` is given the changes batch by batch, so that they need not all fit into memory.
        """
        database, name = self._tools.database, self._program.workflow.name
        total, first = await database.read(
            lambda c: store.count_recorded(c, name, last=last, since=since)
        )
        summary = Summary(zone=self._tools.shop.zone)
        lost, examples = list[Change](), Examples()
        judge = Judge(
            program=self._program,
            tools=self._tools,
            has_tier=self._has_tier,
            forecast=await self._forecast(first, total),
            then=dict[tuple[str, int], Program](),
        )
        after = None
        while batch := await self._read(first, after, min(_BATCH, total - summary.turns)):
            after = batch[-1].position
            judge = replace(judge, then=await versions_of(self._programs, batch, judge.then))
            changes = await apart(_decide_all, judge, batch, summary)
            lost += [change for change in changes if change.is_lost]
            for change in changes:
                examples.add(change)
            await keep(Batch(done=summary.turns, total=total, changes=tuple(changes)))
        return await self._report(summary, lost, list(examples))

    async def _read(
        self, first: store.Position | None, after: store.Position | None, limit: int
    ) -> list[RecordedTurn]:
        if limit <= 0:
            return []
        name = self._program.workflow.name
        return await self._tools.database.read(
            lambda c: store.list_recorded(c, name, first=first, after=after, limit=limit)
        )

    async def _forecast(self, first: store.Position | None, total: int) -> Forecast:
        """Learn what steps lead to from the newest turns among those that are looked at."""
        forecast = Forecast(self._program, self._has_tier)
        name = self._program.workflow.name
        learned = min(total, _LEARNED_FROM)
        _, start = await self._tools.database.read(
            lambda c: store.count_recorded(c, name, last=learned, since=None)
        )
        after = None
        while learned > 0 and (batch := await self._read(start, after, min(_BATCH, learned))):
            after, learned = batch[-1].position, learned - len(batch)
            for turn in batch:
                forecast.learn(turn)
        return forecast

    async def _report(
        self, summary: Summary, lost: Sequence[Change], examples: Sequence[Change]
    ) -> dict[str, Json]:
        shown = {change.run_id for change in (*lost, *examples)}
        texts = await self._tools.database.read(partial(store.read_texts, runs=sorted(shown)))
        return {
            **summary.document(),
            "urgent_lost": [change_document(one, texts[one.run_id]) for one in lost],
            "examples": [change_document(one, texts[one.run_id]) for one in examples],
        }


async def _decide_all(
    judge: Judge, batch: Sequence[RecordedTurn], summary: Summary
) -> list[Change]:
    changes = []
    for turn in batch:
        if turn.is_erased:
            summary.skip(turn, ERASED)
            continue
        decision = await judge.decide(turn)
        change = change_of(turn, decision)
        summary.add(turn, decision, change)
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
