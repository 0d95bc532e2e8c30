"""What messages are judged by: the published workflow and the intents, else the shipped ones."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.app import PRESETS
from orchestration import migrate, store
from orchestration.database import Database, sqlite_path
from orchestration.errors import DatabaseAway
from orchestration.intents import load_intents
from orchestration.programs import DEFAULT, problems
from orchestration.types import Article, Intent
from orchestration.workflow import Problem

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Everything that decides what becomes of a text; `version` is 0 for the shipped workflow."""

    intents: tuple[Intent, ...]
    articles: tuple[Article, ...]
    source: str
    version: int

    @property
    def intent_names(self) -> list[str]:
        """The names of the intents."""
        return [intent.name for intent in self.intents]


async def read_basis(database: Database | None) -> Basis:
    """Return what stands in the database, and what is shipped for that which does not."""
    return await database.read(_stored) if database else _basis([], [], None)


def _stored(connection: Connection) -> Basis:
    published = store.find_published(connection, DEFAULT)
    intents, articles = store.list_intents(connection), store.list_articles(connection)
    return _basis(intents, articles, (published.source, published.version) if published else None)


def _basis(
    intents: list[Intent], articles: list[Article], published: tuple[str, int] | None
) -> Basis:
    if published is None:
        published = (PRESETS / "support.yaml").read_text(encoding="utf-8"), 0
    source, version = published
    return Basis(
        intents=tuple(intents or load_intents(PRESETS / "store.yaml")),
        articles=tuple(articles),
        source=source,
        version=version,
    )


@asynccontextmanager
async def existing_database(url: str, say: Say) -> AsyncIterator[Database | None]:
    """Lend the operator's database to read from; None where there is none that is up to date."""
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        # Opening it would leave an empty file behind.
        say(f"There is no database {path} yet; what is shipped stands in.")
        yield None
        return
    database = Database(url)
    try:
        yield database if await _is_usable(database, say) else None
    finally:
        database.close()


async def _is_usable(database: Database, say: Say) -> bool:
    try:
        is_current = await database.read(migrate.is_current)
    except (SQLAlchemyError, DatabaseAway) as error:
        say(f"The database cannot be read ({reason_of(error)}); what is shipped stands in.")
        return False
    if not is_current:
        say("The database has not been migrated to this version; what is shipped stands in.")
    return is_current


def reason_of(error: SQLAlchemyError | DatabaseAway) -> str:
    """Return the database's own words for an error, on one line."""
    if isinstance(error, DatabaseAway):
        return error.reason
    return " ".join(str(getattr(error, "orig", None) or error).split())


def problems_of(source: str, intents: Collection[str], *, answers: bool = False) -> list[Problem]:
    """Return all that is wrong with a workflow document, given the operator's intents."""
    return problems(source, intents, answers=answers)
