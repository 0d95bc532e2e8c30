"""Trials of drafts that outlive who asked for them: backtests on record, and shadows."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from orchestration import store
from orchestration.backtest import BATCH, Backtest, Batch, Judging, kept
from orchestration.backtest.decisions import Judge, change_of
from orchestration.backtest.quiet import apart
from orchestration.backtest.report import ERASED, KINDS, Examples, Figures, Summary
from orchestration.context import Toolbox
from orchestration.engine import Program
from orchestration.errors import Conflict, DatabaseAway, NotFound, describe
from orchestration.models import Trial, TrialTurn
from orchestration.programs import Programs
from orchestration.shop import Shop
from orchestration.store import RecordedTurn
from orchestration.types import Json

log = logging.getLogger(__name__)

# Longer than any batch takes; whoever is silent for so long is gone, and another begins again.
_LEASE = timedelta(minutes=1)
# A run's end may be committed so much later than the moment it bears.
_LATE = timedelta(minutes=5)
_MOST_SHOWN = 2000
# What turns lead to and cost changes slowly.
_LEARN_EVERY = timedelta(hours=1)
_LOOKS_EACH = 0.1


# What is told of a change whose customer has been erased since.
_ERASED: Mapping[str, Json] = {
    **dict.fromkeys(("at", "urgency", "risk", "human_before", "human_after", "exact")),
    **dict.fromkeys(f"{name}_{when}" for name in KINDS for when in ("before", "after")),
    "path_before": [],
    "path_after": [],
    "why": ERASED,
}


class _Stopped(Exception):
    """Somebody has stopped the trial, or taken it over."""


class Trials:
    """Begins, does and reports trials; any process may do what another was asked for."""

    def __init__(self, tools: Toolbox, programs: Programs) -> None:
        self._tools = tools
        self._programs = programs
        self._judging: dict[str, tuple[Judging, datetime]] = {}

    async def begin_backtest(
        self, name: str, *, last: int | None, since: datetime | None, author: str
    ) -> Trial:
        """Ask for a backtest of the draft; raises `NotFound` where there is none."""
        return await self._begin(name, "backtest", author, status="waiting", last=last, since=since)

    async def begin_shadow(self, name: str, *, author: str) -> Trial:
        """Let the draft decide beside the version in use, from the next turn that ends.

        Raises `NotFound` where there is no draft, `Conflict` where one does so already.
        """
        return await self._begin(name, "shadow", author, status="running")

    async def stop(self, id: str, *, author: str) -> Trial:
        """Stop a trial; what it has decided stays. Raises `NotFound`, `Conflict` where it ended."""
        return await self._tools.database.write(lambda c: self._stop(c, id, author), durable=True)

    async def work(self) -> None:
        """Do the backtests that nobody works on, and let the shadows decide what has ended."""
        now = self._tools.clock()
        for trial in await self._tools.database.read(
            lambda c: store.list_unfinished_trials(c, now=now)
        ):
            try:
                if trial.kind == "shadow":
                    await self._shadow(trial)
                else:
                    await self._backtest(trial)
            except DatabaseAway:
                raise
            except Exception as error:
                # Whatever is wrong with a draft, the next trial is none the worse for it.
                log.exception("trial failed", extra={"trial": trial.id})
                await self._change(trial.id, status="failed", error=describe(error), **self._over())

    async def wait(self, id: str, *, seconds: float) -> Trial:
        """Return a trial once it has ended, or after some time as it is then."""
        clock = asyncio.get_running_loop().time
        ends = clock() + seconds
        trial = await self.get(id)
        while trial.status in ("waiting", "running") and clock() < ends:
            await asyncio.sleep(_LOOKS_EACH)
            trial = await self.get(id)
        return trial

    async def get(self, id: str) -> Trial:
        """Return a trial as it is now; raises `NotFound`."""
        return await self._tools.database.read(lambda c: store.get(c, Trial, id))

    async def report(self, trial: Trial) -> dict[str, Json] | None:
        """Return what a trial has found, with messages as they are stored now; None before that."""
        shop = self._tools.shop
        return await self._tools.database.read(lambda c: _report(c, trial, shop))

    async def _begin(
        self,
        name: str,
        kind: str,
        author: str,
        *,
        status: str,
        last: int | None = None,
        since: datetime | None = None,
    ) -> Trial:
        draft = await self._tools.database.read(lambda c: store.find_draft(c, name))
        if draft is None:
            raise NotFound(f"the workflow {name!r} has no draft")
        # A text that cannot be walked is refused here, and not when nobody is looking.
        await self._programs.get(name, draft.version)
        trial = Trial(
            id=store.new_id(),
            kind=kind,
            workflow=name,
            version=draft.version,
            status=status,
            author=author,
            created_at=self._tools.clock(),
            last=last,
            since=since,
        )
        await self._tools.database.write(partial(_add, trial=trial), durable=True)
        return trial

    def _stop(self, connection: Connection, id: str, author: str) -> Trial:
        trial = store.get(connection, Trial, id)
        now = self._tools.clock()
        if trial.status not in ("waiting", "running"):
            raise Conflict(f"the {trial.kind} {id} is {trial.status} already")
        store.stop_trial(connection, id, now=now)
        if trial.kind == "shadow":
            _audit(connection, trial, "shadow.stopped", author, now)
        return store.get(connection, Trial, id)

    async def _backtest(self, trial: Trial) -> None:
        now = self._tools.clock()
        claimed = await self._tools.database.write(
            lambda c: store.claim_trial(c, trial.id, now=now, until=now + _LEASE)
        )
        if not claimed:
            return
        program = await self._programs.get(trial.workflow, trial.version)
        backtest = Backtest(self._tools, self._programs, program)
        try:
            report = await backtest.run(
                last=trial.last, since=trial.since, keep=partial(self._keep, trial.id)
            )
        except _Stopped:
            return
        # What names messages is put together anew for every reader.
        figures = {name: report[name] for name in report if name not in ("urgent_lost", "examples")}
        await self._change(trial.id, status="done", report=figures, **self._over())

    async def _keep(self, id: str, batch: Batch) -> None:
        decided = [
            TrialTurn(
                trial_id=id,
                run_id=change.run_id,
                conversation_id=change.conversation_id,
                at=change.at,
                is_changed=True,
                is_lost=change.is_lost,
                details=kept(change),
            )
            for change in batch.changes
        ]
        until = self._tools.clock() + _LEASE

        def keep(connection: Connection) -> bool:
            values = {"done": batch.done, "total": batch.total, "leased_until": until}
            is_ours = store.change_trial(connection, id, **values)
            if is_ours:
                store.record_trial_turns(connection, decided)
            return is_ours

        if not await self._tools.database.write(keep):
            raise _Stopped(id)

    async def _shadow(self, trial: Trial) -> None:
        """Decide the turns that have ended since the last look."""
        program = await self._programs.get(trial.workflow, trial.version)
        while batch := await self._tools.database.read(partial(_ended, trial=trial)):
            judging = await self._judge(trial, program)
            judge = await judging.judge(batch)
            decided = await apart(_decide_all, judge, batch, trial.id)
            await self._tools.database.write(partial(_record, trial=trial.id, decided=decided))
            if len(batch) < BATCH:
                return

    async def _judge(self, trial: Trial, program: Program) -> Judging:
        known = self._judging.get(trial.id)
        now = self._tools.clock()
        if known is None or now - known[1] > _LEARN_EVERY:
            judging = Judging(self._tools, self._programs, program)
            await judging.learn()
            known = self._judging[trial.id] = (judging, now)
        return known[0]

    def _over(self) -> dict[str, Json]:
        return {"finished_at": self._tools.clock(), "leased_until": None}

    async def _change(self, id: str, **values: Json) -> None:
        await self._tools.database.write(partial(store.change_trial, id=id, **values))


def _add(connection: Connection, trial: Trial) -> None:
    if trial.kind == "shadow":
        if store.find_shadow(connection, trial.workflow):
            raise Conflict(f"a draft of {trial.workflow!r} decides in the shadow already; stop it")
        store.add(connection, trial)
        _audit(connection, trial, "shadow.started", trial.author, trial.created_at)
        return
    store.add(connection, trial)


def _audit(connection: Connection, trial: Trial, action: str, actor: str, now: datetime) -> None:
    details = {"trial": trial.id, "version": trial.version}
    store.record_audit(
        connection,
        actor=actor,
        action=action,
        subject=f"workflow {trial.workflow}",
        details=details,
        now=now,
    )


def _ended(connection: Connection, trial: Trial) -> list[RecordedTurn]:
    newest = store.newest_end(connection, trial.id)
    since = max(trial.created_at, newest - _LATE) if newest else trial.created_at
    return store.list_ended_since(
        connection, trial.workflow, since=since, unless=store.decided_in(trial.id), limit=BATCH
    )


async def _decide_all(judge: Judge, batch: Sequence[RecordedTurn], trial: str) -> list[TrialTurn]:
    return [await _decide(judge, turn, trial) for turn in batch]


async def _decide(judge: Judge, turn: RecordedTurn, trial: str) -> TrialTurn:
    decision = await judge.decide(turn)
    change = change_of(turn, decision)
    figures = {"figures": Figures.of(turn, decision, change).as_json()}
    return TrialTurn(
        trial_id=trial,
        run_id=turn.run_id,
        conversation_id=turn.conversation_id,
        at=turn.at,
        is_changed=change is not None,
        is_lost=change is not None and change.is_lost,
        details={**figures, **(kept(change) if change else {})},
    )


def _record(connection: Connection, trial: str, decided: Sequence[TrialTurn]) -> None:
    store.record_trial_turns(connection, decided)
    store.change_trial(connection, trial, done=store.count_trial_turns(connection, trial))


def _report(connection: Connection, trial: Trial, shop: Shop) -> dict[str, Json] | None:
    figures = trial.report
    if trial.kind == "shadow":
        figures = _sum_up(connection, trial, shop).document()
    if figures is None:
        return None
    list_turns = partial(store.list_trial_turns, connection, trial.id, limit=_MOST_SHOWN)
    examples, changed = Examples(), list_turns()
    by_run = {turn.run_id: turn for turn in changed}
    for turn in changed:
        if turn.details:
            examples.add({**turn.details, "run_id": turn.run_id})
    shown = [by_run[one["run_id"]] for one in examples.chosen()]
    return {
        **figures,
        "urgent_lost": changes_of(connection, list_lost(connection, trial.id)),
        "examples": changes_of(connection, shown),
    }


def list_lost(connection: Connection, trial: str) -> list[TrialTurn]:
    """Return every urgent or risky turn that might lose its human; none is left out."""
    found: list[TrialTurn] = []
    after = None
    while page := store.list_trial_turns(
        connection, trial, only_lost=True, after=after, limit=_MOST_SHOWN
    ):
        found += page
        after = (page[-1].at, page[-1].run_id)
    return found


def changes_of(connection: Connection, turns: Sequence[TrialTurn]) -> list[dict[str, Json]]:
    """Return what was decided about turns as the API shows it; of an erased one little is left."""
    told = store.with_texts(connection, turns)
    return [{**_ERASED, **{name: one[name] for name in one if name != "figures"}} for one in told]


def _sum_up(connection: Connection, trial: Trial, shop: Shop) -> Summary:
    """Add up what a shadow has decided; what was erased since counts as not to be judged."""
    summary = Summary(zone=shop.zone)
    after = None
    while page := store.list_trial_turns(
        connection, trial.id, only_changed=False, after=after, limit=_MOST_SHOWN
    ):
        for turn in page:
            if turn.details:
                summary.add(Figures.from_json(turn.details["figures"]))
            else:
                summary.skip(turn.at, ERASED)
        after = (page[-1].at, page[-1].run_id)
    return summary
