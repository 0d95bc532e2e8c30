"""How workflows are changed: drafts by several admins, gates, rolling back, channels, the log."""

import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestration import store, workflow
from orchestration.engine import Program
from orchestration.errors import BadInput, Conflict, GatesRefuse, InvalidWorkflow, NotFound
from orchestration.gates import Gates
from orchestration.models import AuditEntry, WorkflowVersion
from orchestration.programs import DEFAULT
from orchestration.publishing import Publishing, Release
from orchestration.types import Json
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import SHIPPED

MARIA = Release(author="maria", note="calmer")


@dataclass
class Judges:
    """Says of every draft what the test says, as a backtest and the regression cases would."""

    report: dict[str, Json] = field(default_factory=lambda: report())
    failures: Sequence[str] = ()
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    async def backtest(self, program: Program, turns: int) -> Mapping[str, Json]:
        self.asked.append((program.name, program.version, turns))
        return self.report

    async def cases(self, program: Program) -> Sequence[str]:
        return self.failures


def report(**changes: Any) -> dict[str, Json]:
    return {
        "turns": 100,
        "cost": {"before": "1.00", "after": "1.00"},
        "human": {"before": 0.2, "after": 0.2},
        "urgent_lost": [],
        "not_replayable": 0,
        **changes,
    }


@pytest.fixture
async def floor(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Floor]:
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'frontdesk.db')}"
    async with open_floor(url, workflow=SHIPPED) as floor:
        yield floor


@pytest.fixture
def judges() -> Judges:
    return Judges()


@pytest.fixture
def publishing(floor: Floor, judges: Judges) -> Publishing:
    return Publishing(
        floor.database,
        floor.clock,
        channels=("chat", "memory", "webhook"),
        backtest=judges.backtest,
        cases=judges.cases,
    )


def changed(threshold: float = 0.8, **nodes: Json) -> str:
    """Return the shipped document with another threshold and other nodes."""
    document = workflow.read_document(SHIPPED)
    rules: Any = document["nodes"]["route"]["rules"]
    rules[1]["when"]["all"][1]["at_least"] = threshold
    document["nodes"] |= nodes
    return workflow.rewrite(SHIPPED, document)


async def published(floor: Floor, name: str = DEFAULT) -> WorkflowVersion:
    found = await floor.database.read(lambda c: store.find_published(c, name))
    assert found is not None
    return found


async def log_of(floor: Floor) -> list[AuditEntry]:
    """Return the entries of the audit log, oldest first, and see that it is whole."""
    verdict = await floor.database.read(store.verify_audit)
    assert verdict.broken is None
    return (await floor.database.read(lambda c: store.list_audit(c, limit=200)))[::-1]


async def save(publishing: Publishing, source: str, base: int, author: str) -> WorkflowVersion:
    return await publishing.save_draft(DEFAULT, source, base=base, author=author)


async def test_the_second_of_two_admins_is_shown_what_the_first_has_changed(
    publishing: Publishing,
) -> None:
    await save(publishing, changed(0.8), 1, "maria")

    with pytest.raises(Conflict) as refused:
        await save(publishing, changed(0.9), 1, "ben")

    current = refused.value.current
    assert (current["version"], current["author"], current["published"]) == (2, "maria", False)
    assert [change["rule"] for change in current["changes"]] == ["sure and simple"]
    assert "is at least 0.8" in current["changes"][0]["message"]
    assert "+        when: {all: [{field: complexity, is: simple}" in current["diff"]
    assert "the draft 2 of 'support' was saved by maria since 1: route: the rule" in str(
        refused.value
    )


async def test_whoever_has_seen_the_newest_may_go_on_from_it(publishing: Publishing) -> None:
    first = await save(publishing, changed(0.8), 1, "maria")

    second = await save(publishing, changed(0.9), first.version, "ben")

    assert (second.version, second.base) == (3, 2)


