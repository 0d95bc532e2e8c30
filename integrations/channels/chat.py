"""A conversation whose other side fetches the messages itself: the web chat's page."""

from datetime import timedelta

from integrations.channels import channels
from orchestration.types import Parcel, Receipt


@channels.register("chat")
class ChatChannel:
    """Confirms at once: what has been committed is there for the page to read.

    Under the name `webhook` it serves programs that read their conversations instead of giving a
    `callback_url`.
    """

    is_idempotent = True
    settles_in = timedelta(0)

    def __init__(self, name: str = "chat") -> None:
        self.name = name

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Confirm; the message stands in the conversation already."""
        return Receipt(reference=parcel.delivery)

    async def find(self, parcel: Parcel) -> Receipt | None:
        """Confirm, for the same reason."""
        return Receipt(reference=parcel.delivery)
