"""Who the shop is: the store file, its opening hours and its promises."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestration.errors import BadInput
from orchestration.types import Json, Urgency

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Language = Literal["en", "de", "fr", "es", "it", "nl", "pt"]

LANGUAGES: tuple[str, ...] = get_args(Language)
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
SHIPPED = Path(__file__).parent / "presets" / "shop.yaml"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_TARGETS: Mapping[str, Mapping[str, str]] = {
    "low": {"first": "8h", "resolve": "40h"},
    "normal": {"first": "4h", "resolve": "24h"},
    "high": {"first": "1h", "resolve": "8h"},
    "urgent": {"first": "15m", "resolve": "4h"},
}
_EXAMPLES = {
    "name": "name: Willow & Wren",
    "bot_name": "bot_name: Robin",
    "languages": "languages: [en, de]",
    "time_zone": "time_zone: Europe/Berlin",
    "hours": 'hours: {mon: ["09:00-17:00"]}',
    "holidays": "holidays: [2026-12-25]",
    "order_number": r"order_number: '\b\d{4}\b'",
    "link_domains": "link_domains: [shop.example]",
    "sla": "sla: {urgent: {first: 15m, resolve: 4h}}",
    "queues": "queues: {support: {agents: [maria], slack_channel: C0123456789}}",
    "texts": 'texts: {en: {greeting: "Hello! What can I do for you?"}}',
}


def parse_duration(text: str) -> timedelta:
    """Return the duration that `30s`, `15m`, `4h` or `2d` names; raises `BadInput`."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not found:
        raise BadInput(f"{text!r} is not a duration; for example 30s, 15m, 4h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(str(value))
    # Pydantic adds the field's path to a `ValueError` alone.
    except BadInput as refused:
        raise ValueError(str(refused)) from refused


def _zone_name(value: str) -> str:
    try:
        ZoneInfo(value)
    # A name such as `Europe` is a folder of the time zone data.
    except (LookupError, ValueError, OSError) as unknown:
        raise ValueError(f"there is no time zone {value!r}") from unknown
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as broken:
        raise ValueError(f"this is not a regular expression: {broken}") from broken
    return value


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value.lower()):
        raise ValueError(f"{value!r} is not a bare domain name")
    return value.lower()


def _span(value: str) -> str:
    if not _SPAN.fullmatch(value) or value[:5] >= value[6:]:
        raise ValueError(f"{value!r} is not a span of one day, such as 09:00-17:00 or 18:00-24:00")
    return value


def _in_order(spans: tuple[str, ...]) -> tuple[str, ...]:
    ordered = tuple(sorted(spans))
    if any(earlier[6:] > later[:5] for earlier, later in pairwise(ordered)):
        raise ValueError("the spans of a day overlap")
    return ordered


def _distinct(languages: tuple[Language, ...]) -> tuple[Language, ...]:
    return tuple(dict.fromkeys(languages))


