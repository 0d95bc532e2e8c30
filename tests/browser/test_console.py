"""The desk in the browser as agents use it, in front of a running demo with the built console."""

import gzip
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.chromium import ChatPage
from tests.browser.conftest import ADMIN_KEY, blocked

pytestmark = pytest.mark.browser

BUILT = Path(__file__).parents[2] / "bot" / "console" / "built"
# What a phone on the way has to fetch before anything is seen, compressed.
ENTRY_LIMIT = 220_000

LAWYER = "You charged me twice and I want my money back now, I will call my lawyer"
HOSTILE = (
    "Somebody hacked my account! <img src=x onerror=alert(1)> ![x](https://evil.example/x.png) "
    "see https://shop.example/a?b=c. or javascript:alert(1)"
)
ANA = {"id": "C-1001", "email": "ana@example.com", "name": "Ana Ruiz"}
FILE = {"name": "proof.txt", "type": "text/plain", "content_base64": "aGVsbG8="}
WORDS = "I have found both payments and give one back."
WIDE, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
OPENS_WITHIN = 30
Json = Any


@dataclass(frozen=True, kw_only=True)
class Console:
    """The console in a browser's page, in an agent's words."""

    page: Page

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def reply_box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Reply to the customer")

    @property
    def standing(self) -> Locator:
        return self.page.locator(".standing")

    def sign_in(self, agent: str) -> None:
        self.page.get_by_label("Your name").fill(agent)
        self.page.get_by_label("Admin key").fill(ADMIN_KEY)
        self.press("Sign in")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def reply(self, text: str) -> None:
        self.reply_box.fill(text)
        self.press("Send to the customer")

    def freeze(self, path: str) -> None:
        """Show what is shown already, whatever the server has come to know since."""
        shown = self.page.request.get(path)
        self.page.route("**/events", lambda route: route.abort())
        self.page.route(f"**{path}", lambda route: route.fulfill(response=shown))


OpenConsole = Callable[..., Console]


@pytest.fixture
def open_console(browser: Browser, demo_url: str) -> Iterator[OpenConsole]:
    """Open the console as an agent; fails where the page reports an error or asks elsewhere."""
    contexts = []
    errors: list[str] = []

    def note_request(url: str) -> None:
        if not url.startswith(demo_url):
            errors.append(f"asked {url}")

    def open_page(path: str, agent: str | None = "Maria", **settings: Any) -> Console:
        settings = {"viewport": WIDE, **settings}
        context = browser.new_context(
            base_url=demo_url, reduced_motion="reduce", locale="en-GB", **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if blocked(said.text) else None)
        page.on("request", lambda request: note_request(request.url))
        page.goto(path)
        console = Console(page=page)
        if agent:
            console.sign_in(agent)
        return console

    yield open_page

    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def approving(demo_url: str) -> str:
    """Return a published workflow in which every answer waits for an agent first."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=demo_url, headers=headers, timeout=20) as client:
        document = client.get("/v1/workflows/support").raise_for_status().json()["document"]
        document["name"] = "approving"
        document["nodes"]["check"]["exits"]["passed"] = "approve"
        draft = {"document": document, "base_version": 0}
        client.put("/v1/workflows/approving/draft", json=draft).raise_for_status()
        publish = {"force": True, "reason": "the browser tests want approvals"}
        client.post("/v1/workflows/approving/draft/publish", json=publish).raise_for_status()
    return "approving"


@pytest.fixture
def waiting(agents: httpx.Client, approving: str) -> Iterator[Callable[[str], Json]]:
    """Send messages whose answers wait for an agent."""
    agents.put("/v1/channels/webhook", json={"workflow": approving}).raise_for_status()
    yield lambda text: send(agents, text)
    agents.put("/v1/channels/webhook", json={"workflow": "support"}).raise_for_status()


@pytest.fixture
def case(agents: httpx.Client) -> Json:
    """A case of its own for each test, opened by another system's message."""
    return open_case(agents)


