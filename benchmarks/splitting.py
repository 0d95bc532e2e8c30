"""How often a message with one request is split wrongly, and one with several is.

Run it with `python -m benchmarks.splitting --data PATH [--show]`, PATH being the folder of the
shared data sets; it prints one JSON object. Intent sets hold one request per row by construction,
so each split there is false. The retail tasks name what solves them: a row that takes several kinds
of change on the shop's side asks for several things.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from orchestration.classification import Facts, split

Row = Mapping[str, Any]

# Numbers as those data sets write them.
FACTS = Facts(now=datetime(2026, 11, 23, tzinfo=UTC), order_number=r"#?\b[A-Z]?\d[\d-]{3,}\b")
SINGLE = ("store_day", "bitext", "banking77", "clinc150", "multidogo_openings", "natcs")
LETTERS = "cucom_ecommerce"
TASKS = "tau_retail"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="print what was split")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.data, show=arguments.show), indent=2))


def measure(data: Path, *, show: bool = False) -> dict[str, object]:
    single = {name: list(_rows(data, name)) for name in (*SINGLE, LETTERS)}
    tasks = list(_rows(data, TASKS))
    split_rows = {name: [row for row in rows if _parts(row, show)] for name, rows in single.items()}
    several = [row for row in tasks if _kinds(row) > 1]
    alone = [row for row in tasks if _kinds(row) == 1]
    times = [_milliseconds(row) for rows in single.values() for row in rows[:500]]
    rows = sum(map(len, single.values()))
    false = sum(map(len, split_rows.values()))
    return {
        "rows": {name: len(found) for name, found in single.items()},
        "false_splits": {name: len(found) for name, found in split_rows.items()},
        "false_split_share": round(false / rows, 6),
        "tasks_of_several_kinds": len(several),
        "of_these_split": sum(_parts(row, show) for row in several),
        "tasks_of_one_kind": len(alone),
        "of_these_split_falsely": sum(_parts(row, show) for row in alone),
        "ms_p50": round(quantiles(times, n=100)[49], 3),
        "ms_p95": round(quantiles(times, n=100)[94], 3),
    }


def _rows(data: Path, name: str) -> Iterator[Row]:
    for file in sorted((data / name).glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "text" in row:
                yield row


def _parts(row: Row, show: bool) -> bool:
    requests: Sequence[Any] = split(row["text"], FACTS)
    if show and len(requests) > 1:
        print(" | ".join(request.text[:120] for request in requests))
    return len(requests) > 1


def _kinds(row: Row) -> int:
    return len(set(row.get("write_tools") or ()))


def _milliseconds(row: Row) -> float:
    start = time.thread_time()
    split(row["text"], FACTS)
    return (time.thread_time() - start) * 1000


if __name__ == "__main__":
    main()
