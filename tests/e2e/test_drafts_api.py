"""Changing workflows over HTTP, as a console does: drafts, gates, roll back, channels, the log."""

from typing import Any

import pytest

from tests.e2e.frontdesk import Frontdesk, Json, is_problem, new_name


def document(name: str, words: str = "hello", **nodes: Json) -> Json:
    return {
        "name": name,
        "entry": "greet",
        "nodes": {"greet": {"kind": "close", "text": words}, **nodes},
        "on_failure": "greet",
    }


class Admin:
    """Changes one workflow of its own."""

    def __init__(self, frontdesk: Frontdesk, name: str) -> None:
        self.http = frontdesk.admin
        self.name = name
        self.path = f"/v1/workflows/{name}"

    def save(self, words: str, base: int, **more: Json) -> Any:
        body = {"document": document(self.name, words), "base_version": base, **more}
        return self.http.put(f"{self.path}/draft", json=body)

    def post(self, what: str, **body: Json) -> Any:
        return self.http.post(f"{self.path}/{what}", json=body)

    def get(self, what: str = "", **parameters: Json) -> Any:
        return self.http.get(f"{self.path}{what}", params=parameters)

    def publish(self, words: str, base: int) -> int:
        assert self.save(words, base).status_code == 200
        answer = self.post("draft/publish", note=words)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["version"])


@pytest.fixture
def admin(frontdesk: Frontdesk) -> Admin:
    return Admin(frontdesk, f"flow-{new_name()}")


def test_a_draft_is_saved_checked_published_and_rolled_back(admin: Admin) -> None:
    first = admin.publish("hello", 0)
    saved = admin.save("good day", first, author="maria")
    checked = admin.post("draft/check")
    compared = admin.get("/changes")

    published = admin.post("draft/publish", note="politer", force=False, reason="")
    shown = admin.get().json()
    back = admin.post("rollback", version=first)

    assert (saved.json()["version"], saved.headers["etag"]) == (2, '"2"')
    assert checked.json() == {"problems": []}
    assert [each["message"] for each in compared.json()["changes"]] == [
        "greet: text is good day in place of hello"
    ]
    assert published.json()["version"] == 2
    assert (shown["version"], shown["note"], shown["author"]) == (2, "politer", "maria")
    assert shown["document"]["nodes"]["greet"]["text"] == "good day"
    assert back.json()["version"] == 3
    assert admin.get().json()["document"]["nodes"]["greet"]["text"] == "hello"
    versions = admin.get("/versions").json()["items"]
    assert [(row["version"], row["published"]) for row in versions] == [
        (3, True),
        (2, False),
        (1, False),
    ]


def test_the_second_of_two_admins_gets_a_409_with_what_the_first_did(admin: Admin) -> None:
    first = admin.publish("hello", 0)
    assert admin.save("good day", first, author="maria").status_code == 200

    refused = admin.save("hi there", first, author="ben")

    assert is_problem(refused, 409)
    current = refused.json()["current"]
    assert (current["version"], current["author"]) == (2, "maria")
    assert current["changes"][0]["message"] == "greet: text is good day in place of hello"
    assert "+  greet: {kind: close, text: good day}" in current["diff"]
    assert "maria" in refused.json()["detail"]
    assert admin.save("hi there", current["version"], author="ben").json()["version"] == 3


def test_a_draft_with_problems_is_kept_and_not_published(admin: Admin) -> None:
    lost = document(admin.name, lost={"kind": "send"})
    body = {"document": lost, "base_version": 0}
    saved = admin.http.put(f"{admin.path}/draft", json=body)

    checked = admin.post("draft/check").json()["problems"]
    refused = admin.post("draft/publish")

    assert saved.status_code == 200
    assert [(each["code"], each["node"]) for each in checked] == [("unreachable_node", "lost")]
    assert is_problem(refused, 422)
    assert [each["code"] for each in refused.json()["problems"]] == ["unreachable_node"]


def test_force_without_a_reason_is_a_422(admin: Admin) -> None:
    admin.save("hello", 0)

    refused = admin.post("draft/publish", force=True)

    assert is_problem(refused, 422)
    assert refused.json()["errors"][0]["field"] == "reason"


