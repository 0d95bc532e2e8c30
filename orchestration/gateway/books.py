"""Keeps the books of model calls: each is on record with its highest price before it is made."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from orchestration import store
from orchestration.costs import Allowance, BudgetCaps, Purpose, call_cost, highest_cost
from orchestration.database import Database
from orchestration.gateway.failures import BudgetGone, MinuteFull, RunLimitReached
from orchestration.interfaces import Clock, Telemetry
from orchestration.models import ModelCall
from orchestration.types import ModelConfig, ModelRequest, Price, RunId

log = logging.getLogger(__name__)

REQUESTS_PER_RUN = 10
SECONDS_PER_RUN = 45.0
# Far longer than any call may take, so whoever made it is dead, or will correct what we book.
LOST_AFTER = timedelta(minutes=5)
_ERROR_LENGTH = 500
_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The visit on whose behalf a model is asked, and whose budgets it comes out of.

    `customer` is a verified customer's id, else the address they write from. `record_start` puts
    the step on record before anything is paid; it raises `Fenced` or `Superseded`.
    """

    run: RunId
    node: str
    part: int = 0
    visit: int = 1
    conversation: str
    customer: str
    purpose: Purpose = "answer"
    record_start: Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a call ended; without tokens it is booked at the reserved price, unless `is_free`."""

    status: Literal["succeeded", "failed", "unknown"] = "unknown"
    tokens_in: int | None = None
    tokens_out: int | None = None
    error: str | None = None
    is_free: bool = False


LOST = Ending(error="its outcome is not known; booked at the highest price")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call on record that may be made now, within `seconds`."""

    id: str
    tier: str
    model: str
    price: Price | None
    started_at: datetime
    seconds: float


