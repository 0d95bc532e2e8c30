"""What a process of its own does: intents come in, what was learnt or found goes out."""

import json
import os
import sys
import threading
import time
from pathlib import Path

from integrations.classifiers.local import confusions
from integrations.classifiers.local.classifier import LocalClassifier
from orchestration.types import Intent

_LOOKS_EACH_SECONDS = 0.2


def main(parent: str, task: str, semantic: str | None = None) -> None:
    """Do the task with the intents of standard input, and write to standard output.

    Ends at once where the process `parent` does, since nobody would read what was learnt.
    """
    threading.Thread(target=_end_with, args=[int(parent)], daemon=True).start()
    classifier = LocalClassifier(semantic=Path(semantic) if semantic else None)
    listed = json.loads(sys.stdin.buffer.read())
    intents = [Intent(**{**each, "examples": tuple(each["examples"])}) for each in listed]
    sys.stdout.buffer.write(_TASKS[task](classifier, intents))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_EACH_SECONDS)
    os._exit(1)


def _train(classifier: LocalClassifier, intents: list[Intent]) -> bytes:
    classifier.train(intents)
    return classifier.dump()


def _find_confusions(classifier: LocalClassifier, intents: list[Intent]) -> bytes:
    return confusions.write(classifier.find_confusions(intents))


_TASKS = {"train": _train, "find confusions": _find_confusions}
