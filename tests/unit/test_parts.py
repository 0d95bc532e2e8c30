"""What stands for a run of several parts: the most demanding, raised by all others."""

from typing import Any

import pytest

from orchestration import parts
from orchestration.parts import Part


def classified(**fields: Any) -> dict[str, Any]:
    plain = {
        "intent": "order_status",
        "urgency": "normal",
        "complexity": "simple",
        "wants_human": False,
        "risk": "none",
        "requests": 1,
        "entities": {},
    }
    return {**plain, **fields}


def part(number: int, route: str, outcome: str = "send", **fields: Any) -> Part:
    return Part(
        number=number,
        text=f"part {number}",
        route=route,
        rule=f"rule {number}",
        outcome=outcome,
        classification=classified(**fields),
    )


@pytest.mark.parametrize(
    ("told", "leading"),
    [
        ([part(0, "simple"), part(1, "human", "escalate")], 1),
        ([part(0, "complex"), part(1, "simple")], 0),
        ([part(0, "human", "escalate"), part(1, "complex")], 0),
        ([part(0, "complex"), part(1, "complex", "escalate")], 1),
        ([part(0, "simple", urgency="low"), part(1, "simple", urgency="high")], 1),
        ([part(0, "simple"), part(1, "simple")], 0),
        ([part(0, "simple"), part(1, "returns desk", "escalate")], 1),
        ([part(0, "complex"), part(1, "faq")], 0),
        ([part(0, "simple"), part(1, "faq", complexity="complex")], 1),
    ],
)
def test_the_most_demanding_part_stands_for_the_run(told: list[Part], leading: int) -> None:
    decision = parts.decision(told)

    assert parts.most_demanding(told).number == leading
    assert (decision["route"], decision["rule"]) == (told[leading].route, f"rule {leading}")


def test_the_runs_classification_is_raised_to_the_worst_of_all() -> None:
    told = [
        part(0, "human", "escalate", intent="cancel_order", entities={"orders": ("1043",)}),
        part(1, "simple", urgency="high", risk="legal", entities={"orders": ("1042", "1043")}),
        part(2, "simple", wants_human=True, risk="fraud"),
    ]

    read = parts.decision(told)["classification"]

    assert read["intent"] == "cancel_order"
    assert (read["urgency"], read["risk"], read["wants_human"]) == ("high", "fraud", True)
    assert (read["complexity"], read["requests"]) == ("complex", 3)
    assert read["entities"] == {"orders": ["1043", "1042"]}


def test_parts_that_failed_before_they_were_read_leave_no_classification() -> None:
    told = [Part(number=number, text="?", outcome="escalate") for number in range(2)]

    assert parts.decision(told)["classification"] is None


def test_parts_come_back_from_the_record_as_they_went_in() -> None:
    told = (part(0, "simple"), Part(number=1, text="and?", orders=("1042",), error="broken"))

    assert parts.from_json(parts.as_json(told)) == told
    assert parts.from_json(None) == ()
    assert parts.as_json(()) is None


@pytest.mark.parametrize(
    ("outcome", "is_over"), [(None, False), ("wait", False), ("send", True), ("close", True)]
)
def test_a_part_is_over_once_its_path_has_ended(outcome: str | None, is_over: bool) -> None:
    assert Part(number=0, text="?", outcome=outcome).is_over is is_over
