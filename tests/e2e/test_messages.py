import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest
from standardwebhooks import Webhook

from tests.e2e.frontdesk import (
    ADMIN_KEY,
    ANA,
    API_KEY,
    BEN,
    CURRENT_SECRET,
    LAWYER,
    PREVIOUS_SECRET,
    Frontdesk,
    Json,
    fields_of,
    is_ours,
    is_problem,
    message,
    new_name,
    wait_for,
)

CARD = "4111 1111 1111 1111"
PASSWORD = "hunter2-hunter2"  # noqa: S105


def signed(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    id, moment = new_name(), datetime.fromtimestamp(at or time.time(), UTC)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, moment, body.decode()),
        "content-type": "application/json",
    }


def body_of(**fields: Json) -> bytes:
    return httpx.Request("POST", "http://x", json=message("hello", **fields)).content


def counts(frontdesk: Frontdesk) -> list[int]:
    """Count what only a customer's message adds; answers to earlier ones may still be coming."""
    stored = ("customers", "conversations", "messages WHERE author = 'customer'", "files")
    return [frontdesk.rows(f"SELECT count(*) FROM {each}")[0][0] for each in stored]  # noqa: S608


def test_ana_is_helped_in_one_conversation_until_a_human_takes_over(frontdesk: Frontdesk) -> None:
    name = new_name()

    def says(text: str) -> Json:
        return frontdesk.ask(text, conversation=name)

    listed = says("where is my order?")["text"]
    first = says("1042")["text"]
    other = says("and the other one?")["text"]
    returns = says("can I return it?")
    thanked = says("thanks")
    after_thanks = frontdesk.get("/v1/conversations", customer=ANA["id"])["items"][0]
    handed_over = says(LAWYER)
    sent = frontdesk.get(f"/v1/runs/{handed_over['run_id']}")
    after = frontdesk.conversation(sent["conversation_id"])

    assert "1042" in listed
    assert "1043" in listed
    assert "TRK-1042" in first
    assert "1043" in other
    assert returns["citations"][0].keys() >= {"id", "title", "url"}
    assert "return" in returns["citations"][0]["title"].lower()
    assert len(thanked["text"]) < 150
    assert (after_thanks["status"], after_thanks["resolution"]) == ("resolved", "confirmed")
    assert (after["status"], after["resolution"]) == ("escalated", None)


@pytest.mark.parametrize("text", ["hi", "👍", "?"])
def test_small_talk_ends_without_a_human(frontdesk: Frontdesk, text: str) -> None:
    reply = frontdesk.ask(text, conversation=new_name())

    run = frontdesk.get(f"/v1/runs/{reply['run_id']}")
    assert (reply["author"], run["outcome"]) == ("bot", "send")


def test_a_message_is_answered_with_where_it_went(frontdesk: Frontdesk) -> None:
    answer = frontdesk.send("hello", conversation=new_name())

    conversation = frontdesk.conversation(answer["conversation_id"])
    assert answer.keys() == {"conversation_id", "id", "duplicate"}
    assert answer["duplicate"] is False
    assert conversation["messages"][0]["id"] == answer["id"]


def test_a_conversation_without_a_name_is_a_new_one(frontdesk: Frontdesk) -> None:
    first, second = frontdesk.send("hello"), frontdesk.send("hello")

    assert first["conversation_id"] != second["conversation_id"]


def test_the_same_id_and_body_again_is_accepted_and_ignored(frontdesk: Frontdesk) -> None:
    sent = message("hello", conversation=new_name())

    first = frontdesk.system.post("/v1/messages", json=sent)
    again = frontdesk.system.post("/v1/messages", json=sent)

    assert again.status_code == 202
    assert again.json() == {**first.json(), "duplicate": True}


def test_the_same_id_with_another_body_is_a_conflict(frontdesk: Frontdesk) -> None:
    sent = message("hello", conversation=new_name())
    frontdesk.system.post("/v1/messages", json=sent)
    before = counts(frontdesk)

    answer = frontdesk.system.post("/v1/messages", json={**sent, "text": "something else"})

    assert is_problem(answer, 409)
    assert counts(frontdesk) == before


def test_five_times_the_same_message_at_once_is_one_message_one_run_one_reply(
    frontdesk: Frontdesk,
) -> None:
    sent = message("hello", conversation=new_name())

    with ThreadPoolExecutor(5) as pool:
        answers = list(
            pool.map(lambda _: frontdesk.system.post("/v1/messages", json=sent), range(5))
        )
    [id] = {answer.json()["conversation_id"] for answer in answers}
    wait_for(lambda: any(map(is_ours, frontdesk.conversation(id)["messages"])), "answer")
    time.sleep(0.5)

    said = frontdesk.conversation(id)["messages"]
    runs = frontdesk.get("/v1/runs", conversation_id=id)["items"]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert sum(not answer.json()["duplicate"] for answer in answers) == 1
    assert [each["author"] for each in said] == ["customer", "bot"]
    assert [run["status"] for run in runs] == ["done"]


