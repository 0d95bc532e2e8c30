"""The examples in docs/routing-rules.md do what the page says of them."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from orchestration.programs import problems
from orchestration.rules import OPERATORS, failed_on, first_match, parse_rules
from orchestration.state import FIELDS
from orchestration.types import Json
from orchestration.workflow import dump, parse
from tests.fakes.replaying import CHECKS

GUIDE = (Path(__file__).parents[2] / "docs" / "routing-rules.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w[^|]*: [^|]*)` \| (\w+) \| ([^|]+) \|$", re.MULTILINE)
TOLD = re.compile(r"^> (\w+) (\w+) ([^:]+): (.+)$", re.MULTILINE)


class Example(NamedTuple):
    rules: Json
    rows: list[tuple[Json, str, str]]
    told: list[tuple[str, ...]]


def read(text: str) -> Json:
    return YAML(typ="safe", pure=True).load(text)


def examples() -> list[Example]:
    pieces = re.split(r"^```yaml\n", GUIDE, flags=re.MULTILINE)[1:]
    found = []
    for piece in pieces:
        rules, after = piece.split("```\n", 1)
        rows = [(read(f"{{{m}}}"), route, rule) for m, route, rule in ROW.findall(after)]
        found.append(Example(read(rules), rows, TOLD.findall(after)))
    return found


EXAMPLES = examples()
IDS = [example.rules[0]["name"] for example in EXAMPLES]


def routed(rules: Json) -> str:
    """Return the workflow that has these rules."""
    routes = dict.fromkeys(rule.get("to") or rule["otherwise"] for rule in rules)
    nodes = {
        "classify": {"kind": "classify", "next": "route"},
        "route": {"kind": "route", "rules": rules, "exits": {to: to for to in routes}},
        **{to: {"kind": "close"} for to in routes if to != "human"},
        "human": {"kind": "escalate"},
    }
    return dump(
        parse({"name": "guide", "entry": "classify", "nodes": nodes, "on_failure": "human"})
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_messages_go_where_the_page_says(example: Example) -> None:
    rules = parse_rules(example.rules)

    for state, route, rule in example.rows:
        match = first_match(rules, state)
        assert (match.route, match.rule) == (route, rule), state

    assert example.rows or example.told


@pytest.mark.parametrize("example", EXAMPLES, ids=IDS)
def test_the_check_says_what_the_page_says(example: Example) -> None:
    found = problems(routed(example.rules), [])

    told = [(each.severity, each.code, str(each.rule), each.message) for each in found]
    assert set(example.told) <= set(told)
    assert example.told or not [each for each in found if each.severity == "error"]


def test_the_page_names_every_field_with_its_values() -> None:
    table = GUIDE.split("## The fields")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|[^|]+\|([^|]+)\|$", table, re.MULTILINE)
    named = {name for cell, _ in rows for name in re.findall(r"`([\w.]+)`", cell)}

    assert named == set(FIELDS)
    for cell, values in rows:
        field = FIELDS[re.findall(r"`([\w.]+)`", cell)[0]]
        if field.type == "choice" and "…" not in values:
            assert tuple(re.findall(r"`(\w+)`", values)) == field.choices


def test_the_page_names_every_comparison_and_every_problem() -> None:
    table = GUIDE.split("## What a condition can say")[1].split("\n\nJoin")[0]
    operators = re.findall(r"^\| `(\w+): ", table, re.MULTILINE)
    codes = re.findall(r"^\| `(\w+)`(?: \(warning\))? \|[^|]+\|[^|]+\|$", GUIDE, re.MULTILINE)

    assert set(operators) == set(OPERATORS)
    assert set(codes) >= {*CHECKS, "not_proved"}


def test_what_the_page_shows_of_a_simulation_is_what_is_said() -> None:
    first = parse_rules(EXAMPLES[0].rules)
    state = {"wants_human": False, "complexity": "simple", "route_confidence": 0.5}

    for rule in first[:2]:
        assert f"not “{rule.name}”: {failed_on(rule.when, state)}" in GUIDE
