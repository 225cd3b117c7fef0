"""Ways of visits: worked cases, and the law that expression, kernel and plain Python agree."""

from __future__ import annotations

import functools
import os
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.traffic.flows import kernel, ways
from shuke.traffic.flows.tests import oracle
from shuke.traffic.tests import oracle as visit_oracle
from shuke.traffic.tests.facts import RULES, SHANGHAI, Translated, event, in_order
from shuke.traffic.tests.test_sessions import _STEP, _events, _tumbled
from shuke.warehouse import schemas

CASES = yaml.safe_load((Path(__file__).parent / "ways.cases.yaml").read_text(encoding="utf-8"))


@functools.cache
def asked(answer: str) -> Translated:
    build = {"moves": ways.moves, "page_flows": ways.page_flows}[answer]
    return Translated(lambda tables: build(tables["events"], tables["visits"]), ["events", "visits"])


def by_kernel(events: list[dict], visits: list[dict], pieces: int = 1) -> list[dict]:
    """As sealing does it: visitors' moves piece by piece, then added up."""
    made = []
    for piece in range(pieces):
        tables = {
            kind: pa.Table.from_pylist(
                [row for row in rows if row["visitor_id"] % pieces == piece], schema=schemas.ALL[kind]
            ).select(kernel.COLUMNS[kind])
            for kind, rows in (("events", events), ("visits", visits))
        }
        made.append(kernel.moves(tables))
    found = kernel.added_up(pa.concat_tables(made))
    assert found.schema.equals(schemas.PAGE_FLOWS)
    return found.to_pylist()


def _drawn(move: dict, *, with_day: bool) -> str:
    def page(side: str, is_there: bool) -> str:
        return (move[f"{side}_path"] or "none") if is_there else ""

    parts = [
        str(move["local_day"]) if with_day else "",
        move["kind"],
        str(move["step"]),
        page("from", move["kind"] != "entry"),
        "->",
        page("to", move["kind"] in ("entry", "move")),
        "*" if move["is_ordered"] else "",
    ]
    return " ".join(part for part in parts if part)


def _cases():
    for case in CASES:
        yield pytest.param(case, ZoneInfo(case.get("zone", SHANGHAI.key)), id=case["case"])


@pytest.mark.row("T3")
@pytest.mark.parametrize(("case", "zone"), list(_cases()))
def test_ways__worked_case__as_written(case, zone):
    events = [event(zone, **given) for given in case["events"]]
    visits = visit_oracle.visits(events, RULES)
    found = asked("moves")({"events": events, "visits": visits})
    with_day = any(text.startswith("2026") for text in case["moves"])
    assert sorted(_drawn(move, with_day=with_day) for move in found) == sorted(case["moves"])
    if "stay_seconds" in case:
        assert sum(move["stay_seconds"] for move in found) == case["stay_seconds"]
    assert in_order(found) == in_order(oracle.moves(events, visits))
    expected = in_order(oracle.page_flows(events, visits))
    assert in_order(asked("page_flows")({"events": events, "visits": visits})) == expected
    assert in_order(by_kernel(events, visits)) == expected


def test_ways__no_events__none():
    assert asked("page_flows")({"events": [], "visits": []}) == []
    assert by_kernel([], []) == []


@pytest.mark.row("T3")
@pytest.mark.parametrize("most_cells", [4_000_000, 1], ids=["counted", "sorted"])
def test_ways__random_events__law_of_expression_kernel_and_oracle(capsys, monkeypatch, most_cells):
    monkeypatch.setattr(kernel, "_MOST_CELLS", most_cells)
    examples = int(os.environ.get("SHUKE_EXAMPLES", "120"))
    reached: Counter[str] = Counter()

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
        events = _events(steps)
        broken: dict[str, int] = {}
        visits = visit_oracle.visits(events, RULES, broken)
        expected = in_order(oracle.page_flows(events, visits))
        reached.update({kind for kind in broken if kind in ("campaign", "tie")})
        reached.update({row["kind"] for row in expected})
        tumbled = _tumbled(events, seed)
        assert in_order(asked("page_flows")({"events": tumbled, "visits": visits})) == expected
        assert in_order(by_kernel(tumbled, visits, pieces=1 + seed % 3)) == expected

    law()
    with capsys.disabled():
        print(f"\nways ({most_cells}): examples with", dict(reached), end=" ")
    wanted = ("campaign", "tie", "entry", "move", "exit", "order")
    few = {kind: reached[kind] for kind in wanted if reached[kind] < examples / 10}
    assert not few, f"the law says little about {few}"