async def test_the_same_text_again_is_no_change(publishing: Publishing, floor: Floor) -> None:
    first = await save(publishing, changed(), 1, "maria")

    again = await save(publishing, changed(), 1, "ben")

    assert again == first
    assert [entry.action for entry in await log_of(floor)][-1] == "workflow.draft_saved"
    assert len(await log_of(floor)) == 2


async def test_a_draft_is_published_under_its_number(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    await save(publishing, changed(0.8), 1, "maria")
    draft = await save(publishing, changed(0.9), 2, "ben")

    done = await publishing.publish_draft(DEFAULT, MARIA, version=draft.version)

    row = await published(floor)
    assert (done.version, row.version, row.source) == (3, 3, changed(0.9))
    assert (row.author, row.published_by, row.note) == ("ben", "maria", "calmer")
    assert judges.asked == [("support", 3, 1000)]
    assert done.judgement.words == "judged by 100 recorded turns"
    with pytest.raises(NotFound, match="has no draft"):
        await publishing.publish_draft(DEFAULT, MARIA)


async def test_a_draft_that_is_no_longer_the_one_meant_is_not_published(
    publishing: Publishing,
) -> None:
    await save(publishing, changed(0.8), 1, "maria")
    await save(publishing, changed(0.9), 2, "ben")

    with pytest.raises(Conflict, match="the draft of 'support' is 3, not 2"):
        await publishing.publish_draft(DEFAULT, MARIA, version=2)


async def test_a_draft_that_changes_while_the_gates_are_asked_is_not_published(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    await save(publishing, changed(0.8), 1, "maria")

    async def meanwhile(program: Program, turns: int) -> Mapping[str, Json]:
        await save(publishing, changed(0.9), 2, "ben")
        return judges.report

    slow = Publishing(floor.database, floor.clock, channels=(), backtest=meanwhile)
    with pytest.raises(Conflict, match="was saved by ben since 2"):
        await slow.publish_draft(DEFAULT, MARIA)

    assert (await published(floor)).version == 1


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"urgent_lost": [{"run_id": "r-1"}]}, "urgent_lost"),
        ({"human": {"before": 0.1, "after": 0.4}}, "human_rise"),
        ({"cost": {"before": "1", "after": "2"}}, "cost_rise"),
        ({"not_replayable": 50}, "not_replayable"),
    ],
)
async def test_a_gate_refuses(
    publishing: Publishing, floor: Floor, judges: Judges, changes: dict[str, Json], gate: str
) -> None:
    judges.report = report(**changes)
    await save(publishing, changed(), 1, "maria")

    with pytest.raises(GatesRefuse) as refused:
        await publishing.publish_draft(DEFAULT, MARIA)

    assert [refusal["gate"] for refusal in refused.value.refusals] == [gate]
    assert (await published(floor)).version == 1


async def test_a_failing_case_refuses(publishing: Publishing, judges: Judges) -> None:
    judges.failures = ["“lost parcel”: takes simple, should take human"]

    with pytest.raises(GatesRefuse, match="a regression case fails: “lost parcel”"):
        await publishing.publish_text(changed(), MARIA)


@pytest.mark.parametrize("reason", ["", "   "])
async def test_force_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(BadInput, match="needs a reason") as refused:
        Release(author="maria", force=True, reason=reason)

    assert refused.value.field == "reason"


