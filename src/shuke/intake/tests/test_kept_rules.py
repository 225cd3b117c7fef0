"""Rules that are kept: later loads are mended by them, the preview says so, and they can be stopped."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from django.utils import translation

from shuke.intake import actions, reads
from shuke.intake.files import load
from shuke.intake.quarantine.kept import NotKept
from shuke.intake.tests.books import BOOK, HEADER, counts_of, lines_of, load_book
from shuke.intake.tests.test_quarantine import facts
from shuke.intake.tests.test_quarantine_mends import (
    ACTOR,
    BROKEN,
    CLEAN,
    DOTTED,
    FILLED,
    book,
    groups,
    mend,
    rows_of,
    small_chunks,
)
from shuke.kernel import clock
from shuke.kernel.errors import NotFound
from shuke.records.reads import list_audit

__all__ = ["book", "facts", "small_chunks"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home"),
    pytest.mark.row("T1"),
]


def _kept(shop) -> list[tuple[str, str, str, int]]:
    return [(one.mapping, one.reason, one.column, one.rows) for one in reads.list_kept(shop)]


def test_kept__rules__mend_a_later_load_and_leave_good_rows_alone(shop, book, make_shop) -> None:
    load_book(shop, HEADER + "z,01.03.2026,p,1,1\n")
    group = groups(shop)["row_not_a_time", "at"].group
    mend(shop, group, DOTTED, is_kept=True)
    view = load_book(shop, BROKEN, name="later.csv")
    assert counts_of(view) == (9, 9, 0, 0, 0)
    assert reads.waiting_groups(shop) == ()
    whole = make_shop("clean")
    actions.save_mapping(shop=whole, spec=BOOK, actor=ACTOR, at=clock.now())
    load_book(whole, HEADER + "z,2026-03-01 00:00:00,p,1,1\n")
    load_book(whole, CLEAN + "x,2026-03-01,p,1,1\n")
    assert lines_of(shop) == lines_of(whole)
    assert _kept(shop) == [("book", "row_not_a_time", "at", 8)]
    entry = reads.list_quarantined(shop, state="replayed").rows[0]
    (settled,) = reads.history_of(shop, entry.id)
    assert settled.kept_id == reads.list_kept(shop)[0].id
    assert [one["column"] for one in settled.changes] == ["at"]
    # The same file again adds nothing, also to the record.
    assert counts_of(load_book(shop, BROKEN, name="later.csv")) == (9, 0, 0, 9, 0)
    assert _kept(shop) == [("book", "row_not_a_time", "at", 8)]


def test_kept__in_the_preview__mends_as_the_load_does_and_says_which_rule_changed_which_cell(
    shop, book, client, member_of
) -> None:
    load_book(shop, HEADER + "z,01.03.2026,p,1,1\nz,2026-03-01,p,1,\n")
    mend(shop, groups(shop)["row_not_a_time", "at"].group, DOTTED, is_kept=True)
    (of_price,) = (one.group for one in reads.waiting_groups(shop))
    mend(shop, of_price, FILLED, is_kept=True)
    text = (
        HEADER
        + "".join(rows_of("aabb", "{:02}.03.2026"))
        + "x,2026-03-01,p,1,1\nx,01.03.2026,p,1,\nx,,p,1,1\n"
    )
    given = actions.upload_file(
        shop=shop, content=io.BytesIO(text.encode()), name="later.csv", actor=ACTOR, at=clock.now()
    )
    asked = {"shop": shop, "files": {"": given.sha256}, "actor": ACTOR, "at": clock.now()}
    with translation.override("en"):
        seen = actions.preview(**asked, mapping="book")
    assert (seen.rows_looked_at, seen.rows_mended, seen.rows_bad) == (7, 5, 1)
    dotted, filled = "The times of “at” are written as %d.%m.%Y", "An empty “price” is “9”"
    assert dict(seen.mends) == {dotted: 5, filled: 1}
    changed = [[(one.column, one.before, one.after, one.rules) for one in row.mended] for row in seen.rows]
    assert changed[0] == [("at", "01.03.2026", "2026-03-01 00:00:00", dotted)]
    assert changed[4] == changed[6] == []
    assert [one[3] for one in changed[5]] == [dotted, filled]
    assert seen.rows[5].cells[1] == "2026-03-01 00:00:00"
    loads = [row.fields is not None for row in seen.rows]
    # A draft is looked at as it stands, and so is a file that nothing is kept for.
    assert actions.preview(**asked, spec=reads.get_mapping(shop, "book").spec).rows_mended == 0
    client.force_login(member_of(shop, "operator"), backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["shuke_language"] = "en"
    page = client.get(
        reverse("intake:preview", args=[shop.slug]), {"file": given.sha256, "mapping": "book"}
    ).content.decode()
    assert "Rules that are kept mend 5 rows as they are loaded:" in page
    assert page.count("yes, mended") == 5
    assert f'title="{dotted}"><del>01.03.2026</del> → <ins>2026-03-01 00:00:00</ins>' in page
    # The load does the same.
    view = load_book(shop, text, name="later.csv")
    assert (view.rows_read, view.rows_bad, sum(loads)) == (7, 1, 6)
    assert sum(one.rows for one in reads.list_kept(shop)) == 5


def test_kept__key_that_could_not_be_read__takes_its_own_place_also_after_a_kill(
    shop, book, monkeypatch
) -> None:
    rule = {"rule": "default", "column": "order", "value": "a"}
    load_book(shop, HEADER + ",2026-03-01,p,1,9\n")
    mend(shop, groups(shop)["row_blank", "order"].group, rule, is_kept=True)
    rows = ["a,2026-03-01,p,1,1\n", ",2026-03-01,p,1,2\n", "a,2026-03-01,p,1,3\n"] * 3
    real = load._save

    def save(*args):
        load._running.clear()  # every chunk opens the file again
        real(*args)

    monkeypatch.setattr(load, "_save", save)
    monkeypatch.setattr(load, "_hold", lambda *_: None)
    view = load_book(shop, HEADER + "".join(rows), name="many.csv")
    assert view.rows_bad == 0
    assert [n for _o, n, _a, _d in lines_of(shop)] == list(range(1, 10))
    assert [a for _o, _n, a, _d in lines_of(shop)] == [100, 200, 300] * 3


def test_kept__removed_or_replaced__later_loads_go_by_what_stands(shop, other_shop, book) -> None:
    wrong = {"rule": "time_format", "column": "at", "format": "%m/%d/%Y"}
    load_book(shop, HEADER + "z,01.03.2026,p,1,1\n")
    group = groups(shop)["row_not_a_time", "at"].group
    actions.start_mend(shop=shop, group=group, rules=[wrong], is_kept=True, actor=ACTOR, at=clock.now())
    mend(shop, group, DOTTED, is_kept=True)
    ((kept),) = reads.list_kept(shop)
    assert dict(kept.rules[0])["format"] == "%d.%m.%Y"
    with pytest.raises(NotFound):
        actions.remove_kept(shop=other_shop, kept_id=kept.id, actor=ACTOR, at=clock.now())
    actions.remove_kept(shop=shop, kept_id=kept.id, actor=ACTOR, at=clock.now())
    assert reads.list_kept(shop) == ()
    assert load_book(shop, HEADER + "y,02.03.2026,p,1,1\n", name="y.csv").rows_bad == 1
    deeds = [one.deed for one in list_audit(shop.id).rows]
    assert (deeds.count("keep_mend"), deeds.count("remove_kept_mend")) == (2, 1)


@pytest.mark.parametrize("rules", [[], [{"rule": "drop", "note": "x"}]])
def test_kept__what_changes_nothing_or_drops__is_refused_and_nothing_starts(shop, book, rules) -> None:
    load_book(shop, BROKEN)
    group = groups(shop)["row_not_a_time", "at"].group
    with pytest.raises(NotKept):
        actions.start_mend(shop=shop, group=group, rules=rules, is_kept=True, actor=ACTOR, at=clock.now())
    assert reads.list_mends(shop).count == 0
