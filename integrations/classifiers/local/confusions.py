"""Which intents are taken for each other when each example is read by those who never saw it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from integrations.classifiers.local import fitting
from integrations.classifiers.local.fitting import Lessons
from orchestration.types import Collision, Confusion

_confusions = TypeAdapter(list[Confusion])


def find(texts: Sequence[str], intents: Sequence[str], lessons: Lessons) -> list[Confusion]:
    """Return the pairs of intents whose examples are taken for each other, worst first.

    `texts` are what the lessons' texts say, `intents` the names of their classes.
    """
    labels = lessons.labels[: lessons.examples]
    trial = fitting.try_out(lessons)
    guesses = dict(zip(trial.places.tolist(), trial.scores.argmax(axis=1).tolist(), strict=True))
    likenesses = fitting.likenesses(lessons)
    wrong: dict[tuple[int, int], list[Collision]] = defaultdict(list)
    for place, guess in guesses.items():
        label = labels[place]
        if guess != label:
            rivals = [other for other, held in enumerate(labels) if held == guess]
            collision = Collision(
                text=texts[place],
                intent=intents[label],
                taken_for=intents[guess],
                nearest=texts[_nearest(likenesses, place, rivals)],
            )
            wrong[min(label, guess), max(label, guess)].append(collision)
    sizes = Counter(labels)
    return sorted(
        (
            _confusion((intents[one], intents[other]), sizes[one] + sizes[other], collisions)
            for (one, other), collisions in wrong.items()
        ),
        key=lambda each: (-each.misread, each.examples, each.intents),
    )


def _nearest(likenesses: Any, place: int, rivals: Sequence[int]) -> int:
    alike = (likenesses[rivals] @ likenesses[[place]].T).toarray()
    return rivals[int(alike.argmax())]


def _confusion(
    intents: tuple[str, str], examples: int, collisions: Sequence[Collision]
) -> Confusion:
    return Confusion(
        intents=intents,
        misread=len(collisions),
        examples=examples,
        collisions=tuple(sorted(collisions, key=lambda each: (each.intent, each.text))),
    )


def write(found: Sequence[Confusion]) -> bytes:
    """Return confusions as bytes."""
    return _confusions.dump_json(list(found))


def read(content: bytes) -> list[Confusion]:
    """Return the confusions of what `write` returned."""
    return _confusions.validate_json(content)