async def test_force_with_a_reason_is_published_and_audited(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    judges.report = report(urgent_lost=[{"run_id": "r-1"}])
    await save(publishing, changed(), 1, "maria")
    forced = Release(author="maria", force=True, reason="the team reads the queue itself")

    done = await publishing.publish_draft(DEFAULT, forced)

    row = await published(floor)
    entry = (await log_of(floor))[-1]
    assert (done.version, row.version) == (2, 2)
    assert row.override["reason"] == forced.reason
    assert [refusal["gate"] for refusal in row.override["refusals"]] == ["urgent_lost"]
    assert (entry.actor, entry.action) == ("maria", "workflow.published")
    assert entry.details["forced"] is True
    assert entry.details["gates"] == ["urgent_lost"]
    assert entry.details["reason_sha256"] == store.sha256(forced.reason)


async def test_the_log_holds_no_text_that_anybody_wrote(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    judges.report = report(urgent_lost=[{"run_id": "r-1", "text": "ana@example.com is angry"}])
    note = Release(author="maria", note="for ana@example.com", force=True, reason="ana asked")

    await publishing.publish_text(changed(), note)
    await publishing.roll_back(DEFAULT, 1, author="maria", note="ana again")

    entries = [entry.model_dump_json() for entry in await log_of(floor)]
    assert not [entry for entry in entries if "ana" in entry]


async def test_where_nothing_was_recorded_it_says_so_and_passes(
    publishing: Publishing, judges: Judges
) -> None:
    judges.report = report(turns=0, human={"before": 0, "after": 0})

    done = await publishing.publish_text(changed(), MARIA)

    assert "no turn of this workflow was recorded yet" in done.judgement.words


async def test_gates_are_set_for_one_workflow_and_audited(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    judges.report = report(urgent_lost=[{}, {}])

    await publishing.set_gates(DEFAULT, Gates(urgent_lost=2, turns=50), author="maria")

    done = await publishing.publish_text(changed(), MARIA)
    assert (done.judgement.refusals, judges.asked) == ((), [("support", 2, 50)])
    assert [entry.action for entry in await log_of(floor)][-2:] == [
        "workflow.gates_changed",
        "workflow.published",
    ]


async def test_without_gates_no_backtest_is_made(publishing: Publishing, judges: Judges) -> None:
    off = dict.fromkeys(("urgent_lost", "human_rise", "cost_rise", "not_replayable"))
    await publishing.set_gates(DEFAULT, Gates(**off), author="maria")

    done = await publishing.publish_text(changed(), MARIA)

    assert (judges.asked, done.judgement.words) == ([], "no gate asks for a backtest")


async def test_what_has_problems_is_not_published(publishing: Publishing, judges: Judges) -> None:
    await save(publishing, changed(lost={"kind": "send"}), 1, "maria")

    found = await publishing.check_draft(DEFAULT)
    with pytest.raises(InvalidWorkflow) as refused:
        await publishing.publish_draft(DEFAULT, MARIA)

    assert [problem.code for problem in found] == ["unreachable_node"]
    assert [problem["code"] for problem in refused.value.problems] == ["unreachable_node"]
    assert judges.asked == []


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("name: other\nentry: a\nnodes: {}", BadInput, "is called 'other', not 'support'"),
        ("- a", InvalidWorkflow, "must be a mapping"),
        ("name: [", InvalidWorkflow, "cannot be read"),
    ],
)
async def test_a_text_that_is_no_draft_of_this_workflow_is_refused(
    publishing: Publishing, source: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await save(publishing, source, 1, "maria")


async def test_rolling_back_publishes_the_older_text_as_the_next_version(
    publishing: Publishing, floor: Floor, judges: Judges
) -> None:
    await publishing.publish_text(changed(0.9), MARIA)
    judges.report = report(urgent_lost=[{}])

    version = await publishing.roll_back(DEFAULT, 1, author="ben")

    row = await published(floor)
    entry = (await log_of(floor))[-1]
    assert (version, row.version, row.source) == (3, 3, SHIPPED)
    assert (row.published_by, row.note) == ("ben", "back to version 1")
    assert (entry.action, entry.details["back_to"]) == ("workflow.rolled_back", 1)


async def test_rolling_back_to_what_is_in_use_or_never_was_is_refused(
    publishing: Publishing,
) -> None:
    await save(publishing, changed(), 1, "maria")

    with pytest.raises(Conflict, match="which says the same, is in use"):
        await publishing.roll_back(DEFAULT, 1, author="ben")
    with pytest.raises(Conflict, match="was a draft that was never published"):
        await publishing.roll_back(DEFAULT, 2, author="ben")
    with pytest.raises(NotFound, match="there is no version 7"):
        await publishing.roll_back(DEFAULT, 7, author="ben")


def greeter(name: str, **more: Json) -> str:
    """Return a workflow that greets and goes."""
    return json.dumps(
        {
            "name": name,
            "entry": "bye",
            "nodes": {"bye": {"kind": "close", "text": f"This is {name}.", **more}},
            "on_failure": "bye",
        }
    )


def silent(name: str) -> str:
    """Return a workflow for programs, from which a customer would hear nothing."""
    nodes = {"out": {"kind": "output", "fields": ["turn"]}}
    return json.dumps({"name": name, "entry": "out", "nodes": nodes, "on_failure": "out"})


async def test_a_channel_takes_the_workflow_it_is_bound_to(
    publishing: Publishing, floor: Floor
) -> None:
    await publishing.publish_text(greeter("night"), MARIA)
    before = await floor.run("hello")

    await publishing.bind("memory", "night", author="maria")
    await floor.programs.refresh()

    after = await floor.ask("hello again")
    entry = (await log_of(floor))[-1]
    assert before.run.workflow == "support"
    assert after == ["This is night."]
    assert (entry.action, entry.subject) == ("channel.bound", "channel memory")
    assert entry.details == {"workflow": "night", "before": "support"}
    assert await publishing.bindings() == {
        "chat": "support",
        "memory": "night",
        "webhook": "support",
    }


async def test_a_version_of_a_bound_workflow_is_taken_up_too(
    publishing: Publishing, floor: Floor
) -> None:
    await publishing.publish_text(greeter("night"), MARIA)
    await publishing.bind("memory", "night", author="maria")

    await publishing.publish_text(greeter("night", reason="late"), MARIA)
    await floor.programs.refresh()

    assert floor.programs.bound_to("memory").version == 2
    assert floor.programs.bound_to("chat").name == "support"


@pytest.mark.parametrize(
    ("channel", "name", "error", "words"),
    [
        ("fax", "night", BadInput, "there is no channel 'fax'; there are: chat, memory, webhook"),
        ("chat", "unheard-of", NotFound, "no workflow named 'unheard-of' is published"),
        ("chat", "api", InvalidWorkflow, "is none for customers"),
    ],
)
async def test_what_cannot_answer_customers_is_not_bound(
    publishing: Publishing, channel: str, name: str, error: type[Exception], words: str
) -> None:
    await publishing.publish_text(silent("api"), MARIA)

    with pytest.raises(error, match=words):
        await publishing.bind(channel, name, author="maria")


async def test_a_bound_workflow_cannot_become_one_that_ends_in_silence(
    publishing: Publishing,
) -> None:
    await publishing.publish_text(greeter("night"), MARIA)
    await publishing.bind("chat", "night", author="maria")

    with pytest.raises(InvalidWorkflow) as refused:
        await publishing.publish_text(silent("night"), MARIA)

    assert [problem["code"] for problem in refused.value.problems] == ["dead_end"]


async def test_a_first_draft_of_a_new_workflow_is_based_on_nothing(
    publishing: Publishing, floor: Floor
) -> None:
    with pytest.raises(Conflict, match="has no text 3 yet; its newest is 0"):
        await publishing.save_draft("night", greeter("night"), base=3, author="maria")

    draft = await publishing.save_draft("night", greeter("night"), base=0, author="maria")
    await publishing.publish_draft("night", MARIA)

    assert (draft.version, draft.base) == (1, 0)
    assert (await published(floor, "night")).version == 1


async def test_a_change_keeps_the_comments_of_the_text_it_was_made_from(
    publishing: Publishing,
) -> None:
    document = workflow.read_document(changed(0.9))

    text = await publishing.text_of(DEFAULT, document, base=1)

    assert "# first match wins" in text
    assert workflow.read_document(text) == document
