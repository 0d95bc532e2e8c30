"""Changing workflows over HTTP: drafts, versions, gates, rolling back, and bound channels."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from bot.api import shapes
from bot.api.guards import AdminOnly, CurrentApp, small_body
from bot.api.pages import Limit
from bot.api.schemas import BindingIn, DraftIn, GatesIn, PublishIn, RollbackIn, Version
from orchestration import publishing, store, workflow
from orchestration.gates import Gates
from orchestration.models import WorkflowVersion
from orchestration.nodes import node_kinds
from orchestration.publishing import Release

router = APIRouter(prefix="/v1/workflows", tags=["workflows"], dependencies=[AdminOnly])
channels = APIRouter(prefix="/v1/channels", tags=["workflows"], dependencies=[AdminOnly])
schema = APIRouter(prefix="/v1/workflow-schema", tags=["workflows"], dependencies=[AdminOnly])

Small = Depends(small_body)
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, alias="cursor")]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("")
async def list_workflows(app: CurrentApp) -> dict[str, Any]:
    """List the workflows by name, with what is published of each and the channels that take it."""
    found = await app.database.read(store.list_workflows)
    bound = await app.publishing.bindings()
    items = [
        {
            "name": name,
            "version": published or None,
            "draft": newest if newest > published else None,
            "channels": [channel for channel, taken in bound.items() if taken == name],
        }
        for name, published, newest in found
    ]
    return {"items": items, "next": None}


@router.get("/{name}/versions")
async def list_versions(
    name: str, app: CurrentApp, limit: Limit = 50, cursor: Before = None
) -> dict[str, Any]:
    """List the versions that were published, newest first."""
    published, rows = await app.database.read(
        lambda connection: (
            store.published_numbers(connection).get(name),
            store.list_versions(connection, name, limit=limit, before=cursor),
        )
    )
    items = [shapes.workflow_version(row, published) for row in rows]
    return {"items": items, "next": str(rows[-1].version) if len(rows) == limit else None}


@router.get("/{name}/versions/{version}")
async def get_version(name: str, version: Version, app: CurrentApp) -> dict[str, Any]:
    """Return one numbered text of a workflow, whether it was published or not."""
    published, row = await app.database.read(
        lambda connection: (
            store.published_numbers(connection).get(name),
            store.get_version(connection, name, version),
        )
    )
    return await asyncio.to_thread(_whole, row, published)


@router.get("/{name}/changes")
async def compare(
    name: str,
    app: CurrentApp,
    before: Annotated[Number, Query(alias="from")] = None,
    after: Annotated[Number, Query(alias="to")] = None,
) -> dict[str, Any]:
    """Say what changed between two texts; by default from the published one to the draft."""
    old, new = await app.database.read(
        lambda connection: publishing.get_pair(connection, name, before, after)
    )
    names = (f"{name} {old.version}", f"{name} {new.version}")
    told = await asyncio.to_thread(publishing.changes_between, old.source, new.source, names=names)
    return {"from": old.version, "to": new.version, **told}


@router.get("/{name}/draft")
async def get_draft(name: str, app: CurrentApp, response: Response) -> dict[str, Any]:
    """Return the draft; its `version` is the `base_version` of the next change."""
    row = await app.database.read(lambda connection: publishing.get_draft(connection, name))
    return await _draft(row, response)


@router.put("/{name}/draft", dependencies=[Small])
async def save_draft(
    name: str, body: DraftIn, app: CurrentApp, response: Response
) -> dict[str, Any]:
    """Keep a document as the draft; 409 with what another has changed since `base_version`."""
    source = body.source
    if source is None:
        source = await app.publishing.text_of(name, body.document or {}, base=body.base_version)
    row = await app.publishing.save_draft(name, source, base=body.base_version, author=body.author)
    return await _draft(row, response)


@router.post("/{name}/draft/check")
async def check_draft(name: str, app: CurrentApp) -> dict[str, Any]:
    """Return all that is wrong with the draft; an error stops publishing it."""
    found = await app.publishing.check_draft(name)
    return {"problems": [problem.document() for problem in found]}


@router.post("/{name}/draft/publish", dependencies=[Small])
async def publish_draft(name: str, app: CurrentApp, body: PublishIn | None = None) -> Any:
    """Put the draft in use; 422 with its problems, 409 with the gates that refuse."""
    body = body or PublishIn()
    release = Release(author=body.author, note=body.note, force=body.force, reason=body.reason)
    done = await app.publishing.publish_draft(name, release, version=body.version)
    await app.programs.refresh()
    refusals = [refusal.document() for refusal in done.judgement.refusals]
    return {
        "name": name,
        "version": done.version,
        "gates": refusals,
        "judged": done.judgement.words,
    }


@router.post("/{name}/rollback", dependencies=[Small])
async def roll_back(name: str, body: RollbackIn, app: CurrentApp) -> dict[str, Any]:
    """Put what an older version says in use again, as the next version."""
    version = await app.publishing.roll_back(name, body.version, author=body.author, note=body.note)
    await app.programs.refresh()
    return {"name": name, "version": version, "back_to": body.version}


@router.get("/{name}/gates")
async def get_gates(name: str, app: CurrentApp) -> Gates:
    """Return the bounds that a draft must keep; null where there is none."""
    return await app.database.read(lambda connection: publishing.read_gates(connection, name))


@router.put("/{name}/gates", dependencies=[Small])
async def set_gates(name: str, body: GatesIn, app: CurrentApp) -> Gates:
    """Set the bounds; what is left out gets its default."""
    bounds = Gates(**body.model_dump(exclude={"author"}))
    await app.publishing.set_gates(name, bounds, author=body.author)
    return bounds


@channels.get("")
async def list_channels(app: CurrentApp) -> dict[str, Any]:
    """List the channels with the workflow that their conversations take."""
    bound = await app.publishing.bindings()
    items = [{"channel": channel, "workflow": name} for channel, name in bound.items()]
    return {"items": items, "next": None}


@channels.put("/{channel}", dependencies=[Small])
async def bind_channel(channel: str, body: BindingIn, app: CurrentApp) -> dict[str, Any]:
    """Let a channel's conversations take a workflow from their next turn on."""
    await app.publishing.bind(channel, body.workflow, author=body.author)
    await app.programs.refresh()
    return {"channel": channel, "workflow": body.workflow}


@schema.get("")
async def get_schema() -> dict[str, Any]:
    """Return the JSON schema of a document, for editors."""
    return workflow.schema({kind: node_kinds.get(kind) for kind in node_kinds})


async def _draft(row: WorkflowVersion, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = f'"{row.version}"'
    # Reading a long document takes long enough to hold up others.
    return await asyncio.to_thread(_whole, row)


def _whole(row: WorkflowVersion, published: int | None = None) -> dict[str, Any]:
    shape = shapes.workflow_version(row, published)
    return {**shape, "document": workflow.read_document(row.source), "source": row.source}
