"""How workflows are changed: drafts, publishing behind gates, rolling back, and bound channels."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from orchestration import gates, programs, store, workflow
from orchestration.database import Database
from orchestration.engine import Program
from orchestration.errors import BadInput, Conflict, GatesRefuse, NotFound
from orchestration.gates import Gates, Refusal
from orchestration.interfaces import Clock
from orchestration.models import WorkflowVersion
from orchestration.types import Json
from orchestration.workflow import Problem

# The report of a draft over so many recorded turns, and a sentence for each case that fails.
Backtest = Callable[[Program, int], Awaitable[Mapping[str, Json]]]
Cases = Callable[[Program], Awaitable[Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Release:
    """Who publishes and what for; with `force` the gates are overruled, which needs a reason."""

    author: str
    note: str = ""
    force: bool = False
    reason: str = ""

    def __post_init__(self) -> None:
        if self.force and not self.reason.strip():
            raise BadInput("overruling the gates needs a reason", field="reason")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gates say of a draft; `turns` were looked at, None where no gate needs any."""

    turns: int | None
    refusals: tuple[Refusal, ...]

    @property
    def words(self) -> str:
        """Say in one sentence on what the judgement rests."""
        if self.turns is None:
            return "no gate asks for a backtest"
        if self.turns == 0:
            return "no turn of this workflow was recorded yet, so there was nothing to judge it by"
        return f"judged by {self.turns} recorded turns"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A version that is in use from now on, and what the gates said of it."""

    name: str
    version: int
    judgement: Judgement


@dataclass(frozen=True)
class _Moved:
    """Somebody has kept another text meanwhile; `newest` is its number.

    Returned and not raised: what is returned comes after the commit of what it tells of.
    """

    newest: int


class Publishing:
    """Changes which text of which workflow decides, one audited transaction for each change."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        channels: Collection[str],
        backtest: Backtest | None = None,
        cases: Cases | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._channels = frozenset(channels)
        self._backtest = backtest
        self._cases = cases

    async def save_draft(
        self, name: str, source: str, *, base: int, author: str
    ) -> WorkflowVersion:
        """Keep a text as the draft, based on the text with this number, which must be the newest.

        Raises `Conflict` with what another has changed since, `BadInput` where the text is none of
        this workflow.
        """
        await asyncio.to_thread(_require_named, name, source)
        saved = await self._database.write(
            lambda c: self._save(c, name, source, base=base, author=author), durable=True
        )
        if isinstance(saved, _Moved):
            raise await self._conflict(name, base, saved.newest)
        return saved

    async def text_of(self, name: str, document: Mapping[str, Json], *, base: int) -> str:
        """Write a document with the comments of the text it was changed from."""
        return await self._database.read(lambda c: _text_of(c, name, document, base))

    async def check_draft(self, name: str) -> list[Problem]:
        """Return all that is wrong with the draft."""
        return await self._database.read(lambda c: _check_draft(c, name))

    async def publish_draft(
        self, name: str, release: Release, *, version: int | None = None
    ) -> Published:
        """Put the draft in use; with `version` only if it is that one still.

        Raises `InvalidWorkflow`, `GatesRefuse`, or `Conflict` where it was changed meanwhile.
        """
        draft = await self._database.read(lambda c: get_draft(c, name))
        if version is not None and version != draft.version:
            raise Conflict(f"the draft of {name!r} is {draft.version}, not {version}")
        return await self._publish(draft, release)

    async def publish_text(
        self, source: str, release: Release, *, base: int | None = None
    ) -> Published:
        """Put a text in use that was no draft, such as a file's.

        With `base` only if that is the newest number still; raises `Conflict` like `save_draft`.
        """
        name = (await asyncio.to_thread(workflow.parse, source)).name
        newest = await self._database.read(lambda c: store.newest_version(c, name))
        if base is not None and base != newest:
            raise await self._conflict(name, base, newest)
        row = WorkflowVersion(
            name=name,
            version=newest + 1,
            source=source,
            author=release.author,
            base=newest,
            created_at=self._clock(),
        )
        return await self._publish(row, release, is_kept=False)

    async def judge(self, program: Program) -> Judgement:
        """Ask the gates of a workflow about a text of it."""
        bounds = await self._database.read(lambda c: read_gates(c, program.name))
        refusals: list[Refusal] = []
        turns = None
        if self._backtest and bounds.ask_backtest:
            report = await self._backtest(program, bounds.turns)
            turns = int(report["turns"])
            refusals += gates.judge(report, bounds)
        if self._cases:
            refusals += gates.failing_cases(await self._cases(program))
        return Judgement(turns=turns, refusals=tuple(refusals))

    async def roll_back(self, name: str, version: int, *, author: str, note: str = "") -> int:
        """Publish what an older version says, as the next one; returns its number."""
        # A proof may take seconds, and while one writes nobody else does.
        await self._database.read(lambda c: _require_sound(c, name, version))
        return await self._database.write(
            lambda c: self._roll_back(c, name, version, author, note), durable=True
        )

    async def set_gates(self, name: str, bounds: Gates, *, author: str) -> None:
        """Set the bounds that a draft of this workflow must keep."""
        await self._database.write(lambda c: self._set_gates(c, name, bounds, author), durable=True)

    async def bind(self, channel: str, name: str, *, author: str) -> None:
        """Let the conversations of a channel take this workflow from their next turn on.

        Raises `BadInput` where there is no such channel, `InvalidWorkflow` where the workflow is
        none for customers.
        """
        if channel not in self._channels:
            known = ", ".join(sorted(self._channels))
            raise BadInput(f"there is no channel {channel!r}; there are: {known}", field="channel")
        await self._database.write(lambda c: self._bind(c, channel, name, author), durable=True)

    async def bindings(self) -> dict[str, str]:
        """Return which workflow each channel takes."""
        bound = await self._database.read(store.list_bindings)
        return {name: bound.get(name, programs.DEFAULT) for name in sorted(self._channels)}

    async def _publish(
        self, row: WorkflowVersion, release: Release, *, is_kept: bool = True
    ) -> Published:
        parsed = await asyncio.to_thread(workflow.parse, row.source)
        await self._database.read(lambda c: programs.require_sound(c, parsed))
        judgement = await self.judge(Program.of(parsed, row.version))
        if judgement.refusals and not release.force:
            words = "; ".join(refusal.message for refusal in judgement.refusals)
            refusals = [refusal.document() for refusal in judgement.refusals]
            raise GatesRefuse(f"{row.name!r} is not published: {words}", refusals)
        put = partial(self._release, row=row, release=release, judgement=judgement, is_kept=is_kept)
        moved = await self._database.write(put, durable=True)
        if moved:
            raise await self._conflict(row.name, row.version, moved.newest)
        return Published(name=row.name, version=row.version, judgement=judgement)

    async def _conflict(self, name: str, base: int, newest: int) -> Conflict:
        """Return what to tell whoever started from a text that is not the newest."""
        if base > newest:
            words = f"{name!r} has no text {base} yet; its newest is {newest}"
            return Conflict(words, current={"version": newest})
        before, current = await self._database.read(lambda c: _since(c, name, base, newest))
        names = (f"{name} {base}", f"{name} {newest}")
        shown = await asyncio.to_thread(changes_between, before, current.source, names=names)
        return _told_apart(current, base, shown)

    def _save(
        self, connection: Connection, name: str, source: str, *, base: int, author: str
    ) -> WorkflowVersion | _Moved:
        newest = store.lock_workflow(connection, name)
        if newest:
            current = store.get_version(connection, name, newest)
            if current.source == source and current.published_at is None:
                return current
        if base != newest:
            return _Moved(newest)
        draft = store.add_draft(
            connection, name=name, source=source, author=author, base=base, now=self._clock()
        )
        store.record_audit(
            connection,
            actor=author,
            action="workflow.draft_saved",
            subject=f"workflow {name}",
            details={"version": draft.version, "base": base, "sha256": store.sha256(source)},
            now=self._clock(),
        )
        return draft

    def _release(
        self,
        connection: Connection,
        *,
        row: WorkflowVersion,
        release: Release,
        judgement: Judgement,
        is_kept: bool,
    ) -> _Moved | None:
        newest = store.lock_workflow(connection, row.name)
        if newest != (row.version if is_kept else row.base):
            return _Moved(newest)
        # A channel may have been bound to it while the gates were asked.
        if programs.is_answering(connection, row.name):
            programs.require_fit(workflow.parse(row.source))
        if not is_kept:
            store.add(connection, row)
        refusals = [refusal.document() for refusal in judgement.refusals]
        override = {"reason": release.reason, "refusals": refusals} if release.force else None
        programs.release(
            connection,
            row,
            author=release.author,
            note=release.note,
            override=override,
            now=self._clock(),
        )
        return None

    def _roll_back(
        self, connection: Connection, name: str, version: int, author: str, note: str
    ) -> int:
        newest = store.lock_workflow(connection, name)
        older = store.get_version(connection, name, version)
        if older.published_at is None:
            raise Conflict(f"version {version} of {name!r} was a draft that was never published")
        published = store.find_published(connection, name)
        if published and published.source == older.source:
            raise Conflict(
                f"version {published.version} of {name!r}, which says the same, is in use"
            )
        if programs.is_answering(connection, name):
            programs.require_fit(workflow.parse(older.source))
        row = store.add_draft(
            connection,
            name=name,
            source=older.source,
            author=author,
            base=newest,
            now=self._clock(),
        )
        programs.release(
            connection,
            row,
            author=author,
            note=note or f"back to version {version}",
            action="workflow.rolled_back",
            more={"back_to": version},
            now=self._clock(),
        )
        return row.version

    def _set_gates(self, connection: Connection, name: str, bounds: Gates, author: str) -> None:
        if not store.newest_version(connection, name):
            raise NotFound(f"there is no workflow {name!r}")
        values = bounds.model_dump()
        store.save_setting(connection, _gates_of(name), values)
        store.record_audit(
            connection,
            actor=author,
            action="workflow.gates_changed",
            subject=f"workflow {name}",
            # As texts: a JSON column does not keep how a number was written.
            details={gate: str(value) for gate, value in values.items()},
            now=self._clock(),
        )

    def _bind(self, connection: Connection, channel: str, name: str, author: str) -> None:
        store.lock_workflow(connection, name)
        published = store.find_published(connection, name)
        if published is None:
            raise NotFound(f"no workflow named {name!r} is published")
        programs.require_fit(workflow.parse(published.source))
        before = store.list_bindings(connection).get(channel, programs.DEFAULT)
        if before == name:
            return
        store.bind(connection, channel, name)
        store.record_audit(
            connection,
            actor=author,
            action="channel.bound",
            subject=f"channel {channel}",
            details={"workflow": name, "before": before},
            now=self._clock(),
        )


