"""Runs walked again by what was recorded, and regression cases made of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestration import store, workflow
from orchestration.backtest import replays
from orchestration.backtest.cases import Cases, read_cases, write_cases
from orchestration.engine import Program
from orchestration.errors import BadInput, Conflict, NotFound
from orchestration.types import Json
from tests.fakes.floor import ANA, Floor, open_floor
from tests.fakes.workflows import SHIPPED, document

LAWYER = "where is my order 1042? I will call my lawyer"
TEXTS = (
    "where is my order 1042?",
    "return",
    "money",
    "fire",
    LAWYER,
    "cancel my order 1042 and where is my order 1043?",
)


@pytest.fixture
async def floor(migrated_sqlite: Any, tmp_path: Any) -> AsyncIterator[Floor]:
    url = f"sqlite:///{(tmp_path / 'frontdesk.db')}"
    (tmp_path / "frontdesk.db").write_bytes(migrated_sqlite.read_bytes())
    async with open_floor(url, workflow=SHIPPED) as opened:
        yield opened


async def run_of(floor: Floor, text: str) -> str:
    conversation = await floor.say(text, conversation=f"{text} {floor.sent}")
    floor.clock.move(minutes=1)
    await floor.work(conversation)
    return (await floor.see(conversation)).run.id


async def replay(floor: Floor, run: str, **how: Any) -> dict[str, Json]:
    return await replays.replay(floor.tools, floor.programs, run, **how)


def program(change: Any = None) -> Program:
    """Return the shipped workflow, its rules changed in place by `change`."""
    changed = workflow.document(workflow.parse(SHIPPED))
    if change:
        change(changed["nodes"]["route"]["rules"])
    return Program.of(workflow.parse(changed), 7)


def swap(rules: list[Any]) -> None:
    rules[0], rules[1] = rules[1], rules[0]


async def save_draft(floor: Floor) -> int:
    source = workflow.dump(program(swap).workflow)

    def save(connection: Any) -> int:
        row = store.add_draft(
            connection, name="support", source=source, author="a", base=1, now=floor.clock()
        )
        return row.version

    return await floor.database.write(save)


@pytest.mark.parametrize("text", TEXTS)
async def test_a_run_walked_again_takes_equal_steps(floor: Floor, text: str) -> None:
    run = await run_of(floor, text)
    before = await floor.count_rows()

    first = await replay(floor, run)
    second = await replay(floor, run)

    recorded = await floor.database.read(lambda c: store.list_steps(c, run))
    assert [step["differs"] for step in first["steps"]] == [[]] * len(recorded)
    assert (first["equal"], first["exact"], first["change"], first["notes"]) == (
        True,
        True,
        None,
        [],
    )
    assert first == second
    assert await floor.count_rows() == before


async def test_another_version_shows_where_it_would_differ(floor: Floor) -> None:
    run = await run_of(floor, LAWYER)
    version = await save_draft(floor)

    by_number, by_name = [await replay(floor, run, version=one) for one in (version, "draft")]

    assert by_number == by_name
    ways = [(step["node"], step["exit_before"], step["exit_after"]) for step in by_name["steps"]]
    assert ways == [
        ("classify", "done", "done"),
        ("route", "human", "simple"),
        ("escalate", "escalate", None),
    ]
    assert "comes later; 'sure and simple' takes it to simple" in by_name["change"]["why"]
    assert "what template would have answered" in by_name["notes"][0]


async def test_an_erased_run_says_that_it_cannot_be_replayed(floor: Floor) -> None:
    run = await run_of(floor, LAWYER)
    await floor.database.write(lambda c: store.erase_customer(c, ANA.external_id))

    with pytest.raises(Conflict, match="its words have been erased"):
        await replay(floor, run)


async def test_what_a_human_had_is_not_replayed(floor: Floor) -> None:
    await floor.run("fire")
    talk = await floor.run("are you there?")

    with pytest.raises(Conflict, match="no workflow decided it"):
        await replay(floor, talk.run.id)


async def test_a_run_whose_classifier_is_gone_says_so(floor: Floor) -> None:
    run = await run_of(floor, "return")
    await floor.database.write(lambda c: store.save_artifact(c, "classifier", "another", b""))

    told = await replay(floor, run)

    assert told["classifier"] == {"fingerprint": "fake", "kept": False}
    assert told["equal"]
    assert told["notes"] == [
        "the classifier that read it is gone; what it said then is what counts here"
    ]


async def test_where_a_version_needs_the_classifier_that_is_gone_it_says_so(
    migrated_sqlite: Any, tmp_path: Any
) -> None:
    (tmp_path / "bare.db").write_bytes(migrated_sqlite.read_bytes())
    bare = document("escalate")
    del bare["nodes"]["send"]
    async with open_floor(f"sqlite:///{tmp_path / 'bare.db'}", workflow=bare) as floor:
        run = await run_of(floor, "return")
        await floor.database.write(lambda c: store.save_artifact(c, "classifier", "another", b""))

        told = await replay(floor, run, version=await save_draft(floor))

    assert not told["exact"]
    assert told["notes"] == [
        "the turn was never classified",
        "the classifier that read it is gone, so it cannot be read again",
    ]


async def test_a_run_that_was_never_there_cannot_be_replayed(floor: Floor) -> None:
    with pytest.raises(NotFound):
        await replay(floor, "nowhere")


@pytest.mark.parametrize("keep_words", [True, False])
@pytest.mark.parametrize("text", TEXTS)
async def test_a_case_passes_until_a_rule_is_changed_to_break_it(
    floor: Floor, text: str, keep_words: bool
) -> None:
    cases = Cases(floor.tools, floor.programs)
    case = await cases.add(await run_of(floor, text), "mine", author="ada", keep_words=keep_words)

    kept = await cases.failures(program())
    broken = await cases.failures(program(lambda rules: rules.insert(0, _all_to("complex"))))
    otherwise = await cases.failures(program(lambda rules: rules.insert(0, _all_to("human"))))

    assert kept == []
    assert bool(broken) == (case.expected["route"] != "complex")
    assert bool(otherwise) == (case.expected["route"] != "human")
    assert all(one.startswith("mine: its route is ") for one in [*broken, *otherwise])


def _all_to(route: str) -> dict[str, Json]:
    return {"name": "all", "when": {"field": "turn", "at_least": 0}, "to": route}


async def test_a_redacted_case_holds_no_word_of_the_customers(floor: Floor) -> None:
    cases = Cases(floor.tools, floor.programs)
    run = await run_of(floor, LAWYER)

    whole = await cases.add(run, "whole", author="ada", keep_words=True)
    redacted = await cases.add(run, "redacted", author="ada")

    assert "lawyer" in json.dumps(whole.recording)
    for word in ("lawyer", "1042", "Ana", "ana@example.com"):
        assert word not in json.dumps(redacted.recording)
    assert redacted.recording["text"] == "[redacted 1]"


async def test_a_run_that_only_its_words_decide_is_no_redacted_case(floor: Floor) -> None:
    await _publish(floor, lambda rules: rules.insert(0, _names_1042()))
    cases = Cases(floor.tools, floor.programs)
    run = await run_of(floor, "where is my order 1042?")

    with pytest.raises(Conflict, match=r"without its words the run .* is not decided as it was"):
        await cases.add(run, "named", author="ada")
    await cases.add(run, "named", author="ada", keep_words=True)

    assert [case.name for case in await cases.of("support")] == ["named"]


def _names_1042() -> dict[str, Json]:
    return {"name": "1042", "when": {"field": "entities.orders", "contains": "1042"}, "to": "human"}


async def _publish(floor: Floor, change: Any) -> None:
    source = workflow.dump(program(change).workflow)

    def publish(connection: Any) -> None:
        row = store.add_draft(
            connection, name="support", source=source, author="a", base=1, now=floor.clock()
        )
        store.publish_version(
            connection, "support", row.version, author="a", note="", now=floor.clock()
        )

    await floor.database.write(publish)
    await floor.programs.refresh()


async def test_erasing_a_customer_redacts_the_cases_made_of_their_words(floor: Floor) -> None:
    cases = Cases(floor.tools, floor.programs)
    await cases.add(await run_of(floor, LAWYER), "mine", author="ada", keep_words=True)
    exported = await floor.database.read(lambda c: store.export_customer(c, ANA.external_id))

    await floor.database.write(lambda c: store.erase_customer(c, ANA.external_id))

    [case] = await cases.of("support")
    assert [one["name"] for one in exported["conversations"][0]["regression_cases"]] == ["mine"]
    assert case.is_redacted
    assert "lawyer" not in json.dumps(case.recording)
    assert await cases.failures(program()) == []
    assert await cases.failures(program(swap)) != []


async def test_cases_go_out_as_yaml_and_come_back(floor: Floor) -> None:
    cases = Cases(floor.tools, floor.programs)
    for number, text in enumerate(TEXTS):
        await cases.add(await run_of(floor, text), f"case {number}", author="ada")
    before = await cases.of("support")
    text = write_cases(before)

    for case in before:
        await cases.remove("support", case.name, author="ada")
    names = await cases.take_in(text, author="ada")

    after = await cases.of("support")
    assert names == [case.name for case in before]
    assert write_cases(after) == text
    assert await cases.failures(program()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ("name: one", "cases are a list"),
        ("- {name: one}", "case 1: workflow must be a str"),
        (
            "- {workflow: w, name: n, expected: {color: red}, recording: {}}",
            "expected has no color",
        ),
        ("- {workflow: w, name: n, expected: {}, recording: {}}", "case 1.recording is not as"),
    ],
)
def test_what_is_no_case_is_refused_with_its_place(text: str, problem: str, floor: Floor) -> None:
    with pytest.raises(BadInput, match=problem):
        read_cases(text, author="ada", now=floor.clock())


async def test_a_case_is_removed_once(floor: Floor) -> None:
    cases = Cases(floor.tools, floor.programs)
    await cases.add(await run_of(floor, "return"), "mine", author="ada")

    await cases.remove("support", "mine", author="ada")

    with pytest.raises(NotFound, match="no case named 'mine'"):
        await cases.remove("support", "mine", author="ada")
    audited = await floor.database.read(lambda c: store.list_audit(c, limit=2))
    assert [one.action for one in audited] == ["case.removed", "case.added"]
    assert "mine" not in json.dumps([one.details for one in audited])
