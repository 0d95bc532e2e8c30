"""How many different things a message asks for."""

import re
from collections.abc import Mapping

from orchestration.classification.words import fold, split_clauses

# One group per thing that can be asked for, in folded words of seven languages.
_ACTIONS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(rf"(?<!\w)(?:{words})(?!\w)")
    for name, words in {
        "track": r"where(?:'s| is| are| can i see)|track(?:ing)?|when (?:will|does|do|is)|"
        r"wo (?:ist|"
        r"bleibt)|wann (?:kommt|wird)|ou est|quand (?:arrive|vais)|donde esta|cuando llega|dov'e|"
        r"quando (?:arriva|chega)|waar (?:is|blijft)|wanneer komt|cade|onde esta",
        "cancel": r"cancel\w*|stornier\w+|kundigen|annul\w+|cancell\w+|cancelar\w*|opzeggen",
        "return": r"return(?:ing)?|send (?:it |them |this |that )?back|zuruck(?:schicken|geben|"
        r"senden)|"
        r"retourn\w+|renvoyer|rendre|devolver\w*|restituire|terugsturen|retourneren",
        "exchange": r"exchange|swap|replace(?:ment)?|umtauschen|echanger|cambiare (?:taglia|con)|"
        r"ruilen|trocar",
        "refund": r"refund(?:ed)?|money back|reimburs\w+|geld zuruck|erstatt\w+|rembours\w+|"
        r"reembols\w+|"
        r"rimbors\w+|geld terug|terugbetal\w+|dinheiro de volta",
        "change": r"(?:change|update|edit|correct|modify|switch)(?: \w+){0,3} (?:address|order|"
        r"size|"
        r"colou?r|name|email|phone|details)|(?:adresse|bestellung)(?: \w+)? andern|"
        r"(?:changer|modifier)(?: \w+)? (?:adresse|commande)|cambiar (?:la )?(?:direccion|talla)|"
        r"cambiare (?:l')?indirizzo|adres wijzigen|(?:mudar|alterar) (?:o )?endereco",
        "invoice": r"invoices?|receipt|rechnung|factures?|facturas?|fattur[ae]|factuur|nota fiscal",
        "delete": r"(?:delete|close|erase|remove)(?: \w+){0,3} (?:account|profile|data)|"
        r"konto loschen|"
        r"supprimer mon compte|(?:borrar|eliminar) mi cuenta|account verwijderen|"
        r"excluir minha conta",
        "buy": r"(?:buy|purchase|reorder|order another|order again)",
        "password": r"password|passwort|mot de passe|contrasena|wachtwoord|senha",
        "discount": r"(?:discount|coupon|promo|voucher) ?(?:code)?|gutschein|code promo|"
        r"descuento|sconto|"
        r"korting\w*|desconto|cupom",
    }.items()
}


def count_requests(text: str) -> int:
    """Return how many different things are asked for, at least 1.

    Two actions count as two only when they stand in different clauses, so that "return it for a
    refund" is one request.
    """
    seen: set[str] = set()
    count = 0
    for clause in split_clauses(fold(text)):
        fresh = {name for name, words in _ACTIONS.items() if words.search(clause)} - seen
        count += bool(fresh)
        seen |= fresh
    return max(1, count)
