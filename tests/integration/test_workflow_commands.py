"""Changing workflows by command: drafts, what changed, roll back, channels, gates, the log."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.app import PRESETS
from tests.fakes.shell import Shell, filled_in, standing_in

SUPPORT = (PRESETS / "support.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def published(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_in(migrated_sqlite, tmp_path_factory.mktemp("published"))


@pytest.fixture
def shell(
    tmp_path: Path,
    published: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    with standing_in(tmp_path, published, monkeypatch):
        yield Shell(monkeypatch, capsys)


@pytest.fixture
def support(tmp_path: Path) -> Path:
    """Return a file with the shipped workflow, one number changed."""
    file = tmp_path / "support.yaml"
    file.write_text(SUPPORT.replace("at_least: 0.7", "at_least: 0.8"), encoding="utf-8")
    return file


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Return a file with a workflow that says good night."""
    file = tmp_path / "night.yaml"
    text = "name: night\nentry: a\nnodes:\n  a: {kind: close, text: good night}\non_failure: a\n"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_draft_goes_from_a_file_to_publication(shell: Shell, support: Path) -> None:
    saved = shell.run("workflow", "draft", support, "--author", "maria")
    checked = shell.run("workflow", "check")
    changed = shell.run("workflow", "diff")
    published = shell.run("workflow", "publish", "--note", "surer", "--author", "maria")

    assert (saved[0], saved[1].strip()) == (0, "support has the draft 2.")
    assert (checked[0], checked[1].strip()) == (0, "the draft of support can be published.")
    assert changed[0] == 1
    assert "route: the rule “sure and simple” asks" in changed[1]
    assert "is at least 0.8" in changed[1]
    assert (published[0], published[1].strip()) == (0, "support version 2 is published.")
    assert shell.run("workflow", "show")[1] == support.read_text("utf-8")
    assert shell.run("workflow", "show", "--version", "1")[1] == SUPPORT
    assert shell.run("workflow", "diff")[0] == 1


def test_a_draft_based_on_an_older_text_shows_what_changed(shell: Shell, support: Path) -> None:
    shell.run("workflow", "draft", support, "--base", "1", "--author", "maria")
    support.write_text(SUPPORT.replace("at_least: 0.7", "at_least: 0.9"), encoding="utf-8")

    code, out, err = shell.run("workflow", "draft", support, "--base", "1")

    assert code == 1
    assert "is at least 0.8" in out
    assert "the draft 2 of 'support' was saved by maria since 1" in err


def test_a_file_is_published_only_over_what_it_was_changed_from(
    shell: Shell, support: Path
) -> None:
    shell.run("workflow", "publish", support, "--base", "1", "--author", "maria")
    support.write_text(SUPPORT.replace("at_least: 0.7", "at_least: 0.9"), encoding="utf-8")

    code, out, err = shell.run("workflow", "publish", support, "--base", "1")

    assert code == 1
    assert "is at least 0.8" in out
    assert "the published version 2 of 'support' was saved by maria since 1" in err
    assert shell.run("workflow", "publish", support, "--base", "2")[0] == 0


def test_rolling_back_is_one_command(shell: Shell, support: Path) -> None:
    shell.run("workflow", "publish", support)

    code, out, _ = shell.run("workflow", "rollback")

    words = "support version 3 is published; it says what version 1 says."
    history = shell.run("workflow", "history")[1].splitlines()
    assert (code, out.strip()) == (0, words)
    assert shell.run("workflow", "show")[1] == SUPPORT
    assert len(history) == 3
    assert "published" in history[0]
    assert "back to version 1" in history[0]


def test_there_must_be_something_to_go_back_to(shell: Shell) -> None:
    code, _, err = shell.run("workflow", "rollback")

    assert (code, "there is no other version of 'support'" in err) == (1, True)


def test_a_file_that_says_what_is_published_has_no_differences(shell: Shell, support: Path) -> None:
    support.write_text(SUPPORT, encoding="utf-8")

    assert shell.run("workflow", "diff", support)[:2] == (0, "")


def test_force_needs_a_reason(shell: Shell, support: Path) -> None:
    code, _, err = shell.run("workflow", "publish", support, "--force")

    assert code == 2
    assert "--reason: overruling the gates needs a reason" in err


