"""Open alerts on Today: what moved and where to look; unseen ones can not wait, seen ones come next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from shuke.shops.roles import Deed
from shuke.shops.today import TodayLine, TodaySource, Urgency, register
from shuke.traffic.alerts import reads, wording


def lines(access: Any, at: datetime) -> Sequence[TodayLine]:
    """A line per open alert that is not put off, the loudest first among equals in time."""
    if not access.may(Deed.VIEW_TRAFFIC):
        return ()
    return [
        TodayLine(
            title=wording.sentence(alert, access.shop),
            url=reverse("console:alert", args=[access.shop.slug, alert.id]),
            deed=_("See why"),
            urgency=Urgency.soon if alert.seen_at else Urgency.now,
            detail=wording.cause(alert, access.shop),
            icon="bell",
            at=alert.raised_at,
        )
        for alert in reads.list_alerts(access.shop, state="open")
        if not alert.is_quiet(at)
    ]


register(TodaySource("alerts", lines))
