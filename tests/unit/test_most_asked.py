"""The two things most asked, in seven languages: where is my order, and a person please."""

from datetime import UTC, datetime

import pytest

from orchestration.classification import Facts, classify
from orchestration.classification.persons import asks_for_person
from orchestration.types import Classification, Intent, Memory, Order, Reading

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")
INTENTS = (Intent(name="order_status", complexity="simple"), Intent(name="damaged_item"))
ORDERS = tuple(
    Order(id=number, customer_id="C-1", status="in_transit") for number in ("1042", "2078")
)


def doubted(text: str, language: str | None) -> Classification:
    """Classify a text that the classifier can make nothing of."""
    reading = Reading(
        probabilities={"order_status": 0.5, "damaged_item": 0.5},
        out_of_scope=True,
        language=language,
    )
    facts = Facts(now=NOW, orders=ORDERS, verified=True, languages=LANGUAGES)
    return classify(text, reading, intents=INTENTS, memory=Memory(), facts=facts)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "any update on 1042?"),
        ("en", "Dear Sir or Madam, I am enquiring about the whereabouts of my order no. 1042."),
        ("en", "1042: on its way?"),
        ("de", "Sehr geehrte Damen und Herren, ich hätte gerne den Status meiner Bestellung 1042."),
        ("de", "gibts was neues zu 1042?"),
        ("de", "Ich habe letzte Woche bestellt (Nr. 2078). Wann ist sie da?"),
        ("fr", "je souhaiterais connaître le statut de ma commande n° 1042. Cordialement"),
        ("fr", "jai pas de nouvelles de ma commande 1042"),
        ("fr", "1042 elle est où ?"),
        ("es", "Estimados señores, quisiera saber el estado de mi pedido número 1042. Gracias."),
        ("es", "alguna novedad del 1042?"),
        ("es", "¿Cuánto falta para que llegue el 2078?"),
        ("it", "Buongiorno, potrebbe dirmi gentilmente dove si trova il mio ordine 1042?"),
        ("it", "novità sul 1042?"),
        ("it", "a che punto è la 2078"),
        ("nl", "graag zou ik de status van mijn bestelling met nummer 1042 vernemen."),
        ("nl", "is er al nieuws over 1042?"),
        ("nl", "kunt u mij zeggen wanneer ik 2078 ontvang"),
        ("pt", "Prezados, gostaria de saber o status do meu pedido nº 1042. Obrigado."),
        ("pt", "alguma novidade do 1042?"),
        ("pt", "pedido 2078, quando é que chega?"),
    ],
)
def test_who_asks_where_an_order_is_and_nothing_else_is_understood(
    language: str, text: str
) -> None:
    found = doubted(text, language)

    assert (found.intent, found.complexity, found.requests) == ("order_status", "simple", 1)
    assert found.route_confidence >= 0.7
    assert not found.out_of_scope
    assert found.language == language


@pytest.mark.parametrize(
    ("language", "text"),
    [("es", "estado pedido 1042 porfa"), ("pt", "status pedido 1042 pfv"), ("en", "status 1042")],
)
def test_the_words_tell_the_language_where_the_classifier_cannot(language: str, text: str) -> None:
    assert doubted(text, None).language == language


@pytest.mark.parametrize(
    "text",
    [
        "1042 reasons to love you",
        "update my order 1042",
        "when will 1042 be refunded?",
        "where do I return 1042",
        "where is order 1042, it says delivered but I never got it",
        "I shipped 1042 back, when do I get my money",
        "part of order 1042 is missing",
        "please send 1042 to a new address",
        "where is my order?",
        "wo kann ich 1042 abgeben",
        "ich habe 1042 verschickt, wann kommt mein Geld",
        "où est mon remboursement pour la 1042",
        "il manque une partie de la commande 1042",
        "j'ai expédié la 1042, quand arrive-t-elle chez vous",
        "dónde devuelvo el 1042",
        "dónde puedo entregar el 1042",
        "dove restituisco il 1042",
        "waar kan ik 1042 terugbrengen",
        "ik heb 1042 verstuurd, wanneer krijg ik iets terug",
        "1042 is weg",
        "onde devolvo o 1042",
    ],
)
def test_whoever_says_more_than_that_is_left_to_the_classifier(text: str) -> None:
    assert "asks where an order is and nothing else" not in doubted(text, "en").reasons


@pytest.mark.parametrize(
    "text",
    [
        "can a human help me?",
        "can you hand me over to one of your colleagues",
        "how do I get through to a human here",
        "Is there anyone real there?",
        "I don't want to talk to a bot, but to someone real",
        "enough of this bot",
        "ich will nicht mit einem roboter schreiben",
        "kann mir ein Mensch helfen?",
        "Darf ich mit Ihrem Vorgesetzten sprechen?",
        "bitte zu einem menschen durchstellen",
        "est-ce qu'un humain peut m'aider ?",
        "Bonjour, je souhaiterais m'entretenir avec quelqu'un du service client",
        "j'aimerais qu'un conseiller me rappelle",
        "quiero que me atienda un humano",
        "hay alguien de verdad ahí?",
        "asesor por favor",
        "Potrei parlare con uno dei vostri addetti, per cortesia?",
        "c'è un umano?",
        "vorrei essere contattato da un operatore",
        "Zou ik een van uw medewerkers kunnen spreken, alstublieft?",
        "is er een echt mens?",
        "kan een collega mij terugbellen?",
        "quero ser atendido por um humano",
        "tem alguém de verdade aí?",
        "Gostaria de falar com o seu supervisor",
    ],
)
def test_a_person_is_asked_for_in_many_ways(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "my order was delivered by a rude person",
        "I need a chair for a heavy person",
        "I want a book about human rights",
        "do I need a person at home for delivery?",
        "the delivery person did not call me",
        "I want to return the robot vacuum",
        "the site wants me to confirm I am not a robot",
        "I don't want to talk to a human, just tell me where 1042 is",
        "do you sell Persona 5?",
        "I have no computer",
        "ich brauche einen Stuhl für schwere Menschen",
        "ich will nicht mit einem Menschen sprechen, nur den Status",
        "je voudrais un livre sur le corps humain",
        "j'ai besoin d'une tente pour quatre personnes",
        "je ne veux pas parler à un conseiller, juste le statut",
        "necesito una silla para una persona alta",
        "no quiero hablar con una persona, solo el estado",
        "voglio un regalo per una persona cara",
        "serve una persona a casa per la consegna?",
        "ik wil een stoel voor een zwaar mens",
        "ik wil niet met een mens praten, alleen de status",
        "quero um presente para uma pessoa querida",
        "a pessoa que entregou foi mal educada",
    ],
)
def test_who_speaks_of_a_person_does_not_ask_for_one(text: str) -> None:
    assert not asks_for_person(text)
