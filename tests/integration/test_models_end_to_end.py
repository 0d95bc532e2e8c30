"""Models in the whole app: LiteLLM against a server that fails on purpose, through the one door."""

import asyncio
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestration import parts, store
from orchestration.costs import call_cost
from orchestration.models import ModelCall
from orchestration.types import ConversationId, Price
from tests.fakes.floor import BEN, Floor, Talk
from tests.fakes.openai_server import (
    FAULTS,
    HANG,
    FakeOpenAI,
    Reply,
    Served,
    calling,
    failing,
    saying,
)
from tests.fakes.proposing import decide
from tests.fakes.scripts import Model, answering, judging, looking_up, shown, stated
from tests.fakes.shopfront import PRESET, calls_of, models_file, open_shop, stock

KEY = "sk-not-a-real-key-1234567890"
PRICES = {
    "light": Price(input=Decimal("0.1"), output=Decimal("0.5"), version="models file"),
    "strong": Price(input=Decimal(4), output=Decimal(20), version="models file"),
}
# The shipped workflow, but a light model is asked before the responders that need none.
LIGHT_FIRST = PRESET.replace(
    "responders: [template, order_status, knowledge, light]", "responders: [light, order_status]"
)
SIMPLE = "Where is my order 1042?"
COMPLEX = "why was I charged twice for 1043"
RIGHT = "Your order 1043 was delivered."
BY_CODE = (
    "Your order 1042 is on its way and is expected on Wednesday 25 November 2026. "
    "The tracking number is TRK-1042."
)
HANDED_OVER = "I'm passing this on to a colleague, who will answer you here."

Open = Callable[..., AbstractAsyncContextManager[Floor]]


