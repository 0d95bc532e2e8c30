"""The real app with the sample store, where a server on this machine plays the models."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot import app as parts
from bot import sample, settings
from bot.settings import Settings
from orchestration import store
from orchestration.models import ModelCall
from orchestration.programs import publish
from orchestration.types import Article, ConversationId, Intent, Json, Order
from tests.fakes.floor import Floor, MovableClock
from tests.fakes.memory_channel import MemoryChannel

PRESET = (parts.PRESETS / "support.yaml").read_text(encoding="utf-8")


def settings_for(database: Path, **given: object) -> Settings:
    """Return settings of this machine alone; turns start at once."""
    url = f"sqlite:///{database}"
    return settings.read(
        _env_file=None, frontdesk_database_url=url, frontdesk_debounce_seconds=0, **given
    )


async def stock(
    database: Path,
    *,
    orders: Sequence[Order] = (),
    articles: Sequence[Article] = (),
    intents: Sequence[Intent] = (),
) -> None:
    """Fill a migrated database with the sample store; what is given replaces the same id."""
    clock = MovableClock()
    app = parts.build(settings_for(database), clock=clock)
    try:
        shop = sample.load(clock())
        if intents:
            await app.database.write(lambda c: store.replace_intents(c, intents))
        await app.prepare()
        await app.database.write(lambda c: store.save_customers(c, shop.customers))
        await app.database.write(lambda c: store.save_orders(c, [*shop.orders, *orders]))
        await app.database.write(lambda c: store.save_articles(c, [*shop.articles, *articles]))
        await app.tools.catalog.refresh()
    finally:
        await app.close()


def models_file(folder: Path, tiers: Mapping[str, Sequence[Mapping[str, Json]]]) -> Path:
    """Write a models file and return where it is."""
    file = folder / "models.yaml"
    file.write_text(json.dumps({"tiers": tiers}), encoding="utf-8")
    return file


@asynccontextmanager
async def open_shop(
    database: Path, *, workflow: str | None = None, **given: object
) -> AsyncIterator[Floor]:
    """Open the app over a stocked database; `given` are settings, `workflow` is published."""
    clock = MovableClock()
    app = parts.build(settings_for(database, **given), clock=clock)
    try:
        if app.tools.gateway:
            await app.tools.gateway.open()
        if workflow is not None:
            await app.database.write(
                lambda c: publish(c, workflow, author="test", note="", clock=clock)
            )
        await app.prepare()
        await app.tools.catalog.refresh()
        yield Floor(
            tools=app.tools,
            clock=clock,
            programs=app.programs,
            turns=app.turns,
            desk=app.desk,
            dispatcher=app.dispatcher,
            memory=MemoryChannel(),
            channel="chat",
        )
    finally:
        await app.close()


async def calls_of(floor: Floor, conversation: ConversationId) -> list[ModelCall]:
    """Return the model calls of all runs of a conversation, in order."""
    talk = await floor.see(conversation)
    runs = [run.id for run in talk.runs]
    return await floor.database.read(
        lambda connection: [call for run in runs for call in store.list_calls(connection, run)]
    )
