"""The chat page as customers use it, in a real browser in front of a running demo."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.browser.chromium import ChatPage
from tests.browser.conftest import CHAT_SECRET

pytestmark = pytest.mark.browser

LAWYER = "You charged me twice and I want my money back now, I will call my lawyer"
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
OpenChat = Callable[..., ChatPage]


def test_a_short_conversation_about_two_orders_holds_together(ana: ChatPage) -> None:
    orders = ana.ask("where is my order?")
    expect(orders).to_contain_text("1042")
    expect(orders).to_contain_text("1043")

    expect(ana.ask("1042")).to_contain_text("TRK-1042")
    expect(ana.ask("and the other one?")).to_contain_text("1043")

    returns = ana.ask("can I return it?")
    source = returns.locator(".sources li")
    expect(source.first).to_contain_text(re.compile("return", re.IGNORECASE))

    thanks = ana.ask("thanks")
    expect(thanks).not_to_be_empty()
    expect(ana.own).to_have_count(5)
    expect(ana.answers).to_have_count(5)


def test_a_source_with_an_address_opens_beside_the_chat(ana: ChatPage) -> None:
    ana.ask("what is your return policy?")

    link = ana.page.locator(".sources a").first
    expect(link).to_have_attribute("href", re.compile("^https?://"))
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", re.compile("noopener"))


def test_a_human_takes_over_and_answers_in_the_same_place(
    ana: ChatPage, agents: httpx.Client
) -> None:
    conversation = ana.say(LAWYER).json()["conversation_id"]
    expect(ana.banner).to_have_attribute("data-status", "escalated")
    expect(ana.page.get_by_role("button", name="Talk to a person")).to_be_hidden()

    case = escalation_of(agents, conversation)
    act(agents, case, "claim", agent="Maria")
    expect(ana.banner).to_contain_text("Maria")
    expect(ana.page.locator("#subtitle")).to_contain_text("Maria")

    sent = act(agents, case, "reply", agent="Maria", text="I have found both payments.")
    expect(ana.page.locator(".message.agent")).to_contain_text("I have found both payments.")
    expect(ana.banner).to_have_attribute("data-status", "assigned")

    change = {"message_id": sent["message_id"], "text": "I have found the payment."}
    act(agents, case, "edit", agent="Maria", **change)
    expect(ana.page.locator(".message.agent")).to_contain_text("I have found the payment.")
    expect(ana.page.locator(".message.agent")).to_have_count(1)


def test_a_person_is_one_button_away(ana: ChatPage) -> None:
    ana.page.get_by_role("button", name="Talk to a person").click()

    expect(ana.own).to_contain_text("I want to talk to a person")
    expect(ana.banner).to_have_attribute("data-status", "escalated")


def test_the_page_says_that_it_is_an_automated_assistant(ana: ChatPage) -> None:
    expect(ana.page.locator("header")).to_contain_text("Automated assistant")
    expect(ana.page.locator("#intro")).to_contain_text(re.compile("automated", re.IGNORECASE))


def test_a_visitor_who_asks_for_an_order_is_told_how_to_sign_in(open_chat: OpenChat) -> None:
    visitor = open_chat("/chat?as=visitor")

    answer = visitor.ask("where is my order 1042?")

    expect(answer).to_contain_text(re.compile("sign(ed)? in|log(ged)? in", re.IGNORECASE))
    expect(answer).to_contain_text(re.compile("e-?mail", re.IGNORECASE))
    expect(answer).not_to_contain_text("TRK-1042")


def test_the_demo_says_who_one_is_and_lets_one_be_somebody_else(ana: ChatPage) -> None:
    people = ana.page.get_by_role("navigation")
    expect(people.get_by_role("link", name="Ana")).to_have_attribute("aria-current", "page")

    people.get_by_role("link", name="Ben").click()

    expect(people.get_by_role("link", name="Ben")).to_have_attribute("aria-current", "page")
    expect(ana.page.locator("#signed-in")).to_contain_text("Ben Okafor")
    expect(ana.page.locator(".message")).to_have_count(0)


def test_a_tab_whose_session_was_taken_over_by_another_stops_sending(ana: ChatPage) -> None:
    other = ana.page.context.new_page()

    other.goto(ana.page.url.replace("C-1001", "C-1002"))

    expect(ana.page.get_by_role("alert")).to_contain_text("Ben Okafor")
    expect(ana.box).to_be_hidden()


def test_a_suggested_question_is_sent_by_one_press(ana: ChatPage) -> None:
    ana.page.get_by_role("button", name="Where is my order?").click()

    expect(ana.answers.last).to_contain_text("1042")
    expect(ana.page.locator("#suggestions")).to_be_hidden()


def test_the_keyboard_alone_is_enough(ana: ChatPage) -> None:
    keyboard = ana.page.keyboard

    keyboard.type("where is")
    keyboard.press("Shift+Enter")
    keyboard.type("my order?")
    keyboard.press("Enter")
    expect(ana.own).to_have_text(re.compile("where is\nmy order\\?"), use_inner_text=True)
    expect(ana.answers).to_have_count(1)
    expect(ana.box).to_be_focused()
    tab_to(ana.page, "Yes, it helped")
    keyboard.press("Enter")

    expect(ana.page.locator("#rated")).to_be_focused()
    tab_to(ana.page, "Talk to a person")
    keyboard.press("Enter")
    expect(ana.banner).to_have_attribute("data-status", "escalated")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_conversation(open_chat: OpenChat, scheme: str) -> None:
    chat = open_chat(color_scheme=scheme)
    expect(chat.page.get_by_role("button", name="Where is my order?")).to_be_visible()
    empty = Axe().run(chat.page)
    chat.ask("what is your return policy?")
    talking = Axe().run(chat.page)
    chat.say(LAWYER)
    expect(chat.banner).to_have_attribute("data-status", "escalated")
    escalated = Axe().run(chat.page)

    assert [found(results) for results in (empty, talking, escalated)] == [[], [], []]


def test_a_small_phone_has_nothing_to_scroll_sideways(open_chat: OpenChat) -> None:
    chat = open_chat(**PHONE)

    chat.ask("what is your return policy? " + "unbreakable" * 30)

    width = "document.documentElement.scrollWidth"
    inner = "document.querySelector('#scroller').scrollWidth"
    assert chat.page.evaluate(width) == 360
    assert chat.page.evaluate(inner) <= 360
    expect(chat.box).to_be_in_viewport(ratio=1)
    expect(chat.newest).to_be_in_viewport()


def test_a_reload_keeps_the_conversation(ana: ChatPage) -> None:
    ana.ask("where is my order?")
    said = ana.page.locator(".message .bubble").all_inner_texts()

    ana.page.reload()

    expect(ana.page.locator(".message .bubble")).to_have_text(said, use_inner_text=True)
    expect(ana.box).to_be_focused()


def test_markup_in_a_message_stays_text(ana: ChatPage) -> None:
    text = "<img src=x onerror=\"document.title='gone'\"><script>document.title='gone'</script>"

    ana.ask(text)
    ana.page.reload()

    expect(ana.own.locator(".bubble")).to_have_text(text)
    assert ana.page.locator(".message img, .message script").count() == 0
    assert ana.page.title() != "gone"


def test_only_web_addresses_become_links(ana: ChatPage) -> None:
    ana.say("see https://example.com/a(b)?c=1. not javascript:alert(1)")

    links = ana.own.locator("a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.com/a(b)?c=1")


def test_a_message_written_without_a_connection_is_sent_once_it_is_back(ana: ChatPage) -> None:
    ana.page.context.set_offline(True)
    ana.box.fill("where is my order?")
    ana.box.press("Enter")
    expect(ana.own).to_contain_text("Not sent")

    ana.page.context.set_offline(False)

    expect(ana.answers).to_have_count(1)
    expect(ana.own).to_have_count(1)
    expect(ana.own).not_to_contain_text("Not sent")


def test_a_message_whose_acknowledgement_was_lost_is_shown_once(ana: ChatPage) -> None:
    lose_the_first_answer(ana.page)

    ana.box.fill("where is my order?")
    ana.box.press("Enter")

    expect(ana.answers).to_have_count(1)
    expect(ana.own.locator("time")).to_have_count(1)
    expect(ana.own).to_have_count(1)


def test_what_the_server_refuses_comes_back_with_its_reason(ana: ChatPage) -> None:
    problem = {"title": "Too much", "detail": "Please wait a minute.", "status": 429}
    ana.page.route("**/chat/messages", lambda route: route.fulfill(status=429, json=problem))

    ana.say("where is my order?")

    expect(ana.page.get_by_role("alert")).to_contain_text("Please wait a minute.")
    expect(ana.box).to_have_value("where is my order?")
    expect(ana.own).to_have_count(0)


def test_files_are_named_before_they_go_and_too_large_ones_are_refused(
    ana: ChatPage, tmp_path: Path
) -> None:
    photo, film = tmp_path / "damage.png", tmp_path / "large.pdf"
    photo.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    film.write_bytes(b"%PDF-" + bytes(5 * 1024 * 1024))

    ana.page.locator("#picker").set_input_files([photo, film])
    expect(ana.page.locator("#files")).to_contain_text("damage.png")
    expect(ana.page.get_by_role("alert")).to_contain_text("large.pdf")
    response = ana.say("my parcel is damaged")

    sent = json.loads(response.request.post_data or "")["attachments"]
    assert response.status == 202
    assert [(one["name"], one["type"]) for one in sent] == [("damage.png", "image/png")]
    assert base64.b64decode(sent[0]["content_base64"]) == photo.read_bytes()
    expect(ana.own).to_contain_text("damage.png")
    expect(ana.page.locator("#files")).to_be_hidden()


def test_a_customer_the_shop_vouches_for_is_signed_in(open_chat: OpenChat) -> None:
    chat = open_chat(f"/chat#identity={identity(id='C-1002', name='Ben Okafor')}")

    expect(chat.page.locator("#signed-in")).to_contain_text("Ben Okafor")
    assert "identity" not in chat.page.url


def test_a_bad_sign_in_is_said_and_one_may_go_on_as_a_visitor(open_chat: OpenChat) -> None:
    chat = open_chat("/chat#identity=nonsense.0000")
    expect(chat.page.get_by_role("alert")).to_contain_text("could not sign you in")

    chat.page.get_by_role("button", name="Go on without signing in").click()

    expect(chat.box).to_be_visible()
    expect(chat.page.get_by_role("alert")).to_be_empty()


def test_the_page_speaks_the_language_of_the_shop(open_chat: OpenChat) -> None:
    chat = open_chat()
    config = chat.page.request.get("/chat/config").json()
    german = {**config, "language": "de", "texts": {"placeholder": "Frag uns etwas"}}
    chat.page.route("**/chat/config", lambda route: route.fulfill(json=german))

    chat.page.reload()

    expect(chat.page.get_by_role("button", name="Mit einem Menschen sprechen")).to_be_visible()
    expect(chat.page.get_by_placeholder("Frag uns etwas")).to_be_visible()
    expect(chat.page.locator("html")).to_have_attribute("lang", "de")


def test_all_scripts_of_the_page_together_stay_small(open_chat: OpenChat) -> None:
    chat = open_chat()
    expect(chat.box).to_be_visible()

    scripts = chat.page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(({name}) => name.endsWith('.js')).map(({name}) => name)"
    )
    sizes = [len(chat.page.request.get(script).body()) for script in scripts]

    assert len(sizes) >= 2
    assert sum(sizes) < 25_000


def escalation_of(agents: httpx.Client, conversation: str) -> str:
    listed = agents.get("/v1/escalations", params={"status": "open"}).raise_for_status().json()
    cases = [one["id"] for one in listed["items"] if one["conversation_id"] == conversation]
    assert len(cases) == 1
    return str(cases[0])


def act(agents: httpx.Client, case: str, command: str, **body: str) -> dict[str, Any]:
    version = agents.get(f"/v1/escalations/{case}").raise_for_status().json()["version"]
    answer = agents.post(
        f"/v1/escalations/{case}/{command}",
        json={**body, "version": version},
        headers={"Idempotency-Key": uuid4().hex},
    )
    done: dict[str, Any] = answer.raise_for_status().json()
    return done


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        label = "document.activeElement.ariaLabel ?? document.activeElement.textContent"
        if page.evaluate(label) == name:
            return
    raise AssertionError(f"Tab never reaches {name!r}")


def lose_the_first_answer(page: Page) -> None:
    """Let the server have the first message, and the page never hear of it."""
    lost: list[int] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
        else:
            lost.append(route.fetch().status)
            route.abort("connectionreset")

    page.route("**/chat/messages", answer)


def found(results: Any) -> list[str]:
    violations = results.response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in violations]


def identity(**claims: Any) -> str:
    claims |= {"email": "ben@example.com", "exp": int(time.time()) + 600}
    first = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    signature = hmac.new(CHAT_SECRET.encode(), first.encode(), hashlib.sha256).hexdigest()
    return f"{first}.{signature}"
