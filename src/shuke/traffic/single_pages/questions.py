"""What pages are asked of trails, visits and clicks: portable expressions.

A view is a row of a trail that is no order. It stays until the next view of its visit; the last one can not be measured
(B-202) and is the visit's exit, the first one its entry. Views are counted one by one, visits and visitors once each.
"""

from __future__ import annotations

import ibis
from ibis import _

from shuke.traffic import tracked
from shuke.traffic.single_pages.days import PAGE
from shuke.traffic.single_pages.days import SUMS as SUMS_OF_DAYS

SUMS = ("views", "stay_seconds", "measured", "exits")
# A page is never wider or higher than this in CSS pixels; what tells more is no page.
MOST_PIXELS = 200_000


def views_of(trails: ibis.Table, path: str | None = None) -> ibis.Table:
    """The views of all pages, or of one."""
    found = trails.filter(trails.is_view == 1)
    return found if path is None else found.filter(found.page_path == path)


def pages(views: ibis.Table, by: str | None = "page_path") -> ibis.Table:
    """Sums of views by page or by day, or (None) of all: by, page_type (the last by name), SUMS, visits, visitors."""
    keys = [by] if by else []
    added = {name: _[name].sum() for name in SUMS}
    of_visit = views.group_by(["shop_id", *keys, "visitor_id", "visit_id"]).aggregate(
        page_type=_.page_type.max(),
        views=_.count(),
        stay_seconds=_.to_next.coalesce(0).sum(),
        measured=ibis.ifelse(_.to_next.notnull(), 1, 0).sum(),
        exits=ibis.ifelse(_.next_path.isnull(), 1, 0).sum(),
    )
    of_visitor = of_visit.group_by(["shop_id", *keys, "visitor_id"]).aggregate(
        page_type=_.page_type.max(), **added, visits=_.count()
    )
    whole = {"page_type": _.page_type.max(), **added, "visits": _.visits.sum(), "visitors": _.count()}
    return of_visitor.group_by(keys).aggregate(**whole) if keys else of_visitor.aggregate(**whole)


def entries(visits: ibis.Table, by: str = "page_path", path: str | None = None) -> ibis.Table:
    """Visits that began with a page: by (page_path, local_day or channel), entries."""
    found = visits.filter(visits.views >= 1).mutate(page_path=_.entry_path.coalesce(""))
    if path is not None:
        found = found.filter(found.page_path == path)
    return found.group_by(by).aggregate(entries=found.count())


def summed(days: ibis.Table) -> ibis.Table:
    """The sums of `pages` from PAGE_DAYS of any days, `visitors` those of each day added up."""
    return _summed(days, "page_path")


def summed_by_day(days: ibis.Table, one: ibis.Table) -> ibis.Table:
    """The same of one page (`wanted`) by day."""
    own = _of_page(days, one, "page_path")
    return _summed(own, "local_day")


def _summed(days: ibis.Table, by: str) -> ibis.Table:
    """Types stand in rows of their own, whose sums are told by the others."""
    is_page = days.level == PAGE
    sums = {name: ibis.ifelse(is_page, days[name], 0).sum() for name in SUMS_OF_DAYS}
    return days.group_by(by).aggregate(page_type=days.page_type.max().coalesce(""), **sums)


def visitors(views: ibis.Table) -> ibis.Table:
    """How many visitors viewed each page: page_path, visitors."""
    who = views.group_by(["shop_id", "page_path", "visitor_id"]).aggregate(views=_.count())
    return who.group_by("page_path").aggregate(visitors=_.count())


def entered(days: ibis.Table) -> ibis.Table:
    """`entries` by page from ENTRANCE_DAYS."""
    told = _entered(days)
    return told.group_by("page_path").aggregate(entries=told.viewed_visits.sum())


def entered_by(days: ibis.Table, one: ibis.Table) -> ibis.Table:
    """`entries` of one page (`wanted`) by local_day and channel, from ENTRANCE_DAYS."""
    own = _of_page(_entered(days), one, "page_path")
    return own.group_by(["local_day", "channel"]).aggregate(entries=own.viewed_visits.sum())


