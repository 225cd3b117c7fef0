"""Reports of keywords as files: recognised, loaded, given again, mended; and what the reads make of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shuke.intake import actions as intake
from shuke.intake import reads as desk
from shuke.intake.files.pointing import guessed, pointed_spec
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.traffic.search_ads import reads
from shuke.traffic.search_ads.tests.facts import ACTOR, REPORT, load, recognised

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T8"),
]
AT = datetime(2026, 3, 25, 4, tzinfo=UTC)
HEADER, *ROWS = REPORT.splitlines()


def named(found: reads.Keywords) -> dict[str, reads.Keyword]:
    return {row.keyword: row for row in found.rows}


def test_report__recognised_and_loaded__gives_advice_per_keyword(shop) -> None:
    assert recognised(shop, REPORT) == "zhitongche_keywords"
    assert load(shop, REPORT.encode("gb18030")).rows_new == 6
    found = reads.keywords(shop=shop, at=AT)
    assert found.latest == (date(2026, 3, 1), date(2026, 3, 7))
    assert found.period == Period.inclusive(date(2026, 2, 6), date(2026, 3, 7))
    assert [(row.keyword, row.advice.code) for row in found.rows] == [
        ("连衣裙", "drop"),
        ("棉麻衬衫", "look_at_rank"),
        ("衬衫", "lower_or_mend"),
        ("亚麻连衣裙", "keep"),
        ("男衬衫", "too_few"),
        ("袜子", "unknown"),
    ]
    linen = named(found)["亚麻连衣裙"]
    assert (linen.stated.bid_minor, linen.stated.impressions, linen.stated.cost_minor) == (150, 18200, 68820)
    assert (linen.click_cost.minor, linen.place.best) == (108, 1)
    assert round(float(linen.cost_per_order), 2) == 2150.62
    assert named(found)["男衬衫"].is_few
    shirt = named(found)["棉麻衬衫"]
    assert (shirt.place.best, shirt.click_cost.reason.code) == (2, "nobody_behind")
    only = reads.keywords(shop=shop, advice="drop", at=AT)
    assert [row.keyword for row in only.rows] == ["连衣裙"]
    assert only.counts == found.counts
    assert [row.keyword for row in reads.keywords(shop=shop, item="1003", at=AT).rows] == ["袜子"]


def test_report__given_again_changed__replaces_its_rows_and_equal_rows_count(shop) -> None:
    load(shop, REPORT)
    again = load(shop, REPORT)
    assert (again.rows_known, again.rows_new, again.rows_changed) == (6, 0, 0)
    changed = "\n".join([HEADER, ROWS[0].replace(",640,", ",650,"), ROWS[3], ROWS[3]]) + "\n"
    ended = load(shop, changed)
    assert (ended.rows_changed, ended.rows_known, ended.rows_new) == (1, 1, 1)
    found = named(reads.keywords(shop=shop, at=AT))
    assert found["亚麻连衣裙"].stated.clicks == 650
    assert (found["衬衫"].stated.clicks, found["衬衫"].rows) == (300, 2)


def test_bad_rows__wait_with_line_column_and_reason__and_the_others_load(shop) -> None:
    bad = [
        ROWS[0].replace("1.50,9", "abc,9"),
        ROWS[1].replace(",210,", ",-210,"),
        ROWS[2].replace("棉麻衬衫", ""),
        ROWS[3],
    ]
    ended = load(shop, "\n".join([HEADER, *bad]) + "\n")
    assert (ended.rows_bad, ended.rows_new) == (3, 1)
    waiting = {(row.line, row.column, row.reason) for row in desk.list_quarantined(shop).rows}
    assert waiting == {
        (2, "出价", "row_not_a_number"),
        (3, "点击量", "row_below_zero"),
        (4, "关键词", "row_blank"),
    }


def test_reports_that_overlap__by_day_and_by_week__are_not_added_twice(shop) -> None:
    load(shop, REPORT)
    days = [
        ROWS[0].replace("2026-03-01~2026-03-07", f"2026-03-0{n}").replace(",640,", f",{n},") for n in (1, 2)
    ]
    load(shop, "\n".join([HEADER, *days]) + "\n")
    found = reads.keywords(shop=shop, at=AT)
    linen = named(found)["亚麻连衣裙"]
    # Two days do not stand for a week.
    assert (linen.stated.clicks, linen.rows, linen.left_out) == (640, 1, 2)
    assert [note.code for note in found.notes] == ["told_twice"]
    days = [
        ROWS[0].replace("2026-03-01~2026-03-07", f"2026-03-0{n}").replace(",640,", f",{n},")
        for n in range(3, 8)
    ]
    load(shop, "\n".join([HEADER, *days]) + "\n")
    linen = named(reads.keywords(shop=shop, at=AT))["亚麻连衣裙"]
    assert (linen.stated.clicks, linen.rows, linen.left_out) == (28, 7, 1)
    whole = ROWS[1].replace("夏,1001,", ",,").replace("连衣裙", "亚麻连衣裙").replace(",210,", ",999,")
    load(shop, "\n".join([HEADER, whole]) + "\n")
    assert named(reads.keywords(shop=shop, at=AT))["亚麻连衣裙"].stated.clicks == 28


def test_period__that_a_report_outlasts__leaves_it_out_and_says_so(shop) -> None:
    load(shop, REPORT)
    found = reads.keywords(shop=shop, period=Period(date(2026, 3, 1), date(2026, 3, 5)), at=AT)
    assert (found.rows, [note.code for note in found.notes]) == ((), ["beyond_period"])
    after = reads.keywords(shop=shop, period=Period(date(2026, 3, 7), date(2026, 3, 20)), at=AT)
    assert (after.rows, [note.text() for note in after.notes]) == ((), [found.notes[0].text()])
    assert after.notes[0].params == {"count": "6"}
    assert not reads.keywords(shop=shop, period=Period(date(2026, 3, 8), date(2026, 3, 20)), at=AT).notes


def test_wanxiang__joins_numbers_with_the_bid_of_the_other_report(shop) -> None:
    text = (
        "日期,场景ID,场景名字,计划ID,计划名字,单元ID,单元名字,宝贝ID,宝贝名称,词类型,词ID/词包ID,词名字/词包名字,展现量,"
        "点击量,花费,点击率,平均点击花费,千次展现花费,总成交金额,总成交笔数,点击转化率,投入产出比,平均展现排名\n"
        "20260301至20260307,1,关键词推广,7,夏,8,单元,1001,亚麻裙,关键词,9,亚麻连衣裙,20000,700,700.00,3.5%,1,35,7000,40,5.7%,10,2\n"
    )
    assert recognised(shop, text) == "wanxiang_keywords"
    load(shop, REPORT)
    load(shop, text, "wanxiang_keywords")
    linen = named(reads.keywords(shop=shop, at=AT))["亚麻连衣裙"]
    assert (linen.stated.clicks, linen.stated.bid_minor, linen.left_out) == (700, 150, 1)


def test_own_file__pointed_at_in_the_console__gives_the_same_keywords(shop) -> None:
    header = "Tag,Suchwort,Gebot,Guete,Einblendungen,Klicks,Kosten,Umsatz"
    text = header + "\n2026-03-02,linen,1.50,4,100,20,12.00,30.00\n2026-03-02,,1,4,1,1,1,1\n"
    pointed = dict(
        zip(
            ("at", "keyword", "bid", "quality", "impressions", "clicks", "cost", "amount"),
            header.split(","),
            strict=True,
        )
    )
    spec = pointed_spec(
        kind="keywords", name="own_words", title="", pointed=pointed, columns=header.split(",")
    )
    intake.save_mapping(shop=shop, spec=spec, actor=ACTOR, at=clock.now())
    ended = load(shop, text, "own_words")
    assert (ended.rows_new, ended.rows_bad) == (1, 1)
    (row,) = reads.keywords(shop=shop, at=AT).rows
    assert (row.keyword, row.advice.code, row.stated.cost_minor) == ("linen", "drop", 1200)
    assert recognised(shop, text) == "own_words"
    columns = HEADER.split(",")
    assert guessed("keywords", columns)["keyword"] == "关键词"
    assert guessed("keywords", columns)["next_quality"] == "下一名质量分"


def test_other_currency__is_not_added_and_the_formula_is_not_applied(make_shop) -> None:
    euro = make_shop("euro", currency="EUR", zone="Europe/Berlin")
    load(euro, REPORT)
    linen = named(reads.keywords(shop=euro, at=AT))["亚麻连衣裙"]
    assert (linen.stated.bid_minor, linen.stated.cost_minor, linen.stated.quality) == (None, None, Decimal(9))
    plain = "day,keyword,bid,quality,impressions,clicks,cost,orders,amount,next bid,next quality,item,campaign,rank\n"
    load(euro, plain + "2026-03-01,linen,1.50,9,100,20,10,1,30,1.20,8,,,\n", "keywords_plain")
    found = named(reads.keywords(shop=euro, at=AT))["linen"]
    assert (found.stated.bid_minor, found.click_cost.reason.code) == (150, "not_yuan")


def test_shop_of_another__sees_nothing_of_it(shop, other_shop) -> None:
    load(shop, REPORT)
    found = reads.keywords(shop=other_shop, at=AT)
    assert (found.latest, found.rows) == (None, ())
