"""Reads and writes the admin's intents as YAML."""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestration.errors import BadInput
from orchestration.types import Complexity, Intent, Json, Risk, Urgency

_NAME = re.compile(r"\S(?:[^\n\r\t\x00]{0,98}\S)?")


def load_intents(path: Path) -> list[Intent]:
    """Return the intents of a YAML file; raises `BadInput` for the first that is wrong."""
    intents, problems = read_intents(path)
    if problems:
        raise problems[0]
    return intents


def read_intents(path: Path) -> tuple[list[Intent], list[BadInput]]:
    """Return the good intents of a YAML file and what is wrong with the others.

    Raises `BadInput` where the file as a whole cannot be read.
    """
    return parse_intents(_rows(path))


def parse_intents(rows: Sequence[Json]) -> tuple[list[Intent], list[BadInput]]:
    """Return the good intents among rows of fields, and what is wrong with the others."""
    intents: dict[str, Intent] = {}
    problems: list[BadInput] = []
    for number, row in enumerate(rows, start=1):
        place = _place(number, row)
        try:
            intent = _intent(row, place)
            if intent.name in intents:
                raise _wrong(place, "name", "stands here a second time; every name may stand once")
            intents[intent.name] = intent
        except BadInput as problem:
            problems.append(problem)
    return list(intents.values()), problems


def require_enough(intents: Sequence[Intent]) -> None:
    """Raise `BadInput` where there is nothing to tell apart."""
    # With fewer a classifier cannot learn, and the running processes would stand.
    if len(intents) < 2:
        raise BadInput("at least two good ones are needed", field="intents")


def write_intents(intents: Iterable[Intent]) -> str:
    """Return the intents as YAML that `load_intents` reads back unchanged."""
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump([intent_row(intent) for intent in intents], text)
    return text.getvalue()


def intent_row(intent: Intent) -> dict[str, Json]:
    """Return an intent as the fields and values that `parse_intents` takes."""
    return {
        "name": intent.name,
        "description": intent.description,
        "complexity": intent.complexity,
        "urgency": intent.urgency,
        "risk": intent.risk,
        "wants_human": intent.wants_human,
        "responders": list(intent.responders),
        "examples": list(intent.examples),
    }


def _rows(path: Path) -> list[Json]:
    try:
        rows = YAML().load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", field="path") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text", field="path") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}, line {line}: {error.problem}", field="path") from error
    except YAMLError as error:
        raise BadInput(f"{path} is not YAML: {error}", field="path") from error
    if not isinstance(rows, list):
        raise BadInput(
            f"{path} must be a list of intents, each beginning with `- name:`", field="path"
        )
    return list(rows)


def _place(number: int, row: Json) -> str:
    name = row.get("name") if isinstance(row, Mapping) else None
    line = f", line {row.lc.line + 1}" if isinstance(row, CommentedMap) else ""
    return f"intent {name or number}{line}"


def _wrong(place: str, field: str, message: str) -> BadInput:
    return BadInput(f"{place}, {field}: {message}", field=field)


def _intent(row: Json, place: str) -> Intent:
    if not isinstance(row, Mapping):
        raise _wrong(place, "intent", "must be fields and values, beginning with `name:`")
    unknown = [str(key) for key in row if key not in _FIELDS]
    if unknown:
        raise _wrong(place, unknown[0], f"no such field; there are: {', '.join(_FIELDS)}")
    for field in ("name", "examples"):
        if field not in row:
            raise _wrong(place, field, "is missing and must be given")
    values: dict[str, Json] = {}
    for field, value in row.items():
        try:
            values[field] = _FIELDS[field](value)
        except ValueError as error:
            raise _wrong(place, field, str(error)) from error
    return Intent(**values)


def _name(value: Json) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"is {value!r}, but must be one line of at most 100 characters, such as order_status"
        )
    return str(value)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        # ValueError throughout: the reader of the file is told the field, not a type.
        raise ValueError(f"is {value!r}, but must be text; write it in quotes")  # noqa: TRY004
    # PostgreSQL stores neither NUL nor halves of a surrogate pair, which an escape can spell.
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("holds characters that no text may hold (NUL or half a character)")
    return str(value).strip()


def _examples(value: Json) -> tuple[str, ...]:
    examples = _texts(value)
    if not examples:
        raise ValueError("is empty, but must hold at least one example; 10 to 20 work well")
    return examples


def _texts(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"is {value!r}, but must be a list of texts")  # noqa: TRY004
    texts = tuple(_text(item) for item in value)
    if "" in texts:
        raise ValueError("holds an empty text; remove it or fill it in")
    return texts


def _flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {value!r}, but must be true or false")  # noqa: TRY004
    return value


def _one_of(choices: tuple[str, ...]) -> Callable[[Json], str]:
    def choose(value: Json) -> str:
        if value not in choices:
            raise ValueError(f"is {value!r}, but must be one of {', '.join(choices)}")
        return str(value)

    return choose


_FIELDS: Mapping[str, Callable[[Json], Json]] = {
    "name": _name,
    "description": _text,
    "examples": _examples,
    "complexity": _one_of(get_args(Complexity)),
    "urgency": _one_of(get_args(Urgency)),
    "risk": _one_of(get_args(Risk)),
    "wants_human": _flag,
    "responders": _texts,
}
