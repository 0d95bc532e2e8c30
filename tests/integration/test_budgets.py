"""Budgets bind whatever asks at once, and the ledger's sums are exact."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestration import store
from orchestration.costs import BudgetCaps, call_cost, highest_cost
from orchestration.errors import BadInput, TemporaryFailure
from orchestration.gateway import BudgetGone, Tiers
from orchestration.models import Approval
from orchestration.store import CostReport, Costs
from orchestration.types import ModelAnswer, ModelRequest
from tests.fakes.models import (
    BIG,
    CHEAP,
    DEAR,
    NOW,
    ONE,
    Asking,
    Gate,
    ScriptedModels,
    answered,
    asked,
    asking,
    never,
)

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

CENT = Decimal("0.01")
NOTHING = Decimal(0)
# What the answers of the fake cost on the strong tier, and what is reserved for one.
COST = call_cost(DEAR, 120, 30)
RESERVED = highest_cost(DEAR, asked("Where is 1042?"))

Open = Callable[..., AbstractAsyncContextManager[Asking]]


@pytest.fixture
def open_process(database_url: str) -> Open:
    """Open a process with caps and runs of as many conversations as are wanted."""

    @asynccontextmanager
    async def opened(
        *acts: Any, runs: int = 1, always: Any = None, **caps: Decimal
    ) -> AsyncIterator[Asking]:
        models = ScriptedModels(*acts, always=always)
        async with asking(database_url, models, caps=BudgetCaps(**caps)) as process:
            for number in range(2, runs + 1):
                await process.open_run(f"run-{number}")
            yield process

    return opened


async def ask(process: Asking, run: str = "run-1", **changes: Any) -> Any:
    return await process.ask(run, tier="strong", **changes)


async def report(process: Asking, group_by: Any = "route", **how: Any) -> CostReport:
    return await process.database.read(lambda c: store.costs(c, group_by=group_by, **how))


async def test_four_calls_at_once_never_pass_a_cent_a_day(open_process: Open) -> None:
    committed: list[Decimal] = []

    async def look(_: ModelRequest) -> ModelAnswer:
        day = (await process.budgets())["day"]
        committed.append(day.spent + day.reserved)
        return answered(tokens=(70, 90))

    async with open_process(runs=16, day=CENT, always=look) as process:
        elsewhere = process.process(process.models)
        results: list[Any] = []
        for number in range(1, 17, 4):
            four = [
                ask(each, f"run-{number + offset}")
                for offset, each in enumerate((process, elsewhere, process, elsewhere))
            ]
            results += await asyncio.gather(*four, return_exceptions=True)

        calls = [call for run in range(1, 17) for call in await process.calls(f"run-{run}")]
        spent = sum((call.cost or NOTHING for call in calls), start=NOTHING)
        day = (await process.budgets())["day"]
        refused = [each for each in results if isinstance(each, BudgetGone)]
        assert max(committed) <= CENT
        assert CENT - RESERVED < spent <= CENT
        assert (day.spent, day.reserved) == (spent, NOTHING)
        assert len(refused) == 16 - len(calls)
        assert "the day 2026-11-23 is gone: its cap is 0.01 USD" in str(refused[0])


async def test_calls_under_way_count_at_their_highest_price(open_process: Open) -> None:
    gate = Gate()
    async with open_process(runs=4, day=2 * RESERVED, always=gate) as process:
        tasks = [asyncio.create_task(ask(process, f"run-{number}")) for number in range(1, 5)]
        for _ in range(2):
            await gate.begun.acquire()
        # The others are refused while these two are under way, not after them.
        while sum(task.done() for task in tasks) < 2:
            await asyncio.wait(
                [task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED
            )
        under_way = (await process.budgets())["day"]

        gate.go_on.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        settled = (await process.budgets())["day"]
        assert sum(isinstance(each, BudgetGone) for each in results) == 2
        assert (under_way.spent, under_way.reserved) == (NOTHING, 2 * RESERVED)
        assert (settled.spent, settled.reserved) == (2 * COST, NOTHING)


async def test_what_a_call_did_not_need_is_free_for_the_next(open_process: Open) -> None:
    async with open_process(conversation=RESERVED + COST) as process:
        await ask(process)
        await ask(process)

        with pytest.raises(BudgetGone, match="the conversation is gone"):
            await ask(process)

        assert (await process.budgets())["conversation"].spent == 2 * COST


@pytest.mark.parametrize("scope", ["conversation", "customer", "day", "month"])
async def test_a_budget_that_is_gone_refuses_its_own_scope(open_process: Open, scope: str) -> None:
    async with open_process(runs=2, **{scope: RESERVED}) as process:
        await ask(process)

        with pytest.raises(BudgetGone, match=scope):
            await ask(process)

        assert len(process.models.asked) == 1
        assert len(await process.calls()) == 1
        assert process.telemetry.counted[f"budget_refusals {scope}"] == 1


async def test_a_refused_call_reserves_nothing_anywhere(open_process: Open) -> None:
    async with open_process(conversation=Decimal(1), month=RESERVED / 2) as process:
        with pytest.raises(BudgetGone, match="the month 2026-11"):
            await ask(process)

        assert await process.budgets() == {}
        assert await process.calls() == []


@sqlite_alone
@pytest.mark.parametrize(
    ("scope", "changes"), [("conversation", {}), ("customer", {"customer": "C-1002"})]
)
async def test_another_conversation_and_another_customer_have_budgets_of_their_own(
    open_process: Open, scope: str, changes: dict[str, str]
) -> None:
    async with open_process(runs=2, **{scope: RESERVED}) as process:
        await ask(process)

        await ask(process, "run-2", **changes)

        assert len(process.models.asked) == 2


@sqlite_alone
@pytest.mark.parametrize(("scope", "days"), [("customer", 1), ("day", 1), ("month", 8)])
async def test_a_new_period_begins_with_nothing_spent(
    open_process: Open, scope: str, days: int
) -> None:
    async with open_process(**{scope: RESERVED}) as process:
        await ask(process)

        process.now += timedelta(days=days)
        await ask(process)

        assert len(process.models.asked) == 2


async def test_a_cap_that_is_set_later_counts_what_was_spent_before(open_process: Open) -> None:
    async with open_process(runs=2) as process:
        await ask(process)
        capped = process.process(process.models, caps=BudgetCaps(day=RESERVED))

        with pytest.raises(BudgetGone):
            await ask(capped, "run-2")

        assert (await process.budgets()) == {}


@sqlite_alone
async def test_what_was_spent_before_its_period_counts_for_no_budget(open_process: Open) -> None:
    async with open_process(runs=2) as process:
        await ask(process)
        tomorrow = NOW + timedelta(days=1)
        caps = BudgetCaps(day=RESERVED, customer=RESERVED)

        await ask(process.process(process.models, caps=caps, now=tomorrow), "run-2")

        assert (await process.budgets())["day"].spent == COST


@sqlite_alone
async def test_without_caps_no_budget_is_kept(open_process: Open) -> None:
    async with open_process() as process:
        await ask(process)

        assert await process.budgets() == {}


async def test_a_call_of_unknown_outcome_stays_booked_at_its_highest_price(
    open_process: Open,
) -> None:
    async with open_process(never, day=CENT) as process:
        task = asyncio.create_task(ask(process))
        await process.models.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        day = (await process.budgets())["day"]
        assert (day.spent, day.reserved) == (RESERVED, NOTHING)


async def test_a_call_that_comes_back_late_is_charged_once_and_exactly(
    open_process: Open,
) -> None:
    async with open_process(gate := Gate(), day=CENT) as stalled:
        task = asyncio.create_task(ask(stalled))
        await stalled.models.begun.wait()
        await ask(stalled.process(ScriptedModels()))
        lost = (await stalled.budgets())["day"]

        gate.go_on.set()
        await task

        day = (await stalled.budgets())["day"]
        assert lost.spent == RESERVED + COST
        assert (day.spent, day.reserved) == (2 * COST, NOTHING)


@sqlite_alone
async def test_a_request_that_was_refused_comes_out_of_no_budget(open_process: Open) -> None:
    async with open_process(TemporaryFailure("429"), day=CENT) as process:
        await ask(process)

        day = (await process.budgets())["day"]
        assert (day.spent, day.reserved) == (COST, NOTHING)


async def test_a_warning_comes_once_when_four_fifths_are_spent(
    open_process: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_process(runs=8, day=CENT) as process:
        warnings = []
        for number in range(1, 9):
            await ask(process, f"run-{number}")
            warnings.append(process.telemetry.counted["budget_warnings day"])

        assert COST * 7 < CENT * Decimal("0.8") <= COST * 8
        assert warnings == [0, 0, 0, 0, 0, 0, 0, 1]
        elsewhere = process.process(ScriptedModels(), caps=BudgetCaps(day=CENT * 2))
        await ask(elsewhere, "run-1")
        assert elsewhere.telemetry.counted["budget_warnings day"] == 0
        [record] = [each for each in caplog.records if each.message == "budget nearly spent"]
        assert record.__dict__["period"] == "2026-11-23"


@sqlite_alone
async def test_each_new_period_warns_again(open_process: Open) -> None:
    async with open_process(customer=RESERVED, always=answered(tokens=(600, 0))) as process:
        await ask(process)
        process.now += timedelta(days=1)
        await ask(process)

        assert process.telemetry.counted["budget_warnings customer"] == 2


@sqlite_alone
async def test_a_cap_refuses_a_model_without_a_price(open_process: Open) -> None:
    nameless = Tiers({"light": [ONE], "strong": [replace(BIG, price=None)]})
    async with open_process() as process:
        with pytest.raises(BadInput, match="the model 'big' of the tier 'strong' has no price"):
            process.process(process.models, tiers=nameless, caps=BudgetCaps(day=CENT))


@sqlite_alone
async def test_a_light_call_fits_where_a_strong_one_does_not(open_process: Open) -> None:
    async with open_process(day=CENT / 10) as process:
        with pytest.raises(BudgetGone):
            await ask(process)

        completion = await process.ask(tier="light")

        assert completion.model == "one"


@pytest.fixture
async def books(open_process: Open) -> AsyncIterator[Asking]:
    """Open books with four turns: two answered, one of them by a human's leave, one escalated."""
    async with open_process() as process:
        done = {"status": "done", "premium_cost": Decimal("0.02")}
        status = {"classification": {"intent": "order_status"}}
        refund = {"classification": {"intent": "refund"}, "route": "complex"}
        await process.open_run("fast", **done, **status, outcome="send", route="simple")
        await process.open_run("hard", **done, **refund, outcome="send")
        await process.open_run("asked", **done, **refund, outcome="send")
        await process.open_run("human", **done, **refund, outcome="escalate")
        await process.open_run("moved on", status="superseded", route="simple")
        await process.open_run("joined", status="done", outcome="joined")
        await process.database.write(_approve)
        await process.book("fast", "one", cost="0.0001", purpose="classify")
        await process.book("fast", "one", cost="0.0002", position=2)
        await process.book("hard", "one", cost="0.0003")
        await process.book("hard", "big", cost="0.0100", position=2)
        await process.book("asked", "big", cost="0.0110")
        await process.book("human", "one", cost="0.0004", purpose="classify")
        await process.book("moved on", "one", cost="0.0005", status="failed")
        await process.book("joined", "one", cost="0.0006", purpose="classify")
        yield process


