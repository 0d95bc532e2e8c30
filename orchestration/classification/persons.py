"""Hears the wish for a person instead of a bot, in seven languages.

Naming a person is not asking for one: "the courier was a rude person", "a chair for a tall person".
So a person counts beside a verb of talking, right behind a verb of wanting, or alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.classification.words import fold, split_clauses, split_words, word_set


@dataclass(frozen=True, kw_only=True)
class _Words:
    """One language's words, folded; `someone` counts beside `talk` alone, `to` joins them.

    `between` may stand from a person to what they shall do, `behind` follows one that is wanted.
    """

    talk: str
    assist: str
    want: str
    refuse: str
    person: str
    someone: str
    to: str
    between: str
    behind: str


_LANGUAGES: Mapping[str, _Words] = {
    "en": _Words(
        talk=r"talk(?:ing)?|speak(?:ing)?|chat(?:ting)?|connect(?:ed)?|"
        r"transfer (?:me|us)|be transferred|put me|pass me|hand me|reach|contact(?:ed)?|"
        r"call(?:ed)?|get (?:a )?hold|get through|get in touch|phone|ring",
        assist=r"help|assist|answer|reply|take over|look into|get back|handle|respond",
        want=r"want|need|prefer|(?:would|i'?d) (?:like|love|rather have)|(?:give|get|hand|find) me|"
        r"is there|are there|do you have|can i have|could i have|request|demand",
        refuse=r"(?:do ?n'?t|do not|no) (?:really |even )?(?:want|need|wish|have)",
        person=r"persons?|humans?|human beings?|people|agents?|operators?|representatives?|reps?|"
        r"live (?:chat|support|agent)|supervisor|manager|colleagues?|advis[oe]rs?|"
        r"(?:member|someone|somebody|anyone) (?:of|on|from) (?:your|the) (?:staff|team)|"
        r"team members?|(?:someone|somebody|anyone|anybody) (?:real|human)",
        someone=r"someone|somebody|anyone|anybody|staff",
        to=r"to|with|of|by|for|a|an|the|any|some|your|one|real|actual|live|human|another|proper|"
        r"true|genuine|customer|service|support",
        between=r"to|can|could|i|we|please|from|your|the|team|who|that|us|me|"
        r"customer|service|support",
        behind=r"please|pls|plz|thanks|thank|now|here|there|instead|rather|asap|today|urgently|"
        r"immediately|right|who|that|i can|to (?:help|talk|speak|chat|call|answer|look|handle|"
        r"assist|deal|take|get)|on (?:this|my|the|it)|from (?:your|the|customer)|not|no|"
        r"available|because|for (?:this|help|my)|about",
    ),
    "de": _Words(
        talk=r"sprechen|spreche|reden|rede|schreiben|chatten|unterhalten|verbind\w*|verbunden|"
        r"weiterleit\w*|weitergeleitet|durchstellen|telefonier\w+|anrufen|kontaktieren|erreichen|"
        r"zuruckrufen",
        assist=r"helfen|hilft|weiterhelfen|antworten|ubernehmen|kummern",
        want=r"will|mochte|moechte|brauche|hatte gern\w*|wunsche|gib mir|geben sie mir|gibt es|"
        r"gibts|haben sie|habt ihr|ist da|ist hier|kann ich|konnte ich",
        refuse=r"(?:brauche|will|mochte|muss) (?:auch |gar )?(?:nicht|kein\w*)",
        person=r"mensch(?:en)?|personen?|mitarbeiter\w*|(?:kunden)?berater\w*|sachbearbeiter\w*|"
        r"ansprechpartner\w*|vorgesetzte\w*|chef|kolleg(?:e|en|in)|agenten?",
        someone=r"jemand\w*|irgendwe[mnr]",
        to=r"mit|an|zu|von|ein|eine[mnrs]?|der|dem|den|ihrem|ihren?r?|eurer?|einem|echte[mnrs]?|"
        r"richtige[mnrs]?|reale[mnrs]?|bitte|mal|jetzt|hier|auch|nem|nen|ner|lieber|menschlichen|"
        r"lebende[mnrs]?|am|telefon|direkt|gerne?",
        between=r"\S+",
        behind=r"bitte|danke|jetzt|sofort|hier|statt\w*|der|die|aus|vom|von|am|an|und|kein\w*|"
        r"nicht|dringend",
    ),
    "fr": _Words(
        talk=r"parl\w+|passez(?:-| )moi|passe(?:-| )moi|passer|joindre|contacter|discuter|"
        r"echanger|r?appel\w+|transfer\w+|mett\w+|entretenir|relation|contact",
        assist=r"aider|repondre|assister|s'occuper|prendre en charge",
        want=r"veux|voudrais|souhaite\w*|aimerais|besoin d'|besoin de|donnez-moi|donne-moi|"
        r"y a-t-il|il y a|puis-je avoir|puis je avoir|je peux avoir|prefere\w*|avoir",
        refuse=r"(?:ne |n')?(?:veux|voudrais|souhaite|ai) pas(?: besoin)?|pas besoin|sans",
        person=r"personnes?|humain\w*|etre humain|conseill(?:er|ere|ers)|agents?|responsable|"
        r"operateurs?|operatrice|collegues?|quelqu'un de (?:reel|vrai|humain)",
        someone=r"quelqu'un|quelqu un|qqn",
        to=r"a|avec|au|un|une|l'un|l'une|de|d'|des|du|vos|votre|vrai|vraie|veritable|reel|reelle|"
        r"l'|le|la|en|physique|autre|plutot|directement",
        between=r"peut|pourrait|me|m'|qui|puisse|du|service|client|de|votre|equipe|pour",
        behind=r"s'il|svp|stp|merci|maintenant|ici|plutot|pas|qui|au telephone|en ligne|"
        r"immediatement|tout|pour (?:m'aider|parler)|reelle?|du service",
    ),
    "es": _Words(
        talk=r"habl\w+|paseme|pasame|pasarme|pasen\w*|pas\w+ con|comuni\w+|contact\w+|llam\w+|"
        r"chatear|conversar|transfier\w+|transferir\w*|derivar\w*|ponme|ponganme",
        assist=r"atiend\w+|atender\w*|atendier\w+|ser atendid[oa]|ayud\w+|respond\w+",
        want=r"quiero|quisiera|necesito|deseo|prefiero|dame|deme|denme|hay|tienen|"
        r"me gustaria (?:tener|contactar)|podria tener|solicito|exijo",
        refuse=r"no (?:quiero|necesito|deseo|hace falta)|sin",
        person=r"personas?|human[oa]s?|ser humano|agentes?|asesor(?:a|es)?|operador(?:a|es)?|"
        r"supervisor\w*|representante|companer[oa]s?|ejecutiv[oa]|encargad[oa]|emplead[oa]|"
        r"alguien (?:real|de verdad|human[oa])",
        someone=r"alguien|ustedes",
        to=r"con|a|por|un|una|uno|de|su|sus|el|la|los|algun|alguna|real|otra|otro|directamente|"
        r"verdader[oa]|tu",
        between=r"que|me|puede|podria|pueda|para|por favor|de|del|su|equipo|real",
        behind=r"por|porfa\w*|ya|ahora|aqui|ahi|que|real|de verdad|no|gracias|para (?:hablar|que)|"
        r"urgente\w*|humana|de (?:atencion|soporte|su)|en lugar",
    ),
    "it": _Words(
        talk=r"parl\w+|passi|passami|passatemi|passarmi|mi passa\w*|contatt\w+|(?:ri)?chiam\w+|"
        r"mett\w+|comunicare|chattare|trasfer\w+|contatto",
        assist=r"aiut\w+|assist\w+|rispond\w+|occupar\w+",
        want=r"voglio|vorrei|bisogno di|mi serve|dammi|datemi|mi dia|c'e|desidero|preferisco|"
        r"posso avere|ci sono|mi serve|avere",
        refuse=r"non (?:voglio|vorrei|ho bisogno di|mi serve|serve)|senza",
        person=r"person[ae]|uman[oaie]|essere umano|operator[ei]|operatrice|addett[oaie]|"
        r"responsabile|consulente|agente|impiegat[oa]|colleg(?:a|hi)|"
        r"qualcuno di (?:reale|vero|umano)",
        someone=r"qualcuno",
        to=r"con|a|ad|da|un|una|uno|un'|dei|delle|vostri|vostre|vostro|il|la|vera|vero|reale|"
        r"qualche|altro|altra|di|in|carne|ossa|direttamente",
        between=r"che|mi|puo|possa|potrebbe|per favore|del|servizio|clienti|per",
        behind=r"per|grazie|adesso|ora|qui|subito|che|vera|vero|reale|non|al telefono|in carne|"
        r"umana|invece|del servizio",
    ),
    "nl": _Words(
        talk=r"praten|praat|spreken|spreek|verbind\w*|doorverbind\w*|doorverbonden|bellen|belt|"
        r"chatten|contact|bereiken|terugbellen",
        assist=r"helpen|helpt|antwoorden|overnemen",
        want=r"wil|zou graag|graag|nodig|geef me|geef mij|geven|is er|is daar|hebben jullie|mag ik|"
        r"kan ik|liever",
        refuse=r"(?:hoef|wil) (?:ook )?(?:niet|geen)",
        person=r"mens(?:en)?|persoon|personen|medewerkers?|leidinggevende|collega'?s?|adviseurs?|"
        r"iemand (?:echt\w*|van (?:vlees|jullie|de klantenservice|het team))|agent",
        someone=r"iemand",
        to=r"met|een|een van|aan|van|de|uw|jullie|echte?|echt|levende?|menselijke?|graag|liever|"
        r"gewoon|nu|ander|andere|un|n",
        between=r"\S+",
        behind=r"aub|alstublieft|alsjeblieft|nu|hier|die|van|in plaats|en geen|geen|niet|graag|"
        r"spreken|aan de lijn",
    ),
    "pt": _Words(
        talk=r"fal\w+|convers\w+|pass[ae]r?|me passa|transfir\w+|transfer\w+|lig\w+|contat\w+|"
        r"contact\w+|encaminh\w+|comunicar",
        assist=r"ajud\w+|atenda|atender|ser atendid[oa]|responder",
        want=r"quero|queria|preciso de|preciso|gostaria de|prefiro|me da|tem|ha|existe|desejo|"
        r"posso ter|exijo",
        refuse=r"nao (?:quero|preciso|desejo)(?: de)?|sem",
        person=r"pessoas?|human[oa]s?|ser humano|atendentes?|supervisor\w*|operador\w*|agentes?|"
        r"gente|representante|funcionari[oa]|responsavel|colegas?|"
        r"alguem (?:de verdade|real|human[oa])",
        someone=r"alguem",
        to=r"com|a|pra|para|por|um|uma|uns|de|seus|suas|o|algum|alguma|real|verdade|outra|outro|"
        r"diretamente|voces|seu|sua",
        between=r"que|me|pode|poderia|possa|para|pra|por favor|do|da|atendimento|ao|cliente",
        behind=r"por|pfv|pf|agora|aqui|ai|ja|que|real|de verdade|nao|obrigad[oa]|para (?:falar|me)|"
        r"urgente\w*|humana|do atendimento|em vez|no lugar",
    ),
}
# Robots and machines are also sold; so they count at the end of a clause, or where one talks.
_NO_BOT = re.compile(
    r"(?<!\w)(?:not|no|without|don'?t (?:want|like|need)|stop|hate|stupid|basta|sin|sans|senza|"
    r"sem|zonder|ohne|kein\w*|nicht|pas|plus|geen|niet|non|nao)"
    r"(?: \w+){0,4}? (?:(?:chat)?bots?|(?:robots?|robo|roboter|maschinen?|machines?|"
    r"maquina|macchina|ki|ai|ia)"
    r"(?: (?:schreiben|sprechen|reden|praten|chatten|please|bitte|svp|por favor))?$)(?!\w)"
    r"|(?<!\w)(?:marre|enough|tired|sick|fed up|genug|nervt|zat|stufo|harto|chega|cansad[ao])"
    r"(?: \S+){0,3} (?:chat)?(?:bots?|robots?|robo)(?!\w)"
)
_IS_HUMAN = re.compile(r"(?<!\w)(?:i'?m|i am|that i'?m) (?:not )?a? ?(?:ro)?bot(?!\w)")
_ALONE = word_set(
    """agent human person representative operator manager supervisor colleague advisor rep humain
    conseiller conseillere humano humana persona agente operador operadora asesor asesora mensch
    mitarbeiter mitarbeiterin berater kundenberater umano operatore operatrice persona addetto
    persoon medewerker mens collega atendente pessoa"""
)
_AROUND = word_set(
    """a an the real live actual now please pls plz thanks thx hi hello hey to bitte danke hallo ein
    eine einen echt echte echten echter s'il vous plait te svp stp merci bonjour salut un une vrai
    vraie por favor porfa gracias hola per favore grazie ciao buongiorno una uno vero vera
    alstublieft alsjeblieft aub hoi een echte um uma ola oi pfv obrigado obrigada de verdad
    verdade"""
)


@dataclass(frozen=True)
class _Heard:
    refused: re.Pattern[str]
    wished: re.Pattern[str]


def asks_for_person(text: str) -> bool:
    """Tell whether the wording asks for a person instead of a bot."""
    folded = fold(text)
    words = split_words(folded)
    if any(word in _ALONE for word in words) and all(word in _ALONE | _AROUND for word in words):
        return True
    return any(_is_a_wish(clause) for clause in split_clauses(folded))


def _is_a_wish(clause: str) -> bool:
    if _NO_BOT.search(_IS_HUMAN.sub(" ", clause)):
        return True
    return any(one.wished.search(one.refused.sub(" ", clause)) for one in _HEARD)


def _compile(words: _Words) -> _Heard:
    one = rf"(?:{words.person}|{words.someone})"
    to = rf"(?:{words.to})"
    near = rf"(?: \S+){{0,2}}?(?: {to})*"
    towards = rf"(?: (?:{words.between})){{0,5}}?"
    wishes = (
        rf"(?:{words.talk}){near} {one}",
        rf"{one}{towards} (?:m')?(?:{words.talk})",
        rf"(?:{words.assist})(?: \S+){{0,2}}? (?:{words.person})",
        rf"(?:{words.person}){towards} (?:m')?(?:{words.assist})",
        rf"(?:{words.want})(?: {to})*(?: |(?<=')) ?(?:{words.person})"
        rf"(?= *$| (?:{words.behind})(?!\w))",
    )
    refused = rf"(?:{words.refuse})(?: (?:{words.talk}|{to}|nicht|niet|geen|kein\w*))* {one}"
    return _Heard(
        refused=re.compile(rf"(?<!\w)(?:{refused})(?!\w)"),
        wished=re.compile(rf"(?<!\w)(?:{'|'.join(wishes)})(?!\w)"),
    )


_HEARD = tuple(_compile(words) for words in _LANGUAGES.values())
