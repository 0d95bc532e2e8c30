"""A nursery: each connection to its socket is a new process that works until it is killed.

Forking a process that has imported everything makes a kill cost milliseconds, not seconds, so that
every boundary can be tried. A connection sends a `Spec` as its first line, then commands.
"""

import asyncio
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection

from bot import app as parts
from bot import settings
from bot.lock import FileLock
from integrations.dispatch import procrastinate
from orchestration import intake, migrate, programs
from orchestration.catalog import Catalog
from orchestration.database import Database, is_sqlite_url
from orchestration.desk import Desk
from orchestration.errors import PermanentFailure
from orchestration.nodes import Config, Node, Outcome, Visit, node_kinds
from orchestration.turns import Turns
from orchestration.types import Confusion, IncomingMessage, Passage, Reading, Sender, Touches
from tests.fakes.channel import FakeChannel
from tests.fakes.http_shop import HttpShop
from tests.fakes.proposing import propose

T = TypeVar("T")

WARM_UP_SECONDS = 60

# What the chaos workflow does to a turn before it is answered as in the shipped one.
CHAOS_WORKFLOW = """
name: support
entry: classify
nodes:
  classify: {kind: classify, next: hazard}
  hazard: {kind: hazard, next: route}
  route:
    kind: route
    rules:
      - name: risky
        when: {field: risk, is_not: none}
        to: human
      - name: free of charge
        when: {field: customer.verified, is: false}
        to: free
      - {name: everything else, otherwise: charged}
    exits: {free: answer, charged: gather, human: escalate}
  gather: {kind: fork, branches: [facts, charge], exits: {facts: facts, charge: charge}}
  facts: {kind: enrich, sources: [customer, orders, history], next: together}
  charge: {kind: charge, next: together}
  together: {kind: join, next: answer}
  answer:
    kind: reply
    responders: [template]
    exits: {drafted: check, abstained: escalate, proposed: escalate}
  check: {kind: check, exits: {passed: send, failed: escalate, unsure: escalate}}
  send: {kind: send}
  escalate: {kind: escalate, queue: support}
on_failure: escalate
"""


# Every turn asks for a refund that a human must approve.
REFUND_WORKFLOW = """
name: support
entry: suggest
nodes:
  suggest: {kind: suggest, exits: {proposed: approve}}
  approve:
    kind: approve
    timeout: 4h
    exits: {released: send, rejected: escalate, expired: escalate}
  send: {kind: send}
  escalate: {kind: escalate, queue: support}
on_failure: escalate
"""
WORKFLOWS = {"chaos": CHAOS_WORKFLOW, "refund": REFUND_WORKFLOW}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a process is to be.

    `works` is False for one that only takes messages. It dies at the `fuse`-th boundary, or at the
    first of that name. `shown`, `ledger`, `gate` and `reached` are files: what customers saw, what
    was charged, what slow turns await, and that one awaits it. `shop` is the address of a shop that
    actions are done by.
    """

    url: str
    shown: str
    ledger: str
    gate: str
    reached: str
    works: bool = True
    is_idempotent: bool = False
    fuse: int | str | None = None
    shop: str | None = None
    shop_knows_keys: bool = True


class Fuse:
    """Counts the boundaries a process passes and kills it at one of them."""

    def __init__(self, say: Callable[..., None], limit: int | str | None) -> None:
        self._say = say
        self._limit = limit
        self._lock = threading.Lock()
        self.passed = 0

    def arm(self, limit: int | str | None) -> None:
        with self._lock:
            self.passed = 0
            self._limit = limit

    def reach(self, boundary: str) -> None:
        with self._lock:
            self.passed += 1
            if self._limit in (self.passed, boundary):
                self._say(blown=boundary)
                os.kill(os.getpid(), signal.SIGKILL)


class WatchedDatabase(Database):
    """Tells the fuse before each commit, when all statements are done, and after it."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self._fuse = fuse

    async def write(self, function: Callable[[Connection], T], *, durable: bool = False) -> T:
        name = getattr(function, "__qualname__", "a partial function")

        def watched(connection: Connection) -> T:
            result = function(connection)
            self._fuse.reach(f"before the commit of {name}")
            return result

        result = await super().write(watched, durable=durable)
        self._fuse.reach(f"after the commit of {name}")
        return result


