import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.frontdesk import (
    ANA,
    LAWYER,
    Frontdesk,
    Json,
    events,
    is_ours,
    is_problem,
    new_name,
    wait_for,
)

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@contextmanager
def watching(
    client: httpx.Client, id: str, *, after: int | None = None
) -> Iterator[Iterator[Json]]:
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    with client.stream("GET", f"/v1/conversations/{id}/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield events(stream.iter_lines())


def until(stream: Iterator[Json], kind: str, author: str | None = None) -> list[Json]:
    seen = []
    for event in stream:
        seen.append(event)
        if event["event"] == kind and author in (None, event["data"].get("author")):
            break
    return seen


def numbered(seen: list[Json]) -> list[int]:
    return [int(event["id"]) for event in seen if "id" in event]


@pytest.fixture
def talked(frontdesk: Frontdesk) -> Json:
    """Return a conversation of one question and its answer."""
    sent = frontdesk.send("where is my order 1042?", conversation=new_name())
    id = sent["conversation_id"]
    wait_for(lambda: any(map(is_ours, frontdesk.conversation(id)["messages"])), "answer")
    return frontdesk.conversation(id)


def test_a_conversation_has_the_contracts_shape(talked: Json) -> None:
    question, answer = talked["messages"]

    assert talked.keys() >= {
        *("id", "channel", "status", "resolution", "customer", "assignee", "messages")
    }
    assert (talked["channel"], talked["status"]) == ("webhook", "open")
    assert (talked["resolution"], talked["assignee"]) == (None, None)
    assert ANA.items() <= talked["customer"].items()
    for said in (question, answer):
        assert said.keys() >= {*("id", "seq", "author", "text", "at", "run_id", "citations")}
        assert TIME.fullmatch(said["at"])
    assert (question["author"], question["seq"], question["run_id"]) == ("customer", 1, None)
    assert (answer["author"], answer["seq"]) == ("bot", 2)
    assert answer["run_id"]


def test_a_citation_has_the_contracts_shape(frontdesk: Frontdesk) -> None:
    reply = frontdesk.ask("what is your return policy?", conversation=new_name())

    [citation, *_] = reply["citations"]
    assert citation.keys() == {"id", "title", "url"}


def test_both_keys_read_what_was_said_and_the_admin_key_how_it_fared(
    frontdesk: Frontdesk, talked: Json
) -> None:
    read = frontdesk.system.get(f"/v1/conversations/{talked['id']}").json()

    assert {**read, "deliveries": []} == talked
    assert "deliveries" not in read


def test_a_conversation_that_is_not_there_is_a_404(frontdesk: Frontdesk) -> None:
    for path in ("", "/events"):
        assert is_problem(frontdesk.system.get(f"/v1/conversations/nobody{path}"), 404)
    rating = frontdesk.system.post("/v1/conversations/nobody/rating", json={"score": 5})
    assert is_problem(rating, 404)


def test_conversations_are_listed_newest_first_in_pages(frontdesk: Frontdesk) -> None:
    customer = {"id": new_name()}
    ids = [frontdesk.send("hello", customer=customer)["conversation_id"] for _ in range(5)]

    pages, cursor = [], None
    for _ in range(3):
        parameters = {"customer": customer["id"], "limit": 2} | (
            {"cursor": cursor} if cursor else {}
        )
        page = frontdesk.get("/v1/conversations", **parameters)
        assert page.keys() == {"items", "next"}
        pages.append([each["id"] for each in page["items"]])
        cursor = page["next"]

    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert cursor is None


def test_conversations_are_listed_by_status(frontdesk: Frontdesk) -> None:
    customer = {"id": new_name()}
    frontdesk.ask("hello", conversation=new_name(), customer=customer)
    handed_over = frontdesk.ask(LAWYER, conversation=new_name(), customer=customer)

    def listed(status: str) -> list[Json]:
        found = frontdesk.get("/v1/conversations", customer=customer["id"], status=status)
        items: list[Json] = found["items"]
        return items

    [escalated] = listed("escalated")
    assert frontdesk.get(f"/v1/runs/{handed_over['run_id']}")["conversation_id"] == escalated["id"]
    assert len(listed("open")) == 1
    assert listed("assigned") == listed("resolved") == []


def test_agents_notes_are_not_for_the_api_key(frontdesk: Frontdesk) -> None:
    case = frontdesk.escalate()
    frontdesk.command(case, "note", text="smells of fraud")
    path = f"/v1/conversations/{case['conversation_id']}"

    assert "smells of fraud" in frontdesk.admin.get(path).text
    assert "smells of fraud" not in frontdesk.system.get(path).text


def test_events_tell_what_was_said_and_when_the_bot_types(frontdesk: Frontdesk) -> None:
    name = new_name()
    id = frontdesk.send("hello", conversation=name)["conversation_id"]
    wait_for(lambda: any(map(is_ours, frontdesk.conversation(id)["messages"])), "answer")

    with watching(frontdesk.system, id) as stream:
        until(stream, "message", "bot")
        frontdesk.send(LAWYER, conversation=name)
        seen = until(stream, "message", "bot")

    said = frontdesk.conversation(id)["messages"]
    kinds = [event["event"] for event in seen]
    assert set(kinds) <= {"message", "status", "typing"}
    assert kinds.count("message") == 2
    [status] = [event for event in seen if event["event"] == "status"]
    assert status["data"]["status"] == "escalated"
    shown = [event["data"] for event in seen if event["event"] == "message"]
    assert [each["id"] for each in shown] == [each["id"] for each in said[2:]]
    assert [each["seq"] for each in shown] == [
        int(event["id"]) for event in seen if event["event"] == "message"
    ]
    assert numbered(seen) == sorted(numbered(seen))


def test_events_resume_after_the_last_one_seen(frontdesk: Frontdesk) -> None:
    name = new_name()
    id = frontdesk.send("hello", conversation=name)["conversation_id"]
    with watching(frontdesk.system, id) as stream:
        first = until(stream, "message", "bot")
    frontdesk.ask("where is my order 1042?", conversation=name)

    with watching(frontdesk.system, id, after=numbered(first)[-1]) as stream:
        newer = until(stream, "message", "bot")

    assert numbered(first) == [1, 2]
    assert numbered(newer) == [3, 4]


def test_typing_is_told_without_a_number(frontdesk: Frontdesk) -> None:
    name = new_name()
    id = frontdesk.send("hello", conversation=name)["conversation_id"]

    with watching(frontdesk.system, id) as stream:
        until(stream, "message", "bot")
        case = frontdesk.escalate(conversation=name)
        case = {**case, **frontdesk.command(case, "claim")}
        seen = until(stream, "status")
        seen += until(stream, "status")

    typing = [event for event in seen if event["event"] == "typing"]
    statuses = [event["data"] for event in seen if event["event"] == "status"]
    assert all("id" not in event for event in typing)
    assert [each["status"] for each in statuses] == ["escalated", "assigned"]
    assert statuses[1]["assignee"] == "zoe"


def test_agents_notes_are_not_among_the_events(frontdesk: Frontdesk) -> None:
    case = frontdesk.escalate()
    case = {**case, **frontdesk.command(case, "claim")}
    case = {**case, **frontdesk.command(case, "note", text="smells of fraud")}
    frontdesk.command(case, "reply", text="Zoe here.")

    with watching(frontdesk.system, case["conversation_id"]) as stream:
        seen = until(stream, "message", "agent")

    assert seen[-1]["data"]["text"] == "Zoe here."
    assert not any("smells" in str(event) for event in seen)


@pytest.mark.parametrize("number", ["-1", "one", "1.5", "9" * 30, "\u00b2"])
def test_a_last_event_id_that_is_no_number_is_refused(
    frontdesk: Frontdesk, talked: Json, number: str
) -> None:
    headers = httpx.Headers({"Last-Event-ID": number}, encoding="latin-1")

    answer = frontdesk.system.get(f"/v1/conversations/{talked['id']}/events", headers=headers)

    assert is_problem(answer, 422)


def test_a_good_rating_of_the_bots_answer_confirms_it(frontdesk: Frontdesk, talked: Json) -> None:
    path = f"/v1/conversations/{talked['id']}"

    answer = frontdesk.system.post(f"{path}/rating", json={"score": 5, "comment": "quick"})

    after = frontdesk.get(path)
    assert answer.json() == {"score": 5}
    assert (after["status"], after["resolution"], after["rating"]) == ("resolved", "confirmed", 5)


def test_a_bad_rating_leaves_the_conversation_open(frontdesk: Frontdesk, talked: Json) -> None:
    path = f"/v1/conversations/{talked['id']}"

    frontdesk.system.post(f"{path}/rating", json={"score": 1})

    after = frontdesk.get(path)
    assert (after["status"], after["rating"]) == ("open", 1)


@pytest.mark.parametrize("score", [0, 6, -1, 2.5, "good", None, 10**30])
def test_a_score_outside_one_to_five_is_refused(
    frontdesk: Frontdesk, talked: Json, score: Json
) -> None:
    answer = frontdesk.system.post(
        f"/v1/conversations/{talked['id']}/rating", json={"score": score}
    )

    assert is_problem(answer, 422)
    assert frontdesk.get(f"/v1/conversations/{talked['id']}")["rating"] is None
