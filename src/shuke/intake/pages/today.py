"""What the doors put on Today: rows that wait in quarantine, imports that run, stopped or failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from shuke.intake import reads
from shuke.intake.quarantine.said import is_masked
from shuke.shops import today
from shuke.shops.access import Access
from shuke.shops.roles import Deed

RECENT = timedelta(days=3)
SURE = timedelta(minutes=1)  # what is over sooner needs nobody
PLENTY = 100  # from this many on, what waits can not wait: a sender is likely broken


def _quarantine(access: Access, at: datetime) -> list[today.TodayLine]:
    if not access.may(Deed.VIEW_QUARANTINE):
        return []
    url = reverse("intake:quarantine", args=[access.shop.slug])
    return [
        today.TodayLine(
            ngettext("%(count)s entry waits in quarantine", "%(count)s entries wait in quarantine", one.count)
            % {"count": one.count},
            f"{url}?{urlencode({'reason': one.reason, 'origin': one.origin})}",
            gettext("Look and mend"),
            today.Urgency.now if one.count >= PLENTY else today.Urgency.soon,
            one.example,
            "shield-check",
            one.since,
        )
        for one in reads.waiting_by_reason(access.shop, is_masked=is_masked(access))
    ]


def _kept_rules(access: Access, at: datetime) -> list[today.TodayLine]:
    """Kept rules that were tried several times and can not be applied: what they would mend waits."""
    if not access.may(Deed.VIEW_QUARANTINE):
        return []
    failing = [one for one in reads.list_kept(access.shop, is_masked=True) if one.failing_since]
    since = min((one.failing_since for one in failing if one.failing_since), default=None)
    if since is None or at - since < SURE:
        return []
    title = ngettext(
        "%(count)s kept rule can not be applied: its events wait",
        "%(count)s kept rules can not be applied: their events wait",
        len(failing),
    ) % {"count": len(failing)}
    url = reverse("intake:mends", args=[access.shop.slug])
    detail = gettext(
        "It is tried again by itself. If it lasts, tell whoever runs this installation: %(problem)s."
    )
    problem = {"problem": ", ".join(sorted({one.problem for one in failing}))}
    return [
        today.TodayLine(
            title, url, gettext("See it"), today.Urgency.now, detail % problem, "alert-triangle", since
        )
    ]


def _imports(access: Access, at: datetime) -> list[today.TodayLine]:
    if not access.may(Deed.IMPORT_FILES):
        return []
    return [
        line
        for one in reads.list_imports(access.shop, size=20).rows
        if at - (one.ended_at or one.created_at) < RECENT
        for line in [_line(access, one)]
    ]


def _line(access: Access, one: reads.ImportView) -> today.TodayLine:
    url = reverse("intake:import", args=[access.shop.slug, one.id])
    name = {"name": one.file_name}
    since = one.ended_at or one.created_at
    if one.state == "failed":
        title = gettext("Import of “%(name)s” failed") % name
        return today.TodayLine(
            title, url, gettext("See why"), today.Urgency.now, one.error, "alert-triangle", since
        )
    if one.state == "stopped":
        title = gettext("Import of “%(name)s” is stopped") % name
        return today.TodayLine(
            title, url, gettext("Resume it"), today.Urgency.soon, "", "player-pause", since
        )
    if one.state == "done":
        title = gettext("Import of “%(name)s” is done") % name
        detail = ngettext("%(count)s new row", "%(count)s new rows", one.rows_new) % {"count": one.rows_new}
        return today.TodayLine(
            title, url, gettext("See it"), today.Urgency.done, detail, "circle-check", since
        )
    title = gettext("“%(name)s” is loading") % name
    progress = (round(1000 * one.share), 1000) if one.share is not None else None
    return today.TodayLine(
        title, url, gettext("See it"), today.Urgency.done, "", "file-import", since, progress
    )


today.register(today.TodaySource("quarantine", _quarantine))
today.register(today.TodaySource("kept_rules", _kept_rules))
today.register(today.TodaySource("imports", _imports))
