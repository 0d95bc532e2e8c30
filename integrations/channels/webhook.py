"""Callbacks to the programs that send us customers' messages."""

from datetime import timedelta

from integrations import signatures
from integrations.channels import channels
from integrations.http import GuardedClient
from orchestration.interfaces import Clock
from orchestration.types import Parcel, Receipt


@channels.register("webhook")
class CallbackChannel:
    """Posts a parcel, signed as Standard Webhooks say, to the parcel's URL.

    A parcel without a URL is confirmed at once: its program reads the conversation instead.
    """

    name = "webhook"
    # The receiver tells a repeat by its webhook-id, which is the delivery's.
    is_idempotent = True
    settles_in = timedelta(0)

    def __init__(self, client: GuardedClient, *, secret: str, clock: Clock) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Post the stored body byte for byte; only timestamp and signature are fresh."""
        if parcel.target:
            body = parcel.body.encode()
            await self._client.post(parcel.target, body=body, headers=self._headers(parcel, body))
        return Receipt(reference=parcel.delivery)

    async def find(self, parcel: Parcel) -> Receipt | None:
        """Return None: a receiver cannot be asked what it has got."""

    def _headers(self, parcel: Parcel, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock().timestamp())
        signature = signatures.sign(
            self._secret, id=parcel.delivery, timestamp=timestamp, body=body
        )
        return {
            "Content-Type": "application/json",
            "webhook-id": parcel.delivery,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature,
        }
