"""What is asked of trails: the trails themselves, planned routes, single pages; each with its plain answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ibis

from shuke.traffic.routes import questions as routes
from shuke.traffic.routes.shapes import Step
from shuke.traffic.routes.tests import oracle as routes_oracle
from shuke.traffic.single_pages import questions as pages
from shuke.traffic.single_pages.days import page_days
from shuke.traffic.single_pages.tests import oracle as pages_oracle
from shuke.traffic.tests import trails_oracle
from shuke.traffic.tests.facts import RULES
from shuke.traffic.trails import trails

Row = dict[str, Any]
Tables = Mapping[str, ibis.Table]
ROUTE = (Step("pattern", "/*"), Step("type", "item"), Step("page", "/cart"), Step("order"))
OF_PATTERNS = (Step("pattern", "/*tem*"), Step("pattern", "/item/2*"), Step("type", "home"))


def _of_trails(
    build: Callable[[ibis.Table], ibis.Table], expected: Callable[[Sequence[Row]], list[Row]]
) -> tuple[Any, ...]:
    return ("trails",), lambda tables: build(tables["trails"]), lambda facts: expected(facts["trails"])


def asked() -> dict[str, tuple[Any, ...]]:
    """Name → kinds, build, expected."""
    found = {
        "trails": (
            ("events", "visits"),
            lambda tables: trails(tables["events"], tables["visits"]),
            lambda facts: trails_oracle.trails(facts["events"], RULES),
        ),
        "page_totals": _of_trails(
            lambda rows: pages.pages(pages.views_of(rows)),
            lambda rows: [{"page_path": path} | one for path, one in pages_oracle.pages(rows).items()],
        ),
        "page_days": _of_trails(page_days, pages_oracle.days),
        "page_visitors": _of_trails(
            lambda rows: pages.visitors(pages.views_of(rows)),
            lambda rows: [
                {"page_path": path, "visitors": one["visitors"]}
                for path, one in pages_oracle.pages(rows).items()
            ],
        ),
        "page_went_to": _of_trails(
            lambda rows: pages.went_to(rows, "/cart"),
            lambda rows: [
                {"next_path": to, "views": n}
                for (path, to), n in pages_oracle.ways(rows).items()
                if path == "/cart"
            ],
        ),
    }
    for name, steps in (("route", ROUTE), ("route_of_patterns", OF_PATTERNS)):
        found[f"{name}_leaks"] = _of_trails(
            lambda rows, steps=steps: routes.leaks(rows, steps),
            lambda rows, steps=steps: routes_oracle.leaks(rows, steps),
        )
        found[f"{name}_pages"] = _of_trails(
            lambda rows, steps=steps: routes.pages(rows, steps),
            lambda rows, steps=steps: routes_oracle.pages(rows, steps),
        )
    return found
