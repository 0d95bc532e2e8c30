"""The shop floor: the real parts on a real database, with a clock that the test moves."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from bot.metrics import Metrics
from orchestration import intake, store
from orchestration.catalog import Catalog
from orchestration.context import Toolbox
from orchestration.database import Database
from orchestration.desk import Command, Desk
from orchestration.interfaces import (
    Channel,
    Dispatcher,
    IntentClassifier,
    KnowledgeIndex,
    OrderSource,
)
from orchestration.models import (
    Approval,
    Conversation,
    Delivery,
    Escalation,
    Event,
    Message,
    Reminder,
    Run,
    Step,
    metadata,
    table,
)
from orchestration.programs import Programs, publish
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.turns import Turns
from orchestration.types import (
    Confusion,
    ConversationId,
    CustomerRecord,
    IncomingMessage,
    Intent,
    Json,
    Order,
    Proposal,
    Reading,
    Received,
    Sender,
)
from tests.fakes.memory_channel import MemoryChannel
from tests.fakes.questions import SHOP, FakeIndex

# A Monday morning: the shop of the tests is open, and stays so.
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DEBOUNCE = timedelta(seconds=1)

ANA = Sender(
    source="shop", external_id="C-1001", verified=True, email="ana@example.com", name="Ana Ruiz"
)
BEN = Sender(
    source="shop", external_id="C-1002", verified=True, email="ben@example.com", name="Ben Okafor"
)
GUEST = Sender(source="guest", external_id="v-1")

INTENTS = (
    Intent(name="order_status", complexity="simple", responders=("order_status",)),
    Intent(name="return_policy", complexity="simple", responders=("knowledge",)),
    Intent(name="refund_request", complexity="complex"),
    Intent(name="emergency", complexity="complex", urgency="urgent"),
)
# The fake classifier is sure of an intent where a text holds its word, and of nothing elsewhere.
WORDS = {
    "where": "order_status",
    "return": "return_policy",
    "money": "refund_request",
    "fire": "emergency",
}


class MovableClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Move on by what `timedelta` takes: `seconds=2`, `hours=1`."""
        self.now += timedelta(**by)


class FakeClassifier:
    """Sure of one intent, by a word in the text."""

    fingerprint = "fake"

    def __init__(self, words: Mapping[str, str] | None = None) -> None:
        self._words = WORDS if words is None else words

    def train(self, intents: Sequence[Intent]) -> None:
        return

    def fingerprint_of(self, intents: Sequence[Intent]) -> str:
        return self.fingerprint

    def dump(self) -> bytes:
        return b""

    def find_confusions(self, intents: Sequence[Intent]) -> list[Confusion]:
        return []

    def load(self, content: bytes) -> None:
        return

    def read(self, text: str) -> Reading:
        found = next((name for word, name in self._words.items() if word in text.lower()), None)
        return Reading(
            probabilities={found: 0.98} if found else {}, out_of_scope=not found, language="en"
        )