def _approve(connection: Any) -> None:
    approval = Approval(
        id="approval",
        run_id="asked",
        node="approve",
        conversation_id="talk of asked",
        expires_at=NOW,
        created_at=NOW,
    )
    store.add(connection, approval)


async def test_all_that_was_spent_and_saved_is_exact(books: Asking) -> None:
    total = (await report(books)).total

    assert total.spent == Decimal("0.0231")
    assert total.premium_cost == Decimal("0.08")
    assert total.saved == Decimal("0.04") - Decimal("0.0117")
    assert total.avoided == Decimal("0.04") - Decimal("0.0114")
    assert total.spent + total.saved + total.avoided == total.premium_cost
    assert (total.turns, total.human_turns, total.human_share) == (4, 2, 0.5)
    assert (total.calls, total.unpriced) == (8, 0)


async def test_what_cannot_be_compared_is_no_saving_and_no_loss(books: Asking) -> None:
    before = (await report(books)).total
    unknown = {"status": "done", "outcome": "send", "has_baseline": False, "route": "simple"}
    await books.open_run("unknown", **unknown)
    await books.book("unknown", "one", cost="0.0007")

    total = (await report(books)).total

    assert total.spent == before.spent + Decimal("0.0007")
    assert (total.saved, total.avoided) == (before.saved, before.avoided)
    assert (before.incomparable, total.incomparable, total.turns) == (0, 1, 5)


