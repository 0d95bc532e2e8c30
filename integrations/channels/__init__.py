"""The ways customers, agents and programs are written to."""

from collections.abc import Callable

from orchestration.interfaces import Channel
from orchestration.registry import Registry

channels: Registry[Callable[..., Channel]] = Registry("channel", "integrations.channels")
