"""Greetings, thanks, farewells and "solved": messages that say this and nothing else."""

import re

from orchestration.classification.words import fold, split_words, word_set

# In the order of their weight: "hi, solved, thanks, bye" is solved.
_PHRASES: dict[str, re.Pattern[str]] = {
    kind: re.compile(rf"(?<!\w)(?:{phrases})(?!\w)")
    for kind, phrases in {
        "solved": r"never ?mind|forget it|"
        r"(?:it'?s |all |already |is |problem |issue ){0,6}(?:solved|"
        r"resolved|sorted|fixed)|(?:i )?found it|it(?: has|'s)? arrived|it works(?: now)?|"
        r"no longer needed|hat sich erledigt|erledigt|gelost|hat sich geklart|"
        r"(?:c'est |probleme )?(?:regle|resolu)|laissez tomber|(?:ya esta |problema )?(?:resuelto|"
        r"solucionado)|(?:gia |problema )?risolto|(?:het is |al |is )?opgelost|laat maar|"
        r"(?:ja foi |problema )?resolvido|deixa pra la",
        "thanks": r"thanks?(?: you)?|thankyou|thx|tnx|ty|tysm|cheers|much appreciated|"
        r"appreciate (?:it|that)|danke\w*|vielen dank|besten dank|merci|gracias|grazie|bedankt|"
        r"dank (?:je|u)(?: wel)?|dankjewel|hartelijk dank|obrigad[ao]|valeu",
        "goodbye": r"(?:good)? ?bye(?: bye)?|see (?:you|ya)|have a (?:nice|good|great) (?:day|one|"
        r"evening|weekend)|good night|take care|that'?s all|cya|tschuss|auf wiedersehen|"
        r"schonen tag|"
        r"au revoir|bonne (?:journee|soiree)|a bientot|adios|hasta luego|chao|arrivederci|"
        r"buona giornata|a presto|tot ziens|doei|fijne dag|tchau|ate logo",
        "greeting": r"hi+|hello+|hey+|hiya|howdy|yo|good (?:morning|afternoon|evening|day)|"
        r"greetings|"
        r"hallo|guten (?:tag|morgen|abend)|moin|servus|gruss gott|bonjour|bonsoir|salut|coucou|"
        r"hola|"
        r"buen[oa]s(?: dias| tardes| noches)?|ciao|salve|buon ?giorno|buona ?sera|hoi|"
        r"goede(?:morgen|middag|navond)|ola|oi|bom dia|boa (?:tarde|noite)|how are you(?: doing)?|"
        r"wie geht'?s?|ca va|que tal|come va|tudo bem",
    }.items()
}
SMALL_TALK = frozenset(_PHRASES)
_FILLERS = word_set(
    """a again all alright and at anyone awesome beaucoup bem bien bot bye dear die e ed ein en et
    everyone for fine folks friend fur geht got great good guys help helping here hilfe ihre i is it
    ja je jou lot ma'am many me mille mil misc molte mooi moltes much muchas muito my nice no not
    now
    ok okay one on ones out perfect perfetto perfecto perfeito quick quickly really right sehr sir
    so super support t team terribly that that's thats the there this time to todos tout tutti u und
    van very voor was well were with worries y yes you your issue problem vous te por para per tua
    vostra seu sua su tu votre aide ayuda aiuto ajuda hulp wel schon deja ya gia already don't worry
    anymore cool sweet brilliant lovely then by the way noch einen nog toll klasse top genial"""
)


_NODS = word_set(
    """ah aha alright cool exactly fine good got great hm hmm hmmm i it ja jo k kk nah nee
    nein nice no non nao nope ok okay oh oui perfect right see si sim sure understood uh wait
    well yeah yep yes yup d'accord vale va bene bien gut bueno bom boa tudo alles klar compris
    entendido capito goed"""
)


def find_small_talk(text: str) -> str | None:
    """Return `solved`, `thanks`, `goodbye` or `greeting` where a message is that and no more."""
    rest = fold(text)
    found = []
    for kind, phrases in _PHRASES.items():
        rest, count = phrases.subn(" ", rest)
        if count:
            found.append(kind)
    says_more = any(word not in _FILLERS for word in split_words(rest))
    return None if says_more or not found else found[0]


def is_a_nod(text: str) -> bool:
    """Tell whether a message only says yes, no or ok, which asks for nothing by itself."""
    words = split_words(fold(text))
    return bool(words) and all(word in _NODS for word in words)
