"""Days and periods: half-open, in the shop's zone, also on days of 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shuke.kernel.periods import Period, bounds, day_start, local_day, same_clock_time

ZONES = [
    ZoneInfo(z)
    for z in ("Asia/Shanghai", "Europe/London", "Asia/Kathmandu", "America/Sao_Paulo", "Australia/Lord_Howe")
]


def test_period__end_not_after_start__is_refused():
    with pytest.raises(ValueError, match="at least one day"):
        Period(date(2026, 1, 2), date(2026, 1, 2))


def test_period__inclusive__holds_both_days():
    period = Period.inclusive(date(2026, 1, 1), date(2026, 1, 3))
    assert list(period.days()) == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]
    assert period.last == date(2026, 1, 3)
    assert date(2026, 1, 4) not in period


@pytest.mark.parametrize(("length", "shift"), [(1, 7), (7, 7), (8, 14), (30, 35)])
def test_same_days_last_week__any_length__keeps_weekdays_and_never_overlaps(length, shift):
    period = Period(date(2026, 3, 4), date(2026, 3, 4) + timedelta(days=length))
    against = period.same_days_last_week()
    assert period.start - against.start == timedelta(days=shift)
    assert against.end <= period.start


def test_day_bounds__daylight_saving__last_23_and_25_hours():
    london = ZoneInfo("Europe/London")
    start, end = bounds(Period.of_day(date(2026, 3, 29)), london)
    assert end - start == timedelta(hours=23)
    start, end = bounds(Period.of_day(date(2026, 10, 25)), london)
    assert end - start == timedelta(hours=25)


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES),
)
def test_local_day__every_moment__lies_inside_its_day(at, zone):
    day = local_day(at, zone)
    assert day_start(day, zone) <= at < day_start(day + timedelta(days=1), zone)


def test_same_clock_time__half_past_two_in_the_afternoon__is_the_same_on_the_other_day():
    zone = ZoneInfo("Asia/Shanghai")
    at = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
    assert same_clock_time(at, date(2026, 11, 20), zone) == datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
