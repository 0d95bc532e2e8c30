"""Slack and Frontdesk as processes of their own: what was acknowledged survives a kill."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, running
from tests.fakes.slack_server import ANA, FakeSlack
from tests.fakes.slack_shop import open_shop

# On a machine that does much else besides.
PATIENCE = 90


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_what_was_acknowledged_right_before_a_kill_is_answered_afterwards_once(
    slack: FakeSlack, migrated_sqlite: Path, tmp_path: Path, mode: str
) -> None:
    database = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"
    port, is_socket = free_port(), mode == "socket"
    settings = {
        **(slack.socket_environment if is_socket else slack.environment),
        "FRONTDESK_PORT": str(port),
        "FRONTDESK_DEBOUNCE_SECONDS": "10",
    }
    with running(tmp_path, "serve", port=port, settings=settings) as process:
        process.wait_until_ready()
        if is_socket:
            await slack.until(lambda: slack.connections, seconds=PATIENCE)
        else:
            slack.events_url = f"{process.url}/slack/events"
        asked = slack.dm(ANA, "where is my order 1042?")
        await slack.until(lambda: 200 in slack.statuses(), seconds=PATIENCE)
        process.end(signal.SIGKILL)
    before = slack.messages(asked.channel)

    async with open_shop(database, slack, socket_mode=is_socket):
        slack.repeat()
        (answer,) = await slack.until(lambda: slack.messages(asked.channel, thread=asked.ts))
        await slack.all_acked()

    assert before == []
    assert "TRK-1042" in answer.shown
    assert len(slack.messages(asked.channel)) == 1
