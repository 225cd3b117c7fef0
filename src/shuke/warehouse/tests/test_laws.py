"""The law of the tiers: whatever is appended, sealed, merged and cleaned in whatever order, a derived table equals its
recomputation from the raw facts, and the raw facts are those that were appended."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pyarrow as pa
import pytest
from django_scopes import scopes_disabled
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.kernel.periods import Period
from shuke.warehouse import (
    actions,
    derivations,
    large_days,
    open_tier,
    processes,
    reads,
    remembering,
    schemas,
    sealed_tier,
    sealing,
)
from shuke.warehouse.engine import engine
from shuke.warehouse.models import Fill, SealedDay, Segment, Tier
from shuke.warehouse.snapshots import conformed
from shuke.warehouse.tests.facts import NOON, event, events_table, line, lines_table, order_event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("warehouse_home")]
PERIOD = Period(date(2026, 2, 27), date(2026, 3, 8))
reached: Counter[str] = Counter()
translated: dict[tuple[str, int], str] = {}  # a translation takes far longer than its answer

moments = st.tuples(st.integers(0, 3), st.integers(0, 80)).map(
    lambda t: NOON + timedelta(days=t[0], minutes=t[1] * 9)
)
facts = st.one_of(
    st.tuples(st.just("view"), st.sampled_from("abcd"), moments, st.sampled_from(["/", "/item/1", "/cart"])),
    st.tuples(st.just("order"), st.sampled_from("abcd"), moments, st.integers(1, 6)),
    st.tuples(st.just("line"), st.integers(1, 6), moments, st.integers(1, 3)),
)
appended = st.tuples(st.just("append"), st.lists(facts, min_size=1, max_size=6))
between = st.sampled_from(["seal", "seal in part", "merge", "merge", "clean"]).map(lambda what: (what, None))
steps = st.lists(st.tuples(appended, between), min_size=2, max_size=4).map(
    lambda pairs: [step for pair in pairs for step in pair]
)


def make(shop, facts_drawn, serial):
    events, lines = [], []
    for nth, (kind, who, at, what) in enumerate(facts_drawn):
        ref = f"{serial}.{nth}"
        if kind == "view":
            events.append(event(shop, ref, who, at, page_path=what))
        elif kind == "order":
            events.append(order_event(shop, ref, who, at, f"E{what}", 100 * what))
        else:
            lines.append(line(shop, f"F{who}", what, at, 10 * what))
    return events, lines


def recomputed(shop, raw):
    """Every derived kind from the raw facts alone; one that others read is computed once."""
    known = dict(raw)
    for derivation in derivations.in_order():
        context = derivations.Context(shop, PERIOD)
        if derivation.expression is None:
            read = {n: known[n].select(c) for n, c in derivation.kernel.columns.items()}
            known[derivation.kind] = derivation.kernel.prepare(context)(read)
            continue
        inputs = {n: engine().hold(f"law_{n}", known[n]) for n in derivation.inputs}
        asked = (derivation.kind, shop.id)
        if asked not in translated:
            expression = conformed(derivation.expression(inputs, context), derivation.kind)
            translated[asked] = engine().sql_of(expression)
        known[derivation.kind] = engine().answer(translated[asked]).cast(schemas.ALL[derivation.kind])
    return known


def as_rows(table: pa.Table):
    return Counter(tuple(sorted((k, str(v)) for k, v in row.items())) for row in table.to_pylist())


def law(examples: int):
    """The law over so many drawn examples."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return lambda test: settings(
        max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=checks
    )(given(steps=steps)(test))


# The smallest day that is sealed as a large one, in pieces of a few rows: every day, or hardly any. Nothing is shrunk: an
# example takes seconds.
each_size = pytest.mark.parametrize("large_from", [1, sealing.LARGE_DAY])


@each_size
@law(5)
def test_derived__any_order_of_late_facts_seals_and_merges__equals_recomputation(
    shop, warehouse_home, monkeypatch, steps, large_from
):
    holds(shop, warehouse_home, monkeypatch, steps, large_from)


@pytest.mark.soak
@each_size
@law(60)
def test_derived__many_orders_of_late_facts_seals_and_merges__equals_recomputation(
    shop, warehouse_home, monkeypatch, steps, large_from
):
    holds(shop, warehouse_home, monkeypatch, steps, large_from)


def holds(shop, warehouse_home, monkeypatch, steps, large_from):
    monkeypatch.setattr(sealing, "LARGE_DAY", large_from)
    monkeypatch.setattr(large_days, "PIECE_ROWS", 3)
    if large_from == 1:
        monkeypatch.setattr(sealing, "BATCH_DAYS", 1)  # a large day is sealed by itself
    reached["as a large day" if large_from == 1 else "as a small day"] += 1
    for model in (Segment, Tier, Fill, SealedDay):
        model.objects.all().delete() if model in (Segment, Tier) else model._base_manager.all().delete()
    for folder in ("open", "lake"):
        for path in sorted((warehouse_home / folder).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    # Numbers and versions begin again, which they never do in one life of a home.
    sealed_tier.files_by_day.cache_clear()
    remembering.forget()
    all_events, all_lines = [], []
    sealed_before = False
    for serial, (what, drawn) in enumerate(steps):
        if what == "append":
            events, lines = make(shop, drawn, serial)
            all_events += events
            all_lines += lines
            actions.append(facts={"events": events_table(events), "order_lines": lines_table(lines)})
            reached["late append" if sealed_before else "first append"] += 1
        elif what in ("seal", "seal in part"):
            # In part: a large day has not what is derived of it later, or still has it of an earlier sealing.
            if (actions if what == "seal" else sealing).seal(shop):
                sealed_before = True
                reached[what] += 1
                with scopes_disabled():
                    waits = SealedDay.objects.filter(is_whole=False).exists()
                assert waits == (what == "seal in part" and large_from == 1)
        elif what == "merge":
            run = list(Segment.objects.filter(unlisted_at=None, kind="events").order_by("last"))
            if len(run) > 1:
                reached["merge"] += open_tier.merge_run("events", run) > 0
        else:
            reached["clean"] += 1
            processes.unlist_sealed(grace=timedelta())
            open_tier.clean(grace=timedelta())

    def question(snapshot):
        kinds = [*schemas.RAW, *schemas.DERIVED]
        return {k: reads.run(snapshot.raw(k) if k in schemas.RAW else snapshot.derived(k)) for k in kinds}

    found = reads.ask(shop, PERIOD, question)
    truth = {kind: schema.empty_table() for kind, schema in schemas.RAW.items()}
    truth |= {"events": events_table(all_events), "order_lines": lines_table(all_lines)}
    for kind, rows in recomputed(shop, truth).items():
        assert as_rows(found[kind]) == as_rows(rows), kind


def test_law__examples__reached_every_kind_of_step():
    print(dict(reached))
    for kind in (
        "first append",
        "late append",
        "seal",
        "seal in part",
        "merge",
        "clean",
        "as a large day",
        "as a small day",
    ):
        assert reached[kind] >= 1, f"too few examples reached {kind}: {dict(reached)}"
