"""Ways to read what a text is about, each registered under its name."""

from orchestration.interfaces import IntentClassifier
from orchestration.registry import Registry

classifiers: Registry[type[IntentClassifier]] = Registry("classifier", "integrations.classifiers")
