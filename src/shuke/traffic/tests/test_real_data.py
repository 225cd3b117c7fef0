"""Visits of a published clickstream: our own rule cuts it as its session ids do, and its channels are as its page says."""

from __future__ import annotations

import csv
import gzip
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from shuke.traffic import kernel, sessions
from shuke.traffic.tests.facts import RULES, event, in_order, rows_of, table
from shuke.warehouse import schemas

ROOT = Path(__file__).resolve().parents[4]
DATA = (
    Path(os.environ.get("SHUKE_DATA", ROOT.parent / "shared" / "data")) / "clickstream_ecom" / "ecom.csv.gz"
)
DEEDS = {"add_to_cart": "Product Added", "purchase": "Order Completed"}


def clickstream() -> list[dict]:
    """One event per line, times read as the shop's clock, the line as the order of equal times."""
    rows = []
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(csv.DictReader(lines), start=1):
            deed = DEEDS.get(line["event"])
            fields = (
                {"type": "track", "name": deed}
                if deed
                else {"type": "page", "page_path": f"/{line['event']}"}
            )
            if line["event"] == "purchase":
                fields["order"] = f"{line['session_id']}-{number}"
            made = event(
                at=line["timestamp"],
                ord=number,
                event_id=number,
                visitor=line["user_id"],
                person=line["user_id"],
                session_ref=line["session_id"],
                channel_given=line["acquisition_channel"],
                terminal=line["platform"],
                **fields,
            )
            rows.append(made)
    return rows


@pytest.mark.data
@pytest.mark.row("T3")
def test_clickstream__our_own_rule__its_sessions_channels_and_purchases():
    events = clickstream()
    assert len(events) == 31_106
    visits = rows_of(sessions.visits(table(events), RULES), "visits")
    assert len(visits) == len({v["session_ref"] for v in visits}) == 3_605
    sessions_of = {e["event_id"]: e["session_ref"] for e in events}
    assert all(sessions_of[v["visit_id"]] == v["session_ref"] for v in visits)
    stated = {e["session_ref"]: e["channel_given"] for e in events}
    assert Counter(stated[v["session_ref"]] for v in visits) == {
        "organic": 1_289,
        "paid_search": 1_023,
        "email": 583,
        "social": 554,
        "direct": 156,
    }
    assert sum(v["events"] for v in visits) == 31_106
    assert sum(v["orders"] for v in visits) == 470
    assert len({v["visitor_id"] for v in visits}) == 600
    assert len({v["visitor_id"] for v in visits if v["orders"]}) == 328
    by_kernel = kernel.visits(pa.Table.from_pylist(events, schema=schemas.EVENTS), RULES).to_pylist()
    assert in_order(by_kernel) == in_order(visits)


@pytest.mark.data
def test_clickstream__equal_times__stand_in_the_order_of_lines():
    events = clickstream()
    places = Counter((e["session_ref"], e["at"]) for e in events)
    assert sum(n > 1 for n in places.values()) == 162
    visits = {v["visit_id"]: v for v in rows_of(sessions.visits(table(events), RULES), "visits")}
    first = {}
    for one in events:
        first.setdefault(one["session_ref"], one["event_id"])
    assert set(visits) == set(first.values())
    assert min(v["started_at"] for v in visits.values()) < datetime(2024, 1, 5)
