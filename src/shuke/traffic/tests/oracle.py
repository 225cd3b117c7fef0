"""Slow, obvious and in plain Python: what visits and visitor days are. The expressions are held to this, never the reverse.

Events and visits are dicts with the names of the warehouse's columns; moments are naive UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from shuke.traffic.channels import LANDING, channel_of

Row = dict[str, Any]
ACTIVITY = {"track", "page", "screen"}
VIEWS = {"page", "screen"}
KEY = ("utm_source", "utm_medium", "utm_campaign", "click_id")
EPOCH = datetime(1970, 1, 1)


def visits(events: Iterable[Row], rules: Sequence[Any], reached: dict[str, int] | None = None) -> list[Row]:
    """The visits of any shops, days and visitors. `reached` counts the ways in which visits began."""
    days: dict[tuple, list[Row]] = defaultdict(list)
    for event in events:
        days[event["shop_id"], event["local_day"], event["visitor_id"]].append(event)
    found: list[Row] = []
    for key in sorted(days):
        in_order = sorted(days[key], key=lambda e: (e["at"], e["ord"], e["event_id"]))
        era = [r for r in rules if r.since <= key[1]][-1] if rules[0].since <= key[1] else rules[0]
        cut = _cut(in_order, era, reached)
        found += _told(cut, era)
    return found


def _cut(in_order: list[Row], rules: Any, reached: dict[str, int] | None) -> list[list[Row]]:
    """One visitor's day as visits, each a list of its events."""
    idle = timedelta(minutes=rules.idle_minutes)
    cut: list[list[Row]] = []
    last_activity: datetime | None = None
    current_key: tuple = ()
    for i, event in enumerate(in_order):
        signs = (event["anonymous_ref"], event["page_path"], event["session_ref"])
        if event["type"] == "track" and signs == (None, None, None):
            continue  # a server's word about a known person: nobody came
        if event["type"] not in ACTIVITY:
            is_within = last_activity is not None and event["at"] - last_activity < idle
            if is_within and event["person_id"] is not None:
                cut[-1].append(event)
            continue
        key = tuple(event[name] or "" for name in KEY)
        why = None
        if last_activity is None:
            why = "first"
        elif event["at"] - last_activity >= idle:
            why = "idle"
        elif rules.new_campaign_starts_visit and any(key) and key != current_key:
            why = "campaign"
        if why is None:
            cut[-1].append(event)
        else:
            cut.append([event])
            current_key = ()
        if any(key):
            current_key = key
        if reached is not None:
            if why:
                reached[why] = reached.get(why, 0) + 1
            if i and in_order[i - 1]["at"] == event["at"]:
                reached["tie"] = reached.get("tie", 0) + 1
        last_activity = event["at"]
    return cut


def _told(cut: list[list[Row]], rules: Any) -> list[Row]:
    seen_orders: dict[int, int] = {}
    stated: dict[int, list[int]] = defaultdict(list)
    for number, visit in enumerate(cut):
        for event in visit:
            if (
                event["type"] == "track"
                and event["name"] == "Order Completed"
                and event["order_id"] is not None
            ):
                seen_orders.setdefault(event["order_id"], number)
                if event["amount_minor"] is not None:
                    stated[event["order_id"]].append(event["amount_minor"])
    rows = []
    for number, visit in enumerate(cut):
        activity = [e for e in visit if e["type"] in ACTIVITY]
        views = [e for e in visit if e["type"] in VIEWS]
        persons = [e["person_id"] for e in visit if e["person_id"] is not None]
        first, last = activity[0], activity[-1]
        orders = [order for order, in_visit in seen_orders.items() if in_visit == number]
        landing = {name: first[name] or None for name in LANDING}  # a blank text states nothing
        channel, is_paid = channel_of(landing, rules.classification)
        seconds = (last["at"] - EPOCH) // timedelta(seconds=1) - (first["at"] - EPOCH) // timedelta(seconds=1)
        rows.append(
            {
                "shop_id": first["shop_id"],
                "visit_id": first["event_id"],
                "visitor_id": first["visitor_id"],
                "person_id": persons[-1] if persons else None,
                "local_day": first["local_day"],
                "started_at": first["at"],
                "ended_at": last["at"],
                "events": len(activity),
                "views": len(views),
                "item_views": sum(e["page_type"] == "item" for e in views),
                "item_exits": int(bool(views) and views[-1]["page_type"] == "item"),
                "stay_seconds": seconds if len(views) >= 2 else 0,
                "entry_path": (views[0]["page_path"] if views else None) or None,
                "entry_type": (views[0]["page_type"] if views else None) or None,
                "exit_path": (views[-1]["page_path"] if views else None) or None,
                "exit_type": (views[-1]["page_type"] if views else None) or None,
                "channel": channel,
                "is_paid": is_paid,
                "source": first["utm_source"] if first["utm_source"] is not None else first["referrer_host"],
                "medium": first["utm_medium"],
                "campaign": first["utm_campaign"],
                "terminal": first["terminal"],
                "carts": sum(e["type"] == "track" and e["name"] == "Product Added" for e in activity),
                "orders": len(orders),
                "revenue_minor": sum(max(stated[order], default=0) for order in orders),
                "session_ref": first["session_ref"],
            }
        )
    return rows


