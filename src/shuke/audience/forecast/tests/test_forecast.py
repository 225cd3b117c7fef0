"""The forecast of a shop: what is asked of its purchases, the job that may die, the reads, the API, the command, the page."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from django.test import Client
from django.urls import reverse
from django_scopes import scope
from typer.testing import CliRunner

from shuke.audience import purchases
from shuke.audience.forecast import actions, making, people, reads, tending
from shuke.audience.forecast.models import ForecastMade
from shuke.audience.forecast.tests import people_oracle, simulated
from shuke.kernel import clock
from shuke.kernel.errors import Invalid
from shuke.kernel.periods import ONE_DAY, day_start
from shuke.kernel.surrogates import surrogate
from shuke.project.commands import app
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.models import AuditEntry
from shuke.shops import actions as shops
from shuke.shops.roles import Role
from shuke.warehouse import actions as warehouse
from shuke.warehouse.portability import check
from shuke.warehouse.tests.facts import line, lines_table

ACTOR = Actor.system("tests")
START = date(2024, 1, 1)
BUYERS = 120
SHOWS = pytest.mark.row("A6")


@SHOWS
def test_questions__any_orders__as_counted_by_hand() -> None:
    rng = random.Random(5)
    rows = [
        {
            "order_id": number,
            "customer_id": rng.choice([None, *range(1, 25)]),
            "local_day": START + rng.randrange(40) * ONE_DAY,
            "net_minor": rng.choice([-50, 0, 10, 200, 999]),
            "is_netted": rng.choice([0, 1, 1, 1]),
        }
        for number in range(600)
    ]
    names = ("order_id", "customer_id", "local_day", "net_minor", "is_netted")
    schema = pa.schema([purchases.ORDERS.field(name) for name in names])
    orders = ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
    last, cut = START + 30 * ONE_DAY, START + 12 * ONE_DAY
    expected = people_oracle.customers(rows, last)
    asked = people.customer_rows(orders, last)
    check(asked)
    told = sorted(asked.to_pyarrow().to_pylist(), key=lambda row: row["customer_id"])
    assert told == expected
    assert len(told) > 20
    after = people.days_after(orders, cut, last)
    check(after)
    counted = sorted(after.to_pyarrow().to_pylist(), key=lambda row: row["local_day"])
    assert counted == people_oracle.days_after(rows, cut, last)


def _fill(shop: Any, buyers: int, seed: int) -> simulated.Shop:
    """A played shop's known orders as facts; its first known day is START."""
    played = simulated.play(buyers, seed)
    rows = []
    for number, days in enumerate(played.history):
        ref = f"buyer-{number}"
        for day, paid in days.items():
            at = day_start(START + day * ONE_DAY, shop.zone) + timedelta(hours=12)
            who = {"buyer_id": surrogate(shop.id, "person", ref), "buyer_ref": ref}
            rows.append(line(shop, f"{number}-{day}", 1, at, max(1, round(paid)), **who))
    warehouse.append(facts={"order_lines": lines_table(rows)})
    return played


@pytest.fixture
def life(shop, warehouse_home) -> tuple[Any, simulated.Shop]:
    return shop, _fill(shop, BUYERS, 3)


def _made(shop: Any) -> reads.Forecast:
    with scope(shop=shop.id):
        job = actions.start_forecast(shop=shop, actor=ACTOR, at=clock.now())
    assert jobs.run_to_end(job).error is None
    made = reads.forecast(shop)
    assert made is not None
    return made


def _api(shop: Any, role: Role) -> dict[str, dict[str, str]]:
    with scope(shop=shop.id):
        _key, secret = shops.create_api_key(shop=shop, name=role, role=role, actor=ACTOR, at=clock.now())
    return {"headers": {"authorization": f"Bearer {secret}"}}


