"""What happens on pages: worked cases, a law against plain Python, portability; hot and cold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.traffic.routes.tests.test_questions import deeds, drawn
from shuke.traffic.single_pages import days, decisions, questions
from shuke.traffic.single_pages.tests import oracle
from shuke.traffic.tests import oracle as visits_oracle
from shuke.traffic.tests import trails_oracle
from shuke.traffic.tests.facts import RULES, Translated, event
from shuke.warehouse import schemas
from shuke.warehouse.portability import check

CASES = yaml.safe_load((Path(__file__).parent / "pages.cases.yaml").read_text(encoding="utf-8"))
NAMES = ("views", "visits", "visitors", "stay_seconds", "measured", "entries", "exits")
PAGES = Translated(lambda t: questions.pages(questions.views_of(t["trails"])), ("trails",))
DAYS = Translated(lambda t: questions.pages(questions.views_of(t["trails"], "/"), "local_day"), ("trails",))
ENTRIES = Translated(lambda t: questions.entries(t["visits"]), ("visits",))
TO = Translated(lambda t: questions.went_to(t["trails"], "/"), ("trails",))
FROM = Translated(lambda t: questions.came_from(t["trails"], "/"), ("trails",))


OF_DAYS = Translated(lambda t: days.page_days(t["trails"]), ("trails",))


def check_days(trail: list[dict]) -> None:
    """The sums of days: equal to plain Python by the expression and by arrays, at once and put together of pieces."""
    names = schemas.PAGE_DAYS.names

    def as_rows(found: list[dict]) -> list[tuple]:
        return [tuple(row[name] for name in names) for row in found]

    expected = sorted(as_rows(oracle.days(trail)), key=repr)
    assert sorted(as_rows(OF_DAYS({"trails": trail})), key=repr) == expected
    for pieces in (1, 3):
        found = []
        for shop in {row["shop_id"] for row in trail}:
            parts = [
                [row for row in trail if row["shop_id"] == shop and row["visitor_id"] % pieces == number]
                for number in range(pieces)
            ]
            made = [days.sums({"trails": pa.Table.from_pylist(part, schemas.TRAILS)}) for part in parts]
            found += as_rows(days.added_up(pa.concat_tables(made)).to_pylist())
        assert sorted(found, key=repr) == expected


def check_pages(events) -> tuple[dict, list[dict]]:
    """Everything that is asked of pages, against plain Python; returns the sums by page and the trail."""
    trail = trails_oracle.trails(events, RULES)
    facts = {"trails": trail, "visits": visits_oracle.visits(events, RULES)}
    check_days(trail)
    found = {row.pop("page_path"): row for row in PAGES(facts)}
    assert found == oracle.pages(trail)
    of_page = [row for row in trail if row["page_path"] == "/"]
    assert {row.pop("local_day"): row for row in DAYS(facts)} == oracle.pages(of_page, "local_day")
    entries = {row["page_path"]: row["entries"] for row in ENTRIES(facts)}
    assert entries == oracle.entries(trail)
    ways = oracle.ways(trail)
    assert {row["next_path"]: row["views"] for row in TO(facts)} == {
        to: n for (path, to), n in ways.items() if path == "/"
    }
    assert {row["page_path"]: row["views"] for row in FROM(facts)} == {
        path: n for (path, to), n in ways.items() if to == "/"
    }
    for path, row in found.items():
        # From where and where to add up to the views.
        assert row["views"] == entries.get(path, 0) + sum(n for (_path, to), n in ways.items() if to == path)
        row["entries"] = entries.get(path, 0)
    return found, trail


@pytest.mark.row("T5")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_page__worked_case__counts_as_written(case):
    found, _trail = check_pages([event(**one) for one in case["events"]])
    assert {path: [row[name] for name in NAMES] for path, row in found.items()} == case["pages"]


@pytest.mark.row("T5")
def test_pages__random_visits__equal_plain_python():
    reached: Counter[str] = Counter()

    @settings(
        max_examples=6,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.lists(deeds, min_size=6, max_size=6))
    def law(given):
        events = [one for shop, of_shop in enumerate(given) for one in drawn(of_shop, shop)]
        _found, trail = check_pages(events)
        for row in trail:
            reached["views"] += row["is_view"]
            reached["reloads"] += row["next_path"] == row["page_path"]
            reached["no stay between"] += row["to_next"] == 0
            reached["exits"] += row["is_view"] and row["next_path"] is None
            reached["orders"] += not row["is_view"]

    law()
    print(dict(reached))
    least = {"views": 100, "reloads": 8, "no stay between": 8, "exits": 40, "orders": 8}
    assert all(reached[name] >= n for name, n in least.items()), reached


def test_page_questions__as_written__are_portable():
    unbound = {
        kind: ibis.table(ibis.Schema.from_pyarrow(schemas.ALL[kind]), name=kind)
        for kind in ("trails", "visits", "events", "page_flows", "page_days", "entrance_days")
    }
    one = ibis.table({"wanted": "string"}, name="one")
    trails, visits, events = unbound["trails"], unbound["visits"], unbound["events"]
    check(questions.pages(questions.views_of(trails)))
    check(questions.pages(questions.views_of(trails, "/"), None))
    check(questions.entries(visits, "channel", "/"))
    check(questions.known(unbound["page_flows"]))
    check(questions.went_to(trails, "/"))
    check(questions.came_from(trails, "/"))
    check(questions.seen_in(trails, "/"))
    check(questions.visits_on(visits, trails, one))
    check(questions.clicks(events, "/", "pc"))
    check(days.page_days(trails))
    check(questions.known_of_days(unbound["page_days"]))
    check(questions.summed(unbound["page_days"]))
    check(questions.summed_by_day(unbound["page_days"], one))
    check(questions.visitors(questions.views_of(trails)))
    check(questions.entered(unbound["entrance_days"]))
    check(questions.entered_by(unbound["entrance_days"], one))
    check(questions.moved_to(unbound["page_flows"], one))
    check(questions.moved_from(unbound["page_flows"], one))
    check(questions.moved_from(unbound["page_flows"], one, is_stated=False))


@pytest.mark.parametrize(
    ("views", "hot", "cold"),
    [
        ({"a": 300, "b": 200, "c": 300, "d": 150, "e": 50}, "ac", "e"),
        ({"a": 1000}, "a", ""),
        ({"a": 500, "b": 500, "c": 0}, "a", "c"),
        ({"a": 60, "b": 39, "c": 0}, "", ""),
    ],
)
def test_heats__by_what_they_hold_together__ties_by_path(views, hot, cold):
    found = decisions.heats(list(views.items()), 50, 5, 100)
    assert "".join(sorted(path for path, heat in found.items() if heat == "hot")) == hot
    assert "".join(sorted(path for path, heat in found.items() if heat == "cold")) == cold
