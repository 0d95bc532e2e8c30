"""How a case stands against its response target, in opening hours."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.escalation import read_clock
from orchestration.models import Escalation
from orchestration.shop import WEEKDAYS, Shop

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
HOURS = st.dictionaries(
    st.sampled_from(WEEKDAYS),
    st.sampled_from([("09:00-17:00",), ("00:00-03:00", "22:00-24:00"), ("02:30-03:30",)]),
    min_size=1,
)
# A year in which each of the zones changes its clocks twice.
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
DURATIONS = st.timedeltas(timedelta(minutes=1), timedelta(hours=60))


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    holidays = draw(st.sets(st.dates(date(2026, 1, 1), date(2027, 1, 31)), max_size=5))
    return Shop.model_validate(
        {
            "name": "Willow & Wren",
            "time_zone": draw(st.sampled_from(ZONES)),
            "hours": draw(HOURS),
            "holidays": holidays,
        }
    )


@given(shops(), MOMENTS, DURATIONS)
def test_until_a_target_exactly_its_time_has_passed(
    shop: Shop, start: datetime, duration: timedelta
) -> None:
    due = shop.after_open_time(start, duration)

    assert shop.open_time(start, due) == duration
    assert shop.open_time(start, due - timedelta(seconds=1)) < duration


@given(shops(), MOMENTS, DURATIONS, DURATIONS)
def test_opening_hours_add_up(
    shop: Shop, start: datetime, first: timedelta, second: timedelta
) -> None:
    middle, end = start + first, start + first + second

    whole = shop.open_time(start, end)

    assert whole == shop.open_time(start, middle) + shop.open_time(middle, end)
    assert timedelta(0) <= whole <= end - start


@given(shops(), MOMENTS, st.sampled_from([50, 80, 100]), st.sampled_from(["low", "urgent"]))
def test_reminders_fall_into_opening_hours_and_never_on_a_holiday(
    shop: Shop, start: datetime, level: int, urgency: str
) -> None:
    target = shop.sla[urgency].first  # type: ignore[index]

    moment = shop.after_open_time(start, target * level / 100)

    just_before = moment - timedelta(microseconds=1)
    assert shop.is_open(just_before)
    assert shop.day_of(just_before) not in shop.holidays


def test_over_a_change_of_clocks_a_target_keeps_its_hours() -> None:
    shop = Shop.model_validate(
        {
            "name": "W",
            "time_zone": "Europe/Berlin",
            "hours": {"sat": ["12:00-24:00"], "sun": ["00:00-24:00"]},
        }
    )
    saturday = datetime(2026, 3, 28, 21, 0, tzinfo=UTC)

    due = shop.after_open_time(saturday, timedelta(hours=4))

    assert due == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert shop.open_time(saturday, due) == timedelta(hours=4)


def case(**fields: Any) -> Escalation:
    given: dict[str, Any] = {
        "id": "e-1",
        "conversation_id": "c-1",
        "reason": "",
        "queue": "support",
        "created_at": MONDAY,
        "target_from": MONDAY,
        "due_at": MONDAY + timedelta(hours=4),
    }
    return Escalation(**{**given, **fields})


def shop_of(**fields: object) -> Shop:
    return Shop.model_validate({"name": "Willow & Wren", **fields})


@pytest.mark.parametrize(("after", "share"), [(0, 0.0), (2, 0.5), (3.2, 0.8), (4, 1.0), (6, 1.5)])
def test_the_share_says_how_much_of_the_time_is_over(after: float, share: float) -> None:
    clock = read_clock(shop_of(), case(), MONDAY + timedelta(hours=after))

    assert clock is not None
    assert (clock.target, clock.share, clock.paused) == ("first", share, None)


def test_after_an_answer_the_clock_is_that_of_the_resolution() -> None:
    clock = read_clock(shop_of(), case(due_at=MONDAY + timedelta(hours=24)), MONDAY)

    assert clock is not None
    assert clock.target == "resolve"


def test_the_clock_stands_still_while_the_shop_is_closed() -> None:
    shop = shop_of(hours={"mon": ["09:00-11:00", "20:00-24:00"]})
    due_at = shop.after_open_time(MONDAY, timedelta(hours=4))
    evening = datetime.combine(MONDAY.date(), time(15, 0), tzinfo=UTC)

    clock = read_clock(shop, case(due_at=due_at), evening)

    assert clock is not None
    assert (clock.share, clock.paused) == (0.25, "closed")


def test_the_clock_stands_still_while_the_case_rests() -> None:
    until = MONDAY + timedelta(hours=8)
    resting = case(snoozed_until=until, target_from=until, due_at=until + timedelta(hours=4))

    clock = read_clock(shop_of(), resting, MONDAY + timedelta(hours=1))

    assert clock is not None
    assert (clock.share, clock.paused) == (0.0, "snoozed")


@pytest.mark.parametrize("status", ["handed_back", "resolved"])
def test_a_case_that_is_over_has_no_clock(status: str) -> None:
    assert read_clock(shop_of(), case(status=status), MONDAY) is None
