"""Takes out of a text what nobody should keep: card numbers, codes, passwords, bank accounts."""

import re
from collections.abc import Iterator
from typing import Any

CARD = "[card number removed]"
CODE = "[security code removed]"
SECRET = "[password removed]"  # noqa: S105
IBAN = "[IBAN removed]"
EMAIL = "[e-mail removed]"
PHONE = "[phone number removed]"

# What may stand between the digits of one number; zero-width characters hide there.
_GAP = r"[ \-\u00a0\u00ad\u2000-\u2015\u202f\u2060\ufeff]{1,3}"
_DIGITS = re.compile(
    rf"(?:(?<![A-Z_\d])|(?<=VISA)|(?<=CARD)|(?<=AMEX))\d+(?:{_GAP}\d+)*(?![A-Z_\d])"
)
_GROUP = re.compile(r"\d+")
# The first digits of the card networks, and how long their numbers are.
_NETWORK = re.compile(r"4|5[0-8]|6|3[04-9]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|220[0-4]|9792")
_LENGTHS = range(13, 20)
_NOT_A_CARD = re.compile(
    r"(?:track\w*|order|parcel|shipment|invoice|sendung\w*|bestell\w*|rechnung\w*|commande|suivi"
    r"|colis|facture"
    r"|pedido|seguimiento|rastre\w*|ordine|spedizione|bestelling|zending|encomenda)"
    r"(?:[ \t]{1,3}(?:number|no|nr|id|code|nummer|numero|número|numéro|n°|is|ist|est|es|è|é))?"
    r"(?:[ \t]{1,3}(?:is|ist|est|es|è|é))?[ \t:.#]{1,4}\Z",
    re.IGNORECASE,
)

_LINKS = (
    r"(?:number|code|nummer|numero|número|numéro|no|nr|is|ist|lautet|war|was|est|es|è|é|of|my|the"
    r"|mein|mon|mi|mijn|meu"
    r"|[:=#\"'“”„().,-])"
)
_CODE_WORD = (
    r"(?:cvv2?|cvc2?|cvn2?|csc|security code|card verification (?:code|value|number)|prüfnummer"
    r"|prüfziffer|kartenprüfnummer"
    r"|sicherheitscode|code de sécurité|cryptogramme|código de seguridad|codice di sicurezza"
    r"|beveiligingscode|veiligheidscode"
    r"|código de segurança)"
)
_CODE_AFTER = re.compile(
    rf"(?<!\w)({_CODE_WORD}\b(?! removed\])(?:\s{{0,3}}{_LINKS}){{0,4}}\s{{0,3}})"
    r"(?<!\d)\d{3,4}(?![\w.,]?\d)",
    re.IGNORECASE,
)
_CODE_BEFORE = re.compile(
    r"(?<![\w.,-])\d{3,4}(?=\s{0,3}(?:is|as|ist|est|es|è|é|,)?\s{0,3}"
    r"(?:(?:the|my|der|mein|mon|le|mi|el|il|mijn|o|meu)\s)?\s{0,2}\(?(?:cvv2?|cvc2?)\b)",
    re.IGNORECASE,
)

