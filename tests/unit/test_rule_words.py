"""Conditions in plain words: what they ask for, what failed, what held, what has changed."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.rules import (
    Condition,
    failed_on,
    failures,
    held_by,
    in_words,
    matches,
    parse_condition,
    parse_rule,
    parse_rules,
    rule_in_words,
    why_changed,
)
from orchestration.types import Json


def leaf(field: str, operator: str, value: Json) -> dict[str, Json]:
    return {"field": field, operator: value}


HIGH = leaf("urgency", "in", ["high", "urgent"])
OLD = leaf("order.value", "at_least", 30)
ASKED = leaf("wants_human", "is", True)

SAID = [
    (leaf("urgency", "is", "high"), "the urgency is high"),
    (leaf("urgency", "is_not", "high"), "the urgency is not high"),
    (HIGH, "the urgency is high or urgent"),
    (leaf("risk", "not_in", ["none", "legal"]), "the risk is neither none nor legal"),
    (leaf("risk", "not_in", ["none"]), "the risk is not none"),
    (leaf("turn", "at_most", 3), "the number of turns so far is at most 3"),
    (leaf("entities.orders", "contains", "1042"), "the list of orders named contains “1042”"),
    (leaf("customer.tier", "is", "very good"), "the customer's tier is “very good”"),
    (leaf("input.size", "is", 4), "input.size is 4"),
    (ASKED, "the customer asks for a person"),
    (leaf("within_hours", "is", False), "the shop is closed"),
    (leaf("within_hours", "is_not", False), "the shop is open"),
    (
        {"all": [HIGH, OLD]},
        "the urgency is high or urgent and the order's value is at least 30",
    ),
    (
        {"any": [{"all": [HIGH, OLD]}, ASKED]},
        "(the urgency is high or urgent and the order's value is at least 30) "
        "or the customer asks for a person",
    ),
    (
        {"not": {"any": [OLD, ASKED]}},
        "the order's value is not at least 30 and the customer does not ask for a person",
    ),
    ({"all": [{"any": [OLD]}]}, "the order's value is at least 30"),
]


@pytest.mark.parametrize(("document", "words"), SAID, ids=[words for _, words in SAID])
def test_a_condition_is_said_in_plain_words(document: Json, words: str) -> None:
    assert in_words(parse_condition(document)) == words


def test_a_rule_is_said_with_its_route() -> None:
    rule = parse_rule({"name": "late", "when": leaf("order.status", "is", "late"), "to": "human"})
    rest = parse_rule({"name": "rest", "otherwise": "complex"})

    assert rule_in_words(rule) == "where the order's status is late: human"
    assert rule_in_words(rest) == "otherwise: complex"


VALUES: dict[str, list[Json]] = {
    "urgency": ["low", "high", "urgent"],
    "within_hours": [True, False],
    "turn": [1, 2, 3],
    "customer.tier": [None, "vip", "1"],
    "entities.orders": [[], ["1"], ["1", "2"]],
}
LEAVES = st.one_of(
    st.builds(leaf, st.just("urgency"), st.sampled_from(["is", "is_not"]), st.just("high")),
    st.builds(
        leaf,
        st.just("urgency"),
        st.sampled_from(["in", "not_in"]),
        st.sampled_from([["high"], ["low", "urgent"]]),
    ),
    st.builds(leaf, st.just("within_hours"), st.sampled_from(["is", "is_not"]), st.booleans()),
    st.builds(
        leaf,
        st.just("turn"),
        st.sampled_from(["is", "at_least", "at_most"]),
        st.integers(min_value=1, max_value=3),
    ),
    st.builds(
        leaf,
        st.just("customer.tier"),
        st.sampled_from(["is", "is_not", "contains"]),
        st.sampled_from(["vip", "1"]),
    ),
    st.builds(leaf, st.just("entities.orders"), st.just("contains"), st.sampled_from(["1", "2"])),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda one: {"not": one}, inner),
        st.builds(lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(
            inner, min_size=1, max_size=3
        )),
    ),
    max_leaves=4,
)  # fmt: skip
STATES = [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]
MET: dict[str, tuple[Condition, list[bool]]] = {}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(CONDITIONS)
def test_what_is_said_in_the_same_words_takes_the_same_messages(document: Json) -> None:
    condition = parse_condition(document)

    taken = [matches(condition, state) for state in STATES]

    twin, same = MET.setdefault(in_words(condition), (condition, taken))
    assert taken == same, (twin, condition)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(CONDITIONS, st.sampled_from(STATES))
def test_either_something_failed_or_something_held(document: Json, state: dict[str, Json]) -> None:
    condition = parse_condition(document)

    told = (bool(held_by(condition, state)), bool(failed_on(condition, state)))

    assert told == (matches(condition, state), not matches(condition, state))


def test_what_failed_is_told_with_the_value_that_was_met() -> None:
    condition = parse_condition({"all": [HIGH, OLD, leaf("risk", "is", "none")]})

    parts = failures(condition, {"urgency": "low", "risk": "none"})

    assert [(part.field, part.met, part.ruling) for part in parts] == [
        ("urgency", "low", "needs one of high or urgent"),
        ("order.value", "missing", "needs at least 30"),
    ]


def test_what_held_is_told_with_the_value_that_was_met() -> None:
    condition = parse_condition({"all": [{"any": [HIGH, ASKED]}, OLD, {"not": ASKED}]})

    told = held_by(condition, {"urgency": "high", "order.value": 45.5, "wants_human": False})

    assert told == "urgency is high and order.value is 45.5, at least 30 and " + (
        "wants_human is false, not true"
    )


RULES: list[dict[str, Json]] = [
    {"name": "late", "when": leaf("order.status", "is", "late"), "to": "human"},
    {"name": "sure", "when": leaf("route_confidence", "at_least", 0.7), "to": "simple"},
    {"name": "rest", "otherwise": "complex"},
]
STRICTER = {**RULES[1], "when": leaf("route_confidence", "at_least", 0.9)}
ELSEWHERE = {**RULES[1], "to": "complex"}
LATE_AND_SURE = {"order.status": "late", "route_confidence": 0.8}
SURE = {"order.status": "none", "route_confidence": 0.8}

CHANGES = {
    "nothing": (RULES, SURE, ""),
    "a threshold": (
        [RULES[0], STRICTER, RULES[2]],
        SURE,
        "the rule 'sure' no longer takes it to simple: route_confidence is 0.8, needs at least 0.9;"
        " 'rest' takes it to complex",
    ),
    "a route": (
        [RULES[0], ELSEWHERE, RULES[2]],
        SURE,
        "the rule 'sure' leads to complex, no longer to simple",
    ),
    "the order": (
        [RULES[1], RULES[0], RULES[2]],
        LATE_AND_SURE,
        "the rule 'late', which took it to human, comes later; 'sure' takes it to simple,"
        " for route_confidence is 0.8, at least 0.7",
    ),
    "a rule less": (
        RULES[1:],
        LATE_AND_SURE,
        "the rule 'late', which took it to human, is gone; 'sure' takes it to simple,"
        " for route_confidence is 0.8, at least 0.7",
    ),
}


@pytest.mark.parametrize(("after", "state", "words"), CHANGES.values(), ids=CHANGES)
def test_why_a_message_goes_another_way_is_told(
    after: Json, state: dict[str, Json], words: str
) -> None:
    assert why_changed(parse_rules(RULES), parse_rules(after), state) == words
