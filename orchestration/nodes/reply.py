"""Drafts a reply: the responders are tried in order until one does not abstain."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import Field

from orchestration import proposals, responses, state
from orchestration.errors import BadInput
from orchestration.gateway import Unanswered
from orchestration.lookups import Lookups, order_evidence
from orchestration.nodes import (
    Config,
    Node,
    Outcome,
    Visit,
    as_json,
    complete,
    draft_in,
    node_kinds,
)
from orchestration.responses import tiers
from orchestration.responses.tiers import Brief, Written
from orchestration.types import (
    Article,
    Draft,
    Evidence,
    Json,
    Order,
    Proposal,
    Question,
)

# Below this chance an article is not worth the tokens it costs.
_NEAR = 0.1
# More than a run has for models, so that the next model is asked where one hangs.
_PATIENCE = timedelta(seconds=60)


class ReplyConfig(Config):
    """`responders` without a model, or names of tiers, in the order they are tried."""

    responders: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A responder's draft, and the action it proposes beside it."""

    draft: Draft
    proposal: Proposal | None = None


@node_kinds.register("reply")
class Reply(Node):
    """Asks each responder in turn; a tier without a model abstains."""

    kind = "reply"
    Config = ReplyConfig
    fruitless = frozenset({"abstained"})
    touches = "paid"
    timeout = _PATIENCE

    @classmethod
    def exits(cls, config: ReplyConfig) -> tuple[str, ...]:
        """A draft, none, or an action that a human must approve."""
        return ("drafted", "abstained", "proposed")

    @classmethod
    def reads(cls, config: ReplyConfig) -> frozenset[str]:
        """Read what the turn is about."""
        return frozenset(state.CLASSIFICATION_FIELDS)

    @classmethod
    def writes(cls, config: ReplyConfig) -> frozenset[str]:
        """Write the draft, what it proposes, and who was tried."""
        return frozenset({"draft", "proposal", "tried"})

    @classmethod
    def seals(cls, config: ReplyConfig, exit: str) -> bool | None:
        """Let pass what no model can have written: it is put together from sentences of ours."""
        if exit == "drafted" and set(config.responders) <= set(responses.RESPONDERS):
            return True
        return super().seals(config, exit)

    async def run(self, visit: Visit) -> Outcome:
        """Try the responders."""
        question = await ask(visit)
        tried: list[Json] = list(visit.state.get("tried") or ())
        for name in self.config.responders:
            found, result = await self._try(name, question, visit)
            tried.append({"node": visit.node, "responder": name, "result": result})
            if found is not None:
                updates = {
                    "draft": as_json(found.draft),
                    "proposal": proposals.as_json(found.proposal),
                    "tried": tried,
                }
                exit = "proposed" if found.proposal else "drafted"
                return Outcome(exit=exit, updates=updates, input=_shown(question))
        return Outcome(exit="abstained", updates={"tried": tried}, input=_shown(question))

    async def _try(self, name: str, question: Question, visit: Visit) -> tuple[_Found | None, str]:
        if name in responses.RESPONDERS:
            draft = await _without_model(name, question, visit)
            return (_Found(draft=draft), "drafted") if draft else (None, "abstained")
        if not visit.tools.has_tier(name):
            return None, "abstained: no model is configured"
        if not _allows(question.responders, name):
            return None, "abstained: the intent does not allow it"
        try:
            written = await _with_model(name, question, visit)
        except Unanswered as failure:
            return None, f"abstained: {failure}"
        if written is None:
            return None, "abstained: it could not answer from what it was shown"
        return _propose(written, question)


def _propose(written: Written, question: Question) -> tuple[_Found | None, str]:
    """Return the draft with what it proposes, if that can be done; else a human is to see to it."""
    wanted = written.proposal
    if wanted is None:
        return _Found(draft=written.draft), f"drafted (prompt {written.prompt})"
    try:
        proposal = proposals.make(
            wanted.action,
            wanted.order,
            amount=wanted.amount,
            address=wanted.address,
            why=wanted.why,
            orders=question.orders,
            now=question.now,
        )
    except BadInput as flaw:
        return None, f"abstained: it proposes what cannot be done: {flaw}"
    words = f"proposed to {proposals.describe(proposal)} (prompt {written.prompt})"
    return _Found(draft=written.draft, proposal=proposal), words


def _allows(responders: Sequence[str], tier: str) -> bool:
    """Tell whether an intent lets a tier answer: where it lets a light one, any other may too."""
    return not responders or tier in responders or tiers.LIGHT in responders


async def _without_model(name: str, question: Question, visit: Visit) -> Draft | None:
    tools = visit.tools
    index = await tools.catalog.index()
    return await asyncio.to_thread(
        responses.answer, name, question, texts=tools.texts, shop=tools.shop, index=index
    )


async def _with_model(tier: str, question: Question, visit: Visit) -> Written | None:
    language = question.classification.language
    lookups = Lookups(case=visit.case, tools=visit.tools, language=language)
    brief = await _brief(question, visit, lookups)
    asking = partial(complete, visit, tier)
    return await tiers.draft(tier, question, brief, ask=asking, lookups=lookups)


async def _brief(question: Question, visit: Visit, lookups: Lookups) -> Brief:
    """Gather what a model is shown: near articles, the orders it is about, the talk so far."""
    tools, case = visit.tools, visit.case
    language = question.classification.language
    passages = await tools.catalog.search(question.text, language=language)
    articles = [passage.article for passage in passages if passage.score >= _NEAR]
    facts = [_article_fact(article) for article in articles]
    facts += [order_evidence(order, lookups) for order in _orders_shown(question, visit)]
    talk = [
        (message.author, message.text) for message in case.transcript if message.id not in case.turn
    ]
    verdict: Mapping[str, Json] = visit.state.get("verdict") or {}
    last = draft_in(visit.state).text if verdict and "draft" in visit.state else None
    return Brief(
        shop=tools.shop.name,
        bot=tools.shop.bot_name,
        facts=facts,
        articles={article.id: article for article in tools.catalog.articles},
        talk=talk,
        faults=tuple(verdict.get("reasons", ())),
        last_draft=last,
    )


def _orders_shown(question: Question, visit: Visit) -> list[Order]:
    """Return the orders the turn is about; all of the latest once the run has been enriched."""
    if (visit.state.get("enriched") or {}).get("orders"):
        return list(question.orders[:10])
    named = set(question.classification.entities.get("orders", ()))
    return [order for order in question.orders if order.id in named]


def _article_fact(article: Article) -> Evidence:
    return Evidence(kind="article", id=article.id, text=f"{article.title}\n{article.text}")


async def ask(visit: Visit) -> Question:
    """Return all that a responder is given about the turn."""
    case, tools = visit.case, visit.tools
    classification = state.classification_of(visit.state)
    orders: tuple[Order, ...] = await case.orders(tools.orders)
    intent = tools.catalog.intents.get(classification.intent)
    return Question(
        text=case.text,
        classification=classification,
        memory=case.memory,
        verified=case.is_verified,
        channel=case.conversation.channel,
        now=case.now,
        customer=case.customer,
        orders=orders,
        responders=intent.responders if intent else (),
    )


def _shown(question: Question) -> dict[str, Json]:
    return {
        "text": question.text,
        "intent": question.classification.intent,
        "orders": [order.id for order in question.orders],
        "responders": list(question.responders),
    }
