"""What is written in Slack comes in once, in time, and is answered where it was written."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.fakes.slack_server import ANA, FakeSlack
from tests.fakes.slack_shop import SlackShop, open_shop

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
async def shop(database_url: str, slack: FakeSlack) -> AsyncIterator[SlackShop]:
    async with open_shop(database_url, slack) as shop:
        yield shop


@pytest.mark.parametrize("socket_mode", [False, True])
@sqlite_alone
async def test_a_direct_message_is_answered_in_its_thread(
    database_url: str, slack: FakeSlack, socket_mode: bool
) -> None:
    async with open_shop(database_url, slack, socket_mode=socket_mode):
        asked = slack.dm(ANA, "where is my order 1042?")
        (answer,) = await slack.until(lambda: slack.messages(asked.channel, thread=asked.ts))

    assert "1042" in answer.shown
    assert slack.statuses() == [200]
