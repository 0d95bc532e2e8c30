"""What shops write and say in seven languages: policy, answers, promises and inventions."""

# Policy articles, a sentence each line.
ARTICLES: dict[str, dict[str, str]] = {
    "en": {
        "returns": """You can return any unused item within 30 days of delivery.
Start the return in your account under Orders and print the label.
Return shipping is free for orders over 50 EUR; below that we deduct 4.90 EUR.
Refunds are paid to the original payment method within 5 working days.
Gift cards and personalised items cannot be returned.""",
        "shipping": """Standard shipping takes 3 to 5 working days and costs 3.95 EUR.
Express shipping takes one working day and costs 9.50 EUR.
Orders placed before 2 pm are shipped the same day.
We ship to all countries of the European Union and to Switzerland.
You can follow your parcel at https://willow-wren.example/track with the tracking number.""",
        "warranty": """All devices carry a two-year warranty from the day of delivery.
The warranty covers faults in material and workmanship.
It does not cover damage caused by falls or liquids.
To claim it, send us a photo of the fault and the order number to care@willow-wren.example.
Repairs usually take ten working days.""",
    },
    "de": {
        "rueckgabe": """\
Sie können unbenutzte Artikel innerhalb von 30 Tagen nach der Zustellung zurückgeben.
Melden Sie die Rückgabe in Ihrem Konto unter Bestellungen an und drucken Sie das Etikett aus.
Ab einem Bestellwert von 50 € ist die Rücksendung kostenlos, darunter ziehen wir 4,90 € ab.
Erstattungen gehen innerhalb von 5 Werktagen auf dem ursprünglichen Zahlungsweg ein.
Geschenkkarten und personalisierte Artikel sind von der Rückgabe ausgeschlossen.""",
        "versand": """Der Standardversand dauert 3 bis 5 Werktage und kostet 3,95 €.
Der Expressversand dauert einen Werktag und kostet 9,50 €.
Bestellungen bis 14 Uhr verlassen unser Lager am selben Tag.
Wir liefern in alle Länder der Europäischen Union und in die Schweiz.""",
    },
    "fr": {
        "retours": """\
Vous pouvez retourner tout article non utilisé dans les 30 jours suivant la livraison.
Déclarez le retour dans votre compte, rubrique Commandes, et imprimez l'étiquette.
Le retour est gratuit à partir de 50 € d'achat ; en dessous, nous déduisons 4,90 €.
Les remboursements arrivent sous 5 jours ouvrés par le moyen de paiement d'origine.
Les cartes cadeaux et les articles personnalisés ne sont ni repris ni échangés.""",
        "livraison": """La livraison standard prend de 3 à 5 jours ouvrés et coûte 3,95 €.
La livraison express prend un jour ouvré et coûte 9,50 €.
Les commandes passées avant 14 h partent le jour même.""",
    },
    "es": {
        "devoluciones": """\
Puede devolver cualquier artículo sin usar en un plazo de 30 días desde la entrega.
Inicie la devolución en su cuenta, en Pedidos, e imprima la etiqueta.
La devolución es gratuita a partir de 50 €; por debajo descontamos 4,90 €.
Los reembolsos llegan en 5 días hábiles por el medio de pago original.
Las tarjetas regalo y los artículos personalizados no se pueden devolver.""",
        "envios": """El envío estándar tarda de 3 a 5 días hábiles y cuesta 3,95 €.
El envío exprés tarda un día hábil y cuesta 9,50 €.
Los pedidos hechos antes de las 14:00 salen el mismo día.""",
    },
    "it": {
        "resi": """\
Può restituire qualsiasi articolo non usato entro 30 giorni dalla consegna.
Avvii il reso nel suo account, alla voce Ordini, e stampi l'etichetta.
Il reso è gratuito a partire da 50 €; al di sotto tratteniamo 4,90 €.
I rimborsi arrivano entro 5 giorni lavorativi con il metodo di pagamento originale.
Le carte regalo e gli articoli personalizzati non si possono restituire.""",
        "spedizioni": """La spedizione standard richiede da 3 a 5 giorni lavorativi e costa 3,95 €.
La spedizione espressa richiede un giorno lavorativo e costa 9,50 €.
Gli ordini ricevuti prima delle 14:00 partono lo stesso giorno.""",
    },
    "nl": {
        "retour": """\
U kunt elk ongebruikt artikel binnen 30 dagen na bezorging terugsturen.
Meld de retour aan in uw account onder Bestellingen en print het etiket.
Retourneren is gratis vanaf 50 euro; daaronder houden we 4,90 euro in.
Terugbetalingen komen binnen 5 werkdagen binnen via de oorspronkelijke betaalwijze.
Cadeaukaarten en gepersonaliseerde artikelen kunnen niet worden teruggestuurd.""",
        "verzending": """Standaardverzending duurt 3 tot 5 werkdagen en kost 3,95 euro.
Expresverzending duurt één werkdag en kost 9,50 euro.
Bestellingen vóór 14.00 uur gaan dezelfde dag de deur uit.""",
    },
    "pt": {
        "devolucoes": """\
Você pode devolver qualquer artigo não usado em até 30 dias após a entrega.
Inicie a devolução na sua conta, em Pedidos, e imprima a etiqueta.
A devolução é gratuita a partir de 50 €; abaixo disso descontamos 4,90 €.
Os reembolsos chegam em 5 dias úteis pelo meio de pagamento original.
Cartões-presente e artigos personalizados não podem ser devolvidos.""",
        "envios": """O envio padrão leva de 3 a 5 dias úteis e custa 3,95 €.
O envio expresso leva um dia útil e custa 9,50 €.
Os pedidos feitos antes das 14:00 saem no mesmo dia.""",
    },
}

