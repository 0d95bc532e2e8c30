"""The commands in docs/workflows.md print what stands there, one after the other."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.shell import Shell, standing_in

GUIDE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(console|diff)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def shell(
    tmp_path: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    with standing_in(tmp_path, migrated_sqlite, monkeypatch):
        yield Shell(monkeypatch, capsys)


def test_the_guide_does_what_it_says(shell: Shell, tmp_path: Path) -> None:
    commands = 0
    for kind, block in BLOCKS:
        if kind == "diff":
            edit(tmp_path / "support.yaml", block)
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            printed = run(shell, tmp_path, command)
            assert matches(printed, expected), f"{command}\n{printed}"
            commands += 1

    assert commands >= 12


def run(shell: Shell, folder: Path, command: str) -> str:
    words, _, target = command.partition(" > ")
    _, out, err = shell.run(*shlex.split(words)[1:])
    if target:
        (folder / target).write_text(out, encoding="utf-8")
        return ""
    told = [line for line in err.splitlines() if not line.startswith("The gates:")]
    return out + "\n".join(told)


def edit(file: Path, block: str) -> None:
    """Put the lines with a plus in place of those with a minus, which must be there once."""
    old, new = ([line[1:] for line in block.splitlines() if line.startswith(sign)] for sign in "-+")
    text = file.read_text("utf-8")
    assert text.count("\n".join(old)) == 1
    file.write_text(text.replace("\n".join(old), "\n".join(new)), encoding="utf-8")


def matches(printed: str, expected: str) -> bool:
    """Tell whether this was printed; `…` stands for anything, on one line or on several."""
    pattern = re.escape(expected.strip()).replace("…", ".*")
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
