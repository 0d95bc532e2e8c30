"""Several requests in one message: each takes the workflow, and they end in one reply."""

from collections.abc import AsyncIterator

import pytest

from orchestration.types import Intent
from tests.fakes.floor import INTENTS, FakeClassifier, Floor, open_floor
from tests.fakes.workflows import SHIPPED

BOTH = "cancel 1043 and where is 1042?"
STATUS = "Your order 1042 is on its way"
PART = "A colleague will take care of this part and answer you here: “cancel 1043”"


def classifier() -> FakeClassifier:
    return FakeClassifier(
        {"cancel": "cancel_order", "where": "order_status", "return": "return_policy"}
    )


CANCEL = Intent(name="cancel_order", complexity="complex", wants_human=True)


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    intents = (*INTENTS, CANCEL)
    async with open_floor(
        database_url, workflow=SHIPPED, intents=intents, classifier=classifier
    ) as floor:
        yield floor


async def test_one_reply_and_one_case(floor: Floor) -> None:
    talk = await floor.run(BOTH)

    [said] = talk.said
    assert said.startswith(STATUS)
    assert said.endswith(PART)
    assert talk.case.status == "open"
    assert "“cancel 1043”" in talk.case.brief["summary"]
    assert "1042" not in talk.case.brief["summary"]
