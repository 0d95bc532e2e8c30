"""The cascade under measurement: the real app, list prices, and models that a fake server plays."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from integrations.knowledge import knowledge
from integrations.llm.litellm import LiteLLMProvider
from orchestration import migrate, store
from orchestration.catalog import Catalog
from orchestration.costs import call_cost
from orchestration.errors import NotFound
from orchestration.types import Article, Confusion, Intent, Passage, Price, Reading
from tests.fakes.floor import Floor, Talk
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.scripts import Paced
from tests.fakes.shopfront import models_file, open_shop, stock

Taker = Literal["light", "middle", "strong", "premium", "human"]
TAKERS: tuple[Taker, ...] = ("light", "middle", "strong", "premium", "human")
MODELS = {"light": "claude-haiku-5-5", "middle": "claude-sonnet-5-5", "strong": "claude-opus-5-5"}
AT_ONCE = 8
_KEY_NAME = "FRONTDESK_BENCHMARK_KEY"

# The shipped workflow with routes by the intent alone; beside it a middle tier, and the premium
# model by itself. The responders without a model are left out: what they answer costs nothing.
WORKFLOW = """
name: support
entry: classify
nodes:
  classify: {kind: classify, next: route}
  route:
    kind: route
    rules:
      - {name: light, when: {field: intent, is: light}, to: light}
      - {name: middle, when: {field: intent, is: middle}, to: middle}
      - {name: strong, when: {field: intent, is: strong}, to: strong}
      - {name: premium, when: {field: intent, is: premium}, to: premium}
      - {name: human, otherwise: human}
    exits: {light: answer, middle: gather, strong: enrich, premium: gather_alone, human: escalate}
  answer:
    kind: reply
    responders: [light]
    exits: {drafted: check, abstained: escalate, proposed: escalate}
  check: {kind: check, exits: {passed: send, failed: enrich, unsure: escalate}}
  enrich: {kind: enrich, sources: [customer, orders, history, knowledge], next: investigate}
  investigate:
    kind: reply
    responders: [strong]
    exits: {drafted: check_hard, abstained: escalate, proposed: escalate}
  gather: {kind: enrich, sources: [customer, orders, history, knowledge], next: consider}
  consider:
    kind: reply
    responders: [middle]
    exits: {drafted: check_hard, abstained: escalate, proposed: escalate}
  check_hard:
    kind: check
    judge: light
    min_confidence: 0.6
    exits: {passed: send, failed: revise, unsure: escalate}
  revise:
    kind: reply
    responders: [strong]
    max_visits: 1
    exits: {drafted: check_hard, abstained: escalate, proposed: escalate, exhausted: escalate}
  gather_alone: {kind: enrich, sources: [customer, orders, history, knowledge], next: alone}
  alone:
    kind: reply
    responders: [strong]
    exits: {drafted: check_alone, abstained: escalate, proposed: escalate}
  check_alone: {kind: check, exits: {passed: send, failed: escalate, unsure: escalate}}
  send: {kind: send}
  escalate: {kind: escalate, queue: support}
on_failure: escalate
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a message is taken: by whom, whether it is done again, and whether it is a hard one."""

    taker: Taker
    is_redone: bool = False
    is_complex: bool = False


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run cost, and what the ledger says the premium model would have cost."""

    spent: Decimal
    premium: Decimal


@dataclass
class LabelClassifier:
    """Is sure of who is to take the messages of a batch."""

    now: Taker = "human"
    fingerprint: str = "labels"

    def train(self, intents: Sequence[Intent]) -> None:
        return

    def fingerprint_of(self, intents: Sequence[Intent]) -> str:
        return self.fingerprint

    def dump(self) -> bytes:
        return b""

    def load(self, content: bytes) -> None:
        return

    def find_confusions(self, intents: Sequence[Intent]) -> list[Confusion]:
        return []

    def read(self, text: str) -> Reading:
        return Reading(probabilities={self.now: 1.0}, out_of_scope=False, language="en")


