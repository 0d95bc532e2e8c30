"""HTTP to hosts the operator has listed, at addresses that cannot be the operator's own network."""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from typing import cast
from urllib.parse import urlsplit

import httpx

from orchestration.errors import BadInput, ExternalFailure, PermanentFailure, TemporaryFailure
from orchestration.types import HttpAnswer, Json

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
# Says of a response from a host what is wrong with it, if anything is.
_Judge = Callable[[httpx.Response, str], ExternalFailure | None]

TIMEOUT_SECONDS = 5.0
RESOLVE_SECONDS = 2.0
RESPONSE_LIMIT = 64 * 1024
LONGEST_URL = 2048
LONGEST_WAIT = 24 * 3600.0

# `is_global` alone is no guard: Python 3.11 says True for 6to4, its relays, NAT64 and site-local
# addresses. IPv6 is therefore accepted only from 2000::/3, and without the ranges listed here.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")
)
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

_STANDARD_PORTS = {"http": 80, "https": 443}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MAY_WORK_LATER = (408, 425, 429, 503)


def is_public(address: str) -> bool:
    """Tell whether an address is one of the open Internet, whatever it is wrapped in."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if not parsed.is_global or parsed.is_multicast:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in net for net in _REFUSED_V4)
    return parsed in _GLOBAL_UNICAST and not any(parsed in net for net in _REFUSED_V6)


async def resolve_name(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system's resolver orders them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Read once in a process whom it trusts: that takes longer than a request."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, kw_only=True)
class AllowedHosts:
    """Where requests may go.

    `names`: by https, on port 443, at public addresses. `pairs` of host and port: also by http and
    at private addresses, for exactly that one.
    """

    names: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, int]] = frozenset()

    @classmethod
    def parse(cls, text: str | None) -> "AllowedHosts":
        """Read `shop.example.com,127.0.0.1:9000`; raises `ValueError` naming the bad entry."""
        entries = [part.strip() for part in (text or "").split(",") if part.strip()]
        read = [_entry(entry) for entry in entries]
        return cls(
            names=frozenset(host for host, port in read if port is None),
            pairs=frozenset((host, port) for host, port in read if port is not None),
        )


class GuardedClient:
    """Sends requests to allowed hosts: one attempt, no redirects, proxies, cookies or log-ins."""

    def __init__(
        self,
        hosts: AllowedHosts,
        *,
        setting: str = "FRONTDESK_CALLBACK_HOSTS",
        timeout: float = TIMEOUT_SECONDS,
        resolve: Resolver = resolve_name,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._hosts = hosts
        self._setting = setting
        self._timeout = timeout
        self._resolve = resolve
        # The transport alone: a client would add redirects, cookies and proxies to be switched off.
        # No connection is kept: one to the same address would be taken for another host's too.
        self._transport = transport or httpx.AsyncHTTPTransport(
            verify=trusted_authorities(), limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def check_url(self, url: str, *, field: str = "callback_url") -> None:
        """Raise `BadInput` with field and cure where a request to this URL would be refused.

        A name that does not resolve now may do so later and passes.
        """
        try:
            target = self._target(url)
            await self._addresses(target)
        except TemporaryFailure:
            return
        except (BadInput, PermanentFailure) as error:
            raise BadInput(f"{field}: {error}", field=field) from error

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Post a body; see `request`."""
        return await self.request("POST", url, body=body, headers=headers)

    async def request(
        self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """Send one request and return its 2xx answer; everything else is an `ExternalFailure`."""
        attempt = _Attempt(
            method=method, body=body, headers=dict(headers or {}), timeout=self._timeout
        )
        return await self._send(url, attempt, _failure)

    async def call(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> HttpAnswer:
        """Send one request and return its answer, whatever the status."""
        attempt = _Attempt(method=method, body=body, headers=dict(headers), timeout=seconds)
        return await self._send(url, attempt, lambda _response, _host: None)

    async def close(self) -> None:
        """Close what is still open."""
        await self._transport.aclose()

    async def _send(self, url: str, attempt: "_Attempt", judge: _Judge) -> HttpAnswer:
        deadline = asyncio.get_running_loop().time() + attempt.timeout
        try:
            target = self._target(url)
        except BadInput as error:
            raise PermanentFailure(str(error)) from error
        response = await self._exchange(target, attempt, deadline)
        try:
            failure = judge(response, target.host)
            if failure:
                raise failure
            body, is_complete = await _read(response, deadline)
        finally:
            await response.aclose()
        return HttpAnswer(
            status=response.status_code,
            headers=response.headers,
            body=body,
            is_complete=is_complete,
        )

    def _target(self, url: str) -> "_Target":
        """Read a URL; raises `BadInput` where no request may go there."""
        parsed = _parse(url)
        host = _host_name(parsed)
        port = _STANDARD_PORTS[parsed.scheme] if parsed.port is None else parsed.port
        if (host, port) in self._hosts.pairs:
            return _Target(url=parsed, host=host, port=port, may_be_private=True)
        if host not in self._hosts.names:
            raise BadInput(
                f"host {host!r} on port {port} is not allowed; "
                f"the operator lists it in {self._setting}"
            )
        if parsed.scheme != "https":
            raise BadInput(f"it must begin with https:// for host {host!r}")
        if port != 443:
            raise BadInput(
                f"port {port} is not allowed; use 443, or list {host}:{port} in {self._setting}"
            )
        return _Target(url=parsed, host=host, port=port, may_be_private=False)

    async def _addresses(self, target: "_Target") -> Sequence[str]:
        """Resolve once; what is returned has been looked at and is what gets connected to."""
        try:
            async with asyncio.timeout(min(RESOLVE_SECONDS, self._timeout)):
                addresses = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise TemporaryFailure(f"{target.host} does not resolve") from error
        if not addresses:
            raise TemporaryFailure(f"{target.host} does not resolve")
        if not target.may_be_private and not all(map(is_public, addresses)):
            raise PermanentFailure(
                f"host {target.host!r} has an address that is not public; "
                f"list {target.host}:{target.port} in {self._setting} if that is meant"
            )
        return addresses

    async def _exchange(
        self, target: "_Target", attempt: "_Attempt", deadline: float
    ) -> httpx.Response:
        """Send until the response's headers are there; says of each failure if it is in doubt."""
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._addresses(target)
                return await self._send_to_first(addresses, target, attempt)
        except _NOT_SENT as error:
            raise TemporaryFailure(f"{target.host} cannot be reached: {error}") from error
        except TimeoutError as error:
            raise TemporaryFailure(
                f"{target.host} did not answer within {attempt.timeout:g} s",
                in_doubt=attempt.is_sent,
            ) from error
        except httpx.TransportError as error:
            raise TemporaryFailure(
                f"{target.host} broke off: {type(error).__name__}", in_doubt=True
            ) from error

    async def _send_to_first(
        self, addresses: Sequence[str], target: "_Target", attempt: "_Attempt"
    ) -> httpx.Response:
        """Send to the first address that takes a connection."""
        connect = attempt.timeout / len(addresses)
        limits = httpx.Timeout(attempt.timeout, connect=connect).as_dict()
        requests = [attempt.request(target, address, limits) for address in addresses]
        for request in requests[:-1]:
            with suppress(*_NOT_SENT):
                return await self._transport.handle_async_request(request)
        return await self._transport.handle_async_request(requests[-1])


@dataclass(frozen=True, kw_only=True)
class _Target:
    """An allowed URL."""

    url: httpx.URL
    host: str
    port: int
    may_be_private: bool


@dataclass(kw_only=True)
class _Attempt:
    """One request on its way; `is_sent` once its first byte may have left."""

    method: str
    body: bytes
    headers: dict[str, str]
    timeout: float
    is_sent: bool = field(default=False, init=False)

    def request(
        self, target: _Target, address: str, limits: Mapping[str, float | None]
    ) -> httpx.Request:
        """Build the request to one address; the name stays in Host, SNI and certificate check."""
        # Unpacked lengths are unbounded: 64 kB of gzip may be 64 MB.
        fixed = {"Host": target.url.netloc.decode("ascii"), "Accept-Encoding": "identity"}
        return httpx.Request(
            self.method,
            target.url.copy_with(host=address, fragment=None),
            headers={"User-Agent": "frontdesk"} | self.headers | fixed,
            content=self.body,
            extensions={
                "sni_hostname": target.host,
                "timeout": dict(limits),
                "trace": self._note,
            },
        )

    async def _note(self, event: str, _details: Json) -> None:
        if event.endswith("send_request_headers.started"):
            self.is_sent = True


def _entry(text: str) -> tuple[str, int | None]:
    """Read `host` or `host:port`."""
    example = "write shop.example.com or 127.0.0.1:9000"
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
        host = _host_name(httpx.URL(scheme="https", host=parts.hostname or ""))
    except (ValueError, httpx.InvalidURL):
        raise ValueError(f"{text!r} is not a host or host:port; {example}") from None
    # `urlsplit` takes an empty port for none.
    is_plain = parts.netloc == text and not re.search(r"@|:$", text) and port != 0
    if not is_plain or not re.fullmatch(r"[0-9a-z:._-]+", host):
        raise ValueError(f"{text!r} is not a host or host:port; {example}")
    return host, port


def _parse(url: str) -> httpx.URL:
    if len(url) > LONGEST_URL:
        raise BadInput(f"it is longer than {LONGEST_URL} characters")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise BadInput("it is not a URL; write https://host/path") from error
    if parsed.scheme not in _STANDARD_PORTS or not parsed.host:
        raise BadInput("it is not a web address; write https://host/path")
    if parsed.userinfo:
        raise BadInput("it carries a user name or password; leave them out")
    return parsed


def _host_name(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _failure(response: httpx.Response, host: str) -> ExternalFailure | None:
    """Return what a status means for the one who sent, None where it is 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    message = f"{host} answered {status}"
    if status in _MAY_WORK_LATER:
        return TemporaryFailure(message, retry_after=_retry_after(response.headers))
    if status >= 500:
        # It may have failed, or a proxy lost sight of it, after the work was done.
        return TemporaryFailure(message, in_doubt=True)
    return PermanentFailure(f"{message}; redirects are not followed" if status < 400 else message)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Read `Retry-After` as seconds; a date counts from the response's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)


async def _read(response: httpx.Response, deadline: float) -> tuple[bytes, bool]:
    """Read what arrives within the limits; the status has already said that the request is done."""
    body = bytearray()
    try:
        async with asyncio.timeout_at(deadline):
            async for part in cast(httpx.AsyncByteStream, response.stream):
                body += part
                if len(body) > RESPONSE_LIMIT:
                    return bytes(body[:RESPONSE_LIMIT]), False
    except (TimeoutError, httpx.TransportError):
        return bytes(body), False
    return bytes(body), True
