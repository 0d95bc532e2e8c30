"""Workflows over HTTP, published by the command line while the server runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.frontdesk import Frontdesk, Json, fields_of, is_problem, new_name, wait_for
from tests.e2e.processes import run
from tests.fakes.receiver import Receiver, Reply, failing

ITEM: Json = {
    "type": "object",
    "required": ["item"],
    "properties": {"item": {"type": "string"}},
}


def stock_workflow(receiver: Receiver, **call: Any) -> Json:
    """Return a workflow that asks the receiver what is left of an item."""
    node = {
        "kind": "call",
        "url": f"http://{receiver.host}/stock/{{{{ input.item }}}}",
        "output": {
            "type": "object",
            "required": ["left"],
            "properties": {"left": {"type": "integer"}},
        },
        "into": "stock",
        "required": True,
        "next": "out",
        **call,
    }
    return {
        "name": f"stock-{new_name()}",
        "entry": "look",
        "input": ITEM,
        "nodes": {"look": node, "out": {"kind": "output", "fields": {"left": "stock.left"}}},
    }


def publish(frontdesk: Frontdesk, folder: Path, document: Json) -> str:
    """Publish a document by the command line and return the workflow's name."""
    file = folder / "workflow.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    url = f"sqlite:///{frontdesk.database}"
    done = run(folder, "workflow", "publish", str(file), FRONTDESK_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return str(document["name"])


def start(frontdesk: Frontdesk, name: str, given: Json, **headers: str) -> Any:
    path = f"/v1/workflows/{name}/runs"
    return frontdesk.admin.post(path, json={"input": given}, headers=headers)


@pytest.fixture(scope="module")
def shop(receivers: list[Receiver]) -> Receiver:
    return receivers.pop()


@pytest.fixture(scope="module")
def stock(frontdesk: Frontdesk, shop: Receiver, tmp_path_factory: pytest.TempPathFactory) -> str:
    return publish(frontdesk, tmp_path_factory.mktemp("stock"), stock_workflow(shop))


@pytest.fixture(autouse=True)
def three_are_left(shop: Receiver) -> None:
    shop.always(Reply(body=b'{"left": 3}'))


def test_a_workflow_runs_as_an_api(frontdesk: Frontdesk, stock: str, shop: Receiver) -> None:
    answer = start(frontdesk, stock, {"item": "tea mug"})

    body = answer.json()
    shown = frontdesk.get(f"/v1/runs/{body['run_id']}")
    assert answer.status_code == 200
    assert (body["status"], body["output"], body["error"]) == ("done", {"left": 3}, None)
    assert shop.requests[-1].path == "/stock/tea%20mug"
    assert shop.requests[-1].headers["idempotency-key"] == f"{body['run_id']}:0:look:1"
    assert (shown["input"], shown["output"]) == ({"item": "tea mug"}, {"left": 3})
    assert shown["workflow"] == {"name": stock, "version": 1}
    assert [step["kind"] for step in shown["steps"]] == ["call", "output"]


def test_a_program_need_not_wait(frontdesk: Frontdesk, stock: str) -> None:
    answer = start(frontdesk, stock, {"item": "mug"}, Prefer="respond-async, wait=5")

    path = answer.headers["location"]
    ended = wait_for(lambda: _ended(frontdesk.get(path)), "an end of the run")
    assert answer.status_code == 202
    assert path == f"/v1/runs/{answer.json()['run_id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert (ended["status"], ended["output"]) == ("done", {"left": 3})


def test_a_run_that_fails_says_why_and_nobody_else_is_told(
    frontdesk: Frontdesk, stock: str, shop: Receiver
) -> None:
    shop.always(failing(404))

    body = start(frontdesk, stock, {"item": "mug"}).json()

    conversation = frontdesk.conversation(
        frontdesk.get(f"/v1/runs/{body['run_id']}")["conversation_id"]
    )
    listed = frontdesk.get("/v1/conversations", limit=200)["items"]
    assert (body["status"], body["output"]) == ("failed", None)
    assert "the answer was 404" in body["error"]
    assert (conversation["messages"], conversation["channel"]) == ([], "api")
    assert conversation["id"] not in {each["id"] for each in listed}


@pytest.mark.parametrize("given", [{}, {"item": 7}])
def test_input_that_does_not_fit_is_named_by_its_path(
    frontdesk: Frontdesk, stock: str, given: Json
) -> None:
    answer = start(frontdesk, stock, given)

    assert is_problem(answer, 422)
    assert fields_of(answer) == {"input.item"}


def test_a_workflow_that_is_not_there_is_a_404(frontdesk: Frontdesk) -> None:
    assert is_problem(start(frontdesk, "nobody", {}), 404)
    assert is_problem(frontdesk.admin.get("/v1/workflows/nobody"), 404)


def test_workflows_are_for_the_admin_key_alone(frontdesk: Frontdesk) -> None:
    for client in (frontdesk.system, frontdesk.anyone):
        assert is_problem(client.post("/v1/workflows/support/runs", json={"input": {}}), 401)
        assert is_problem(client.get("/v1/workflows/support"), 401)
        assert is_problem(client.get("/v1/node-kinds"), 401)


def test_the_published_document_is_shown(frontdesk: Frontdesk) -> None:
    shown = frontdesk.get("/v1/workflows/support")

    assert (shown["name"], shown["version"]) == ("support", 1)
    assert shown["document"]["entry"] == "classify"
    assert shown["document"]["nodes"]["send"] == {"kind": "send"}


def test_every_kind_of_node_says_what_it_does(frontdesk: Frontdesk) -> None:
    kinds = {each["kind"]: each for each in frontdesk.get("/v1/node-kinds")["items"]}

    assert set(kinds) >= {
        *("classify", "route", "branch", "reply", "enrich", "check", "approve", "fork", "join"),
        *("model", "call", "send", "escalate", "close", "output"),
    }
    for each in kinds.values():
        assert each["config"]["type"] == "object"
        assert each["touches"] in ("pure", "paid", "external")
        assert {"exits", "reads", "writes"} <= each.keys()
    assert kinds["model"]["exits"] == ["done", "invalid"]
    assert kinds["check"]["reads"] == ["draft"]
    assert kinds["route"]["exits"] is None
    assert kinds["call"]["config"]["properties"].keys() >= {"method", "url", "idempotent"}


def test_a_document_with_problems_is_not_published(
    frontdesk: Frontdesk, shop: Receiver, tmp_path: Path
) -> None:
    document = stock_workflow(shop, next="nowhere", url="https://{{ input.item }}/")
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    url = f"sqlite:///{frontdesk.database}"

    done = run(tmp_path, "workflow", "publish", str(file), FRONTDESK_DATABASE_URL=url)

    assert done.returncode == 1
    assert "bad_config node look" in done.stdout
    assert "unknown_node node look" in done.stdout
    assert "was not published" in done.stderr
    assert is_problem(frontdesk.admin.get(f"/v1/workflows/{document['name']}"), 404)


def _ended(shown: Json) -> Json | None:
    return shown if shown["status"] not in ("running", "waiting") else None
