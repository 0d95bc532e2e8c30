"""Ends a run by API with what it was made for."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from orchestration import templates
from orchestration.nodes import Config, End, Node, Outcome, Visit, node_kinds
from orchestration.templates import Template


def _as_template(source: str) -> str:
    return source if "{{" in source else f"{{{{ {source} }}}}"


def _names_a_field(source: str) -> str:
    if not templates.fields_in(_as_template(source)):
        raise ValueError(f"{source!r} is no field and no template with one in it")
    return source


Source = Annotated[Template, AfterValidator(_names_a_field)]


class OutputConfig(Config):
    """`fields` by name, each a field of the state or a template; or a list of fields.

    A template that is one field alone gives its value as it is, not as a text.
    """

    fields: Mapping[str, Source] | tuple[Source, ...] = Field(min_length=1)

    def templates(self) -> dict[str, str]:
        """Return a template for each name of the output."""
        named = (
            self.fields.items()
            if isinstance(self.fields, Mapping)
            else ((source, source) for source in self.fields)
        )
        return {name: _as_template(source) for name, source in named}


@node_kinds.register("output")
class Output(Node):
    """Collects the fields that the caller is answered with."""

    kind = "output"
    Config = OutputConfig
    ends = True

    @classmethod
    def exits(cls, config: OutputConfig) -> tuple[str, ...]:
        """It ends a path."""
        return ()

    @classmethod
    def reads(cls, config: OutputConfig) -> frozenset[str]:
        """Read the fields that it gives."""
        return templates.fields_in(config.templates())

    async def run(self, visit: Visit) -> Outcome:
        """End with the fields."""
        output = templates.fill_json(self.config.templates(), visit.state)
        return Outcome(end=End(kind="output", output=output), notes={"output": output})