@pytest.fixture(scope="module")
def stocked(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the sample store and a trained classifier, to be copied."""
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("shop") / "frontdesk.db"))
    asyncio.run(stock(file))
    return file


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as fake:
        fake.answer_with(answering)
        yield fake


@pytest.fixture
def open_app(
    stocked: Path, server: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Open:
    """Open the app with two models on each tier; `timeout` is theirs, in seconds."""
    monkeypatch.setenv("MODEL_KEY", KEY)
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    database = Path(shutil.copy(stocked, tmp_path / "frontdesk.db"))

    def opened(
        *, timeout: float = 20, key: str | None = "MODEL_KEY", **given: Any
    ) -> AbstractAsyncContextManager[Floor]:
        tiers = {
            tier: [
                {
                    "model": f"{tier}-{which}",
                    "api_base": server.url,
                    "api_key_env": key,
                    "input_price": str(PRICES[tier].input),
                    "output_price": str(PRICES[tier].output),
                    "timeout": timeout,
                }
                for which in "ab"
            ]
            for tier in PRICES
        }
        file = models_file(tmp_path, tiers)
        return open_shop(database, frontdesk_models_file=file, **given)

    return opened


def only(model: str, reply: Reply | Model, otherwise: Model = answering) -> Model:
    """Let one model reply so, or all whose name begins so, and the others otherwise."""

    def choose(body: Any) -> Reply:
        if not body["model"].startswith(model):
            return otherwise(body)
        return reply if isinstance(reply, Reply) else reply(body)

    return choose


def misbehave(server: FakeOpenAI, fault: Reply, model: str) -> None:
    """Let all requests to a model meet a fault."""
    if fault.act == "drop":
        # Nobody has read which model such a request was for: the first two are the first one's.
        server.script(*[fault] * (2 if model.endswith("-a") else 10))
        return
    server.answer_with(only(model, fault))


def dropped_or_read(server: FakeOpenAI) -> int:
    return len(server.requests) + server.dropped


def require_books(server: FakeOpenAI, calls: Sequence[ModelCall]) -> None:
    """Require that every request is booked: as the server counted it, or at its highest price."""
    told: dict[str, Served] = {}
    for call in calls:
        price = PRICES[call.tier]
        if call.tokens_in is None or call.tokens_out is None:
            assert call.error, call
            assert call.cost in (call.reserved, Decimal(0)), call
            continue
        assert call.cost == call_cost(price, call.tokens_in, call.tokens_out)
        before = told.get(call.model, Served())
        told[call.model] = Served(
            answers=before.answers + 1,
            tokens_in=before.tokens_in + call.tokens_in,
            tokens_out=before.tokens_out + call.tokens_out,
        )
    assert len(calls) == dropped_or_read(server)
    assert told == server.ledger
    for model, served in server.unseen.items():
        [price] = [PRICES[call.tier] for call in calls if call.model == model][:1]
        unsure = [call.cost or Decimal(0) for call in calls if call.model == model]
        told_cost = served_cost(price, server.ledger.get(model, Served()))
        assert sum(unsure) >= told_cost + served_cost(price, served)


def served_cost(price: Price, served: Served) -> Decimal:
    return call_cost(price, served.tokens_in, served.tokens_out)


def require_limits(calls: Sequence[ModelCall]) -> None:
    """Require at most 4 requests per completion and 10 per run."""
    per_run: defaultdict[str, int] = defaultdict(int)
    for call in calls:
        per_run[call.run_id] += 1
        assert call.attempt <= 4
    assert max(per_run.values(), default=0) <= 10


async def ask(floor: Floor, text: str, conversation: str = "talk") -> tuple[Talk, list[ModelCall]]:
    """Let Ana write, and return all that is on record."""
    found = await floor.say(text, conversation=conversation)
    await floor.work(found)
    return await floor.see(found), await calls_of(floor, found)


def timeout_for(fault: str) -> float:
    return 0.5 if fault == "hang" else 20


def named(fault: str) -> Reply:
    # Its own 7 seconds would only make the test slow.
    return failing(429, retry_after="1") if fault == "rate limit" else FAULTS[fault]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_next_model_answers_where_the_first_fails(
    server: FakeOpenAI, open_app: Open, fault: str
) -> None:
    misbehave(server, named(fault), "strong-a")

    async with open_app(timeout=timeout_for(fault)) as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert (talk.run.status, talk.run.outcome, talk.cases) == ("done", "send", [])
    assert [call.model for call in calls if call.status == "succeeded"] == ["strong-b", "light-a"]
    assert talk.run.cost == sum(call.cost or 0 for call in calls)
    require_limits(calls)
    require_books(server, calls)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_human_answers_where_all_models_fail(
    server: FakeOpenAI, open_app: Open, fault: str
) -> None:
    misbehave(server, named(fault), "strong")

    async with open_app(timeout=timeout_for(fault)) as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [HANDED_OVER]
    assert talk.conversation.status == "escalated"
    assert "no model of the tier 'strong' answered" in str(talk.case.brief["tried"])
    assert 2 <= len(calls) <= 4
    assert not [call for call in calls if call.status == "succeeded"]
    require_limits(calls)
    require_books(server, calls)


@pytest.mark.parametrize("fault", ["internal error", "hang", "wrong key", "refusal", "truncated"])
async def test_a_responder_without_a_model_answers_where_the_light_models_fail(
    server: FakeOpenAI, open_app: Open, fault: str
) -> None:
    misbehave(server, named(fault), "light")

    async with open_app(timeout=timeout_for(fault), workflow=LIGHT_FIRST) as floor:
        talk, calls = await ask(floor, SIMPLE)

    assert talk.said == [BY_CODE]
    assert "no model of the tier 'light' answered" in str(talk.step("answer").output)
    assert (talk.run.outcome, talk.cases) == ("send", [])
    require_limits(calls)
    require_books(server, calls)


async def test_a_draft_that_no_judge_has_seen_waits_for_a_human(
    server: FakeOpenAI, open_app: Open
) -> None:
    misbehave(server, FAULTS["invalid json"], "light")

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.approval.draft["text"] == RIGHT
    assert "the judge did not answer" in talk.approval.reasons[0]
    assert RIGHT not in talk.said
    assert len(talk.said) == 1
    require_limits(calls)
    require_books(server, calls)


async def test_a_missing_key_costs_no_request(server: FakeOpenAI, open_app: Open) -> None:
    async with open_app(key=None) as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert server.requests == []
    assert talk.said == [HANDED_OVER]
    assert {(call.status, call.cost) for call in calls} == {("failed", Decimal(0))}
    assert all("no API key is set" in str(call.error) for call in calls)


async def test_a_model_is_asked_again_once_the_wait_it_asked_for_is_over(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.script(failing(429, retry_after="1"))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert [call.model for call in calls] == ["strong-a", "strong-a", "light-a"]
    require_books(server, calls)


async def test_nobody_waits_for_longer_than_a_customer_would(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.script(failing(429, retry_after="3600"))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert [call.model for call in calls] == ["strong-a", "strong-b", "light-a"]


async def test_an_answer_without_usage_is_booked_at_its_highest_price(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.answer_with(lambda body: replace(answering(body), told=False))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert [call.cost for call in calls] == [call.reserved for call in calls]
    assert all("the provider told no usage" in str(call.error) for call in calls)
    require_books(server, calls)


async def test_an_answer_is_repaired_by_saying_what_was_wrong(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.script(saying('{"can_answer": true}'))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert "answer: Field required" in server.requests[1].body["messages"][-1]["content"]
    require_books(server, calls)


async def test_a_run_makes_ten_requests_at_most(server: FakeOpenAI, open_app: Open) -> None:
    wrong = stated("Your order 1043 costs $999.99.", "1043")

    def stubborn(body: Any) -> Reply:
        seen = shown(body)
        if seen.role == "light":
            return saying("{")
        if seen.last.startswith("You have looked up enough"):
            return wrong
        return calling("get_order", {"order": "1043"})

    server.answer_with(stubborn)
    async with open_app(workflow=LIGHT_FIRST.replace("light, order_status", "light")) as floor:
        talk, calls = await ask(floor, SIMPLE)

    assert len(calls) == len(server.requests) == 10
    assert "the run has made its 10 requests" in str(talk.case.brief["tried"])
    assert talk.case.brief["suggested_reply"] == "Your order 1043 costs $999.99."
    assert talk.said == [HANDED_OVER]
    require_limits(calls)
    require_books(server, calls)


async def test_a_model_that_only_looks_things_up_is_given_up(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.answer_with(lambda body: calling("find_orders", {}))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [HANDED_OVER]
    assert len(calls) == 4
    assert all(shown(request.body).tools for request in server.requests)


@pytest.mark.parametrize(
    "text", ["hello", SIMPLE, "How many days do I have to return something?", "thanks!"]
)
async def test_a_simple_turn_never_touches_the_strong_tier(
    server: FakeOpenAI, open_app: Open, text: str
) -> None:
    async with open_app() as floor:
        talk, _ = await ask(floor, text)

    assert talk.run.outcome == "send"
    assert server.requests == []


async def test_a_light_model_answers_what_no_responder_could(
    server: FakeOpenAI, open_app: Open
) -> None:
    async with open_app() as floor:
        talk, calls = await ask(floor, "my discount was not applied to order 1042, why?")

    assert talk.said == ["Your order 1042 is on its way."]
    assert [call.model for call in calls] == ["light-a"]
    assert shown(server.requests[0].body).tools == ()
    # The premium model would have been told the same, at its own price.
    assert talk.run.premium_cost == call_cost(
        PRICES["strong"], calls[0].tokens_in or 0, calls[0].tokens_out or 0
    )


async def test_a_complex_turn_carries_orders_history_and_articles_to_the_strong_tier(
    server: FakeOpenAI, open_app: Open
) -> None:
    async with open_app() as floor:
        await ask(floor, SIMPLE)
        talk, _ = await ask(floor, "I want my money back for 1043 now")

    seen = shown(server.requests[0].body)
    assert talk.run.route == "complex"
    assert seen.model == "strong-a"
    assert {"1042", "1043"} == set(seen.orders())
    assert "TRK-1043" in seen.orders()["1043"]
    assert seen.talk.splitlines() == [f"customer: {SIMPLE}", f"bot: {BY_CODE}"]
    assert "5 to 7 working days" in seen.articles()["refunds"]
    assert seen.asked == "I want my money back for 1043 now"


@pytest.mark.parametrize("order", ["2077", "9999"])
async def test_another_customers_order_and_none_are_answered_alike(
    server: FakeOpenAI, open_app: Open, order: str
) -> None:
    server.answer_with(looking_up("get_order", {"order": order, "customer_id": "C-1002"}))

    async with open_app() as floor:
        await ask(floor, COMPLEX)

    told = shown(server.requests[1].body).results
    assert [json.loads(result) for result in told] == [{"error": "this customer has no such order"}]
    assert not [one for one in server.requests if "TRK-2077" in json.dumps(one.body)]


@pytest.mark.parametrize(
    ("tool", "arguments", "found"),
    [
        ("find_orders", {}, "TRK-1043"),
        ("get_order", {"order": "1043"}, "Linen Throw"),
        ("get_shipping", {"order": "1042"}, "Wednesday 25 November 2026"),
        ("search_knowledge", {"query": "How long does a refund take?"}, "5 to 7 working days"),
    ],
)
async def test_a_tool_reads_what_is_the_customers_own(
    server: FakeOpenAI, open_app: Open, tool: str, arguments: Any, found: str
) -> None:
    server.answer_with(looking_up(tool, arguments))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    [told] = shown(server.requests[1].body).results
    assert found in told
    assert "2077" not in told
    assert talk.said == [RIGHT]
    require_books(server, calls)


async def test_a_draft_that_fails_is_written_again_by_who_is_told_what_failed(
    server: FakeOpenAI, open_app: Open
) -> None:
    server.script(stated("Your order 1043 was delivered and costs $999.99.", "1043"))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    [first, again] = [one.body for one in server.requests if shown(one.body).role == "strong"]
    assert "$999.99 is in no evidence" in shown(again).last
    assert "costs $999.99" in again["messages"][-2]["content"]
    assert again["messages"][1]["content"].count("kind=order") == first["messages"][1][
        "content"
    ].count("kind=order")
    assert talk.said == [RIGHT]
    assert talk.step("revise").output["tried"][-1]["result"].startswith("drafted (prompt strong ")
    require_books(server, calls)


async def test_the_judge_is_the_light_model_and_names_what_is_to_be_mended(
    server: FakeOpenAI, open_app: Open
) -> None:
    verdicts = iter([judging("failed", "it does not answer why"), judging("passed")])
    server.answer_with(only("light", lambda _: next(verdicts)))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    judged = [one.body for one in server.requests if shown(one.body).role == "judge"]
    revised = [one.body for one in server.requests if shown(one.body).role == "strong"][-1]
    assert [body["model"] for body in judged] == ["light-a", "light-a"]
    assert shown(judged[0]).draft == RIGHT
    assert "it does not answer why" in shown(revised).last
    assert [call.purpose for call in calls] == ["answer", "judge", "answer", "judge"]
    assert talk.said == [RIGHT]


@pytest.mark.parametrize(
    "verdict", [judging("unsure", "cannot tell"), judging("passed", confidence=0.2)]
)
async def test_a_draft_the_judge_is_not_sure_of_waits_for_a_human(
    server: FakeOpenAI, open_app: Open, verdict: Reply
) -> None:
    server.answer_with(only("light", verdict))

    async with open_app() as floor:
        talk, _ = await ask(floor, COMPLEX)

    assert talk.run.status == "waiting"
    assert talk.approval.draft["text"] == RIGHT
    assert RIGHT not in talk.said


async def test_what_a_model_proposes_waits_for_a_human_with_exact_arguments(
    server: FakeOpenAI, open_app: Open
) -> None:
    wanted = {"action": "refund", "order": "1043", "amount": "59.90", "why": "charged twice"}
    server.script(stated("I suggest a refund of 59.90 USD.", "1043", proposal=wanted))

    async with open_app() as floor:
        talk, calls = await ask(floor, COMPLEX)

    proposed = talk.approval.proposal
    assert (proposed["action"], proposed["order"]) == ("refund", "1043")
    assert proposed["arguments"] == {"amount": "59.90", "currency": "USD"}
    assert talk.run.status == "waiting"
    assert len(talk.said) == len(calls) == 1
    assert "59.90" not in talk.said[0]


@pytest.mark.parametrize(
    ("order", "amount"), [("2077", "119.00"), ("1043", "9999.00"), ("1043", "all of it")]
)
async def test_what_cannot_be_done_is_no_proposal(
    server: FakeOpenAI, open_app: Open, order: str, amount: str
) -> None:
    wanted = {"action": "refund", "order": order, "amount": amount}
    server.script(stated("I suggest a refund.", "1043", proposal=wanted))

    async with open_app() as floor:
        talk, _ = await ask(floor, COMPLEX)

    assert talk.approvals == []
    assert talk.said == [HANDED_OVER]
    assert "it proposes what cannot be done" in str(talk.case.brief["tried"])


async def test_what_a_record_denies_of_one_field_is_not_denied_of_the_others(
    server: FakeOpenAI, open_app: Open
) -> None:
    def answer(body: Any) -> Reply:
        due = shown(body).orders()["2078"].partition("due on: ")[2].partition(";")[0]
        return stated(f"Your order 2078 has not been shipped yet. It is expected on {due}.", "2078")

    server.answer_with(only("strong", answer))
    async with open_app() as floor:
        conversation = await floor.say("why was I charged twice for 2078", who=BEN)
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.run.outcome == "send"
    assert talk.said[0].startswith("Your order 2078 has not been shipped yet. It is expected on ")


async def test_a_hanging_model_leaves_time_for_the_next(server: FakeOpenAI, open_app: Open) -> None:
    server.answer_with(only("strong-a", HANG))

    async with open_app(timeout=0.5) as floor:
        talk, calls = await ask(floor, COMPLEX)

    assert talk.said == [RIGHT]
    assert {call.status for call in calls if call.model == "strong-a"} == {"unknown"}


async def test_a_cent_a_day_is_never_passed_and_customers_are_served(
    server: FakeOpenAI, open_app: Open
) -> None:
    budget = {"frontdesk_budget_day": "0.01", "workflow": LIGHT_FIRST}
    async with open_app(**budget) as floor:
        asked = [
            ask(floor, text, conversation=f"talk {number}")
            for number, text in enumerate([SIMPLE, COMPLEX] * 2)
        ]
        found = await asyncio.gather(*asked)
        for wave in range(4):
            more = (partial(ask, floor, SIMPLE, conversation=f"{wave} {n}") for n in range(4))
            found += await asyncio.gather(*(one() for one in more))
        [day] = [
            budget
            for budget in await floor.database.read(store.list_budgets)
            if budget.scope == "day"
        ]

    talks, calls = [talk for talk, _ in found], [call for _, made in found for call in made]
    spent = sum((call.cost or Decimal(0) for call in calls), start=Decimal(0))
    refused = [talk for talk in talks if "the budget of the day" in str(steps_of(talk))]
    assert spent == day.spent <= Decimal("0.01")
    assert day.reserved == 0
    assert refused
    assert spent > 0
    assert all(
        talk.said in ([BY_CODE], [HANDED_OVER], ["Your order 1042 is on its way."])
        for talk in talks
    )
    assert [len(talk.cases) for talk in talks if COMPLEX in talk.run.text] == [1, 1]
    require_books(server, calls)


def steps_of(talk: Talk) -> list[Any]:
    return [step.output for step in talk.steps]


# Several requests in one message


async def test_one_part_is_proposed_and_waits_while_the_other_is_answered_and_each_is_booked(
    open_app: Open, server: FakeOpenAI
) -> None:
    wanted = {"action": "cancel_order", "order": "1042", "why": "the customer asks for it"}
    suggested = stated("I suggest to cancel order 1042.", "1042", proposal=wanted)
    server.answer_with(only("strong", suggested))

    async with open_app() as floor:
        conversation = await floor.say("cancel 1042 and where is 1043?")
        await floor.work(conversation)
        asked = await floor.see(conversation)
        await decide(floor, asked.approval.id)
        await floor.work(conversation)
        talk = await floor.see(conversation)
        calls = await calls_of(floor, conversation)

    cancelled, tracked = parts.from_json(talk.run.parts)
    assert asked.approval.proposal["action"] == "cancel_order"
    assert asked.said[0].startswith("Your order 1043 was delivered")
    assert "before I answer it: “cancel 1042”" in asked.said[0]
    assert talk.said[1:] == ["I suggest to cancel order 1042.\n\nOrder 1042 is cancelled."]
    assert (cancelled.outcome, tracked.outcome) == ("send", "send")
    assert {call.part for call in calls} == {0}
    assert Decimal(cancelled.cost) == talk.run.cost == sum(call.cost or 0 for call in calls) > 0
    assert tracked.cost == "0"


async def test_parts_share_what_a_run_may_ask_and_what_is_left_over_goes_to_a_human(
    open_app: Open, server: FakeOpenAI
) -> None:
    server.answer_with(lambda body: failing(500))

    async with open_app() as floor:
        talk = await floor.run("why was I charged for 1043? And can you exchange 1042 please?")
        calls = await calls_of(floor, ConversationId(talk.conversation.id))

    assert len(calls) <= 10
    assert talk.case.status == "open"
    assert len(talk.said) == 1
    require_books(server, calls)


async def test_where_the_budget_is_gone_one_part_is_answered_and_the_other_goes_to_a_human(
    open_app: Open, server: FakeOpenAI
) -> None:
    async with open_app(frontdesk_budget_day="0.000001") as floor:
        talk = await floor.run("why was I charged twice for 1043? And where is 1042?")

    assert server.requests == []
    assert [part.outcome for part in parts.from_json(talk.run.parts)] == ["escalate", "send"]
    assert talk.said[0].startswith(BY_CODE)
    assert "budget" in str(talk.case.brief["tried"])
