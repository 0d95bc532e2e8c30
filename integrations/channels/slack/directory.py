"""Who the people of a Slack workspace are, as Slack itself tells it."""

from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from integrations.channels.slack.calls import call
from orchestration.types import Profile


class SlackDirectory:
    """Asks Slack for a person's profile.

    An e-mail address counts where Slack has confirmed it and the person belongs to the workspace
    that the app is installed in; whoever comes through Slack Connect is a guest with a name.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._team: str | None = None

    async def look_up(self, source: str, external_id: str) -> Profile:
        """Return the name of a person, and their address where it is theirs for certain."""
        found = await call(self._client.users_info(user=external_id))
        user: Mapping[str, Any] = found["user"]
        profile = user.get("profile") or {}
        name = profile.get("real_name") or user.get("real_name") or user.get("name")
        email = profile.get("email")
        if not (email and await self._is_vouched_for(user, source)):
            return Profile(name=name)
        return Profile(name=name, email=str(email), verified=True)

    async def _is_vouched_for(self, user: Mapping[str, Any], source: str) -> bool:
        if self._team is None:
            self._team = str((await call(self._client.auth_test()))["team_id"])
        is_own = user.get("team_id") == self._team and source == f"slack:{self._team}"
        is_person = not (user.get("is_bot") or user.get("deleted") or user.get("is_stranger"))
        return is_own and is_person and user.get("is_email_confirmed") is True
