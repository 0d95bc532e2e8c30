"""`backtest`, `replay`, `workflow test`, `case` and `shadow`, run as the shell would."""

import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import cli
from orchestration import workflow
from tests.fakes.floor import open_floor
from tests.fakes.workflows import SHIPPED

LAWYER = "where is my order 1042? I will call my lawyer"


@pytest.fixture
def runs(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Stand where a database has recorded two turns, and files beside it; return their runs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    shutil.copy(migrated_sqlite, tmp_path / "frontdesk.db")
    monkeypatch.chdir(tmp_path)
    Path("same.yaml").write_text(SHIPPED, encoding="utf-8")
    document = workflow.document(workflow.parse(SHIPPED))
    document["nodes"]["route"]["rules"][0]["when"] = {"field": "turn", "at_least": 1000}
    Path("loses.yaml").write_text(workflow.dump(workflow.parse(document)), encoding="utf-8")
    yield asyncio.run(record("return", LAWYER))
    root.handlers[:], root.level = handlers, level


async def record(*texts: str) -> list[str]:
    found = []
    async with open_floor("sqlite:///frontdesk.db", workflow=SHIPPED) as floor:
        for text in texts:
            conversation = await floor.say(text, conversation=text)
            await floor.work(conversation)
            found.append((await floor.see(conversation)).run.id)
    return found


@pytest.fixture
def frontdesk(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Shell":
    return Shell(monkeypatch, capsys)


class Shell:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["frontdesk", *words])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self._capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    def json(self, *words: str) -> Any:
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        return json.loads(out)


def test_a_document_is_tried_on_what_was_recorded(frontdesk: Shell, runs: list[str]) -> None:
    same = frontdesk.json("backtest", "same.yaml")
    loses = frontdesk.json("backtest", "loses.yaml", "--last", "10")
    code, out, _ = frontdesk.run("workflow", "backtest", "loses.yaml", "--since", "2026-11-01")

    assert (same["turns"], same["changed"], same["not_replayable"]) == (2, 0, 0)
    assert [one["run_id"] for one in loses["urgent_lost"]] == [runs[1]]
    assert code == 0
    assert "1 of 2 turns would go another way." in out
    assert f"Urgent or risky, and perhaps no longer with a human: 1\n  {runs[1]}" in out


def test_where_nothing_was_recorded_it_says_so(frontdesk: Shell) -> None:
    _, out, _ = frontdesk.run("backtest", "same.yaml", "--since", "2030-01-01")

    assert out.startswith("Nothing has been recorded yet")


def test_what_is_no_workflow_is_not_tried(frontdesk: Shell) -> None:
    Path("broken.yaml").write_text("name: support", encoding="utf-8")

    code, _, err = frontdesk.run("backtest", "broken.yaml")

    assert code == 1
    assert "frontdesk workflow check says more" in err


def test_a_run_is_replayed(frontdesk: Shell, runs: list[str]) -> None:
    told = frontdesk.json("replay", runs[1])
    saved = frontdesk.json("workflow", "draft", "loses.yaml")
    code, out, _ = frontdesk.run("replay", runs[1], "--version", "draft")
    by_number = frontdesk.json("replay", runs[1], "--version", str(saved["version"]))

    assert told["equal"]
    assert code == 0
    assert "route  human → simple" in out
    assert not by_number["equal"]


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["replay", "nowhere"], 2, "there is no run 'nowhere'"),
        (["replay", "nowhere", "--version", "newest"], 2, "neither a number nor draft"),
        (["workflow", "case", "remove", "mine"], 2, "no case named 'mine'"),
        (["workflow", "shadow", "show"], 1, "was ever let decide in the shadow"),
        (["workflow", "shadow", "start"], 2, "'support' has no draft"),
    ],
)
def test_what_is_not_there_is_named(
    frontdesk: Shell, words: list[str], code: int, problem: str
) -> None:
    found, _, err = frontdesk.run(*words)

    assert (found, problem in " ".join(err.split())) == (code, True)


def test_a_run_becomes_a_case_that_is_part_of_publishing(frontdesk: Shell, runs: list[str]) -> None:
    added, _, _ = frontdesk.run("workflow", "case", "add", runs[1], "a lawyer is a human's")
    kept = frontdesk.json("workflow", "test", "same.yaml")
    code, out, err = frontdesk.run("workflow", "test", "loses.yaml")
    published, refused, _ = frontdesk.run("workflow", "publish", "loses.yaml")

    assert added == 0
    assert kept["failed"] == 0
    assert (code, "1 of 1 cases fail" in err) == (1, True)
    assert "a lawyer is a human's: its route is simple, must be human" in " ".join(out.split())
    assert published == 1
    assert "a regression case fails" in " ".join(refused.split())


def test_cases_go_to_a_file_and_come_from_one(frontdesk: Shell, runs: list[str]) -> None:
    frontdesk.run("workflow", "case", "add", runs[1], "mine", "--keep-words")
    _, out, _ = frontdesk.run("workflow", "case", "export")
    Path("cases.yaml").write_text(out, encoding="utf-8")
    frontdesk.run("workflow", "case", "remove", "mine")

    by_file = frontdesk.json("workflow", "test", "same.yaml", "--cases", "cases.yaml")
    before = frontdesk.json("workflow", "test")
    code, _, _ = frontdesk.run("workflow", "case", "import", "cases.yaml")
    after = frontdesk.json("workflow", "test")

    assert code == 0
    assert [one["name"] for one in by_file["items"]] == ["mine"]
    assert (before["items"], [one["name"] for one in after["items"]]) == ([], ["mine"])


def test_a_shadow_is_started_shown_and_stopped(frontdesk: Shell) -> None:
    frontdesk.run("workflow", "draft", "loses.yaml")

    started = frontdesk.run("workflow", "shadow", "start")
    shown = frontdesk.json("workflow", "shadow", "show")
    stopped = frontdesk.run("workflow", "shadow", "stop")

    assert (started[0], "decides in the shadow" in started[1]) == (0, True)
    assert (shown["status"], shown["report"]["turns"]) == ("running", 0)
    assert (stopped[0], "it decided 0 turns" in stopped[1]) == (0, True)
