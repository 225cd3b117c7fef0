"""How many can we reach, and how? Coverage by channel and group, what was said last, and writing down what was said."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.audience.contacts import actions, coverage, reads
from shuke.audience.contacts.actions import Evidence
from shuke.console import (
    customer_panels,  # noqa: F401  (its panels are registered)
    words,
)
from shuke.console.pages.forecast_people import customer_url
from shuke.kernel import clock
from shuke.kernel.errors import Invalid, ShukeError
from shuke.shops import navigation
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number

navigation.register(
    navigation.NavigationEntry(
        "consent",
        pgettext_lazy("sidebar", "Consent"),
        "check",
        "console:consent",
        Deed.VIEW_TRAFFIC,
        "customers",
        60,
    )
)
SIZE = 50
TONES = {reads.Said.GIVEN: "", reads.Said.CONFIRMED: "good", reads.Said.WITHDRAWN: "bad"}


@require_safe
@page(Deed.VIEW_TRAFFIC)
def consent(request: PageRequest, shop: str) -> HttpResponseBase:
    """The page; `purpose` in the address; `?format=csv` is the coverage as a file."""
    access, at = request.access, clock.now()
    purpose = _purpose(request)
    found = coverage.coverage(access.shop, purpose, at)
    columns = _columns()
    if wants_csv(request.GET):
        header = [pgettext("consent", "Group"), pgettext("consent", "Customers")]
        for name in (gettext("By any channel"), *(str(reads.CHANNEL_TITLES[one]) for one in reads.Channel)):
            header += [
                f"{name}: {part}"
                for part in (gettext("with a point"), gettext("permits"), gettext("refuses"))
            ]
        return csv_response(access, f"consent-{purpose.value}", header, map(_line, found.groups))
    sees_people = access.may(Deed.VIEW_CUSTOMERS)
    number = page_number(request)
    rows = reads.statements(access.shop, offset=(number - 1) * SIZE, limit=SIZE) if sees_people else ()
    count = reads.count_statements(access.shop) if sees_people else 0
    context: dict[str, Any] = {
        "found": found,
        "sentence": _sentence(found),
        "purpose": purpose.value,
        "purposes": [(one.value, reads.PURPOSE_TITLES[one]) for one in reads.Purpose],
        "is_empty": not any(group.any.with_point for group in found.groups) and not count,
        "waiting": words.count(found.waiting) if found.waiting else "",
        "table": build_table(request, "coverage", columns, found.groups),
        "said": build_paged_table(
            request, "statements", _said_columns(access), rows, count=count, page=number, size=SIZE
        )
        if sees_people
        else None,
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "may_manage": access.may(Deed.MANAGE_CUSTOMERS),
        "channels": [(one.value, reads.CHANNEL_TITLES[one]) for one in reads.Channel],
        "saids": [
            ("given", gettext("consents")),
            ("confirmed", gettext("consents, confirmed by a link")),
            ("withdrawn", gettext("refuses")),
        ],
        "rule_url": reverse("console:rule", args=[shop, reads.RULES + "double_opt_in_channels"]),
    }
    return render(request, "console/consent.html", context)


def _purpose(request: PageRequest) -> reads.Purpose:
    asked = request.GET.get("purpose", "")
    return reads.Purpose(asked) if asked in [one.value for one in reads.Purpose] else reads.Purpose.MARKETING


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def say(request: PageRequest, shop: str) -> HttpResponse:
    """Record what somebody said."""
    access, at = request.access, clock.now()
    common: dict[str, Any] = {"shop": access.shop, "actor": access.actor, "at": at}
    try:
        channel = _choice(reads.Channel, request.POST.get("channel", ""), "channel")
        purpose = _choice(reads.Purpose, request.POST.get("purpose", ""), "purpose")
        said = _choice(reads.Said, request.POST.get("said", ""), "said")
        source = request.POST.get("source", "")
        proof = Evidence(request.POST.get("text_version", ""), source)
        point = reads.point_named(access.shop, reads.POINT_OF[channel], request.POST.get("point", ""))
        told: dict[str, Any] = {
            **common,
            "identity_id": point.id,
            "channel": channel,
            "purpose": purpose,
            "evidence": proof,
        }
        if said is reads.Said.WITHDRAWN:
            actions.withdraw_consent(**told)
        else:
            actions.record_consent(**told, is_confirmed=said is reads.Said.CONFIRMED)
        actions.hold_point(**common, kind=point.kind, text=point.ref, source=source)
        messages.success(request, gettext("Recorded. It holds from now on."))
    except ShukeError as error:
        messages.error(request, str(error))
    return redirect("console:consent", shop=shop)


def _choice(kind: Any, text: str, field: str) -> Any:
    if text not in [one.value for one in kind]:
        raise Invalid(field=field, value=text[:60])
    return kind(text)


def _sentence(found: coverage.Coverage) -> str:
    """The one question of the page, of regulars where there are any, else of all with a point."""
    group = next((one for one in found.groups if one.customers), None)
    if group is None:
        return ""
    best = max(group.by_channel.items(), key=lambda pair: pair[1].permitted)
    said = gettext("%(permitted)s of %(customers)s can be reached for this purpose (%(group)s).") % {
        "permitted": words.count(group.any.permitted),
        "customers": words.count(group.customers),
        "group": coverage.GROUP_TITLES[group.name],
    }
    if not best[1].permitted:
        return said
    more = gettext("Most by %(channel)s: %(count)s.") % {
        "channel": reads.CHANNEL_TITLES[best[0]],
        "count": words.count(best[1].permitted),
    }
    return f"{said}{'' if words.locale().language == 'zh' else ' '}{more}"


def _cell(cell: coverage.Cell) -> dict[str, str]:
    """Who permits of those with a point."""
    if not cell.with_point:
        return {"text": "", "why": gettext("Nobody has a contact point of this channel.")}
    sub = gettext("%(refused)s refuse") % {"refused": words.count(cell.refused)} if cell.refused else ""
    return {"text": f"{words.count(cell.permitted)} / {words.count(cell.with_point)}", "sub": sub}


def _columns() -> list[Column[coverage.Group]]:
    def channel(one: reads.Channel) -> Column[coverage.Group]:
        return Column(
            one.value,
            reads.CHANNEL_TITLES[one],
            lambda row: row.by_channel[one].permitted,
            "stated",
            is_number=True,
            shown=lambda row: _cell(row.by_channel[one]),
        )

    return [
        Column("group", pgettext("consent", "Group"), lambda row: str(coverage.GROUP_TITLES[row.name]), is_first=True),
        Column("customers", pgettext("consent", "Customers"), lambda row: row.customers, "count", is_number=True),
        Column("any", gettext("By any channel"), lambda row: row.any.permitted, "stated", is_number=True, shown=lambda row: _cell(row.any)),
        *(channel(one) for one in reads.Channel),
    ]  # fmt: skip


def _line(group: coverage.Group) -> list[Any]:
    told: list[Any] = [str(coverage.GROUP_TITLES[group.name]), group.customers]
    for cell in (group.any, *(group.by_channel[one] for one in reads.Channel)):
        told += [cell.with_point, cell.permitted, cell.refused]
    return told


def _said_columns(access: Access) -> list[Column[reads.StatementView]]:
    zone = access.shop.zone

    def who(row: reads.StatementView) -> dict[str, str]:
        text = reads.shown(row.point, is_masked=True) if row.point else str(row.customer_id)
        return {"text": text, "url": customer_url(access, row.customer_id)}

    return [
        Column("at", pgettext("consent", "When"), lambda r: r.at, "stated", is_first=True, shown=lambda r: {"text": words.moment(r.at, zone)}),
        Column("who", pgettext("consent", "Who"), lambda r: r.customer_id, "link", shown=who),
        Column("said", pgettext("consent", "What was said"), lambda r: r.said.value, "badge",
               shown=lambda r: {"text": str(reads.SAID_TITLES[r.said]), "tone": TONES[r.said]}),
        Column("channel", pgettext("consent", "Channel"), lambda r: str(reads.CHANNEL_TITLES[r.channel])),
        Column("purpose", pgettext("consent", "Purpose"), lambda r: str(reads.PURPOSE_TITLES[r.purpose])),
        Column("text_version", pgettext("consent", "Text"), lambda r: r.text_version),
        Column("source", pgettext("consent", "Where"), lambda r: r.source),
        Column("made_by", pgettext("consent", "Recorded by"), lambda r: r.made_by),
    ]  # fmt: skip
