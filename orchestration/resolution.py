"""How a conversation ends, and who is told."""

from datetime import datetime

from sqlalchemy import Connection

from orchestration import delivery, store
from orchestration.context import Toolbox
from orchestration.models import Conversation
from orchestration.types import Resolution


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
