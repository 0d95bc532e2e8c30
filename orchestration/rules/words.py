"""Conditions in plain words, and which part of one keeps it from holding, or makes it hold."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestration.rules.conditions import All, Any, Condition, Leaf, Not, Operator, matches
from orchestration.types import Json

_NOUNS: Mapping[str, str] = {
    "channel": "the channel",
    "customer.tier": "the customer's tier",
    "turn": "the number of turns so far",
    "intent": "the intent",
    "confidence": "the confidence in the intent",
    "route_confidence": "the confidence in the complexity",
    "runner_up": "the second likeliest intent",
    "urgency": "the urgency",
    "complexity": "the complexity",
    "sentiment": "the sentiment",
    "language": "the language",
    "risk": "the risk",
    "requests": "the number of requests",
    "entities.orders": "the list of orders named",
    "entities.emails": "the list of e-mail addresses named",
    "entities.amounts": "the list of amounts named",
    "by": "what classified it",
    "reasons": "the list of reasons",
    "order.status": "the order's status",
    "order.value": "the order's value",
}
# What is said where a truth value is true, and where it is false.
_CLAIMS: Mapping[str, tuple[str, str]] = {
    "customer.verified": ("the customer is verified", "the customer is not verified"),
    "within_hours": ("the shop is open", "the shop is closed"),
    "out_of_scope": ("it is out of scope", "it is in scope"),
    "wants_human": (
        "the customer asks for a person",
        "the customer does not ask for a person",
    ),
}
_VERBS: Mapping[Operator, tuple[str, str]] = {
    "is": ("is", "is not"),
    "is_not": ("is not", "is"),
    "in": ("is", "is neither"),
    "not_in": ("is neither", "is"),
    "at_least": ("is at least", "is not at least"),
    "at_most": ("is at most", "is not at most"),
    "contains": ("contains", "does not contain"),
}
_NEEDS: Mapping[Operator, str] = {
    "is": "needs",
    "is_not": "must not be",
    "in": "needs one of",
    "not_in": "must be none of",
    "at_least": "needs at least",
    "at_most": "needs at most",
    "contains": "needs to contain",
}
# The words for a test that holds and, under a `not`, should fail.
_MUST_NOT: Mapping[Operator, str] = {
    "is": "must not be",
    "is_not": "needs",
    "in": "must be none of",
    "not_in": "needs one of",
    "at_least": "must be below",
    "at_most": "must be above",
    "contains": "must not contain",
}
# A text that needs no quotes to be told from the words around it.
_PLAIN = re.compile(r"[^\W\d][\w-]*")
_TELLING = frozenset({"true", "false", "missing", "not", "neither", "or", "nor", "and", "at"})


@dataclass(frozen=True)
class Part:
    """One comparison as a message met it: the field, the value it had, and what decided.

    `ruling` is what was needed where the comparison failed, and what it fulfils where it held.
    """

    field: str
    met: str
    ruling: str

    @property
    def words(self) -> str:
        """The part as a clause."""
        met = f"{self.field} is {self.met}"
        return f"{met}, {self.ruling}" if self.ruling else met


def in_words(condition: Condition | None) -> str:
    """Say what the condition asks for; None takes every message.

    Two conditions with the same words take the same messages, of those whose truth values are
    known.
    """
    return "every message" if condition is None else _said(condition, wanted=True)


def failed_on(condition: Condition | None, state: Mapping[str, Json]) -> str:
    """Say in plain words what keeps the condition from holding; empty where it holds."""
    return "; ".join(part.words for part in failures(condition, state))


def failures(condition: Condition | None, state: Mapping[str, Json]) -> tuple[Part, ...]:
    """Return the comparisons that keep the condition from holding; none where it holds."""
    if matches(condition, state):
        return ()
    return tuple(
        Part(leaf.field, value_in_words(state.get(leaf.field)), _needed(leaf, wanted))
        for leaf, wanted in _deciding(condition, state, holds=False)
    )


def held_by(condition: Condition | None, state: Mapping[str, Json]) -> str:
    """Say in plain words what makes the condition hold; empty where it does not."""
    return " and ".join(part.words for part in holdings(condition, state))


def holdings(condition: Condition | None, state: Mapping[str, Json]) -> tuple[Part, ...]:
    """Return the comparisons that make the condition hold; none where it does not."""
    if not matches(condition, state):
        return ()
    return tuple(
        Part(leaf.field, value_in_words(state.get(leaf.field)), _fulfilled(leaf, wanted))
        for leaf, wanted in _deciding(condition, state, holds=True)
    )


def value_in_words(value: Json) -> str:
    """Write a field's value as a sentence has it."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return " or ".join(value_in_words(each) for each in value) or "nothing"
    if isinstance(value, list):
        return ", ".join(value_in_words(each) for each in value) or "empty"
    return str(value)


