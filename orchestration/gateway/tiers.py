"""Tiers: levels of model by name, each an ordered list of models."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestration.errors import BadInput
from orchestration.gateway.failures import NoModel
from orchestration.interfaces import ModelProvider
from orchestration.types import ModelConfig


class Tiers:
    """The models of each tier, first choice first."""

    def __init__(self, models: Mapping[str, Sequence[ModelConfig]]) -> None:
        self._models = {tier: tuple(those) for tier, those in models.items() if those}

    def __bool__(self) -> bool:
        """Whether there is any model at all."""
        return bool(self._models)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The models' names by tier, first choice first."""
        return {tier: tuple(one.name for one in those) for tier, those in self._models.items()}

    def is_available(self, tier: str) -> bool:
        """Tell whether the tier has a model."""
        return tier in self._models

    def models(self, tier: str) -> tuple[ModelConfig, ...]:
        """Return the tier's models; raises `NoModel`."""
        if tier not in self._models:
            raise NoModel(tier)
        return self._models[tier]

    def first(self, tier: str) -> ModelConfig | None:
        """Return the tier's first choice, if there is one."""
        return self._models[tier][0] if tier in self._models else None

    def require_prices(self) -> None:
        """Raise `BadInput` naming a model without a price: no cap could bind it."""
        for tier, models in self._models.items():
            for model in models:
                if model.price is None:
                    raise BadInput(
                        f"a budget is set, but the model {model.name!r} of the tier {tier!r} has "
                        "no price; name its input_price and output_price in the models file",
                        field=model.name,
                    )

    def with_list_prices(self, provider: ModelProvider) -> "Tiers":
        """Return the same tiers with list prices where none were given; may be slow."""
        return Tiers(
            {
                tier: [priced(model, provider) for model in models]
                for tier, models in self._models.items()
            }
        )


def priced(model: ModelConfig, provider: ModelProvider) -> ModelConfig:
    """Return the model with its list price where none was given and one is known."""
    return model if model.price else replace(model, price=provider.list_price(model.name))
