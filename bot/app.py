"""The composition root: hands every part what it needs, and starts and stops them together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bot import logs
from bot.metrics import Metrics
from bot.settings import BadSetting, Settings
from bot.tiers import caps_of, premium_of, tiers_of
from integrations.channels import channels as channel_kinds
from integrations.classifiers import classifiers
from integrations.dispatch.local import LocalDispatcher
from integrations.http import GuardedClient
from integrations.knowledge import knowledge
from integrations.llm import providers
from integrations.orders import orders as order_sources
from orchestration import escalation, housekeeping, migrate, store
from orchestration.backtest import Backtest
from orchestration.backtest.cases import Cases
from orchestration.backtest.trials import Trials
from orchestration.catalog import Catalog
from orchestration.context import Toolbox
from orchestration.database import Database
from orchestration.desk import Desk
from orchestration.engine import Program
from orchestration.errors import BadInput, FrontdeskError
from orchestration.gateway import Gateway, priced
from orchestration.intents import load_intents
from orchestration.interfaces import Channel, Clock, Directory, Dispatcher
from orchestration.programs import DEFAULT, Programs, publish
from orchestration.publishing import Publishing
from orchestration.shop import SHIPPED, Shop
from orchestration.store import Records
from orchestration.texts import Texts
from orchestration.turns import Turns
from orchestration.types import ConversationId, Json

log = logging.getLogger(__name__)

PRESETS = Path(SHIPPED).parent
SWEEP = timedelta(seconds=1)
# Twice in the second within which every process takes up what was published.
LOOKS_FOR_WORKFLOWS = timedelta(milliseconds=500)
# Where customers write from; `api` and `simulate` are no such places.
CHANNELS = ("chat", "slack", "webhook")


class NotMigrated(FrontdeskError):
    """The database has not got the tables of this version."""


def utc_now() -> datetime:
    """Return the time; the only place that asks the machine for it."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything that one process works with."""

    settings: Settings
    database: Database
    tools: Toolbox
    programs: Programs
    publishing: Publishing
    trials: Trials
    regressions: Cases
    dispatcher: Dispatcher
    turns: Turns
    desk: Desk
    client: GuardedClient
    metrics: Metrics

    @asynccontextmanager
    async def running(self, *, works: bool = True) -> AsyncIterator[None]:
        """Take messages, and with `works` also advance conversations, until left."""
        await self.prepare()
        opening = [asyncio.ensure_future(one) for one in self._slow_parts(works=works)]
        if works:
            self._plan()
            if self.database.is_sqlite:
                # The lock beside the file says that nobody else works on it.
                await housekeeping.recover(self.tools)
        await self.dispatcher.start(self.advance if works else None)
        try:
            yield
        finally:
            self.tools.catalog.close()
            await self.dispatcher.stop()
            for part in opening:
                part.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            await self.close()

    async def prepare(self) -> None:
        """See that the tables are there and that a workflow is published.

        Raises `NotMigrated` where `frontdesk migrate` has not been run.
        """
        if not await self.database.read(migrate.is_current):
            raise NotMigrated("the database is not at this version's schema: run frontdesk migrate")
        await self.database.write(lambda connection: fill_in(connection, self.tools.clock))
        await self.programs.refresh()

    async def advance(self, conversation: ConversationId) -> datetime | None:
        """Advance a conversation, with its id on every line that is logged meanwhile."""
        token = logs.subject.set({"conversation": conversation})
        try:
            return await self.turns.advance(conversation)
        finally:
            logs.subject.reset(token)

    async def close(self) -> None:
        """Close what this process holds open."""
        if self.tools.gateway:
            await self.tools.gateway.close()
        await self.client.close()
        self.database.close()

    def _slow_parts(self, *, works: bool) -> list[Coroutine[Any, Any, None]]:
        """Return what gets ready while messages are taken already."""
        if not works:
            return []
        gateway = self.tools.gateway
        return [self.tools.catalog.refresh(), *([gateway.open()] if gateway else [])]

    def _plan(self) -> None:
        every, tools = self.dispatcher.every, self.tools
        days = self.settings.frontdesk_retention_days
        retention = timedelta(days=days) if days else None
        every("sweep", SWEEP, lambda: housekeeping.sweep(tools, self.dispatcher))
        every("workflows", LOOKS_FOR_WORKFLOWS, self.programs.refresh)
        every("catalog", SWEEP, tools.catalog.refresh)
        every("trials", SWEEP, self.trials.work)

        async def assume() -> None:
            await housekeeping.assume_resolved(tools)

        async def book_lost() -> None:
            if tools.gateway:
                await tools.gateway.book_lost()

        every("lost calls", timedelta(minutes=1), book_lost)
        every("silence", timedelta(minutes=1), assume)
        every("forget", timedelta(hours=1), lambda: housekeeping.forget(tools, retention=retention))


