"""Drafts replies with a model: grounded in what it was shown, or not at all."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, Field

from orchestration import prompts
from orchestration.gateway import Completion
from orchestration.lookups import SCHEMAS, Lookups
from orchestration.types import (
    Article,
    Citation,
    Draft,
    Evidence,
    Json,
    ModelAnswer,
    ModelRequest,
    Question,
)

LIGHT = "light"
ROUNDS = 3
_TALK = 10
# So that the newest of them is never what is cut off.
_LONGEST_SAID = 350
_NO_MORE = "You have looked up enough. Answer now, from what you know."

# Asks the gateway on this tier.
Ask = Callable[[ModelRequest, type[BaseModel]], Awaitable[Completion[Any]]]


class ProposalOut(BaseModel):
    """An action that the model proposes; a human decides, and code checks the arguments."""

    action: Literal["cancel_order", "refund", "change_address"]
    order: str
    amount: str | None = None
    address: str | None = None
    why: str = ""


class Finding(BaseModel):
    """What a light model must answer with."""

    can_answer: bool
    answer: str = Field(max_length=4000)
    sources: list[str] = []


class Thought(Finding):
    """What a model that may look things up and propose actions must answer with."""

    confidence: float = Field(default=1.0, ge=0, le=1)
    proposal: ProposalOut | None = None


@dataclass(frozen=True, kw_only=True)
class Written:
    """A model's draft, what it proposes, and which prompt it was given."""

    draft: Draft
    proposal: ProposalOut | None
    prompt: str


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a model is told about a turn, beside the question itself."""

    shop: str
    bot: str
    facts: Sequence[Evidence]
    articles: Mapping[str, Article]
    talk: Sequence[tuple[str, str]] = ()
    faults: Sequence[str] = ()
    last_draft: str | None = None


async def draft(
    tier: str, question: Question, brief: Brief, *, ask: Ask, lookups: Lookups
) -> Written | None:
    """Return the tier's draft; None where the model says that it cannot answer.

    Raises what the gateway raises where no model of the tier answered.
    """
    prompt = prompts.load(LIGHT if tier == LIGHT else "strong")
    fence = prompts.new_fence()
    language = question.classification.language
    told = prompt.fill(shop=brief.shop, bot=brief.bot, language=language, fence=fence)
    messages: list[Mapping[str, Json]] = [
        {"role": "system", "content": told},
        {"role": "user", "content": _material(question, brief, fence)},
    ]
    messages += _faults(brief)
    request = ModelRequest(messages=tuple(messages))
    finding: Thought | None
    if tier == LIGHT:
        finding = _finding((await ask(request, Finding)).value)
    else:
        finding = await _think(replace(request, tools=SCHEMAS), ask, lookups)
    if finding is None or not (finding.can_answer or finding.proposal):
        return None
    evidence = (*brief.facts, *lookups.evidence)
    written = _draft(tier, question, finding, evidence, brief.articles)
    used = f"{prompt.name} {prompt.version}"
    return Written(draft=written, proposal=finding.proposal, prompt=used)


async def _think(request: ModelRequest, ask: Ask, lookups: Lookups) -> Thought | None:
    """Let the model look things up for some rounds; None where it never comes to an answer."""
    for _ in range(ROUNDS):
        completion = await ask(request, Thought)
        if not completion.answer.tool_calls:
            return _finding(completion.value)
        request = replace(request, messages=await _looked_up(request, completion.answer, lookups))
    # The tools stay on offer: some providers refuse their results in a request without them.
    ended = {"role": "user", "content": _NO_MORE}
    completion = await ask(replace(request, messages=(*request.messages, ended)), Thought)
    return None if completion.answer.tool_calls else _finding(completion.value)


def _finding(value: Any) -> Thought:
    assert isinstance(value, Finding)  # noqa: S101
    return value if isinstance(value, Thought) else Thought(**value.model_dump())


async def _looked_up(
    request: ModelRequest, answer: ModelAnswer, lookups: Lookups
) -> tuple[Mapping[str, Json], ...]:
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in answer.tool_calls
    ]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": await lookups.answer(call)}
        for call in answer.tool_calls
    ]
    asked = {"role": "assistant", "content": answer.text, "tool_calls": calls}
    return (*request.messages, asked, *results)


def _material(question: Question, brief: Brief, fence: str) -> str:
    said = [f"{author}: {text[:_LONGEST_SAID]}" for author, text in brief.talk[-_TALK:]]
    talk = "\n".join(said)
    parts = [prompts.as_data(f"{fact.kind} id={fact.id}", fact.text, fence) for fact in brief.facts]
    if talk:
        parts.append(prompts.as_data("conversation", talk, fence))
    parts.append(prompts.as_data("message", question.text, fence))
    return "\n\n".join(parts)


def _faults(brief: Brief) -> list[Mapping[str, Json]]:
    if not brief.faults or brief.last_draft is None:
        return []
    reasons = "\n".join(f"- {reason}" for reason in brief.faults)
    again = prompts.load("revise").fill(reasons=reasons)
    before = json.dumps({"can_answer": True, "answer": brief.last_draft, "sources": []})
    return [{"role": "assistant", "content": before}, {"role": "user", "content": again}]


def _draft(
    tier: str,
    question: Question,
    finding: Thought,
    evidence: Sequence[Evidence],
    articles: Mapping[str, Article],
) -> Draft:
    used = [articles[id] for id in dict.fromkeys(finding.sources) if id in articles]
    orders = question.classification.entities.get("orders", ())
    known = {order.id for order in question.orders}
    about = next((order for order in orders if order in known), question.memory.last_order)
    memory = replace(
        question.memory,
        pending=None,
        last_intent=question.classification.intent,
        last_order=about,
        language=question.classification.language,
    )
    return Draft(
        text=finding.answer.strip(),
        responder=tier,
        language=question.classification.language,
        citations=tuple(Citation(id=one.id, title=one.title, url=one.url) for one in used),
        evidence=tuple(evidence),
        memory=memory,
        confidence=finding.confidence,
    )
