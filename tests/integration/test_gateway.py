"""The gateway: whatever models do, few requests, all of them booked, and an answer or a reason."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from orchestration.costs import call_cost, highest_cost
from orchestration.errors import PermanentFailure, Superseded, TemporaryFailure
from orchestration.gateway import ModelsFailed, NoModel, RunLimitReached, Tiers, Unanswered
from orchestration.types import ModelAnswer, ModelRequest
from tests.fakes.models import (
    BIG,
    CHEAP,
    FAULTS,
    LOOK_UP,
    ONE,
    TWO,
    Asking,
    Gate,
    ScriptedModels,
    answered,
    asked,
    asking,
    calling,
    never,
)

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

DOWN = TemporaryFailure("503 unavailable")
ONE_ALONE = Tiers({"light": [ONE]})


class Reply(BaseModel):
    reply: str


GOOD = answered('{"reply": "It is on its way."}')
REQUEST = asked("Where is 1042?", tools=(LOOK_UP,))


@pytest.fixture
async def process(database_url: str) -> AsyncIterator[Asking]:
    async with asking(database_url) as process:
        yield process


def booked(process: Asking) -> Decimal:
    """Return what a request without tools or schema is booked at when its outcome is unknown."""
    return highest_cost(CHEAP, asked("Where is 1042?"))


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_lasts_takes_at_most_four_requests_and_each_is_booked(
    process: Asking, fault: str
) -> None:
    models = ScriptedModels(always=FAULTS[fault])
    process = process.process(models)

    with pytest.raises(ModelsFailed) as failure:
        await process.ask(read=Reply, request=REQUEST)

    calls = await process.calls()
    assert 2 <= len(models.asked) <= 4
    assert [call.model for call in calls] == models.names
    assert len(failure.value.reasons) == len(calls)
    assert sum(call.tokens_in or 0 for call in calls) == models.told["in"]
    assert sum(call.tokens_out or 0 for call in calls) == models.told["out"]
    assert all(call.error and call.status in ("failed", "unknown") for call in calls)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_happens_once_ends_in_an_answer(process: Asking, fault: str) -> None:
    models = ScriptedModels(FAULTS[fault], always=GOOD)
    process = process.process(models)

    completion = await process.ask(read=Reply, request=REQUEST)

    calls = await process.calls()
    assert completion.value == Reply(reply="It is on its way.")
    assert completion.calls == 2
    assert [call.attempt for call in calls] == [1, 2]
    assert calls[1].status == "succeeded"


@sqlite_alone
@pytest.mark.parametrize(
    ("fault", "then"),
    [
        *((fault, "one") for fault in ("429", "500", "529", "timeout", "reset", "empty", "null")),
        *((fault, "one") for fault in ("wrong schema", "truncated", "unknown tool")),
        *((fault, "two") for fault in ("context too long", "content filter", "missing key")),
        *((fault, "two") for fault in ("refused", "filtered answer")),
    ],
)
async def test_a_hiccup_is_tried_again_and_what_will_not_change_goes_to_the_next_model(
    process: Asking, fault: str, then: str
) -> None:
    models = ScriptedModels(FAULTS[fault], always=GOOD)

    await process.process(models).ask(read=Reply, request=REQUEST)

    assert models.names == ["one", then]


async def test_a_call_is_on_record_at_its_highest_price_before_it_is_made(process: Asking) -> None:
    seen = []

    async def look(request: ModelRequest) -> ModelAnswer:
        seen.extend(await process.calls())
        return answered()

    await process.process(ScriptedModels(look)).ask()

    [call] = seen
    assert (call.status, call.reserved) == ("started", booked(process))
    assert (call.tier, call.model, call.price_version) == ("light", "one", "test 1")


async def test_a_call_is_booked_at_the_tokens_the_provider_counted(process: Asking) -> None:
    models = ScriptedModels(answered(tokens=(1103, 87)))

    await process.process(models).ask()

    [call] = await process.calls()
    assert (call.tokens_in, call.tokens_out) == (1103, 87)
    assert call.cost == call_cost(CHEAP, 1103, 87) == Decimal("0.0001538")


async def test_a_refused_request_cost_nothing(process: Asking) -> None:
    await process.process(ScriptedModels(FAULTS["429"])).ask()

    refused, answer = await process.calls()
    assert refused.status == "failed"
    assert refused.cost == 0
    assert answer.status == "succeeded"


async def test_an_answer_that_cannot_be_used_is_paid_for_all_the_same(process: Asking) -> None:
    await process.process(ScriptedModels(answered("", tokens=(50, 0)))).ask()

    empty, _ = await process.calls()
    assert (empty.status, empty.error) == ("failed", "it is empty")
    assert empty.cost == call_cost(CHEAP, 50, 0)


async def test_an_answer_without_usage_is_booked_at_the_highest_price_and_says_so(
    process: Asking,
) -> None:
    await process.process(ScriptedModels(answered(tokens=(None, None)))).ask()

    [call] = await process.calls()
    assert (call.status, call.tokens_in, call.cost) == ("succeeded", None, booked(process))
    assert call.error == "the provider told no usage; booked at the highest price"


async def test_a_model_that_does_not_answer_in_time_is_booked_as_unknown(process: Asking) -> None:
    slow = replace(ONE, timeout=0.05)
    models = ScriptedModels(of={"one": (never, never)})

    completion = await process.process(models, tiers=Tiers({"light": [slow, TWO]})).ask()

    calls = await process.calls()
    assert completion.model == "two"
    assert [call.status for call in calls] == ["unknown", "unknown", "succeeded"]
    assert [call.cost for call in calls[:2]] == [booked(process)] * 2


async def test_a_call_whose_caller_is_cancelled_is_booked_as_unknown(process: Asking) -> None:
    models = ScriptedModels(never)
    task = asyncio.create_task(process.process(models).ask())
    await models.begun.wait()

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    [call] = await process.calls()
    assert task.cancelled()
    assert (call.status, call.cost) == ("unknown", booked(process))


async def test_a_call_whose_process_died_is_booked_by_the_one_that_goes_on(
    process: Asking,
) -> None:
    dead = process.process(models := ScriptedModels(never))
    task = asyncio.create_task(dead.ask())
    await models.begun.wait()

    await process.ask()

    lost, answer = await process.calls()
    assert (lost.status, lost.cost, lost.ms) == ("unknown", booked(process), None)
    assert (answer.status, answer.position) == ("succeeded", 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_call_that_was_taken_for_lost_is_corrected_when_it_comes_back(
    process: Asking,
) -> None:
    stalled = process.process(models := ScriptedModels(gate := Gate()))
    task = asyncio.create_task(stalled.ask())
    await models.begun.wait()
    await process.ask()

    gate.go_on.set()
    await task

    late, _ = await process.calls()
    assert (late.status, late.tokens_in) == ("succeeded", 120)
    assert late.cost == call_cost(CHEAP, 120, 30)


async def test_calls_that_nobody_goes_on_with_are_booked_after_five_minutes(
    process: Asking,
) -> None:
    dead = process.process(models := ScriptedModels(never))
    task = asyncio.create_task(dead.ask())
    await models.begun.wait()

    at_once = await process.gateway.book_lost()
    process.now += timedelta(minutes=6)
    later = await process.gateway.book_lost()

    [call] = await process.calls()
    assert (at_once, later) == (0, 1)
    assert (call.status, call.cost) == ("unknown", booked(process))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@sqlite_alone
async def test_a_bug_in_an_adapter_leaves_its_call_booked(process: Asking) -> None:
    with pytest.raises(KeyError):
        await process.process(ScriptedModels(KeyError("choices"))).ask()

    [call] = await process.calls()
    assert (call.status, call.cost) == ("unknown", booked(process))


async def test_a_model_without_a_price_costs_what_nobody_knows(process: Asking) -> None:
    nameless = replace(ONE, price=None)

    await process.process(ScriptedModels(), tiers=Tiers({"light": [nameless]})).ask()

    [call] = await process.calls()
    assert (call.tokens_in, call.reserved, call.cost) == (120, None, None)


@sqlite_alone
async def test_nothing_is_paid_for_a_run_that_may_not_go_on(process: Asking) -> None:
    async def record_start() -> None:
        raise Superseded("the customer wrote again")

    with pytest.raises(Superseded):
        await process.ask(record_start=record_start)

    assert process.models.asked == []
    assert await process.calls() == []


@sqlite_alone
async def test_the_step_is_on_record_before_a_model_is_asked(process: Asking) -> None:
    await process.ask()

    assert process.starts == 1


@sqlite_alone
async def test_a_tier_without_a_model_says_so(process: Asking) -> None:
    with pytest.raises(NoModel, match="'medium'"):
        await process.ask(tier="medium")

    assert process.gateway.is_available("light")
    assert not process.gateway.is_available("medium")
    assert process.starts == 0


@sqlite_alone
async def test_a_model_is_told_what_was_wrong_with_its_answer(process: Asking) -> None:
    models = ScriptedModels(answered('{"answer": 7}'), always=GOOD)

    completion = await process.process(models).ask(read=Reply)

    _, repaired = models.asked[1]
    assert completion.value.reply == "It is on its way."
    assert repaired.messages[0] == {"role": "user", "content": "Where is 1042?"}
    assert repaired.messages[1] == {"role": "assistant", "content": '{"answer": 7}'}
    assert "reply: Field required" in repaired.messages[2]["content"]


@sqlite_alone
async def test_an_answer_is_repaired_once_and_the_next_model_begins_afresh(
    process: Asking,
) -> None:
    models = ScriptedModels(always=answered("no JSON"))

    with pytest.raises(ModelsFailed):
        await process.process(models).ask(read=Reply)

    assert models.names == ["one", "one", "two"]
    assert [len(request.messages) for _, request in models.asked] == [1, 3, 1]


@sqlite_alone
async def test_the_ledger_names_what_was_wrong_and_not_what_was_said(process: Asking) -> None:
    models = ScriptedModels(answered('{"reply": 5, "card": "4111"}'), always=GOOD)

    await process.process(models).ask(read=Reply)

    failed, _ = await process.calls()
    assert failed.error == "reply: Input should be a valid string"


@sqlite_alone
@pytest.mark.parametrize(
    ("text", "read", "schema", "value"),
    [
        ("Yes.", None, None, "Yes."),
        ('{"a": 1}', None, {"type": "object", "required": ["a"]}, {"a": 1}),
        ('```json\n{"a": 1}\n```', None, {"type": "object"}, {"a": 1}),
        ('```json\n{"reply": "Yes."}\n```', Reply, None, Reply(reply="Yes.")),
        ("7", lambda answer: int(answer.text), None, 7),
    ],
)
async def test_an_answer_is_read_as_the_caller_wants(
    process: Asking, text: str, read: object, schema: object, value: object
) -> None:
    models = ScriptedModels(answered(text))

    completion = await process.process(models).ask(
        read=read, request=asked("Where is 1042?", schema=schema)
    )

    assert completion.value == value


@sqlite_alone
@pytest.mark.parametrize(
    ("text", "read", "schema", "flaw"),
    [
        ("many", lambda answer: int(answer.text), None, "invalid literal"),
        ('{"a": "1"}', None, {"properties": {"a": {"type": "integer"}}}, "a breaks the rule type"),
        ("{}", None, {"type": "object", "required": ["a"]}, "the answer breaks the rule required"),
        ("{", None, {"type": "object"}, "not valid JSON"),
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_answer(
    process: Asking, text: str, read: object, schema: object, flaw: str
) -> None:
    models = ScriptedModels(always=answered(text))

    with pytest.raises(ModelsFailed, match=flaw):
        await process.process(models).ask(read=read, request=asked("Where?", schema=schema))


@sqlite_alone
async def test_a_model_is_asked_for_the_shape_it_will_be_read_into(process: Asking) -> None:
    models = ScriptedModels(GOOD)

    await process.process(models).ask(read=Reply)

    assert models.asked[0][1].schema == Reply.model_json_schema()


@sqlite_alone
async def test_a_model_may_call_the_tools_it_was_given(process: Asking) -> None:
    models = ScriptedModels(calling("get_order", '{"id": "1042"}'))

    completion = await process.process(models).ask(read=Reply, request=REQUEST)

    assert completion.answer.tool_calls[0].name == "get_order"
    with pytest.raises(ValueError, match="called tools"):
        _ = completion.value


@sqlite_alone
async def test_a_wait_the_provider_asks_for_is_kept(process: Asking) -> None:
    process = process.process(ScriptedModels(TemporaryFailure("429", retry_after=12)))

    completion = await process.ask()

    assert process.waited == [12]
    assert completion.model == "one"


@sqlite_alone
async def test_a_wait_beyond_the_deadline_is_not_begun(process: Asking) -> None:
    process = process.process(ScriptedModels(TemporaryFailure("429", retry_after=50)))

    completion = await process.ask()

    assert process.waited == []
    assert completion.model == "two"


@sqlite_alone
async def test_a_wait_without_an_end_named_is_short(process: Asking) -> None:
    process = process.process(ScriptedModels(DOWN))

    await process.ask()

    [wait] = process.waited
    assert 0 <= wait <= 4


@sqlite_alone
async def test_time_spent_waiting_is_time_of_the_completion(process: Asking) -> None:
    waits = TemporaryFailure("429", retry_after=30), TemporaryFailure("429", retry_after=20)
    process = process.process(models := ScriptedModels(*waits, *waits))

    with pytest.raises(ModelsFailed):
        await process.ask()

    assert process.waited == [30]
    assert models.names == ["one", "one", "two"]
    assert models.asked[2][0].timeout == 15


async def test_a_run_makes_ten_requests_also_when_another_process_goes_on(
    process: Asking,
) -> None:
    for _ in range(9):
        await process.ask()
    resumed = process.process(models := ScriptedModels(DOWN))

    with pytest.raises(RunLimitReached, match="10 requests"):
        await resumed.ask()

    assert len(models.asked) == 1
    assert len(await process.calls()) == 10


async def test_parts_of_a_run_that_ask_together_share_its_ten_requests(process: Asking) -> None:
    parts = [process.ask(part=part) for part in range(14)]

    results = await asyncio.gather(*parts, return_exceptions=True)

    assert sum(isinstance(result, RunLimitReached) for result in results) == 4
    assert [call.position for call in await process.calls()] == list(range(1, 11))


async def test_a_run_has_forty_five_seconds_also_when_another_process_goes_on(
    process: Asking,
) -> None:
    async def slow(_: ModelRequest) -> ModelAnswer:
        process.now += timedelta(seconds=25)
        return answered()

    process = process.process(models := ScriptedModels(slow, slow))
    await process.ask()
    await process.ask(node="investigate")
    resumed = process.process(ScriptedModels())

    with pytest.raises(RunLimitReached, match="no time"):
        await resumed.ask()

    assert [model.timeout for model, _ in models.asked] == [30, 20]
    assert resumed.models.asked == []


async def test_another_run_has_limits_of_its_own(process: Asking) -> None:
    for _ in range(10):
        await process.ask()
    await process.open_run("run-2")

    completion = await process.ask("run-2")

    assert completion.calls == 1


@sqlite_alone
async def test_a_model_that_fails_five_times_in_a_row_rests_for_thirty_seconds(
    process: Asking,
) -> None:
    models = ScriptedModels(of={"one": (DOWN,) * 5})
    process = process.process(models)
    for number in range(5):
        await process.open_run(f"down-{number}")
        await process.ask(f"down-{number}")
    asked_before = models.names.count("one")

    process.now += timedelta(seconds=31)
    await process.ask()

    assert asked_before == 5
    assert models.names[-1] == "one"


@sqlite_alone
async def test_a_model_back_from_its_rest_is_tried_by_one_alone(process: Asking) -> None:
    models = ScriptedModels(of={"one": (*(DOWN,) * 5, gate := Gate())})
    process = process.process(models)
    for number in range(4):
        await process.open_run(f"run-{number + 2}")
        await process.ask(f"run-{number + 2}")
    process.now += timedelta(seconds=31)
    models.begun.clear()
    first = asyncio.create_task(process.ask())
    await models.begun.wait()

    others = await asyncio.gather(*(process.ask(f"run-{number + 2}") for number in range(3)))
    gate.go_on.set()
    await first

    assert {other.model for other in others} == {"two"}
    assert (await process.ask("run-5")).model == "one"


@sqlite_alone
async def test_a_model_that_refuses_what_it_is_asked_is_not_broken(process: Asking) -> None:
    models = ScriptedModels(of={"one": (FAULTS["context too long"],) * 8})
    process = process.process(models)

    for number in range(8):
        await process.open_run(f"long-{number}")
        await process.ask(f"long-{number}")

    assert models.names.count("one") == 8


@sqlite_alone
async def test_a_tier_whose_models_all_rest_fails_without_a_request(process: Asking) -> None:
    models = ScriptedModels(always=DOWN)
    process = process.process(models, tiers=ONE_ALONE)
    for number in range(3):
        await process.open_run(f"down-{number}")
        with pytest.raises(Unanswered):
            await process.ask(f"down-{number}")

    with pytest.raises(ModelsFailed, match="rests after 5 failures"):
        await process.ask()

    assert len(models.asked) == 5
    assert await process.calls() == []


@sqlite_alone
async def test_no_more_requests_than_a_model_takes_are_under_way(process: Asking) -> None:
    pairs, inside, most = asyncio.Barrier(2), 0, 0

    async def enter(_: ModelRequest) -> ModelAnswer:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await pairs.wait()
        inside -= 1
        return answered()

    narrow = Tiers({"light": [replace(ONE, max_concurrency=2)]})
    process = process.process(ScriptedModels(always=enter), tiers=narrow)
    for number in range(6):
        await process.open_run(f"wide-{number}")

    await asyncio.gather(*(process.ask(f"wide-{number}") for number in range(6)))

    assert most == 2


@sqlite_alone
async def test_a_model_that_stays_busy_is_passed_over(process: Asking) -> None:
    narrow = Tiers({"light": [replace(ONE, max_concurrency=1), TWO]})
    gate = Gate()
    process = process.process(ScriptedModels(of={"one": (gate,)}), tiers=narrow)
    task = asyncio.create_task(process.ask())
    await gate.begun.acquire()
    await process.open_run("hurried")
    await process.book("hurried", "one", cost="0.0001", ms=44_950)

    completion = await process.ask("hurried")

    gate.go_on.set()
    assert completion.model == "two"
    assert (await task).model == "one"


@sqlite_alone
async def test_reasons_name_each_model_and_what_became_of_it(process: Asking) -> None:
    models = ScriptedModels(PermanentFailure("401 no key"), FAULTS["refused"])

    with pytest.raises(ModelsFailed) as failure:
        await process.process(models).ask()

    assert failure.value.reasons == ("one: 401 no key", "two: the model refused")
    assert "'light'" in str(failure.value)


@sqlite_alone
async def test_logs_carry_no_word_of_the_customer(
    process: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await process.process(ScriptedModels(FAULTS["refused"])).ask()

    assert "1042" not in "".join(str(record.__dict__) for record in caplog.records)


@sqlite_alone
async def test_calls_are_counted_by_tier_model_and_outcome(process: Asking) -> None:
    process = process.process(ScriptedModels(DOWN))

    await process.ask()

    counted = process.telemetry.counted
    assert counted["model_calls light one failed"] == 1
    assert counted["model_calls light one succeeded"] == 1


async def test_a_run_sums_up_what_it_cost_and_what_premium_alone_would_have(
    process: Asking,
) -> None:
    process = process.process(ScriptedModels(DOWN, answered(tokens=(1100, 90))))
    await process.ask()

    cost = await process.database.read(
        lambda c: process.gateway.sum_up(c, "run-1", context_tokens=3500, answer_tokens=150)  # type: ignore[arg-type]
    )

    assert cost.cost == call_cost(CHEAP, 1100, 90)
    assert BIG.price
    assert cost.premium_cost == call_cost(BIG.price, 1100, 90)
    assert cost.unpriced == 0


@sqlite_alone
async def test_a_run_without_a_priced_premium_model_has_no_baseline(process: Asking) -> None:
    process = process.process(ScriptedModels(), tiers=ONE_ALONE)

    cost = await process.database.read(
        lambda c: process.gateway.sum_up(c, "run-1", context_tokens=3500, answer_tokens=150)  # type: ignore[arg-type]
    )

    assert cost.cost == 0
    assert cost.premium_cost is None


@sqlite_alone
async def test_list_prices_stand_in_where_none_were_given(process: Asking) -> None:
    tiers = Tiers({"light": [replace(ONE, name="cheap", price=None), replace(TWO, price=None)]})

    cheap, two = tiers.with_list_prices(process.models).models("light")

    assert cheap.price == CHEAP
    assert two.price is None
