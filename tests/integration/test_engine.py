"""The engine through whole runs: ways, branches, loops and resuming."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from orchestration.errors import PermanentFailure
from orchestration.nodes import Outcome, Visit
from orchestration.types import Json
from tests.fakes.acts import Act, acting, drafted, echo, failing
from tests.fakes.floor import Floor, open_floor
from tests.fakes.workflows import act, document

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Opens = Callable[[Mapping[str, Json]], AbstractAsyncContextManager[Floor]]


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=echo, say=echo) as acts:
        yield acts


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


# Ways


@sqlite_alone
@pytest.mark.parametrize(("text", "heard"), [("where is it?", "an order"), ("hm", "no order")])
async def test_a_branch_goes_by_its_condition(
    opens: Opens, acts: dict[str, Act], text: str, heard: str
) -> None:
    when = {"field": "intent", "is": "order_status"}
    workflow = document(
        "classify",
        classify={"kind": "classify", "next": "branch"},
        branch={"kind": "branch", "when": when, "exits": {"yes": "order", "no": "other"}},
        order=act("order", next="send"),
        other=act("other", next="send"),
    )
    acts |= {"order": says("an order"), "other": says("no order")}

    async with opens(workflow) as floor:
        talk = await floor.run(text)

    assert talk.said == [heard]
    assert talk.step("branch").exit == ("yes" if heard == "an order" else "no")


@sqlite_alone
async def test_a_run_records_its_rule_and_why_those_before_it_did_not_fire(opens: Opens) -> None:
    rules = [
        {"name": "risky", "when": {"field": "risk", "is_not": "none"}, "to": "human"},
        {"name": "orders", "when": {"field": "intent", "is": "order_status"}, "to": "answer"},
        {"name": "the rest", "otherwise": "human"},
    ]
    workflow = document(
        "classify",
        classify={"kind": "classify", "next": "route"},
        route={"kind": "route", "rules": rules, "exits": {"human": "escalate", "answer": "work"}},
        work=act("work", next="send"),
    )

    async with opens(workflow) as floor:
        talk = await floor.run("where is it?")

    assert (talk.run.route, talk.run.rule) == ("answer", "orders")
    assert [one["rule"] for one in talk.run.rules_tried] == ["risky"]
    assert "risk" in str(talk.run.rules_tried[0]["failed_on"])
    assert [step.node for step in talk.steps] == ["classify", "route", "work", "send"]
    assert all(step.ms is not None and step.status == "finished" for step in talk.steps)


# Branches in parallel


FORKED = document(
    "fork",
    fork={"kind": "fork", "branches": ["a", "b"], "exits": {"a": "left", "b": "right"}},
    left=act("left", next="join", written=["left"]),
    right=act("right", next="join", written=["right"]),
    join={"kind": "join", "next": "say"},
    say=act("say", next="send"),
)


async def test_branches_work_at_the_same_time_and_what_they_write_is_merged(
    opens: Opens, acts: dict[str, Act]
) -> None:
    both = asyncio.Barrier(2)

    async def left(visit: Visit) -> Outcome:
        await both.wait()
        return Outcome(exit="done", updates={"left": "L"})

    async def right(visit: Visit) -> Outcome:
        await both.wait()
        return Outcome(exit="done", updates={"right": "R"})

    async def say(visit: Visit) -> Outcome:
        return drafted(f"{visit.state['left']} and {visit.state['right']}")

    acts |= {"left": left, "right": right, "say": say}
    async with opens(FORKED) as floor:
        talk = await floor.run()

    assert talk.said == ["L and R"]
    assert {step.node for step in talk.steps} == {"fork", "left", "right", "join", "say", "send"}


async def test_a_branch_that_fails_cancels_its_siblings_and_waits_for_them(
    opens: Opens, acts: dict[str, Act]
) -> None:
    stopped: list[str] = []
    begun = asyncio.Event()

    async def left(visit: Visit) -> Outcome:
        await begun.wait()
        raise PermanentFailure("no luck")

    async def right(visit: Visit) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            stopped.append("right")
        raise AssertionError

    acts |= {"left": left, "right": right}
    async with opens(FORKED) as floor:
        talk = await floor.run()

    assert stopped == ["right"]
    assert talk.conversation.status == "escalated"
    assert "the node left failed: PermanentFailure: no luck" in talk.case.reason
    assert talk.run.status == "done"


@sqlite_alone
async def test_a_branch_leaves_the_fork_by_its_own_error_exit(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["left"], _ = failing(PermanentFailure("no luck"))
    acts["right"] = wrote("right", "R")
    nodes = dict(FORKED["nodes"])
    nodes["left"] = act("left", written=["left"], exits={"done": "join", "error": "say"})

    async with opens({**FORKED, "nodes": nodes}) as floor:
        talk = await floor.run("hi there")

    assert talk.said == ["heard: hi there"]


@sqlite_alone
@pytest.mark.parametrize("order", [("inner", "left"), ("left", "inner")])
async def test_what_follows_an_inner_join_is_done_before_the_outer_one(
    opens: Opens, acts: dict[str, Act], order: tuple[str, str]
) -> None:
    workflow = document(
        "fork",
        fork={"kind": "fork", "exits": dict(zip("ab", order, strict=True))},
        left=act("left", next="join", written=["left"]),
        inner={"kind": "fork", "exits": {"c": "one", "d": "meet"}},
        one=act("one", next="meet", written=["one"]),
        meet={"kind": "join", "next": "after"},
        after=act("after", next="join", written=["after"]),
        join={"kind": "join", "next": "work"},
        work=act("work", next="send"),
    )
    acts |= {name: wrote(name, name) for name in ("left", "one", "after")}

    async with opens(workflow) as floor:
        talk = await floor.run()

    assert sorted(step.node for step in talk.steps) == sorted(
        workflow["nodes"].keys() - {"escalate"}
    )


@sqlite_alone
async def test_a_fork_whose_visits_are_used_up_opens_no_branch(
    opens: Opens, acts: dict[str, Act]
) -> None:
    nodes = {
        **{name: node for name, node in FORKED["nodes"].items() if name != "say"},
        "fork": {
            "kind": "fork",
            "max_visits": 1,
            "exits": {"a": "left", "b": "right", "exhausted": "work"},
        },
        "join": {"kind": "join", "next": "fork"},
        "work": act("work", next="send"),
    }
    acts |= {"left": wrote("left", "L"), "right": wrote("right", "R")}

    async with opens({**FORKED, "nodes": nodes}) as floor:
        talk = await floor.run("hi")

    assert talk.said == ["heard: hi"]
    assert [step.exit for step in talk.steps if step.node == "fork"] == ["a", "exhausted"]
    assert len([step for step in talk.steps if step.node == "left"]) == 1


@sqlite_alone
async def test_what_a_branch_did_before_its_sibling_failed_counts_as_a_visit(
    opens: Opens, acts: dict[str, Act]
) -> None:
    done = asyncio.Event()
    rounds: list[int] = []

    async def left(visit: Visit) -> Outcome:
        await done.wait()
        if visit.number == 1:
            raise PermanentFailure("no luck")
        return Outcome(exit="done", updates={"left": "L"})

    async def right(visit: Visit) -> Outcome:
        rounds.append(visit.number)
        done.set()
        return Outcome(exit="done", updates={"right": f"R{visit.number}"})

    async def say(visit: Visit) -> Outcome:
        return drafted(str(visit.state["right"]))

    nodes = {
        **FORKED["nodes"],
        "left": act(
            "left",
            written=["left"],
            max_visits=2,
            exits={"done": "join", "error": "fork", "exhausted": "join"},
        ),
    }
    acts |= {"left": left, "right": right, "say": say}

    async with opens({**FORKED, "nodes": nodes}) as floor:
        talk = await floor.run()

    assert rounds == [1, 2]
    assert talk.said == ["R2"]


# Loops


async def test_a_bounded_loop_ends_by_its_exit_exhausted(
    opens: Opens, acts: dict[str, Act]
) -> None:
    workflow = document(
        "again",
        again=act(
            "again",
            ways=["more"],
            written=[],
            max_visits=3,
            exits={"more": "again", "exhausted": "work"},
        ),
        work=act("work", next="send"),
    )
    rounds: list[int] = []

    async def again(visit: Visit) -> Outcome:
        rounds.append(visit.number)
        return Outcome(exit="more")

    acts["again"] = again
    async with opens(workflow) as floor:
        talk = await floor.run()

    assert rounds == [1, 2, 3]
    assert talk.said == ["heard: hello"]
    assert [step.exit for step in talk.steps if step.node == "again"] == [
        "more",
        "more",
        "more",
        "exhausted",
    ]


# Resuming


async def test_a_resumed_run_does_not_do_finished_steps_again(
    opens: Opens, acts: dict[str, Act]
) -> None:
    done: list[str] = []

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("pay")
        return drafted("paid")

    async def stop(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("stop")
        if done.count("stop") == 1:
            raise asyncio.CancelledError
        return drafted(f"{visit.state['draft']['text']} and {visit.was_started}")

    acts |= {"pay": pay, "stop": stop}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "stop"},
        stop={"kind": "test_external", "act": "stop", "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("hello")
        with pytest.raises(asyncio.CancelledError):
            await floor.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert done == ["pay", "stop", "stop"]
    assert talk.said == ["paid and True"]
    assert [run.status for run in talk.runs] == ["done"]


async def test_a_commit_that_fails_at_the_end_is_made_up_for_without_doing_steps_again(
    opens: Opens, acts: dict[str, Act]
) -> None:
    done: list[str] = []

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        done.append("pay")
        return drafted("paid")

    async def late(visit: Visit) -> Outcome:
        await visit.record_start()
        return Outcome(exit="done")

    acts |= {"pay": pay, "late": late}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "late"},
        late={"kind": "test_external", "act": "late", "written": [], "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("hello")
        dying = floor.with_tools(texts=None, database=Dying(floor.database, at="end"))
        with pytest.raises(asyncio.CancelledError):
            await dying.work(conversation)
        await floor.turns.advance(conversation)
        talk = await floor.see(conversation)

    assert done == ["pay"]
    assert talk.said == ["paid"]
    assert [run.status for run in talk.runs] == ["done"]


class Dying:
    """A database whose process is stopped at the commit that would end a run."""

    def __init__(self, database: Any, *, at: str) -> None:
        self._database = database
        self._at = at

    async def write(self, function: Any, **how: Any) -> Any:
        if f"_{self._at}" in getattr(function, "__code__", function).co_names:
            raise asyncio.CancelledError
        return await self._database.write(function, **how)

    async def read(self, function: Any) -> Any:
        return await self._database.read(function)


async def test_a_run_whose_outside_work_is_done_is_not_superseded(
    opens: Opens, acts: dict[str, Act]
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        begun.set()
        await go_on.wait()
        return await echo(visit)

    acts |= {"pay": echo, "slow": slow}
    workflow = document(
        "pay",
        pay={"kind": "test_external", "act": "pay", "next": "slow"},
        slow=act("slow", next="send"),
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("refund it")
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await floor.say("and one more thing")
        go_on.set()
        await work
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.said == ["heard: refund it", "heard: and one more thing"]
    assert [run.status for run in talk.runs] == ["done", "done"]


@sqlite_alone
async def test_a_newer_message_stops_a_run_before_anything_outside_begins(
    opens: Opens, acts: dict[str, Act]
) -> None:
    paid: list[str] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        begun.set()
        await go_on.wait()
        return await echo(visit)

    async def pay(visit: Visit) -> Outcome:
        await visit.record_start()
        paid.append(visit.case.text)
        return await echo(visit)

    acts |= {"slow": slow, "pay": pay}
    workflow = document(
        "slow",
        slow=act("slow", next="pay"),
        pay={"kind": "test_external", "act": "pay", "next": "send"},
    )
    async with opens(workflow) as floor:
        conversation = await floor.say("one")
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await floor.say("two")
        go_on.set()
        await work
        await floor.work(conversation)

    assert paid == ["one\ntwo"]


def says(text: str) -> Act:
    async def say(visit: Visit) -> Outcome:
        return drafted(text)

    return say


def wrote(name: str, value: Json) -> Act:
    async def write(visit: Visit) -> Outcome:
        return Outcome(exit="done", updates={name: value})

    return write
