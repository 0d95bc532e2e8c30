"""Says what a message is about and how it should be treated, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestration import parts
from orchestration.classification import cues, dialogue
from orchestration.classification.entities import find_amounts, find_emails, find_orders
from orchestration.classification.facts import Facts
from orchestration.classification.persons import asks_for_person
from orchestration.classification.requests import count_requests
from orchestration.classification.smalltalk import SMALL_TALK, find_small_talk, is_a_nod
from orchestration.classification.splitting import split
from orchestration.classification.whereabouts import languages_asking
from orchestration.classification.words import is_wordless
from orchestration.types import (
    RISKS,
    URGENCIES,
    Classification,
    Complexity,
    Intent,
    Memory,
    Reading,
    Risk,
    Urgency,
)

__all__ = [
    "OTHER",
    "SMALL_TALK",
    "WORDLESS",
    "Advice",
    "Facts",
    "asks_nothing",
    "classify",
    "not_below",
    "split",
]

WORDLESS = "wordless"
OTHER = "other"
# A number alone is most likely meant as "where is it", but that is a guess.
_NUMBER_ALONE = 0.9
_OFTEN = 3
# From here on an intent's own risk and its wish for a person count.
_PROBABLE = 0.3
_SURELY_TALK = 0.75
_URGENT_RISKS: frozenset[Risk] = frozenset({"self_harm", "threat", "safety", "fraud"})
_PLAIN_TALK = SMALL_TALK | {WORDLESS, "capabilities"}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a model takes a message for; `by` is its tier. It says nothing of risk and urgency."""

    intent: str
    confidence: float
    by: str


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """The intent that was settled on; `chances` are those of all intents, `reason` says why."""

    intent: str
    chances: Mapping[str, float]
    reason: str
    out_of_scope: bool = False
    orders: tuple[str, ...] = ()
    # Those in which each word of the text is known.
    languages: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        return self.chances.get(self.intent, 0.0)


def classify(
    text: str,
    reading: Reading,
    *,
    intents: Sequence[Intent],
    memory: Memory,
    facts: Facts,
    advice: Advice | None = None,
) -> Classification:
    """Return what a turn's text is about, from a classifier's reading and all that is known.

    Risk and the wish for a person come from the wording or the intent's table, whichever is worse;
    each point that raised urgency or complexity stands in `reasons`. `advice` picks the intent in
    place of the reading, and nothing else.
    """
    tables = {intent.name: intent for intent in intents}
    if advice:
        choice = _advised(reading, advice)
    else:
        choice = _choose(text, reading, tables=tables, memory=memory, facts=facts)
    table = tables.get(choice.intent, _table_of_our_own(choice.intent))
    orders = choice.orders or _orders_meant(text, memory, facts)
    reasons = [choice.reason]
    heeded = (
        table if _is_probable(choice, tables) else replace(table, wants_human=False, risk="none")
    )
    risk = _risk(text, heeded, reasons)
    # A model that takes a message for small talk does not thereby make it ask for less.
    is_talk = choice.intent in _PLAIN_TALK and advice is None
    requests = 1 if is_talk or choice.languages else _count_requests(text, facts)
    complexity = _complexity(table, choice, requests, reasons)
    wants_human = _wants_human(text, heeded, requests, reasons)
    return Classification(
        intent=choice.intent,
        confidence=choice.confidence,
        route_confidence=_share(choice, complexity, tables),
        runner_up=_runner_up(choice),
        out_of_scope=choice.out_of_scope,
        urgency=_urgency(text, table, risk=risk, orders=orders, facts=facts, reasons=reasons),
        complexity=complexity,
        sentiment=cues.find_sentiment(text),
        language=_language(reading, choice, memory=memory, facts=facts),
        wants_human=wants_human,
        risk=risk,
        requests=requests,
        entities=_entities(text, orders),
        by=advice.by if advice else "local",
        reasons=tuple(reasons),
    )


def not_below(advised: Classification, local: Classification) -> Classification:
    """Return what a model advised, with all the risk and urgency that was seen without it.

    A text may talk a model into any intent; what code has raised stays raised.
    """
    urgency = max(advised.urgency, local.urgency, key=URGENCIES.index)
    risk = min(advised.risk, local.risk, key=RISKS.index)
    kept = [
        f"{name} {value}: seen before the model was asked"
        for name, value, before in (
            ("urgency", urgency, advised.urgency),
            ("risk", risk, advised.risk),
        )
        if value != before
    ]
    wants_human = advised.wants_human or local.wants_human
    if wants_human and not advised.wants_human:
        kept.append("wants a person: seen before the model was asked")
    return replace(
        advised,
        risk=risk,
        urgency=urgency,
        wants_human=wants_human,
        reasons=(*advised.reasons, *kept),
    )


