"""What the doors put on Today: rows that wait in quarantine, imports that run, stopped or failed."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from shuke.intake import reads
from shuke.shops import today
from shuke.shops.access import Access
from shuke.shops.roles import Deed

RECENT = timedelta(days=3)
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
        for one in reads.waiting_by_reason(access.shop)
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
today.register(today.TodaySource("imports", _imports))
