"""Measures how long a backtest takes, and whether its memory stays flat.

Run: `python -m benchmarks.backtest [--turns N]`.

200 messages are recorded through the real app, with models that a fake server plays, and their rows
are copied until there are `--turns` of them. The draft is the shipped workflow with two rules
swapped and another threshold. `--json` prints one object.
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, insert, select

from orchestration import migrate, workflow
from orchestration.backtest import Backtest
from orchestration.engine import Program
from orchestration.models import Conversation, ModelCall, Run, Step, table
from tests.fakes.floor import Floor
from tests.fakes.history import KEY_NAME, messages, models_for, moody, record
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.shopfront import PRESET, open_shop, stock

RECORDED = 200
TURNS = 10_000
KEY = "sk-not-a-real-key-1234567890"
# What names a row, and what must be copied with another name.
COPIED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (Conversation, ("id", "external_id")),
    (Run, ("id", "conversation_id")),
    (Step, ("run_id",)),
    (ModelCall, ("id", "run_id", "conversation_id")),
)
MEGABYTE = 1024


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a backtest over so many turns took; memory is the highest of the process so far."""

    turns: int
    changed: int
    not_replayable: int
    seconds: float
    processor_seconds: float
    turns_per_second: int
    peak_megabytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    logging.disable(logging.WARNING)
    figures = asyncio.run(measure(wanted.turns))
    if wanted.json:
        json.dump([asdict(one) for one in figures], sys.stdout, indent=2)
        print()
        return
    for one in figures:
        print(
            f"{one.turns:>6} turns in {one.seconds:.1f} s ({one.processor_seconds:.1f} s of one "
            f"core), {one.turns_per_second} a second; {one.changed} change, "
            f"{one.not_replayable} estimated; peak {one.peak_megabytes} MB"
        )


async def measure(turns: int) -> list[Figures]:
    """Return the figures of a fifth of the turns, and of all."""
    os.environ[KEY_NAME] = KEY
    with TemporaryDirectory() as folder, FakeOpenAI(key=KEY) as server:
        server.answer_with(moody)
        database = Path(folder) / "frontdesk.db"
        migrate.upgrade(f"sqlite:///{database}")
        await stock(database)
        models = models_for(server, Path(folder))
        async with open_shop(database, frontdesk_models_file=models) as floor:
            await record(floor, messages(RECORDED))
            for number in range(1, turns // RECORDED):
                await floor.database.write(partial(copy, number=number))
            asked = len(server.requests)
            figures = [await take(floor, last) for last in (turns // 5, turns)]
            if len(server.requests) != asked:
                raise ValueError("a backtest has asked a model")
    return figures


def copy(connection: Connection, number: int) -> None:
    """Copy the recorded turns under other names, as if they had come some hours earlier."""
    for model, named in COPIED:
        target = table(model)
        first = ~target.c[named[0]].contains("copy")
        found = connection.execute(select(target).where(first)).mappings().all()
        rows = [moved(dict(row), named, number) for row in found]
        for start in range(0, len(rows), 500):
            connection.execute(insert(target), rows[start : start + 500])


def moved(row: Mapping[str, Any], named: Sequence[str], number: int) -> dict[str, Any]:
    """Return a row under another name, and earlier."""
    changed = {name: f"{row[name]}-copy-{number}" for name in named}
    if row.get("started_at"):
        changed["started_at"] = row["started_at"] - timedelta(hours=11 * number)
    return {**row, **changed}


async def take(floor: Floor, last: int) -> Figures:
    program = Program.of(workflow.parse(drafted()), 2)
    backtest = Backtest(floor.tools, floor.programs, program)
    started, worked = time.perf_counter(), time.process_time()
    report = await backtest.run(last=last)
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    return Figures(
        turns=report["turns"],
        changed=report["changed"],
        not_replayable=report["not_replayable"],
        seconds=round(seconds, 2),
        processor_seconds=round(processor, 2),
        turns_per_second=round(report["turns"] / seconds),
        peak_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MEGABYTE,
    )


def drafted() -> dict[str, Any]:
    """Return the shipped workflow with two rules swapped and another threshold."""
    document = workflow.document(workflow.parse(PRESET))
    rules = document["nodes"]["route"]["rules"]
    rules[0], rules[1] = rules[1], rules[0]
    rules[0]["when"]["all"][1]["at_least"] = 0.98
    return document


if __name__ == "__main__":
    main()
