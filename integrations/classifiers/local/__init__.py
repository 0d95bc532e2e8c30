"""The classifier that runs in this process: words and parts of words under a linear model."""

from integrations.classifiers.local.classifier import LocalClassifier
from integrations.classifiers.local.folder import check as check_folder

__all__ = ["LocalClassifier", "check_folder"]
