"""Questions where an order is that ask this and nothing else, in seven languages.

A classifier has little to go by in "novità sul 1042?", and distrusts a polite letter of words that
it has not seen. Where every word of a message is known here, nothing else can be meant by it: there
is no word here of what was done with an order, what is wrong with it, or what is to be done.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.classification.words import fold, split_words, word_set

# Per language, in folded words: what asks where an order is; what does so only before a question
# mark; and the words that may stand around it.
_WORDS: Mapping[str, tuple[str, str, str]] = {
    "en": (
        r"(?:left|leave) (?:the |your )?(?:warehouse|depot|store)|location|shipping date|"
        r"date of (?:delivery|arrival)|still nothing|how (?:long|much longer)|movement|"
        r"info(?:rmation)? (?:on|about)|"
        r"check (?:on )?(?:the |my )?(?:order|parcel|package)?(?= *(?:$|for me|please|pls))|"
        r"(?:can|could) you check|got to|sent out|out for delivery|where(?:s|'s)?|"
        r"whereabouts|status|track(?:ing)?|trace|locate|eta|when|news|progress|shipped|"
        r"dispatched|waiting|on (?:its|the) way|updates? on|delivery date|"
        r"what(?:'?s| is|s)? (?:happen\w+|going on|up) (?:with|to)|what about|"
        r"(?:any|an|some|latest) updates?|(?:anything|something|what'?s) new",
        r"arriv\w+|com(?:e|es|ing)|deliver\w*|here",
        """a about advise afternoon again ago all already also am an and any anything appreciate
        arrive arrived arrives arriving as ask at be been before best bought but by bye can check
        checking come comes coming concerning contacting could current currently d day days dear
        deliver delivered delivery do does enquire enquiring evening exactly expect expected find
        folks follow for friday from get gets getting give going good got grateful greetings guys
        has he hee hello help her here hey hi his hiya hour hours how i if im in info inform
        information inquire inquiring is it its just kind kindly know last let ll location longer
        look looking m madam made make may me mine moment monday morning movement much my need new
        no now nr num number o obliged of ok on or order ordered orderno orders our out package
        parcel place placed please pls plz possible provide purchase purchased purchases re really
        receive ref regarding regards right s saturday see ship shipment shipping ships show shows
        since sir so some somebody someone something soon still sunday sure take team tell thank
        thanks that the their them there these they thing think this those thursday thx till to
        today tomorrow took tuesday u until up update updates ur us ve very want wanted warehouse
        was we wednesday week weekend weeks well what whats which will wishes with wonder
        wondering would write writing yesterday yet you your""",
    ),
    "de": (
        r"nachschauen|schauen|prufen|nachprufen|los ist|sendungsnummer|trackingnummer|"
        r"paketnummer|liefertag|zustelltermin|eintrifft|eintreffen|ankunftsdatum|wie lange|"
        r"(?:weg|zu)geschickt|info(?:s)? (?:zu|uber)|stand der dinge|abgeblieben|geblieben|"
        r"(?:ein|neues) update|update zu|wo|wohin|wann|status|stand|"
        r"(?:bestell|liefer|sendungs|versand)status|liefer(?:stand|datum|termin)|verfolgen|"
        r"nachverfolgen|tracking|sendungsverfolgung|verbleib|neues|neuigkeit(?:en)?|"
        r"(?:ab|los|raus)geschickt|verschickt|versendet|versandt|unterwegs|raus|warte|"
        r"was ist (?:denn )?mit|wie weit|wie (?:sieht|steht) es|nichts (?:mehr )?gehort",
        r"kommt|ankommen|angekommen|geliefert|zugestellt|da",
        """abend aber aktuell aktuelle aktuellen alles also am an anfrage angabe ankommt ankunft
        artikel auch auf auftrag auftrags aus auskunft befindet bei bekomm bekomme bekommen
        bereits bescheid bestellnr bestellnummer bestellt bestellung besten bestens bezuglich bis
        bitte bitten bleiben bleibt bzgl d dafur daher damen damit dank danke danken darf das dass
        dauern dauert dem den denn der des dich die dienstag dies diese diesen dieser doch
        donnerstag durfen eben eigentlich ein eine einen einmal endlich er erfahren erhalte
        erhalten es etwas euch euer eure eurer fragen freitag freundliche freundlichen fur geben
        geehrte geehrter geht gekauft gelangt genau gerade gern gerne gestern gibt gibts grad gru
        grusse grussen guten gutentag haben habt hallo halten hangt hatte herr herren heute hi
        hier ich ihnen ihr ihre ihrem ihrer ihrerseits im in info informationen informieren infos
        inzwischen irgendwas is ist jede jetzt kann kannst koennen koennten kommen konnen konnt
        konnten konntest kurz lange letzte letzten letzter leute liebe lieber liebes lieferung los
        mal man mein meine meinem meinen meiner meines mfg mich mir mit mitteilen mitteilung
        mittlerweile mittwoch mochte moechte moin montag morgen n na nach nachfragen nachricht
        nachschauen nachsehen neue noch nr nummer nun ob online order packchen paeckchen paket
        pruefen prufen rechnen sagen sagt samstag schon sehen sehr sein seit sendung servus sich
        sie sind so sonntag sowie stecken steckt steht tag tage tagen team teilen teufel trifft
        uber ueber um und ungefahr uns unser unsere unserem unserer verdammt verraten versand
        vielen vielleicht vom von vor voraus voraussichtlich voraussichtliche vorgestern war ware
        was weiss welche welchem welcher wer wert wie wieder wir wird wirds wissen woche wochen
        wohl wollte wurde wurden zeit zu zugeschickt zum zur zusammen zustellung""",
    ),
    "fr": (
        r"verifier|(?:se|ce qui se) passe|numero de suivi|"
        r"date (?:de |d')(?:livraison|arrivee|expedition)|ou (?:ca|c') ?en est|en route|"
        r"acheminee?|localis\w+|combien de temps|un point sur|des? news|"
        r"info(?:s|rmations?)? (?:sur|concernant)|avez(?:-vous)? (?:envoye|expedie)|"
        r"est passee?|ou|statut|suivi|suivre|quand|"
        r"(?:j'?ai |je n'ai )?(?:pas|aucunes?) (?:de )?(?:nouvelles?|news)|nouvelles?|"
        r"qu'en est-il|se passe|comment avance|avancement|expediee?|expedition|"
        r"(?:est|deja|bien|elle|il) partie?|envoyee|acheminement|j'?attends?|attente",
        r"arriv\w+|livree?|la",
        """a acheminee afin aimerais ait aller allez apres arrivee attendre au aupres aurai aurais
        aux avance avec avez avoir beaucoup bien bjr bonjour bonne bonsoir bsr c ca ce ceci cela
        celle cet cette chez cmd coli colis combien commande commandes commende comment concernant
        connaitre contacte cordialement coucou d dans date de demander depuis dernier derniere des
        dimanche dire distinguees dites donner doute du elle elles en encore enfin environ equipe
        est estimee et etait etat ete etre exactement faire fait faites faut forme gens grand
        hello hier ici il ils indiquer info information informations informer infos jai je jeudi
        jour journee jours l le les leur leurs livraison livrer longtemps lui lundi m ma madame
        mademoiselle maintenant marchandise mardi merci mercredi mes mesdames messieurs moi moment
        mon monsieur n no nos notre nous num numero o ok on oui paquet par passe passee permets
        peux plait possible pour pourrais pourriez pouvez preciser prevoir prevu prevue puis qu
        que quel quelle quelles qui reception recevoir recevra recevrai recois remercie
        renseignement renseignements renseigner retrouver s sais sait salut salutations samedi
        sans savoir se semaine semaines sera serait si sil sincerement situe sont souhaite
        souhaiterais stp sur svp t te temps tjrs toi toujours tous tout toutes trouve trouver tu
        un une va vais vas verifier vers veux voir vos votre voudrais vous y""",
    ),
    "es": (
        r"revisar|verificar|entregara|fecha de (?:entrega|llegada|envio)|guia|rastreo|"
        r"en transito|en ruta|cuanto (?:tiempo )?(?:falta|tarda|demora)|"
        r"info(?:rmacion)? (?:del?|sobre)|mandaron|mandado|han enviado|que onda|en que va|"
        r"por donde|a?donde|onde|estado|estatus?|status|rastrear|seguimiento|seguir|cuando|"
        r"como (?:va|esta|sigue)|que (?:pasa|paso|hay|sucede|ocurre) (?:con|de)|"
        r"novedad(?:es)?|noticias?|enviado|enviaron|despachado|salido|salio|en camino|"
        r"espero|esperando|localizar|ubicacion|paradero",
        r"lleg\w+|viene|entregado",
        """a acerca actual actualizacion agradeceria agradezco ahi ahora al algo algun alguna alli
        amable anda andara antemano aqui atentamente atento atte aun ayer ayuda ayudar ayudarme
        bien buen buena buenas buenos caso chicos codigo como compra compre comunico con conocer
        consulta consultar cordial cordiales cordialmente cosas cual cuanto de decir decirme del
        desde desearia deseo dia dias dicho diganme dijeran dime domingo donde el ella ellos en
        encargo encuentra entrega entregan envio equipo es esa ese eso esos esta estan estaria
        este estimada estimadas estimado estimados esto estoy exactamente falta favor fecha gente
        gracias gran gustaria ha haber hace han hasta hay hice hola hoy indicar indicarme info
        informacion informar informarme informe interesa jueves la las le les llegara llegue lo
        los lugar lunes manana martes mas me mi mia miercoles mio mis mismo momento muchas mucho
        muy n necesito no noches nos nosotros nro nuestra nuestro num numero o oigan orden ordene
        orientar paquete para pasada pasado pedi pedido pedidos pido pls podria podrian podrias
        por porfa porfavor porfis preguntaba preguntar prevista previsto pronto puede pueden
        puedes puedo q que quedo querer queria quiero quisiera realice recibir recibire recibo
        referente respecto respuesta revisar sabado sabe saben saber sabes salida saludo saludos
        se semana semanas senor senora senoras senores ser sera si sigo sigue sobre su sus tal
        tardar tarde tardes tengan tengo tiene tienen todavia tus un una usted ustedes va van
        vendra ver verificar viene viernes x y ya""",
    ),
    "it": (
        r"controllare|verificare|data (?:di |d')(?:consegna|arrivo|spedizione)|"
        r"codice di spedizione|in transito|in consegna|"
        r"quanto (?:tempo )?(?:manca|ci vuole|ci mette)|info (?:per|riguardo)|"
        r"avete (?:spedito|inviato|mandato)|inviato|mandato|dov'?e|dove|stato|status|"
        r"tracciare|tracciamento|tracking|seguire|quando|novita|notizie|"
        r"(?:informazioni|info|dettagli) su\w*|come (?:va|procede|sta|siamo)|"
        r"(?:succede|successo|novita) (?:con|a)\w*|aggiornament[io]|aggiornarmi|spedito|"
        r"partito|che fine|a che punto|aspett(?:o|ando)|attesa|attendo|in viaggio",
        r"arriv\w+|consegnato",
        """a acquistato acquisto ad adesso affidato agli al all alla alle allora anche ancora
        anticipo attendo attimo attualmente avere avete aveva avrei avviene avvisare bene buon
        buona buonasera buongiorno c che chiedere chiedo ci ciao circa codice col come comprato
        comunicare con conoscere consegna consegnera contatto controllare cordiali cordialita
        cortese cortesemente cortesia cosa cui d da dai dal dalla data date davvero degli dei del
        dell della delle desidero di dire dirmi distinti dite ditemi domenica e ed ella era essere
        fa far fare fatto favore finito fornire fornirmi gentile gentilezza gentili gentilissimi
        gentilmente gia giorni giorno giovedi giunto gli grazie ha hello i ieri il in indicare
        indicarmi indicazione info informarmi informazione informazioni io l la le lei lo loro lui
        lunedi ma manca martedi massima me merce mercoledi mette mi mia mie miei mille mio mo
        momento n ne nei nel nell nella nn no noi nostro nr num numero o oggi ok ora ordinato
        ordine ordini pacchetto pacco per piacere piu po possibile posso potete potrebbe potrei
        potreste potresti precisamente prego presso prevista previsto punto puo puoi pure qual
        qualche qualcosa quale quanto quella quello questa questi questo ragazzi re relazione
        riceve ricevere ricevero ricevo riguardante riguardo riscontro roba s sa sabato sai saluti
        salve saper sapere sapete sara sarebbe scorsa scorso scrivo se sera settimana settimane si
        siamo signora signore signori sono spedizione sta su sua sul sulla suo suoi tanto team
        tempo ti trova trovare trovi tua tuo tutti un una uno va vedere venerdi verificare verra
        vi viaggio voglio voi vorrei vostra vuole""",
    ),
    "nl": (
        r"nakijken|checken|(?:bezorg|lever|verzend)datum|trackingnummer|trackingcode|"
        r"trackcode|volgnummer|track en trace|hoe ?lang|hoever|opgestuurd|gestuurd|"
        r"(?:een )?update over|info over|uithangt|hangt (?:het|ie) uit|waar|status|track|"
        r"trace|tracken|volgen|wanneer|nieuws|hoe (?:zit|staat|gaat|is) (?:het|t) met|"
        r"hoe ver|wat is er met|verzonden|verstuurd|onderweg|wacht|wachten|stand|levertijd|"
        r"leverdatum|bezorgstatus|bestelstatus",
        r"komt|aangekomen|bezorgd|geleverd|afgeleverd",
        """aan aankomen aankomst actuele al alle allemaal als alsjeblieft alstublieft alvast aub
        avond bedankt bekend ben beste besteld besteling bestelling bestellingen bestelnr
        bestelnummer bezorgen bezorging bij blijft blijven collega contact d daar dag dagen dame
        dan dank dat de deel delen denk der deze dhr die dinsdag dit donderdag door doorgeven
        duren duurt echt een eens eindelijk en er ergens even eventueel fijne gaarne gaat geachte
        geef gegevens gekocht geleden geven geworden gisteren goede goededag goedemiddag
        goedemorgen goedenavond goeiemorgen gr graag groet groeten groetjes haar hallo hangt
        hebben hee heel heer helpen hen heren het hey hi hier hij hoe hoever hoi hoort huidige hun
        ie iemand iets ik in info informatie inmiddels is ivm je jij jongens jouw jullie kan kom
        komen krijg krijgen kun kunnen kunt laat lang laten leveren levering maandag me meer
        meneer met mevrouw middag mij mijn misschien mn mogelijk moment morgen n na naar no nog
        nou nr nu nummer o of ok om onder ongeveer ons ontvang ontvangen onze op opzoeken order
        ordernr ordernummer over pakje pakket pakketje precies s sinds staat steeds t te team
        tegen toch tot totdat u uit uitzoeken uur uw van vandaag vast verneem vernemen vertellen
        verwacht verwachten via vinden voor voordat vorige vraag vragen vriendelijke vrijdag was
        wat we week weet weken wel welke weten wie wij wil wilde willen woensdag word worden wordt
        wou zal zaterdag ze zeg zeggen zending zich zij zijn zo zondag zou zouden""",
    ),
    "pt": (
        r"verificar|checar|data d[ea] (?:entrega|chegada|envio)|codigo de rastreio|"
        r"em transito|a caminho|rastreio|quanto tempo|quanto falta|"
        r"info(?:rmac(?:ao|oes))? (?:d[oe]|sobre)|mandaram|mandou|enviaram|despacharam|"
        r"postaram|a?onde|cade|kd|status|estado|situacao|andamento|rastre(?:ar|io|amento)|"
        r"acompanhar|seguir|quando|como (?:esta|vai|anda)|"
        r"que (?:ha|houve|aconteceu|passa) com|novidades?|noticias?|enviad[oa]|"
        r"despachad[oa]|postad[oa]|saiu|localizar|esper(?:o|ando)|aguard(?:o|ando)|previsao|"
        r"paradeiro",
        r"cheg\w+|vem|entregue",
        """a acerca agora aguardo ai ainda ajuda ajudar algo alguem algum alguma alo anda ante
        antecipadamente ao aquela aquele aqui aquilo as ate atenciosamente atual atualizacao boa
        bom breve caminho caro caros chega chegue cliente codigo coisas com como compra comprei
        conhecer consegue conseguem conseguir consultar cordialmente cumprimentos d da data de
        dela dele demora desde desejo dia dias digam dizer do domingo dos e eh ela ele eles em
        encomenda encomendas encontra encontrar entrega era essa esse esta estao este estou eu
        exatamente exmas exmo exmos falta favor faz fazer fica ficar fineza fiz fizemos foi gente
        gentileza gostaria gostava grata grato ha hoje hora indicar info informacao informacoes
        informar informe informem isso isto ja kkk la lado le logo lugar mais mas me meu meus mim
        minha minhas momento muito n na nessa nesse no noite nos nossa nosso nr num numa numero o
        obg obrigada obrigado oi ok ola olha ontem os ou pacote para passada pedido pedidos pelas
        pelo pelos perguntar pessoal pfv pls pode podem poderia poderiam por porfavor posso pra
        precisava preciso prevista previsto prezada prezadas prezado prezados pro q qual quanto
        quarta que querer queria quero quinta realizei receber recebo referente relacao respeito
        resposta retorno rs sabado sabe sabem saber se segunda sei semana semanas senhor senhora
        senhores ser sera seu sexta sobre ta tarde tardes te tem tempo tenha tenham ter terca
        teria to tudo um uma va vai vao vc vcs vem ver verificar vir voce voces vou x""",
    ),
}


# That somebody has ordered, in words that might else tell of what they have sent back.
_ORDERED = re.compile(
    r"(?<!\w)(?:habe?(?=.{0,80} (?:bestellt|gekauft))|"
    r"j'?ai (?:passe (?:une |ma |la )?)?(?:commande|achete)|ho (?:ordinato|comprato|"
    r"acquistato|fatto)|heb(?=.{0,80} (?:besteld|gekocht))|he (?:pedido|comprado|hecho))(?!\w)"
)


@dataclass(frozen=True)
class _Tongue:
    asking: re.Pattern[str]
    arriving: re.Pattern[str]
    around: frozenset[str]


def _compile(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)")


_TONGUES = {
    language: _Tongue(_compile(asking), _compile(arriving), word_set(around))
    for language, (asking, arriving, around) in _WORDS.items()
}


def languages_asking(text: str, orders: Sequence[str]) -> tuple[str, ...]:
    """Return the languages in which a message asks where these orders are and nothing else."""
    folded = fold(text)
    for order in orders:
        folded = folded.replace(fold(order), " ")
    folded = _ORDERED.sub(" ", folded)
    return tuple(language for language, tongue in _TONGUES.items() if _asks_alone(folded, tongue))


def _asks_alone(folded: str, tongue: _Tongue) -> bool:
    rest, count = tongue.asking.subn(" ", folded)
    if "?" in folded:
        rest, coming = tongue.arriving.subn(" ", rest)
        count += coming
    rest = rest.replace("'", " ").replace("-", " ").replace("#", " ")
    return bool(count) and all(word in tongue.around for word in split_words(rest))
