"""What people teach: corrections and resolved cases become examples that an admin decides on."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection

from integrations.classifiers.local import LocalClassifier
from integrations.knowledge import knowledge
from orchestration import learning, store
from orchestration.catalog import Catalog
from orchestration.errors import BadInput, Conflict, NotFound
from orchestration.models import Example, Run, Step, metadata
from orchestration.parts import Part, as_json
from orchestration.types import Confusion, ConversationId, Intent, Reading
from tests.fakes.floor import BEN, INTENTS, FakeClassifier, Floor, open_floor
from tests.fakes.workflows import SHIPPED

TAUGHT = (
    Intent(
        name="order_status",
        complexity="simple",
        examples=("where is my parcel", "has it been shipped", "track my delivery"),
    ),
    Intent(
        name="refund_request",
        complexity="complex",
        examples=("give me my money back", "I want a refund", "refund my purchase"),
    ),
)

READ = {"intent": "order_status", "confidence": 0.9}
OTHERWISE = {"intent": "other", "confidence": 0.2}

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=SHIPPED) as floor:
        yield floor


async def the_run(floor: Floor, text: str) -> Run:
    return (await floor.run(text)).run


async def correct(
    floor: Floor, run: str, intent: str, *, by: str = "maria", part: int = 0
) -> Example:
    return await floor.database.write(
        lambda connection: learning.correct(
            connection, run, intent=intent, by=by, now=floor.clock(), part=part
        )
    )


async def decide(floor: Floor, example: str, how: str, **more: Any) -> Example:
    act = {"accept": learning.accept, "reject": learning.reject}[how]
    return await floor.database.write(
        lambda connection: act(connection, example, by="admin", now=floor.clock(), **more)
    )


async def examples(floor: Floor, status: str | None = None) -> list[Example]:
    return await floor.database.read(lambda c: store.list_examples(c, status=status))


async def learnt(floor: Floor) -> dict[str, tuple[str, ...]]:
    found = await floor.database.read(store.list_intents)
    return {intent.name: intent.examples for intent in found}


async def test_a_correction_becomes_a_proposed_example_with_what_it_came_from(floor: Floor) -> None:
    run = await the_run(floor, "where is my card 4111 1111 1111 1111? write to ana@example.com")

    example = await correct(floor, run.id, "refund_request")

    assert await examples(floor, "proposed") == [example]
    assert example.text == "where is my card [card number removed]? write to [e-mail removed]"
    assert (example.run_id, example.conversation_id) == (run.id, run.conversation_id)
    assert run.messages == [example.message_id]
    assert (example.intent, example.guess, example.confidence) == (
        "refund_request",
        "order_status",
        0.98,
    )
    assert (example.source, example.proposed_by) == ("correction", "maria")
    assert example.proposed_at == floor.clock()
    assert "refund" not in json.dumps(await learnt(floor)).replace("refund_request", "")


async def test_a_later_correction_replaces_the_undecided_one(floor: Floor) -> None:
    run = await the_run(floor, "where is it")
    first = await correct(floor, run.id, "refund_request")

    second = await correct(floor, run.id, "return_policy", by="john")

    assert await examples(floor) == [second]
    assert (second.id, second.intent, second.proposed_by) == (first.id, "return_policy", "john")


async def test_an_accepted_example_belongs_to_its_intent_and_is_learnt(database_url: str) -> None:
    async with open_floor(
        database_url, workflow=SHIPPED, intents=TAUGHT, classifier=LocalClassifier
    ) as floor:
        text = "wherefore art thou"
        run = await the_run(floor, text)
        example = await correct(floor, run.id, "order_status")
        before = (await floor.tools.catalog.read(text)).probabilities

        accepted = await decide(floor, example.id, "accept")
        still = (await floor.tools.catalog.read(text)).probabilities
        intents = await floor.database.read(store.list_intents)
        learnt_at_first = await floor.tools.catalog.is_learnt(intents)
        await floor.tools.catalog.refresh()
        after = (await floor.tools.catalog.read(text)).probabilities

        assert (accepted.status, accepted.decided_by) == ("accepted", "admin")
        assert (await learnt(floor))["order_status"][-1] == text
        assert still == before
        assert (learnt_at_first, await floor.tools.catalog.is_learnt(intents)) == (False, True)
        assert after["order_status"] > max(0.6, before["order_status"])


async def test_a_rejected_example_stays_out(floor: Floor) -> None:
    run = await the_run(floor, "where is it")
    example = await correct(floor, run.id, "refund_request")
    before = await learnt(floor)

    rejected = await decide(floor, example.id, "reject")

    assert (rejected.status, rejected.decided_by) == ("rejected", "admin")
    assert await learnt(floor) == before
    assert await examples(floor, "proposed") == []


@sqlite_alone
@pytest.mark.parametrize("first", ["accept", "reject"])
@pytest.mark.parametrize("second", ["accept", "reject"])
async def test_what_is_decided_is_not_decided_again(floor: Floor, first: str, second: str) -> None:
    run = await the_run(floor, "where is it")
    example = await correct(floor, run.id, "refund_request")
    await decide(floor, example.id, first)
    before = await learnt(floor)

    with pytest.raises(Conflict, match=f"the example is {first}ed by admin"):
        await decide(floor, example.id, second)

    assert await learnt(floor) == before


@sqlite_alone
async def test_a_correction_after_the_decision_is_refused(floor: Floor) -> None:
    run = await the_run(floor, "where is it")
    example = await correct(floor, run.id, "refund_request")
    decided = await decide(floor, example.id, "reject")

    with pytest.raises(Conflict, match="the example is rejected by admin"):
        await correct(floor, run.id, "order_status")

    assert await examples(floor) == [decided]


@sqlite_alone
async def test_words_may_be_accepted_for_another_intent(floor: Floor) -> None:
    run = await the_run(floor, "where is it")
    example = await correct(floor, run.id, "refund_request")

    accepted = await decide(floor, example.id, "accept", intent="return_policy")

    assert accepted.intent == "return_policy"
    assert (await learnt(floor))["return_policy"] == ("where is it",)
    assert (await learnt(floor))["refund_request"] == ()


@sqlite_alone
async def test_words_that_the_intent_has_are_not_added_twice(floor: Floor) -> None:
    for conversation in ("one", "two"):
        talk = await floor.say("where is it", conversation=conversation)
        await floor.work(talk)
        example = await correct(floor, (await floor.see(talk)).run.id, "refund_request")
        await decide(floor, example.id, "accept")

    assert (await learnt(floor))["refund_request"] == ("where is it",)


async def test_a_case_that_an_agent_resolved_proposes_what_led_to_it(floor: Floor) -> None:
    talk = await escalated(floor, "I want my money back")

    await floor.command("resolve", talk, text="refunded")

    [example] = await examples(floor)
    assert (example.source, example.status) == ("resolution", "proposed")
    assert (example.text, example.intent) == ("I want my money back", "refund_request")
    assert example.proposed_by == "maria"


@sqlite_alone
async def test_a_resolved_case_leaves_its_correction_as_it_is(floor: Floor) -> None:
    talk = await escalated(floor, "I want my money back")
    correction = await correct(floor, (await floor.see(talk)).run.id, "return_policy")

    await floor.command("resolve", talk)

    assert await examples(floor) == [correction]


@sqlite_alone
async def test_a_case_of_no_known_intent_is_accepted_only_with_one(floor: Floor) -> None:
    talk = await escalated(floor, "I shall call my lawyer about this")
    await floor.command("resolve", talk)
    [example] = await examples(floor)

    with pytest.raises(BadInput, match="name the intent") as refused:
        await decide(floor, example.id, "accept")

    assert (example.intent, example.guess, refused.value.field) == (None, "other", "intent")
    await decide(floor, example.id, "accept", intent="emergency")
    assert (await learnt(floor))["emergency"] == ("I shall call my lawyer about this",)


@sqlite_alone
async def test_a_case_whose_words_are_an_example_already_proposes_nothing(
    database_url: str,
) -> None:
    known = [
        Intent(name="refund_request", examples=("I want my Money back",)),
        *(intent for intent in INTENTS if intent.name != "refund_request"),
    ]
    async with open_floor(database_url, workflow=SHIPPED, intents=known) as floor:
        await floor.command("resolve", await escalated(floor, "I want my money back"))

        assert await examples(floor) == []


async def escalated(floor: Floor, text: str) -> ConversationId:
    talk = await floor.say(text)
    await floor.work(talk)
    return talk


async def note_asked(floor: Floor, step: Step, outcome: str) -> None:
    """Record that a model was asked too, and what came of it."""
    asked = step.model_copy(update={"output": {**step.output, "asked": {"outcome": outcome}}})
    await floor.database.write(lambda connection: store.record_steps(connection, [asked]))


SEVERAL = (
    Part(number=1, text="where is it", classification=READ, outcome="send"),
    Part(number=2, text="burn my invoice", classification=OTHERWISE, outcome="escalate"),
)


async def test_a_part_of_a_turn_is_corrected_by_its_number(floor: Floor) -> None:
    run = await the_run(floor, "where is it, and burn my invoice")
    await floor.database.write(lambda c: store.change_run(c, run.id, parts=as_json(SEVERAL)))

    example = await correct(floor, run.id, "emergency", part=2)

    assert (example.part, example.text) == (2, "burn my invoice")
    assert (example.guess, example.confidence) == ("other", 0.2)
    with pytest.raises(BadInput, match="is 0, but the run has the parts 1, 2") as refused:
        await correct(floor, run.id, "emergency")
    assert refused.value.field == "part"


@sqlite_alone
async def test_of_a_turn_in_parts_a_resolved_case_proposes_what_a_human_had(floor: Floor) -> None:
    talk = await escalated(floor, "I want my money back")
    run = (await floor.see(talk)).run
    await floor.database.write(lambda c: store.change_run(c, run.id, parts=as_json(SEVERAL)))

    await floor.command("resolve", talk)

    assert [(each.part, each.text) for each in await examples(floor)] == [(2, "burn my invoice")]


async def test_the_figures_count_what_was_classified_and_found_right(floor: Floor) -> None:
    for number, (text, intent, how) in enumerate(
        (
            ("where is it", "order_status", "accept"),
            ("where is that", "refund_request", "accept"),
            ("where was it", "return_policy", None),
            ("where were we", "emergency", "reject"),
            ("hmpf", "emergency", "accept"),
        )
    ):
        talk = await floor.say(text, conversation=f"talk {number}")
        await floor.work(talk)
        example = await correct(floor, (await floor.see(talk)).run.id, intent)
        if how:
            await decide(floor, example.id, how)
        said = "agreed" if number < 3 else "differed"
        await note_asked(floor, (await floor.see(talk)).step("classify"), said)

    found = await floor.database.read(learning.figures)
    later = await floor.database.read(
        lambda c: learning.figures(c, since=floor.clock() + timedelta(days=1))
    )

    assert (found["turns"], found["local_share"]) == (5, 1.0)
    assert (found["asked"], found["agreement"]) == ({"agreed": 3, "differed": 2}, 0.6)
    assert [(band["from"], band["examples"], band["correct"]) for band in found["bands"]] == [
        (0.0, 1, 0.0),
        (0.9, 3, pytest.approx(1 / 3)),
    ]
    assert found["bands"][1]["confidence"] == pytest.approx(0.98)
    assert (later["turns"], later["local_share"], later["bands"]) == (0, None, [])


@sqlite_alone
async def test_an_unknown_intent_is_named_with_those_there_are(floor: Floor) -> None:
    run = await the_run(floor, "where is it")

    with pytest.raises(
        BadInput, match="'refunds' is no intent; there are: order_status"
    ) as refused:
        await correct(floor, run.id, "refunds")

    assert refused.value.field == "intent"


@sqlite_alone
async def test_a_run_that_nobody_knows_is_not_found(floor: Floor) -> None:
    with pytest.raises(NotFound, match="there is no run 'none'"):
        await correct(floor, "none", "order_status")


@pytest.mark.parametrize("decision", [None, "accept", "reject"])
async def test_examples_are_erased_with_their_customer(floor: Floor, decision: str | None) -> None:
    run = await the_run(floor, "where is my zanzibar")
    example = await correct(floor, run.id, "refund_request")
    if decision:
        await decide(floor, example.id, decision)
    held = await floor.database.read(lambda c: store.export_customer(c, "C-1001"))
    version = await floor.database.read(store.content_version)

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    left = await floor.database.read(_everything)
    assert held["conversations"][0]["examples"][0]["text"] == "where is my zanzibar"
    assert "zanzibar" not in left
    assert [each.status for each in await examples(floor)] == ["erased"]
    changed = await floor.database.read(store.content_version) > version
    assert changed == (decision == "accept")


def _everything(connection: Connection) -> str:
    return "\n".join(
        str(row) for each in metadata.tables.values() for row in connection.execute(each.select())
    )


@sqlite_alone
async def test_an_admins_own_example_outlives_the_customer_who_said_the_same(floor: Floor) -> None:
    own = [Intent(name="order_status", examples=("Where is it",)), *INTENTS[1:]]
    await floor.database.write(lambda c: store.replace_intents(c, own))
    run = await the_run(floor, "where is it")
    example = await correct(floor, run.id, "order_status")
    await decide(floor, example.id, "accept")

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    assert (await learnt(floor))["order_status"] == ("Where is it",)


class Noting(FakeClassifier):
    """Notes what it reads."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    def read(self, text: str) -> Reading:
        self._texts.append(text)
        return super().read(text)


