"""What the bot has learned: intents and articles, and the classifier and index made of them."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import TypeVar

from orchestration import store
from orchestration.database import Database
from orchestration.errors import BadInput
from orchestration.interfaces import IntentClassifier, KnowledgeIndex
from orchestration.types import Article, Confusion, Intent, Passage, Reading

T = TypeVar("T")

log = logging.getLogger(__name__)

ARTIFACT = "classifier"
FIRST_TRAINING = timedelta(minutes=1)
# Of no language in particular, so that whatever tells languages apart is asked for certain.
_REHEARSAL = "hola, wo ist my pedido?"


class Catalog:
    """Trains classifier and index from the tables; the old pair serves until the new is ready."""

    def __init__(
        self,
        database: Database,
        *,
        new_classifier: Callable[[], IntentClassifier],
        new_index: Callable[[], KnowledgeIndex],
    ) -> None:
        self._database = database
        self._new_classifier = new_classifier
        self._new_index = new_index
        self._version: int | None = None
        self._classifier: IntentClassifier | None = None
        self._index: KnowledgeIndex | None = None
        self._ready = asyncio.Event()
        # Whether anybody who waits for the first training need wait any longer.
        self._decided = asyncio.Event()
        self._is_closed = False
        self._training: asyncio.Future[None] | None = None
        self._refreshing = asyncio.Lock()
        self._comparison: tuple[str, asyncio.Future[list[Confusion]]] | None = None
        self.intents: Mapping[str, Intent] = {}
        self.articles: Sequence[Article] = ()

    async def refresh(self) -> None:
        """Train anew if the content has changed since the last time."""
        async with self._refreshing:
            version = await self._database.read(store.content_version)
            if version == self._version or self._is_closed:
                return
            intents = await self._database.read(store.list_intents)
            articles = await self._database.read(store.list_articles)
            index = self._new_index()
            await asyncio.to_thread(index.build, articles)
            classifier = await self._find_learnt(self._new_classifier().fingerprint_of(intents))
            if classifier is None:
                # A process that starts while others are learnt serves those it finds.
                if self._classifier is None and (earlier := await self._find_learnt()):
                    await self._serve(earlier, index, intents, articles)
                classifier = await self._learn(intents)
            await self._serve(classifier, index, intents, articles)
            self._version = version
            fields = {"version": version, "intents": len(intents), "articles": len(articles)}
            log.info("catalog ready", extra=fields)

    async def _serve(
        self,
        classifier: IntentClassifier,
        index: KnowledgeIndex,
        intents: Sequence[Intent],
        articles: Sequence[Article],
    ) -> None:
        if self._classifier is None:
            # What a first reading has to load would else be loaded by many at once.
            await asyncio.to_thread(classifier.read, _REHEARSAL)
        self.intents = {intent.name: intent for intent in intents}
        self.articles = tuple(articles)
        self._classifier, self._index = classifier, index
        self._ready.set()
        self._decided.set()

    async def _find_learnt(self, fingerprint: str | None = None) -> IntentClassifier | None:
        """Return what some process has learnt from these intents, or last; None without."""
        kept = await self._database.read(
            lambda connection: store.find_artifact(connection, ARTIFACT, fingerprint)
        )
        if kept is None:
            return None
        classifier = self._new_classifier()
        try:
            await asyncio.to_thread(classifier.load, kept)
        except BadInput:
            # The last one may be of another version of Frontdesk, or of another sentence model.
            if fingerprint is not None:
                raise
            return None
        return classifier

    async def _learn(self, intents: Sequence[Intent]) -> IntentClassifier:
        """Return a classifier of these intents, and keep it for every process."""
        classifier = self._new_classifier()
        fingerprint = classifier.fingerprint_of(intents)
        fields = {"intents": len(intents), "examples": sum(len(one.examples) for one in intents)}
        log.info("learning intents", extra=fields)
        self._training = _in_a_thread_of_its_own(lambda: classifier.train(intents))
        try:
            await self._training
        except BadInput as problem:
            # An erasure may leave too few examples. Unsure of all is safe, and nobody waits.
            log.warning("intents cannot be learnt", extra={"reason": str(problem)})
            return classifier
        content = await asyncio.to_thread(classifier.dump)
        await self._database.write(
            lambda connection: store.save_artifact(connection, ARTIFACT, fingerprint, content)
        )
        return classifier

    async def wait(self) -> bool:
        """Wait for the first training, within reason: a human is better than no answer.

        Returns False where it was given up, so that nothing more is to be begun here.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_TRAINING.total_seconds()):
                await self._decided.wait()
        return not self._is_closed

    def close(self) -> None:
        """Give up a training under way; the next process that starts begins it anew."""
        self._is_closed = True
        self._decided.set()
        if self._training:
            self._training.cancel()

    async def read(self, text: str) -> Reading:
        """Classify a text, waiting for the first training where it is still under way."""
        await self._ready.wait()
        assert self._classifier is not None  # noqa: S101
        return await asyncio.to_thread(self._classifier.read, text)

    async def is_learnt(self, intents: Sequence[Intent]) -> bool:
        """Tell whether some process has learnt these intents; until then the earlier ones serve."""
        fingerprint = await asyncio.to_thread(self._new_classifier().fingerprint_of, intents)
        kept = await self._database.read(
            lambda connection: store.find_artifact(connection, ARTIFACT, fingerprint)
        )
        return kept is not None

    async def find_confusions(self) -> list[Confusion]:
        """Return which of the intents in the tables are taken for each other, worst first.

        Worked out once for all who ask, and to the end even where nobody waits for it any more.
        """
        intents = await self._database.read(store.list_intents)
        classifier = self._new_classifier()
        fingerprint = classifier.fingerprint_of(intents)
        known = self._comparison
        if known is None or known[0] != fingerprint or _has_failed(known[1]):
            work = _in_a_thread_of_its_own(lambda: classifier.find_confusions(intents))
            known = self._comparison = fingerprint, work
        return await asyncio.shield(known[1])

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the classifier in use."""
        return self._classifier.fingerprint if self._classifier else ""

    async def search(self, text: str, *, language: str, limit: int = 3) -> list[Passage]:
        """Search the knowledge base off the event loop."""
        index = await self.index()
        return await asyncio.to_thread(index.search, text, language=language, limit=limit)

    async def index(self) -> KnowledgeIndex:
        """Return the index in use, once there is one."""
        await self._ready.wait()
        assert self._index is not None  # noqa: S101
        return self._index


def _has_failed(work: asyncio.Future[list[Confusion]]) -> bool:
    return work.done() and (work.cancelled() or work.exception() is not None)


def _in_a_thread_of_its_own(function: Callable[[], T]) -> asyncio.Future[T]:
    """Begin what takes long, off the event loop; unlike that of a pool, no exit waits for it."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def work() -> None:
        try:
            result = function()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=work, name="learning", daemon=True).start()
    return asyncio.wrap_future(outcome)