def _advised(reading: Reading, advice: Advice) -> _Choice:
    if advice.intent == OTHER:
        reason = f"{advice.by} cannot tell what it is about"
        return _Choice(
            intent=OTHER, chances=reading.probabilities, reason=reason, out_of_scope=True
        )
    sure = max(advice.confidence, reading.probabilities.get(advice.intent, 0.0))
    others = {name: one for name, one in reading.probabilities.items() if name != advice.intent}
    # What the model leaves open is shared out as the reading has it.
    share = (1 - sure) / total if (total := sum(others.values())) else 0.0
    chances = {name: chance * share for name, chance in others.items()} | {advice.intent: sure}
    reason = f"{advice.by} takes it for {advice.intent}"
    return _Choice(intent=advice.intent, chances=chances, reason=reason)


def asks_nothing(text: str) -> bool:
    """Tell whether a message is thanks, a farewell, a thumb or a nod and waits for no answer."""
    return is_wordless(text) or is_a_nod(text) or find_small_talk(text) is not None


def _choose(
    text: str, reading: Reading, *, tables: Mapping[str, Intent], memory: Memory, facts: Facts
) -> _Choice:
    if not text.strip():
        return _Choice(intent=OTHER, chances={}, reason="has no text", out_of_scope=True)
    if is_wordless(text):
        return _sure(WORDLESS, "has no words")
    orders = find_orders(text, facts)
    resumed = dialogue.resume(text, reading, memory=memory, facts=facts, orders=orders)
    if resumed:
        return _sure(resumed.intent, resumed.reason, orders=resumed.orders)
    if talk := find_small_talk(text):
        return _sure(talk, f"says {talk} and nothing else")
    if is_a_nod(text):
        return _sure(WORDLESS, "says yes, no or ok and nothing else")
    if orders and "order_status" in tables and dialogue.is_bare(text, orders):
        chances = {"order_status": _NUMBER_ALONE}
        return _Choice(intent="order_status", chances=chances, reason="is an order number alone")
    if orders and "order_status" in tables and (languages := languages_asking(text, orders)):
        reason = "asks where an order is and nothing else"
        return replace(_sure("order_status", reason), languages=languages)
    return _read(reading)


def _sure(intent: str, reason: str, orders: tuple[str, ...] = ()) -> _Choice:
    return _Choice(intent=intent, chances={intent: 1.0}, reason=reason, orders=orders)


def _language(reading: Reading, choice: _Choice, *, memory: Memory, facts: Facts) -> str:
    known = [one for one in (reading.language, memory.language, facts.languages[0]) if one]
    fitting = [one for one in known if one in choice.languages]
    return next(iter((*fitting, *choice.languages, *known)))


def _read(reading: Reading) -> _Choice:
    if not reading.probabilities:
        return _Choice(
            intent=OTHER, chances={}, reason="nothing to compare with", out_of_scope=True
        )
    intent = max(reading.probabilities, key=reading.probabilities.__getitem__)
    chance = reading.probabilities[intent]
    # A true greeting was found above; what only resembles one says something else.
    is_half_talk = intent in SMALL_TALK and chance < _SURELY_TALK
    if is_half_talk or (reading.out_of_scope and chance < _PROBABLE):
        reason = f"is nearest to {intent}"
        return _Choice(
            intent=OTHER, chances=reading.probabilities, reason=reason, out_of_scope=True
        )
    return _Choice(
        intent=intent,
        chances=reading.probabilities,
        reason=f"reads like {intent}",
        out_of_scope=reading.out_of_scope,
    )


def _table_of_our_own(name: str) -> Intent:
    """Return the table of an intent that the admin need not define."""
    complexity: Complexity = "simple" if name in _PLAIN_TALK else "complex"
    urgency: Urgency = "low" if name in _PLAIN_TALK else "normal"
    return Intent(name=name, complexity=complexity, urgency=urgency)


def _is_probable(choice: _Choice, tables: Mapping[str, Intent]) -> bool:
    """Tell whether it is likely enough that a person, or no person, is needed."""
    mine = tables.get(choice.intent)
    if mine is None or not (mine.wants_human or mine.risk != "none"):
        return True
    alike = [name for name, table in tables.items() if table.wants_human or table.risk != "none"]
    return sum(choice.chances.get(name, 0.0) for name in alike) >= _PROBABLE


