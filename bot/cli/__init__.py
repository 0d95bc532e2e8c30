"""The command `frontdesk`."""

import sys

from sqlalchemy.exc import DatabaseError

from bot.basis import reason_of
from bot.cli import (
    audit,
    backtests,
    building,
    content,
    drafts,
    evaluation,
    examples,
    explanation,
    inspection,
    intents,
    processes,
    replays,
    runs,
    shadows,
    slack,
    spending,
    workflows,
)
from bot.cli.console import Failed, cli, complain
from orchestration.errors import DatabaseAway, FrontdeskError

__all__ = [
    "audit",
    "backtests",
    "building",
    "cli",
    "content",
    "drafts",
    "evaluation",
    "examples",
    "explanation",
    "inspection",
    "intents",
    "main",
    "processes",
    "replays",
    "runs",
    "shadows",
    "slack",
    "spending",
    "workflows",
]


def main() -> None:
    """Run a command; exit 0 fine, 1 not in order, 2 wrong usage or settings."""
    try:
        cli()
    except Failed as failed:
        complain(str(failed))
        sys.exit(failed.code)
    except (DatabaseError, DatabaseAway) as error:
        complain(f"the database: {reason_of(error)}")
        sys.exit(2)
    except FrontdeskError as error:
        complain(str(error))
        sys.exit(2)
