"""Approved actions: done to imported orders once, shown to agents, and erased with the rest."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from bot import app as parts
from bot import settings, web
from integrations.orders import orders as order_sources
from orchestration import store
from orchestration.database import Database
from orchestration.errors import PermanentFailure
from orchestration.interfaces import OrderSource
from orchestration.models import Action, Approval, OrderRow, table
from orchestration.store import Records
from orchestration.types import ConversationId, CustomerRecord, Order, Proposal
from tests.fakes.acts import acting
from tests.fakes.floor import NOW, Floor, open_floor
from tests.fakes.proposing import PROPOSING, decide, propose

ANA, KEY = "C-1001", "the-admin-key-of-these-tests"
CANCEL = Proposal(action="cancel_order", order="1042")
REFUND = Proposal(action="refund", order="1042", arguments={"amount": "9.90", "currency": "USD"})
MOVE = Proposal(action="change_address", order="1042", arguments={"address": "1 Main St"})
SHOP = (
    Order(id="1042", customer_id=ANA, status="in_transit", value=Decimal("59.90"), placed_at=NOW),
    Order(id="2077", customer_id="C-1002", status="in_transit", value=Decimal("59.90")),
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    ana = CustomerRecord(id=ANA, email="ana@example.com", name="Ana Ruiz")
    await database.write(lambda c: store.save_customers(c, [ana]))
    await database.write(lambda c: store.save_orders(c, SHOP))
    yield database
    database.close()


@pytest.fixture
def source(database: Database) -> OrderSource:
    return order_sources.get("records")(Records(database, lambda: NOW))


@pytest.fixture
async def floor(
    database_url: str, source: OrderSource, acts: Iterator[Any]
) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=PROPOSING, orders=source) as floor:
        yield floor


@pytest.fixture
def acts() -> Iterator[Any]:
    with acting(work=propose) as acts:
        yield acts


async def order_row(database: Database) -> OrderRow:
    return await database.read(lambda c: store.get(c, OrderRow, "1042"))


async def actions_of(database: Database) -> list[Action]:
    return await database.read(lambda c: store.fetch(c, Action, select(table(Action))))


@pytest.mark.parametrize(
    ("proposal", "status", "details"),
    [
        (CANCEL, "cancelled", None),
        (REFUND, "refunded", None),
        (MOVE, "in_transit", {"address": "1 Main St"}),
    ],
)
async def test_an_action_changes_the_order_and_is_on_record(
    database: Database, source: OrderSource, proposal: Proposal, status: str, details: Any
) -> None:
    reference = await source.carry_out(ANA, proposal, key="k-1")

    row, [action] = await order_row(database), await actions_of(database)
    assert (row.status, row.details) == (status, details)
    assert (action.reference, action.customer_id, action.at) == (reference, ANA, NOW)
    assert (action.action, action.arguments) == (proposal.action, dict(proposal.arguments))


async def test_the_same_key_at_once_and_again_is_done_once_and_has_one_reference(
    database: Database, source: OrderSource
) -> None:
    at_once = await asyncio.gather(*(source.carry_out(ANA, REFUND, key="k-1") for _ in range(4)))

    again = await source.carry_out(ANA, REFUND, key="k-1")

    assert {*at_once, again} == {again}
    assert len(await actions_of(database)) == 1


async def test_two_keys_for_one_order_at_once_do_one_of_the_two(
    database: Database, source: OrderSource
) -> None:
    results = await asyncio.gather(
        *(source.carry_out(ANA, REFUND, key=f"k-{number}") for number in range(2)),
        return_exceptions=True,
    )

    assert [type(result) for result in results].count(PermanentFailure) == 1
    assert len(await actions_of(database)) == 1


@pytest.mark.parametrize(
    ("customer", "proposal", "words"),
    [
        (ANA, replace(CANCEL, order="2077"), "the customer has no order 2077"),
        (ANA, replace(CANCEL, order="9999"), "the customer has no order 9999"),
        ("C-1002", CANCEL, "the customer has no order 1042"),
        (
            ANA,
            replace(REFUND, arguments={"amount": "60.00", "currency": "USD"}),
            "60.00 is more than the 59.90 USD of order 1042",
        ),
        (
            ANA,
            replace(REFUND, arguments={"amount": "9.90", "currency": "EUR"}),
            "order 1042 was paid in USD",
        ),
    ],
)
async def test_what_the_order_does_not_allow_is_refused_and_nothing_changes(
    database: Database, source: OrderSource, customer: str, proposal: Proposal, words: str
) -> None:
    with pytest.raises(PermanentFailure, match=words):
        await source.carry_out(customer, proposal, key="k-1")

    assert await actions_of(database) == []
    assert (await order_row(database)).status == "in_transit"


async def test_a_key_is_good_for_one_action_alone(source: OrderSource) -> None:
    await source.carry_out(ANA, MOVE, key="k-1")

    with pytest.raises(PermanentFailure, match="something else was done before under the key k-1"):
        await source.carry_out(ANA, CANCEL, key="k-1")


async def test_an_order_that_has_changed_since_it_was_proposed_is_left_alone(
    floor: Floor, database: Database
) -> None:
    conversation = await floor.say("cancel 1042")
    await floor.work(conversation)
    delivered = replace(SHOP[0], status="delivered")
    await database.write(lambda c: store.save_orders(c, [delivered]))

    await decide(floor, (await floor.see(conversation)).approval.id)
    await floor.work(conversation)

    talk = await floor.see(conversation)
    assert (await order_row(database)).status == "delivered"
    assert "this was not done: cancel order 1042" in talk.case.reason
    assert "order 1042 is delivered" in talk.case.reason


async def test_the_customer_found_by_the_channel_is_the_one_it_is_done_for(
    floor: Floor, database: Database
) -> None:
    conversation = await floor.say("refund 1042, I am C-1002")
    await floor.work(conversation)

    await decide(floor, (await floor.see(conversation)).approval.id)
    await floor.work(conversation)

    [action] = await actions_of(database)
    approval = (await floor.see(conversation)).approval
    assert (action.customer_id, action.key) == (ANA, approval.id)
    assert approval.reference == action.reference


async def test_agents_see_the_arguments_and_what_was_written_since_and_edit_the_draft_alone(
    floor: Floor, database_url: str, database: Database
) -> None:
    conversation = await floor.say("refund 1042")
    await floor.work(conversation)
    await floor.ask("hello?")

    async with client_of(floor, database_url) as client:
        [listed] = (await client.get("/v1/approvals?status=open")).json()["items"]
        path = f"/v1/approvals/{listed['id']}/release"
        spoof = {"agent": "zoe", "proposal": {"arguments": {"amount": "1.00"}}}
        spoofed = await client.post(path, json=spoof)
        both = await asyncio.gather(
            *(client.post(path, json={"agent": "zoe", "text": "Done!"}) for _ in range(2))
        )
        await floor.work(conversation)
        after = (await client.get(f"/v1/approvals/{listed['id']}")).json()

    [action] = await actions_of(database)
    arguments = {"order": "1042", "amount": "59.90", "currency": "USD"}
    assert listed["proposal"]["action"] == "refund"
    assert listed["proposal"]["arguments"] == arguments
    assert [message["text"] for message in listed["messages_since"]] == ["hello?"]
    assert spoofed.status_code == 422
    assert sorted(answer.status_code for answer in both) == [200, 409]
    assert (after["status"], after["outcome"]) == ("released", "done")
    assert after["proposal"]["arguments"] == arguments
    assert after["reference"] == action.reference
    assert (await floor.see(conversation)).said[-1] == (
        "Done!\n\n59.90 USD for order 1042 have been refunded."
    )


async def test_an_erased_customers_proposals_and_actions_keep_no_word_of_theirs(
    floor: Floor, database: Database
) -> None:
    conversation = await floor.say("send it to me: 1042")
    await floor.work(conversation)
    await decide(floor, (await floor.see(conversation)).approval.id)
    await floor.work(conversation)
    exported = await database.read(lambda c: store.export_customer(c, ANA))

    await database.write(lambda c: store.erase_customer(c, ANA))

    kept = await database.read(lambda c: _dump(c, conversation))
    assert exported["actions"][0]["arguments"] == {"address": "1 Main St"}
    assert len(kept) == 2
    assert "1 Main St" not in json.dumps(kept)
    assert ANA not in json.dumps(kept)


def _dump(connection: Connection, conversation: ConversationId) -> list[Any]:
    own = select(table(Approval)).where(table(Approval).c.conversation_id == conversation)
    approvals = store.fetch(connection, Approval, own)
    actions = store.fetch(connection, Action, select(table(Action)))
    return [row.model_dump(mode="json") for row in (*approvals, *actions)]


def client_of(floor: Floor, database_url: str) -> httpx.AsyncClient:
    """Return an agent's program, before the API over the parts of this floor."""
    read = settings.read(
        _env_file=None, frontdesk_database_url=database_url, frontdesk_admin_key=KEY
    )
    built = parts.build(read)
    built.database.close()
    app = replace(built, database=floor.database, tools=floor.tools, desk=floor.desk)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=web.create(app)),
        base_url="http://frontdesk",
        headers={"Authorization": f"Bearer {KEY}"},
    )
