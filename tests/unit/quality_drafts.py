"""Good drafts in seven languages, and seeded ways to spoil them."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from orchestration import quality
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import Citation, Draft, Evidence, Verdict

OWN = ("1042", "1043", "1051", "1077")
FOREIGN = ("2077", "2078", "3105", "4410", "9981")
DOMAINS = ("willow-wren.example",)
PATTERN = r"\b\d{4}\b"
_TEXTS = Texts(Shop(name="Willow & Wren", bot_name="Robin"))
_FIRST_DAY = date(2026, 11, 2)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A draft, what the customer had asked, and what is wrong with it, if anything."""

    draft: Draft
    question: str
    fault: str = ""

    def verdict(self) -> Verdict:
        return quality.check(
            self.draft,
            question=self.question,
            language=self.draft.language,
            link_domains=DOMAINS,
            order_number=PATTERN,
            own_orders=OWN,
            min_confidence=0.5,
        )


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
_REWRITTEN: tuple[tuple[str, str, str], ...] = (
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
_QUESTIONS = {
    "en": "Hello, can you help me with this please?",
    "de": "Guten Tag, können Sie mir bitte helfen?",
    "fr": "Bonjour, pouvez-vous m'aider ?",
    "es": "Hola, ¿me puede ayudar?",
    "it": "Salve, mi può aiutare?",
    "nl": "Hallo, kunt u mij helpen?",
    "pt": "Olá, pode me ajudar?",
}
LANGUAGES = tuple(ARTICLES)
_STATUSES = ("in_transit_due", "delivered_on", "not_shipped_due", "late_due")


def good(seed: int, count: int) -> list[Case]:
    """Return good drafts of every responder, in every language."""
    chance = random.Random(seed)  # noqa: S311
    makers = (_order_status, _order_list, _quote, _quote, _rewritten, _order_by_model)
    return [chance.choice(makers)(chance) for _ in range(count)]


def _order(chance: random.Random, number: str, language: str) -> tuple[str, str, Evidence]:
    """Return an order's status, its day as written, and its record."""
    status = chance.choice(_STATUSES)
    day = _FIRST_DAY + timedelta(days=chance.randrange(50))
    written = _TEXTS.date(day, language)
    value = f"{chance.randrange(5, 400)}.{chance.randrange(10, 99)}"
    name = "delivered" if status == "delivered_on" else "due"
    text = f"order: {number}; status: {status.rsplit('_', 1)[0]}; {name}: {written}"
    text += f"; tracking: TRK-{number}; value: {value} EUR; items: Oak table lamp"
    return status, written, Evidence(kind="order", id=number, text=text)


def _order_status(chance: random.Random) -> Case:
    language, number = chance.choice(LANGUAGES), chance.choice(OWN)
    status, day, record = _order(chance, number, language)
    text = _TEXTS.say(f"status_{status}", language, order=number, date=day)
    if chance.random() < 0.5:
        text += " " + _TEXTS.say("tracking", language, tracking=f"TRK-{number}")
    draft = Draft(text=text, responder="order_status", language=language, evidence=(record,))
    return Case(draft=draft, question=_QUESTIONS[language])


def _order_list(chance: random.Random) -> Case:
    language = chance.choice(LANGUAGES)
    lines, records = [], []
    for number in sorted(chance.sample(OWN, 2)):
        status, day, record = _order(chance, number, language)
        lines.append(f"• {_TEXTS.say(f'status_{status}', language, order=number, date=day)}")
        records.append(record)
    text = _TEXTS.say("which_order", language, orders="\n".join(lines))
    draft = Draft(text=text, responder="template", language=language, evidence=tuple(records))
    return Case(draft=draft, question=_QUESTIONS[language])


def _quote(chance: random.Random) -> Case:
    language = chance.choice(LANGUAGES)
    id, article = chance.choice(list(ARTICLES[language].items()))
    lines = article.splitlines()
    start = chance.randrange(len(lines) - 1)
    quote = " ".join(lines[start : start + chance.randint(1, 3)])
    source = _TEXTS.say("source", language, title=id)
    draft = Draft(
        text=f"{quote}\n\n{source}",
        responder="knowledge",
        language=language,
        citations=(Citation(id=id, title=id),),
        evidence=(Evidence(kind="article", id=id, text=article),),
    )
    return Case(draft=draft, question=_QUESTIONS[language])


def _rewritten(chance: random.Random) -> Case:
    language, id, text = chance.choice(_REWRITTEN)
    articles = ARTICLES[language]
    draft = Draft(
        text=text,
        responder="light",
        language=language,
        citations=(Citation(id=id, title=id),),
        evidence=tuple(Evidence(kind="article", id=id, text=text) for id, text in articles.items()),
        confidence=0.9,
    )
    return Case(draft=draft, question=_QUESTIONS[language])


def _order_by_model(chance: random.Random) -> Case:
    number = chance.choice(OWN)
    status, day, record = _order(chance, number, "en")
    state = {
        "in_transit_due": f"is in transit and due on {day}",
        "delivered_on": f"was delivered on {day}",
        "not_shipped_due": f"has not shipped yet; it is due on {day}",
        "late_due": f"was due on {day} and is late",
    }[status]
    text = f"Thanks for writing, Ana. Your order {number} {state}."
    text += f" The tracking number is TRK-{number}."
    draft = Draft(text=text, responder="light", evidence=(record,), confidence=0.8)
    return Case(draft=draft, question=f"where is {number}")


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
_WORDS = {
    "en": ("seven", "twenty-one", "forty-five", "sixty", "ninety"),
    "de": ("sieben", "einundzwanzig", "fünfundvierzig", "sechzig", "neunzig"),
    "fr": ("sept", "vingt-et-un", "quarante-cinq", "soixante", "quatre-vingt-dix"),
    "es": ("siete", "veintiún", "cuarenta y cinco", "sesenta", "noventa"),
    "it": ("sette", "ventuno", "quarantacinque", "sessanta", "novanta"),
    "nl": ("zeven", "eenentwintig", "vijfenveertig", "zestig", "negentig"),
    "pt": ("sete", "vinte e um", "quarenta e cinco", "sessenta", "noventa"),
}
_LINKS = (
    " See https://willow-wren.example.evil.example/claim for more.",
    " More at https://willow-wren.example@evil.example/help.",
    " You can also write to www.refund-desk.example.",
    " [Track it here](http://cheap.evil.example/t).",
    " Details: bit.ly/3xYzAb",
    " Visit wiIlow-wren.com today.",
    " https://xn--willw-wren-0bb.example/",
    " Log in at http://127.0.0.1:8000/admin",
    " https://evil.example\\@willow-wren.example/",
    " <https://evil.example|our help page>",
)
_OTHER_ORDER = {
    "en": ("Your other order {} is on its way.", "Order {} was delivered to Ben Okafor."),
    "de": ("Ihre andere Bestellung {} ist unterwegs.",),
    "fr": ("Votre autre commande {} est en route.",),
    "es": ("Su otro pedido {} está en camino.",),
    "it": ("L'altro suo ordine {} è in viaggio.",),
    "nl": ("Uw andere bestelling {} is onderweg.",),
    "pt": ("O seu outro pedido {} está a caminho.",),
}
_MONEY = re.compile(r"(?:€ ?)?(\d+)[.,](\d\d)(?= ?(?:€|EUR|euro))|(?<=€)(\d+)[.,](\d\d)")
_DAY = re.compile(r"(?<!\d)(\d{1,2})(?=\.? (?:de )?[^\W\d_]{3,10}(?: de)? 20\d\d)")
_SPAN = re.compile(
    r"\b30(?= (?:days|Tagen|jours|días|giorni|dagen|dias))|\bthirty\b|\bdreißig\b|\btrente\b"
    r"|\btreinta\b|\btrenta\b|\bdertig\b|\btrinta\b"
)


def corrupted(seed: int, per_kind: int = 50) -> list[Case]:
    """Return as many spoiled drafts of each kind, from good ones."""
    chance = random.Random(seed)  # noqa: S311
    pool = good(seed, 40 * per_kind)
    spoilers: tuple[tuple[str, Callable[[random.Random, Case], str | None]], ...] = (
        ("amount", _other_amount),
        ("date", _other_date),
        ("number as word", _other_word),
        ("other customer's order", _other_order),
        ("link", _foreign_link),
        ("promise of a refund", _promise),
    )
    return [
        spoiled
        for fault, spoil in spoilers
        for spoiled in _spoiled(chance, pool, fault, spoil, per_kind)
    ]


def invented(seed: int, count: int) -> list[Case]:
    """Return drafts of a model with a sentence of policy that nobody wrote."""
    chance = random.Random(seed)  # noqa: S311
    cases = [_rewritten(chance) for _ in range(count)]
    return [
        _with_text(
            case,
            _added(chance, case.draft.text, chance.choice(INVENTED[case.draft.language])),
            "invented",
        )
        for case in cases
    ]


def _spoiled(
    chance: random.Random,
    pool: Sequence[Case],
    fault: str,
    spoil: Callable[[random.Random, Case], str | None],
    count: int,
) -> Iterator[Case]:
    made = 0
    for case in chance.sample(list(pool), len(pool)):
        text = spoil(chance, case)
        if text is not None and text != case.draft.text and made < count:
            made += 1
            yield _with_text(case, text, fault)


def _with_text(case: Case, text: str, fault: str) -> Case:
    return replace(case, draft=replace(case.draft, text=text), fault=fault)


def _added(chance: random.Random, text: str, sentence: str) -> str:
    return f"{text} {sentence}" if chance.random() < 0.7 else f"{sentence} {text}"


def _other_amount(chance: random.Random, case: Case) -> str | None:
    found = _MONEY.search(case.draft.text)
    if not found:
        return None
    whole = found.group(1) or found.group(3)
    start = found.start(1) if found.group(1) else found.start(3)
    other = int(whole) + chance.randint(1, 90)
    return f"{case.draft.text[:start]}{other}{case.draft.text[start + len(whole) :]}"


def _other_date(chance: random.Random, case: Case) -> str | None:
    found = _DAY.search(case.draft.text)
    if not found:
        return None
    day = int(found.group(1))
    other = chance.choice([number for number in range(1, 29) if number != day])
    return f"{case.draft.text[: found.start()]}{other}{case.draft.text[found.end() :]}"


def _other_word(chance: random.Random, case: Case) -> str | None:
    found = _SPAN.search(case.draft.text)
    if not found:
        return None
    word = chance.choice(_WORDS[case.draft.language])
    return f"{case.draft.text[: found.start()]}{word}{case.draft.text[found.end() :]}"


def _other_order(chance: random.Random, case: Case) -> str | None:
    foreign = chance.choice(FOREIGN)
    for number in OWN:
        if number in case.draft.text and chance.random() < 0.6:
            return case.draft.text.replace(number, foreign)
    sentence = chance.choice(_OTHER_ORDER[case.draft.language]).format(foreign)
    return _added(chance, case.draft.text, sentence)


def _foreign_link(chance: random.Random, case: Case) -> str | None:
    return case.draft.text + chance.choice(_LINKS)


def _promise(chance: random.Random, case: Case) -> str | None:
    return _added(chance, case.draft.text, chance.choice(PROMISES[case.draft.language]))
