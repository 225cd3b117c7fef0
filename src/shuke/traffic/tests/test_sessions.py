"""Visits and visitor days: worked cases, the law that expression and oracle agree, and the rules by their dates."""

from __future__ import annotations

import functools
import os
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.kernel.surrogates import surrogate
from shuke.traffic import sessions
from shuke.traffic.tests import oracle
from shuke.traffic.tests.facts import (
    CHANNELS,
    RULES,
    SHANGHAI,
    Translated,
    event,
    in_order,
    moment,
    rows_of,
    table,
)

CASES = yaml.safe_load((Path(__file__).parent / "visits.cases.yaml").read_text(encoding="utf-8"))


@functools.cache
def asked_visits() -> Translated:
    return Translated(lambda tables: sessions.visits(tables["events"], RULES), ["events"])


@functools.cache
def asked_days() -> Translated:
    return Translated(lambda tables: sessions.visitor_days(tables["visits"]), ["visits"])


def _expected(shown: dict, zone) -> dict:
    """A case's visit in the columns of the warehouse."""
    row = dict(shown)
    for name, column in (("from", "started_at"), ("to", "ended_at")):
        if name in row:
            row[column] = moment(row.pop(name), zone)
    if "person" in row:
        person = row.pop("person")
        row["person_id"] = surrogate(row.get("shop_id", 1), "person", person) if person else None
    return row


def _cases() -> list:
    from zoneinfo import ZoneInfo

    for case in CASES:
        zone = ZoneInfo(case.get("zone", SHANGHAI.key))
        yield pytest.param(case, zone, id=case["case"])


@pytest.mark.row("T2")
@pytest.mark.parametrize(("case", "zone"), list(_cases()))
def test_visits__worked_case__as_written(case, zone):
    events = [event(zone, **given) for given in case["events"]]
    found = asked_visits()({"events": events})
    found.sort(key=lambda v: (v["shop_id"], v["started_at"], v["visit_id"]))
    wanted = [_expected(shown, zone) for shown in case["visits"]]
    shown = [{name: row[name] for name in want} for row, want in zip(found, wanted, strict=False)]
    assert (len(found), shown) == (len(wanted), wanted)
    assert in_order(found) == in_order(oracle.visits(events, RULES))


def test_visits__no_events__no_visits():
    assert rows_of(sessions.visits(table([]), RULES), "visits") == []


def test_visits__rule_changes_on_a_day__each_day_is_cut_by_its_own_rule():
    eras = (
        sessions.VisitRules(date(2026, 1, 1), 30, True, CHANNELS),
        sessions.VisitRules(date(2026, 3, 3), 5, False, CHANNELS),
    )
    events = [
        event(at=f"{day} {clock}", **extra)
        for day in ("2025-12-31", "2026-03-02", "2026-03-03")
        for clock, extra in (("09:00", {}), ("09:05", {}), ("09:06", {"utm_source": "weibo"}))
    ]
    found = rows_of(sessions.visits(table(events), eras), "visits")
    by_day = Counter(v["local_day"] for v in found)
    assert by_day == {date(2025, 12, 31): 2, date(2026, 3, 2): 2, date(2026, 3, 3): 2}
    assert [v["views"] for v in sorted(found, key=lambda v: v["started_at"])] == [2, 1, 2, 1, 1, 2]
    assert in_order(found) == in_order(oracle.visits(events, eras))


_GAPS = st.sampled_from([0, 0, 0.4, 7, 61, 900, 1799, 1799.999999, 1800, 1800.000001, 2400, 7200, 40000])
_KEYS = st.sampled_from(
    [{}] * 6 + [{"utm_source": "a"}, {"utm_source": "b"}, {"utm_medium": "a"}, {"click_id": "gclid"}]
)
_DEEDS = st.sampled_from(
    [
        {},
        {"page_path": "/item/1", "page_type": "item"},
        {"page_path": None, "page_type": None},
        {"type": "screen", "page_path": "/cart", "page_type": "cart"},
        {"type": "track", "name": "Product Added"},
        {"type": "track", "name": "Order Completed", "order": "A1", "amount_minor": 100},
        {"type": "track", "name": "Order Completed", "order": "A1", "amount_minor": None},
        {"type": "track", "name": "Order Completed", "order": "A2", "amount_minor": 7},
        {"type": "track", "name": "Order Refunded", "person": "li", "anonymous_ref": None},
        {"type": "identify", "person": "li"},
        {"type": "identify"},
        {"type": "alias", "person": "wang"},
        {"person": "li"},
        {"referrer_host": "m.baidu.com", "terminal": "mobile"},
    ]
)
_STEP = st.tuples(st.sampled_from(["ann", "ann", "ben"]), _GAPS, _KEYS, _DEEDS, st.integers(0, 2))
_START = datetime(2026, 3, 2, 13, 0)


def _events(steps) -> list[dict]:
    at = _START
    events = []
    for number, (visitor, gap, key, deed, line) in enumerate(steps):
        at += timedelta(seconds=gap)
        # ids that do not follow the order of the events, so that a tie is decided by line and id alone
        events.append(event(at=at, visitor=visitor, ord=line, event_id=number * 7919 % 101, **(key | deed)))
    return events


def _tumbled(events: list[dict], seed: int) -> list[dict]:
    import random

    mixed = list(events)
    random.Random(seed).shuffle(mixed)
    return mixed


@pytest.mark.row("T2")
def test_visits__random_events__expression_equals_oracle(capsys):
    examples = int(os.environ.get("SHUKE_EXAMPLES", "400"))
    reached: Counter[str] = Counter()
    midnights = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_STEP, max_size=24), st.integers(0, 1000))
    def law(steps, seed):
        nonlocal midnights
        events = _events(steps)
        example: dict[str, int] = {}
        expected = oracle.visits(events, RULES, example)
        reached.update(set(example))
        midnights += len({e["local_day"] for e in events}) > 1
        found = asked_visits()({"events": _tumbled(events, seed)})
        assert in_order(found) == in_order(expected)
        days = asked_days()({"visits": found})
        assert in_order(days) == in_order(oracle.visitor_days(expected))

    law()
    reached["midnight"] = midnights
    with capsys.disabled():
        print(
            "\nexamples with a break by",
            {k: reached[k] for k in ("idle", "midnight", "campaign", "tie")},
            end=" ",
        )
    few = {
        kind: reached[kind]
        for kind in ("idle", "midnight", "campaign", "tie")
        if reached[kind] < examples / 10
    }
    assert not few, f"the law says little about {few}"
