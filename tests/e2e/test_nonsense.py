import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.frontdesk import (
    ANA,
    Frontdesk,
    Json,
    fields_of,
    is_problem,
    message,
    new_name,
)

KB = 1024
JSON = {"Content-Type": "application/json"}
NOT_JSON = [
    b"",
    b"nonsense",
    b"{",
    b"[]",
    b"null",
    b"7",
    b'"text"',
    b"\xff\xfe",
    b'{"text": "\xff"}',
    b"[" * 100_000,
    b'{"version": ' + b"1" * 5000 + b"}",
]


def raw(text: bytes, *, more: bytes = b"") -> bytes:
    """Return a message's body with bytes in it that no JSON library would write."""
    id = new_name().encode()
    return b'{"message_id": "%s", "customer": {"id": "C-1001"}, "text": %s%s}' % (id, text, more)


def stored(frontdesk: Frontdesk) -> list[int]:
    rows = ("customers", "conversations", "messages WHERE author = 'customer'", "files")
    return [frontdesk.rows(f"SELECT count(*) FROM {each}")[0][0] for each in rows]  # noqa: S608


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.fixture
def visitor(frontdesk: Frontdesk) -> Iterator[httpx.Client]:
    with frontdesk.browser() as client:
        client.post("/chat/sessions", json={}).raise_for_status()
        yield client


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_no_message_is_refused_whole(frontdesk: Frontdesk, body: bytes) -> None:
    before = stored(frontdesk)

    assert is_problem(frontdesk.system.post("/v1/messages", content=body), 422)
    assert stored(frontdesk) == before


@pytest.mark.parametrize("body", NOT_JSON)
@pytest.mark.parametrize(
    "path", ["/v1/escalations/x/claim", "/v1/conversations/x/rating", "/v1/approvals/x/reject"]
)
def test_what_is_no_command_is_refused(frontdesk: Frontdesk, path: str, body: bytes) -> None:
    assert is_problem(frontdesk.admin.post(path, content=body, headers=JSON), 422)


@pytest.mark.parametrize("body", NOT_JSON)
@pytest.mark.parametrize("path", ["/chat/sessions", "/chat/messages"])
def test_what_is_nothing_a_page_says_is_refused(
    visitor: httpx.Client, path: str, body: bytes
) -> None:
    assert is_problem(visitor.post(path, content=body, headers=JSON), 422)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"nope": 1}, "nope"),
        ({"customer": {"id": "C-1", "tier": "vip"}}, "customer.tier"),
        ({"customer": {}}, "customer.id"),
        ({"customer": {"id": ""}}, "customer.id"),
        ({"customer": {"id": 7}}, "customer.id"),
        ({"customer": {"id": "C-1", "email": "nobody"}}, "customer.email"),
        ({"customer": {"id": "C-1", "verified": "perhaps"}}, "customer.verified"),
        ({"customer": {"id": "a\0b"}}, "customer.id"),
        ({"customer": {"id": " "}}, "customer.id"),
        ({"customer": {"id": "C-1", "verified": "no"}}, "customer.verified"),
        ({"customer": {"id": "C-1", "verified": 0}}, "customer.verified"),
        ({"customer": None}, "customer"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"conversation": ""}, "conversation"),
        ({"conversation": "\t"}, "conversation"),
        ({"conversation": "x" * 501}, "conversation"),
        ({"conversation": "a\0b"}, "conversation"),
        ({"message_id": ""}, "message_id"),
        ({"message_id": " "}, "message_id"),
        ({"message_id": "x" * 501}, "message_id"),
        ({"message_id": "a\0b"}, "message_id"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": ["\0"]}}, "metadata"),
        ({"metadata": {"\0": "a"}}, "metadata"),
        ({"attachments": {}}, "attachments"),
        ({"attachments": [{"name": "a"}]}, "attachments.0"),
        ({"attachments": [{"name": "a", "content_base64": "%%%"}]}, "attachments.0"),
        ({"attachments": [{"name": "a", "url": "u", "content_base64": "aGk="}]}, "attachments.0"),
        ({"attachments": [{"url": "u"}]}, "attachments.0.name"),
        ({"attachments": [{"name": "a\0", "url": "u"}]}, "attachments.0.name"),
        ({"attachments": [{"name": "a", "url": "u"}] * 21}, "attachments"),
    ],
)
def test_a_field_that_cannot_be_taken_is_named_and_nothing_is_stored(
    frontdesk: Frontdesk, fields: Json, wrong: str
) -> None:
    before = stored(frontdesk)

    answer = frontdesk.system.post("/v1/messages", json={**message("hello"), **fields})

    assert is_problem(answer, 422)
    assert wrong in fields_of(answer)
    assert stored(frontdesk) == before


