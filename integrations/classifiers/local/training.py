"""The training that a process of its own does: intents come in, what was learnt goes out."""

import json
import sys

from integrations.classifiers.local.classifier import LocalClassifier
from orchestration.types import Intent


def main() -> None:
    """Train on the intents of standard input and write what was learnt to standard output."""
    listed = json.loads(sys.stdin.buffer.read())
    intents = [Intent(**{**each, "examples": tuple(each["examples"])}) for each in listed]
    classifier = LocalClassifier()
    classifier.train(intents)
    sys.stdout.buffer.write(classifier.dump())
