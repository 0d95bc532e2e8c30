"""Tells the seven languages apart by their commonest words."""

from orchestration.quality.text import listed, words

NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
}
_LISTS = {
    "en": (
        "the and you your is are to of for with we our have has will not can it on this that from "
        "please by was been if be at or when after within an as who how"
    ),
    "de": (
        "der die das und sie ihr ihre ihren ist sind zu von fur mit wir unser unsere haben hat "
        "wird nicht konnen kann es auf dieser dass den dem im am bei wenn ein eine einen einer "
        "werden auch nach innerhalb oder ich noch bitte wurde zum zur uber"
    ),
    "fr": (
        "le la les et vous votre vos est sont a de des du pour avec nous notre avez ne pas pouvez "
        "peut il elle sur ce cette que dans au aux par en un une si ou apres je merci chez etre "
        "sera nos"
    ),
    "es": (
        "el la los las y usted su sus es son de del para con nosotros nuestro nuestra ha no puede "
        "puedes lo en este esta que por un una si o cuando dentro tu te se le gracias al desde "
        "como mas"
    ),
    "it": (
        "il lo la i gli le e lei suo sua di del della dei per con noi nostro nostra ha non puo su "
        "questo questa che da in un una se o quando entro dopo dal alla nel sono grazie tuo tua "
        "ti al piu ordine"
    ),
    "nl": (
        "de het en u uw je jouw is zijn van voor met wij we ons onze heeft hebben wordt niet kunt "
        "kan op deze dit dat in een als of wanneer binnen na bij naar er ook bedankt worden te "
        "aan om nog"
    ),
    "pt": (
        "o a os as e voce seu sua de do da dos das para com nos nosso nossa tem nao pode em este "
        "esta que por um uma se ou quando dentro apos ao na no pelo pela obrigado foi sao mais "
        "ate seus"
    ),
}
STOPWORDS = {language: frozenset(listed(text)) for language, text in _LISTS.items()}
# How many of the commonest words must stand there before anybody says a language.
_ENOUGH = 3


def guess(text: str) -> str | None:
    """Return the language of a text, None where its words do not tell."""
    scores = _scores(text)
    best = max(scores, key=lambda language: scores[language])
    second = max(score for language, score in scores.items() if language != best)
    clear = scores[best] >= _ENOUGH and scores[best] >= 1.3 * second + 1
    return best if clear else None


def complaint(text: str, language: str) -> str | None:
    """Say that a text is in another language than expected; None where it may be the right one."""
    found = guess(text)
    if language not in NAMES or found is None or found == language:
        return None
    scores = _scores(text)
    if scores[found] < 2 * scores[language] + _ENOUGH:
        return None
    return f"written in {NAMES[found]}, not in {NAMES[language]}"


def _scores(text: str) -> dict[str, int]:
    found = words(text[:1500])
    return {
        language: sum(1 for word in found if word in common)
        for language, common in STOPWORDS.items()
    }
