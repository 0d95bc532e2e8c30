"""Who may work at the desk: whom the store file names, and members of the desk's channels.

They are of this workspace and of no other.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.app import App
from integrations.channels.slack.calls import call
from orchestration import boards, store
from orchestration.errors import ExternalFailure, NotAllowed

# Whoever joins a desk's channel may work there after so many seconds at the latest.
_FRESH = 5.0
# Whoever has left it may no longer after so many.
_STALE = 60.0
_PAGE = 1_000


@dataclass(kw_only=True)
class _Members:
    ids: frozenset[str] = frozenset()
    asked_at: float = field(default=float("-inf"))


class People:
    """Knows who is an agent; asks Slack where it cannot know."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._members: dict[str, _Members] = {}
        self._team: str | None = None
        self._colleagues: set[str] = set()

    async def require_agent(self, client: AsyncWebClient, user: Mapping[str, Any]) -> str:
        """Return the id of an agent, whose name is known from here on; raises `NotAllowed`."""
        if not await self.is_agent(client, user):
            raise NotAllowed("only agents do this: members of the desk's channel in Slack")
        return str(user["id"])

    async def is_agent(self, client: AsyncWebClient, user: Mapping[str, Any]) -> bool:
        """Tell whether somebody is an agent; while Slack does not say, nobody new is."""
        id = str(user["id"])
        try:
            if user.get("team_id") not in (None, await self._own_team(client)):
                return False
            return await self._is_member(client, id) and await self._is_colleague(client, id)
        except ExternalFailure:
            return False

    async def _own_team(self, client: AsyncWebClient) -> str:
        if self._team is None:
            self._team = str((await call(client.auth_test()))["team_id"])
        return self._team

    async def _is_colleague(self, client: AsyncWebClient, id: str) -> bool:
        """Tell whether a member is of this workspace, and keep what they are called."""
        if id in self._colleagues:
            return True
        found = (await call(client.users_info(user=id)))["user"]
        is_stranger = found.get("is_stranger") or found.get("is_bot") or found.get("deleted")
        if is_stranger or found.get("team_id") not in (None, self._team):
            return False
        profile = found.get("profile") or {}
        name = profile.get("display_name") or profile.get("real_name") or found.get("name")
        if name:
            await self._app.database.write(lambda c: store.name_agent(c, id, str(name)))
        self._colleagues.add(id)
        return True

    async def _is_member(self, client: AsyncWebClient, user: str) -> bool:
        queues = self._app.tools.shop.queues.values()
        if any(user in queue.agents for queue in queues):
            return True
        for board in sorted(boards.all_of(self._app.tools.shop)):
            known = self._members.setdefault(board, _Members())
            age = time.monotonic() - known.asked_at
            if age > _STALE or (user not in known.ids and age > _FRESH):
                known = self._members[board] = await _ask(client, board)
            if user in known.ids:
                return True
        return False


async def _ask(client: AsyncWebClient, board: str) -> _Members:
    ids: set[str] = set()
    cursor = None
    while True:
        page = await call(client.conversations_members(channel=board, limit=_PAGE, cursor=cursor))
        ids |= set(page["members"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return _Members(ids=frozenset(ids), asked_at=time.monotonic())
