"""Signatures that say who sent something: Standard Webhooks and chat identities."""

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from orchestration.errors import NotAuthenticated
from orchestration.types import Json

# The tolerance of the Standard Webhooks specification, in both directions.
TOLERANCE_SECONDS = 300
# During a rotation a sender signs with two or three secrets; more is an attempt to make us hash.
MOST_SIGNATURES = 10
LONGEST_HEADER = 2048
LONGEST_IDENTITY = 8192
SHORTEST_KEY = 16

_PREFIX = "whsec_"


def sign(secret: str, *, id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body; `timestamp` is in whole seconds since 1970."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return Webhook(_key(secret)).sign(id, moment, body.decode())


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """Return the `webhook-id` of a request that one of the secrets has signed within 5 minutes.

    Everything else, malformed or merely wrong, raises `NotAuthenticated`.
    """
    found = {name.lower(): value for name, value in headers.items()}
    id = _header(found, "webhook-id")
    timestamp = _timestamp(_header(found, "webhook-timestamp"), now)
    given = _header(found, "webhook-signature").split(" ")
    if len(given) > MOST_SIGNATURES:
        raise NotAuthenticated(f"webhook-signature carries more than {MOST_SIGNATURES} signatures")
    try:
        expected = [sign(secret, id=id, timestamp=timestamp, body=body) for secret in secrets]
    except UnicodeError as error:
        raise NotAuthenticated("the signed body is not UTF-8") from error
    # Each pair is compared: leaving at the first match would tell which secret is the current one.
    matches = [_is_same(one, other) for one in expected for other in given]
    if not any(matches):
        raise NotAuthenticated(
            "no webhook-signature matches; check the secret and sign the raw body"
        )
    return id


def parse_secret(text: str) -> str:
    """Return a secret that can be signed with; raises `ValueError` saying what is wrong with it."""
    _key(text.strip())
    return text.strip()


def parse_secrets(text: str) -> tuple[str, ...]:
    """Read `whsec_…[,whsec_…]`, current secret first; a `ValueError` says which one is wrong."""
    secrets = []
    for number, part in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        try:
            secrets.append(parse_secret(part))
        except ValueError as error:
            raise ValueError(f"secret {number} {error}") from None
    return tuple(secrets)


def make_identity(
    secret: str, *, id: str, expires: datetime, email: str | None = None, name: str | None = None
) -> str:
    """Return the token by which a shop's page vouches for the customer who opens the chat."""
    claims = {"id": id, "email": email, "name": name, "exp": int(expires.timestamp())}
    text = json.dumps(claims, separators=(",", ":")).encode()
    first = base64.urlsafe_b64encode(text).rstrip(b"=")
    return f"{first.decode()}.{_identity_digest(secret, first)}"


def identity(token: str, secret: str, now: datetime) -> dict[str, Json]:
    """Return `id`, `email`, `name` and `exp` of a chat identity; raises `NotAuthenticated`."""
    first, _, digest = token.partition(".")
    if len(token) > LONGEST_IDENTITY or not first.isascii():
        raise NotAuthenticated("the chat identity is malformed")
    if not _is_same(_identity_digest(secret, first.encode()), digest.lower()):
        raise NotAuthenticated("the chat identity is not signed with FRONTDESK_CHAT_SECRET")
    claims = _claims(first)
    if claims["exp"] <= now.timestamp():
        raise NotAuthenticated("the chat identity has expired; ask the shop's page for a new one")
    return claims


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise NotAuthenticated(f"the header {name} is missing")
    if len(value) > LONGEST_HEADER:
        raise NotAuthenticated(f"the header {name} is too long")
    return value


def _timestamp(text: str, now: datetime) -> int:
    # The library takes floats and signs their floor: a header that was never signed would pass.
    if not re.fullmatch(r"[0-9]{1,11}", text):
        raise NotAuthenticated("webhook-timestamp is not a number of seconds since 1970")
    timestamp = int(text)
    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        raise NotAuthenticated("webhook-timestamp is more than 5 minutes off; check the clocks")
    return timestamp


def _key(secret: str) -> bytes:
    """Return the key in `whsec_…`; the library itself takes rubbish for an empty or shorter key."""
    if not secret.startswith(_PREFIX):
        raise ValueError("does not begin with whsec_ (like whsec_ and 32 random bytes in base64)")
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 after whsec_ (letters, digits, + and /)") from None
    if len(key) < SHORTEST_KEY:
        raise ValueError(
            f"holds {len(key)} bytes, fewer than {SHORTEST_KEY}; "
            'make one with: echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def _identity_digest(secret: str, first: bytes) -> str:
    return hmac.new(secret.encode(), first, hashlib.sha256).hexdigest()


def _is_same(expected: str, given: str) -> bool:
    # As bytes: `compare_digest` raises TypeError for text that is not ASCII.
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def _claims(first: str) -> dict[str, Json]:
    """Read the signed part; what the shop's own page signed wrongly is told apart in the words."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError) as error:
        raise NotAuthenticated("the chat identity is not base64url of a JSON object") from error
    if not isinstance(claims, dict) or not isinstance(claims.get("id"), str) or not claims["id"]:
        raise NotAuthenticated("the chat identity carries no id")
    expires = claims.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        raise NotAuthenticated("the chat identity carries no exp in seconds since 1970")
    if isinstance(expires, float) and not math.isfinite(expires):
        raise NotAuthenticated("the chat identity never expires")
    known = {name: claims.get(name) for name in ("id", "email", "name", "exp")}
    if any(not isinstance(known[name], str | None) for name in ("email", "name")):
        raise NotAuthenticated("the chat identity carries an email or name that is no text")
    return known
