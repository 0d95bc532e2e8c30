"""Reads the shop's orders, customers and articles from files, naming each row that is wrong."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from pathlib import Path
from typing import Generic, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestration.errors import BadInput
from orchestration.types import ORDER_STATUSES, Article, CustomerRecord, Json, Order

T = TypeVar("T")

_HIGHEST_VALUE = Decimal(10) ** 12
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong in one place of a file, and what would be right; `line` counts from 1."""

    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        return f"{place}{self.field}: {self.message}"


@dataclass(frozen=True, kw_only=True)
class Imported(Generic[T]):
    """The good rows of a file and the problems of the others."""

    rows: tuple[T, ...]
    problems: tuple[Problem, ...] = ()


def read_orders(path: Path, *, zone: tzinfo = UTC) -> Imported[Order]:
    """Read orders from JSON or CSV; raises `BadInput` where the file as a whole cannot be read.

    A date without a time is a day in `zone`: its beginning, or for `due_at` its end.
    """
    fields: _Fields = {
        "id": _identifier,
        "customer_id": _identifier,
        "status": _status,
        "placed_at": lambda cell: _moment(cell, time.min, zone),
        "due_at": lambda cell: _moment(cell, time(23, 59, 59), zone),
        "delivered_at": lambda cell: _moment(cell, time.min, zone),
        "tracking": _identifier,
        "value": _amount,
        "currency": _currency,
        "items": _items,
    }
    rows = _rows(path, "orders", fields, required=("id", "customer_id", "status"))
    return _collect(rows, fields, required=("id", "customer_id", "status"), make=Order)


def read_customers(path: Path) -> Imported[CustomerRecord]:
    """Read customers from JSON or CSV; raises `BadInput` where the file cannot be read."""
    fields: _Fields = {"id": _identifier, "name": _one_line, "email": _email, "tier": _identifier}
    rows = _rows(path, "customers", fields, required=("id",))
    # Two customers behind one address: the bot could show one of them the other's orders.
    return _collect(rows, fields, required=("id",), unique=("id", "email"), make=CustomerRecord)


def read_articles(folder: Path) -> Imported[Article]:
    """Read a folder of Markdown files with front matter; raises `BadInput` where it has none."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder; give a folder of .md files")
    files = sorted(path for path in folder.rglob("*.md") if path.is_file())
    if not files:
        raise BadInput(f"{folder}: holds no .md file; each article is one, with front matter")
    fields: _Fields = {
        "id": _identifier,
        "title": _one_line,
        "url": _web_address,
        "language": _language,
        "questions": _questions,
        "text": _words,
    }
    rows = (_read_article_row(path, path.relative_to(folder).as_posix()) for path in files)
    return _collect(rows, fields, required=("id", "title", "text"), make=Article)


# A reader of one cell raises ValueError with what would be right.
_Fields = Mapping[str, Callable[[Json], object]]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row before its cells are read; `lines` says where single cells stand."""

    line: int | None
    cells: Mapping[str, Json]
    problems: tuple[Problem, ...] = ()
    lines: Mapping[str, int] | None = None
    file: str = ""

    def problem(self, field: str, message: str) -> Problem:
        line = (self.lines or {}).get(field, self.line)
        return Problem(
            line=line, field=field, message=f"{self.file}: {message}" if self.file else message
        )


def _collect(
    rows: Iterable[_Row],
    fields: _Fields,
    *,
    required: Sequence[str],
    make: Callable[..., T],
    unique: Sequence[str] = ("id",),
) -> Imported[T]:
    found: list[T] = []
    problems: list[Problem] = []
    unknown: set[str] = set()
    seen: dict[tuple[str, object], _Row] = {}
    for row in rows:
        values, wrong = _read_cells(row, fields, required)
        wrong += _repeats(row, values, unique, seen)
        problems += [*row.problems, *wrong, *_unknown_fields(row, fields, unknown)]
        if not wrong and not row.problems:
            found.append(make(**values))
    return Imported(rows=tuple(found), problems=tuple(problems))


def _read_cells(
    row: _Row, fields: _Fields, required: Sequence[str]
) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    wrong: list[Problem] = []
    if row.problems:
        return values, wrong
    for field, read in fields.items():
        cell = row.cells.get(field)
        if cell is None or cell == "" or (isinstance(cell, str) and not cell.strip()):
            if field in required:
                wrong.append(row.problem(field, "is missing; every row needs it"))
            continue
        try:
            values[field] = read(cell)
        except ValueError as error:
            wrong.append(row.problem(field, str(error)))
    return values, wrong


