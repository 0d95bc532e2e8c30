"""Durations as a document writes them: 30s, 10m, 4h, 2d."""

import re
from datetime import timedelta

from orchestration.types import Json

MAX_DURATION = timedelta(days=30)

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Json) -> timedelta:
    """Read `90s`, `4h`, `2d`, or a number of seconds; raises `ValueError`."""
    parts = (
        re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value) if isinstance(value, str) else None
    )
    if parts:
        seconds = float(parts[1]) * _UNITS[parts[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(f"{value!r} is no duration; write 30s, 10m, 4h or 2d")
    if not 0 < seconds <= MAX_DURATION.total_seconds():
        raise ValueError(f"{value!r} must be more than 0 and at most {MAX_DURATION.days} days")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that divides it evenly."""
    milliseconds = round(duration.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(_UNITS[unit] * 1000)
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
