import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from integrations.signatures import (
    identity,
    make_identity,
    parse_secret,
    parse_secrets,
    sign,
    verify,
)
from orchestration.errors import NotAuthenticated

SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes, ok").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, also so long").decode()
CHAT_SECRET = "a page and a desk know this"  # noqa: S105
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = '{"text":"Grüße"}'.encode()


def signed(secret: str = SECRET, at: datetime = NOW, body: bytes = BODY) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, id="msg_1", timestamp=timestamp, body=body),
    }


def test_a_signature_is_the_one_the_specification_describes() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content = b"msg_1.1700000000." + BODY

    signature = sign(SECRET, id="msg_1", timestamp=1700000000, body=BODY)

    digest = hmac.new(key, content, hashlib.sha256).digest()
    assert signature == "v1," + base64.b64encode(digest).decode()


def test_the_library_of_the_standard_accepts_what_we_sign() -> None:
    headers = signed(at=datetime.now(UTC))

    content = Webhook(SECRET).verify(BODY, headers)

    assert content == {"text": "Grüße"}


def test_a_signed_request_gives_its_webhook_id() -> None:
    assert verify([SECRET], signed(), BODY, NOW) == "msg_1"


def test_header_names_are_found_in_any_case() -> None:
    headers = {name.title(): value for name, value in signed().items()}

    assert verify([SECRET], headers, BODY, NOW) == "msg_1"


def test_the_previous_secret_still_opens_during_a_rotation() -> None:
    assert verify([SECRET, OTHER], signed(OTHER), BODY, NOW) == "msg_1"


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"

    assert verify([SECRET], headers, BODY, NOW) == "msg_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,not base64!"},
        {"webhook-signature": "v1,a,b"},
        {"webhook-signature": "v1,ünïcode"},
        {"webhook-signature": "v1,\ud800"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA " * 11},
        {"webhook-signature": "x" * 5000},
        {"webhook-id": ""},
        {"webhook-id": "msg_2"},
        {"webhook-id": "\ud800"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": f"{NOW.timestamp():.0f}.5"},
    ],
)
def test_a_malformed_header_is_not_authenticated(change: dict[str, str]) -> None:
    headers = signed() | change

    with pytest.raises(NotAuthenticated):
        verify([SECRET], headers, BODY, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = signed()
    del headers[name]

    with pytest.raises(NotAuthenticated, match=name):
        verify([SECRET], headers, BODY, NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_not_authenticated(minutes: int) -> None:
    headers = signed(at=NOW + timedelta(minutes=minutes))

    with pytest.raises(NotAuthenticated, match="5 minutes"):
        verify([SECRET], headers, BODY, NOW)


def test_a_changed_body_is_not_authenticated() -> None:
    with pytest.raises(NotAuthenticated):
        verify([SECRET], signed(), BODY + b" ", NOW)


def test_a_body_that_is_not_utf8_is_not_authenticated() -> None:
    with pytest.raises(NotAuthenticated):
        verify([SECRET], signed(), b"\xff\xfe", NOW)


def test_another_secret_is_not_authenticated() -> None:
    with pytest.raises(NotAuthenticated):
        verify([OTHER], signed(), BODY, NOW)


def test_without_a_secret_nothing_opens() -> None:
    with pytest.raises(NotAuthenticated):
        verify([], signed(), BODY, NOW)


def test_secrets_are_read_with_spaces_and_without_padding() -> None:
    found = parse_secrets(f" {SECRET.rstrip('=')} , {OTHER},")

    assert found == (SECRET.rstrip("="), OTHER)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("abc", "does not begin with whsec_"),
        ("whsec_$$$", "is not base64"),
        ("whsec_é", "is not base64"),
        ("whsec_a", "is not base64"),
        ("whsec_", "holds 0 bytes"),
        ("whsec_dGVzdA==", "holds 4 bytes"),
    ],
)
def test_a_bad_secret_is_refused_saying_what_is_wrong(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_secret(secret)


def test_of_several_secrets_the_bad_one_is_named_but_not_shown() -> None:
    with pytest.raises(ValueError, match="secret 2") as caught:
        parse_secrets(f"{SECRET},whsec_hush!hush")

    assert "hush" not in str(caught.value)


def test_a_chat_identity_is_read_back() -> None:
    expires = NOW + timedelta(hours=1)
    token = make_identity(CHAT_SECRET, id="C-1001", email="ana@example.com", expires=expires)

    found = identity(token, CHAT_SECRET, NOW)

    assert found == {
        "id": "C-1001",
        "email": "ana@example.com",
        "name": None,
        "exp": int(expires.timestamp()),
    }


def token_of(claims: object, secret: str = CHAT_SECRET) -> str:
    first = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return first + "." + hmac.new(secret.encode(), first.encode(), hashlib.sha256).hexdigest()


def test_a_chat_identity_made_by_another_program_is_read() -> None:
    claims = {"id": "C-1", "email": "a@example.com", "name": "Añ", "exp": NOW.timestamp() + 60}

    assert identity(token_of(claims), CHAT_SECRET, NOW)["name"] == "Añ"


def test_a_chat_identity_may_be_written_in_capital_hex() -> None:
    first, _, digest = token_of({"id": "C-1", "exp": NOW.timestamp() + 60}).partition(".")

    assert identity(f"{first}.{digest.upper()}", CHAT_SECRET, NOW)["id"] == "C-1"


def test_an_expired_chat_identity_is_not_authenticated() -> None:
    with pytest.raises(NotAuthenticated, match="expired"):
        identity(token_of({"id": "C-1", "exp": NOW.timestamp()}), CHAT_SECRET, NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "abc",
        "a.b.c",
        "ünï.code",
        "\ud800.\ud800",
        "a" * 9000,
        token_of({"id": "C-1", "exp": 9e9}, secret=OTHER),
        token_of({"id": "C-1"}),
        token_of({"id": "C-1", "exp": True}),
        token_of({"id": "C-1", "exp": "9999999999"}),
        token_of({"id": "C-1", "exp": float("inf")}),
        token_of({"id": "C-1", "exp": float("nan")}),
        token_of({"id": "", "exp": 9e9}),
        token_of({"id": 7, "exp": 9e9}),
        token_of({"id": "C-1", "exp": 9e9, "email": ["x"]}),
        token_of(["C-1"]),
        token_of("C-1"),
    ],
)
def test_a_bad_chat_identity_is_not_authenticated(token: str) -> None:
    with pytest.raises(NotAuthenticated):
        identity(token, CHAT_SECRET, NOW)


def test_a_signed_chat_identity_that_is_no_json_is_not_authenticated() -> None:
    digest = hmac.new(CHAT_SECRET.encode(), b"bm9uZQ", hashlib.sha256).hexdigest()

    with pytest.raises(NotAuthenticated, match="JSON"):
        identity(f"bm9uZQ.{digest}", CHAT_SECRET, NOW)


def test_a_chat_identity_whose_claims_were_exchanged_is_not_authenticated() -> None:
    mine = token_of({"id": "C-1", "exp": 9e9}).partition(".")
    theirs = token_of({"id": "C-2", "exp": 9e9}).partition(".")

    with pytest.raises(NotAuthenticated):
        identity(f"{theirs[0]}.{mine[2]}", CHAT_SECRET, NOW)
