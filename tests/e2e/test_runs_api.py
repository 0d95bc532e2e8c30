import re
from decimal import Decimal

import pytest

from tests.e2e.frontdesk import LAWYER, Frontdesk, Json, is_problem, new_name

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
URGENCIES = ("low", "normal", "high", "urgent")


def run_of(frontdesk: Frontdesk, text: str, **fields: Json) -> Json:
    reply = frontdesk.ask(text, **{"conversation": new_name(), **fields})
    return frontdesk.get(f"/v1/runs/{reply['run_id']}")


def test_a_run_has_the_contracts_shape(frontdesk: Frontdesk) -> None:
    run = run_of(frontdesk, "where is my order 1042?")

    assert run.keys() >= {
        *("id", "conversation_id", "status", "workflow", "route", "rule", "rules_tried"),
        *("classification", "parts", "cost", "premium_cost", "started_at", "finished_at", "steps"),
    }
    assert run["workflow"] == {"name": "support", "version": 1}
    assert run["status"] == "done"
    assert [Decimal(run["cost"]), Decimal(run["premium_cost"])] == [0, 0]
    assert TIME.fullmatch(run["started_at"])
    assert TIME.fullmatch(run["finished_at"])
    assert run["started_at"] <= run["finished_at"]


def test_a_classification_has_the_contracts_shape(frontdesk: Frontdesk) -> None:
    found = run_of(frontdesk, "where is my order 1042?")["classification"]

    assert found.keys() == {
        *("intent", "confidence", "route_confidence", "runner_up", "out_of_scope", "urgency"),
        *("complexity", "sentiment", "language", "wants_human", "risk", "requests", "entities"),
        *("by", "reasons"),
    }
    assert (found["intent"], found["by"], found["language"]) == ("order_status", "local", "en")
    assert found["entities"]["orders"] == ["1042"]
    assert 0 <= found["confidence"] <= found["route_confidence"] <= 1
    assert found["urgency"] in URGENCIES


def test_a_run_shows_every_step_with_what_went_in_and_out(frontdesk: Frontdesk) -> None:
    steps = run_of(frontdesk, "where is my order 1042?")["steps"]

    assert [step["node"] for step in steps] == ["classify", "route", "answer", "check", "send"]
    for step in steps:
        assert step.keys() >= {
            *("node", "kind", "part", "visit", "status", "exit", "started_at", "ms"),
            *("input", "output", "error", "model_calls"),
        }
        assert step["ms"] >= 0
        assert step["error"] is None
        assert step["model_calls"] == []
        assert TIME.fullmatch(step["started_at"])
        assert isinstance(step["input"], dict)
    by_node = {step["node"]: step for step in steps}
    assert by_node["classify"]["input"]["text"] == "where is my order 1042?"
    assert by_node["classify"]["output"]["intent"] == "order_status"
    assert "TRK-1042" in by_node["answer"]["output"]["draft"]["text"]
    assert by_node["check"]["exit"] == "passed"


def test_every_step_has_an_output(frontdesk: Frontdesk) -> None:
    steps = [
        *run_of(frontdesk, "where is my order 1042?")["steps"],
        *run_of(frontdesk, LAWYER)["steps"],
    ]

    assert [step["node"] for step in steps if not isinstance(step["output"], dict)] == []


def test_a_run_names_the_rule_that_fired_and_why_those_before_did_not(
    frontdesk: Frontdesk,
) -> None:
    run = run_of(frontdesk, "where is my order 1042?")

    [failed] = run["rules_tried"]
    assert (run["route"], run["rule"]) == ("simple", "sure and simple")
    assert failed.keys() == {"rule", "failed_on"}
    assert failed["rule"] == "risky or asked for a person"
    assert "wants_human" in failed["failed_on"]


def test_a_run_that_ends_with_a_human_says_so(frontdesk: Frontdesk) -> None:
    run = run_of(frontdesk, LAWYER)

    assert (run["route"], run["rule"]) == ("human", "risky or asked for a person")
    assert run["rules_tried"] == []
    assert run["steps"][-1]["kind"] == "escalate"
    assert run["classification"]["risk"] == "legal"


def test_runs_are_listed_newest_first_in_pages(frontdesk: Frontdesk) -> None:
    name = new_name()
    made = [run_of(frontdesk, "hello", conversation=name) for _ in range(3)]
    id = made[0]["conversation_id"]

    first = frontdesk.get("/v1/runs", conversation_id=id, limit=2)
    second = frontdesk.get("/v1/runs", conversation_id=id, limit=2, cursor=first["next"])

    ids = [[run["id"] for run in page["items"]] for page in (first, second)]
    assert ids == [[made[2]["id"], made[1]["id"]], [made[0]["id"]]]
    assert second["next"] is None


@pytest.mark.parametrize("route", ["simple", "human"])
def test_runs_are_listed_by_route_and_status(frontdesk: Frontdesk, route: str) -> None:
    text = LAWYER if route == "human" else "where is my order 1042?"
    run = run_of(frontdesk, text)

    listed = frontdesk.get("/v1/runs", route=route, status="done")["items"]

    assert listed[0]["id"] == run["id"]
    assert {each["route"] for each in listed} == {route}


def test_a_run_that_is_not_there_is_a_404(frontdesk: Frontdesk) -> None:
    assert is_problem(frontdesk.admin.get("/v1/runs/nobody"), 404)
