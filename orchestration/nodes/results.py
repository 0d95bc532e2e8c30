"""What `model` and `call` add to the state: a result under a name, property by property."""

from typing import Annotated

from pydantic import AfterValidator, Field

from orchestration import schemas
from orchestration.state import FIELDS
from orchestration.types import Json

# What other kinds write, and the words that steps are noted with.
_TAKEN = frozenset(name.split(".")[0] for name in FIELDS) | {
    *("input", "draft", "verdict", "tried", "enriched", "proposal", "decision", "failure"),
    *("route", "rule", "rules_tried", "classification"),
    *("model", "prompt", "cut", "problem", "status", "error", "node"),
}


def _free(name: str) -> str:
    if name in _TAKEN:
        raise ValueError(f"{name!r} has a meaning of its own; choose another name")
    return name


def _of_object(schema: Json) -> Json:
    if schema.get("type") != "object" or not schema.get("properties"):
        raise ValueError("must describe an object with properties: {type: object, properties: …}")
    return schema


Into = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$"), AfterValidator(_free)]
Schema = Annotated[dict[str, Json], AfterValidator(schemas.check)]
ObjectSchema = Annotated[Schema, AfterValidator(_of_object)]


def fields_of(into: str, schema: Json) -> frozenset[str]:
    """Return the fields that a result is spread out into."""
    return frozenset({into, *schemas.paths(into, schema)})
