"""A version tried on recorded turns: what it says is what really comes of running them again."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration import workflow
from orchestration.backtest import Backtest, Batch, Change
from orchestration.engine import Program
from orchestration.models import Run
from orchestration.types import Json
from tests.fakes.floor import Floor
from tests.fakes.history import KEY_NAME, messages, models_for, moody, record
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.shopfront import PRESET, open_shop, stock

KEY = "sk-not-a-real-key-1234567890"
SHORT, FULL = 50, 2000


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A history, what a draft was said to do with it, and what it really did."""

    recorded: list[Run]
    changes: dict[str, Change]
    report: Mapping[str, Json]
    real: list[Run]
    asked: int
    rows_added: int

    def routes(self) -> list[str | None]:
        """Return the route that was predicted for each turn."""
        changes = self.changes
        return [changes[r.id].route[1] if r.id in changes else r.route for r in self.recorded]


def drafted() -> dict[str, Any]:
    """Return the shipped workflow with another threshold and two rules swapped."""
    document = workflow.document(workflow.parse(PRESET))
    rules = document["nodes"]["route"]["rules"]
    rules[0], rules[1] = rules[1], rules[0]
    rules[0]["when"]["all"][1]["at_least"] = 0.98
    return document


def as_program(document: Mapping[str, Json]) -> Program:
    return Program.of(workflow.parse(document), 2)


async def backtested(floor: Floor, document: Mapping[str, Json]) -> tuple[Any, dict[str, Change]]:
    """Return the report over all turns, and every change by its run."""
    changes: dict[str, Change] = {}

    async def keep(batch: Batch) -> None:
        changes.update((change.run_id, change) for change in batch.changes)

    trial = Backtest(floor.tools, floor.programs, as_program(document))
    return await trial.run(last=None, keep=keep), changes


@pytest.fixture(scope="module")
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as fake:
        fake.answer_with(moody)
        yield fake


@pytest.fixture(scope="module")
def folder(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a SQLite file of the sample store, to be copied."""
    made = tmp_path_factory.mktemp("history")
    shutil.copy(migrated_sqlite, made / "stocked.db")
    asyncio.run(stock(made / "stocked.db"))
    return made


@asynccontextmanager
async def opened(
    folder: Path, server: FakeOpenAI, name: str, document: Mapping[str, Json] | None = None
) -> AsyncIterator[Floor]:
    database = folder / f"{name}.db"
    if not database.exists():
        shutil.copy(folder / "stocked.db", database)
    source = workflow.dump(workflow.parse(document)) if document else None
    models = models_for(server, folder)
    async with open_shop(database, workflow=source, frontdesk_models_file=models) as floor:
        yield floor


async def try_draft(folder: Path, server: FakeOpenAI, count: int) -> Tried:
    said = messages(count)
    async with opened(folder, server, f"recorded-{count}") as floor:
        recorded = await record(floor, said)
        asked, rows = len(server.requests), await floor.count_rows()
        report, changes = await backtested(floor, drafted())
        asked, rows_after = len(server.requests) - asked, await floor.count_rows()
    async with opened(folder, server, f"real-{count}", drafted()) as floor:
        real = await record(floor, said)
    return Tried(
        recorded=recorded,
        changes=changes,
        report=report,
        real=real,
        asked=asked,
        rows_added=sum(rows_after.values()) - sum(rows.values()),
    )


@pytest.fixture(
    scope="module",
    params=[SHORT, pytest.param(FULL, marks=[pytest.mark.chaos, pytest.mark.timeout(1800)])],
)
def tried(request: pytest.FixtureRequest, folder: Path, server: FakeOpenAI) -> Iterator[Tried]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_NAME, KEY)
        yield asyncio.run(try_draft(folder, server, request.param))


def test_the_routes_are_those_that_running_the_turns_again_gives(tried: Tried) -> None:
    really = [run.route for run in tried.real]

    assert tried.routes() == really
    assert {run.route for run in tried.recorded} == {"simple", "complex", "human"}
    moved = {(each["from"], each["to"]) for each in tried.report["routes"]}
    assert {("human", "simple"), ("simple", "complex")} <= moved


def test_the_real_cost_lies_within_the_band(tried: Tried) -> None:
    cost = {name: Decimal(tried.report["cost"][name]) for name in ("before", "low", "high")}

    real = sum((run.cost for run in tried.real), start=Decimal(0))

    assert cost["before"] == sum(run.cost for run in tried.recorded)
    assert cost["low"] <= real <= cost["high"]
    assert real != cost["before"]
    # A band that holds everything would say nothing.
    assert cost["high"] - cost["low"] < cost["before"]


def test_every_urgent_or_risky_turn_that_lost_its_human_is_listed(tried: Tried) -> None:
    listed = {each["run_id"] for each in tried.report["urgent_lost"]}

    lost = {
        before.id
        for before, after in zip(tried.recorded, tried.real, strict=True)
        if (before.classification["urgency"] == "urgent" or before.classification["risk"] != "none")
        and before.outcome == "escalate"
        and after.outcome == "send"
    }

    assert lost
    assert lost <= listed
    texts = {each["run_id"]: each["text"] for each in tried.report["urgent_lost"]}
    assert all(texts[run.id] == run.text for run in tried.recorded if run.id in listed)


def test_nothing_is_asked_sent_or_written(tried: Tried) -> None:
    assert (tried.asked, tried.rows_added) == (0, 0)
