"""The console as a browser gets it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from bot.api.guards import RequestGuard
from bot.console import pages

POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
PAGE = "<!doctype html><title>Console</title>"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a built console, with something beside it that is nobody's business."""
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "index-4f2a.js").write_text("run()")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "built-before.txt").write_text("secret")
    (folder / "assets" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def browser(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_before(built) as client:
        yield client


def browser_before(
    built: Path, why_missing: Callable[[], str | None] = lambda: None
) -> httpx.AsyncClient:
    api = FastAPI()
    pages.serve(api, built, why_missing)
    api.add_middleware(RequestGuard)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://desk")


@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/cases/e1", "/console/runs/r1", "/console/a/b/c"]
)
async def test_every_address_of_the_console_is_its_page(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path)

    assert answer.status_code == 200
    assert answer.text == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_file_whose_name_says_what_is_in_it_is_kept_for_good(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/console/assets/index-4f2a.js")

    assert answer.text == "run()"
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_any_other_file_is_asked_for_each_time(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/console/favicon.svg")

    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/none.js",
        "/console/assets/none",
        "/console/assets/",
        "/console/none.js",
        "/console/cases/e1.json",
        "/console/assets/../../secret.txt",
        "/console/%2e%2e/secret.txt",
        "/console/..%2fsecret.txt",
        "/console/..%2fbuilt-before.txt",
        "/console/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/console//etc/passwd.d",
        "/console/%2fetc%2fhosts.deny",
        "/console/assets/link.txt",
    ],
)
async def test_nothing_but_the_files_of_the_build_is_served(
    browser: httpx.AsyncClient, path: str
) -> None:
    answer = await browser.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_a_name_that_no_file_can_have_is_refused(browser: httpx.AsyncClient) -> None:
    answers = [
        await browser.get(f"/console/{name}") for name in ("%00.js", "%ff.js", f"{'x' * 5000}.js")
    ]

    assert {each.status_code for each in answers} <= {404, 422}


@pytest.mark.parametrize(
    "path", ["/console/", "/console/assets/index-4f2a.js", "/console/assets/none.js"]
)
async def test_every_answer_says_what_a_browser_may_do_with_it(
    browser: httpx.AsyncClient, path: str
) -> None:
    headers = (await browser.get(path)).headers

    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_where_it_is_not_built_a_page_says_how_to(tmp_path: Path) -> None:
    async with browser_before(tmp_path / "nowhere") as browser:
        answer = await browser.get("/console/cases/e1")

    assert answer.status_code == 503
    assert "frontdesk console build" in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == POLICY


async def test_while_it_is_being_built_a_page_says_so(tmp_path: Path) -> None:
    async with browser_before(tmp_path / "nowhere", lambda: "It is <being> built.") as browser:
        answer = await browser.get("/console/")

    assert "<p>It is &lt;being&gt; built.</p>" in answer.text


async def test_once_it_is_built_it_is_served(tmp_path: Path) -> None:
    folder = tmp_path / "built"
    async with browser_before(folder) as browser:
        before = await browser.get("/console/")
        folder.mkdir()
        (folder / "index.html").write_text(PAGE)
        after = await browser.get("/console/")

    assert before.status_code == 503
    assert after.text == PAGE
