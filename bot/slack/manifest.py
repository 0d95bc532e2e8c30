"""The Slack app as Slack is told of it: what it may do and hear, and why it asks for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.shop import Shop
from orchestration.texts import Texts

PATH = "/slack/events"
PROMPTS = ("prompt_order", "prompt_return", "prompt_person")
_LONGEST_NAME = 35


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """An event that is asked for: the scope it needs, what it is for, and how to see it come."""

    scope: str | None
    purpose: str
    trial: str


SCOPES: Mapping[str, str] = {
    "app_mentions:read": "hear when it is mentioned",
    "assistant:write": "show that it is at work, suggest prompts and offer Stop",
    "channels:history": "read on in threads where it was mentioned, and find its own posts again",
    "channels:read": "see whether a queue's channel is shared, and who is in it",
    "chat:write": "answer",
    "commands": "offer /support and the shortcut Make a support case",
    "files:read": "take the files that customers send",
    "groups:history": "do the same in private channels",
    "groups:read": "do the same in private channels",
    "im:history": "hear direct messages",
    "im:write": "write to a customer alone",
    "reactions:write": "mark what was delivered",
    "users:read": "know a customer's name",
    "users:read.email": "find a customer's orders by their confirmed address",
}
EVENTS: Mapping[str, Subscription] = {
    "agent_session_stopped": Subscription(
        scope="assistant:write", purpose="Stop", trial="press Stop while it is at work"
    ),
    "app_home_opened": Subscription(scope=None, purpose="App Home", trial="open the app's Home"),
    "app_mention": Subscription(
        scope="app_mentions:read", purpose="mentions", trial="mention the app in a channel"
    ),
    "message.channels": Subscription(
        scope="channels:history", purpose="threads in channels", trial="answer in such a thread"
    ),
    "message.groups": Subscription(
        scope="groups:history",
        purpose="threads in private channels",
        trial="answer in such a thread",
    ),
    "message.im": Subscription(
        scope="im:history", purpose="direct messages", trial="write the app a direct message"
    ),
}


def build(shop: Shop, *, url: str | None = None) -> dict[str, Any]:
    """Return the manifest; with `url`, the address of this server, Slack sends events there."""
    texts = Texts(shop)
    said = [texts.say(key, shop.language) for key in PROMPTS]
    address = {"request_url": f"{url.rstrip('/')}{PATH}"} if url else {}
    at_url = {"url": address["request_url"]} if url else {}
    return {
        "display_information": {
            "name": _name(shop),
            "description": f"Customer support of {shop.name}"[:140],
        },
        "features": {
            "agent_view": {
                "agent_description": texts.say("capabilities", shop.language)[:300],
                "suggested_prompts": [{"title": text, "message": text} for text in said],
            },
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": _name(shop), "always_online": True},
            "slash_commands": [
                {
                    "command": "/support",
                    "description": "Cases and queue",
                    "usage_hint": "status | mine | queue | pause",
                    "should_escape": True,
                    **at_url,
                }
            ],
            "shortcuts": [
                {
                    "name": "Make a support case",
                    "type": "message",
                    "callback_id": "make_case",
                    "description": "Turn this message into a case",
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": {**address, "bot_events": sorted(EVENTS)},
            "interactivity": {"is_enabled": True, **address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def _name(shop: Shop) -> str:
    return shop.bot_name[:_LONGEST_NAME]