def visitor_days(visits: Iterable[Row]) -> list[Row]:
    """Visits of one visitor on one day, added up."""
    days: dict[tuple, list[Row]] = defaultdict(list)
    for visit in visits:
        days[visit["shop_id"], visit["visitor_id"], visit["local_day"]].append(visit)
    return [
        {
            "shop_id": shop_id,
            "visitor_id": visitor_id,
            "local_day": day,
            "visits": len(rows),
            "views": sum(v["views"] for v in rows),
            "stay_seconds": sum(v["stay_seconds"] for v in rows),
            "measured_visits": sum(v["views"] >= 2 for v in rows),
            "carts": sum(v["carts"] for v in rows),
            "orders": sum(v["orders"] for v in rows),
            "revenue_minor": sum(v["revenue_minor"] for v in rows),
        }
        for (shop_id, visitor_id, day), rows in sorted(days.items())
    ]


def channel_days(visits: Iterable[Row]) -> list[Row]:
    """What the visits of a day add up to: whole, and by channel."""
    days: dict[tuple, list[Row]] = defaultdict(list)
    for visit in visits:
        days[visit["shop_id"], visit["local_day"], "day", None].append(visit)
        days[visit["shop_id"], visit["local_day"], "channel", visit["channel"]].append(visit)
    found = []
    for (shop_id, day, level, channel), rows in days.items():
        people: dict[int, list[Row]] = defaultdict(list)
        for visit in rows:
            people[visit["visitor_id"]].append(visit)
        found.append(
            {
                "shop_id": shop_id,
                "local_day": day,
                "level": level,
                "channel": channel,
                "visits": len(rows),
                "viewed_visits": sum(v["views"] >= 1 for v in rows),
                "one_view_visits": sum(v["views"] == 1 for v in rows),
                "measured_visits": sum(v["views"] >= 2 for v in rows),
                **{
                    name: sum(v[name] for v in rows)
                    for name in (
                        "views",
                        "item_views",
                        "item_exits",
                        "stay_seconds",
                        "carts",
                        "orders",
                        "revenue_minor",
                    )
                },
                "visitors": len(people),
                "one_view_visitors": sum(sum(v["views"] for v in own) == 1 for own in people.values()),
                "measured_visitors": sum(any(v["views"] >= 2 for v in own) for own in people.values()),
                "cart_visitors": sum(any(v["carts"] for v in own) for own in people.values()),
                "buyers": sum(any(v["orders"] for v in own) for own in people.values()),
            }
        )
    return found


def source_days(visits: Iterable[Row]) -> list[Row]:
    """The same by where they came from, without visitors."""
    named = ("channel", "is_paid", "source", "medium", "campaign")
    groups: dict[tuple, list[Row]] = defaultdict(list)
    for visit in visits:
        groups[(visit["shop_id"], visit["local_day"], *(visit[name] for name in named))].append(visit)
    added = ("views", "item_views", "item_exits", "stay_seconds", "carts", "orders", "revenue_minor")
    return [
        {
            **dict(zip(("shop_id", "local_day", *named), group, strict=True)),
            "visits": len(rows),
            "viewed_visits": sum(v["views"] >= 1 for v in rows),
            "one_view_visits": sum(v["views"] == 1 for v in rows),
            "measured_visits": sum(v["views"] >= 2 for v in rows),
            **{name: sum(v[name] for v in rows) for name in added},
        }
        for group, rows in groups.items()
    ]
