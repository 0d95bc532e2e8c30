"""A running demo and a browser in front of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import ChatPage, open_browser

ROOT = Path(__file__).parents[2]
ADMIN_KEY = "the-admin-key-of-the-browser-tests"
CHAT_SECRET = "the-chat-secret-of-the-browser-tests"  # noqa: S105
STARTS_WITHIN = 60
ANSWERS_WITHIN = 120

expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def demo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("demo")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keys = {"FRONTDESK_ADMIN_KEY": ADMIN_KEY, "FRONTDESK_CHAT_SECRET": CHAT_SECRET}
    command = [sys.executable, "-m", "bot", "demo", "--port", str(port), "--data", str(data)]
    log = data / "demo.log"

    with log.open("wb") as output:
        demo = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=os.environ | keys, stdout=output, stderr=output
        )
        try:
            wait_until_ready(demo, url, log)
            wait_for_an_answer(url)
            yield url
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(timeout=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with open_browser() as chromium:
        yield chromium


@pytest.fixture
def open_chat(browser: Browser, demo_url: str) -> Iterator[Callable[..., ChatPage]]:
    """Open the chat page as somebody new to this browser; fails where the page reports an error."""
    contexts = []
    errors: list[str] = []

    def open_page(path: str = "/chat?as=C-1001", **settings: Any) -> ChatPage:
        context = browser.new_context(
            base_url=demo_url, reduced_motion="reduce", locale="en-GB", **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if blocked(said.text) else None)
        page.goto(path)
        return ChatPage(page=page)

    yield open_page

    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def ana(open_chat: Callable[..., ChatPage]) -> ChatPage:
    chat = open_chat("/chat?as=C-1001")
    expect(chat.box).to_be_focused()
    return chat


@pytest.fixture
def agents(demo_url: str) -> Iterator[httpx.Client]:
    """The API as an agent's program sees it."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=demo_url, headers=headers, timeout=20) as client:
        yield client


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_until_ready(demo: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    # One client for all: each reads anew whom it trusts, which takes longer than a look.
    with httpx.Client(base_url=url, timeout=2) as client:
        while time.monotonic() < deadline and demo.poll() is None:
            try:
                if client.get("/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise RuntimeError(f"the demo did not start:\n{log.read_text(errors='replace')[-4000:]}")


def wait_for_an_answer(url: str) -> None:
    """The first answer waits for the classifier, which is trained after the start."""
    deadline = time.monotonic() + ANSWERS_WITHIN
    with httpx.Client(base_url=url, timeout=20) as visitor:
        visitor.post("/chat/sessions", json={}).raise_for_status()
        greeting = {"message_id": "m-1", "text": "hello"}
        visitor.post("/chat/messages", json=greeting).raise_for_status()
        while time.monotonic() < deadline:
            if len(visitor.get("/chat/messages").raise_for_status().json()["items"]) > 1:
                return
            time.sleep(0.1)
    raise RuntimeError(f"no answer to a greeting within {ANSWERS_WITHIN} s")


def blocked(said: str) -> bool:
    return re.search(r"Content Security Policy|Refused to", said) is not None
