"""How cases, approvals and reminders are drawn for agents, by the type of the delivery's body."""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.channels.slack.blocks import Drawing

# A drawing depends on the body alone, so that what is sent again looks the same.
DRAWINGS: Mapping[str, Callable[[Mapping[str, Any]], Drawing]] = {}