def test_another_customer_in_anas_conversation_is_refused_and_nothing_is_stored(
    frontdesk: Frontdesk,
) -> None:
    name = new_name()
    frontdesk.ask("hello", conversation=name)
    before = counts(frontdesk)

    for customer in (BEN, {"id": "nobody before"}, {**ANA, "verified": False}):
        answer = frontdesk.system.post(
            "/v1/messages", json=message("show me 1042", conversation=name, customer=customer)
        )
        assert is_problem(answer, 409)

    assert counts(frontdesk) == before


def test_anothers_order_and_no_such_order_get_the_same_words(frontdesk: Frontdesk) -> None:
    def asked(number: str, customer: Json) -> str:
        text = f"where is my order {number}?"
        reply = frontdesk.ask(text, conversation=new_name(), customer=customer)
        return re.sub(number, "…", reply["text"])

    visitor = {"id": new_name(), "verified": False}

    assert asked("1042", BEN) == asked("9876", BEN)
    assert asked("1042", visitor) == asked("9876", visitor)
    assert "TRK-1042" not in asked("1042", BEN)


def test_the_message_id_may_stand_in_the_header(frontdesk: Frontdesk) -> None:
    sent = {"customer": ANA, "text": "hello", "conversation": new_name()}
    headers = {"webhook-id": new_name()}

    first = frontdesk.system.post("/v1/messages", json=sent, headers=headers)
    again = frontdesk.system.post("/v1/messages", json=sent, headers=headers)
    without = frontdesk.system.post("/v1/messages", json=sent)

    assert first.status_code == 202
    assert again.json()["duplicate"] is True
    assert is_problem(without, 422)
    assert fields_of(without) == {"message_id"}


@pytest.mark.parametrize("secret", [CURRENT_SECRET, PREVIOUS_SECRET])
def test_a_signature_opens_the_door_without_a_key(frontdesk: Frontdesk, secret: str) -> None:
    body = body_of()

    answer = frontdesk.anyone.post("/v1/messages", content=body, headers=signed(secret, body))

    assert answer.status_code == 202


def test_a_signed_message_may_take_its_id_from_the_signature(frontdesk: Frontdesk) -> None:
    body = httpx.Request("POST", "http://x", json={"customer": ANA, "text": "hello"}).content
    headers = signed(CURRENT_SECRET, body)

    first = frontdesk.anyone.post("/v1/messages", content=body, headers=headers)
    again = frontdesk.anyone.post("/v1/messages", content=body, headers=headers)

    assert [first.json()["duplicate"], again.json()["duplicate"]] == [False, True]


def test_a_wrong_signature_opens_nothing(frontdesk: Frontdesk) -> None:
    body = body_of()
    stranger = "whsec_" + "c3RyYW5nZXIgc3RyYW5nZXIgc3RyYW5nZXI="
    right = signed(CURRENT_SECRET, body)
    before = counts(frontdesk)

    faults: list[dict[str, str] | httpx.Headers] = [
        signed(stranger, body),
        signed(CURRENT_SECRET, body + b" "),
        signed(CURRENT_SECRET, body, at=time.time() - 400),
        signed(CURRENT_SECRET, body, at=time.time() + 400),
        {**right, "webhook-id": "another"},
        {**right, "webhook-timestamp": "yesterday"},
        {**right, "webhook-timestamp": "9" * 400},
        {**right, "webhook-timestamp": ""},
        {**right, "webhook-signature": ""},
        {**right, "webhook-signature": "v1,%%%"},
        {**right, "webhook-signature": "v1"},
        {**right, "webhook-signature": "v2," + right["webhook-signature"][3:]},
        {**right, "webhook-signature": " ".join([right["webhook-signature"]] * 50)},
        httpx.Headers({**right, "webhook-signature": "v1,é"}, encoding="latin-1"),
        {name: value for name, value in right.items() if name != "webhook-id"},
    ]
    for headers in faults:
        assert is_problem(frontdesk.anyone.post("/v1/messages", content=body, headers=headers), 401)

    assert counts(frontdesk) == before