class WatchedTelemetry:
    """Tells the fuse of each step, message, run and delivery."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        self._fuse.reach(f"{name} {labels.get('kind', '')}".strip())

    def time(self, name: str, seconds: float, **labels: str) -> None:
        return


class SmallClassifier:
    """Takes everything for a greeting; what is risky the wording says."""

    fingerprint = "small"

    def train(self, intents: object) -> None:
        return

    def fingerprint_of(self, intents: object) -> str:
        return self.fingerprint

    def dump(self) -> bytes:
        return b""

    def load(self, content: bytes) -> None:
        return

    def find_confusions(self, intents: object) -> list[Confusion]:
        return []

    def read(self, text: str) -> Reading:
        return Reading(probabilities={"greeting": 1.0}, out_of_scope=False, language="en")


class EmptyIndex:
    """Knows no article."""

    def build(self, articles: object) -> None:
        return

    def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        return []


class Surroundings:
    """What the node kinds of the tests act upon; one process has one."""

    spec: ClassVar[Spec]
    fuse: ClassVar[Fuse]


@node_kinds.register("charge")
class Charge(Node):
    """Takes money once for a turn; where nobody knows whether it did, a human must look."""

    kind = "charge"
    touches: ClassVar[Touches] = "external"

    async def run(self, visit: Visit) -> Outcome:
        if visit.was_started:
            raise PermanentFailure("nobody knows whether the customer was charged")
        await visit.record_start()
        Surroundings.fuse.reach("before a charge")
        entry = {"place": self._place(visit), "messages": visit.case.turn}
        _append(Path(Surroundings.spec.ledger), entry)
        Surroundings.fuse.reach("after a charge")
        return Outcome(exit="done")

    def _place(self, visit: Visit) -> list[Any]:
        run = visit.case.run
        return [run.id if run else "", visit.part, visit.node, visit.number]


@node_kinds.register("suggest")
class Suggest(Node):
    """Proposes a refund."""

    kind = "suggest"

    @classmethod
    def exits(cls, config: Config) -> tuple[str, ...]:
        return ("proposed",)

    @classmethod
    def writes(cls, config: Config) -> frozenset[str]:
        return frozenset({"draft", "proposal"})

    async def run(self, visit: Visit) -> Outcome:
        return await propose(visit)


@node_kinds.register("hazard")
class Hazard(Node):
    """Kills its process on `poison`, and stops at the gate on `slow`."""

    kind = "hazard"

    async def run(self, visit: Visit) -> Outcome:
        if "poison" in visit.case.text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow" in visit.case.text:
            _touch(Surroundings.spec.reached)
            while not _is_there(Surroundings.spec.gate):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return Outcome(exit="done")


@asynccontextmanager
async def running(spec: Spec, fuse: Fuse) -> AsyncIterator[parts.App]:
    """Run the app with a fake channel, a small brain, and boundaries that the fuse sees."""
    Surroundings.spec, Surroundings.fuse = spec, fuse
    channel = FakeChannel(Path(spec.shown), is_idempotent=spec.is_idempotent, watch=fuse.reach)
    built = parts.build(
        settings.read(frontdesk_database_url=spec.url, frontdesk_debounce_seconds=0.05)
    )
    database = WatchedDatabase(spec.url, fuse)
    catalog = Catalog(database, new_classifier=SmallClassifier, new_index=EmptyIndex)
    tools = replace(
        built.tools,
        database=database,
        catalog=catalog,
        telemetry=WatchedTelemetry(fuse),
    )
    if spec.shop:
        shop = HttpShop(spec.shop, knows_keys=spec.shop_knows_keys, watch=fuse.reach)
        tools = replace(tools, orders=shop)
    known = programs.Programs(database)
    app = replace(
        built,
        database=database,
        tools=tools,
        programs=known,
        turns=Turns(tools, known, {"fake": channel}),
        desk=Desk(tools, built.dispatcher),
    )
    async with app.running(works=spec.works):
        yield app
    built.database.close()


def incoming(message: Mapping[str, str]) -> IncomingMessage:
    """Return what the fake channel's customers send; visitors are not vouched for."""
    conversation = message["conversation"]
    is_visitor = conversation.startswith("visitor")
    return IncomingMessage(
        channel="fake",
        conversation=conversation,
        source="fake",
        source_id=message["id"],
        sender=Sender(source="fake", external_id=conversation, verified=not is_visitor),
        text=message["text"],
        fingerprint=message["text"],
    )


