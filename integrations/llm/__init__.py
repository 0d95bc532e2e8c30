"""Where models are reached."""

from collections.abc import Callable

from orchestration.interfaces import ModelProvider
from orchestration.registry import Registry

providers: Registry[Callable[..., ModelProvider]] = Registry("model provider", "integrations.llm")
