"""An alert with its course, laid down as the judging would: for tests of what people and programs see."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django_scopes import scope

from shuke.shops.reads import ShopView
from shuke.traffic.alerts import reads, storing
from shuke.traffic.alerts.models import Alert, DayJudged, Watch

DAYS, OFF = 40, 3


def raise_one(
    shop: ShopView, lead: str = "visits|channel=email", *, at: datetime, last: date | None = None
) -> reads.AlertView:
    """An open alert of three days: half of 120 expected visits a day came by one channel, of 1,000 in all."""
    last = last or at.astimezone(shop.zone).date() - timedelta(days=1)
    since = last - timedelta(days=OFF - 1)
    other = "visits|channel=direct"
    with scope(shop=shop.id):
        for number in range(DAYS):
            day = last - timedelta(days=DAYS - 1 - number)
            came = 60 if day >= since else 118 + number % 5
            judged = {
                lead: ["moved" if day >= since else "quiet", came, None, 120.0, 98.0, 142.0, 0.3, 1, 2],
                other: ["too_few", 880, None, 880.0, 820.0, 940.0, 0.1, 1, None],
            }
            DayJudged.objects.update_or_create(
                shop_id=shop.id,
                day=day,
                defaults={
                    "counts": {"visits": [880 + came, None], lead: [came, None], other: [880, None]},
                    "judged": judged,
                    "judged_at": at,
                },
            )
        Watch.objects.update_or_create(shop_id=shop.id, defaults={"judged_until": last, "looked_at": at})
        row = Alert.objects.create(
            shop_id=shop.id,
            rule=storing.watch_rule(shop.id, at),
            lead=lead,
            members={lead: since.isoformat(), "orders": since.isoformat()},
            since=since,
            raised_on=last,
            last_day=last,
            change=0.5,
            loudest=9.1,
            evidence={
                "day": last.isoformat(),
                "days": OFF,
                "part": 180,
                "whole": 3.0,
                "usual": 360.0,
                "z": 9.1,
                "needed": 4.2,
            },
            segments=[
                {
                    "name": lead,
                    "part": 180,
                    "whole": None,
                    "expected": 360.0,
                    "loss": 180.0,
                    "share": 1.0,
                    "z": 9.1,
                },
                {
                    "name": other,
                    "part": 2640,
                    "whole": None,
                    "expected": 2640.0,
                    "loss": 0.0,
                    "share": 0.0,
                    "z": 0.1,
                },
            ],
            definitions={"visits": "visits.v1", "orders": "orders.v1"},
            raised_at=at,
        )
        return reads.alert_view(row)
