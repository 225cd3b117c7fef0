"""A visit's trail: its page views and its orders, one row each, in order, with what came next. One portable expression.

The guarantee. The rows of a visit are its views (page, screen) and the moments at which an order was told for the first
time by this visitor on this day, in the order (at, ord, event_id), numbered by `position` from 1. A visit is named by the
event that opened it, and whatever its visitor does later that day belongs to the visit opened last; so the visits
themselves say where each begins, and no rule of cutting is told twice.

`next_path` and `to_next` (whole seconds) are of the next *view* of the same visit; null after the last one: where the
visitor went from there can not be known, and how long he stayed there neither (B-202).
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from shuke.traffic import trails_kernel
from shuke.traffic.sessions import ORDER_COMPLETED, VIEWS, as_schema
from shuke.warehouse.derivations import Context, Derivation, Kernel, register

_VISITOR = ["shop_id", "local_day", "visitor_id"]
_ORDER = ["at", "ord", "event_id"]
_VISIT = [*_VISITOR, "visit_id"]


def trails(events: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.TRAILS, from whole days of whole visitors."""
    is_view = events["type"].isin(VIEWS)
    is_order = (events["type"] == "track") & (events["name"] == ORDER_COMPLETED).fill_null(False)
    # A deed that a server tells of a known person, with neither device, page nor session, belongs to no visit.
    came = ibis.or_(*(events[sign].notnull() for sign in trails_kernel.SIGNS))
    is_order &= events.order_id.notnull() & came
    opening = visits.select(*_VISITOR, event_id="visit_id", opens="visit_id")
    joined = events.left_join(opening, [*_VISITOR, "event_id"]).select(events, "opens")
    # Only these rows are sorted: what is neither a view, an order nor the start of a visit says nothing here.
    kept = joined.filter(is_view | is_order | joined.opens.notnull()).select(
        *_VISITOR,
        *_ORDER,
        "opens",
        order_id=ibis.ifelse(is_order, joined.order_id, None),
        is_view=ibis.ifelse(is_view, 1, 0),
        page_path=joined.page_path.coalesce(""),
        page_type=joined.page_type.coalesce(""),
    )
    in_order = ibis.window(group_by=_VISITOR, order_by=_ORDER)
    of_order = ibis.window(group_by=[*_VISITOR, "order_id"], order_by=_ORDER)
    numbered = kept.select(
        *kept.columns,
        place=ibis.row_number().over(in_order),
        telling=ibis.row_number().over(of_order),
    )
    until_now = ibis.window(group_by=_VISITOR, order_by="place", preceding=None, following=0)
    begun = numbered.select(
        *numbered.columns,
        start=ibis.ifelse(numbered.opens.notnull(), numbered.place, -1).max().over(until_now),
    )
    first = begun.filter(begun.opens.notnull()).select(*_VISITOR, "start", visit_id="opens")
    inside = begun.join(first, [*_VISITOR, "start"]).select(begun, "visit_id")
    rows = inside.filter((inside.is_view == 1) | (inside.order_id.notnull() & (inside.telling == 0)))
    of_visit = ibis.window(group_by=_VISIT, order_by="place")
    among_views = ibis.window(group_by=[*_VISIT, "is_view"], order_by="place")
    # Asked beside the path, which may be '' and whose absence engines write apart.
    told = rows.select(
        *_VISIT,
        "at",
        "is_view",
        "page_path",
        "page_type",
        position=ibis.row_number().over(of_visit) + 1,
        after=rows.page_path.lead().over(among_views),
        next_at=rows["at"].lead().over(among_views),
        nth=ibis.row_number().over(among_views),
        count=rows.is_view.count().over(ibis.window(group_by=[*_VISIT, "is_view"])),
    )
    goes_on = (told.is_view == 1) & (told.nth < told["count"] - 1)
    return as_schema(
        told.mutate(
            next_path=ibis.ifelse(goes_on, told.after, None),
            to_next=ibis.ifelse(goes_on, _seconds(told.next_at) - _seconds(told["at"]), None),
        ),
        "trails",
    )


def _seconds(moment: ibis.Value) -> ibis.Value:
    """Whole seconds since the epoch; truncated first, since engines round differently."""
    return moment.truncate("s").epoch_seconds()


def _derive(inputs: Mapping[str, ibis.Table], context: Context) -> ibis.Table:
    return trails(inputs["events"], inputs["visits"])


def register_derivation() -> None:
    """Tell the warehouse how trails are made."""
    register(
        Derivation(
            "trails",
            ("events", "visits"),
            {"events": "visitor_id", "visits": "visitor_id"},
            _derive,
            kernel=Kernel(trails_kernel.COLUMNS, lambda _context: trails_kernel.trails),
            variant=lambda _context: (),
            later=True,
        )
    )
