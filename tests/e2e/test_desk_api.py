from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.frontdesk import (
    ANA,
    LAWYER,
    Frontdesk,
    Json,
    fields_of,
    is_problem,
    new_name,
    wait_for,
)

CARD = "4111 1111 1111 1111"


def act(frontdesk: Frontdesk, case: Json, name: str, **fields: Json) -> Json:
    """Carry out a command and return the case with what the command changed."""
    return {**case, **frontdesk.command(case, name, **fields)}


def reread(frontdesk: Frontdesk, case: Json) -> Json:
    return frontdesk.get(f"/v1/escalations/{case['id']}")


def said(frontdesk: Frontdesk, case: Json) -> list[Json]:
    path = f"/v1/conversations/{case['conversation_id']}"
    found: list[Json] = frontdesk.system.get(path).json()["messages"]
    return found


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_a_case_from_the_first_word_to_the_last(frontdesk: Frontdesk) -> None:
    name = new_name()
    case = frontdesk.escalate(conversation=name)
    path = f"/v1/conversations/{case['conversation_id']}"
    listed = frontdesk.get("/v1/escalations", status="open", limit=200)["items"]
    assert case["id"] in [each["id"] for each in listed]

    claimed = act(frontdesk, case, "claim")
    late = frontdesk.try_command(case, "claim", agent="yan")
    assert is_problem(late, 409)
    assert late.json()["current"] == {
        "status": "claimed",
        "assignee": "zoe",
        "version": claimed["version"],
    }
    assert frontdesk.get(path)["assignee"] == "zoe"

    replied = act(frontdesk, claimed, "reply", text="Zoe here: which charge was doubled?")
    noted = act(frontdesk, replied, "note", text="smells of fraud")
    assert said(frontdesk, case)[-1]["text"] == "Zoe here: which charge was doubled?"
    assert "smells of fraud" in frontdesk.admin.get(path).text
    assert "smells of fraud" not in frontdesk.system.get(path).text

    handed_back = act(frontdesk, noted, "hand-back")
    assert handed_back["status"] == "handed_back"
    assert frontdesk.get(path)["status"] == "open"
    answer = frontdesk.ask("where is my order 1042?", conversation=name)
    assert answer["author"] == "bot"
    assert "TRK-1042" in answer["text"]

    second = frontdesk.escalate(conversation=name)
    assert second["id"] != case["id"]
    resolved = act(frontdesk, act(frontdesk, second, "claim"), "resolve", reason="refunded")
    assert resolved["status"] == "resolved"
    assert frontdesk.get(path)["resolution"] == "by_agent"

    frontdesk.ask("thanks", conversation=name)
    assert (frontdesk.get(path)["status"], frontdesk.get(path)["resolution"]) == (
        "resolved",
        "by_agent",
    )

    frontdesk.ask("where is my order 1043?", conversation=name)
    assert (frontdesk.get(path)["status"], frontdesk.get(path)["resolution"]) == ("open", None)


def test_a_case_has_the_contracts_shape(frontdesk: Frontdesk) -> None:
    case = reread(frontdesk, frontdesk.escalate())

    assert case.keys() >= {
        *("id", "conversation_id", "status", "reason", "urgency", "queue", "assignee", "version"),
        *("due_at", "snoozed_until", "brief"),
    }
    assert case["brief"].keys() >= {
        *("summary", "classification", "customer", "orders", "transcript", "suggested_reply"),
        "tried",
    }
    assert (case["status"], case["assignee"], case["snoozed_until"]) == ("open", None, None)
    assert case["due_at"]


def test_the_brief_says_what_an_agent_needs(frontdesk: Frontdesk) -> None:
    name = new_name()
    frontdesk.ask("where is my order 1042?", conversation=name)

    brief = frontdesk.escalate(conversation=name)["brief"]

    assert LAWYER in brief["summary"]
    assert "verified" in brief["summary"]
    assert brief["classification"]["risk"] == "legal"
    assert {order["id"] for order in brief["orders"]} == {"1042", "1043"}
    assert [each["author"] for each in brief["transcript"]] == ["customer", "bot", "customer"]
    assert ANA["email"] in str(brief["customer"])
    assert brief["tried"]


def test_further_messages_join_the_case(frontdesk: Frontdesk) -> None:
    name = new_name()
    case = frontdesk.escalate(conversation=name)

    frontdesk.ask("are you there? I want my money", conversation=name)

    open_cases = frontdesk.get("/v1/escalations", status="open", limit=200)["items"]
    own = [each for each in open_cases if each["conversation_id"] == case["conversation_id"]]
    texts = [each["text"] for each in reread(frontdesk, case)["messages"]]
    assert [each["id"] for each in own] == [case["id"]]
    assert "are you there? I want my money" in texts