@sqlite_alone
async def test_what_a_first_reading_loads_is_loaded_before_anybody_asks(database_url: str) -> None:
    texts: list[str] = []

    async with open_floor(database_url, workflow=SHIPPED, classifier=lambda: Noting(texts)):
        assert len(texts) == 1


class Comparing(FakeClassifier):
    """Compares intents once it is let, and fails as often as it is told to."""

    def __init__(
        self, asked: list[str], begun: Event, gate: Event, failures: list[BadInput]
    ) -> None:
        super().__init__()
        self._asked, self._begun, self._gate, self._failures = asked, begun, gate, failures

    def fingerprint_of(self, intents: Sequence[Intent]) -> str:
        return " ".join(intent.name for intent in intents)

    def find_confusions(self, intents: Sequence[Intent]) -> list[Confusion]:
        self._asked.append(self.fingerprint_of(intents))
        self._begun.set()
        self._gate.wait()
        if self._failures:
            raise self._failures.pop()
        return []


@sqlite_alone
async def test_confusions_are_worked_out_once_though_who_asked_first_has_left(
    database_url: str,
) -> None:
    asked, begun, gate = list[str](), Event(), Event()
    async with open_floor(
        database_url, workflow=SHIPPED, classifier=lambda: Comparing(asked, begun, gate, [])
    ) as floor:
        first = asyncio.create_task(floor.tools.catalog.find_confusions())
        await asyncio.to_thread(begun.wait)
        first.cancel()
        second = asyncio.create_task(floor.tools.catalog.find_confusions())
        gate.set()

        assert await second == []
        assert await floor.tools.catalog.find_confusions() == []
        assert len(asked) == 1