async def test_costs_are_told_apart_by_route(books: Asking) -> None:
    groups = (await report(books, "route")).groups

    assert [(each.group, each.spent, each.turns) for each in groups] == [
        ("complex", Decimal("0.0217"), 3),
        ("simple", Decimal("0.0008"), 1),
        (None, Decimal("0.0006"), 0),
    ]


async def test_costs_are_told_apart_by_intent(books: Asking) -> None:
    groups = (await report(books, "intent")).groups

    assert {each.group: each.premium_cost for each in groups} == {
        "refund": Decimal("0.06"),
        "order_status": Decimal("0.02"),
        None: Decimal(0),
    }


async def test_by_model_calls_count_where_they_were_made_and_turns_where_they_were_answered(
    books: Asking,
) -> None:
    groups = {each.group: each for each in (await report(books, "model")).groups}

    assert (groups["big"].spent, groups["big"].turns) == (Decimal("0.0210"), 2)
    assert (groups["one"].spent, groups["one"].turns) == (Decimal("0.0021"), 1)
    assert (groups[None].spent, groups[None].turns) == (NOTHING, 1)
    assert groups[None].avoided == Decimal("0.02")


async def test_costs_are_told_apart_by_day_of_utc(books: Asking) -> None:
    books.now = NOW.replace(hour=23, minute=59) + timedelta(days=1)
    await books.open_run("late", status="done", outcome="send")
    await books.book("late", "one", cost="0.0001")

    groups = (await report(books, "day")).groups

    assert [(each.group, each.spent) for each in groups] == [
        ("2026-11-23", Decimal("0.0231")),
        ("2026-11-24", Decimal("0.0001")),
    ]


