"""Rules as a set: what is said of them is exactly what brute force finds."""

import itertools
import random
from collections.abc import Iterator

import pytest

from orchestration.proofs import Problem, problems
from orchestration.proofs.ruleset import RuleSet, ruleset_problems
from orchestration.rules import Rule, failed_on, first_match, matches, parse_rules
from orchestration.state import FIELDS
from orchestration.types import Json
from tests.fakes.kinds import KINDS


def routed(*ruleset: Json) -> dict[str, Json]:
    """Return a workflow whose rules lead to `a`, `b`, `c`, or to `human`."""
    routes = {rule.get("to") or rule.get("otherwise"): None for rule in ruleset}
    nodes = {
        "classify": {"kind": "classify", "next": "route"},
        "route": {"kind": "route", "rules": [*ruleset], "exits": {to: to for to in routes}},
        **{to: {"kind": "close"} for to in routes},
        "human": {"kind": "escalate"},
    }
    return {"name": "test", "entry": "classify", "nodes": nodes, "on_failure": "human"}


def when(name: str, to: str, **leaf: Json) -> dict[str, Json]:
    return {"name": name, "when": condition(**leaf), "to": to}


def condition(field: str, **test: Json) -> dict[str, Json]:
    return {"field": field, **test}


def both(*conditions: Json) -> dict[str, Json]:
    return {"all": list(conditions)}


def otherwise(to: str = "c") -> dict[str, Json]:
    return {"name": "else", "otherwise": to}


def shown(problem: Problem) -> Json:
    return problem.counter_example


def of_code(found: list[Problem], code: str) -> list[Problem]:
    return [each for each in found if each.code == code]


def test_a_rule_that_several_cover_names_them_all_and_no_other() -> None:
    document = routed(
        when("early", "a", field="turn", at_most=4),
        when("vip", "b", field="customer.tier", **{"is": "vip"}),
        when("late", "b", field="turn", at_least=5),
        when("third", "c", field="turn", **{"is": 3}),
        when("any", "c", field="within_hours", **{"is": True}),
        otherwise(),
    )

    never = {each.rule: each for each in of_code(problems(document, KINDS), "rule_never_fires")}

    assert shown(never["third"])["rules"] == ["early"]
    assert shown(never["any"])["rules"] == ["early", "late"]


def test_a_default_that_the_rules_leave_nothing_to_is_only_a_warning() -> None:
    document = routed(
        when("simple", "a", field="complexity", **{"is": "simple"}),
        when("complex", "b", field="complexity", **{"is": "complex"}),
        otherwise(),
    )

    found = problems(document, KINDS)

    assert [(each.code, each.severity, each.rule) for each in found] == [
        ("rule_never_fires", "warning", "else")
    ]


def test_conditions_that_exclude_each_other_never_fire() -> None:
    impossible = both(condition("urgency", **{"is": "low"}), condition("urgency", **{"is": "high"}))
    document = routed({"name": "odd", "when": impossible, "to": "a"}, otherwise())

    (problem,) = problems(document, KINDS)

    assert (problem.code, problem.rule) == ("rule_never_fires", "odd")
    assert "no message can meet" in problem.message


def test_the_same_conditions_with_different_routes_contradict() -> None:
    either = {"any": [condition("urgency", **{"is": name}) for name in ("urgent", "high")]}
    document = routed(
        when("one", "a", field="urgency", **{"in": ["high", "urgent"]}),
        {"name": "two", "when": either, "to": "b"},
        otherwise(),
    )

    (problem,) = problems(document, KINDS)

    assert (problem.code, problem.severity, problem.rule) == ("rules_contradict", "error", "two")


def test_the_same_conditions_with_the_same_route_never_fire_twice() -> None:
    twin = {"field": "urgency", "is": "high"}
    document = routed(when("one", "a", **twin), when("two", "a", **twin), otherwise())

    assert [each.code for each in problems(document, KINDS)] == ["rule_never_fires"]


def test_rules_that_disagree_on_some_messages_are_warned_of_once() -> None:
    document = routed(
        when("urgent", "a", field="urgency", **{"is": "urgent"}),
        when("simple", "b", field="complexity", **{"is": "simple"}),
        otherwise(),
    )

    (problem,) = problems(document, KINDS)

    assert (problem.code, problem.severity) == ("rules_overlap", "warning")
    assert shown(problem)["rules"] == ["urgent", "simple"]
    assert shown(problem)["fields"] == {"urgency": "urgent", "complexity": "simple"}


