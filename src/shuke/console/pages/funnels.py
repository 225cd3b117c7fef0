"""How far do visitors get? Steps in order within a window: built by pointing, drawn, split, by day, saved and shared."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.console import figures, funnel_view, viewstate, words
from shuke.console.funnel_pictures import bars, course_of_days, day_rows, split_table, step_names
from shuke.console.funnel_view import FunnelPage
from shuke.console.pages.overview import definition_url
from shuke.kernel import clock
from shuke.kernel.errors import NotFound, ShukeError
from shuke.kernel.periods import local_day
from shuke.rulebook import reads as rulebook
from shuke.shops import navigation
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.traffic.funnels import actions
from shuke.traffic.funnels import reads as traffic
from shuke.traffic.funnels.http import steps_table
from shuke.traffic.funnels.picking import is_told_by_code
from shuke.traffic.funnels.shapes import MOST_STEPS

navigation.register(
    navigation.NavigationEntry(
        "funnels",
        pgettext_lazy("sidebar", "Funnels"),
        "filter",
        "console:funnels",
        Deed.VIEW_TRAFFIC,
        "traffic",
        50,
    )
)
FEW = 30
# What moves steps about, and what belongs to a table or a form: no part of a view.
_DEEDS = ("up", "down", "drop", "add", "page", "format", "sort", "q")


@require_safe
@page(Deed.VIEW_TRAFFIC)
def funnels(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell with the builder; `?format=csv` is the table as a file."""
    view = _view(request)
    moved = _moved(request, view)
    if moved is not None:
        return redirect(request.path + "?" + moved)
    if wants_csv(request.GET):
        if view.problems:  # a file can not say that it is of something else than was asked
            return HttpResponse(
                "\n".join(view.problems), status=422, content_type="text/plain; charset=utf-8"
            )
        found = _ask(request, view)
        assert found is not None
        name = f"funnel-{view.period.start}-{view.period.last}"
        return csv_response(request.access, name, *steps_table(found))
    access = request.access
    context = {
        "view": view,
        "query": request.GET.urlencode(),
        "lines": _form_lines(view),
        "types": [(key, str(title)) for key, title in funnel_view.TYPE_WORDS.items()],
        "fields": funnel_view.field_choices(),
        "ops": funnel_view.op_choices(),
        "units": [(key, str(title)) for key, (title, _size) in funnel_view.UNITS.items()],
        "splits": funnel_view.split_choices(),
        "ranges": [(key, title) for key, title in viewstate.RANGES.items() if key != "custom"],
        "saved": traffic.saved_funnels(access.shop),
        "may_manage": access.may(Deed.MANAGE_TRAFFIC),
        "may_see_customers": access.may(Deed.VIEW_CUSTOMERS),
        "can_add": len(view.lines) < MOST_STEPS,
        "currency": access.shop.currency,
        "name": view.saved.name if view.saved is not None else "",
        "most": MOST_STEPS,
        "funnel_text": json.dumps(traffic.dump_funnel(view.funnel), ensure_ascii=False)
        if view.funnel
        else "",
        "kept": _kept(request),
    }
    return render(request, "console/funnels.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment: the sentence, the picture, the steps, the split and the days."""
    access = request.access
    view = _view(request)
    found = _ask(request, view)
    if found is None:
        return render(request, "console/pieces/funnel_answer.html", {"view": view})
    reached, of_previous, of_first, time = traffic.METRICS
    channels = rulebook.channel_titles(local_day(clock.now(), access.shop.zone), access.shop)
    base = reverse("console:funnels", args=[shop])
    context: dict[str, Any] = {
        "view": view,
        "found": found,
        "sentence": _sentence(view, found),
        "rows": _rows(request, view, found),
        "picture": bars(view, found),
        "days_picture": course_of_days(found),
        "days": day_rows(found),
        "table": split_table(request, view, found, channels) if found.parts else None,
        "table_page": base,
        "table_source": request.path,
        "notes": _notes(view, found),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "is_few": 0 < found.started < FEW,
        "few": FEW,
        "reached_title": figures.title(reached),
        "previous_title": figures.title(of_previous),
        "first_title": figures.title(of_first),
        "time_title": figures.title(time),
        "definitions": {one.id: definition_url(access, one) for one in traffic.METRICS},
        "started_words": words.count(found.started),
    }
    return render(request, "console/pieces/funnel_answer.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def names(request: PageRequest, shop: str) -> HttpResponse:
    """The names of events that came lately, as options of the builder."""
    found = traffic.event_kinds(shop=request.access.shop, at=clock.now())
    named = list(dict.fromkeys(name for _kind, name in found if name))
    return render(request, "console/pieces/cohorts_names.html", {"names": named})


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def save(request: PageRequest, shop: str) -> HttpResponse:
    """Keep the funnel of the address (the form carries its parameters), as a new one or in the place of the saved one."""
    back = QueryDict(request.POST.get("view", "")[:8000], mutable=True)
    try:
        funnel = traffic.parse_funnel(request.POST.get("funnel", ""))
        name = request.POST.get("name", "")
        changed = request.POST.get("id", "")
        if changed.isascii() and changed.isdigit() and len(changed) < 12:
            given = {"funnel_id": int(changed), "version": _number(request.POST.get("version", ""))}
            done = request.access.do(actions.change_funnel, name=name, funnel=funnel, **given)
        else:
            done = request.access.do(actions.save_funnel, name=name, funnel=funnel)
    except NotFound as error:
        raise Http404(str(error)) from None
    except ShukeError as error:
        messages.error(request, str(error))
        return redirect(reverse("console:funnels", args=[shop]) + "?" + back.urlencode())
    messages.success(
        request, gettext("“%(name)s” is saved. Its address is the link to share.") % {"name": done.name}
    )
    for key in [key for key in back if _is_step(key)] + ["w", "u", *_DEEDS]:
        back.pop(key, None)
    back["funnel"] = str(done.id)
    return redirect(reverse("console:funnels", args=[shop]) + "?" + back.urlencode())


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def archive(request: PageRequest, shop: str, funnel_id: int) -> HttpResponse:
    """Take a funnel from the list; undone by `restore`."""
    return _settled(request, shop, funnel_id, actions.archive_funnel)


@require_POST
@page(Deed.MANAGE_TRAFFIC)
def restore(request: PageRequest, shop: str, funnel_id: int) -> HttpResponse:
    """Put an archived funnel back."""
    return _settled(request, shop, funnel_id, actions.restore_funnel)


def _settled(request: PageRequest, shop: str, funnel_id: int, action: Any) -> HttpResponse:
    try:
        request.access.do(action, funnel_id=funnel_id)
    except NotFound as error:
        raise Http404(str(error)) from None
    except ShukeError as error:
        messages.error(request, str(error))
    return redirect(reverse("console:funnels", args=[shop]) + f"?funnel={funnel_id}")


# --- the view


def _view(request: PageRequest) -> FunnelPage:
    shop = request.access.shop
    try:
        return funnel_view.read_page(request, shop, local_day(clock.now(), shop.zone))
    except NotFound as error:
        raise Http404(str(error)) from None


def _ask(request: PageRequest, view: FunnelPage) -> traffic.FunnelAnswer | None:
    """None: there is no funnel to ask, since something of it can not be read."""
    if view.funnel is None:
        return None
    return traffic.funnel(
        shop=request.access.shop,
        funnel=view.funnel,
        period=view.period,
        split=view.split,
        with_customers=request.access.may(Deed.VIEW_CUSTOMERS),
        at=clock.now(),
    )


def _kept(request: PageRequest) -> list[tuple[str, str]]:
    """What the address says besides steps and deeds, for the builder's form."""
    given = [(key, value) for key, values in request.GET.lists() for value in values]
    return [(key, value) for key, value in given if key not in _DEEDS and not _is_step(key)]


def _is_step(key: str) -> bool:
    return key[:1] in funnel_view.PARTS and key[1:].isdigit()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _moved(request: PageRequest, view: FunnelPage) -> str | None:
    """The address after a step was moved, taken away or added; None: nothing was asked for."""
    query = request.GET
    lines = list(view.lines)
    places = {name: _number(query.get(name, "")) for name in ("up", "down", "drop")}
    if not any(places.values()) and "add" not in query:
        return None
    if (number := places["up"]) and 1 < number <= len(lines):
        lines[number - 2 : number] = lines[number - 1], lines[number - 2]
    if (number := places["down"]) and 1 <= number < len(lines):
        lines[number - 1 : number + 1] = lines[number], lines[number - 1]
    if (number := places["drop"]) and number <= len(lines) and len(lines) > 2:
        del lines[number - 1]
    if "add" in query and len(lines) < MOST_STEPS:
        lines.append(lines[-1])
    kept = query.copy()
    for key in list(kept):
        if key in _DEEDS or _is_step(key):
            kept.pop(key)
    for key, value in funnel_view.query_of(view, tuple(lines)).items():
        kept[key] = value
    return kept.urlencode()


def _form_lines(view: FunnelPage) -> list[dict[str, Any]]:
    """The steps of the builder: first and last can not move beyond the ends."""
    count = len(view.lines)
    return [
        {
            "line": line,
            "is_first": line.number == 1,
            "is_last": line.number == count,
            "can_drop": count > 2,
        }
        for line in view.lines
    ]


# --- what is said


def _sentence(view: FunnelPage, found: traffic.FunnelAnswer) -> str:
    """How many got through, and where most were lost."""
    last = found.steps[-1]
    if not found.started or last.of_first is None or last.of_first.value is None:
        return ""
    named = step_names(view, found)
    said = ngettext(
        "Of %(count)s visitor with “%(first)s”, %(share)s got to “%(last)s” within %(window)s.",
        "Of %(count)s visitors with “%(first)s”, %(share)s got to “%(last)s” within %(window)s.",
        found.started,
    ) % {
        "count": words.count(found.started),
        "first": named[0],
        "last": named[-1],
        "share": words.percent(last.of_first.value, 1),
        "window": view.window_words,
    }
    worst = max(found.steps[1:], key=lambda one: one.lost or 0)
    if not worst.lost:
        return said
    more = gettext("Most stop before “%(step)s”: %(lost)s of %(before)s.") % {
        "step": named[worst.number - 1]
        if named.count(named[worst.number - 1]) == 1
        else f"{worst.number}. {named[worst.number - 1]}",
        "lost": words.count(worst.lost),
        "before": words.count(int(found.steps[worst.number - 2].reached.value or 0)),
    }
    return said + ("" if words.locale().language == "zh" else " ") + more


def _notes(view: FunnelPage, found: traffic.FunnelAnswer) -> list[str]:
    notes = [note.text() for note in found.notes]
    if found.started:
        notes.append(
            gettext(
                "Counted are visitors, each a browser or an app on one device, not persons: who uses two is two."
            )
        )
    if found.started and found.unfinished_days:
        said = gettext("The window of %(days)s is still open: those who started then may get further.")
        notes.append(said % {"days": funnel_view.day_words(found.unfinished_days)})
    if any(not is_told_by_code(step) for step in found.funnel.steps):
        notes.append(
            gettext(
                "A step asks for more than type, name, page type and device, so each event's own columns are read: "
                "on a large shop this takes several times as long."
            )
        )
    return notes


def _rows(request: PageRequest, view: FunnelPage, found: traffic.FunnelAnswer) -> list[dict[str, Any]]:
    is_open = request.access.may(Deed.VIEW_CUSTOMERS)
    most = max((one.lost or 0 for one in found.steps), default=0)
    rows = []
    for one, name in zip(found.steps, step_names(view, found), strict=True):
        before = one.number - 1
        rows.append(
            {
                "number": one.number,
                "name": name,
                "reached": one.reached,
                "url": _people_url(request, one.number, 0) if is_open and one.reached.value else "",
                "of_previous": one.of_previous,
                "of_first": one.of_first,
                "lost": words.count(one.lost) if one.lost is not None else "",
                "lost_url": _people_url(request, before, 1) if is_open and one.lost else "",
                "is_worst": bool(one.lost) and one.lost == most,
                "median": one.from_previous.figure(50) if one.from_previous else None,
                "spread": _spread(one.from_previous),
                "since": one.from_first.figure(50) if one.from_first and one.number > 2 else None,
                "width": float(one.of_first.value or 0) * 100
                if one.of_first
                else (100.0 if found.started else 0.0),
            }
        )
    return rows


def _spread(times: traffic.Times | None) -> str:
    """Between which times the middle half lies, and what nine of ten stay below."""
    if times is None or not times.count:
        return ""
    said = gettext("half of them %(low)s to %(high)s, nine of ten within %(most)s") % {
        "low": words.seconds(times.percentiles[25]),
        "high": words.seconds(times.percentiles[75]),
        "most": words.seconds(times.percentiles[90]),
    }
    return said


def _people_url(request: PageRequest, step: int, exactly: int) -> str:
    query = request.GET.copy()
    for name in (*_DEEDS, "split", "key"):
        query.pop(name, None)
    query["step"] = str(step)
    if exactly:
        query["only"] = "1"
    return reverse("console:funnel_people", args=[request.access.shop.slug]) + "?" + query.urlencode()