async def test_costs_since_a_moment_leave_out_what_was_before(books: Asking) -> None:
    later = await report(books, since=NOW + timedelta(seconds=1))

    assert later.groups == ()
    assert later.total == Costs(
        group=None,
        spent=Decimal(0),
        premium_cost=Decimal(0),
        saved=Decimal(0),
        avoided=Decimal(0),
        calls=0,
        unpriced=0,
        turns=0,
        human_turns=0,
    )
    assert later.total.human_share is None


async def test_a_call_under_way_is_in_the_sums_at_its_highest_price(books: Asking) -> None:
    await books.book("fast", "big", cost=None, reserved=Decimal("0.5"), status="started")

    assert (await report(books)).total.spent == Decimal("0.5231")


async def test_a_call_of_unknown_price_is_counted_and_in_no_sum(books: Asking) -> None:
    await books.book("fast", "one", cost=None)

    total = (await report(books)).total
    assert (total.unpriced, total.spent) == (1, Decimal("0.0231"))


async def test_small_amounts_add_up_without_loss(books: Asking) -> None:
    smallest = call_cost(CHEAP, 1, 0)
    for number in range(50):
        await books.book("fast", "one", cost=str(smallest), position=number)

    total = (await report(books)).total

    assert total.spent == Decimal("0.0231") + 50 * smallest
