"""The gates on turns that were really recorded, by the backtest that publishing asks."""

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration import workflow
from orchestration.backtest import Backtest
from orchestration.engine import Program
from orchestration.errors import GatesRefuse
from orchestration.programs import DEFAULT
from orchestration.publishing import Publishing, Release
from orchestration.types import Json
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import SHIPPED

MARIA = Release(author="maria")


@pytest.fixture
async def floor(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Floor]:
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"
    async with open_floor(url, workflow=SHIPPED) as floor:
        yield floor


@pytest.fixture
def publishing(floor: Floor) -> Publishing:
    async def backtest(program: Program, turns: int) -> Mapping[str, Json]:
        return await Backtest(floor.tools, floor.programs, program).run(last=turns)

    return Publishing(floor.database, floor.clock, channels=(), backtest=backtest)


def closing_what_is_urgent() -> str:
    """Return the shipped document in which a word ends what went to a human."""
    document = workflow.read_document(SHIPPED)
    nodes: Any = document["nodes"]
    nodes["route"]["exits"]["human"] = "bye"
    nodes["bye"] = {"kind": "close", "text": "Please call us."}
    return workflow.rewrite(SHIPPED, document)


async def test_a_draft_that_takes_the_human_from_urgent_turns_is_refused(
    floor: Floor, publishing: Publishing
) -> None:
    await floor.ask("where is my order 1042?", conversation="one")
    urgent = await floor.say("there is a fire", conversation="two")
    await floor.work(urgent)
    run = (await floor.see(urgent)).run
    draft = await publishing.save_draft(DEFAULT, closing_what_is_urgent(), base=1, author="maria")

    with pytest.raises(GatesRefuse) as refused:
        await publishing.publish_draft(DEFAULT, MARIA)

    gates = {refusal["gate"]: refusal for refusal in refused.value.refusals}
    assert run.rule == "risky or asked for a person"
    assert gates["urgent_lost"]["found"] == 1
    assert draft.version == 2


async def test_a_draft_that_changes_no_route_is_published(
    floor: Floor, publishing: Publishing
) -> None:
    await floor.ask("where is my order 1042?")
    await floor.say("there is a fire", conversation="two")

    done = await publishing.publish_text(SHIPPED.replace("timeout: 4h", "timeout: 5h"), MARIA)

    assert (done.judgement.refusals, done.judgement.turns) == ((), 1)
