from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.errors import BadInput
from orchestration.shop import SHIPPED, Shop, parse_duration

OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-17:00",))


def berlin(**fields: object) -> Shop:
    given = {"name": "Laden", "time_zone": "Europe/Berlin", "hours": OFFICE, **fields}
    return Shop.model_validate(given)


def store_file(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_store_file_loads() -> None:
    shop = Shop.load(SHIPPED)

    assert shop.language == "en"
    assert shop.sla["urgent"].first == timedelta(minutes=15)
    assert date(2026, 12, 25) in shop.holidays


def test_a_name_is_enough_for_a_shop() -> None:
    shop = Shop(name="Corner Shop")

    assert shop.queues["support"].agents == ()
    assert shop.sla["low"].resolve == timedelta(hours=40)
    assert shop.order_number == r"\b\d{4}\b"


def test_targets_and_queues_that_are_left_out_keep_their_defaults(tmp_path: Path) -> None:
    path = store_file(
        tmp_path,
        "name: A\nsla: {urgent: {first: 5m, resolve: 1h}}\nqueues: {returns: {agents: [maria]}}\n",
    )

    shop = Shop.load(path)

    assert shop.sla["urgent"].resolve == timedelta(hours=1)
    assert shop.sla["normal"].first == timedelta(hours=4)
    assert set(shop.queues) == {"support", "returns"}


@pytest.mark.parametrize(
    ("line", "field", "wrong"),
    [
        ("time_zone: Europe/Atlantis", "time_zone", "no time zone 'Europe/Atlantis'"),
        ("time_zone: Europe", "time_zone", "no time zone 'Europe'"),
        ("languages: [en, xx]", "languages.1", "'en', 'de'"),
        ('hours: {mon: ["17:00-09:00"]}', "hours.mon.0", "not a span of one day"),
        ('hours: {mon: ["09:00-13:00", "12:00-17:00"]}', "hours.mon", "overlap"),
        ('hours: {monday: ["09:00-17:00"]}', "hours.monday", "'mon'"),
        ("holidays: [christmas]", "holidays.0", "date"),
        ("order_number: '(['", "order_number", "not a regular expression"),
        ("link_domains: ['https://a.example']", "link_domains.0", "bare domain"),
        ("sla: {urgent: {first: soon, resolve: 4h}}", "sla.urgent.first", "15m"),
        ("sla: {urgent: {first: 4h, resolve: 1h}}", "sla.urgent", "not longer than `resolve`"),
        ("queues: {support: {agents: maria}}", "queues.support.agents", "tuple"),
        ("opening_times: {}", "opening_times", "there are: name, bot_name"),
    ],
)
def test_a_bad_value_is_refused_with_its_field_and_what_is_wrong(
    line: str, field: str, wrong: str, tmp_path: Path
) -> None:
    path = store_file(tmp_path, f"name: A\n{line}\n")

    with pytest.raises(BadInput) as refused:
        Shop.load(path)

    assert refused.value.field == field
    assert field in str(refused.value)
    assert wrong in str(refused.value)


def test_a_bad_value_is_refused_with_an_example(tmp_path: Path) -> None:
    path = store_file(tmp_path, "name: A\ntime_zone: Mars\n")

    with pytest.raises(BadInput, match="for example time_zone: Europe/Berlin"):
        Shop.load(path)


@pytest.mark.parametrize("text", ["- a list", "name: [", "", "name: A\nname: B"])
def test_a_file_that_holds_no_fields_is_refused(text: str, tmp_path: Path) -> None:
    path = store_file(tmp_path, text)

    with pytest.raises(BadInput, match="store file"):
        Shop.load(path)


def test_a_missing_store_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"

    with pytest.raises(BadInput, match=r"nowhere\.yaml cannot be read"):
        Shop.load(path)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("4h", timedelta(hours=4)),
        ("2d", timedelta(days=2)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    parsed = parse_duration(text)

    assert parsed == duration


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "-4h", "1.5h", "4w"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadInput, match="15m, 4h or 2d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 15, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), False),
    ],
)
def test_a_shop_is_open_within_its_hours_in_its_own_zone(moment: datetime, is_open: bool) -> None:
    shop = berlin()

    assert shop.is_open(moment) is is_open


def test_a_shop_is_closed_on_its_holidays() -> None:
    shop = berlin(holidays=["2026-12-24"])

    assert not shop.is_open(datetime(2026, 12, 24, 12, 0, tzinfo=UTC))


def test_a_shop_without_hours_is_always_open() -> None:
    shop = berlin(hours={})

    assert shop.is_open(datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    assert shop.next_opening(datetime(2026, 11, 22, 3, 0, tzinfo=UTC)) is None


def test_a_shop_opens_next_on_its_next_day_of_work() -> None:
    shop = berlin(holidays=["2026-11-23"])

    opens = shop.next_opening(datetime(2026, 11, 20, 17, 0, tzinfo=UTC))

    assert opens == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_target_runs_on_over_the_weekend_and_a_holiday() -> None:
    shop = berlin(holidays=["2026-11-23"])

    due = shop.after_open_time(datetime(2026, 11, 20, 15, 0, tzinfo=UTC), timedelta(hours=4))

    assert due == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def test_a_target_that_starts_at_night_counts_from_the_opening() -> None:
    shop = berlin()

    due = shop.after_open_time(datetime(2026, 11, 22, 22, 0, tzinfo=UTC), timedelta(minutes=15))

    assert due == datetime(2026, 11, 23, 8, 15, tzinfo=UTC)


def test_a_target_may_end_at_closing_time() -> None:
    shop = berlin()

    due = shop.after_open_time(datetime(2026, 11, 23, 8, 0, tzinfo=UTC), timedelta(hours=8))

    assert due == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def test_a_lunch_break_does_not_count() -> None:
    shop = berlin(hours={"mon": ["13:00-17:00", "09:00-12:00"]})

    due = shop.after_open_time(datetime(2026, 11, 23, 10, 0, tzinfo=UTC), timedelta(hours=2))

    assert due == datetime(2026, 11, 23, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (datetime(2026, 3, 28, 22, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), datetime(2026, 10, 25, 3, 0, tzinfo=UTC)),
    ],
)
def test_six_hours_stay_six_hours_when_the_clocks_change(start: datetime, due: datetime) -> None:
    shop = berlin(hours={})

    assert shop.after_open_time(start, timedelta(hours=6)) == due


def test_the_opening_follows_the_clock_on_the_wall() -> None:
    shop = berlin(hours={"sun": ["09:00-17:00"]})

    before = shop.next_opening(datetime(2026, 3, 22, 0, 0, tzinfo=UTC))
    after = shop.next_opening(datetime(2026, 3, 29, 0, 0, tzinfo=UTC))

    assert before == datetime(2026, 3, 22, 8, 0, tzinfo=UTC)
    assert after == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


def test_a_span_in_the_hour_that_is_left_out_does_not_happen() -> None:
    shop = berlin(hours={"sun": ["02:30-03:00", "10:00-24:00"]})

    opens = shop.next_opening(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))

    assert opens == datetime(2026, 3, 29, 8, 0, tzinfo=UTC)


def test_a_day_may_end_at_midnight() -> None:
    shop = berlin(hours={"mon": ["18:00-24:00"], "tue": ["00:00-02:00"]})

    due = shop.after_open_time(datetime(2026, 11, 23, 22, 0, tzinfo=UTC), timedelta(hours=2))

    assert due == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
