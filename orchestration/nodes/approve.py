"""Puts a draft before a human, waits for what they decide, and has done what they released."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from orchestration import escalation, proposals, store, templates
from orchestration.errors import ExternalFailure, PermanentFailure, TemporaryFailure
from orchestration.models import Approval
from orchestration.nodes import (
    Config,
    End,
    Node,
    Outcome,
    Visit,
    Wait,
    as_json,
    draft_in,
    node_kinds,
    proposal_in,
)
from orchestration.templates import Template
from orchestration.types import Draft, Evidence, Json, Proposal, RunId

# The node's own timeout is how long the human has; the shop does not get that long.
PATIENCE = timedelta(seconds=30)


class ApproveConfig(Config):
    """`timeout` such as 4h, after which nobody's answer counts as expired.

    `text` is a template for what is shown where no reply has left a draft.
    """

    timeout: timedelta = timedelta(hours=4)
    text: Template | None = None


@node_kinds.register("approve")
class Approve(Node):
    """Waits until the draft is released, rejected or expired; a released action is done once."""

    kind = "approve"
    Config = ApproveConfig
    touches = "external"
    waits = True

    @classmethod
    def exits(cls, config: ApproveConfig) -> tuple[str, ...]:
        """Released, rejected or expired."""
        return ("released", "rejected", "expired")

    @classmethod
    def reads(cls, config: ApproveConfig) -> frozenset[str]:
        """Read the draft; what it proposes is there only where a reply proposed something."""
        return templates.fields_in(config.text) if config.text else frozenset({"draft"})

    @classmethod
    def writes(cls, config: ApproveConfig) -> frozenset[str]:
        """Write the draft as the human released it, and what they decided."""
        return frozenset({"draft", "proposal", "decision"})

    @classmethod
    def seals(cls, config: ApproveConfig, exit: str) -> bool | None:
        """Let what was released be sent; where nobody decided, what was shown is as it was."""
        if exit == "expired" and config.text is None:
            return None
        return exit == "released"

    async def run(self, visit: Visit) -> Outcome:
        """Open the approval, or go on with what was decided."""
        approval = await visit.tools.database.read(lambda connection: _find(connection, visit))
        if approval is None or approval.status == "open":
            return await self._open(visit)
        return await self._go_on(visit, approval)

    def _draft(self, visit: Visit) -> Draft:
        if self.config.text is None:
            return draft_in(visit.state)
        return Draft(text=templates.fill(self.config.text, visit.state), responder=visit.node)

    async def _open(self, visit: Visit) -> Outcome:
        draft, proposal = self._draft(visit), proposal_in(visit.state)
        shown = {"draft": draft.text, "proposal": proposals.as_json(proposal)}
        obstacle = await visit.tools.database.read(
            lambda connection: _obstacle(connection, visit, proposal)
        )
        if obstacle:
            brief = await escalation.write_brief(visit.case, visit.tools, visit.state)
            return Outcome(end=End(kind="escalate", reason=obstacle, brief=brief), input=shown)
        reasons = tuple((visit.state.get("verdict") or {}).get("reasons", ()))
        expires_at = visit.tools.clock() + self.config.timeout
        wait = Wait(draft=draft, proposal=proposal, reasons=reasons, expires_at=expires_at)
        return Outcome(wait=wait, input=shown)

    async def _go_on(self, visit: Visit, approval: Approval) -> Outcome:
        draft = self._draft(visit)
        # What the human saw is done, not what the run holds.
        proposal = proposals.from_json(approval.proposal) if approval.proposal else None
        decided = replace(draft, text=approval.text or draft.text)
        done: dict[str, Json] = {}
        if proposal and approval.status == "released":
            done["reference"] = await _carry_out(visit, approval, proposal)
            decided = _with_news(decided, proposal, visit)
        decision = {
            "status": approval.status,
            "by": approval.decided_by,
            "reason": approval.reason,
            "proposal": proposals.describe(proposal) if proposal else None,
        }
        return Outcome(
            exit=approval.status,
            updates={"draft": as_json(decided), "proposal": None, "decision": decision},
            input={"draft": draft.text, "proposal": approval.proposal},
            notes={"by": approval.decided_by, "reason": approval.reason, **done},
        )


def _with_news(draft: Draft, proposal: Proposal, visit: Visit) -> Draft:
    """Return the draft with our own sentence that the shop has done what was proposed."""
    key = f"{proposals.DONE}{proposal.action}"
    values = {"order": proposal.order, **proposal.arguments}
    done = visit.tools.texts.say(key, draft.language, **values)
    own_words = Evidence(kind="shop", id=key, text=done)
    return replace(draft, text=f"{draft.text}\n\n{done}", evidence=(*draft.evidence, own_words))


def _find(connection: Connection, visit: Visit) -> Approval | None:
    assert visit.case.run is not None  # noqa: S101
    run = RunId(visit.case.run.id)
    return store.find_approval(connection, run, visit.part, visit.node, visit.number)


def _obstacle(connection: Connection, visit: Visit, proposal: Proposal | None) -> str | None:
    """Say why this cannot wait for a human now, in words for the one who gets it instead."""
    pending = store.find_pending(connection, proposal) if proposal else None
    if proposal and pending:
        standing = "already waits for approval" if pending.status == "open" else "is not settled"
        return f"a proposal like this {standing}: {proposals.describe(proposal)}"
    if store.find_waiting(connection, visit.case.conversation.id):
        return "another proposal already waits for approval in this conversation"
    return None


async def _carry_out(visit: Visit, approval: Approval, proposal: Proposal) -> str:
    """Have the shop do what was released, once; returns its reference.

    Raises `TemporaryFailure` or `PermanentFailure`, which says whether it may have been done.
    """
    if approval.outcome == "done":
        return str(approval.reference)
    database = visit.tools.database
    await visit.record_start()
    is_first = await database.write(
        lambda connection: store.begin_action(connection, approval.id), durable=True
    )
    if not is_first and not visit.tools.orders.actions_are_idempotent:
        raise PermanentFailure(_unknown(proposal, "it was begun before, and nothing was heard"))
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            reference = await visit.tools.orders.carry_out(
                _customer(visit), proposal, key=approval.id
            )
    except (TimeoutError, ExternalFailure) as failure:
        # After an earlier attempt of unknown outcome, a refusal tells nothing about that one.
        is_known = is_first and not _may_be_done(failure)
        outcome = "not_done" if is_known else "unknown"
        await database.write(lambda c: store.finish_action(c, approval.id, outcome), durable=True)
        raise _failed(proposal, failure, is_known=is_known) from failure
    await database.write(
        lambda connection: store.finish_action(connection, approval.id, "done", reference),
        durable=True,
    )
    return reference


def _customer(visit: Visit) -> str:
    case = visit.case
    if case.failure:
        # A look-up has done nothing, whatever is not known of it.
        raise TemporaryFailure(str(case.failure))
    if case.customer is None:
        raise PermanentFailure("the shop knows no such customer")
    return case.customer.id


def _may_be_done(failure: BaseException) -> bool:
    return not isinstance(failure, ExternalFailure) or (
        isinstance(failure, TemporaryFailure) and failure.in_doubt
    )


def _failed(proposal: Proposal, failure: Exception, *, is_known: bool) -> ExternalFailure:
    reason = str(failure) or "the shop gave no answer in time"
    if not is_known:
        return TemporaryFailure(_unknown(proposal, reason), in_doubt=True)
    words = f"this was not done: {proposals.describe(proposal)} ({reason})"
    is_temporary = isinstance(failure, TemporaryFailure)
    return TemporaryFailure(words) if is_temporary else PermanentFailure(words)


def _unknown(proposal: Proposal, reason: str) -> str:
    return f"nobody knows whether this was done: {proposals.describe(proposal)} ({reason})"