def _deciding(
    condition: Condition | None, state: Mapping[str, Json], *, holds: bool, wanted: bool = True
) -> Iterable[tuple[Leaf, bool]]:
    """Return the comparisons that decide, each once, with whether it was wanted to hold."""
    if condition is None or (matches(condition, state) == wanted) != holds:
        return ()
    match condition:
        case Not(inner):
            return _deciding(inner, state, holds=holds, wanted=not wanted)
        case All(conditions) | Any(conditions):
            inner_ones = (_deciding(each, state, holds=holds, wanted=wanted) for each in conditions)
            return dict.fromkeys(pair for pairs in inner_ones for pair in pairs)
        case Leaf():
            return ((condition, wanted),)


def _needed(leaf: Leaf, wanted: bool) -> str:
    return f"{(_NEEDS if wanted else _MUST_NOT)[leaf.operator]} {value_in_words(leaf.value)}"


def _fulfilled(leaf: Leaf, wanted: bool) -> str:
    is_equal = leaf.operator in ("is", "in") if wanted else leaf.operator in ("is_not", "not_in")
    if is_equal:
        return ""
    verb = _VERBS[leaf.operator][not wanted].removeprefix("is ")
    return f"{verb} {_values(leaf.value, verb)}"


def _said(condition: Condition, *, wanted: bool, inside: str = "") -> str:
    """Say the condition, or its opposite; `inside` is the word that joins what stands around it."""
    match condition:
        case Not(inner):
            return _said(inner, wanted=not wanted, inside=inside)
        case All(conditions) | Any(conditions):
            word = "and" if isinstance(condition, All) == wanted else "or"
            if len(conditions) == 1:
                return _said(conditions[0], wanted=wanted, inside=inside)
            clauses = dict.fromkeys(_said(each, wanted=wanted, inside=word) for each in conditions)
            said = f" {word} ".join(clauses)
            return f"({said})" if inside not in ("", word) and len(clauses) > 1 else said
        case Leaf():
            return _clause(condition, wanted)


def _clause(leaf: Leaf, wanted: bool) -> str:
    is_claim = leaf.operator in ("is", "is_not") and isinstance(leaf.value, bool)
    if leaf.field in _CLAIMS and is_claim:
        is_true = leaf.value == (wanted == (leaf.operator == "is"))
        return _CLAIMS[leaf.field][not is_true]
    verb = _VERBS[leaf.operator][not wanted]
    if isinstance(leaf.value, tuple) and len(leaf.value) == 1:
        verb = verb.replace("neither", "not")
    return f"{_NOUNS.get(leaf.field, leaf.field)} {verb} {_values(leaf.value, verb)}"


def _values(value: Json, verb: str) -> str:
    values = [_quoted(each) for each in (value if isinstance(value, tuple) else (value,))]
    if len(values) == 1:
        return values[0]
    last = " nor " if verb.endswith("neither") else " or "
    return f"{', '.join(values[:-1])}{last}{values[-1]}"


def _quoted(value: Json) -> str:
    """Quote a text that could be taken for something else."""
    if not isinstance(value, str) or (_PLAIN.fullmatch(value) and value not in _TELLING):
        return value_in_words(value)
    return f"“{value}”"
