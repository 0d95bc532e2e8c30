"""Tiers of models come from the settings and the models file, and a mistake is named."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot import settings
from bot.settings import BadSetting
from bot.tiers import premium_of, tiers_of
from orchestration.gateway import NoModel, Tiers
from orchestration.types import ModelConfig, Price

OWN_SERVER = "http://127.0.0.1:11434/v1"
FILE = """
tiers:
  light:
    - {model: ours/small, input_price: 0.1, output_price: "0.5", timeout: 5, max_concurrency: 2,
       requests_per_minute: 60}
    - {model: claude-haiku-5-5}
  middle:
    - {model: ours/middle, api_base: "http://10.0.0.7:8000/v1"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.yaml"


def read(**given: Any) -> settings.Settings:
    return settings.read(_env_file=None, **given)


def tiers_in(file: Path, text: str, **given: Any) -> Tiers:
    file.write_text(text, encoding="utf-8")
    return tiers_of(read(frontdesk_models_file=file, **given))


def test_without_a_model_there_are_no_tiers() -> None:
    tiers = tiers_of(read(frontdesk_light_models=" , "))

    assert not tiers
    assert not tiers.is_available("light")


def test_names_in_the_settings_are_asked_in_their_order() -> None:
    tiers = tiers_of(
        read(
            frontdesk_light_models="claude-haiku-5-5, gpt-6-luna",
            frontdesk_model_api_base=OWN_SERVER,
        )
    )

    assert tiers.models("light") == (
        ModelConfig(name="claude-haiku-5-5", api_base=OWN_SERVER),
        ModelConfig(name="gpt-6-luna", api_base=OWN_SERVER),
    )
    with pytest.raises(NoModel):
        tiers.models("strong")


def test_the_models_file_adds_tiers_and_wins(file: Path) -> None:
    tiers = tiers_in(
        file,
        FILE,
        frontdesk_light_models="gpt-6-luna",
        frontdesk_strong_models="claude-opus-5-5",
        frontdesk_model_api_base=OWN_SERVER,
    )

    price = Price(input=Decimal("0.1"), output=Decimal("0.5"), version="models file")
    own = ModelConfig(
        name="ours/small",
        api_base=OWN_SERVER,
        price=price,
        timeout=5,
        max_concurrency=2,
        requests_per_minute=60,
    )
    assert tiers.models("light") == (
        own,
        ModelConfig(name="claude-haiku-5-5", api_base=OWN_SERVER),
    )
    assert tiers.models("middle")[0].api_base == "http://10.0.0.7:8000/v1"
    assert tiers.models("strong")[0].name == "claude-opus-5-5"


def test_tiers_may_stand_in_the_file_without_a_heading(file: Path) -> None:
    tiers = tiers_in(file, "light: [{model: ours/small}]")

    assert tiers.models("light") == (ModelConfig(name="ours/small"),)


def test_a_key_is_taken_from_the_variable_that_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "sk-not-a-real-key")

    tiers = tiers_in(file, "light: [{model: ours/small, api_key_env: OUR_KEY}]")

    assert tiers.models("light")[0].api_key == "sk-not-a-real-key"


def test_a_key_that_is_not_set_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)

    with pytest.raises(BadSetting, match="ours/small takes its key from OUR_KEY, which is not set"):
        tiers_in(file, "light: [{model: ours/small, api_key_env: OUR_KEY}]")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("light: [{modle: ours/small}]", "light.0.modle"),
        ("light: [{model: ''}]", "light.0.model"),
        ("light: [{model: a, input_price: -1, output_price: 1}]", "light.0.input_price"),
        ("light: [{model: a, input_price: 1}]", "input_price and output_price belong together"),
        ("light: [{model: a, timeout: 0}]", "light.0.timeout"),
        ("light: [{model: a, max_concurrency: 0}]", "light.0.max_concurrency"),
        ("light: [{model: a, requests_per_minute: 0}]", "light.0.requests_per_minute"),
        ("light: ours/small", "light"),
        ("just words", "tiers"),
        ("", "tiers"),
        ("light: [", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(file: Path, text: str, place: str) -> None:
    with pytest.raises(BadSetting) as refused:
        tiers_in(file, text)

    assert str(refused.value).startswith(f"FRONTDESK_MODELS_FILE: {file}")
    assert place in str(refused.value)


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(BadSetting, match=r"FRONTDESK_MODELS_FILE: .*cannot be read"):
        tiers_of(read(frontdesk_models_file=file))


def test_savings_are_measured_against_the_premium_model_as_its_tier_prices_it(file: Path) -> None:
    file.write_text("best: [{model: ours/best, input_price: 3, output_price: 9}]", encoding="utf-8")

    premium = premium_of(read(frontdesk_models_file=file, frontdesk_premium_model="ours/best"))

    assert premium is not None
    assert premium.price == Price(input=Decimal(3), output=Decimal(9), version="models file")


def test_a_premium_model_need_not_be_in_any_tier() -> None:
    premium = premium_of(
        read(frontdesk_premium_model="claude-opus-5-5", frontdesk_model_api_base=OWN_SERVER)
    )

    assert premium == ModelConfig(name="claude-opus-5-5", api_base=OWN_SERVER)
    assert premium_of(read()) is None
