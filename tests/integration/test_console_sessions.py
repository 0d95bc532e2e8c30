"""Agents' sessions in the console: who is let in, for how long, and what they may write."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Request
from sqlalchemy import select

from bot import app as parts
from bot import settings, web
from bot.api import sessions, streams
from bot.app import App
from bot.console.links import SignInLink
from orchestration import housekeeping, store
from orchestration.models import ConsoleSession, table
from tests.fakes.floor import MovableClock

KEY = "the-admin-key-of-the-console-tests"
HERE = "http://desk.example"
ELSEWHERE = "https://evil.example"
MINUTE = timedelta(minutes=1)
_addresses = itertools.count(1)

# What is refused before any database is asked.
sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(datetime(2026, 11, 30, 9, 0, tzinfo=UTC))


@pytest.fixture
async def app(database_url: str, clock: MovableClock) -> AsyncIterator[App]:
    built = build(database_url, clock)
    yield built
    await built.close()


@pytest.fixture
async def browser(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_before(app) as client:
        yield client


def build(database_url: str, clock: MovableClock, key: str | None = KEY) -> App:
    read = settings.read(
        _env_file=None, frontdesk_database_url=database_url, frontdesk_admin_key=key
    )
    return parts.build(read, clock=clock)


@asynccontextmanager
async def browser_before(
    app: App, *, base: str = HERE, link: SignInLink | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a browser with a page of ours in it: it says with all it sends where it comes from."""
    # Wrong keys are counted by address.
    address = f"192.0.2.{next(_addresses)}"
    transport = httpx.ASGITransport(app=web.create(app, link=link), client=(address, 1234))
    headers = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await browser.post(
        "/console/session", json={"agent": "Maria", **(fields or {"key": KEY})}
    )


