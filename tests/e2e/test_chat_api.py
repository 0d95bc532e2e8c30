import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from integrations.signatures import make_identity
from tests.e2e.frontdesk import (
    ANA,
    BEN,
    CHAT_SECRET,
    LAWYER,
    Frontdesk,
    Json,
    events,
    is_ours,
    is_problem,
    new_name,
    wait_for,
)

SOON = timedelta(minutes=5)
OpenChat = Callable[..., "Visitor"]


class Visitor:
    """Somebody in front of the chat page."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def open(self, **body: Json) -> httpx.Response:
        return self.client.post("/chat/sessions", json=body)

    def write(self, text: str, **fields: Json) -> httpx.Response:
        return self.client.post(
            "/chat/messages", json={"message_id": new_name(), "text": text, **fields}
        )

    def read(self) -> Json:
        answer = self.client.get("/chat/messages")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, text: str, **fields: Json) -> Json:
        """Write and return what is said next."""
        sent = self.write(text, **fields)
        assert sent.status_code == 202, sent.text

        def answered() -> Json:
            newest = self.read()["items"][0]
            return newest if is_ours(newest) else None

        return wait_for(answered, f"an answer to {text!r}")


@pytest.fixture
def open_chat(frontdesk: Frontdesk) -> Iterator[OpenChat]:
    """Open the chat in a browser of its own."""
    with ExitStack() as stack:

        def open_as(customer: Json = None) -> Visitor:
            visitor = Visitor(stack.enter_context(frontdesk.browser()))
            body = {"identity": identity(customer)} if customer else {}
            assert visitor.open(**body).status_code == 200
            return visitor

        yield open_as


@pytest.fixture
def stranger(frontdesk: Frontdesk) -> Iterator[Visitor]:
    """A browser that has not opened the chat."""
    with frontdesk.browser() as client:
        yield Visitor(client)


def identity(customer: Json, *, lasts: timedelta = SOON, secret: str = CHAT_SECRET) -> str:
    return make_identity(
        secret,
        id=customer["id"],
        email=customer["email"],
        name=customer["name"],
        expires=datetime.now(UTC) + lasts,
    )


def token(claims: bytes) -> str:
    """Sign claims as CONTRACT.md says, whatever they are."""
    first = urlsafe_b64encode(claims).decode()
    return f"{first}.{hmac.new(CHAT_SECRET.encode(), first.encode(), hashlib.sha256).hexdigest()}"


def test_the_start_page_leads_to_the_chat(frontdesk: Frontdesk) -> None:
    start = frontdesk.anyone.get("/")
    page = frontdesk.anyone.get("/chat")

    assert (start.is_redirect, start.headers["location"]) == (True, "/chat")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]


def test_the_cookie_is_kept_from_scripts_and_lasts_30_days(stranger: Visitor) -> None:
    answer = stranger.open()

    [cookie] = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["httponly"] is True
    assert cookie["samesite"].lower() == "lax"
    assert int(cookie["max-age"]) == timedelta(days=30).total_seconds()
    assert cookie["path"] == "/chat"


def test_the_cookie_itself_is_not_in_the_database(frontdesk: Frontdesk, stranger: Visitor) -> None:
    stranger.open()

    [value] = stranger.client.cookies.values()
    kept = frontdesk.rows("SELECT token_hash FROM chat_sessions")
    assert (value,) not in kept
    assert (hashlib.sha256(value.encode()).hexdigest(),) in kept


def test_an_identity_opens_the_chat_for_its_customer(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)

    reply = ana.ask("where is my order 1042?")

    assert "TRK-1042" in reply["text"]
    assert ana.open().json()["customer"] == {"id": ANA["id"], "name": ANA["name"], "verified": True}


def test_an_identity_with_padding_is_good_too(stranger: Visitor) -> None:
    claims = {"id": "C-1001", "email": ANA["email"], "name": "Ana", "exp": 4_000_000_000}

    answer = stranger.open(identity=token(json.dumps(claims).encode()))

    assert answer.json()["customer"] == {"id": "C-1001", "name": "Ana", "verified": True}


@pytest.mark.parametrize(
    "bad",
    [
        identity(ANA, lasts=-SOON),
        identity(ANA, secret="another secret of many characters"),  # noqa: S106
        identity(ANA)[:-1],
        identity(ANA).partition(".")[0],
        "." + identity(ANA).partition(".")[2],
        identity(BEN).partition(".")[0] + "." + identity(ANA).partition(".")[2],
        "",
        ".",
        "é.é",
        token(b"[]"),
        token(b"\xff"),
        token(b'{"exp": 4000000000}'),
        token(b'{"id": "", "exp": 4000000000}'),
        token(b'{"id": 7, "exp": 4000000000}'),
        token(b'{"id": "C-1001"}'),
        token(b'{"id": "C-1001", "exp": "never"}'),
        token(b'{"id": "C-1001", "exp": Infinity}'),
        token(b'{"id": "C-\\u0000", "exp": 4000000000}'),
        token(b'{"id": "C-\\ud800", "exp": 4000000000}'),
        token(b'{"id": "C-1001", "name": "\\ud800", "exp": 4000000000}'),
        token(b"[" * 5000),
    ],
    # Tokens hold the time; each worker of a parallel run must see the same names.
    ids=[
        "expired",
        "another secret",
        "shortened",
        "no signature",
        "no claims",
        "another's signature",
        "empty",
        "a dot",
        "no ASCII",
        "a list",
        "no UTF-8",
        "no id",
        "empty id",
        "number as id",
        "no end",
        "end as words",
        "endless",
        "NUL in id",
        "surrogate in id",
        "surrogate in name",
        "nested too deep",
    ],
)
def test_a_bad_or_expired_identity_opens_nothing(stranger: Visitor, bad: str) -> None:
    answer = stranger.open(identity=bad)

    assert is_problem(answer, 401)
    assert "set-cookie" not in answer.headers


def test_only_the_demo_lets_a_visitor_choose_who_they_are(stranger: Visitor) -> None:
    for who in ("C-1001", "visitor"):
        answer = stranger.open(**{"as": who})

        assert is_problem(answer, 403)
        assert "set-cookie" not in answer.headers
    assert stranger.client.get("/chat/config").json()["demo"] == []


def test_a_visitor_is_told_how_to_sign_in_whether_the_order_exists_or_not(
    open_chat: OpenChat,
) -> None:
    def asked(number: str) -> str:
        reply: str = open_chat().ask(f"where is my order {number}?")["text"]
        return reply.replace(number, "…")

    assert asked("1042") == asked("9876")
    assert "TRK" not in asked("1042")


def test_messages_are_read_newest_first(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    before = ana.read()
    ana.ask("where is my order 1042?")
    ana.ask("and the other one?")

    after = ana.read()

    assert before["items"] == []
    assert after.keys() >= {"items", "next", "status"}
    assert [each["seq"] for each in after["items"]] == [4, 3, 2, 1]
    assert [each["author"] for each in after["items"]] == ["bot", "customer", "bot", "customer"]
    assert after["items"][0].keys() >= {
        *("id", "seq", "author", "text", "at", "run_id", "citations")
    }


def test_the_same_message_again_is_harmless(open_chat: OpenChat) -> None:
    ana, id = open_chat(ANA), new_name()
    ana.ask("hello", message_id=id)

    again = ana.write("hello", message_id=id)
    other = ana.write("something else", message_id=id)

    assert (again.status_code, again.json()["duplicate"]) == (202, True)
    assert is_problem(other, 409)
    assert len(ana.read()["items"]) == 2


def test_one_session_cannot_read_anothers_conversation(open_chat: OpenChat) -> None:
    ana, other = open_chat(ANA), open_chat(BEN)
    ana.ask("where is my order 1042?")

    other.ask("hello")

    assert not any("1042" in each["text"] for each in other.read()["items"])
    assert open_chat(ANA).read()["items"] == []


def test_signing_in_as_somebody_else_begins_another_conversation(open_chat: OpenChat) -> None:
    visitor = open_chat(ANA)
    visitor.ask("where is my order 1042?")

    answer = visitor.open(identity=identity(BEN))

    assert answer.json()["customer"]["id"] == BEN["id"]
    assert visitor.read()["items"] == []


def test_the_cookie_goes_on_with_its_conversation(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    ana.ask("hello")

    again = ana.open()
    signed_in_again = ana.open(identity=identity(ANA))

    assert "set-cookie" not in again.headers
    assert again.json()["conversation_id"] == signed_in_again.json()["conversation_id"]
    assert len(ana.read()["items"]) == 2


@pytest.mark.parametrize("cookie", [None, "", "nonsense", "\u00e9" * 10])
def test_without_a_session_there_is_nothing(stranger: Visitor, cookie: str | None) -> None:
    headers = httpx.Headers(
        {"Cookie": f"frontdesk_chat={cookie}"} if cookie is not None else {}, encoding="latin-1"
    )

    for method, path, body in (
        ("GET", "/chat/messages", None),
        ("GET", "/chat/events", None),
        ("POST", "/chat/messages", {"message_id": "m", "text": "hello"}),
        ("POST", "/chat/rating", {"score": 5}),
    ):
        answer = stranger.client.request(method, path, json=body, headers=headers)
        assert is_problem(answer, 401)


def test_no_key_opens_the_chat(frontdesk: Frontdesk) -> None:
    assert is_problem(frontdesk.admin.get("/chat/messages"), 401)


def test_a_page_of_another_site_may_not_use_the_chat(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    evil = {"Origin": "https://evil.example"}

    for path, body in (
        ("/chat/sessions", {}),
        ("/chat/messages", {"message_id": "m", "text": "hello"}),
        ("/chat/rating", {"score": 5}),
    ):
        assert is_problem(ana.client.post(path, json=body, headers=evil), 403)

    assert ana.read()["items"] == []


def test_a_bot_answer_is_rated_once_there_is_one(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    early = ana.client.post("/chat/rating", json={"score": 5})
    ana.ask("where is my order 1042?")

    answer = ana.client.post("/chat/rating", json={"score": 5, "comment": "quick"})

    assert is_problem(early, 409)
    assert answer.status_code == 200
    assert ana.read()["status"] == "resolved"
    assert ana.read()["rated"] is True


def test_the_page_is_told_what_happens(open_chat: OpenChat) -> None:
    ana, seen = open_chat(ANA), []

    with ana.client.stream("GET", "/chat/events") as stream:
        ana.write(LAWYER)
        for event in events(stream.iter_lines()):
            seen.append(event)
            if event["event"] == "message" and is_ours(event["data"]):
                break

    kinds = [event["event"] for event in seen]
    assert set(kinds) <= {"message", "status", "typing"}
    assert [event["data"]["author"] for event in seen if event["event"] == "message"] == [
        "customer",
        "bot",
    ]
    assert "escalated" in [event["data"].get("status") for event in seen]


def test_the_page_resumes_where_it_was(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    ana.ask("hello")
    last = ana.read()["items"][0]["seq"]
    ana.ask("where is my order 1042?")

    with ana.client.stream("GET", "/chat/events", headers={"Last-Event-ID": str(last)}) as stream:
        first = next(event for event in events(stream.iter_lines()) if "id" in event)

    assert int(first["id"]) == last + 1
    assert first["data"]["text"] == "where is my order 1042?"


def test_an_agent_sees_whether_the_visitor_is_there(
    frontdesk: Frontdesk, open_chat: OpenChat
) -> None:
    ana = open_chat(ANA)
    sent = ana.write(LAWYER).json()
    case = wait_for(lambda: case_of(frontdesk, sent["conversation_id"]), "case")
    path = f"/v1/escalations/{case['id']}"

    watched = f"/v1/conversations/{sent['conversation_id']}/events"
    with frontdesk.admin.stream("GET", watched) as stream:
        until_beat(stream)
    before = frontdesk.get(path)["presence"]
    with ana.client.stream("GET", "/chat/events") as stream:
        until_beat(stream)
    after = frontdesk.get(path)["presence"]

    assert before == {"away": True, "seen_at": None}
    assert after["away"] is False


def test_a_visitor_whose_page_was_open_before_the_first_word_is_there(
    frontdesk: Frontdesk, open_chat: OpenChat
) -> None:
    ana = open_chat(ANA)

    with ana.client.stream("GET", "/chat/events") as stream:
        # Kept, since the stream ends with whoever reads it.
        lines = stream.iter_lines()
        next(lines)
        sent = ana.write(LAWYER).json()
        next(event for event in events(lines) if event["event"] == "message")
        case = wait_for(lambda: case_of(frontdesk, sent["conversation_id"]), "case")
        seen = frontdesk.get(f"/v1/escalations/{case['id']}")["presence"]

    assert seen["away"] is False


def test_an_attachment_from_the_chat_is_kept(open_chat: OpenChat) -> None:
    ana = open_chat(ANA)
    photo = {"name": "photo.png", "type": "image/png", "content_base64": "iVBORw0KGgo="}

    assert ana.write("", attachments=[photo]).status_code == 202

    [attached] = ana.read()["items"][-1]["attachments"]
    assert (attached["name"], attached["type"]) == ("photo.png", "image/png")


def test_what_a_visitor_wrote_comes_from_the_channel_chat(
    frontdesk: Frontdesk, open_chat: OpenChat
) -> None:
    id = open_chat(ANA).write("hello").json()["conversation_id"]

    conversation = frontdesk.conversation(id)

    assert conversation["channel"] == "chat"
    assert conversation["customer"]["verified"] is True


def case_of(frontdesk: Frontdesk, conversation: str) -> Any:
    found = frontdesk.get("/v1/escalations", status="open", limit=200)["items"]
    return next((each for each in found if each["conversation_id"] == conversation), None)


def until_beat(stream: httpx.Response) -> None:
    """Read a stream until the server has noted that somebody reads it."""
    assert any(line == ": here" for line in stream.iter_lines())
