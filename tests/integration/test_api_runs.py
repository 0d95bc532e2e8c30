"""Runs that programs ask for: durable like any other, seen by nobody but the one who asked."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from orchestration import api_runs, housekeeping, store
from orchestration.errors import BadInput, NotFound
from orchestration.models import Conversation
from orchestration.types import ConversationId, Json
from tests.fakes.models import ScriptedModels
from tests.fakes.programs import Hosts, api_workflow, open_desk, release, saying, stating

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NAMED: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "tone": {"type": "string", "default": "plain"}},
}
WORD: Json = {
    "type": "object",
    "required": ["word"],
    "properties": {"word": {"type": "string"}},
}


def thinking_and_ordering(**config: Any) -> dict[str, Json]:
    """Return a workflow that pays for a word and then orders it."""
    return api_workflow(
        input=NAMED,
        think={
            "kind": "model",
            "tier": "light",
            "prompt": "A word for {{ input.name }}",
            "output": WORD,
            "into": "thought",
            "required": True,
            "next": "order",
        },
        order={
            "kind": "call",
            "method": "POST",
            "url": "https://shop.example.com/orders",
            "body": {"word": "{{ thought.word }}"},
            "required": True,
            "next": "out",
            **config,
        },
        out={"kind": "output", "fields": {"word": "thought.word"}},
    )


GIVES = api_workflow(
    input=NAMED, out={"kind": "output", "fields": {"name": "input.name", "tone": "input.tone"}}
)


async def test_a_run_is_pinned_to_the_version_that_was_published_when_it_was_asked_for(
    database_url: str,
) -> None:
    newer = api_workflow(input=NAMED, out={"kind": "output", "fields": {"newer": "input.name"}})

    async with open_desk(database_url, GIVES) as desk:
        run = await desk.begin("api", {"name": "mug"})
        await release(desk.floor, newer)
        first = await desk.go_on(run)
        second = await desk.ask("api", {"name": "mug"})

    assert (first.version, first.output) == (1, {"name": "mug", "tone": "plain"})
    assert (second.version, second.output) == (2, {"newer": "mug"})


async def test_a_run_that_nobody_was_woken_for_is_found_by_the_sweep(database_url: str) -> None:
    async with open_desk(database_url, GIVES) as desk:
        run = await desk.begin("api", {"name": "mug"})
        wakes = desk.floor.dispatcher
        wakes.asked.clear()  # type: ignore[attr-defined]
        await housekeeping.sweep(desk.floor.tools, wakes)

    assert wakes.asked == [run.conversation_id]  # type: ignore[attr-defined]


async def test_a_crash_after_a_paid_step_pays_for_nothing_twice(database_url: str) -> None:
    models = ScriptedModels(stating({"word": "sip"}))
    hosts = Hosts(asyncio.CancelledError(), saying(201))

    async with open_desk(
        database_url, thinking_and_ordering(idempotent=True), models=models, hosts=hosts
    ) as desk:
        run = await desk.begin("api", {"name": "mug"})
        await desk.crash(run)
        ended = await desk.go_on(run)

    assert (ended.status, ended.output) == ("done", {"word": "sip"})
    assert len(models.asked) == 1
    keys = [sent.headers["Idempotency-Key"] for sent in hosts.sent]
    assert keys == [f"{run.id}:0:order:1"] * 2


async def test_an_order_whose_outcome_is_unknown_is_not_sent_again(database_url: str) -> None:
    models = ScriptedModels(stating({"word": "sip"}))
    hosts = Hosts(asyncio.CancelledError(), saying(201))

    async with open_desk(database_url, thinking_and_ordering(), models=models, hosts=hosts) as desk:
        run = await desk.begin("api", {"name": "mug"})
        await desk.crash(run)
        ended = await desk.go_on(run)

    assert ended.status == "failed"
    assert "nobody knows whether it was done" in str(ended.error)
    assert len(hosts.sent) == 1


async def test_a_run_that_kills_its_process_again_and_again_fails(database_url: str) -> None:
    hosts = Hosts(asyncio.CancelledError())

    async with open_desk(
        database_url,
        thinking_and_ordering(idempotent=True),
        models=ScriptedModels(stating({"word": "sip"})),
        hosts=hosts,
    ) as desk:
        run = await desk.begin("api", {"name": "mug"})
        for _ in range(3):
            await desk.crash(run)
        ended = await desk.go_on(run)

    assert ended.status == "failed"
    assert "it was resumed 3 times" in str(ended.error)


async def test_what_a_run_was_given_and_gave_is_forgotten_with_its_conversation(
    database_url: str,
) -> None:
    async with open_desk(database_url, GIVES) as desk:
        run = await desk.ask("api", {"name": "mug"})
        desk.floor.clock.move(days=31)
        await housekeeping.forget(desk.floor.tools, retention=timedelta(days=30))
        forgotten = await desk.run(run)

    assert run.entry["input"] == {"name": "mug"}
    assert (forgotten.entry, forgotten.output, forgotten.status) == (None, None, "done")


# What is asked for


@sqlite_alone
@pytest.mark.parametrize(
    ("given", "path"),
    [({}, "input.name"), ({"name": 7}, "input.name"), ({"name": "x", "tone": []}, "input.tone")],
)
async def test_input_that_does_not_fit_is_refused_by_its_path_and_nothing_is_begun(
    database_url: str, given: Json, path: str
) -> None:
    async with open_desk(database_url, GIVES) as desk:
        with pytest.raises(BadInput) as caught:
            await desk.begin("api", given)
        rows = await desk.floor.count_rows()

    assert caught.value.field == path
    assert (rows["runs"], rows["conversations"], rows["customers"]) == (0, 0, 0)


@sqlite_alone
async def test_a_workflow_that_is_not_published_cannot_be_run(database_url: str) -> None:
    async with open_desk(database_url) as desk:
        with pytest.raises(NotFound, match="no workflow named 'api' is published"):
            await desk.begin("api", {})


@sqlite_alone
async def test_conditions_see_the_input(database_url: str) -> None:
    workflow = api_workflow(
        input=NAMED,
        is_mug={
            "kind": "branch",
            "when": {"field": "input.name", "is": "mug"},
            "exits": {"yes": "yes", "no": "no"},
        },
        yes={"kind": "output", "fields": {"mug": "input.name"}},
        no={"kind": "output", "fields": {"other": "input.name"}},
    )

    async with open_desk(database_url, workflow) as desk:
        first = await desk.ask("api", {"name": "mug"})
        second = await desk.ask("api", {"name": "lamp"})

    assert (first.output, second.output) == ({"mug": "mug"}, {"other": "lamp"})


@sqlite_alone
async def test_input_cannot_pass_for_what_a_channel_vouches_for(database_url: str) -> None:
    workflow = api_workflow(
        input={"type": "object", "properties": {"x": {"type": "string"}}},
        out={"kind": "output", "fields": ["customer.verified", "channel"]},
    )

    async with open_desk(database_url, workflow) as desk:
        run = await desk.ask("api", {"customer.verified": True, "channel": "chat"})

    assert run.output == {"customer.verified": False, "channel": "api"}


@sqlite_alone
async def test_its_conversation_is_closed_and_not_listed(database_url: str) -> None:
    async with open_desk(database_url, GIVES) as desk:
        run = await desk.ask("api", {"name": "mug"})
        talk = await desk.see(run)
        listed = await desk.floor.database.read(lambda c: store.list_conversations(c, limit=10))

    assert listed == []
    assert talk.conversation.channel == "api"
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "closed")
    assert talk.conversation.due_at is None


@sqlite_alone
async def test_a_customers_workflow_runs_as_an_api_too_and_says_its_reply_in_its_conversation(
    database_url: str,
) -> None:
    async with open_desk(database_url) as desk:
        run = await desk.ask("support", {"text": "hello"})
        talk = await desk.see(run)

    assert (run.status, run.outcome, run.output) == ("done", "send", None)
    assert len(talk.said) == 1
    assert talk.deliveries == []


@sqlite_alone
async def test_a_run_may_end_with_a_human(database_url: str) -> None:
    workflow = api_workflow(input=NAMED, ask={"kind": "escalate", "reason": "a human decides"})

    async with open_desk(database_url, {**workflow, "on_failure": "ask"}) as desk:
        run = await desk.ask("api", {"name": "mug"})
        talk = await desk.see(run)

    assert (run.status, run.outcome, run.output) == ("done", "escalate", None)
    assert talk.case.reason == "a human decides"
    assert '{"name": "mug"}' in talk.case.brief["summary"]


@sqlite_alone
@pytest.mark.parametrize(
    ("status", "outcome", "output"),
    [("released", "output", {"text": "Mug, but better"}), ("rejected", "close", None)],
)
async def test_a_human_approves_what_a_run_made(
    database_url: str, status: str, outcome: str, output: Json
) -> None:
    workflow = api_workflow(
        input=NAMED,
        approve={
            "kind": "approve",
            "text": "About: {{ input.name }}",
            "exits": {"released": "out", "rejected": "no", "expired": "no"},
        },
        out={"kind": "output", "fields": {"text": "draft.text"}},
        no={"kind": "close"},
    )

    async with open_desk(database_url, workflow) as desk:
        waiting = await desk.ask("api", {"name": "mug"})
        approval = (await desk.see(waiting)).approval
        await desk.floor.desk.decide(
            approval.id, agent="maria", status=status, text="Mug, but better", reason=None
        )
        ended = await desk.go_on(waiting)
        talk = await desk.see(ended)

    assert waiting.status == "waiting"
    assert approval.draft["text"] == "About: mug"
    assert (ended.status, ended.outcome, ended.output) == ("done", outcome, output)
    assert talk.said == []


# Waiting for the end


@sqlite_alone
async def test_whoever_waits_sees_the_end_that_comes_meanwhile(database_url: str) -> None:
    async with open_desk(database_url, GIVES) as desk:
        run = await desk.begin("api", {"name": "mug"})
        waiting = asyncio.ensure_future(api_runs.wait(desk.floor.database, run))
        await desk.floor.turns.advance(ConversationId(run.conversation_id))
        ended = await waiting

    assert (ended.status, ended.output) == ("done", {"name": "mug", "tone": "plain"})


@sqlite_alone
async def test_whoever_has_waited_long_enough_sees_the_run_as_it_is(database_url: str) -> None:
    async with open_desk(database_url, GIVES) as desk:
        run = await desk.begin("api", {"name": "mug"})
        seen = await api_runs.wait(desk.floor.database, run, seconds=0.01)
        conversation = await desk.floor.database.read(
            lambda c: store.get(c, Conversation, run.conversation_id)
        )

    assert seen.status == "running"
    assert conversation.due_at == desk.floor.clock.now
