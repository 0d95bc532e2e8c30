"""The whole product with Slack on, in this process: real parts, real HTTP, a Slack of our own."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import uvicorn
from sqlalchemy import select

from bot import settings, web
from bot.app import App, build, utc_now
from bot.settings import Settings
from integrations.channels.slack import SlackChannel
from integrations.channels.slack.calls import new_client
from integrations.channels.slack.directory import SlackDirectory
from integrations.dispatch.procrastinate import apply_schema
from orchestration import store
from orchestration.catalog import Catalog
from orchestration.context import Toolbox
from orchestration.database import is_sqlite_url
from orchestration.desk import Desk
from orchestration.gateway import Gateway
from orchestration.interfaces import Dispatcher, IntentClassifier, OrderSource
from orchestration.models import Conversation, Customer, File, RawEvent, table
from orchestration.programs import publish
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.turns import Turns
from orchestration.types import ConversationId, Intent, Json
from tests.fakes.floor import INTENTS, FakeClassifier, FakeOrders, Talk, _talk, sample_orders
from tests.fakes.questions import RETURNS, SHOP, FakeIndex
from tests.fakes.slack_server import SUPPORT, FakeSlack
from tests.fakes.workflows import SHIPPED

DEBOUNCE = timedelta(seconds=0.05)
# A channel that is sure of an outcome quickly, so that tests of doubtful ones are short.
REQUEST_SECONDS = 0.25
_SETTINGS = (
    "slack_bot_token",
    "slack_signing_secret",
    "slack_app_token",
    "slack_api_url",
    "frontdesk_slack_agents_channel",
)


@dataclass(frozen=True, kw_only=True)
class SlackShop:
    """A running app and the Slack that it is connected to."""

    app: App
    slack: FakeSlack
    url: str

    @property
    def tools(self) -> Toolbox:
        return self.app.tools

    async def conversations(self) -> list[Conversation]:
        """Return all conversations, oldest first."""
        rows = select(table(Conversation)).order_by(table(Conversation).c.created_at)
        return await self.app.database.read(lambda c: store.fetch(c, Conversation, rows))

    async def talks(self) -> list[Talk]:
        """Return all that is on record, one talk for each conversation, oldest first."""
        return [await self.see(one.id) for one in await self.conversations()]

    async def see(self, conversation: str) -> Talk:
        """Return all that is on record about a conversation."""
        id = ConversationId(conversation)
        return await self.app.database.read(lambda c: _talk(c, id))

    async def person_of(self, conversation: Conversation) -> Customer:
        """Return the customer of a conversation."""
        return await self.app.database.read(lambda c: store.customer_of(c, conversation))

    async def files(self) -> list[File]:
        """Return all attachments."""
        rows = select(table(File)).order_by(table(File).c.name)
        return await self.app.database.read(lambda c: store.fetch(c, File, rows))

    async def raw_events(self) -> list[RawEvent]:
        """Return the events as they were kept."""
        rows = select(table(RawEvent)).order_by(table(RawEvent).c.at)
        return await self.app.database.read(lambda c: store.fetch(c, RawEvent, rows))


@asynccontextmanager
async def open_shop(
    database_url: str,
    slack: FakeSlack,
    *,
    socket_mode: bool = False,
    workflow: Mapping[str, Json] | str = SHIPPED,
    intents: Sequence[Intent] = INTENTS,
    classifier: type[IntentClassifier] = FakeClassifier,
    orders: OrderSource | None = None,
    shop: Shop = SHOP,
    gateway: Gateway | None = None,
    interval: float = 0.0,
    works: bool = True,
    dispatcher: Dispatcher | None = None,
    public_url: str | None = None,
) -> AsyncIterator[SlackShop]:
    """Run the app against a Slack, over a migrated database, until left.

    Orders are those of `floor.sample_orders`, found by the e-mail addresses of Ana and Ben.
    """
    environment = slack.socket_environment if socket_mode else slack.environment
    read = settings.read(
        frontdesk_database_url=database_url,
        frontdesk_public_url=public_url,
        **{name: environment.get(name.upper()) for name in _SETTINGS},
    )
    app = await _build(
        read,
        workflow=workflow,
        intents=intents,
        classifier=classifier,
        orders=orders or orders_by_email(),
        shop=shop.with_slack_channel("support", SUPPORT),
        gateway=gateway,
        interval=interval,
        dispatcher=dispatcher,
    )
    async with _served(app, works=works) as url:
        if socket_mode:
            await slack.until(lambda: slack.connections)
        else:
            slack.events_url = f"{url}/slack/events"
        yield SlackShop(app=app, slack=slack, url=url)


def orders_by_email() -> FakeOrders:
    """Return a shop that knows Ana and Ben by their addresses."""
    return ByEmail(orders=sample_orders().orders)


class ByEmail(FakeOrders):
    """Finds customers by the address that a directory vouches for."""

    async def find_customer(self, *, id: str | None = None, email: str | None = None) -> Any:
        known = {"ana@example.com": "C-1001", "ben@example.com": "C-1002"}
        return await super().find_customer(id=id or known.get(email or ""), email=email)


async def _build(
    read: Settings,
    *,
    workflow: Mapping[str, Json] | str,
    intents: Sequence[Intent],
    classifier: type[IntentClassifier],
    orders: OrderSource,
    shop: Shop,
    gateway: Gateway | None,
    interval: float,
    dispatcher: Dispatcher | None,
) -> App:
    if not is_sqlite_url(read.frontdesk_database_url):
        await apply_schema(read.frontdesk_database_url)
    built = build(read)
    database = built.database
    if not database.is_sqlite:
        await apply_schema(read.frontdesk_database_url)
    source = workflow if isinstance(workflow, str) else json.dumps(workflow)
    await database.write(lambda c: store.replace_intents(c, intents))
    await database.write(lambda c: publish(c, source, author="test", note="", clock=utc_now))
    await database.write(lambda c: store.save_articles(c, [RETURNS]))
    client = new_client(
        read.slack_bot_token or "", base_url=read.slack_api_url, seconds=REQUEST_SECONDS
    )
    channel = SlackChannel(
        client, link_domains=shop.link_domains, interval=interval, seconds=REQUEST_SECONDS
    )
    tools = replace(
        built.tools,
        catalog=Catalog(database, new_classifier=classifier, new_index=FakeIndex),
        orders=orders,
        shop=shop,
        texts=Texts(shop),
        debounce=DEBOUNCE,
        gateway=gateway,
        directories={"slack": SlackDirectory(client)},
    )
    used = dispatcher or built.dispatcher
    return replace(
        built,
        tools=tools,
        dispatcher=used,
        turns=Turns(tools, built.programs, {"slack": channel}),
        desk=Desk(tools, used),
    )


@asynccontextmanager
async def _served(app: App, *, works: bool) -> AsyncIterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            web.create(app, works=works), log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if serving.done():
                    await serving
                await asyncio.sleep(0.005)
            yield "http://{}:{}".format(*listener.getsockname()[:2])
        finally:
            server.should_exit = True
            await serving
