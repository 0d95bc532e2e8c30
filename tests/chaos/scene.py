"""A scene of a kill test: a database, processes that live and die on it, and what must hold."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import NullPool

from orchestration.database import with_driver
from orchestration.models import Conversation, Delivery, Escalation, Message, Run, Step, table
from orchestration.store import fetch
from tests.chaos.worker import Spec
from tests.fakes.channel import Shown, read_shown

ROOT = Path(__file__).parents[2]
# Longest that anything here may take; what is awaited comes much earlier or not at all.
PATIENCE_SECONDS = 90


class Died(Exception):
    """The process is gone; `boundary` is where its fuse blew, None where the test killed it."""

    def __init__(self, boundary: str | None) -> None:
        super().__init__(boundary)
        self.boundary = boundary


class Process:
    """A process of the nursery, as the test sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = 0
        self._reader = reader
        self._writer = writer
        self._asking = asyncio.Lock()
        self.boundary: str | None = None

    async def ask(self, **command: object) -> dict[str, Any]:
        """Send one command and return its answer; raises `Died`."""
        async with self._asking:
            with contextlib.suppress(ConnectionError):
                self._writer.write(json.dumps(command).encode() + b"\n")
                await self._writer.drain()
            return await self._answer()

    async def begun(self) -> None:
        """Wait until the process says that it works; raises `Died`."""
        async with self._asking:
            await self._answer()

    async def death(self) -> None:
        """Wait until the process is gone."""
        async with self._asking:
            with contextlib.suppress(Died):
                while True:
                    await self._answer()

    async def kill(self) -> None:
        """Kill it now; returns when all its threads and files are gone."""
        os.kill(self.pid, signal.SIGKILL)
        await self.death()

    async def leave(self) -> None:
        """Close our end, at which it ends itself."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()
        with contextlib.suppress(AssertionError):
            await self.death()
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _answer(self) -> dict[str, Any]:
        line = b""
        with contextlib.suppress(ConnectionError):
            line = await self._reader.readline()
        answer: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
        if "failed" in answer:
            raise AssertionError(answer["failed"])
        if "blown" in answer:
            self.boundary = answer["blown"]
            return await self._answer()
        if not answer:
            await self._burial()
            raise Died(self.boundary)
        return answer

    async def _burial(self) -> None:
        # Its files are closed one after the other: this connection may end before a lock is free.
        with contextlib.suppress(ProcessLookupError):
            while self.pid:
                os.kill(self.pid, 0)
                await asyncio.sleep(0.005)


@dataclass(frozen=True, kw_only=True)
class Nursery:
    """Where processes come from."""

    socket: Path

    async def bear(self, **first_line: object) -> Process:
        """Return a process that has begun; raises `Died` where it did not get so far."""
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        process = Process(reader, writer)
        try:
            process.pid = (await process.ask(**first_line))["born"]
            await process.begun()
        except BaseException:
            await process.leave()
            raise
        return process


@contextmanager
def nursing(log: Path) -> Iterator[Nursery]:
    """Run a nursery; what its processes log stands in a file."""
    with tempfile.TemporaryDirectory(prefix="fd-") as folder, log.open("wb") as errors:
        # The path of a socket may have a hundred characters, which that of a test may exceed.
        path = Path(folder) / "nursery"
        nursery = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tests.chaos.worker", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            assert nursery.stdout
            assert nursery.stdout.readline() == b"up\n", log.read_text("utf-8")
            yield Nursery(socket=path)
        finally:
            nursery.communicate()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything the database knows at one moment."""

    conversations: list[Conversation]
    messages: list[Message]
    runs: list[Run]
    steps: list[Step]
    deliveries: list[Delivery]
    escalations: list[Escalation]

    def of(self, conversation: str) -> "Facts":
        """Return what belongs to the conversation that its channel knows under this name."""
        [found] = [one for one in self.conversations if one.external_id == conversation]
        runs = [run for run in self.runs if run.conversation_id == found.id]
        return Facts(
            conversations=[found],
            messages=[one for one in self.messages if one.conversation_id == found.id],
            runs=runs,
            steps=[one for one in self.steps if one.run_id in {run.id for run in runs}],
            deliveries=[one for one in self.deliveries if one.conversation_id == found.id],
            escalations=[one for one in self.escalations if one.conversation_id == found.id],
        )


