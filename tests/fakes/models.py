"""Models in memory that answer and fail as they are told, and a run that asks them."""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orchestration import store
from orchestration.costs import BudgetCaps, Purpose
from orchestration.database import Database
from orchestration.errors import ContentRefused, ContextTooLong, PermanentFailure, TemporaryFailure
from orchestration.gateway import Caller, Gateway, Tiers
from orchestration.interfaces import ModelProvider
from orchestration.models import Budget, Conversation, Customer, ModelCall, Run
from orchestration.types import (
    Json,
    ModelAnswer,
    ModelConfig,
    ModelRequest,
    Price,
    RunId,
    ToolCall,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

Act = ModelAnswer | Exception | Callable[[ModelRequest], Awaitable[ModelAnswer]]

CHEAP = Price(input=Decimal("0.10"), output=Decimal("0.50"), version="test 1")
DEAR = Price(input=Decimal(4), output=Decimal(20), version="test 1")

LOOK_UP = {
    "type": "function",
    "function": {
        "name": "get_order",
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "string"}},
            "required": ["id"],
        },
    },
}


def answered(
    text: str | None = "It is on its way.",
    *,
    finish: Any = "stop",
    tokens: tuple[int | None, int | None] = (120, 30),
    calls: tuple[ToolCall, ...] = (),
) -> ModelAnswer:
    """Return an answer with what the provider counted."""
    return ModelAnswer(
        text=text, finish=finish, tool_calls=calls, tokens_in=tokens[0], tokens_out=tokens[1]
    )


def calling(name: str, arguments: str) -> ModelAnswer:
    """Return an answer that calls a tool."""
    call = ToolCall(id="call-1", name=name, arguments=arguments)
    return answered(None, finish="tool_calls", calls=(call,))


# What a request with `LOOK_UP` and the schema of an object with a `reply` may come to.
FAULTS: Mapping[str, Act] = {
    "429": TemporaryFailure("429 too many requests", retry_after=2),
    "500": TemporaryFailure("500 server error"),
    "529": TemporaryFailure("529 overloaded"),
    "timeout": TemporaryFailure("read timeout", in_doubt=True),
    "reset": TemporaryFailure("connection reset", in_doubt=True),
    "missing key": PermanentFailure("401 no key"),
    "context too long": ContextTooLong("400 too many tokens"),
    "content filter": ContentRefused("400 content filter"),
    "filtered answer": answered("It", finish="filtered"),
    "refused": answered("I cannot help with that.", finish="refused"),
    "truncated": answered('{"reply": "It is', finish="length"),
    "empty": answered(""),
    "null": answered(None),
    "invalid JSON": answered("It is on its way."),
    "wrong schema": answered('{"answer": 7}'),
    "unknown tool": calling("delete_order", "{}"),
    "garbage arguments": calling("get_order", '{"id": '),
    "wrong arguments": calling("get_order", '{"number": 1042}'),
}


class ScriptedModels:
    """Each model plays its own acts, then those for all, then `always`."""

    def __init__(
        self,
        *acts: Act,
        always: Act | None = None,
        of: Mapping[str, tuple[Act, ...]] | None = None,
    ) -> None:
        self.asked: list[tuple[ModelConfig, ModelRequest]] = []
        self.told = Counter[str]()
        self.begun = asyncio.Event()
        self._acts = deque(acts)
        self._of = defaultdict(deque, {name: deque(own) for name, own in (of or {}).items()})
        self._always = always or answered()

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def complete(self, model: ModelConfig, request: ModelRequest) -> ModelAnswer:
        self.asked.append((model, request))
        self.begun.set()
        answer = await _play(self._next(model), request)
        self.told["in"] += answer.tokens_in or 0
        self.told["out"] += answer.tokens_out or 0
        return answer

    def list_price(self, model: str) -> Price | None:
        return {"cheap": CHEAP, "dear": DEAR}.get(model)

    @property
    def names(self) -> list[str]:
        """Which models were asked, in order."""
        return [model.name for model, _ in self.asked]

    def _next(self, model: ModelConfig) -> Act:
        for acts in (self._of[model.name], self._acts):
            if acts:
                return acts.popleft()
        return self._always


async def _play(act: Act, request: ModelRequest) -> ModelAnswer:
    if isinstance(act, Exception):
        raise act
    return act if isinstance(act, ModelAnswer) else await act(request)


async def never(_: ModelRequest) -> ModelAnswer:
    """Answer nothing for as long as anybody waits."""
    await asyncio.Event().wait()
    raise AssertionError


@dataclass
class Gate:
    """An act that waits until it is let on; `begun` can be acquired once for each that waits."""

    answer: ModelAnswer = field(default_factory=answered)
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, _: ModelRequest) -> ModelAnswer:
        self.begun.release()
        await self.go_on.wait()
        return self.answer


