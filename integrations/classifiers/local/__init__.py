"""The classifier that runs in this process: words and parts of words under a linear model."""

from integrations.classifiers.local.classifier import LocalClassifier, fingerprint_of

__all__ = ["LocalClassifier", "fingerprint_of"]