async def signed_in(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await sign_in(browser)
    assert answer.status_code == 200, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


async def read_cases(browser: httpx.AsyncClient, **headers: str) -> int:
    return (await browser.get("/v1/escalations", headers=headers)).status_code


async def write(browser: httpx.AsyncClient, headers: Mapping[str, str]) -> int:
    """Return the status of a write that reaches what it asks for, or is refused before."""
    sent = {name.encode(): value.encode() for name, value in headers.items()}
    return (await browser.put("/v1/intents", json={"items": 7}, headers=sent)).status_code


async def kept(app: App) -> list[ConsoleSession]:
    everything = select(table(ConsoleSession))
    return await app.database.read(lambda c: store.fetch(c, ConsoleSession, everything))


async def test_the_admin_key_opens_a_session_that_reads_and_writes(
    browser: httpx.AsyncClient,
) -> None:
    opened = await signed_in(browser)

    assert opened["agent"] == "Maria"
    assert opened["expires_at"] == "2026-11-30T09:30:00Z"
    assert await read_cases(browser) == 200
    # 422 is the answer of what stands behind the door.
    assert await write(browser, {"X-CSRF-Token": opened["csrf"]}) == 422


async def test_neither_cookie_nor_key_can_be_had_from_the_database(
    app: App, browser: httpx.AsyncClient
) -> None:
    opened = await signed_in(browser)

    [row] = await kept(app)

    known = repr(row.model_dump())
    secrets = [KEY, opened["csrf"], *browser.cookies.values()]
    assert [each for each in secrets if each in known] == []


@sqlite_alone
async def test_on_http_the_cookie_is_a_plain_one_and_no_script_sees_it(
    browser: httpx.AsyncClient,
) -> None:
    answer = await sign_in(browser)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("frontdesk_console=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert answer.headers["cache-control"] == "no-store"


@sqlite_alone
@pytest.mark.parametrize("base", ["https://desk.example", "http://desk.example"])
async def test_on_https_the_cookie_is_tied_to_it_also_behind_a_proxy(app: App, base: str) -> None:
    async with browser_before(app, base=base) as browser:
        browser.headers["Origin"] = "https://desk.example"

        answer = await sign_in(browser)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-frontdesk_console=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie
    assert "Domain" not in cookie


async def test_a_wrong_key_opens_nothing(app: App, browser: httpx.AsyncClient) -> None:
    answer = await sign_in(browser, key="not-the-admin-key")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert await kept(app) == []
    assert await read_cases(browser) == 401


@sqlite_alone
async def test_without_an_admin_key_nobody_can_sign_in(
    database_url: str, clock: MovableClock
) -> None:
    app = build(database_url, clock, key=None)
    async with browser_before(app) as browser:
        answer = await sign_in(browser, key="")

    assert answer.status_code == 401
    assert "FRONTDESK_ADMIN_KEY is not set" in answer.json()["detail"]
    await app.close()


@sqlite_alone
async def test_after_ten_wrong_keys_even_the_right_one_waits(browser: httpx.AsyncClient) -> None:
    for _ in range(10):
        await sign_in(browser, key="not-the-admin-key")

    answer = await sign_in(browser)

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


@sqlite_alone
async def test_right_keys_are_not_counted(browser: httpx.AsyncClient) -> None:
    answers = [await sign_in(browser) for _ in range(12)]

    assert {each.status_code for each in answers} == {200}


@sqlite_alone
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agent": "Maria"},
        {"agent": " ", "key": KEY},
        {"agent": "x" * 121, "key": KEY},
        {"agent": "Maria", "key": KEY, "once": "both"},
        {"agent": "Maria", "key": KEY, "more": 1},
    ],
)
async def test_a_sign_in_that_says_too_little_or_too_much_is_refused(
    browser: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await browser.post("/console/session", json=body)

    assert answer.status_code == 422


async def test_a_page_can_ask_who_is_signed_in(browser: httpx.AsyncClient) -> None:
    before = await browser.get("/console/session")
    opened = await signed_in(browser)
    after = await browser.get("/console/session")

    assert before.status_code == 401
    assert after.json() == opened


async def test_a_session_that_is_not_used_for_half_an_hour_is_over(
    browser: httpx.AsyncClient, clock: MovableClock
) -> None:
    await signed_in(browser)

    clock.now += 29 * MINUTE
    assert await read_cases(browser) == 200
    clock.now += 29 * MINUTE
    assert await read_cases(browser) == 200
    clock.now += 30 * MINUTE

    assert await read_cases(browser) == 401


@pytest.mark.parametrize("headers", [{"X-Poll": "1"}, {"Accept": "text/event-stream"}])
async def test_what_a_page_asks_by_itself_does_not_keep_a_session_alive(
    browser: httpx.AsyncClient, clock: MovableClock, headers: dict[str, str]
) -> None:
    await signed_in(browser)

    clock.now += 29 * MINUTE
    assert await read_cases(browser, **headers) == 200
    clock.now += 1 * MINUTE

    assert await read_cases(browser) == 401


async def test_twelve_hours_after_the_sign_in_a_session_is_over_however_much_it_is_used(
    browser: httpx.AsyncClient, clock: MovableClock
) -> None:
    await signed_in(browser)

    statuses = []
    for _ in range(36):
        clock.now += 20 * MINUTE
        statuses.append(await read_cases(browser))

    assert statuses == [200] * 35 + [401]


@sqlite_alone
@pytest.mark.parametrize(
    "headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "ü"}]
)
async def test_a_write_without_the_sessions_token_is_refused(
    browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    await signed_in(browser)

    assert await write(browser, headers) == 403


@sqlite_alone
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ELSEWHERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
async def test_a_write_from_another_page_is_refused(
    browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    csrf = (await signed_in(browser))["csrf"]
    for name in ("Origin", "Sec-Fetch-Site"):
        del browser.headers[name]

    status = await write(browser, {"X-CSRF-Token": csrf, **headers})

    assert status == 403


@sqlite_alone
async def test_nobody_is_signed_in_by_another_sites_page(
    app: App, browser: httpx.AsyncClient
) -> None:
    browser.headers["Origin"] = ELSEWHERE

    answer = await sign_in(browser)

    assert answer.status_code == 403
    assert await kept(app) == []


async def test_one_sessions_token_opens_no_write_in_another(
    app: App, browser: httpx.AsyncClient
) -> None:
    await signed_in(browser)
    async with browser_before(app) as another:
        csrf = (await signed_in(another))["csrf"]

    assert await write(browser, {"X-CSRF-Token": csrf}) == 403


async def test_another_admin_key_ends_all_sessions(
    app: App, browser: httpx.AsyncClient, database_url: str, clock: MovableClock
) -> None:
    await signed_in(browser)
    changed = build(database_url, clock, key="another-admin-key-of-the-tests")

    async with browser_before(changed) as later:
        later.cookies = browser.cookies
        status = await read_cases(later)

    assert status == 401
    await changed.close()


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(
    app: App, browser: httpx.AsyncClient
) -> None:
    csrf = (await signed_in(browser))["csrf"]
    cookies = dict(browser.cookies)

    answer = await browser.delete("/console/session", headers={"X-CSRF-Token": csrf})

    assert answer.status_code == 204
    assert dict(browser.cookies) == {}
    assert await kept(app) == []
    browser.cookies.update(cookies)
    assert await read_cases(browser) == 401


async def test_another_page_signs_nobody_out(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)

    answer = await browser.delete("/console/session")

    assert answer.status_code == 403
    assert await read_cases(browser) == 200


async def test_who_is_not_signed_in_is_signed_out_already(browser: httpx.AsyncClient) -> None:
    answer = await browser.delete("/console/session")

    assert answer.status_code == 204


@sqlite_alone
async def test_a_key_that_is_sent_along_counts_alone(browser: httpx.AsyncClient) -> None:
    await signed_in(browser)

    wrong = await read_cases(browser, Authorization="Bearer not-the-admin-key")
    right = await write(browser, {"Authorization": f"Bearer {KEY}"})

    assert wrong == 401
    assert right == 422


async def test_a_session_sends_a_customers_message_as_a_key_does(
    browser: httpx.AsyncClient,
) -> None:
    csrf = (await signed_in(browser))["csrf"]

    refused = await browser.post("/v1/messages", json={})
    taken = await browser.post("/v1/messages", json={}, headers={"X-CSRF-Token": csrf})

    assert refused.status_code == 403
    assert taken.status_code == 422


@sqlite_alone
async def test_a_made_up_cookie_opens_nothing(browser: httpx.AsyncClient) -> None:
    browser.cookies.set("frontdesk_console", "made up")

    assert await read_cases(browser) == 401


async def test_the_demos_link_works_once(app: App) -> None:
    link = SignInLink(app.tools.clock)
    async with browser_before(app, link=link) as browser:
        first = await sign_in(browser, once=link.token)
        second = await sign_in(browser, once=link.token)

    assert first.status_code == 200
    assert second.status_code == 401
    assert "has been used" in second.json()["detail"]


@sqlite_alone
async def test_the_demos_link_works_for_ten_minutes(app: App, clock: MovableClock) -> None:
    link = SignInLink(app.tools.clock)
    clock.now += 11 * MINUTE
    async with browser_before(app, link=link) as browser:
        answer = await sign_in(browser, once=link.token)

    assert answer.status_code == 401


@sqlite_alone
@pytest.mark.parametrize("once", ["", "made up", "ü"])
async def test_where_there_is_no_link_none_works(browser: httpx.AsyncClient, once: str) -> None:
    answer = await sign_in(browser, once=once)

    assert answer.status_code == 401


async def test_old_sessions_are_dropped(
    app: App, browser: httpx.AsyncClient, clock: MovableClock
) -> None:
    await signed_in(browser)
    clock.now += timedelta(hours=23)
    await signed_in(browser)
    clock.now += timedelta(hours=2)

    await housekeeping.forget(app.tools, retention=None)

    assert len(await kept(app)) == 1


@sqlite_alone
@pytest.mark.parametrize(("is_over", "heard"), [(True, 0), (False, 1)])
async def test_a_stream_ends_with_the_session_that_opened_it(
    app: App, browser: httpx.AsyncClient, is_over: bool, heard: int
) -> None:
    csrf = (await signed_in(browser))["csrf"]
    [(name, token)] = browser.cookies.items()
    request = Request(
        {"type": "http", "method": "GET", "headers": [(b"cookie", f"{name}={token}".encode())]}
    )
    await app.dispatcher.start(app.advance)
    stream = streams.stream(app, lambda c: None, 0, lasts=sessions.lasting(app, request))
    if is_over:
        await browser.delete("/console/session", headers={"X-CSRF-Token": csrf})

    events = aiter(stream.body_iterator)
    first = await anext(events)
    beats = [beat async for beat in take(events, 1)]
    await app.dispatcher.stop()

    assert first == "retry: 2000\n\n"
    assert beats == [": here\n\n"] * heard


async def take(events: AsyncIterator[Any], most: int) -> AsyncIterator[Any]:
    for _ in range(most):
        async for event in events:
            yield event
            break
