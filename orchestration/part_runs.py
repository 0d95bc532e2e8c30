"""Runs of several parts: each takes the workflow by itself, and they end together."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from sqlalchemy import Connection

from orchestration import endings, escalation, parts, proposals, resolution, store
from orchestration.context import Case, Toolbox
from orchestration.endings import Ending
from orchestration.engine import Program, RunFailed, Stop, Walk
from orchestration.errors import DatabaseAway, Fenced, describe
from orchestration.journal import Journal
from orchestration.models import Conversation
from orchestration.nodes import End
from orchestration.parts import Part
from orchestration.state import classification_of
from orchestration.store import plain
from orchestration.types import URGENCIES, Citation, Draft, Json, Memory

log = logging.getLogger(__name__)

# As much of a part as makes it known again.
_LONGEST_QUOTE = 160
_NOT_QUOTED = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Where a part's path stopped; `error` says why it could not go on, where it could not."""

    part: Part
    case: Case
    stop: Stop
    error: str | None = None

    @property
    def outcome(self) -> str:
        """How the path ended, or `wait`."""
        return self.stop.end.kind if self.stop.end else "wait"

    @property
    def told(self) -> Part:
        """The part as the run's record keeps it from here on."""
        state = self.stop.state
        named = (state.get("intent"), state.get("runner_up"))
        return replace(
            self.part,
            intents=tuple(intent for intent in named if intent),
            classification=plain(classification_of(state)) if "intent" in state else None,
            route=state.get("route"),
            rule=state.get("rule"),
            rules_tried=state.get("rules_tried"),
            outcome=self.outcome,
            error=self.error,
        )


async def walk(program: Program, case: Case, tools: Toolbox, journal: Journal) -> list[Stopped]:
    """Walk the run's parts side by side to their stops; those that are over are not walked again.

    A part that fails goes to an agent and leaves the others be. Raises `Fenced` and `Superseded`,
    which are of the whole run.
    """
    asked = parts.from_json(journal.run.parts)
    tasks = [
        asyncio.ensure_future(_walk(program, case.of(part), tools, journal, part))
        for part in asked
        if not part.is_over
    ]
    try:
        stopped = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        # A sibling that is in the middle of something is let go only when it has stopped.
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return await _with_one_wait(stopped, tools, journal)


async def _walk(
    program: Program, case: Case, tools: Toolbox, journal: Journal, part: Part
) -> Stopped:
    try:
        stop = await Walk(program, case, tools, journal, part=part.number).run()
    except (Fenced, DatabaseAway):
        raise
    except Exception as error:
        # Whatever went wrong with it, a human knows, and the other parts are answered.
        log.exception("part failed", extra={"run": journal.run.id, "part": part.number})
        failed = error if isinstance(error, RunFailed) else RunFailed("engine", describe(error))
        state, end = endings.resort(case, failed.state, node=failed.node, error=failed.error)
        stop = Stop(state=state, end=end)
        return Stopped(part=part, case=case, stop=stop, error=f"{failed.node}: {failed.error}")
    return Stopped(part=part, case=case, stop=stop)


async def _with_one_wait(
    stopped: Sequence[Stopped], tools: Toolbox, journal: Journal
) -> list[Stopped]:
    """Let one proposal wait for its human; what else would wait goes to an agent.

    A waiting draft is withdrawn by the next message, with the whole turn, whose other parts have
    been answered by then; as the suggested reply of a case it is not.
    """
    kept = next((one for one in stopped if one.stop.wait and one.stop.wait.proposal), None)
    return [one if one is kept else await _to_agent(one, tools, journal) for one in stopped]


async def _to_agent(one: Stopped, tools: Toolbox, journal: Journal) -> Stopped:
    """Return a path that would wait as one that ends with an agent; any other as it is."""
    stop = one.stop
    if stop.wait is None or stop.place is None:
        return one
    journal.end_wait(stop.place)
    reason = "; ".join(["the draft needs a human's approval", *stop.wait.reasons])
    if stop.wait.proposal:
        words = proposals.describe(stop.wait.proposal)
        reason = f"another proposal already waits for approval beside this one: {words}"
    brief = await escalation.write_brief(one.case, tools, stop.state)
    end = End(kind="escalate", reason=reason, brief=brief)
    return replace(one, stop=replace(stop, end=end, wait=None, place=None))