def test_a_case_from_the_customers_words_to_its_end(
    open_console: OpenConsole, ana: ChatPage, agents: httpx.Client
) -> None:
    conversation = ana.say(LAWYER).json()["conversation_id"]
    expect(ana.banner).to_have_attribute("data-status", "escalated")
    first = case_of(agents, conversation)

    maria = open_console("/console/cases")
    maria.page.locator(f'a[href$="/cases/{first["id"]}"]').click()
    expect(maria.log).to_contain_text(LAWYER)
    maria.press("Claim")
    expect(maria.standing).to_contain_text("With you")
    expect(ana.banner).to_contain_text("Maria")

    maria.reply(WORDS)
    expect(ana.page.locator(".message.agent")).to_contain_text(WORDS)
    expect(maria.log).to_contain_text(WORDS)
    expect(maria.reply_box).to_have_value("")

    maria.press("Change")
    maria.page.get_by_label("Changed reply").fill(f"{WORDS} Sorry!")
    maria.press("Change it")
    expect(ana.page.locator(".message.agent")).to_contain_text(f"{WORDS} Sorry!")
    expect(maria.log).to_contain_text(f"{WORDS} Sorry!")

    ana.say("thank you, which one?")
    expect(maria.log).to_contain_text("thank you, which one?")

    maria.page.get_by_text("Internal note", exact=True).click()
    maria.page.get_by_role("textbox", name="Internal note").fill("smells of fraud")
    maria.press("Keep the note")
    expect(maria.page.locator(".said.note")).to_contain_text("smells of fraud")
    expect(ana.page.locator("body")).not_to_contain_text("smells of fraud")

    maria.press("Hand back to the bot")
    expect(maria.standing).to_contain_text("Handed back by you")
    ana.say(LAWYER)
    expect(ana.banner).to_have_attribute("data-status", "escalated")
    second = case_of(agents, conversation)
    maria.page.goto(f"/console/cases/{second['id']}")
    maria.press("Claim")
    maria.press("Resolve…")
    maria.page.get_by_label("Reason").fill("one payment given back")
    maria.press("Resolve")
    expect(maria.standing).to_contain_text("Resolved by you")
    expect(maria.standing).to_contain_text("one payment given back")


def test_who_comes_second_is_told_who_was_first_and_keeps_the_words(
    open_console: OpenConsole, agents: httpx.Client, case: Json
) -> None:
    maria = open_console(f"/console/cases/{case['id']}")
    maria.press("Claim")
    expect(maria.standing).to_contain_text("With you")
    maria.reply_box.fill(WORDS)
    maria.freeze(f"/v1/escalations/{case['id']}")
    claimed = agents.get(f"/v1/escalations/{case['id']}").json()
    act(agents, claimed, "reassign", agent="Ben", to="Ben")

    maria.press("Send to the customer")

    expect(maria.page.get_by_role("alert")).to_have_text(
        "Ben was first: the case is with Ben now. Nothing was sent; your text is kept."
    )
    expect(maria.reply_box).to_have_value(WORDS)
    maria.page.unroute_all()
    maria.page.reload()
    expect(maria.page.get_by_text("Ben has the case. Your text is kept.")).to_be_visible()
    expect(maria.reply_box).to_have_value(WORDS)


def test_of_two_who_claim_the_second_is_told(
    open_console: OpenConsole, agents: httpx.Client, case: Json
) -> None:
    maria = open_console(f"/console/cases/{case['id']}")
    expect(maria.page.get_by_role("button", name="Claim")).to_be_visible()
    maria.freeze(f"/v1/escalations/{case['id']}")
    act(agents, case, "claim", agent="Ben")

    maria.press("Claim")

    expect(maria.page.get_by_role("alert")).to_have_text(
        "Ben was first: the case is with Ben now. Nothing was done."
    )


def test_a_reply_whose_answer_was_lost_is_said_once(
    open_console: OpenConsole, agents: httpx.Client, case: Json
) -> None:
    maria = open_console(f"/console/cases/{case['id']}")
    maria.press("Claim")
    expect(maria.standing).to_contain_text("With you")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    maria.page.route("**/reply", lose, times=1)

    maria.reply(WORDS)
    expect(maria.page.get_by_role("alert")).to_contain_text("Nobody can tell whether it was done")
    expect(maria.page.get_by_text("Sent to the customer.")).to_be_hidden()
    maria.press("Try again")

    expect(maria.page.get_by_text("Sent to the customer.")).to_be_visible()
    said = agents.get(f"/v1/conversations/{case['conversation_id']}").json()["messages"]
    assert [each["text"] for each in said].count(WORDS) == 1


def test_a_deep_link_leads_there_after_signing_in(open_console: OpenConsole, case: Json) -> None:
    address = f"/console/cases/{case['id']}"

    maria = open_console(address, agent=None)
    maria.sign_in("Maria")

    expect(maria.log).to_contain_text(LAWYER)
    assert maria.page.url.endswith(address)


def test_an_ended_session_leads_back_to_the_same_words(
    open_console: OpenConsole, case: Json
) -> None:
    maria = open_console(f"/console/cases/{case['id']}")
    maria.press("Claim")
    expect(maria.standing).to_contain_text("With you")
    maria.reply_box.fill(WORDS)

    maria.page.context.clear_cookies()
    expect(maria.page.get_by_text("Your session has ended")).to_be_visible()
    maria.sign_in("Maria")
    expect(maria.reply_box).to_have_value(WORDS)
    maria.press("Send to the customer")

    expect(maria.log).to_contain_text(WORDS)


