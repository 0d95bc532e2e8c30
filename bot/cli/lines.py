"""Files of JSON lines, and what else a person hands to a command as text."""

import json
from datetime import UTC, datetime
from pathlib import Path

from bot.cli.console import Failed
from orchestration.types import Json

Row = dict[str, Json]
# What the databases' integers hold.
HIGHEST_VERSION = 2**31 - 1


def read_file(path: Path) -> str:
    """Return a file's text; ends the command where there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}", code=2) from error
    except UnicodeDecodeError as error:
        raise Failed(f"{path} is not UTF-8 text") from error


def read_rows(path: Path, *texts: str) -> list[Row]:
    """Return the objects of a JSON-lines file, each with these texts and whatever else it holds.

    Ends the command at the first line that is wrong.
    """
    # Some characters that a text may hold, such as U+2028, end a line for `splitlines`.
    lines = enumerate(read_file(path).split("\n"), start=1)
    rows = [_row(f"{path}, line {number}", line, texts) for number, line in lines if line.strip()]
    if not rows:
        raise Failed(f"{path} holds no rows")
    return rows


def _row(place: str, line: str, texts: tuple[str, ...]) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Failed(f"{place}: is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise Failed(f"{place}: must be an object with {', '.join(texts)}")
    for field in texts:
        if field not in row:
            raise Failed(f"{place}, {field}: is missing")
        if not isinstance(row[field], str):
            raise Failed(f"{place}, {field}: is {row[field]!r}, but must be a text")
        if not _is_whole(row[field]):
            raise Failed(f"{place}, {field}: holds half a character (a lone surrogate)")
    return row


def require_whole(text: str) -> str:
    """Return a text from the command line; ends the command where it is not UTF-8."""
    if not _is_whole(text):
        raise Failed("the text is not UTF-8", code=2)
    return text


def read_moment(text: str | None) -> datetime | None:
    """Return the moment that `--since` names, a day at its midnight UTC; ends the command."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Failed(f"--since {text!r} is no day; write 2026-11-01", code=2) from error


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
