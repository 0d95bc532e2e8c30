import json
from collections.abc import Callable
from typing import Any

from standardwebhooks import Webhook

from tests.e2e.frontdesk import (
    ANA,
    CALLBACK_SECRET,
    LAWYER,
    Frontdesk,
    Json,
    is_ours,
    new_name,
    wait_for,
)
from tests.fakes.receiver import Receiver, Recorded, failing


def opened(request: Recorded) -> Json:
    """Return what a callback says once its signature has been verified."""
    said = Webhook(CALLBACK_SECRET).verify(request.body, dict(request.headers))
    assert said == json.loads(request.body)
    return said


def caller(frontdesk: Frontdesk, receiver: Receiver) -> Callable[[str], Json]:
    """Return what says something in one conversation and returns the callback that answers."""
    name = new_name()

    def says(text: str) -> Json:
        before = len(receiver.requests)
        frontdesk.send(text, conversation=name, callback_url=receiver.url)
        return opened(receiver.wait_for(before + 1)[-1])

    return says


def deliveries(frontdesk: Frontdesk, case: Json) -> list[Json]:
    found = frontdesk.get(f"/v1/escalations/{case['id']}")["deliveries"]
    return [each for each in found if each["kind"] == "reply"]


def is_over(found: list[Json]) -> bool:
    return not {each["status"] for each in found} & {"pending", "sending"}


def events(listener: Receiver, conversation: str) -> list[Json]:
    # A signature is good for five minutes, and the listener has heard all that was told before.
    return [
        opened(request)
        for request in listener.requests
        if json.loads(request.body)["data"]["conversation_id"] == conversation
    ]


def test_ana_is_helped_by_signed_callbacks(frontdesk: Frontdesk, receiver: Receiver) -> None:
    says = caller(frontdesk, receiver)

    listed = says("where is my order?")["data"]["message"]["text"]
    first = says("1042")["data"]["message"]["text"]
    other = says("and the other one?")["data"]["message"]["text"]
    returns = says("can I return it?")["data"]["message"]
    thanked = says("thanks")["data"]
    handed_over = says(LAWYER)["data"]

    assert "1042" in listed
    assert "1043" in listed
    assert "TRK-1042" in first
    assert "1043" in other
    assert "return" in returns["citations"][0]["title"].lower()
    assert thanked["message"]["author"] == "bot"
    assert handed_over["status"] == "escalated"
    assert [request.method for request in receiver.requests] == ["POST"] * 6


def test_a_callback_has_the_contracts_shape(frontdesk: Frontdesk, receiver: Receiver) -> None:
    name = new_name()

    sent = frontdesk.send("hello", conversation=name, callback_url=receiver.url)

    [request] = receiver.wait_for(1)
    said = opened(request)
    shown = frontdesk.conversation(sent["conversation_id"])["messages"][1]
    assert said.keys() == {"type", "timestamp", "data"}
    assert said["type"] == "message.created"
    assert said["data"].keys() == {"conversation", "conversation_id", "message", "status"}
    assert said["data"]["conversation"] == name
    assert said["data"]["conversation_id"] == sent["conversation_id"]
    assert said["data"]["status"] == "open"
    assert said["data"]["message"].keys() >= {
        *("id", "seq", "author", "text", "at", "run_id", "citations")
    }
    assert {**shown, **said["data"]["message"], "at": shown["at"]} == shown
    assert request.headers["content-type"] == "application/json"


def test_a_retry_has_the_same_id_and_body_under_a_fresh_signature(
    frontdesk: Frontdesk, receiver: Receiver
) -> None:
    receiver.script(failing(500), failing(503, retry_after="1"))

    sent = frontdesk.send("hello", conversation=new_name(), callback_url=receiver.url)

    tried = receiver.wait_for(3)
    said = frontdesk.conversation(sent["conversation_id"])["messages"]
    assert len({request.body for request in tried}) == 1
    assert len({request.headers["webhook-id"] for request in tried}) == 1
    assert len({request.headers["webhook-signature"] for request in tried}) == 3
    assert [opened(request)["data"]["message"]["id"] for request in tried] == [said[1]["id"]] * 3
    assert len(said) == 2


def test_callbacks_of_a_conversation_keep_their_order_over_a_retry(
    frontdesk: Frontdesk, receiver: Receiver
) -> None:
    name = new_name()
    receiver.script(failing(503, retry_after="1"))

    frontdesk.ask("hello", conversation=name, callback_url=receiver.url)
    frontdesk.ask("where is my order 1042?", conversation=name)

    said = [opened(request)["data"]["message"]["seq"] for request in receiver.wait_for(3)]
    assert said == [2, 2, 4]


