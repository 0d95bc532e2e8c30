"""Conditions and rules: which matches first, and why the others did not."""

import pytest
from pydantic import BaseModel

from orchestration.errors import BadInput, NotFound
from orchestration.rules import (
    BadRule,
    Condition,
    Rules,
    Tried,
    When,
    document_of,
    failed_on,
    fields_of,
    first_match,
    matches,
    parse_condition,
    parse_rules,
)
from orchestration.types import Json

RULES = parse_rules(
    [
        {
            "name": "risky",
            "when": {
                "any": [
                    {"field": "risk", "is_not": "none"},
                    {"field": "urgency", "in": ["high", "urgent"]},
                ]
            },
            "to": "human",
        },
        {
            "name": "sure",
            "when": {
                "all": [
                    {"field": "complexity", "is": "simple"},
                    {"field": "route_confidence", "at_least": 0.7},
                ]
            },
            "to": "simple",
        },
        {"name": "everything else", "otherwise": "complex"},
    ]
)
CALM = {"risk": "none", "urgency": "normal", "complexity": "simple", "route_confidence": 0.9}


def leaf(field: str, operator: str, value: Json) -> Condition:
    return parse_condition({"field": field, operator: value})


def test_the_first_rule_that_matches_wins() -> None:
    state = {**CALM, "urgency": "urgent"}

    match = first_match(RULES, state)

    assert (match.rule, match.route, match.tried) == ("risky", "human", ())


def test_a_match_says_on_what_each_earlier_rule_failed() -> None:
    state = {**CALM, "route_confidence": 0.61}

    match = first_match(RULES, state)

    assert match.route == "complex"
    assert match.tried == (
        Tried(
            "risky",
            "risk is none, must not be none; urgency is normal, needs one of high or urgent",
        ),
        Tried("sure", "route_confidence is 0.61, needs at least 0.7"),
    )


def test_rules_without_a_default_say_that_none_takes_the_message() -> None:
    with pytest.raises(NotFound, match="none of 1 rules"):
        first_match(RULES[1:2], {})


@pytest.mark.parametrize(
    ("operator", "value", "holding", "failing"),
    [
        ("is", "a", "a", "b"),
        ("is_not", "a", "b", "a"),
        ("in", ["a", "b"], "b", "c"),
        ("not_in", ["a", "b"], "c", "b"),
        ("at_least", 3, 3, 2.9),
        ("at_most", 3, 3, 3.1),
        ("contains", "1042", ["7", "1042"], ["104"]),
        ("contains", "an", "banana", "bonobo"),
    ],
)
def test_a_comparison_holds_for_one_value_and_fails_for_another(
    operator: str, value: Json, holding: Json, failing: Json
) -> None:
    condition = leaf("x", operator, value)

    answers = [matches(condition, {"x": each}) for each in (holding, failing)]

    assert answers == [True, False]


@pytest.mark.parametrize("absent", [{}, {"x": None}])
def test_a_missing_field_is_nothing_in_particular(absent: Json) -> None:
    operators = {"is": 1, "in": [1], "at_least": 1, "at_most": 1, "contains": "1"}
    negations = {"is_not": 1, "not_in": [1]}

    held = [matches(leaf("x", name, value), absent) for name, value in operators.items()]
    negated = [matches(leaf("x", name, value), absent) for name, value in negations.items()]

    assert (held, negated) == ([False] * 5, [True] * 2)


@pytest.mark.parametrize(("actual", "value"), [(True, 1), (1, True), ("1", 1), (0, False)])
def test_values_of_different_types_are_not_the_same(actual: Json, value: Json) -> None:
    assert not matches(leaf("x", "is", value), {"x": actual})
    assert matches(leaf("x", "is_not", value), {"x": actual})


def test_a_truth_value_is_never_at_least_a_number() -> None:
    assert not matches(leaf("x", "at_least", 0), {"x": True})


def test_a_condition_under_a_not_is_explained_the_other_way_round() -> None:
    condition = parse_condition(
        {"not": {"any": [{"field": "turn", "at_least": 3}, {"field": "tier", "is": "vip"}]}}
    )

    reason = failed_on(condition, {"turn": 5, "tier": "vip"})

    assert reason == "turn is 5, must be below 3; tier is vip, must not be vip"


def test_a_condition_that_holds_has_nothing_to_explain() -> None:
    assert failed_on(leaf("x", "is", True), {"x": True}) == ""


def test_a_missing_field_is_called_missing() -> None:
    assert failed_on(leaf("x", "is", True), {}) == "x is missing, needs true"


def test_all_fields_of_a_condition_are_found() -> None:
    condition = parse_condition(
        {"all": [{"field": "a", "is": 1}, {"not": {"any": [{"field": "b", "in": [2]}]}}]}
    )

    assert fields_of(condition) == {"a", "b"}
    assert fields_of(None) == frozenset()


def test_a_condition_is_written_as_it_was_read() -> None:
    document = {"all": [{"field": "a", "in": [1, "b"]}, {"not": {"field": "c", "is": False}}]}

    assert document_of(parse_condition(document)) == document


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("urgent", "when"),
        ({}, "when"),
        ({"some": []}, "when"),
        ({"all": []}, "when.all"),
        ({"all": [{"field": "a", "is": 1}], "any": []}, "when"),
        ({"any": [{"field": "a", "is": 1}, {"field": "a"}]}, "when.any[1]"),
        ({"not": {"field": "a", "is": 1, "in": [1]}}, "when.not"),
        ({"field": "a", "equals": 1}, "when"),
        ({"field": 7, "is": 1}, "when"),
        ({"field": "a", "in": "b"}, "when.in"),
        ({"field": "a", "in": []}, "when.in"),
        ({"field": "a", "is": [1]}, "when.is"),
        ({"field": "a", "is": None}, "when.is"),
        ({"field": "a", "in": [["b"]]}, "when.in"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_with_its_place(
    document: Json, place: str
) -> None:
    with pytest.raises(BadRule) as refused:
        parse_condition(document)

    assert refused.value.field == place


def test_a_condition_nested_without_end_is_refused() -> None:
    document = {"field": "a", "is": 1}
    for _ in range(100):
        document = {"not": document}

    with pytest.raises(BadInput, match="nested"):
        parse_condition(document)


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("r", "rules[0]"),
        ({"name": "r"}, "rules[0]"),
        ({"name": "", "otherwise": "x"}, "rules[0]"),
        ({"name": "r", "otherwise": "x", "to": "y"}, "rules[0]"),
        ({"name": "r", "when": {"field": "a", "is": 1}}, "rules[0].to"),
        ({"name": "r", "otherwise": 3}, "rules[0].otherwise"),
        ({"name": "r", "otherwise": "x", "priority": 1}, "rules[0]"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_its_place(rule: Json, place: str) -> None:
    with pytest.raises(BadRule) as refused:
        parse_rules([rule])

    assert refused.value.field == place


def test_a_config_reads_rules_and_writes_them_back() -> None:
    class Config(BaseModel):
        rules: Rules
        when: When

    document = {
        "rules": [{"name": "all", "otherwise": "x"}],
        "when": {"any": [{"field": "a", "is": 1}]},
    }

    config = Config.model_validate(document)

    assert config.model_dump(mode="json") == document
    assert Config.model_json_schema()["properties"]["rules"]["type"] == "array"
