"""Where do customers stand? New, active, returning, silent at the end of a day, and how they came there since another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_safe

from shuke.audience.value import reads
from shuke.audience.value.decisions import RULES
from shuke.audience.value.wording import ACTIVITY_TITLES, BASIS_TITLES, STATE_TITLES, masked, state_title
from shuke.console import value_view as view
from shuke.console import words
from shuke.kernel import clock
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import PIECE, csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, csv_rows, page_number

navigation.register(
    navigation.NavigationEntry(
        "lifecycle",
        pgettext_lazy("sidebar", "Lifecycle"),
        "refresh",
        "console:lifecycle",
        Deed.VIEW_TRAFFIC,
        "customers",
        30,
    )
)
SIZE = 50
USUAL = timedelta(days=28)
LOOKS = {None: "more", "new": "channel", "active": "type", "returning": "order", "silent": "exit"}


@dataclass(frozen=True)
class LifeView:
    """The two days of the address; `problems` are words of what it says wrongly."""

    day: date
    since: date
    is_today: bool
    problems: tuple[str, ...]

    @property
    def query(self) -> dict[str, str]:
        return {"day": self.day.isoformat(), "since": self.since.isoformat()}


def read_life_view(request: PageRequest, today: date) -> LifeView:
    """`day` (today) and `since` (28 days before it), half-way mended where they do not suit."""
    problems: list[str] = []
    day = view.read_day(request, "day", today, problems)
    if day > today:
        problems.append(gettext("%(day)s lies ahead; the page shows today.") % {"day": words.day(day)})
        day = today
    usual = max(day - USUAL, view.FIRST_DAY)
    since = view.read_day(request, "since", usual, problems)
    if since >= day:
        problems.append(gettext("The day to compare with must lie before %(day)s.") % {"day": words.day(day)})
        since = usual
    return LifeView(day, since, day == today, tuple(problems))


@require_safe
@page(Deed.VIEW_TRAFFIC)
def lifecycle(request: PageRequest, shop: str) -> HttpResponseBase:
    """The shell; `?format=csv` is the table of flows as a file."""
    access, at = request.access, clock.now()
    state = read_life_view(request, view.today(access, at))
    if wants_csv(request.GET):
        found = reads.lifecycle(access.shop, day=state.day, since=state.since, at=at)
        columns = _columns(access, state, found)
        header = [str(column.title) for column in columns]
        return csv_response(
            access, f"lifecycle-{state.since}-{state.day}", header, csv_rows(columns, found.flows)
        )
    context = {
        "view": state,
        "day_words": words.day(state.day),
        "since_words": words.day(state.since),
        "query": request.GET.urlencode(),
    }
    return render(request, "console/lifecycle.html", context)


@require_safe
@page(Deed.VIEW_TRAFFIC)
def answer(request: PageRequest, shop: str) -> HttpResponse:
    """The fragment with the sentence, the states, the picture, the ranked list for a phone, and the table."""
    access, at = request.access, clock.now()
    state = read_life_view(request, view.today(access, at))
    found = reads.lifecycle(access.shop, day=state.day, since=state.since, at=at)
    flows = sorted(found.flows, key=lambda flow: -flow.customers)
    context = {
        "view": state,
        "found": found,
        "until": words.clock_time(found.until, access.shop.zone) if found.until and state.is_today else "",
        "sentence": _sentence(found),
        "states": _states(access, state, found),
        "basis": BASIS_TITLES[found.basis.name],
        "cutoffs": _cutoffs(found),
        "is_changed": found.basis != found.basis_then,
        "rule_url": reverse("console:rule", args=[shop, f"{RULES}silent_days_{found.basis.name}"]),
        "picture": _picture(access, state, found),
        "ranks": [_rank(access, state, found, flow) for flow in flows],
        "table": build_table(
            request, "lifecycle", _columns(access, state, found), flows, default_sort="-customers"
        ),
        "table_source": request.path,
        "table_page": reverse("console:lifecycle", args=[shop]),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/pieces/lifecycle_answer.html", context)


def _sentence(found: reads.Lifecycle) -> str:
    """What moved: who came back, who fell silent, who is new."""

    def moved(to: str, *without: str | None) -> str:
        return words.count(
            sum(f.customers for f in found.flows if f.is_now == to and f.was not in (to, *without))
        )

    return gettext("Since %(since)s, %(back)s came back, %(silent)s fell silent and %(new)s are new.") % {
        "since": words.short_day(found.since),
        "back": moved("returning"),
        "silent": moved("silent"),
        "new": moved("new"),
    }


def _cutoffs(found: reads.Lifecycle) -> str:
    cut = found.basis.cutoffs
    return gettext(
        "New for %(new)s days, silent after %(silent)s days without activity, returning for %(returning)s days after coming back."
    ) % {"new": cut.new, "silent": cut.silent, "returning": cut.returning}


def _states(access: Access, state: LifeView, found: reads.Lifecycle) -> list[dict[str, Any]]:
    then = dict(found.states_then)
    return [
        {
            "title": STATE_TITLES[name],
            "text": words.count(count),
            "url": _url(access, state, name) if count else "",
            "sub": gettext("%(share)s; %(then)s on %(since)s")
            % {
                "share": view.percent(view.share(count, found.customers)),
                "then": words.count(then[name]),
                "since": words.short_day(found.since),
            },
        }
        for name, count in found.states
    ]


def _url(access: Access, state: LifeView, name: str, was: str | None = "") -> str:
    query = state.query | {"state": name}
    if was != "":
        query["was"] = was or "none"
    return view.who_url(access, "console:lifecycle_customers", **query)


def _picture(access: Access, state: LifeView, found: reads.Lifecycle) -> dict[str, Any]:
    """The flows as a Sankey: left the states of `since`, right those of `day`."""

    def node(side: int, name: str | None) -> dict[str, Any]:
        count = sum(f.customers for f in found.flows if (f.is_now if side else f.was) == name)
        return {
            "name": f"{side} {name}",
            "label": state_title(name),
            "kind": LOOKS[name],
            "depth": side,
            "visits": count,
            "ordered": view.percent(view.share(count, found.customers)),
            "url": _url(access, state, name) if side and name else "",
        }

    sides = [*((0, name) for name in (None, *reads.STATES)), *((1, name) for name in reads.STATES)]
    nodes = [node(side, name) for side, name in sides]
    return {
        "kind": "sankey",
        "unit": "count",
        "language": "zh-CN" if words.locale().language == "zh" else "en",
        "visits_word": pgettext("lifecycle", "customers"),
        "ordered_word": pgettext("lifecycle", "of all"),
        "nodes": [one for one in nodes if one["visits"]],
        "links": [
            {
                "source": f"0 {flow.was}",
                "target": f"1 {flow.is_now}",
                "value": flow.customers,
                "share": view.percent(view.share(flow.customers, found.customers)),
            }
            for flow in found.flows
        ],
    }


def _rank(access: Access, state: LifeView, found: reads.Lifecycle, flow: reads.Flow) -> dict[str, Any]:
    part = view.share(flow.customers, found.customers)
    return {
        "text": f"{state_title(flow.was)} → {state_title(flow.is_now)}",
        "count": words.count(flow.customers),
        "url": _url(access, state, flow.is_now, flow.was),
        "share": view.percent(part),
        "width": round(100 * float(part or 0), 2),
    }


def _columns(access: Access, state: LifeView, found: reads.Lifecycle) -> list[Column[reads.Flow]]:
    def number(flow: reads.Flow) -> dict[str, str]:
        return {
            "text": words.count(flow.customers),
            "url": _url(access, state, flow.is_now, flow.was),
            "sub": "",
        }

    return [
        Column(
            "was",
            gettext("On %(day)s") % {"day": words.short_day(found.since)},
            lambda flow: state_title(flow.was),
            is_first=True,
            is_searched=True,
        ),
        Column(
            "is_now",
            gettext("On %(day)s") % {"day": words.short_day(found.day)},
            lambda flow: state_title(flow.is_now),
            is_searched=True,
        ),
        Column(
            "customers",
            pgettext("lifecycle", "Customers"),
            lambda flow: flow.customers,
            "link",
            is_number=True,
            shown=number,
        ),
        Column(
            "share",
            pgettext("lifecycle", "Share"),
            lambda flow: view.share(flow.customers, found.customers),
            "share",
            is_number=True,
            shown=lambda flow: view.drawn_share(view.share(flow.customers, found.customers)),
        ),
    ]


# --- the customers in a state


TITLES: dict[str, str | Promise] = {
    "ref": pgettext_lazy("living customer", "Customer"),
    "state": pgettext_lazy("living customer", "State"),
    "was": pgettext_lazy("living customer", "Was"),
    "last_day": pgettext_lazy("living customer", "Last activity"),
    "first_day": pgettext_lazy("living customer", "First activity"),
    "active_days": pgettext_lazy("living customer", "Days of activity"),
    "customer_id": pgettext_lazy("living customer", "Id"),
}


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def customers(request: PageRequest, shop: str) -> HttpResponseBase:
    """Who is in a state, or took one flow, those active last first; `?format=csv` all of them, names masked."""
    access, at = request.access, clock.now()
    state = read_life_view(request, view.today(access, at))
    name, was = request.GET.get("state", ""), request.GET.get("was")
    name = name if name in reads.STATES else ""
    was = was if was in (*reads.STATES, "none") else None

    def ask(number: int, size: int) -> reads.LivingCustomers:
        return reads.lifecycle_customers(
            access.shop, day=state.day, since=state.since, state=name, was=was, at=at, page=number, size=size
        )

    columns = _customer_columns(access)
    if wants_csv(request.GET):
        return _as_csv(access, columns, ask, f"customers-{name or 'states'}-{state.day}")
    columns = [column for column in columns if column.key != "customer_id"]  # in the file alone: it is long
    number = page_number(request)
    found = ask(number, SIZE)
    context = {
        "view": state,
        "title": state_title(name) if name else gettext("All customers"),
        "was": state_title(None if was == "none" else was) if was else "",
        "day_words": words.day(state.day),
        "since_words": words.day(state.since),
        "count": found.count,
        "table": build_paged_table(
            request, "living-customers", columns, found.rows, count=found.count, page=number, size=SIZE
        ),
        "back_url": reverse("console:lifecycle", args=[shop])
        + f"?day={state.day.isoformat()}&since={state.since.isoformat()}",
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/lifecycle_customers.html", context)


def _customer_columns(access: Access) -> list[Column[reads.LivingCustomer]]:
    def last(row: reads.LivingCustomer) -> dict[str, str]:
        return {"text": words.day(row.last_day), "sub": str(ACTIVITY_TITLES[row.by])}

    return [
        Column("ref", TITLES["ref"], lambda r: r.ref or "", "link", is_first=True, shown=lambda r: view.customer_cell(access, r)),
        Column("state", TITLES["state"], lambda r: str(STATE_TITLES[r.state])),
        Column("was", TITLES["was"], lambda r: state_title(r.was)),
        Column("last_day", TITLES["last_day"], lambda r: r.last_day, "stated", shown=last),
        Column("first_day", TITLES["first_day"], lambda r: r.first_day, "nowrap", shown=lambda r: words.day(r.first_day)),
        Column("active_days", TITLES["active_days"], lambda r: r.active_days, "count", is_number=True),
        Column("customer_id", TITLES["customer_id"], lambda r: str(r.customer_id), "code"),
    ]  # fmt: skip


def _as_csv(access: Access, columns: list[Column[Any]], ask: Any, name: str) -> HttpResponseBase:
    def rows() -> Iterator[list[Any]]:
        number = 1
        while (found := ask(number, PIECE)).rows:
            for row in found.rows:
                yield [masked(row.ref), *(column.value(row) for column in columns[1:])]
            if number * PIECE >= found.count:
                return
            number += 1

    return csv_response(access, name, [str(column.title) for column in columns], rows())
