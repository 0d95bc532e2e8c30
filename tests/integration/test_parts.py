"""Several requests in one message: each takes the workflow, and they end in one reply."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from orchestration import escalated, parts, store
from orchestration.nodes import Outcome, Visit, as_json
from orchestration.shop import Shop
from orchestration.types import (
    ConversationId,
    Draft,
    Intent,
    Memory,
    PendingQuestion,
    Reading,
)
from tests.fakes.acts import Act, acting, echo
from tests.fakes.floor import (
    INTENTS,
    FakeClassifier,
    FakeOrders,
    Floor,
    Talk,
    open_floor,
)
from tests.fakes.proposing import PROPOSING, Watched, decide, open_orders, propose
from tests.fakes.workflows import SHIPPED, act, document

BOTH = "cancel 1043 and where is 1042?"
STATUS = "Your order 1042 is on its way"
PART = "A colleague will take care of this part and answer you here: “cancel 1043”"
CHECKED = (
    "A colleague is taking a look at this part before I answer it: “cancel 1043”. "
    "You will hear from us here."
)
HANDED_OVER = "I'm passing this on to a colleague, who will answer you here."
HEARD = "heard: where is 1042?"
DONE = "Order 1043 is cancelled."
SUGGESTED = "I suggest this: cancel order 1043"

CANCEL = Intent(name="cancel_order", complexity="complex", wants_human=True)
WORDS = {"cancel": "cancel_order", "where": "order_status", "return": "return_policy"}

sqlite_alone = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def outcomes(talk: Talk) -> list[str | None]:
    return [part.outcome for part in parts.from_json(talk.run.parts)]


# With the shipped workflow and no model


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Floor]:
    async with open_floor(
        database_url,
        workflow=SHIPPED,
        intents=(*INTENTS, CANCEL),
        classifier=lambda: FakeClassifier(WORDS),
    ) as floor:
        yield floor


async def test_one_part_is_answered_and_the_other_is_one_case_that_quotes_it(shop: Floor) -> None:
    talk = await shop.run(BOTH)

    [said] = talk.said
    answer, promise = said.split("\n\n")
    assert answer.startswith(STATUS)
    assert promise == PART
    assert talk.case.run_id == talk.run.id
    assert "“cancel 1043”" in talk.case.brief["summary"]
    assert "1042" not in talk.case.brief["summary"]
    assert talk.case.brief["classification"]["entities"] == {"orders": ["1043"]}
    assert [part["outcome"] for part in talk.case.brief["parts"]] == ["escalate", "send"]
    assert talk.case.brief["parts"][1]["said"] == answer
    assert talk.conversation.status == "escalated"


async def test_a_runs_record_says_of_each_part_why_and_stands_for_the_most_demanding(
    shop: Floor,
) -> None:
    talk = await shop.run(BOTH)

    cancelled, tracked = parts.from_json(talk.run.parts)
    assert (cancelled.text, cancelled.route, cancelled.outcome) == (
        "cancel 1043",
        "human",
        "escalate",
    )
    assert (tracked.text, tracked.route, tracked.rule) == (
        "where is 1042?",
        "simple",
        "sure and simple",
    )
    assert tracked.rules_tried[0]["rule"] == "risky or asked for a person"
    assert tracked.intents == ("order_status",)
    assert talk.run.route == "human"
    assert talk.run.rule == "risky or asked for a person"
    assert (talk.run.status, talk.run.outcome) == ("done", "escalate")
    assert talk.run.classification["intent"] == "cancel_order"
    assert talk.run.classification["requests"] == 2
    assert talk.run.classification["entities"]["orders"] == ["1043", "1042"]
    by_part = {
        number: [step.node for step in talk.steps if step.part == number] for number in (0, 1)
    }
    assert by_part == {
        0: ["classify", "route", "escalate"],
        1: ["classify", "route", "answer", "check", "send"],
    }
    assert [step.position for step in talk.steps] == list(range(1, 9))


@sqlite_alone
async def test_parts_in_two_messages_of_one_turn_are_parts_too(shop: Floor) -> None:
    await shop.say("cancel 1043")
    conversation = await shop.say("where is 1042?")
    await shop.work(conversation)

    talk = await shop.see(conversation)
    assert outcomes(talk) == ["escalate", "send"]
    assert len(talk.said) == 1


@sqlite_alone
@pytest.mark.parametrize("text", ["hi, where is 1042?", "where are 1042 and 1043?"])
async def test_a_message_with_one_request_has_no_parts(shop: Floor, text: str) -> None:
    talk = await shop.run(text)

    assert talk.run.parts is None
    assert {step.part for step in talk.steps} == {0}


@sqlite_alone
async def test_parts_that_all_need_a_human_are_handed_over_in_one_sentence(shop: Floor) -> None:
    talk = await shop.run("cancel 1043 and how can I change my address?")

    assert talk.said == [HANDED_OVER]
    assert outcomes(talk) == ["escalate", "escalate"]
    summary = talk.case.brief["summary"]
    assert "“cancel 1043”" in summary
    assert "“how can I change my address?”" in summary


@sqlite_alone
async def test_risk_in_one_part_raises_the_run_and_its_case(shop: Floor) -> None:
    talk = await shop.run("where is 1042? Cancel 1043, my lawyer will write to you.")

    assert talk.said[0].startswith(STATUS)
    assert talk.run.classification["risk"] == "legal"
    assert talk.run.classification["urgency"] == "high"
    assert talk.case.urgency == "high"


@sqlite_alone
async def test_of_too_many_requests_a_human_gets_the_whole(shop: Floor) -> None:
    text = (
        "where is 1042? cancel 1043. I want to change my address. I need an invoice. "
        "Do you ship to France?"
    )

    talk = await shop.run(text)

    assert talk.run.parts is None
    assert talk.said == [HANDED_OVER]
    assert talk.run.route == "human"
    assert (
        "asks for more than 4 things: a person sees to all of them"
        in (talk.run.classification["reasons"])
    )
    assert text in talk.case.brief["summary"]


@sqlite_alone
async def test_an_order_named_in_one_part_is_known_in_the_next(shop: Floor) -> None:
    talk = await shop.run("cancel order 1042, and where is it now?")

    assert talk.said[0].startswith(STATUS)


@sqlite_alone
async def test_what_joins_a_case_is_not_taken_apart(shop: Floor) -> None:
    conversation = await shop.say("cancel 1043")
    await shop.work(conversation)

    await shop.ask(BOTH)

    talk = await shop.see(conversation)
    assert (talk.run.parts, talk.run.outcome) == (None, "joined")
    assert len(talk.cases) == 1


@sqlite_alone
async def test_links_and_addresses_are_not_quoted_back(shop: Floor) -> None:
    talk = await shop.run("cancel 1043 https://evil.example/x me@evil.example and where is 1042?")

    assert talk.said[0].endswith("“cancel 1043 … …”")
    assert "evil" not in talk.said[0]


@sqlite_alone
async def test_a_conversation_remembers_what_the_answered_part_was_about(shop: Floor) -> None:
    talk = await shop.run(BOTH)

    memory = talk.conversation.memory
    assert (memory["last_order"], memory["pending"]) == ("1042", None)


@sqlite_alone
async def test_an_erased_conversation_keeps_no_words_of_its_parts(shop: Floor) -> None:
    talk = await shop.run(BOTH)

    await shop.database.write(lambda c: store.erase_conversation(c, talk.conversation.id))

    after = await shop.see(ConversationId(talk.conversation.id))
    assert after.run.parts is None
    assert "1043" not in str([step.model_dump() for step in after.steps])


@sqlite_alone
async def test_a_number_we_asked_for_is_answered_beside_another_request(shop: Floor) -> None:
    asked = await shop.ask("where is my parcel?")
    answered = await shop.ask("1042. And can you delete my account?")

    assert asked[0].startswith("Which order do you mean?")
    assert answered[0].startswith(STATUS)
    assert (
        "take care of this part and answer you here: “can you delete my account?”" in (answered[0])
    )


# With actions that a human must approve


@pytest.fixture
def acts() -> Iterator[dict[str, Act]]:
    with acting(work=propose) as acts:
        yield acts


@pytest.fixture
def orders() -> FakeOrders:
    return open_orders()


@pytest.fixture
async def floor(
    database_url: str, orders: FakeOrders, acts: dict[str, Act]
) -> AsyncIterator[Floor]:
    async with open_floor(database_url, workflow=PROPOSING, orders=orders) as floor:
        yield floor


@pytest.fixture
async def waiting(floor: Floor) -> ConversationId:
    conversation = await floor.say(BOTH)
    await floor.work(conversation)
    return conversation


async def test_one_part_waits_for_approval_and_the_other_is_answered(
    floor: Floor, waiting: ConversationId
) -> None:
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert talk.said == [f"{HEARD}\n\n{CHECKED}"]
    assert (talk.run.status, talk.conversation.status) == ("waiting", "open")
    assert (talk.approval.part, talk.approval.proposal["order"]) == (0, "1043")
    assert outcomes(talk) == ["wait", "send"]
    assert talk.cases == []


async def test_a_released_part_is_done_once_and_the_answered_one_is_not_said_again(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await decide(floor, (await floor.see(waiting)).approval.id)
    await floor.work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert talk.said[1:] == [f"{SUGGESTED}\n\n{DONE}"]
    assert (talk.run.status, talk.run.outcome) == ("done", "send")
    assert outcomes(talk) == ["send", "send"]


@pytest.mark.parametrize("status", ["rejected", "expired"])
async def test_a_part_that_is_not_released_goes_to_a_human_under_its_own_words(
    floor: Floor, waiting: ConversationId, status: str
) -> None:
    if status == "rejected":
        await decide(floor, (await floor.see(waiting)).approval.id, "rejected", reason="too late")
    else:
        floor.clock.move(hours=5)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(talk.said) == 2
    assert talk.said[1].endswith(PART)
    assert "“cancel 1043”" in talk.case.brief["summary"]
    assert [part["outcome"] for part in talk.case.brief["parts"]] == ["escalate", "send"]
    assert outcomes(talk) == ["escalate", "send"]
    assert talk.run.outcome == "escalate"


async def test_what_is_written_meanwhile_is_answered_beside_the_part_that_waits(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    beside = await floor.ask("hello?")

    await decide(floor, (await floor.see(waiting)).approval.id)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert beside == ["heard: hello?"]
    assert len(orders.done) == 1
    assert talk.said == [f"{HEARD}\n\n{CHECKED}", "heard: hello?", f"{SUGGESTED}\n\n{DONE}"]
    assert [run.status for run in talk.runs] == ["done", "done"]


async def test_a_claim_withdraws_the_part_that_waits_and_nothing_is_said_again(
    floor: Floor, orders: FakeOrders, waiting: ConversationId
) -> None:
    await floor.ask("perhaps")
    said = (await floor.see(waiting)).said

    await floor.command("claim", waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert talk.approval.status == "withdrawn"
    assert talk.said == said
    assert orders.attempts == []


async def test_of_two_proposals_one_waits_and_the_other_goes_to_an_agent(floor: Floor) -> None:
    talk = await floor.run("cancel 1043 and refund 1042")

    assert talk.approval.part == 0
    assert outcomes(talk) == ["wait", "escalate"]
    assert talk.case.reason == (
        "another proposal already waits for approval beside this one: "
        "refund 59.90 USD on order 1042"
    )
    assert talk.case.brief["suggested_reply"] == "I suggest this: refund 59.90 USD on order 1042"
    [said] = talk.said
    assert "take care of this part and answer you here: “refund 1042”" in said
    assert CHECKED in said
    steps = {(step.part, step.node): (step.status, step.exit) for step in talk.steps}
    assert steps[1, "approve"] == ("finished", "escalate")


async def test_a_part_released_beside_a_case_is_done_and_told(
    floor: Floor, orders: FakeOrders
) -> None:
    talk = await floor.run("cancel 1043 and refund 1042")

    await decide(floor, talk.approval.id)
    await floor.work(ConversationId(talk.conversation.id))

    after = await floor.see(ConversationId(talk.conversation.id))
    assert len(orders.done) == 1
    assert after.said[1:] == [f"{SUGGESTED}\n\n{DONE}"]
    assert after.run.outcome == "escalate"


async def test_a_draft_in_doubt_goes_to_an_agent_where_another_part_is_answered(
    floor: Floor,
) -> None:
    talk = await floor.run("where is 1042? And how can I perhaps change my address?")

    assert outcomes(talk) == ["send", "escalate"]
    assert talk.approvals == []
    assert talk.case.brief["suggested_reply"] == "heard: how can i perhaps change my address?"
    assert "approval" in talk.case.reason


async def test_an_action_that_is_pending_elsewhere_goes_to_an_agent(
    floor: Floor, acts: dict[str, Act]
) -> None:
    ready, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        outcome = await propose(visit)
        if visit.case.conversation.external_id == "talk" and outcome.exit == "proposed":
            ready.set()
            await go_on.wait()
        return outcome

    acts["work"] = slow
    conversation = await floor.say(BOTH)
    work = asyncio.create_task(floor.work(conversation))
    await ready.wait()
    other = await floor.say("cancel 1043", conversation="other")
    await floor.work(other)
    go_on.set()
    await work

    talk = await floor.see(conversation)
    assert talk.case.reason == "a proposal like this already waits for approval: cancel order 1043"
    [said] = talk.said
    assert said.startswith(HEARD)
    assert said.endswith(PART)


@pytest.mark.parametrize("writes", [0, 1, 2])
async def test_a_process_that_dies_after_a_part_was_done_tells_of_it_once(
    floor: Floor, orders: FakeOrders, waiting: ConversationId, writes: int
) -> None:
    left = [None] * writes

    async def die(function: Any) -> None:
        if orders.done:
            if not left:
                raise asyncio.CancelledError
            left.pop()

    dying: Any = Watched(floor.database, die)
    await decide(floor, (await floor.see(waiting)).approval.id)
    with pytest.raises(asyncio.CancelledError):
        await floor.with_tools(database=dying).work(waiting)
    await floor.work(waiting)

    talk = await floor.see(waiting)
    assert len(orders.done) == 1
    assert talk.said == [f"{HEARD}\n\n{CHECKED}", f"{SUGGESTED}\n\n{DONE}"]


# What happens in between


Opens = Callable[[Any], AbstractAsyncContextManager[Floor]]

INSIDE = document("work", work=act("work", next="send"))
OUTSIDE = document("work", work={"kind": "test_external", "act": "work", "next": "send"})
HEARD_BOTH = f"heard: cancel 1043\n\n{HEARD}"


@pytest.fixture
def opens(database_url: str, acts: dict[str, Act]) -> Opens:
    return lambda workflow: open_floor(database_url, workflow=workflow)


async def test_parts_walk_at_the_same_time(opens: Opens, acts: dict[str, Act]) -> None:
    there = [asyncio.Event(), asyncio.Event()]

    async def meet(visit: Visit) -> Outcome:
        there[visit.part].set()
        async with asyncio.timeout(30):
            await there[1 - visit.part].wait()
        return await echo(visit)

    acts["work"] = meet
    async with opens(INSIDE) as floor:
        talk = await floor.run(BOTH)

    assert talk.said == [HEARD_BOTH]
    assert (talk.run.outcome, talk.conversation.status) == ("send", "open")
    assert talk.cases == []


async def test_a_part_that_fails_goes_to_a_human_and_the_other_is_answered(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def fail(visit: Visit) -> Outcome:
        if visit.part == 0:
            raise RuntimeError("broken")
        return await echo(visit)

    acts |= {"work": fail, "say": fail}
    workflow = document(
        "work", work=act("work", next="send"), escalate={"kind": "test_end", "act": "say"}
    )
    async with opens(workflow) as floor:
        talk = await floor.run(BOTH)

    [said] = talk.said
    assert said == f"{HEARD}\n\nI'm sorry, something went wrong on our side. {PART}"
    assert talk.case.reason == "the node escalate failed: RuntimeError: broken"
    assert (talk.run.status, talk.run.outcome) == ("failed", "escalate")
    failed, answered = parts.from_json(talk.run.parts)
    assert (failed.outcome, failed.error) == ("escalate", "escalate: RuntimeError: broken")
    assert (answered.outcome, answered.error) == ("send", None)


@sqlite_alone
async def test_a_part_that_failed_while_another_waits_stays_on_record(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def fail(visit: Visit) -> Outcome:
        if visit.part == 1:
            raise RuntimeError("broken")
        return await propose(visit)

    acts |= {"work": fail, "say": fail}
    nodes = {**PROPOSING["nodes"], "escalate": {"kind": "test_end", "act": "say"}}
    async with opens({**PROPOSING, "nodes": nodes}) as floor:
        asked = await floor.run("cancel 1042 and where is 1043?")
        await decide(floor, asked.approval.id)
        await floor.work(ConversationId(asked.conversation.id))
        talk = await floor.see(ConversationId(asked.conversation.id))

    assert (asked.run.status, outcomes(asked)) == ("waiting", ["wait", "escalate"])
    assert talk.said[1:] == ["I suggest this: cancel order 1042\n\nOrder 1042 is cancelled."]
    assert (talk.run.status, talk.run.error) == ("failed", "escalate: RuntimeError: broken")
    assert len(talk.cases) == 1


async def test_a_message_in_between_starts_the_turn_anew_and_nothing_is_said_twice(
    opens: Opens, acts: dict[str, Act]
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        if visit.part == 1:
            begun.set()
            await go_on.wait()
        return await echo(visit)

    acts["work"] = slow
    async with opens(INSIDE) as floor:
        conversation = await floor.say(BOTH)
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await floor.say("and change my address please")
        go_on.set()
        await work
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.said == [f"{HEARD_BOTH}\n\nheard: change my address please"]
    assert [run.status for run in talk.runs] == ["superseded", "done"]
    assert talk.unanswered == []


async def test_a_claim_in_between_silences_every_part(opens: Opens, acts: dict[str, Act]) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(visit: Visit) -> Outcome:
        if visit.case.text == "where is 1042?":
            begun.set()
            await go_on.wait()
        return await echo(visit)

    acts["work"] = slow
    async with opens(INSIDE) as floor:
        conversation = await floor.say(BOTH)
        work = asyncio.create_task(floor.work(conversation))
        await begun.wait()
        await hand_over(floor, conversation)
        before = (await floor.see(conversation)).said
        await floor.command("claim", conversation)
        go_on.set()
        await work
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.said == before
    assert "done" not in [run.status for run in talk.runs if run.outcome == "send"]
    assert talk.unanswered == []


async def hand_over(floor: Floor, conversation: ConversationId) -> None:
    """Open a case by hand, as an agent who looks on would."""
    assert await escalated.hand_over(floor.tools, conversation, "a colleague looks on")


async def test_a_process_that_dies_between_two_parts_does_neither_again(
    opens: Opens, acts: dict[str, Act]
) -> None:
    called: list[str] = []
    first = asyncio.Event()

    async def call(visit: Visit) -> Outcome:
        if visit.part == 1 and called == []:
            await first.wait()
        await visit.record_start()
        called.append(visit.case.text)
        if visit.part == 1 and called.count(visit.case.text) == 1:
            raise asyncio.CancelledError
        first.set()
        return await echo(visit)

    acts["work"] = call
    async with opens(OUTSIDE) as floor:
        conversation = await floor.say(BOTH)
        with pytest.raises(asyncio.CancelledError):
            await floor.work(conversation)
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert called.count("cancel 1043") == 1
    assert talk.said == [HEARD_BOTH]
    assert [run.status for run in talk.runs] == ["done"]
    assert {(step.part, step.node) for step in talk.steps} == {
        (number, node) for number in (0, 1) for node in ("work", "send")
    }


async def test_a_process_that_dies_at_the_end_says_everything_once(
    opens: Opens, acts: dict[str, Act]
) -> None:
    called: list[str] = []

    async def call(visit: Visit) -> Outcome:
        await visit.record_start()
        called.append(visit.case.text)
        return await echo(visit)

    async def die(function: Any) -> None:
        if "finish" in getattr(function, "__code__", function).co_names:
            raise asyncio.CancelledError

    acts["work"] = call
    async with opens(OUTSIDE) as floor:
        conversation = await floor.say(BOTH)
        dying: Any = Watched(floor.database, die)
        with pytest.raises(asyncio.CancelledError):
            await floor.with_tools(database=dying).work(conversation)
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert sorted(called) == ["cancel 1043", "where is 1042?"]
    assert talk.said == [HEARD_BOTH]


@sqlite_alone
async def test_a_question_of_ours_in_one_part_is_not_forgotten_for_the_answer_to_another(
    opens: Opens, acts: dict[str, Act]
) -> None:
    question = PendingQuestion(intent="order_status", missing="order")

    async def ask_back(visit: Visit) -> Outcome:
        pending = question if visit.part == 0 else None
        memory = Memory(pending=pending, last_intent=f"intent {visit.part}")
        draft = Draft(text=f"heard: {visit.case.text}", responder="test", memory=memory)
        return Outcome(exit="done", updates={"draft": as_json(draft)})

    acts["work"] = ask_back
    async with opens(INSIDE) as floor:
        talk = await floor.run(BOTH)

    memory = talk.conversation.memory
    assert (memory["pending"]["missing"], memory["last_intent"]) == ("order", "intent 1")


@sqlite_alone
async def test_a_part_that_has_begun_outside_holds_the_run_to_its_end(
    opens: Opens, acts: dict[str, Act]
) -> None:
    async def call(visit: Visit) -> Outcome:
        await visit.record_start()
        if visit.part == 1:
            await later(floor)
        return await echo(visit)

    async def later(floor: Floor) -> None:
        await floor.say("thanks")

    acts["work"] = call
    async with opens(OUTSIDE) as floor:
        conversation = await floor.say(BOTH)
        await floor.work(conversation)
        talk = await floor.see(conversation)

    assert talk.said[0] == HEARD_BOTH
    assert talk.runs[0].status == "done"


# Ends


def ending(**ends: Any) -> Any:
    """Return a workflow in which a word of the text leads to an end."""
    ways = [*ends, "send"]
    work = act("work", ways=ways, exits={**{name: name for name in ends}, "send": "send"})
    return document("work", work=work, **ends)


async def by_word(visit: Visit) -> Outcome:
    """Close what is to be cancelled, and answer all else."""
    outcome = await echo(visit)
    exit = "close" if "cancel" in visit.case.text or "return" in visit.case.text else "send"
    return Outcome(exit=exit, updates=outcome.updates)


async def test_a_part_that_ends_silent_leaves_the_other_its_answer(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"] = by_word
    async with opens(ending(close={"kind": "close"})) as floor:
        talk = await floor.run(BOTH)

    assert talk.said == [HEARD]
    assert outcomes(talk) == ["close", "send"]
    assert (talk.run.outcome, talk.conversation.status) == ("send", "open")


async def test_a_conversation_is_closed_where_every_part_closes_it(
    opens: Opens, acts: dict[str, Act]
) -> None:
    acts["work"] = by_word
    async with opens(ending(close={"kind": "close", "text": "Bye!"})) as floor:
        talk = await floor.run("cancel 1043 and return 1042")

    assert talk.said == ["Bye!"]
    assert (talk.conversation.status, talk.conversation.resolution) == ("resolved", "closed")


# In the customer's language, at night


@sqlite_alone
@pytest.mark.parametrize(
    ("text", "language", "promise"),
    [
        (
            "Storniere 1043 und wo ist 1042?",
            "de",
            "Um diesen Teil kümmert sich jemand aus unserem Team und antwortet Ihnen hier: "
            "„Storniere 1043“",
        ),
        (
            "Bonjour, annulez 1043 svp et où est 1042 ?",
            "fr",
            "Un membre de notre équipe s\u2019occupe de cette partie et vous répondra ici : "
            "« Bonjour, annulez 1043 svp »",
        ),
        (
            "Cancele el pedido 1043 y ¿dónde está el 1042?",
            "es",
            "Alguien de nuestro equipo se encarga de esta parte y le responderá aquí: "
            "«Cancele el pedido 1043»",
        ),
        (
            "Annullate 1043 e dov'è 1042?",
            "it",
            "Di questa parte si occupa qualcuno del nostro team, che le risponderà qui: "
            "«Annullate 1043»",
        ),
        (
            "Annuleer 1043 en waar blijft 1042?",
            "nl",
            "Een collega pakt dit deel op en antwoordt je hier: \u2018Annuleer 1043\u2019",
        ),
        (
            "Cancele o pedido 1043 e onde está o 1042?",
            "pt",
            "Alguém da nossa equipe vai cuidar desta parte e responder aqui: "
            "“Cancele o pedido 1043”",
        ),
    ],
)
async def test_the_customers_own_language_is_spoken(
    database_url: str, text: str, language: str, promise: str
) -> None:
    async with open_floor(
        database_url,
        workflow=SHIPPED,
        intents=(*INTENTS, CANCEL),
        classifier=lambda: Speaking(language),
        shop=Shop(name="Willow & Wren", languages=(language, "en")),
    ) as floor:
        talk = await floor.run(text)

    answer, told = talk.said[0].split("\n\n")
    assert "1042" in answer
    assert told == promise


class Speaking(FakeClassifier):
    """Sure of the language of a whole message alone: a few words might be English."""

    def __init__(self, language: str) -> None:
        words = ("storn", "annul", "cancel", "wo ist", "où est", "dónde", "dov'è", "waar", "onde")
        super().__init__(
            {word: "cancel_order" if word[0] in "sac" else "order_status" for word in words}
        )
        self._language = language

    def read(self, text: str) -> Reading:
        found = super().read(text)
        is_whole = "1042" in text and "1043" in text
        return replace(found, language=self._language if is_whole else "en")


@sqlite_alone
async def test_out_of_hours_the_part_is_promised_for_when_the_shop_opens(database_url: str) -> None:
    shop = Shop(name="Shut", hours={"tue": ("09:00-17:00",)})
    async with open_floor(
        database_url,
        workflow=SHIPPED,
        intents=(*INTENTS, CANCEL),
        classifier=lambda: FakeClassifier(WORDS),
        shop=shop,
    ) as floor:
        talk = await floor.run(BOTH)

    assert "take care of this part: “cancel 1043”" in talk.said[0]
    assert "Tuesday 24 November 2026 at 09:00" in talk.said[0]
