"""The two tiers: every fact counts once whether open, sealed, merged or late; a kill at any line changes no answer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django_scopes import scope

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.warehouse import (
    actions,
    derivations,
    large_days,
    later,
    open_tier,
    processes,
    reads,
    schemas,
    sealed_tier,
    sealing,
)
from shuke.warehouse.models import Fill, SealedDay, Segment
from shuke.warehouse.tests.facts import NOON, event, events_table, line, lines_table, order_event, views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]

MARCH = Period(date(2026, 3, 1), date(2026, 4, 1))
DAY = date(2026, 3, 2)


def rows_of(shop: ShopView, kind: str, period: Period = MARCH) -> list[dict]:
    if kind in schemas.DERIVED and kind not in derivations._registered:
        pytest.skip(kind)

    def question(snapshot: reads.Snapshot) -> list[dict]:
        table = snapshot.raw(kind) if kind in schemas.RAW else snapshot.derived(kind)
        return reads.run(table).to_pylist()

    found = reads.ask(shop, period, question)
    return sorted(found, key=lambda r: sorted((k, str(v)) for k, v in r.items()))


def answers(shop: ShopView) -> dict[str, list[dict]]:
    return {
        kind: rows_of(shop, kind)
        for kind in schemas.ALL
        if kind in schemas.RAW or kind in derivations._registered
    }


def add(shop: ShopView, *rows: dict) -> int | None:
    return actions.append(facts={"events": events_table(rows)})


def test_append__events__are_countable_at_once(shop):
    add(shop, *views(shop, "ann", [0, 5]), *views(shop, "bob", [1]))
    assert len(rows_of(shop, "events")) == 3
    assert sorted(v["views"] for v in rows_of(shop, "visits")) == [1, 2]


def test_append__of_another_shape__is_refused_and_adds_nothing(shop):
    table = events_table(views(shop, "ann", [0])).drop(["ord"])
    with pytest.raises(ValueError, match="columns"):
        actions.append(facts={"events": table})
    assert Segment.objects.count() == 0
    assert rows_of(shop, "events") == []


def test_append__checkpoint_fails__adds_nothing_and_reuses_no_answer(shop):
    def fail() -> None:
        raise RuntimeError("checkpoint")

    with pytest.raises(RuntimeError, match="checkpoint"):
        actions.append(facts={"events": events_table(views(shop, "ann", [0]))}, within=fail)
    assert rows_of(shop, "events") == []
    assert add(shop, *views(shop, "ann", [0])) == 1
    assert len(rows_of(shop, "events")) == 1


def test_raw__another_shops_facts_in_the_same_file__are_not_seen(shop, other_shop):
    actions.append(
        facts={"events": events_table([*views(shop, "ann", [0]), *views(other_shop, "ann", [0, 1])])}
    )
    assert len(rows_of(shop, "events")) == 1
    assert len(rows_of(other_shop, "events")) == 2
    actions.seal(shop)
    assert len(rows_of(shop, "events")) == 1
    assert len(rows_of(other_shop, "events")) == 2


def test_seal__any_day__changes_no_answer(shop):
    add(
        shop,
        *views(shop, "ann", [0, 5, 50]),
        order_event(shop, "o", "ann", NOON + timedelta(minutes=51), "A1", 990),
    )
    actions.append(
        facts={"order_lines": lines_table([line(shop, "F1", 1, NOON, 500), line(shop, "F1", 2, NOON, 5)])}
    )
    before = answers(shop)
    assert actions.seal(shop) == 1
    assert answers(shop) == before
    with scope(shop=shop.id):
        assert SealedDay.objects.get().through == 2
        assert Fill.objects.filter(done_at=None).count() == 0


def test_late_fact__after_sealing__joins_the_visit_it_belongs_to(shop):
    add(shop, *views(shop, "ann", [0, 40]), *views(shop, "bob", [3]))
    assert len(rows_of(shop, "visits")) == 3
    actions.seal(shop)
    add(shop, *views(shop, "ann", [20]))
    open_answer = answers(shop)
    assert sorted(v["views"] for v in open_answer["visits"]) == [1, 3]
    assert sealing.open_days(shop.id)[0].day == DAY
    actions.seal(shop)
    assert answers(shop) == open_answer
    assert sealing.open_days(shop.id) == []


@pytest.mark.parametrize("in_memory", [0, 1_000_000], ids=["by the engine", "in memory"])
def test_seal__large_day__changes_no_answer(shop, monkeypatch, in_memory):
    monkeypatch.setattr(sealing, "LARGE_DAY", 1)
    monkeypatch.setattr(sealing, "IN_MEMORY", in_memory)
    monkeypatch.setattr(large_days, "PIECE_ROWS", 1)
    add(shop, *views(shop, "ann", [0, 5, 50]), *views(shop, "bob", [1]))
    actions.append(facts={"order_lines": lines_table([line(shop, "F1", 1, NOON, 500)])})
    before = answers(shop)
    actions.seal(shop)
    assert answers(shop) == before
    add(shop, *views(shop, "ann", [20], NOON), *views(shop, "cy", [2], NOON + timedelta(days=1)))
    before = answers(shop)
    actions.seal(shop)
    assert answers(shop) == before
    files = sealed_tier.files_by_day(shop.id, "events", sealed_version(shop), str(settings.LAKE))[DAY]
    rows = pa.concat_tables([pq.read_table(f, partitioning=None) for f in files])
    assert len(files) <= 2
    assert rows["visitor_id"].to_pylist() == sorted(rows["visitor_id"].to_pylist())
    assert rows.schema.equals(schemas.EVENTS), "whoever reads the lake finds texts, not our codes"


@pytest.mark.parametrize("kind", schemas.RAW)
def test_seal__large_day_of_any_raw_kind__loads_with_what_is_not_stated(shop, monkeypatch, kind):
    """Rows without an order, of kinds that are sorted by a text: a day of them is sealed like any other."""
    monkeypatch.setattr(sealing, "LARGE_DAY", 1)
    monkeypatch.setattr(large_days, "PIECE_ROWS", 1)
    made = {"shop_id": shop.id, "local_day": DAY, "at": NOON.replace(tzinfo=None), "kind": "sale", "sign": 1}
    made |= {
        "received_at": NOON.replace(tzinfo=None),
        "type": "page",
        "ord": 0,
        "line_no": 1,
        "currency": "CNY",
    }
    unique = {"event_id", "visitor_id", "row_id", "content_id"}
    if kind == "order_lines":
        unique.add("order_id")  # a line is always of an order
    ids = [name for name in schemas.RAW[kind].names if name in unique]
    rows = [
        {name: made.get(name) for name in schemas.RAW[kind].names} | dict.fromkeys(ids, n - 2)
        for n in range(5)
    ]
    actions.append(facts={kind: pa.Table.from_pylist(rows, schema=schemas.RAW[kind])})
    before = answers(shop)
    assert len(before[kind]) == 5
    actions.seal(shop)
    assert answers(shop) == before
    assert sealing.open_days(shop.id) == []


def sealed_version(shop: ShopView) -> int:
    with scope(shop=shop.id):
        return max(day.versions["events"] for day in SealedDay.objects.all())

    from django.conf import settings

    return settings.LAKE


def test_merge_and_clean__many_small_files__leave_one_and_the_same_answers(shop, monkeypatch):
    for minute in range(30):
        add(shop, *views(shop, f"v{minute % 7}", [minute]))
    before = answers(shop)
    assert open_tier.merge() >= open_tier.MERGE_AT
    assert answers(shop) == before
    open_tier.clean(grace=timedelta())
    assert answers(shop) == before
    assert len(open_tier.listed()) < 30
    actions.seal(shop)
    processes.unlist_sealed(grace=timedelta())
    open_tier.clean(grace=timedelta())
    assert open_tier.listed() == []
    assert answers(shop) == before


def test_merge__of_facts_that_are_sealed__opens_no_day_again(shop):
    """A merged file is as new as its newest part, but a day in it is open only if its own facts are."""
    for minute in range(4):
        add(shop, *views(shop, "ann", [minute]))
    actions.seal(shop)
    add(shop, *views(shop, "ann", [0], NOON + timedelta(days=1)))
    open_tier.merge_run("events", list(Segment.objects.filter(unlisted_at=None).order_by("last")))
    assert [d.day for d in sealing.open_days(shop.id)] == [DAY + timedelta(days=1)]
    assert len(rows_of(shop, "events")) == 5


def test_merge__two_mergers_of_one_list__replace_it_once(shop):
    for minute in range(open_tier.MERGE_AT):
        add(shop, *views(shop, "ann", [minute]))
    run = list(Segment.objects.filter(unlisted_at=None).order_by("last"))
    assert open_tier.merge_run("events", run) == len(run)
    assert open_tier.merge_run("events", run) == 0
    assert len(rows_of(shop, "events")) == open_tier.MERGE_AT


def test_cut__at_a_moment__answers_as_if_nothing_had_come_after(shop):
    add(shop, *views(shop, "ann", [0, 10, 20]), *views(shop, "bob", [15]))
    actions.seal(shop)

    def question(snapshot: reads.Snapshot) -> list[dict]:
        cut = snapshot.cut(NOON + timedelta(minutes=12))
        return reads.run(cut.derived("visits")).to_pylist()

    (visit,) = reads.ask(shop, MARCH, question)
    assert visit["views"] == 2


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def run_until_line(
    wanted: int,
    work: Callable[[], object],
    modules: Sequence[str] = (sealing.__file__, sealed_tier.__file__, large_days.__file__, later.__file__),
) -> list[tuple[str, int]] | None:
    """Run `work`, killed at the n-th line executed in the modules (the sealing and the sealed tier); None when killed,
    else the lines that it took, in order."""
    seen: list[tuple[str, int]] = []

    def trace(frame, happened, _argument):
        if frame.f_code.co_filename not in modules:
            return None
        if happened == "line":
            seen.append((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) == wanted:
                raise Killed
        return trace

    threading.settrace(trace)  # pieces of a large day are written by threads of their own
    sys.settrace(trace)
    try:
        work()
    except Killed:
        return None
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return seen


def lines_of_a_sealing(shop: ShopView) -> list[tuple[str, int]]:
    """Over which lines late facts of a sealed day are sealed; the day is ready for more."""
    add(shop, *views(shop, "ann", [0, 5, 50]), order_event(shop, "o", "ann", NOON, "A1", 990))
    actions.append(facts={"order_lines": lines_table([line(shop, "F1", 1, NOON, 500)])})
    actions.seal(shop)
    add(shop, *views(shop, "ann", [7]))
    lines = run_until_line(0, lambda: actions.seal(shop))
    assert lines is not None
    return lines


def kill_at(shop: ShopView, wanted: Iterable[int]) -> None:
    """Kill a sealing at the n-th line that it executes, for each of these; resume, and compare."""
    for late, line_number in enumerate(wanted):
        add(shop, *views(shop, f"late{late}", [late % 25, 26]))
        before = answers(shop)
        assert run_until_line(line_number, lambda: actions.seal(shop)) is None
        assert answers(shop) == before, f"killed at its line {line_number}: the answer changed"
        actions.seal(shop)
        assert answers(shop) == before, f"resumed after a kill at its line {line_number}: the answer changed"
        assert sealing.open_days(shop.id) == []


@pytest.mark.parametrize("large_from", [1, sealing.LARGE_DAY], ids=["in memory", "streamed"])
def test_seal__killed_at_many_lines__resumes_to_the_same_answers(shop, monkeypatch, large_from):
    monkeypatch.setattr(sealing, "LARGE_DAY", large_from)
    lines = lines_of_a_sealing(shop)
    first = int(
        large_from == 1
    )  # the other lines are those of the other run, and all are those of the long one
    steps = [1 + len(lines) * n // 4 for n in (first, first + 2)]
    of_later = [n for n, (file, _line) in enumerate(lines, start=1) if file == later.__file__]
    if large_from == 1:  # what a large day gets after its sealing
        assert len(of_later) > 30
        steps.append(of_later[len(of_later) // 2])
    kill_at(shop, steps)


def test_derive_later__a_day_that_fails__keeps_no_other_and_is_tried_again_after_a_while(
    shop, monkeypatch, caplog
):
    monkeypatch.setattr(sealing, "LARGE_DAY", 1)
    monkeypatch.setattr(later, "_paused", {})
    add(shop, *views(shop, "ann", [0, 5]), *views(shop, "bob", [24 * 60, 24 * 60 + 3]))
    before = answers(shop)
    for day in (DAY, DAY + timedelta(days=1)):  # a large day is one by itself
        sealing.seal(shop, [day])
    derive_days = later.derive_days
    tried: list[date] = []

    def fail(snapshot, kind, derived, days, versions, rows):
        tried.append(days[0])
        derive_days(snapshot, kind, derived, days, versions, rows)
        if days[0] == DAY:
            raise MemoryError(kind)  # after something of it was written

    monkeypatch.setattr(later, "derive_days", fail)
    with pytest.raises(MemoryError):
        later.derive_all_later()
    with scope(shop=shop.id):
        assert dict(SealedDay.objects.values_list("day", "is_whole")) == {
            DAY: False,
            DAY + timedelta(days=1): True,
        }
        assert not Fill.objects.filter(done_at=None).exists()  # nothing is sealed anew for it
        assert set(SealedDay.objects.values_list("times", flat=True)) == {1}
    assert answers(shop) == before
    tried.clear()
    assert later.derive_all_later() == 0
    assert tried == []  # it waits for its pause
    monkeypatch.setattr(later, "derive_days", derive_days)
    later._paused[shop.id] = later._Pause(later.PAUSE_FIRST, 0.0)
    assert later.derive_all_later() == 1
    assert later._paused == {}
    with scope(shop=shop.id):
        assert not SealedDay.objects.filter(is_whole=False).exists()
    assert answers(shop) == before


def test_derive_later__large_days_sealed_before_a_kind_was_known__are_given_it(shop, monkeypatch):
    add(shop, *views(shop, "ann", [0, 5]))
    actions.seal(shop)
    before = answers(shop)
    kind = "trails"
    assert kind in derivations.later_kinds()
    with scope(shop=shop.id):
        row = SealedDay.objects.get()
        row.versions.pop(kind)
        row.rows.pop(kind)
        row.save()
    monkeypatch.setattr(later, "_has_looked_back", False)
    assert later.derive_all_later() == 0  # a small day is computed when it is asked for
    monkeypatch.setattr(sealing, "LARGE_DAY", 1)
    assert later.derive_all_later() == 0  # once a process
    monkeypatch.setattr(later, "_has_looked_back", False)
    assert later.derive_all_later() == 1
    with scope(shop=shop.id):
        row = SealedDay.objects.get()
        assert (row.is_whole, row.times, kind in row.versions) == (True, 1, True)
    assert answers(shop) == before


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("large_from", [1, sealing.LARGE_DAY], ids=["in memory", "streamed"])
def test_seal__killed_at_every_line__resumes_to_the_same_answers(make_shop, monkeypatch, large_from):
    """Each line of the source when it is executed first and last. Some kills each on a shop of their own: tables of a
    thousand versions would only make it slow."""
    monkeypatch.setattr(sealing, "LARGE_DAY", large_from)
    kills, ends = 0, [0]
    while kills < len(ends):
        shop = make_shop(f"shop-{kills}")
        lines = lines_of_a_sealing(shop)
        last = {line: n for n, line in enumerate(lines, start=1)}
        first = {line: n for n, line in reversed(list(enumerate(lines, start=1)))}
        ends = sorted({*first.values(), *last.values()})
        wanted = ends[kills : kills + 40]
        kill_at(shop, wanted)
        kills += len(wanted)
        processes.unlist_sealed(grace=timedelta())
        open_tier.clean(grace=timedelta())
        print(f"killed at {kills} of {len(ends)}, {len(last)} lines", flush=True)
    assert kills > 100


def test_due_days__yesterday_and_today__only_what_is_over_is_sealed(shop):
    add(shop, *views(shop, "ann", [0]), event(shop, "t", "ann", NOON + timedelta(days=1)))
    at = NOON + timedelta(days=1, hours=1)
    assert [d.day for d in sealing.due_days(shop, at)] == [DAY]
    just_after_midnight = NOON + timedelta(hours=12, minutes=1)
    assert sealing.due_days(shop, just_after_midnight) == []


def test_known_rows__stated_and_taken_back__are_not_known(shop):
    rows = [line(shop, "F1", n, NOON, n) for n in (1, 2, 3)]
    back = {**rows[2], "sign": -1}
    actions.append(facts={"order_lines": lines_table([*rows, back])})
    ids = np.array([r["row_id"] for r in rows] + [42], dtype=np.int64)
    known = reads.known_rows(shop, "file", ids)
    assert sorted(known["row_id"].to_pylist()) == sorted(r["row_id"] for r in rows[:2])
    whole = reads.known_rows(shop, "file", ids, whole=True)
    assert sorted(whole["amount_minor"].to_pylist()) == [1, 2]
    assert reads.known_rows(shop, "another", ids).num_rows == 0