@SHOWS
@pytest.mark.django_db(transaction=True)
def test_forecast__a_played_shop__made_by_a_job_that_dies_and_told_everywhere(
    life, other_shop, monkeypatch, member_of
) -> None:
    shop, played = life
    # Nothing yet, and the other shop never learns of anything.
    assert reads.forecast(shop) is None
    assert reads.of_customers(shop) is None
    owner = _api(shop, Role.OWNER)
    api = Client()
    url = f"/api/v1/shops/{shop.slug}/customers/forecast"
    assert api.get(url, **owner).json()["orders"] is None

    # Killed between its two chunks: the forecast stays, the holdout is made by the next try, nothing twice.
    whole, fails = making.hold_out, iter([True])

    def dying(*given: Any) -> Any:
        if next(fails, False):
            raise RuntimeError("killed")
        return whole(*given)

    monkeypatch.setattr(making, "hold_out", dying)
    monkeypatch.setattr(jobs, "timedelta", lambda **given: timedelta())  # tried again at once
    made = _made(shop)
    with scope(shop=shop.id):
        assert ForecastMade.objects.count() == 1
        assert AuditEntry.objects.filter(deed="start_job").count() == 1
    assert made.is_whole
    assert (made.customers, made.repeaters) == (BUYERS, sum(f > 0 for f in played.frequency))
    assert made.order_days == sum(map(len, played.history))
    assert made.is_few
    assert made.orders is not None
    assert made.orders.low < made.orders.expected < made.orders.high
    assert made.value is not None
    assert made.value.low < made.value.expected < made.value.high
    assert sum(band.customers for band in made.bands) == BUYERS
    # The holdout counts what really came of those known at the cut.
    assert made.holdout is not None
    cut = (made.holdout.cut - START).days
    known = [days for days in played.history if min(days) <= cut]
    assert made.holdout.customers == len(known)
    assert made.holdout.end.actual == sum(day > cut for days in known for day in days)
    assert [week.actual for week in made.holdout.weeks] == sorted(week.actual for week in made.holdout.weeks)
    # Made again of the same facts, it says the same.
    again = making.make_forecast(shop, made.last_day, clock.now(), lambda: None)
    assert (again.orders, again.value, again.bands) == (made.orders, made.value, made.bands)

    # One by one: together they are the shop; a customer's own page and his row say the same.
    told = reads.of_customers(shop, size=1000)
    assert told is not None
    assert np.isclose(sum(row.expected_orders for row in told.rows), made.orders.expected)
    assert np.isclose(sum(row.alive for row in told.rows), made.alive)
    found = reads.of_customer(shop, told.rows[0].customer_id)
    assert found is not None
    assert found[1] == told.rows[0]
    for band in range(10):
        some = reads.of_customers(shop, band=band, sort="alive")
        assert some is not None
        assert some.count == made.bands[band].customers
    dearest = reads.of_customers(shop, sort="-lifetime_value", size=1000)
    assert dearest is not None
    values = [row.lifetime_value or 0 for row in dearest.rows]
    assert values == sorted(values, reverse=True)
    with pytest.raises(Invalid):
        reads.of_customers(shop, sort="name")
    assert reads.forecast(other_shop) is None

    # Over the API: numbers for who sees traffic, people for who sees customers, a new one for who manages them.
    answer = api.get(url, **_api(shop, Role.ANALYST)).json()
    assert answer["orders"]["expected"] == made.orders.expected
    assert answer["holdout"]["weeks"][-1]["actual"] == made.holdout.end.actual
    assert api.get(url + "/people", **_api(shop, Role.READ_ONLY)).status_code == 403
    assert api.post(url, **_api(shop, Role.SUPPORT)).status_code == 403
    with scope(shop=shop.id):
        assert ForecastMade.objects.count() == 1
    listed = api.get(url + "/people?size=5&search=buyer-3", **owner).json()
    assert [row["ref"] for row in listed["customers"]] == ["buyer-3"]
    one = listed["customers"][0]
    alone = api.get(f"/api/v1/shops/{shop.slug}/customers/{one['customer_id']}/forecast", **owner).json()
    assert alone == one
    file = b"".join(api.get(url + "/people?format=csv", **owner).streaming_content).decode()
    assert len(file.strip().splitlines()) == BUYERS + 1
    assert "buyer-" not in file  # names stay in the house
    # The page and the command say the same number.
    client = Client()
    client.cookies["shuke_language"] = "en"
    client.force_login(member_of(shop, Role.OWNER))
    shown = client.get(reverse("console:forecast", args=[shop.slug]))
    text = " ".join(shown.content.decode().split())
    assert f"({made.share:.0%} interval: {made.orders.low:.0f} to {made.orders.high:.0f})" in text
    assert f"Of {BUYERS} customers little can be known" in text
    run = CliRunner().invoke(app, ["--language", "en", "report", "forecast", "--shop", shop.slug, "--json"])
    assert json.loads(run.output)["orders"]["expected"] == made.orders.expected

    # Its time comes once a day, and not again while nothing new is known.
    monkeypatch.setattr(tending, "AFTER_MIDNIGHT", timedelta())
    assert not tending.start_for(shop, clock.now())
    assert not tending.start_for(other_shop, clock.now())


