"""A workflow as values: its nodes and edges, what a kind says of itself, and problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel

from orchestration.rules import value_in_words
from orchestration.types import Json, Touches

# Exits that any node may have beside those of its kind.
COMMON_EXITS = frozenset({"error", "exhausted"})
# Far more than any sensible workflow takes; a run that takes more is stopped.
MAX_STEPS = 200
# The nodes of a path that fit on a line.
LONGEST_PATH = 12


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a workflow, and where; an `error` stops publishing.

    `counter_example` is a mapping of what tells: `path`, the nodes that lead into it, and `exit`,
    the last way taken; `fields`, a sample message's, and `later`, the values of those that are
    written again on the way; `rules` that take the message before; fields `missing` on the way or
    `written` twice, the other time at the end of the path `beside`.
    """

    code: str
    message: str
    severity: Literal["error", "warning"] = "error"
    node: str | None = None
    rule: str | None = None
    counter_example: Mapping[str, Json] | None = None

    @property
    def example_in_words(self) -> str:
        """The counter-example in one line; empty where there is none."""
        example = self.counter_example or {}
        words = []
        if fields := example.get("fields"):
            shown = (f"{name} {value_in_words(value)}" for name, value in fields.items())
            words.append(f"for example {', '.join(shown)}")
        if path := example.get("path"):
            way = f", by {example['exit']}" if example.get("exit") else ""
            words.append(f"on the way {_in_short(path)}{way}")
        if missing := example.get("missing"):
            words.append(f"without {', '.join(missing)}")
        return ", ".join(words)

    def document(self) -> dict[str, Json]:
        """Return the problem as the API shows it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "node": self.node,
            "rule": self.rule,
            "message": self.message,
            "counter_example": None if self.counter_example is None else dict(self.counter_example),
        }


def _in_short(path: Sequence[str]) -> str:
    """Write a path, leaving out the middle of one that goes round many times."""
    if len(path) <= LONGEST_PATH:
        return " → ".join(path)
    ends = LONGEST_PATH // 2
    return " → ".join([*path[:ends], f"… ({len(path)} steps) …", *path[-ends:]])


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A node of the document; `exits` are its edges, `next` the edge of its kind's only exit."""

    name: str
    kind: str
    config: Mapping[str, Json] = field(default_factory=dict)
    exits: Mapping[str, str] = field(default_factory=dict)
    next: str | None = None
    timeout: timedelta | None = None
    retries: int = 0
    max_visits: int | None = None

    def target(self, exit: str) -> str | None:
        """Return the node that an exit leads to; None where it is not connected."""
        if exit in self.exits or exit in COMMON_EXITS:
            return self.exits.get(exit)
        return self.next


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A graph of nodes; `input` is the JSON schema of what a run by API is given."""

    name: str
    entry: str
    nodes: Mapping[str, NodeSpec]
    on_failure: str | None = None
    input: Mapping[str, Json] | None = None


class NodeKind(Protocol):
    """What a kind of node says about itself before it runs.

    `reads` and `writes` name fields of the state; after `fruitless` exits nothing is written.
    `exits` leaves out `error` and `exhausted`, which any node may have.
    """

    kind: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    touches: ClassVar[Touches]
    ends: ClassVar[bool]
    fruitless: ClassVar[frozenset[str]]

    @classmethod
    def exits(cls, config: Any) -> tuple[str, ...]:
        """Return the named ways out of a node with this config."""

    @classmethod
    def reads(cls, config: Any) -> frozenset[str]:
        """Return the fields that must be there before it runs."""

    @classmethod
    def writes(cls, config: Any) -> frozenset[str]:
        """Return the fields that are there after it has run."""

    @classmethod
    def seals(cls, config: Any, exit: str) -> bool | None:
        """Tell whether the draft may be sent after this exit; None where that is as before."""
