"""All settings, read from the environment and `.env` in one place."""

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from integrations import signatures
from integrations.classifiers.local import check_folder
from integrations.http import AllowedHosts
from orchestration.errors import BadInput

_EXAMPLES = {
    "FRONTDESK_DATABASE_URL": "sqlite:///frontdesk.db or postgresql://user:password@host/database",
    "FRONTDESK_STORE_FILE": "store.yaml",
    "FRONTDESK_HOST": "127.0.0.1",
    "FRONTDESK_PORT": "8000",
    "FRONTDESK_API_KEY": "a long random text, at least 16 characters",
    "FRONTDESK_ADMIN_KEY": "a long random text, at least 16 characters",
    "FRONTDESK_WEBHOOK_SECRETS": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "FRONTDESK_CALLBACK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "FRONTDESK_CALLBACK_HOSTS": "shop.example,127.0.0.1:9000",
    "FRONTDESK_EVENTS_URL": "https://shop.example/frontdesk-events",
    "FRONTDESK_CHAT_SECRET": "a long random text, at least 16 characters",
    "FRONTDESK_CHAT_ORIGINS": "https://shop.example",
    "FRONTDESK_DEBOUNCE_SECONDS": "1.0",
    "FRONTDESK_RETENTION_DAYS": "365",
    "FRONTDESK_SEMANTIC_MODEL": "models/all-MiniLM-L6-v2",
    "FRONTDESK_LIGHT_MODELS": "claude-haiku-5-5,gpt-6-luna",
    "FRONTDESK_STRONG_MODELS": "claude-opus-5-5",
    "FRONTDESK_MODEL_API_BASE": "http://127.0.0.1:11434/v1",
    "FRONTDESK_MODELS_FILE": "models.yaml",
    "FRONTDESK_PREMIUM_MODEL": "claude-opus-5-5",
    "FRONTDESK_BUDGET_CONVERSATION": "0.50",
    "FRONTDESK_BUDGET_CUSTOMER": "1.00",
    "FRONTDESK_BUDGET_DAY": "20",
    "FRONTDESK_BUDGET_MONTH": "300",
    "FRONTDESK_PUBLIC_URL": "https://help.shop.example",
    "FRONTDESK_CONSOLE_BUILD": "skip",
    "SLACK_BOT_TOKEN": "the token that begins with xoxb-, from OAuth & Permissions",
    "SLACK_SIGNING_SECRET": "the signing secret, from Basic Information",
    "SLACK_APP_TOKEN": "the token that begins with xapp-, from Basic Information",
    "SLACK_API_URL": "https://slack.com/api/",
    "FRONTDESK_SLACK_AGENTS_CHANNEL": "C0123456789",
}


class BadSetting(BadInput):
    """A setting that cannot be used; says which, what is wrong and what would be right."""


def _database(url: str) -> str:
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ValueError("is no database URL") from error
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"names the database {backend!r}; it may be sqlite or postgresql")
    if backend == "sqlite" and make_url(url).database in (None, "", ":memory:"):
        raise ValueError("names no file; a database in memory would be lost")
    return url


def _key(key: str | None) -> str | None:
    if key is not None and (len(key) < 16 or not key.isascii() or not key.isprintable()):
        raise ValueError("must have at least 16 printable characters")
    return key


def _origins(text: str | None) -> str | None:
    for origin in filter(None, (text or "").split(",")):
        # It becomes part of a policy in which a space or a semicolon begins something else.
        if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", origin.strip(), re.ASCII):
            raise ValueError(f"{origin.strip()!r} is no origin: https://, a host and no path")
    return text


def _secrets(text: str | None) -> str | None:
    if text is not None:
        signatures.parse_secrets(text)
    return text


def _secret(text: str | None) -> str | None:
    return None if text is None else signatures.parse_secret(text)


def _web_address(text: str | None) -> str | None:
    if text is not None and not text.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return text


def _public_url(text: str | None) -> str | None:
    if text is None:
        return None
    # Pages and links are made of it; what follows the host would end up in their middle.
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", text, re.ASCII):
        raise ValueError("must be https:// or http:// and a host, without path or query")
    if len(text) > 300:
        raise ValueError("is longer than 300 characters")
    return text.rstrip("/")


def _bot_token(text: str | None) -> str | None:
    if text is not None and not text.startswith("xoxb-"):
        raise ValueError("is no bot token: it begins with xoxb-")
    return text


def _app_token(text: str | None) -> str | None:
    if text is not None and not text.startswith("xapp-"):
        raise ValueError("is no app-level token: it begins with xapp-")
    return text