@dataclass
class ThreeArticles:
    """Finds the three nearest articles, however far that is: messages of other shops are asked."""

    articles: Sequence[Article] = ()
    lexical: Any = field(default_factory=lambda: knowledge.get("lexical")())

    def build(self, articles: Sequence[Article]) -> None:
        self.articles = tuple(articles)
        self.lexical.build(articles)

    def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        near = [one.article for one in self.lexical.search(text, language=language, limit=limit)]
        chosen = [*near, *(one for one in self.articles if one not in near)][:limit]
        return [Passage(article=one, score=0.5, quote=one.title) for one in chosen]


@dataclass(kw_only=True)
class Cascade:
    """Runs messages; each distinct one is run once for each way it is taken."""

    floor: Floor
    server: FakeOpenAI
    labels: LabelClassifier
    known: dict[tuple[str, Way], Cost] = field(default_factory=dict)

    async def measure(self, wanted: Iterable[tuple[str, Way]]) -> None:
        """Run what has not been run yet, one way after the other."""
        by_way: defaultdict[Way, set[str]] = defaultdict(set)
        for text, way in wanted:
            if (text, way) not in self.known:
                by_way[way].add(text)
        for way, texts in by_way.items():
            self.server.answer_with(Paced(is_complex=way.is_complex, errs=way.is_redone))
            self.labels.now = way.taker
            waiting = sorted(texts)
            for start in range(0, len(waiting), AT_ONCE):
                batch = waiting[start : start + AT_ONCE]
                await asyncio.gather(*(self._run(text, way) for text in batch))

    async def require_books(self) -> Decimal:
        """Return what was booked; raises where the server counted anything else."""
        total = (await self.floor.database.read(store.costs)).total
        counted = sum(
            (
                call_cost(list_price(model), served.tokens_in, served.tokens_out)
                for model, served in self.server.ledger.items()
            ),
            start=Decimal(0),
        )
        if counted != total.spent or total.unpriced or self.server.unseen:
            raise ValueError(f"booked {total.spent}, the server counted {counted}")
        return counted

    async def _run(self, text: str, way: Way) -> None:
        conversation = await self.floor.say(text, conversation=None)
        await self.floor.work(conversation)
        talk = await self.floor.see(conversation)
        _require(talk, way)
        self.known[text, way] = Cost(spent=talk.run.cost, premium=talk.run.premium_cost)


def _require(talk: Talk, way: Way) -> None:
    """Raise `ValueError` where a message was not taken as it should have been."""
    run, outcome = talk.run, "escalate" if way.taker == "human" else "send"
    if (run.route, run.outcome) != (way.taker, outcome):
        why = [(step.node, step.exit, (step.output or {}).get("verdict")) for step in talk.steps]
        raise ValueError(f"{run.text!r} was to go {way}, went to {run.outcome}: {why}")


def list_price(model: str) -> Price:
    """Return a model's list price; raises `NotFound`."""
    price = LiteLLMProvider().list_price(model)
    if price is None:
        raise NotFound(f"LiteLLM lists no price of {model!r}")
    return price


@asynccontextmanager
async def open_cascade() -> AsyncIterator[Cascade]:
    """Open the app over the sample store in a folder that is thrown away."""
    labels = LabelClassifier()
    intents = [Intent(name=taker, examples=(taker,), complexity="complex") for taker in TAKERS]
    os.environ[_KEY_NAME] = "sk-not-a-real-key"
    with TemporaryDirectory(prefix="frontdesk-") as name, FakeOpenAI() as server:
        folder = Path(name)
        database = folder / "frontdesk.db"
        await asyncio.to_thread(migrate.upgrade, f"sqlite:///{database}")
        await stock(database, intents=intents)
        tiers = {
            tier: [{"model": model, "api_base": server.url, "api_key_env": _KEY_NAME}]
            for tier, model in MODELS.items()
        }
        file = models_file(folder, tiers)
        async with open_shop(database, workflow=WORKFLOW, frontdesk_models_file=file) as floor:
            catalog = Catalog(
                floor.database, new_classifier=lambda: labels, new_index=ThreeArticles
            )
            await catalog.refresh()
            yield Cascade(floor=floor.with_tools(catalog=catalog), server=server, labels=labels)