def test_the_bot_is_silent_while_an_agent_has_the_conversation(frontdesk: Frontdesk) -> None:
    name = new_name()
    case = act(frontdesk, frontdesk.escalate(conversation=name), "claim")

    frontdesk.send("where is my order 1042?", conversation=name)
    act(frontdesk, case, "reply", text="Zoe here.")

    authors = [each["author"] for each in said(frontdesk, case)]
    assert authors == ["customer", "bot", "customer", "agent"]


def test_hand_back_does_not_answer_old_words(frontdesk: Frontdesk) -> None:
    name = new_name()
    case = act(frontdesk, frontdesk.escalate(conversation=name), "claim")
    frontdesk.send(LAWYER, conversation=name)
    act(frontdesk, case, "hand-back")

    answer = frontdesk.ask("where is my order 1042?", conversation=name)

    assert "TRK-1042" in answer["text"]
    assert [each["author"] for each in said(frontdesk, case)].count("bot") == 2


def test_a_release_puts_the_case_back_in_its_queue(frontdesk: Frontdesk) -> None:
    case = act(frontdesk, frontdesk.escalate(), "claim")

    released = act(frontdesk, case, "release")

    assert (released["status"], released["assignee"]) == ("open", None)
    assert frontdesk.conversation(case["conversation_id"])["status"] == "escalated"
    assert act(frontdesk, released, "claim", agent="yan")["assignee"] == "yan"


def test_a_case_may_be_given_to_another_agent(frontdesk: Frontdesk) -> None:
    case = act(frontdesk, frontdesk.escalate(), "claim")

    given = act(frontdesk, case, "reassign", to="yan")

    assert given["assignee"] == "yan"
    assert is_problem(frontdesk.try_command(given, "reply", text="Zoe here."), 409)
    assert act(frontdesk, given, "reply", agent="yan", text="Yan here.")["message_id"]


@pytest.mark.parametrize("name", ["release", "reply", "hand-back", "resolve"])
def test_only_the_assignee_commands_a_claimed_case(frontdesk: Frontdesk, name: str) -> None:
    case = act(frontdesk, frontdesk.escalate(), "claim")
    words = {"text": "Yan here."} if name == "reply" else {}

    answer = frontdesk.try_command(case, name, agent="yan", **words)

    assert is_problem(answer, 409)
    assert answer.json()["current"]["assignee"] == "zoe"


def test_a_stale_version_changes_nothing(frontdesk: Frontdesk) -> None:
    case = frontdesk.escalate()
    claimed = act(frontdesk, case, "claim")

    answer = frontdesk.try_command(case, "reply", text="too late")

    assert is_problem(answer, 409)
    assert answer.json()["current"]["version"] == claimed["version"]
    assert "too late" not in str(said(frontdesk, case))


def test_a_snoozed_case_says_until_when(frontdesk: Frontdesk) -> None:
    case = frontdesk.escalate()

    act(frontdesk, case, "snooze", until=in_days(14))

    after = reread(frontdesk, case)
    assert after["snoozed_until"] is not None
    assert after["due_at"] > case["due_at"]


@pytest.mark.parametrize(
    "until",
    [
        "2001-01-01T00:00:00Z",
        "2030-01-01T00:00:00",
        "9999-12-31T23:59:59-23:59",
        "9999-12-31T00:00:00Z",
        "tomorrow",
        10**18,
        None,
    ],
)
def test_a_case_is_not_snoozed_into_nonsense(frontdesk: Frontdesk, until: Json) -> None:
    case = frontdesk.escalate()

    assert is_problem(frontdesk.try_command(case, "snooze", until=until), 422)
    assert reread(frontdesk, case)["version"] == case["version"]


def test_a_command_under_one_key_is_done_once(frontdesk: Frontdesk) -> None:
    case, key = act(frontdesk, frontdesk.escalate(), "claim"), new_name()

    first = frontdesk.command(case, "reply", key=key, text="Zoe here.")
    again = frontdesk.command(case, "reply", key=key, text="Zoe here.")

    assert again == first
    assert [each["text"] for each in said(frontdesk, case)].count("Zoe here.") == 1


def test_a_key_is_good_for_one_command_alone(frontdesk: Frontdesk) -> None:
    case, key = act(frontdesk, frontdesk.escalate(), "claim"), new_name()
    frontdesk.command(case, "reassign", key=key, to="yan")

    other = frontdesk.try_command(case, "reassign", key=key, to="xia")

    assert is_problem(other, 409)
    assert reread(frontdesk, case)["assignee"] == "yan"