@dataclass(kw_only=True)
class Scene:
    """One database with its processes, its customers and their patience."""

    nursery: Nursery
    url: str
    folder: Path
    is_idempotent: bool = False
    shop: str | None = None
    shop_knows_keys: bool = True
    acknowledged: dict[str, str] = field(default_factory=dict)
    alive: list[Process] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def gate(self) -> Path:
        """The file that slow turns wait for."""
        return self.folder / "gate"

    @property
    def reached(self) -> Path:
        """The file that is there once a slow turn stands at the gate."""
        return self.folder / "reached"

    async def bear(self, *, works: bool = True, fuse: int | str | None = None) -> Process:
        """Start a process; raises `Died` where its fuse blows before it is ready."""
        spec = Spec(
            url=self.url,
            shown=str(self.folder / "shown"),
            ledger=str(self.folder / "ledger"),
            gate=str(self.gate),
            reached=str(self.reached),
            works=works,
            is_idempotent=self.is_idempotent,
            fuse=fuse,
            shop=self.shop,
            shop_knows_keys=self.shop_knows_keys,
        )
        process = await self.nursery.bear(**asdict(spec))
        self.alive.append(process)
        return process

    async def say(self, process: Process, conversation: str, text: str, id: str = "") -> None:
        """Write to the desk once, by this process; raises `Died`. Who repeats it keeps its id."""
        id = id or self.new_id()
        message = {"id": id, "conversation": conversation, "text": text}
        answer = await process.ask(message=message)
        assert answer == {"acknowledged": id}
        self.acknowledged[id] = conversation

    def new_id(self) -> str:
        """Return an id that no message has yet."""
        return f"m{next(self._numbers)}"

    async def facts(self) -> Facts:
        """Read the whole database, over a connection of its own."""
        return await asyncio.to_thread(_read_facts, self.url)

    async def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database in its own words."""
        return await asyncio.to_thread(_query, self.url, statement)

    def shown(self) -> list[Shown]:
        """Return what customers saw."""
        return read_shown(self.folder / "shown")

    def charges(self) -> list[dict[str, Any]]:
        """Return what was charged."""
        ledger = self.folder / "ledger"
        lines = ledger.read_text("utf-8").splitlines() if ledger.exists() else []
        return [json.loads(line) for line in lines]

    async def settled(self) -> Facts | None:
        """Return the facts if everything acknowledged is done with, else None."""
        facts = await self.facts()
        stored = {message.source_id for message in facts.messages}
        waits = [
            *(id for id in self.acknowledged if id not in stored),
            *(one.id for one in facts.messages if one.author == "customer" and not one.turn_id),
            *(run.id for run in facts.runs if run.status == "running"),
            *(one.id for one in facts.deliveries if one.status in ("pending", "sending")),
        ]
        return None if waits else facts


@asynccontextmanager
async def staging(scene: Scene) -> AsyncIterator[Scene]:
    """Leave no process of the scene behind."""
    try:
        yield scene
    finally:
        for process in scene.alive:
            await process.leave()


def check(scene: Scene, facts: Facts) -> None:
    """Assert every promise that a kill may not break."""
    _nothing_lost(scene, facts)
    _nothing_twice(scene, facts)
    _order_kept(scene, facts)
    _nothing_paid_twice(scene, facts)


def _nothing_lost(scene: Scene, facts: Facts) -> None:
    said = [one for one in facts.messages if one.author == "customer"]
    stored = Counter(one.source_id for one in said)
    assert set(scene.acknowledged) <= set(stored)
    assert set(stored.values()) <= {1}
    ended = {run.id for run in facts.runs if run.status in ("done", "failed")}
    assert [one.source_id for one in said if one.turn_id not in ended] == []
    assert {run.status for run in facts.runs} <= {"done", "failed", "superseded"}
    with_human = {case.conversation_id for case in facts.escalations}
    assert [r.error for r in facts.runs if r.status == "failed"] == [
        r.error for r in facts.runs if r.status == "failed" and r.conversation_id in with_human
    ]


def _nothing_twice(scene: Scene, facts: Facts) -> None:
    shown = Counter(one.delivery for one in scene.shown())
    assert set(shown.values()) <= {1}
    for delivery in facts.deliveries:
        # Where nobody can know, it says so; everywhere else it is there.
        assert delivery.status in ("delivered", "unconfirmed"), delivery.error
        assert delivery.status == "unconfirmed" or shown[delivery.id] == 1
    replies = Counter(one.run_id for one in facts.messages if one.author == "bot")
    for run in facts.runs:
        is_answered = run.outcome in ("send", "escalate")
        assert replies[run.id] == (1 if is_answered else 0), (run.status, run.outcome)
    sent = Counter(one.message_id for one in facts.deliveries)
    assert set(sent.values()) <= {1}
    said = [one for one in facts.messages if one.audience == "customer"]
    assert set(sent) == {one.id for one in said if one.author != "customer"}
    cases = Counter(one.conversation_id for one in facts.escalations)
    assert set(cases.values()) <= {1}


def _order_kept(scene: Scene, facts: Facts) -> None:
    """Turns answer the messages in their order, and customers see the answers in theirs."""
    seen: dict[str, list[str]] = {}
    for one in scene.shown():
        seen.setdefault(one.conversation, []).append(one.delivery)
    for conversation in facts.conversations:
        own = facts.of(conversation.external_id)
        made = [one.id for one in sorted(own.deliveries, key=lambda one: one.position)]
        shown = seen.get(conversation.id, [])
        assert shown == [id for id in made if id in set(shown)]
        said = sorted(own.messages, key=lambda one: one.seq)
        turns = [one.turn_id for one in said if one.author == "customer"]
        answered = list(dict.fromkeys(turns))
        assert turns == sorted(turns, key=answered.index)
        spoken = [one.run_id for one in said if one.author == "bot"]
        assert spoken == [turn for turn in answered if turn in set(spoken)]


def _nothing_paid_twice(scene: Scene, facts: Facts) -> None:
    charges = scene.charges()
    charged = Counter(
        (message, charge["place"][1]) for charge in charges for message in charge["messages"]
    )
    assert set(charged.values()) <= {1}
    done = {run.id for run in facts.runs if run.status in ("done", "failed")}
    assert [charge for charge in charges if charge["place"][0] not in done] == []
    with_human = {case.conversation_id for case in facts.escalations}
    owner = {run.id: run.conversation_id for run in facts.runs}
    for step in facts.steps:
        if step.kind == "charge" and step.status != "finished":
            assert owner[step.run_id] in with_human


def _read_facts(url: str) -> Facts:
    with _connected(url) as connection:
        return Facts(
            conversations=fetch(connection, Conversation, select(table(Conversation))),
            messages=fetch(connection, Message, select(table(Message))),
            runs=fetch(connection, Run, select(table(Run))),
            steps=fetch(connection, Step, select(table(Step))),
            deliveries=fetch(connection, Delivery, select(table(Delivery))),
            escalations=fetch(connection, Escalation, select(table(Escalation))),
        )


def _query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with _connected(url) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(with_driver(url), poolclass=NullPool)
    if engine.dialect.name == "postgresql":
        # All tables as they were at one moment.
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
