"""The workflow versions in use: the published one, and older ones that runs are pinned to."""

from sqlalchemy import Connection

from orchestration import proofs, store, workflow
from orchestration.database import Database
from orchestration.engine import Program
from orchestration.errors import InvalidWorkflow, NotFound
from orchestration.interfaces import Clock
from orchestration.models import WorkflowVersion
from orchestration.nodes import node_kinds

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
    kinds = {kind: node_kinds.get(kind) for kind in node_kinds}
    intents = [intent.name for intent in store.list_intents(connection)]
    found = proofs.problems(parsed, kinds, intents=intents or None)
    errors = [problem.document() for problem in found if problem.severity == "error"]
    if errors:
        raise InvalidWorkflow(f"the workflow {parsed.name!r} has problems", errors)
    return store.publish_version(
        connection, name=parsed.name, source=source, author=author, note=note, now=clock()
    )
