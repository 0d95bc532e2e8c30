"""What customers do below what they are told: ask for a human, and rate."""

from sqlalchemy import Connection

from bot.app import App
from bot.slack import events
from bot.slack.gestures import Click, Do
from integrations.channels.slack import blocks
from orchestration import escalated, resolution, store
from orchestration.errors import Conflict, NotAllowed
from orchestration.models import Conversation
from orchestration.types import ConversationId

RATINGS = tuple(f"rate_{score}" for score in range(1, 6))


class Customers:
    """Does what the customer of a conversation asks, and nobody else."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.actions: dict[str, Do] = {
            blocks.TALK: self._call_human,
            **dict.fromkeys(RATINGS, self._rate),
        }

    async def _call_human(self, click: Click) -> None:
        conversation = ConversationId(click.values[0])
        await self._require_own(click, conversation)
        tools = self._app.tools
        if not await escalated.hand_over(tools, conversation, "the customer asks for a human"):
            raise Conflict("A colleague has your request already and will answer you here.")
        await self._app.dispatcher.wake(conversation)

    async def _rate(self, click: Click) -> None:
        value = str(click.body["actions"][0]["value"])
        score, conversation, resolved_at = value.split("|")
        await self._require_own(click, ConversationId(conversation))
        question = f"{conversation} {resolved_at}"
        await self._app.database.write(
            lambda c: resolution.rate(
                c, self._app.tools, conversation, score=int(score), question=question
            ),
            durable=True,
        )
        await self._app.dispatcher.wake(ConversationId(conversation))
        thanks = f"{'★' * int(score)} Thank you!"
        await click.respond(text=thanks, replace_original=True)

    async def _require_own(self, click: Click, conversation: ConversationId) -> None:
        """Let nobody but the customer click on what a customer was shown."""

        def is_own(connection: Connection) -> bool:
            found = store.get(connection, Conversation, conversation)
            person = store.customer_of(connection, found)
            source = f"{events.CHANNEL}:{click.user.get('team_id')}"
            return (person.source, person.external_id) == (source, click.user["id"])

        if not await self._app.database.read(is_own):
            raise NotAllowed("This is somebody else's conversation.")
