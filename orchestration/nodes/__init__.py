"""The node kinds: what a box in a workflow can do; one file each, found by the registry."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from orchestration import proposals
from orchestration.context import Case, Toolbox
from orchestration.costs import Purpose
from orchestration.gateway import Caller, Completion, NoModel
from orchestration.registry import Registry
from orchestration.types import Draft, Json, ModelRequest, Proposal, RunId, Touches

node_kinds: Registry[type["Node"]] = Registry("node kind", "orchestration.nodes")

drafts = TypeAdapter(Draft)


class Config(BaseModel):
    """The settings of a node, beside its exits; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit of a run to a node: where it stands and what it may use.

    Before anything paid or external begins, a node awaits `record_start`; `was_started` says that
    it began before, in a process that died, and nobody knows how it ended.
    """

    part: int
    node: str
    number: int
    state: Mapping[str, Json]
    case: Case
    tools: Toolbox
    record_start: Callable[[], Awaitable[None]]
    was_started: bool = False


@dataclass(frozen=True, kw_only=True)
class End:
    """How a path ends; the engine writes it, together with everything it needs, in one commit."""

    kind: str
    draft: Draft | None = None
    text: str | None = None
    queue: str | None = None
    reason: str = ""
    brief: Mapping[str, Json] | None = None
    output: Mapping[str, Json] | None = None


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A draft that a human must release before the run goes on, and the action it proposes."""

    draft: Draft
    reasons: tuple[str, ...]
    expires_at: datetime
    proposal: Proposal | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a visit led to: an exit, an end or a wait, with what it adds to the run's state.

    `input` is what the step's record shows as having gone in; `notes` stand in its output beside
    the updates but do not enter the state.
    """

    exit: str | None = None
    updates: Mapping[str, Json] = field(default_factory=dict)
    input: Mapping[str, Json] = field(default_factory=dict)
    notes: Mapping[str, Json] = field(default_factory=dict)
    end: End | None = None
    wait: Wait | None = None


class Node:
    """A box of a workflow: a kind plus its config.

    An external node binds its run to come to its end, once it has begun. One that `waits` for a
    human does not: only an action that it has put before them binds. After its `fruitless` exits
    what it writes is not there.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[BaseModel]] = Config
    touches: ClassVar[Touches] = "pure"
    waits: ClassVar[bool] = False
    ends: ClassVar[bool] = False
    fruitless: ClassVar[frozenset[str]] = frozenset()
    timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        """Name the ways out."""
        return ("done",)

    @classmethod
    def reads(cls, config: Any) -> frozenset[str]:
        """Name the fields of the state it needs."""
        return frozenset()

    @classmethod
    def writes(cls, config: Any) -> frozenset[str]:
        """Name the fields it adds to the state."""
        return frozenset()

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool | None:
        """Tell whether the draft may be sent after this exit; None where that is as before.

        A kind that writes a draft leaves one that nobody has looked at.
        """
        has_drafted = exit not in cls.fruitless and "draft" in cls.writes(config)
        return False if has_drafted else None

    async def run(self, visit: Visit) -> Outcome:
        """Do the work of one visit."""
        raise TypeError(f"node kind {type(self).__name__} does not say what it does")


def draft_in(state: Mapping[str, Json]) -> Draft:
    """Return the draft that a reply node left in the state."""
    return drafts.validate_python(state["draft"])


def proposal_in(state: Mapping[str, Json]) -> Proposal | None:
    """Return the action that a reply node proposed beside its draft, if it did."""
    proposed = state.get("proposal")
    return proposals.from_json(proposed) if proposed else None


def as_json(value: Any, adapter: TypeAdapter[Any] = drafts) -> Json:
    """Return a value as plain JSON."""
    return json.loads(adapter.dump_json(value))


async def complete(
    visit: Visit,
    tier: str,
    request: ModelRequest,
    read: type[BaseModel] | None,
    *,
    purpose: Purpose = "answer",
    patience: timedelta | None = None,
) -> Completion[Any]:
    """Ask a model on behalf of this visit; raises `Unanswered` where none gave an answer.

    Without `read` the value is the JSON that the request's schema asks for. `patience` is the
    longest that is waited, where that is less than the run's time with models.
    """
    gateway, run = visit.tools.gateway, visit.case.run
    if gateway is None or run is None:
        raise NoModel(tier)
    caller = Caller(
        run=RunId(run.id),
        node=visit.node,
        part=visit.part,
        visit=visit.number,
        conversation=visit.case.conversation.id,
        customer=visit.case.person.id,
        purpose=purpose,
        record_start=visit.record_start,
    )
    completion: Completion[Any] = await gateway.complete(
        caller, tier=tier, request=request, read=read, patience=patience
    )
    return completion
