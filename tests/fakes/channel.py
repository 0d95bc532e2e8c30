"""A channel that shows parcels in a file, which outlives whoever is killed while it shows them."""

import fcntl
import json
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.types import Parcel, Receipt

Fault = Literal["busy", "lost", "shown", "refused"]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One parcel as the customer saw it, and the process that showed it."""

    delivery: str
    conversation: str
    target: str
    text: str
    process: int


class FakeChannel:
    """Appends each parcel as one line to a file.

    An idempotent one shows a delivery id once, however often it is handed over. Any other shows
    whatever it is given, and `find` looks the id up. Each fault befalls one parcel: `busy` comes
    before anything is shown, `lost` leaves that in doubt, `shown` does so after showing, and
    `refused` is for good. `watch` is told before and after a parcel is shown.
    """

    def __init__(
        self,
        file: Path,
        *,
        name: str = "fake",
        is_idempotent: bool = False,
        settles_in: timedelta = timedelta(seconds=0.2),
        faults: Iterable[Fault] = (),
        watch: Callable[[str], None] = lambda _moment: None,
    ) -> None:
        self.name = name
        self.is_idempotent = is_idempotent
        self.settles_in = settles_in
        self._file = file
        self._faults = deque(faults)
        self._watch = watch

    async def deliver(self, parcel: Parcel) -> Receipt:
        fault = self._faults.popleft() if self._faults else None
        if fault == "busy":
            raise TemporaryFailure("the channel is busy")
        if fault == "refused":
            raise PermanentFailure("the channel refuses the parcel")
        if fault == "lost":
            raise TemporaryFailure("the connection broke", in_doubt=True)
        self._watch("before a parcel is shown")
        self._show(parcel)
        self._watch("after a parcel was shown")
        if fault == "shown":
            raise TemporaryFailure("the answer never came", in_doubt=True)
        return Receipt(reference=f"shown {parcel.delivery}")

    async def find(self, parcel: Parcel) -> Receipt | None:
        found = any(shown.delivery == parcel.delivery for shown in read_shown(self._file))
        return Receipt(reference=f"shown {parcel.delivery}") if found else None

    def _show(self, parcel: Parcel) -> None:
        # A single write at the end of the file is there as a whole or not at all.
        file = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self.is_idempotent and parcel.delivery in {
                shown.delivery for shown in read_shown(self._file)
            }:
                return
            os.write(file, _line(parcel))
        finally:
            os.close(file)


def read_shown(file: Path) -> list[Shown]:
    """Return what was shown so far, in order."""
    with suppress(FileNotFoundError):
        return [Shown(**json.loads(line)) for line in file.read_text("utf-8").splitlines()]
    return []


def _line(parcel: Parcel) -> bytes:
    said: dict[str, Any] = json.loads(parcel.body).get("data", {}).get("message", {})
    shown = {
        "delivery": parcel.delivery,
        "conversation": parcel.conversation,
        "target": parcel.target,
        "text": str(said.get("text", ""))[:200],
        "process": os.getpid(),
    }
    return json.dumps(shown).encode() + b"\n"
