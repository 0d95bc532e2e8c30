"""The tiers of models that the operator named, in settings or in a models file."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bot.settings import BadSetting, Settings
from orchestration.costs import BudgetCaps
from orchestration.gateway import Tiers
from orchestration.types import ModelConfig, Price

LIGHT, STRONG = "light", "strong"

PerMillion = Annotated[Decimal, Field(ge=0, le=100_000)]


class ModelEntry(BaseModel):
    """A model of the models file; prices in USD per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    api_base: str | None = None
    api_key_env: str | None = None
    input_price: PerMillion | None = None
    output_price: PerMillion | None = None
    timeout: float = Field(default=30, gt=0, le=600)
    max_concurrency: int = Field(default=8, ge=1, le=1000)
    requests_per_minute: int | None = Field(default=None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _has_both_prices_or_none(self) -> Self:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price belong together")
        return self


class ModelsFile(BaseModel):
    """The models file: tiers by name, each a list of models, first choice first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: Mapping[str, tuple[ModelEntry, ...]]


def tiers_of(settings: Settings) -> Tiers:
    """Return the tiers of the settings; the models file adds to them and wins.

    Raises `BadSetting` naming the variable or the place in the file.
    """
    return Tiers(_models(settings))


def premium_of(settings: Settings) -> ModelConfig | None:
    """Return the model that savings are measured against, as a tier has it, where one was named."""
    name = settings.frontdesk_premium_model
    if not name:
        return None
    known = (model for those in _models(settings).values() for model in those)
    unlisted = ModelConfig(name=name, api_base=settings.frontdesk_model_api_base)
    return next((model for model in known if model.name == name), unlisted)


def caps_of(settings: Settings) -> BudgetCaps:
    """Return what may be spent at the most."""
    return BudgetCaps(
        conversation=settings.frontdesk_budget_conversation,
        customer=settings.frontdesk_budget_customer,
        day=settings.frontdesk_budget_day,
        month=settings.frontdesk_budget_month,
    )


def _models(settings: Settings) -> dict[str, tuple[ModelConfig, ...]]:
    base = settings.frontdesk_model_api_base
    named = {
        LIGHT: _names(settings.frontdesk_light_models),
        STRONG: _names(settings.frontdesk_strong_models),
    }
    tiers = {
        tier: tuple(ModelConfig(name=name, api_base=base) for name in names)
        for tier, names in named.items()
    }
    if settings.frontdesk_models_file:
        tiers |= _read_file(settings.frontdesk_models_file, base)
    return tiers


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _read_file(path: Path, base: str | None) -> dict[str, tuple[ModelConfig, ...]]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        entries = content.get("tiers", content) if isinstance(content, dict) else content
        read = ModelsFile.model_validate({"tiers": entries})
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise BadSetting(f"FRONTDESK_MODELS_FILE: {path} cannot be read: {error}") from error
    except ValidationError as refused:
        problems = refused.errors(include_url=False, include_input=False)
        words = "; ".join(
            f"{'.'.join(str(place) for place in one['loc'])}: {one['msg']}" for one in problems
        )
        raise BadSetting(f"FRONTDESK_MODELS_FILE: {path}: {words}") from refused
    return {
        tier: tuple(_config(entry, base) for entry in those) for tier, those in read.tiers.items()
    }


def _config(entry: ModelEntry, base: str | None) -> ModelConfig:
    key = None
    if entry.api_key_env:
        key = os.environ.get(entry.api_key_env)
        if not key:
            raise BadSetting(
                f"FRONTDESK_MODELS_FILE: {entry.model} takes its key from {entry.api_key_env}, "
                "which is not set"
            )
    return ModelConfig(
        name=entry.model,
        api_base=entry.api_base or base,
        api_key=key,
        price=_price(entry),
        timeout=entry.timeout,
        max_concurrency=entry.max_concurrency,
        requests_per_minute=entry.requests_per_minute,
    )


def _price(entry: ModelEntry) -> Price | None:
    if entry.input_price is None or entry.output_price is None:
        return None
    return Price(input=entry.input_price, output=entry.output_price, version="models file")
