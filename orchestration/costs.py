"""What model calls cost, may cost and save: exact arithmetic on prices and tokens, no I/O."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Literal, Protocol

from orchestration.types import ModelRequest, Price

Purpose = Literal["answer", "step", "classify", "judge"]
Scope = Literal["conversation", "customer", "day", "month"]

PICODOLLAR = Decimal(1).scaleb(-12)
_PER_MILLION = Decimal(1).scaleb(-6)

# From this share of a cap on, its operator is warned.
WARNING_SHARE = Decimal("0.8")

_BYTES_PER_TOKEN = 4
# What providers add by themselves: the chat template, and their own instructions for tools.
_TOKENS_PER_MESSAGE = 16
_TOKENS_FOR_TOOLS = 600
# Tokenizers join small letters and spaces; even of random ones they make at most 0.54 tokens each
# (cl100k, o200k, Anthropic's). Capitals, digits, signs and the rest may be taken byte by byte.
_JOINED = re.compile(rb"[a-z\s]")
_TOKENS_PER_JOINED = Fraction(3, 5)


class Booked(Protocol):
    """A model call as the ledger has it."""

    @property
    def part(self) -> int: ...

    @property
    def node(self) -> str: ...

    @property
    def visit(self) -> int: ...

    @property
    def purpose(self) -> str: ...

    @property
    def status(self) -> str: ...

    @property
    def tokens_in(self) -> int | None: ...

    @property
    def tokens_out(self) -> int | None: ...


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How much one scope may spend in one period, which began at `since`; no `cap`, no limit."""

    scope: Scope
    key: str
    period: str
    since: datetime | None
    cap: Decimal | None


@dataclass(frozen=True, kw_only=True)
class BudgetCaps:
    """The caps in USD: for a conversation as a whole, for a customer a day, for a day, a month."""

    conversation: Decimal | None = None
    customer: Decimal | None = None
    day: Decimal | None = None
    month: Decimal | None = None

    @property
    def bind(self) -> bool:
        """Whether there is any cap."""
        return any(
            cap is not None for cap in (self.conversation, self.customer, self.day, self.month)
        )

    def allowances(
        self, *, conversation: str, customer: str, at: datetime
    ) -> tuple[Allowance, ...]:
        """Return what a call at this time comes out of; days and months are those of UTC.

        The order is always the same, so that two calls that lock their budgets cannot lock each
        other out.
        """
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        month = day.replace(day=1)
        return (
            Allowance(
                scope="conversation", key=conversation, period="", since=None, cap=self.conversation
            ),
            Allowance(
                scope="customer",
                key=customer,
                period=f"{day:%Y-%m-%d}",
                since=day,
                cap=self.customer,
            ),
            Allowance(scope="day", key="", period=f"{day:%Y-%m-%d}", since=day, cap=self.day),
            Allowance(scope="month", key="", period=f"{day:%Y-%m}", since=month, cap=self.month),
        )


def call_cost(price: Price, tokens_in: int, tokens_out: int) -> Decimal:
    """Return the USD that these tokens cost, in whole picodollars."""
    dollars = (tokens_in * price.input + tokens_out * price.output) * _PER_MILLION
    return dollars.quantize(PICODOLLAR)


def highest_cost(price: Price, request: ModelRequest) -> Decimal:
    """Return the most that one request is taken to cost: a generous prompt, the longest answer."""
    return call_cost(price, reserve_tokens(request), request.max_tokens)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has: a guess, in place of a count nobody made.

    For the baseline of savings; what a request may cost is reserved by `reserve_tokens`.
    """
    return ceil(len(text.encode()) / _BYTES_PER_TOKEN)


def reserve_tokens(request: ModelRequest) -> int:
    """Return more tokens than any tokenizer makes of the prompt, tools and schema included."""
    sent = [list(request.messages), list(request.tools), request.schema]
    written = json.dumps(sent, ensure_ascii=False, default=dict).encode()
    joined = len(_JOINED.findall(written))
    added = _TOKENS_PER_MESSAGE * len(request.messages)
    if request.tools or request.schema:
        added += _TOKENS_FOR_TOOLS
    return ceil(joined * _TOKENS_PER_JOINED) + len(written) - joined + added


def premium_cost(
    price: Price, calls: Sequence[Booked], *, context_tokens: int, answer_tokens: int
) -> Decimal:
    """Return what the premium model alone would have cost for the turn, with the same context.

    That is p_s or p_c of the savings formula: the tokens of the requests that led to the answer,
    at the premium price. Classifiers, judges, failed attempts and drafts that were done again
    would not have been there. Where no model answered, `context_tokens` would have gone in and
    `answer_tokens` come out.
    """
    answering = _answering(calls)
    if not answering:
        return call_cost(price, context_tokens, answer_tokens)
    return sum(
        (call_cost(price, call.tokens_in or 0, call.tokens_out or 0) for call in answering),
        start=Decimal(0),
    )


def _answering(calls: Iterable[Booked]) -> list[Booked]:
    """Return the calls of the last visit that answered, for each part; and all other work's."""
    succeeded = [call for call in calls if call.status == "succeeded"]
    drafts = [call for call in succeeded if call.purpose == "answer"]
    last = {call.part: (call.node, call.visit) for call in drafts}
    chosen = [call for call in drafts if (call.node, call.visit) == last[call.part]]
    return chosen + [call for call in succeeded if call.purpose == "step"]
