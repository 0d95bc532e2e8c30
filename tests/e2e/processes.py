"""Frontdesk as a process of its own: started, waited for, asked how it is, and ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from integrations.http import trusted_authorities

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 60.0
# Nothing that a test starts builds the console.
QUIET = {"FRONTDESK_CONSOLE_BUILD": "skip"}


@dataclass(frozen=True, kw_only=True)
class Process:
    """One that runs, or ran; `output` holds what it wrote to both streams."""

    popen: "subprocess.Popen[bytes]"
    output: Path
    url: str

    @property
    def written(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def resident_kb(self) -> int:
        """How much of the machine's memory it has now."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text(encoding="ascii")
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1])

    def wait_until_ready(self) -> float:
        """Return after how many seconds it accepts messages; raises with its output."""
        begun = time.monotonic()
        with httpx.Client(base_url=self.url, timeout=2, verify=trusted_authorities()) as client:
            while time.monotonic() - begun < STARTS_WITHIN and self.popen.poll() is None:
                try:
                    if client.get("/readyz").is_success:
                        return time.monotonic() - begun
                except httpx.TransportError:
                    time.sleep(0.02)
        raise RuntimeError(f"it did not start:\n{self.written[-4000:]}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(how)
        return self.popen.wait(timeout=30)

    def press_ctrl_c(self) -> int:
        """Interrupt it and what it has started, as a terminal does, and return the exit code."""
        os.killpg(self.popen.pid, signal.SIGINT)
        return self.popen.wait(timeout=30)


@contextmanager
def running(
    folder: Path, *arguments: str, port: int, settings: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run `frontdesk` with these arguments, in this folder and with these settings alone."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{time.monotonic_ns()}.log"
    with output.open("wb") as file:
        popen = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bot", *arguments],
            cwd=folder,
            env=environment(settings or {}),
            stdout=file,
            stderr=file,
            # A group of its own, which a test can interrupt without interrupting itself.
            start_new_session=True,
        )
    process = Process(popen=popen, output=output, url=f"http://127.0.0.1:{port}")
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            process.end(signal.SIGKILL)


def run(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `frontdesk` to its end."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the tests without the developer's own settings."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("FRONTDESK_", "SLACK_"))}
    return own | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", **QUIET} | dict(settings)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