# What a model makes of one article: (language, article, its answer).
REWRITTEN: tuple[tuple[str, str, str], ...] = (
    (
        "en",
        "returns",
        "Yes, unused items can be returned within thirty days of delivery. Just start the return "
        "in your account under Orders and print the label.",
    ),
    (
        "en",
        "returns",
        "Hi Ana, thanks for your message! Refunds are paid to your original payment method within "
        "five working days. Let me know if you have any other questions.",
    ),
    (
        "en",
        "returns",
        "I'm sorry to hear the lamp does not fit. You can return an unused item within 30 days of "
        "delivery. For orders over €50 return shipping is free; below that 4.90 EUR is deducted.",
    ),
    (
        "en",
        "returns",
        "Unfortunately gift cards and personalised items cannot be returned. All other unused "
        "items can be returned within 30 days of delivery.",
    ),
    (
        "en",
        "shipping",
        "Standard shipping costs €3.95 and takes three to five working days. If you need it "
        "sooner, express shipping takes 1 working day and costs 9.50 EUR.",
    ),
    (
        "en",
        "shipping",
        "Yes, we ship to Switzerland and to all countries of the European Union.\n\nIs there "
        "anything else I can help with?",
    ),
    (
        "en",
        "shipping",
        "If you place your order before 2:00 pm, it is shipped the same day. You can follow the "
        "parcel with your tracking number at https://willow-wren.example/track.",
    ),
    (
        "en",
        "warranty",
        "Your device carries a warranty of 2 years from the day of delivery. The warranty covers "
        "faults in material and workmanship, but damage caused by falls or liquids is not covered.",
    ),
    (
        "en",
        "warranty",
        "To claim the warranty, please send a photo of the fault and your order number by e-mail "
        "to care@willow-wren.example. Repairs usually take 10 working days.",
    ),
    (
        "de",
        "rueckgabe",
        "Gern! Sie können unbenutzte Artikel innerhalb von dreißig Tagen nach der Zustellung "
        "zurückgeben. Die Rückgabe melden Sie in Ihrem Konto unter Bestellungen an.",
    ),
    (
        "de",
        "rueckgabe",
        "Ab einem Bestellwert von 50 Euro ist die Rücksendung kostenlos. Darunter werden 4,90 "
        "Euro abgezogen. Bei weiteren Fragen melden Sie sich gern.",
    ),
    (
        "de",
        "versand",
        "Der Standardversand kostet 3,95 € und dauert drei bis fünf Werktage. Bestellungen bis "
        "14:00 Uhr verlassen das Lager noch am selben Tag.",
    ),
    (
        "fr",
        "retours",
        "Bonjour, vous pouvez retourner un article non utilisé dans les trente jours suivant la "
        "livraison. Il suffit de déclarer le retour dans votre compte, rubrique Commandes.",
    ),
    (
        "fr",
        "livraison",
        "La livraison standard coûte 3,95 euros et prend de trois à cinq jours ouvrés. La "
        "livraison express prend 1 jour ouvré.",
    ),
    (
        "es",
        "devoluciones",
        "Hola, puede devolver un artículo sin usar en un plazo de treinta días desde la entrega. "
        "La devolución se inicia en su cuenta, en Pedidos.",
    ),
    (
        "es",
        "envios",
        "El envío estándar cuesta 3,95 euros y tarda de tres a cinco días hábiles. Los pedidos "
        "hechos antes de las 14 h salen el mismo día.",
    ),
    (
        "it",
        "resi",
        "Buongiorno, può restituire un articolo non usato entro trenta giorni dalla consegna. Il "
        "reso si avvia nel suo account, alla voce Ordini.",
    ),
    (
        "it",
        "spedizioni",
        "La spedizione standard costa 3,95 euro e richiede da tre a cinque giorni lavorativi.",
    ),
    (
        "nl",
        "retour",
        "U kunt een ongebruikt artikel binnen dertig dagen na bezorging terugsturen. De retour "
        "meldt u aan in uw account onder Bestellingen.",
    ),
    ("nl", "verzending", "Standaardverzending kost € 3,95 en duurt drie tot vijf werkdagen."),
    (
        "pt",
        "devolucoes",
        "Olá, você pode devolver um artigo não usado em até trinta dias após a entrega. A "
        "devolução é iniciada na sua conta, em Pedidos.",
    ),
    ("pt", "envios", "O envio padrão custa 3,95 euros e leva de três a cinco dias úteis."),
)

