from datetime import timedelta
from pathlib import Path

import pytest

from bot import settings
from bot.settings import BadSetting, Settings
from orchestration.errors import BadInput

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read neither the developer's environment nor their `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def refusal(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as caught:
        settings.read()
    return str(caught.value)


def test_without_any_setting_the_defaults_of_the_contract_hold() -> None:
    read = settings.read()

    assert read.frontdesk_database_url == "sqlite:///frontdesk.db"
    assert (read.frontdesk_host, read.frontdesk_port) == ("127.0.0.1", 8000)
    assert read.debounce == timedelta(seconds=1)
    assert read.frontdesk_api_key is None
    assert read.frontdesk_admin_key is None
    assert read.webhook_secrets == read.chat_origins == ()


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "9001")
    monkeypatch.setenv("FRONTDESK_WEBHOOK_SECRETS", f"{SECRET}, {OTHER_SECRET}")
    monkeypatch.setenv("FRONTDESK_CHAT_ORIGINS", "https://shop.example/, https://other.example")
    monkeypatch.setenv("FRONTDESK_CALLBACK_HOSTS", "shop.example,127.0.0.1:9000")

    read = settings.read()

    assert read.frontdesk_port == 9001
    assert read.webhook_secrets == (SECRET, OTHER_SECRET)
    assert read.chat_origins == ("https://shop.example", "https://other.example")
    assert read.callback_hosts.names == {"shop.example"}
    assert read.callback_hosts.pairs == {("127.0.0.1", 9000)}


def test_settings_are_read_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_PORT=9002\n# a comment\nUNKNOWN=1\n")

    assert settings.read().frontdesk_port == 9002


def test_the_environment_goes_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_PORT=9002\n")
    monkeypatch.setenv("FRONTDESK_PORT", "9003")

    assert settings.read().frontdesk_port == 9003


@pytest.mark.parametrize(
    "name", ["FRONTDESK_ADMIN_KEY", "FRONTDESK_CALLBACK_SECRET", "FRONTDESK_PORT"]
)
def test_an_empty_setting_is_one_that_is_not_set(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "")

    assert settings.read() == Settings(_env_file=None)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///frontdesk.db",
        "sqlite:////var/lib/frontdesk.db",
        "postgresql://user:pw@host/db",
        "postgresql:///db?host=/var/run/postgresql",
    ],
)
def test_database_urls_of_the_contract_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", url)

    assert settings.read().frontdesk_database_url == url


