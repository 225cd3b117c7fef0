"""Every question that there is, asked of one installation: its answers as JSON, in a settled order. Run by a test."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from typing import Any

BY_HOUR = ("pv", "amount_paid")


def answers(slug: str, first: date, days: int) -> dict[str, Any]:
    """Question -> answer, each as the API would give it."""
    from shuke.commerce import reads as commerce
    from shuke.kernel.periods import ONE_DAY, Period, day_start
    from shuke.project.commands.reports import as_api
    from shuke.shops.reads import get_shop
    from shuke.traffic import reads as traffic

    shop = get_shop(slug)
    period = Period(first, first + timedelta(days=days))
    at = day_start(period.end + 3 * ONE_DAY, shop.zone)
    asked: dict[str, Any] = {
        "overview": traffic.overview(shop=shop, period=period, at=at),
        "last day": traffic.overview(shop=shop, period=Period.of_day(period.last), at=at),
        "orders": commerce.list_orders(shop, period, size=500),
        "totals": commerce.order_totals(shop, period),
    }
    for key in traffic.VISIT_KEYS:
        asked[f"sources by {key}"] = traffic.sources(
            shop=shop, period=period, by=(key,), against="before", at=at
        )
    for one in traffic.METRICS:
        which = {"metric_id": one.id, "version": one.version}
        for grain in ("day", "hour") if one.id in BY_HOUR else ("day",):
            asked[f"{grain}s of {one.id} {one.version}"] = traffic.series(
                shop=shop, period=period, grain=grain, at=at, **which
            )
        asked[f"evidence of {one.id} {one.version}"] = traffic.evidence(
            shop=shop, period=period, size=1000, at=at, **which
        )
    for kind, who in (("order", "person"), ("visit", "visitor"), ("sign_up", "person")):
        for grain in ("week", "month"):
            asked[f"cohorts of {who} by {kind} and {grain}"] = traffic.cohorts(
                shop=shop, starting=traffic.Behaviour(kind), who=who, grain=grain, at=at
            )
    return {name: as_api(answer) for name, answer in asked.items()}


if __name__ == "__main__":
    import django

    django.setup()
    slug, first, days = sys.argv[1:]
    found = answers(slug, date.fromisoformat(first), int(days))
    print(json.dumps(found, ensure_ascii=False, sort_keys=True, default=str))