def test_a_case_that_is_over_takes_no_commands(frontdesk: Frontdesk) -> None:
    case = act(frontdesk, frontdesk.escalate(), "resolve", reason=f"paid with {CARD}")

    assert is_problem(frontdesk.try_command(case, "claim"), 409)
    assert CARD not in str(reread(frontdesk, case))


def test_card_numbers_in_agents_words_are_masked(frontdesk: Frontdesk) -> None:
    case = act(frontdesk, frontdesk.escalate(), "claim")
    case = act(frontdesk, case, "note", text=f"charged {CARD}", key=new_name())

    act(frontdesk, case, "reply", text=f"we refunded {CARD}", key=new_name())

    assert CARD not in frontdesk.admin.get(f"/v1/conversations/{case['conversation_id']}").text
    assert CARD not in str(frontdesk.rows("SELECT fingerprint, answer FROM commands"))


@pytest.mark.parametrize(
    ("name", "fields", "wrong"),
    [
        ("reply", {}, "text"),
        ("reply", {"text": ""}, "text"),
        ("note", {"text": "a\0b"}, "text"),
        ("reassign", {}, "to"),
        ("reassign", {"to": ""}, "to"),
        ("claim", {"agent": ""}, "agent"),
        ("claim", {"agent": None}, "agent"),
        ("claim", {"version": -1}, "version"),
        ("claim", {"version": 10**30}, "version"),
        ("claim", {"version": 1.5}, "version"),
        ("claim", {"urgent": True}, "urgent"),
    ],
)
def test_a_command_that_makes_no_sense_names_its_field(
    frontdesk: Frontdesk, name: str, fields: Json, wrong: str
) -> None:
    answer = frontdesk.try_command({"id": "any", "version": 1}, name, **fields)

    assert is_problem(answer, 422)
    assert wrong in fields_of(answer)


def test_a_blank_reply_is_not_sent(frontdesk: Frontdesk) -> None:
    case = act(frontdesk, frontdesk.escalate(), "claim")

    answer = frontdesk.try_command(case, "reply", text="  \n")

    assert is_problem(answer, 422)
    assert fields_of(answer) == {"text"}


def test_a_case_that_is_not_there_is_a_404(frontdesk: Frontdesk) -> None:
    assert is_problem(frontdesk.admin.get("/v1/escalations/nobody"), 404)
    assert is_problem(frontdesk.try_command({"id": "nobody", "version": 1}, "claim"), 404)
    assert is_problem(frontdesk.admin.get("/v1/approvals/nobody"), 404)
    release = frontdesk.admin.post("/v1/approvals/nobody/release", json={"agent": "zoe"})
    assert is_problem(release, 404)


def test_cases_are_listed_newest_first_in_pages(frontdesk: Frontdesk) -> None:
    made = [frontdesk.escalate()["id"] for _ in range(3)]

    first = frontdesk.get("/v1/escalations", limit=2)
    second = frontdesk.get("/v1/escalations", limit=2, cursor=first["next"])

    ids = [each["id"] for each in (*first["items"], *second["items"])]
    assert ids[:3] == made[::-1]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("status", ["open", "claimed", "handed_back", "resolved"])
def test_cases_are_listed_by_status(frontdesk: Frontdesk, status: str) -> None:
    case = frontdesk.escalate()
    if status != "open":
        case = act(frontdesk, case, "claim")
    if status == "handed_back":
        case = act(frontdesk, case, "hand-back")
    if status == "resolved":
        case = act(frontdesk, case, "resolve")

    listed = frontdesk.get("/v1/escalations", status=status)["items"]

    assert {each["status"] for each in listed} == {status}
    assert listed[0]["id"] == case["id"]


def test_approvals_are_listed(frontdesk: Frontdesk) -> None:
    assert frontdesk.get("/v1/approvals", status="open").keys() == {"items", "next"}


def test_a_visitors_never_mind_resolves_an_unclaimed_case(frontdesk: Frontdesk) -> None:
    name = new_name()
    case = frontdesk.escalate(conversation=name)

    frontdesk.send("never mind, it is solved", conversation=name)

    after = wait_for(lambda: resolved(reread(frontdesk, case)), "resolution")
    assert after["end_reason"]
    conversation = frontdesk.conversation(case["conversation_id"])
    assert (conversation["status"], conversation["resolution"]) == ("resolved", "confirmed")


def resolved(case: Json) -> Json:
    return case if case["status"] == "resolved" else None
