"""What a person does with files: looks before loading, keeps mappings, mends refused rows, is refused, is erased."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django_scopes import scope

from shuke.intake import actions, reads
from shuke.intake.files import problems
from shuke.intake.models import Import, Quarantined
from shuke.intake.quarantine.actions import StillRefused
from shuke.intake.tests.books import (
    ACTOR,
    BOOK,
    HEADER,
    book,
    counts_of,
    lines_of,
    load_book,
    small_chunks,
    the_waiting,
)
from shuke.kernel import clock
from shuke.kernel.errors import NotAllowed, NotFound
from shuke.records.actor import Actor
from shuke.records.personal import PersonRef, erase_person
from shuke.warehouse import reads as warehouse

__all__ = ["book", "small_chunks"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("warehouse_home", "small_chunks"),
]


def test_preview__first_rows_problems_and_notices(shop, book) -> None:
    at = clock.now()
    content = HEADER.replace("\n", ",备注\n") + "a,2026-03-01 10:00,tom,1,5,急\nb,gestern,ann,1,7,\n"
    upload = actions.upload_file(
        shop=shop, content=io.BytesIO(content.encode("gbk")), name="b.csv", actor=ACTOR, at=at
    )
    seen = actions.preview(shop=shop, files={"": upload.sha256}, mapping="book", actor=ACTOR, at=at)
    assert (seen.detected.encoding, seen.detected.separator, seen.detected.has_header) == (
        "gb18030",
        ",",
        True,
    )
    assert (seen.rows_looked_at, seen.rows_bad) == (2, 1)
    assert seen.rows[0].fields["amount_minor"] == 500
    assert seen.rows[0].fields["at"].isoformat() == "2026-03-01T10:00:00+08:00"
    assert seen.rows[1].fields is None
    assert [(p.line, p.column, p.code) for p in seen.problems] == [(3, "at", "row_not_a_time")]
    assert {n.code for n in seen.notices} == {"read_as_gbk", "columns_kept"}
    assert all("%(" not in n.text() for n in seen.notices)
    bare = actions.preview(shop=shop, files={"": upload.sha256}, actor=ACTOR, at=at)
    assert bare.columns[-1] == "备注"
    assert [m.name for m in reads.fitting_mappings(shop, bare.columns)] == ["book"]
    refused = actions.preview(
        shop=shop,
        files={"": upload.sha256},
        mapping="uci_online_retail",
        choices={"encoding": "gbk"},
        actor=ACTOR,
        at=at,
    )
    assert isinstance(refused.refusal, problems.MissingColumns)
    assert warehouse.whole_life(shop.id) is None


def test_preview__other_currency_than_the_shops__says_so(shop, book) -> None:
    at = clock.now()
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    content = header + "1,x,y,1,2010-12-01 08:26:00,2.55,17850.0,UK\n"
    upload = actions.upload_file(
        shop=shop, content=io.BytesIO(content.encode()), name="u", actor=ACTOR, at=at
    )
    seen = actions.preview(
        shop=shop, files={"": upload.sha256}, mapping="uci_online_retail", actor=ACTOR, at=at
    )
    assert [n.code for n in seen.notices] == ["other_currency"]
    assert "GBP" in seen.notices[0].text()


def test_preview__currencies_of_the_rows__are_looked_at_too(shop) -> None:
    spec = BOOK | {"columns": BOOK["columns"] | {"currency": "money"}}
    actions.save_mapping(shop=shop, spec=spec, actor=ACTOR, at=clock.now())

    def notices(*currencies: str) -> list[str]:
        lines = [f"o{i},2026-03-01,tom,1,5,{currency}" for i, currency in enumerate(currencies)]
        content = "\n".join([HEADER.strip() + ",money", *lines]).encode()
        upload = actions.upload_file(
            shop=shop, content=io.BytesIO(content), name="u", actor=ACTOR, at=clock.now()
        )
        seen = actions.preview(
            shop=shop, files={"": upload.sha256}, mapping="book", actor=ACTOR, at=clock.now()
        )
        return [n.text() for n in seen.notices if n.code == "other_currency"]

    assert notices("CNY", "", "cny") == []
    (words,) = notices("CNY", "USD", "EUR", "USD")
    assert "EUR, USD" in words


def test_mappings__saved_changed_removed__versions_hold(shop, other_shop, book) -> None:
    from shuke.kernel.errors import Conflict
    from shuke.records.reads import list_audit

    at = clock.now()
    assert reads.get_mapping(shop, "book").version == 1
    with pytest.raises(NotFound):
        reads.get_mapping(other_shop, "book")
    changed = actions.save_mapping(shop=shop, spec=BOOK | {"note": "x"}, version=1, actor=ACTOR, at=at)
    assert changed.version == 2
    for version in (None, 1):
        with pytest.raises(Conflict):
            actions.save_mapping(shop=shop, spec=BOOK, version=version, actor=ACTOR, at=at)
    assert reads.get_mapping(shop, "book").spec.note == "x"
    actions.remove_mapping(shop=shop, name="book", actor=ACTOR, at=at)
    with pytest.raises(NotFound):
        reads.get_mapping(shop, "book")
    deeds = [row.deed for row in list_audit(shop.id, subject_kind="mapping").rows]
    assert deeds == ["remove_mapping", "save_mapping", "save_mapping"]


def test_imports__role_without_the_deed__refused_and_nothing_written(shop, book, member_of) -> None:
    user = member_of(shop, "analyst")
    actor = Actor("member", user.pk, "ann", "analyst")
    at = clock.now()
    with pytest.raises(NotAllowed):
        actions.upload_file(shop=shop, content=io.BytesIO(b"a,b\n1,2\n"), name="f", actor=actor, at=at)
    with pytest.raises(NotAllowed):
        actions.save_mapping(shop=shop, spec=BOOK | {"name": "mine"}, actor=actor, at=at)
    with scope(shop=shop.id):
        assert Import.objects.count() == 0
    assert [m.name for m in reads.list_mappings(shop) if not m.is_shipped] == ["book"]


def test_uploads__other_shops_file__not_found(shop, other_shop) -> None:
    at = clock.now()
    upload = actions.upload_file(
        shop=other_shop, content=io.BytesIO(b"a,b\n1,2\n"), name="f", actor=ACTOR, at=at
    )
    with pytest.raises(NotFound):
        actions.preview(shop=shop, files={"": upload.sha256}, actor=ACTOR, at=at)


# --- mending ---


@pytest.mark.row("T1")
def test_mending__bad_cell__row_loads_under_its_own_identity(shop, book) -> None:
    good = HEADER + "a,2026-03-01,tom,1,5\na,2026-03-02,tom,1,6\na,2026-03-03,tom,1,7\n"
    load_book(shop, good.replace("2026-03-02", "the second"))
    row = the_waiting(shop)
    assert (row.line, row.column, row.reason) == (3, "at", "row_not_a_time")
    view = reads.get_quarantined(shop, row.pk)
    assert "the second" in view.words
    with pytest.raises(StillRefused):
        actions.mend_and_replay(shop=shop, quarantined_id=row.pk, actor=ACTOR, at=clock.now())
    assert len(lines_of(shop)) == 2
    mended = row.payload.replace("the second", "2026-03-02")
    actions.mend_and_replay(shop=shop, quarantined_id=row.pk, payload=mended, actor=ACTOR, at=clock.now())
    assert [(o, n, a) for o, n, a, _d in lines_of(shop)] == [("a", 1, 500), ("a", 2, 600), ("a", 3, 700)]
    assert counts_of(load_book(shop, good)) == (3, 0, 0, 3, 0)


def test_mending__key_was_unreadable__takes_the_place_behind_its_order(shop, book) -> None:
    good = HEADER + "a,2026-03-01,tom,1,5\na,2026-03-02,tom,1,6\na,2026-03-03,tom,1,7\n"
    load_book(shop, good.replace("\na,2026-03-02", "\n,2026-03-02"))
    row = the_waiting(shop)
    mended = row.payload.replace('"order": ""', '"order": "a"')
    actions.mend_and_replay(shop=shop, quarantined_id=row.pk, payload=mended, actor=ACTOR, at=clock.now())
    assert sorted(a for _o, _n, a, _d in lines_of(shop)) == [500, 600, 700]
    # The whole mended file states the same three contents on the same three places.
    load_book(shop, good)
    assert [(n, a) for _o, n, a, _d in lines_of(shop)] == [(1, 500), (2, 600), (3, 700)]


def test_mending__payload_that_is_no_row__says_so(shop, book) -> None:
    load_book(shop, HEADER + "a,bad,tom,1,5\nb,2026-03-01,tom,1,5\n")
    from shuke.kernel.errors import ShukeError

    for payload in ("{", "[1]", '{"order": {"x": 1}}'):
        with pytest.raises(ShukeError):
            actions.mend_and_replay(
                shop=shop, quarantined_id=the_waiting(shop).pk, payload=payload, actor=ACTOR, at=clock.now()
            )
    assert len(lines_of(shop)) == 1


# --- erasure ---


def test_erasure__person_in_a_file_and_in_a_refused_row__both_gone(shop, book, settings) -> None:
    load_book(shop, HEADER + "a,2026-03-01,tom.lee,1,5\nb,never,tom.lee,1,5\nc,never,ann,1,5\n")
    load_book(shop, HEADER + "d,2026-03-01,ann,1,5\n")
    erase_person(person=PersonRef(shop.id, ("tom.lee",)), actor=ACTOR, at=clock.now())
    with scope(shop=shop.id):
        assert [r.params["row_key"] for r in Quarantined.objects.all()] == ["c"]
    kept = [p.read_text() for p in Path(settings.UPLOADS, str(shop.id)).iterdir()]
    assert len(kept) == 1
    assert "tom.lee" not in kept[0]
