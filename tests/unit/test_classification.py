"""What a message is about, from a reading, the conversation's memory and the facts."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.classifiers.local import LocalClassifier
from orchestration.classification import Advice, Facts, classify, not_below
from orchestration.errors import BadInput
from orchestration.intents import load_intents, read_intents, write_intents
from orchestration.types import (
    RISKS,
    URGENCIES,
    Classification,
    Intent,
    Memory,
    Order,
    PendingQuestion,
    Reading,
)

PRESET = Path(__file__).parents[2] / "orchestration" / "presets" / "store.yaml"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
INTENTS = (
    Intent(name="order_status", complexity="simple"),
    Intent(name="return_policy", complexity="simple", urgency="low"),
    Intent(name="refund_request", complexity="complex"),
    Intent(name="cancel_order", complexity="complex", urgency="high"),
    Intent(name="complaint", complexity="complex", wants_human=True),
    Intent(name="fraud_report", urgency="urgent", risk="fraud", wants_human=True),
    Intent(name="greeting", complexity="simple", urgency="low"),
)
ORDERS = (
    Order(
        id="1042",
        customer_id="C-1",
        status="in_transit",
        due_at=NOW + timedelta(days=2),
        items=("blue running shoes",),
    ),
    Order(id="1043", customer_id="C-1", status="delivered", items=("coffee mug", "red scarf")),
)
FACTS = Facts(now=NOW, orders=ORDERS, verified=True, languages=("en", "de"))
WHICH_ORDER = Memory(
    pending=PendingQuestion(intent="order_status", missing="order", options=("1042", "1043"))
)
TALKED = Memory(last_intent="order_status", last_order="1043", listed_orders=("1042", "1043"))


DOUBTFUL = {
    "order_status": 0.2,
    "return_policy": 0.2,
    "refund_request": 0.2,
    "cancel_order": 0.1,
    "greeting": 0.05,
}


def reading(
    probabilities: Mapping[str, float] | None = None,
    *,
    language: str | None = "en",
    out_of_scope: bool = False,
) -> Reading:
    given = {"order_status": 0.8} if probabilities is None else dict(probabilities)
    rest = [intent.name for intent in INTENTS if intent.name not in given]
    left = 1.0 - sum(given.values())
    spread = given | {name: left / len(rest) for name in rest}
    return Reading(probabilities=spread, out_of_scope=out_of_scope, language=language)


def classified(
    text: str,
    read: Reading | None = None,
    *,
    memory: Memory | None = None,
    facts: Facts = FACTS,
    intents: tuple[Intent, ...] = INTENTS,
    advice: Advice | None = None,
) -> Classification:
    return classify(
        text,
        read or reading(),
        intents=intents,
        memory=memory or Memory(),
        facts=facts,
        advice=advice,
    )


def test_the_intents_table_says_how_a_message_is_treated() -> None:
    found = classified("please stop it", reading({"cancel_order": 0.9}))

    assert (found.intent, found.complexity, found.urgency) == ("cancel_order", "complex", "high")
    assert found.confidence == 0.9
    assert found.reasons == ("reads like cancel_order",)


def test_the_route_confidence_sums_the_intents_that_share_a_complexity() -> None:
    found = classified(
        "what now", reading({"order_status": 0.4, "return_policy": 0.35, "refund_request": 0.25})
    )

    assert found.confidence == 0.4
    assert found.route_confidence == pytest.approx(0.75)
    assert found.runner_up == "return_policy"


def test_a_text_like_none_of_the_intents_is_other_and_complex() -> None:
    found = classified("sing a song", reading({"order_status": 0.2}, out_of_scope=True))

    assert found.intent == "other"
    assert found.out_of_scope
    assert found.complexity == "complex"
    assert found.confidence < 0.5


def test_without_any_intents_a_message_is_other() -> None:
    empty = Reading(probabilities={}, out_of_scope=True, language=None)

    found = classified("where is my order", empty, intents=())

    assert (found.intent, found.complexity, found.out_of_scope) == ("other", "complex", True)


def test_an_empty_text_is_not_taken_for_small_talk() -> None:
    found = classified("  ")

    assert (found.intent, found.complexity) == ("other", "complex")


@pytest.mark.parametrize("text", ["?", "👍", "...", ":)", "!!", ":-D", "❤️"])
def test_a_message_without_words_is_sure_and_simple(text: str) -> None:
    found = classified(text, reading(out_of_scope=True))

    assert (found.intent, found.complexity, found.confidence) == ("wordless", "simple", 1.0)
    assert found.route_confidence == 1.0


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hi", "greeting"),
        ("Good morning!", "greeting"),
        ("hello there, how are you?", "greeting"),
        ("Guten Tag", "greeting"),
        ("thanks", "thanks"),
        ("ok great, thank you so much for your help!", "thanks"),
        ("merci beaucoup", "thanks"),
        ("thanks, bye", "thanks"),
        ("bye bye", "goodbye"),
        ("au revoir", "goodbye"),
        ("solved", "solved"),
        ("never mind, solved", "solved"),
        ("hat sich erledigt, danke", "solved"),
        ("ok", "wordless"),
        ("yes", "wordless"),
    ],
)
def test_small_talk_alone_is_sure(text: str, intent: str) -> None:
    found = classified(text)

    assert (found.intent, found.confidence, found.complexity) == (intent, 1.0, "simple")


@pytest.mark.parametrize(
    "text", ["hi, where is my order?", "thanks but it never came", "it arrived broken"]
)
def test_small_talk_that_also_says_something_is_read(text: str) -> None:
    assert classified(text).intent == "order_status"


def test_what_only_resembles_small_talk_is_not_answered_as_such() -> None:
    found = classified("bath salts smell nice", reading({"greeting": 0.6}))

    assert (found.intent, found.complexity) == ("other", "complex")


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("Where is my order 1042?", ("1042",)),
        ("#1042", ("1042",)),
        ("order no. 2031", ("2031",)),
        ("1042 and 1043", ("1042", "1043")),
        ("1042/1043 1042", ("1042", "1043")),
        ("Bestellung Nr. 1999 fehlt", ("1999",)),
        ("it cost $1042", ()),
        ("I paid 1042 euros", ()),
        ("call me at +49 171 1042 1043", ()),
        ("0171-1042-104", ()),
        ("I bought it in 2024", ()),
        ("on 12.05.2024 or 2024-05-12", ()),
        ("TRK-1042", ()),
        ("my invoice #4512", ()),
        ("write to ana1042@example.com or 1042@example.com", ()),
        ("https://shop.example/1042", ()),
        ("number 104277", ()),
    ],
)
def test_order_numbers_are_told_from_other_numbers(text: str, orders: tuple[str, ...]) -> None:
    assert classified(text).entities.get("orders", ()) == orders


def test_order_numbers_follow_the_shops_pattern_and_its_way_of_writing_them() -> None:
    mine = Order(id="AB-77", customer_id="C-1", status="delivered")
    facts = replace(FACTS, orders=(mine,), order_number=r"\b[A-Z]{2}-\d{2}\b")

    found = classified("where is ab-77, not 1042", facts=facts)

    assert found.entities["orders"] == ("AB-77",)


def test_addresses_and_amounts_are_named_too() -> None:
    found = classified("Refund 59.90 € or $12 to Ana@Example.com")

    assert found.entities["emails"] == ("ana@example.com",)
    assert found.entities["amounts"] == ("59.90 €", "$12")


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("1042", ("1042",)),
        ("1042 please", ("1042",)),
        ("it's order 1043", ("1043",)),
        ("the first one", ("1042",)),
        ("the second", ("1043",)),
        ("the last one please", ("1043",)),
        ("der zweite", ("1043",)),
        ("la première", ("1042",)),
        ("both", ("1042", "1043")),
        ("the blue shoes one", ("1042",)),
        ("my mug", ("1043",)),
    ],
)
def test_a_fitting_answer_resumes_what_was_asked(text: str, orders: tuple[str, ...]) -> None:
    found = classified(
        text, reading({"refund_request": 0.3}, out_of_scope=True), memory=WHICH_ORDER
    )

    assert (found.intent, found.confidence) == ("order_status", 1.0)
    assert found.entities["orders"] == orders
    assert found.reasons[0] == "answers the question which order"


@pytest.mark.parametrize("text", ["the third one", "the green one", "I don't know"])
def test_an_answer_that_fits_no_order_is_asked_about_again(text: str) -> None:
    read = reading({"refund_request": 0.2}, out_of_scope=True)

    found = classified(text, read, memory=WHICH_ORDER)

    assert (found.intent, found.entities.get("orders", ())) == ("order_status", ())
    assert "does not fit what was asked" in found.reasons


def test_another_wish_for_an_order_is_no_answer() -> None:
    found = classified("cancel 1042", reading({"cancel_order": 0.9}), memory=WHICH_ORDER)

    assert found.intent == "cancel_order"
    assert found.entities["orders"] == ("1042",)


@pytest.mark.parametrize(
    "text",
    [
        "and the other one?",
        "what about the other?",
        "und die andere?",
        "et l'autre ?",
        "¿y el otro?",
        "e l'altro?",
        "en de andere?",
        "e o outro?",
    ],
)
def test_the_other_one_is_the_listed_order_not_talked_about(text: str) -> None:
    found = classified(text, reading({"refund_request": 0.4}), memory=TALKED)

    assert (found.intent, found.confidence) == ("order_status", 1.0)
    assert found.entities["orders"] == ("1042",)


def test_another_order_number_alone_asks_the_same_again() -> None:
    memory = Memory(last_intent="return_policy", last_order="1043")

    found = classified("and 1042?", reading({"order_status": 0.5}), memory=memory)

    assert (found.intent, found.entities["orders"]) == ("return_policy", ("1042",))


def test_it_is_the_order_last_talked_about() -> None:
    found = classified("can I return it?", reading({"return_policy": 0.9}), memory=TALKED)

    assert (found.intent, found.entities["orders"]) == ("return_policy", ("1043",))


def test_a_question_in_general_is_about_no_order() -> None:
    found = classified(
        "is it possible to pay by card?", reading({"return_policy": 0.9}), memory=TALKED
    )

    assert "orders" not in found.entities


def test_an_order_number_alone_asks_where_it_is() -> None:
    found = classified("1042", reading({"refund_request": 0.3}, out_of_scope=True))

    assert (found.intent, found.complexity) == ("order_status", "simple")
    assert found.confidence >= 0.7


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("I will call my lawyer", "legal"),
        ("I'll sue you", "legal"),
        ("ich schalte meinen Anwalt ein", "legal"),
        ("je vais contacter mon avocat", "legal"),
        ("llamaré a mi abogado", "legal"),
        ("chiamo il mio avvocato", "legal"),
        ("ik bel mijn advocaat", "legal"),
        ("vou chamar meu advogado", "legal"),
        ("someone stole my card", "fraud"),
        ("I didn't place this order", "fraud"),
        ("that payment was not me", "fraud"),
        ("meine Karte wurde gestohlen", "fraud"),
        ("ma carte a été volée", "fraud"),
        ("me robaron la tarjeta", "fraud"),
        ("la mia carta è stata rubata", "fraud"),
        ("mijn kaart is gestolen", "fraud"),
        ("meu cartão foi roubado", "fraud"),
        ("the charger caught fire", "safety"),
        ("my son was injured by the toy", "safety"),
        ("I had an allergic reaction", "safety"),
        ("das Ladegerät hat Feuer gefangen", "safety"),
        ("mon fils a été blessé", "safety"),
        ("i will hurt the courier", "threat"),
        ("I'm going to kill you", "threat"),
        ("ich bringe dich um", "threat"),
        ("I want to kill myself", "self_harm"),
        ("quiero morir", "self_harm"),
        ("je veux me suicider", "self_harm"),
    ],
)
def test_risks_are_heard_in_the_wording(text: str, risk: str) -> None:
    assert classified(text).risk == risk


@pytest.mark.parametrize(
    "text",
    [
        "do you sell bath bombs",
        "this jacket is killing me",
        "can I send a gift to Court Street",
        "the shoes hurt a bit, what size should I take",
        "what is the issue with my order",
        "do you have a fire pit",
        "I need a new case for my phone",
        "is the tracking not working",
        "kann ich das umtauschen",
        "où est ma commande",
    ],
)
def test_harmless_wording_is_no_risk(text: str) -> None:
    assert classified(text).risk == "none"


def test_the_worst_of_several_risks_counts() -> None:
    found = classified("my lawyer says your burning charger injured me")

    assert found.risk == "safety"
    assert found.urgency == "urgent"


def test_an_intents_own_risk_counts_when_it_is_probable() -> None:
    probable = classified("hm", reading({"fraud_report": 0.8}))
    doubtful = classified("a thing", reading(DOUBTFUL | {"fraud_report": 0.25, "complaint": 0.0}))

    assert probable.intent == "wordless"
    assert doubtful.risk == "none"
    assert classified("my account is strange", reading({"fraud_report": 0.8})).risk == "fraud"


def test_a_legal_word_makes_it_high_but_not_urgent() -> None:
    found = classified("my lawyer will write to you", reading({"return_policy": 0.9}))

    assert found.urgency == "high"


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a person",
        "let me speak to a human",
        "agent please",
        "can someone call me",
        "I don't want a bot",
        "ich möchte mit einem Menschen sprechen",
        "kann mich jemand anrufen",
        "je veux parler à une personne",
        "passez-moi un conseiller",
        "quiero hablar con una persona",
        "no quiero un robot",
        "voglio parlare con un operatore",
        "ik wil een medewerker spreken",
        "quero falar com um atendente",
    ],
)
def test_the_wish_for_a_person_is_heard(text: str) -> None:
    assert classified(text).wants_human


@pytest.mark.parametrize(
    "text",
    [
        "how can I reach customer service",
        "where is my order",
        "are you a bot?",
        "the person who sent it forgot the receipt",
        "wie kann ich den Kundenservice erreichen",
    ],
)
def test_speaking_of_people_is_not_asking_for_one(text: str) -> None:
    assert not classified(text).wants_human


def test_only_a_person_answers_a_probable_complaint() -> None:
    probable = classified("this shop is odd", reading({"complaint": 0.7}))
    doubtful = classified(
        "this shop is odd", reading(DOUBTFUL | {"complaint": 0.25, "fraud_report": 0.0})
    )

    assert probable.wants_human
    assert not doubtful.wants_human


@pytest.mark.parametrize(
    ("text", "urgency"),
    [
        ("where is my order", "normal"),
        ("where is my order, I need it asap", "high"),
        ("dringend, wo ist meine Bestellung", "high"),
        ("WHERE IS MY ORDER", "high"),
        ("this is ridiculous, where is it", "high"),
        ("will it be here before the wedding", "high"),
    ],
)
def test_wording_raises_urgency_at_most_to_high(text: str, urgency: str) -> None:
    assert classified(text).urgency == urgency


def test_each_point_that_raised_urgency_is_a_reason() -> None:
    late = replace(ORDERS[0], due_at=NOW - timedelta(days=1))
    facts = replace(FACTS, orders=(late,), customer_tier="vip", turn=3)

    found = classified("where is 1042, it is urgent", facts=facts)

    assert found.urgency == "high"
    assert set(found.reasons) >= {
        'more urgent: says "urgent"',
        "more urgent: is from a VIP",
        "more urgent: order 1042 is late",
        "more urgent: is turn 3 of the conversation",
    }


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, customer_tier="vip"),
        replace(FACTS, turn=3),
        replace(FACTS, orders=(replace(ORDERS[0], due_at=NOW - timedelta(hours=1)),)),
    ],
)
def test_a_vip_a_late_order_and_repetition_each_raise_urgency(facts: Facts) -> None:
    assert classified("where is my order").urgency == "normal"
    assert classified("where is my order", facts=facts).urgency == "high"


def test_another_orders_delay_does_not_raise_urgency() -> None:
    late = replace(ORDERS[0], due_at=NOW - timedelta(days=1))

    found = classified("where is 1043", facts=replace(FACTS, orders=(late, ORDERS[1])))

    assert found.urgency == "normal"


def test_a_greeting_from_a_vip_is_not_urgent() -> None:
    assert classified("hi", facts=replace(FACTS, customer_tier="vip", turn=5)).urgency == "low"


@pytest.mark.parametrize(
    ("text", "requests"),
    [
        ("where is my order 1042?", 1),
        ("I want to return it for a refund", 1),
        ("where are 1042 and 1043?", 1),
        ("where is 1042 and can I return 1043?", 2),
        ("cancel 1042. Also send me the invoice for 1043, and change my address", 3),
        ("wo ist 1042 und kann ich 1043 zurückgeben", 2),
    ],
)
def test_different_requests_are_counted(text: str, requests: int) -> None:
    assert classified(text).requests == requests


def test_several_requests_make_a_message_complex() -> None:
    found = classified("where is 1042 and can I return 1043?")

    assert found.complexity == "complex"
    assert "complex: asks for 2 things" in found.reasons


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("this is ridiculous", "negative"),
        ("das ist eine Frechheit", "negative"),
        ("I love it, where is the next one", "positive"),
        ("where is it", "neutral"),
    ],
)
def test_the_mood_is_heard(text: str, sentiment: str) -> None:
    assert classified(text).sentiment == sentiment


def test_the_language_is_the_texts_then_the_conversations_then_the_shops() -> None:
    unclear = reading(language=None)

    assert classified("wo ist sie", reading(language="de")).language == "de"
    assert classified("1042", unclear, memory=Memory(language="fr")).language == "fr"
    assert classified("1042", unclear, facts=replace(FACTS, languages=("nl",))).language == "nl"


# --- the shipped intents -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop() -> tuple[tuple[Intent, ...], LocalClassifier]:
    intents = tuple(load_intents(PRESET))
    classifier = LocalClassifier()
    classifier.train(intents)
    return intents, classifier


Shop = tuple[tuple[Intent, ...], LocalClassifier]


def in_the_shop(shop: Shop, text: str, memory: Memory | None = None) -> Classification:
    intents, classifier = shop
    return classified(text, classifier.read(text), intents=intents, memory=memory)


def test_the_shipped_intents_are_complete() -> None:
    intents = {intent.name: intent for intent in load_intents(PRESET)}

    assert len(intents) >= 28
    assert all(len(set(intent.examples)) >= 15 for intent in intents.values())
    assert all(intent.description and intent.responders for intent in intents.values())
    assert intents["fraud_report"].risk == "fraud"
    assert all(intents[name].wants_human for name in ("complaint", "talk_to_human", "fraud_report"))


@pytest.mark.parametrize(
    ("text", "intent", "complexity"),
    [
        ("Where is my order 1042?", "order_status", "simple"),
        ("where is my order?", "order_status", "simple"),
        ("What is your return policy?", "return_policy", "simple"),
        ("can I return it?", "return_policy", "simple"),
        ("how much is shipping to France", "shipping_info", "simple"),
        ("plz cancel order 1042", "cancel_order", "complex"),
        ("my mug came in pieces", "damaged_item", "complex"),
        ("i got charged two times", "double_charge", "complex"),
        ("forgot my pasword", "password_help", "simple"),
        ("how do I talk to customer service", "contact_hours", "simple"),
        ("hi", "greeting", "simple"),
        ("👍", "wordless", "simple"),
        ("thanks", "thanks", "simple"),
    ],
)
def test_the_shipped_intents_read_what_customers_write(
    shop: Shop, text: str, intent: str, complexity: str
) -> None:
    found = in_the_shop(shop, text)

    assert (found.intent, found.complexity) == (intent, complexity)
    assert found.route_confidence >= 0.7
    assert not found.out_of_scope


@pytest.mark.parametrize(
    ("language", "where", "person"),
    [
        ("en", "where is my order 1042?", "I want to talk to a person"),
        ("de", "wo ist meine Bestellung 1042?", "ich möchte mit einer Person sprechen"),
        ("fr", "où est ma commande 1042 ?", "je veux parler à une personne"),
        ("es", "¿dónde está mi pedido 1042?", "quiero hablar con una persona"),
        ("it", "dov'è il mio ordine 1042?", "voglio parlare con una persona"),
        ("nl", "waar is mijn bestelling 1042?", "ik wil met een persoon praten"),
        ("pt", "onde está meu pedido 1042?", "quero falar com uma pessoa"),
    ],
)
def test_the_two_most_asked_things_work_in_seven_languages(
    shop: Shop, language: str, where: str, person: str
) -> None:
    status, human = in_the_shop(shop, where), in_the_shop(shop, person)

    assert (status.intent, status.language) == ("order_status", language)
    assert status.entities["orders"] == ("1042",)
    assert status.route_confidence >= 0.7
    assert (human.intent, human.wants_human, human.language) == ("talk_to_human", True, language)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("meine Bestellung 1042 ist kaputt angekommen", "damaged_item"),
        ("la 1042 est arrivée cassée", "damaged_item"),
        ("mi pedido 1042 llegó roto", "damaged_item"),
        ("il mio ordine 1042 è arrivato rotto", "damaged_item"),
        ("mijn bestelling 1042 is kapot", "damaged_item"),
        ("o pedido 1042 chegou com a tela trincada", "damaged_item"),
        ("in Bestellung 1043 fehlt ein Artikel", "missing_parcel"),
        ("il manque un article dans la commande 1043", "missing_parcel"),
        ("al pedido 1043 le falta un artículo", "missing_parcel"),
        ("manca un articolo nell'ordine 1043", "missing_parcel"),
        ("er ontbreekt een artikel in bestelling 1043", "missing_parcel"),
        ("faltou um item no pedido 1043", "missing_parcel"),
    ],
)
def test_what_is_wrong_with_an_order_is_not_taken_for_where_it_is(
    shop: Shop, text: str, intent: str
) -> None:
    found = in_the_shop(shop, text)

    assert (found.intent, found.complexity) == (intent, "complex")


@pytest.mark.parametrize(
    "text",
    [
        "I want a book about human rights",
        "ich brauche einen Stuhl für schwere Menschen",
        "le shampooing contient un agent moussant ?",
        "quiero una mesa para 8 personas",
        "cerco una tenda per 4 persone",
        "ik zoek een boek over mensenrechten",
        "procuro uma barraca para 4 pessoas",
    ],
)
def test_a_person_in_a_question_about_a_product_is_none_who_is_wanted(
    shop: Shop, text: str
) -> None:
    found = in_the_shop(shop, text)

    assert (found.intent, found.wants_human) == ("product_question", False)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "ich habe mein Passwort vergessen"),
        ("fr", "comment créer un compte ?"),
        ("es", "he olvidado mi contraseña"),
    ],
)
def test_what_has_no_examples_in_its_language_is_not_sure(
    shop: Shop, language: str, text: str
) -> None:
    found = in_the_shop(shop, text)

    assert found.language == language
    assert found.confidence < 0.5
    assert found.complexity == "complex"


def test_an_angry_double_charge_with_a_lawyer_is_a_legal_risk(shop: Shop) -> None:
    found = in_the_shop(
        shop, "You charged me twice and I want my money back now, I will call my lawyer"
    )

    assert (found.risk, found.complexity, found.urgency) == ("legal", "complex", "high")


def test_a_whole_conversation_is_followed(shop: Shop) -> None:
    answered = in_the_shop(shop, "1043", WHICH_ORDER)
    other = in_the_shop(shop, "and the other one?", TALKED)
    back = in_the_shop(shop, "can I return it?", TALKED)
    end = in_the_shop(shop, "thanks", TALKED)

    assert (answered.intent, answered.entities["orders"]) == ("order_status", ("1043",))
    assert (other.intent, other.entities["orders"]) == ("order_status", ("1042",))
    assert (back.intent, back.entities["orders"]) == ("return_policy", ("1043",))
    assert (end.intent, end.confidence) == ("thanks", 1.0)


# --- reading intents -----------------------------------------------------------------------------


def written(folder: Path, content: str) -> Path:
    path = folder / "intents.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_only_name_and_examples_must_be_given(tmp_path: Path) -> None:
    path = written(tmp_path, "- name: hours\n  examples: [when are you open, opening hours]\n")

    intents = load_intents(path)

    assert intents == [Intent(name="hours", examples=("when are you open", "opening hours"))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{examples: [a]}", "intent 1, line 1, name: is missing"),
        ("{name: a}", "intent a, line 1, examples: is missing"),
        (
            "{name: ' ', examples: [a]}",
            "name: is ' ', but must be one line of at most 100 characters",
        ),
        ("{name: a, examples: []}", "examples: is empty"),
        ("{name: a, examples: hello}", "examples: is 'hello', but must be a list"),
        ("{name: a, examples: [1042]}", "examples: is 1042, but must be text; write it in quotes"),
        ("{name: a, examples: [' ']}", "examples: holds an empty text"),
        ("{name: a, examples: [b], urgency: huge}", "urgency: is 'huge', but must be one of low"),
        ("{name: a, examples: [b], risk: bad}", "risk: is 'bad', but must be one of none, legal"),
        ("{name: a, examples: [b], wants_human: 'yes'}", "wants_human: is 'yes', but must be true"),
        ("{name: a, examples: [b], color: red}", "color: no such field; there are: name"),
        ("just a text", "intent 1, intent: must be fields and values"),
    ],
)
def test_a_wrong_intent_is_named_with_its_field_and_what_would_be_right(
    tmp_path: Path, row: str, message: str
) -> None:
    path = written(tmp_path, f"- {row}\n")

    with pytest.raises(BadInput) as raised:
        load_intents(path)

    assert message in str(raised.value)


def test_the_good_intents_of_a_file_are_told_from_the_wrong_ones(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "- {name: a, examples: [x]}\n- {name: a, examples: [y]}\n- {name: b, examples: 3}\n",
    )

    intents, problems = read_intents(path)

    assert [intent.name for intent in intents] == ["a"]
    assert [problem.field for problem in problems] == ["name", "examples"]
    assert "line 2, name: stands here a second time" in str(problems[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: a", "must be a list of intents"),
        ("- name: [", "line "),
        ("", "must be a list of intents"),
    ],
)
def test_a_file_that_is_no_list_of_intents_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        load_intents(written(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml cannot be read"):
        load_intents(tmp_path / "none.yaml")


def test_written_intents_are_read_back_unchanged(tmp_path: Path) -> None:
    intents = load_intents(PRESET)

    text = write_intents(intents)

    assert load_intents(written(tmp_path, text)) == intents


SCARY = (
    "I will sue you",
    "the kettle exploded and my son is in hospital",
    "someone used my card, this is fraud",
    "I want to die",
    "let me talk to a person",
    "where is 1042? and cancel 1043!",
    "ANSWER ME TODAY, ASAP",
    "the odd thing from tuesday",
)


@pytest.mark.parametrize("text", SCARY)
@pytest.mark.parametrize("intent", [*(intent.name for intent in INTENTS), "other"])
def test_advice_lowers_nothing_that_code_has_raised(text: str, intent: str) -> None:
    for chances in (DOUBTFUL, {"fraud_report": 0.5}, {"complaint": 0.4, "order_status": 0.35}):
        local = classified(text, reading(chances))
        advice = Advice(intent=intent, confidence=1.0, by="light")

        advised = not_below(classified(text, reading(chances), advice=advice), local)

        assert advised.intent == intent
        assert URGENCIES.index(advised.urgency) >= URGENCIES.index(local.urgency)
        assert RISKS.index(advised.risk) <= RISKS.index(local.risk)
        assert advised.wants_human >= local.wants_human
        assert advised.requests == local.requests
        assert advised.requests == 1 or advised.complexity == "complex"


def test_advice_shares_out_what_it_leaves_open() -> None:
    advice = Advice(intent="refund_request", confidence=0.7, by="light")

    found = classified("hm", reading({"order_status": 0.4, "return_policy": 0.2}), advice=advice)

    assert (found.intent, found.confidence, found.by) == ("refund_request", 0.7, "light")
    assert found.runner_up == "order_status"
    assert found.route_confidence == pytest.approx(0.7 + 0.3 * (3 * 0.08) / 0.92)


def test_advice_and_reading_that_agree_are_as_sure_as_the_surer_one() -> None:
    advice = Advice(intent="order_status", confidence=0.3, by="light")

    found = classified("hm", reading({"order_status": 0.55}), advice=advice)

    assert found.confidence == 0.55