@pytest.mark.parametrize(
    ("path", "fields", "wrong"),
    [
        ("/v1/conversations/x/rating", {"score": True}, "score"),
        ("/v1/conversations/x/rating", {"score": "5"}, "score"),
        ("/v1/escalations/x/claim", {"agent": "zoe", "version": True}, "version"),
        ("/v1/escalations/x/claim", {"agent": "zoe", "version": "1"}, "version"),
        ("/v1/escalations/x/claim", {"agent": " ", "version": 1}, "agent"),
        ("/v1/escalations/x/reassign", {"agent": "zoe", "version": 1, "to": " "}, "to"),
        ("/v1/approvals/x/release", {"agent": "\n"}, "agent"),
        ("/v1/workflows/support/rollback", {"version": True}, "version"),
        ("/v1/workflows/support/draft/publish", {"force": 1, "reason": "so"}, "force"),
        ("/v1/workflows/support/draft/backtest", {"last": True}, "last"),
        ("/v1/workflows/support/draft/backtest", {"since": "9999-12-31T23:59-12:00"}, "since"),
    ],
)
def test_a_value_of_another_kind_is_not_taken_for_one_of_the_right_kind(
    frontdesk: Frontdesk, path: str, fields: Json, wrong: str
) -> None:
    answer = frontdesk.admin.post(path, json=fields)

    assert is_problem(answer, 422)
    assert fields_of(answer) == {wrong}


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/v1/costs?since=9999-12-31T23:59:59-12:00", "since"),
        ("/v1/costs?since=0001-01-01T00:00:00%2B14:00", "since"),
        ("/v1/intents/figures?since=9999-12-31T23:59:59-12:00", "since"),
        ("/v1/workflows/support/versions/3000000000", "version"),
        ("/v1/workflows/support/versions/" + "9" * 20, "version"),
        ("/v1/workflows/support/versions/-1", "version"),
    ],
)
def test_a_number_or_time_that_no_database_holds_is_named(
    frontdesk: Frontdesk, path: str, wrong: str
) -> None:
    answer = frontdesk.admin.get(path)

    assert is_problem(answer, 422)
    assert fields_of(answer) == {wrong}


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_text_without_an_attachment_is_refused(frontdesk: Frontdesk, text: str) -> None:
    assert is_problem(frontdesk.system.post("/v1/messages", json=message(text)), 422)


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xed\xa0\x80"']
)
def test_half_a_character_is_refused(
    frontdesk: Frontdesk, visitor: httpx.Client, text: bytes
) -> None:
    before = stored(frontdesk)
    from_the_page = b'{"message_id": "m", "text": %s}' % text
    note = b'{"agent": "zoe", "version": 1, "text": %s}' % text

    for answer in (
        frontdesk.system.post("/v1/messages", content=raw(text)),
        visitor.post("/chat/messages", content=from_the_page, headers=JSON),
        frontdesk.admin.post("/v1/escalations/x/note", content=note, headers=JSON),
    ):
        assert is_problem(answer, 422)

    assert stored(frontdesk) == before


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b'"\\ud800"'])
def test_metadata_that_no_database_takes_is_refused(frontdesk: Frontdesk, value: bytes) -> None:
    body = raw(b'"hello"', more=b', "metadata": {"a": [%s]}' % value)

    assert is_problem(frontdesk.system.post("/v1/messages", content=body), 422)


