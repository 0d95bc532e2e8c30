"""The one way to a model: limits, budgets, retries, repair, fallback, and every cent booked."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar, overload

from pydantic import BaseModel
from sqlalchemy import Connection
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from orchestration import store
from orchestration.costs import BudgetCaps, premium_cost
from orchestration.database import Database
from orchestration.errors import (
    ContentRefused,
    ContextTooLong,
    ExternalFailure,
    TemporaryFailure,
)
from orchestration.gateway import answers
from orchestration.gateway.answers import Completion
from orchestration.gateway.books import LOST, Books, Call, Caller, Ending
from orchestration.gateway.failures import (
    BudgetGone,
    MinuteFull,
    ModelsFailed,
    NoModel,
    NotNow,
    RunLimitReached,
    Unanswered,
    Unusable,
)
from orchestration.gateway.lines import Line, Lines
from orchestration.gateway.tiers import Tiers, priced
from orchestration.interfaces import Clock, ModelProvider, Telemetry
from orchestration.types import Json, ModelAnswer, ModelConfig, ModelRequest, RunId

__all__ = [
    "BudgetGone",
    "Caller",
    "Completion",
    "Gateway",
    "ModelsFailed",
    "NoModel",
    "RunCost",
    "RunLimitReached",
    "Tiers",
    "Unanswered",
    "priced",
]

log = logging.getLogger(__name__)

T = TypeVar("T")
Shape = TypeVar("Shape", bound=BaseModel)

REQUESTS_PER_COMPLETION = 4
# A second try is for a hiccup; what lasts longer is for the next model of the tier.
TRIES_PER_MODEL = 2
_BACKOFF = wait_random_exponential(multiplier=0.5, max=4)


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run cost; `unpriced` calls are in no sum, `premium_cost` is None where unknown."""

    cost: Decimal
    unpriced: int
    premium_cost: Decimal | None


@dataclass(kw_only=True)
class _Work:
    """One completion under way."""

    caller: Caller
    tier: str
    request: ModelRequest
    read: Any
    deadline: datetime
    requests: int = 0
    is_repaired: bool = False
    reasons: list[str] = field(default_factory=list)
    was_answered: bool = False
    # What the last answer said, to be shown to the model that is told what was wrong with it.
    said: str | None = None


