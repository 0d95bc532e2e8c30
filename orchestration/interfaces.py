"""What orchestration needs from outside, and what it lends to those who provide it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from orchestration.types import (
    Article,
    Confusion,
    ConversationId,
    CustomerRecord,
    HttpAnswer,
    Intent,
    ModelAnswer,
    ModelConfig,
    ModelRequest,
    Order,
    Parcel,
    Passage,
    Price,
    Profile,
    Proposal,
    Reading,
    Receipt,
)

Clock = Callable[[], datetime]


class Channel(Protocol):
    """A way to show something to somebody."""

    name: str
    # The other side shows a parcel with the same delivery id once, however often it is handed over.
    is_idempotent: bool
    # How long after an attempt of unknown outcome a look can tell whether it arrived.
    settles_in: timedelta

    async def deliver(self, parcel: Parcel) -> Receipt:
        """Hand the parcel over once; raises `TemporaryFailure` or `PermanentFailure`.

        A `TemporaryFailure` whose outcome is unknown says so by `in_doubt`.
        """

    async def find(self, parcel: Parcel) -> Receipt | None:
        """Look whether an earlier attempt has arrived; None where it has not been seen."""


class Directory(Protocol):
    """Knows who a channel's people are, and holds the files that they send."""

    async def look_up(self, source: str, external_id: str) -> Profile:
        """Return who somebody is; raises `ExternalFailure` where nobody can tell."""

    async def fetch(self, url: str) -> bytes:
        """Return the content of a file that somebody sent; raises `ExternalFailure`."""


class OrderSource(Protocol):
    """The shop's orders and customers; every look-up is for one vouched-for customer."""

    # The shop does what comes with the same key once, however often it is asked.
    actions_are_idempotent: bool

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        """Return the customer with this id, or else with this e-mail address."""

    async def list_orders(self, customer: str) -> list[Order]:
        """Return the customer's orders, newest first."""

    async def find_order(self, customer: str, order: str) -> Order | None:
        """Return the order if it is this customer's; None alike for another's and for none."""

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        """Do what a human has approved, once; returns the shop's reference.

        Raises `PermanentFailure` where the shop refuses, `TemporaryFailure` where it cannot be
        asked; `in_doubt` says that it may have done it all the same.
        """


class OrderRecords(Protocol):
    """Orders and customers in our own tables, lent to an order source."""

    async def find_customer(
        self, *, id: str | None = None, email: str | None = None
    ) -> CustomerRecord | None:
        """Return the imported customer, if there is one."""

    async def list_orders(self, customer: str) -> list[Order]:
        """Return the customer's imported orders, newest first."""

    async def carry_out(self, customer: str, proposal: Proposal, *, key: str) -> str:
        """Do it to the imported order, once for each key; returns its reference.

        Raises `PermanentFailure` where the order is not theirs or does not allow it.
        """


class KnowledgeIndex(Protocol):
    """Finds the article that answers a question."""

    def build(self, articles: Sequence[Article]) -> None:
        """Index these articles in place of the earlier ones; slow, run it off the event loop."""

    def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        """Return the best passages, best first; an empty list where nothing is near."""


class IntentClassifier(Protocol):
    """Reads what a text is about."""

    fingerprint: str

    def train(self, intents: Sequence[Intent]) -> None:
        """Learn the intents from their examples; slow, run it off the event loop."""

    def fingerprint_of(self, intents: Sequence[Intent]) -> str:
        """Return the fingerprint that a training on these intents would have."""

    def dump(self) -> bytes:
        """Return what was learnt, so that another process need not learn it again."""

    def load(self, content: bytes) -> None:
        """Take over what was dumped; raises `BadInput` where it is of another version."""

    def find_confusions(self, intents: Sequence[Intent]) -> list[Confusion]:
        """Return the pairs of intents that are taken for each other, worst first; as slow."""

    def read(self, text: str) -> Reading:
        """Return the probabilities of the intents for a text; some milliseconds of CPU."""


class ModelProvider(Protocol):
    """The one adapter to all models; it makes one request and never retries."""

    async def open(self) -> None:
        """Load what is slow to load, so that the first customer does not wait for it."""

    async def close(self) -> None:
        """Close what is held open."""

    async def complete(self, model: ModelConfig, request: ModelRequest) -> ModelAnswer:
        """Make one request.

        Raises `TemporaryFailure` (with `retry_after`, or `in_doubt` where the provider may have
        done the work), `ContextTooLong`, `ContentRefused`, or another `PermanentFailure`.
        """

    def list_price(self, model: str) -> Price | None:
        """Return the list price of a model, where one is known."""


class HttpCaller(Protocol):
    """Sends requests to hosts that the operator has listed, and to no others."""

    async def call(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> HttpAnswer:
        """Send one request and return the answer, whatever its status, if it comes in that time.

        Raises `TemporaryFailure` (`in_doubt` where the request may have arrived) or, for a host
        that is not listed, `PermanentFailure`.
        """


class Dispatcher(Protocol):
    """Brings due conversations to a worker, one worker at a time for each."""

    async def wake(self, conversation: ConversationId, *, at: datetime | None = None) -> None:
        """Hint that a conversation has work, now or at `at`; losing a hint does no harm."""

    async def wake_late(self, conversations: Sequence[ConversationId]) -> None:
        """Wake those of these whose hint was lost; what waits for a worker waits on."""

    def every(self, name: str, interval: timedelta, action: Callable[[], Awaitable[None]]) -> None:
        """Run an action periodically while started; register before `start`."""

    async def start(self, advance: "Advance | None") -> None:
        """Begin; with None this process only wakes others."""

    async def stop(self) -> None:
        """Let work under way finish for a moment, then end."""

    def is_ready(self) -> bool:
        """Tell whether wakes are being taken."""


# Returns when the conversation is next due, or None.
Advance = Callable[[ConversationId], Awaitable[datetime | None]]


class Telemetry(Protocol):
    """Counts and times what happens; labels never carry a customer, order or conversation."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Raise a counter."""

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Record how long something took."""