def finish(connection: Connection, ending: Ending, stopped: Sequence[Stopped]) -> None:
    """Write how the parts stopped: one reply, one case at the most, and the run, ended or waiting.

    Raises `Superseded` where the conversation has moved on, `AlreadyPending` where the action that
    one proposes is pending already.
    """
    conversation = ending.journal.commit(connection)
    ending = _brought_together(connection, ending, stopped)
    waiting = [(one.stop.wait, one.stop.place) for one in stopped]
    for wait, place in waiting:
        if wait and place:
            endings.open_approval(connection, ending, conversation, wait, place)
    is_told = _hand_over(connection, ending, conversation, stopped)
    _reply(connection, ending, conversation, stopped, tells_of_case=is_told)
    _remember(connection, ending, conversation, stopped)
    if any(wait for wait, _ in waiting):
        endings.wait_on(connection, ending, conversation)
        return
    _close_if_all_do(connection, ending, conversation)
    errors = [part.error for part in ending.parts if part.error]
    endings.close_turn(
        connection,
        ending,
        conversation,
        outcome=_outcome(ending.parts),
        status="failed" if errors else "done",
        error="; ".join(errors) or None,
    )


def _brought_together(connection: Connection, ending: Ending, stopped: Sequence[Stopped]) -> Ending:
    """Return the ending with its parts as they now stand, and a state that speaks for all."""
    calls = store.list_calls(connection, ending.journal.run.id) if ending.tools.gateway else []
    costs: dict[int, Decimal] = {}
    for call in calls:
        booked = call.reserved if call.cost is None else call.cost
        costs[call.part] = costs.get(call.part, Decimal(0)) + (booked or Decimal(0))
    known = {one.part.number: one.told for one in stopped}
    now = [
        replace(
            known.get(part.number, part), cost=f"{costs.get(part.number, Decimal(0)).normalize():f}"
        )
        for part in parts.from_json(ending.journal.run.parts)
    ]
    drafts = [one.stop.state["draft"] for one in stopped if one.stop.state.get("draft")]
    draft = {
        "text": "\n".join(each["text"] for each in drafts),
        "evidence": [fact for each in drafts for fact in each["evidence"]],
    }
    language = next((state["language"] for state in _states(stopped) if "language" in state), None)
    state = {"draft": draft, "language": language}
    return replace(ending, parts=tuple(now), state=state)


def _states(stopped: Sequence[Stopped]) -> list[Mapping[str, Json]]:
    return [one.stop.state for one in stopped]


def _outcome(told: Sequence[Part]) -> str:
    """Return the most demanding of all outcomes."""
    outcomes = {part.outcome for part in told}
    return next(kind for kind in ("escalate", "send", "close") if kind in outcomes)


def _hand_over(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    stopped: Sequence[Stopped],
) -> bool:
    """Open the one case of all parts that go to agents; tell whether the customer must hear of it.

    Where a case is open, its agents are told, and the customer knows of it.
    """
    escalated = [one for one in stopped if one.outcome == "escalate"]
    if not escalated:
        return False
    leading = parts.most_demanding([one.told for one in escalated])
    first = next(one for one in escalated if one.part.number == leading.number)
    ends = [one.stop.end for one in (first, *escalated) if one.stop.end]
    reasons = list(dict.fromkeys(end.reason for end in ends))
    reasons += endings.loose_ends(connection, ending, "; ".join(reasons))
    if store.find_open_escalation(connection, conversation.id):
        endings.note(connection, ending, conversation, "; ".join(reasons))
        return False
    escalation.open_case(
        connection,
        ending.tools,
        conversation,
        run=ending.journal.run.id,
        queue=ends[0].queue or escalation.DEFAULT_QUEUE,
        reason="; ".join(reasons),
        urgency=_urgency(ending.parts),
        brief=_brief(first, escalated, [_in_brief(part, stopped) for part in ending.parts]),
        now=ending.now,
    )
    return True


def _urgency(told: Sequence[Part]) -> str:
    found = [part.classification["urgency"] for part in told if part.classification]
    return max(found, key=URGENCIES.index, default="normal")


def _brief(first: Stopped, escalated: Sequence[Stopped], told: Sequence[Json]) -> Json:
    """Return one brief of all parts that go to agents, with what became of each and the others."""
    own = [(one.stop.end.brief if one.stop.end else None) or {} for one in escalated]
    leading = next(brief for one, brief in zip(escalated, own, strict=True) if one is first)
    suggested = [brief["suggested_reply"] for brief in own if brief.get("suggested_reply")]
    return {
        **leading,
        "summary": "\n".join(str(brief["summary"]) for brief in own if brief),
        "suggested_reply": "\n\n".join(dict.fromkeys(suggested)) or None,
        "tried": [step for brief in own for step in brief.get("tried", ())],
        "parts": list(told),
    }


