"""Templates: texts with `{{ field }}` in them, filled from the state of a run; they hold no code.

A field is named as in a condition: `input.name`, `facts.colour`. What a property holds further in
is reached by more dots.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator

from orchestration.errors import BadInput
from orchestration.types import Json

State = Mapping[str, Json]
Show = Callable[[str, Json], str]

_PLACE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def checked(value: Json) -> Json:
    """Return a text, or JSON with texts in it; raises `ValueError` where braces name no field."""
    for text in _texts(value):
        rest = _PLACE.sub("", text)
        if "{{" in rest:
            wrong = rest[rest.index("{{") :][:30]
            raise ValueError(f"{wrong!r} names no field; write {{{{ input.name }}}}")
    return value


Template = Annotated[str, AfterValidator(checked)]
JsonTemplate = Annotated[Json, AfterValidator(checked)]


def fields_in(value: Json) -> frozenset[str]:
    """Return the fields that the texts in a value name."""
    return frozenset(name for text in _texts(value) for name in _PLACE.findall(text))


def look_up(field: str, state: State) -> Json:
    """Return a field's value; raises `BadInput` naming a field that is not there."""
    if field in state:
        return state[field]
    parts = field.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        outer = ".".join(parts[:cut])
        if outer in state:
            return _inside(state[outer], parts[cut:], field)
    raise BadInput(f"no field is called {field!r} here", field=field)


def as_text(value: Json) -> str:
    """Return a value as it stands in a text: nothing for null, JSON for what is not a text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fill(template: str, state: State, show: Show | None = None) -> str:
    """Return the text with its fields filled in, each as `show` makes of its name and value."""

    def shown(place: re.Match[str]) -> str:
        value = look_up(place[1], state)
        return as_text(value) if show is None else show(place[1], value)

    return _PLACE.sub(shown, template)


def fill_json(value: Json, state: State) -> Json:
    """Return JSON with its texts filled in; a text that is one field alone becomes its value."""
    match value:
        case str():
            alone = _PLACE.fullmatch(value.strip())
            return look_up(alone[1], state) if alone else fill(value, state)
        case Mapping():
            return {key: fill_json(each, state) for key, each in value.items()}
        case list():
            return [fill_json(each, state) for each in value]
    return value


def fill_url(template: str, state: State) -> str:
    """Return an address in which no value can be more than the part it stands in.

    Raises `BadInput` for a part of the path that would be empty or lead to another folder.
    """
    path, mark, query = template.partition("?")
    parts = [_fill_part(part, state) for part in path.split("/")]
    return "/".join(parts) + mark + fill(query, state, _encoded)


def fill_header(template: str, state: State) -> str:
    """Return a header's value on one line; raises `BadInput` for letters that headers lack."""
    value = _CONTROL.sub(" ", fill(template, state)).strip()
    if not value.isascii():
        raise BadInput("a header holds letters that headers cannot carry")
    return value


def _inside(value: Json, parts: list[str], field: str) -> Json:
    for part in parts:
        if value is None:
            return None
        if not isinstance(value, Mapping) or part not in value:
            raise BadInput(f"no field is called {field!r} here", field=field)
        value = value[part]
    return value


def _fill_part(part: str, state: State) -> str:
    filled = fill(part, state, _encoded)
    # `..` would lead out of the folder, and `/orders//` to all orders in place of one.
    if filled != part and filled in ("", ".", ".."):
        field = min(fields_in(part))
        raise BadInput(f"{field} cannot stand in an address: {filled!r}", field=field)
    return filled


def _encoded(_: str, value: Json) -> str:
    return quote(as_text(value), safe="")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
