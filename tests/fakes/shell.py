"""`frontdesk`, run as the shell would, beside a migrated database of its own."""

import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import cli


class Shell:
    """Runs commands in a folder where the default settings find a database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        """Run a command and return its exit code and what it printed."""
        self._monkeypatch.setattr(sys, "argv", ["frontdesk", *map(str, words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = self._capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err


@contextmanager
def standing_in(folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand where a copy of this database is, under the name that the default settings look for."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    shutil.copy(template, folder / "frontdesk.db")
    monkeypatch.chdir(folder)
    yield
    root.handlers[:], root.level = handlers, level