def test_no_overlap_is_warned_of_where_a_human_comes_first() -> None:
    document = routed(
        when("urgent", "human", field="urgency", **{"is": "urgent"}),
        when("simple", "b", field="complexity", **{"is": "simple"}),
        otherwise(),
    )

    assert problems(document, KINDS) == []


def test_no_overlap_is_warned_of_where_an_earlier_rule_takes_it_all() -> None:
    urgent, calm = (condition("urgency", **{"is": name}) for name in ("urgent", "low"))
    document = routed(
        {"name": "human", "when": urgent, "to": "human"},
        {
            "name": "one",
            "when": {
                "any": [
                    both(urgent, condition("within_hours", **{"is": True})),
                    both(calm, condition("within_hours", **{"is": False})),
                ]
            },
            "to": "a",
        },
        when("two", "b", field="within_hours", **{"is": True}),
        otherwise(),
    )

    assert problems(document, KINDS) == []


def hard_rules() -> tuple[Rule, ...]:
    """Return rules whose cover is a random formula of the kind that takes any search long."""
    dice = random.Random(7)  # noqa: S311

    def literal() -> dict[str, Json]:
        holds = condition("entities.orders", contains=f"o{dice.randrange(60)}")
        return holds if dice.random() < 0.5 else {"not": holds}

    ruleset = [
        {"name": f"r{n}", "when": both(*(literal() for _ in range(3))), "to": "a"}
        for n in range(256)
    ]
    return parse_rules([*ruleset, otherwise()])


def test_what_cannot_be_proved_within_bounds_is_said_and_not_guessed() -> None:
    ruleset = RuleSet("route", hard_rules(), steps=20_000)

    found = [*ruleset_problems(ruleset, FIELDS)]

    assert {(each.code, each.severity) for each in found} == {("not_proved", "warning")}


def test_the_same_work_is_proved_or_not_on_every_machine() -> None:
    ruleset = RuleSet("route", hard_rules(), steps=20_000)

    assert [*ruleset_problems(ruleset, FIELDS)] == [*ruleset_problems(ruleset, FIELDS)]


def test_texts_looked_for_in_too_many_ways_are_not_proved() -> None:
    parts = [condition("language", contains=f"part {n}") for n in range(20)]
    document = routed({"name": "one", "when": {"any": parts}, "to": "a"}, otherwise())

    assert [each.code for each in problems(document, KINDS)] == ["not_proved"]


DOMAINS: dict[str, list[Json]] = {
    "urgency": ["low", "normal", "high", "urgent"],
    "complexity": ["simple", "complex"],
    "wants_human": [True, False],
    "turn": [0, 1, 2, 3, 4, 5],
    "route_confidence": [0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0],
    "order.value": [0, 10, 20.5, 40, 1000],
    "language": ["en", "de", "es", "xx", "den"],
    "entities.orders": [[], ["a"], ["b"], ["a", "b"]],
    "customer.tier": [None, "vip", "gold"],
}


def random_leaf(dice: random.Random, fields: list[str]) -> dict[str, Json]:
    name = dice.choice(fields)
    if name == "turn":
        return dice.choice(
            [
                condition(name, at_least=dice.randrange(5)),
                condition(name, at_most=dice.randrange(5)),
                condition(name, **{dice.choice(["is", "is_not"]): dice.randrange(5)}),
            ]
        )
    if name in ("route_confidence", "order.value"):
        value = dice.choice([0.3, 0.6] if name == "route_confidence" else [10, 40])
        return condition(name, **{dice.choice(["at_least", "at_most"]): value})
    if name == "entities.orders":
        return condition(name, contains=dice.choice("ab"))
    if name == "language":
        return dice.choice(
            [condition(name, contains=dice.choice(["e", "en"])), condition(name, **{"is": "de"})]
        )
    values = [each for each in DOMAINS[name] if each is not None]
    operator = dice.choice(["is", "is_not", "in", "not_in"])
    chosen = dice.sample(values, 2) if operator in ("in", "not_in") else dice.choice(values)
    return condition(name, **{operator: chosen})