def _slack_channel(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[CG][A-Z0-9]{2,}", text):
        raise ValueError("is no channel id; it stands at the end of the channel's link")
    return text


def _semantic_model(folder: Path | None) -> Path | None:
    try:
        if folder is not None:
            check_folder(folder)
    except BadInput as wrong:
        raise ValueError(str(wrong)) from wrong
    return folder


Key = Annotated[str | None, AfterValidator(_key)]
Cap = Annotated[Decimal | None, Field(gt=0, le=1_000_000)]


class Settings(BaseSettings):
    """What the operator set; every name is the one in the environment, in lower case."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    frontdesk_database_url: Annotated[str, AfterValidator(_database)] = "sqlite:///frontdesk.db"
    frontdesk_store_file: Path | None = None
    frontdesk_host: str = "127.0.0.1"
    frontdesk_port: int = Field(default=8000, ge=0, le=65535)
    frontdesk_api_key: Key = None
    frontdesk_admin_key: Key = None
    frontdesk_webhook_secrets: Annotated[str | None, AfterValidator(_secrets)] = None
    frontdesk_callback_secret: Annotated[str | None, AfterValidator(_secret)] = None
    frontdesk_callback_hosts: str | None = None
    frontdesk_events_url: Annotated[str | None, AfterValidator(_web_address)] = None
    frontdesk_chat_secret: Key = None
    frontdesk_chat_origins: Annotated[str | None, AfterValidator(_origins)] = None
    frontdesk_debounce_seconds: float = Field(default=1.0, ge=0, le=60, allow_inf_nan=False)
    frontdesk_retention_days: int | None = Field(default=None, ge=1, le=36_500)
    frontdesk_semantic_model: Annotated[Path | None, AfterValidator(_semantic_model)] = None
    frontdesk_light_models: str | None = None
    frontdesk_strong_models: str | None = None
    frontdesk_model_api_base: Annotated[str | None, AfterValidator(_web_address)] = None
    frontdesk_models_file: Path | None = None
    frontdesk_premium_model: str | None = None
    frontdesk_budget_conversation: Cap = None
    frontdesk_budget_customer: Cap = None
    frontdesk_budget_day: Cap = None
    frontdesk_budget_month: Cap = None
    frontdesk_public_url: Annotated[str | None, AfterValidator(_public_url)] = None
    frontdesk_console_build: Literal["auto", "skip", "require"] = "auto"
    slack_bot_token: Annotated[str | None, AfterValidator(_bot_token)] = None
    slack_signing_secret: str | None = None
    slack_app_token: Annotated[str | None, AfterValidator(_app_token)] = None
    slack_api_url: Annotated[str, AfterValidator(_web_address)] = "https://slack.com/api/"
    frontdesk_slack_agents_channel: Annotated[str | None, AfterValidator(_slack_channel)] = None

    @field_validator("frontdesk_callback_hosts")
    @classmethod
    def _hosts(cls, text: str | None) -> str | None:
        AllowedHosts.parse(text)
        return text

    @property
    def debounce(self) -> timedelta:
        """How long a customer must pause before a turn starts."""
        return timedelta(seconds=self.frontdesk_debounce_seconds)

    @property
    def has_slack(self) -> bool:
        """Whether Slack is on: a bot token, and a way for events to come in."""
        return bool(self.slack_bot_token and (self.slack_app_token or self.slack_signing_secret))

    @property
    def console_url(self) -> str | None:
        """Where agents' browsers find the console, if the operator says."""
        return f"{self.frontdesk_public_url}/console" if self.frontdesk_public_url else None

    @property
    def callback_hosts(self) -> AllowedHosts:
        """Where callbacks and events may go."""
        return AllowedHosts.parse(self.frontdesk_callback_hosts)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The current and the previous secret of signed inbound webhooks."""
        return signatures.parse_secrets(self.frontdesk_webhook_secrets or "")

    @property
    def chat_origins(self) -> tuple[str, ...]:
        """The pages that may embed the web chat."""
        listed = (self.frontdesk_chat_origins or "").split(",")
        return tuple(origin.strip().rstrip("/") for origin in listed if origin.strip())


def read(**overrides: object) -> Settings:
    """Read all settings; raises `BadSetting` naming the variable, what is wrong and an example."""
    try:
        _lend_provider_keys()
        return Settings(**overrides)  # type: ignore[arg-type]
    except UnicodeDecodeError as error:
        raise BadSetting(".env: is not UTF-8 text; save it as UTF-8") from error
    except ValidationError as refused:
        raise BadSetting("\n".join(_explain(problem) for problem in refused.errors())) from refused


def _lend_provider_keys() -> None:
    """Let model providers see keys such as `OPENAI_API_KEY` that stand in `.env` alone."""
    for name, value in dotenv_values(".env").items():
        if name.endswith("_API_KEY") and value:
            os.environ.setdefault(name, value)


def _explain(problem: object) -> str:
    assert isinstance(problem, dict)  # noqa: S101
    variable = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
    message = str(problem["msg"]).removeprefix("Value error, ")
    example = _EXAMPLES.get(variable)
    return f"{variable}: {message}" + (f"; for example {example}" if example else "")