def moved_to(flows: ibis.Table, one: ibis.Table, *, is_stated: bool = True) -> ibis.Table:
    """`went_to` of one page (`wanted`) from PAGE_FLOWS; `is_stated`: it has a path, and is looked for as it stands there."""
    left = flows.filter(flows.level == "page", flows.kind != "entry")
    own = _of_page(left, one, "from_path", is_stated=is_stated)
    own = own.mutate(next_path=ibis.ifelse(own.kind == "move", own.to_path.coalesce(""), None))
    return own.group_by("next_path").aggregate(views=own.moves.sum())


def moved_from(flows: ibis.Table, one: ibis.Table, *, is_stated: bool = True) -> ibis.Table:
    """`came_from` of one page (`wanted`) from PAGE_FLOWS."""
    moved = flows.filter(flows.level == "page", flows.kind == "move")
    own = _of_page(moved, one, "to_path", is_stated=is_stated)
    own = own.mutate(page_path=_.from_path.coalesce(""), page_type=_.from_type.coalesce(""))
    return own.group_by("page_path").aggregate(page_type=own.page_type.max(), views=own.moves.sum())


def _entered(days: ibis.Table) -> ibis.Table:
    return days.filter(days.viewed_visits > 0).mutate(page_path=_.entry_path.coalesce(""))


def _of_page(rows: ibis.Table, one: ibis.Table, name: str, *, is_stated: bool = True) -> ibis.Table:
    """Null is the page of no path; an engine finds a value in its files, and not what it first has to compute."""
    path = rows[name] if is_stated else rows[name].coalesce("")
    return rows.join(one, path == one.wanted).select(*rows.columns)


def known(flows: ibis.Table) -> ibis.Table:
    """Pages that were viewed at all, from the day's sums (`page_flows`): page_path, page_type."""
    left = flows.filter(flows.level == "page", flows.kind != "entry").mutate(
        page_path=_.from_path.coalesce(""), page_type=_.from_type.coalesce("")
    )
    return left.group_by("page_path").aggregate(page_type=left.page_type.max())


def known_of_days(days: ibis.Table) -> ibis.Table:
    """The same from PAGE_DAYS."""
    return days.group_by("page_path").aggregate(page_type=days.page_type.max())


def went_to(trails: ibis.Table, path: str) -> ibis.Table:
    """Where the views of a page led: next_path (null: the visit ended), views."""
    views = views_of(trails, path)
    return views.group_by("next_path").aggregate(views=views.count())


def came_from(trails: ibis.Table, path: str) -> ibis.Table:
    """From where the views of a page came, without those that a visit began with: page_path, page_type, views."""
    views = views_of(trails)
    views = views.filter(views.next_path == path)
    return views.group_by("page_path").aggregate(page_type=views.page_type.max(), views=views.count())


def seen_in(trails: ibis.Table, path: str) -> ibis.Table:
    """The visits in which a page was viewed: shop_id, visit_id."""
    return views_of(trails, path).select("shop_id", "visit_id").distinct()


def visits_on(visits: ibis.Table, trails: ibis.Table, one: ibis.Table) -> ibis.Table:
    """The visits in which one page (`wanted`) was viewed."""
    return visits.semi_join(_of_page(views_of(trails), one, "page_path"), ["shop_id", "visit_id"])


def clicks(events: ibis.Table, path: str, terminal: str | None) -> ibis.Table:
    """The clicks on a page by who clicked, cell and element: visitor_id, kind, label, href, x, y, clicks, width and height
    (sums of what was told) and sized (clicks that told them). One pass over the events, which are many."""
    told = tracked.clicks(events)
    told = told.filter(told.page_path == path)
    if terminal is not None:
        told = told.filter(told.terminal == terminal)
    is_sized = (
        (told.width > 0) & (told.height > 0) & (told.width <= MOST_PIXELS) & (told.height <= MOST_PIXELS)
    )
    is_sized = is_sized.fill_null(False)
    return told.group_by(["visitor_id", "kind", "label", "href", "x", "y"]).aggregate(
        clicks=told.count(),
        width=ibis.ifelse(is_sized, told.width, 0).sum(),
        height=ibis.ifelse(is_sized, told.height, 0).sum(),
        sized=ibis.ifelse(is_sized, 1, 0).sum(),
    )
