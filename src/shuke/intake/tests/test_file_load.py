"""The import job: exactly once through kills, a second load, changed rows, mending; and the two real files."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import os
import threading
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from django.db import connection
from django_scopes import scope

from shuke.commerce.reads import order_totals
from shuke.intake import actions, reads
from shuke.intake.erased import Erasures
from shuke.intake.files import load, problems
from shuke.intake.models import Import, Quarantined
from shuke.intake.tests.books import (
    ACTOR,
    HEADER,
    ROWS,
    YEAR,
    book,
    counts_of,
    lines_of,
    load_book,
    small_chunks,
    start_book,
    the_waiting,
)
from shuke.kernel import clock
from shuke.kernel.periods import Period
from shuke.records import jobs
from shuke.records.locks import exclusive
from shuke.records.personal import PersonRef, erase_person
from shuke.warehouse import actions as warehouse_actions
from shuke.warehouse import reads as warehouse

__all__ = ["book", "small_chunks"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home", "small_chunks"),
]


def test_import__file_of_several_chunks__every_row_once(shop, book) -> None:
    view = load_book(shop, HEADER + "".join(ROWS))
    assert view.state == "done"
    assert counts_of(view) == (11, 11, 0, 0, 0)
    assert (view.first_day, view.last_day) == (date(2026, 3, 1), date(2026, 3, 5))
    lines = lines_of(shop)
    assert len(lines) == 11
    assert sum(amount for _o, _n, amount, _d in lines) == 250 * 66
    assert [n for o, n, _a, _d in lines if o == "a"] == [1, 2, 3, 4]


@pytest.mark.row("T1")
def test_import__same_file_twice__adds_nothing(shop, book) -> None:
    content = HEADER + "".join(ROWS) + ROWS[0] * 3 + "broken,never,p,1,1\n"
    first = load_book(shop, content)
    before = lines_of(shop)
    second = load_book(shop, content)
    assert counts_of(first) == (15, 14, 0, 0, 1)
    assert counts_of(second) == (15, 0, 0, 14, 1)
    assert lines_of(shop) == before
    with scope(shop=shop.id):
        assert Quarantined.objects.count() == 1


@pytest.mark.row("T1")
def test_import__changed_row__old_statement_taken_back_on_its_own_day(shop, book) -> None:
    load_book(shop, HEADER + "a,2026-03-01,tom,1,5\na,2026-03-01,tom,1,7\n")
    view = load_book(shop, HEADER + "a,2026-03-01,tom,1,5\na,2026-03-09,tom,1,8\n")
    assert counts_of(view) == (2, 0, 1, 1, 0)
    assert lines_of(shop) == [("a", 1, 500, date(2026, 3, 1)), ("a", 2, 800, date(2026, 3, 9))]
    back = load_book(shop, HEADER + "a,2026-03-01,tom,1,5\na,2026-03-01,tom,1,7\n")
    assert counts_of(back) == (2, 0, 1, 1, 0)
    assert lines_of(shop) == [("a", 1, 500, date(2026, 3, 1)), ("a", 2, 700, date(2026, 3, 1))]
    assert order_totals(shop, YEAR).paid_minor == 1200
    assert order_totals(shop, Period(date(2026, 3, 9), date(2026, 3, 10))).sales == 0


def test_import__sealed_days__changed_rows_reopen_theirs(shop, book) -> None:
    load_book(shop, HEADER + "a,2026-03-01,tom,1,5\nb,2026-03-01,ann,1,7\n")
    warehouse_actions.seal(shop)
    assert order_totals(shop, YEAR).paid_minor == 1200
    load_book(shop, HEADER + "a,2026-03-02,tom,1,6\nb,2026-03-01,ann,1,7\n")
    assert order_totals(shop, YEAR).paid_minor == 1300
    assert order_totals(shop, Period.of_day(date(2026, 3, 1))).sales == 1
    warehouse_actions.seal(shop)
    assert order_totals(shop, YEAR).paid_minor == 1300
    assert order_totals(shop, Period.of_day(date(2026, 3, 2))).sales == 1


@pytest.mark.row("T1")
@pytest.mark.parametrize("moment", range(4))
@pytest.mark.parametrize("where", ["before", "within", "after"])
def test_import__killed_at_any_chunk__resumes_to_the_same_facts(
    shop, book, monkeypatch, moment, where
) -> None:
    """A kill is a BaseException out of the warehouse, and a process that forgot everything it had open."""
    content = HEADER + "".join(ROWS[:6]) + "a,bad,p,1,1\n" + "".join(ROWS[6:]) + "b,2026-03-01,p,1,x\n"
    real, calls = warehouse_actions.append, Counter()

    class Killed(BaseException):
        pass

    def append(*, facts, within=None):
        calls["n"] += 1
        if calls["n"] != moment + 1:
            return real(facts=facts, within=within)
        if where == "before":
            raise Killed
        if where == "after":
            real(facts=facts, within=within)
            raise Killed

        def killed_within():
            within()
            raise Killed

        return real(facts=facts, within=killed_within)

    view = start_book(shop, content)
    monkeypatch.setattr(load.warehouse, "append", append)
    try:
        jobs.run_to_end(view.job_id)
    except Killed:
        load._running.clear()
        with clock.frozen(clock.now() + timedelta(minutes=2)):  # the dead worker's lease has run out
            jobs.run_to_end(view.job_id)
    view = reads.get_import(shop, view.id)
    assert view.state == "done"
    assert counts_of(view) == (13, 11, 0, 0, 2)
    assert len(lines_of(shop)) == 11
    assert [n for o, n, _a, _d in lines_of(shop) if o == "a"] == [1, 2, 4, 5]
    with scope(shop=shop.id):
        assert sorted(Quarantined.objects.values_list("line", flat=True)) == [8, 14]


def test_import__stopped__goes_on_where_it_stood(shop, book) -> None:
    view = start_book(shop, HEADER + "".join(ROWS))
    jobs.run_chunk(view.job_id, burst_seconds=0, dispatches=False)
    jobs.run_chunk(view.job_id, burst_seconds=0, dispatches=False)
    actions.stop_import(shop=shop, import_id=view.id, actor=ACTOR, at=clock.now())
    assert jobs.run_to_end(view.job_id).state == "stopped"
    assert 0 < reads.get_import(shop, view.id).rows_read < 11
    load_book(shop, HEADER + "".join(reversed(ROWS)))  # another file of the source, meanwhile
    actions.resume_import(shop=shop, import_id=view.id, actor=ACTOR, at=clock.now())
    jobs.run_to_end(view.job_id)
    done = reads.get_import(shop, view.id)
    assert (done.state, done.rows_read) == ("done", 11)
    assert len(lines_of(shop)) == 11  # each place once: none doubled, the later statement stands


def test_import__other_of_the_source_under_way__refused(shop, book) -> None:
    view = start_book(shop, HEADER + ROWS[0])
    with pytest.raises(problems.ImportUnderWay):
        start_book(shop, HEADER + ROWS[1])
    with scope(shop=shop.id):
        assert Import.objects.count() == 1
    jobs.run_to_end(view.job_id)
    assert load_book(shop, HEADER + ROWS[1]).state == "done"


@pytest.mark.row("T1")
def test_import__truncated_file__nothing_loaded(shop, book) -> None:
    packed = gzip.compress((HEADER + "".join(ROWS) * 500).encode())
    view = load_book(shop, packed[:-100], name="book.csv.gz")
    assert view.state == "failed"
    assert "book.csv.gz" in view.error
    assert view.rows_read == 0
    assert warehouse.whole_life(shop.id) is None


def test_import__mapping_that_does_not_fit__nothing_loaded_and_quarantine_empty(
    shop, book, monkeypatch
) -> None:
    monkeypatch.setattr(load, "CHUNK_ROWS", 1000)
    view = load_book(shop, HEADER + "a,31.12.2026,tom,1,5\n" * 300)
    assert view.state == "failed"
    assert "300" in view.error
    assert "31.12.2026" not in view.error  # a job's error is read by roles that may not see what a file holds
    with scope(shop=shop.id):
        assert Quarantined.objects.count() == 0
    assert warehouse.whole_life(shop.id) is None


def test_import__too_many_bad_rows__stops(shop, book, monkeypatch) -> None:
    monkeypatch.setattr(load, "MOST_BAD", 5)
    view = load_book(shop, HEADER + "a,2026-03-01,tom,1,5\nb,2026-03-01,tom,1,x\n" * 20)
    assert view.state == "failed"
    assert 0 < view.rows_bad <= 5


def test_import__more_bad_rows_than_one_transaction_holds__all_set_aside(shop, book, monkeypatch) -> None:
    monkeypatch.setattr(load, "BAD_AT_ONCE", 3)
    monkeypatch.setattr(load, "CHUNK_ROWS", 100)
    view = load_book(shop, HEADER + "a,2026-03-01,tom,1,5\nb,2026-03-01,tom,1,x\n" * 20)
    assert counts_of(view) == (40, 20, 0, 0, 20)
    with scope(shop=shop.id):
        assert Quarantined.objects.filter(import_id=view.id).count() == 20


@pytest.mark.parametrize("is_checked", [True, False])
def test_import__someone_is_erased_while_a_chunk_is_read__the_chunk_does_not_bring_them_back(
    shop, book, monkeypatch, is_checked
) -> None:
    if not is_checked:
        monkeypatch.setattr(Erasures, "require_unchanged", lambda self: None)
    view, real = start_book(shop, HEADER + "".join(ROWS)), load.days_of

    def erased_meanwhile(facts):
        monkeypatch.setattr(load, "days_of", real)
        erase_person(person=PersonRef(shop.id, ("p1",)), actor=ACTOR, at=clock.now())
        return real(facts)

    monkeypatch.setattr(load, "days_of", erased_meanwhile)
    jobs.run_to_end(view.job_id)
    assert reads.get_import(shop, view.id).state == "failed"  # its file is gone
    assert len(lines_of(shop)) == (0 if is_checked else 4)


def test_resume__while_another_import_starts__waits_and_sees_it(shop, book) -> None:
    stopped = start_book(shop, HEADER + "".join(ROWS))
    actions.stop_import(shop=shop, import_id=stopped.id, actor=ACTOR, at=clock.now())
    errors = []

    def resume() -> None:
        try:
            actions.resume_import(shop=shop, import_id=stopped.id, actor=ACTOR, at=clock.now())
        except problems.ImportUnderWay as error:
            errors.append(error)
        finally:
            connection.close()

    with exclusive(f"import-start-{shop.id}"):  # as a start holds it that has looked and not yet written
        thread = threading.Thread(target=resume)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        with scope(shop=shop.id):
            held = Import.objects.get(id=stopped.id)
            held.pk = None
            held.job_id = jobs.start_job(
                shop_id=shop.id, kind=load.KIND, params={}, actor=ACTOR, at=clock.now()
            ).pk
            held.save()
    thread.join(10)
    assert len(errors) == 1
    assert reads.get_import(shop, stopped.id).state == "stopped"


# --- joined files ---


@pytest.mark.row("T1")
def test_import__two_files_joined_on_a_key__order_level_cells_on_each_line(shop) -> None:
    spec = {
        "v": 1,
        "name": "two",
        "kind": "orders",
        "columns": {"order_ref": "order", "at": "head.paid", "buyer_ref": "head.buyer", "amount": "sum"},
        "join": [{"part": "head", "match": {"order": "id"}, "file": {"separator": ";"}}],
    }
    at = clock.now()
    actions.save_mapping(shop=shop, spec=spec, actor=ACTOR, at=at)
    main, head = (
        actions.upload_file(shop=shop, content=io.BytesIO(text.encode()), name=name, actor=ACTOR, at=at)
        for name, text in (
            ("lines.csv", "order,sum\na,1\nb,2\na,3\nc,4\n"),
            ("head.csv", "id;paid;buyer\nb;2026-03-02;ann\na;2026-03-01;tom\n"),
        )
    )
    with pytest.raises(problems.MissingPart):
        actions.preview(shop=shop, files={"": main.sha256}, mapping="two", actor=ACTOR, at=at)
    view = actions.start_import(
        shop=shop, files={"": main.sha256, "head": head.sha256}, mapping="two", actor=ACTOR, at=at
    )
    jobs.run_to_end(view.job_id)
    view = reads.get_import(shop, view.id)
    assert counts_of(view) == (4, 3, 0, 0, 1)  # c has no head, so no time
    assert [(o, a, d.day) for o, _n, a, d in lines_of(shop)] == [("a", 100, 1), ("a", 300, 1), ("b", 200, 2)]
    assert the_waiting(shop).column == "head.paid"


# --- the real files ---

# Where they are missing these tests are not run (tests/needs.py).
DATA = os.environ["SHUKE_DATA"]


UCI = Path(DATA) / "uci_online_retail/online_retail.csv.gz"


@pytest.mark.data
@pytest.mark.row("T1")
def test_uci_online_retail__its_first_weeks_twice__what_plain_python_counts(make_shop, monkeypatch) -> None:
    """The whole year, against its published figures, is loaded by command and page in tests/test_real_*.py."""
    monkeypatch.setattr(load, "CHUNK_ROWS", 10_000)
    shop = make_shop("uk", currency="GBP", zone="Europe/London")
    with gzip.open(UCI, "rt", encoding="utf-8", newline="") as file:
        text = "".join(itertools.islice(file, 40_001))
    rows = list(csv.DictReader(io.StringIO(text)))
    cancelled = [row for row in rows if row["InvoiceNo"].startswith("C")]
    net = sum(
        int((Decimal(row["Quantity"]) * Decimal(row["UnitPrice"]) * 100).quantize(1, rounding=ROUND_HALF_UP))
        for row in rows
    )
    for read in ((40_000, 40_000, 0, 0, 0), (40_000, 0, 0, 40_000, 0)):
        view = load_book(shop, text, mapping="uci_online_retail")
        assert counts_of(view) == read
        totals = order_totals(shop, Period.inclusive(date(2010, 12, 1), date(2010, 12, 31)))
        assert totals.cancellations == len({row["InvoiceNo"] for row in cancelled}) > 100
        assert totals.sales == len({row["InvoiceNo"] for row in rows if row["InvoiceNo"].isdigit()})
        assert totals.buyers == len({row["CustomerID"] for row in rows} - {""}) > 500
        assert totals.net_minor == net


@pytest.mark.soak
@pytest.mark.data
@pytest.mark.row("T1")
def test_uci_online_retail__loaded_twice__its_published_figures(make_shop, monkeypatch) -> None:
    monkeypatch.setattr(load, "CHUNK_ROWS", 50_000)
    shop = make_shop("uk", currency="GBP", zone="Europe/London")
    content = UCI.read_bytes()
    view = load_book(shop, content, mapping="uci_online_retail")
    assert counts_of(view) == (541_909, 541_909, 0, 0, 0)
    assert (view.first_day, view.last_day) == (date(2010, 12, 1), date(2011, 12, 9))
    for _again in range(2):
        totals = order_totals(shop, Period.inclusive(view.first_day, view.last_day))
        assert (totals.sales, totals.cancellations, totals.adjustments) == (22_061, 3_836, 3)
        assert totals.buyers == 4_372
        assert (totals.net_minor, totals.paid_minor) == (974_774_793, 1_066_668_454)
        second = load_book(shop, content, mapping="uci_online_retail")
        assert counts_of(second) == (541_909, 0, 0, 541_909, 0)


@pytest.mark.data
@pytest.mark.row("T1")
def test_clickstream_ecom__loaded__visits_by_its_sessions_and_by_idle_time_agree(shop, monkeypatch) -> None:
    monkeypatch.setattr(load, "CHUNK_ROWS", 10_000)
    content = (Path(DATA) / "clickstream_ecom/ecom.csv.gz").read_bytes()
    view = load_book(shop, content, mapping="clickstream_ecom")
    assert counts_of(view) == (31_106, 31_106, 0, 0, 0)
    period = Period.inclusive(view.first_day, view.last_day)

    def question(snapshot):
        events = snapshot.raw("events")
        return warehouse.run(events.order_by(["visitor_id", "at", "ord"])).to_pylist()

    events = warehouse.ask(shop, period, question)
    assert len({e["visitor_id"] for e in events}) == 600
    assert len({e["session_ref"] for e in events}) == 3_605
    channels = Counter({e["session_ref"]: e["channel_given"] for e in events}.values())
    assert channels == {
        "organic_search": 1_289,
        "paid_search": 1_023,
        "email": 583,
        "social": 554,
        "direct": 156,
    }
    # The plain oracle: 30 idle minutes or the shop's midnight end a visit; ties by line.
    visits, before = 0, None
    for event in events:
        here = (event["visitor_id"], event["local_day"])
        if before is None or before[0] != here or event["at"] - before[1] >= timedelta(minutes=30):
            visits += 1
        before = (here, event["at"])
    assert visits == 3_605
    purchases = [e for e in events if e["name"] == "Order Completed"]
    assert len(purchases) == len({e["order_id"] for e in purchases}) == 470
    assert len({e["person_id"] for e in purchases}) == 328
    assert order_totals(shop, period).sales == 470

    def visits_of(snapshot):
        table = snapshot.derived("visits")
        return warehouse.run(table.aggregate(n=table.count()))["n"][0].as_py()

    assert warehouse.ask(shop, period, visits_of) == 3_605
    assert counts_of(load_book(shop, content, mapping="clickstream_ecom")) == (31_106, 0, 0, 31_106, 0)
