"""What boards elsewhere show agents: a card for each case and approval, its thread the case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

from sqlalchemy import Connection

from orchestration import delivery, escalation, proposals, store
from orchestration.context import Toolbox
from orchestration.escalation import DEFAULT_QUEUE, LEVELS
from orchestration.models import Approval, Card, Conversation, Delivery, Escalation, Event, Message
from orchestration.shop import Shop
from orchestration.store import Hold
from orchestration.types import Json

# Where agents write beside a card: what they write there needs no showing.
AGENTS = "agents"
# A reply that an agent made of a note; its `source_id` is the note's id.
FROM_NOTE = "note"
OPEN = ("open", "claimed")
MARKS = {"delivered": "white_check_mark", "undelivered": "warning"}

Kind = Literal["case", "approval"]
_NOT_SHOWN = ("failed", "withheld", "unconfirmed")
_ORDERS = 3


def of_queue(shop: Shop, queue: str) -> str | None:
    """Return where the cases of a queue are shown: on its own board, or else the default one."""
    own = shop.queues.get(queue)
    if own and own.slack_channel:
        return own.slack_channel
    return shop.queues[DEFAULT_QUEUE].slack_channel


def all_of(shop: Shop) -> frozenset[str]:
    """Return all boards there are."""
    return frozenset(queue.slack_channel for queue in shop.queues.values() if queue.slack_channel)


def refresh(connection: Connection, tools: Toolbox, held: Hold) -> bool:
    """Put on its way what the boards do not show yet; tell whether there was anything."""
    conversation = store.hold(connection, held)
    cases = store.list_cases(connection, conversation.id)
    approvals = store.list_own_approvals(connection, conversation.id)
    if not cases and not approvals:
        return False
    board = _Board(
        connection=connection,
        tools=tools,
        conversation=conversation,
        cards=store.list_cards(connection, conversation.id),
        now=tools.clock(),
    )
    for case in reversed(cases):
        board.show_case(case, is_newest=case is cases[0])
    queue = cases[0].queue if cases and cases[0].status in OPEN else DEFAULT_QUEUE
    for approval in approvals:
        board.show_approval(approval, queue)
    board.show_refused()
    return board.has_queued


@dataclass(kw_only=True)
class _Board:
    """The boards' view of one conversation, locked while it is compared with what they show."""

    connection: Connection
    tools: Toolbox
    conversation: Conversation
    cards: dict[str, Card]
    now: datetime
    has_queued: bool = field(default=False)

    def show_case(self, case: Escalation, *, is_newest: bool) -> None:
        facts = {
            **_facts_of(case),
            "assignee_name": self._name(case.assignee),
            "customer_name": self._customer(),
            "channel": self.conversation.channel,
            "target": self._target(case),
            "rating": self.conversation.rating if is_newest else None,
            **self._console(case),
        }
        is_open = case.status in OPEN
        card = self._show("case", case.id, facts, case.queue, is_open=is_open)
        if card and is_newest:
            self._tell(case, card)

    def _console(self, case: Escalation) -> dict[str, Json]:
        url = self.tools.console_url
        return {"console": f"{url}/cases/{case.id}"} if url else {}

    def show_approval(self, approval: Approval, queue: str) -> None:
        said = store.list_said_since(self.connection, approval)
        facts = {
            **_facts_of_approval(approval),
            "decided_by_name": self._name(approval.decided_by),
            "customer_name": self._customer(),
            "said_since": [message.text for message in said],
        }
        is_open = approval.status == "open"
        self._show("approval", approval.id, facts, queue, is_open=is_open)

    def show_refused(self) -> None:
        """Show on the default queue's board the reminders that another one refused."""
        fallback = of_queue(self.tools.shop, DEFAULT_QUEUE)
        if fallback is None:
            return
        for refused in store.list_refused(self.connection, self.conversation.id, but=fallback):
            self.has_queued |= store.queue_again(
                self.connection, self.conversation, refused, target=fallback, now=self.now
            )

    def _show(
        self, kind: Kind, subject: str, facts: Mapping[str, Json], queue: str, *, is_open: bool
    ) -> Card | None:
        shown = sha256(repr(sorted(facts.items())).encode()).hexdigest()
        target = of_queue(self.tools.shop, queue)
        card = self.cards.get(subject)
        if card is None:
            return self._put_up(kind, subject, facts, shown, target) if is_open and target else None
        root = store.get(self.connection, Delivery, card.delivery_id)
        fallback = of_queue(self.tools.shop, DEFAULT_QUEUE)
        if root.status == "failed" and fallback and card.target == target != fallback:
            return self._put_up(kind, subject, facts, shown, fallback)
        if card.shown == shown:
            return card
        if root.status in _NOT_SHOWN and target:
            return self._put_up(kind, subject, facts, shown, target)
        waiting = store.find_waiting_card(self.connection, card)
        if waiting:
            # Of what nobody has seen yet, only the newest is shown.
            is_update = waiting.id != card.delivery_id
            body = delivery.frozen(f"{kind}.card", {**facts, "update": is_update}, self.now)
            store.change_delivery(self.connection, waiting.id, body=body)
        else:
            store.forget_drawings(self.connection, card)
            self._queue("card", f"{kind}.card", card, {**facts, "update": True})
        return self._keep(card, shown=shown)

    def _put_up(
        self, kind: Kind, subject: str, facts: Mapping[str, Json], shown: str, target: str
    ) -> Card:
        known = self.cards.get(subject)
        card = Card(
            subject=subject,
            kind=kind,
            conversation_id=self.conversation.id,
            delivery_id="",
            target=target,
            shown=shown,
            told_upto=known.told_upto if known else self._last_on_card(kind, subject),
        )
        root = self._queue("card", f"{kind}.card", card, {**facts, "update": False})
        return self._keep(card, delivery_id=root.id)

    def _last_on_card(self, kind: Kind, subject: str) -> int:
        if kind != "case":
            return 0
        opened_at = store.get_escalation(self.connection, subject).created_at
        return store.last_seq(self.connection, self.conversation.id, upto=opened_at)

    def _tell(self, case: Escalation, card: Card) -> None:
        """Put below the card what was said and what happened since it was last looked at."""
        told = store.list_told(self.connection, self.conversation.id, after=card.told_upto)
        last = _end_in(told) if case.ended_at else None
        for item in told:
            if isinstance(item, Event):
                self._tell_event(case, card, item)
            elif case.ended_at is None or (last and item.seq < last):
                self._tell_message(card, item)
        if told:
            self._keep(card, told_upto=told[-1].seq)

    def _tell_message(self, card: Card, message: Message) -> None:
        if message.source not in (AGENTS, FROM_NOTE):
            self._queue("post", "case.said", card, self._said(message), message=message)

    def _reword(self, card: Card, details: Mapping[str, Json]) -> None:
        """Show what the customer has made of a message that agents have read."""
        message = store.find_message(self.connection, details.get("message"))
        post = store.find_post(self.connection, message.id) if message else None
        if message is None or post is None:
            return
        facts = self._said(message)
        # Words that were taken back are kept nowhere.
        body = delivery.frozen("case.said", facts, self.now)
        store.change_delivery(self.connection, post.id, body=body)
        changed = {**facts, "update": True}
        self._queue("change", "case.said", card, changed, follows=post.id)

    def _said(self, message: Message) -> dict[str, Json]:
        return {
            "id": message.id,
            "author": message.author,
            "name": message.author_name,
            "customer_name": self._customer(),
            "audience": message.audience,
            "text": message.text,
            "files": _files(store.list_files(self.connection, [message.id])),
        }

    def _tell_event(self, case: Escalation, card: Card, event: Event) -> None:
        details = dict(event.details or {})
        if event.kind in MARKS:
            self._mark(card, event.kind, details)
        elif event.kind == "reminder":
            self._remind(case, card, details)
        elif event.kind == "status" and details.get("status") != "resolved":
            facts = {**details, "name": self._name(details.get("assignee"))}
            self._queue("post", "case.status", card, facts)
        elif event.kind == "reworded":
            self._reword(card, details)
        elif event.kind == "snooze_over":
            self._queue("post", "case.snooze_over", card, {"call": case.assignee})

    def _remind(self, case: Escalation, card: Card, details: Mapping[str, Json]) -> None:
        """Remind whoever has the case; when the time is over, those on call too, once."""
        assignee, is_over = details.get("assignee"), details.get("level", 0) >= LEVELS[-1]
        queue = self.tools.shop.queues.get(case.queue)
        on_call = queue.on_call if queue and is_over else None
        facts = {
            **details,
            "call": None if store.is_paused(self.connection, assignee) else assignee,
            "on_call": on_call if assignee else None,
        }
        self._queue("reminder", "case.reminder", card, facts)
        if is_over and not assignee:
            self._bring_up(case, card, on_call)

    def _bring_up(self, case: Escalation, card: Card, on_call: str | None) -> None:
        """Say on the board itself, not below the card, that nobody has taken a case in time."""
        shown = {
            "id": case.id,
            "version": case.version,
            "urgency": case.urgency,
            "classification": (case.brief or {}).get("classification"),
            "customer_name": self._customer(),
            "on_call": on_call,
        }
        delivery.queue_for_agents(
            self.connection,
            self.conversation,
            kind="reminder",
            type="case.up",
            target=card.target,
            details=shown,
            now=self.now,
        )

    def _mark(self, card: Card, fate: str, details: Mapping[str, Json]) -> None:
        """Mark an agent's words with what became of them."""
        message = store.find_message(self.connection, details.get("message"))
        if message is None or message.author != "agent":
            return
        facts = {"name": MARKS[fate]}
        if message.source == FROM_NOTE:
            note = store.find_message(self.connection, message.source_id)
            if note is not None and note.source == AGENTS:
                place = str(note.source_id)
                self._queue("mark", "slack.reaction", card, {**facts, "message": place})
        elif post := store.find_post(self.connection, message.id):
            self._queue("mark", "slack.reaction", card, facts, follows=post.id)

    def _queue(
        self,
        kind: str,
        type: str,
        card: Card,
        facts: Mapping[str, Json],
        *,
        follows: str | None = None,
        message: Message | None = None,
    ) -> Delivery:
        self.has_queued = True
        return delivery.queue_for_agents(
            self.connection,
            self.conversation,
            kind=kind,
            type=type,
            target=card.target,
            details=facts,
            follows=follows or card.delivery_id or None,
            message=message,
            now=self.now,
        )

    def _keep(self, card: Card, **changes: Json) -> Card:
        changed = card.model_copy(update=changes)
        store.put_card(self.connection, changed)
        self.cards[card.subject] = changed
        return changed

    def _name(self, agent: str | None) -> str | None:
        return store.name_of(self.connection, agent) if agent else None

    def _customer(self) -> str | None:
        return store.customer_of(self.connection, self.conversation).name

    def _target(self, case: Escalation) -> str | None:
        clock = escalation.read_clock(self.tools.shop, case, self.now)
        return clock.target if clock else None