def test_what_the_bot_wrote_is_withheld_once_an_agent_has_claimed(
    frontdesk: Frontdesk, receiver: Receiver
) -> None:
    receiver.script(failing(503, retry_after="2"))
    case = frontdesk.escalate(callback_url=receiver.url)
    receiver.wait_for(1)

    case = {**case, **frontdesk.command(case, "claim")}
    frontdesk.command(case, "reply", text="Zoe here, I look into it.")

    receiver.wait_for(2)
    wait_for(lambda: is_over(deliveries(frontdesk, case)), "end of both deliveries")
    tried = [opened(request)["data"]["message"] for request in receiver.requests]
    shown = frontdesk.system.get(f"/v1/conversations/{case['conversation_id']}").json()["messages"]
    fates = [each["status"] for each in deliveries(frontdesk, case)]
    assert fates == ["withheld", "delivered"]
    assert [each["author"] for each in tried] == ["bot", "agent"]
    assert [each["author"] for each in shown] == ["customer", "agent"]


def test_how_replies_fare_is_shown_to_the_admin_key_alone(
    frontdesk: Frontdesk, receiver: Receiver
) -> None:
    receiver.script(failing(400))
    sent = frontdesk.send("hello", conversation=new_name(), callback_url=receiver.url)
    path = f"/v1/conversations/{sent['conversation_id']}"

    wait_for(lambda: frontdesk.admin.get(path).json()["status"] == "escalated", "case")

    shown = frontdesk.admin.get(path).json()["deliveries"][0]
    assert (shown["status"], shown["attempts"]) == ("failed", 1)
    assert "deliveries" not in frontdesk.system.get(path).json()


def test_an_agents_words_arrive_as_a_callback(frontdesk: Frontdesk, receiver: Receiver) -> None:
    case = frontdesk.escalate(callback_url=receiver.url)
    # A claim would withhold what the bot has not sent by then.
    receiver.wait_for(1)
    case = {**case, **frontdesk.command(case, "claim")}

    frontdesk.command(case, "reply", text="Zoe here, I look into it.")

    said = opened(receiver.wait_for(2)[-1])["data"]
    assert (said["message"]["author"], said["status"]) == ("agent", "assigned")
    assert said["message"]["text"] == "Zoe here, I look into it."


def test_a_note_is_never_called_back(frontdesk: Frontdesk, receiver: Receiver) -> None:
    case = frontdesk.escalate(callback_url=receiver.url)
    case = {**case, **frontdesk.command(case, "claim")}
    case = {**case, **frontdesk.command(case, "note", text="smells of fraud")}

    frontdesk.command(case, "reply", text="Zoe here.")

    # The bot's own words may have been withheld: the claim came at once.
    wait_for(
        lambda: [each for each in receiver.requests if b"Zoe here." in each.body] or None, "reply"
    )
    assert not any(b"smells" in each.body for each in receiver.requests)


def test_other_programs_are_told_of_a_case_and_its_end(
    frontdesk: Frontdesk, listener: Receiver
) -> None:
    case = frontdesk.escalate()
    id = case["conversation_id"]
    case = {**case, **frontdesk.command(case, "claim")}
    frontdesk.command(case, "resolve", reason="refunded")

    told = wait_for(lambda: whole(events(listener, id), 4), "events")

    kinds = [each["type"] for each in told]
    assert sorted(kinds[:2]) == ["escalation.claimed", "escalation.created"]
    assert kinds[0] == "escalation.created"
    assert sorted(kinds[2:]) == ["conversation.resolved", "escalation.resolved"]
    assert all(each.keys() == {"type", "timestamp", "data"} for each in told)
    assert told[1]["data"]["assignee"] == "zoe"
    by_kind = {each["type"]: each["data"] for each in told}
    assert by_kind["escalation.created"]["id"] == case["id"]
    assert by_kind["conversation.resolved"]["resolution"] == "by_agent"


def test_thanks_is_told_as_a_confirmed_resolution(frontdesk: Frontdesk, listener: Receiver) -> None:
    name = new_name()
    frontdesk.ask("where is my order 1042?", conversation=name, customer=ANA)

    frontdesk.ask("thanks", conversation=name, customer=ANA)

    sent = frontdesk.get("/v1/conversations", customer=ANA["id"])["items"]
    [id] = [each["id"] for each in sent if each["conversation"] == name]
    [told] = wait_for(lambda: events(listener, id), "event")
    assert told["type"] == "conversation.resolved"
    assert told["data"]["resolution"] == "confirmed"
    assert any(map(is_ours, frontdesk.conversation(id)["messages"]))


def whole(found: list[Any], count: int) -> list[Any] | None:
    return found if len(found) >= count else None
