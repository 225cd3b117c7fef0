"""An erasure leaves no trace of the person in either tier: no row, no file, no statistic, no log line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from shuke.kernel.surrogates import surrogate
from shuke.records import erasures
from shuke.records.personal import PersonRef
from shuke.warehouse import actions, erasure, sealed_tier
from shuke.warehouse.personal import STORE
from shuke.warehouse.tests.facts import NOON, line, lines_table, order_event, views
from shuke.warehouse.tests.test_tiers import add, answers, rows_of, run_until_line

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]


def everything_on_disk(home: Path) -> bytes:
    return b"\n".join(p.read_bytes() for p in home.rglob("*") if p.is_file())


def test_erase__person_in_both_tiers__leaves_no_trace_and_others_untouched(shop, warehouse_home):
    """Facts of two people, sealed, changed late and open: after the erasure one of them was never there."""
    name = "wang.erased@example.com"
    add(
        shop,
        *views(shop, name, [0, 5]),
        order_event(shop, "o", name, NOON, "A1", 990),
        *views(shop, "bob", [1]),
    )
    actions.append(facts={"order_lines": lines_table([line(shop, "F1", 1, NOON, 500, buyer_ref=name)])})
    actions.seal(shop)
    add(shop, *views(shop, name, [7]), *views(shop, "bob", [9]))
    actions.seal(shop)
    add(shop, *views(shop, name, [30], NOON + timedelta(days=1)), *views(shop, "bob", [60]))
    ids = [surrogate(shop.id, "visitor", name), surrogate(shop.id, "person", "buyer of F1")]
    assert actions.erase(shop_id=shop.id, surrogates=ids) > 0

    left = answers(shop)
    assert {r["visitor_id"] for r in left["events"]} == {surrogate(shop.id, "visitor", "bob")}
    assert len(left["events"]) == 3
    assert left["order_lines"] == []
    assert left["order_facts"] == []
    found = everything_on_disk(warehouse_home / "lake") + everything_on_disk(warehouse_home / "open")
    assert name.encode() not in found
    for kind in ("events", "visits", "visitor_days", "order_lines", "order_facts"):
        text = sealed_tier.log_text(shop.id, kind)
        assert not any(str(i) in text for i in ids), f"the log of {kind} still names the person"
    assert actions.erase(shop_id=shop.id, surrogates=ids) == 0


@pytest.mark.row("E3")
def test_erase__person_on_a_shared_device__leaves_what_is_derived_equal_to_what_is_left(shop):
    """The device stays, the person goes: visits and visitor days are those of the events that are left."""
    person = surrogate(shop.id, "person", "wang")
    signed_in = [
        row | {"person_id": person, "person_ref": "wang"} for row in views(shop, "device", [0, 5, 200, 203])
    ]
    add(shop, *signed_in, *views(shop, "device", [400]), *views(shop, "bob", [1]))
    add(shop, *views(shop, "device", [2], NOON + timedelta(days=1)))
    actions.seal(shop)
    assert sum(r["views"] for r in rows_of(shop, "visitor_days")) == 7
    actions.erase(shop_id=shop.id, surrogates=[person])
    left = answers(shop)
    assert len(left["events"]) == 3
    for kind in ("visits", "visitor_days"):
        assert sum(r["views"] for r in left[kind]) == 3, kind
    assert {r["person_id"] for r in left["visits"]} == {None}


def test_erase__same_name_in_another_shop__stays(shop, other_shop):
    add(shop, *views(shop, "ann", [0]))
    add(other_shop, *views(other_shop, "ann", [0]))
    actions.erase(shop_id=shop.id, surrogates=[surrogate(shop.id, "visitor", "ann")])
    assert rows_of(shop, "events") == []
    assert len(rows_of(other_shop, "events")) == 1


def test_personal_store__one_person__is_told_and_erased_whole(shop):
    """The register finds the person by the names that the sources use."""
    add(shop, *views(shop, "ann", [0, 5]), *views(shop, "bob", [1]))
    actions.append(facts={"order_lines": lines_table([line(shop, "F1", 1, NOON, 500)])})
    actions.seal(shop)
    person = PersonRef(shop.id, person_refs=("buyer of F1",), anonymous_refs=("ann",))
    told = STORE.export(shop.id, person)
    assert [len(told["events"]), len(told["order_lines"])] == [2, 1]
    assert told["order_lines"][0]["buyer_ref"] == "buyer of F1"
    STORE.erase(shop.id, person)
    assert not any(STORE.export(shop.id, person).values())
    assert len(rows_of(shop, "events")) == 1


@pytest.mark.row("E4")
def test_restore__of_an_older_backup__does_not_bring_the_erased_back(shop, warehouse_home, tmp_path):
    """What a restore runs for every erasure on the list takes the facts away again."""
    add(shop, *views(shop, "ann", [0, 5]), *views(shop, "bob", [1]))
    erasure = erasures.of_person(shop.id, person_refs=(), anonymous_refs=("ann",), at=NOON)
    assert STORE.erase_again is not None
    STORE.erase_again(erasure)
    assert {r["anonymous_ref"] for r in rows_of(shop, "events")} == {"bob"}


def test_erase__killed_at_many_lines__loses_nobody_else_and_is_finished(shop):
    """A kill leaves the ledger naming tables that exist: others' facts are all there, and the erasure is finished later."""
    ids = []
    for n in range(5):
        name = f"person{n}"
        add(shop, *views(shop, name, [n, n + 40]), *views(shop, "bob", [n]))
        ids.append(surrogate(shop.id, "visitor", name))
    actions.seal(shop)
    modules = [erasure.__file__, sealed_tier.__file__]
    lines = run_until_line(0, lambda: actions.erase(shop_id=shop.id, surrogates=ids[:1]), modules)
    assert lines is not None
    for n, person in enumerate(ids[1:]):
        at_line = 1 + len(lines) * (n + 1) // len(ids)
        erased = lambda person=person: actions.erase(shop_id=shop.id, surrogates=[person])  # noqa: E731
        assert run_until_line(at_line, erased, modules) is None
        of_bob = [r for r in rows_of(shop, "events") if r["anonymous_ref"] == "bob"]
        assert len(of_bob) == 5, f"killed at line {at_line} of {len(lines)}: others' facts are gone"
        erasure.finish_begun(shop.id)
    actions.erase(shop_id=shop.id, surrogates=ids)
    assert {r["anonymous_ref"] for r in rows_of(shop, "events")} == {"bob"}
    add(shop, *views(shop, "bob", [55]))
    actions.seal(shop)
    assert len(rows_of(shop, "events")) == 6


def test_open_table__version_that_was_cleaned_away__is_no_empty_table(shop):
    add(shop, *views(shop, "ann", [0]))
    actions.seal(shop)
    assert sealed_tier.open_table(shop.id, "events") is not None
    assert sealed_tier.open_table(shop.id, "never") is None
    with pytest.raises(sealed_tier.VersionGone):
        sealed_tier.open_table(shop.id, "events", 99)
