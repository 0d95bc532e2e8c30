"""The workflow versions in use: the published ones, and older ones that runs are pinned to."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection

from orchestration import proofs, store, workflow
from orchestration.database import Database
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.interfaces import Clock
from orchestration.models import WorkflowVersion
from orchestration.nodes import node_kinds
from orchestration.types import Json
from orchestration.workflow import Problem, Workflow

# The workflow that customers' messages take where their channel is bound to no other.
DEFAULT = "support"


class Programs:
    """Keeps versions that were read; a version never changes, so it is read once."""

    def __init__(self, database: Database, name: str = DEFAULT) -> None:
        self._database = database
        self._name = name
        self._known: dict[tuple[str, int], Program] = {}
        self._published: dict[str, Program] = {}
        self._bindings: dict[str, str] = {}

    @property
    def published(self) -> Program:
        """The version that new runs take where their channel says nothing else."""
        return self._in_use(self._name)

    def bound_to(self, channel: str) -> Program:
        """Return the version that a new turn of this channel takes."""
        return self._in_use(self._bindings.get(channel, self._name))

    async def refresh(self) -> None:
        """Take up what was published and bound since."""
        numbers, bindings = await self._database.read(_in_use)
        names = {self._name, *bindings.values()} & numbers.keys()
        published = {name: await self.get(name, numbers[name]) for name in names}
        self._published, self._bindings = published, bindings

    async def latest(self, name: str) -> Program:
        """Return the version of a workflow that is published at this moment.

        Raises `NotFound`.
        """
        row = await self._database.read(lambda connection: store.find_published(connection, name))
        if row is None:
            raise NotFound(f"no workflow named {name!r} is published")
        return self._keep(row)

    async def get(self, name: str, version: int) -> Program:
        """Return a numbered text of a workflow, ready to be walked, such as a run is pinned to."""
        known = self._known.get((name, version))
        if known:
            return known
        return self._keep(
            await self._database.read(
                lambda connection: store.get_version(connection, name, version)
            )
        )

    async def workflow_of(self, name: str, version: int) -> Workflow:
        """Return a numbered text to look at, even one whose kinds of node are no longer there."""
        known = self._known.get((name, version))
        if known:
            return known.workflow
        row = await self._database.read(lambda c: store.get_version(c, name, version))
        return await asyncio.to_thread(workflow.parse, row.source)

    def _in_use(self, name: str) -> Program:
        if name not in self._published:
            raise NotFound(f"no workflow named {name!r} is published")
        return self._published[name]

    def _keep(self, row: WorkflowVersion) -> Program:
        key = (row.name, row.version)
        if key not in self._known:
            self._known[key] = Program.of(workflow.parse(row.source), row.version)
        return self._known[key]


def _in_use(connection: Connection) -> tuple[dict[str, int], dict[str, str]]:
    return store.published_numbers(connection), store.list_bindings(connection)


def publish(
    connection: Connection,
    source: str,
    *,
    author: str,
    note: str,
    clock: Clock,
    override: Mapping[str, Json] | None = None,
) -> int:
    """Publish a document as the next version; raises `InvalidWorkflow` where it has errors.

    What a backtest would say of it is not asked; see `publishing`.
    """
    parsed = workflow.parse(source)
    require_sound(connection, parsed)
    newest = store.lock_workflow(connection, parsed.name)
    row = store.add_draft(
        connection, name=parsed.name, source=source, author=author, base=newest, now=clock()
    )
    release(connection, row, author=author, note=note, override=override, now=clock())
    return row.version


def require_sound(connection: Connection, parsed: Workflow) -> None:
    """See that a workflow may be published; raises `InvalidWorkflow` with the problems."""
    found = problems(
        parsed,
        [intent.name for intent in store.list_intents(connection)],
        answers=is_answering(connection, parsed.name),
    )
    errors = [problem.document() for problem in found if problem.severity == "error"]
    if errors:
        raise InvalidWorkflow(f"the workflow {parsed.name!r} has problems", errors)


def release(
    connection: Connection,
    row: WorkflowVersion,
    *,
    author: str,
    note: str,
    action: str = "workflow.published",
    override: Mapping[str, Json] | None = None,
    more: Mapping[str, Json] | None = None,
    now: datetime,
) -> None:
    """Make a kept text the published one, and record who did it; ends its transaction."""
    store.publish_version(
        connection,
        row.name,
        row.version,
        author=author,
        note=note,
        override=override,
        now=now,
    )
    details: dict[str, Json] = {
        "version": row.version,
        "sha256": store.sha256(row.source),
        "note_sha256": store.sha256(note),
        **(more or {}),
    }
    if override:
        reason = str(override["reason"])
        details |= {"forced": True, "reason_sha256": store.sha256(reason)}
        details["gates"] = [each["gate"] for each in override["refusals"]]
    store.record_audit(
        connection,
        actor=author,
        action=action,
        subject=f"workflow {row.name}",
        details=details,
        now=now,
    )


def is_answering(connection: Connection, name: str) -> bool:
    """Tell whether customers' messages take this workflow, so that each of them must be told."""
    return name == DEFAULT or name in store.list_bindings(connection).values()


def problems(
    source: Workflow | str, intents: Collection[str], *, answers: bool = False
) -> list[Problem]:
    """Return all that is wrong with a workflow, given the operator's intents, if there are any.

    With `answers` it must do for customers' messages, as the default one always must.
    """
    kinds = {kind: node_kinds.get(kind) for kind in node_kinds}
    found = proofs.problems(source, kinds, intents=intents or None)
    try:
        parsed = source if isinstance(source, Workflow) else workflow.parse(source)
    except InvalidWorkflow:
        return found
    return [*found, *(_unfit(parsed) if answers or parsed.name == DEFAULT else ())]


def require_fit(parsed: Workflow) -> None:
    """See that a workflow does for customers' messages; raises `InvalidWorkflow`."""
    found = [problem.document() for problem in _unfit(parsed)]
    if found:
        raise InvalidWorkflow(f"the workflow {parsed.name!r} is none for customers", found)


def _unfit(parsed: Workflow) -> Iterator[Problem]:
    """Yield what a workflow that answers customers may not have."""
    if parsed.input and (required := parsed.input.get("required")):
        yield Problem(
            code="bad_config",
            message=f"{parsed.name!r} answers customers, and their messages bring no input",
            counter_example={"fields": {f"input.{name}": None for name in required}},
        )
    if parsed.on_failure is None and parsed.input is not None:
        yield Problem(
            code="missing_on_failure",
            message=f"{parsed.name!r} answers customers; on_failure must name the node that takes "
            "over when another fails",
            counter_example={"path": [parsed.entry], "exit": "error"},
        )
    for spec in parsed.nodes.values():
        if spec.kind == "output":
            yield Problem(
                code="dead_end",
                node=spec.name,
                message=f"{parsed.name!r} answers customers, and an output tells them nothing",
                counter_example={"path": [spec.name]},
            )
