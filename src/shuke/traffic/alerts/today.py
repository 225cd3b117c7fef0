"""Open alerts on Today: what moved and where to look; unseen ones can not wait, seen ones and old news come next. Alerts that
are over are told for some days, last of all. A shop whose facts stopped says so first: without facts nothing is judged, and
nothing would be raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from shuke.kernel.periods import day_start, local_day
from shuke.shops.roles import Deed
from shuke.shops.today import TodayLine, TodaySource, Urgency, register
from shuke.traffic.alerts import reads, wording

MOST_OVER = 20  # alerts are looked through for those that are over since a few days


def lines(access: Any, at: datetime) -> Sequence[TodayLine]:
    """A line per open alert that is not put off, the loudest first among equals in time; and one where facts stopped."""
    if not access.may(Deed.VIEW_TRAFFIC):
        return ()
    today = local_day(at, access.shop.zone)
    return [
        *_silence(access, at),
        *(
            _line(access, alert, is_old=alert.last_day < today - reads.FRESH)
            for alert in reads.list_alerts(access.shop, state="open")
            if not alert.is_quiet(at)
        ),
        *(
            _over(access, alert, alert.ended_on)
            for alert in reads.list_alerts(access.shop, state="ended", most=MOST_OVER)
            if alert.ended_on is not None and alert.ended_on >= today - reads.FRESH and not alert.is_quiet(at)
        ),
    ]


def _silence(access: Any, at: datetime) -> list[TodayLine]:
    silence = reads.silent_since(access.shop, at)
    if silence is None:
        return []
    told = {"day": wording.short_day(silence.since)}
    title = _("No visits and no orders have come since %(day)s") % told
    if silence.with_orders:
        title = _("No visits have come since %(day)s, though orders have") % told
    return [
        TodayLine(
            title=title,
            url=reverse("console:overview", args=[access.shop.slug]),
            deed=_("See the last days"),
            urgency=Urgency.now,
            detail=_(
                "The tracker may be gone from the pages. Until visits come, nothing is judged but the orders."
            )
            if silence.with_orders
            else _(
                "The tracker may be gone from the pages, or the site may be down. Until facts come, nothing is judged."
            ),
            icon="alert-triangle",
            at=at,
        )
    ]


def _line(access: Any, alert: reads.AlertView, *, is_old: bool) -> TodayLine:
    """`is_old`: of days that are no news any more, since the facts end there."""
    return TodayLine(
        title=wording.sentence(alert, access.shop),
        url=reverse("console:alert", args=[access.shop.slug, alert.id]),
        deed=_("See why"),
        urgency=Urgency.soon if alert.seen_at or is_old else Urgency.now,
        detail=wording.cause(alert, access.shop),
        icon="alert-triangle",
        at=alert.raised_at,
    )


def _over(access: Any, alert: reads.AlertView, ended_on: date) -> TodayLine:
    return TodayLine(
        title=wording.ending(alert, access.shop),
        url=reverse("console:alert", args=[access.shop.slug, alert.id]),
        deed=_("See how it went"),
        urgency=Urgency.done,
        detail=wording.off_days(alert),
        icon="circle-check",
        at=day_start(ended_on, access.shop.zone),
    )


register(TodaySource("alerts", lines))