def _repeats(
    row: _Row,
    values: Mapping[str, object],
    unique: Sequence[str],
    seen: dict[tuple[str, object], _Row],
) -> list[Problem]:
    repeats: list[Problem] = []
    for field in unique:
        value = values.get(field)
        if value is None:
            continue
        first = seen.setdefault((field, value), row)
        if first is not row:
            place = first.file or f"line {first.line}"
            repeats.append(row.problem(field, f"{value!r} is already used by {place}"))
    return repeats


def _unknown_fields(row: _Row, fields: _Fields, reported: set[str]) -> Iterator[Problem]:
    for field in row.cells:
        if field not in fields and field not in reported:
            reported.add(field)
            known = ", ".join(fields)
            yield row.problem(field, f"is not a known field and is not taken; known are: {known}")


def _rows(path: Path, noun: str, fields: _Fields, required: Sequence[str]) -> Iterator[_Row]:
    text = _read_text(path, path.name)
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
        return _json_rows(text, path.name, noun)
    return _csv_rows(text, path.name, fields, required)


def _read_text(path: Path, name: str) -> str:
    try:
        content = path.read_bytes()
        # Spreadsheets put a byte order mark in front.
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise BadInput(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{name}: line {line} is not UTF-8; save the file as UTF-8") from error
    if not text.strip():
        raise BadInput(f"{name}: is empty")
    return text


def _json_rows(text: str, name: str, noun: str) -> Iterator[_Row]:
    decoder = JSONDecoder(parse_float=Decimal, parse_constant=str)
    try:
        decoder.decode(text)
    except JSONDecodeError as error:
        raise BadInput(f"{name}: line {error.lineno} is not JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        # Nested too deeply, or a number of thousands of digits.
        raise BadInput(f"{name}: is not a list of {noun}: {error}") from error
    start = _list_start(text, noun, decoder)
    if start is None:
        raise BadInput(f'{name}: must be a list of {noun}, or an object {{"{noun}": [...]}}')
    rows = list(_elements(text, start, decoder))
    if not rows:
        raise BadInput(f"{name}: holds no {noun}")
    return iter(rows)


def _list_start(text: str, noun: str, decoder: JSONDecoder) -> int | None:
    """Return where the list begins in a text that is known to be JSON."""
    at = _skip_space(text, 0)
    if text[at] == "[":
        return at
    if text[at] != "{":
        return None
    at = _skip_space(text, at + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _skip_space(text, _skip_space(text, at) + 1)
        if key == noun:
            return at if text[at] == "[" else None
        at = _skip_space(text, decoder.raw_decode(text, at)[1])
        at = _skip_space(text, at + 1) if text[at] == "," else at
    return None


def _elements(text: str, start: int, decoder: JSONDecoder) -> Iterator[_Row]:
    at = _skip_space(text, start + 1)
    line, counted = 1, 0
    while text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        cells, at = decoder.raw_decode(text, at)
        if isinstance(cells, dict):
            yield _Row(line=line, cells=cells)
        else:
            wrong = Problem(line=line, field="row", message="must be an object of fields")
            yield _Row(line=line, cells={}, problems=(wrong,))
        at = _skip_space(text, at)
        at = _skip_space(text, at + 1) if text[at] == "," else at


def _skip_space(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _csv_rows(text: str, name: str, fields: _Fields, required: Sequence[str]) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[_Row] = []
    try:
        header = [cell.strip().lower() for cell in next(reader)]
        _check_header(header, name, fields, required)
        begin = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(_csv_row(header, cells, begin))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{name}: line {reader.line_num} is not CSV: {error}") from error
    if not rows:
        raise BadInput(f"{name}: holds a header and no rows")
    return iter(rows)


def _check_header(
    header: Sequence[str], name: str, fields: _Fields, required: Sequence[str]
) -> None:
    missing = [field for field in required if field not in header]
    if missing:
        raise BadInput(
            f"{name}: the first line has no column {', '.join(missing)}; it must name the "
            f"columns, separated by commas: {', '.join(fields)}",
            field=missing[0],
        )
    twice = sorted({field for field in header if header.count(field) > 1})
    if twice:
        raise BadInput(f"{name}: the column {twice[0]!r} stands twice", field=twice[0])


def _csv_row(header: Sequence[str], cells: Sequence[str], line: int) -> _Row:
    if len(cells) != len(header):
        message = (
            f"has {len(cells)} cells where the header has {len(header)}; quote cells with commas"
        )
        return _Row(
            line=line, cells={}, problems=(Problem(line=line, field="row", message=message),)
        )
    return _Row(line=line, cells=dict(zip(header, cells, strict=True)))


def _read_article_row(path: Path, name: str) -> _Row:
    try:
        text = _read_text(path, name)
    except BadInput as error:
        return _broken_article(name, None, "text", str(error).removeprefix(f"{name}: "))
    found = _FRONT_MATTER.match(text)
    if not found:
        lacking = "must begin with front matter: a line ---, then id and title, then a line ---"
        return _broken_article(name, 1, "front matter", lacking)
    try:
        header = YAML(typ="rt", pure=True).load(found[1])
    except (YAMLError, ValueError) as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        line = mark.line + 2 if mark else 1
        return _broken_article(name, line, "front matter", "is not YAML; quote texts with a colon")
    if not isinstance(header, CommentedMap):
        return _broken_article(name, 2, "front matter", "must be fields such as id: shipping")
    # Lines of the front matter count from 0 and stand below the opening ---.
    places = header.lc.data or {}
    lines = {str(key): place[0] + 2 for key, place in places.items()}
    cells = {str(key): value for key, value in header.items()}
    lines["text"] = text.count("\n", 0, found.end()) + 1
    return _Row(line=1, cells=cells | {"text": text[found.end() :]}, lines=lines, file=name)


def _broken_article(name: str, line: int | None, field: str, message: str) -> _Row:
    problem = Problem(line=line, field=field, message=f"{name}: {message}")
    return _Row(line=line, cells={}, problems=(problem,), file=name)


def _identifier(cell: Json) -> str:
    # Spreadsheets and scripts write order numbers as numbers.
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    return _one_line(cell)


def _one_line(cell: Json) -> str:
    text = _words(cell)
    if not text.isprintable() or len(text) > 200:
        raise ValueError("must be one line of at most 200 characters")
    return text


def _words(cell: Json) -> str:
    if not isinstance(cell, str):
        raise ValueError(f"{cell!r} must be a text")  # noqa: TRY004  # readers raise one kind
    # PostgreSQL stores neither NUL nor halves of a surrogate pair, which JSON can spell.
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in cell):
        raise ValueError("holds characters that no text may hold (NUL or half a character)")
    return str(cell.strip())


def _status(cell: Json) -> str:
    if cell not in ORDER_STATUSES:
        raise ValueError(f"{cell!r} is not a status; use one of {', '.join(ORDER_STATUSES)}")
    return str(cell)


def _moment(cell: Json, hour: time, zone: tzinfo) -> datetime:
    text = str(cell).strip()
    right = "write 2026-03-01T14:30:00Z, or a date like 2026-03-01"
    try:
        if _DATE.fullmatch(text):
            return datetime.combine(datetime.fromisoformat(text), hour, zone).astimezone(UTC)
        moment = datetime.fromisoformat(text.upper()) if _TIME.fullmatch(text) else None
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a day that exists; {right}") from error
    if moment is None:
        raise ValueError(f"{text!r} is not a time; {right}")
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; {right}")
    return moment.astimezone(UTC)


def _amount(cell: Json) -> Decimal:
    try:
        amount = Decimal(str(cell).strip())
    except InvalidOperation as error:
        raise ValueError(f"{cell!r} is not an amount; write it like 59.90") from error
    if not amount.is_finite() or not 0 <= amount < _HIGHEST_VALUE:
        raise ValueError(f"{cell!r} must be between 0 and 1000000000000")
    return amount


def _currency(cell: Json) -> str:
    text = _words(cell)
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(f"{text!r} is not a currency; write three capital letters, like USD")
    return text


def _items(cell: Json) -> tuple[str, ...]:
    parts = cell.split(";") if isinstance(cell, str) else cell
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of texts, or one text with ; between the items")
    return tuple(_one_line(part) for part in parts if part.strip())


def _email(cell: Json) -> str:
    text = _one_line(cell).lower()
    if not _EMAIL.fullmatch(text):
        raise ValueError(f"{text!r} is not an e-mail address; write it like ana@example.com")
    return text


def _web_address(cell: Json) -> str:
    text = _one_line(cell)
    if not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise ValueError(f"{text!r} is not a web address; write it like https://shop.example.com/")
    return text


def _language(cell: Json) -> str:
    text = _words(cell).lower()
    if not re.fullmatch(r"[a-z]{2}", text):
        raise ValueError(f"{text!r} is not a language; write two letters, like en")
    return text


def _questions(cell: Json) -> tuple[str, ...]:
    if not isinstance(cell, list) or not all(isinstance(part, str) for part in cell):
        raise ValueError("must be a list of questions, each a text; quote texts with a colon")
    return tuple(_one_line(part) for part in cell if part.strip())
