"""What a conversation needs next: deliveries, the unfinished run, a new turn, and reminders."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from orchestration import boards, endings, escalated, part_runs, parts, store
from orchestration.classification import Facts, split
from orchestration.context import Case, Toolbox, identify, look_up, open_case, read_memory
from orchestration.delivery import Postman
from orchestration.endings import Ending
from orchestration.engine import Program, RunFailed, Stop, Walk, is_bound
from orchestration.errors import DatabaseAway, Fenced, Superseded, describe
from orchestration.interfaces import Channel
from orchestration.journal import Journal
from orchestration.models import Conversation, Message, Run
from orchestration.parts import Part
from orchestration.programs import Programs
from orchestration.store import Hold
from orchestration.types import ConversationId, Json

log = logging.getLogger(__name__)

T = TypeVar("T")

# After so many supersedes the next run answers what it saw; later messages form the next turn.
MOST_SUPERSEDES = 2
# A run that is taken up so often without a new step in between kills its process.
MOST_RESUMES = 3


class _Suspect(Exception):
    """The run was taken up before and did not get on; it may be what kills the process."""


class Turns:
    """Does what is due in a conversation; idempotent, however often and early it is called."""

    def __init__(self, tools: Toolbox, programs: Programs, channels: Mapping[str, Channel]) -> None:
        self._tools = tools
        self._programs = programs
        report = partial(escalated.report_undelivered, tools=tools)
        self._postman = Postman(tools, channels, report)
        self._one_suspect = asyncio.Lock()

    async def advance(self, conversation: ConversationId) -> datetime | None:
        """Do what is due and return when the conversation is next due, or None."""
        try:
            held = await self._write(lambda c: store.take(c, conversation, self._tools.clock()))
            if held is None:
                return None
            await look_up(self._tools, held.conversation)
            await self._work(held)
            return await self._write(
                lambda c: store.settle(
                    c, held, now=self._tools.clock(), debounce=self._tools.debounce
                )
            )
        except Fenced:
            # Whoever took the conversation does what is due.
            log.info("fenced", extra={"conversation": conversation})
            return None
        except DatabaseAway as away:
            # Whoever takes it next goes on from what is on record; the sweep is sure to find it.
            log.warning("left due", extra={"conversation": conversation, "reason": away.reason})
            return self._tools.clock() + timedelta(seconds=away.retry_after)

    async def _work(self, held: Hold) -> None:
        await self._postman.deliver_due(held)
        await self._write(lambda c: escalated.keep_time(c, self._tools, held))
        # Agents see what was written before the bot has thought about it.
        await self._show(held)
        if not await self._tools.catalog.wait():
            # This process ends; the conversation stays due, and the next one goes on with it.
            return
        while await self._walk_next(held):
            continue
        await self._postman.deliver_due(held)
        await self._show(held)

    async def _show(self, held: Hold) -> None:
        """Bring the boards up to date; what became of a delivery is news to them in its turn."""
        if not boards.all_of(self._tools.shop):
            return
        while await self._write(lambda c: boards.refresh(c, self._tools, held)):
            await self._postman.deliver_due(held)

    async def _walk_next(self, held: Hold) -> bool:
        try:
            if run := await self._write(lambda c: self._next_run(c, held)):
                await self._walk(held, run)
        except _Suspect:
            # One at a time, so that a run is not blamed for what its neighbour does to the process.
            async with self._one_suspect:
                if run := await self._write(lambda c: self._next_run(c, held, is_alone=True)):
                    await self._walk(held, run)
        return run is not None

    def _next_run(
        self, connection: Connection, held: Hold, *, is_alone: bool = False
    ) -> Run | None:
        """Return the unfinished run, or begin one for the messages whose time has come.

        Raises `_Suspect` for a run that must be walked alone.
        """
        now = self._tools.clock()
        current = store.hold(connection, held)
        store.expire_approvals(connection, current.id, now)
        unfinished = store.find_unfinished(connection, current.id)
        if unfinished:
            if unfinished.status == "running" and unfinished.resumes and not is_alone:
                raise _Suspect
            return store.resume_run(connection, held, unfinished)
        program = self._programs.bound_to(current.channel)
        if current.status == "assigned":
            return escalated.next_suggestion(connection, self._tools, held, program, now)
        due_at = store.turn_due(connection, current.id, self._tools.debounce)
        if due_at is None or due_at > now:
            return None
        store.withdraw_drafts(connection, current.id, now)
        turn = store.list_unanswered(connection, current.id)
        return store.start_run(
            connection,
            held,
            workflow=program.name,
            version=program.version,
            turn=turn,
            parts=parts.as_json(self._parts_of(current, turn, now)),
            is_final=current.supersedes >= MOST_SUPERSEDES,
            now=now,
        )

    def _parts_of(
        self, conversation: Conversation, turn: Sequence[Message], now: datetime
    ) -> tuple[Part, ...]:
        """Return the requests that are walked one by one; none where the turn is walked whole."""
        shop = self._tools.shop
        facts = Facts(now=now, order_number=shop.order_number)
        pending = read_memory(conversation).pending
        awaits_order = pending is not None and pending.missing == "order"
        requests = split(store.words_of(turn), facts, awaits_order=awaits_order)
        # What joins a case is its agent's, and of too many requests no part is left to itself.
        if conversation.status == "escalated" or not 1 < len(requests) <= parts.MOST:
            return ()
        return tuple(
            Part(number=number, text=request.text, orders=request.orders, answers=request.answers)
            for number, request in enumerate(requests)
        )

    async def _walk(self, held: Hold, run: Run) -> None:
        conversation = await self._write(lambda c: store.hold(c, held))
        recorded = await self._tools.database.read(lambda c: store.list_steps(c, run.id))
        case = await open_case(self._tools, conversation, run)
        must_end = is_bound(recorded) or await self._has_proposed(run)
        journal = Journal(
            self._tools.database, held, run, recorded, self._tools.clock, is_bound=must_end
        )
        try:
            if run.resumes >= MOST_RESUMES:
                raise RunFailed("engine", f"it was resumed {run.resumes} times without getting on")
            await identify(self._tools.orders, case)
            program = await self._programs.get(run.workflow, run.version)
            if run.purpose == "suggestion":
                await escalated.suggest(self._tools, program, case, journal)
            elif conversation.status == "escalated" and not must_end:
                await escalated.join(self._tools, program, case, journal)
            else:
                await self._run(program, case, journal)
        except Superseded:
            await self._write(lambda c: self._supersede(c, held, run))
        except (Fenced, DatabaseAway):
            raise
        except Exception as error:
            # Whatever went wrong, the customer is answered and a human knows.
            log.exception("run failed", extra={"run": run.id, "conversation": conversation.id})
            await self._last_resort(case, journal, error)

    async def _run(self, program: Program, case: Case, journal: Journal) -> None:
        walk_to_end = self._walk_parts if journal.run.parts else self._walk_whole
        try:
            await walk_to_end(program, case, journal)
        except store.AlreadyPending:
            # What another conversation proposed meanwhile is found by the second walk, which
            # replays what the first has done.
            await walk_to_end(program, case, journal)

    async def _walk_whole(self, program: Program, case: Case, journal: Journal) -> None:
        stop = await Walk(program, case, self._tools, journal).run()
        await self._write(lambda c: self._end(c, case, journal, stop))
        self._count(stop.state.get("route"), stop.end.kind if stop.end else "wait")

    async def _walk_parts(self, program: Program, case: Case, journal: Journal) -> None:
        stopped = await part_runs.walk(program, case, self._tools, journal)
        ending = self._ending(case, journal, {})
        await self._write(lambda c: part_runs.finish(c, ending, stopped))
        leading = parts.most_demanding([one.told for one in stopped])
        self._count(leading.route, str(leading.outcome))

    def _count(self, route: Json, outcome: str) -> None:
        self._tools.telemetry.count("runs", route=str(route or "none"), outcome=outcome)

    async def _has_proposed(self, run: Run) -> bool:
        return await self._tools.database.read(lambda c: store.has_proposal(c, run.id))

    def _end(self, connection: Connection, case: Case, journal: Journal, stop: Stop) -> None:
        ending = self._ending(case, journal, stop.state)
        if stop.end:
            endings.finish(connection, ending, stop.end)
        elif stop.wait and stop.place:
            endings.wait(connection, ending, stop.wait, stop.place)

    def _ending(self, case: Case, journal: Journal, state: Mapping[str, object]) -> Ending:
        now = self._tools.clock()
        return Ending(case=case, tools=self._tools, journal=journal, state=state, now=now)

    async def _last_resort(self, case: Case, journal: Journal, error: Exception) -> None:
        failed = error if isinstance(error, RunFailed) else RunFailed("engine", describe(error))
        ending = self._ending(case, journal, failed.state)
        await self._write(
            lambda c: endings.last_resort(c, ending, node=failed.node, error=failed.error)
        )
        self._tools.telemetry.count("runs", route="none", outcome="last_resort")

    def _supersede(self, connection: Connection, held: Hold, run: Run) -> None:
        current = store.hold(connection, held)
        store.supersede_run(connection, run.id, now=self._tools.clock())
        if run.purpose == "suggestion":
            escalated.forget_suggestion(connection, current.id)
        # Where an agent has taken the turn, there is none left that could start again.
        if store.list_unanswered(connection, current.id):
            store.change(connection, current.id, supersedes=current.supersedes + 1)

    async def _write(self, function: Callable[[Connection], T]) -> T:
        return await self._tools.database.write(function)
