"""What Slack shows around a conversation: that somebody is at work, prompts, thumbs."""

import logging
import re
from collections.abc import Awaitable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import Connection

from bot.app import App
from bot.slack.manifest import PROMPTS
from integrations.channels.slack import blocks
from integrations.channels.slack.calls import call
from orchestration import resolution, store
from orchestration.errors import Conflict, ExternalFailure, NotFound

log = logging.getLogger(__name__)

_THUMBS = {"up": 5, "down": 1}


def register(slack: AsyncApp, app: App) -> None:
    """Register what belongs to the conversation itself, and a listener for all other events."""

    async def is_messages_tab(event: dict[str, Any]) -> bool:
        return event.get("tab") == "messages"

    @slack.event("app_home_opened", matchers=[is_messages_tab])
    async def suggest(event: dict[str, Any], client: AsyncWebClient) -> None:
        texts, language = app.tools.texts, app.tools.shop.language
        said = [texts.say(key, language) for key in PROMPTS]
        prompts = [{"title": text, "message": text} for text in said]
        await _try(
            client.assistant_threads_setSuggestedPrompts(
                channel_id=event["channel"], prompts=prompts
            )
        )

    @slack.event("agent_session_stopped")
    async def stopped(event: dict[str, Any], client: AsyncWebClient) -> None:
        channel = event.get("channel") or event.get("channel_id")
        await _set_status(client, str(channel), str(event.get("thread_ts")), "active")

    # Only what the door lets through: a mention is told in two events, the first of them counts.
    @slack.event("app_mention")
    @slack.event("message")
    async def at_work(event: dict[str, Any], client: AsyncWebClient) -> None:
        thread = str(event.get("thread_ts") or event["ts"])
        if event.get("channel_type") == "im":
            await _set_status(client, event["channel"], thread, "processing")
        words = app.tools.texts.say("at_work", app.tools.shop.language)
        await _try(
            client.assistant_threads_setStatus(
                channel_id=event["channel"], thread_ts=thread, status=words
            )
        )

    @slack.action(blocks.FEEDBACK)
    async def thumb(ack: AsyncAck, body: dict[str, Any]) -> None:
        which, _, conversation = str(body["actions"][0].get("value")).partition(":")
        await rate(app, conversation, body["user"]["id"], which)
        await ack()

    @slack.event(re.compile(""))
    async def anything_else() -> None:
        """Confirm what was stored and needs nothing more."""


async def rate(app: App, conversation: str, user: str, which: str) -> None:
    """Keep what the customer thinks of an answer; nobody else's thumb counts."""

    def save(connection: Connection) -> None:
        found = _own(connection, conversation, user)
        if found:
            resolution.rate(connection, app.tools, conversation, score=_THUMBS[which])

    if which in _THUMBS:
        try:
            await app.database.write(save)
        except (Conflict, NotFound):
            log.info("a rating came too late", extra={"conversation": conversation})


def _own(connection: Connection, conversation: str, user: str) -> bool:
    found = store.find_conversation(connection, conversation)
    return found is not None and store.customer_of(connection, found).external_id == user


async def _set_status(client: AsyncWebClient, channel: str, thread: str, status: str) -> None:
    await _try(
        client.agents_sessions_setStatus(channel_id=channel, thread_ts=thread, status=status)
    )


async def _try(answer: Awaitable[Any]) -> None:
    """Do what is nice to have; what comes of it changes nothing."""
    try:
        await call(answer)
    except ExternalFailure as failure:
        log.info("Slack did not show it", extra={"reason": str(failure)})
