"""Judges in code alone whether a draft may leave: form, facts, links, promises, support."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from orchestration.quality import (
    form,
    grounding,
    languages,
    links,
    ownership,
    promises,
    support,
)
from orchestration.quality.facts import Amount, Code, Fact, extract
from orchestration.quality.grounding import Known
from orchestration.quality.ownership import Orders
from orchestration.quality.text import Sentence, fold, normal, sentences, unwrapped
from orchestration.types import Draft, Evidence, Verdict

# Their sentences are written by people: code only fills in facts or chooses quotes.
WITHOUT_MODEL = frozenset({"template", "order_status", "knowledge"})
_TO_A_MACHINE = re.compile(
    r"\b(?:ai|assistant|bot|chatbot|llm|model|system|assistent|asistente|assistente)\b\s*[:,]"
    r"|\b(?:also|always|please) (?:say|tell|answer|write|reply|add)\b|\bsystem prompt\b"
    r"|\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,30}\b(?:instructions?|rules?|previous"
    r"|above|earlier|prompt)\b"
)
_QUOTED = re.compile(r"[“„«\"]([^“”„«»\"\n]{1,4000})[”“»\"]")
_PRODUCT = re.compile(r"[^\W\d_]{2,}\d{1,2}[^\W\d_]{0,2}")


def check(
    draft: Draft,
    *,
    question: str,
    language: str,
    link_domains: Sequence[str],
    order_number: str,
    own_orders: Sequence[str],
    min_confidence: float | None = None,
) -> Verdict:
    """Judge a draft against its evidence; the reasons name each offending text.

    `question` is the customer's text, `order_number` the shop's pattern, `own_orders` the order
    numbers of the verified customer. A fact that stands only in the question is no evidence.
    """
    bad_form = tuple(form.complaints(draft.text))
    if bad_form:
        # Hidden characters would also hide a fact from what follows.
        return Verdict(outcome="failed", reasons=bad_form)
    language = language.lower()[:2]
    sound = replace(draft, text=normal(draft.text), evidence=_without_orders_to_machines(draft))
    asked = extract(normal(question)[: form.LONGEST], languages.guess(question) or language)
    named = ownership.orders(pattern=order_number, own=own_orders, question=asked)
    failures = tuple(dict.fromkeys(_failures(sound, question, language, link_domains, named)))
    if failures:
        return Verdict(outcome="failed", reasons=failures)
    doubts = tuple(_doubts(sound, language, min_confidence))
    return Verdict(outcome="unsure" if doubts else "passed", reasons=doubts)


def _failures(
    draft: Draft, question: str, language: str, link_domains: Sequence[str], named: Orders
) -> Iterator[str]:
    quotable = None if draft.responder in WITHOUT_MODEL else _all_text(draft)
    yield from links.complaints(draft.text, link_domains, quotable=quotable)
    own_words = _without_echo(draft, question)
    parts = tuple(sentences(own_words))
    yield from promises.complaints(
        parts,
        draft.evidence,
        titles=[citation.title for citation in draft.citations],
        quotes_only=draft.responder in WITHOUT_MODEL,
    )
    yield from _fact_complaints(draft, own_words, parts, question, language, named)
    yield from _citation_complaints(draft, parts, language)
    wrong_language = languages.complaint(draft.text, language)
    if wrong_language:
        yield wrong_language


def _fact_complaints(
    draft: Draft,
    text: str,
    parts: Sequence[Sentence],
    question: str,
    language: str,
    named: Orders,
) -> Iterator[str]:
    facts = extract(text, language)
    evidence = grounding.known_of(draft.evidence, language)
    everything = grounding.merged(known for _, known in evidence)
    # An order number that only an order's record or a message names is not the customer's.
    public = grounding.merged(
        known for item, known in evidence if item.kind not in ("order", "message")
    )
    counts = _counts(facts, named)
    for fact in facts:
        number = ownership.order_in(fact, named)
        if number is not None:
            if not (number in named.own | named.written or grounding.states(public, fact)):
                yield f"{fact.text} is no order of this customer"
        elif not _is_grounded(fact, everything, question, named, counts):
            yield f"{fact.text} is in no evidence"
    yield from ownership.complaints(parts, facts, named, evidence, text=text)


def _is_grounded(
    fact: Fact, evidence: Known, question: str, named: Orders, counts: set[Decimal]
) -> bool:
    if grounding.states(evidence, fact) or ownership.is_list_of_own(fact, named):
        return True
    match fact.readings:
        case (Amount(value=value, unit=""),):
            return value in counts
        case (Code(),):
            return bool(_PRODUCT.fullmatch(fact.text)) and fold(fact.text) in fold(question)
    return False


def _counts(facts: Sequence[Fact], named: Orders) -> set[Decimal]:
    """Return the numbers a draft may count by itself: the orders there are and those it names."""
    numbers = {number for fact in facts if (number := ownership.order_in(fact, named))}
    return {Decimal(len(numbers)), Decimal(len(named.own))}


def _citation_complaints(draft: Draft, parts: Sequence[Sentence], language: str) -> Iterator[str]:
    known = {item.id for item in draft.evidence}
    for citation in draft.citations:
        if citation.id not in known:
            yield f"cites {citation.id}, which is not among the evidence"
    if draft.citations or draft.responder in ("template", "order_status"):
        return
    if draft.responder == "knowledge":
        yield "an answer from articles names none"
    elif support.rests_on_article(parts, support.grounds(draft.evidence, language), language):
        yield "draws on an article and cites none"


def _doubts(draft: Draft, language: str, min_confidence: float | None) -> Iterator[str]:
    if draft.responder not in WITHOUT_MODEL:
        parts = tuple(sentences(draft.text))
        known = support.grounds(draft.evidence, language)
        yield from support.unsupported(parts, known, language)
    if min_confidence is not None and draft.confidence < min_confidence:
        yield f"confidence {draft.confidence:.2f} is below {min_confidence:.2f}"


def _without_orders_to_machines(draft: Draft) -> tuple[Evidence, ...]:
    """Drop from the evidence each sentence that tells a machine what to say: it is an attack."""
    return tuple(
        replace(item, text=_facts_of(item))
        for item in draft.evidence
        # What a customer wrote proves nothing to a model; templates repeat it on purpose.
        if draft.responder in WITHOUT_MODEL or item.kind != "message"
    )


def _facts_of(item: Evidence) -> str:
    text = unwrapped(normal(item.text))
    for part in sentences(text):
        if _TO_A_MACHINE.search(fold(part.text)):
            text = text[: part.start] + " " * (part.end - part.start) + text[part.end :]
    return text


def _without_echo(draft: Draft, question: str) -> str:
    """Blank what a template quotes of the customer's own words."""
    if draft.responder != "template":
        return draft.text
    asked = normal(question)
    return _QUOTED.sub(
        lambda found: " " * len(found.group()) if found.group(1) in asked else found.group(),
        draft.text,
    )


def _all_text(draft: Draft) -> str:
    addresses = [citation.url or "" for citation in draft.citations]
    return "\n".join([*(item.text for item in draft.evidence), *addresses])
