"""The JSON schema that editors complete and check documents with."""

from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestration import workflow
from orchestration.nodes import node_kinds
from orchestration.types import Json

KINDS = {kind: node_kinds.get(kind) for kind in node_kinds}
SCHEMA = workflow.schema(KINDS)
CHECK = Draft202012Validator(SCHEMA)


def support(**changes: Any) -> dict[str, Json]:
    source = (files("orchestration.presets") / "support.yaml").read_text("utf-8")
    return {**workflow.read_document(source), **changes}


def with_node(**node: Json) -> dict[str, Json]:
    return support(nodes={"one": node})


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]["node"]["properties"]["kind"]["enum"]) == set(KINDS)


@pytest.mark.parametrize("preset", ["support", "article", "product-description"])
def test_what_is_shipped_fits_the_schema(preset: str) -> None:
    source = (files("orchestration.presets") / f"{preset}.yaml").read_text("utf-8")

    assert list(CHECK.iter_errors(workflow.read_document(source))) == []


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "send"},
        {"kind": "check", "exits": {"passed": "a", "failed": None, "error": "b"}},
        {"kind": "join", "next": "a", "timeout": "4h", "retries": 2, "max_visits": 3},
        {"kind": "fork", "exits": {"left": "a", "right": "b"}},
        {"kind": "branch", "when": {"not": {"any": [{"field": "order.value", "at_least": 3}]}}},
        {"kind": "branch", "when": {"field": "input.colour", "in": ["red", "blue"]}},
    ],
)
def test_a_node_that_is_in_order_fits(node: dict[str, Json]) -> None:
    assert list(CHECK.iter_errors(with_node(**node))) == []


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"kind": "sned"}, "'sned' is not one of"),
        ({}, "'kind' is a required property"),
        ({"kind": "send", "quue": "a"}, "'quue' was unexpected"),
        ({"kind": "check", "min_confidence": 2}, "is not valid under any of the given schemas"),
        ({"kind": "check", "exits": {"passt": "a"}}, "'passt' was unexpected"),
        ({"kind": "enrich", "sources": ["wheather"]}, "'wheather' is not one of"),
        ({"kind": "branch", "when": {"field": "urgncy", "is": "high"}}, "is not valid under any"),
        ({"kind": "branch", "when": {"field": "urgency", "is": "hgih"}}, "'hgih' is not one of"),
        ({"kind": "branch", "when": {"all": [{"field": "risk"}]}}, "does not have enough"),
        ({"kind": "branch", "when": {"all": [], "field": "risk", "is": "none"}}, "non-empty"),
        ({"kind": "send", "timeout": "soon"}, "is not valid under any of the given schemas"),
    ],
)
def test_a_slip_is_marked_where_it_is(node: dict[str, Json], words: str) -> None:
    errors = list(CHECK.iter_errors(with_node(**node)))

    assert any(words in error.message for error in errors), [e.message for e in errors]
    assert all(list(error.absolute_path)[:2] == ["nodes", "one"] for error in errors)
