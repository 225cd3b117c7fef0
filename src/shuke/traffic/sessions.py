"""Events become visits, and visits become visitor days: each one portable Ibis expression.

The guarantee. Within one shop, local day and visitor, activity (track, page, screen) in the order (at, ord, event_id)
is cut into visits. A new visit begins with an activity

1. that is the visitor's first of the local day (a visit never crosses the shop's midnight);
2. that comes `idle_minutes` or more after the activity before it (B-222: a leave is counted after 30 minutes without one,
   so a gap of exactly 30 minutes ends the visit and a gap of 29:59.999999 does not);
3. whose campaign key (utm_source, utm_medium, utm_campaign, kind of click id), when it has one, differs from the visit's
   current key; a visit that began without a key has none, so the first key ends it.

A `track` that states neither a device (anonymousId), a page nor a session is a server's word about a known person (a refund, a payment
that arrived): its facts count elsewhere, but nobody came, so it is no activity.

`identify`, `group` and `alias` open no visit and prolong none; one that falls into a visit (after its first activity, less
than `idle_minutes` after its last) tells whose visit it is. The last known person of a visit is its person.

How rule 3 goes without recursion: idle gaps first; the current key at a keyed activity is the key of the keyed activity
before it in the same gap session, whether or not that one began a visit. So keyed activities are compared by `lag` among
themselves, and the first of them breaks only when an activity without key stands before it, that is when it did not open
the gap session itself.

Portable and exact (the same on DuckDB, Spark and ClickHouse): no ordered first, no distinct count, no zone; ties of time
are broken by the line in the file and then by the event's id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
from ibis import _

from shuke.traffic.channels import Classification, classified
from shuke.warehouse import schemas

ACTIVITY = ("track", "page", "screen")
VIEWS = ("page", "screen")
IDENTITY = ("identify", "group", "alias")
ORDER_COMPLETED = "Order Completed"
PRODUCT_ADDED = "Product Added"
KEY = ("utm_source", "utm_medium", "utm_campaign", "click_id")
ENTRY_FIELDS = (
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "click_id",
    "referrer_host",
    "channel_given",
    "terminal",
    "session_ref",
)
# Columns of a visit that a day's sums add up.
_ADDED = ("views", "item_views", "item_exits", "stay_seconds", "carts", "orders", "revenue_minor")
SOURCE = ("channel", "is_paid", "source", "medium", "campaign")
_VISITOR = ["shop_id", "local_day", "visitor_id"]
_ORDER = ["at", "ord", "event_id"]


@dataclass(frozen=True)
class VisitRules:
    """The rulebook's visit rules as they hold from `since` (a shop's day) on."""

    since: date
    idle_minutes: int
    new_campaign_starts_visit: bool
    classification: Classification


def visits(events: ibis.Table, eras: Sequence[VisitRules]) -> ibis.Table:
    """The columns of schemas.VISITS from events of any number of shops and whole days.

    `eras` in order of `since`; each local day is cut by the rules that hold on it, the first also before its `since`.
    """
    parts = []
    for i, era in enumerate(eras):
        part = events
        if i > 0:
            part = part.filter(part.local_day >= era.since)
        if i + 1 < len(eras):
            part = part.filter(part.local_day < eras[i + 1].since)
        parts.append(_visits_of_era(part, era))
    return parts[0] if len(parts) == 1 else ibis.union(*parts, distinct=False)


def visitor_days(visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.VISITOR_DAYS: visits of one visitor on one day, added up."""
    days = visits.group_by(["shop_id", "visitor_id", "local_day"]).aggregate(
        visits=_.count(),
        views=_.views.sum(),
        stay_seconds=_.stay_seconds.sum(),
        measured_visits=ibis.ifelse(_.views >= 2, 1, 0).cast("int64").sum(),
        carts=_.carts.sum(),
        orders=_.orders.sum(),
        revenue_minor=_.revenue_minor.sum(),
    )
    return as_schema(days, "visitor_days")


