"""Does what takes much memory in a process of its own, which gives all of it back."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from orchestration.types import Intent

log = logging.getLogger(__name__)

_LONGEST_SECONDS = 600
# The child finds the product where this process has found it.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from integrations.classifiers.local.training import main; main(*sys.argv[2:])"
)


def do_apart(task: str, intents: Sequence[Intent], semantic: Path | None) -> bytes | None:
    """Return what the task makes of these intents; None where no process could do it."""
    asked = json.dumps([asdict(intent) for intent in intents]).encode()
    command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), str(os.getpid()), task]
    command += [str(semantic)] if semantic else []
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=asked,
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=True,
            # Ctrl-C is for this process; the other one ends with it, and not before it.
            start_new_session=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("work apart failed", extra={"task": task, "error": type(error).__name__})
        return None
    return done.stdout
