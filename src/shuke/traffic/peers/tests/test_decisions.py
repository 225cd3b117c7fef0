"""Classes of channels and the gain to expect: worked cases and laws over drawn industries."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shuke.traffic.peers import decisions
from shuke.traffic.peers.decisions import CLASSES, Limits, Line, Own

pytestmark = pytest.mark.row("T6")
CASES = yaml.safe_load((Path(__file__).parent / "decisions.cases.yaml").read_text(encoding="utf-8"))
LIMITS = Limits(0.1, 1.2, 0.01, 0.2, 100, 30)
CHANNELS = ("direct", "live", "paid_search", "platform", "platform_search", "social")


def lines_of(rows: list[list]) -> list[Line]:
    return [
        Line(str(row[0]), row[1], *(None if value is None else Decimal(str(value)) for value in row[2:]))
        for row in rows
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_peers__case__comes_out_as_written(case) -> None:
    table = decisions.table_of(lines_of(case["industry"]), ["Total"])
    own = {name: Own(*values) for name, values in case["own"].items()}
    rows = {row.channel: row for row in decisions.compare(own, table, LIMITS)}
    expected = case["expect"]
    assert {name: row.kind for name, row in rows.items()} == expected["kinds"]
    for name, gain in expected.get("gain", {}).items():
        found = rows[name].gain
        told = {"visitors": found.visitors, "amount": found.amount_minor}
        for part, wanted in gain.items():
            one = told[part]
            got = (
                one.reason.code
                if one.reason
                else [None if v is None else round(v) for v in (one.value, one.low, one.high)]
            )
            assert got == wanted, (name, part)
    for name, marks in expected.get("marks", {}).items():
        assert list(rows[name].marks) == marks
    assert [name for name, _share in table.unmatched] == expected.get("unmatched", [])
    assert list(table.sums) == expected.get("sums", [])
    assert all(reason.text() for row in rows.values() for reason in (*row.why, *row.gain.assumptions))


def test_cases__together__reach_every_class() -> None:
    assert {kind for case in CASES for kind in case["expect"]["kinds"].values()} == set(CLASSES)


LINES = st.lists(
    st.tuples(
        st.sampled_from([*CHANNELS, None]),
        st.integers(0, 5_000),
        st.one_of(st.integers(0, 300), st.integers(0, 30), st.integers(0, 30), st.none()),
    ),
    min_size=1,
    max_size=8,
).map(
    lambda rows: [
        Line(
            f"name {i}",
            channel,
            visitors=Decimal(heads),
            conversion=None if permille is None else Decimal(permille) / 1000,
        )
        for i, (channel, heads, permille) in enumerate(rows)
    ]
)
OWN = st.dictionaries(
    st.sampled_from([*CHANNELS, "email"]),
    st.tuples(st.integers(1, 4_000), st.integers(0, 200), st.integers(0, 900_000)).map(
        lambda t: Own(t[0], min(t[0], t[1]), t[2])
    ),
    min_size=1,
    max_size=7,
)


def test_law__channels__stand_once_and_shares_say_what_heads_say() -> None:
    reached: Counter[str] = Counter()

    @given(LINES, OWN)
    @settings(max_examples=400, deadline=None, database=None)
    def law(lines: list[Line], own: dict[str, Own]) -> None:
        table = decisions.table_of(lines, [])
        rows = decisions.compare(own, table, LIMITS)
        names = [row.channel for row in rows]
        assert len(names) == len(set(names))
        assert set(names) == {*own, *table.channels}
        for row in rows:
            reached[row.kind] += 1
            assert row.kind in CLASSES
            assert len(set(row.marks)) == len(row.marks)
            if row.own.visitors == 0 and row.industry and row.kind != "unknown":
                assert ("uncovered" in row.marks) == (row.industry.share >= LIMITS.least_share)
            for gain in (row.gain.visitors, row.gain.amount_minor):
                if gain.value is None:
                    assert gain.reason is not None
                    continue
                reached["a gain"] += 1
                assert gain.value >= 0
                if gain.low is not None:
                    reached["a range"] += 1
                    assert gain.low <= gain.value + 1e-6
                    assert gain.value <= gain.high + 1e-6
        total = sum(line.visitors for line in lines)
        if total:
            # The same table in shares instead of heads, and in heads a thousand times as many.
            by_share = [replace(line, visitors=None, share=line.visitors / total) for line in lines]
            larger = [replace(line, visitors=line.visitors * 1000) for line in lines]
            for other in (by_share, larger):
                again = decisions.compare(own, decisions.table_of(other, []), LIMITS)
                assert [(r.channel, r.kind) for r in again] == [(r.channel, r.kind) for r in rows]
                for one, two in zip(rows, again, strict=True):
                    same(one.gain.visitors.value, two.gain.visitors.value)
                    same(one.gain.amount_minor.value, two.gain.amount_minor.value)
                reached["told otherwise"] += 1

    law()
    print(dict(reached))
    for kind in (*CLASSES, "a gain", "a range", "told otherwise"):
        assert reached[kind] >= 5, reached


def same(one: float | None, two: float | None) -> None:
    if one is None or two is None:
        assert one is two
    else:
        assert one == pytest.approx(two, rel=1e-6, abs=1e-3)


def test_law__a_shop_twice_as_large__gains_twice_as_much() -> None:
    reached = 0

    @given(LINES, OWN)
    @settings(max_examples=200, deadline=None, database=None)
    def law(lines: list[Line], own: dict[str, Own]) -> None:
        nonlocal reached
        table = decisions.table_of(lines, [])
        limits = replace(LIMITS, least_visitors=1)
        twice = {name: Own(2 * o.visitors, 2 * o.buyers, 2 * o.amount_minor) for name, o in own.items()}
        for one, two in zip(
            decisions.compare(own, table, limits), decisions.compare(twice, table, limits), strict=True
        ):
            assert one.channel == two.channel
            if one.gain.visitors.value is not None and two.gain.visitors.value is not None:
                reached += 1
                same(2 * one.gain.visitors.value, two.gain.visitors.value)

    law()
    assert reached >= 50


def test_names__folded__find_the_channel_and_the_shop_wins() -> None:
    shipped = {decisions.folded("直通车(付费)"): "paid_search"}
    assert decisions.channel_of(" 直通车（付费） ", shipped, {}) == "paid_search"
    assert (
        decisions.channel_of("直通车(付费)", shipped, {decisions.folded("直通车（付费）"): "display"})
        == "display"
    )
    assert decisions.channel_of("聚划算", shipped, {}) is None
    assert decisions.channel_of("聚划算", shipped, {"聚划算": ""}) == ""


def _heads(rows: list[tuple[str, int | None, int | None]]) -> list[Line]:
    numbers = [(name, *(None if n is None else Decimal(n) for n in (v, b))) for name, v, b in rows]
    return [Line(name, name, visitors=visitors, buyers=buyers) for name, visitors, buyers in numbers]


def test_table__one_blank_among_heads__is_set_aside_and_the_others_stand() -> None:
    rows = [("direct", 600, 12), ("live", 300, 30), ("social", 100, 1)]
    blank = decisions.table_of(_heads([*rows, ("platform", None, 5)]), [])
    assert (blank.weighed_by, blank.unstated) == ("visitors", ("platform",))
    assert {name: one.share for name, one in blank.channels.items()} == {
        "direct": 0.6,
        "live": 0.3,
        "social": 0.1,
    }
    assert blank.conversion == pytest.approx(43 / 1000)
    # Of shares with one row in heads the shares are taken.
    shares = [Line(name, name, share=Decimal(n) / 10) for name, n in (("direct", 6), ("live", 3))]
    mixed = decisions.table_of([*shares, *_heads([("social", 100, None)])], [])
    assert (mixed.weighed_by, mixed.unstated, set(mixed.channels)) == (
        "share",
        ("social",),
        {"direct", "live"},
    )
    # As many rows of either: heads, as where all state both.
    both = decisions.table_of([shares[0], *_heads([("social", 100, None)])], [])
    assert (both.weighed_by, both.unstated) == ("visitors", ("direct",))
    nothing = decisions.table_of([Line("direct", "direct")], [])
    assert (nothing.channels, nothing.unstated) == ({}, ("direct",))


def test_conversion__not_stated_by_one_row__is_that_of_the_others_while_they_are_most() -> None:
    rows = [("direct", 600, 12), ("live", 300, 30), ("social", 100, None)]
    table = decisions.table_of(_heads(rows), [])
    assert table.conversion == pytest.approx(42 / 900)
    assert table.unconverted == ("social",)
    assert table.channels["social"].conversion is None
    own = {name: Own(1_000, 30, 300_000) for name, *_ in rows}
    marks = {row.channel: row.marks for row in decisions.compare(own, table, LIMITS)}
    assert "high_conversion" in marks["live"]
    assert "high_conversion" not in marks["social"]
    few = decisions.table_of(_heads([("direct", 600, None), ("live", 300, 30), ("social", 100, 2)]), [])
    assert (few.conversion, few.unconverted) == (None, ("direct",))