def channel_days(visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.CHANNEL_DAYS: what the visits of a day add up to, whole and by channel."""
    day = ["shop_id", "local_day"]
    of_visits = _sums_of_visits()
    sums = {name: _[name].sum() for name in of_visits}
    by_channel = visits.group_by([*day, "channel", "visitor_id"]).aggregate(**of_visits)
    whole = by_channel.group_by([*day, "visitor_id"]).aggregate(**sums)

    def added_up(level: str, rows: ibis.Table, by: list[str]) -> ibis.Table:
        added = rows.group_by([*day, *by]).aggregate(
            **sums,
            visitors=_.count(),
            one_view_visitors=_count(_.views == 1),
            measured_visitors=_count(_.measured_visits > 0),
            cart_visitors=_count(_.carts > 0),
            buyers=_count(_.orders > 0),
        )
        channel = added.channel if by else ibis.null()
        return as_schema(added.mutate(level=ibis.literal(level), channel=channel), "channel_days")

    return added_up("channel", by_channel, ["channel"]).union(added_up("day", whole, []), distinct=False)


def source_days(visits: ibis.Table) -> ibis.Table:
    """The columns of schemas.SOURCE_DAYS: what the visits of a day add up to by where they came from. Visitors are not in
    it: of several sources a visitor is one in each, and of several days one in all."""
    return as_schema(
        visits.group_by(["shop_id", "local_day", *SOURCE]).aggregate(**_sums_of_visits()), "source_days"
    )


def _sums_of_visits() -> dict[str, Any]:
    return {
        "visits": _.count(),
        "viewed_visits": _count(_.views >= 1),
        "one_view_visits": _count(_.views == 1),
        "measured_visits": _count(_.views >= 2),
        **{name: _[name].sum() for name in _ADDED},
    }


def as_schema(table: ibis.Table, kind: str) -> ibis.Table:
    """Exactly the columns and types of a derived kind."""
    return table.select(
        **{f.name: table[f.name].cast(ibis.DataType.from_pyarrow(f.type)) for f in schemas.DERIVED[kind]}
    )


def _visits_of_era(events: ibis.Table, rules: VisitRules) -> ibis.Table:
    placed = _placed(_flagged(events), rules)
    openers = _openers(placed, rules)
    told = _added_up(_with_start(placed, openers), openers).mutate(
        stay_seconds=ibis.ifelse(_.views >= 2, _seconds(_.ended_at) - _seconds(_.started_at), 0),
        item_exits=ibis.ifelse(_.exit_type == "item", 1, 0),
        source=_.utm_source.coalesce(_.referrer_host),
        medium=_.utm_medium,
        campaign=_.utm_campaign,
        orders=_.orders.coalesce(0),
        revenue_minor=_.revenue_minor.coalesce(0),
    )
    return as_schema(classified(told, rules.classification), "visits")


def _is_activity(events: ibis.Table) -> ibis.Value:
    """A deed that a server tells of a known person, with neither device, page nor session, is no sign of a visit."""
    signs = ("anonymous_ref", "page_path", "session_ref")
    is_told = ibis.and_(events["type"] == "track", *(events[sign].isnull() for sign in signs))
    return events["type"].isin(ACTIVITY) & ~is_told


def _flagged(events: ibis.Table) -> ibis.Table:
    """What cutting needs of each event."""
    is_identity = events["type"].isin(IDENTITY) & events.person_id.notnull()
    relevant = events.filter(_is_activity(events) | is_identity)
    is_activity = _is_activity(relevant)
    is_view = relevant["type"].isin(VIEWS)
    is_track = relevant["type"] == "track"
    has_key = ibis.or_(*(relevant[name].coalesce("") != "" for name in KEY))
    return relevant.select(
        *_VISITOR,
        *_ORDER,
        "person_id",
        "page_path",
        "page_type",
        *ENTRY_FIELDS,
        "amount_minor",
        is_activity=is_activity,
        is_view=is_view,
        is_keyed=is_activity & has_key,
        is_cart=is_track & (relevant["name"] == PRODUCT_ADDED).fill_null(False),
        order_id=ibis.ifelse(is_track & (relevant["name"] == ORDER_COMPLETED), relevant.order_id, None),
    )


def _placed(flagged: ibis.Table, rules: VisitRules) -> ibis.Table:
    """Each event with its position (from 1) in its visitor's day, and whether it comes late: idle minutes or more after
    the activity before it, or before any activity."""
    in_order = ibis.window(group_by=_VISITOR, order_by=_ORDER)
    until_before = ibis.window(group_by=_VISITOR, order_by=_ORDER, preceding=(None, 1))
    placed = flagged.mutate(
        position=ibis.row_number().over(in_order) + 1,
        activity_before=ibis.ifelse(flagged.is_activity, flagged["at"], None).max().over(until_before),
    )
    idle = ibis.interval(minutes=rules.idle_minutes)
    # select, not drop: Ibis shares a Select between its readers as one CTE, but repeats a drop for each of them.
    return placed.select(
        *flagged.columns,
        "position",
        is_late=placed.activity_before.isnull() | (placed["at"] >= placed.activity_before + idle),
    )


def _openers(placed: ibis.Table, rules: VisitRules) -> ibis.Table:
    """The activities that open a visit: `start` is their position; `is_late` tells an idle gap from a campaign."""
    if not rules.new_campaign_starts_visit:
        return placed.filter(placed.is_activity & placed.is_late).mutate(start=_.position)
    # Only a late or a keyed activity can open a visit: the windows below run over these few.
    able = placed.filter(placed.is_activity & (placed.is_late | placed.is_keyed))
    until_now = ibis.window(group_by=_VISITOR, order_by="position", preceding=None, following=0)
    able = able.mutate(session=ibis.ifelse(able.is_late, able.position, 0).max().over(until_now))
    among_keyed = ibis.window(group_by=[*_VISITOR, "session", "is_keyed"], order_by="position")
    able = able.mutate(
        rank=ibis.row_number().over(among_keyed),
        **{f"last_{name}": able[name].coalesce("").lag().over(among_keyed) for name in KEY},
    )
    differs = ibis.or_(*(able[f"last_{name}"] != able[name].coalesce("") for name in KEY))
    is_new_key = able.is_keyed & ((able.rank == 0) | differs)
    return able.filter(able.is_late | is_new_key).mutate(start=_.position)


def _with_start(placed: ibis.Table, openers: ibis.Table) -> ibis.Table:
    """Each event of a visit with `start`, the position of the activity that opens its visit."""
    opening = openers.filter(~openers.is_late).select(*_VISITOR, "position", opened="start")
    narrow = placed.select(*(c for c in placed.columns if c not in (*ENTRY_FIELDS, "ord", "is_keyed")))
    joined = narrow.left_join(opening, [*_VISITOR, "position"]).select(narrow, "opened")
    until_now = ibis.window(group_by=_VISITOR, order_by="position", preceding=None, following=0)
    opens = joined.is_activity & (joined.is_late | joined.opened.notnull())
    started = joined.mutate(start=ibis.ifelse(opens, joined.position, 0).max().over(until_now))
    return started.filter((started.start > 0) & (started.is_activity | ~started.is_late))


def _added_up(inside: ibis.Table, openers: ibis.Table) -> ibis.Table:
    """One row a visit. First and last are found by position, never by the order in which rows happen to come.

    Engines disagree whether argmin skips nulls, so it is only asked for values that are never null: '' stands for none.
    """
    visit = [*_VISITOR, "start"]
    path, kind = inside.page_path.coalesce(""), inside.page_type.coalesce("")
    added = inside.group_by(visit).aggregate(
        person_id=inside.person_id.argmax(inside.position, where=inside.person_id.notnull()),
        started_at=inside["at"].min(where=inside.is_activity),
        ended_at=inside["at"].max(where=inside.is_activity),
        events=_count(inside.is_activity),
        views=_count(inside.is_view),
        item_views=_count(inside.is_view & (kind == "item")),
        carts=_count(inside.is_cart),
        known=_count(inside.person_id.notnull()),
        entry_path=path.argmin(inside.position, where=inside.is_view),
        entry_type=kind.argmin(inside.position, where=inside.is_view),
        exit_path=path.argmax(inside.position, where=inside.is_view),
        exit_type=kind.argmax(inside.position, where=inside.is_view),
    )
    added = added.mutate(
        person_id=ibis.ifelse(added.known > 0, added.person_id, None),
        **{name: added[name].nullif("") for name in ("entry_path", "entry_type", "exit_path", "exit_type")},
    )
    opening = openers.select(*visit, *ENTRY_FIELDS, visit_id=openers.event_id)
    orders = _orders(inside)
    with_entry = added.join(opening, visit).select(added, "visit_id", *ENTRY_FIELDS)
    return with_entry.left_join(orders, visit).select(with_entry, "orders", "revenue_minor")


def _orders(inside: ibis.Table) -> ibis.Table:
    """Orders of each visit. An order told twice (a reloaded thank-you page) counts in the visit that told it first."""
    told = inside.filter(inside.order_id.notnull())
    once = told.group_by([*_VISITOR, "order_id"]).aggregate(
        start=told.start.min(), amount_minor=told.amount_minor.max()
    )
    return once.group_by([*_VISITOR, "start"]).aggregate(orders=_.count(), revenue_minor=_.amount_minor.sum())


def _count(condition: ibis.Value) -> ibis.Value:
    return ibis.ifelse(condition, 1, 0).sum()


def _seconds(moment: ibis.Value) -> ibis.Value:
    """Whole seconds since the epoch; truncated first, since engines round differently."""
    return moment.truncate("s").epoch_seconds()
