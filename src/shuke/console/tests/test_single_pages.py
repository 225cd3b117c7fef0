"""The pages about single pages: the list with hot and cold, one page with its ways, its clicks, and what stands behind."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import pyarrow as pa
import pytest

from shuke.console import words
from shuke.console.tests.test_routes import DAYS, ask, text_of
from shuke.kernel.periods import Period
from shuke.kernel.surrogates import surrogate
from shuke.shops.roles import Role
from shuke.traffic.single_pages import reads
from shuke.traffic.single_pages.tests.conftest import life
from shuke.traffic.tests.drawn import AT, FIRST, LAST
from shuke.warehouse import actions, schemas

__all__ = ["ask", "life"]
pytestmark = [pytest.mark.django_db, pytest.mark.row("T5")]
PERIOD = Period.inclusive(FIRST, LAST)


def test_pages__hot_and_cold__in_words_and_as_a_file(ask, shop, life):
    found = reads.page_list(shop=shop, period=PERIOD, at=AT)
    answer = text_of(ask("single_pages_table", given=DAYS))
    hot = [row for row in found.rows if row.heat == "hot"]
    assert f"{len(hot)} pages hold 50% of the views, “{hot[0].path}” the most." in answer
    chinese = text_of(ask("single_pages_table", given=DAYS, language="zh"))
    assert f"{len(hot)} 个页面合占 50% 的浏览量" in chinese
    lines = ask("single_pages", given={**DAYS, "format": "csv", "heat": "hot"}).getvalue().decode("utf-8-sig")
    assert len(lines.splitlines()) == len(hot) + 1
    none = text_of(
        ask("single_pages_table", given={"range": "custom", "from": "2020-01-01", "to": "2020-01-02"})
    )
    assert "No page was viewed in this view" in none


def test_pages__against_the_day_before__each_number_has_its_change_and_the_file_both(ask, shop, life):
    given = {"range": "custom", "from": f"{LAST}", "to": f"{LAST}", "against": "before"}
    found = reads.page_list(shop=shop, period=Period.of_day(LAST), against="before", at=AT)
    row = next(
        one
        for one in found.rows
        if one.then[0].value and one.then[0].value != one.figures[0].value and one.figures[0].value
    )
    way = "more" if row.figures[0].value > row.then[0].value else "less"
    share = words.percent(abs(Decimal(row.figures[0].value) / row.then[0].value - 1), 1)
    for name, more in (("single_pages_table", {}), ("single_page_answer", {"path": row.path})):
        assert f"{share} {way} than the day before" in text_of(ask(name, given=given | more))
        assert "than the day before" not in text_of(ask(name, given=given | more | {"against": ""}))
    lines = ask("single_pages", given={**given, "format": "csv"}).getvalue().decode("utf-8-sig").splitlines()
    assert [int(line["Views before"]) for line in csv.DictReader(lines)] == [
        one.then[0].value for one in found.rows
    ]


def test_page__its_numbers_and_ways__add_up_and_lead_to_its_visits(ask, shop, life):
    given = {**DAYS, "path": "/cart"}
    report = reads.page_report(shop=shop, path="/cart", period=PERIOD, at=AT)
    answer = text_of(ask("single_page_answer", given=given))
    assert "the visit ended here" in answer
    assert f"Views {report.row.figures[0].value}" in answer.replace("  ", " ")
    visits = text_of(ask("single_page_visits", given=given))
    assert f"of {report.row.figures[1].value}" in visits
    ways = ask("single_page", given={**given, "format": "csv", "table": "ways"}).getvalue().decode()
    assert len(ways.splitlines()) == 1 + len(report.came_from) + len(report.went_to)
    days = ask("single_page", given={**given, "format": "csv"}).getvalue().decode()
    assert len(days.splitlines()) == 1 + PERIOD.length
    assert "Nobody viewed this page" in text_of(ask("single_page_answer", given={**DAYS, "path": "/none"}))


def test_clicks__over_the_outline__have_a_cell_each_and_a_table(ask, shop, life):
    given = {**DAYS, "path": "/item/1"}
    heat = reads.click_heat(shop=shop, path="/item/1", period=PERIOD, at=AT)
    html = ask("single_page_clicks", given=given).content.decode()
    assert html.count('<rect class="cell is-level-') == len(heat.cells)
    assert html.count('<line class="fold"') == 2  # a page of some 2,100 pixels has two screens' ends
    assert "style=" not in html
    cells = ask("single_page", given={**given, "format": "csv", "table": "clicks"}).getvalue().decode()
    assert len(cells.splitlines()) == 1 + len(heat.cells)
    mobile = ask("single_page_clicks", given={**given, "terminal": "mobile"}).content.decode()
    assert 0 < mobile.count('<rect class="cell is-level-') < len(heat.cells)
    empty = text_of(ask("single_page_clicks", given={**DAYS, "path": "/none"}))
    assert "data-shuke-click" in empty
    assert "To the write keys" in empty
    assert "To the write keys" not in text_of(
        ask("single_page_clicks", given={**DAYS, "path": "/none"}, role=Role.ANALYST)
    )


def test_stay__that_the_tracker_told__stands_on_the_page_of_its_path_alone(ask, shop, life):
    view = next(one for one in life.events if one["type"] == "page" and one["page_path"] == "/item/1")
    told = [(number, 20_000 + 5_000 * number) for number in range(3)]  # 75 s of three views
    rows = [
        view
        | {
            "type": "stay",
            "name": "Page Stayed",
            "event_id": surrogate(shop.id, "message", f"stay {number}"),
            "properties": json.dumps({"view": f"v{number}", "milliseconds": length}),
        }
        for number, length in told
    ]
    actions.append(facts={"events": pa.Table.from_pylist(rows, schema=schemas.EVENTS)})
    page = text_of(ask("single_page_clicks", given={**DAYS, "path": "/item/1"}))
    assert "25 s" in page
    assert "3 views of 1 visitors" in page
    assert "Measured stay" not in text_of(ask("single_page_clicks", given={**DAYS, "path": "/item/2"}))
