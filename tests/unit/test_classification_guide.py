"""What docs/classification.md says is so."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from bot import cli
from bot.metrics import Metrics
from bot.settings import Settings
from orchestration.intents import parse_intents

GUIDE = (Path(__file__).parents[2] / "docs" / "classification.md").read_text("utf-8")
COMMANDS = re.findall(r"^    frontdesk (\w+)(?: ([a-z]+)\b)?", GUIDE, re.MULTILINE)


def test_the_intent_of_the_guide_can_be_imported() -> None:
    [written] = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)

    [intent], problems = parse_intents(YAML().load(written))

    assert problems == []
    assert (intent.name, len(intent.examples)) == ("return_policy", 2)


@pytest.mark.parametrize(("group", "name"), sorted(set(COMMANDS)))
def test_a_command_of_the_guide_is_there(group: str, name: str) -> None:
    found = get_command(cli.cli).commands[group]  # type: ignore[attr-defined]

    assert name in getattr(found, "commands", {name: None})


def test_a_figure_of_the_guide_is_counted() -> None:
    named = set(re.findall(r"`frontdesk_(\w+)`", GUIDE))

    metrics = Metrics().show().decode()

    assert named == {"classifications", "observations"}
    assert all(f"frontdesk_{name}_total" in metrics for name in named)


def test_a_setting_of_the_guide_is_read() -> None:
    named = set(re.findall(r"FRONTDESK_\w+", GUIDE))

    assert {name.lower() for name in named} <= set(Settings.model_fields)