@dataclass
class FakeOrders:
    """Ana's and Ben's orders; with `fault` every look-up raises it.

    `done` is what the shop has done, by the key it came with. Of each attempt `failures` says what
    it raises, and whether the shop does it all the same.
    """

    orders: tuple[Order, ...] = ()
    fault: Exception | None = None
    asked: int = 0
    actions_are_idempotent: bool = True
    done: list[tuple[str, Proposal]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    failures: list[tuple[BaseException, bool]] = field(default_factory=list)

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        self._ask()
        return CustomerRecord(id=id, email=email) if id else None

    async def list_orders(self, customer: str) -> list[Order]:
        self._ask()
        return [order for order in self.orders if order.customer_id == customer]

    async def find_order(self, customer: str, order: str) -> Order | None:
        return next((one for one in await self.list_orders(customer) if one.id == order), None)

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        self.attempts.append(key)
        error, does = self.failures.pop(0) if self.failures else (None, True)
        is_known = any(key == known for known, _ in self.done)
        if does and not (is_known and self.actions_are_idempotent):
            self.done.append((key, proposal))
        if error:
            raise error
        return f"ref-{key}"

    def _ask(self) -> None:
        self.asked += 1
        if self.fault:
            raise self.fault


def sample_orders() -> FakeOrders:
    """Return 1042 and 1043 of Ana and 2077 of Ben."""
    return FakeOrders(
        orders=(
            Order(
                id="1042",
                customer_id="C-1001",
                status="in_transit",
                placed_at=NOW - timedelta(days=3),
                due_at=NOW + timedelta(days=2),
                tracking="TRK-1042",
                value=Decimal("59.90"),
            ),
            Order(
                id="1043",
                customer_id="C-1001",
                status="delivered",
                placed_at=NOW - timedelta(days=12),
                delivered_at=NOW - timedelta(days=8),
            ),
            Order(id="2077", customer_id="C-1002", status="in_transit", placed_at=NOW),
        )
    )


class Wakes:
    """A dispatcher that only notes what it is asked to wake."""

    def __init__(self) -> None:
        self.asked: list[ConversationId] = []

    async def wake(self, conversation: ConversationId, *, at: datetime | None = None) -> None:
        self.asked.append(conversation)

    async def wake_late(self, conversations: Sequence[ConversationId]) -> None:
        self.asked.extend(conversations)

    def every(self, name: str, interval: timedelta, action: Any) -> None:
        return

    async def start(self, advance: Any) -> None:
        return

    async def stop(self) -> None:
        return

    def is_ready(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Talk:
    """All that is on record about a conversation."""

    conversation: Conversation
    messages: list[Message]
    notes: list[Message]
    runs: list[Run]
    steps: list[Step]
    cases: list[Escalation]
    approvals: list[Approval]
    deliveries: list[Delivery]
    events: list[Event]
    reminders: list[Reminder]

    @property
    def said(self) -> list[str]:
        """What the customer was told, in order."""
        return [message.text for message in self.messages if message.author != "customer"]

    @property
    def case(self) -> Escalation:
        """The only case there is."""
        (case,) = self.cases
        return case

    @property
    def run(self) -> Run:
        """The newest run."""
        return self.runs[-1]

    @property
    def approval(self) -> Approval:
        """The only approval there is."""
        (approval,) = self.approvals
        return approval

    @property
    def unanswered(self) -> list[str]:
        """What the customer said and nobody has taken up."""
        return [one.text for one in self.messages if one.author == "customer" and not one.turn_id]

    def step(self, node: str) -> Step:
        """The newest step of a node in the newest run."""
        return [step for step in self.steps if step.node == node and step.run_id == self.run.id][-1]


@dataclass(kw_only=True)
class Floor:
    """The parts of one process, without a dispatcher that does anything by itself."""

    tools: Toolbox
    clock: MovableClock
    programs: Programs
    turns: Turns
    desk: Desk
    dispatcher: Dispatcher
    memory: MemoryChannel
    channel: str = "memory"
    sent: int = field(default=0)

    @property
    def database(self) -> Database:
        return self.tools.database

    def message(
        self,
        text: str,
        *,
        who: Sender = ANA,
        conversation: str | None = "talk",
        id: str | None = None,
        callback_url: str | None = None,
    ) -> IncomingMessage:
        self.sent += 1
        return IncomingMessage(
            channel=self.channel,
            conversation=conversation,
            source="test",
            source_id=id or f"m-{self.sent}",
            sender=who,
            text=text,
            fingerprint=hashlib.sha256(f"{who.external_id} {text}".encode()).hexdigest(),
            callback_url=callback_url,
        )

    async def receive(self, incoming: IncomingMessage) -> Received:
        return await intake.receive(self.tools, self.dispatcher, incoming)

    async def say(self, text: str, **how: Any) -> ConversationId:
        """Let the customer write; nothing is done about it yet."""
        return (await self.receive(self.message(text, **how))).conversation

    async def ask(self, text: str, **how: Any) -> list[str]:
        """Let the customer write, wait out the debounce, and return what they are told."""
        conversation = await self.say(text, **how)
        before = await self.see(conversation)
        await self.work(conversation)
        return (await self.see(conversation)).said[len(before.said) :]

    async def run(self, text: str = "hello") -> "Talk":
        """Let Ana write, wait out the debounce, and return all that has become of it."""
        conversation = await self.say(text)
        await self.work(conversation)
        return await self.see(conversation)

    async def work(self, conversation: ConversationId) -> datetime | None:
        """Do what is due once the debounce has passed."""
        self.clock.now += self.tools.debounce
        return await self.turns.advance(conversation)

    async def command(
        self,
        name: str,
        conversation: ConversationId,
        *,
        agent: str = "maria",
        version: int | None = None,
        **more: Any,
    ) -> dict[str, Json]:
        """Carry out an agent's command on the newest case, by default at its current version."""
        case = (await self.see(conversation)).cases[-1]
        command = Command(
            escalation=case.id,
            agent=agent,
            version=case.version if version is None else version,
            **more,
        )
        return await self.desk.carry_out(name, command)

    async def see(self, conversation: ConversationId) -> Talk:
        return await self.database.read(lambda connection: _talk(connection, conversation))

    async def count_rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return await self.database.read(_count_rows)

    def with_tools(self, **changes: Any) -> "Floor":
        """Return the same floor with other tools."""
        tools = replace(self.tools, **changes)
        turns = Turns(tools, self.programs, {"memory": self.memory})
        desk = Desk(tools, self.dispatcher)
        return replace(self, tools=tools, turns=turns, desk=desk)


def _talk(connection: Connection, conversation: ConversationId) -> Talk:
    def own(model: Any, *order: str) -> Any:
        columns = table(model).c
        statement = select(table(model)).where(columns.conversation_id == conversation)
        statement = statement.order_by(*(columns[name] for name in order))
        return store.fetch(connection, model, statement)

    found = store.get(connection, Conversation, conversation)
    runs = own(Run, "started_at")
    cases = own(Escalation, "created_at")
    return Talk(
        conversation=found,
        messages=[one for one in own(Message, "seq") if one.audience == "customer"],
        notes=[one for one in own(Message, "seq") if one.audience == "agents"],
        runs=runs,
        steps=[step for run in runs for step in store.list_steps(connection, run.id)],
        cases=cases,
        approvals=own(Approval, "created_at"),
        deliveries=own(Delivery, "position"),
        events=own(Event, "seq"),
        reminders=[one for case in cases for one in store.list_reminders(connection, case.id)],
    )


def _count_rows(connection: Connection) -> dict[str, int]:
    return {
        name: int(connection.execute(select(func.count()).select_from(each)).scalar_one())
        for name, each in metadata.tables.items()
    }


@asynccontextmanager
async def open_floor(
    url: str,
    *,
    workflow: Mapping[str, Json] | str,
    intents: Sequence[Intent] = INTENTS,
    classifier: Callable[[], IntentClassifier] = FakeClassifier,
    index: Callable[[], KnowledgeIndex] = FakeIndex,
    orders: OrderSource | None = None,
    shop: Shop = SHOP,
    memory: MemoryChannel | None = None,
    more_channels: Mapping[str, Channel] | None = None,
    events_url: str | None = None,
) -> AsyncIterator[Floor]:
    """Put the parts together over a migrated database; what they cost is closed on leaving."""
    database, clock, wakes = Database(url), MovableClock(), Wakes()
    source = workflow if isinstance(workflow, str) else json.dumps(workflow)
    try:
        await database.write(lambda c: store.replace_intents(c, intents))
        await database.write(lambda c: publish(c, source, author="test", note="", clock=clock))
        catalog = Catalog(database, new_classifier=classifier, new_index=index)
        await catalog.refresh()
        programs = Programs(database)
        await programs.refresh()
        tools = Toolbox(
            database=database,
            catalog=catalog,
            orders=orders or sample_orders(),
            shop=shop,
            texts=Texts(shop),
            clock=clock,
            telemetry=Metrics(),
            debounce=DEBOUNCE,
            events_url=events_url,
        )
        memory = memory or MemoryChannel()
        yield Floor(
            tools=tools,
            clock=clock,
            programs=programs,
            turns=Turns(tools, programs, {"memory": memory, **(more_channels or {})}),
            desk=Desk(tools, wakes),
            dispatcher=wakes,
            memory=memory,
        )
    finally:
        database.close()
