"""What the checks in code catch, what they refuse wrongly, and how long they take.

Run it with `python -m benchmarks.quality [--seed N]`; it prints one JSON object.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from statistics import quantiles

from tests.unit.quality_drafts import Case, corrupted, good, invented


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--show", action="store_true", help="print what was judged wrongly")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.seed, show=arguments.show), indent=2))


def measure(seed: int, *, show: bool = False) -> dict[str, object]:
    fine, spoiled, made_up = good(seed, 400), corrupted(seed), invented(seed, 200)
    alarms = [case for case in fine if case.verdict().outcome != "passed"]
    missed = [case for case in spoiled if case.verdict().outcome != "failed"]
    believed = [case for case in made_up if case.verdict().outcome == "passed"]
    for case in (*alarms, *missed, *believed) if show else ():
        print(case.fault or "good", "|", case.draft.text, "|", case.verdict().reasons)
    times = sorted(_milliseconds([*fine, *spoiled]))
    cuts = quantiles(times, n=100)
    return {
        "corruptions": len(spoiled),
        "caught": len(spoiled) - len(missed),
        "missed_by_kind": dict(Counter(case.fault for case in missed)),
        "good": len(fine),
        "false_alarms": round(len(alarms) / len(fine), 4),
        "invented_policy_caught": round(1 - len(believed) / len(made_up), 4),
        "ms_p50": round(cuts[49], 3),
        "ms_p95": round(cuts[94], 3),
    }


def _milliseconds(cases: Sequence[Case]) -> list[float]:
    times = []
    for case in cases:
        start = time.thread_time()
        case.verdict()
        times.append((time.thread_time() - start) * 1000)
    return times


if __name__ == "__main__":
    main()
