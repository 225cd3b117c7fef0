"""Trails and routes as expressions: worked cases, the plain oracle, and a law over random visits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.traffic import sessions, trails_kernel
from shuke.traffic.routes import kernel, questions
from shuke.traffic.routes.decisions import read_steps
from shuke.traffic.routes.shapes import Step
from shuke.traffic.routes.tests import oracle
from shuke.traffic.tests import oracle as visits_oracle
from shuke.traffic.tests import trails_oracle
from shuke.traffic.tests.facts import RULES, Translated, event
from shuke.traffic.trails import trails
from shuke.warehouse import schemas
from shuke.warehouse.portability import check

CASES = yaml.safe_load((Path(__file__).parent / "trails.cases.yaml").read_text(encoding="utf-8"))
TRAILS = Translated(lambda t: trails(t["events"], sessions.visits(t["events"], RULES)), ("events",))


def steps_of(given) -> tuple[Step, ...]:
    return read_steps([{"share": 0.5, **one} for one in given])


def in_order(rows) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def walked(trail, steps) -> kernel.Walked:
    """By the kernel; last row first, so that it has to sort."""
    rows = pa.Table.from_pylist(trail[::-1], schema=schemas.TRAILS)
    return kernel.Walked(rows.select(kernel.COLUMNS), steps)


def events_of(case) -> list[dict]:
    return [event(**given) for given in case["events"]]


def test_trails__worked_cases__equal_plain_python():
    """All cases at once, each a shop of its own, by the expression and by the kernel."""
    events = [event(**given, shop_id=number) for number, case in enumerate(CASES) for given in case["events"]]
    check_trails(events)


def check_trails(events) -> list[dict]:
    expected = trails_oracle.trails(events, RULES)
    assert in_order(TRAILS({"events": events})) == in_order(expected)
    visits = visits_oracle.visits(events, RULES)
    by_kernel = []
    for shop in {one["shop_id"] for one in events}:
        facts = {"events": events, "visits": visits}
        given = {kind: [one for one in rows if one["shop_id"] == shop] for kind, rows in facts.items()}
        arrow = {
            kind: pa.Table.from_pylist(rows, schema=schemas.ALL[kind]).select(trails_kernel.COLUMNS[kind])
            for kind, rows in given.items()
        }
        by_kernel += trails_kernel.trails(arrow).to_pylist()
    assert in_order(by_kernel) == in_order(expected)
    return expected


@pytest.mark.row("T5")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_route__worked_case__ends_as_written(case):
    events, steps = events_of(case), steps_of(case["route"])
    trail = trails_oracle.trails(events, RULES)
    by_visit = oracle.by_visit(trail)
    said = {
        v: (depth, to and to["page_path"]) for v in by_visit for depth, to in [oracle.end(by_visit[v], steps)]
    }
    assert sorted(map(repr, said.values())) == sorted(repr(tuple(one)) for one in case["ends"])
    asked = Translated(lambda t: questions.ends(t["trails"], steps), ("trails",))({"trails": trail})
    found = {(row["shop_id"], row["visit_id"]): (row["depth"], row["to_path"]) for row in asked}
    assert found == {v: end for v, end in said.items() if end[0]}
    assert in_order(walked(trail, steps).leaks()) == in_order(oracle.leaks(trail, steps))


ROUTE = (
    Step("pattern", "/*"),
    Step("type", "item"),
    Step("page", "/cart"),
    Step("order"),
)
REPEATED = (Step("type", "item"), Step("type", "item"), Step("pattern", "/*t"))
QUESTIONS = {
    "leaks": (questions.leaks, oracle.leaks),
    "pages": (questions.pages, oracle.pages),
}
ASKED = {
    (name, steps): Translated(lambda t, ask=ask, steps=steps: ask(t["trails"], steps), ("trails",))
    for name, (ask, _plain) in QUESTIONS.items()
    for steps in (ROUTE, REPEATED)
}
PAGES = [("/", "home"), ("/item/1", "item"), ("/item/2", "item"), ("/cart", "cart"), (None, None)]
deeds = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from([0, 0, 1, 1, 60, 60, 1799, 1800]),
        st.sampled_from([*PAGES, PAGES[1], PAGES[3], "order", "order", "click"]),
        st.sampled_from([None] * 7 + ["spring"]),
    ),
    min_size=1,
    max_size=14,
)


def drawn(given, shop: int) -> list[dict]:
    events, at = [], {"ann": 0, "bob": 0}
    for number, (visitor, gap, what, campaign) in enumerate(given):
        at[visitor] += gap
        hour, rest = divmod(at[visitor] + 23 * 3600 - 7200, 3600)
        day, hour = divmod(hour, 24)
        fields = {
            "at": f"2026-03-{2 + day:02d} {hour:02d}:{rest // 60:02d}:{rest % 60:02d}",
            "visitor": visitor,
            "shop_id": shop,
            "event_id": 1000 - number,
            "utm_campaign": campaign,
        }
        if what == "order":
            fields |= {"type": "track", "name": "Order Completed", "order": f"o{number % 3}"}
        elif what == "click":
            fields |= {"type": "track", "name": "Element Clicked", "page_path": "/"}
        else:
            fields |= {"page_path": what[0], "page_type": what[1]}
        events.append(event(**fields))
    return events


@pytest.mark.row("T5")
def test_routes__random_visits__equal_plain_python():
    reached: Counter[str] = Counter()

    @settings(
        max_examples=7,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.lists(deeds, min_size=8, max_size=8))
    def law(given):
        # Several shops at once: a question's translation costs more than its rows.
        events = [one for shop, deeds_of_shop in enumerate(given) for one in drawn(deeds_of_shop, shop)]
        trail = check_trails(events)
        for (name, steps), asked in ASKED.items():
            expected = QUESTIONS[name][1](trail, steps)
            assert in_order(asked({"trails": trail})) == in_order(expected), name
            # The kernel knows one shop: visits of several are told apart by their ids.
            one = [{**row, "visit_id": row["shop_id"] * 10_000 + row["visit_id"]} for row in trail]
            assert in_order(getattr(walked(one, steps), name)()) == in_order(expected), name
        for rows in oracle.by_visit(trail).values():
            depth, to = oracle.end(rows, ROUTE)
            for step in range(depth + 1):
                reached[f"depth {step}"] += 1
            reached["went elsewhere"] += to is not None
            reached["left"] += 0 < depth < len(ROUTE) and to is None
            reached["equal moments"] += any(row["to_next"] == 0 for row in rows)

    law()
    print(dict(reached))
    least = {
        "depth 1": 60,
        "depth 2": 15,
        "depth 3": 2,
        "went elsewhere": 10,
        "left": 40,
        "equal moments": 10,
    }
    assert all(reached[name] >= n for name, n in least.items()), reached


def test_route_questions__as_written__are_portable():
    events = ibis.table(ibis.Schema.from_pyarrow(schemas.EVENTS), name="events")
    check(trails(events, sessions.visits(events, RULES)))
    rows = ibis.table(ibis.Schema.from_pyarrow(schemas.TRAILS), name="trails")
    for steps in (ROUTE, REPEATED):
        for ask in (questions.leaks, questions.pages, questions.ends):
            check(ask(rows, steps))
        check(questions.behind(rows, steps, 2, only_left=True, to_path="/cart"))
        check(questions.behind(rows, steps, 2, only_left=True, to_exit=True))


def test_behind__a_page_without_a_path__is_not_taken_for_leaving():
    deeds = [("ann", "09:00", "/"), ("ann", "09:01", None), ("bob", "09:00", "/")]
    events = [event(at=f"2026-03-02 {at}", visitor=who, page_path=path) for who, at, path in deeds]
    trail, steps = trails_oracle.trails(events, RULES), steps_of([{"kind": "page", "value": "/"}] * 2)
    went = {len(rows): {visit} for (_shop, visit), rows in oracle.by_visit(trail).items()}
    for visits, to in ((went[2], {"to_path": ""}), (went[1], {"to_exit": True})):
        asked = Translated(
            lambda t, to=to: questions.behind(t["trails"], steps, 1, only_left=True, **to), ("trails",)
        )
        assert {row["visit_id"] for row in asked({"trails": trail})} == visits
        assert set(walked(trail, steps).behind(1, only_left=True, **to).tolist()) == visits
