"""Runs that another program asks for: begun once their input is in order, and waited for."""

import asyncio
import json
from collections.abc import Mapping

from orchestration import masking, schemas, store
from orchestration.context import Toolbox
from orchestration.database import Database
from orchestration.errors import BadInput
from orchestration.interfaces import Dispatcher
from orchestration.models import Run
from orchestration.programs import Programs
from orchestration.types import ConversationId, Json

# As long as a program may be expected to hold a request open.
PATIENCE = 30.0
_LOOKS_EACH = 0.1


async def begin(
    tools: Toolbox,
    programs: Programs,
    dispatcher: Dispatcher,
    *,
    workflow: str,
    given: Mapping[str, Json],
) -> Run:
    """Record a run of the published version, and have it done like any other.

    Raises `NotFound` where no such workflow is published, `BadInput` naming the path of what does
    not fit its `input`.
    """
    program = await programs.latest(workflow)
    schema = program.workflow.input or {}
    flaw = schemas.flaw(given, schema, name="input")
    if flaw:
        path, problem = flaw
        raise BadInput(f"{path}: {problem}", field=path)
    run = await tools.database.write(
        lambda connection: store.start_api_run(
            connection,
            workflow=program.name,
            version=program.version,
            text=_text(given),
            entry=schemas.spread("input", dict(given), schema),
            now=tools.clock(),
        ),
        durable=True,
    )
    await dispatcher.wake(ConversationId(run.conversation_id))
    return run


async def wait(database: Database, run: Run, *, seconds: float = PATIENCE) -> Run:
    """Return the run once it has ended, or waits for a human, or after some time as it is then.

    Any process may be the one that does it, so the table is where to look.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + seconds
    current = run
    while current.status == "running" and clock() < ends:
        await asyncio.sleep(_LOOKS_EACH)
        current = await database.read(lambda connection: store.get(connection, Run, run.id))
    return current


def _text(given: Mapping[str, Json]) -> str:
    """Return what a human, or a `classify`, reads as the message of the run."""
    text = given.get("text")
    shown = text if isinstance(text, str) else json.dumps(given, ensure_ascii=False)
    return masking.mask(shown)
