"""What a clause asks for, in the words of seven languages, and which clauses only tell."""

import re
from collections.abc import Iterable, Mapping

from orchestration.classification.words import word_set

# What may be asked for, in folded words: infinitives, imperatives and questions, no past tenses.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "track": (
        r"where(?:'?s| is| are)(?! (?:my |the |our )?(?:refund|money|invoice|receipt|store|shop|"
        r"office)s?\b| you\b| your\b)|where (?:my |the |our |order )?\S+ (?:is|are)|"
        r"when (?:will|does|do|is|are|can|should) (?:\S+ ){1,5}(?:arriv\w+|come|coming|deliver\w*|"
        r"ship\w*|be here|get here)|when (?:will|do|can|should) i (?:get|receive|expect) (?:my |"
        r"the )?(?:order|package|parcel|delivery|item|it)|track (?:my|the|it|order|#?\d+)|"
        r"tracking (?:number|link|code|info\w*)|"
        r"status of|what(?:'s| is) (?:the |my )?(?:order|delivery) status|"
        r"^(?:hi |hello |please )?(?:has|have|did|is) (?:\S+ ){1,3}(?:ship|shipped|been shipped|"
        r"been sent|dispatched|on (?:its|the) way)|when (?:\S+ ){1,3}(?:arrives|comes|ships)|"
        r"how long (?:until|till|before|(?:does|do|will) (?:\S+ ){1,3}take)",
        r"wo (?:ist|sind|bleibt|bleiben|steckt)|wo (?:\S+ ){1,3}(?:ist|sind|bleibt)\b|"
        r"wann (?:kommt|kommen|wird|werden|ist|trifft|erhalte|bekomme)|lieferstatus|"
        r"status (?:der|meiner|von|des)|sendungsnummer|wie lange (?:dauert|braucht)",
        r"ou (?:est|sont|en est)|ou se trouve\w*|quand (?:arrive\w*|vais-je|est-ce que|sera|"
        r"recevrai)|(?:suivre|suivi de) (?:ma|mon|la|le|mes)|numero de suivi",
        r"donde (?:esta|estan|anda|se encuentra)|cuando (?:llega\w*|me llega\w*|recibo|recibire|"
        r"va a llegar)|(?:rastrear|seguir) (?:mi|el|la)|numero de seguimiento|estado de",
        r"dov'?e|dove (?:si trova\w*|sono|e)|quando (?:arriv\w+|ricevero|mi arriva)|"
        r"(?:tracciare|seguire) (?:il|la|l')|numero di tracciamento|stato d(?:el|ell)",
        r"waar (?:is|zijn|blijft|blijven)|waar (?:\S+ ){1,3}(?:is|blijft)\b|wanneer (?:komt|komen|"
        r"wordt|krijg|ontvang)|volgnummer|status van",
        r"(?:onde|cade) (?:esta|estao|fica|anda)|cade|quando (?:chega\w*|vai chegar|recebo)|"
        r"(?:rastrear|acompanhar) (?:o |a )?(?:meu|minha|pedido)|codigo de rastreio",
    ),
    "cancel": (
        r"cancel|cancellation(?! of)",
        r"stornier(?:e|en)|stornierung|kundig(?:e|en)",
        r"annule(?:r|z)?|annulation",
        r"cancel(?:ar|ame|arlo|arla|en|a|e)|anular(?:lo|la)?|anul(?:a|e|en)|cancelacion",
        r"annull(?:are|arlo|arla|a|ate|i)|cancell(?:are|a|ate)|annullamento",
        r"annuleer|annuleren|annulering|opzeggen|afzeggen",
        r"cancel(?:ar|em|a|e)|cancelamento",
    ),
    "return": (
        r"return(?! polic)|send (?:\S+ ){1,4}back|returns? (?:polic\w+|label|address)",
        r"zuruck(?:schicken|geben|senden)|retournier(?:e|en)|rucksendung|(?:schicke|sende|gebe) "
        r"(?:\S+ ){1,4}zuruck",
        r"renvoyer|retourner|rendre|retour de",
        r"devolver(?:lo|la)?|devuelv\w+|devolucion",
        r"restituire|restituirlo|rendere|rispedire|reso",
        r"terugsturen|retourneren|retourneer|stuur (?:\S+ ){1,4}terug",
        r"devolver|devolucao",
    ),
    "exchange": (
        r"exchange|swap|replace|replacement",
        r"umtausch(?:en)?|austausch(?:en)?|ersatz",
        r"echanger|echange|remplacer|remplacement",
        r"cambiar (?:la talla|de talla|por)|cambio de talla|reemplaz(?:ar|o)",
        r"cambiare (?:taglia|la taglia|con)|sostituire|sostituzione",
        r"ruilen|omruilen|vervangen|vervanging",
        r"trocar|troca|substituir",
    ),
    "refund": (
        r"refund(?! (?:still|has|have|was|is|not|never)\b)|refunded|money back|reimburse\w*",
        r"geld zuruck|erstatt(?:e|en|ung)|ruckerstattung",
        r"rembourse(?:r|z|ment)?|argent",
        r"reembols(?:o|ar|en|e|arme)|(?:mi|el) dinero",
        r"rimbors(?:o|are|armi|ate)|(?:i miei|indietro i) soldi",
        r"geld terug|terugbetal(?:en|ing)|terugstort\w+",
        r"reembols(?:o|ar|em)|estorno|dinheiro de volta",
    ),
    "charge": (
        r"(?:over)?charged|billed|double charge",
        r"abgebucht|belastet|berechnet",
        r"debite\w*|preleve\w*",
        r"cobr(?:ado|ada|aron|aste)",
        r"addebitat\w+",
        r"afgeschreven|in rekening gebracht",
        r"cobrad\w+|cobraram",
    ),
    "change": (
        r"(?:change|update|edit|correct|modify) (?:\S+ ){0,4}(?:address|name|e-?mail|phone|number|"
        r"details|size|colou?r|order|payment)",
        r"(?:adresse|lieferadresse|anschrift|e-?mail|telefonnummer|grosse|farbe|bestellung) "
        r"(?:\S+ ){0,3}(?:andern|aktualisieren|korrigieren)|(?:andere|andern|aktualisiere|"
        r"korrigiere) (?:\S+ ){0,3}(?:adresse|lieferadresse|anschrift|e-?mail|telefonnummer)",
        r"(?:changer|modifier|corriger|changez|modifiez) (?:\S+ ){0,3}(?:\w')?(?:adresse|e-?mail|"
        r"numero|taille|commande|nom)",
        r"(?:cambi(?:ar|a|e)|modificar|actualizar|corregir) (?:\S+ ){0,3}(?:direccion|correo|"
        r"telefono|nombre|pedido)",
        r"(?:cambi(?:are|a|ate)|modificare|aggiornare|correggere) (?:\S+ ){0,3}(?:\w+')?(?:"
        r"indirizzo|e-?mail|telefono|nome|ordine)",
        r"(?:adres|bezorgadres|e-?mail\w*|telefoonnummer|naam) (?:\S+ ){0,3}(?:wijzigen|aanpassen|"
        r"veranderen)|(?:wijzig|verander) (?:\S+ ){0,3}(?:adres|bezorgadres|e-?mail\w*)",
        r"(?:mudar|alterar|atualizar|corrigir|mude|altere) (?:\S+ ){0,3}(?:endereco|e-?mail|"
        r"telefone|nome|pedido)",
    ),
    "invoice": (
        r"invoices?|receipt",
        r"rechnung(?:en|skopie)?|quittung",
        r"factures?",
        r"facturas?|recibo fiscal",
        r"fattur[ae]|ricevuta",
        r"factuur|facturen|bon(?:netje)?",
        r"nota fiscal|faturas?",
    ),
    "delete": (
        r"(?:delete|close|erase|remove|deactivate) (?:\S+ ){0,3}(?:account|profile|data)",
        r"(?:konto|kundenkonto|daten) (?:\S+ ){0,2}loschen|(?:losche|loschen) (?:\S+ ){0,3}(?:"
        r"konto|kundenkonto|daten)",
        r"supprim(?:er|ez) (?:\S+ ){0,2}(?:compte|donnees)",
        r"(?:borr(?:ar|en|a)|elimin(?:ar|en|a)|cerrar) (?:\S+ ){0,2}(?:cuenta|datos)",
        r"(?:cancell|elimin|chiud)(?:are|ere|ete|ate|i|a) (?:\S+ ){0,2}(?:account|profilo|dati)",
        r"(?:account|gegevens) (?:\S+ ){0,2}(?:verwijderen|opheffen)|verwijder (?:\S+ ){0,2}"
        r"(?:account|gegevens)",
        r"(?:excluir|apagar|exclua|encerrar) (?:\S+ ){0,2}(?:conta|dados)",
    ),
    "password": (
        r"password",
        r"passwort|kennwort",
        r"mot de passe",
        r"contrasena",
        r"password",
        r"wachtwoord",
        r"senha",
    ),
    "discount": (
        r"discount|coupon|promo(?: ?code)?|voucher",
        r"gutschein\w*|rabatt\w*",
        r"code promo|reduction|bon de reduction",
        r"descuento|cupon",
        r"sconto|coupon|buono sconto",
        r"korting\w*",
        r"desconto|cupom",
    ),
    "shipping": (
        r"(?:do|can|will) you (?:ship|deliver) to(?! (?:me|my|the|our|this|that)\b)|"
        r"how much (?:is|are|does|do|for) (?:\S+ ){0,3}(?:shipping|delivery)|"
        r"(?:shipping|delivery) (?:cost|fee|charge|price|option)s?|express (?:shipping|delivery)",
        r"(?:liefert|versendet|verschickt) ihr|liefern sie (?:auch )?nach|versandkosten|"
        r"lieferkosten|expressversand",
        r"livrez-vous|vous livrez|frais de (?:port|livraison)|livraison express",
        r"envian (?:a|tambien)|hacen envios|gastos de envio|cuanto cuesta el envio|envio urgente",
        r"spedite (?:in|anche|a)|spese di spedizione|costi di spedizione|spedizione espressa",
        r"(?:leveren|verzenden|bezorgen) jullie|verzendkosten|bezorgkosten",
        r"(?:entregam|enviam) (?:para|em)|frete|custo de envio|entrega expressa",
    ),
    "payment": (
        r"(?:do|can) (?:you|i) (?:accept|take|pay (?:with|by))|payment (?:method|option)s?|"
        r"pay (?:with|by) \w+",
        r"zahlungs(?:art|weise|methode)\w*|(?:mit|per) \w+ (?:be)?zahlen",
        r"(?:moyens?|modes?) de paiement|payer (?:par|avec|en)",
        r"(?:formas?|metodos?) de pago|pagar con",
        r"metod[oi] di pagamento|pagare con",
        r"betaal(?:methode|wijze)\w*|betalen met",
        r"(?:formas?|metodos?) de pagamento|pagar com",
    ),
    "hours": (
        r"opening (?:hours|times)|(?:when|what time) (?:are|do) you (?:open|close)|are you open",
        r"offnungszeiten|wann (?:habt ihr|haben sie) (?:\S+ )?(?:auf|offen|geoffnet)",
        r"horaires?|heures d'ouverture",
        r"horario\w*|a que hora abren",
        r"orari\w*|quando siete aperti",
        r"openingstijden|hoe laat (?:zijn jullie|gaan jullie) open",
        r"horario\w*|que horas abrem",
    ),
    "warranty": (
        r"warranty|(?:the|a|under|your) guarantee",
        r"garantie|gewahrleistung",
        r"garantie",
        r"garantia",
        r"garanzia",
        r"garantie",
        r"garantia",
    ),
    "gift card": (
        r"gift ?cards?",
        r"geschenk(?:karte|gutschein)\w*",
        r"cartes? cadeaux?",
        r"tarjetas? (?:de )?regalo",
        r"cart[ae] regalo|buon[oi] regalo",
        r"cadeau(?:kaart|bon)\w*",
        r"(?:cartao|cartoes|vale)[- ]presente",
    ),
    "stock": (
        r"(?:back |still )?in stock|do you (?:sell|stock)|"
        r"(?:is|are) (?:\S+ ){1,4}(?:available|sold out)",
        r"auf lager|lieferbar|(?:habt ihr|haben sie) (?:\S+ ){1,4}(?:da|vorratig|im sortiment)",
        r"en stock|disponibles?",
        r"en stock|disponibles?|hay existencias",
        r"disponibil[ei]|in magazzino",
        r"op voorraad|leverbaar",
        r"em estoque|disponive(?:l|is)",
    ),
    "newsletter": (
        r"newsletter|unsubscribe|mailing list",
        r"newsletter|abmelden|abbestellen",
        r"newsletter|desabonner|desinscri\w+",
        r"boletin|newsletter|darme de baja",
        r"newsletter|disiscriver\w+",
        r"nieuwsbrief|uitschrijven|afmelden",
        r"newsletter|descadastrar",
    ),
}
# One wish in several words: who cancels wants the money back, who returns perhaps another one.
FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"cancel", "return", "exchange", "refund"}),
    frozenset({"charge", "return", "refund"}),
)
# What is done to an order, so that it is about the one named before where it names none.
ABOUT_ORDERS = frozenset({"track", "cancel", "return", "exchange", "refund", "invoice", "charge"})

