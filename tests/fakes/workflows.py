"""Workflow documents of the tests."""

from pathlib import Path
from typing import Any

import orchestration
from orchestration.types import Json

SHIPPED = (Path(orchestration.__file__).parent / "presets" / "support.yaml").read_text("utf-8")


def document(entry: str, on_failure: str | None = "escalate", **nodes: Any) -> dict[str, Json]:
    """Return a document of these nodes; `send` and `escalate` are there where they are named."""
    ends = {"send": {"kind": "send"}, "escalate": {"kind": "escalate"}}
    return {
        "name": "support",
        "entry": entry,
        "nodes": {**nodes, **{name: end for name, end in ends.items() if name not in nodes}},
        "on_failure": on_failure,
    }


def act(name: str, **more: Any) -> dict[str, Json]:
    """Return a node that does what the test says under this name."""
    return {"kind": "test_act", "act": name, **more}


# Sends what passes; anything else goes to a human.
CHECK: dict[str, Json] = {
    "kind": "check",
    "exits": {"passed": "send", "failed": "escalate", "unsure": "escalate"},
}

# Classifies and then does what the test says; a failure goes to a human.
WORK = document(
    "classify",
    classify={"kind": "classify", "next": "work"},
    work=act("work", next="send"),
)
