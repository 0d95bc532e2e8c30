"""Debian's Chromium as the browser tests use it, and what one does on the chat page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Locator, Page, Response, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Run a browser that talks to nobody but the page it is shown."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise FileNotFoundError("Chromium is missing; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass(frozen=True, kw_only=True)
class ChatPage:
    """The chat in a browser's page, in a customer's words."""

    page: Page

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def own(self) -> Locator:
        return self.page.locator(".message.customer")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".message.bot")

    @property
    def newest(self) -> Locator:
        return self.page.locator(".message").last

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    def say(self, text: str) -> Response:
        """Write a text, send it by Enter and return what the server said to it."""
        self.box.fill(text)
        with self.page.expect_response(is_answer_to_a_message) as answered:
            self.box.press("Enter")
        return answered.value

    def ask(self, text: str) -> Locator:
        """Say something and return the bot's answer to it."""
        before = self.answers.count()
        self.say(text)
        self.answers.nth(before).wait_for()
        return self.answers.last


def is_answer_to_a_message(response: Response) -> bool:
    """Tell the answer to a message sent from the messages being fetched."""
    return response.request.method == "POST" and response.url.endswith("/chat/messages")
