"""Rows of reports that overlap: the most days are told, none twice, and of as many days those that say most."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.traffic.reads.entries import Entry
from shuke.traffic.search_ads.gathering import gather

pytestmark = pytest.mark.row("T8")
FIRST = date(2026, 3, 1)


def row(first: int, last: int, clicks: int, item: str = "", campaign: str = "", age: int = 0) -> Entry:
    """A report's row of days of March; `age`: hours since it came."""
    return Entry(
        row_id=hash((first, last, clicks, item, campaign, age)),
        title="linen",
        entry_ref="",
        product_ref=item,
        campaign_ref=campaign,
        state="",
        start=FIRST + timedelta(days=first - 1),
        last=FIRST + timedelta(days=last - 1),
        received_at=datetime(2026, 4, 1, tzinfo=UTC) - timedelta(hours=age),
        amount_minor=None,
        currency="CNY",
        source=f"report {age}",
        numbers={"clicks": clicks},
    )


def told(*rows: Entry) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(item, campaign) -> clicks, rows counted, rows left out."""
    return {
        (one.name.item, one.name.campaign): (int(one.stated.clicks), one.rows, one.left_out)
        for one in gather(rows, "CNY")
    }


def test_week_with_a_day_of_it__is_not_thrown_away_for_the_day() -> None:
    week, day = row(1, 7, 700), row(7, 7, 100)
    assert told(week, day) == {("", ""): (700, 1, 1)}
    days = [row(n, n, 90) for n in range(1, 8)]
    assert told(week, *days) == {("", ""): (630, 7, 1)}  # as many days: the shorter ones
    assert told(week, row(8, 8, 5), day) == {("", ""): (705, 2, 1)}
    assert told(row(1, 7, 700, age=5), row(1, 7, 710)) == {("", ""): (710, 1, 1)}  # the newer
    # Two weeks of which days tell of the second whole and of the first in part.
    assert told(week, row(8, 14, 800), *[row(n, n, 100) for n in range(7, 15)]) == {("", ""): (1400, 8, 2)}


def test_day_of_an_item__does_not_throw_away_the_week_of_the_keyword() -> None:
    assert told(row(1, 7, 700), row(7, 7, 100, "1001")) == {("", ""): (700, 1, 1)}
    # As many days: those that say more; an item of which nobody else tells stands beside.
    assert told(row(1, 7, 700), row(1, 7, 600, "1001"), row(3, 3, 9, "1002")) == {
        ("1001", ""): (600, 1, 1),
        ("1002", ""): (9, 1, 0),
    }
    assert told(row(1, 7, 700), *[row(n, n, 10, "1001") for n in range(5, 11)]) == {
        ("", ""): (700, 1, 0),
        ("1001", ""): (30, 3, 3),
    }


def test_law__what_is_counted__never_overlaps_and_covers_as_many_days_as_can_be() -> None:
    reached: Counter[str] = Counter()

    @given(
        st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6)), min_size=1, max_size=7).map(
            lambda spans: [(first, first + more) for first, more in spans]
        )
    )
    @settings(max_examples=150, deadline=None, database=None)
    def law(spans: list[tuple[int, int]]) -> None:
        # The clicks of a row are the days it tells of, so their sum is the number of days counted.
        rows = [row(first, last, last - first + 1, age=n) for n, (first, last) in enumerate(spans)]
        ((clicks, counted, left_out),) = told(*rows).values()
        assert counted + left_out == len(rows)
        best = 0
        for size in range(1, len(spans) + 1):
            for some in combinations(spans, size):
                days = [day for first, last in some for day in range(first, last + 1)]
                if len(days) == len(set(days)):
                    best = max(best, len(days))
        assert clicks == best
        reached["something left out" if left_out else "all counted"] += 1
        reached["several counted"] += counted > 1

    law()
    print(dict(reached))
    assert min(reached["something left out"], reached["all counted"], reached["several counted"]) >= 15
