"""Builds the console while the rest is served already."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.console.building import Builder, NotBuilt

log = logging.getLogger(__name__)

_UNDER_WAY = "It is being built, which takes half a minute the first time."


class Build:
    """One build beside everything else; whatever becomes of it, the process goes on."""

    def __init__(self, builder: Builder, tell: Callable[[str], None]) -> None:
        self._builder = builder
        self._tell = tell
        self._why: str | None = None
        self._thread = threading.Thread(target=self._run, name="console build", daemon=True)

    def why_missing(self) -> str | None:
        """Return why there is no console yet, where this build knows."""
        return self._why

    @contextmanager
    def going(self) -> Iterator[None]:
        """Build where there is something to build; on leaving it is ended, finished or not."""
        if self._builder.is_stale():
            self._why = _UNDER_WAY
            self._thread.start()
        try:
            yield
        finally:
            self._builder.stop()
            if self._thread.is_alive():
                self._thread.join(timeout=5)

    def _run(self) -> None:
        self._tell("The console is being built; the rest works meanwhile.")
        try:
            self._builder.build()
        except (NotBuilt, OSError) as failed:
            self._why = f"It could not be built: {failed}. The next start tries again."
            if not self._builder.is_stopped:
                more = "frontdesk console build shows what the tools say"
                log.warning("console not built", extra={"why": str(failed), "more": more})
            return
        self._why = None
        self._tell("The console is built.")