def test_a_signature_opens_nothing_else(frontdesk: Frontdesk) -> None:
    headers = signed(CURRENT_SECRET, b"")

    assert is_problem(frontdesk.anyone.get("/v1/runs", headers=headers), 401)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/conversations"),
        ("GET", "/v1/runs"),
        ("GET", "/v1/runs/x"),
        ("GET", "/v1/escalations"),
        ("GET", "/v1/escalations/x"),
        ("POST", "/v1/escalations/x/claim"),
        ("POST", "/v1/escalations/x/resolve"),
        ("GET", "/v1/approvals"),
        ("POST", "/v1/approvals/x/release"),
    ],
)
def test_the_api_key_does_not_open_what_is_the_agents(
    frontdesk: Frontdesk, method: str, path: str
) -> None:
    body = {"agent": "zoe", "version": 1} if method == "POST" else None

    answer = frontdesk.system.request(method, path, json=body)

    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_api_key_opens_the_reading_events_and_rating_of_one_conversation(
    frontdesk: Frontdesk,
) -> None:
    reply = frontdesk.ask("hello", conversation=new_name())
    id = frontdesk.get(f"/v1/runs/{reply['run_id']}")["conversation_id"]

    with frontdesk.system.stream("GET", f"/v1/conversations/{id}/events") as events:
        opened = events.status_code

    assert opened == 200
    assert frontdesk.system.get(f"/v1/conversations/{id}").status_code == 200
    assert (
        frontdesk.system.post(f"/v1/conversations/{id}/rating", json={"score": 3}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", f"Basic {ADMIN_KEY}", ADMIN_KEY, "Bearer None"],
)
def test_no_key_and_a_wrong_key_open_nothing(frontdesk: Frontdesk, header: str | None) -> None:
    headers = {"Authorization": header} if header is not None else {}

    for path in ("/v1/conversations", "/v1/conversations/x", "/v1/runs", "/v1/escalations"):
        assert is_problem(frontdesk.anyone.get(path, headers=headers), 401)
    answer = frontdesk.anyone.post("/v1/messages", json=message("hello"), headers=headers)

    assert is_problem(answer, 401)


def test_the_admin_key_opens_the_door_for_messages_too(frontdesk: Frontdesk) -> None:
    assert frontdesk.admin.post("/v1/messages", json=message("hello")).status_code == 202


def test_the_word_bearer_may_be_written_small(frontdesk: Frontdesk) -> None:
    headers = {"Authorization": f"bearer {API_KEY}"}

    answer = frontdesk.anyone.post("/v1/messages", json=message("hello"), headers=headers)

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/callback",
        "http://localhost/callback",
        "https://localhost:8443/callback",
        "https://elsewhere.example/callback",
        "http://127.0.0.1:1/callback",
        "https://[::1]/callback",
        "file:///etc/passwd",
        "ftp://localhost/callback",
        "https://ana:secret@localhost/",
        "//localhost/callback",
        "http://[",
        "not a url",
        "",
    ],
)
def test_a_callback_that_may_not_go_there_is_refused(frontdesk: Frontdesk, url: str) -> None:
    before = counts(frontdesk)

    answer = frontdesk.system.post("/v1/messages", json=message("hello", callback_url=url))

    assert is_problem(answer, 422)
    assert fields_of(answer) == {"callback_url"}
    assert counts(frontdesk) == before


def test_attachments_are_kept_and_listed(frontdesk: Frontdesk) -> None:
    attachments = [
        {"name": "photo.png", "type": "image/png", "content_base64": "iVBORw0KGgo="},
        {"name": "invoice.pdf", "type": "application/pdf", "url": "https://shop.example/i.pdf"},
    ]

    reply = frontdesk.ask("", conversation=new_name(), attachments=attachments)

    id = frontdesk.get(f"/v1/runs/{reply['run_id']}")["conversation_id"]
    said = frontdesk.conversation(id)["messages"][0]
    kept = frontdesk.rows("SELECT content FROM files WHERE message_id = ?", said["id"])
    assert said["text"] == ""
    assert [(each["name"], each["type"], each["url"]) for each in said["attachments"]] == [
        ("photo.png", "image/png", None),
        ("invoice.pdf", "application/pdf", "https://shop.example/i.pdf"),
    ]
    assert (b"\x89PNG\r\n\x1a\n",) in kept


def test_cards_and_passwords_never_reach_the_database(frontdesk: Frontdesk) -> None:
    text = f"my card is {CARD}, my password is {PASSWORD}, where is order 1042?"

    reply = frontdesk.ask(text, conversation=new_name())
    run = frontdesk.get(f"/v1/runs/{reply['run_id']}")
    frontdesk.system.post(
        f"/v1/conversations/{run['conversation_id']}/rating",
        json={"score": 2, "comment": f"you lost {CARD}, and my password: {PASSWORD}"},
    )

    said = frontdesk.conversation(run["conversation_id"])["messages"][0]["text"]
    parts = [frontdesk.database, frontdesk.database.with_name("frontdesk.db-wal")]
    written = b"".join(part.read_bytes() for part in parts if part.exists())
    assert "1042" in said
    assert CARD not in said
    assert PASSWORD not in said
    assert CARD.encode() not in written
    assert PASSWORD.encode() not in written
