"""`frontdesk workflow publish`, run as the shell would."""

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import cli
from bot.app import PRESETS
from orchestration.types import Json


@pytest.fixture
def database(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Stand where a migrated database is, under the name that the default settings look for."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    shutil.copy(migrated_sqlite, tmp_path / "frontdesk.db")
    monkeypatch.chdir(tmp_path)
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def frontdesk(
    database: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Shell":
    return Shell(monkeypatch, capsys)


class Shell:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["frontdesk", "workflow", *map(str, words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self._capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err


def written(**changes: Json) -> str:
    """Write a document into a file and return its name."""
    document = {
        "name": "given",
        "entry": "out",
        "input": {"type": "object", "properties": {"name": {"type": "string"}}},
        "nodes": {"out": {"kind": "output", "fields": ["input.name"]}},
        **changes,
    }
    Path("draft.json").write_text(json.dumps(document), encoding="utf-8")
    return "draft.json"


def test_each_publishing_is_a_version_with_its_note(frontdesk: Shell) -> None:
    first = frontdesk.run("publish", written(), "--note", "as it was")
    second = frontdesk.run("publish", written(), "--json")

    history = json.loads(frontdesk.run("history", "given", "--json")[1])["items"]
    assert (first[0], first[1].strip()) == (0, "given version 1 is published.")
    answer = json.loads(second[1])
    assert (second[0], answer["name"], answer["version"]) == (0, "given", 2)
    assert [(row["version"], row["note"]) for row in history] == [(2, ""), (1, "as it was")]


@pytest.mark.parametrize("preset", ["support", "product-description", "article"])
def test_what_is_shipped_can_be_published(frontdesk: Shell, preset: str) -> None:
    code, out, _ = frontdesk.run("publish", PRESETS / f"{preset}.yaml", "--json")

    assert (code, json.loads(out)["name"]) == (0, preset)


def test_problems_are_listed_and_nothing_is_published(frontdesk: Shell) -> None:
    file = written(nodes={"out": {"kind": "output", "fields": ["input.nmae"], "next": "out"}})

    code, out, err = frontdesk.run("publish", file)
    listed = frontdesk.run("publish", file, "--json")

    problems = json.loads(listed[1])["problems"]
    assert (code, listed[0]) == (1, 1)
    assert {problem["code"] for problem in problems} >= {"bad_config", "unwritten_read"}
    assert all(problem["message"] in out.replace("\n", " ") for problem in problems)
    assert "was not published" in err
    assert frontdesk.run("history", "given")[0] == 1


def test_a_file_that_is_no_document_is_not_published(frontdesk: Shell) -> None:
    Path("draft.json").write_text("{", encoding="utf-8")

    code, _, err = frontdesk.run("publish", "draft.json")

    assert code == 1
    assert "was not published" in err


def test_customers_are_not_given_a_workflow_that_ends_in_silence(frontdesk: Shell) -> None:
    file = written(name="support")

    checked = frontdesk.run("check", file, "--json")
    published = frontdesk.run("publish", file, "--json")

    assert (checked[0], published[0]) == (1, 1)
    assert [problem["code"] for problem in json.loads(published[1])["problems"]] == ["dead_end"]
    assert json.loads(checked[1]) == json.loads(published[1])
