"""Has another model judge a draft, where the checks in code cannot tell."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import BaseModel, Field

from orchestration import prompts
from orchestration.gateway import Completion
from orchestration.types import Draft, ModelRequest, Verdict

PROMPT = "judge"

Ask = Callable[[ModelRequest, type[BaseModel]], Awaitable[Completion[Any]]]


class Opinion(BaseModel):
    """What the judge must answer with."""

    verdict: Literal["passed", "failed", "unsure"]
    confidence: float = Field(default=1.0, ge=0, le=1)
    reasons: list[str] = Field(default_factory=list, max_length=10)


async def judge(
    draft: Draft, *, question: str, shop: str, min_confidence: float | None, ask: Ask
) -> Verdict:
    """Return the judge's verdict; a verdict it is not sure of is `unsure`.

    Raises what the gateway raises where no model answered.
    """
    prompt, fence = prompts.load(PROMPT), prompts.new_fence()
    facts = [prompts.as_data(f"{one.kind} id={one.id}", one.text, fence) for one in draft.evidence]
    shown = [
        prompts.as_data("message", question, fence),
        *facts,
        prompts.as_data("draft", draft.text, fence),
    ]
    request = ModelRequest(
        messages=(
            {"role": "system", "content": prompt.fill(shop=shop, fence=fence)},
            {"role": "user", "content": "\n\n".join(shown)},
        ),
        max_tokens=300,
    )
    opinion = (await ask(request, Opinion)).value
    assert isinstance(opinion, Opinion)  # noqa: S101
    reasons = tuple(prompts.clean(reason)[:300] for reason in opinion.reasons)
    is_sure = opinion.confidence >= (min_confidence or 0)
    if opinion.verdict == "passed" and not is_sure:
        return Verdict(outcome="unsure", reasons=(*reasons, "the judge is not sure"))
    return Verdict(outcome=opinion.verdict, reasons=reasons)


def is_sampled(run: str, share: float) -> bool:
    """Tell whether a run is among the share that is judged; the same run always alike."""
    digest = hashlib.sha256(run.encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