# Somebody wants something: asks for it, wishes it, or says please.
_ASKING = (
    r"(?:can|could|would|will|may|shall|should|might) (?:you|u|i|we|ya|someone|somebody)|"
    r"(?:i|we)(?:'d| would|d)? (?:\w+ )?(?:want|need|wanna|wish|like|love|request|demand|prefer)|"
    r"(?:want|need|like|looking|hoping|trying) to|please|pls|plz|kindly|help me|let me|tell me|"
    r"give me|send me|do you|how (?:do|can|could|would|to|much|long|about)|(?:is|are) (?:it|there)|"
    r"where|when (?:will|does|do|is|are|can)|^(?:what|which|who|why|has|have|did|does|is|are)",
    r"bitte|mochte|wurde gern\w*|ich will|will ich|wollen|brauche|hatte gern\w*|"
    r"konn(?:t|en|te|ten)\w*|kann|darf|wo|wann|^(?:wie|was|welche\w*|wer)|gibt es|habt ihr|"
    r"haben sie|ist es|helfen",
    r"s'?il (?:vous|te) plait|svp|stp|(?:je )?(?:voudrais|veux|souhaite\w*|aimerais)|besoin|"
    r"pouvez|peux|peut|puis-je|pourriez|^(?:comment|ou|quand|quel\w*|combien)|ou (?:est|sont|en)|"
    r"est-ce|avez-vous|livrez-vous|merci de|veuillez",
    r"por favor|quiero|quisiera|necesito|me gustaria|pued\w+|podri\w+|donde|deseo|"
    r"^(?:como|cuando|que|cual|cuanto|hay|tienen|envian|hacen)|ayud\w+",
    r"per favore|per piacere|vorrei|voglio|ho bisogno|mi serve|poss\w+|puo\w*|potr\w+|dov'?e|"
    r"dove|^(?:come|quando|quale|quanto|c'e|avete|spedite)|aiut\w+|desidero",
    r"alstublieft|alsjeblieft|aub|graag|ik wil|wil ik|willen|wou|zou|nodig|kun\w*|kan|mag|waar|"
    r"wanneer|^(?:hoe|wat|welke)|hebben jullie|leveren jullie|help",
    r"quero|queria|gostaria|preciso|pode\w*|posso|onde|cade|^(?:como|quando|qual|quanto|tem|"
    r"voces)|ajud\w+|desejo",
)
# What was done, tried or not wanted is told, not asked for.
_TELLING = (
    r"(?:tried|trying|attempted|unable|not able|failed|refused|forgot|managed|going|supposed|"
    r"have|had|used) to (?:\w+ )?(?=cancel|return|exchange|refund|change|replace|send)\w+|"
    r"(?:could ?n'?t|cannot|can'?t|can not|did ?n'?t|do ?n'?t|do not|did not|never|won'?t|"
    r"would ?n'?t|refuse[sd]?|not) (?:to )?(?:\w+ )?(?:cancel|return|exchange|refund\w*|change|"
    r"replace|get|got)\w*(?: (?:a|my|the|any))? ?(?:refund|money back|invoice|receipt|tracking)?|"
    r"(?:got|received|was|were|been|has|have|had) (?:\w+ ){0,2}(?:refunded|refund|exchange|"
    r"replacement)",
    r"(?:wurde|wurden|habe|hat|haben|ist|war) (?:\S+ ){0,4}(?:storniert|erstattet|"
    r"zuruckgeschickt|umgetauscht|geandert)|nicht (?:stornier|zuruck|erstatt|umtausch)\w+",
    r"(?:j'ai|ai|as|a|avons|avez|ont|ete|est|etait) (?:\w+ )?(?:annule|rembourse|echange|"
    r"renvoye|change)\w*|ne (?:\S+ ){0,2}pas (?:annuler|renvoyer|rembourser)",
    r"(?:he|ha|han|hemos|fue|sido) (?:cancelad|anulad|reembolsad|devuelt|cambiad)\w+|"
    r"no (?:\S+ )?(?:cancel|anul|devol|reembols)\w+",
    r"(?:ho|ha|hanno|abbiamo|stat[oa]) (?:annullat|rimborsat|restituit|cambiat|cancellat)\w+|"
    r"non (?:\S+ )?(?:annull|restitu|rimbors)\w+",
    r"(?:heb|heeft|hebben|is|was|werd) (?:\S+ ){0,4}(?:geannuleerd|terugbetaald|"
    r"teruggestuurd|geruild)|niet (?:annuler|terug)\w+",
    r"(?:foi|ja|tinha|havia) (?:cancelad|reembolsad|devolvid|trocad)\w+|"
    r"nao (?:\S+ )?(?:cancel|devolv|reembols)\w+",
)
# A clause that begins so depends on another one: a reason, a condition, an alternative.
_DEPENDING = re.compile(
    r"(?:or|otherwise|else|if|unless|because|cause|cuz|since|as(?! (?:minhas|suas)\b)|so that|"
    r"until|till|before|after|while|although|though|even|whether|that|but if|"
    r"when(?! (?:will|does|do|is|are|can|should|did)\b)|"
    r"oder|sonst|ansonsten|wenn|falls|weil|da|bis|bevor|nachdem|damit|ob|dass|obwohl|"
    r"ou(?! (?:est|sont|en|se|puis)\b)|sinon|si(?! puo)|parce|car|puisque|avant|apres|jusqu\w*|"
    r"lorsque|o(?! (?:meu|seu|nosso|pedido|codigo|numero|que|#?\d))|sino|porque|ya que|antes|"
    r"despues|hasta|aunque|oppure|altrimenti|se(?! pued| pode)|perche|poiche|prima|dopo|finche|"
    r"siccome|of|anders|als|omdat|want(?! (?:to|my|a|the|it)\b)|voordat|nadat|totdat|hoewel|"
    r"tenzij|senao|caso|pois|depois|ate|embora)(?!\w)"
)
_CONDITION = re.compile(
    r"(?:if|unless|in case|wenn|falls|si(?! puo)|se(?! pued| pode)|als|tenzij|caso)(?!\w)"
)
_LEADING = word_set(
    """please pls plz kindly just also then now hi hello hey ok okay so well to and bitte dann auch
    noch hallo und zu s'il vous te plait svp puis aussi bonjour et de por favor tambien luego hola y
    per favore poi anche ciao buongiorno e di alstublieft alsjeblieft ook dan hallo graag om te
    tambem depois ola bom dia"""
)

