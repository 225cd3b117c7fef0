"""Derived days filled again: equal rows, no change of an answer when it is killed, refused for an unknown engine."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import pytest
from django.core.exceptions import ImproperlyConfigured
from django_scopes import scope

from shuke.kernel.periods import Period
from shuke.warehouse import actions, derivations, reads, schemas, sealed_tier, snapshots
from shuke.warehouse.models import Fill, SealedDay
from shuke.warehouse.tests.facts import NOON, event, events_table, line, lines_table, order_event, views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.row("E4")]
KINDS = ("visits", "visitor_days", "channel_days", "order_facts")


def _append(shop) -> None:
    rows = [
        row
        for day in range(3)
        for visitor in ("ann", "bob")
        for row in views(shop, visitor, (0, 5, 50), NOON + timedelta(days=day))
    ]
    rows.append(order_event(shop, "paid", "ann", NOON + timedelta(minutes=6), "A1", 990, 2))
    rows.append(event(shop, "late", "bob", NOON + timedelta(days=1, minutes=7), utm_source="weibo"))
    actions.append(
        facts={"events": events_table(rows), "order_lines": lines_table([line(shop, "B1", 1, NOON, 500)])}
    )


def _answers(shop) -> dict[str, list[str]]:
    period = Period.inclusive(date(2026, 3, 1), date(2026, 3, 6))

    def question(snapshot: reads.Snapshot) -> dict[str, list[str]]:
        return {kind: sorted(map(repr, reads.run(snapshot.derived(kind)).to_pylist())) for kind in KINDS}

    return reads.ask(shop, period, question)


def test_refill__some_days__rows_are_equal_and_lie_in_a_new_version(shop, warehouse_home):
    _append(shop)
    actions.seal(shop)
    before = _answers(shop)
    with scope(shop=shop.id):
        old = {row.day: row.versions for row in SealedDay.objects.all()}
    assert actions.refill(shop, {date(2026, 3, 3)}, by="duckdb") == 1
    with scope(shop=shop.id):
        new = {row.day: row.versions for row in SealedDay.objects.all()}
        assert not Fill.objects.filter(done_at=None).exists()
    assert all(rows for rows in before.values())
    assert _answers(shop) == before
    assert {day for day in old if old[day] != new[day]} == {date(2026, 3, 3)}
    assert actions.refill(shop) == 3
    assert _answers(shop) == before


def test_refill__killed_between_two_tables__changes_no_answer_and_is_finished(
    shop, warehouse_home, monkeypatch
):
    _append(shop)
    actions.seal(shop)
    before = _answers(shop)
    write = sealed_tier.replace_days
    written = []

    def killed(shop_id, kind, days, rows):
        if written:
            raise KeyboardInterrupt
        written.append(kind)
        return write(shop_id, kind, days, rows)

    with monkeypatch.context() as patched:
        patched.setattr(sealed_tier, "replace_days", killed)
        with pytest.raises(KeyboardInterrupt):
            actions.refill(shop, by="duckdb")
    assert written
    assert _answers(shop) == before
    with scope(shop=shop.id):
        assert Fill.objects.filter(done_at=None).count() == 1
    actions.seal(shop)
    assert _answers(shop) == before
    with scope(shop=shop.id):
        assert not Fill.objects.filter(done_at=None).exists()


def test_kind_that_is_new__on_days_sealed_before_it__is_computed_until_they_are_filled(
    shop, warehouse_home, monkeypatch
):
    _append(shop)
    with monkeypatch.context() as before:
        known = {kind: d for kind, d in derivations._registered.items() if kind != "channel_days"}
        before.setattr(derivations, "_registered", known)
        actions.seal(shop, {date(2026, 3, 2), date(2026, 3, 3)})
    actions.seal(shop)
    found = _answers(shop)

    def unsettled() -> tuple[date, ...]:
        return reads.ask(
            shop,
            Period.inclusive(date(2026, 3, 1), date(2026, 3, 6)),
            lambda s: s.unsettled_days("channel_days"),
        )

    assert unsettled() == (date(2026, 3, 2), date(2026, 3, 3))
    assert len(found["channel_days"]) >= 7  # each of the three days, whole and by its channels
    assert actions.refill(shop) == 3
    assert unsettled() == ()
    assert _answers(shop) == found


def test_column_that_is_new__on_days_sealed_before_it__is_there_once_they_are_filled(
    shop, warehouse_home, monkeypatch
):
    _append(shop)
    with monkeypatch.context() as before:
        narrow = schemas.VISITOR_DAYS.remove(schemas.VISITOR_DAYS.get_field_index("carts"))
        for kinds in (schemas.DERIVED, schemas.ALL):
            before.setitem(kinds, "visitor_days", narrow)
        before.setattr(snapshots, "_translated", {})
        actions.seal(shop, {date(2026, 3, 2), date(2026, 3, 3)})
    actions.seal(shop)
    with pytest.raises(duckdb.BinderException, match="carts"):  # told, and no number that is none
        reads.ask(shop, Period.of_day(date(2026, 3, 2)), lambda s: reads.run(s.derived("visitor_days")))
    assert actions.refill(shop) == 3
    rows = _answers(shop)["visitor_days"]
    assert len(rows) == 6
    assert all("'carts': 0" in row for row in rows)


def test_refill__unknown_engine__is_refused_before_anything(shop, warehouse_home):
    with pytest.raises(ImproperlyConfigured, match="sparks"):
        actions.refill(shop, by="sparks")
    with scope(shop=shop.id):
        assert not Fill.objects.exists()
