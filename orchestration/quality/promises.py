"""Finds promises, guarantees and claimed actions that nobody but a human may make."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path

from orchestration.quality.text import Sentence, fold, sentences, words
from orchestration.types import Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """A way to commit the shop; `is_state` where the record of an order may bear it out."""

    expression: re.Pattern[str]
    is_state: bool


_NEGATION = re.compile(
    r"\b(?:not|never|cannot|nicht|keine?n?|niemals|ne|pas|jamais|aucun|no|nunca|non|mai|niet|geen"
    r"|nooit|nao)\b|n't\b"
)
# A denial of a denial, or one that belongs to something else.
_EMPHASIS = re.compile(
    r"\b(?:not only|not hesitate|no doubt|no problem|no later|not later|nicht nur|kein problem"
    r"|pas seulement|no solo|non solo"
    r"|niet alleen|nao so|sin duda|no worries|no matter|no questions?|at no cost|no charge|no fee"
    r"|no extra)\b"
)
_CONDITION = re.compile(
    r"\b(?:once|when|if|after|as soon as|until|unless|only|before|sobald|wenn|nachdem|falls|nur"
    r"|bevor|bis"
    r"|lorsque|quand|des que|apres que|seulement|cuando|una vez que|solo si|quando|dopo che"
    r"|solo se|appena"
    r"|wanneer|zodra|nadat|alleen|assim que|depois que|somente|apenas)\b"
)
_PERSONAL = re.compile(
    r"\b(?:your|you|will|has been|have been|ihre?[nrm]?|ihnen|wird|wurde|votre|vos|vous|sera"
    r"|a ete|su|sus|ha sido"
    r"|suo|sua|stat[oa]|uw|je|jouw|werd|zal|seu|sua|foi)\b"
)
_SECRETS = re.compile(
    r"\b(?:my|mijn|meine|mes|mis|le mie|minhas) (?:hidden |secret |system "
    r"|geheimen? )?(?:instructions|anweisungen|instrucciones|istruzioni"
    r"|instructies|instrucoes|rules say|prompt)\b|\bsystem[- ]?prompt\b|\bprompt (?:systeme"
    r"|del sistema|di sistema|do sistema)\b"
    r"|\bsysteemprompt\b|\bas an ai (?:language )?model\b"
)
# Records say in their own words what became of an order.
_RECORDED = (
    re.compile(r"cancel|storn|annul|anulad|cancelad|geannuleerd|annullat"),
    re.compile(
        r"refund|erstatt|rembours|reembols|rimbors|terugbetaal|gutgeschrieb|devuelt|devolvid"
        r"|estornad|reimburs"
    ),
)


# What no sentence of ours says unless it quotes an article or tells what a record says.
_TOUCHY = re.compile(
    r"refund|reimburs|money|compensat|voucher|coupon|discount|guarante|promis|cancel|free of charge"
    r"|credit|\bamount|\bpaid|\bpay\b|\bcharge|\bkeep |address is|replac|\bexchang|\bgift|\bgrant"
    r"|approv|waive"
    r"|erstatt|geld\b|\bzahlung|ruckzahlung|gutsch|rabatt|garanti|versprech|storn|entschadig"
    r"|betrag|zuruckgezahlt|behalten"
    r"|ersatz|genehmig|kostenlos|rembours|annul|promet|promis|code promo|dedommag|\bargent\b"
    r"|montant|offrons"
    r"|\bgarder|(?:sera|verra) restitu|reembols|dinero|\banul|cupon|descuento|importe|quedarse"
    r"|regal|rimbors|sconto|soldi|importo"
    r"|denaro|tenere l|terugbeta|terugstort|gestort|garand|gegarand|belov|beloof|geannul|annuleer"
    r"|korting|vergoed"
    r"|bedrag|behouden|\bhouden|tegoed|dinheiro|garant|estorn|desconto|cupom|\bvalor\b|ficar com"
)


def complaints(
    parts: Sequence[Sentence],
    evidence: Sequence[Evidence],
    *,
    titles: Sequence[str] = (),
    quotes_only: bool = False,
) -> Iterator[str]:
    """Name every sentence that commits the shop to something and is no quote of the evidence.

    With `quotes_only` a sentence that so much as touches money must be a quote.
    """
    folded = [fold(part.text) for part in parts]
    records = " ".join(fold(item.text) for item in evidence if item.kind == "order")
    found = _suspects(folded, records)
    if quotes_only:
        found |= set(_touchy(folded, records))
    suspects = sorted(found)
    quotes = _quotes(evidence, titles) if suspects else frozenset()
    for index in suspects:
        if not is_quote(parts[index].text, quotes):
            yield f"promise or claimed action: {parts[index].text[:160]}"
    for part, text in zip(parts, folded, strict=True):
        if _SECRETS.search(text):
            yield f"speaks of its own instructions: {part.text[:120]}"


def _suspects(folded: Sequence[str], records: str) -> set[int]:
    """Return which sentences commit the shop; no pattern reaches over the end of a line."""
    whole = "\n".join(folded)
    ends = list(accumulate(len(text) + 1 for text in folded))
    return {
        bisect_right(ends, found.start())
        for pattern in _patterns()
        for found in pattern.expression.finditer(whole)
        if not _is_denied(whole, found)
        and not (pattern.is_state and (_is_recorded(found, records) or _is_condition(whole, found)))
    }


def is_quote(sentence: str, quotes: frozenset[str]) -> bool:
    """Tell whether this very sentence stands in the evidence, be it after `From our terms:`."""
    return " ".join(words(sentence)) in quotes or (
        ": " in sentence and " ".join(words(sentence.split(": ", 1)[1])) in quotes
    )


@cache
def _patterns() -> tuple[Pattern, ...]:
    lines = Path(__file__).with_name("commitments.txt").read_text(encoding="utf-8").splitlines()
    patterns, is_state = [], False
    for line in lines:
        if line.startswith("["):
            is_state = line.endswith(" records]")
        elif line and not line.startswith("#"):
            expression = re.compile(line.replace("…", r"[^.!?\n]{0,60}?"), re.MULTILINE)
            patterns.append(Pattern(expression=expression, is_state=is_state))
    return tuple(patterns)


def _touchy(folded: Sequence[str], records: str) -> Iterator[int]:
    for index, text in enumerate(folded):
        found = _TOUCHY.search(text)
        if found and not any(said.search(text) and said.search(records) for said in _RECORDED):
            yield index


def _quotes(evidence: Sequence[Evidence], titles: Sequence[str]) -> frozenset[str]:
    texts = [*(item.text for item in evidence), *titles]
    return frozenset(" ".join(words(part.text)) for text in texts for part in sentences(text))


def _is_denied(text: str, found: re.Match[str]) -> bool:
    """Tell whether a negation stands inside the found words or directly before them."""
    inside = _EMPHASIS.sub(" ", found.group())
    before = text[max(0, found.start() - 12) : found.start()]
    last = before.split()[-1] if before.endswith(" ") and before.split() else ""
    return bool(_NEGATION.search(inside)) or bool(_NEGATION.fullmatch(last))


def _is_condition(text: str, found: re.Match[str]) -> bool:
    """Tell whether "once a refund has been approved" names a condition and no fact."""
    clause = re.split(r"[,;:.!?\n]", text[max(0, found.start() - 20) : found.end()])[-1]
    rest = re.split(r"[.!?\n]", text[found.end() :], maxsplit=1)[0]
    is_rule = not _PERSONAL.search(found.group()) and _CONDITION.search(f"{found.group()} {rest}")
    return bool(_CONDITION.search(clause)) or bool(is_rule)


def _is_recorded(found: re.Match[str], records: str) -> bool:
    return any(concept.search(found.group()) and concept.search(records) for concept in _RECORDED)