def test_force_with_a_reason_stands_in_the_log(admin: Admin) -> None:
    admin.save("hello", 0)

    published = admin.post("draft/publish", force=True, reason="the shop asked", author="maria")

    entry = admin.http.get("/v1/audit", params={"subject": f"workflow {admin.name}"}).json()
    newest = entry["items"][0]
    assert published.status_code == 200
    assert (newest["actor"], newest["action"]) == ("maria", "workflow.published")
    assert newest["details"]["forced"] is True
    assert "the shop asked" not in str(entry)
    assert admin.get("/versions/1").json()["override"]["reason"] == "the shop asked"
    assert admin.http.get("/v1/audit/verify").json()["ok"] is True


def test_yaml_is_kept_with_its_comments(admin: Admin) -> None:
    source = f"# ours\n\nname: {admin.name}\nentry: a  # first\nnodes:\n  a: {{kind: close}}\n"
    source += "on_failure: a\n"
    path = f"{admin.path}/draft"
    first = admin.http.put(path, json={"source": source, "base_version": 0}).json()

    changed = {**first["document"], "nodes": {"a": {"kind": "close", "reason": "done"}}}
    second = admin.http.put(path, json={"document": changed, "base_version": 1}).json()

    assert first["source"] == source
    assert second["source"] == source.replace("{kind: close}", "{kind: close, reason: done}")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"base_version": 0}, ""),
        ({"document": {}, "source": "a: b", "base_version": 0}, ""),
        ({"document": {"name": "another"}, "base_version": 0}, "document.name"),
        ({"document": {}, "base_version": -1}, "base_version"),
        ({"document": {}, "base_version": 0, "versoin": 1}, "versoin"),
    ],
)
def test_a_draft_that_cannot_be_read_names_the_field(admin: Admin, body: Json, field: str) -> None:
    refused = admin.http.put(f"{admin.path}/draft", json=body)

    assert is_problem(refused, 422)
    assert refused.json()["errors"][0]["field"] == field


def test_what_is_not_there_is_a_404(admin: Admin) -> None:
    for answer in (
        admin.get("/draft"),
        admin.get("/versions/1"),
        admin.get("/changes"),
        admin.post("draft/check"),
        admin.post("draft/publish"),
        admin.post("rollback", version=1),
        admin.http.put(f"{admin.path}/gates", json={}),
        admin.http.put("/v1/channels/chat", json={"workflow": admin.name}),
    ):
        assert is_problem(answer, 404), answer.text


def test_gates_are_shown_and_set(admin: Admin) -> None:
    admin.publish("hello", 0)

    changed = admin.http.put(f"{admin.path}/gates", json={"cost_rise": None, "human_rise": 0.1})
    refused = admin.http.put(f"{admin.path}/gates", json={"human_rise": 2})

    assert changed.json() == admin.get("/gates").json()
    assert (changed.json()["cost_rise"], changed.json()["human_rise"]) == (None, 0.1)
    assert is_problem(refused, 422)
    assert refused.json()["errors"][0]["field"] == "human_rise"


def test_a_channel_is_bound_and_answers_by_that_workflow(
    frontdesk: Frontdesk, admin: Admin
) -> None:
    admin.publish("this is another workflow", 0)

    try:
        bound = admin.http.put("/v1/channels/webhook", json={"workflow": admin.name})
        reply = frontdesk.ask("hello", conversation=new_name())
    finally:
        admin.http.put("/v1/channels/webhook", json={"workflow": "support"})

    assert bound.json() == {"channel": "webhook", "workflow": admin.name}
    assert reply["text"] == "this is another workflow"
    channels = admin.http.get("/v1/channels").json()["items"]
    assert {"channel": "webhook", "workflow": "support"} in channels


def test_a_run_says_why_its_rule_fired(frontdesk: Frontdesk) -> None:
    reply = frontdesk.ask("I will call my lawyer", conversation=new_name())

    run = frontdesk.get(f"/v1/runs/{reply['run_id']}")

    decision = run["decisions"][0]
    assert (decision["node"], decision["exit"]) == ("route", "human")
    assert "risk is legal" in decision["because"]


def test_workflows_and_the_schema_are_listed(frontdesk: Frontdesk, admin: Admin) -> None:
    admin.save("hello", 0)

    [mine] = [row for row in frontdesk.get("/v1/workflows")["items"] if row["name"] == admin.name]
    schema = frontdesk.get("/v1/workflow-schema")

    assert (mine["version"], mine["draft"], mine["channels"]) == (None, 1, [])
    assert "node_route" in schema["$defs"]


def test_only_an_admin_may(frontdesk: Frontdesk) -> None:
    for path in ("/v1/workflows", "/v1/channels", "/v1/audit", "/v1/workflow-schema"):
        assert is_problem(frontdesk.system.get(path), 401)
