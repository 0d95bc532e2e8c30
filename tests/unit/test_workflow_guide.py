"""The documents in docs/workflows.md can be published as they stand."""

import re
from pathlib import Path

import pytest

from orchestration import workflow
from orchestration.nodes import node_kinds
from orchestration.programs import problems

GUIDE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text("utf-8")
DOCUMENTS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
SETTINGS = re.findall(r"^\| `(\w+)` \|[^|]*\|[^|]*\|([^|]*)\|$", GUIDE, re.MULTILINE)


@pytest.mark.parametrize("source", DOCUMENTS, ids=lambda source: source.split("\n")[0])
def test_a_document_of_the_guide_has_no_problems(source: str) -> None:
    assert problems(source, []) == []
    assert workflow.parse(source).input is not None


def test_the_guide_has_documents() -> None:
    assert len(DOCUMENTS) == 3


@pytest.mark.parametrize(("kind", "settings"), SETTINGS)
def test_the_guides_table_names_settings_that_the_kind_has(kind: str, settings: str) -> None:
    known = set(node_kinds.get(kind).Config.model_fields)

    assert set(re.findall(r"`(\w+)`", settings)) <= known