def get_draft(connection: Connection, name: str) -> WorkflowVersion:
    """Return the draft of a workflow; raises `NotFound`."""
    draft = store.find_draft(connection, name)
    if draft is None:
        raise NotFound(
            f"workflow {name!r} has no draft: nothing was changed since it was published"
        )
    return draft


def read_gates(connection: Connection, name: str) -> Gates:
    """Return the bounds that a draft of this workflow must keep."""
    return Gates.model_validate(store.read_setting(connection, _gates_of(name)) or {})


def get_pair(
    connection: Connection, name: str, before: int | None, after: int | None
) -> tuple[WorkflowVersion, WorkflowVersion]:
    """Return two texts to compare; by default the published one and the draft."""
    new = store.get_version(connection, name, after) if after else get_draft(connection, name)
    published = store.find_published(connection, name)
    old = store.get_version(connection, name, before) if before else published
    if old is None:
        raise NotFound(f"no workflow named {name!r} is published")
    return old, new


def changes_between(before: str, after: str, *, names: tuple[str, str]) -> dict[str, Json]:
    """Return what changed between two texts: `changes` in words, and `diff` line by line.

    Both are put into the one form first, so that the lines that differ are those that were changed.
    """
    told = workflow.changes(workflow.read_document(before), workflow.read_document(after))
    texts = workflow.format_text(before), workflow.format_text(after)
    return {
        "changes": [change.document() for change in told],
        "diff": workflow.text_changes(*texts, names=names),
    }


