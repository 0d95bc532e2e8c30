"""Ways to read what a text is about, each registered under its name."""

from collections.abc import Callable

from orchestration.interfaces import IntentClassifier
from orchestration.registry import Registry

classifiers: Registry[Callable[..., IntentClassifier]] = Registry(
    "classifier", "integrations.classifiers"
)
