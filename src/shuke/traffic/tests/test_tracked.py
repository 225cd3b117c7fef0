"""Clicks and stays as the tracker tells them: read exactly from the properties, and counted as plain Python counts them."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from datetime import timedelta

import ibis
import pytest

from shuke.kernel.periods import Period, local_day
from shuke.kernel.surrogates import surrogate
from shuke.shops.roles import Role
from shuke.traffic import reads, tracked
from shuke.warehouse import actions, portability, schemas
from shuke.warehouse.tests.facts import NOON, event, events_table

pytestmark = pytest.mark.row("T1")
LABELS = ("首页横幅", 'a "quoted" one, {"x": 3, "y": 4}', "", "back\\slash", "line\nbreak", '"x":7')
PATHS = ("/", "/item/1", "/campaign/new-season")


def click(shop, ref, visitor, path="/", **properties):
    told = {"kind": "marked", "label": "banner", "x": 3, "y": 40, "width": 1280, "height": 2400} | properties
    kept = {name: value for name, value in told.items() if value is not None}
    return event(
        shop, ref, visitor, NOON, type="track", name=tracked.CLICKED, page_path=path,
        properties=json.dumps(kept, ensure_ascii=False, separators=(",", ":")),
    )  # fmt: skip


def stay(shop, ref, visitor, milliseconds, path="/", view="v1", at=NOON):
    return event(
        shop, ref, visitor, at, type=tracked.STAY, name="Page Stayed", page_path=path,
        properties=json.dumps({"milliseconds": milliseconds, "view": view}),
    )  # fmt: skip


def day(shop) -> Period:
    return Period.of_day(local_day(NOON, shop.zone))


def add(shop, *rows) -> None:
    actions.append(facts={"events": events_table(rows)})


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_page_clicks__of_one_page__by_cell_and_by_element(shop) -> None:
    add(
        shop,
        click(shop, "1", "ann"),
        click(shop, "2", "ann"),
        click(shop, "3", "ben", kind="outbound", label="Maps", href="https://maps.example/a", x=19, y=99),
        click(shop, "4", "ben", path="/cart"),
    )
    found = reads.page_clicks(shop=shop, period=day(shop), page_path="/")
    assert (found.clicks, found.visitors, found.cells) == (3, 2, {(3, 40): 2, (19, 99): 1})
    assert found.elements == (
        reads.ClickedElement("marked", "banner", "", 2),
        reads.ClickedElement("outbound", "Maps", "https://maps.example/a", 1),
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_page_clicks__no_cell_or_one_beyond_the_grid__left_out(shop) -> None:
    wrong = [{"x": 20}, {"y": 100}, {"x": -1}, {"x": 1.5}, {"x": "3"}, {"x": None}, {"y": 12345}]
    add(shop, *(click(shop, str(n), "ann", **one) for n, one in enumerate(wrong)), click(shop, "ok", "ann"))
    found = reads.page_clicks(shop=shop, period=day(shop), page_path="/")
    assert (found.clicks, found.cells) == (1, {(3, 40): 1})


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_page_stays__parts_of_a_view__add_up_and_are_no_visit(shop) -> None:
    late = NOON + timedelta(minutes=55)
    add(
        shop,
        event(shop, "view", "ann", NOON),
        stay(shop, "s1", "ann", 300_000, at=NOON + timedelta(minutes=5)),
        stay(shop, "s2", "ann", 4_321, at=late),  # long after the visit has ended: it opens none
        stay(shop, "s3", "ben", 1_000, view="v2"),
        stay(shop, "s4", "ben", tracked.LONGEST_MS + 1, view="v2"),
    )
    found = reads.page_stays(shop=shop, period=day(shop))
    assert found == (reads.PageStay("/", 305_321, 2, 2),)
    assert found[0].seconds_per_view == pytest.approx(152.6605)
    visit = surrogate(shop.id, "message", "view")
    told = reads.visit_stays(shop=shop, period=day(shop))
    assert [(one.visit_id, one.milliseconds) for one in told] == [(visit, 304_321)]  # ben has no visit
    overview = reads.overview(
        shop=shop, period=day(shop), metrics=[("visits", None), ("uv_period", None)], against=(), at=late
    )
    assert [row.now.value for row in overview.rows] == [1, 1]  # ben was never seen on a page


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_visit_stays__of_two_visits_of_a_day__each_its_own_and_a_delayed_view_too(shop) -> None:
    hour = timedelta(hours=1)
    add(
        shop,
        event(shop, "v1", "ann", NOON),
        event(shop, "v2", "ann", NOON + hour),
        stay(
            shop, "s1", "ann", 60_000, at=NOON + timedelta(seconds=59)
        ),  # began a second before its view, it seems
        stay(shop, "s2", "ann", 1_000, at=NOON + hour + timedelta(seconds=1)),
        stay(shop, "s3", "ann", 500, at=NOON - hour),  # before any visit: of a day that is not asked for
    )
    told = {one.visit_id: one.milliseconds for one in reads.visit_stays(shop=shop, period=day(shop))}
    assert told == {surrogate(shop.id, "message", "v1"): 60_000, surrogate(shop.id, "message", "v2"): 1_000}


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_tracked__a_law_over_random_properties__as_plain_python_counts(shop, capsys) -> None:
    rng = random.Random(11)
    rows, cells, elements = [], defaultdict(Counter), defaultdict(Counter)
    stays: dict[str, int] = defaultdict(int)
    reached: Counter[str] = Counter()
    for number in range(400):
        path, visitor, label = rng.choice(PATHS), f"v{rng.randrange(40)}", rng.choice(LABELS)
        if rng.random() < 0.4:
            ms = rng.choice([0, 1, 999, 86_400_000, 99_999_999, rng.randrange(600_000)])
            rows.append(stay(shop, f"s{number}", visitor, ms, path, view=label))
            is_right = ms <= tracked.LONGEST_MS
            stays[path] += ms if is_right else 0
            reached["stay" if is_right else "stay too long"] += 1
            continue
        x, y = rng.randrange(-1, 22), rng.randrange(-2, 104)
        rows.append(click(shop, f"c{number}", visitor, path, label=label, x=x, y=y))
        if 0 <= x < tracked.GRID_COLUMNS and 0 <= y < tracked.GRID_ROWS:
            cells[path][x, y] += 1
            elements[path]["marked", label, ""] += 1
            reached["text that looks like a cell" if '"x"' in label else "click"] += 1
        else:
            reached["click beyond the grid"] += 1
    add(shop, *rows)
    for path in PATHS:
        found = reads.page_clicks(shop=shop, period=day(shop), page_path=path)
        assert found.cells == dict(cells[path])
        assert {(one.kind, one.label, one.href): one.clicks for one in found.elements} == elements[path]
    told = {one.page_path: one.milliseconds for one in reads.page_stays(shop=shop, period=day(shop))}
    assert told == stays
    with capsys.disabled():
        print("\nof 400:", dict(reached), end=" ")
    assert min(reached.values()) >= 8, reached
    assert len(reached) == 5


def of_visits(events: ibis.Table) -> ibis.Table:
    visits = ibis.table(ibis.Schema.from_pyarrow(schemas.VISITS), name="visits")
    return tracked.stays_of_visits(tracked.stays(events), visits)


@pytest.mark.parametrize("question", [tracked.clicks, tracked.stays, of_visits])
def test_tracked__its_questions__are_portable(question) -> None:
    events = ibis.table(ibis.Schema.from_pyarrow(schemas.EVENTS), name="events")
    made = question(events)
    portability.check(made)
    for dialect in ("duckdb", "pyspark", "clickhouse"):
        assert ibis.to_sql(made, dialect=dialect)


@pytest.mark.django_db
@pytest.mark.usefixtures("warehouse_home")
def test_api__stays__as_the_read_says_also_as_csv_and_not_for_everyone(shop, client, member_of) -> None:
    add(shop, stay(shop, "s", "ann", 1_500), event(shop, "v", "ann", NOON))
    address, span = (
        f"/api/v1/shops/{shop.slug}/traffic/tracker/stays",
        {"start": "2026-03-02", "end": "2026-03-03"},
    )
    client.force_login(member_of(shop, Role.ANALYST))
    told = {"page_path": "/", "milliseconds": 1500, "seconds_per_view": 1.5, "views": 1, "visitors": 1}
    assert client.get(address, span).json() == [told]
    table = b"".join(client.get(address, span | {"format": "csv"})).decode("utf-8-sig").split()
    assert table == [",".join(told), ",".join(map(str, told.values()))]
    refused = client.get(address, {"start": "2026-03-03", "end": "2026-03-03"})
    assert (refused.status_code, refused.json()["field"]) == (422, "end")
    client.force_login(member_of(shop, Role.SUPPORT))
    assert client.get(address, span).status_code == 403