def _filled_up(defaults: Mapping[str, Json]) -> Callable[[Json], Json]:
    def fill_up(given: Json) -> Json:
        return {**defaults, **given} if isinstance(given, Mapping) else given

    return fill_up


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Span = Annotated[str, AfterValidator(_span)]
Spans = Annotated[tuple[Span, ...], AfterValidator(_in_order)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(_Part):
    """How soon an agent answers first, and how soon the case is resolved; in opening hours."""

    first: Duration
    resolve: Duration

    @model_validator(mode="after")
    def _answers_before_it_resolves(self) -> "Target":
        if not timedelta(0) < self.first <= self.resolve:
            raise ValueError("`first` must be longer than nothing and not longer than `resolve`")
        return self


class Queue(_Part):
    """Where escalations of a kind wait: its agents, its Slack channel, whom to call."""

    agents: tuple[str, ...] = ()
    slack_channel: str | None = None
    on_call: str | None = None


class Shop(_Part):
    """The store file; the first language is the default one."""

    name: str = Field(min_length=1, max_length=100)
    bot_name: str = Field(default="Frontdesk", min_length=1, max_length=100)
    languages: Annotated[tuple[Language, ...], AfterValidator(_distinct)] = Field(
        default=("en",), min_length=1
    )
    time_zone: Annotated[str, AfterValidator(_zone_name)] = "UTC"
    hours: Mapping[Weekday, Spans] = Field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    order_number: Annotated[str, AfterValidator(_pattern)] = r"\b\d{4}\b"
    link_domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = ()
    sla: Annotated[Mapping[Urgency, Target], BeforeValidator(_filled_up(_TARGETS))] = Field(
        default_factory=dict, validate_default=True
    )
    queues: Annotated[Mapping[str, Queue], BeforeValidator(_filled_up({"support": {}}))] = Field(
        default_factory=dict, validate_default=True
    )
    texts: Mapping[str, str | Mapping[str, str]] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Shop":
        """Read a store file; raises `BadInput` naming the field, what is wrong and an example."""
        content = _read(path)
        try:
            return cls.model_validate(content)
        except ValidationError as refused:
            problems = refused.errors(include_url=False)
            words = "; ".join(_explain(problem) for problem in problems)
            raise BadInput(f"{path}: {words}", field=_path(problems[0])) from refused

    def with_slack_channel(self, queue: str, channel: str) -> "Shop":
        """Return the shop with a Slack channel for a queue, where it has named none."""
        known = self.queues[queue]
        if known.slack_channel:
            return self
        queues = {**self.queues, queue: known.model_copy(update={"slack_channel": channel})}
        return self.model_copy(update={"queues": queues})

    def without_slack(self) -> "Shop":
        """Return the shop with no queue shown in Slack."""
        queues = {
            name: queue.model_copy(update={"slack_channel": None})
            for name, queue in self.queues.items()
        }
        return self.model_copy(update={"queues": queues})

    @cached_property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def language(self) -> str:
        """The default language."""
        return self.languages[0]

    def day_of(self, moment: datetime) -> date:
        """Return the day a moment falls on in the shop's time zone."""
        return moment.astimezone(self.zone).date()

    def is_open(self, now: datetime) -> bool:
        """Tell whether agents are there; a shop without hours is open on all but holidays."""
        return self.next_opening(now) is None

    def next_opening(self, now: datetime) -> datetime | None:
        """Return when it opens next, in UTC; None while it is open."""
        start, _ = next(self._open_times(now))
        return start if start > now else None

    def after_open_time(self, start: datetime, duration: timedelta) -> datetime:
        """Return the moment, in UTC, at which `duration` of opening hours has passed."""
        moment, left = start.astimezone(UTC), duration
        for opens, closes in self._open_times(start):
            moment = max(moment, opens)
            if left <= closes - moment:
                break
            left -= max(closes - moment, timedelta(0))
        return moment + left

    def open_time(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of the time between two moments falls into opening hours."""
        passed = timedelta(0)
        for opens, closes in self._open_times(start):
            if opens >= end:
                break
            passed += max(min(closes, end) - max(opens, start), timedelta(0))
        return passed

    def _open_times(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = self.day_of(since)
        while True:
            for opens, closes in self._spans_on(day):
                if closes > since:
                    yield opens, closes
            day += timedelta(days=1)

    def _spans_on(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        if day in self.holidays:
            return
        for span in self._week[day.weekday()]:
            opens, closes = self._moment(day, span[:5]), self._moment(day, span[6:])
            # A span that falls into the hour which a change of clocks leaves out does not happen.
            if opens < closes:
                yield opens, closes

    def _moment(self, day: date, clock: str) -> datetime:
        if clock == "24:00":
            day, clock = day + timedelta(days=1), "00:00"
        local = datetime.combine(day, time.fromisoformat(clock), tzinfo=self.zone)
        # Two times of one zone are compared by their clock faces, which lie when clocks change.
        return local.astimezone(UTC)

    @cached_property
    def _week(self) -> tuple[tuple[str, ...], ...]:
        if not any(self.hours.values()):
            return (("00:00-24:00",),) * 7
        return tuple(self.hours.get(weekday, ()) for weekday in WEEKDAYS)


def _read(path: Path) -> Json:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as missing:
        raise BadInput(f"the store file {path} cannot be read: {missing.strerror}") from missing
    except (YAMLError, UnicodeDecodeError) as broken:
        raise BadInput(f"the store file {path} is not YAML: {broken}") from broken
    if not isinstance(content, dict):
        raise BadInput(f"the store file {path} holds no fields; for example {_EXAMPLES['name']}")
    return content


def _explain(problem: ErrorDetails) -> str:
    path = _path(problem)
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
        return f"{path} is not a field; there are: {', '.join(Shop.model_fields)}"
    what = problem["msg"].removeprefix("Value error, ")
    example = _EXAMPLES.get(path.split(".")[0])
    return f"{path}: {what}" + (f" (for example {example})" if example else "")


def _path(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"] if part != "[key]")
