"""Structured logs: JSON lines with the ids of what they are about, and nobody's personal data."""

import logging
import sys
from contextvars import ContextVar

import structlog

from orchestration import masking

# The conversation and run that this task is working on.
subject: ContextVar[dict[str, str] | None] = ContextVar("subject", default=None)

_STRUCTLOGS_OWN = {"_record", "_from_structlog"}
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def set_up(*, pretty: bool = False, level: str = "INFO") -> None:
    """Send all logging to standard error, one event a line, redacted last."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_fields,
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if pretty
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "apscheduler", "procrastinate", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _add_fields(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        extra.pop("_from_structlog", None)
        event.update({name: value for name, value in extra.items() if not name.startswith("_")})
    event.update(subject.get() or {})
    return event


def redact(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Hide cards, passwords, e-mail addresses and phone numbers wherever they stand."""
    return {
        name: value if name in _STRUCTLOGS_OWN else _redacted(value)
        for name, value in event.items()
    }


def _redacted(value: object) -> object:
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if masking.mask(str(value)) == str(value) else masking.CARD
        case list() | tuple() | set() | frozenset():
            return [_redacted(item) for item in value]
        case dict():
            return {masking.redact(str(name)): _redacted(item) for name, item in value.items()}
        case _:
            # An error or another object would be written as what it says of itself.
            return masking.redact(str(value))
