"""What a run works with: the case it is about, and the tools it shares with all others."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from pydantic import TypeAdapter
from sqlalchemy import Connection

from orchestration import store
from orchestration.catalog import Catalog
from orchestration.database import Database
from orchestration.errors import ExternalFailure, TemporaryFailure, describe
from orchestration.gateway import Gateway
from orchestration.interfaces import Clock, Directory, HttpCaller, OrderSource, Telemetry
from orchestration.models import Conversation, Customer, Message, Run
from orchestration.parts import Part
from orchestration.shop import Shop
from orchestration.texts import Texts
from orchestration.types import CustomerRecord, Json, Memory, Order, Profile

memories = TypeAdapter(Memory)

log = logging.getLogger(__name__)

_PATIENCE = timedelta(seconds=10)
_TRIES = 3
_PAUSE = 0.5
_PROFILE_LASTS = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The parts that all runs share; the composition root fills it."""

    database: Database
    catalog: Catalog
    orders: OrderSource
    shop: Shop
    texts: Texts
    clock: Clock
    telemetry: Telemetry
    debounce: timedelta
    events_url: str | None = None
    console_url: str | None = None
    gateway: Gateway | None = None
    http: HttpCaller | None = None
    directories: Mapping[str, Directory] = field(default_factory=dict)

    def has_tier(self, name: str) -> bool:
        """Tell whether there is a model to ask on this tier."""
        return self.gateway is not None and self.gateway.is_available(name)


