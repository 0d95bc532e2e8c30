"""The Slack app: one AsyncApp that hears events, clicks and commands by HTTP or Socket Mode."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Request, Response
from slack_bolt.adapter.fastapi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.app import App
from bot.settings import Settings
from bot.slack import clicks, sessions
from bot.slack.door import Door
from bot.slack.manifest import PATH
from integrations.channels.slack.calls import call, new_client
from orchestration.errors import PermanentFailure, TemporaryFailure

log = logging.getLogger(__name__)

_GREET_AGAIN = 5.0
# A connection that broke is noticed and made anew within this time.
_PING_SECONDS = 2.0
# Bolt warns of settings that it takes from the environment by itself and does not need here.
_bolt_log = logging.getLogger("slack_bolt.frontdesk")
_bolt_log.setLevel(logging.ERROR)


def build(app: App) -> AsyncApp:
    """Put the Slack app together over the parts of this process; nothing is asked of Slack yet."""
    settings = app.settings
    token = settings.slack_bot_token

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Without a call: while Slack cannot say who we are, its events are taken all the same.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    slack = AsyncApp(
        logger=_bolt_log,
        name="frontdesk",
        client=new_client("", base_url=settings.slack_api_url),
        signing_secret=settings.slack_signing_secret or "",
        authorize=authorize,
        before_authorize=Door(app).take,
    )
    clicks.register(slack, app)
    sessions.register(slack, app)
    return slack


class Slack:
    """The app and its way in: a route, or a Socket Mode connection where there is an app token."""

    def __init__(self, app: App) -> None:
        self.app = build(app)
        self._settings = app.settings
        self.router = None if app.settings.slack_app_token else _routes(self.app)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Take events until left; that Slack does not answer yet keeps nothing from starting."""
        tasks = [asyncio.create_task(_greet(self._settings))]
        handler = None
        if token := self._settings.slack_app_token:
            client = new_client("", base_url=self._settings.slack_api_url)
            handler = AsyncSocketModeHandler(
                self.app, token, web_client=client, ping_interval=_PING_SECONDS
            )
            tasks.append(asyncio.create_task(_connect(handler)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if handler:
                await handler.client.close()  # type: ignore[no-untyped-call]


def _routes(slack: AsyncApp) -> APIRouter:
    router, handler = APIRouter(), AsyncSlackRequestHandler(slack)

    @router.post(PATH, include_in_schema=False)
    async def events(request: Request) -> Response:
        # Bolt takes it for a number unasked, and would answer 500.
        if not request.headers.get("x-slack-request-timestamp", "").isdigit():
            return Response(status_code=401)
        return await handler.handle(request)

    return router


async def _connect(handler: AsyncSocketModeHandler) -> None:
    # It tries again by itself until Slack takes the connection.
    await handler.client.connect()  # type: ignore[no-untyped-call]


async def _greet(settings: Settings) -> None:
    """Say in the log who we are to Slack; without an answer everything works all the same."""
    client = new_client(settings.slack_bot_token or "", base_url=settings.slack_api_url)
    while True:
        try:
            found = await call(client.auth_test())
        except PermanentFailure as refused:
            log.error("Slack refuses the bot token", extra={"reason": str(refused)})
            return
        except TemporaryFailure as failure:
            log.warning("Slack does not answer yet", extra={"reason": str(failure)})
            await asyncio.sleep(failure.retry_after or _GREET_AGAIN)
        else:
            log.info("connected to Slack", extra={"team": found.get("team")})
            return
