"""The tracker in Chromium on the demo shop, the browser's clock driven by the test: scripted visits are reported exactly."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import sync_playwright

from shuke.intake import wsgi
from shuke.kernel.periods import Period, local_day
from shuke.traffic import reads
from tests import tracker_walk
from tests.tracker_site import START, commit_all, tracked_site

pytestmark = [
    pytest.mark.row("T1"),
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
NUMBERS = ("pv", "visits", "uv_period", "carts", "orders", "amount_paid")
MOST_ROWS = 1000


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    # The browser's driver runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")


@pytest.fixture
def site(shop, monkeypatch):
    monkeypatch.setattr(wsgi, "_collectors", {})
    with tracked_site(shop) as found:
        yield found


def asked_about(shop, site):
    at = site.now + timedelta(hours=1)
    return {
        "shop": shop,
        "period": Period(local_day(START, shop.zone), local_day(at, shop.zone) + timedelta(days=1)),
    }


def check_numbers(shop, site, visits, about) -> None:
    """The overview says what the scripts say."""
    seen = [visit for visit in visits if visit.views]
    overview = reads.overview(
        **about, metrics=tuple((name, 1) for name in (*NUMBERS, "bounce_entrance")), against=(), at=site.now
    )
    said = {row.metric.id: row.now for row in overview.rows}
    assert {name: said[name].value for name in NUMBERS} == {
        "pv": sum(len(visit.views) for visit in seen),
        "visits": len(seen),
        "uv_period": sum(not visit.is_second for visit in seen),
        "carts": sum(visit.carts for visit in seen),
        "orders": sum(visit.orders for visit in seen),
        "amount_paid": sum(visit.paid_minor for visit in seen),
    }
    assert said["bounce_entrance"].numerator == sum(len(visit.views) == 1 for visit in seen)


def check_visits(visits, about, shop, site) -> None:
    """Each visit is there with its own views, entrance, exit, source, deeds and stays, and no other."""
    found = reads.evidence(**about, metric_id="visits", size=MOST_ROWS, at=site.now)
    by_start = sorted(found.rows, key=lambda row: row["started_at"])
    stays = {one.visit_id: one.milliseconds for one in reads.visit_stays(**about)}
    assert len(by_start) == len(visits)
    for row, visit in zip(by_start, sorted(visits, key=lambda one: one.moments[0]), strict=True):
        started = START + timedelta(milliseconds=visit.moments[0])
        assert abs(row["started_at"] - started) < timedelta(seconds=1), visit
        told = [
            row[name]
            for name in ("views", "entry_path", "exit_path", "source", "campaign", "carts", "orders")
        ]
        assert told == [
            len(visit.views), visit.views[0], visit.views[-1], visit.source, visit.campaign, visit.carts, visit.orders,
        ], visit  # fmt: skip
        span = (visit.moments[-1] - visit.moments[0]) / 1000 if len(visit.views) > 1 else 0
        assert abs(row["stay_seconds"] - span) <= 1, visit
        assert abs(stays.get(row["visit_id"], 0) - sum(visit.stays.values())) < 1000, visit


def check_pages(visits, about) -> None:
    """Clicks lie in their cells, and pages were seen as long as they were."""
    cells = Counter((path, x, y) for visit in visits for path, _kind, x, y in visit.clicks)
    kinds = Counter((path, kind) for visit in visits for path, kind, _x, _y in visit.clicks)
    told_cells: Counter = Counter()
    told_kinds: Counter = Counter()
    for path in {path for path, _x, _y in cells}:
        found = reads.page_clicks(**about, page_path=path)
        told_cells.update({(path, x, y): clicks for (x, y), clicks in found.cells.items()})
        for one in found.elements:
            told_kinds[path, one.kind] += one.clicks
    assert told_cells == cells
    assert told_kinds == kinds
    true = tracker_walk.stays_by_page(visits)
    told = {one.page_path: one.milliseconds for one in reads.page_stays(**about)}
    assert told.keys() == true.keys()
    assert {path: told[path] - true[path] for path in true if abs(told[path] - true[path]) >= 1000} == {}


def check(browser, site, shop, settings, capsys, count: int, seed: int) -> None:
    visits, kinds = tracker_walk.walk_all(browser, site, count, seed)
    commit_all(settings)
    about = asked_about(shop, site)
    check_numbers(shop, site, visits, about)
    check_visits(visits, about, shop, site)
    check_pages(visits, about)
    clicks = sum(len(visit.clicks) for visit in visits)
    views = sum(len(visit.views) for visit in visits)
    with capsys.disabled():
        print(
            f"\n{count} scripted visits: {dict(kinds)}; {views} views, {clicks} clicks, {site.told} events, "
            f"{site.repeated} told again"
        )
    assert min(kinds[kind] for kind in tracker_walk.KINDS) >= count // 20, kinds
    assert clicks >= count // 2
    assert site.repeated >= count // 5  # by beacon and again by the next page, and counted once


def test_visits__scripted_in_a_browser__are_reported_exactly(browser, site, shop, settings, capsys) -> None:
    check(browser, site, shop, settings, capsys, count=int(os.environ.get("SHUKE_VISITS", "50")), seed=4)


@pytest.mark.soak
def test_visits__500_scripted_in_a_browser__are_reported_exactly(
    browser, site, shop, settings, capsys
) -> None:
    check(browser, site, shop, settings, capsys, count=500, seed=5)