PROMISES: dict[str, tuple[str, ...]] = {
    "en": (
        "We will refund you in full.",
        "Don't worry, you'll get your money back.",
        "I have cancelled the order and issued your refund.",
        "Your refund has already been approved.",
        "I promise it will arrive on time.",
        "A full refund is guaranteed.",
        "We'll send you a free replacement straight away.",
        "I've gone ahead and refunded the purchase.",
        "You will be reimbursed for the trouble.",
        "As a gesture of goodwill we are going to give you a voucher.",
        "You can keep the item as well.",
        "Use code SORRY10 as a discount code on your next order.",
    ),
    "de": (
        "Wir erstatten Ihnen den vollen Betrag.",
        "Sie bekommen Ihr Geld zurück.",
        "Ich habe Ihre Bestellung storniert.",
        "Die Erstattung wurde bereits veranlasst.",
        "Das verspreche ich Ihnen.",
        "Die Rückzahlung ist garantiert.",
        "Wir werden Ihnen den Kaufpreis zurückzahlen.",
        "Selbstverständlich erhalten Sie eine Gutschrift.",
    ),
    "fr": (
        "Nous vous rembourserons intégralement.",
        "Vous serez remboursé sans faute.",
        "J'ai annulé votre commande.",
        "Vous récupérerez votre argent.",
        "Je vous promets un remboursement.",
        "Votre remboursement est garanti.",
        "Nous allons vous rembourser dès que possible.",
    ),
    "es": (
        "Le devolveremos el dinero.",
        "Recibirá un reembolso completo.",
        "He cancelado su pedido.",
        "Su reembolso ha sido aprobado.",
        "Se lo prometo.",
        "El reembolso está garantizado.",
        "Vamos a reembolsarle el importe.",
    ),
    "it": (
        "La rimborseremo completamente.",
        "Riceverà un rimborso completo.",
        "Ho annullato il suo ordine.",
        "Il suo rimborso è stato approvato.",
        "Glielo prometto.",
        "Il rimborso è garantito.",
        "Riavrà i suoi soldi.",
    ),
    "nl": (
        "Wij betalen u het volledige bedrag terug.",
        "U krijgt uw geld terug.",
        "Ik heb uw bestelling geannuleerd.",
        "Uw terugbetaling is goedgekeurd.",
        "Dat beloof ik u.",
        "De terugbetaling is gegarandeerd.",
        "We zullen het bedrag terugstorten.",
    ),
    "pt": (
        "Vamos reembolsar o valor total.",
        "Você receberá seu dinheiro de volta.",
        "Cancelei o seu pedido.",
        "O seu reembolso foi aprovado.",
        "Prometo que sim.",
        "O reembolso está garantido.",
        "Reembolsaremos a sua compra.",
    ),
}

