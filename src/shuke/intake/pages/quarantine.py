"""The quarantine: what could not become a fact, by reason; one entry with its text to mend; replay and drop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from shuke.intake import actions, reads
from shuke.intake.pages.mends import address_of, changes_of
from shuke.intake.quarantine.said import is_masked
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError, shortened
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table

navigation.register(
    navigation.NavigationEntry(
        "quarantine",
        pgettext_lazy("sidebar", "Quarantine"),
        "shield-check",
        "intake:quarantine",
        Deed.VIEW_QUARANTINE,
        "data",
        20,
    )
)

SIZE = 50
CHUNK = 500
MASK = "•••"
STATES = {
    "waiting": pgettext_lazy("quarantine", "waiting"),
    "replayed": pgettext_lazy("quarantine", "sent again"),
    "dropped": pgettext_lazy("quarantine", "dropped"),
}
TONES = {"waiting": "warn", "replayed": "good", "dropped": ""}
ORIGINS = {
    "api": pgettext_lazy("quarantine", "from the API"),
    "import": pgettext_lazy("quarantine", "from a file"),
}


def _wanted(request: PageRequest) -> dict[str, Any]:
    """The filters of the address: state, reason, origin, mapping, column, import. A column "" is a group's own."""
    state = request.GET.get("state", "waiting")
    return {
        "state": state if state in STATES else None,
        "reason": request.GET.get("reason") or None,
        "origin": request.GET.get("origin") or None,
        "mapping": request.GET.get("mapping") or None,
        "column": request.GET.get("column"),
        "import_id": _number(request.GET.get("import", "")),
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 18 else None


def _payload(access: Access, text: str) -> str:
    """The text names people, so it is shown to those who may see customers."""
    return MASK if is_masked(access) else text


@require_safe
@page(Deed.VIEW_QUARANTINE)
def quarantine(request: PageRequest, shop: str) -> HttpResponseBase:
    """What waits by reason, and the entries of the chosen one."""
    access = request.access
    wanted = _wanted(request)
    if wants_csv(request.GET):
        header = [
            "id",
            "state",
            "origin",
            "import",
            "mapping",
            "line",
            "column",
            "reason",
            "words",
            "remedy",
            "received_at",
            "payload",
        ]
        return csv_response(access, "quarantine", header, _lines(access, wanted))
    before = _number(request.GET.get("before", ""))
    found = reads.list_quarantined(
        access.shop, **wanted, before=before, size=SIZE, is_masked=is_masked(access)
    )
    may_mend = access.may(Deed.MEND_QUARANTINE)
    mend_url = reverse("intake:mend_group", args=[shop])
    context = {
        "groups": [
            {
                "group": one,
                "origin": ORIGINS.get(one.group.origin, one.group.origin),
                "url": "?" + urlencode(address_of(one.group)),
                "mend_url": f"{mend_url}?{urlencode(address_of(one.group))}",
                "is_here": all(wanted[name] == value for name, value in one.group.as_json().items() if value),
            }
            for one in reads.waiting_groups(
                access.shop, import_id=wanted["import_id"], is_masked=is_masked(access)
            )
        ],
        "wanted": wanted,
        "states": [(key, title, key == wanted["state"]) for key, title in STATES.items()],
        "table": build_paged_table(
            request,
            "quarantine",
            _columns(access),
            found.rows,
            count=found.count,
            page=1,
            size=max(SIZE, found.count),  # paged by key, below the table
        ),
        "next_before": found.rows[-1].id if len(found.rows) == SIZE else None,
        "is_first": before is None,
        "ids": [row.id for row in found.rows if row.state == "waiting"],
        "may_mend": may_mend,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "count": found.count,
    }
    return render(request, "intake/quarantine.html", context)


def _columns(access: Access) -> list[Column[reads.QuarantinedView]]:
    def link(one: reads.QuarantinedView) -> dict[str, str]:
        url = reverse("intake:quarantined", args=[access.shop.slug, one.id])
        return {"text": one.words, "sub": one.remedy, "url": url}

    def place(one: reads.QuarantinedView) -> str:
        if one.line is None:
            return str(ORIGINS.get(one.origin, one.origin))
        return gettext("line %(line)s, %(column)s") % {"line": one.line, "column": one.column or "—"}

    return [
        Column("reason", gettext("What is wrong"), lambda q: q.words, "link", is_first=True, shown=link),
        Column("place", gettext("Where"), place),
        Column("payload", gettext("Text"), lambda q: shortened(_payload(access, q.payload), 120), "code"),
        Column("received", gettext("Came"), lambda q: q.received_at, "moment"),
        Column("state", gettext("State"), lambda q: q.state, "state", shown=_state),
    ]


def _state(one: reads.QuarantinedView) -> dict[str, Any]:
    return _state_of(one.state)


def _state_of(state: str) -> dict[str, Any]:
    return {"text": STATES.get(state, state), "tone": TONES.get(state, "")}


def _group_of(one: reads.QuarantinedView) -> dict[str, str]:
    return address_of(reads.Group(one.origin, one.reason, one.mapping, one.column))


def _lines(access: Access, wanted: dict[str, Any]) -> Iterator[list[Any]]:
    before: int | None = None
    while True:
        found = reads.list_quarantined(
            access.shop, **wanted, before=before, size=CHUNK, is_masked=is_masked(access)
        )
        for one in found.rows:
            yield [
                one.id,
                one.state,
                one.origin,
                one.import_id,
                one.mapping,
                one.line,
                one.column,
                one.reason,
                one.words,
                one.remedy,
                one.received_at,
                _payload(access, one.payload),
            ]
        if len(found.rows) < CHUNK:
            return
        before = found.rows[-1].id


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.VIEW_QUARANTINE)
def one(request: PageRequest, shop: str, quarantined_id: int) -> HttpResponse:
    """One entry; mending keeps what was typed when it is still refused."""
    access = request.access
    found = reads.get_quarantined(access.shop, quarantined_id, is_masked=is_masked(access))
    text = request.POST.get("payload", found.payload)
    problem = ""
    if request.method == "POST":
        try:
            actions.mend_and_replay(
                shop=access.shop,
                quarantined_id=quarantined_id,
                payload=text if text != found.payload else None,
                actor=access.actor,
                at=clock.now(),
            )
        except ShukeError as error:
            problem = str(error)
        else:
            messages.success(request, gettext("Sent again. It counts at the moment when it came first."))
            return redirect("intake:quarantine", shop)
    context = {
        "one": found,
        "text": _payload(access, text),
        "may_mend": access.may(Deed.MEND_QUARANTINE) and found.state == "waiting",
        "state": _state(found),
        "origin": ORIGINS.get(found.origin, found.origin),
        "history": [
            {"one": one, "changes": changes_of(access, one), "state": _state_of(one.state)}
            for one in reads.history_of(access.shop, found.id, is_masked=is_masked(access))
        ],
        "mend_url": f"{reverse('intake:mend_group', args=[shop])}?{urlencode(_group_of(found))}",
        "problem": problem,
        "rows": min(24, max(4, text.count("\n") + len(text) // 100 + 2)),
    }
    return render(request, "intake/quarantined.html", context, status=422 if problem else 200)


@require_POST
@page(Deed.MEND_QUARANTINE)
def settle(request: PageRequest, shop: str) -> HttpResponse:
    """Send again or drop the chosen entries, or all that wait for one reason (500 at a time)."""
    access = request.access
    ids = [
        int(text)
        for text in request.POST.getlist("id")
        if text.isascii() and text.isdigit() and len(text) < 18
    ]
    if request.POST.get("all") == "1":
        found = reads.list_quarantined(access.shop, **_wanted(_as_get(request)), size=CHUNK)
        ids = [row.id for row in found.rows]
    at = clock.now()
    if request.POST.get("deed") == "drop":
        count = actions.drop(shop=access.shop, ids=ids, actor=access.actor, at=at)
        messages.success(request, _dropped(count))
    else:
        done = actions.replay(shop=access.shop, ids=ids, actor=access.actor, at=at)
        messages.success(request, _replayed(done.count))
        if done.refused:
            messages.warning(request, _refused(len(done.refused), done.refused[0][1]))
    query = request.POST.get("query", "")
    url = reverse("intake:quarantine", args=[shop])
    return redirect(f"{url}?{query}" if query else url)


def _as_get(request: PageRequest) -> Any:
    """The filters that the form carries, in the place where the page's address has them."""
    from django.http import QueryDict

    class Carried:
        GET = QueryDict(request.POST.get("query", ""))

    return Carried


def _dropped(count: int) -> str:
    return ngettext(
        "%(count)s entry is dropped; it stays readable.",
        "%(count)s entries are dropped; they stay readable.",
        count,
    ) % {"count": count}


def _replayed(count: int) -> str:
    return ngettext("%(count)s entry is sent again.", "%(count)s entries are sent again.", count) % {
        "count": count
    }


def _refused(count: int, why: str) -> str:
    return ngettext(
        "%(count)s entry is still refused: %(why)s", "%(count)s entries are still refused: %(why)s", count
    ) % {"count": count, "why": why}