@SHOWS
@pytest.mark.django_db(transaction=True)
def test_forecast__nobody_few_or_all_new__says_why_not(shop, warehouse_home, client, member_of) -> None:
    client.cookies["shuke_language"] = "en"
    client.force_login(member_of(shop, Role.OWNER))
    url = reverse("console:forecast", args=[shop.slug])
    assert "No forecast yet" in client.get(url).content.decode()
    with pytest.raises(actions.NothingToForecast):
        actions.start_forecast(shop=shop, actor=ACTOR, at=clock.now())
    noon = day_start(START, shop.zone) + timedelta(hours=12)
    rows = [line(shop, f"o{n}", 1, noon, 500) for n in range(4)]
    warehouse.append(facts={"order_lines": lines_table(rows)})
    assert _made(shop).why_not == reads.TOO_FEW
    assert "too few" in client.get(url).content.decode()
    rows = [line(shop, f"p{n}", 1, noon, 500) for n in range(20)]
    warehouse.append(facts={"order_lines": lines_table(rows)})
    assert _made(shop).why_not == reads.TOO_SHORT
    assert reads.of_customers(shop) is None
    later = noon + timedelta(days=40)
    warehouse.append(facts={"order_lines": lines_table([line(shop, "late", 1, later, 500)])})
    made = _made(shop)  # nobody ever came back: unsure, bounded, no value
    assert made.why_not == ""
    assert made.value is None
    assert made.holdout is None
    assert made.of_orders is not None
    assert not made.of_orders.is_settled
    text = client.get(url).content.decode()
    assert "do not reach far enough back" in text


@pytest.fixture
def browser() -> Iterator[Any]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@SHOWS
@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_forecast_page__in_a_browser__leads_from_a_chance_to_its_people(
    life, browser, live_server, client, member_of
) -> None:
    from playwright.sync_api import expect

    shop, _played = life
    _made(shop)
    client.force_login(member_of(shop, Role.OWNER))
    context = browser.new_context(viewport={"width": 390, "height": 800}, locale="zh-CN", color_scheme="dark")
    cookies = [{"name": n, "value": m.value, "url": live_server.url} for n, m in client.cookies.items()]
    context.add_cookies(cookies)
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(live_server.url + reverse("console:forecast", args=[shop.slug]))
    expect(page.get_by_role("heading", level=1)).to_have_text("客户接下来会带来多少？")
    expect(page.locator("svg.alert-course polyline.course")).to_be_visible()
    page.get_by_role("link", name="90–100%").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("谁会再来，什么时候？")
    expect(page.locator("tbody tr").first).to_contain_text("buyer-")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_days__of_a_wait__never_before_tomorrow() -> None:
    last = datetime(2026, 1, 31).date()
    assert reads._after(last, 0.2) == date(2026, 2, 1)
    assert reads._after(last, float("inf")) is None
