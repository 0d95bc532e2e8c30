"""Where orders and customers are looked up."""

from collections.abc import Callable

from orchestration.interfaces import OrderSource
from orchestration.registry import Registry

orders: Registry[Callable[..., OrderSource]] = Registry("order source", "integrations.orders")
