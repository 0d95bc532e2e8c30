"""The console's door of a running server, as a browser comes to it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.frontdesk import ADMIN_KEY, API_KEY, Frontdesk, is_problem


@pytest.fixture
def browser(frontdesk: Frontdesk) -> Iterator[httpx.Client]:
    with frontdesk.browser() as client:
        client.headers.update({"Origin": frontdesk.url, "Sec-Fetch-Site": "same-origin"})
        yield client


def sign_in(browser: httpx.Client, key: str = ADMIN_KEY) -> httpx.Response:
    return browser.post("/console/session", json={"key": key, "agent": "zoe"})


def test_an_agent_works_a_case_with_a_session_alone(
    frontdesk: Frontdesk, browser: httpx.Client
) -> None:
    case = frontdesk.escalate()
    csrf = sign_in(browser).json()["csrf"]
    body = {"agent": "zoe", "version": case["version"]}
    claim = f"/v1/escalations/{case['id']}/claim"

    without = browser.post(claim, json=body)
    claimed = browser.post(claim, json=body, headers={"X-CSRF-Token": csrf})
    seen = browser.get(f"/v1/escalations/{case['id']}")

    assert is_problem(without, 403)
    assert claimed.status_code == 200
    assert (seen.json()["status"], seen.json()["assignee"]) == ("claimed", "zoe")


def test_a_session_follows_a_conversation_as_it_goes_on(
    frontdesk: Frontdesk, browser: httpx.Client
) -> None:
    case = frontdesk.escalate()
    sign_in(browser)
    path = f"/v1/conversations/{case['conversation_id']}/events"

    with browser.stream("GET", path) as stream:
        lines = stream.iter_lines()
        first = next(line for line in lines if line.startswith("event:"))

    assert first == "event: message"


@pytest.mark.parametrize("key", ["", "nonsense", API_KEY])
def test_no_other_key_signs_an_agent_in(browser: httpx.Client, key: str) -> None:
    answer = sign_in(browser, key)

    assert is_problem(answer, 401)
    assert is_problem(browser.get("/v1/escalations"), 401)


@pytest.mark.parametrize("path", ["/console", "/console/cases/e1"])
def test_the_console_is_there_or_says_why_not(browser: httpx.Client, path: str) -> None:
    answer = browser.get(path)

    # Whether it is built is not the tests' doing.
    assert answer.status_code in (200, 503)
    assert answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
