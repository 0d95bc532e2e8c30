"""The workflow versions in use: the published ones, and older ones that runs are pinned to."""

from collections.abc import Collection

from sqlalchemy import Connection

from orchestration import proofs, store, workflow
from orchestration.database import Database
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.interfaces import Clock
from orchestration.models import WorkflowVersion
from orchestration.nodes import node_kinds
from orchestration.workflow import Problem, Workflow

# The workflow that customers' messages take; all others run as an API.
DEFAULT = "support"


class Programs:
    """Keeps versions that were read; a version never changes, so it is read once."""

    def __init__(self, database: Database, name: str = DEFAULT) -> None:
        self._database = database
        self._name = name
        self._known: dict[tuple[str, int], Program] = {}
        self._published: Program | None = None

    @property
    def published(self) -> Program:
        """The version that new runs take."""
        if self._published is None:
            raise NotFound(f"no workflow named {self._name!r} is published")
        return self._published

    async def refresh(self) -> None:
        """Take up a version that was published since."""
        row = await self._database.read(
            lambda connection: store.find_published(connection, self._name)
        )
        if row is not None:
            self._published = self._keep(row)

    async def latest(self, name: str) -> Program:
        """Return the version of a workflow that is published at this moment.

        Raises `NotFound`.
        """
        row = await self._database.read(lambda connection: store.find_published(connection, name))
        if row is None:
            raise NotFound(f"no workflow named {name!r} is published")
        return self._keep(row)

    async def get(self, name: str, version: int) -> Program:
        """Return the version a run is pinned to."""
        known = self._known.get((name, version))
        if known:
            return known
        return self._keep(
            await self._database.read(
                lambda connection: store.get_version(connection, name, version)
            )
        )

    def _keep(self, row: WorkflowVersion) -> Program:
        key = (row.name, row.version)
        if key not in self._known:
            self._known[key] = Program.of(workflow.parse(row.source), row.version)
        return self._known[key]


def publish(connection: Connection, source: str, *, author: str, note: str, clock: Clock) -> int:
    """Publish a document as the next version; raises `InvalidWorkflow` where it has errors."""
    parsed = workflow.parse(source)
    found = problems(parsed, [intent.name for intent in store.list_intents(connection)])
    errors = [problem.document() for problem in found if problem.severity == "error"]
    if errors:
        raise InvalidWorkflow(f"the workflow {parsed.name!r} has problems", errors)
    return store.publish_version(
        connection, name=parsed.name, source=source, author=author, note=note, now=clock()
    )


def problems(source: Workflow | str, intents: Collection[str]) -> list[Problem]:
    """Return all that is wrong with a workflow, given the operator's intents, if there are any."""
    kinds = {kind: node_kinds.get(kind) for kind in node_kinds}
    found = proofs.problems(source, kinds, intents=intents or None)
    try:
        parsed = source if isinstance(source, Workflow) else workflow.parse(source)
    except InvalidWorkflow:
        return found
    return [*found, *_silent_ends(parsed)]


def _silent_ends(parsed: Workflow) -> list[Problem]:
    """Return the ends at which a customer would hear nothing."""
    if parsed.name != DEFAULT:
        return []
    return [
        Problem(
            code="dead_end",
            node=spec.name,
            message=f"{DEFAULT!r} answers customers, and an output tells them nothing",
            counter_example={"path": [spec.name]},
        )
        for spec in parsed.nodes.values()
        if spec.kind == "output"
    ]
