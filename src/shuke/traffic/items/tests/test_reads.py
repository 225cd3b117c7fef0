"""Items and hot items over a drawn shop, partly sealed, partly late: every number equals a recount of the raw facts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pytest
from django_scopes import scope
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, Period, day_start
from shuke.traffic import decisions, distinct
from shuke.traffic.derived import visit_rules
from shuke.traffic.items import counting, reads
from shuke.traffic.items.tests import oracle
from shuke.traffic.items.tests.conftest import WHOLE, append
from shuke.traffic.items.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions
from shuke.warehouse import reads as warehouse
from shuke.warehouse.models import SealedDay
from shuke.warehouse.reads import LaidOut, Stretch

pytestmark = pytest.mark.django_db
AFTER = AT + timedelta(days=30)


def _as_dict(sums: reads.ItemSums) -> dict[str, Any]:
    return {name: getattr(sums, name) for name in sums.__dataclass_fields__}


def _expected(life, period: Period, ref: str, is_wanted=lambda row: True) -> dict[str, Any]:
    def own(rows):
        return [r for r in rows if r["local_day"] in period and r["product_ref"] == ref and is_wanted(r)]

    return oracle.sums(own(life.deeds), own(life.sales))


@pytest.mark.row("T10")
@pytest.mark.parametrize("days", [1, 2, 4])
def test_items__any_period_sealed_late_and_open__every_number_as_the_oracle_says(life, days):
    period = Period(LAST + ONE_DAY * (1 - days), LAST + ONE_DAY)
    found = reads.items(shop=life.shop, period=period, at=AFTER)
    refs = {r["product_ref"] for r in (*life.deeds, *life.sales) if r["local_day"] in period}
    assert {row.product_ref for row in found.rows} == refs
    for row in found.rows:
        assert _as_dict(row.sums) == _expected(life, period, row.product_ref), row.product_ref
        for part, is_paid in ((row.paid, True), (row.free, False)):
            expected = _expected(life, period, row.product_ref, lambda r: r["is_paid"] is is_paid)  # noqa: B023
            expected["buyers"] = 0  # of a part, those who bought are counted as visitors
            assert _as_dict(part) == expected
    views = [r for r in life.deeds if r["local_day"] in period and r["deed"] == "view"]
    assert found.total.views == len(views)
    assert found.total.visitors == len({r["visitor_id"] for r in views})
    assert [row.sums.views for row in found.rows] == sorted((r.sums.views for r in found.rows), reverse=True)


@pytest.mark.row("T10")
def test_item__its_sources_and_days__as_the_oracle_says(life):
    found = reads.item(shop=life.shop, period=WHOLE, product_ref="A1", at=AFTER)
    assert found.row.title == "Item A1"
    for source in found.sources:
        expected = _expected(
            life, WHOLE, "A1", lambda r: (r["channel"], r["is_paid"]) == (source.channel, source.is_paid)  # noqa: B023
        )  # fmt: skip
        assert _as_dict(source.sums) == expected, source.channel
    assert sum(s.sums.views for s in found.sources) == found.row.sums.views
    assert len(found.days) == 4
    for day in found.days:
        expected = _expected(life, Period.of_day(day.day), "A1")
        kept = (
            "views",
            "visitors",
            "favourite_visitors",
            "cart_visitors",
            "checkout_visitors",
            "buyers",
            "orders",
        )
        assert {n: getattr(day.sums, n) for n in kept} == {n: expected[n] for n in kept}
    nothing = reads.item(shop=life.shop, period=WHOLE, product_ref="no' OR 1=1", at=AFTER)
    assert nothing.row.sums.is_nothing
    assert (nothing.sources, nothing.days) == ((), ())


@pytest.mark.row("T10")
@pytest.mark.parametrize(
    ("against", "at", "days"), [("before", AFTER, 2), ("yesterday", AT, 1), ("custom", AFTER, 2)]
)
def test_items__against_another_period__both_as_the_oracle_says_and_cut_alike(
    life, monkeypatch, against, at, days
):
    period = Period(LAST + ONE_DAY * (1 - days), LAST + ONE_DAY)
    custom = Period(FIRST, FIRST + ONE_DAY) if against == "custom" else None
    other, cut = decisions.compared(life.shop, period, against, custom, at)
    assert (cut is not None) is (at == AT)
    until = None if cut is None else cut.astimezone(UTC).replace(tzinfo=None)
    events, lines = (
        [row for row in rows if until is None or row["at"] < until] for rows in (life.events, life.lines)
    )
    assert until is None or len(events) < len([row for row in life.events if row["local_day"] <= other.last])
    deeds = oracle.named(oracle.deeds(events, visit_rules(life.shop, WHOLE), life.shop.currency))
    old = replace(life, deeds=deeds, sales=oracle.sales(deeds, lines, life.shop.currency))
    asked = {"shop": life.shop, "period": period, "against": against, "custom": custom, "at": at}
    found = reads.items(**asked)
    assert found.against_period == other
    now = reads.items(shop=life.shop, period=period, at=at)
    assert [replace(row, then=None) for row in found.rows][: len(now.rows)] == list(now.rows)
    assert found.total == now.total
    refs = {r["product_ref"] for r in (*old.deeds, *old.sales) if r["local_day"] in other}
    assert refs <= {row.product_ref for row in found.rows}
    for row in found.rows:
        assert _as_dict(row.then) == _expected(old, other, row.product_ref), row.product_ref
    assert found.total_then.visitors == len(
        {r["visitor_id"] for r in old.deeds if r["local_day"] in other and r["deed"] == "view"}
    )
    one = reads.item(**asked, product_ref=found.rows[0].product_ref)
    assert (one.row, one.against_period) == (found.rows[0], other)
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    assert reads.items(**asked) == found


@pytest.mark.row("T10")
def test_behind__a_number_of_an_item__as_many_rows_as_it_says_and_those(life):
    for ref in ("A1", "B2", "C3", "/item/1", "no'thing"):
        own = [row for row in life.deeds if row["product_ref"] == ref and row["deed"] == "view"]
        sold = [row for row in life.sales if row["product_ref"] == ref]
        found = {
            of: reads.item_behind(shop=life.shop, period=WHOLE, product_ref=ref, of=of, size=1000)
            for of in reads.COLUMNS
        }
        sums = reads.item(shop=life.shop, period=WHOLE, product_ref=ref, at=AFTER).row.sums
        assert {of: one.count for of, one in found.items()} == {
            "orders": sums.orders, "visitors": sums.visitors, "buyers": sums.buyers,
        }  # fmt: skip
        names = ("order_id", "buyer_id", "visitor_id", "channel", "is_paid", "amount_minor")
        assert sorted(repr([row[name] for name in names]) for row in found["orders"].rows) == sorted(
            repr([row[name] for name in names]) for row in sold
        )
        assert sum(row["quantity"] for row in found["orders"].rows) == sums.units
        assert {row["visitor_id"]: row["views"] for row in found["visitors"].rows} == Counter(
            row["visitor_id"] for row in own
        )
        assert {row["buyer_id"] for row in found["buyers"].rows} == {row["buyer_id"] for row in sold} - {None}
        for of, one in found.items():
            asked = {"shop": life.shop, "period": WHOLE, "product_ref": ref, "of": of}
            assert tuple(reads.every_item_behind(**asked)) == one.rows
            assert reads.item_behind(**asked, page=2, size=1).rows == one.rows[1:2]
    with pytest.raises(Invalid):
        reads.item_behind(shop=life.shop, period=WHOLE, product_ref="A1", of="luck")


def test_derived__sealed_whole_or_computed_on_the_fly__the_same_rows(life):
    def rows(kind: str) -> list[str]:
        found = warehouse.ask(life.shop, WHOLE, lambda s: warehouse.run(s.derived(kind)).to_pylist())
        return sorted(repr(sorted(row.items())) for row in found)

    kinds = ("item_deeds", "item_lines", "item_visitors", "item_people", "item_sums", "item_days")
    before = {kind: rows(kind) for kind in kinds}
    actions.seal(life.shop)
    assert {kind: rows(kind) for kind in kinds} == before
    assert actions.refill(life.shop) > 0
    assert {kind: rows(kind) for kind in kinds} == before


_MOMENTS = st.integers(43_200, 4 * 86_400)


@pytest.mark.row("T10")
def test_hot__any_moment_window_and_ranking__equals_a_recount_of_raw_events(life, capsys):
    first = day_start(FIRST, life.shop.zone)
    own_moments = sorted({row["at"] for row in (*life.deeds, *life.sales)})
    reached = dict.fromkeys(
        ("ties", "at an event's own moment", "empty", "several items", "over midnight"), 0
    )

    @settings(
        max_examples=28,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        seconds=_MOMENTS,
        own=st.one_of(st.none(), *[st.integers(0, len(own_moments) - 1)] * 3),
        window=st.sampled_from(list(reads.WINDOWS)),
        by=st.sampled_from(list(reads.HOT_BY)),
    )
    def law(seconds, own, window, by):
        moment = first + timedelta(seconds=seconds)
        if own is not None:  # an event at the end of the window is not in it; a microsecond later it is
            moment = own_moments[own].replace(tzinfo=UTC) + timedelta(microseconds=seconds % 2)
            reached["at an event's own moment"] += 1
        start = moment - timedelta(seconds=reads.WINDOWS[window])
        naive = [m.astimezone(UTC).replace(tzinfo=None) for m in (start, moment)]
        counted = oracle.hot(life.deeds, life.sales, *naive)
        then = reads.HOT_BY[by]
        expected = sorted(
            ({"product_ref": ref, **row} for ref, row in counted.items() if row[by] > 0),
            key=lambda r: (-r[by], -r[then], r["product_ref"]),
        )
        found = reads.hot(shop=life.shop, moment=moment, window=window, by=by, at=AFTER)
        shown = [{n: getattr(row, n) for n in ("product_ref", *reads.HOT_BY)} for row in found.rows]
        assert shown == [{n: row[n] for n in ("product_ref", *reads.HOT_BY)} for row in expected]
        assert [row.rank for row in found.rows] == list(range(1, len(expected) + 1))
        reached["ties"] += len({row[by] for row in expected}) < len(expected)
        reached["empty"] += not expected
        reached["several items"] += len(expected) > 1
        reached["over midnight"] += naive[0].date() != naive[1].date()

    law()
    with capsys.disabled():
        print("\nhot items: " + ", ".join(f"{name} {count}" for name, count in reached.items()))
    assert min(reached.values()) >= 3


@pytest.mark.row("T10")
def test_hot__an_event_that_comes_late__counts_at_its_own_moment(life):
    moment = day_start(FIRST, life.shop.zone) + timedelta(hours=30)
    before = reads.hot(shop=life.shop, moment=moment, window="24h", by="views", at=AFTER)
    views = {row.product_ref: row.views for row in before.rows}
    late = next(e for e in life.events if e["name"] == "Product Viewed") | {"event_id": 77, "visitor_id": 5}
    inside, at_the_end = moment - timedelta(hours=1), moment
    rows = [
        late | {"event_id": 70 + n, "visitor_id": n, "at": at.astimezone(UTC).replace(tzinfo=None)}
        for n, at in enumerate((inside, at_the_end))
    ]
    rows = [row | {"local_day": FIRST + ONE_DAY, "page_path": None} for row in rows]
    append(rows, [])
    after = reads.hot(shop=life.shop, moment=moment, window="24h", by="views", at=AFTER)
    ref = late["product_ref"]
    assert {row.product_ref: row.views for row in after.rows} == views | {ref: views.get(ref, 0) + 1}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"window": "2h"}, "window"),
        ({"by": "luck"}, "by"),
        ({"most": 0}, "most"),
        ({"moment": AFTER + timedelta(seconds=1)}, "moment"),
    ],
)
def test_hot__what_there_is_not__is_refused_by_its_field(life, given, field):
    with pytest.raises(Invalid) as refused:
        reads.hot(**{"shop": life.shop, "moment": AT, "at": AFTER} | given)
    assert refused.value.field == field


def test_items__shop_without_facts__has_no_item(shop, warehouse_home):
    found = reads.items(shop=shop, period=WHOLE, at=AFTER)
    assert found.rows == ()
    assert found.total == reads.ItemSums()
    assert reads.stalled(shop=shop, period=WHOLE, at=AFTER).rows == ()
    assert reads.hot(shop=shop, moment=AT, at=AFTER).rows == ()


@pytest.mark.row("T10")
@pytest.mark.parametrize(("days", "is_older"), [(2, False), (4, False), (4, True)])
def test_items__counted_from_arrays__the_same_report(life, monkeypatch, days, is_older):
    """Over sealed, reopened and open days, also such as were sealed before there were the kinds that it reads; a law of the
    counting itself is in traffic/tests/test_distinct.py."""
    asked = {"shop": life.shop, "period": Period(LAST + ONE_DAY * (1 - days), LAST + ONE_DAY), "at": AFTER}
    if is_older:
        with scope(shop=life.shop.id):
            sealed = list(SealedDay.objects.all())
        for row in sealed:
            for kind in ("item_people", "item_sums"):
                row.rows.pop(kind)
                row.versions.pop(kind)
            row.save(update_fields=["rows", "versions"])

    def pages() -> list:
        return [reads.items(**asked), reads.stalled(**asked), reads.item(**asked, product_ref="A1")]

    assert (
        warehouse.ask(life.shop, WHOLE, lambda s: LaidOut(s, [Stretch(WHOLE)]).lacks("item_people"))
        is is_older
    )
    by_groups = pages()
    counted: list[int] = []
    count = counting.by_item
    monkeypatch.setattr(distinct, "FEWEST_ROWS", 0)
    monkeypatch.setattr(counting, "by_item", lambda laid: counted.append(1) or count(laid))
    assert pages() == by_groups
    assert len(counted) == 3
    assert any(row.sums.bought and row.sums.file_orders and row.paid.bought for row in by_groups[0].rows)
