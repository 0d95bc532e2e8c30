"""Programs that ask for runs: what they publish, what they are given, and whom the runs ask."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestration import api_runs, store
from orchestration.gateway import Gateway, Tiers
from orchestration.models import Run
from orchestration.programs import publish
from orchestration.types import ConversationId, HttpAnswer, Json, ModelAnswer, ModelRequest
from tests.fakes.floor import Floor, Talk, open_floor
from tests.fakes.models import BIG, ONE, Act, ScriptedModels, answered
from tests.fakes.workflows import SHIPPED

Answer = HttpAnswer | BaseException


def stating(value: Json) -> ModelAnswer:
    """Return a model's answer that is this JSON."""
    return answered(json.dumps(value))


def saying(status: int = 200, body: Json = None) -> HttpAnswer:
    """Return a host's answer."""
    return HttpAnswer(status=status, headers={}, body=json.dumps(body).encode())


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as it would have left."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]


class Hosts:
    """Plays the hosts' answers one after the other, then the last one again."""

    def __init__(self, *answers: Answer) -> None:
        self.sent: list[Sent] = []
        self._answers = deque(answers or (saying(),))

    async def call(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> HttpAnswer:
        self.sent.append(Sent(method=method, url=url, body=body, headers=dict(headers)))
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass(kw_only=True)
class Desk:
    """A floor on which runs are asked for, and what they ask in turn."""

    floor: Floor
    models: ScriptedModels
    hosts: Hosts
    begun: list[Run] = field(default_factory=list)

    async def begin(self, workflow: str, given: Mapping[str, Json]) -> Run:
        run = await api_runs.begin(
            self.floor.tools,
            self.floor.programs,
            self.floor.dispatcher,
            workflow=workflow,
            given=given,
        )
        self.begun.append(run)
        return run

    async def ask(self, workflow: str, given: Mapping[str, Json] | None = None) -> Run:
        """Have a run done and return it as it is then."""
        run = await self.begin(workflow, given or {})
        return await self.go_on(run)

    async def go_on(self, run: Run) -> Run:
        await self.floor.turns.advance(ConversationId(run.conversation_id))
        return await self.run(run)

    async def crash(self, run: Run) -> None:
        """Let the process die at what raises `CancelledError`."""
        try:
            await self.floor.turns.advance(ConversationId(run.conversation_id))
        except asyncio.CancelledError:
            return
        raise AssertionError("nothing died")

    async def run(self, run: Run) -> Run:
        return await self.floor.database.read(lambda c: store.get(c, Run, run.id))

    async def see(self, run: Run) -> Talk:
        return await self.floor.see(ConversationId(run.conversation_id))


@asynccontextmanager
async def open_desk(
    url: str,
    *workflows: Mapping[str, Json] | str,
    models: ScriptedModels | None = None,
    hosts: Hosts | None = None,
) -> AsyncIterator[Desk]:
    """Open a floor with these workflows beside the shipped one, with models and hosts that play."""
    models, hosts = models or ScriptedModels(), hosts or Hosts()
    async with open_floor(url, workflow=SHIPPED) as floor:
        for each in workflows:
            await release(floor, each)
        gateway = Gateway(
            database=floor.database,
            provider=models,
            tiers=Tiers({"light": [ONE], "strong": [BIG]}),
            clock=floor.clock,
            telemetry=floor.tools.telemetry,
            sleep=_no_wait,
        )
        equipped = floor.with_tools(gateway=gateway, http=hosts)
        yield Desk(floor=equipped, models=models, hosts=hosts)


async def release(floor: Floor, workflow: Mapping[str, Json] | str) -> int:
    """Publish a workflow and return its version."""
    source = workflow if isinstance(workflow, str) else json.dumps(workflow)
    return await floor.database.write(
        lambda c: publish(c, source, author="test", note="", clock=floor.clock)
    )


def api_workflow(*, input: Json = None, name: str = "api", **nodes: Any) -> dict[str, Json]:
    """Return a workflow that runs as an API and begins at its first node."""
    document: dict[str, Json] = {"name": name, "entry": next(iter(nodes)), "nodes": nodes}
    return document if input is None else {**document, "input": input}


def by_properties(answers: Mapping[str, Sequence[Json]]) -> Act:
    """Return an act that answers by the properties asked for: in their order, the last for ever."""
    left = {names: deque(each) for names, each in answers.items()}

    async def act(request: ModelRequest) -> ModelAnswer:
        assert request.schema is not None
        mine = left[" ".join(request.schema["properties"])]
        return stating(mine.popleft() if len(mine) > 1 else mine[0])

    return act


async def _no_wait(_: float) -> None:
    return
