"""The fields that conditions may use, and the state of a run that holds their values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

from orchestration.types import ORDER_STATUSES, URGENCIES, Classification, Json

FieldType = Literal["choice", "number", "boolean", "text", "list", "any"]
State = Mapping[str, Json]

# The entities a classifier finds; each is a list of texts under `entities.<name>`.
ENTITIES = ("orders", "emails", "amounts")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A named value of the state.

    `choices` are all values of a choice; `low` and `high` bound a number, None where it has no
    bound; `whole` says that it has no fractions. An `optional` field may be without a value. A list
    holds texts; what `any` holds is not known.
    """

    name: str
    type: FieldType
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    optional: bool = False


def _choice(name: str, *choices: str) -> Field:
    return Field(name=name, type="choice", choices=choices)


def _probability(name: str) -> Field:
    return Field(name=name, type="number", low=0.0, high=1.0)


def _text(name: str, *, optional: bool = False) -> Field:
    return Field(name=name, type="text", optional=optional)


def _by_name(*named: Field) -> Mapping[str, Field]:
    return {field.name: field for field in named}


ENTRY_FIELDS = _by_name(
    _text("channel"),
    _text("customer.tier", optional=True),
    Field(name="customer.verified", type="boolean"),
    Field(name="turn", type="number", low=0, whole=True),
    Field(name="within_hours", type="boolean"),
)

# Of the verified customer's orders that the message is about: the worst status, the highest value.
ORDER_FIELDS = _by_name(
    _choice("order.status", *ORDER_STATUSES, "none"),
    Field(name="order.value", type="number", low=0),
)

# All that `classify` writes.
CLASSIFICATION_FIELDS = _by_name(
    _text("intent"),
    _probability("confidence"),
    _probability("route_confidence"),
    _text("runner_up", optional=True),
    Field(name="out_of_scope", type="boolean"),
    _choice("urgency", *URGENCIES),
    _choice("complexity", "simple", "complex"),
    _choice("sentiment", "negative", "neutral", "positive"),
    _text("language"),
    Field(name="wants_human", type="boolean"),
    _choice("risk", "none", "legal", "fraud", "safety", "self_harm", "threat"),
    Field(name="requests", type="number", low=0, whole=True),
    *(Field(name=f"entities.{entity}", type="list") for entity in ENTITIES),
    _text("by"),
    Field(name="reasons", type="list"),
    *ORDER_FIELDS.values(),
)

FIELDS: Mapping[str, Field] = {**ENTRY_FIELDS, **CLASSIFICATION_FIELDS}


# What the classifier itself says, whatever intents the operator has.
OWN_INTENTS = ("capabilities", "goodbye", "greeting", "other", "solved", "thanks", "wordless")


def known_fields(intents: Collection[str] | None = None) -> dict[str, Field]:
    """Return all fields by name, with the operator's intents as choices where they are known."""
    known = dict(FIELDS)
    if intents is not None:
        named = tuple(sorted({*intents, *OWN_INTENTS}))
        for name in ("intent", "runner_up"):
            known[name] = replace(known[name], type="choice", choices=named)
    return known


def from_classification(classification: Classification) -> dict[str, Json]:
    """Return the classification as fields of the state, JSON values only."""
    state: dict[str, Json] = {}
    for member in fields(classification):
        value = getattr(classification, member.name)
        if member.name == "entities":
            # Every entity is always there, so that a rule on it never meets a missing field.
            found = {**dict.fromkeys(ENTITIES, ()), **value}
            state |= {f"entities.{name}": list(texts) for name, texts in found.items()}
        else:
            state[member.name] = list(value) if isinstance(value, tuple) else value
    return state


def classification_of(state: State) -> Classification:
    """Return the classification that a state holds; raises `KeyError` where it holds none."""
    entities = {
        name.removeprefix("entities."): tuple(texts)
        for name, texts in state.items()
        if name.startswith("entities.") and texts
    }
    plain = {
        member.name: state[member.name]
        for member in fields(Classification)
        if member.name not in ("entities", "reasons")
    }
    return Classification(**plain, entities=entities, reasons=tuple(state["reasons"]))
