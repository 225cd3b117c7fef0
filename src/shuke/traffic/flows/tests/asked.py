"""What entrances and flows ask of the warehouse, for the corpus: name, tables, expression, and plain Python's answer."""

from __future__ import annotations

import importlib
from collections import defaultdict
from typing import Any

from shuke.traffic.entrances.derived import entrance_days
from shuke.traffic.entrances.tests import oracle as entrance_oracle
from shuke.traffic.flows import ways
from shuke.traffic.flows.tests import oracle

reading = importlib.import_module("shuke.traffic.reads.flows")
BY_PAGE = ("kind", "from_path", "to_path")
BY_STEP = ("kind", "channel", "step", "from_type", "to_type")


def _grouped(level: str, by: tuple[str, ...]) -> Any:
    return lambda tables: reading._grouped(ways.page_flows(tables["events"], tables["visits"]), level, by, ())


def _expected(by: tuple[str, ...]) -> Any:
    def rows(facts: Any) -> list[dict[str, Any]]:
        sums: dict[tuple, list[int]] = defaultdict(lambda: [0, 0, 0])
        for move in oracle.moves(facts["events"], facts["visits"]):
            added = sums[tuple(move[name] for name in by)]
            for place, count in enumerate((1, move["is_ordered"], move["stay_seconds"])):
                added[place] += count
        return [
            dict(zip((*by, "moves", "ordered_moves", "stay_seconds"), (*key, *added), strict=True))
            for key, added in sums.items()
        ]

    return rows


ASKED = (
    (
        "page_flows",
        ("events", "visits"),
        lambda tables: ways.page_flows(tables["events"], tables["visits"]),
        lambda facts: oracle.page_flows(facts["events"], facts["visits"]),
    ),
    (
        "ways",
        ("events", "visits"),
        lambda tables: ways.moves(tables["events"], tables["visits"]),
        lambda facts: oracle.moves(facts["events"], facts["visits"]),
    ),
    ("flows by page", ("events", "visits"), _grouped("page", BY_PAGE), _expected(BY_PAGE)),
    ("flows by step", ("events", "visits"), _grouped("type", BY_STEP), _expected(BY_STEP)),
    (
        "entrance_days",
        ("visits",),
        lambda tables: entrance_days(tables["visits"]),
        lambda facts: entrance_oracle.entrance_days(facts["visits"]),
    ),
)