def test_metadata_of_every_ordinary_kind_is_taken(frontdesk: Frontdesk) -> None:
    metadata = {"a": [1, 2.5, None, True, {"b": "ü \\u0000 👍"}], "big": 10**30}

    answer = frontdesk.system.post("/v1/messages", json=message("hello", metadata=metadata))

    assert answer.status_code == 202


def test_an_unknown_field_with_half_a_character_is_still_a_clear_refusal(
    visitor: httpx.Client,
) -> None:
    body = b'{"message_id": "m", "text": "hello", "\\ud800": 1}'

    assert is_problem(visitor.post("/chat/messages", content=body, headers=JSON), 422)


def test_a_text_may_have_64_kb(frontdesk: Frontdesk, visitor: httpx.Client) -> None:
    longest, longer = "x" * 64 * KB, "ü" * 32 * KB + "x"
    id = frontdesk.escalate()["id"]
    note = {"agent": "zoe", "version": 1}

    for client, path, body in (
        (frontdesk.system, "/v1/messages", message(longest)),
        (visitor, "/chat/messages", {"message_id": "m", "text": longest}),
        (frontdesk.admin, f"/v1/escalations/{id}/note", {**note, "text": longest}),
    ):
        assert client.post(path, json=body).is_success
        answer = client.post(path, json={**body, "text": longer})
        assert is_problem(answer, 413)
        assert fields_of(answer) == {"text"}


@pytest.mark.parametrize("size", [1_000_000, 9_000_000])
def test_a_long_text_is_too_large(frontdesk: Frontdesk, visitor: httpx.Client, size: int) -> None:
    before = stored(frontdesk)
    text = "x" * size

    for client, path, body in (
        (frontdesk.system, "/v1/messages", message(text)),
        (visitor, "/chat/messages", {"message_id": "m", "text": text}),
        (frontdesk.admin, "/v1/escalations/x/note", {"agent": "a", "version": 1, "text": text}),
        (frontdesk.system, "/v1/conversations/x/rating", {"score": 1, "comment": text}),
    ):
        assert is_problem(client.post(path, json=body), 413)

    assert stored(frontdesk) == before


def test_a_body_without_attachments_may_have_256_kb(frontdesk: Frontdesk) -> None:
    def sized(size: int) -> bytes:
        body = json.dumps(message("hello", metadata={"a": ""})).encode()
        return body.replace(b'"a": ""', b'"a": "' + b"x" * (size - len(body)) + b'"')

    fits = frontdesk.system.post("/v1/messages", content=sized(256 * KB))
    too_large = frontdesk.system.post("/v1/messages", content=sized(256 * KB + 1))

    assert fits.status_code == 202
    assert is_problem(too_large, 413)


def test_a_body_with_attachments_may_have_10_mb(frontdesk: Frontdesk) -> None:
    def with_file(size: int) -> Json:
        content = base64.b64encode(b"x" * size).decode()
        return message("see this", attachments=[{"name": "a.bin", "content_base64": content}])

    fits = frontdesk.system.post("/v1/messages", json=with_file(7_500_000))
    too_large = frontdesk.system.post("/v1/messages", json=with_file(8_000_000))

    assert fits.status_code == 202
    assert is_problem(too_large, 413)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/conversations/x/rating"])
def test_a_body_that_does_not_say_its_size_is_cut_off_at_10_mb(
    frontdesk: Frontdesk, path: str
) -> None:
    parts = (b"x" * 500_000 for _ in range(24))

    assert is_problem(frontdesk.system.post(path, content=parts, headers=JSON), 413)


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_command_that_is_not_sent_as_json_is_told_so(frontdesk: Frontdesk, type: str) -> None:
    answer = frontdesk.system.post(
        "/v1/conversations/x/rating", content=b'{"score": 5}', headers={"Content-Type": type}
    )

    assert is_problem(answer, 422)
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/v1/conversations", "/v1/runs", "/v1/escalations", "/v1/approvals"]
)
@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=1.5",
        "limit=many",
        "limit=" + "9" * 5000,
        "status=nonsense",
        "status=",
        "cursor=",
        "cursor=nonsense",
        "cursor=%C3%A9",
        "cursor=" + "A" * 201,
        "cursor=" + cursor("2026-01-01T00:00:00+00:00"),
        "cursor=" + cursor("yesterday id"),
        "cursor=" + cursor("2026-01-01T00:00:00+00:00 \0"),
        "cursor=" + cursor("0001-01-01T00:00:00+23:59 id"),
        "cursor=" + cursor("9999-12-31T23:59:59-23:59 id"),
        "cursor=" + cursor("0001-01-01 id"),
        "cursor=%00",
        "limit=%ff",
    ],
)
def test_a_list_asked_for_nonsense_says_so(frontdesk: Frontdesk, path: str, query: str) -> None:
    # A time without a zone is nobody's cursor either, but where it may be looked up it is harmless.
    answer = frontdesk.admin.get(f"{path}?{query}")

    if query.endswith(cursor("0001-01-01 id")):
        assert answer.status_code in (200, 422)
    else:
        assert is_problem(answer, 422)


