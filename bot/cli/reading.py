"""Reads what texts are about, each alone: without a conversation, a customer or orders."""

from collections.abc import Sequence

from bot.app import read_shop, utc_now
from bot.basis import Basis, existing_database, read_basis
from bot.cli.console import err
from bot.settings import Settings
from integrations.classifiers import classifiers
from orchestration.classification import Facts, classify
from orchestration.types import Classification, Intent, Memory, Reading


async def basis_in_use(read: Settings) -> Basis:
    """Return the intents and the workflow that a message would meet now."""
    async with existing_database(read.frontdesk_database_url, note) as database:
        return await read_basis(database)


def note(words: str) -> None:
    """Say on standard error what whoever reads the answer should know."""
    err.print(words, markup=False, soft_wrap=True)


class Reader:
    """The classification of a new conversation's first message, from a guest."""

    def __init__(self, intents: Sequence[Intent], read: Settings) -> None:
        """Train on the intents' examples; takes a second or so."""
        self.intents = tuple(intents)
        shop = read_shop(read)
        self._classifier = classifiers.get("local")(semantic=read.frontdesk_semantic_model)
        self._classifier.train(self.intents)
        self._facts = Facts(
            now=utc_now(), order_number=shop.order_number, languages=tuple(shop.languages)
        )

    def classify(self, text: str) -> Classification:
        """Return what the text is about and how it should be treated."""
        reading: Reading = self._classifier.read(text)
        return classify(text, reading, intents=self.intents, memory=Memory(), facts=self._facts)
