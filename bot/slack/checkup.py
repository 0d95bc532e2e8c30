"""What is missing for Slack to work: token, scopes, channels and events, each with its cure."""

from collections.abc import Iterator, Set
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.findings import Finding, broken, fine, warning
from bot.settings import Settings
from bot.slack.manifest import EVENTS, PATH, SCOPES
from integrations.channels.slack.calls import ask, call, new_client
from orchestration.errors import ExternalFailure, PermanentFailure
from orchestration.shop import Shop

_AGAIN = "or paste what `frontdesk slack manifest` prints under App Manifest; then install it again"


async def look(read: Settings, shop: Shop, heard: Set[str]) -> list[Finding]:
    """Ask Slack what the app may do; `heard` are the kinds of events that have ever come."""
    client = new_client(str(read.slack_bot_token), base_url=read.slack_api_url)
    try:
        answer = await ask(client.auth_test())
    except PermanentFailure as refused:
        cure = "copy the Bot User OAuth Token anew from OAuth & Permissions"
        return [broken("slack", f"SLACK_BOT_TOKEN: {refused}", cure)]
    except ExternalFailure as failure:
        return [broken("slack", str(failure), "look at SLACK_API_URL and the way to it")]
    found = [fine("slack", f"the app is {answer['user']} in the workspace {answer['team']}")]
    found += _scopes(_granted(answer.headers))
    found += [await _way_in(read)]
    found += [await _channel(client, queue, id) for queue, id in _channels(shop).items()]
    return [*found, *_without_channel(shop), *_events(heard)]


def _granted(headers: Any) -> set[str]:
    listed = {str(name).lower(): str(value) for name, value in headers.items()}
    return {scope.strip() for scope in listed.get("x-oauth-scopes", "").split(",")}


def _scopes(granted: Set[str]) -> Iterator[Finding]:
    missing = [scope for scope in SCOPES if scope not in granted]
    for scope in missing:
        words = f"the scope {scope} is missing; without it the app cannot {SCOPES[scope]}"
        cure = f"add {scope} to the Bot Token Scopes under OAuth & Permissions, {_AGAIN}"
        yield broken("slack scopes", words, cure)
    if not missing:
        yield fine("slack scopes", f"all {len(SCOPES)} that are needed were granted")


async def _way_in(read: Settings) -> Finding:
    if not read.slack_app_token:
        words = f"events come by HTTP; Slack must reach this server at {PATH}"
        return fine("slack events", words)
    client = new_client("", base_url=read.slack_api_url)
    try:
        await call(client.apps_connections_open(app_token=read.slack_app_token))
    except ExternalFailure as failure:
        cure = "make an app-level token with the scope connections:write under Basic Information"
        return broken("slack events", f"SLACK_APP_TOKEN: {failure}", cure)
    return fine("slack events", "events come by Socket Mode")


def _channels(shop: Shop) -> dict[str, str]:
    return {name: queue.slack_channel for name, queue in shop.queues.items() if queue.slack_channel}


async def _channel(client: AsyncWebClient, queue: str, id: str) -> Finding:
    check, where = "slack channel", f"the channel {id} of the queue {queue}"
    try:
        found = (await call(client.conversations_info(channel=id)))["channel"]
    except ExternalFailure as failure:
        cure = "take the id from the end of the channel's link; /invite the app where it is private"
        return broken(check, f"{where}: {failure}", cure)
    name = f"{where}, #{found.get('name')},"
    if found.get("is_archived"):
        return broken(
            check, f"{name} is archived", "name another in FRONTDESK_SLACK_AGENTS_CHANNEL"
        )
    if found.get("is_ext_shared"):
        words = f"{name} is shared with another organisation; nothing internal is posted there"
        return broken(check, words, "name one that only your own people are in")
    if not found.get("is_member"):
        return broken(
            check, f"{name} has not got the app in it", "write /invite @ and its name there"
        )
    return fine(check, f"{name} can be posted to")


def _without_channel(shop: Shop) -> Iterator[Finding]:
    if not _channels(shop):
        words = "no queue has a Slack channel, so agents see no cases in Slack"
        cure = "set FRONTDESK_SLACK_AGENTS_CHANNEL to the id of the agents' channel"
        yield warning("slack channel", words, cure)


def _events(heard: Set[str]) -> Iterator[Finding]:
    """Slack tells no app what it is subscribed to; what has come says it."""
    for event in ("message.im", "app_mention"):
        wanted = EVENTS[event]
        if event in heard:
            yield fine("slack events", f"{event} has come")
            continue
        words = f"no {event} has ever come ({wanted.purpose})"
        cure = f"{wanted.trial}; if nothing comes, subscribe to {event} under Event Subscriptions"
        yield warning("slack events", words, f"{cure}, {_AGAIN}")