def _orders_meant(text: str, memory: Memory, facts: Facts) -> tuple[str, ...]:
    named = find_orders(text, facts) or facts.about
    if not named and memory.last_order and dialogue.points_back(text):
        return (memory.last_order,)
    return named


def _risk(text: str, table: Intent, reasons: list[str]) -> Risk:
    found = cues.find_risk(text)
    worst = min((table.risk, found[0] if found else "none"), key=RISKS.index)
    if worst == "none":
        return "none"
    why = f'says "{found[1]}"' if found and found[0] == worst else f"{table.name} is a risk"
    reasons.append(f"risk {worst}: {why}")
    return worst


def _complexity(table: Intent, choice: _Choice, requests: int, reasons: list[str]) -> Complexity:
    if requests > 1:
        reasons.append(f"complex: asks for {requests} things")
    if choice.out_of_scope:
        reasons.append("complex: is like none of the intents")
    is_raised = requests > 1 or choice.out_of_scope
    return "complex" if is_raised else table.complexity


def _count_requests(text: str, facts: Facts) -> int:
    return max(count_requests(text), len(split(text, facts)))


def _wants_human(text: str, table: Intent, requests: int, reasons: list[str]) -> bool:
    if asks_for_person(text):
        reasons.append("asks for a person")
        return True
    if requests > parts.MOST:
        reasons.append(f"asks for more than {parts.MOST} things: a person sees to all of them")
        return True
    if table.wants_human:
        reasons.append(f"only a person answers {table.name}")
    return table.wants_human


def _share(choice: _Choice, complexity: Complexity, tables: Mapping[str, Intent]) -> float:
    """Return the probability of all intents that share the complexity."""
    shared = sum(
        chance
        for name, chance in choice.chances.items()
        if tables.get(name, _table_of_our_own(name)).complexity == complexity
    )
    return min(1.0, shared)


def _runner_up(choice: _Choice) -> str | None:
    others = {name: chance for name, chance in choice.chances.items() if name != choice.intent}
    return max(others, key=others.__getitem__) if others else None


def _entities(text: str, orders: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found = {"orders": orders, "emails": find_emails(text), "amounts": find_amounts(text)}
    return {kind: values for kind, values in found.items() if values}


def _urgency(
    text: str,
    table: Intent,
    *,
    risk: Risk,
    orders: tuple[str, ...],
    facts: Facts,
    reasons: list[str],
) -> Urgency:
    if risk in _URGENT_RISKS:
        reasons.append(f"urgent: risk {risk}")
        return "urgent"
    points = _points_of_wording(text)
    if table.name not in _PLAIN_TALK:
        points += _points_of_facts(table, risk=risk, orders=orders, facts=facts)
    reasons.extend(f"more urgent: {why}" for why, _ in points)
    level = URGENCIES.index(table.urgency) + sum(weight for _, weight in points)
    # Only a risk or the intent's own table makes a message `urgent`.
    ceiling = max(URGENCIES.index("high"), URGENCIES.index(table.urgency))
    return URGENCIES[min(level, ceiling)]


def _points_of_wording(text: str) -> list[tuple[str, int]]:
    points = []
    if hurry := cues.find_hurry(text):
        words, is_strong = hurry
        points.append((f'says "{words}"', len(URGENCIES) if is_strong else 1))
    if cues.is_shouted(text):
        points.append(("is written in capitals", 1))
    elif cues.find_sentiment(text) == "negative":
        points.append(("sounds angry", 1))
    return points


def _points_of_facts(
    table: Intent, *, risk: Risk, orders: tuple[str, ...], facts: Facts
) -> list[tuple[str, int]]:
    points = []
    if risk == "legal":
        points.append(("speaks of the law", len(URGENCIES)))
    if (facts.customer_tier or "").casefold() == "vip":
        points.append(("is from a VIP", 1))
    late = [order for order in facts.orders if order.status_at(facts.now) == "late"]
    late = [order for order in late if order.id in orders or _is_about_any(table, orders)]
    if late:
        points.append((f"order {late[0].id} is late", 1))
    if facts.turn >= _OFTEN:
        points.append((f"is turn {facts.turn} of the conversation", 1))
    return points


def _is_about_any(table: Intent, orders: tuple[str, ...]) -> bool:
    return not orders and table.name in ("order_status", "delivery_problem", "missing_parcel")
