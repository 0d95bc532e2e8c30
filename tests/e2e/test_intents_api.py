"""The intents over HTTP, and what people teach by them."""

import re

import pytest

from tests.e2e.frontdesk import Frontdesk, Json, is_problem, new_name, wait_for


def proposed(frontdesk: Frontdesk, text: str, intent: str) -> Json:
    """Let a customer write, and say what it is really about."""
    reply = frontdesk.ask(text, conversation=new_name())
    body = {"agent": "zoe", "intent": intent}
    answer = frontdesk.admin.post(f"/v1/runs/{reply['run_id']}/correct", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def decide(frontdesk: Frontdesk, example: Json, how: str) -> Json:
    path = f"/v1/examples/{example['id']}/{how}"
    answer = frontdesk.admin.post(path, json={"agent": "ada"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_intents_can_be_put_back_as_they_are(frontdesk: Frontdesk) -> None:
    listed = frontdesk.get("/v1/intents")["items"]

    answer = frontdesk.admin.put("/v1/intents", json={"items": listed})

    assert answer.json()["items"] == listed
    assert {"name", "description", "examples", "complexity", "urgency"} <= listed[0].keys()


@pytest.mark.parametrize(
    ("items", "field", "words"),
    [
        ([], "intents", "at least two"),
        ([{"name": "a", "examples": []}], "examples", "intent a, examples: is empty"),
        ([{"name": "a", "examples": ["b"], "urgency": "soon"}], "urgency", "one of low, normal"),
        ([{"name": "a", "examples": ["b"], "colour": "red"}], "colour", "no such field"),
        (["a"], "intent", "fields and values"),
    ],
)
def test_a_wrong_intent_is_named_and_nothing_is_changed(
    frontdesk: Frontdesk, items: Json, field: str, words: str
) -> None:
    before = frontdesk.get("/v1/intents")["items"]

    answer = frontdesk.admin.put("/v1/intents", json={"items": items})

    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == field
    assert words in answer.text
    assert frontdesk.get("/v1/intents")["items"] == before


def test_a_correction_is_listed_and_an_accepted_one_is_among_the_examples(
    frontdesk: Frontdesk,
) -> None:
    text = f"the flibbet of my parcel {new_name()}"
    example = proposed(frontdesk, text, "order_status")
    listed = frontdesk.get("/v1/examples", status="proposed")["items"]

    accepted = decide(frontdesk, example, "accept")

    intents = {each["name"]: each for each in frontdesk.get("/v1/intents")["items"]}
    wait_for(lambda: frontdesk.get("/v1/intents")["learnt"], "training with the example")
    again = frontdesk.admin.post(f"/v1/examples/{example['id']}/reject", json={"agent": "ada"})
    assert example in listed
    assert (accepted["status"], accepted["decided_by"]) == ("accepted", "ada")
    assert text in intents["order_status"]["examples"]
    assert is_problem(again, 409)
    assert again.json()["current"] == {"status": "accepted"}


def test_an_accepted_example_is_an_observation(frontdesk: Frontdesk) -> None:
    text = f"where is my parcel, the {new_name()}"
    decide(frontdesk, proposed(frontdesk, text, "warranty"), "accept")

    figures = frontdesk.get("/v1/intents/figures")
    later = frontdesk.get("/v1/intents/figures", since="2100-01-01T00:00:00Z")
    shown = frontdesk.anyone.get("/metrics").text

    assert 0 < figures["local_share"] <= 1
    assert figures["turns"] > 0
    assert sum(band["examples"] for band in figures["bands"]) >= 1
    assert (later["turns"], later["bands"]) == (0, [])
    assert re.search(
        r'frontdesk_observations_total\{confidence="[01]\.\d",correct="no"\} [1-9]', shown
    )


def test_a_rejected_example_is_not_among_the_examples(frontdesk: Frontdesk) -> None:
    text = f"the flubbet of my parcel {new_name()}"
    example = proposed(frontdesk, text, "order_status")

    rejected = decide(frontdesk, example, "reject")

    assert rejected["status"] == "rejected"
    assert text not in frontdesk.admin.get("/v1/intents").text


def test_a_correction_to_an_unknown_intent_names_those_there_are(frontdesk: Frontdesk) -> None:
    reply = frontdesk.ask("where is my order 1042?", conversation=new_name())

    answer = frontdesk.admin.post(
        f"/v1/runs/{reply['run_id']}/correct", json={"agent": "zoe", "intent": "flibbet"}
    )

    assert is_problem(answer, 422)
    assert "'flibbet' is no intent; there are: order_status" in answer.text


@pytest.mark.parametrize("path", ["/v1/intents", "/v1/examples", "/v1/intents/confusions"])
def test_intents_are_the_admins(frontdesk: Frontdesk, path: str) -> None:
    assert is_problem(frontdesk.system.get(path), 401)


def test_the_pairs_that_collide_are_listed_worst_first(frontdesk: Frontdesk) -> None:
    def look() -> Json:
        answer = frontdesk.admin.get("/v1/intents/confusions")
        assert answer.status_code in (200, 202)
        return answer.json()["items"] if answer.status_code == 200 else None

    found = wait_for(look, "confusions of the shipped intents")

    counts = [each["misread"] for each in found]
    assert counts == sorted(counts, reverse=True)
    for each in found:
        assert len(each["collisions"]) == each["misread"] <= each["examples"]
        for collision in each["collisions"]:
            assert {collision["intent"], collision["taken_for"]} == set(each["intents"])
