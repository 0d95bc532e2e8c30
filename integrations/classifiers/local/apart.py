"""Trains in a process of its own, which gives back all the memory that a training takes."""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from orchestration.types import Intent

log = logging.getLogger(__name__)

_LONGEST_SECONDS = 600
# The child finds the product where this process has found it.
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from integrations.classifiers.local.training import main; main()"
)


def train_apart(intents: Sequence[Intent]) -> bytes | None:
    """Return what a training on these intents dumps; None where no process could do it."""
    asked = json.dumps([asdict(intent) for intent in intents]).encode()
    command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path)]
    try:
        done = subprocess.run(  # noqa: S603
            command, input=asked, capture_output=True, timeout=_LONGEST_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("training apart failed", extra={"error": type(error).__name__})
        return None
    return done.stdout
