"""For each guard of portability one question that a newcomer would write, and that engines answer apart.

With its guard the question is refused before anything is asked. Without it at least one engine answers otherwise than
plain Python (or not at all), and the corpus fails: no guard is there for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
from ibis import _

from shuke.traffic.tests.corpus.questions import SHOP
from tests.corpus import datasets

Row = dict[str, Any]


@dataclass(frozen=True)
class Tempting:
    """`build` makes the question from the data set's tables; `expected` is what it is meant to say."""

    guard: str
    dataset: str
    build: Callable[[dict[str, ibis.Table]], ibis.Table]
    expected: Callable[[], list[Row]]


def _views() -> list[int]:
    return [visit["views"] for visit in datasets.rows("a drawn shop")["visits"]]


def _by_visitor() -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for visit in sorted(
        datasets.rows("a drawn shop")["visits"], key=lambda v: (v["started_at"], v["visit_id"])
    ):
        found[visit["visitor_id"]].append(visit)
    return found


def _recent() -> list[Row]:
    """Per visit, the visits of its visitor in the hour before it, itself included."""
    rows = []
    for visits in _by_visitor().values():
        for visit in visits:
            since = visit["started_at"] - timedelta(hours=1)
            rows.append(
                {
                    "visit_id": visit["visit_id"],
                    "n": sum(since <= other["started_at"] <= visit["started_at"] for other in visits),
                }
            )
    return rows


def _recent_window(visits: ibis.Table) -> ibis.Table:
    window = ibis.range_window(
        group_by="visitor_id", order_by="started_at", preceding=ibis.interval(hours=1), following=0
    )
    return visits.select("visit_id", n=visits.visit_id.count().over(window))


def _last_order_before() -> list[Row]:
    orders = sorted(datasets.rows("a drawn shop")["order_facts"], key=lambda r: r["at"])
    rows = []
    for visit in datasets.rows("a drawn shop")["visits"]:
        before = [o["at"] for o in orders if o["at"] <= visit["started_at"]]
        rows.append({"visit_id": visit["visit_id"], "at": before[-1] if before else None})
    return rows


def _asof(tables: dict[str, ibis.Table]) -> ibis.Table:
    visits = tables["visits"].select("visit_id", "started_at")
    orders = tables["order_facts"].select("at")
    joined = visits.asof_join(orders, visits.started_at >= orders["at"])
    return joined.select("visit_id", "at")


def _weekday_bits() -> list[Row]:
    bits = 0
    for visit in datasets.rows("nothing")["visits"]:
        bits |= visit["views"]
    return [{"bits": bits or None}]


def _local_hours() -> list[Row]:
    return [
        {"visit_id": v["visit_id"], "hour": (v["started_at"] + timedelta(hours=8)).hour}
        for v in datasets.rows("a drawn shop")["visits"]
    ]


TEMPTING = (
    Tempting(
        "distinct count",
        "many visitors",
        lambda tables: tables["visits"].aggregate(n=_.visitor_id.nunique()),
        lambda: [{"n": datasets.MANY}],
    ),
    Tempting(
        "approximation",
        "many visitors",
        lambda tables: tables["visits"].aggregate(n=_.visitor_id.approx_nunique()),
        lambda: [{"n": datasets.MANY}],
    ),
    Tempting(
        "quantile",
        "many visitors",
        lambda tables: tables["visits"].aggregate(n=_.visit_id.quantile(0.5).cast("float64")),
        lambda: [{"n": (datasets.MANY + datasets.MANY // 10 - 1) / 2}],
    ),
    Tempting(
        "ordered first",
        "a drawn shop",
        lambda tables: (
            tables["visits"]
            .group_by("visitor_id")
            .aggregate(entry=_.campaign.first(order_by=[_.started_at, _.visit_id], include_null=True))
        ),
        lambda: [
            {"visitor_id": visitor, "entry": visits[0]["campaign"]}
            for visitor, visits in _by_visitor().items()
        ],
    ),
    Tempting("range window", "a drawn shop", lambda tables: _recent_window(tables["visits"]), _recent),
    Tempting("as-of join", "a drawn shop", _asof, _last_order_before),
    Tempting(
        "bits", "nothing", lambda tables: tables["visits"].aggregate(bits=_.views.bit_or()), _weekday_bits
    ),
    Tempting(
        "time zone",
        "a drawn shop",
        lambda tables: tables["visits"].select(
            "visit_id", hour=_.started_at.cast(f"timestamp('{SHOP.zone.key}')").hour()
        ),
        _local_hours,
    ),
    Tempting(
        "division",
        "a drawn shop",
        lambda tables: tables["visits"].select(
            "visit_id", share=(_.revenue_minor / _.orders).cast("float64")
        ),
        lambda: [
            {"visit_id": v["visit_id"], "share": v["revenue_minor"] / v["orders"] if v["orders"] else None}
            for v in datasets.rows("a drawn shop")["visits"]
        ],
    ),
)
