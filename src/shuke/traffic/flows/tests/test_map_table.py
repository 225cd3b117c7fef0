"""The traffic map as a file: a line per link, with the nodes that it joins."""

from __future__ import annotations

from datetime import date

import pytest

from shuke.kernel.periods import Period
from shuke.traffic import reads
from shuke.traffic.flows.http import map_table
from shuke.traffic.flows.reads import ComparedMap


@pytest.mark.row("T3")
def test_map__as_a_table__says_of_each_link_from_where_to_where():
    nodes = (
        reads.FlowNode("c", "channel", 0, "direct", None, 5, 2),
        reads.FlowNode("t", "type", 1, "item", "item", 5, 2),
        reads.FlowNode("x", "exit", 99, None, None, 3, 0),
    )
    links = (reads.FlowLink("c", "t", 5, 2), reads.FlowLink("t", "x", 3, 0))
    period = Period(date(2026, 3, 2), date(2026, 3, 3))
    header, lines = map_table(ComparedMap(reads.FlowMap(period, None, 4, None, nodes, links, 5, 2, 0, 0)))
    assert [dict(zip(header, line, strict=True)) for line in lines] == [
        {
            "from_kind": "channel", "from_step": None, "from_type": None, "from_name": "direct",
            "to_kind": "type", "to_step": 1, "to_type": "item", "to_name": "item", "visits": 5, "ordered_visits": 2,
        },
        {
            "from_kind": "type", "from_step": 1, "from_type": "item", "from_name": "item",
            "to_kind": "exit", "to_step": None, "to_type": None, "to_name": None, "visits": 3, "ordered_visits": 0,
        },
    ]  # fmt: skip