def _in_brief(part: Part, stopped: Sequence[Stopped]) -> dict[str, Json]:
    ends = {one.part.number: one.stop.end for one in stopped}
    end = ends.get(part.number)
    return {
        "text": part.text,
        "outcome": part.outcome,
        "said": end.draft.text if end and end.draft else None,
        "reason": end.reason if end and end.kind == "escalate" else None,
    }


def _reply(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    stopped: Sequence[Stopped],
    *,
    tells_of_case: bool,
) -> None:
    """Say all answers in one message, and which parts a colleague has."""
    drafts = _drafts(stopped)
    said = [draft.text for draft in drafts]
    said += [one.stop.end.text for one in stopped if one.stop.end and one.stop.end.text]
    if tells_of_case:
        said.append(_promise(ending, stopped))
    checked = [one for one in stopped if one.stop.wait]
    if checked:
        quote = _quote(checked)
        said.append(endings.say(ending, "part_checking", part=quote))
    text = "\n\n".join(dict.fromkeys(said))
    if not text:
        return
    if drafts and conversation.status == "resolved" and not tells_of_case:
        store.set_status(connection, conversation, "open", now=ending.now)
    endings.tell(connection, ending, conversation, text, _joined(drafts, text))


def _drafts(stopped: Sequence[Stopped]) -> list[Draft]:
    return [one.stop.end.draft for one in stopped if one.stop.end and one.stop.end.draft]


def _joined(drafts: Sequence[Draft], text: str) -> Draft | None:
    """Return all that was drafted as one draft; None where nothing was."""
    if not drafts:
        return None
    citations: dict[Citation, None] = dict.fromkeys(
        citation for draft in drafts for citation in draft.citations
    )
    responders = {draft.responder for draft in drafts}
    return Draft(
        text=text,
        responder=responders.pop() if len(responders) == 1 else "parts",
        citations=tuple(citations),
        evidence=tuple(fact for draft in drafts for fact in draft.evidence),
    )


def _promise(ending: Ending, stopped: Sequence[Stopped]) -> str:
    """Return that a colleague will answer: the whole, or the parts that the others leave."""
    escalated = [one for one in stopped if one.outcome == "escalate"]
    failed = next((one for one in escalated if one.error), escalated[0])
    own = replace(ending, case=failed.case, state={**failed.stop.state, **_language(ending)})
    is_whole = all(part.outcome == "escalate" for part in ending.parts)
    return endings.handed_over(own, part=None if is_whole else _quote(escalated))


def _language(ending: Ending) -> dict[str, Json]:
    language = ending.state.get("language")
    return {"language": language} if language else {}


def _quote(quoted: Sequence[Stopped]) -> str:
    """Return parts in the customer's own words, as far as it takes to know them again."""
    words = " … ".join(" ".join(one.part.text.split()) for one in quoted)
    words = _NOT_QUOTED.sub("…", words).rstrip(" .!,;")
    return words if len(words) <= _LONGEST_QUOTE else f"{words[: _LONGEST_QUOTE - 1]}…"


def _remember(
    connection: Connection,
    ending: Ending,
    conversation: Conversation,
    stopped: Sequence[Stopped],
) -> None:
    """Keep what each answer leaves to remember; what was asked last is what is waited for."""
    if store.has_newer_run(connection, ending.journal.run):
        return
    before = ending.case.memory
    memory = replace(before, pending=None)
    for draft in _drafts(stopped):
        changes = {
            each.name: getattr(draft.memory, each.name)
            for each in fields(Memory)
            if getattr(draft.memory, each.name) != getattr(before, each.name)
        }
        pending = draft.memory.pending or memory.pending
        memory = replace(memory, **{**changes, "pending": pending})
    if any(part.outcome == "escalate" for part in ending.parts):
        # A pending question of the bot's is no longer the bot's to ask.
        memory = replace(memory, pending=None, language=endings.language_of(ending))
    endings.remember(connection, conversation, memory)


def _close_if_all_do(connection: Connection, ending: Ending, conversation: Conversation) -> None:
    if all(part.outcome == "close" for part in ending.parts) and conversation.status != "assigned":
        resolution.resolve(connection, ending.tools, conversation, "closed", ending.now)
