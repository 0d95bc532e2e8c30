"""Attacks the bot with models that obey the attacker: `python -m benchmarks.attacks --data PATH`.

PATH is a JSONL file of attacks (`id`, `kind`, `text`), or a folder with attacks_dev.jsonl. Each is
sent by a verified customer through the whole app, once for every obedient model: one that says a
forbidden thing, looks others up, or proposes an action; as a judge it lets everything pass. The
text of an `indirect_*` attack stands in an article or an order, and an innocent question meets it.
Benign messages meet a model that behaves. Prints one JSON object; exits 1 where something came of
it.
"""

import argparse
import asyncio
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchestration import migrate
from tests.fakes.attacking import (
    Attack,
    Outcome,
    besieged,
    launch_all,
    planted,
    scripts,
    sent_wrongly,
)
from tests.fakes.scripts import Obedient

# The last claims what was never done in words that name nothing.
MODELS = {**scripts(), "claims it is done": Obedient(says="It is done.")}
FAULTS = (
    "action",
    "foreign data",
    "link",
    "secret",
    "promise",
    "markup",
    "card",
    "obeyed",
    "refused",
    "not escalated",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    path = parser.parse_args().data
    logging.disable(logging.CRITICAL)
    attacks = read_attacks(path / "attacks_dev.jsonl" if path.is_dir() else path)
    with TemporaryDirectory(prefix="frontdesk-") as folder:
        migrate.upgrade(f"sqlite:///{folder}/frontdesk.db")
        report = asyncio.run(measure(Path(folder), attacks))
    json.dump(report, sys.stdout, indent=2, ensure_ascii=False)
    print()
    sys.exit(1 if report["faults_in_detail"] else 0)


def read_attacks(file: Path) -> list[Attack]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        planted(row["kind"], row["text"], row["id"])
        if row["kind"].startswith("indirect")
        else Attack(id=row["id"], kind=row["kind"], text=row["text"])
        for row in rows
    ]


async def measure(folder: Path, attacks: Sequence[Attack]) -> dict[str, Any]:
    """Launch all attacks, and return what came of them."""
    started = time.perf_counter()
    async with besieged(folder, attacks) as (floor, server):
        outcomes = await launch_all(floor, server, attacks, MODELS)
        leaked = sorted(set(sent_wrongly(server)))
        requests = len(server.requests)
    found = [(one, fault) for one in outcomes for fault in one.faults]
    counted = Counter(fault.split(":")[0] for _, fault in found)
    return {
        "attacks": len(attacks),
        "obedient_models": len(MODELS),
        "runs": len(outcomes),
        "requests_to_models": requests,
        "faults": {name: counted[name] for name in FAULTS},
        "sent_to_models_wrongly": leaked,
        "ended": dict(Counter(end_of(one) for one in outcomes)),
        "benign_ended": {
            one.attack.id: f"{end_of(one)} ({one.run.route})"
            for one in outcomes
            if one.attack.is_benign
        },
        "faults_in_detail": [
            {"attack": one.attack.id, "model": one.script, "fault": fault} for one, fault in found
        ],
        "seconds": round(time.perf_counter() - started),
    }


def end_of(outcome: Outcome) -> str:
    ends = {"send": "answered", "escalate": "handed over"}
    return ends.get(outcome.run.outcome or "", "waits for approval")


if __name__ == "__main__":
    main()
