"""Reads and writes rows of the tables as the models that declare them."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Insert, Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from orchestration.errors import NotFound
from orchestration.models import table

Model = TypeVar("Model", bound=SQLModel)


def new_id() -> str:
    """Return a new opaque id."""
    return uuid.uuid4().hex


def fetch(connection: Connection, model: type[Model], statement: Select[Any]) -> list[Model]:
    """Return the rows of a select over the model's whole table."""
    return [model(**row._mapping) for row in connection.execute(statement)]


def find(connection: Connection, model: type[Model], *conditions: Any) -> Model | None:
    """Return the first row that meets the conditions, or None."""
    rows = fetch(connection, model, select(table(model)).where(*conditions).limit(1))
    return rows[0] if rows else None


def get(connection: Connection, model: type[Model], id: str) -> Model:
    """Return the row with this id; raises `NotFound`."""
    found = find(connection, model, table(model).c.id == id)
    if found is None:
        raise NotFound(f"there is no {model.__name__.lower()} {id!r}")
    return found


def add(connection: Connection, row: SQLModel) -> None:
    """Insert a row."""
    connection.execute(_adding(type(row)), row.model_dump())


def add_unless_there(connection: Connection, row: SQLModel) -> bool:
    """Insert a row unless one of its unique keys is taken; tell whether it was inserted."""
    statement = _adding_unless_there(type(row), connection.dialect.name)
    return connection.execute(statement, row.model_dump()).rowcount == 1


# Kept, as building a statement takes longer than the database needs for it.
@cache
def _adding(model: type[SQLModel]) -> Insert:
    return insert(table(model))


@cache
def _adding_unless_there(model: type[SQLModel], dialect: str) -> Executable:
    statement = (sqlite if dialect == "sqlite" else postgresql).insert(table(model))
    unless_there: Executable = statement.on_conflict_do_nothing()
    # Without the option SQLAlchemy does not ask PostgreSQL how many rows an INSERT made.
    return unless_there.execution_options(preserve_rowcount=True)


def put(connection: Connection, row: SQLModel) -> None:
    """Insert a row, or replace the one with its primary key."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    target = table(type(row))
    values = row.model_dump()
    keys = [column.name for column in target.primary_key]
    statement = dialect.insert(target).values(**values)
    rest = {name: value for name, value in values.items() if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))


def plain(value: Any) -> dict[str, Any]:
    """Return a frozen value as what a JSON column holds."""
    return asdict(value)


def without_nones(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are set."""
    return {name: value for name, value in values.items() if value is not None}
