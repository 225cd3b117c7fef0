"""Mending a group by rules: looked at, done, killed at any line, counted once; each entry's history on record."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.files import load, mending
from shuke.intake.models import Mend, Quarantined, Settlement
from shuke.intake.quarantine import mends
from shuke.intake.quarantine.rules import RuleInvalid
from shuke.intake.tests.books import BOOK, HEADER, counts_of, lines_of, load_book
from shuke.intake.tests.test_quarantine import BAD, commit, facts, set_aside
from shuke.kernel import clock
from shuke.kernel.errors import Conflict, NotAllowed, NotFound
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.records.personal import PersonRef, erase_person
from shuke.records.reads import list_audit

__all__ = ["facts"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]
ACTOR = Actor.system("tests")
NOW = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
DOTTED = {"rule": "time_format", "column": "at", "format": "%d.%m.%Y"}
COMMA = {"rule": "decimal_comma", "column": "price"}
FILLED = {"rule": "default", "column": "price", "value": "9"}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(mends, "CHUNK_ROWS", 3)


@pytest.fixture
def book(shop):
    actions.save_mapping(shop=shop, spec=BOOK, actor=ACTOR, at=clock.now())
    return "book"


def groups(shop) -> dict[tuple[str, str], reads.GroupView]:
    return {(one.group.reason, one.group.column): one for one in reads.waiting_groups(shop)}


def mend(shop, group, *rules, **kwargs) -> reads.MendView:
    found = actions.start_mend(
        shop=shop, group=group, rules=list(rules), actor=ACTOR, at=clock.now(), **kwargs
    )
    jobs.run_to_end(found.job_id)
    return reads.get_mend(shop, found.id)


def rows_of(orders: str, at: str = "2026-03-{:02}") -> list[str]:
    """A row an order, of 2.50 x its number, on days of March."""
    return [f"{o},{at.format(i % 9 + 1)},p{i},{i + 1},2.50\n" for i, o in enumerate(orders)]


CLEAN = HEADER + "".join(rows_of("aabbcacb"))
BROKEN = HEADER + "".join(rows_of("aabbcacb", "{:02}.03.2026")) + "x,2026-03-01,p,1,1\n"


# --- groups ---


def test_groups__rows_and_events__by_reason_mapping_and_column(
    settings, facts, shop, other_shop, book
) -> None:
    load_book(shop, BROKEN)
    with clock.frozen(NOW):
        set_aside(settings, facts, shop, BAD, BAD | {"messageId": "m2"})
    found = reads.waiting_groups(shop)
    assert [(g.group.origin, g.group.reason, g.group.mapping, g.group.column, g.count) for g in found] == [
        ("import", "row_not_a_time", "book", "at", 8),
        ("api", "wrong_type", "", "event", 2),
    ]
    assert found[0].file == "book.csv"
    assert "08.03.2026" in found[0].example
    assert reads.waiting_groups(other_shop) == ()
    page = reads.list_quarantined(shop, group=found[0].group, size=5)
    assert len(page.rows) == 5
    rest = reads.list_quarantined(shop, group=found[0].group, size=5, before=page.rows[-1].id)
    assert [row.line for row in (*page.rows, *rest.rows)] == [9, 8, 7, 6, 5, 4, 3, 2]


def test_groups__very_many__are_counted_and_paged_from_the_index(shop) -> None:
    """No look at the rows themselves, no sort: the plan says so, whatever the machine."""
    with scope(shop=shop.id):
        Quarantined.objects.bulk_create(
            [
                Quarantined(
                    shop_id=shop.id,
                    key=i,
                    origin="import",
                    import_id=1,
                    mapping="book",
                    column="at",
                    reason=f"row_{i % 3}",
                    payload="{}",
                    received_at=NOW,
                )
                for i in range(3_000)
            ],
            batch_size=500,
        )
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = reads.waiting_groups(shop)
        reads.list_quarantined(shop, group=found[0].group, before=2_000)
    assert [g.count for g in found] == [1_000] * 3
    assert len(asked) <= 6
    if connection.vendor == "sqlite":
        plans = []
        for one in asked.captured_queries:
            if "GROUP BY" in one["sql"] or "LIMIT" in one["sql"]:
                with connection.cursor() as cursor:
                    cursor.execute("EXPLAIN QUERY PLAN " + one["sql"])
                    plans.append(" / ".join(row[3] for row in cursor.fetchall()))
        assert "COVERING INDEX quarantined_by_group" in plans[0]
        assert "FOR GROUP BY" not in plans[0]
        assert "INDEX quarantined_by_group" in plans[1]
        assert "FOR ORDER BY" not in plans[1]


# --- looked at, done ---


def test_preview__ten_rows_and_how_many_would_load__changes_nothing(shop, book) -> None:
    load_book(shop, BROKEN.replace("b,04.03.2026", "b,44.03.2026"))
    group = groups(shop)["row_not_a_time", "at"].group
    seen = actions.preview_mend(shop=shop, group=group, rules=[DOTTED], actor=ACTOR, at=clock.now())
    assert (seen.total, seen.looked, seen.would_load, seen.still_refused) == (8, 8, 7, 1)
    assert dict(seen.rows[0].changes[0]) == {
        "column": "at",
        "before": "01.03.2026",
        "after": "2026-03-01 00:00:00",
    }
    ((why, count),) = seen.refused
    assert count == 1
    assert "44.03.2026" in why
    assert groups(shop)["row_not_a_time", "at"].count == 8
    assert len(lines_of(shop)) == 1


def test_mend__by_a_rule__loads_what_the_clean_file_states(shop, other_shop, book, make_shop) -> None:
    load_book(shop, BROKEN)
    done = mend(shop, groups(shop)["row_not_a_time", "at"].group, DOTTED)
    assert done.state == "done"
    assert (done.total, done.looked, done.replayed, done.mended, done.dropped, done.refused) == (
        8,
        8,
        8,
        8,
        0,
        0,
    )
    whole = make_shop("clean")
    actions.save_mapping(shop=whole, spec=BOOK, actor=ACTOR, at=clock.now())
    load_book(whole, CLEAN + "x,2026-03-01,p,1,1\n")
    assert lines_of(shop) == lines_of(whole)
    assert reads.waiting_groups(shop) == ()
    # The clean file adds nothing: the mended rows stand under the identity and content that it states.
    again = load_book(shop, (CLEAN + "x,2026-03-01,p,1,1\n").replace("2026-03-0", "2026-03-0"))
    assert (again.rows_new, again.rows_bad) == (0, 0)
    assert lines_of(shop) == lines_of(whole)


def test_mend__keys_that_could_not_be_read__places_as_in_the_file_and_the_file_read_once(
    shop, book, monkeypatch
) -> None:
    """Linear: however many rows take a new place, their file is read once and not once a row."""
    lines = [f"2.1E+07,2026-03-{i % 9 + 1:02},p,{i + 1},1\n" for i in range(40)]
    good = HEADER + "21000000,2026-03-01,p,100,1\n" * 3
    monkeypatch.setattr(load, "FITTING", 1000)
    load_book(shop, good + "".join(lines))
    opened = Counter()
    real = load.opened_at

    def opened_at(row, at_row, *, now):
        opened[row.pk] += 1
        return real(row, at_row, now=now)

    monkeypatch.setattr(load, "opened_at", opened_at)
    rule = {"rule": "replace", "column": "order", "old": "2.1E+07", "new": "21000000"}
    done = mend(shop, groups(shop)["row_lost_digits", "order"].group, rule)
    assert (done.replayed, done.refused) == (40, 0)
    assert list(opened.values()) == [1]
    assert [n for _o, n, _a, _d in lines_of(shop)] == list(range(1, 44))
    assert sum(a for _o, _n, a, _d in lines_of(shop)) == 100 * (300 + 40 * 41 // 2)


def test_mend__ten_times_the_rows__no_more_statements_a_chunk(shop, book, monkeypatch) -> None:
    """Counted work: a chunk of a hundred asks the database as often as a chunk of ten."""
    monkeypatch.setattr(mends, "CHUNK_ROWS", 100)
    monkeypatch.setattr(load, "FITTING", 10_000)
    asked = []
    for number, size in enumerate((10, 100)):
        rows = [f"o{number}-{i},01.03.2026,p,1,1\n" for i in range(size)]
        load_book(shop, HEADER + "".join(rows), name=f"{size}.csv")
        group = groups(shop)["row_not_a_time", "at"].group
        found = actions.start_mend(shop=shop, group=group, rules=[DOTTED], actor=ACTOR, at=clock.now())
        with CaptureQueriesContext(connection) as queries:
            jobs.run_chunk(found.job_id, burst_seconds=0, dispatches=False)
        asked.append(len(queries))
        jobs.run_to_end(found.job_id)
        assert reads.get_mend(shop, found.id).replayed == size
    assert asked[1] <= asked[0] + 2


def test_mend__some_still_refused__wait_on_with_the_reasons_counted(shop, book) -> None:
    load_book(shop, BROKEN.replace("b,04.03.2026", "b,secret name"))
    done = mend(shop, groups(shop)["row_not_a_time", "at"].group, DOTTED)
    assert (done.replayed, done.refused, done.waiting) == (7, 1, 0)
    ((code, column, words, count),) = [(r.code, r.column, r.words, r.count) for r in done.refusals]
    assert (code, column, count) == ("row_not_a_time", "at", 1)
    assert "secret" not in words
    assert groups(shop)["row_not_a_time", "at"].count == 1


def test_mend__drop__entries_stay_readable_with_the_reason(shop, book) -> None:
    load_book(shop, BROKEN)
    before = lines_of(shop)
    done = mend(shop, groups(shop)["row_not_a_time", "at"].group, {"rule": "drop", "note": "test orders"})
    assert (done.dropped, done.replayed, done.refused) == (8, 0, 0)
    assert lines_of(shop) == before
    (one, *_rest) = reads.list_quarantined(shop, state="dropped").rows
    (settled,) = reads.history_of(shop, one.id)
    assert (settled.state, settled.note, settled.by, settled.mend_id) == (
        "dropped",
        "test orders",
        "tests",
        done.id,
    )


def test_mend__rows_of_two_loads_that_state_one_row__the_later_one_stands(shop, book) -> None:
    load_book(shop, HEADER + "a,01.03.2026,p,1,5\n")
    load_book(shop, HEADER + "a,02.03.2026,p,1,7\n")
    done = mend(shop, groups(shop)["row_not_a_time", "at"].group, DOTTED)
    assert done.replayed == 2
    assert [(n, a) for _o, n, a, _d in lines_of(shop)] == [(1, 700)]


@pytest.mark.parametrize("moment", range(3))
@pytest.mark.parametrize("where", ["before", "within", "after"])
def test_mend__killed_at_any_chunk__goes_on_without_repeating_or_losing(
    shop, book, monkeypatch, moment, where
) -> None:
    load_book(shop, BROKEN)
    real, calls = mending.warehouse.append, Counter()

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

    group = groups(shop)["row_not_a_time", "at"].group
    found = actions.start_mend(shop=shop, group=group, rules=[DOTTED], actor=ACTOR, at=clock.now())
    monkeypatch.setattr(mending.warehouse, "append", append)
    try:
        jobs.run_to_end(found.job_id)
    except Killed:
        mending._counted.clear()
        with clock.frozen(clock.now() + timedelta(minutes=2)):  # the dead worker's lease has run out
            jobs.run_to_end(found.job_id)
    done = reads.get_mend(shop, found.id)
    assert (done.state, done.looked, done.replayed, done.refused) == ("done", 8, 8, 0)
    assert len(lines_of(shop)) == 9
    with scope(shop=shop.id):
        assert Settlement.objects.count() == 8
    view = reads.get_import(shop, reads.list_imports(shop).rows[0].id)
    assert counts_of(view) == (9, 9, 0, 0, 0)


def test_mend__stopped__goes_on_where_it_stood(shop, book) -> None:
    load_book(shop, BROKEN)
    group = groups(shop)["row_not_a_time", "at"].group
    found = actions.start_mend(shop=shop, group=group, rules=[DOTTED], actor=ACTOR, at=clock.now())
    jobs.run_chunk(found.job_id, burst_seconds=0, dispatches=False)
    actions.stop_mend(shop=shop, mend_id=found.id, actor=ACTOR, at=clock.now())
    assert jobs.run_to_end(found.job_id).state == "stopped"
    half = reads.get_mend(shop, found.id)
    assert (half.state, half.replayed, half.waiting) == ("stopped", 3, 5)
    # Meanwhile someone settles one of the rest by hand.
    (last, *_) = reads.list_quarantined(shop, group=group).rows
    actions.drop(shop=shop, ids=[last.id], actor=ACTOR, at=clock.now())
    actions.resume_mend(shop=shop, mend_id=found.id, actor=ACTOR, at=clock.now())
    jobs.run_to_end(found.job_id)
    assert reads.get_mend(shop, found.id).replayed == 7
    assert len(lines_of(shop)) == 8


# --- events ---


def test_mend__events_by_a_rule__count_once_at_their_own_moment(settings, facts, shop) -> None:
    with clock.frozen(NOW):
        bad = [BAD | {"messageId": f"m{i}", "anonymousId": f"a{i}"} for i in range(7)]
        nameless = {k: v for k, v in BAD.items() if k != "messageId"}
        set_aside(settings, facts, shop, *bad, nameless, nameless | {"event": {"x": 1}, "messageId": ""})
    with clock.frozen(NOW + timedelta(days=1)):
        group = groups(shop)["wrong_type", "event"].group
        rule = {"rule": "as_text", "column": "event"}
        seen = actions.preview_mend(shop=shop, group=group, rules=[rule], actor=ACTOR, at=clock.now())
        assert (seen.would_load, seen.still_refused) == (8, 1)
        done = mend(shop, group, rule)
        assert (done.replayed, done.mended, done.refused) == (8, 8, 1)
        commit(settings, facts)
    assert len(facts.rows()) == 8
    assert {(row["name"], row["at"]) for row in facts.rows()} == {("7", datetime(2026, 11, 11, 1, 0))}


def test_mend__events_killed_between_journal_and_note__count_once(settings, facts, shop, monkeypatch) -> None:
    with clock.frozen(NOW):
        set_aside(settings, facts, shop, *[BAD | {"messageId": f"m{i}"} for i in range(7)])
        group = groups(shop)["wrong_type", "event"].group
        rule = {"rule": "as_text", "column": "event"}
        found = actions.start_mend(shop=shop, group=group, rules=[rule], actor=ACTOR, at=clock.now())
        real = mends.sending.send

        class Killed(BaseException):
            pass

        def send(*args):
            real(*args)
            raise Killed

        with monkeypatch.context() as broken:
            broken.setattr(mends.sending, "send", send)
            with pytest.raises(Killed):
                jobs.run_to_end(found.job_id)
    with clock.frozen(NOW + timedelta(minutes=2)):
        commit(settings, facts)
        jobs.run_to_end(found.job_id)
        commit(settings, facts)
        assert reads.get_mend(shop, found.id).replayed == 7
    assert len(facts.rows()) == 7


def test_mend__events_of_the_wrong_zone_and_time__by_zone_or_by_arrival(settings, facts, shop) -> None:
    with clock.frozen(NOW):
        early = {"type": "track", "event": "X", "anonymousId": "a"}
        set_aside(
            settings,
            facts,
            shop,
            early | {"messageId": "z", "timestamp": "2026-11-11 09:30:00"},
            early | {"messageId": "n", "timestamp": "never"},
        )
        zone = {"rule": "zone", "column": "timestamp", "zone": "Asia/Shanghai"}
        assert mend(shop, groups(shop)["far_future", "timestamp"].group, zone).replayed == 1
        arrived = {"rule": "received", "column": "timestamp"}
        assert mend(shop, groups(shop)["bad_timestamp", "timestamp"].group, arrived).replayed == 1
        commit(settings, facts)
    assert sorted(row["at"] for row in facts.rows()) == [
        datetime(2026, 11, 11, 1, 30),
        datetime(2026, 11, 11, 2, 0),
    ]


# --- on record ---


def test_history__of_a_mended_row__before_and_after_whole_and_masked_in_the_audit(shop, book) -> None:
    load_book(shop, HEADER + "a,01.03.2026,tom,1,5\n")
    row = reads.list_quarantined(shop).rows[0]
    rules = [DOTTED, {"rule": "replace", "column": "buyer", "old": "tom", "new": "ann"}]
    done = mend(shop, groups(shop)["row_not_a_time", "at"].group, *rules)
    (settled,) = reads.history_of(shop, row.id)
    assert [(one["column"], one["before"], one["after"]) for one in settled.changes] == [
        ("at", "01.03.2026", "2026-03-01 00:00:00"),
        ("buyer", "tom", "ann"),
    ]
    assert (settled.by, settled.mend_id) == ("tests", done.id)
    with translation.override("en"):
        assert reads.history_of(shop, row.id)[0].rules.startswith("The times of “at” are written as %d.%m.%Y")
    assert [one.id for one in reads.settled_by_mend(shop, done.id).rows] == [settled.id]
    told = json.dumps([[one.before, one.after] for one in list_audit(shop.id).rows if "mend" in one.deed])
    assert "%d.%m.%Y" in told
    assert "tom" not in told
    assert "ann" not in told


def test_history__mended_by_hand__is_on_record_too(shop, book) -> None:
    load_book(shop, HEADER + "a,01.03.2026,tom,1,5\n")
    row = reads.list_quarantined(shop).rows[0]
    text = row.payload.replace("01.03.2026", "2026-03-01").replace("tom", "ann")
    actions.mend_and_replay(shop=shop, quarantined_id=row.id, payload=text, actor=ACTOR, at=clock.now())
    (settled,) = reads.history_of(shop, row.id)
    assert [one["column"] for one in settled.changes] == ["at", "buyer"]
    (audited,) = [one for one in list_audit(shop.id).rows if one.deed == "replay_quarantined"]
    assert "ann" not in json.dumps(audited.after)
    with pytest.raises(Conflict):
        actions.mend_and_replay(shop=shop, quarantined_id=row.id, actor=ACTOR, at=clock.now())


def test_erasure__of_a_person_that_a_mend_wrote_in__takes_the_record(shop, book) -> None:
    load_book(shop, HEADER + "a,01.03.2026,tom,1,5\n")
    rule = {"rule": "replace", "column": "buyer", "old": "tom", "new": "ann.secret"}
    mend(shop, groups(shop)["row_not_a_time", "at"].group, DOTTED, rule)
    erase_person(person=PersonRef(shop.id, ("ann.secret",), ()), actor=ACTOR, at=clock.now())
    with scope(shop=shop.id):
        assert Settlement.objects.count() == 0
        assert "ann.secret" not in json.dumps(Mend.objects.get().rules)


# --- refused ---


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"rule": "no_such"}, "rule"),
        ({"rule": "zone", "column": "at", "zone": "Mars/Base"}, "zone"),
        ({"rule": "zone", "column": "at"}, "zone"),
        ({"rule": "zone", "column": "at", "zone": "UTC", "ignores_offset": "yes"}, "ignores_offset"),
        ({"rule": "time_format", "column": "at", "format": "day"}, "format"),
        ({"rule": "time_format", "column": "at", "format": "%d %d"}, "format"),
        ({"rule": "default", "column": "at", "value": " "}, "value"),
        ({"rule": "replace", "column": "at", "old": "", "new": "x", "is_part": True}, "old"),
        ({"rule": "received", "column": "timestamp"}, "rule"),
        ({"rule": "cents", "column": "price", "more": "1"}, "more"),
        ({"rule": "cents", "column": ""}, "column"),
        ({"rule": "drop", "note": ""}, "note"),
        ("cents", "rule"),
    ],
)
def test_rule__that_is_none__is_refused_with_field_value_and_remedy(shop, book, rule, field) -> None:
    load_book(shop, BROKEN)
    group = groups(shop)["row_not_a_time", "at"].group
    with pytest.raises(RuleInvalid) as refused:
        actions.start_mend(shop=shop, group=group, rules=[rule], actor=ACTOR, at=clock.now())
    assert refused.value.field == field
    assert refused.value.advice()
    assert groups(shop)["row_not_a_time", "at"].count == 8
    assert reads.list_mends(shop).count == 0


def test_mend__role_without_the_deed_or_another_shop__refused_and_nothing_written(
    shop, other_shop, book, member_of
) -> None:
    load_book(shop, BROKEN)
    group = groups(shop)["row_not_a_time", "at"].group
    analyst, stranger = member_of(shop, "analyst"), member_of(other_shop, "owner")
    for user, error in ((analyst, NotAllowed), (stranger, NotFound)):
        actor = Actor("member", user.pk, user.name, None)
        for deed in (actions.preview_mend, actions.start_mend):
            with pytest.raises(error):
                deed(shop=shop, group=group, rules=[DOTTED], actor=actor, at=clock.now())
    with pytest.raises(NotFound):
        actions.start_mend(shop=other_shop, group=group, rules=[DOTTED], actor=ACTOR, at=clock.now())
    assert groups(shop)["row_not_a_time", "at"].count == 8
    assert reads.list_mends(shop).count == 0