@pytest.mark.parametrize("name", ["\0", "a\0b", "\udc80"])
@pytest.mark.parametrize(
    "path",
    [
        "/v1/conversations/{}",
        "/v1/conversations/{}/events",
        "/v1/runs/{}",
        "/v1/escalations/{}",
        "/v1/conversations?customer={}",
        "/v1/runs?conversation_id={}",
        "/v1/runs?route={}",
        "/chat/assets/{}",
    ],
)
def test_an_address_that_no_database_could_look_up_is_refused(
    frontdesk: Frontdesk, path: str, name: str
) -> None:
    written = quote(name.encode("utf-8", "surrogateescape"))

    assert is_problem(frontdesk.admin.get(path.format(written)), 422)


@pytest.mark.parametrize("name", ["x", "x" * 5000, "%F0%9F%91%8D", "'; DROP TABLE runs; --"])
@pytest.mark.parametrize("path", ["/v1/conversations/{}", "/v1/runs/{}", "/v1/escalations/{}"])
def test_what_is_not_there_is_a_404(frontdesk: Frontdesk, path: str, name: str) -> None:
    assert is_problem(frontdesk.admin.get(path.format(name)), 404)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/nowhere", "/chat/nowhere", "/chat/assets/nowhere", "/docs"]
)
def test_an_unknown_path_is_a_404(frontdesk: Frontdesk, path: str) -> None:
    assert is_problem(frontdesk.admin.get(path), 404)


@pytest.mark.parametrize("path", ["../__init__.py", "..%2f__init__.py", "%2e%2e/sessions.py"])
def test_the_pages_files_are_all_that_is_served(frontdesk: Frontdesk, path: str) -> None:
    assert is_problem(frontdesk.anyone.get(f"/chat/assets/{path}"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/messages"),
        ("PUT", "/v1/messages"),
        ("DELETE", "/v1/conversations/x"),
        ("POST", "/v1/runs"),
        ("PATCH", "/v1/escalations/x"),
        ("DELETE", "/chat/messages"),
        ("PUT", "/chat/assets/chat.js"),
        ("BREW", "/v1/runs"),
    ],
)
def test_a_wrong_method_is_a_405(frontdesk: Frontdesk, method: str, path: str) -> None:
    answer = frontdesk.admin.request(method, path)

    assert is_problem(answer, 405)


@pytest.mark.parametrize("key", ["x" * 201, "x" * 5000])
def test_an_idempotency_key_that_is_too_long_is_refused(frontdesk: Frontdesk, key: str) -> None:
    answer = frontdesk.try_command({"id": "x", "version": 1}, "claim", key=key)

    assert is_problem(answer, 422)


def test_an_error_does_not_repeat_a_secret(frontdesk: Frontdesk) -> None:
    sent = message("hello", customer={**ANA, "password": "hunter2-hunter2"})

    answer = frontdesk.system.post("/v1/messages", json=sent)

    assert is_problem(answer, 422)
    assert "hunter2" not in answer.text


def test_the_server_is_well_after_all_this(frontdesk: Frontdesk) -> None:
    assert frontdesk.anyone.get("/healthz").json() == {"status": "alive"}
    assert frontdesk.anyone.get("/readyz").json() == {"status": "ready"}
    assert "frontdesk_messages_total" in frontdesk.anyone.get("/metrics").text
