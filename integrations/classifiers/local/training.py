"""What a process of its own does: intents come in, what was learnt or found goes out."""

import json
import sys
from pathlib import Path

from integrations.classifiers.local import confusions
from integrations.classifiers.local.classifier import LocalClassifier
from orchestration.types import Intent


def main(task: str, semantic: str | None = None) -> None:
    """Do the task with the intents of standard input, and write to standard output."""
    classifier = LocalClassifier(semantic=Path(semantic) if semantic else None)
    listed = json.loads(sys.stdin.buffer.read())
    intents = [Intent(**{**each, "examples": tuple(each["examples"])}) for each in listed]
    sys.stdout.buffer.write(_TASKS[task](classifier, intents))


def _train(classifier: LocalClassifier, intents: list[Intent]) -> bytes:
    classifier.train(intents)
    return classifier.dump()


def _find_confusions(classifier: LocalClassifier, intents: list[Intent]) -> bytes:
    return confusions.write(classifier.find_confusions(intents))


_TASKS = {"train": _train, "find confusions": _find_confusions}
