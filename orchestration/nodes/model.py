"""Asks a model for a result in a form of the admin's own."""

from datetime import timedelta
from typing import Any

from pydantic import Field

from orchestration import prompts, schemas, templates
from orchestration.gateway import ModelsFailed
from orchestration.nodes import Config, Node, Outcome, Visit, complete, node_kinds
from orchestration.nodes.results import Into, ObjectSchema, fields_of
from orchestration.templates import Template
from orchestration.types import Json, ModelRequest

# An article with its research fits; more would cost more than anybody means to spend on one step.
LONGEST_VALUE = 20_000


class ModelNodeConfig(Config):
    """What a tier is asked, and the form of its answer.

    `prompt` is a template, `output` the JSON schema of an object, `into` the name its properties
    are put under. With `required`, an answer in another form is a failure of the node, and there is
    no exit `invalid`.
    """

    tier: str = Field(min_length=1)
    prompt: Template = Field(min_length=1)
    output: ObjectSchema
    into: Into
    required: bool = False
    max_tokens: int = Field(default=1500, ge=1, le=16_000)


@node_kinds.register("model")
class Model(Node):
    """Fills the prompt with fields of the state, as data, and keeps the answer if it fits."""

    kind = "model"
    Config = ModelNodeConfig
    fruitless = frozenset({"invalid"})
    touches = "paid"
    # Longer than the time that the gateway gives to all models of a run.
    timeout = timedelta(seconds=60)

    @classmethod
    def exits(cls, config: ModelNodeConfig) -> tuple[str, ...]:
        """An answer in the form, or none."""
        return ("done",) if config.required else ("done", "invalid")

    @classmethod
    def reads(cls, config: ModelNodeConfig) -> frozenset[str]:
        """Read the fields that the prompt names."""
        return templates.fields_in(config.prompt)

    @classmethod
    def writes(cls, config: ModelNodeConfig) -> frozenset[str]:
        """Write the answer, whole and by property."""
        return fields_of(config.into, config.output)

    async def run(self, visit: Visit) -> Outcome:
        """Ask once; the gateway repairs, retries and falls back."""
        config = self.config
        shown = {name: templates.look_up(name, visit.state) for name in self.reads(config)}
        notes: dict[str, Json] = {"prompt": prompts.load("model").version}
        if cut := sorted(name for name, value in shown.items() if _is_cut(value)):
            notes["cut"] = cut
        try:
            asked = await complete(visit, config.tier, self._request(visit), None, purpose="step")
        except ModelsFailed as failure:
            if config.required or not failure.was_answered:
                raise
            notes["problem"] = str(failure)
            return Outcome(exit="invalid", input=shown, notes=notes)
        updates = schemas.spread(config.into, asked.value, config.output)
        return Outcome(
            exit="done", updates=updates, input=shown, notes={**notes, "model": asked.model}
        )

    def _request(self, visit: Visit) -> ModelRequest:
        fence = prompts.new_fence()

        def as_data(name: str, value: Any) -> str:
            text = templates.as_text(value)
            return prompts.as_data(name, text, fence, longest=LONGEST_VALUE)

        return ModelRequest(
            messages=(
                {"role": "system", "content": prompts.load("model").fill(fence=fence)},
                {
                    "role": "user",
                    "content": templates.fill(self.config.prompt, visit.state, as_data),
                },
            ),
            schema=self.config.output,
            max_tokens=self.config.max_tokens,
        )


def _is_cut(value: Json) -> bool:
    return len(templates.as_text(value)) > LONGEST_VALUE
