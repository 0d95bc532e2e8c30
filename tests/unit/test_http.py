import asyncio
from collections.abc import Callable, Sequence

import httpx
import pytest

from integrations.http import AllowedHosts, GuardedClient, is_public
from orchestration.errors import BadInput, ExternalFailure, PermanentFailure, TemporaryFailure

PUBLIC = "93.184.216.34"
HOSTS = AllowedHosts.parse("shop.example.com, 127.0.0.1:9000, inner.example.com:8080")

Handler = Callable[[httpx.Request], httpx.Response]


class Names:
    """A resolver that knows what it is told and counts how often it is asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses


def accept(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


def client(
    handler: Handler = accept, *, names: Names | None = None, timeout: float = 5.0
) -> GuardedClient:
    return GuardedClient(
        HOSTS,
        timeout=timeout,
        resolve=names or Names(PUBLIC),
        transport=httpx.MockTransport(handler),
    )


def answering(status: int, **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request: httpx.Response(status, headers=named)


def failing(error: Exception) -> Handler:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    return fail


async def failure_of(handler: Handler, names: Names | None = None) -> ExternalFailure:
    with pytest.raises(ExternalFailure) as caught:
        await client(handler, names=names).post(
            "https://shop.example.com/hook", body=b"{}", headers={}
        )
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111", "::ffff:93.184.216.34"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_allowed_hosts_are_read_in_any_case_and_with_ports() -> None:
    hosts = AllowedHosts.parse(" Shop.Example.com ,127.0.0.1:9000,[::1]:9001,münchen.example")

    assert hosts.names == {"shop.example.com", "xn--mnchen-3ya.example"}
    assert hosts.pairs == {("127.0.0.1", 9000), ("::1", 9001)}


@pytest.mark.parametrize("text", [None, "", " , "])
def test_without_a_list_no_host_is_allowed(text: str | None) -> None:
    assert AllowedHosts.parse(text) == AllowedHosts()


@pytest.mark.parametrize(
    "entry",
    [
        "https://shop.example.com",
        "shop.example.com/path",
        "*.example.com",
        "shop:http",
        "shop:",
        "shop:0",
        "shop:70000",
        "user@shop",
        "a b",
        ":9000",
        "[::1",
    ],
)
def test_a_bad_entry_of_the_allowed_hosts_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host or host:port") as caught:
        AllowedHosts.parse(f"shop.example.com,{entry}")

    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/hook?x=1",
        "https://SHOP.example.com:443/hook",
        "https://shop.example.com./hook",
        "http://127.0.0.1:9000/hook",
        "https://127.0.0.1:9000/hook",
    ],
)
async def test_a_url_of_an_allowed_host_passes(url: str) -> None:
    await client().check_url(url)


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("http://169.254.169.254/latest/meta-data", "FRONTDESK_CALLBACK_HOSTS"),
        ("https://evil.example/hook", "FRONTDESK_CALLBACK_HOSTS"),
        ("https://shop.example.com.evil.example/", "FRONTDESK_CALLBACK_HOSTS"),
        ("http://127.0.0.1/hook", "FRONTDESK_CALLBACK_HOSTS"),
        ("http://127.0.0.1:9001/hook", "FRONTDESK_CALLBACK_HOSTS"),
        ("http://2130706433:9000/hook", "FRONTDESK_CALLBACK_HOSTS"),
        ("http://shop.example.com/hook", "https://"),
        ("http://shop.example.com:443/hook", "https://"),
        ("https://shop.example.com:8443/hook", "use 443"),
        ("https://shop.example.com:0/hook", "use 443"),
        ("https://ana:pw@shop.example.com/hook", "leave them out"),
        ("https://shop.example.com\\@evil.example/", "leave them out"),
        ("file:///etc/passwd", "write https://"),
        ("gopher://shop.example.com/", "write https://"),
        ("https:///hook", "write https://"),
        ("shop.example.com/hook", "write https://"),
        ("", "write https://"),
        ("https://shop.example.com/\r\nX: y", "write https://"),
        ("https://shop.example.com:99999999/", "443"),
        ("https://shop.example.com/" + "a" * 3000, "longer than"),
    ],
)
async def test_a_url_that_leads_elsewhere_is_bad_input_with_its_cure(url: str, cure: str) -> None:
    with pytest.raises(BadInput, match="callback_url") as caught:
        await client().check_url(url)

    assert caught.value.field == "callback_url"
    assert cure in str(caught.value)


async def test_an_allowed_name_that_resolves_inside_is_bad_input() -> None:
    names = Names(PUBLIC, "169.254.169.254")

    with pytest.raises(BadInput, match="not public"):
        await client(names=names).check_url("https://shop.example.com/hook")


async def test_an_allowed_name_that_does_not_resolve_now_passes_the_check() -> None:
    names = Names()

    await client(names=names).check_url("https://shop.example.com/hook")

    assert names.asked == ["shop.example.com"]


async def test_a_request_goes_to_the_address_that_was_looked_at_under_the_host_s_name() -> None:
    sent: list[httpx.Request] = []
    names = Names(PUBLIC)

    def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, content=b"ok")

    answer = await client(record, names=names).post(
        "https://shop.example.com/hook?x=%2F#part", body=b"{}", headers={"webhook-id": "d-1"}
    )

    assert answer.body == b"ok"
    assert answer.is_complete
    assert names.asked == ["shop.example.com"]
    assert str(sent[0].url) == f"https://{PUBLIC}/hook?x=%2F"
    assert sent[0].headers["host"] == "shop.example.com"
    assert sent[0].extensions["sni_hostname"] == "shop.example.com"
    assert sent[0].headers["webhook-id"] == "d-1"


async def test_the_port_of_a_listed_pair_stays_in_host() -> None:
    sent: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(204)

    await client(record, names=Names("10.0.0.7")).request("GET", "http://inner.example.com:8080/x")

    assert str(sent[0].url) == "http://10.0.0.7:8080/x"
    assert sent[0].headers["host"] == "inner.example.com:8080"


async def test_the_next_address_is_tried_where_the_first_takes_no_connection() -> None:
    tried: list[str] = []

    def second_only(request: httpx.Request) -> httpx.Response:
        tried.append(request.url.host)
        if len(tried) == 1:
            raise httpx.ConnectError("no route")
        return httpx.Response(200)

    names = Names("2606:4700::1111", PUBLIC)
    await client(second_only, names=names).post("https://shop.example.com/", body=b"{}", headers={})

    assert tried == ["2606:4700::1111", PUBLIC]


async def test_a_name_that_moved_inside_since_the_check_is_not_sent_to() -> None:
    failure = await failure_of(failing(AssertionError("sent")), Names("10.0.0.1"))

    assert isinstance(failure, PermanentFailure)


async def test_a_url_that_is_no_longer_allowed_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentFailure, match="not allowed"):
        await client().post("https://gone.example/", body=b"", headers={})


async def test_a_name_that_does_not_resolve_may_work_later() -> None:
    failure = await failure_of(accept, Names())

    assert isinstance(failure, TemporaryFailure)
    assert not failure.in_doubt


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ConnectTimeout("x")])
async def test_a_failed_connection_is_not_in_doubt(error: Exception) -> None:
    failure = await failure_of(failing(error))

    assert isinstance(failure, TemporaryFailure)
    assert not failure.in_doubt


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteError("x"),
        httpx.ReadError("x"),
        httpx.RemoteProtocolError("x"),
    ],
)
async def test_a_failure_after_the_connection_is_in_doubt(error: Exception) -> None:
    failure = await failure_of(failing(error))

    assert isinstance(failure, TemporaryFailure)
    assert failure.in_doubt


@pytest.mark.parametrize("status", [429, 503])
async def test_the_other_side_s_wish_to_wait_is_carried(status: int) -> None:
    failure = await failure_of(answering(status, retry_after="7"))

    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == 7
    assert not failure.in_doubt


async def test_a_date_to_wait_for_counts_from_the_answer_s_own_date() -> None:
    failure = await failure_of(
        answering(
            503,
            retry_after="Sat, 21 Nov 2026 12:01:30 GMT",
            date="Sat, 21 Nov 2026 12:00:00 GMT",
        )
    )

    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == 90


@pytest.mark.parametrize(
    ("text", "seconds"), [("soon", None), ("-5", None), ("nan", None), ("999999999", 86400)]
)
async def test_a_strange_wish_to_wait_is_bounded(text: str, seconds: float | None) -> None:
    failure = await failure_of(answering(429, retry_after=text))

    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == seconds


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_server_s_failure_may_work_later_and_is_in_doubt(status: int) -> None:
    failure = await failure_of(answering(status))

    assert isinstance(failure, TemporaryFailure)
    assert failure.in_doubt


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
async def test_a_refusal_or_redirect_is_permanent(status: int) -> None:
    failure = await failure_of(answering(status, location="https://shop.example.com/other"))

    assert isinstance(failure, PermanentFailure)
    assert str(status) in str(failure)


async def test_a_failed_request_is_not_repeated() -> None:
    sent: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    await failure_of(refuse)

    assert len(sent) == 1


async def test_a_resolver_that_hangs_is_given_up() -> None:
    async def hang(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    guarded = GuardedClient(
        HOSTS, timeout=0.01, resolve=hang, transport=httpx.MockTransport(accept)
    )
    with pytest.raises(TemporaryFailure) as caught:
        await guarded.post("https://shop.example.com/", body=b"", headers={})

    assert not caught.value.in_doubt


async def test_a_long_answer_is_cut_and_says_so() -> None:
    answer = await client(lambda _: httpx.Response(200, content=b"x" * 100_000)).request(
        "GET", "https://shop.example.com/"
    )

    assert len(answer.body) == 64 * 1024
    assert not answer.is_complete


async def test_a_packed_answer_is_not_asked_for() -> None:
    sent: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    await client(record).request("GET", "https://shop.example.com/")

    assert sent[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [200, 302, 404, 503])
async def test_a_call_returns_whatever_status_it_was_answered_with(status: int) -> None:
    answer = await client(answering(status)).call(
        "PUT", "https://shop.example.com/", body=b"{}", headers={}, seconds=1
    )

    assert answer.status == status


async def test_a_call_goes_to_listed_hosts_alone() -> None:
    with pytest.raises(PermanentFailure, match="is not allowed"):
        await client().call("GET", "https://other.example/", body=b"", headers={}, seconds=1)


async def test_a_call_waits_as_long_as_its_caller_says() -> None:
    async def hang(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    guarded = GuardedClient(HOSTS, resolve=hang, transport=httpx.MockTransport(accept))
    with pytest.raises(TemporaryFailure):
        await guarded.call("GET", "https://shop.example.com/", body=b"", headers={}, seconds=0.01)
