"""Today: what waits for a person, the most urgent first, each line leading to the deed."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.kernel import clock
from shuke.shops import navigation
from shuke.shops import today as registry
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

navigation.register(
    navigation.NavigationEntry(
        "today", pgettext_lazy("sidebar", "Today"), "checklist", "console:today", Deed.VIEW_TODAY, "today", 10
    )
)

TITLES = {
    registry.Urgency.now: _("Can not wait"),
    registry.Urgency.soon: _("Next"),
    registry.Urgency.done: _("Running and done"),
}


@require_safe
@page(Deed.VIEW_TODAY)
def today(request: PageRequest, shop: str) -> HttpResponse:
    """Every registered source's lines for this reader."""
    at = clock.now()
    lines = registry.all_lines(request.access, at)
    groups = [(TITLES[key], list(group)) for key, group in groupby(lines, key=lambda line: line.urgency)]
    has_overview = request.access.may(Deed.VIEW_TRAFFIC)
    context = {
        "groups": groups,
        "day": at.astimezone(request.access.shop.zone).date(),
        "has_overview": has_overview,
    }
    template = "console/pieces/today_lines.html" if request.htmx else "console/today.html"
    return render(request, template, context)
