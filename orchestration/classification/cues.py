"""Words that tell risk, hurry and mood, in seven languages.

All patterns are written for folded text: small letters, no accents.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from orchestration.classification.words import fold
from orchestration.types import RISKS, Risk, Sentiment

_PEOPLE = (
    r"(?:you(?:r \w+)?|him|her|them|someone|somebody|everyone|myself|"
    r"(?:the|your|that) (?:courier|driver|staff|team|boss|manager|guy|people|delivery \w+))"
)

_RISKS: Mapping[Risk, tuple[str, ...]] = {
    "self_harm": (
        r"suicid\w*",
        r"kill(?:ing)? myself",
        r"end (?:my|it all) ?(?:life)?(?= *(?:$|[.!]|now|today|if))",
        r"end my life",
        r"(?:hurt|harm|cut)(?:ing)? myself",
        r"self-? ?harm",
        r"want to die",
        r"don'?t want to live",
        r"selbstmord|selbstverletz\w*|umbringe mich|mich umbringen|bringe mich um|nicht mehr leben",
        r"me suicider|me tuer|me faire du mal|plus envie de vivre|envie de mourir",
        r"suicidar\w*|matarme|quitarme la vida|hacerme dano|quiero morir|no quiero vivir",
        r"uccidermi|suicidi\w*|farmi del male|ammazzarmi|voglio morire",
        r"zelfmoord|mezelf (?:wat )?aan ?doen|niet meer leven|wil dood",
        r"me matar|tirar minha vida|quero morrer|me machucar de proposito",
    ),
    "threat": (
        rf"(?:i will|i'?ll|i am going to|i'?m going to|i'?m gonna|gonna|going to|we will)"
        rf" (?:hurt|kill|beat|shoot|stab|burn|harm|attack|smash|break|find and \w+) {_PEOPLE}",
        r"(?:kill|beat|shoot|stab) (?:you|him|her|them|your)(?: up)?\b",
        r"bomb threat|(?:bring|plant|send|have) (?:you )?a bomb|burn (?:your|the|down) ?\w* ?"
        r"(?:shop|store|office|warehouse|place|down)",
        r"i know where you live",
        r"(?:bringe|bring) (?:dich|euch|ihn|sie) um|(?:euch|dich|ihn) umbringen|schlage? (?:dich|"
        r"euch|ihn)\b|(?:tue|tu) (?:dir|euch|ihm) weh",
        r"(?:vais|vas) (?:te|vous|le|les|la) (?:tuer|frapper|casser|faire du mal)",
        r"(?:te|os|lo|los|le|les) voy a (?:matar|pegar|golpear|hacer dano|quemar)|"
        r"voy a (?:matar|pegar|golpear)(?:te|los|lo|le)?",
        r"(?:ti|vi|lo|li) (?:ammazzo|uccido|picchio|spacco)|(?:vengo|verro) a (?:picchiar|"
        r"ammazzar)\w*",
        r"(?:maak|sla|schiet|steek) (?:je|jullie|hem|u) (?:af|dood|neer|kapot|in elkaar)|"
        r"vermoord (?:je|jullie|hem)",
        r"vou (?:te|lhe|o|os)? ?(?:matar|bater|machucar|quebrar)(?: voce\w*| ele\w*| o \w+)?\b",
    ),
    "safety": (
        r"injur(?:y|ed|ies)|hospital\w*|emergency room|ambulance",
        r"(?:hurt|cut|burn(?:ed|t)) (?:my|his|her|our|their|me|him)\b",
        r"(?:got|was|been) (?:hurt|burn(?:ed|t)|shocked|electrocuted|poisoned)",
        r"(?:caught|catch(?:es|ing)?|is on|set on|started a|went up in|house) (?:fire|flames)|"
        r"fire hazard|in flames|sparks|burning smell|smok(?:e came|ing when|es when)",
        r"explod\w+|exploSion|electric(?:al)? shock|allerg\w+ (?:reaction|shock)|anaphyla\w+|"
        r"(?:am|is|was|i'?m|are) allergic",
        r"poison\w*|food poisoning|chok(?:ed|ing) on|swallowed|can'?t breathe|toxic",
        r"verletzt|verbrannt|verbrennung|feuer gefangen|brennt|explodier\w+|stromschlag|"
        r"allergisch\w*|"
        r"vergift\w*|krankenhaus|verschluckt",
        r"bless(?:e|ee|ure)s?\b|brule\w*|pris feu|en feu|explos\w+|electrocut\w+|choc electrique|"
        r"allergi\w+|empoisonn\w*|hopital",
        r"herid[ao]s?|lesion\w*|quem(?:ado|adura|o la)\w*|incendi\w+|en llamas|explot\w+|"
        r"descarga electrica|alergi\w+|alergic\w+|intoxic\w+|envenen\w+",
        r"ferit[aoie]\b|ustion\w+|bruciat\w+|preso fuoco|in fiamme|esplos\w+|scossa elettrica|"
        r"avvelena\w+|ospedale|intossica\w+",
        r"gewond|verwond\w*|verbrand|in brand|vlam gevat|ontploft|elektrische schok|vergiftig\w+|"
        r"ziekenhuis",
        r"ferid[ao]s?\b|machucou|machuquei|queimou|queimadura|pegou fogo|choque eletrico",
    ),
    "fraud": (
        r"fraud\w*|scam\w*|phish\w*|hack(?:ed|er|ers)|identity theft|stolen|stole|theft|thief|"
        r"thieves",
        r"unauthori[sz]ed|without my (?:permission|consent|knowledge)|"
        r"(?:was|is)(?:n'?t| not) (?:me|by me|mine)\b",
        r"(?:did not|didn'?t|never) (?:make|made|place|placed|authori[sz]e\w*|do|did) (?:this|that|"
        r"these|the|any such|an?) (?:\w+ )?(?:order|payment|purchase|transaction|charge)s?",
        r"(?:someone|somebody|stranger|person) (?:else )?(?:has |is )?(?:used|uses|using|bought|"
        r"ordered|ordering|got into|has access)",
        r"(?:do not|don'?t) recogni[sz]e (?:this|that|the|a) (?:\w+ )?(?:charge|payment|order|"
        r"transaction|purchase)",
        r"betrug|betrogen|betruger\w*|gestohlen\w*|geklaut|gehackt|missbrauch\w*|unbefugt\w*|"
        r"(?:war|bin) ich nicht\b|nicht von mir bestellt",
        r"arnaque\w*|escroc\w*|carte (?:a ete )?volee?|vole ma carte|pirate\w*|usurp\w+|"
        r"ce n'est pas moi|pas autorise",
        r"estafa\w*|robad[ao]s?|robaron|hackea\w*|suplanta\w+|no fui yo|no autoric\w+|clonad[ao]",
        r"frode|frodi|truff\w+|rubat[aoie]|hackerat\w+|clonata|non sono stat[ao] io|"
        r"non (?:ho )?autorizzat\w+",
        r"oplicht\w+|gestolen|gehackt|niet door mij|dat was ik niet|zonder mijn toestemming",
        r"golpe|roubad[ao]s?|roubaram|hackea\w+|invadiram minha conta|nao fui eu|nao autorizei",
    ),
    "legal": (
        r"lawyers?|attorneys?|solicitors?|legal (?:action|steps|proceedings|advice|team)|lawsuit|"
        r"(?:will|to|gonna|i'?ll|can|could) sue\b|suing|sue (?:you|your)|small claims|"
        r"(?:to|in|at) court\b(?! (?:street|road|lane|avenue|st)\b)|"
        r"court (?:case|action|order)|ombudsman|trading standards|"
        r"consumer protection",
        r"(?:rechts)?anwalt\w*|anwaltin|verklag\w+|klage einreichen|vor gericht|"
        r"rechtliche schritte|"
        r"verbraucherschutz\w*|verbraucherzentrale|anzeige erstatten",
        r"avocat\w*|tribunal|porter plainte|en justice|mise en demeure|dgccrf|poursuites",
        r"abogad[ao]s?|demandar(?:los|les|te|e)?|tribunal\w*|acciones legales|juzgado|denunciar\w*|"
        r"a juicio|via judicial",
        r"avvocat[oi]|tribunale|denunci(?:a|are|arvi|o)|vie legali|azion[ei] legal[ei]|querela",
        r"advocaat|rechtbank|aanklagen|juridische stappen|rechter\b|rechtszaak|consumentenbond",
        r"advogad[ao]s?|processar (?:voces|a loja|a empresa|essa)|na justica|acao judicial|procon",
    ),
}

_HURRY = (
    r"asap|urgent\w*|immediately|right now|right away|emergency|at once|straight away|"
    r"as soon as possible|can'?t wait|time.?sensitive",
    r"dringend|sofort|umgehend|schnellstmoglich|so schnell wie moglich|eilt",
    r"urgence|immediatement|tout de suite|au plus vite|des que possible",
    r"urgente\w*|urge\b|inmediatamente|ahora mismo|cuanto antes|lo antes posible",
    r"subito|immediatamente|il prima possibile|al piu presto",
    r"spoed|onmiddellijk|zo snel mogelijk|nu meteen|per direct",
    r"imediatamente|agora mesmo|o mais rapido possivel|quanto antes",
)
_SOON = (
    r"today|tonight|by tomorrow|before tomorrow|this (?:morning|afternoon|evening)|back now|"
    r"(?:money|refund|back|help|answer|someone|manager) now|deadline|birthday|wedding",
    r"heute noch|bis morgen|noch heute|geburtstag|hochzeit",
    r"aujourd'hui|avant demain|ce soir|anniversaire|mariage",
    r"hoy mismo|para hoy|antes de manana|cumpleanos|boda",
    r"entro oggi|entro domani|stasera|compleanno|matrimonio",
    r"vandaag nog|voor morgen|vanavond|verjaardag|bruiloft",
    r"ainda hoje|ate amanha|hoje mesmo|aniversario|casamento",
)
_ANGER = (
    r"angry|furious|unacceptable|ridiculous|terrible|horrible|awful|worst|disgust\w+|useless|"
    r"pathetic|outrag\w+|rip-?off|"
    r"(?:is|what) a joke|liars?|hate|fed up|sick of|disappoint\w+|frustrat\w+|"
    r"annoy\w+|upset|unhappy|never again|fuck\w*|shit\w*|damn\w*|goddamn|bloody|wtf|crap|bullshit|"
    r"incompetent|disgrace\w*|not happy|had enough",
    r"frechheit|unverschamt\w*|wutend|sauer|schrecklich|furchtbar|enttausch\w+|inakzeptabel|"
    r"scheiss\w*|unmoglich|katastroph\w+|argerlich|saftladen|nie wieder|reicht mir",
    r"inadmissible|inacceptable|honteux|scandal\w+|furieu\w+|horrible|decu\w*|merde|nul\b|"
    r"en colere|"
    r"marre|lamentable",
    r"inaceptable|verguenza|pesim[ao]|horrible|enfadad[ao]|furios[ao]|indignad[ao]|mierda|harto|"
    r"decepcionad[ao]|lamentable",
    r"inaccettabile|vergogn\w+|pessim[ao]|orribile|arrabbiat[ao]|furios[ao]|delus[ao]|schifo|stufo",
    r"onacceptabel|belachelijk|schandalig|woedend|boos|teleurgesteld|waardeloos|"
    r"slecht\w* service|zat",
    r"inaceitavel|absurdo|vergonha|pessim[ao]|horrivel|irritad[ao]|revoltad[ao]|decepcionad[ao]|"
    r"porcaria|cansad[ao] de",
)
_JOY = (
    r"thanks|thank you|thx|great|awesome|perfect|love|excellent|amazing|wonderful|happy with|"
    r"cheers",
    r"danke\w*|vielen dank|super|toll|perfekt|klasse",
    r"merci|super|parfait|genial|excellent",
    r"gracias|perfecto|genial|excelente|estupendo",
    r"grazie|perfetto|ottimo|fantastico",
    r"bedankt|dank je|dank u|geweldig|perfect|fijn",
    r"obrigad[ao]|perfeito|otimo|excelente|maravilh\w+",
)

_SHOUT_LETTERS = 12


def find_risk(text: str) -> tuple[Risk, str] | None:
    """Return the worst risk that the wording shows, with the words that show it."""
    folded = fold(text)
    for risk in filter(_RISKS.__contains__, RISKS):
        if found := _any_of(_RISKS[risk]).search(folded):
            return risk, found.group().strip()
    return None


def find_hurry(text: str) -> tuple[str, bool] | None:
    """Return the words that press for time, and whether they do so strongly."""
    folded = fold(text)
    if found := _any_of(_HURRY).search(folded):
        return found.group().strip(), True
    if found := _any_of(_SOON).search(folded):
        return found.group().strip(), False
    return None


def find_sentiment(text: str) -> Sentiment:
    """Return the mood of the wording; anger outweighs politeness."""
    folded = fold(text)
    if _any_of(_ANGER).search(folded) or is_shouted(text):
        return "negative"
    return "positive" if _any_of(_JOY).search(folded) else "neutral"


def is_shouted(text: str) -> bool:
    """Tell whether most of a text is in capitals."""
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return len(letters) >= _SHOUT_LETTERS and capitals > 0.7 * len(letters)


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return _compiled(tuple(patterns))


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'])(?:{'|'.join(patterns)})(?!\w)")
