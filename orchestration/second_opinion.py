"""Has a model say what a message is about, where the local classifier is not sure."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from orchestration import prompts
from orchestration.classification import OTHER, SMALL_TALK
from orchestration.gateway import Completion
from orchestration.types import Intent, ModelRequest

PROMPT = "classify"
_LONGEST_DESCRIPTION = 200
# A name and a number; the rest is for models that think first.
_LONGEST_ANSWER = 300

Ask = Callable[[ModelRequest, type[BaseModel]], Awaitable[Completion[Any]]]


class Guess(BaseModel):
    """What the model must answer with; `intent` is one of those it was shown."""

    intent: str
    confidence: float = Field(ge=0, le=1)


async def ask_intent(
    text: str, *, intents: Iterable[Intent], shop: str, ask: Ask
) -> Completion[Guess]:
    """Return which of these intents, or `other`, a model takes the message for.

    Raises what the gateway raises where no model gave an answer of this form.
    """
    # What ends a conversation or greets is told by its wording alone, never by a model.
    offered = [intent for intent in intents if intent.name not in SMALL_TALK]
    fence = prompts.new_fence()
    listed = "\n".join(_line(intent) for intent in offered)
    told = prompts.load(PROMPT).fill(shop=shop, intents=listed, fence=fence)
    request = ModelRequest(
        messages=(
            {"role": "system", "content": told},
            {"role": "user", "content": prompts.as_data("message", text, fence)},
        ),
        max_tokens=_LONGEST_ANSWER,
    )
    return await ask(request, _one_of([*(intent.name for intent in offered), OTHER]))


def _line(intent: Intent) -> str:
    means = intent.description or "; ".join(intent.examples[:2])
    return f"- {intent.name}: {' '.join(means.split())[:_LONGEST_DESCRIPTION]}"


def _one_of(names: Sequence[str]) -> type[Guess]:
    """Return the form of an answer that names one of these."""
    fields: dict[str, Any] = {"intent": (Literal[tuple(names)], ...)}
    return create_model("Guess", __base__=Guess, **fields)
