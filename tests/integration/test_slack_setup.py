"""Setting Slack up: what the app asks for, and what the doctor says is missing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.slack
import integrations.channels.slack
from bot import settings
from bot.cli import diagnosis
from bot.findings import Finding
from bot.settings import Settings
from bot.slack import manifest
from orchestration import store
from orchestration.database import Database
from orchestration.types import Raw
from tests.fakes.floor import NOW
from tests.fakes.questions import SHOP
from tests.fakes.slack_faults import SERVER_ERROR, refusing
from tests.fakes.slack_methods import SCOPES
from tests.fakes.slack_server import ALL_EVENTS, ANA, GENERAL, SUPPORT, FakeSlack
from tests.fakes.slack_shop import open_shop
from tests.fakes.slack_world import BOT_USER

SOURCES = [Path(module.__path__[0]) for module in (bot.slack, integrations.channels.slack)]
CALLED = re.compile(r"client\.([a-z]+(?:_[a-zA-Z]+)+)")
KINDS = ("channels", "groups", "im")
# Needed by what is registered and not by a call: the slash command and the shortcut.
REGISTERED = {"commands"}


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
def sqlite_file(migrated_sqlite: Path) -> str:
    return f"sqlite:///{migrated_sqlite}"


def read(slack: FakeSlack, url: str, **overrides: object) -> Settings:
    values = {name.lower(): value for name, value in slack.environment.items()}
    return settings.read(frontdesk_database_url=url, **{**values, **overrides})


async def look(slack: FakeSlack, url: str, **overrides: object) -> list[Finding]:
    """Return what the doctor says of Slack and does not find in order."""
    found = await diagnosis.diagnose(read(slack, url, **overrides))
    return [one for one in found if one.check.startswith("slack") and one.level != "ok"]


def test_the_manifest_asks_for_no_scope_that_nothing_uses() -> None:
    used = set()
    for file in (file for folder in SOURCES for file in folder.glob("**/*.py")):
        for name in CALLED.findall(file.read_text()):
            for scope in SCOPES.get(name.replace("_", "."), ()):
                used |= {scope.replace("*", kind) for kind in KINDS}
    heard = {wanted.scope for wanted in manifest.EVENTS.values() if wanted.scope}
    # Of direct messages nobody asks who is in them.
    used -= {"im:read"}
    files = {"files:read", "users:read.email"}

    assert set(manifest.SCOPES) == used | heard | files | REGISTERED


def test_the_manifest_hears_only_events_that_slack_knows() -> None:
    assert set(manifest.EVENTS) <= ALL_EVENTS


def test_the_manifest_speaks_socket_mode_or_http() -> None:
    by_socket = manifest.build(SHOP)
    by_http = manifest.build(SHOP, url="https://help.shop.example/")

    address = "https://help.shop.example/slack/events"
    assert by_socket["settings"]["socket_mode_enabled"] is True
    assert "request_url" not in str(by_socket)
    assert by_http["settings"]["socket_mode_enabled"] is False
    assert by_http["settings"]["event_subscriptions"]["request_url"] == address
    assert by_http["settings"]["interactivity"]["request_url"] == address
    assert by_http["features"]["slash_commands"][0]["url"] == address


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_the_manifest_asks_for_is_enough_to_answer(
    database_url: str, slack: FakeSlack
) -> None:
    slack.scopes.clear()
    slack.scopes.update(manifest.SCOPES)
    slack.subscribed = set(manifest.EVENTS)
    file = slack.add_file("parcel.png", "image/png", b"a picture")

    async with open_shop(database_url, slack) as shop:
        asked = slack.dm(ANA, "where is my order 1042?", files=[file])
        mentioned = slack.mention(ANA, GENERAL, "how do I return something?")
        await slack.until(lambda: slack.messages(asked.channel, thread=asked.ts))
        await slack.until(lambda: slack.messages(GENERAL, thread=mentioned.ts))
        (known,) = await shop.files()

    assert known.content == b"a picture"
    assert "missing_scope" not in {call.outcome for call in slack.calls}


@pytest.mark.parametrize("scope", sorted(manifest.SCOPES))
async def test_the_doctor_names_each_missing_scope(
    slack: FakeSlack, sqlite_file: str, scope: str
) -> None:
    slack.scopes.discard(scope)

    found = [one for one in await look(slack, sqlite_file) if one.check == "slack scopes"]

    assert [(one.level, scope in one.message, scope in str(one.cure)) for one in found] == [
        ("error", True, True)
    ]


@pytest.mark.parametrize(
    ("change", "message", "cure"),
    [
        ({"members": {ANA}}, "has not got the app in it", "/invite"),
        ({"is_archived": True}, "is archived", "FRONTDESK_SLACK_AGENTS_CHANNEL"),
        ({"is_shared": True}, "shared with another organisation", "your own people"),
        ({"kind": "group", "members": {ANA}}, "channel_not_found", "/invite"),
    ],
)
async def test_the_doctor_says_why_a_channel_cannot_be_posted_to(
    slack: FakeSlack, sqlite_file: str, change: dict[str, object], message: str, cure: str
) -> None:
    for name, value in change.items():
        setattr(slack.world.rooms[SUPPORT], name, value)

    (found,) = [one for one in await look(slack, sqlite_file) if one.check == "slack channel"]

    assert found.level == "error"
    assert f"{SUPPORT} of the queue support" in found.message
    assert message in found.message
    assert cure in str(found.cure)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_doctor_warns_while_no_event_has_come(
    slack: FakeSlack, database_url: str
) -> None:
    database = Database(database_url)
    raw = Raw(source="slack:T", id="Ev1", kind="message.im", body={})
    await database.write(lambda c: store.keep(c, raw, NOW))
    database.close()

    (found,) = await look(slack, database_url)

    assert found.level == "warning"
    assert "no app_mention has ever come" in found.message
    assert "mention the app in a channel" in str(found.cure)


@pytest.mark.parametrize(
    ("fault", "message", "cure"),
    [
        (refusing("invalid_auth"), "invalid_auth", "Bot User OAuth Token"),
        (refusing("token_revoked"), "token_revoked", "Bot User OAuth Token"),
        (SERVER_ERROR, "Slack failed (500)", "SLACK_API_URL"),
    ],
)
async def test_the_doctor_says_that_slack_does_not_take_the_token(
    slack: FakeSlack, sqlite_file: str, fault: object, message: str, cure: str
) -> None:
    slack.always("auth.test", fault)  # type: ignore[arg-type]

    (found,) = await look(slack, sqlite_file)

    assert found.level == "error"
    assert message in found.message
    assert cure in str(found.cure)


async def test_the_doctor_tries_the_app_token(slack: FakeSlack, sqlite_file: str) -> None:
    found = await look(slack, sqlite_file, slack_app_token="xapp-of-somebody-else")  # noqa: S106

    (refused,) = [one for one in found if one.level == "error"]
    assert "SLACK_APP_TOKEN" in refused.message
    assert "connections:write" in str(refused.cure)


async def test_the_doctor_finds_no_error_in_a_slack_that_is_set_up(
    slack: FakeSlack, sqlite_file: str
) -> None:
    found = await look(slack, sqlite_file)

    assert {one.level for one in found} == {"warning"}
    assert BOT_USER in slack.world.rooms[SUPPORT].members


@pytest.mark.parametrize(
    "given",
    [
        {"slack_signing_secret": None},
        {"slack_bot_token": None},
    ],
)
async def test_the_doctor_says_what_half_a_setting_lacks(
    slack: FakeSlack, sqlite_file: str, given: dict[str, object]
) -> None:
    (found,) = await look(slack, sqlite_file, **given)

    assert found.level == "error"
    assert "SLACK_SIGNING_SECRET" in str(found.cure)
