"""`frontdesk workflow publish`, run as the shell would."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import PRESETS
from orchestration.types import Json
from tests.fakes.shell import Shell, standing_in


@pytest.fixture
def frontdesk(
    tmp_path: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    with standing_in(tmp_path, migrated_sqlite, monkeypatch):
        yield Shell(monkeypatch, capsys)


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
    first = frontdesk.run("workflow", "publish", written(), "--note", "as it was")
    second = frontdesk.run("workflow", "publish", written(), "--json")

    history = json.loads(frontdesk.run("workflow", "history", "given", "--json")[1])["items"]
    assert (first[0], first[1].strip()) == (0, "given version 1 is published.")
    answer = json.loads(second[1])
    assert (second[0], answer["name"], answer["version"]) == (0, "given", 2)
    assert [(row["version"], row["note"]) for row in history] == [(2, ""), (1, "as it was")]


@pytest.mark.parametrize("preset", ["support", "product-description", "article"])
def test_what_is_shipped_can_be_published(frontdesk: Shell, preset: str) -> None:
    code, out, _ = frontdesk.run("workflow", "publish", PRESETS / f"{preset}.yaml", "--json")

    assert (code, json.loads(out)["name"]) == (0, preset)


def test_problems_are_listed_and_nothing_is_published(frontdesk: Shell) -> None:
    file = written(nodes={"out": {"kind": "output", "fields": ["input.nmae"], "next": "out"}})

    code, out, err = frontdesk.run("workflow", "publish", file)
    listed = frontdesk.run("workflow", "publish", file, "--json")

    problems = json.loads(listed[1])["problems"]
    assert (code, listed[0]) == (1, 1)
    assert {problem["code"] for problem in problems} >= {"bad_config", "unwritten_read"}
    assert all(problem["message"] in out.replace("\n", " ") for problem in problems)
    assert "was not published" in err
    assert frontdesk.run("workflow", "history", "given")[0] == 1


def test_a_file_that_is_no_document_is_not_published(frontdesk: Shell) -> None:
    Path("draft.json").write_text("{", encoding="utf-8")

    code, _, err = frontdesk.run("workflow", "publish", "draft.json")

    assert code == 1
    assert "was not published" in err


def test_customers_are_not_given_a_workflow_that_ends_in_silence(frontdesk: Shell) -> None:
    file = written(name="support")

    checked = frontdesk.run("workflow", "check", file, "--json")
    published = frontdesk.run("workflow", "publish", file, "--json")

    assert (checked[0], published[0]) == (1, 1)
    codes = [problem["code"] for problem in json.loads(published[1])["problems"]]
    assert codes == ["missing_on_failure", "dead_end"]
    assert json.loads(checked[1]) == json.loads(published[1])