@sqlite_alone
async def test_confusions_are_worked_out_anew_after_a_change_or_a_failure(
    database_url: str,
) -> None:
    asked, gate, failures = list[str](), Event(), [BadInput("no")]
    gate.set()
    async with open_floor(
        database_url, workflow=SHIPPED, classifier=lambda: Comparing(asked, Event(), gate, failures)
    ) as floor:
        find = floor.tools.catalog.find_confusions
        with pytest.raises(BadInput):
            await find()

        assert await find() == []
        await floor.database.write(lambda c: store.replace_intents(c, INTENTS[:2]))
        assert await find() == []

        assert asked[0] == asked[1]
        assert asked[2:] == ["order_status return_policy"]


async def test_two_admins_who_import_at_once_do_not_mix_their_intents(floor: Floor) -> None:
    before = await floor.database.read(store.content_version)
    imports = [
        [Intent(name=name, examples=(f"{admin} says {name}",)) for name in ("order_status", admin)]
        for admin in ("ada", "bob", "cy", "dee")
    ]

    await asyncio.gather(*(put(floor, given) for given in imports))

    assert await floor.database.read(store.list_intents) in imports
    assert await floor.database.read(store.content_version) == before + len(imports)


async def put(floor: Floor, intents: Sequence[Intent]) -> None:
    await floor.database.write(
        lambda c: learning.replace_intents(c, intents, by="ada", now=floor.clock())
    )


