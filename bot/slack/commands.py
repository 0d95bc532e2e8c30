"""What people ask of the app itself: `/support`, a case made of a message, the app's home."""

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import App
from bot.slack import events, home
from bot.slack.people import People
from integrations.channels.slack.calls import call
from orchestration import escalated, intake
from orchestration.errors import BadInput, ExternalFailure, FrontdeskError, NotAllowed

log = logging.getLogger(__name__)


class Commands:
    """Answers agents and customers, each with what is theirs to see."""

    def __init__(self, app: App, people: People) -> None:
        self._app = app
        self._people = people

    async def command(
        self,
        ack: AsyncAck,
        command: dict[str, Any],
        client: AsyncWebClient,
    ) -> None:
        """Answer `/support status|mine|queue|pause|resume`, to the one who asked alone."""
        user = {"id": command["user_id"], "team_id": command.get("team_id")}
        words = (command.get("text") or "status").split()
        name = words[0].lower() if words else "status"
        await ack(text=await self._answer(client, user, name), response_type="ephemeral")

    async def _answer(self, client: AsyncWebClient, user: Mapping[str, Any], name: str) -> str:
        tools, id = self._app.tools, str(user["id"])
        if not await self._people.is_agent(client, user):
            if name != "status":
                return "Only agents use this; `/support status` shows how your requests stand."
            source = f"{events.CHANNEL}:{user.get('team_id')}"
            return home.status_of(
                await self._app.database.read(lambda c: home.read_customer(c, source, id))
            )
        if name in ("pause", "resume"):
            await self._app.desk.pause(id, paused=name == "pause")
            return _PAUSES[name]
        seen = await self._app.database.read(lambda c: home.read_agent(c, id, tools.clock()))
        say = {"status": home.summary_of, "mine": home.mine_of, "queue": home.queue_of}.get(name)
        return say(seen) if say else "Say `/support status`, `mine`, `queue`, `pause` or `resume`."

    async def show_home(self, event: dict[str, Any], body: dict[str, Any], client: Any) -> None:
        """Draw the home of whoever opens it."""
        id = str(event["user"])
        source = events.source_of(body)
        if await self._people.is_agent(client, {"id": id}):
            now = self._app.tools.clock()
            view = home.agents_home(
                await self._app.database.read(lambda c: home.read_agent(c, id, now))
            )
        else:
            view = home.customers_home(
                await self._app.database.read(lambda c: home.read_customer(c, source, id))
            )
        try:
            await call(client.views_publish(user_id=id, view=view))
        except ExternalFailure as failure:
            log.warning("the home was not shown", extra={"reason": str(failure)})

    async def make_case(
        self, ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond
    ) -> None:
        """Make a case of a message: an agent of anybody's, everybody else of their own."""
        try:
            told = await self._make_case(body, client)
        except FrontdeskError as refused:
            told = f"⚠️ {refused}"
        await ack()
        await respond(text=told, response_type="ephemeral", replace_original=False)

    async def _make_case(self, body: Mapping[str, Any], client: AsyncWebClient) -> str:
        message, user = body["message"], body["user"]
        is_own = message.get("user") == user["id"]
        is_agent = await self._people.is_agent(client, user)
        if not is_own and not is_agent:
            raise NotAllowed("only agents make cases of what others wrote")
        heard = events.read(_as_event(body))
        if heard.incoming is None:
            raise BadInput("a case is about what a person has written")
        received = await intake.receive(
            self._app.tools, self._app.dispatcher, heard.incoming, raw=heard.raw
        )
        who = "the customer" if is_own else str(user.get("name") or user["id"])
        is_new = await escalated.hand_over(
            self._app.tools, received.conversation, f"made a case by {who} from a message in Slack"
        )
        await self._app.dispatcher.wake(received.conversation)
        return "This is a case for our team." if is_new else "Our team has this already."


_PAUSES = {
    "pause": "You get no reminders and no assignments until you say `/support resume`.",
    "resume": "Welcome back: you get reminders and assignments again.",
}


def _as_event(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message that somebody chose as the event it came in, or would have come in."""
    channel, message = str(body["channel"]["id"]), dict(body["message"])
    is_direct = channel.startswith("D")
    event = {
        **message,
        "channel": channel,
        "type": "message" if is_direct else "app_mention",
        "channel_type": "im" if is_direct else "channel",
    }
    team = body["team"]["id"]
    id = f"make_case {channel}:{message.get('ts')}"
    return {"team_id": team, "event_id": id, "event": event, "authorizations": []}
