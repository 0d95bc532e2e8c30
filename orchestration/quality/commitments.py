"""How a promise, a guarantee or a claimed action sounds in seven languages, folded."""

import re
from dataclasses import dataclass

# Up to sixty characters of the same sentence.
_ = r"[^.!?\n]{0,60}?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A way to commit the shop; `is_state` where a record of the order may bear it out."""

    expression: re.Pattern[str]
    is_state: bool = False


def _compile(*expressions: str, is_state: bool = False) -> tuple[Pattern, ...]:
    return tuple(
        Pattern(expression=re.compile(expression, re.MULTILINE), is_state=is_state) for expression in expressions
    )


_ENGLISH = _compile(
    r"\b(?:we|i|our team|the team|a colleague|my colleague|they)"
    r"(?:'ll|’ll| will| shall|'m going to|’m going to|'re going to|’re going to| are going to"
    r"| am going to| would be happy to| am happy to|'m happy to| can gladly| agree to)\b" + _
    + r"\b(?:refund|reimburse|compensate|credit|cancel|replace\b|waive|resend|re-send|exchange"
    r"|return (?:you )?(?:the|your) (?:money|payment)|give you|pay you|pay back|grant|offer you|upgrade"
    r"|issue|make an exception|discount|voucher|free (?:replacement|of charge|gift)|money"
    r"|process (?:your|the|a) (?:refund|return|cancellation))",
    r"\bi (?:can|could)\b(?! not| n't)" + _ + r"\b(?:refund you|compensate|credit you|offer you|give you (?:a|an|your|\d))",
    r"\b(?:i'm|i’m|i am|we're|we’re|we are) (?:now |currently |just |already )?(?:refunding|cancell?ing"
    r"|crediting|reimbursing|issuing|granting|waiving|replacing|processing your (?:refund|return|cancell?ation)"
    r"|sending you (?:a|your) (?:new|replacement|refund|voucher|gift|money))",
    r"\byou(?:'ll|’ll| will| shall|'re going to| are going to| can expect to)\b" + _
    + r"\b(?:(?:your |the )?money back|refund|refunded|reimburse|compensat|your money|credited"
    r"|replacement|voucher|discount|gift card|for free|free of charge|full amount)",
    r"\b(?:you|customers?) (?:can|may|will|are welcome to|get to|are allowed to|could)?\s?(?:simply |just |also )?keep"
    r" (?:the|your|this|both|it|them|that)\b",
    r"\b(?:i|we)(?:'ve|’ve| have)? (?:have |just |already |now |hereby |gladly |successfully |also )*"
    r"(?:cancell?ed|refunded|reimbursed|credited|issued|processed|approved|initiated|granted|waived"
    r"|replaced|compensated|changed your|updated your|closed|deleted|marked|upgraded|accepted|confirmed"
    r"|authori[sz]ed|applied a|started (?:your|the|a) (?:refund|return|cancell?ation))\b",
    r"\b(?:i|we)(?:'ve|’ve| have)\b[^.!?\n]{0,40}?\b(?:refunded|cancell?ed|reimbursed|credited|approved"
    r"|issued|initiated|granted|waived|compensated)\b",
    r"\bguaranteed\b|\b(?:i|we)(?:'ll| will| can| do| hereby)? (?:guarantee|promise|assure|swear|commit)\b"
    r"|\byou have (?:my|our) (?:word|promise|guarantee)\b|\b(?:my|our) promise\b|\bguarantee you\b",
    r"\b(?:use|apply|enter|here(?:'s|’s| is)|with|redeem)\b[^.!?\n]{0,25}\b(?:discount|promo(?:tion)?|coupon"
    r"|voucher)s?(?: ?code)?\b",
    r"\b(?:discount|promo(?:tion)?|coupon|voucher) ?codes?(?: is|:|,)? *[\"'“]?[a-z]*\d|\d+ ?% (?:off|discount)",
    r"\b(?:as|make|making|made) an (?:one-time )?exception\b",
    r"^(?:yes[,.! ]*)?(?:accepted|approved|confirmed|granted|guaranteed|agreed|done|refunded|cancell?ed)[.! ]*$",
    r"\b(?:your |a |the )(?:full )?(?:money|refund|payment|compensation)\b[^.!?\n]{0,30}?\b(?:is|are) (?:already )?"
    r"(?:on (?:its|the) way|coming|guaranteed|yours)\b",
)
_ENGLISH_STATES = _compile(
    r"\b(?:your|the|a|this|that|full)\b[^.!?\n]{0,30}?\b(?:refund|order|return|payment|money|amount"
    r"|cancell?ation|replacement|credit|voucher|discount|purchase|fee|price)\b[^.!?\n]{0,40}?"
    r"\b(?:ha(?:s|ve)(?: [a-z]+ly| now| already| just| also)? been|is being|was|were|will be|is|gets|got)\b"
    r"(?: [a-z]+ly| now| already| hereby| also| just| then){0,2} (?:refunded|cancell?ed|approved|issued"
    r"|processed|credited|granted|accepted|confirmed|initiated|reimbursed|waived|replaced|returned to you"
    r"|paid back|paid out)\b",
    is_state=True,
)
_GERMAN = _compile(
    r"\b(?:wir|ich)\b" + _ + r"\b(?:(?:zuruck)?erstatten?|ruckerstatten|zuruck(?:zu)?zahlen|uberweisen?"
    r"|storniere?n?|gut(?:zu)?schreiben|entschadigen?|schenken? ihnen|erlassen?|ersetzen?)\b(?! konnen)",
    r"\b(?:erstatten?|uberweisen?|storniere|storniert|schreiben?|zahlen?|ersetzen?) (?:wir|ich)\b(?! (?:nicht|kein))",
    r"\b(?:wir|ich) (?:zahlen?|geben?|schreiben?|senden?|schicken?)\b" + _ + r"\b(?:zuruck|gut|gutschein|ersatz|rabatt)\b",
    r"\b(?:sie|du|ihnen)\b[^.!?\n]{0,15}\b(?:erhalten|bekommen|kriegen|erhaltst|bekommst|kriegst|werden|wirst|wird)\b"
    + _ + r"(?:\bgeld\b|ruckerstattung|erstattung|erstattet|gutschrift|gutschein|rabatt|entschadigung"
    r"|\bersatz|kostenlos|zuruckgezahlt|kaufpreis)",
    r"\b(?:erhalten|bekommen|kriegen) (?:sie|du)\b" + _ + r"(?:\bgeld\b|erstattung|gutschrift|gutschein|rabatt|ersatz|kaufpreis)",
    r"\b(?:ich|wir) habe?n?\b" + _ + r"(?:storniert|erstattet|veranlasst|gutgeschrieben|genehmigt"
    r"|ersetzt|uberwiesen|ausgelost|geschlossen|geloscht|geandert|eingeleitet|bewilligt|angewiesen)\b",
    r"\bhabe? (?:ich|wir)\b" + _ + r"(?:storniert|erstattet|veranlasst|gutgeschrieben|genehmigt|eingeleitet)\b",
    r"\bgarantiert\b|\b(?:ich|wir) (?:garantieren?|versprechen?|sichern? ihnen)\b|\b(?:garantieren?|verspreche?n?) (?:ich|wir)\b"
    r"|\bversprochen\b",
    r"\b(?:rabatt|gutschein|aktions|promo)-?codes?\b[^.!?\n]{0,20}(?:lautet|:|ist|nutzen|verwenden|einlosen|eingeben|\w*\d)"
    r"|\b(?:mit|nutzen sie|verwenden sie|hier ist|geben sie)\b[^.!?\n]{0,25}\b(?:rabatt|gutschein|aktions|promo)-?code",
    r"\b(?:konnen|durfen|kannst|darfst|dirfen)\b" + _ + r"\bbehalten\b",
    r"\b(?:machen|mache) (?:wir|ich)\b[^.!?\n]{0,30}\bausnahme\b|\bausnahmsweise\b",
    r"\b(?:ihr|dein|das) geld (?:ist|kommt)\b",
    r"^(?:ja[,.! ]*)?(?:akzeptiert|genehmigt|bestatigt|garantiert|versprochen|storniert|erstattet)[.! ]*$",
)
_GERMAN_STATES = _compile(
    r"\b(?:ihre?[rmn]?|deine?[rmn]?|die|der|das|den|dem)\b[^.!?\n]{0,50}?\b(?:wurden?|wird|werden|ist|sind)\b[^.!?\n]{0,40}?"
    r"\b(?:(?:zuruck)?erstattet|storniert|genehmigt|gutgeschrieben|bewilligt|akzeptiert|zugesagt|zuruckgezahlt"
    r"|bestatigt|uberwiesen|eingeleitet|veranlasst)\b",
    is_state=True,
)
_FRENCH = _compile(
    r"\b(?:nous|je|on)\b" + _ + r"(?:\brembours(?:erons|erai|era|ons|e)\b|\b(?:allons|vais|va|pouvons vous) " + _
    + r"(?:rembourser|annuler|crediter|indemniser|remplacer|offrir|accorder)\b|\bannul(?:erons|erai|ons)\b"
    r"|\bcredit(?:erons|erai)\b|\bremplac(?:erons|erai)\b|\bindemniser(?:ons|ai)\b|\boffr(?:irons|irai|ons)\b"
    r"|\brestituer(?:ons|ai)\b|\brendr(?:ons|ai)\b|\baccord(?:erons|erai)\b)",
    r"\bvous (?:serez|etes|allez etre|avez ete)\b[^.!?\n]{0,25}\b(?:rembourse|credite|indemnise|dedommage)",
    r"\bvous (?:recevrez|recupererez|obtiendrez|aurez|allez recevoir|allez recuperer|beneficierez)\b" + _
    + r"\b(?:remboursement|argent|credit|avoir|bon d'achat|bon de reduction|remise|remplacement|cadeau|dedommagement)\b",
    r"\b(?:j'ai|j’ai|nous avons)\b[^.!?\n]{0,25}\b(?:annule|rembourse|procede|initie|credite|approuve|accorde|valide"
    r"|effectue|lance|cloture|accepte|remplace)e?s?\b",
    r"\bgaranti(?:e|es|s)?\b(?! legale| de| du| des| couvre| est| constructeur| commerciale| \d)|\b(?:je|nous) (?:vous )?(?:le )?"
    r"(?:garanti(?:s|ssons)|promet(?:s|tons)|assur(?:e|ons))\b|\bpromis\b|\bc'est promis\b",
    r"\b(?:utilisez|voici|avec|saisissez|entrez|appliquez)\b[^.!?\n]{0,25}\b(?:code (?:promo|de reduction|promotionnel|avantage)"
    r"|bon de reduction)|\bcode promo\w*(?: est|:)? *\w*\d",
    r"\bvous pouvez\b[^.!?\n]{0,20}\b(?:garder|conserver) (?:l'|l’|le |la |les |votre |cet|ce )(?!e?mballage|preuve|facture|recu|ticket)",
    r"\b(?:faisons|ferons|fais|ferai|faire) une exception\b|\ba titre exceptionnel\b",
    r"\bremboursement\b[^.!?\n]{0,30}\b(?:est en route|est en cours|a ete (?:effectue|lance|approuve|accepte|valide|initie|emis)"
    r"|sera (?:effectue|verse|emis))",
    r"^(?:oui[,.! ]*)?(?:accepte|approuve|confirme|garanti|promis|annule|rembourse)e?[.! ]*$",
)
_FRENCH_STATES = _compile(
    r"\b(?:votre|la|le|cette|ce|vos|les|l')\b[^.!?\n]{0,50}?\b(?:a ete|ont ete|est|sera|seront|sont|va etre)\b"
    r"(?: bien| deja| maintenant| integralement| entierement){0,2} (?:rembourse|annule|credite|approuve|accepte"
    r"|accorde|restitue)e?s?\b",
    is_state=True,
)
_SPANISH = _compile(
    r"\b(?:reembolsare(?:mos)?|devolvere(?:mos)?|cancelare(?:mos)?|abonare(?:mos)?|compensare(?:mos)?|indemnizare(?:mos)?"
    r"|regalare(?:mos)?|reemplazare(?:mos)?|sustituire(?:mos)?|ofrecere(?:mos)?|anulare(?:mos)?)\b",
    r"\b(?:vamos a|voy a|podemos) (?:\w+ )?(?:reembolsar|devolver|cancelar|anular|abonar|compensar|regalar|reemplazar|ofrecer)(?:le|te|les|la|lo)?\b",
    r"\b(?:le|te|les) (?:reembolsamos|devolvemos|abonamos|compensamos|regalamos|reembolso|devuelvo|abono|ofrecemos)\b",
    r"\b(?:recibira|recibiras|recuperara|recuperaras|obtendra|obtendras|tendra|tendras|va a recibir|vas a recibir|va a recuperar"
    r"|vas a recuperar)\b" + _ + r"\b(?:reembolso|dinero|devolucion|abono|vale|cupon|descuento|compensacion|reemplazo|importe)\b",
    r"\b(?:he|hemos)\b[^.!?\n]{0,20}\b(?:cancelado|anulado|reembolsado|devuelto|abonado|aprobado|iniciado|procesado|tramitado|emitido"
    r"|aceptado|concedido|cerrado)\b",
    r"\bgarantizad[oa]s?\b|\bgarantiz(?:o|amos)\b|\b(?:le|te|se lo) (?:prometo|prometemos|aseguro|aseguramos|garantizo)\b|\bprometo\b|\bprometemos\b|\bprometido\b",
    r"\b(?:use|usa|utilice|utiliza|aqui tiene|aqui tienes|con|introduzca|aplique)\b[^.!?\n]{0,25}\b(?:codigo (?:de descuento|promocional|descuento)|cupon)"
    r"|\bcodigo (?:de descuento|promocional)(?: es|:)? *\w*\d",
    r"\b(?:puede|puedes|podra|podras)\b[^.!?\n]{0,20}\b(?:quedarse|quedarte|conservar)\b[^.!?\n]{0,15}\b(?:el|la|los|las|con)\b",
    r"\b(?:hacemos|haremos|hare|hacer) una excepcion\b|\bexcepcionalmente\b",
    r"^(?:si[,.! ]*)?(?:aceptad|aprobad|confirmad|garantizad|prometid|cancelad|reembolsad)[oa][.! ]*$",
    r"\bsu dinero (?:esta|sera)\b|\breembolso (?:esta en camino|ya esta|esta garantizado)",
)
_SPANISH_STATES = _compile(
    r"\b(?:su|tu|el|la|este|esta|se)\b[^.!?\n]{0,50}?\b(?:ha sido|han sido|fue|fueron|sera|seran|esta|ha|queda)\b(?: ya| totalmente| integramente){0,2} "
    r"(?:reembolsad|cancelad|anulad|aprobad|abonad|aceptad|devuelt|concedid|tramitad|emitid)[oa]s?\b",
    is_state=True,
)
_ITALIAN = _compile(
    r"\b(?:rimborser(?:emo|o)|restituir(?:emo|o)|annuller(?:emo|o)|accrediter(?:emo|o)|risarcir(?:emo|o)|sostituir(?:emo|o)|regaler(?:emo|o)"
    r"|ridar(?:emo|o)|offrir(?:emo|o))\b",
    r"\b(?:la|ti|vi|le) (?:rimborsiamo|rimborso|restituiamo|accreditiamo|risarciamo|regaliamo|offriamo)\b",
    r"\b(?:ricever(?:a|ai|ete)|riavr(?:a|ai|ete)|otterr(?:a|ai|ete)|avr(?:a|ai)|recuperer(?:a|ai)|sara|sarai|verra|verrai)\b" + _
    + r"\b(?:rimborso|soldi|denaro|accredito|buono|sconto|sostituzione|rimborsat[oa]|risarcimento|importo)\b",
    r"\b(?:ho|abbiamo)\b[^.!?\n]{0,25}\b(?:annullato|cancellato|rimborsato|approvato|avviato|accreditato|emesso|disposto|accettato|elaborato|chiuso)\b",
    r"\bgarantit[oaie]\b|\bgarant(?:isco|iamo)\b|\b(?:le|ti|glielo|te lo)? ?(?:prometto|promettiamo|assicuro|assicuriamo)\b|\bpromesso\b",
    r"\b(?:usi|usa|utilizzi|utilizza|ecco|con|inserisca|applichi)\b[^.!?\n]{0,25}\b(?:codice (?:sconto|promozionale|promo)|buono sconto|coupon)|\bcodice sconto(?: e|:)? *\w*\d",
    r"\b(?:puo|puoi|potra|potrai)\b[^.!?\n]{0,20}\b(?:tenere|trattenere|conservare) (?:il|la|l'|lo|i|gli|le)(?: |\b)(?!ricevuta|scontrino|imballo|confezione)",
    r"\b(?:facciamo|faremo|faro|fare) (?:una |un')?eccezione\b|\beccezionalmente\b",
    r"^(?:si[,.! ]*)?(?:accettat|approvat|confermat|garantit|promess|annullat|rimborsat)[oa][.! ]*$",
)
_ITALIAN_STATES = _compile(
    r"\b(?:il|la|lo|suo|sua|tuo|tua|questo)\b[^.!?\n]{0,50}?\b(?:e stat[oa]|sono stat[ie]|e|sara|verra|viene|saranno)\b(?: gia| interamente){0,2} "
    r"(?:rimborsat|annullat|cancellat|approvat|accreditat|accettat|restituit|concess|emess)[oaie]\b",
    is_state=True,
)
_DUTCH = _compile(
    r"\b(?:wij|we|ik)\b" + _ + r"\b(?:terugbetalen|terug te betalen|terugstorten|vergoeden|annuleren|annuleer|crediteren|compenseren|vervangen|kwijtschelden|storten)\b(?! kan| kunnen)",
    r"\b(?:wij|we|ik) (?:betalen?|betaal|storten?|geven?|geef|vergoeden|sturen|bieden)\b" + _ + r"\b(?:terug|tegoedbon|korting|vervanging|vervangend|schadevergoeding)\b",
    r"\b(?:u|je|jij)\b[^.!?\n]{0,10}\b(?:krijgt|ontvangt|zult|zal|zal|wordt)\b" + _
    + r"\b(?:geld|terugbetaling|terugbetaald|tegoed|tegoedbon|korting|vervanging|vergoeding|vergoed|aankoopbedrag)\b",
    r"\b(?:krijgt|ontvangt) (?:u|je|jij)\b" + _ + r"\b(?:geld|terugbetaling|tegoedbon|korting|vergoeding|aankoopbedrag)\b",
    r"\b(?:ik|wij|we) (?:heb|hebben)\b" + _ + r"\b(?:geannuleerd|terugbetaald|goedgekeurd|teruggestort|gecrediteerd|gestart|vergoed|verwerkt|gesloten|toegekend|geaccepteerd)\b",
    r"\bgegarandeerd\b|\b(?:ik|wij|we) (?:garandeer|garanderen|beloof|beloven|verzeker u|verzekeren u)\b|\bbeloofd\b"
    r"|\b(?:beloof|beloven|garandeer|garanderen|verzeker|verzekeren) (?:ik|wij|we)\b",
    r"\b(?:gebruik|hier is|met|vul|voer)\b[^.!?\n]{0,25}\b(?:kortings|actie|promo|voucher)-?code|\bkortingscode(?: is|:)? *\w*\d",
    r"\b(?:mag|kunt|kan|mogen)\b[^.!?\n]{0,40}\b(?:houden|behouden)\b(?! met| rekening)",
    r"\b(?:maken|maak) (?:wij |we |ik )?(?:voor u |voor je )?een uitzondering\b|\bbij uitzondering\b",
    r"^(?:ja[,.! ]*)?(?:geaccepteerd|goedgekeurd|bevestigd|gegarandeerd|beloofd|geannuleerd|terugbetaald)[.! ]*$",
)
_DUTCH_STATES = _compile(
    r"\b(?:uw|je|jouw|de|het|deze|dit)\b[^.!?\n]{0,50}?\b(?:is|zijn|werd|wordt|worden|zal)\b[^.!?\n]{0,30}?\b(?:terugbetaald|geannuleerd|goedgekeurd"
    r"|teruggestort|gecrediteerd|geaccepteerd|vergoed|toegekend|kwijtgescholden)\b",
    is_state=True,
)
_PORTUGUESE = _compile(
    r"\b(?:reembolsare(?:mos|i)|devolvere(?:mos|i)|cancelare(?:mos|i)|creditare(?:mos|i)|compensare(?:mos|i)|substituire(?:mos|i)|oferecere(?:mos|i)|indenizare(?:mos|i))\b",
    r"\b(?:vamos|vou|iremos|irei|podemos)\b (?:\w+ )?(?:reembols\w+|devolve\w+|cancela\w*|credita\w*|compensa\w*|substitui\w*|oferece\w*|estorna\w*)\b",
    r"\b(?:recebera|recebe|tera|obtera|vai receber|ira receber|sera|vai ter)\b" + _
    + r"\b(?:reembolso|dinheiro|estorno|credito|vale|cupom|cupao|desconto|substituicao|reembolsad[oa]|ressarcid[oa]|valor de volta)\b",
    r"\b(?:cancelei|cancelamos|reembolsei|reembolsamos|aprovei|aprovamos|estornei|estornamos|creditei|iniciei (?:o|a)|iniciamos (?:o|a)|devolvemos|emiti|autorizei|aceitei)\b",
    r"\bgarantid[oa]s?\b|\bgarant(?:o|imos)\b|\bpromet(?:o|emos)\b|\b(?:lhe )?asseguro\b|\basseguramos\b|\bprometido\b",
    r"\b(?:use|usa|utilize|aqui esta|com|insira|aplique)\b[^.!?\n]{0,25}\b(?:codigo (?:de desconto|promocional)|cupom|cupao)|\bcodigo de desconto(?: e|:)? *\w*\d",
    r"\b(?:pode|podera|podes)\b[^.!?\n]{0,20}\b(?:ficar com|manter|guardar) (?:o|a|os|as)\b(?! recibo| fatura| embalagem| nota)",
    r"\b(?:abrimos|abriremos|fazemos|faremos|fazer|abrir) uma excecao\b|\bexcepcionalmente\b|\bexcecionalmente\b",
    r"^(?:sim[,.! ]*)?(?:aceit[oe]|aprovad[oa]|confirmad[oa]|garantid[oa]|prometid[oa]|cancelad[oa]|reembolsad[oa])[.! ]*$",
)
_PORTUGUESE_STATES = _compile(
    r"\b(?:seu|sua|o|a|este|esta|teu|tua)\b[^.!?\n]{0,50}?\b(?:foi|foram|sera|serao|esta|ja foi|vai ser)\b(?: ja| totalmente| integralmente){0,2} "
    r"(?:reembolsad|cancelad|aprovad|creditad|estornad|aceit|devolvid|concedid|emitid)[oae]s?\b",
    is_state=True,
)
PATTERNS = (
    *_ENGLISH, *_ENGLISH_STATES, *_GERMAN, *_GERMAN_STATES, *_FRENCH, *_FRENCH_STATES,
    *_SPANISH, *_SPANISH_STATES, *_ITALIAN, *_ITALIAN_STATES, *_DUTCH, *_DUTCH_STATES,
    *_PORTUGUESE, *_PORTUGUESE_STATES,
)