INVENTED: dict[str, tuple[str, ...]] = {
    "en": (
        "We also offer free gift wrapping for all customers.",
        "You can pick up your parcel at any of our stores.",
        "Opened cosmetics may be exchanged for another colour.",
        "The warranty also covers water damage.",
        "Students get free express shipping.",
        "Sale items are excluded from returns.",
        "Please pack the item in a plastic bag and hand it to the courier.",
        "Orders can be changed until they leave the warehouse.",
        "Gift cards can be returned at any time.",
        "We price-match every competitor.",
        "A signature is required for every delivery.",
        "Returns must be approved by a manager first.",
        "Shipping insurance is included with every parcel.",
        "Batteries are recycled at no cost in our shops.",
        "Loyalty members may return used items too.",
        "Refunds can be paid to any bank account you like.",
        "Unused items can be returned to any store.",
        "Gift cards can be returned too.",
        "Personalised items can be returned like all others.",
        "Express shipping is free for unused items.",
        "The warranty is lost when the device is sold to somebody else.",
        "Repairs are done while you wait in the shop.",
        "Return shipping to Switzerland is free as well.",
        "You may also return items after the deadline if the label is unused.",
        "Damage caused by falls is covered too.",
    ),
    "de": (
        "Außerdem verpacken wir alle Geschenke gratis.",
        "Reduzierte Ware ist vom Umtausch ausgeschlossen.",
        "Sie können das Paket auch in jeder Filiale abholen.",
        "Bitte legen Sie dem Paket eine Kopie Ihres Ausweises bei.",
        "Auch benutzte Artikel nehmen wir jederzeit an.",
        "Geschenkkarten können Sie ebenfalls zurückgeben.",
        "Der Expressversand ist für Stammkunden kostenlos.",
    ),
    "fr": (
        "Nous proposons aussi un emballage cadeau offert.",
        "Les articles soldés sont exclus des retours.",
        "Vous pouvez retirer le colis dans toutes nos boutiques.",
        "Une pièce d'identité est exigée à la réception.",
    ),
    "es": (
        "También ofrecemos envoltorio de regalo sin coste.",
        "Puede recoger el paquete en cualquiera de nuestras tiendas.",
        "Los artículos rebajados quedan excluidos.",
        "Se exige un documento de identidad en la puerta.",
    ),
    "it": (
        "Offriamo anche una confezione regalo senza costi.",
        "Può ritirare il pacco in tutti i nostri negozi.",
        "Gli articoli in saldo sono esclusi.",
        "Alla porta serve un documento d'identità.",
    ),
    "nl": (
        "We pakken cadeaus ook gratis voor u in.",
        "U kunt het pakket in al onze winkels ophalen.",
        "Afgeprijsde artikelen zijn uitgesloten van ruilen.",
        "Aan de deur is een identiteitsbewijs verplicht.",
    ),
    "pt": (
        "Também oferecemos embrulho para presente sem custo.",
        "Você pode retirar o pacote em qualquer loja nossa.",
        "Os artigos em promoção estão excluídos.",
        "É exigido um documento de identidade na porta.",
    ),
}
# The same fact in other words: (language, what the article says, what the draft says).
SAME_FACTS = [
    ("en", "within 30 days", "within thirty days"),
    ("en", "within 14 days", "within two weeks"),
    ("en", "within 24 hours", "within one day"),
    ("en", "3 to 5 working days", "3-5 business days"),
    ("en", "a two-year warranty", "a warranty of 24 months"),
    ("en", "costs 1,234.50 EUR", "costs €1234.50"),
    ("en", "due 2026-11-24", "due 24 November"),
    ("en", "due 2026-11-24", "due Nov 24, 2026"),
    ("en", "due 2026-11-24", "due Tuesday, the twenty-fourth of November"),
    ("en", "from 24 to 26 November", "24\u201326 November"),
    ("en", "before 2 pm", "before 14:00"),
    ("en", "20% off", "twenty per cent off"),
    ("de", "binnen 30 Tagen", "binnen dreißig Tagen"),
    ("de", "30 Tage Frist", "dreißigtägige Frist"),
    ("de", "am 24.11.2026", "am 24. November"),
    ("de", "bis 14 Uhr", "bis 14:00 Uhr"),
    ("de", "für 1.234,50 €", "für 1234,50 Euro"),
    ("de", "nach 25 Werktagen", "nach fünfundzwanzig Werktagen"),
    ("fr", "sous 90 jours", "sous quatre-vingt-dix jours"),
    ("fr", "le 1er décembre", "le premier décembre"),
    ("es", "en 35 días", "en treinta y cinco días"),
    ("es", "el 24/11/2026", "el 24 de noviembre"),
    ("it", "entro 23 giorni", "entro ventitré giorni"),
    ("nl", "binnen 25 dagen", "binnen vijfentwintig dagen"),
    ("nl", "op 1 december 2026", "op 1 december"),
    ("pt", "em 25 dias", "em vinte e cinco dias"),
]
# Another fact in similar words: (language, what the article says, what the draft says).
OTHER_FACTS = [
    ("en", "within 30 days", "within sixty days"),
    ("en", "within 30 days", "within 30 hours"),
    ("en", "within 30 days", "within a week"),
    ("en", "within 5 working days", "within 5 days"),
    ("en", "costs 4.90 EUR", "costs 4.95 EUR"),
    ("en", "costs 4.90 EUR", "costs $4.90"),
    ("en", "due 24 November", "due 25 November"),
    ("en", "due 24 November", "due 24 November 2027"),
    ("en", "due in November", "due 24 November"),
    ("en", "before 2 pm", "before 3 pm"),
    ("en", "due 2026-11-24", "due on Friday"),
    ("en", "due 2026-11-24", "due tomorrow"),
    ("en", "a 20% share", "a thirty percent share"),
    ("en", "tracking TRK-1042", "tracking TRK-1043"),
    ("en", "call +44 20 7946 0958", "call +44 20 7946 0959"),
    ("en", "write to a@shop.example", "write to b@shop.example"),
    ("de", "binnen 30 Tagen", "binnen vierzehn Tagen"),
    ("de", "am 14. Dezember 2026", "am 4. Dezember 2026"),
    ("fr", "sous 30 jours", "sous un mois"),
    ("es", "en 30 días", "en noventa días"),
    ("it", "entro il 14 dicembre", "entro il 4 dicembre"),
    ("nl", "binnen 30 dagen", "binnen dertig uur"),
    ("pt", "em 30 dias", "em quinze dias"),
]