def fill_in(connection: Connection, clock: Clock) -> None:
    """Put the shipped workflow and intents where there are none yet."""
    if store.find_published(connection, DEFAULT) is None and _is_first(connection):
        source = (PRESETS / "support.yaml").read_text(encoding="utf-8")
        publish(connection, source, author="frontdesk", note="as shipped", clock=clock)
    if not store.list_intents(connection):
        store.replace_intents(connection, load_intents(PRESETS / "store.yaml"))


def _is_first(connection: Connection) -> bool:
    """Tell whether nobody has published meanwhile; another process may start just as this one."""
    store.lock_workflow(connection, DEFAULT)
    return store.find_published(connection, DEFAULT) is None


def build(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    extra_channels: Mapping[str, Channel] | None = None,
    concurrency: int = 16,
) -> App:
    """Put the parts together; nothing is started and no connection opened yet."""
    shop = shop_of(settings)
    database = Database(settings.frontdesk_database_url)
    metrics = Metrics()
    tools = Toolbox(
        database=database,
        catalog=Catalog(
            database,
            new_classifier=partial(
                classifiers.get("local"), apart=True, semantic=settings.frontdesk_semantic_model
            ),
            new_index=knowledge.get("lexical"),
        ),
        orders=order_sources.get("records")(Records(database, clock)),
        shop=shop,
        texts=Texts(shop),
        clock=clock,
        telemetry=metrics,
        debounce=settings.debounce,
        console_url=settings.console_url,
        events_url=settings.frontdesk_events_url if settings.frontdesk_callback_secret else None,
    )
    client = GuardedClient(settings.callback_hosts)
    tools = replace(tools, gateway=_gateway(settings, tools), http=client)
    if settings.has_slack:
        tools = replace(tools, directories={"slack": _slack_directory(settings)})
    programs = Programs(database)
    dispatcher = _dispatcher(settings, database, clock, concurrency)
    channels = {**_channels(settings, shop, client, clock), **(extra_channels or {})}

    regressions = Cases(tools, programs)

    async def backtest(program: Program, turns: int) -> Mapping[str, Json]:
        return await Backtest(tools, programs, program).run(last=turns)

    return App(
        settings=settings,
        database=database,
        tools=tools,
        programs=programs,
        publishing=Publishing(
            database, clock, channels=CHANNELS, backtest=backtest, cases=regressions.failures
        ),
        trials=Trials(tools, programs),
        regressions=regressions,
        dispatcher=dispatcher,
        turns=Turns(tools, programs, channels),
        desk=Desk(tools, dispatcher),
        client=client,
        metrics=metrics,
    )


def read_shop(settings: Settings) -> Shop:
    """Return who the shop is; raises `BadSetting` naming the variable and the place in the file."""
    try:
        return Shop.load(settings.frontdesk_store_file or SHIPPED)
    except BadInput as error:
        raise BadSetting(f"FRONTDESK_STORE_FILE: {error}") from error


def shop_of(settings: Settings) -> Shop:
    """Return who the shop is, with the Slack channel of its default queue."""
    shop = read_shop(settings)
    if not settings.has_slack:
        return shop.without_slack()
    channel = settings.frontdesk_slack_agents_channel
    return shop.with_slack_channel(escalation.DEFAULT_QUEUE, channel) if channel else shop


def _channels(
    settings: Settings, shop: Shop, client: GuardedClient, clock: Clock
) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    if secret := settings.frontdesk_callback_secret:
        found["webhook"] = channel_kinds.get("webhook")(client, secret=secret, clock=clock)
    if settings.has_slack:
        found["slack"] = channel_kinds.get("slack")(
            _slack_client(settings), link_domains=shop.link_domains
        )
    return found


def _slack_directory(settings: Settings) -> Directory:
    from integrations.channels.slack.directory import SlackDirectory  # noqa: PLC0415

    return SlackDirectory(_slack_client(settings))


def _slack_client(settings: Settings) -> Any:
    # Nothing of Slack is imported by those who do not use it.
    from integrations.channels.slack.calls import new_client  # noqa: PLC0415

    return new_client(str(settings.slack_bot_token), base_url=settings.slack_api_url)


def _gateway(settings: Settings, tools: Toolbox) -> Gateway | None:
    tiers = tiers_of(settings)
    if not tiers:
        return None
    # Nothing of the model layer is imported by those who use no model.
    provider = providers.get("litellm")()
    premium = premium_of(settings)
    return Gateway(
        database=tools.database,
        provider=provider,
        tiers=tiers.with_list_prices(provider),
        clock=tools.clock,
        telemetry=tools.telemetry,
        budgets=caps_of(settings),
        premium=priced(premium, provider) if premium else None,
    )


def _dispatcher(
    settings: Settings, database: Database, clock: Clock, concurrency: int
) -> Dispatcher:
    if database.is_sqlite:
        return LocalDispatcher(clock, concurrency=concurrency)
    # Its import opens nothing on SQLite, and costs a start that does not need it.
    from integrations.dispatch.procrastinate import ProcrastinateDispatcher  # noqa: PLC0415

    return ProcrastinateDispatcher(
        settings.frontdesk_database_url, concurrency=concurrency, clock=clock
    )
