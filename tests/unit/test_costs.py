"""What calls cost, may cost and save, to the last picodollar."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from orchestration.costs import (
    BudgetCaps,
    Purpose,
    call_cost,
    estimate_tokens,
    highest_cost,
    premium_cost,
    reserve_tokens,
)
from orchestration.types import ModelRequest, Price

PRICE = Price(input=Decimal(4), output=Decimal(20), version="list")


@dataclass
class Call:
    part: int = 0
    node: str = "answer"
    visit: int = 1
    purpose: Purpose = "answer"
    status: str = "succeeded"
    tokens_in: int | None = 1000
    tokens_out: int | None = 100


def request(text: str, **more: object) -> ModelRequest:
    return ModelRequest(
        messages=({"role": "user", "content": text},),
        max_tokens=500,
        **more,  # type: ignore[arg-type]
    )


def premium(*calls: Call) -> Decimal:
    return premium_cost(PRICE, calls, context_tokens=3500, answer_tokens=150)


def test_a_call_costs_its_tokens_times_their_price() -> None:
    assert call_cost(PRICE, 3500, 260) == Decimal("0.0192")


def test_a_call_is_priced_to_the_picodollar() -> None:
    price = Price(input=Decimal("0.1"), output=Decimal("0.123456"), version="list")

    assert call_cost(price, 1, 1) == Decimal("0.000000223456")


def test_a_million_calls_cost_a_million_times_one() -> None:
    price = Price(input=Decimal("0.15"), output=Decimal("0.6"), version="list")

    assert sum([call_cost(price, 7, 3)] * 1_000_000) == Decimal("2.85")


def test_nothing_used_costs_nothing() -> None:
    assert call_cost(PRICE, 0, 0) == 0


def test_a_price_finer_than_a_picodollar_is_rounded_to_one() -> None:
    price = Price(input=Decimal("0.0000015"), output=Decimal(0), version="list")

    assert call_cost(price, 1, 0) == Decimal("2E-12")


# The counts are of o200k, cl100k and Anthropic's tokenizer, whichever made the most.
@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("Where is my order 1042? It should have been here by now. " * 20, 321),
        ("Где мой заказ? Он должен был прийти вчера. " * 20, 480),
        ("我的订单在哪里,昨天就该到了。" * 20, 320),
        ("q z x j " * 100, 401),
        ("🙂🤯👩‍👩‍👧‍👦" * 20, 460),
    ],
)
def test_what_is_reserved_for_a_prompt_is_more_than_any_tokenizer_makes_of_it(
    text: str, most: int
) -> None:
    assert most < reserve_tokens(request(text)) < 5 * most


def test_tools_and_a_schema_are_part_of_the_prompt() -> None:
    tool = {"type": "function", "function": {"name": "get_order", "parameters": {}}}

    bare = reserve_tokens(request("hello"))

    assert reserve_tokens(request("hello", tools=(tool,))) > bare + 600
    assert reserve_tokens(request("hello", schema={"type": "object"})) > bare + 600


def test_the_highest_cost_is_of_a_generous_prompt_and_the_longest_answer() -> None:
    asked = request("Where is my order?")

    assert highest_cost(PRICE, asked) == call_cost(PRICE, reserve_tokens(asked), 500)


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("four", 1), ("fives", 2)])
def test_an_estimate_is_a_token_for_four_bytes(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_a_turn_without_a_model_would_have_cost_its_context_and_its_answer() -> None:
    assert premium() == call_cost(PRICE, 3500, 150)


def test_a_turn_that_a_model_answered_would_have_cost_the_same_tokens() -> None:
    assert premium(Call(tokens_in=1100, tokens_out=90)) == call_cost(PRICE, 1100, 90)


def test_all_rounds_with_tools_would_have_been_needed() -> None:
    rounds = Call(tokens_in=3300, tokens_out=60), Call(tokens_in=3500, tokens_out=260)

    assert premium(*rounds) == call_cost(PRICE, 6800, 320)


def test_the_premium_model_would_have_needed_no_classifier_no_judge_and_no_failed_attempt() -> None:
    others = (
        Call(node="classify", purpose="classify"),
        Call(status="failed"),
        Call(status="unknown", tokens_in=None, tokens_out=None),
        Call(node="check", purpose="judge"),
    )

    assert premium(*others, Call()) == call_cost(PRICE, 1000, 100)


def test_a_draft_that_was_done_again_counts_once() -> None:
    light, strong = Call(node="answer"), Call(node="investigate", tokens_in=3500)

    assert premium(light, strong) == call_cost(PRICE, 3500, 100)


def test_each_part_of_a_message_counts() -> None:
    assert premium(Call(part=0), Call(part=1)) == 2 * call_cost(PRICE, 1000, 100)


def test_each_step_of_a_workflow_that_runs_as_an_api_counts() -> None:
    stages = Call(node="research", purpose="step"), Call(node="write", purpose="step")

    assert premium(*stages) == 2 * call_cost(PRICE, 1000, 100)


def test_a_call_comes_out_of_its_conversation_its_customer_its_day_and_its_month() -> None:
    caps = BudgetCaps(conversation=Decimal(1), customer=Decimal(2), day=Decimal(3))

    allowances = caps.allowances(
        conversation="talk", customer="C-1001", at=datetime(2026, 11, 23, 10, tzinfo=UTC)
    )

    assert [(each.scope, each.key, each.period, each.cap) for each in allowances] == [
        ("conversation", "talk", "", 1),
        ("customer", "C-1001", "2026-11-23", 2),
        ("day", "", "2026-11-23", 3),
        ("month", "", "2026-11", None),
    ]


def test_days_are_those_of_utc() -> None:
    evening_in_new_york = datetime(2026, 11, 30, 20, tzinfo=timezone(timedelta(hours=-5)))

    *_, day, month = BudgetCaps().allowances(conversation="", customer="", at=evening_in_new_york)

    assert (day.period, day.since) == ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC))
    assert (month.period, month.since) == ("2026-12", datetime(2026, 12, 1, tzinfo=UTC))


def test_caps_bind_where_there_is_one() -> None:
    assert not BudgetCaps().bind
    assert BudgetCaps(month=Decimal(0)).bind
