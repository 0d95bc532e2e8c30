"""What the OpenAPI document says is answered, against what is."""

import pytest

from bot.api import answers
from tests.e2e.frontdesk import ANA, Frontdesk, Json, new_name
from tests.fakes.described import agrees

FILE = {"name": "proof.txt", "type": "text/plain", "content_base64": "aGVsbG8="}
TWO_THINGS = "I want a refund for order 1043 and where is my order 1042?"


@pytest.fixture(scope="module")
def case(frontdesk: Frontdesk) -> Json:
    return frontdesk.escalate(conversation=new_name(), attachments=[FILE])


def test_the_list_of_cases_is_as_described(frontdesk: Frontdesk, case: Json) -> None:
    agrees(answers.CasesOut, frontdesk.get("/v1/escalations", limit=200))


def test_a_case_is_as_described_from_the_first_word_to_the_last(
    frontdesk: Frontdesk, case: Json
) -> None:
    path = f"/v1/escalations/{case['id']}"
    agrees(answers.WholeCaseOut, frontdesk.get(path))

    for name, fields in (
        ("claim", {}),
        ("reply", {"text": "Zoe here."}),
        ("note", {"text": "smells of fraud"}),
        ("resolve", {"reason": "paid back"}),
    ):
        case = {**case, **frontdesk.command(case, name, **fields)}
        answer = {key: case[key] for key in COMMAND_FIELDS if key in case}
        agrees(answers.CommandOut, answer)
        agrees(answers.WholeCaseOut, frontdesk.get(path))

    agrees(answers.ConversationOut, frontdesk.get(f"/v1/conversations/{case['conversation_id']}"))


def test_a_refused_command_is_as_described(frontdesk: Frontdesk) -> None:
    open_case = frontdesk.escalate(conversation=new_name())
    frontdesk.command(open_case, "claim")

    refused = frontdesk.try_command(open_case, "claim", agent="yan")

    agrees(answers.ProblemOut, refused.json())


def test_a_run_of_several_parts_and_its_correction_are_as_described(frontdesk: Frontdesk) -> None:
    said = frontdesk.ask(TWO_THINGS, customer=ANA, conversation=new_name())
    path = f"/v1/runs/{said['run_id']}"

    agrees(answers.RunOut, frontdesk.get(path))
    corrected = frontdesk.admin.post(
        f"{path}/correct", json={"agent": "zoe", "intent": "refund_policy", "part": 0}
    )
    agrees(answers.ExampleOut, corrected.json())


def test_the_intents_are_as_described(frontdesk: Frontdesk) -> None:
    agrees(answers.IntentsOut, frontdesk.get("/v1/intents"))


COMMAND_FIELDS = answers.CommandOut.model_fields
