"""What a gate refuses of a backtest's report, and in which words."""

from typing import Any

import pytest

from orchestration.gates import Gates, failing_cases, judge


def report(**changes: Any) -> dict[str, Any]:
    """Return a report in which nothing has become worse."""
    return {
        "turns": 100,
        "changed": 3,
        "cost": {"before": "1.00", "after": "1.00", "low": "1.00", "high": "1.00"},
        "human": {"before": 0.2, "after": 0.2},
        "urgent_lost": [],
        "not_replayable": 0,
        **changes,
    }


def lost(count: int) -> list[dict[str, str]]:
    return [{"run_id": f"r-{number}"} for number in range(count)]


@pytest.mark.parametrize(
    ("changes", "gate", "words"),
    [
        ({"urgent_lost": lost(1)}, "urgent_lost", "1 urgent or risky turn would no longer reach"),
        ({"urgent_lost": lost(7)}, "urgent_lost", "7 urgent or risky turns would no longer reach"),
        ({"human": {"before": 0.2, "after": 0.26}}, "human_rise", "26.0% of the turns would"),
        ({"cost": {"before": "1.00", "after": "1.26"}}, "cost_rise", "$1.2600 in place of $1.0000"),
        ({"cost": {"before": "0", "after": "0.01"}}, "cost_rise", "$0.0100 in place of $0.0000"),
        ({"not_replayable": 21}, "not_replayable", "21 of 100 turns could not be judged"),
    ],
)
def test_what_becomes_worse_beyond_its_bound_is_refused(
    changes: dict[str, Any], gate: str, words: str
) -> None:
    refusals = judge(report(**changes), Gates())

    assert [refusal.gate for refusal in refusals] == [gate]
    assert words in refusals[0].message


@pytest.mark.parametrize(
    "changes",
    [
        {"human": {"before": 0.2, "after": 0.25}},
        {"human": {"before": 0.6, "after": 0.1}},
        {"cost": {"before": "1.00", "after": "1.25"}},
        {"cost": {"before": "1.00", "after": "0"}},
        {"cost": {"before": "0", "after": "0"}},
        {"not_replayable": 20},
    ],
)
def test_what_stays_within_its_bound_passes(changes: dict[str, Any]) -> None:
    assert judge(report(**changes), Gates()) == []


@pytest.mark.parametrize("gate", ["urgent_lost", "human_rise", "cost_rise", "not_replayable"])
def test_a_gate_that_was_taken_away_refuses_nothing(gate: str) -> None:
    bad = report(
        urgent_lost=lost(5),
        human={"before": 0.0, "after": 1.0},
        cost={"before": "1", "after": "100"},
        not_replayable=100,
    )

    refused = {refusal.gate for refusal in judge(bad, Gates(**{gate: None}))}

    assert refused == {"urgent_lost", "human_rise", "cost_rise", "not_replayable"} - {gate}


def test_where_nothing_was_recorded_there_is_nothing_to_refuse() -> None:
    empty = report(turns=0, human={"before": 0.0, "after": 1.0}, not_replayable=3)

    assert judge(empty, Gates()) == []


def test_cases_that_fail_are_refused_by_name() -> None:
    (one,) = failing_cases(["“lost parcel”: takes simple, should take human"])
    (many,) = failing_cases([f"case {number}" for number in range(5)])

    assert one.message == "a regression case fails: “lost parcel”: takes simple, should take human"
    assert many.message == "5 cases fail: case 0; case 1; case 2 …"
    assert failing_cases([]) == []