@pytest.mark.parametrize(
    ("name", "value", "wrong", "example"),
    [
        ("FRONTDESK_DATABASE_URL", "nonsense", "no database URL", "sqlite:///frontdesk.db"),
        ("FRONTDESK_DATABASE_URL", "mysql://host/db", "'mysql'", "postgresql://"),
        ("FRONTDESK_DATABASE_URL", "sqlite://", "in memory", "sqlite:///frontdesk.db"),
        ("FRONTDESK_DATABASE_URL", "sqlite:///:memory:", "in memory", "sqlite:///frontdesk.db"),
        ("FRONTDESK_PORT", "many", "integer", "8000"),
        ("FRONTDESK_PORT", "65536", "65535", "8000"),
        ("FRONTDESK_PORT", "-1", "greater", "8000"),
        ("FRONTDESK_API_KEY", "short", "16", "long random text"),
        ("FRONTDESK_ADMIN_KEY", "schlüssel-mit-umlauten", "printable", "long random text"),
        ("FRONTDESK_CHAT_SECRET", "short", "16", "long random text"),
        ("FRONTDESK_WEBHOOK_SECRETS", "nonsense", "whsec_", "whsec_"),
        ("FRONTDESK_WEBHOOK_SECRETS", f"{SECRET},whsec_%%%", "secret 2", "whsec_"),
        ("FRONTDESK_CALLBACK_SECRET", "whsec_c2hvcnQ=", "fewer than 16", "whsec_"),
        ("FRONTDESK_CALLBACK_SECRET", f"{SECRET},{OTHER_SECRET}", "not base64", "whsec_"),
        ("FRONTDESK_CALLBACK_HOSTS", "https://shop.example", "host:port", "shop.example"),
        ("FRONTDESK_CALLBACK_HOSTS", "shop.example:many", "host:port", "127.0.0.1:9000"),
        ("FRONTDESK_EVENTS_URL", "nonsense", "https://", "https://shop.example"),
        ("FRONTDESK_EVENTS_URL", "file:///etc/passwd", "https://", "https://shop.example"),
        ("FRONTDESK_CHAT_ORIGINS", "shop.example", "https://", "https://shop.example"),
        ("FRONTDESK_PUBLIC_URL", "help.shop.example", "https://", "https://help.shop.example"),
        ("FRONTDESK_PUBLIC_URL", "https://shop.example/help", "without path", "https://help.shop"),
        ("FRONTDESK_PUBLIC_URL", "https://shop.example?a=1", "without path", "https://help.shop"),
        ("FRONTDESK_PUBLIC_URL", "https://a@shop.example", "without path", "https://help.shop"),
        ("FRONTDESK_PUBLIC_URL", "javascript:alert(1)", "https://", "https://help.shop.example"),
        ("FRONTDESK_PUBLIC_URL", f"https://{'x' * 300}", "300 characters", "https://help.shop"),
        ("FRONTDESK_CONSOLE_BUILD", "never", "'auto'", "skip"),
        ("FRONTDESK_CHAT_ORIGINS", "https://shop.example; script-src *", "origin", "https://shop"),
        ("FRONTDESK_DEBOUNCE_SECONDS", "soon", "number", "1.0"),
        ("FRONTDESK_DEBOUNCE_SECONDS", "-1", "greater", "1.0"),
        ("FRONTDESK_DEBOUNCE_SECONDS", "nan", "finite", "1.0"),
        ("FRONTDESK_RETENTION_DAYS", "0", "greater", "365"),
        ("FRONTDESK_RETENTION_DAYS", "99999999999", "less than or equal to 36500", "365"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_what_is_wrong_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wrong: str, example: str
) -> None:
    said = refusal(monkeypatch, name, value)

    assert said.startswith(f"{name}: ")
    assert wrong in said
    assert example in said


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "many")

    said = refusal(monkeypatch, "FRONTDESK_ADMIN_KEY", "short")

    assert {line.partition(":")[0] for line in said.splitlines()} == {
        "FRONTDESK_PORT",
        "FRONTDESK_ADMIN_KEY",
    }


@pytest.mark.parametrize("url", ["https://help.shop.example/", "https://help.shop.example"])
def test_the_console_is_where_the_operator_says_that_frontdesk_is(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("FRONTDESK_PUBLIC_URL", url)

    assert settings.read().console_url == "https://help.shop.example/console"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONTDESK_ADMIN_KEY", "hunter2"),
        ("FRONTDESK_CALLBACK_SECRET", "hunter2"),
        ("FRONTDESK_DATABASE_URL", "mysql://user:hunter2@host/db"),
    ],
)
def test_a_refusal_does_not_repeat_the_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert "hunter2" not in refusal(monkeypatch, name, value)


def test_a_bad_setting_is_bad_input() -> None:
    assert issubclass(BadSetting, BadInput)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-of-a-person", "begins with xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-of-a-bot", "begins with xapp-"),
        ("SLACK_API_URL", "slack.com/api", "must begin with https://"),
        ("FRONTDESK_SLACK_AGENTS_CHANNEL", "#support", "is no channel id"),
    ],
)
def test_a_slack_setting_that_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    told = refusal(monkeypatch, name, value)

    assert told.startswith(f"{name}: ")
    assert words in told
    assert "for example" in told


@pytest.mark.parametrize(
    ("given", "is_on"),
    [
        ({}, False),
        ({"slack_bot_token": "xoxb-1"}, False),
        ({"slack_signing_secret": "secret", "slack_app_token": "xapp-1"}, False),
        ({"slack_bot_token": "xoxb-1", "slack_signing_secret": "secret"}, True),
        ({"slack_bot_token": "xoxb-1", "slack_app_token": "xapp-1"}, True),
    ],
)
def test_slack_is_on_with_the_bot_token_and_a_way_in(given: dict[str, str], is_on: bool) -> None:
    assert settings.read(**given).has_slack is is_on
