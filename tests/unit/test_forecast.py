"""What is expected of steps that nobody recorded, and the sums that are made of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestration import workflow
from orchestration.backtest.forecast import Estimate, Forecast
from orchestration.backtest.report import Examples, Figures, Summary
from orchestration.engine import Program
from orchestration.store import RecordedStep, RecordedTurn
from orchestration.types import Json
from tests.fakes.workflows import SHIPPED, document

MORNING = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
ENDS = ("drafted", "abstained", "proposed")


def program(source: Any = SHIPPED) -> Program:
    return Program.of(workflow.parse(source), 1)


def replied(responder: str, exit: str, cost: str, *, node: str = "answer") -> RecordedStep:
    """Return a reply of one responder."""
    result = "drafted" if exit == "drafted" else "abstained"
    tried = [{"node": node, "responder": responder, "result": result}]
    costs = {responder: Decimal(cost)} if Decimal(cost) else {}
    return step("reply", node, exit, {"tried": tried}, costs)


def step(
    kind: str, node: str, exit: str, output: Json = None, costs: Mapping[str, Decimal] | None = None
) -> RecordedStep:
    return RecordedStep(
        part=0,
        node=node,
        visit=1,
        kind=kind,
        status="finished",
        exit=exit,
        input=None,
        output=output,
        error=None,
        costs=costs or {},
    )


def turn(*steps: RecordedStep, intent: str = "return_policy") -> RecordedTurn:
    return RecordedTurn(
        run_id="run",
        conversation_id="talk",
        workflow="support",
        version=1,
        text="return",
        at=MORNING,
        status="done",
        purpose="answer",
        outcome="send",
        route="simple",
        rule=None,
        rules_tried=None,
        classification={"intent": intent},
        fingerprint=None,
        entry={},
        parts=None,
        cost=sum((one.cost for one in steps), start=Decimal(0)),
        was_with_human=False,
        steps=steps,
    )


def learned(*turns: RecordedTurn, source: Any = SHIPPED, tiers: str = "light strong") -> Forecast:
    forecast = Forecast(program(source), lambda tier: tier in tiers.split())
    for one in turns:
        forecast.learn(one)
    return forecast


def chain(**nodes: Json) -> Json:
    """Return a workflow that begins at its first node and may send or escalate."""
    return document(next(iter(nodes)), **nodes)


ASK_LIGHT = chain(
    ask={
        "kind": "reply",
        "responders": ["light"],
        "exits": {"drafted": "send", "abstained": "escalate", "proposed": "escalate"},
    }
)


def test_the_mean_and_the_chance_of_a_human_are_those_of_the_records() -> None:
    turns = [turn(replied("light", "drafted", "0.002"))] * 30
    turns += [turn(replied("light", "abstained", "0.004"))] * 10

    found = learned(*turns, source=ASK_LIGHT).rest("ask")

    assert found.expected == pytest.approx(0.0025, abs=0.0003)
    assert found.human == pytest.approx(0.25, abs=0.08)
    assert (found.low, found.high, found.is_priced) == (0.002, 0.004, True)
    assert found.records == 40


def test_turns_of_the_same_intent_say_more_where_there_are_enough() -> None:
    others = [turn(replied("light", "drafted", "0.001"), intent="other")] * 20
    own = [turn(replied("light", "drafted", "0.009"), intent="own")] * 8
    forecast = learned(*others, *own, source=ASK_LIGHT)

    assert forecast.rest("ask", intent="own").expected == pytest.approx(0.009)
    assert forecast.rest("ask", intent="rare").expected == pytest.approx(0.0033, abs=0.001)


def test_what_has_not_happened_yet_still_widens_the_band() -> None:
    cheap = [turn(replied("light", "drafted", "0.001"))] * 50
    dear = turn(replied("strong", "drafted", "1"))

    without, beside = learned(*cheap, source=ASK_LIGHT), learned(*cheap, dear, source=ASK_LIGHT)

    assert without.rest("ask").variance == pytest.approx(0)
    assert beside.rest("ask").variance > 0.01
    assert beside.rest("ask").expected == pytest.approx(0.001)


def test_a_model_that_was_never_asked_has_no_price() -> None:
    recorded = turn(replied("template", "drafted", "0"))

    assert not learned(recorded, source=ASK_LIGHT).rest("ask").is_priced
    assert learned(recorded, source=ASK_LIGHT, tiers="").rest("ask").is_priced
    assert learned(recorded, source=ASK_LIGHT, tiers="").rest("ask").human == 1


def test_a_loop_ends_where_its_visits_are_used_up() -> None:
    again = chain(
        ask={
            "kind": "reply",
            "responders": ["light"],
            "max_visits": 3,
            "exits": {
                **dict.fromkeys(ENDS, "ask"),
                "exhausted": "send",
                "error": "escalate",
            },
        }
    )
    forecast = learned(turn(replied("light", "drafted", "0.002")), source=again)

    assert forecast.rest("ask").expected == pytest.approx(0.006)
    assert forecast.rest("ask").human == 0


def test_branches_of_a_fork_are_all_paid_for() -> None:
    node = {"kind": "reply", "responders": ["light"], "exits": dict.fromkeys(ENDS, "join")}
    forked = chain(
        fork={"kind": "fork", "exits": {"a": "left", "b": "right"}},
        left=node,
        right=node,
        join={"kind": "join", "next": "escalate"},
    )
    forecast = learned(turn(replied("light", "drafted", "0.002")), source=forked)

    assert forecast.rest("fork").expected == pytest.approx(0.004)
    assert forecast.rest("fork").human == 1


@pytest.mark.parametrize(
    ("node", "certain"),
    [("escalate", True), ("approve", True), ("investigate", False), ("send", False)],
)
def test_a_human_is_certain_where_no_way_leads_elsewhere(node: str, certain: bool) -> None:
    assert learned().ends_with_human(node) is certain


def estimate(**changes: Any) -> Estimate:
    values = {"low": 0.001, "expected": 0.002, "high": 0.003, "variance": 0.0, "human": 0.5}
    return Estimate(**{**values, "records": 10, **changes})


def figures(**changes: Any) -> Figures:
    values: dict[str, Any] = {
        "at": MORNING,
        "cost": (Decimal("0.01"), Decimal("0.005")),
        "human": (True, 0.5),
        "route": ("human", "simple"),
        "is_changed": True,
        "unknown": "not asked",
        "rest": (("rest answer", estimate()),),
    }
    return Figures(**{**values, **changes})


def test_figures_are_added_up() -> None:
    summary = Summary(zone=ZoneInfo("Europe/Berlin"))
    for hour in range(4):
        summary.add(figures(at=MORNING + timedelta(hours=hour)))
    summary.skip(MORNING, "erased")

    told = summary.document()

    assert (told["turns"], told["changed"], told["not_replayable"]) == (5, 4, 5)
    assert told["routes"] == [{"from": "human", "to": "simple", "count": 4}]
    assert told["human"] == {"before": 1.0, "after": 0.5}
    assert {name: told["cost"][name] for name in ("before", "after", "low", "high")} == {
        "before": "0.04",
        "after": "0.028",
        "low": "0.024",
        "high": "0.032",
    }
    assert told["load"]["before"] == pytest.approx(4 / 3, abs=0.01)
    assert [each["hour"] for each in told["load"]["by_hour"]] == [9, 10, 11, 12]


def test_the_fewer_the_records_the_wider_the_band() -> None:
    def width(records: int) -> Decimal:
        summary = Summary(zone=ZoneInfo("UTC"))
        for _ in range(100):
            rest = (("rest", estimate(variance=1e-6, records=records)),)
            summary.add(figures(rest=rest))
        cost = summary.document()["cost"]
        assert Decimal(cost["low"]) < Decimal(cost["after"]) < Decimal(cost["high"])
        return Decimal(cost["high"]) - Decimal(cost["low"])

    assert width(5) > width(50)


def test_figures_survive_being_kept() -> None:
    kept = figures()

    assert Figures.from_json(kept.as_json()) == kept


def test_nothing_recorded_is_nothing_changed() -> None:
    told = Summary(zone=ZoneInfo("UTC")).document()

    assert (told["turns"], told["human"]) == (0, {"before": 0.0, "after": 0.0})
    assert told["cost"]["before"] == told["cost"]["high"] == "0"


def test_no_kind_of_change_hides_behind_the_most_frequent_one() -> None:
    examples = Examples(each=2, most=4)
    for number in range(50):
        examples.add({"route_before": "a", "route_after": "b", "number": number})
    examples.add({"route_before": "a", "route_after": "c", "number": 50})

    assert [one["number"] for one in examples.chosen()] == [0, 50, 1]
