"""Who the people of a Slack workspace are, as Slack itself tells it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from integrations.channels.slack.calls import call
from orchestration.errors import PermanentFailure, TemporaryFailure
from orchestration.types import Profile

FILE_SECONDS = 8
LARGEST_FILE = 10_000_000


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

    async def fetch(self, url: str) -> bytes:
        """Return the content of a file; the token is shown to Slack's own hosts alone."""
        if not self._is_slacks(url):
            raise PermanentFailure(f"{urlsplit(url).hostname} is no host of Slack's")
        headers = {"Authorization": f"Bearer {self._client.token}"}
        wait = aiohttp.ClientTimeout(total=FILE_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=wait) as session,
                session.get(url, headers=headers, allow_redirects=False) as answer,
            ):
                # Without the scope for files Slack shows the page to sign in, with status 200.
                if answer.status != 200 or answer.content_type == "text/html":
                    raise PermanentFailure(f"Slack does not give the file ({answer.status})")
                content = await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TemporaryFailure(f"Slack gave no file: {type(error).__name__}") from error
        return content

    def _is_slacks(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        own = urlsplit(self._client.base_url).hostname
        return host == own or host == "slack.com" or host.endswith(".slack.com")

    async def _is_vouched_for(self, user: Mapping[str, Any], source: str) -> bool:
        if self._team is None:
            self._team = str((await call(self._client.auth_test()))["team_id"])
        is_own = user.get("team_id") == self._team and source == f"slack:{self._team}"
        is_person = not (user.get("is_bot") or user.get("deleted") or user.get("is_stranger"))
        return is_own and is_person and user.get("is_email_confirmed") is True


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in answer.content.iter_chunked(65_536):
        content += piece
        if len(content) > LARGEST_FILE:
            raise PermanentFailure("the file is larger than 10 MB")
    return bytes(content)