async def live(connection: socket.socket, spec: Spec) -> None:
    """Take and answer messages until told to stop, or until the other side is gone."""

    def say(**said: object) -> None:
        os.write(connection.fileno(), json.dumps(said).encode() + b"\n")

    fuse = Fuse(say, spec.fuse)
    async with running(spec, fuse) as app:
        reader, _writer = await asyncio.open_unix_connection(sock=connection)
        say(ready=True)
        while line := await reader.readline():
            command = json.loads(line)
            if "message" in command:
                message = command["message"]
                await intake.receive(app.tools, app.dispatcher, incoming(message))
                say(acknowledged=message["id"])
            elif "release" in command:
                await app.desk.decide(
                    command["release"], agent="maria", status="released", text=None, reason=None
                )
                say(released=command["release"])
            elif "arm" in command:
                fuse.arm(command["arm"])
                say(armed=True)
            elif "count" in command:
                say(passed=fuse.passed)
        # The test is gone or has seen enough: nothing here may outlive it.
        os._exit(0)


async def publish(url: str, workflow: str) -> None:
    """Make a database ready, with the shipped workflow or the one of chaos."""
    if not is_sqlite_url(url):
        await procrastinate.apply_schema(url)
    database = Database(url)

    def put(connection: Connection) -> None:
        parts.fill_in(connection, parts.utc_now)
        if workflow in WORKFLOWS:
            programs.publish(
                connection, WORKFLOWS[workflow], author="tests", note="", clock=parts.utc_now
            )

    await database.write(put)
    database.close()


async def warm_up() -> None:
    """Answer one message, so that whatever a process reads and imports is there at its birth."""
    with tempfile.TemporaryDirectory() as folder:
        spec = Spec(
            url=f"sqlite:///{folder}/database",
            shown=f"{folder}/shown",
            ledger=f"{folder}/ledger",
            gate=f"{folder}/gate",
            reached=f"{folder}/reached",
        )
        await asyncio.to_thread(migrate.upgrade, spec.url)
        await publish(spec.url, "chaos")
        async with running(spec, Fuse(lambda **_: None, None)) as app:
            greeting = {"id": "m", "conversation": "customer", "text": "hi"}
            await intake.receive(app.tools, app.dispatcher, incoming(greeting))
            async with asyncio.timeout(WARM_UP_SECONDS):
                while not _is_there(spec.shown):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


def bear(connection: socket.socket) -> None:
    """Be what the connection's first line says."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        first = json.loads(connection.makefile("rb").readline())
        connection.send(json.dumps({"born": os.getpid()}).encode() + b"\n")
        if "publish" in first:
            asyncio.run(publish(first["publish"], first["workflow"]))
            connection.send(b'{"published": true}\n')
            return
        spec = Spec(**first)
        with FileLock.beside(spec.url, "chaos"):
            asyncio.run(live(connection, spec))
    except BaseException:
        connection.setblocking(True)
        connection.send(json.dumps({"failed": traceback.format_exc()}).encode() + b"\n")


def nurse(path: str) -> None:
    """Fork a process for each connection until standard input ends."""
    # The dead are buried by the system.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asyncio.run(warm_up())
    # A thread that is not there after a fork may have held a lock.
    assert threading.active_count() == 1
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(64)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while server in select.select([server, sys.stdin], [], [])[0]:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            bear(connection)
            os._exit(0)
        connection.close()


def _append(file: Path, entry: Mapping[str, Any]) -> None:
    line = json.dumps(entry).encode() + b"\n"
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, line)
    os.close(handle)


def _is_there(file: str) -> bool:
    return Path(file).exists()


def _touch(file: str) -> None:
    Path(file).touch()


if __name__ == "__main__":
    nurse(sys.argv[1])
