"""A history of turns to try versions on: many messages of all kinds, through the real app."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.models import Run
from orchestration.store import list_runs
from orchestration.types import Json
from tests.fakes.floor import ANA, BEN, GUEST, Floor
from tests.fakes.openai_server import FakeOpenAI, Reply, stating
from tests.fakes.scripts import answering, from_order, judging, shown
from tests.fakes.shopfront import models_file

MATTERS = (
    "where is my order {order}?",
    "has {order} been shipped yet",
    "how long do I have to return something",
    "what does shipping cost",
    "i want my money back for {order}",
    "cancel my order {order} please",
    "please change the delivery address of {order}",
    "the parcel {order} arrived damaged",
    "why was I charged twice for {order}",
    "can I pay with a gift card",
    "do you repair things under warranty",
    "cancel my order {order} and tell me what shipping costs",
    "Where is my order {order}? How long do I have to return something?",
    "hello",
    "thanks",
    "something about my account does not feel right",
    "the thing with the other thing again",
    "is this really how you treat people",
)
ADDED = ("", "", "", "", " I will call my lawyer.", " I want a person.", " It is on fire!")
PRICES = {"light": ("0.1", "0.5"), "strong": ("4", "20")}
KEY_NAME = "FRONTDESK_TEST_MODEL_KEY"


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message of the history, and who writes it."""

    text: str
    who: int


def messages(count: int, *, seed: int = 5) -> list[Said]:
    """Return so many messages, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311
    made = []
    for _ in range(count):
        order = rng.choice(("1042", "1043", "2077", "2078"))
        text = rng.choice(MATTERS).format(order=order) + rng.choice(ADDED)
        made.append(Said(text=text, who=rng.randrange(3)))
    return made


async def record(floor: Floor, said: Sequence[Said]) -> list[Run]:
    """Let each be the first message of a conversation; return the runs in their order."""
    runs = []
    for number, one in enumerate(said):
        who = (ANA, BEN, GUEST)[one.who]
        conversation = await floor.say(one.text, who=who, conversation=f"talk-{number}")
        floor.clock.move(minutes=3)
        await floor.work(conversation)
        found = await floor.database.read(
            lambda c, id=conversation: list_runs(c, conversation=id, limit=1)  # type: ignore[misc]
        )
        runs += found
    return runs


def moody(body: Json) -> Reply:
    """Answer as a model that at times cannot, errs or is not let through; by the message alone."""
    seen = shown(body)
    mood = sum(map(ord, seen.asked or seen.draft)) % 10
    if seen.role == "judge":
        return judging("failed", "it is vague") if mood == 0 else judging("passed")
    if mood in (1, 2):
        return stating({"can_answer": False, "answer": "", "sources": []})
    found = from_order(seen)
    if found and mood == 3:
        return stating({**found, "answer": found["answer"] + " It costs $999.99."})
    return answering(body)


def models_for(server: FakeOpenAI, folder: Path) -> Path:
    """Write a models file with one model on each tier, played by the server."""
    tiers = {
        tier: [
            {
                "model": tier,
                "api_base": server.url,
                "api_key_env": KEY_NAME,
                "input_price": input_price,
                "output_price": output_price,
            }
        ]
        for tier, (input_price, output_price) in PRICES.items()
    }
    return models_file(folder, tiers)
