"""A large file is asked day by day: every row once, no day before it is wanted, refusals before it begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import by_day

SHOP = ShopView(1, "linen", "Linen", ZoneInfo("Asia/Shanghai"), "CNY", "", ())
PERIOD = Period(date(2026, 3, 1), date(2026, 3, 5))


def test_rows__of_several_days__asked_once_each_when_they_are_wanted():
    asked: list[Period] = []

    def ask(day: Period) -> pa.Table:
        asked.append(day)
        count = 0 if day.start.day == 3 else 2_500
        start = datetime(day.start.year, day.start.month, day.start.day, 20)
        return pa.table(
            {
                "n": pa.array(range(count), pa.int64()),
                "at": pa.array([start] * count, pa.timestamp("us")),
            }
        )

    rows = by_day.every_row(SHOP, PERIOD, ask)
    assert [day.start.day for day in asked] == [4]  # so that a refusal is said before a file begins
    found = list(rows)
    assert [day.start.day for day in asked] == [4, 3, 2, 1]
    assert len(found) == 7_500
    assert [row["n"] for row in found[:2_500]] == list(range(2_500))
    first = found[0]["at"]
    assert (first.utcoffset(), first.day, first.hour) == (timedelta(hours=8), 5, 4)
    assert list(by_day.every_row(SHOP, Period.of_day(date(2026, 3, 3)), ask)) == []


def test_rows__refused__before_the_first_is_taken():
    def ask(day: Period) -> pa.Table:
        raise Invalid(field="filter", value="too much")

    with pytest.raises(Invalid):
        by_day.every_row(SHOP, PERIOD, ask)
