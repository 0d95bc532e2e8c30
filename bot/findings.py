"""What a look at an installation found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look found; an `error` keeps the product from doing its work."""

    check: str
    level: Literal["ok", "warning", "error"]
    message: str
    cure: str | None = None


def fine(check: str, message: str) -> Finding:
    """Say that something is in order."""
    return Finding(check=check, level="ok", message=message)


def warning(check: str, message: str, cure: str) -> Finding:
    """Say what works less well than it could."""
    return Finding(check=check, level="warning", message=message, cure=cure)


def broken(check: str, message: str, cure: str) -> Finding:
    """Say what does not work."""
    return Finding(check=check, level="error", message=message, cure=cure)
