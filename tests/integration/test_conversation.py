"""Whole conversations with what is shipped: classifier, index, workflow, sample store."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copy

import pytest

from bot import sample
from integrations.classifiers.local import LocalClassifier
from integrations.classifiers.local.languages import find_language
from integrations.knowledge import knowledge
from integrations.orders import orders as order_sources
from orchestration import housekeeping, store
from orchestration.database import Database
from orchestration.intents import load_intents
from orchestration.shop import SHIPPED as SHOP_FILE
from orchestration.store import Records
from orchestration.types import Intent
from tests.fakes.floor import ANA, BEN, GUEST, NOW, Floor, open_floor
from tests.fakes.workflows import SHIPPED

INTENTS = tuple(load_intents(Path(SHOP_FILE).with_name("store.yaml")))
SIGN_IN = "I can only talk about orders with somebody who is signed in."


@pytest.fixture(scope="module")
def classifier() -> LocalClassifier:
    trained = LocalClassifier()
    trained.train(INTENTS)
    return trained


class Trained:
    """Lends one trained classifier to many catalogues."""

    def __init__(self, classifier: LocalClassifier) -> None:
        self.read = classifier.read
        self.fingerprint = classifier.fingerprint

    def train(self, intents: tuple[Intent, ...]) -> None:
        return

    def fingerprint_of(self, intents: tuple[Intent, ...]) -> str:
        return self.fingerprint

    def dump(self) -> bytes:
        return b""

    def load(self, content: bytes) -> None:
        return


@pytest.fixture
async def floor(
    migrated_sqlite: Path, tmp_path: Path, classifier: LocalClassifier
) -> AsyncIterator[Floor]:
    url = f"sqlite:///{copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"
    shop = sample.load(NOW)
    database = Database(url)
    await database.write(lambda c: store.save_customers(c, shop.customers))
    await database.write(lambda c: store.save_orders(c, shop.orders))
    await database.write(lambda c: store.save_articles(c, shop.articles))
    try:
        async with open_floor(
            url,
            workflow=SHIPPED,
            intents=INTENTS,
            classifier=lambda: Trained(classifier),  # type: ignore[arg-type, return-value]
            index=knowledge.get("lexical"),
            orders=order_sources.get("records")(Records(database, lambda: NOW)),
        ) as floor:
            yield floor
    finally:
        database.close()


async def test_ana_is_answered_from_the_first_question_to_the_thanks(floor: Floor) -> None:
    lists = await floor.ask("where is my order?")
    first = await floor.ask("1042")
    other = await floor.ask("and the other one?")
    returns = await floor.ask("can I return it?")
    close = await floor.ask("thanks")

    conversation = await floor.say("👍")
    talk = await floor.see(conversation)
    assert "1042" in lists[0]
    assert "1043" in lists[0]
    assert "on its way" in first[0]
    assert "TRK-1042" in first[0]
    assert "1043" in other[0]
    assert "delivered" in other[0]
    assert "30 days" in returns[0]
    assert talk.messages[7].citations[0]["id"] == "returns-window"
    assert len(close) == 1
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "confirmed")
    assert talk.cases == []
    assert len(talk.runs) == 5


async def test_a_threat_with_a_lawyer_goes_to_a_human_with_the_whole_brief(floor: Floor) -> None:
    await floor.ask("where is my order 1042?")

    told = await floor.ask(
        "You charged me twice and I want my money back now, I will call my lawyer"
    )

    conversation = await floor.say("hello?")
    talk = await floor.see(conversation)
    brief = talk.case.brief
    assert "colleague" in told[0]
    assert talk.case.urgency == "high"
    assert talk.case.reason == "rule: risky or asked for a person"
    assert brief["classification"]["risk"] == "legal"
    assert brief["customer"]["verified"]["name"] == "Ana Ruiz"
    assert {order["id"] for order in brief["orders"]} == {"1042", "1043"}
    assert [line["author"] for line in brief["transcript"]] == ["customer", "bot", "customer"]


@pytest.mark.parametrize("text", ["hi", "👍", "?", "ok", "bye"])
async def test_what_asks_for_nothing_ends_without_a_human(floor: Floor, text: str) -> None:
    told = await floor.ask(text)

    conversation = await floor.say("x")
    talk = await floor.see(conversation)
    assert len(told) == 1
    assert talk.cases == []


async def test_another_customers_order_and_no_such_order_get_the_same_words(floor: Floor) -> None:
    anas = await floor.ask("where is my order 1042?", who=BEN, conversation="a")
    none = await floor.ask("where is my order 9999?", who=BEN, conversation="b")

    assert anas[0].replace("1042", "9999") == none[0]
    assert len(anas) == len(none) == 1


async def test_guests_hear_the_same_of_an_order_that_is_there_and_one_that_is_not(
    floor: Floor,
) -> None:
    there = await floor.ask("where is my order 1042?", who=GUEST, conversation="a")
    not_there = await floor.ask("where is my order 9999?", who=GUEST, conversation="b")

    assert there == not_there
    assert there[0].startswith(SIGN_IN)


async def test_a_guest_who_leaves_an_address_gets_a_human(floor: Floor) -> None:
    await floor.ask("where is my order 1042?", who=GUEST)

    told = await floor.ask("me@example.org", who=GUEST)

    conversation = await floor.say("ok", who=GUEST)
    talk = await floor.see(conversation)
    assert told[0].startswith("Thank you, I have noted your e-mail address.")
    assert talk.case.brief["customer"]["verified"] is None
    assert talk.case.brief["customer"]["claimed"]["emails_in_text"] == ["me@example.org"]


async def test_a_question_is_answered_in_the_language_it_was_asked_in(floor: Floor) -> None:
    told = await floor.ask("Wo ist meine Bestellung 1042?")

    assert "unterwegs" in told[0]
    assert "TRK-1042" in told[0]


async def test_a_language_that_cannot_be_understood_goes_to_a_human(floor: Floor) -> None:
    await floor.ask("私の注文はどこですか")

    conversation = await floor.say("?")
    talk = await floor.see(conversation)
    assert talk.conversation.status == "escalated"


async def test_thanks_to_nobody_resolve_nothing(floor: Floor) -> None:
    await floor.ask("thanks")

    conversation = await floor.say("x")
    assert (await floor.see(conversation)).conversation.status == "open"


async def test_silence_of_a_day_after_an_answer_is_taken_for_content(floor: Floor) -> None:
    conversation = await floor.say("where is my order 1042?")
    await floor.work(conversation)

    floor.clock.move(hours=23.9)
    early = await housekeeping.assume_resolved(floor.tools)
    floor.clock.move(hours=0.2)
    late = await housekeeping.assume_resolved(floor.tools)

    talk = await floor.see(conversation)
    assert (early, late) == (0, 1)
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "assumed")


async def test_silence_while_a_question_is_unanswered_resolves_nothing(floor: Floor) -> None:
    conversation = await floor.say("where is my order 1042?")

    floor.clock.move(days=2)
    await housekeeping.assume_resolved(floor.tools)

    assert (await floor.see(conversation)).conversation.status == "open"


async def test_silence_in_a_case_resolves_nothing(floor: Floor) -> None:
    conversation = await floor.say("I want to talk to a human", who=ANA)
    await floor.work(conversation)

    floor.clock.move(days=2)
    await housekeeping.assume_resolved(floor.tools)

    assert (await floor.see(conversation)).conversation.status == "escalated"


@pytest.mark.parametrize(
    ("language", "where", "person"),
    [
        ("en", "where is my order 1042?", "I want to talk to a person"),
        ("de", "Wo ist meine Bestellung 1042?", "Ich möchte mit einer Person sprechen"),
        ("fr", "Où est ma commande 1042 ?", "Je veux parler à une personne"),
        ("es", "¿Dónde está mi pedido 1042?", "Quiero hablar con una persona"),
        ("it", "Dov'è il mio ordine 1042?", "Voglio parlare con una persona"),
        ("nl", "Waar is mijn bestelling 1042?", "Ik wil met een persoon praten"),
        ("pt", "Onde está a minha encomenda 1042?", "Quero falar com uma pessoa"),
    ],
)
async def test_in_each_language_an_order_is_found_and_a_person_is_called(
    floor: Floor, language: str, where: str, person: str
) -> None:
    status = await floor.say(where, conversation="status")
    human = await floor.say(person, conversation="person")
    await floor.work(status)
    await floor.work(human)

    found, handed = await floor.see(status), await floor.see(human)
    assert "TRK-1042" in found.said[0]
    assert (found.run.route, found.conversation.status) == ("simple", "open")
    assert (handed.run.route, handed.conversation.status) == ("human", "escalated")
    assert handed.case.status == "open"
    assert [talk.run.classification["language"] for talk in (found, handed)] == [language] * 2
    assert [find_language(text) for text in (found.said[0], handed.said[0])] == [language] * 2
    assert floor.tools.gateway is None


@pytest.mark.parametrize(
    "text", ["ich will nicht mit einem roboter schreiben", "est-ce qu'un humain peut m'aider ?"]
)
async def test_who_asks_for_a_person_is_not_told_that_the_bot_lacks_the_language(
    floor: Floor, text: str
) -> None:
    told = await floor.ask(text)

    conversation = await floor.say("?")
    run = (await floor.see(conversation)).runs[0]
    assert run.classification["wants_human"]
    assert told == [await promised(floor, run.classification["language"])]


async def promised(floor: Floor, language: str) -> str:
    asked = {"de": "Ich möchte mit einem Menschen sprechen", "fr": "Je veux parler à une personne"}
    conversation = await floor.say(asked[language], conversation="plain")
    await floor.work(conversation)
    return (await floor.see(conversation)).said[0]