def test_a_wrong_key_opens_nothing_and_signing_out_closes(open_console: OpenConsole) -> None:
    maria = open_console("/console/cases", agent=None)
    maria.page.get_by_label("Your name").fill("Maria")
    maria.page.get_by_label("Admin key").fill("no key of ours")

    maria.press("Sign in")
    expect(maria.page.get_by_role("alert")).to_contain_text("not the admin key")
    maria.sign_in("Maria")
    expect(maria.page.get_by_role("heading", name="Cases")).to_be_visible()
    maria.press("Sign out")

    expect(maria.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert maria.page.request.get("/v1/escalations").status == 401


def test_the_lists_are_apart_and_the_address_says_which(
    open_console: OpenConsole, agents: httpx.Client, case: Json
) -> None:
    maria = open_console("/console/cases")
    row = maria.page.locator(f'a[href$="/cases/{case["id"]}"]')
    expect(row).to_be_visible()
    act(agents, case, "claim", agent="Maria")

    maria.page.get_by_role("link", name="Mine").click()

    expect(maria.page).to_have_url(re.compile(r"/console/cases\?show=mine$"))
    expect(row).to_be_visible()
    maria.page.get_by_role("link", name="Resolved").click()
    expect(maria.page).to_have_url(re.compile(r"show=resolved$"))
    expect(row).to_be_hidden()
    maria.page.go_back()
    expect(row).to_be_visible()


def test_a_new_case_appears_by_itself(open_console: OpenConsole, agents: httpx.Client) -> None:
    maria = open_console("/console/cases")
    expect(maria.page.get_by_role("heading", name="Cases")).to_be_visible()

    later = open_case(agents)

    row = maria.page.locator(f'a[href$="/cases/{later["id"]}"]')
    expect(row).to_be_visible(timeout=20_000)


def test_what_the_bot_did_is_one_link_away_and_can_be_corrected(
    open_console: OpenConsole, agents: httpx.Client, case: Json
) -> None:
    maria = open_console(f"/console/cases/{case['id']}")

    maria.page.get_by_role("link", name="What it did").first.click()
    expect(maria.page.locator("#main")).to_be_focused()
    expect(maria.page.locator(".step").first).to_contain_text("classify")
    expect(maria.page.locator(".steps")).to_contain_text("risky or asked for a person")
    maria.page.get_by_text("Output", exact=True).first.click()
    expect(maria.page.locator("pre:visible").first).to_contain_text('"intent"')
    maria.press("This was about something else…")
    maria.page.get_by_label("What it was really about").select_option("refund_request")
    maria.press("Correct it")

    expect(maria.page.get_by_text("Noted: this was about refund request.")).to_be_visible()
    proposed = agents.get("/v1/examples", params={"status": "proposed"}).json()["items"]
    assert [each["proposed_by"] for each in proposed if each["run_id"] == case["run_id"]]
    maria.page.get_by_role("link", name="The case").click()
    expect(maria.log).to_contain_text(LAWYER)


def test_what_a_customer_wrote_is_text_and_their_files_are_saved(
    open_console: OpenConsole, agents: httpx.Client
) -> None:
    hostile = open_case(agents, text=HOSTILE, attachments=[FILE])

    maria = open_console(f"/console/cases/{hostile['id']}")

    expect(maria.log).to_contain_text(HOSTILE)
    expect(maria.log.locator("img")).to_have_count(0)
    addresses = [link.get_attribute("href") for link in maria.log.locator("a[target]").all()]
    assert addresses == ["https://evil.example/x.png", "https://shop.example/a?b=c"]
    with maria.page.expect_download() as saved:
        maria.log.get_by_role("link", name="proof.txt").click()
    assert saved.value.suggested_filename == "proof.txt"
    assert saved.value.path().read_bytes() == b"hello"


def test_a_draft_that_waits_is_released_in_other_words(
    open_console: OpenConsole, waiting: Callable[[str], Json]
) -> None:
    sent = waiting("what is your return policy?")
    maria = open_console("/console/approvals")

    maria.page.locator(f'a[href$="/conversations/{sent["conversation_id"]}"]').click()
    maria.press("Edit the words")
    maria.page.get_by_label("What is sent").fill("Thirty days, and we pay the postage.")
    maria.press("Send as edited")

    expect(maria.log).to_contain_text("Thirty days, and we pay the postage.")
    expect(maria.page.get_by_text("Nothing waits for a decision here")).to_be_visible()


def test_a_draft_that_waits_is_rejected_with_a_reason(
    open_console: OpenConsole, agents: httpx.Client, waiting: Callable[[str], Json]
) -> None:
    sent = waiting("how long does shipping take?")
    maria = open_console(f"/console/conversations/{sent['conversation_id']}")

    maria.press("Reject…")
    maria.page.get_by_label("Reason").fill("prices have changed")
    maria.press("Reject")

    expect(maria.page.get_by_text("Nothing waits for a decision here")).to_be_visible()
    case = case_of(agents, sent["conversation_id"])
    assert "prices have changed" in case["reason"]


def test_the_keyboard_alone_is_enough(open_console: OpenConsole, case: Json) -> None:
    maria = open_console(f"/console/cases/{case['id']}")
    expect(maria.log).to_contain_text(LAWYER)
    keyboard = maria.page.keyboard

    tab_to(maria.page, "Claim")
    keyboard.press("Enter")
    expect(maria.standing).to_contain_text("With you")
    tab_to(maria.page, "Reply to the customer", tag="TEXTAREA")
    keyboard.type(WORDS)
    keyboard.press("Control+Enter")
    expect(maria.log).to_contain_text(WORDS)

    maria.page.locator("body").focus()
    tab_to(maria.page, "Resolve…")
    keyboard.press("Enter")
    expect(maria.page.get_by_label("Reason")).to_be_focused()
    keyboard.press("Escape")
    expect(maria.page.get_by_role("button", name="Resolve…")).to_be_focused()


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_console: OpenConsole, agents: httpx.Client, scheme: str, viewport: dict[str, int]
) -> None:
    case = open_case(agents, text=HOSTILE, attachments=[FILE])
    maria = open_console("/console", agent=None, color_scheme=scheme, viewport=viewport)
    page = maria.page
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    looked_at = [("sign-in", look(page))]

    maria.sign_in("Maria")
    expect(page.locator(".case").first).to_be_visible()
    looked_at.append(("cases", look(page)))

    page.goto(f"/console/cases/{case['id']}")
    maria.press("Claim")
    expect(maria.standing).to_contain_text("With you")
    maria.reply(WORDS)
    expect(page.get_by_text("Sent to the customer.")).to_be_visible()
    page.get_by_text("Internal note", exact=True).click()
    maria.press("Snooze…")
    looked_at.append(("case", look(page)))

    page.goto(f"/console/runs/{case['run_id']}")
    maria.press("This was about something else…")
    expect(page.get_by_label("What it was really about")).to_be_enabled()
    page.get_by_text("Output", exact=True).first.click()
    looked_at.append(("run", look(page)))

    assert [each for each in looked_at if each[1]] == []


