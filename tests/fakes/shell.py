"""`frontdesk`, run as the shell would, beside a migrated database of its own."""

import asyncio
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import app, cli, settings


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


def filled_in(template: Path, folder: Path) -> Path:
    """Return a copy of an empty database in which the shipped workflow is published."""
    file = Path(shutil.copy(template, folder / "filled-in.db"))

    async def prepare() -> None:
        parts = app.build(settings.read(frontdesk_database_url=f"sqlite:///{file}"))
        await parts.prepare()
        await parts.close()

    asyncio.run(prepare())
    return file
