"""The report in docs/backtest.md is what the command prints."""

import asyncio
import re
import shutil
from pathlib import Path

from orchestration import workflow
from tests.e2e.processes import run
from tests.fakes.floor import open_floor
from tests.fakes.workflows import SHIPPED

GUIDE = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text("utf-8")
TEXTS = (
    "where is my order 1042?",
    "How long may I return something?",
    "Where is my parcel? I will call my lawyer",
    "I want my money back",
    "There is a fire",
)


async def record(database: Path) -> None:
    async with open_floor(f"sqlite:///{database}", workflow=SHIPPED) as floor:
        for text in TEXTS:
            conversation = await floor.say(text, conversation=text)
            floor.clock.move(minutes=30)
            await floor.work(conversation)


def swapped() -> str:
    """Return the shipped workflow with its first two rules in each other's place."""
    document = workflow.document(workflow.parse(SHIPPED))
    rules = document["nodes"]["route"]["rules"]
    rules[0], rules[1] = rules[1], rules[0]
    return workflow.dump(workflow.parse(document))


def test_the_guides_report_is_the_one_that_is_printed(
    tmp_path: Path, migrated_sqlite: Path
) -> None:
    database = Path(shutil.copy(migrated_sqlite, tmp_path / "frontdesk.db"))
    (tmp_path / "swapped.yaml").write_text(swapped(), encoding="utf-8")
    asyncio.run(record(database))
    [block] = re.findall(r"^```console\n\$ frontdesk (.*?)\n(.*?)^```$", GUIDE, re.DOTALL | re.M)

    ended = run(tmp_path, *block[0].split())

    printed = re.sub(r"\b[0-9a-f]{32}\b", "RUN", ended.stdout)
    assert [line.rstrip() for line in printed.splitlines()] == block[1].splitlines()
