"""Trials that outlive who asked for them: backtests on record, and shadows beside live turns."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from orchestration import housekeeping, store, workflow
from orchestration.backtest import Backtest
from orchestration.backtest.trials import Trials
from orchestration.errors import Conflict, NotFound
from orchestration.models import Run, Trial
from orchestration.types import Json
from tests.fakes.floor import ANA, BEN, Floor, open_floor
from tests.fakes.workflows import SHIPPED

TEXTS = ("where is my order 1042?", "return", "money", "fire", "what else", "there is a fire")
sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LAWYER = "where is my order 1042? I will call my lawyer"


def drafted(**changes: Json) -> str:
    """Return the shipped workflow with its first two rules swapped."""
    document = workflow.document(workflow.parse(SHIPPED))
    rules = document["nodes"]["route"]["rules"]
    rules[0], rules[1] = rules[1], rules[0]
    return workflow.dump(workflow.parse({**document, **changes}))


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=SHIPPED) as opened:
        yield opened


async def save_draft(floor: Floor, source: str | None = None) -> int:
    def save(connection: Any) -> int:
        base = store.newest_version(connection, "support")
        row = store.add_draft(
            connection,
            name="support",
            source=source or drafted(),
            author="ada",
            base=base,
            now=floor.clock(),
        )
        return row.version

    return await floor.database.write(save)


async def record(floor: Floor, *texts: str) -> list[str]:
    """Take each text to its end in a conversation of its own; return the runs."""
    found = []
    for number, text in enumerate(texts):
        conversation = await floor.say(text, conversation=f"{text} {number} {floor.sent}")
        floor.clock.move(minutes=1)
        await floor.work(conversation)
        found.append((await floor.see(conversation)).run.id)
    return found


def trials_of(floor: Floor) -> Trials:
    return Trials(floor.tools, floor.programs)


async def done(trials: Trials, trial: Trial) -> tuple[Trial, Mapping[str, Json]]:
    await trials.work()
    ended = await trials.get(trial.id)
    return ended, await trials.report(ended) or {}


async def begun(floor: Floor) -> Trial:
    return await trials_of(floor).begin_backtest("support", last=100, since=None, author="ada")


async def add_of_no_version(floor: Floor, kind: str, status: str) -> Trial:
    """Ask for a trial of a text that is not there, as if it could be lost."""
    trial = Trial(
        id=store.new_id(),
        kind=kind,
        workflow="support",
        version=99,
        status=status,
        author="ada",
        created_at=floor.clock(),
    )
    await floor.database.write(lambda c: store.add(c, trial))
    return trial


async def test_another_process_does_what_one_was_asked_for(floor: Floor) -> None:
    await record(floor, *TEXTS, LAWYER)
    version = await save_draft(floor)
    trial = await begun(floor)

    ended, report = await done(trials_of(floor), trial)

    program = await floor.programs.get("support", version)
    assert (ended.status, ended.version, ended.done, ended.total) == ("done", version, 7, 7)
    assert report == await Backtest(floor.tools, floor.programs, program).run()
    assert [each["text"] for each in report["urgent_lost"]] == [LAWYER]
    assert report["routes"] == [{"from": "human", "to": "simple", "count": 1}]


async def test_a_backtest_whose_process_died_is_begun_again_by_another(floor: Floor) -> None:
    await record(floor, *TEXTS)
    await save_draft(floor)
    trial = await begun(floor)
    now = floor.clock()
    until = now + timedelta(minutes=1)
    await floor.database.write(lambda c: store.claim_trial(c, trial.id, now=now, until=until))

    still_leased, _ = await done(trials_of(floor), trial)
    floor.clock.move(minutes=2)
    ended, report = await done(trials_of(floor), trial)

    assert still_leased.status == "running"
    assert (ended.status, report["turns"]) == ("done", len(TEXTS))


@sqlite_alone
async def test_a_stopped_backtest_is_not_begun_any_more(floor: Floor) -> None:
    await save_draft(floor)
    trial = await begun(floor)
    await trials_of(floor).stop(trial.id, author="ada")

    ended, report = await done(trials_of(floor), trial)

    assert (ended.status, report) == ("stopped", {})
    with pytest.raises(Conflict, match="is stopped already"):
        await trials_of(floor).stop(trial.id, author="ada")


@sqlite_alone
async def test_without_a_draft_there_is_nothing_to_try(floor: Floor) -> None:
    with pytest.raises(NotFound, match="'support' has no draft"):
        await begun(floor)


@sqlite_alone
async def test_a_backtest_that_cannot_be_done_says_why(floor: Floor) -> None:
    trial = await add_of_no_version(floor, "backtest", "waiting")

    ended, _ = await done(trials_of(floor), trial)

    assert ended.status == "failed"
    assert "there is no version 99" in str(ended.error)


async def test_erasing_a_customer_takes_their_words_out_of_kept_reports(floor: Floor) -> None:
    await record(floor, LAWYER)
    await save_draft(floor)
    trial = await begun(floor)
    trials = trials_of(floor)
    ended, before = await done(trials, trial)
    exported = await floor.database.read(lambda c: store.export_customer(c, "C-1001"))

    await floor.database.write(lambda c: store.erase_customer(c, "C-1001"))

    after = await trials.report(ended) or {}
    assert LAWYER in str(before)
    assert [one["trial_id"] for one in exported["conversations"][0]["trial_turns"]] == [trial.id]
    assert "lawyer" not in str(after)
    [lost] = after["urgent_lost"]
    assert lost.keys() == before["urgent_lost"][0].keys()
    assert (lost["text"], lost["why"]) == ("[erased]", "its words have been erased")
    again = await begun(floor)
    _, report = await done(trials, again)
    assert report["not_replayable_reasons"] == [
        {"reason": "its words have been erased", "count": 1}
    ]


@sqlite_alone
async def test_a_shadow_decides_live_turns_and_does_nothing(floor: Floor) -> None:
    await record(floor, LAWYER)
    version = await save_draft(floor)
    floor.clock.move(minutes=1)
    trials = trials_of(floor)
    shadow = await trials.begin_shadow("support", author="ada")

    runs = await record(floor, LAWYER, "return")
    before = await floor.count_rows()
    _, report = await done(trials, shadow)
    after = await floor.count_rows()

    assert (report["turns"], report["changed"]) == (2, 1)
    [change] = report["examples"]
    assert (change["run_id"], change["route_before"], change["route_after"]) == (
        runs[0],
        "human",
        "simple",
    )
    assert [each["run_id"] for each in report["urgent_lost"]] == [runs[0]]
    assert {name for name in after if after[name] != before[name]} == {"trial_turns"}
    live = await floor.database.read(lambda c: store.get(c, Run, runs[0]))
    assert (live.version, live.outcome) == (version - 1, "escalate")


async def test_a_shadow_decides_each_turn_once_and_until_it_is_stopped(floor: Floor) -> None:
    await save_draft(floor)
    trials = trials_of(floor)
    shadow = await trials.begin_shadow("support", author="ada")
    await record(floor, "return", LAWYER)

    await asyncio.gather(trials.work(), trials_of(floor).work())
    floor.clock.move(hours=2)
    await record(floor, "where")
    _, report = await done(trials, shadow)
    await trials.stop(shadow.id, author="eve")
    await record(floor, "money")
    ended, final = await done(trials, shadow)

    assert report["turns"] == 3
    assert (ended.status, ended.done, final) == ("stopped", 3, report)
    actions = await floor.database.read(
        lambda c: [row.action for row in store.list_audit(c, limit=9)]
    )
    assert [one for one in actions if one.startswith("shadow")] == [
        "shadow.stopped",
        "shadow.started",
    ]


@sqlite_alone
async def test_there_is_one_shadow_at_a_time(floor: Floor) -> None:
    await save_draft(floor)
    await trials_of(floor).begin_shadow("support", author="ada")

    with pytest.raises(Conflict, match="stop it"):
        await trials_of(floor).begin_shadow("support", author="eve")


@sqlite_alone
async def test_a_failing_shadow_leaves_live_turns_alone(floor: Floor) -> None:
    shadow = await add_of_no_version(floor, "shadow", "running")

    said = await floor.ask("return", who=BEN)
    ended, _ = await done(trials_of(floor), shadow)
    said_after = await floor.ask("where is my order 2077?", who=BEN, conversation="another")

    assert said
    assert said_after
    assert ended.status == "failed"


async def test_old_trials_are_dropped(floor: Floor) -> None:
    await record(floor, LAWYER)
    await save_draft(floor)
    trial = await begun(floor)
    await done(trials_of(floor), trial)

    floor.clock.move(days=89)
    await housekeeping.forget(floor.tools, retention=None)
    kept = await trials_of(floor).get(trial.id)
    floor.clock.move(days=2)
    await housekeeping.forget(floor.tools, retention=None)

    assert kept.status == "done"
    with pytest.raises(NotFound):
        await trials_of(floor).get(trial.id)


@sqlite_alone
async def test_nobody_who_writes_sees_anything_of_a_shadow(floor: Floor) -> None:
    await save_draft(floor)
    await trials_of(floor).begin_shadow("support", author="ada")
    conversation = await floor.say("return", who=ANA)
    await floor.work(conversation)
    before = await floor.see(conversation)

    await trials_of(floor).work()

    assert await floor.see(conversation) == before
