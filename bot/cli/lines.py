"""Files of JSON lines, and what else a person hands to a command as text."""

import json
from pathlib import Path

from bot.cli.console import Failed
from orchestration.types import Json


def read_text(path: Path) -> str:
    """Return a file's text; ends the command where there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}", code=2) from error
    except UnicodeDecodeError as error:
        raise Failed(f"{path} is not UTF-8 text") from error


def read_rows(path: Path, **fields: type) -> list[dict[str, Json]]:
    """Return the objects of a JSON-lines file; ends the command at the first that is wrong.

    Each object needs these fields, of these types; what else it holds is kept.
    """
    # A text may hold other characters that count as line ends, such as U+2028.
    lines = enumerate(read_text(path).split("\n"), start=1)
    rows = [_row(f"{path}, line {number}", line, fields) for number, line in lines if line.strip()]
    if not rows:
        raise Failed(f"{path} holds no rows")
    return rows


def _row(place: str, line: str, fields: dict[str, type]) -> dict[str, Json]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Failed(f"{place}: is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise Failed(f"{place}: must be an object of fields")
    for field, kind in fields.items():
        value = row.get(field)
        if not isinstance(value, kind) or isinstance(value, bool):
            found = "is missing" if field not in row else f"is {value!r}"
            raise Failed(f"{place}, {field}: {found}, but must be {_KINDS[kind]}")
    return row


_KINDS: dict[type, str] = {str: "a text", int | str: "a text or a whole number"}  # type: ignore[dict-item]


def require_text(text: str) -> str:
    """Return a text given on the command line; ends the command where it is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Failed("the text is not UTF-8", code=2) from error
    return text