_OF_SOMEBODY = re.compile(
    r"(?:i|we|you|it|they|my|the|ich|wir|je|j'|nous|yo|io|noi|ik|wij|we|eu|nos)(?!\w)"
)
# Kinds whose words are what to do, so that they alone are an order.
_VERBS = frozenset({"track", "cancel", "return", "exchange", "refund", "change", "delete"})


def _compile(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'])(?:{'|'.join(patterns)})(?!\w)")


_WORDS = {kind: _compile(patterns) for kind, patterns in _KINDS.items()}
_ASKS = _compile(_ASKING)
_TELLS = _compile(_TELLING)
_MOST_WORDS_OF_AN_ORDER = 6


def kinds_asked(clause: str, *, is_question: bool) -> frozenset[str]:
    """Return the kinds of things a folded clause asks for; none where it only tells of them."""
    heard = _TELLS.sub(" ", clause)
    kinds = frozenset(kind for kind, words in _WORDS.items() if words.search(heard))
    if not kinds or depends(clause) or not (is_question or _is_asked(heard, kinds)):
        return frozenset()
    # "Where is my refund" asks for the refund.
    return kinds - {"track"} or kinds


def depends(clause: str) -> bool:
    """Tell whether a folded clause is the reason, condition or alternative of another."""
    return bool(_DEPENDING.match(clause))


def is_condition(clause: str) -> bool:
    """Tell whether a folded clause says on what the next one depends."""
    return bool(_CONDITION.match(clause))


def _is_asked(heard: str, kinds: frozenset[str]) -> bool:
    if _ASKS.search(heard):
        return True
    words = heard.split()
    while words and words[0].strip(",:") in _LEADING:
        words.pop(0)
    rest = " ".join(words)
    verbs = [_WORDS[kind] for kind in kinds & _VERBS]
    is_an_order = any(words.match(rest) for words in verbs)
    # "1043 stornieren", "my invoice": nothing but what is wanted.
    is_brief = len(words) <= _MOST_WORDS_OF_AN_ORDER and not _OF_SOMEBODY.match(rest)
    return is_an_order or bool(verbs and is_brief and _names_a_number(rest))


def _names_a_number(text: str) -> bool:
    return any(character.isdigit() for character in text)