class Books:
    """Writes calls and budgets, and settles what earlier processes left behind."""

    def __init__(
        self, database: Database, caps: BudgetCaps, clock: Clock, telemetry: Telemetry
    ) -> None:
        self._database = database
        self._caps = caps
        self._clock = clock
        self._telemetry = telemetry
        self._under_way: set[str] = set()
        self._finishing: set[asyncio.Task[None]] = set()

    async def open(self, caller: Caller) -> float:
        """Book what an earlier attempt at the run left open; return the run's seconds left.

        Only for who has just recorded a start: then nobody else is at work on the run.
        """
        await self._book_lost(partial(store.list_unsettled, run=caller.run))
        now = self._clock()
        totals = await self._database.read(
            lambda connection: store.run_totals(connection, caller.run, now=now)
        )
        return SECONDS_PER_RUN - totals.seconds

    async def book_lost(self) -> int:
        """Book calls whose process died, at their highest price; return how many there were."""
        before = self._clock() - LOST_AFTER
        return await self._book_lost(partial(store.list_unsettled, before=before))

    async def start(
        self,
        caller: Caller,
        *,
        tier: str,
        model: ModelConfig,
        request: ModelRequest,
        attempt: int,
        seconds: float,
    ) -> Call:
        """Put a call on record with its highest price.

        Raises `RunLimitReached`, `BudgetGone`, and `MinuteFull` where the model has to be waited
        for.
        """
        now = self._clock()
        row = ModelCall(
            id=store.new_id(),
            run_id=caller.run,
            part=caller.part,
            node=caller.node,
            visit=caller.visit,
            conversation_id=caller.conversation,
            customer=caller.customer,
            purpose=caller.purpose,
            tier=tier,
            model=model.name,
            position=0,
            attempt=attempt,
            reserved=highest_cost(model.price, request) if model.price else None,
            price_version=model.price.version if model.price else None,
            started_at=now,
        )
        self._under_way.add(row.id)
        try:
            # Where a power cut loses this row, nobody knows of the money that was spent.
            left = await self._database.write(
                partial(self._start, row=row, limit=model.requests_per_minute), durable=True
            )
        except BudgetGone as gone:
            self._under_way.discard(row.id)
            self._telemetry.count("budget_refusals", scope=gone.allowance.scope)
            raise
        except BaseException:
            self._under_way.discard(row.id)
            raise
        return Call(
            id=row.id,
            tier=tier,
            model=model.name,
            price=model.price,
            started_at=now,
            seconds=min(seconds, left, model.timeout),
        )

    async def settle(self, call: Call, ending: Ending) -> None:
        """Write how a call ended and what it cost, and release the rest of what was reserved."""
        task = asyncio.ensure_future(self._finish(call, ending))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        # Whoever waits for the answer may be cancelled; the money is spent all the same.
        await asyncio.shield(task)

    async def _finish(self, call: Call, ending: Ending) -> None:
        seconds = (self._clock() - call.started_at).total_seconds()
        settle = partial(self._settle, call.id, call.price, ending, round(seconds * 1000))
        try:
            self._warn(await self._database.write(settle))
        finally:
            self._under_way.discard(call.id)
        self._telemetry.count("model_calls", tier=call.tier, model=call.model, status=ending.status)
        self._telemetry.time("model_seconds", seconds, model=call.model)

    def _start(self, connection: Connection, *, row: ModelCall, limit: int | None) -> float:
        store.lock_run(connection, row.run_id)
        totals = store.run_totals(connection, row.run_id, now=row.started_at)
        if totals.requests >= REQUESTS_PER_RUN:
            raise RunLimitReached(f"the run has made its {REQUESTS_PER_RUN} requests to models")
        if totals.seconds >= SECONDS_PER_RUN:
            raise RunLimitReached(f"the run has used its {SECONDS_PER_RUN:.0f} s with models")
        if limit is not None:
            store.lock_model(connection, row.model)
            wait = store.wait_for_model(connection, row.model, limit, now=row.started_at)
            if wait is not None:
                raise MinuteFull(limit, wait.total_seconds())
        reserved = [each for each in self._allowances(row) if each.cap is not None]
        for allowance in reserved:
            if not store.reserve_budget(connection, allowance, row.reserved or _NOTHING):
                raise BudgetGone(allowance)
        row.position = totals.requests + 1
        row.scopes = " ".join(each.scope for each in reserved)
        store.start_call(connection, row)
        return SECONDS_PER_RUN - totals.seconds

    def _settle(
        self, id: str, price: Price | None, ending: Ending, ms: int | None, connection: Connection
    ) -> list[Allowance]:
        """Settle a call in its transaction; return the budgets to warn about."""
        call = store.lock_call(connection, id)
        # One that was taken for lost may still come back, and then it is known what it cost.
        if call.status not in ("started", "unknown"):
            return []
        cost = _cost(call, price, ending)
        now = self._clock()
        store.settle_call(
            connection,
            id,
            status=ending.status,
            tokens_in=ending.tokens_in,
            tokens_out=ending.tokens_out,
            cost=cost,
            ms=ms,
            error=ending.error[:_ERROR_LENGTH] if ending.error else None,
            finished_at=now,
        )
        return self._settle_budgets(connection, call, cost or _NOTHING, now)

    def _settle_budgets(
        self, connection: Connection, call: ModelCall, cost: Decimal, now: datetime
    ) -> list[Allowance]:
        was_reserved = call.status == "started"
        released = (call.reserved or _NOTHING) if was_reserved else _NOTHING
        added = cost if was_reserved else cost - (call.cost or _NOTHING)
        drawn = [each for each in self._allowances(call) if each.scope in call.scopes.split()]
        for allowance in drawn:
            store.settle_budget(connection, allowance, released=released, added=added)
        return [each for each in drawn if store.warn_once(connection, each, now=now)]

    def _allowances(self, call: ModelCall) -> tuple[Allowance, ...]:
        return self._caps.allowances(
            conversation=call.conversation_id, customer=call.customer, at=call.started_at
        )

    async def _book_lost(self, find: Callable[[Connection], list[ModelCall]]) -> int:
        lost = [call for call in await self._database.read(find) if call.id not in self._under_way]
        for call in lost:
            # One transaction each: together they could lock budgets in an order of their own.
            # How long it took is as unknown as the rest, and no reason to cut short who goes on.
            settle = partial(self._settle, call.id, None, LOST, None)
            self._warn(await self._database.write(settle))
        return len(lost)

    def _warn(self, allowances: list[Allowance]) -> None:
        for allowance in allowances:
            log.warning(
                "budget nearly spent",
                extra={
                    "scope": allowance.scope,
                    "period": allowance.period,
                    "cap": str(allowance.cap),
                },
            )
            self._telemetry.count("budget_warnings", scope=allowance.scope)


def _cost(call: ModelCall, price: Price | None, ending: Ending) -> Decimal | None:
    if ending.is_free:
        return _NOTHING
    if ending.tokens_in is None or ending.tokens_out is None:
        return call.reserved
    return call_cost(price, ending.tokens_in, ending.tokens_out) if price else None
