"""Trying a draft over HTTP: on recorded turns, beside live ones, and on regression cases."""

from typing import Any

import pytest

from tests.e2e.frontdesk import Frontdesk, Json, is_problem, new_name, wait_for

DRAFT = "/v1/workflows/support/draft"


# Simple, were it not for what it threatens.
TEXT = "where is my order 1042? I will call my lawyer"


def ask(frontdesk: Frontdesk) -> Json:
    reply = frontdesk.ask(TEXT, conversation=new_name())
    return frontdesk.get(f"/v1/runs/{reply['run_id']}")


@pytest.fixture(scope="module")
def turn(frontdesk: Frontdesk) -> Json:
    """Let a risky message come to a human; return its run."""
    return ask(frontdesk)


@pytest.fixture(scope="module")
def draft(frontdesk: Frontdesk, turn: Json) -> int:
    """Save a draft in which hardly any risk goes to a human; return its number."""
    current = frontdesk.get("/v1/workflows/support")
    rules = current["document"]["nodes"]["route"]["rules"]
    rules[0]["when"] = {"field": "turn", "at_least": 1000}
    [known] = [one for one in frontdesk.get("/v1/workflows")["items"] if one["name"] == "support"]
    body = {"document": current["document"], "base_version": known["draft"] or known["version"]}
    answer = frontdesk.admin.put(DRAFT, json=body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["version"])


def post(frontdesk: Frontdesk, path: str, body: Json, **headers: str) -> Any:
    return frontdesk.admin.post(path, json=body, headers=headers)


def test_a_backtest_has_the_contracts_shape(frontdesk: Frontdesk, turn: Json, draft: int) -> None:
    answer = post(frontdesk, f"{DRAFT}/backtest", {"last": 1000})

    report = answer.json()
    assert answer.status_code == 200
    assert report.keys() >= {
        *("turns", "changed", "routes", "cost", "human", "urgent_lost", "examples"),
        "not_replayable",
    }
    assert report["workflow"] == {"name": "support", "version": draft}
    assert {"before", "after", "low", "high"} <= report["cost"].keys()
    assert report["human"].keys() == {"before", "after"}
    assert all(each.keys() == {"from", "to", "count"} for each in report["routes"])
    [lost] = [one for one in report["urgent_lost"] if one["run_id"] == turn["id"]]
    assert (lost["text"], lost["rule_before"]) == (TEXT, turn["rule"])
    assert lost["rule_after"] != lost["rule_before"]


def test_a_backtest_that_nobody_waits_for_is_asked_about_later(
    frontdesk: Frontdesk, draft: int
) -> None:
    started = post(frontdesk, f"{DRAFT}/backtest", {"last": 5}, Prefer="respond-async")
    path = started.headers["location"]

    ended = wait_for(lambda: _if_done(frontdesk, path), "end of the backtest")

    assert started.status_code == 202
    assert ended["report"]["turns"] == ended["done"] == ended["total"]
    changes = frontdesk.get(f"{path}/changes")["items"]
    assert len(changes) == ended["report"]["changed"]
    listed = frontdesk.get("/v1/backtests", workflow="support")["items"]
    assert ended["id"] in [one["id"] for one in listed]


def _if_done(frontdesk: Frontdesk, path: str) -> Json:
    found = frontdesk.get(path)
    return found if found["status"] == "done" else None


def test_the_gates_refuse_the_draft_that_loses_people(frontdesk: Frontdesk, draft: int) -> None:
    answer = post(frontdesk, f"{DRAFT}/publish", {})

    assert is_problem(answer, 409)
    assert "urgent_lost" in answer.text
    assert frontdesk.get("/v1/workflows/support")["version"] < draft


def test_a_shadow_decides_what_comes_in(frontdesk: Frontdesk, draft: int) -> None:
    started = post(frontdesk, f"{DRAFT}/shadow", {"author": "ada"})
    path = f"/v1/shadows/{started.json()['id']}"
    again = post(frontdesk, f"{DRAFT}/shadow", {})

    run = ask(frontdesk)
    found = wait_for(lambda: _if_decided(frontdesk, path, run["id"]), "the shadow's decision")
    stopped = post(frontdesk, f"{path}/stop", {"author": "ada"})

    assert started.status_code == 201
    assert is_problem(again, 409)
    assert (found["route_before"], found["text"]) == ("human", TEXT)
    assert stopped.json()["status"] == "stopped"
    assert is_problem(post(frontdesk, f"{path}/stop", {}), 409)


def _if_decided(frontdesk: Frontdesk, path: str, run: str) -> Json:
    changes = frontdesk.get(f"{path}/changes")["items"]
    return next((one for one in changes if one["run_id"] == run), None)


def test_a_run_is_replayed_by_its_own_version_and_by_the_draft(
    frontdesk: Frontdesk, turn: Json, draft: int
) -> None:
    path = f"/v1/runs/{turn['id']}/replay"

    own = post(frontdesk, path, {}).json()
    by_draft = post(frontdesk, path, {"version": "draft"}).json()

    assert (own["equal"], own["exact"], own["change"]) == (True, True, None)
    assert by_draft["version"] == draft
    assert by_draft["change"]["route_before"] == "human"
    assert is_problem(post(frontdesk, "/v1/runs/nowhere/replay", {}), 404)
    assert is_problem(post(frontdesk, path, {"version": "newest"}), 422)


def test_a_case_stops_the_draft_that_breaks_it(
    frontdesk: Frontdesk, turn: Json, draft: int
) -> None:
    name = new_name()
    body = {"run_id": turn["id"], "name": name}

    added = post(frontdesk, "/v1/workflows/support/cases", body)
    results = post(frontdesk, f"{DRAFT}/test", None).json()
    removed = frontdesk.admin.delete(f"/v1/workflows/support/cases/{name}")

    assert added.status_code == 201
    assert (added.json()["redacted"], "lawyer" in added.text) == (True, False)
    [result] = [one for one in results["items"] if one["name"] == name]
    assert not result["passed"]
    assert "must be human" in result["failure"]
    assert removed.status_code == 204


def test_what_is_not_there_cannot_be_tried(frontdesk: Frontdesk) -> None:
    for path in ("/v1/backtests/nothing", "/v1/shadows/nothing", "/v1/backtests/nothing/changes"):
        assert is_problem(frontdesk.admin.get(path), 404)
    unknown = "/v1/workflows/unknown/draft"
    assert is_problem(post(frontdesk, f"{unknown}/backtest", {}), 404)
    assert is_problem(post(frontdesk, f"{unknown}/shadow", {}), 404)
    assert is_problem(post(frontdesk, f"{unknown}/test", None), 404)