class Gateway:
    """Asks the models of a tier in order, each request on record before it is made.

    With a cap set, a model without a price raises `BadInput`. `premium` is the baseline of savings,
    by default the first strong model.
    """

    def __init__(
        self,
        *,
        database: Database,
        provider: ModelProvider,
        tiers: Tiers,
        clock: Clock,
        telemetry: Telemetry,
        budgets: BudgetCaps | None = None,
        premium: ModelConfig | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        caps = budgets or BudgetCaps()
        if caps.bind:
            tiers.require_prices()
        self._provider = provider
        self._tiers = tiers
        self._clock = clock
        self._sleep = sleep
        self._premium = premium or tiers.first("strong")
        self._books = Books(database, caps, clock, telemetry)
        self._lines = Lines(clock)

    async def open(self) -> None:
        """Get ready, so that the first customer does not wait for it."""
        await self._provider.open()

    async def close(self) -> None:
        """Close what is held open."""
        await self._provider.close()

    def is_available(self, tier: str) -> bool:
        """Tell whether the tier has a model."""
        return self._tiers.is_available(tier)

    @overload
    async def complete(
        self,
        caller: Caller,
        *,
        tier: str,
        request: ModelRequest,
        read: type[Shape],
        patience: timedelta | None = None,
    ) -> Completion[Shape]: ...

    @overload
    async def complete(
        self,
        caller: Caller,
        *,
        tier: str,
        request: ModelRequest,
        read: Callable[[ModelAnswer], T],
        patience: timedelta | None = None,
    ) -> Completion[T]: ...

    @overload
    async def complete(
        self,
        caller: Caller,
        *,
        tier: str,
        request: ModelRequest,
        read: None = None,
        patience: timedelta | None = None,
    ) -> Completion[Json]: ...

    async def complete(
        self,
        caller: Caller,
        *,
        tier: str,
        request: ModelRequest,
        read: Any = None,
        patience: timedelta | None = None,
    ) -> Completion[Any]:
        """Return an answer that can be used, from the first model of the tier that gives one.

        `read` is a Pydantic model or a function that raises `ValueError` where an answer will not
        do; without it the value is the text, or the JSON where the request has a schema. `patience`
        is the longest that is waited, where that is less than the run's time with models. Raises
        `Unanswered`, and what `caller.record_start` raises.
        """
        models = self._tiers.models(tier)
        await caller.record_start()
        seconds = await self._books.open(caller)
        if patience is not None:
            seconds = min(seconds, patience.total_seconds())
        work = _Work(
            caller=caller,
            tier=tier,
            request=answers.shape(request, read),
            read=read,
            deadline=self._clock() + timedelta(seconds=seconds),
        )
        for model in models:
            try:
                return await self._ask(work, model)
            except Unanswered:
                raise
            except ExternalFailure:
                log.info("model passed over", extra={"tier": tier, "model": model.name})
        raise ModelsFailed(tier, work.reasons, was_answered=work.was_answered)

    async def book_lost(self) -> int:
        """Book calls whose process died, at their highest price; return how many there were."""
        return await self._books.book_lost()

    def sum_up(
        self, connection: Connection, run: RunId, *, context_tokens: int, answer_tokens: int
    ) -> RunCost:
        """Return what a run cost, and what it would have cost on the premium model alone.

        The tokens count where no model answered: of the context one would have been given, and of
        the answer that was sent.
        """
        totals = store.run_totals(connection, run, now=self._clock())
        price = self._premium.price if self._premium else None
        baseline = None
        if price is not None:
            baseline = premium_cost(
                price,
                store.list_calls(connection, run),
                context_tokens=context_tokens,
                answer_tokens=answer_tokens,
            )
        return RunCost(cost=totals.cost, unpriced=totals.unpriced, premium_cost=baseline)

    async def _ask(self, work: _Work, model: ModelConfig) -> Completion[Any]:
        """Ask one model, and once more with what was wrong if its answer can be repaired."""
        try:
            return await self._try(work, model, work.request)
        except Unusable as flaw:
            if flaw.cure != "repair" or work.is_repaired:
                raise
            work.is_repaired = True
            return await self._try(work, model, answers.repair(work.request, work.said, flaw))

    async def _try(self, work: _Work, model: ModelConfig, request: ModelRequest) -> Completion[Any]:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(TRIES_PER_MODEL),
            wait=_wait,
            retry=retry_if_exception(lambda error: self._may_repeat(work, error)),
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                completion = await self._note(work, model, request)
        return completion

    async def _note(
        self, work: _Work, model: ModelConfig, request: ModelRequest
    ) -> Completion[Any]:
        try:
            return await self._request(work, model, request)
        except ExternalFailure as failure:
            work.was_answered = work.was_answered or isinstance(failure, Unusable)
            if not isinstance(failure, Unanswered):
                work.reasons.append(f"{model.name}: {failure}")
            raise

    async def _request(
        self, work: _Work, model: ModelConfig, request: ModelRequest
    ) -> Completion[Any]:
        if work.requests >= REQUESTS_PER_COMPLETION:
            raise ModelsFailed(work.tier, work.reasons, was_answered=work.was_answered)
        line = self._lines.to(model)
        async with line.place(patience=self._left(work)):
            call = await self._begin(work, model, request)
            work.requests += 1
            ending = LOST
            try:
                answer = await self._send(replace(model, timeout=call.seconds), request)
                work.said = answer.text
                ending = _ending(answer, "failed")
                found = answers.use(answer, request, work.read)
                ending = _ending(answer, "succeeded")
            except ExternalFailure as failure:
                ending = _failed(ending, failure)
                _tell(line, failure)
                raise
            finally:
                await self._books.settle(call, ending)
            line.succeed()
        return Completion(
            answer=answer, tier=work.tier, model=model.name, calls=work.requests, found=found
        )

    async def _begin(self, work: _Work, model: ModelConfig, request: ModelRequest) -> Call:
        """Put a call on record as soon as the model may be asked; raises `NotNow` if too late."""
        while True:
            left = self._left(work)
            try:
                return await self._books.start(
                    work.caller,
                    tier=work.tier,
                    model=model,
                    request=request,
                    attempt=work.requests + 1,
                    seconds=left,
                )
            except MinuteFull as full:
                if full.seconds >= left:
                    raise NotNow(str(full)) from None
                await self._sleep(full.seconds)

    async def _send(self, model: ModelConfig, request: ModelRequest) -> ModelAnswer:
        try:
            async with asyncio.timeout(model.timeout):
                return await self._provider.complete(model, request)
        except TimeoutError:
            message = f"no answer within {model.timeout:.1f} s"
            raise TemporaryFailure(message, in_doubt=True) from None

    def _left(self, work: _Work) -> float:
        left = (work.deadline - self._clock()).total_seconds()
        if left <= 0:
            raise RunLimitReached("; ".join(("no time with models is left", *work.reasons)))
        return left

    def _may_repeat(self, work: _Work, error: BaseException) -> bool:
        if isinstance(error, Unusable):
            return error.cure == "repeat"
        if not isinstance(error, TemporaryFailure) or work.requests >= REQUESTS_PER_COMPLETION:
            return False
        # To wait longer than there is time would keep the customer waiting for nothing.
        left = (work.deadline - self._clock()).total_seconds()
        return error.retry_after is None or error.retry_after < left


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TemporaryFailure) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF(state)


def _ending(answer: ModelAnswer, status: Literal["succeeded", "failed"]) -> Ending:
    is_counted = answer.tokens_in is not None and answer.tokens_out is not None
    return Ending(
        status=status,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        error=None if is_counted else "the provider told no usage; booked at the highest price",
    )


def _failed(ending: Ending, failure: ExternalFailure) -> Ending:
    if isinstance(failure, Unusable):
        return replace(ending, error=" ".join(filter(None, (str(failure), ending.error))))
    if isinstance(failure, TemporaryFailure) and failure.in_doubt:
        return replace(LOST, error=f"{failure}; {LOST.error}")
    return Ending(status="failed", error=str(failure), is_free=True)


def _tell(line: Line, failure: ExternalFailure) -> None:
    # These speak of what was asked, not of the model, which has answered.
    if isinstance(failure, Unusable | ContextTooLong | ContentRefused):
        line.succeed()
    else:
        line.fail()
