"""The report in docs/backtest.md is what the command prints."""

import asyncio
import logging
import re
import shutil
import sys
from pathlib import Path

import pytest

from bot import cli
from orchestration import workflow
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


async def record() -> None:
    async with open_floor("sqlite:///frontdesk.db", workflow=SHIPPED) as floor:
        for text in TEXTS:
            conversation = await floor.say(text, conversation=text)
            floor.clock.move(minutes=30)
            await floor.work(conversation)


def test_the_guides_report_is_the_one_that_is_printed(
    tmp_path: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "frontdesk.db")
    monkeypatch.chdir(tmp_path)
    document = workflow.document(workflow.parse(SHIPPED))
    rules = document["nodes"]["route"]["rules"]
    rules[0], rules[1] = rules[1], rules[0]
    Path("swapped.yaml").write_text(workflow.dump(workflow.parse(document)), encoding="utf-8")
    asyncio.run(record())
    [block] = re.findall(r"^```console\n\$ frontdesk (.*?)\n(.*?)^```$", GUIDE, re.DOTALL | re.M)
    monkeypatch.setattr(sys, "argv", ["frontdesk", *block[0].split()])
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    with pytest.raises(SystemExit):
        cli.main()

    root.handlers[:], root.level = handlers, level
    printed = re.sub(r"\b[0-9a-f]{32}\b", "RUN", capsys.readouterr().out)
    assert [line.rstrip() for line in printed.splitlines()] == block[1].splitlines()