_HIDDEN_WORD = (
    r"(?:pass ?words?|passwd|pwd|pass ?phrase|pass ?code|pin(?:[ -]?(?:code|number|nummer))?|otp"
    r"|(?-i:TAN)|client secret|secret (?:key|code)|api[ -]?key|access[ -]?token"
    r"|kennwort|passwort|geheimzahl|geheimnummer|mot de passe|code secret|contraseña|clave"
    r"|palabra clave|codice segreto|wachtwoord"
    r"|pincode|senha|palavra-passe|palavra passe)"
)
_SAYS = r"(?:is|was|ist|war|lautet|est|c'est|es|era|è|é)"
_SECRET = re.compile(
    rf"(?<![\w\[])({_HIDDEN_WORD}\b(?! removed\]))(?:(\s{{0,3}}[:=]\s{{0,3}})"
    rf"|(\s{{1,3}}{_SAYS}\s{{0,2}}:?\s{{1,3}})|(\s{{1,3}}))"
    r"(?!\[)(\"[^\"\n]{1,80}\"|'[^'\n]{1,80}'|“[^”\n]{1,80}”|„[^“\n]{1,80}“|[^\s\[\]]+)",
    re.IGNORECASE,
)
# What follows "my password is" when no password follows.
_USUAL = """
in on at for from with to important importante wichtig belangrijk not no never wrong incorrect
invalid expired lost forgotten stolen the a an blocked locked rejected refused required too very
still also always now being changed reset same correct weak old new asked what why where how
nicht falsch ungültig abgelaufen vergessen weg gesperrt die das der ein eine zu immer noch auch nun
pas incorrecte invalide expiré oublié perdu bloqué le la un une toujours
incorrecta inválida caducada olvidada bloqueada el siempre errónea
non sbagliata errata scaduta dimenticata bloccata il lo sempre
niet verkeerd ongeldig verlopen vergeten geblokkeerd het de een altijd fout onjuist
não errada expirada esquecida bloqueada o uma incorreta
"""
_NO_SECRET = frozenset(_USUAL.split())
# "The pin is broken" speaks of a brooch: these secrets are numbers.
_NUMERIC = re.compile(r"pin|otp|tan|geheim|code|pass ?code", re.IGNORECASE)
_HAS_DIGIT = re.compile(r"\d")

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \-]?[A-Za-z0-9])")
_IBAN_REST = re.compile(r"[A-Za-z0-9]|[ \-](?=[A-Za-z0-9])")
_IBAN_COUNTRIES = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29
ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25
QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
"""
_IBAN_LENGTHS = {country[:2]: int(country[2:]) for country in _IBAN_COUNTRIES.split()}

_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<!\w)(?:\+|\()?\d+(?:(?:[ .\-/\u00a0]|\) ?| \()\d+)*(?![\w])")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")


def mask(text: str) -> str:
    """Return the text without card numbers, security codes, passwords and IBANs.

    Everything else stays byte for byte; masking twice is masking once.
    """
    while (masked := _masked(text)) != text:
        text = masked
    return text


def mask_name(name: str) -> str:
    """Return the name of a file, masked; an underscore separates words there."""
    words = name.replace("_", " ")
    masked = mask(words)
    return name if masked == words else masked


def mask_json(value: Any) -> Any:
    """Return plain JSON with every text and number in it masked, names of fields too.

    The name of a field counts as said before its value: `{"cvv": 123}` holds a security code.
    """
    match value:
        case dict():
            return {mask(name): _mask_field(name, item) for name, item in value.items()}
        case list():
            return [mask_json(item) for item in value]
        case bool() | None:
            return value
        case _:
            return _mask_value("", value)


def redact(text: str) -> str:
    """Return the text as logs may hold it: masked, without e-mail addresses and phone numbers."""
    text = _ADDRESS.sub(EMAIL, mask(text))
    return _PHONE.sub(lambda found: PHONE if _is_phone(found.group()) else found.group(), text)


def _mask_field(name: str, value: Any) -> Any:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return _mask_value(f"{name.replace('_', ' ')}: ", value)
    return mask_json(value)


def _mask_value(said_before: str, value: str | float) -> str | float:
    """Return a text or number as it is, or its masked text where there is something to hide."""
    alone = str(value)
    masked = mask(said_before + alone)
    if masked == said_before + alone:
        return value
    if not masked.startswith(said_before):
        # What is said before was masked too, and no longer tells where the value begins.
        return mask(alone)
    value_masked = masked[len(said_before) :]
    # In a field of its own a password goes on to its end, also over spaces.
    return SECRET if value_masked.startswith(SECRET) else value_masked


def _masked(text: str) -> str:
    text = _cut(text, _ibans(text), IBAN)
    text = _cut(text, _cards(text), CARD)
    text = _CODE_AFTER.sub(lambda found: f"{found.group(1)}{CODE}", text)
    text = _CODE_BEFORE.sub(CODE, text)
    return _SECRET.sub(_hide_secret, text)


def _cut(text: str, spans: Iterator[tuple[int, int]], placeholder: str) -> str:
    pieces, done = [], 0
    for start, end in spans:
        pieces += [text[done:start], placeholder]
        done = end
    return "".join([*pieces, text[done:]])


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Return where card numbers stand, those that overlap as one."""
    for run in _DIGITS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
        if run.end() - run.start() >= _LENGTHS.start and not _is_named(text, run, groups):
            yield from _joined(_valid_windows(text, groups))


