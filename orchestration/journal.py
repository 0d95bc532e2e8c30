"""A run's steps on their way to the table, and those a resumed run finds there."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from orchestration import store
from orchestration.database import Database
from orchestration.errors import Superseded
from orchestration.interfaces import Clock
from orchestration.models import Conversation, Run, Step
from orchestration.store import Hold


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a run a step stands; unique within it."""

    part: int
    node: str
    visit: int


class Journal:
    """Keeps finished pure steps until the next commit; a paid one is on record before it starts."""

    def __init__(
        self,
        database: Database,
        held: Hold,
        run: Run,
        recorded: Iterable[Step],
        clock: Clock,
        *,
        is_bound: bool = False,
    ) -> None:
        self.held = held
        self.run = run
        self._database = database
        self._clock = clock
        self._steps = {_place(step): step for step in recorded}
        self._unwritten: dict[Place, Step] = {}
        self._begun: dict[Place, float] = {}
        self._recorded: set[Place] = set()
        self._is_bound = is_bound

    def finished(self, place: Place) -> Step | None:
        """Return the step that was done at this place before, or None."""
        step = self._steps.get(place)
        return step if step and step.status != "started" else None

    def was_started(self, place: Place) -> bool:
        """Tell whether a paid or external step began here whose outcome is not on record."""
        step = self._steps.get(place)
        return step is not None and step.status == "started"

    def begin(self, place: Place, kind: str) -> Step:
        """Note that a step begins."""
        known = self._steps.get(place)
        step = Step(
            run_id=self.run.id,
            part=place.part,
            node=place.node,
            visit=place.visit,
            position=known.position if known else len(self._steps) + 1,
            kind=kind,
            status="started",
            started_at=self._clock(),
        )
        self._steps[place] = step
        self._begun[place] = time.perf_counter()
        return step

    def finish(self, place: Place, step: Step, *, binds: bool) -> None:
        """Note how a step ended; it is written with the next commit.

        `binds` says that something outside has changed, so that the run must come to its end.
        """
        self._is_bound = self._is_bound or binds
        step.ms = round((time.perf_counter() - self._begun[place]) * 1000, 3)
        self._unwritten[place] = step

    def end_wait(self, place: Place) -> None:
        """Note that a step which would wait for a decision has gone to an agent instead."""
        step = self._unwritten[place]
        step.status, step.exit = "finished", "escalate"

    async def record_start(self, place: Place, *, binds: bool) -> None:
        """Put a paid or external step on record before it starts, with all that went before.

        `binds` says that from here on something outside may have changed, so that the run must come
        to its end: in a new run of the same turn the step would be done again.
        Raises `Fenced` where another worker has the conversation, `Superseded` where the customer
        has written again.
        """
        self._unwritten[place] = self._steps[place]
        self._recorded.add(place)

        def start(connection: Connection) -> None:
            self.commit(connection)
            # Here, not after the commit: a parallel branch may be next in this very transaction.
            self._is_bound = self._is_bound or binds

        await self._database.write(start)

    async def record_finish(self, place: Place) -> None:
        """Put the end of a paid or external step on record at once, so that it is never done again.

        Raises `Fenced` where another worker has the conversation.
        """
        if place not in self._recorded:
            return

        def finish(connection: Connection) -> None:
            store.hold(connection, self.held)
            store.record_steps(connection, [self._steps[place]])

        await self._database.write(finish)

    def commit(self, connection: Connection, *, is_last_resort: bool = False) -> Conversation:
        """Write what is waiting, in the caller's transaction, if the run may still go on.

        Returns the conversation as it is now. The last resort holds whatever the customer wrote.
        """
        must_go_on = self._is_bound or is_last_resort
        if not must_go_on and self.run.is_final:
            # What its customer takes back or stops is not answered, however often they wrote.
            self.run.is_final = store.get(connection, Run, self.run.id).is_final
        revision = None if must_go_on or self.run.is_final else self.run.revision
        current = store.hold(connection, self.held, revision=revision)
        is_with_agent = current.status == "assigned"
        if is_with_agent != (self.run.purpose == "suggestion") and not must_go_on:
            who = "an agent has" if is_with_agent else "no agent has"
            raise Superseded(f"{who} conversation {current.id}")
        store.record_steps(connection, list(self._unwritten.values()))
        return current


def _place(step: Step) -> Place:
    return Place(part=step.part, node=step.node, visit=step.visit)
