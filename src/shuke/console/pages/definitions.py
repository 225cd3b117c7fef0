"""What a metric means: its words, formula, source and status, beside its other versions, one of which can be chosen."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.console import choices
from shuke.kernel.errors import NotFound
from shuke.rulebook import reads as rulebook
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

UNITS: dict[str, str | Promise] = {
    "count": pgettext_lazy("unit", "count"),
    "number": pgettext_lazy("unit", "number"),
    "ratio": pgettext_lazy("unit", "per cent"),
    "seconds": pgettext_lazy("unit", "time"),
    "money": pgettext_lazy("unit", "money of the shop's currency"),
}
GRAINS: dict[str, str | Promise] = {
    "visitor_day": pgettext_lazy("grain", "a visitor on a day"),
    "visitor": pgettext_lazy("grain", "a visitor of the period"),
    "visit": pgettext_lazy("grain", "a visit"),
    "view": pgettext_lazy("grain", "a page view"),
    "entrance": pgettext_lazy("grain", "an entrance"),
    "page": pgettext_lazy("grain", "a page"),
    "order": pgettext_lazy("grain", "an order"),
    "buyer": pgettext_lazy("grain", "a buyer"),
    "line": pgettext_lazy("grain", "a line of an order"),
    "person": pgettext_lazy("grain", "a person (or visitor) of a cohort"),
}
STATUS_TONES = {"verified": "good", "verified-2nd": "", "unverified": "warn"}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def definition(request: PageRequest, shop: str, metric_id: str) -> HttpResponse:
    """The drawer's content for htmx, a page of its own otherwise."""
    asked = choices.parse_pick(f"{metric_id}.{request.GET.get('v', '')}")
    read = choices.chosen_versions(request.access).get(metric_id)
    try:
        found = rulebook.metric_definition(metric_id, asked[1] if asked else read)
        versions = rulebook.metric_versions(metric_id)
    except rulebook.NoSuchRule:
        raise NotFound(field=gettext("metric"), value=metric_id) from None
    current = read or next(one.version for one in versions if one.is_default)
    context = {
        "definition": found,
        "tone": STATUS_TONES.get(found.status.value, ""),
        "unit": UNITS[found.unit],
        "grain": GRAINS[found.grain],
        "versions": versions,
        "is_read": current == found.version,
        "compare_url": reverse("console:overview", args=[shop])
        + "?"
        + "&".join(f"also={one.id}.{one.version}" for one in versions),
        "rule_url": reverse("console:rule", args=[shop, found.rule_id]),
    }
    template = "console/pieces/definition.html" if request.htmx else "console/definition.html"
    return render(request, template, context)


@require_POST
@page(Deed.VIEW_TRAFFIC)
def choose(request: PageRequest, shop: str, metric_id: str) -> HttpResponse:
    """Read the metric by another version from now on, everywhere."""
    asked = choices.parse_pick(f"{metric_id}.{request.POST.get('v', '')}")
    try:
        found = rulebook.metric_definition(metric_id, asked[1] if asked else None)
    except rulebook.NoSuchRule:
        raise NotFound(field=gettext("metric"), value=metric_id) from None
    choices.choose_version(request.access, metric_id, found.version)
    words = gettext("You now read “%(name)s” by definition %(version)s.")
    messages.success(request, words % {"name": found.short_title, "version": found.version})
    return redirect("console:overview", shop)
