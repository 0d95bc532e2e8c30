"""Whether an answer is as the OpenAPI document describes it."""

from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

Json = Any


def agrees(model: type[BaseModel], answer: Json) -> None:
    """Each field that is answered is described, and has the type that is said."""
    model.model_validate(answer)
    assert undescribed(model, answer) == []


def undescribed(kind: Any, found: Json, place: str = "") -> list[str]:
    """Return the fields of an answer that its description does not know."""
    if get_origin(kind) in (Union, UnionType):
        tried = [undescribed(each, found, place) for each in get_args(kind) if fits(each, found)]
        return min(tried, key=len, default=[])
    if isinstance(found, list) and get_origin(kind) is list:
        [item] = get_args(kind)
        return [lack for one in found for lack in undescribed(item, one, place)]
    if not isinstance(found, dict) or not is_model(kind):
        return []
    lacking = [f"{place}.{name}" for name in found if name not in kind.model_fields]
    for name, field in kind.model_fields.items():
        if name in found:
            lacking += undescribed(field.annotation, found[name], f"{place}.{name}")
    return lacking


def fits(kind: Any, found: Json) -> bool:
    return isinstance(found, dict) is is_model(kind) and isinstance(found, list) is (
        get_origin(kind) is list
    )


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