def test_the_entry_stays_small() -> None:
    entry = [*BUILT.glob("assets/index-*.js"), *BUILT.glob("assets/index-*.css")]

    sizes = {file.suffix: len(gzip.compress(file.read_bytes(), mtime=0)) for file in entry}

    assert set(sizes) == {".js", ".css"}
    assert sum(sizes.values()) <= ENTRY_LIMIT, sizes


def send(agents: httpx.Client, text: str, **fields: Json) -> Json:
    """Send a customer's message in a new conversation, as another system does."""
    name = uuid4().hex
    body = {"conversation": name, "message_id": name, "customer": ANA, "text": text, **fields}
    answer = agents.post("/v1/messages", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def open_case(agents: httpx.Client, text: str = LAWYER, **fields: Json) -> Json:
    return case_of(agents, send(agents, text, **fields)["conversation_id"])


def case_of(agents: httpx.Client, conversation: str) -> Json:
    """Wait for the open case of a conversation."""
    deadline = time.monotonic() + OPENS_WITHIN
    while time.monotonic() < deadline:
        found = agents.get("/v1/escalations", params={"status": "open", "limit": 200})
        for each in found.raise_for_status().json()["items"]:
            if each["conversation_id"] == conversation:
                return each
        time.sleep(0.1)
    raise AssertionError(f"no case of {conversation} within {OPENS_WITHIN} s")


def act(agents: httpx.Client, case: Json, command: str, *, agent: str, **fields: Json) -> Json:
    body = {"agent": agent, "version": case["version"], **fields}
    answer = agents.post(f"/v1/escalations/{case['id']}/{command}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def look(page: Page) -> list[str]:
    """Return what axe finds in the page, and whether it is wider than its window."""
    found = [
        f"{each['id']}: {node['target']}"
        for each in Axe().run(page).response["violations"]
        for node in each["nodes"]
    ]
    width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return found + ([f"{width} px too wide"] if width > 0 else [])


def tab_to(page: Page, name: str, tag: str = "BUTTON") -> None:
    """Go on by the tab key to a control of this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.tagName, document.activeElement.getAttribute('aria-label')"
            " ?? document.activeElement.textContent]"
        )
        if focused == [tag, name]:
            return
    raise AssertionError(f"the tab key does not lead to {name!r}")
