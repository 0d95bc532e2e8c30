"""A lock file beside an SQLite database: one process works on it, a second one is told which."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from orchestration.database import make_folder_of, sqlite_path
from orchestration.errors import BadInput, FrontdeskError


class InUse(FrontdeskError):
    """Another process works on this database."""


class FileLock:
    """Held while a process lives; the system frees it when the process dies, however it dies."""

    def __init__(self, path: Path | None, holder: str) -> None:
        self._path = path
        self._holder = holder
        self._file: int | None = None

    @classmethod
    def beside(cls, database_url: str, holder: str) -> "FileLock":
        """Return the lock of a database; for PostgreSQL one that locks nothing."""
        path = sqlite_path(database_url)
        return cls(path.with_name(path.name + ".lock") if path else None, holder)

    def __enter__(self) -> "FileLock":
        """Take the lock; raises `InUse` naming who has it."""
        if self._path is None:
            return self
        make_folder_of(self._path)
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadInput(f"{self._path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 500).decode(errors="replace").strip()
            os.close(self._file)
            raise InUse(f"the database is in use by {holder or 'another process'}") from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{self._holder}, process {os.getpid()}".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock."""
        if self._file is not None:
            os.close(self._file)
