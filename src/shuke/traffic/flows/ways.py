"""The ways of visits, page by page: one portable Ibis expression from events and visits.

The guarantee. The views (page, screen) of a visit, in the order (at, ord, event_id), are its way. It begins with an
`entry` into its first page, goes on with a `move` from each view to the next (also to the same page, seen again), and ends
at its last view: with an `order` where the visit completed one, whenever that was, else with an `exit`. So a visit of n
views has n + 1 moves, a visit without a view none, and entries are as many as exits and orders together.

To which visit a view belongs, the visits say themselves: each is named by the event that opened it, and whatever a visitor
does later that day belongs to the visit opened last. No rule of cutting is told twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import ibis

from shuke.traffic.sessions import VIEWS, as_schema

# Steps from here on are added up together.
LAST_STEP = 6
_VISITOR = ["shop_id", "local_day", "visitor_id"]
_ORDER = ["at", "ord", "event_id"]
_DAY = ["shop_id", "local_day"]
# What each level tells apart, besides shop, day and kind.
LEVELS: dict[str, tuple[str, ...]] = {
    "page": ("from_type", "from_path", "to_type", "to_path"),
    "type": ("channel", "step", "from_type", "to_type"),
    "into": ("step", "from_type", "to_type", "to_path"),
    "out": ("step", "from_type", "from_path", "to_type"),
}
DIMENSIONS = ("channel", "step", "from_type", "from_path", "to_type", "to_path")
SUMS = ("moves", "ordered_moves", "stay_seconds")


def page_flows(events: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.PAGE_FLOWS, from whole days of whole visitors."""
    return added_up(moves(events, visits))


def added_up(moved: ibis.Table, levels: Sequence[str] = tuple(LEVELS)) -> ibis.Table:
    """Moves added up at every level, or at some."""
    parts = []
    for level in levels:
        told = LEVELS[level]
        sums = moved.group_by([*_DAY, "kind", *told]).aggregate(
            moves=moved.count(), ordered_moves=moved.is_ordered.sum(), stay_seconds=moved.stay_seconds.sum()
        )
        columns = {name: sums[name] if name in told else ibis.null() for name in DIMENSIONS}
        parts.append(as_schema(sums.mutate(level=ibis.literal(level), **columns), "page_flows"))
    return reduce(lambda a, b: a.union(b, distinct=False), parts)


def moves(events: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """One row a move: shop_id, local_day, visit_id, channel, kind, step (LAST_STEP for it and later), from and to (type
    and path; null: none), is_ordered (1 where the visit completed an order), stay_seconds."""
    views = viewed(events, visits)
    of_visit = ibis.window(group_by=[*_VISITOR, "start"])
    in_visit = ibis.window(group_by=[*_VISITOR, "start"], order_by="position")
    # '' stands for none: engines disagree on what lag and lead give where there is no row.
    seen = views.select(
        *views.columns,
        nth=ibis.row_number().over(in_visit) + 1,
        count=views.position.count().over(of_visit),
        next_type=views.page_type.lead().over(in_visit),
        next_path=views.page_path.lead().over(in_visit),
        next_second=views.second.lead().over(in_visit),
    )
    is_last = seen.nth == seen["count"]
    shared = ["shop_id", "local_day", "visit_id", "channel"]
    is_ordered = ibis.ifelse(seen.orders > 0, 1, 0)
    nothing = ibis.null("string")
    on = seen.select(
        *shared,
        kind=ibis.ifelse(~is_last, "move", ibis.ifelse(seen.orders > 0, "order", "exit")),
        step=ibis.ifelse(seen.nth >= LAST_STEP, LAST_STEP, seen.nth).cast("int64"),
        from_type=seen.page_type.nullif(""),
        from_path=seen.page_path.nullif(""),
        to_type=ibis.ifelse(is_last, nothing, seen.next_type.nullif("")),
        to_path=ibis.ifelse(is_last, nothing, seen.next_path.nullif("")),
        is_ordered=is_ordered.cast("int64"),
        stay_seconds=ibis.ifelse(is_last, 0, seen.next_second - seen.second).cast("int64"),
    )
    entries = seen.filter(seen.nth == 1)
    into = entries.select(
        *shared,
        kind=ibis.literal("entry"),
        step=ibis.literal(0, "int64"),
        from_type=nothing,
        from_path=nothing,
        to_type=entries.page_type.nullif(""),
        to_path=entries.page_path.nullif(""),
        is_ordered=ibis.ifelse(entries.orders > 0, 1, 0).cast("int64"),
        stay_seconds=ibis.literal(0, "int64"),
    )
    return into.union(on, distinct=False)


def viewed(events: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """One row a view, with its visit: position in the visitor's day, `start` (that of the visit's first event), the
    visit's id, channel and orders, page ('' for none) and the whole second."""
    opening = visits.select(*_VISITOR, "visit_id", "channel", "orders", event_id="visit_id")
    wide = events.left_join(opening.select(*_VISITOR, "event_id", opens="event_id"), [*_VISITOR, "event_id"])
    known = wide.select(
        *(events[name] for name in (*_VISITOR, *_ORDER, "type", "page_path", "page_type")), "opens"
    )
    known = known.filter(known["type"].isin(VIEWS) | known.opens.notnull())
    in_order = ibis.window(group_by=_VISITOR, order_by=_ORDER)
    placed = known.select(*known.columns, position=ibis.row_number().over(in_order) + 1)
    until_now = ibis.window(group_by=_VISITOR, order_by="position", preceding=None, following=0)
    begun = placed.select(
        *placed.columns, start=ibis.ifelse(placed.opens.notnull(), placed.position, 0).max().over(until_now)
    )
    openers = begun.filter(begun.opens.notnull()).select(*_VISITOR, "start", visit_id="opens")
    facts = openers.join(opening.drop("event_id"), [*_VISITOR, "visit_id"])
    views = begun.filter(begun["type"].isin(VIEWS))
    joined = views.join(facts, [*_VISITOR, "start"])
    return joined.select(
        *(joined[name] for name in (*_VISITOR, "position", "start", "visit_id", "channel", "orders")),
        page_type=joined.page_type.coalesce(""),
        page_path=joined.page_path.coalesce(""),
        second=joined["at"].truncate("s").epoch_seconds(),
    )
