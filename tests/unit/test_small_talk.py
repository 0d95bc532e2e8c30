from dataclasses import replace

import pytest

from orchestration.types import Memory
from tests.fakes.questions import ANA, TEXTS, answer, draft_of, question, status


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Hi!", "greeting"),
        ("Hellooo Robin", "greeting"),
        ("hi there, thank you so much for your help", "resolved_thanks"),
        ("thanks, bye", "resolved_thanks"),
        ("no thanks", "resolved_thanks"),
        ("Never mind, it's solved", "solved"),
        ("that's all, thanks", "solved"),
        ("Goodbye", "goodbye"),
        ("ok great", "what_else"),
        ("What can you do?", "capabilities"),
        ("hello, I need help", "capabilities"),
        ("Are you a bot?", "automated_notice"),
        ("?", "what_can_i_do"),
        ("👍", "what_can_i_do"),
    ],
)
def test_small_talk_gets_its_own_sentence(text: str, key: str) -> None:
    draft = answer("template", question(text, "other"))

    assert draft.text == TEXTS.say(key, "en")
    assert draft.closes is (key in ("resolved_thanks", "solved"))


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my order?",
        "thanks, but where is it?",
        "thanks for nothing",
        "hello, can I return it?",
        "hi 1042",
        "it arrived broken",
        "help me cancel 1042",
        "I don't know",
        "",
        "  ",
    ],
)
def test_a_message_that_says_more_is_not_small_talk(text: str) -> None:
    assert draft_of("template", question(text, "other", orders=ANA)) is None


@pytest.mark.parametrize(
    ("greeting", "thanks", "language"),
    [
        ("Guten Tag!", "Danke schön", "de"),
        ("Bonjour", "Merci beaucoup !", "fr"),
        ("¡Buenos días!", "Muchas gracias", "es"),
        ("Buongiorno", "Grazie mille", "it"),
        ("Goedemorgen", "Dank je wel", "nl"),
        ("Olá", "Muito obrigada!", "pt"),
    ],
)
def test_small_talk_is_answered_in_its_own_language(
    greeting: str, thanks: str, language: str
) -> None:
    hello = answer("template", question(greeting, "other", language="en"))
    closing = answer("template", question(thanks, "other", language="en"))

    assert hello.text == TEXTS.say("greeting", language)
    assert closing.text == TEXTS.say("resolved_thanks", language)
    assert closing.memory.language == language


def test_a_word_of_two_languages_is_answered_in_the_one_spoken_so_far() -> None:
    asked = question("ok super", "other", language="nl", memory=Memory(language="de"))

    assert answer("template", replace(asked, text="hallo")).language == "nl"
    unsure = replace(asked, classification=replace(asked.classification, language="ja"))
    assert answer("template", unsure).language == "de"


def test_a_thumb_after_an_answer_is_thanks() -> None:
    asked = question("👍🏽", "other", memory=Memory(last_intent="returns"))

    assert answer("template", asked).closes


def test_ok_is_no_answer_to_which_order() -> None:
    memory = status("where is my order?", orders=ANA).memory

    assert draft_of("template", question("ok", orders=ANA, memory=memory)) is None


@pytest.mark.parametrize(
    "text", ["my order", "I have a question about my order", "I don't have the order number"]
)
def test_a_message_that_lacks_the_order_number_alone_is_asked_for_it(text: str) -> None:
    draft = answer("template", question(text, "other", orders=ANA))
    guest = answer("template", question(text, "other", verified=False))

    assert draft.memory.pending is not None
    assert draft.memory.pending.options == ("1042", "1043")
    assert guest.text == TEXTS.say("sign_in", "en")


def test_somebody_with_one_order_is_left_to_order_status() -> None:
    asked = question("my order", orders=ANA[:1])

    assert draft_of("template", asked) is None
    assert "1042 is on its way" in answer("order_status", asked).text


@pytest.mark.parametrize(
    ("text", "intent", "confidence"),
    [
        ("thanks pal, you are a legend", "thanks", 1.0),
        ("In what way could you be of service?", "capabilities", 0.8),
    ],
)
def test_small_talk_in_other_words_is_answered_where_the_classifier_is_sure(
    text: str, intent: str, confidence: float
) -> None:
    draft = answer("template", question(text, intent, confidence=confidence))

    assert draft.closes is (intent == "thanks")


@pytest.mark.parametrize(
    ("text", "confidence", "numbers"),
    [
        ("hi pal, where is my stuff?", 1.0, []),
        ("hi pal, tell me about 1042", 1.0, ["1042"]),
        ("hi pal, where is my stuff", 0.9, []),
    ],
)
def test_a_greeting_that_may_hide_a_question_is_not_small_talk(
    text: str, confidence: float, numbers: list[str]
) -> None:
    asked = question(text, "greeting", confidence=confidence, numbers=numbers)

    assert draft_of("template", asked) is None