class Counts:
    """Telemetry that can be asked."""

    def __init__(self) -> None:
        self.counted = Counter[str]()

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self.counted[" ".join((name, *labels.values()))] += int(value)

    def time(self, name: str, seconds: float, **labels: str) -> None:
        return


ONE = ModelConfig(name="one", price=CHEAP)
TWO = ModelConfig(name="two", price=CHEAP)
BIG = ModelConfig(name="big", price=DEAR)


@dataclass(kw_only=True)
class Asking:
    """A process with a gateway, and runs on whose behalf it asks.

    The models are played in memory, unless a `provider` reaches others.
    """

    database: Database
    models: ScriptedModels
    tiers: Tiers = field(default_factory=lambda: Tiers({"light": [ONE, TWO], "strong": [BIG]}))
    caps: BudgetCaps = field(default_factory=BudgetCaps)
    now: datetime = NOW
    telemetry: Counts = field(default_factory=Counts)
    waited: list[float] = field(default_factory=list)
    starts: int = 0
    provider: ModelProvider | None = None

    def __post_init__(self) -> None:
        self.gateway = Gateway(
            database=self.database,
            provider=self.provider or self.models,
            tiers=self.tiers,
            clock=lambda: self.now,
            telemetry=self.telemetry,
            budgets=self.caps,
            sleep=self._sleep,
        )

    def process(self, models: ScriptedModels, **changes: Any) -> "Asking":
        """Return another process on the same database."""
        return replace(self, models=models, telemetry=Counts(), waited=[], **changes)

    def caller(self, run: str = "run-1", **changes: Any) -> Caller:
        values: dict[str, Any] = {
            "run": RunId(run),
            "node": "answer",
            "conversation": f"talk of {run}",
            "customer": "C-1001",
            "record_start": self._record_start,
        }
        return Caller(**(values | changes))

    async def ask(
        self, run: str = "run-1", *, tier: str = "light", read: Any = None, **changes: Any
    ) -> Any:
        """Ask for a text, or whatever `read` makes of the answer."""
        request = changes.pop("request", asked("Where is 1042?"))
        caller = self.caller(run, **changes)
        return await self.gateway.complete(caller, tier=tier, request=request, read=read)

    async def calls(self, run: str = "run-1") -> list[ModelCall]:
        return await self.database.read(lambda connection: store.list_calls(connection, run))

    async def budgets(self) -> dict[str, Budget]:
        found = await self.database.read(store.list_budgets)
        return {budget.scope: budget for budget in found}

    async def open_run(self, run: str = "run-1", **values: Any) -> None:
        """Put a run on record."""
        await self.database.write(lambda connection: _add_run(connection, run, self.now, values))

    async def book(self, run: str, model: str, *, cost: str | None, **values: Any) -> None:
        """Put a settled call on record."""
        purpose: Purpose = values.pop("purpose", "answer")
        call = ModelCall(
            id=store.new_id(),
            run_id=run,
            node="answer",
            conversation_id=f"talk of {run}",
            customer="C-1001",
            purpose=purpose,
            tier="light",
            model=model,
            position=values.pop("position", 1),
            attempt=1,
            status=values.pop("status", "succeeded"),
            cost=None if cost is None else Decimal(cost),
            started_at=self.now,
            **values,
        )
        await self.database.write(lambda connection: store.start_call(connection, call))

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def _record_start(self) -> None:
        self.starts += 1


def asked(text: str, **more: Json) -> ModelRequest:
    """Return a request with one message."""
    return ModelRequest(messages=({"role": "user", "content": text},), max_tokens=100, **more)


def _add_run(connection: Any, run: str, now: datetime, values: Mapping[str, Any]) -> None:
    talk = f"talk of {run}"
    store.add(connection, Customer(id=run, source="test", external_id=run, created_at=now))
    conversation = Conversation(
        id=talk,
        channel="test",
        external_id=run,
        customer_id=run,
        created_at=now,
        changed_at=now,
    )
    store.add(connection, conversation)
    begun: dict[str, Any] = {"status": "running", "started_at": now} | dict(values)
    row = Run(
        id=run,
        conversation_id=talk,
        workflow="support",
        version=1,
        revision=1,
        text="Where is 1042?",
        **begun,
    )
    store.add(connection, row)


@asynccontextmanager
async def asking(
    url: str, models: ScriptedModels | None = None, **changes: Any
) -> AsyncIterator[Asking]:
    """Open a process over a migrated database with the run `run-1`; it is closed on leaving."""
    database = Database(url)
    try:
        process = Asking(database=database, models=models or ScriptedModels(), **changes)
        await process.open_run()
        yield process
    finally:
        database.close()
