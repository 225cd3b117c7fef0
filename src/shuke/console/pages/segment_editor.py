"""Building a segment by hand: rows that ask something, groups of them, and beside them how many customers that chooses now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_POST

from shuke.audience.segments import actions, reads
from shuke.audience.segments.http import sentence_of
from shuke.console import words
from shuke.console.segment_form import SegmentForm
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops.access import Access, page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_CUSTOMERS)
def new_segment(request: PageRequest, shop: str) -> HttpResponseBase:
    """An empty editor, or (`from=KEY`) one that begins like another segment; a POST keeps it."""
    access = request.access
    segments, currency = _names(access), access.shop.currency
    if request.method == "POST":
        return _posted(request, None)
    form = SegmentForm.empty(currency, segments)
    if start := request.GET.get("from", ""):
        one = reads.get_segment(access.shop, start, at=clock.now())
        form = SegmentForm.of_segment(one, _language(), currency, segments)
        form.name, form.version = "", 0
    return _shown(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_CUSTOMERS)
def edit_segment(request: PageRequest, shop: str, key: str) -> HttpResponseBase:
    """The editor of a saved segment."""
    access = request.access
    one = reads.get_segment(access.shop, key, at=clock.now())
    if one.kept is None:
        return redirect(reverse("console:new_segment", args=[shop]) + f"?from={key}")
    if one.kept.is_archived:
        messages.error(
            request, gettext("The segment is archived. Take it into use again before you change it.")
        )
        return redirect("console:segment", shop, key)
    if request.method == "POST":
        return _posted(request, one)
    return _shown(
        request, SegmentForm.of_segment(one, _language(), access.shop.currency, _names(access, key)), one
    )


def _posted(request: PageRequest, one: reads.SegmentView | None) -> HttpResponse:
    access, at = request.access, clock.now()
    segments, currency = _names(access, one.key if one else ""), access.shop.currency
    form = SegmentForm.of_post(request.POST, currency, segments)
    deed = request.POST.get("do", "")
    if deed != "save":
        return _shown(request, form.changed(deed, currency, segments), one)
    try:
        given: dict[str, Any] = {"shop": access.shop, "name": form.name, "condition": form.condition()}
        who: dict[str, Any] = {"actor": access.actor, "at": at}
        if one is None:
            kept = actions.save_segment(**given, **who)
        else:
            kept = actions.change_segment(**given, **who, key=one.key, version=form.version)
    except ShukeError as error:
        return _shown(request, form, one, str(error), status=422)
    messages.success(request, gettext("The segment is kept."))
    return redirect("console:segment", access.shop.slug, kept.key)


def _shown(
    request: PageRequest,
    form: SegmentForm,
    one: reads.SegmentView | None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    slug = request.access.shop.slug
    here = (
        reverse("console:edit_segment", args=[slug, one.key])
        if one
        else reverse("console:new_segment", args=[slug])
    )
    context = {"form": form, "segment": one, "problem": problem, "here": here}
    # A change of the rows asks for the rows alone.
    fragment = request.htmx and request.POST.get("do", "") != "save"
    return render(
        request,
        "console/pieces/segment_rows.html" if fragment else "console/segment_form.html",
        context | ({"draft": form.root} if fragment else {}),
        status=status,
    )


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def preview(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment: the condition as a sentence, how many it chooses now, or what can not be read."""
    access, at = request.access, clock.now()
    form = SegmentForm.of_post(request.POST, access.shop.currency, _names(access))
    context: dict[str, Any] = {}
    try:
        node = actions.read_condition(access.shop, form.condition(), at=at)
        found = reads.chosen(access.shop, node, at=at, size=5, with_names=True)
        context = {
            "sentence": sentence_of(access.shop, node),
            "count": words.count(found.count),
            "everyone": words.count(found.everyone),
            "share": words.percent(Decimal(found.count) / found.everyone, 1) if found.everyone else "",
            "sample": [row.ref or str(row.customer_id) for row in found.rows],
        }
    except ShukeError as error:
        context = {"problem": str(error)}
    return render(request, "console/pieces/segment_preview.html", context)


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def archive(request: PageRequest, shop: str, key: str) -> HttpResponse:
    """Take a segment out of use."""
    access = request.access
    reads.get_segment(access.shop, key, at=clock.now())
    try:
        actions.archive_segment(shop=access.shop, key=key, actor=access.actor, at=clock.now())
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect("console:segment", shop, key)
    messages.success(request, gettext("The segment is archived; it can be taken into use again."))
    return redirect("console:segments", shop)


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def restore(request: PageRequest, shop: str, key: str) -> HttpResponse:
    """Take an archived segment into use again."""
    access = request.access
    reads.get_segment(access.shop, key, at=clock.now())
    try:
        actions.restore_segment(shop=access.shop, key=key, actor=access.actor, at=clock.now())
    except ShukeError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The segment is in use again."))
    return redirect("console:segment", shop, key)


def _names(access: Access, but: str = "") -> dict[str, str]:
    """The segments that a condition may name, by key."""
    found = reads.list_segments(access.shop, at=clock.now())
    return {one.key: one.name(_language()) for one in found if one.key != but}


def _language() -> str:
    return get_language() or "zh-hans"