def _is_named(text: str, run: re.Match[str], groups: list[tuple[int, int]]) -> bool:
    """Tell whether the digits, all in one, are called an order or tracking number."""
    before = text[max(0, run.start() - 60) : run.start()]
    return len(groups) == 1 and _NOT_A_CARD.search(before) is not None


def _valid_windows(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Return each row of whole groups that is a card number by length, network and check digit."""
    digits = "".join(text[start:end] for start, end in groups)
    if len(digits) < _LENGTHS.start:
        return
    sums = _luhn_sums(digits)
    ends: dict[int, int] = {}
    starts: list[tuple[int, int]] = []
    count = 0
    for start, end in groups:
        starts.append((count, start))
        count += end - start
        ends[count] = end
    for first, start in starts:
        if not _NETWORK.match(digits, first):
            continue
        for length in reversed(_LENGTHS):
            last = first + length
            if last in ends and (sums[last % 2][last] - sums[last % 2][first]) % 10 == 0:
                yield start, ends[last]
                break


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Return running Luhn sums for numbers that end at an even and at an odd position."""
    sums: tuple[list[int], list[int]] = ([0], [0])
    for position, digit in enumerate(map(int, digits)):
        doubled = digit * 2 - 9 if digit > 4 else digit * 2
        for parity in (0, 1):
            is_doubled = (parity - position) % 2 == 0
            sums[parity].append(sums[parity][-1] + (doubled if is_doubled else digit))
    return sums


def _joined(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    current: tuple[int, int] | None = None
    for start, end in spans:
        if current and start < current[1]:
            current = current[0], max(end, current[1])
            continue
        if current:
            yield current
        current = start, end
    if current:
        yield current


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    done = 0
    for found in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(found.group()[:2].upper(), 0)
        end = _iban_end(text, found.start(), length) if length and found.start() >= done else None
        if end is not None:
            yield found.start(), end
            done = end


def _iban_end(text: str, start: int, length: int) -> int | None:
    """Return where a valid IBAN of this length ends, None where there is none."""
    letters: list[str] = []
    position = start
    while len(letters) < length and (found := _IBAN_REST.match(text, position)):
        if found.group() not in " -":
            letters.append(found.group())
        position = found.end()
    is_whole = len(letters) == length and not text[position : position + 1].isalnum()
    return position if is_whole and _is_iban("".join(letters)) else None


def _is_iban(account: str) -> bool:
    moved = account[4:] + account[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


def _hide_secret(found: re.Match[str]) -> str:
    word, marked, said, bare, value = found.groups()
    plain = value.strip(".,;!?\"'“”„").lower()
    has_digit = bool(_HAS_DIGIT.search(plain))
    is_likely = has_digit or not _NUMERIC.match(word)
    is_said = bool(marked) or (bool(said) and plain not in _NO_SECRET)
    is_bare_code = bool(bare) and len(plain) >= 4 and has_digit
    if not plain or not ((is_said and is_likely) or is_bare_code):
        return found.group()
    kept = value[len(value.rstrip(".,;!?")) :] if value[0] not in "\"'“„" else ""
    return f"{word}{marked or said or bare}{SECRET}{kept}"


def _is_phone(written: str) -> bool:
    digits = re.sub(r"\D", "", written)
    if not 7 <= len(digits) <= 15 or _DATE.fullmatch(written):
        return False
    groups = re.findall(r"\d+", written)
    is_list_of_orders = len(groups) > 1 and all(len(group) == 4 for group in groups)
    if written[0] in "+(0":
        return True
    is_short = re.fullmatch(r"\d{3}[ .-]\d{4}", written) is not None
    return is_short or (len(digits) >= 9 and not is_list_of_orders)
