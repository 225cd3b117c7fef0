"""What the page tracker tells of a period: the stay on each page, and where a page was clicked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from shuke.kernel.periods import Period
from shuke.shops.reads import ShopView
from shuke.traffic import tracked
from shuke.warehouse import reads as warehouse


@dataclass(frozen=True)
class PageStay:
    """How long a page was seen in a period: all its views together, and by whom.

    `views` are those of which a stay was told; a page whose visitors were all gone at once has none.
    """

    page_path: str
    milliseconds: int
    views: int
    visitors: int

    @property
    def seconds_per_view(self) -> float:
        return self.milliseconds / 1000 / self.views


@dataclass(frozen=True)
class VisitStay:
    """How long the pages of one visit could be seen, added up: of a visit of a single page too."""

    visit_id: int
    visitor_id: int
    milliseconds: int


@dataclass(frozen=True)
class ClickedElement:
    """A marked element or a link that leads out, by its label and target. `href` is '' where it is no link."""

    kind: str
    label: str
    href: str
    clicks: int


@dataclass(frozen=True)
class PageClicks:
    """The clicks on one page, by cell (x of 20 columns, y of 100 rows) and by element, most clicked first."""

    page_path: str
    clicks: int
    visitors: int
    cells: dict[tuple[int, int], int]
    elements: tuple[ClickedElement, ...]


def page_stays(*, shop: ShopView, period: Period, page_path: str | None = None) -> tuple[PageStay, ...]:
    """The measured stay of every page of a period (or of one), longest first. Ours: visible time, single-page visits included."""

    def question(snapshot: warehouse.Snapshot) -> tuple[PageStay, ...]:
        told = tracked.stays(snapshot.raw("events"))
        if page_path is not None:
            told = told.filter(told.page_path == page_path)
        of_view = told.group_by(["page_path", "visitor_id", "view"]).aggregate(
            milliseconds=told.milliseconds.sum()
        )
        of_visitor = of_view.group_by(["page_path", "visitor_id"]).aggregate(
            milliseconds=of_view.milliseconds.sum(), views=of_view.count()
        )
        of_page = of_visitor.group_by("page_path").aggregate(
            milliseconds=of_visitor.milliseconds.sum(),
            views=of_visitor.views.sum(),
            visitors=of_visitor.count(),
        )
        rows = snapshot.engine.run(of_page).to_pylist()
        found = (PageStay(**{name: row[name] for name in PageStay.__dataclass_fields__}) for row in rows)
        return tuple(sorted(found, key=lambda one: (-one.milliseconds, one.page_path)))

    return warehouse.ask(shop, period, question)


def visit_stays(*, shop: ShopView, period: Period) -> tuple[VisitStay, ...]:
    """The measured stay of every visit of a period of which one was told, longest first."""

    def question(snapshot: warehouse.Snapshot) -> tuple[VisitStay, ...]:
        told = tracked.stays(snapshot.raw("events"))
        added = tracked.stays_of_visits(told, snapshot.derived("visits"))
        rows = snapshot.engine.run(added).to_pylist()
        found = (VisitStay(row["visit_id"], row["visitor_id"], row["milliseconds"]) for row in rows)
        return tuple(sorted(found, key=lambda one: (-one.milliseconds, one.visit_id)))

    return warehouse.ask(shop, period, question)


def page_clicks(*, shop: ShopView, period: Period, page_path: str) -> PageClicks:
    """Where a page was clicked in a period, and what."""

    def question(snapshot: warehouse.Snapshot) -> PageClicks:
        told = tracked.clicks(snapshot.raw("events"))
        told = told.filter(told.page_path == page_path)
        by = ["kind", "label", "href", "x", "y"]
        rows = snapshot.engine.run(told.group_by(by).aggregate(clicks=told.count())).to_pylist()
        people = told.group_by("visitor_id").aggregate(clicks=told.count())
        visitors = snapshot.engine.run(people.aggregate(visitors=people.count())).to_pylist()[0]["visitors"]
        cells: Counter[tuple[int, int]] = Counter()
        elements: Counter[tuple[str, str, str]] = Counter()
        for row in rows:
            cells[row["x"], row["y"]] += row["clicks"]
            elements[row["kind"], _plain(row["label"]), _plain(row["href"])] += row["clicks"]
        ordered = sorted(elements.items(), key=lambda one: (-one[1], one[0]))
        return PageClicks(
            page_path,
            sum(cells.values()),
            visitors,
            dict(sorted(cells.items())),
            tuple(ClickedElement(*what, clicks) for what, clicks in ordered),
        )

    return warehouse.ask(shop, period, question)


def _plain(written: str) -> str:
    """A text as JSON writes it, read."""
    try:
        return str(json.loads(f'"{written}"'))
    except ValueError:
        return written
