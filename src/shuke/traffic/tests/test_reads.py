"""Overview, series, sources and evidence over one drawn shop: each number equals the plain oracle's, and its evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from shuke.conditions.reads import parse
from shuke.kernel.errors import Invalid, NotFound
from shuke.kernel.periods import ONE_DAY, Period, local_day
from shuke.traffic import derived, reads
from shuke.traffic.tests import metric_oracle, oracle
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import reads as warehouse
from shuke.warehouse.refunds import refunds_resolved

pytestmark = pytest.mark.django_db
WHOLE = Period.inclusive(FIRST, LAST)
AFTER = AT + timedelta(days=30)


def _visits(life, period: Period, until: datetime | None = None, is_wanted=lambda visit: True) -> list[dict]:
    naive = until and until.astimezone(UTC).replace(tzinfo=None)
    events = [e for e in life.events if e["local_day"] in period and (naive is None or e["at"] < naive)]
    visits = oracle.visits(events, derived.visit_rules(life.shop, period))
    return [visit for visit in visits if is_wanted(visit)]


def _orders(life, period: Period, until: datetime | None = None) -> list[dict]:
    """Order facts as commerce derives them; its own tests hold them to their own oracle."""

    def question(snapshot):
        scoped = snapshot.cut(until) if until else snapshot
        return warehouse.run(refunds_resolved(scoped.derived("order_facts"))).to_pylist()

    span = warehouse.whole_life(life.shop.id)
    rows = warehouse.ask(life.shop, Period(span.start, max(span.end, period.end)), question)
    own = [
        r | ({} if r["currency"] in (None, life.shop.currency) else {"paid_minor": 0, "amount_minor": 0})
        for r in rows
    ]
    return [row for row in own if row["local_day"] in period]


def _expected(life, period: Period, until: datetime | None = None) -> dict:
    earlier = Period(period.start - ONE_DAY * 365, period.start)
    return metric_oracle.every_metric(
        _visits(life, period, until), _orders(life, period, until), _orders(life, earlier, until)
    )


def _is_near(one: reads.Metric, value, exact) -> bool:
    """Rounded as its unit says: money to the minor unit, other quotients to six places; else equal."""
    if exact is None or value is None:
        return exact is None and value is None
    if one.denominator is None:
        return value == exact
    step = Fraction(1, 2) if one.unit == "money" else Fraction(1, 2_000_000)
    return abs(Fraction(value) - exact) <= step


def _agrees(figure: reads.Figure, exact) -> bool:
    return _is_near(figure.metric, figure.value, exact) and (figure.value is None) == (
        figure.reason is not None
    )


def _wrong(rows, expected) -> dict:
    return {
        (one.id, one.version): (figure.value, expected[one.id, one.version])
        for one, figure in rows
        if not _agrees(figure, expected[one.id, one.version])
    }


@pytest.mark.row("T2")
@pytest.mark.parametrize("days", [1, 3, 14])
def test_overview__any_period__every_metric_as_the_oracle_says(life, days):
    period = Period.inclusive(FIRST, FIRST + ONE_DAY * (days - 1))
    found = reads.overview(shop=life.shop, period=period, against=("before", "last_week"), at=AFTER)
    assert {(row.metric.id, row.metric.version) for row in found.rows} == set(_expected(life, period))
    assert not _wrong([(row.metric, row.now) for row in found.rows], _expected(life, period))
    for position in (0, 1):
        other = found.rows[0].against[position].period
        compared = [(row.metric, row.against[position].figure) for row in found.rows]
        assert not _wrong(compared, _expected(life, other))
    assert (found.until, found.is_partial) == (None, False)


@pytest.mark.row("T2")
def test_overview__today_so_far__compared_at_the_same_clock_time(life):
    today = Period.of_day(LAST)
    found = reads.overview(shop=life.shop, period=today, at=AT)
    assert (found.until, found.is_partial) == (AT, True)
    assert not _wrong([(row.metric, row.now) for row in found.rows], _expected(life, today, AT))
    row = found.rows[0]
    assert [(a.name, a.period, a.until) for a in row.against] == [
        ("yesterday", Period.of_day(LAST - ONE_DAY), AT - ONE_DAY),
        ("last_week", Period.of_day(LAST - ONE_DAY * 7), AT - ONE_DAY * 7),
    ]
    for position, other in enumerate(row.against):
        compared = [(r.metric, r.against[position].figure) for r in found.rows]
        assert not _wrong(compared, _expected(life, other.period, other.until))


@pytest.mark.row("T2")
def test_overview__custom_period_of_another_length__taken_whole_and_said(life):
    custom = Period.inclusive(FIRST, FIRST + ONE_DAY * 4)
    found = reads.overview(shop=life.shop, period=Period.of_day(LAST), against=(), custom=custom, at=AT)
    assert [(a.name, a.period, a.until) for a in found.rows[0].against] == [("custom", custom, None)]
    assert "different_length" in [note.code for note in found.notes]
    compared = [(row.metric, row.against[0].figure) for row in found.rows]
    assert not _wrong(compared, _expected(life, custom))


@pytest.mark.row("T2")
def test_overview__split_of_the_amount__adds_up_to_the_change(life):
    period = Period.inclusive(FIRST + ONE_DAY * 7, LAST)
    found = reads.overview(shop=life.shop, period=period, against=("before",), at=AFTER)
    paid = next(row for row in found.rows if row.metric.id == "amount_paid")
    split = found.split
    assert found.split_against == "before"
    assert split.total_minor == paid.now.value - paid.against[0].figure.value
    assert split.visitors_minor + split.conversion_minor + split.value_minor == split.total_minor


def test_overview__chosen_metrics__these_in_this_order(life):
    chosen = (("bounce_visitor", 2), ("pv", 1))
    found = reads.overview(shop=life.shop, period=WHOLE, metrics=chosen, at=AFTER)
    assert tuple((row.metric.id, row.metric.version) for row in found.rows) == chosen
    expected = _expected(life, WHOLE)
    assert not _wrong([(row.metric, row.now) for row in found.rows], expected)


@pytest.mark.row("T2")
@pytest.mark.parametrize(
    ("condition", "is_wanted"),
    [
        ({"field": "is_paid", "op": "eq", "value": True}, lambda v: v["is_paid"]),
        ({"field": "source", "op": "eq", "value": "WEIBO"}, lambda v: v["source"] == "weibo"),
        ({"field": "is_one_page", "op": "eq", "value": True}, lambda v: v["views"] == 1),
        ({"field": "campaign", "op": "is_unknown"}, lambda v: v["campaign"] is None),
    ],
    ids=["paid", "source", "one page", "no campaign"],
)
def test_overview__condition__only_its_visits_and_their_orders(life, condition, is_wanted):
    node = parse({"v": 1, "all": [condition]}, "visit")
    found = reads.overview(shop=life.shop, period=WHOLE, condition=node, against=("before",), at=AFTER)
    expected = metric_oracle.every_metric_by_visit(_visits(life, WHOLE, is_wanted=is_wanted))
    assert not _wrong([(row.metric, row.now) for row in found.rows], expected)
    assert "orders_by_visit" in [note.code for note in found.notes]


@pytest.mark.row("T2")
def test_series__every_metric_by_day_and_hour__each_point_is_the_figure_of_its_time(life):
    period = Period.inclusive(FIRST, FIRST + ONE_DAY * 3)
    first = Period.of_day(FIRST)
    expected = {day: _expected(life, Period.of_day(day)) for day in period.days()}
    wrong = {}
    for one in reads.METRICS:
        asked = {"shop": life.shop, "metric_id": one.id, "version": one.version, "at": AFTER}
        points = reads.series(period=period, **asked).points
        assert [p.moment for p in points] == list(period.days())
        for point in points:
            exact = expected[point.moment][one.id, one.version]
            if not _is_near(one, point.value, exact):
                wrong[one.id, one.version, point.moment] = point.value, exact
        hours = reads.series(period=first, grain="hour", **asked).points
        assert len(hours) == 24
        # What is distinct within an hour may come again in another; the rest adds up to the day.
        if one.denominator is None and one.id not in ("uv_day", "uv_period", "buyers", "old_buyers"):
            whole = sum(p.value or 0 for p in hours)
            if whole != (expected[FIRST][one.id, one.version] or 0):
                wrong[one.id, one.version, "hours"] = whole, expected[FIRST][one.id, one.version]
    assert not wrong


def test_series__what_lies_ahead__no_value(life):
    period = Period.inclusive(LAST - ONE_DAY, LAST + ONE_DAY)
    points = reads.series(shop=life.shop, period=period, metric_id="pv", at=AT).points
    assert [(p.value is None, p.is_partial) for p in points] == [(False, False), (False, True), (True, False)]
    hours = reads.series(
        shop=life.shop, period=Period.of_day(LAST), metric_id="pv", grain="hour", at=AT
    ).points
    assert [p.value is None for p in hours] == [False] * 15 + [True] * 9
    assert [i for i, p in enumerate(hours) if p.is_partial] == [14]


@pytest.mark.row("T3")
@pytest.mark.parametrize("by", [("channel",), ("is_paid",), ("channel", "source", "campaign"), ("medium",)])
def test_sources__grouped__each_row_is_its_visits(life, by):
    report = reads.sources(shop=life.shop, period=WHOLE, by=by, at=AFTER)
    visits = _visits(life, WHOLE)
    groups = {tuple(v[name] for name in by) for v in visits}
    assert {tuple(row.keys[name] for name in by) for row in report.rows} == groups
    for row in report.rows:
        own = [v for v in visits if all(v[name] == row.keys[name] for name in by)]
        expected = metric_oracle.every_metric_by_visit(own)
        assert not _wrong(zip(report.metrics, row.figures, strict=True), expected)
    whole = metric_oracle.every_metric_by_visit(visits)
    assert not _wrong(zip(report.metrics, report.total.figures, strict=True), whole)
    counts = [row.figures[0].value for row in report.rows]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == len(visits)


@pytest.mark.row("T3")
def test_sources__against_the_time_before__rows_of_either_side(life):
    period = Period.inclusive(FIRST + ONE_DAY * 7, LAST)
    report = reads.sources(shop=life.shop, period=period, by=("channel",), against="before", at=AFTER)
    visits = _visits(life, period.before())
    for row in report.rows:
        own = [v for v in visits if v["channel"] == row.keys["channel"]]
        expected = metric_oracle.every_metric_by_visit(own)
        assert not _wrong(zip(report.metrics, row.against, strict=True), expected)
    assert report.against_period == period.before()
    place = [one.id for one in report.metrics].index("uv_period")
    for at in (AFTER, AT):
        for condition in (
            None,
            parse({"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}, "visit"),
        ):
            asked = {
                "shop": life.shop,
                "period": period,
                "condition": condition,
                "against": "before",
                "at": at,
            }
            whole, alone = reads.sources(**asked), reads.visitors_by_channel(**asked)
            told = [*((row.keys["channel"], row) for row in whole.rows), ("", whole.total)]
            found = [*alone.by_channel, ("", alone.now, alone.then)]
            assert sorted(found) == sorted(
                (name, row.figures[place].value, row.against[place].value) for name, row in told
            )


@pytest.mark.parametrize("by", [(), ("terminal",), ("channel", "channel"), ("visitor_id",)])
def test_sources__unknown_column__refused(life, by):
    with pytest.raises(Invalid):
        reads.sources(shop=life.shop, period=WHOLE, by=by, at=AFTER)


@pytest.mark.row("T2")
@pytest.mark.row("T3")
@pytest.mark.parametrize("is_filtered", [False, True], ids=["all", "paid"])
def test_evidence__every_metric__rows_add_up_to_the_figure(life, is_filtered):
    condition = {"v": 1, "all": [{"field": "is_paid", "op": "eq", "value": True}]}
    node = parse(condition, "visit") if is_filtered else None
    shown = reads.overview(shop=life.shop, period=WHOLE, condition=node, against=(), at=AFTER)
    for row in shown.rows:
        one = row.metric
        found = reads.evidence(
            shop=life.shop,
            period=WHOLE,
            metric_id=one.id,
            version=one.version,
            condition=node,
            size=1000,
            at=AFTER,
        )
        assert found.figure == row.now, one
        assert found.is_equal, one
        assert len(found.rows) == found.count, one
        if found.figure.value is None:
            continue
        if (one.id, one.version) == ("views_per_visitor", 2):
            assert found.count == found.figure.cases
            continue
        assert sum(r["counts"] for r in found.rows) == found.figure.numerator == found.numerator, one
        if one.denominator is None and one.unit == "count" and one.id not in ("pv", "carts", "orders"):
            assert found.count == found.figure.value, one


def test_evidence__pages__all_rows_once_newest_first(life):
    pages = [
        reads.evidence(shop=life.shop, period=WHOLE, metric_id="visits", page=page, size=70, at=AFTER)
        for page in (1, 2, 3, 4, 5, 6)
    ]
    rows = [row for page in pages for row in page.rows]
    assert {page.count for page in pages} == {len(_visits(life, WHOLE))}
    assert len(rows) == len({row["visit_id"] for row in rows}) == pages[0].count
    moments = [row["started_at"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    assert local_day(moments[-1], life.shop.zone) == FIRST


def test_evidence__today_and_what_it_is_compared_with__cut_alike(life):
    day = Period.of_day(LAST - ONE_DAY)
    cut = reads.evidence(shop=life.shop, period=day, metric_id="visits", until=AT - ONE_DAY, at=AT)
    assert cut.count == len(_visits(life, day, AT - ONE_DAY)) < len(_visits(life, day))


@pytest.mark.parametrize(("page", "size"), [(0, 50), (1, 0), (1, 1001)])
def test_evidence__page_out_of_range__refused(life, page, size):
    with pytest.raises(Invalid):
        reads.evidence(shop=life.shop, period=WHOLE, metric_id="pv", page=page, size=size, at=AFTER)


def test_reads__unknown_metric_comparison_or_grain__refused(life):
    with pytest.raises(NotFound):
        reads.series(shop=life.shop, period=WHOLE, metric_id="nothing", at=AFTER)
    with pytest.raises(Invalid):
        reads.series(shop=life.shop, period=WHOLE, metric_id="pv", grain="minute", at=AFTER)
    with pytest.raises(Invalid):
        reads.overview(shop=life.shop, period=WHOLE, against=("tomorrow",), at=AFTER)


@pytest.mark.row("T2")
def test_overview__orders_without_visits__visitors_zero_and_conversion_says_why(shop, warehouse_home, life):
    period = Period.inclusive(FIRST - ONE_DAY * 300, FIRST - ONE_DAY)
    found = reads.overview(shop=shop, period=period, against=("before",), at=AFTER)
    now = {(row.metric.id, row.metric.version): row.now for row in found.rows}
    assert now["uv_period", 1].value == 0
    assert now["orders", 1].value > 0
    assert (now["conversion", 1].value, now["conversion", 1].reason.code) == (None, "no_visitors")
    assert found.split.reason.code == "amount_without_visitors"
    assert found.split.visitors_minor is None


def test_overview__nothing_at_all__zeros_and_reasons(other_shop, life):
    found = reads.overview(shop=other_shop, period=WHOLE, against=("before",), at=AFTER)
    for row in found.rows:
        assert row.now.value == 0 or row.now.reason is not None
    assert found.split.total_minor == 0


def test_overview__amounts_that_can_not_be_added__said(life):
    span = warehouse.whole_life(life.shop.id)
    codes = [n.code for n in reads.overview(shop=life.shop, period=span, against=(), at=AFTER).notes]
    assert {"other_currency", "unresolved_refunds"} <= set(codes)