def _facts_of(case: Escalation) -> dict[str, Json]:
    brief = case.brief or {}
    said = [one["text"] for one in brief.get("transcript", ()) if one["author"] == "customer"]
    orders = brief.get("orders") or []
    return {
        "id": case.id,
        "version": case.version,
        "status": case.status,
        "urgency": case.urgency,
        "queue": case.queue,
        "reason": case.reason,
        "assignee": case.assignee,
        "due_at": _moment(case.due_at),
        "snoozed_until": _moment(case.snoozed_until),
        "created_at": _moment(case.created_at),
        "ended_at": _moment(case.ended_at),
        "end_reason": case.end_reason,
        "customer": brief.get("customer") or {},
        "classification": brief.get("classification"),
        "orders": orders[:_ORDERS],
        "orders_in_all": len(orders),
        "summary": brief.get("summary"),
        "tried": brief.get("tried") or [],
        "problems": brief.get("problems") or [],
        "quote": said[-1] if said else None,
        "files": _files(brief.get("attachments") or []),
        "suggestion": escalation.suggestion_of(case) if case.status in OPEN else None,
        "suggested_upto": case.suggested_upto,
    }


def _facts_of_approval(approval: Approval) -> dict[str, Json]:
    proposed = proposals.from_json(approval.proposal) if approval.proposal else None
    return {
        "id": approval.id,
        "status": approval.status,
        "draft": (approval.draft or {}).get("text"),
        "text": approval.text,
        "proposal": proposals.describe(proposed) if proposed else None,
        "why": proposed.why if proposed else None,
        "reasons": approval.reasons or [],
        "expires_at": _moment(approval.expires_at),
        "decided_by": approval.decided_by,
        "reason": approval.reason,
        "outcome": approval.outcome,
        "reference": approval.reference,
    }


def _files(files: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    return [{"name": file.get("name"), "url": file.get("url")} for file in files]


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _end_in(told: Sequence[Message | Event]) -> int | None:
    """Return the number at which a case was over, where that is among what has yet to be told."""
    for item in told:
        is_status = isinstance(item, Event) and item.kind == "status"
        if is_status and (item.details or {}).get("status") in ("open", "resolved"):
            return item.seq
    return None
