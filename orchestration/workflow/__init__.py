"""The workflow document: read from YAML or JSON, held as values, written in one stable form."""

from orchestration.workflow.configs import condition_of, load, read_configs, rules_of
from orchestration.workflow.differences import Change, changes, text_changes
from orchestration.workflow.documents import (
    document,
    dump,
    format_text,
    parse,
    read_document,
    rewrite,
)
from orchestration.workflow.durations import format_duration, parse_duration
from orchestration.workflow.schema import schema
from orchestration.workflow.text import MAX_BYTES
from orchestration.workflow.values import (
    COMMON_EXITS,
    MAX_STEPS,
    NodeKind,
    NodeSpec,
    Problem,
    Workflow,
)

__all__ = [
    "COMMON_EXITS",
    "MAX_BYTES",
    "MAX_STEPS",
    "Change",
    "NodeKind",
    "NodeSpec",
    "Problem",
    "Workflow",
    "changes",
    "condition_of",
    "document",
    "dump",
    "format_duration",
    "format_text",
    "load",
    "parse",
    "parse_duration",
    "read_configs",
    "read_document",
    "rewrite",
    "rules_of",
    "schema",
    "text_changes",
]