async def test_who_is_erased_while_their_words_are_accepted_leaves_none(floor: Floor) -> None:
    example = await correct(floor, (await the_run(floor, "my zanzibar")).id, "refund_request")
    begun, never = Event(), Event()

    def accept_slowly(connection: Connection) -> None:
        learning.accept(connection, example.id, by="admin", now=floor.clock())
        begun.set()
        never.wait(0.5)

    accepting = asyncio.create_task(floor.database.write(accept_slowly))
    await asyncio.to_thread(begun.wait)
    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))
    await accepting

    assert "zanzibar" not in await floor.database.read(_everything)


@sqlite_alone
async def test_an_erasure_that_leaves_too_few_examples_leaves_a_bot_that_asks_humans(
    database_url: str,
) -> None:
    zanzibar = replace(TAUGHT[1], examples=("send me to zanzibar",))
    async with open_floor(
        database_url, workflow=SHIPPED, intents=(TAUGHT[0], TAUGHT[1]), classifier=LocalClassifier
    ) as floor:
        example = await correct(
            floor, (await the_run(floor, "send me to zanzibar")).id, "refund_request"
        )
        await decide(floor, example.id, "accept")
        await put(floor, (TAUGHT[0], zanzibar))
        await floor.tools.catalog.refresh()

        await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))
        await floor.tools.catalog.refresh()
        talk = await floor.say("where is my parcel", who=BEN)
        await floor.work(talk)

        seen = await floor.see(talk)
        assert (seen.run.classification["intent"], seen.case.status) == ("other", "open")


class Trailing(LocalClassifier):
    """Learns once it is let."""

    gate = Event()

    def train(self, intents: Sequence[Intent]) -> None:
        self.gate.wait(60)
        super().train(intents)


@sqlite_alone
async def test_a_process_that_starts_while_others_are_learnt_serves_those_it_finds(
    database_url: str,
) -> None:
    async with open_floor(
        database_url, workflow=SHIPPED, intents=TAUGHT, classifier=LocalClassifier
    ) as floor:
        changed = [replace(TAUGHT[0], examples=("is my crate near",)), TAUGHT[1]]
        await put(floor, changed)
        catalog = Catalog(
            floor.database, new_classifier=Trailing, new_index=knowledge.get("lexical")
        )

        refreshing = asyncio.create_task(catalog.refresh())
        async with asyncio.timeout(30):
            before = await catalog.read("give me my money back")
        is_still_learning = not refreshing.done()
        earlier = catalog.fingerprint
        Trailing.gate.set()
        await refreshing

        assert is_still_learning
        assert before.probabilities["refund_request"] > before.probabilities["order_status"]
        assert earlier == floor.tools.catalog.fingerprint
        assert catalog.fingerprint == LocalClassifier().fingerprint_of(changed)
