"""Tells what carries a conversation from what states something."""

import re

from orchestration.quality.text import fold

# Words that carry a conversation and claim nothing.
_SMALL_TALK = re.compile(
    r"^(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|thanks|thank you|many thanks"
    r"|you're welcome"
    r"|hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte|danke|vielen dank|gern(?:e)?"
    r"|bonjour|bonsoir|cher|chere|merci"
    r"|hola|buenos dias|buenas|estimad[oa]|gracias|ciao|salve|buongiorno|buonasera|gentile|grazie"
    r"|prego|beste|geachte|dag"
    r"|goedemorgen|goedemiddag|bedankt|dank u|dank je|ola|bom dia|boa (?:tarde|noite)|prezad[oa]"
    r"|car[oa]|obrigad[oa]|kind regards"
    r"|best regards|best wishes|sincerely|viele grusse|mit freundlichen grussen|cordialement"
    r"|saludos|cordiali saluti|met vriendelijke groet"
    r"|atenciosamente|(?:source|quelle|fuente|fonte|bron) ?:)\b"
)
_COURTESY = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|i understand|i see|let (?:me|you) know|get back to you"
    r"|keep you posted|feel free|happy to help"
    r"|glad to help|hope (?:this|that) helps"
    r"|any (?:other |further |more )?questions|anything else|tut mir leid|tut uns leid"
    r"|entschuldigung|verstehe|bei (?:weiteren )?fragen"
    r"|melden sie sich|desole|navre|excuse|je comprends|n'hesitez pas|autre question"
    r"|d'autres questions|lo siento|lamento|entiendo|comprendo"
    r"|no dude|otra pregunta|mi dispiace|spiacente|capisco|non esiti|altre domande|het spijt"
    r"|begrijp|laat het (?:me|ons) weten|vragen"
    r"|sinto muito|desculpe|entendo|compreendo|nao hesite|outra duvida|mais alguma)\b"
)
_ASKS = re.compile(
    r"\b(?:colleague|our team|kolleg\w+|unser team|collegue|notre equipe|companer[oa]"
    r"|nuestro equipo|collega|il nostro team|ons team|colega|nossa equipe)\b"
    r"|\b(?:send|tell|give|share|provide|confirm|check) (?:me|us|the"
    r"|your)\b[^.!?\n]{0,30}\b(?:number|e-?mail|photo|photos|details)\b"
)
# What a model answers when it gives no reason.
_AFFIRMS = re.compile(
    r"(?:yes|yep|yeah|correct|exactly|right|sure|of course|certainly|absolutely|ok|okay|true|ja"
    r"|genau|richtig"
    r"|naturlich|selbstverstandlich|stimmt|oui|bien sur|exact|tout a fait|d'accord|si|claro"
    r"|correcto|exacto|certo"
    r"|esatto|corretto|certamente|zeker|klopt|natuurlijk|inderdaad|sim|correto|com certeza|no"
    r"|nein|non|nee|nao"
    # "It is done." confirms what nobody has done.
    r"|(?:(?:that|this|it|all|everything)(?:'s| is| has been)? )?(?:now )?(?:all )?"
    r"(?:done|set|sorted|taken care of|arranged|completed|processed|confirmed|fixed)"
    r"|(?:ist |schon |alles )*(?:erledigt|gemacht|bestatigt)|(?:c'est )?fait|(?:esta )?hecho"
    r"|listo|(?:e )?fatto|(?:is )?geregeld|(?:esta )?feito|pronto)"
    r"(?:[ ,]+(?:it is|that's right|you can|sie konnen|please|bitte|that is correct|indeed))?[ .!]*"
)
# What no courtesy may carry along.
_CLAIM = re.compile(
    r"\b(?:you (?:can|may|will|must|need|are entitled)|free of charge|for free|we (?:will|offer"
    r"|accept|also)|always|all (?:customers|items|orders)"
    r"|sie (?:konnen|durfen|mussen|erhalten)|kostenlos|wir (?:bieten|akzeptieren)|immer"
    r"|vous (?:pouvez|devez|avez droit)|gratuit\w*|nous (?:offrons|acceptons)"
    r"|(?:puede|puedes|debe|tiene derecho)|gratis|gratuit[oa]|ofrecemos|(?:puo|puoi|deve) \w+"
    r"|offriamo|u (?:kunt|mag|moet)|wij (?:bieden|accepteren)"
    r"|(?:pode|deve) \w+)\b"
)


def affirms(sentence: str) -> bool:
    """Tell whether a sentence is a bare yes or no."""
    return _AFFIRMS.fullmatch(fold(sentence).strip()) is not None


def claims(sentence: str) -> bool:
    """Tell whether a sentence states anything: it is no question, greeting or courtesy."""
    folded = fold(sentence)
    if sentence.rstrip(" \"'”»)").endswith("?"):
        return False
    if _CLAIM.search(folded):
        return True
    is_short = len(folded.split()) <= 6
    return not (
        (is_short and _SMALL_TALK.match(folded)) or _COURTESY.search(folded) or _ASKS.search(folded)
    )
