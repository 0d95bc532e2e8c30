"""How a conversation ends, and who is told."""

from datetime import datetime

from sqlalchemy import Connection

from orchestration import delivery, masking, store
from orchestration.context import Toolbox
from orchestration.errors import Conflict
from orchestration.models import Conversation
from orchestration.types import Resolution

# A rating of at least this much says that the matter is solved.
CONTENT = 4


def resolve(
    connection: Connection,
    tools: Toolbox,
    conversation: Conversation,
    resolution: Resolution,
    now: datetime,
) -> None:
    """End a conversation; what comes within seven days reopens it, but for thanks and ratings."""
    store.set_status(
        connection,
        conversation,
        "resolved",
        now=now,
        resolution=resolution,
        resolved_at=now,
        assignee=None,
        acknowledged_at=None,
    )
    details = {"conversation_id": conversation.id, "resolution": resolution}
    delivery.queue_event(connection, tools, conversation, "conversation.resolved", details, now)


def ask_for_rating(
    connection: Connection, tools: Toolbox, conversation: Conversation, now: datetime
) -> None:
    """Ask the customer how content they are with what an agent has done."""
    language = str((conversation.memory or {}).get("language") or tools.shop.language)
    question = tools.texts.say("rating_question", language)
    delivery.queue_rating(connection, conversation, question, now)


def rate(
    connection: Connection,
    tools: Toolbox,
    id: str,
    *,
    score: int,
    comment: str | None = None,
    question: str | None = None,
) -> None:
    """Keep a rating; a good one of the bot's last answer confirms that the matter is solved.

    Raises `Conflict` where `question`, the question that it answers, was answered before.
    """
    conversation, now = store.lock(connection, id), tools.clock()
    if question:
        key, answer = f"rating {question}", {"score": score}
        if store.recall_command(connection, key, key):
            raise Conflict("this was rated before", current={"rating": conversation.rating})
        store.remember_command(connection, key, key, answer, now)
    masked = masking.mask(comment) if comment else None
    store.change(connection, id, rating=score, rating_comment=masked)
    if conversation.status == "open" and conversation.last_word == "bot" and score >= CONTENT:
        resolve(connection, tools, conversation, "confirmed", now)
    store.make_due(connection, id, now)
