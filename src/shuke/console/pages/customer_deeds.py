"""What an operator says of customers: attributes and tags of one, a tag for many at once, shown before it is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from shuke.audience.customers import actions
from shuke.console import customers_view as view
from shuke.console import words
from shuke.kernel.errors import NotFound, ShukeError
from shuke.kernel.periods import day_start
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed


def _done(
    request: PageRequest, of: int, deed: Callable[..., Any], said: Callable[[Any], str], /, **given: Any
) -> HttpResponseRedirect:
    """Do a deed to one customer, say what came of it, and go back to him."""
    access = request.access
    try:
        messages.success(request, said(access.do(deed, **given)))
    except NotFound as error:
        raise Http404(str(error)) from None
    except ShukeError as error:
        messages.error(request, str(error))
    return redirect(view.customer_url(access, of))


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def set_attribute(request: PageRequest, shop: str, customer_id: int) -> HttpResponseRedirect:
    """`name`, `value` (empty: unknown from now on) and `day` since when it is so (empty: now)."""
    return _done(
        request,
        customer_id,
        actions.set_attribute,
        lambda done: gettext("Kept."),
        customer_id=customer_id,
        name=request.POST.get("name", ""),
        value=request.POST.get("value", "").strip()[:2000] or None,
        told_at=_day(request, "day"),
    )


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def give_tag(request: PageRequest, shop: str, customer_id: int) -> HttpResponseRedirect:
    """`tag`, and `day`: the last day on which it stands (empty: for good)."""
    return _done(
        request,
        customer_id,
        actions.give_tag,
        lambda done: gettext("The tag is given.") if done.changed else gettext("He has this tag already."),
        customer_ids=[customer_id],
        tag=request.POST.get("tag", ""),
        until=_end(request),
    )


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def take_tag(request: PageRequest, shop: str, customer_id: int) -> HttpResponseRedirect:
    return _done(
        request,
        customer_id,
        actions.take_tag,
        lambda done: gettext("The tag is taken; that he had it stays on the time line."),
        customer_ids=[customer_id],
        tag=request.POST.get("tag", ""),
    )


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def tag_many(request: PageRequest, shop: str) -> HttpResponse | HttpResponseBase:
    """A `tag` for the `chosen` customers: first how many, then (`sure`) done."""
    access = request.access
    chosen = [int(one) for one in request.POST.getlist("chosen") if _is_id(one)]
    asked: dict[str, Any] = {
        "customer_ids": chosen,
        "tag": request.POST.get("tag", ""),
        "until": _end(request),
    }
    back = reverse("console:customers", args=[shop])
    if not chosen:
        messages.error(request, gettext("Choose at least one customer."))
        return redirect(back)
    is_sure = request.POST.get("sure") == "1"
    try:
        done = access.do(actions.give_tag, **asked, is_trial=not is_sure)
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect(back)
    if is_sure:
        said = ngettext(
            "%(count)s customer has the tag now.", "%(count)s customers have the tag now.", done.changed
        )
        messages.success(request, said % {"count": words.count(done.changed)})
        return redirect(back)
    context = {
        "done": done,
        "tag": actions.read_tag(asked["tag"]),
        "chosen": chosen,
        "day": request.POST.get("day", ""),
        "back_url": back,
    }
    return render(request, "console/customers_tag.html", context)


def _is_id(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 20 and abs(int(text)) < 2**63


def _day(request: PageRequest, name: str) -> datetime | None:
    try:
        day = datetime.fromisoformat(request.POST.get(name, "")).date()
        return day_start(day, request.access.shop.zone) if 1900 <= day.year <= 2199 else None
    except ValueError:
        return None


def _end(request: PageRequest) -> datetime | None:
    """The moment after the last day."""
    start = _day(request, "day")
    if start is None:
        return None
    zone = request.access.shop.zone
    return day_start(start.astimezone(zone).date() + timedelta(days=1), zone)