def random_condition(dice: random.Random, fields: list[str], depth: int = 2) -> dict[str, Json]:
    kind = dice.choice(["leaf", "leaf", "all", "all", "any", "not"]) if depth else "leaf"
    if kind == "leaf":
        return random_leaf(dice, fields)
    if kind == "not":
        return {"not": random_condition(dice, fields, depth - 1)}
    return {kind: [random_condition(dice, fields, depth - 1) for _ in range(dice.choice([2, 3]))]}


def random_ruleset(seed: int) -> tuple[list[Json], list[str]]:
    dice = random.Random(seed)  # noqa: S311
    fields = dice.sample(sorted(DOMAINS), 3)
    names = [f"r{n}" for n in range(dice.randrange(2, 7))]
    ruleset = [
        {
            "name": name,
            "when": random_condition(dice, fields),
            "to": dice.choice(["a", "b", "human"]),
        }
        for name in names
    ]
    return [*ruleset, otherwise("a")], fields


def every_state(fields: list[str]) -> Iterator[dict[str, Json]]:
    for values in itertools.product(*(DOMAINS[name] for name in fields)):
        yield dict(zip(fields, values, strict=True))


@pytest.mark.parametrize("seed", range(200))
def test_a_rule_is_said_never_to_fire_where_brute_force_finds_no_message_and_only_there(
    seed: int,
) -> None:
    ruleset, fields = random_ruleset(seed)
    parsed = parse_rules(ruleset)

    found = problems(routed(*ruleset), KINDS)

    fired = {first_match(parsed, state).rule for state in every_state(fields)}
    dead = {each.rule for each in found if each.code in ("rule_never_fires", "rules_contradict")}
    assert dead == {rule.name for rule in parsed} - fired


@pytest.mark.parametrize("seed", range(200))
def test_two_rules_are_said_to_overlap_where_brute_force_finds_a_message_and_only_there(
    seed: int,
) -> None:
    ruleset, fields = random_ruleset(seed)
    parsed = parse_rules(ruleset)

    found = of_code(problems(routed(*ruleset), KINDS), "rules_overlap")

    fired = {first_match(parsed, state).rule for state in every_state(fields)}
    wanted = {
        (first.rule, later.name)
        for state in every_state(fields)
        if (first := first_match(parsed, state)).route != "human"
        for later in parsed[:-1]
        if later.name > first.rule != "else"
        and later.name in fired
        and later.to != first.route
        and matches(later.when, state)
    }
    assert sorted(tuple(shown(each)["rules"]) for each in found) == sorted(wanted)


@pytest.mark.parametrize("seed", range(200))
def test_the_sample_of_a_rule_problem_shows_what_it_claims(seed: int) -> None:
    ruleset, _ = random_ruleset(seed)
    by_name: dict[str | None, Rule] = {rule.name: rule for rule in parse_rules(ruleset)}

    for each in problems(routed(*ruleset), KINDS):
        state = shown(each)["fields"]
        match = first_match(list(by_name.values()), state)

        if each.code == "rules_overlap":
            assert match.rule == shown(each)["rules"][0]
            assert matches(by_name[each.rule].when, state)
        elif "failed_on" in shown(each):
            assert failed_on(by_name[each.rule].when, state)
        else:
            assert match.rule != each.rule
            assert matches(by_name[each.rule].when, state)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_all_this_is_so_of_very_many_rule_sets() -> None:
    for seed in range(1000, 5000):
        test_a_rule_is_said_never_to_fire_where_brute_force_finds_no_message_and_only_there(seed)
        test_two_rules_are_said_to_overlap_where_brute_force_finds_a_message_and_only_there(seed)
        test_the_sample_of_a_rule_problem_shows_what_it_claims(seed)


def test_the_next_rule_of_a_large_set_that_a_number_splits_is_exact() -> None:
    steps = [when(f"r{n}", "ab"[n % 2], field="turn", **{"is": n}) for n in range(300)]
    rest = when("rest", "b", field="turn", at_least=300)
    document = routed(*steps, rest, when("late", "a", field="turn", at_least=200), otherwise())

    (late, default) = problems(document, KINDS)

    assert (late.code, late.severity, late.rule) == ("rule_never_fires", "error", "late")
    assert (default.code, default.severity, default.rule) == ("rule_never_fires", "warning", "else")