def test_formatting_changes_a_file_once(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# mine\nname:   'a'\nentry: b # first\nnodes: {b: {kind: send}}\n")

    would = shell.run("workflow", "format", "--check", file)
    did = shell.run("workflow", "format", file)
    again = shell.run("workflow", "format", "--check", file)

    assert (would[0], did[0], again[0]) == (1, 0, 0)
    assert file.read_text() == ("# mine\nname: a\nentry: b  # first\nnodes:\n  b: {kind: send}\n")


def test_what_cannot_be_read_is_not_formatted(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: [", encoding="utf-8")

    code, _, err = shell.run("workflow", "format", file)

    assert (code, "cannot be read" in err) == (2, True)
    assert file.read_text() == "name: ["


def test_the_schema_is_printed(shell: Shell) -> None:
    code, out, _ = shell.run("workflow", "schema")

    assert code == 0
    assert "node_route" in json.loads(out)["$defs"]


def test_a_channel_is_bound(shell: Shell, night: Path) -> None:
    shell.run("workflow", "publish", night)

    bound = shell.run("workflow", "bind", "chat", "night")
    unknown = shell.run("workflow", "bind", "fax", "night")

    assert (bound[0], bound[1].strip()) == (0, "chat takes night.")
    assert shell.run("workflow", "channels")[1].split() == [
        *("chat", "night"),
        *("slack", "support"),
        *("webhook", "support"),
    ]
    assert unknown[0] == 2
    assert "there is no channel 'fax'; there are: chat, slack, webhook" in unknown[2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("human_rise=2", "--set human_rise: Input should be less than or equal to 1"),
        ("humans=2", "--set humans: Extra inputs are not permitted; there are: urgent_lost"),
        ("cost_rise", "--set cost_rise: Input should be a valid number"),
    ],
)
def test_a_bad_bound_is_named(shell: Shell, change: str, words: str) -> None:
    code, _, err = shell.run("workflow", "gates", "--set", change)

    assert code == 2
    assert words in " ".join(err.split())


def test_gates_are_shown_and_changed(shell: Shell) -> None:
    before = json.loads(shell.run("workflow", "gates", "--json")[1])
    after = shell.run("workflow", "gates", "--set", "human_rise=0.1", "--set", "cost_rise=none")

    assert before["human_rise"] == 0.05
    assert after[0] == 0
    assert json.loads(shell.run("workflow", "gates", "--json")[1]) == {
        **before,
        "human_rise": 0.1,
        "cost_rise": None,
    }


def test_the_log_lists_who_did_what_and_shows_that_it_is_whole(
    shell: Shell, support: Path, tmp_path: Path
) -> None:
    shell.run("workflow", "publish", support, "--note", "for Ana Ruiz", "--author", "maria")

    listed = shell.run("audit", "list")
    whole = shell.run("audit", "verify")
    with closing(sqlite3.connect(tmp_path / "frontdesk.db")) as connection, connection:
        connection.execute("UPDATE audit SET actor = 'ben' WHERE actor = 'maria'")
    broken = shell.run("audit", "verify", "--json")

    newest = listed[1].splitlines()[0]
    assert "maria" in newest
    assert "workflow.published workflow support version 2" in newest
    assert "Ana" not in listed[1]
    assert (whole[0], "none touched" in whole[1]) == (0, True)
    assert broken[0] == 1
    assert json.loads(broken[1])["ok"] is False
    assert "was changed: it does not match its hash" in broken[2]


def test_a_head_that_was_kept_shows_that_the_log_was_written_anew(
    shell: Shell, support: Path
) -> None:
    shell.run("workflow", "publish", support)
    kept = json.loads(shell.run("audit", "verify", "--json")[1])
    head = f"{kept['position']}:{kept['hash']}"
    other = f"{kept['position']}:{'0' * 64}"

    assert shell.run("audit", "verify", "--noted", head)[0] == 0
    assert shell.run("audit", "verify", "--noted", other)[0] == 1
    assert shell.run("audit", "verify", "--noted", "2:abc")[0] == 2


def test_imported_intents_stand_in_the_log(shell: Shell) -> None:
    assert shell.run("import", "intents", PRESETS / "store.yaml")[0] == 0

    assert "intents.replaced intents" in shell.run("audit", "list")[1].splitlines()[0]


def test_a_run_that_is_not_there_cannot_be_explained(shell: Shell) -> None:
    code, _, err = shell.run("explain", "nothing")

    assert (code, "there is no run 'nothing'" in err) == (1, True)
