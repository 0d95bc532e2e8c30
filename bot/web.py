"""The web application: the API and the chat page over the parts of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from bot import chat
from bot.api import (
    attachments,
    audit,
    backtests,
    conversations,
    costs,
    drafts,
    escalations,
    health,
    intents,
    messages,
    problems,
    replays,
    runs,
    workflows,
)
from bot.api.guards import RequestGuard
from bot.app import App
from bot.chat import Samples
from bot.console import pages, sign_in
from bot.console.background import Build
from bot.console.building import BUILT
from bot.console.links import SignInLink

if TYPE_CHECKING:
    from bot.slack import Slack


def create(
    app: App,
    *,
    works: bool = True,
    samples: Samples | None = None,
    link: SignInLink | None = None,
    build: Build | None = None,
) -> FastAPI:
    """Return the web application; it starts and stops the parts with itself.

    `samples` are the customers that the demo lets a visitor be, `link` signs in whoever started
    it; `serve` has neither. `build` is that of the console, where this process does it.
    """

    slack = _slack(app)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with app.running(works=works), slack.connected() if slack else nullcontext():
            with build.going() if build else nullcontext():
                yield

    api = FastAPI(title="Frontdesk", lifespan=lifespan, docs_url=None, redoc_url=None)
    api.state.app = app
    api.state.samples = samples
    api.state.sign_in_link = link
    problems.install(api)
    if slack and slack.router:
        # First, since routes are tried in their order and Slack waits only for so long.
        api.include_router(slack.router)
    for router in (
        messages.router,
        conversations.router,
        runs.router,
        costs.router,
        workflows.router,
        backtests.drafts,
        backtests.backtests,
        backtests.shadows,
        replays.runs,
        replays.cases,
        workflows.kinds,
        drafts.router,
        drafts.channels,
        drafts.schema,
        audit.router,
        escalations.router,
        attachments.router,
        intents.router,
        health.router,
        chat.router,
        sign_in.router,
    ):
        api.include_router(router)
    chat.serve_page(api, app)
    pages.serve(api, BUILT, why_missing=build.why_missing if build else lambda: None)

    @api.get("/", include_in_schema=False)
    async def start() -> RedirectResponse:
        return RedirectResponse("/chat")

    api.add_middleware(RequestGuard)
    return api


def _slack(app: App) -> "Slack | None":
    if not app.settings.has_slack:
        return None
    # Nothing of Slack is imported by those who do not use it.
    from bot.slack import Slack  # noqa: PLC0415

    return Slack(app)
