"""Funnels of a shop with a warehouse: sealed, open and late facts, erasure, and the same answer as plain Python."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shuke.kernel.errors import Invalid
from shuke.kernel.periods import Period, day_start
from shuke.records import personal
from shuke.records.actor import Actor
from shuke.records.personal import PersonRef
from shuke.traffic.funnels import asking, prepared, reads, tending
from shuke.traffic.funnels.shapes import Funnel, Step
from shuke.traffic.funnels.tests import oracle
from shuke.traffic.tests.facts import event
from shuke.warehouse import actions, schemas
from shuke.warehouse import reads as warehouse

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("T7")]
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 11)
PERIOD = Period(FIRST, LAST)
AT = datetime(2026, 3, 10, 20, 5, tzinfo=UTC)
NAMES = ("Product Viewed", "Product Viewed", "Product Added", "Order Completed")
FUNNEL = Funnel(tuple(Step("track", name) for name in NAMES), timedelta(days=3))


def drawn(shop, seed: int, visitors: int = 60) -> list[dict[str, Any]]:
    """Visitors over ten days: some view, some add, few order; moments often meet."""
    rng = random.Random(seed)
    rows = []
    for visitor in range(visitors):
        at = day_start(FIRST, shop.zone).replace(tzinfo=None) + timedelta(hours=rng.randrange(24 * 8))
        for _ in range(rng.randrange(1, 12)):
            name = rng.choice(
                ("Product Viewed", "Product Viewed", "Product Added", "Order Completed", "Other")
            )
            at += timedelta(minutes=rng.choice((0, 1, 10, 600, 2_000)))
            if at < datetime(2026, 3, 11, 4):
                rows.append(
                    event(
                        shop.zone,
                        shop_id=shop.id,
                        visitor=f"{seed}-{visitor}",
                        at=at,
                        type="track",
                        name=name,
                        ord=rng.randrange(2),
                        event_id=rng.randrange(2**60),
                        terminal=rng.choice(("pc", "mobile", None)),
                    )
                )
    return rows


def append(rows: list[dict[str, Any]]) -> None:
    actions.append(facts={"events": pa.Table.from_pylist(rows, schema=schemas.EVENTS)})


def expected(rows: list[dict[str, Any]], funnel: Funnel = FUNNEL) -> list[dict[str, Any]]:
    return oracle.ways(rows, funnel, (PERIOD.start, PERIOD.end))


def answered(shop, funnel: Funnel = FUNNEL) -> reads.FunnelAnswer:
    return reads.funnel(shop=shop, funnel=funnel, period=PERIOD, at=AT)


def told(answer: reads.FunnelAnswer) -> list[int]:
    return [int(step.reached.value or 0) for step in answer.steps]


def test_funnel__open_sealed_and_late_facts__is_that_of_plain_python(shop, warehouse_home) -> None:
    rows = drawn(shop, 1)
    append(rows)
    wanted = expected(rows)
    counts = oracle.counts(wanted, 4)
    assert counts[0] > counts[1] > counts[2] > counts[3] > 0
    assert told(answered(shop)) == counts
    actions.seal(shop)
    answer = answered(shop)
    assert told(answer) == counts
    assert len(list(prepared.folder_of(shop.id).glob("*/*.arrow"))) >= 8
    for number, step in enumerate(answer.steps[1:], start=2):
        for times, earlier in ((step.from_previous, number - 1), (step.from_first, 1)):
            seconds = oracle.seconds(wanted, earlier, number)
            assert times.count == len(seconds)
            ranked = {p: seconds[-(-len(seconds) * p // 100) - 1] for p in (25, 50, 75, 90)}
            assert times.percentiles == ranked
        assert step.lost == counts[number - 2] - counts[number - 1]
        assert step.of_previous.numerator == counts[number - 1]
    for day in answer.days:
        assert list(day.reached) == oracle.counts([w for w in wanted if w["local_day"] == day.day], 4)
    assert [day.is_unfinished for day in answer.days] == [False] * 6 + [True] * 3
    assert answer.unfinished_days == 3
    late = drawn(shop, 2, 30)
    append(late)
    assert told(answered(shop)) == oracle.counts(expected(rows + late), 4)
    actions.seal(shop)
    assert told(answered(shop)) == oracle.counts(expected(rows + late), 4)


def test_funnel__conditions_by_code_and_by_row__are_those_of_plain_python(shop, warehouse_home) -> None:
    from shuke.conditions.reads import parse

    rows = drawn(shop, 3)
    for number, row in enumerate(rows):
        row["product_ref"] = f"sku-{number % 3}" if number % 4 else None
        row["properties"] = json.dumps({"size": number % 5, "color": "red" if number % 2 else None})
    append(rows)
    actions.seal(shop)

    def where(field: str, op: str, **value: Any):
        return parse({"v": 1, "all": [{"field": field, "op": op, **value}]}, "event")

    conditions = (
        where("terminal", "eq", value="mobile"),
        where("terminal", "is_unknown"),
        where("product_ref", "in", value=["sku-1", "sku-2"]),
        where("product_ref", "is_unknown"),
        where("properties.size", "in", value=["1", "2"]),
        where("properties.color", "is_unknown"),
        parse(
            {"v": 1, "any": [{"field": "product_ref", "op": "eq", "value": "sku-0"},
                             {"none": [{"field": "terminal", "op": "is_known"}]}]}, "event"
        ),
    )  # fmt: skip
    for condition in conditions:
        funnel = Funnel(
            (Step("track", "Product Viewed", condition), Step("track", "Product Added")), timedelta(days=2)
        )
        counts = oracle.counts(expected(rows, funnel), 2)
        assert counts[1] > 0
        assert told(answered(shop, funnel)) == counts


def test_funnel__by_the_expression_instead__says_the_same(shop, warehouse_home, monkeypatch) -> None:
    rows = drawn(shop, 4)
    append(rows[: len(rows) // 2])
    actions.seal(shop)
    append(rows[len(rows) // 2 :])
    by_kernel = answered(shop)
    from shuke.warehouse.engines.duckdb import DuckDBEngine

    monkeypatch.setattr(DuckDBEngine, "is_in_process", False)
    assert answered(shop) == by_kernel


def test_prepared__file_whose_pieces_changed_places__is_put_in_order(
    shop, warehouse_home, tmp_path, monkeypatch
) -> None:
    import pyarrow.parquet as pq

    rows = drawn(shop, 5, 30)
    table = pa.Table.from_pylist(rows, schema=schemas.EVENTS)
    ordered = table.sort_by([(name, "ascending") for name in schemas.SORT["events"]])
    middle = ordered.num_rows // 2
    parts = []
    for name, one in {
        "whole": ordered,
        "swapped": pa.concat_tables([ordered.slice(middle), ordered.slice(0, middle)]),
    }.items():
        monkeypatch.setattr(prepared, "_MOST_BY_COUNTING", 0 if name == "swapped" else 1 << 20)
        pq.write_table(one, tmp_path / f"{name}.parquet", row_group_size=40)
        found = prepared.prepared(shop.id, "2026-03-02", str(tmp_path / f"{name}.parquet"))
        parts.append(found)
        found_parts = [part for group in found.groups for part in group]
        place = np.concatenate([part.place for part in found_parts])
        assert sorted(place.tolist()) == list(range(len(rows)))
        assert placed_rows(one, found, np.arange(len(rows))).equals(ordered)
        told = {}
        for views, deeds in found.groups:
            assert all(found.is_view(code) for code in views.code.tolist())
            assert not any(found.is_view(code) for code in deeds.code.tolist())
        for part in found_parts:
            assert (np.diff(part.place) > 0).all()
            told |= dict(zip(part.place.tolist(), part.code.tolist(), strict=True))
        meanings = [found.meanings[told[n]] for n in range(len(rows))]
        assert [m[1] for m in meanings] == ordered["name"].to_pylist()
        assert [m[3] for m in meanings] == ordered["terminal"].to_pylist()
    for name in ("visitor", "at"):
        whole, swapped = (in_places(one, name) for one in parts)
        assert np.array_equal(whole, swapped)


def test_funnel__steps_that_are_views__read_prepared_days_as_they_lie(
    shop, warehouse_home, monkeypatch
) -> None:
    """Views and deeds together, also with more meanings than short codes; and the kinds of events, prepared or asked."""
    rows = drawn(shop, 8)
    for row in rows:
        if row["name"] == "Product Viewed":
            row["type"], row["name"] = ("page", None) if row["ord"] else ("screen", "Item")
    seen = Funnel(
        (Step("view"), Step("track", "Product Added"), Step("view"), Step("track", "Order Completed")),
        timedelta(days=3),
    )
    counted = Counter(("" if row["type"] in ("page", "screen") else row["name"], row["type"]) for row in rows)
    kinds = tuple(
        (kind, name) for (name, kind), _n in sorted(counted.items(), key=lambda one: (-one[1], one[0][::-1]))
    )
    cut = len(rows) * 3 // 4
    append(rows[:cut])
    actions.seal(shop)
    append(rows[cut:])
    wanted = oracle.counts(expected(rows, seen), 4)
    assert wanted[0] > wanted[1] > wanted[2] > wanted[3] > 0
    for is_open in (True, False):
        assert (
            reads.event_kinds(shop=shop, at=AT) == kinds
        )  # of days that are not prepared, then of some, then of all
        assert told(answered(shop, seen)) == wanted
        if is_open:
            actions.seal(shop)
    assert reads.event_kinds(shop=shop, at=AT) == kinds

    def long_codes(*given: Any) -> prepared.Prepared:
        found = prepared.prepared(*given)
        groups = tuple(
            tuple(replace(part, code=part.code.astype(np.int32)) for part in group) for group in found.groups
        )
        return replace(found, groups=groups)

    monkeypatch.setattr(asking, "prepared", long_codes)
    assert told(answered(shop, seen)) == wanted


def placed_rows(table: pa.Table, found: prepared.Prepared, places: np.ndarray) -> pa.Table:
    return table.take(pa.array(places if found.rows is None else found.rows[places]))


def in_places(found: prepared.Prepared, name: str) -> np.ndarray:
    parts = [part for group in found.groups for part in group]
    values = np.empty(sum(len(part.place) for part in parts), np.int64)
    for part in parts:
        values[part.place] = getattr(part, name)
    return values


def test_prepared__source_gone_or_person_erased__nothing_stays(shop, warehouse_home) -> None:
    rows = drawn(shop, 6, 20)
    append(rows)
    actions.seal(shop)
    answered(shop)
    folder = prepared.folder_of(shop.id)
    assert list(folder.glob("*/*.arrow"))
    anybody = rows[0]["anonymous_ref"]
    gone = personal.erase_person(
        person=PersonRef(shop.id, anonymous_refs=(anybody,)), actor=Actor.system("tests"), at=AT
    )
    assert gone["traffic.funnels"] > 0
    assert not list(folder.glob("**/*"))
    left = [row for row in rows if row["anonymous_ref"] != anybody]
    assert told(answered(shop)) == oracle.counts(expected(left), 4)
    for path in folder.glob("*/*.arrow"):
        ids = set(in_places(prepared._opened(path, ""), "visitor").tolist())
        assert rows[0]["visitor_id"] not in ids
    with pytest.raises(FileNotFoundError):
        prepared.prepared(shop.id, "2026-03-02", str(warehouse_home / "gone.parquet"))


def test_funnel__shop_without_facts__has_none_and_says_so(shop, warehouse_home) -> None:
    answer = answered(shop)
    assert told(answer) == [0, 0, 0, 0]
    assert answer.complete_until is None
    assert answer.steps[1].of_previous.value is None
    assert answer.steps[1].of_previous.reason.code == "nobody_before"


def test_sweep__day_sealed_again_and_too_much__only_what_the_ledger_names_stays(
    shop, warehouse_home, settings
) -> None:
    rows = drawn(shop, 6, 20)
    append(rows)
    actions.seal(shop)
    answered(shop)
    folder = prepared.folder_of(shop.id)
    before = set(folder.glob("*/*.arrow"))
    append([{**rows[0], "event_id": 77}])  # late, so that its day is sealed again
    actions.seal(shop)
    assert set(folder.glob("*/*.arrow")) == before  # nobody has asked since
    assert tending.sweep() == 1
    left = set(folder.glob("*/*.arrow"))
    assert len(before - left) == 1
    assert (before - left).pop().parent.name == rows[0]["local_day"].isoformat()
    answered(shop)
    assert tending.sweep() == 0
    settings.PREPARED_BYTES = max(one.stat().st_size for one in left)
    assert tending.sweep() >= len(left) - 1
    answered(shop)
    gone = folder.parent / "987654321" / "2026-03-02"
    gone.mkdir(parents=True)
    (gone / "part.arrow").write_bytes(b"of a shop that is no more")
    settings.PREPARED_BYTES = 1 << 30
    assert tending.sweep() == 1
    assert not gone.parent.exists()


def test_prepare_ahead__large_days_of_the_last_weeks__wait_for_nobody(
    shop, warehouse_home, monkeypatch
) -> None:
    append(drawn(shop, 6, 20))
    actions.seal(shop)
    folder = prepared.folder_of(shop.id)
    assert tending.prepare_ahead(AT) == (0, True)  # none is large
    monkeypatch.setattr(tending, "LARGE_DAY", 1)
    monkeypatch.setattr(tending, "SECONDS_A_LOOK", 0.0)
    assert tending.prepare_ahead(AT) == (0, False)
    monkeypatch.setattr(tending, "SECONDS_A_LOOK", 60.0)
    made, is_done = tending.prepare_ahead(AT)
    files = set(folder.glob("*/*.arrow"))
    assert (made, is_done) == (len(files), True)
    assert made >= 8
    answered(shop)
    assert set(folder.glob("*/*.arrow")) == files
    assert tending.sweep() == 0


def test_prepare_ahead__no_room_for_all__fills_it_once_and_leaves_what_was_asked_for(
    shop, warehouse_home, monkeypatch, settings
) -> None:
    append(drawn(shop, 6, 20))
    actions.seal(shop)
    monkeypatch.setattr(tending, "LARGE_DAY", 1)
    monkeypatch.setattr(tending, "BYTES_A_ROW", 1_000)  # of files this small the frame is most
    folder = prepared.folder_of(shop.id)
    made, _is_done = tending.prepare_ahead(AT)
    sizes = {one: one.stat().st_size for one in folder.glob("*/*.arrow")}
    oldest = min(sizes)
    for one in sizes:
        one.unlink()
    day, source = next(
        (day, file)
        for day, file, _rows in warehouse.ask(
            shop, Period(date(2026, 2, 1), date(2026, 4, 1)), tending._large_files
        )
        if prepared.path_of(shop.id, day, file) == oldest
    )
    prepared.prepared(shop.id, day, source)  # somebody asked for it
    settings.PREPARED_BYTES = sum(sizes.values()) // 2
    assert 0 < tending.prepare_ahead(AT)[0] < made - 1
    left = set(folder.glob("*/*.arrow"))
    for _look in range(2):
        assert tending.sweep() == 0
        assert tending.prepare_ahead(AT) == (0, True)
    settings.PREPARED_BYTES = sizes[oldest]
    assert tending.sweep() == len(left) - 1
    assert set(folder.glob("*/*.arrow")) == {oldest}


def test_sweep__what_a_killed_process_had_begun_to_write__goes_after_a_while(shop, warehouse_home) -> None:
    append(drawn(shop, 6, 20))
    actions.seal(shop)
    answered(shop)
    one = next(prepared.folder_of(shop.id).glob("*/*.arrow"))
    part = one.with_name(f".{one.name}.12ab34cd")
    part.write_bytes(b"a visitor's surrogate")
    assert tending.sweep() == 0
    assert part.exists()
    old = time.time() - tending.LEFT_AFTER - 1
    os.utime(part, (old, old))
    assert tending.sweep() == 1
    assert not part.exists()


def test_funnel__days_without_events_after_it_and_facts_later__is_finished(shop, warehouse_home) -> None:
    def did(who: str, at: str) -> dict[str, Any]:
        return event(shop.zone, shop_id=shop.id, visitor=who, at=at, type="track", name="Product Viewed")

    asked = Period(date(2026, 3, 2), date(2026, 3, 5))
    weekly = Funnel(FUNNEL.steps, timedelta(days=7))
    at = datetime(2026, 3, 25, 4, tzinfo=UTC)

    def unfinished() -> list[bool]:
        found = reads.funnel(shop=shop, funnel=weekly, period=asked, at=at)
        return [day.is_unfinished for day in found.days]

    append([did("ann", "2026-03-02 09:00"), did("bob", "2026-03-03 09:00")])
    assert unfinished() == [True] * 3  # nobody knows what came after the third
    append([did("ann", "2026-03-20 09:00")])
    assert unfinished() == [False] * 3
    actions.seal(shop)
    assert unfinished() == [False] * 3


def test_every_person__of_a_funnel__is_asked_once_and_is_as_the_pages_say(
    shop, warehouse_home, monkeypatch
) -> None:
    rows = drawn(shop, 12)
    append(rows[:200])
    actions.seal(shop)
    append(rows[200:])
    asked = []
    monkeypatch.setattr(reads, "ways", lambda *given, plain=reads.ways: asked.append(1) or plain(*given))
    common = {"shop": shop, "funnel": FUNNEL, "period": PERIOD, "step": 1, "at": AT}
    for is_exactly in (True, False):
        asked.clear()
        people = reads.every_person(**common, is_exactly=is_exactly)
        # Facts that come while the file is written are not in it.
        late = drawn(shop, 13 + is_exactly, 30)
        first = next(people)
        append(late)
        found = [first, *people]
        assert len(asked) == 1
        wanted = [way for way in expected(rows) if way["depth"] == 1 or not is_exactly]
        assert [one["subject_id"] for one in found] == [
            way["subject_id"] for way in sorted(wanted, key=lambda way: (way["times"][0], way["subject_id"]))
        ]
        rows += late
        whole = [reads.funnel_people(**common, is_exactly=is_exactly, page=n, size=7) for n in range(1, 20)]
        assert list(reads.every_person(**common, is_exactly=is_exactly)) == [
            row for page in whole for row in page.rows
        ]
    with pytest.raises(Invalid):
        reads.every_person(**common | {"step": 5})