@dataclass(kw_only=True)
class Case:
    """What one run is about: the turn, the conversation so far, and the customer it belongs to.

    Of a part, `text` is its own, `about` the orders it means without naming them, and `whole` the
    text of the turn it is from.
    """

    conversation: Conversation
    person: Customer
    text: str
    turn: tuple[str, ...]
    transcript: tuple[Message, ...]
    memory: Memory
    now: datetime
    run: Run | None = None
    customer: CustomerRecord | None = None
    failure: ExternalFailure | None = None
    files: list[dict[str, Json]] = field(default_factory=list)
    about: tuple[str, ...] = ()
    whole: str | None = None
    _orders: tuple[Order, ...] | None = None

    @property
    def is_verified(self) -> bool:
        """Whether the channel vouches for who the customer is."""
        return self.person.verified

    @property
    def language(self) -> str | None:
        """The language the conversation was last held in."""
        return self.memory.language

    def of(self, part: Part) -> "Case":
        """Return the case as one part of the turn sees it."""
        # What asks for something of its own is not measured by what we had asked.
        memory = self.memory if part.answers else replace(self.memory, pending=None)
        return replace(self, text=part.text, about=part.orders, whole=self.text, memory=memory)

    async def orders(self, source: OrderSource) -> tuple[Order, ...]:
        """Return the verified customer's own orders; raises `ExternalFailure` where it cannot."""
        if self.failure:
            raise self.failure
        if self._orders is None:
            found = await source.list_orders(self.customer.id) if self.customer else []
            self._orders = tuple(found)
        return self._orders


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the database knows of a conversation at the start of a run."""

    person: Customer
    transcript: tuple[Message, ...]
    files: list[dict[str, Json]]


def read_situation(
    connection: Connection, conversation: Conversation, turn: tuple[str, ...]
) -> Situation:
    """Read the conversation so far and whose it is."""
    return Situation(
        person=store.customer_of(connection, conversation),
        transcript=tuple(store.transcript(connection, conversation.id)),
        files=store.list_files(connection, turn),
    )


async def open_case(tools: Toolbox, conversation: Conversation, run: Run) -> Case:
    """Gather what the database knows of what a run is about; who the customer is comes later."""
    turn = tuple(run.messages or ())
    situation = await tools.database.read(
        lambda connection: read_situation(connection, conversation, turn)
    )
    return Case(
        conversation=conversation,
        person=situation.person,
        text=run.text,
        turn=turn,
        transcript=situation.transcript,
        memory=read_memory(conversation),
        now=run.started_at,
        run=run,
        files=situation.files,
    )


async def identify(source: OrderSource, case: Case) -> None:
    """Find the shop's record of the customer, by what the channel vouches for and nothing else.

    A shop that cannot be asked is noted, not fatal.
    """
    person = case.person
    if not person.verified:
        return
    # A directory's ids are its own: only the address that it confirms is the shop's word too.
    id = None if person.profile_at else person.external_id
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            case.customer = await source.find_customer(id=id, email=person.email)
    except ExternalFailure as failure:
        case.failure = failure
    except TimeoutError:
        case.failure = TemporaryFailure("the shop's system gave no answer")


async def look_up(tools: Toolbox, conversation: Conversation) -> None:
    """Ask the channel's directory who the customer is and what they sent, where it has one.

    What it cannot tell is asked again the next time; until then the customer is a guest.
    """
    directory = tools.directories.get(conversation.channel)
    if directory is None:
        return
    if await tools.database.read(lambda c: store.list_unanswered(c, conversation.id)):
        await _look_up_person(tools, directory, conversation)
        await _fetch_files(tools, directory, conversation)


async def _look_up_person(tools: Toolbox, directory: Directory, conversation: Conversation) -> None:
    now = tools.clock()
    person = await tools.database.read(lambda c: store.customer_of(c, conversation))
    if person.profile_at and now - person.profile_at < _PROFILE_LASTS:
        return
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            profile = await _ask_patiently(directory, person)
    except (ExternalFailure, TimeoutError) as failure:
        log.warning("nobody could tell who the customer is", extra={"reason": describe(failure)})
        return
    await tools.database.write(lambda c: store.save_profile(c, person.id, profile, now))


async def _ask_patiently(directory: Directory, person: Customer) -> Profile:
    """Ask some times: who is taken for a guest is asked to sign in, and cannot."""
    for _ in range(_TRIES - 1):
        try:
            return await directory.look_up(person.source, person.external_id)
        except TemporaryFailure as failure:
            await asyncio.sleep(failure.retry_after or _PAUSE)
    return await directory.look_up(person.source, person.external_id)


async def _fetch_files(tools: Toolbox, directory: Directory, conversation: Conversation) -> None:
    awaited = await tools.database.read(lambda c: store.list_unfetched(c, conversation.id))
    for id, url in awaited:
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                content = await directory.fetch(url)
        except (ExternalFailure, TimeoutError) as failure:
            log.warning("a file could not be fetched", extra={"reason": describe(failure)})
        else:
            await tools.database.write(partial(store.save_file, id=id, content=content))


def read_memory(conversation: Conversation) -> Memory:
    """Return what the conversation remembers."""
    return memories.validate_python(conversation.memory or {})


def entry_state(tools: Toolbox, case: Case) -> dict[str, Json]:
    """Return the fields that a run's state begins with."""
    return {
        "channel": case.conversation.channel,
        "customer.tier": case.customer.tier if case.customer else "standard",
        "customer.verified": case.is_verified,
        "turn": case.conversation.turns + 1,
        "within_hours": tools.shop.is_open(case.now),
        **((case.run.entry if case.run else None) or {}),
    }


def describe_order(order: Order, now: datetime) -> dict[str, Json]:
    """Return an order as agents and models read it."""
    moments = {"placed_at": order.placed_at, "due_at": order.due_at}
    moments["delivered_at"] = order.delivered_at
    return {
        "id": order.id,
        "status": order.status_at(now),
        **{name: moment and moment.isoformat() for name, moment in moments.items()},
        "tracking": order.tracking,
        "value": None if order.value is None else str(order.value),
        "currency": order.currency,
        "items": list(order.items),
    }


def describe_customer(
    person: Customer, channel: str, record: CustomerRecord | None = None
) -> Mapping[str, Json]:
    """Return who the customer is, what was verified apart from what was only claimed."""
    verified = None
    if person.verified:
        verified = {
            "id": person.external_id,
            "email": person.email,
            "name": person.name,
            "tier": record.tier if record else None,
            "record": record.id if record else None,
        }
    claimed = None if person.verified else {"email": person.email, "name": person.name}
    return {"verified": verified, "claimed": claimed, "channel": channel}