def _text_of(connection: Connection, name: str, document: Mapping[str, Json], base: int) -> str:
    changed = workflow.read_document(document)
    before = store.find_version(connection, name, base)
    return workflow.rewrite(before.source if before else "{}", changed)


def _require_sound(connection: Connection, name: str, version: int) -> None:
    older = store.get_version(connection, name, version)
    if older.published_at is not None:
        programs.require_sound(connection, workflow.parse(older.source))


def _check_draft(connection: Connection, name: str) -> list[Problem]:
    names = [intent.name for intent in store.list_intents(connection)]
    answers = programs.is_answering(connection, name)
    return programs.problems(get_draft(connection, name).source, names, answers=answers)


def _since(
    connection: Connection, name: str, base: int, newest: int
) -> tuple[str, WorkflowVersion]:
    """Return the text that somebody started from, and the one that is the newest by now."""
    current = store.get_version(connection, name, newest)
    seen = store.find_version(connection, name, base) or store.find_published(connection, name)
    return seen.source if seen else current.source, current


def _told_apart(current: WorkflowVersion, base: int, shown: Mapping[str, Json]) -> Conflict:
    what = "draft" if current.published_at is None else "published version"
    told = "; ".join(change["message"] for change in shown["changes"][:5])
    state = {
        "version": current.version,
        "author": current.author,
        "created_at": current.created_at.isoformat(),
        "published": current.published_at is not None,
        **shown,
    }
    return Conflict(
        f"the {what} {current.version} of {current.name!r} was saved by {current.author} "
        f"since {base}: {told or 'only how it is written'}",
        current=state,
    )


def _require_named(name: str, source: str) -> None:
    named = workflow.read_document(source).get("name")
    if named != name:
        raise BadInput(f"the document is called {named!r}, not {name!r}", field="document.name")


def _gates_of(name: str) -> str:
    return f"gates of {name}"
