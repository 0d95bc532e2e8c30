"""Bring a database's tables to this version, or tell whether they are."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(url: str) -> None:
    """Bring the tables to the newest revision; harmless where they are, or where others do too."""
    command.upgrade(_config(url), "head")


def downgrade(url: str, revision: str) -> None:
    """Bring the tables back to an older revision, `base` for none; what it lacks is lost."""
    command.downgrade(_config(url), revision)


def is_current(connection: Connection) -> bool:
    """Tell whether the tables are those of this version."""
    return MigrationContext.configure(connection).get_current_heads() == (head(),)


@cache
def head() -> str:
    """Return the newest revision."""
    [newest] = ScriptDirectory.from_config(_config()).get_heads()
    return newest


def _config(url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", "orchestration:migrations")
    # The configuration is an INI file, in which a percent sign in a password means something else.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config
