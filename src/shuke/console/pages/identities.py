"""Who is one customer? Merges that wait for a person, and the names of one customer with who said so, each with its undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from shuke.audience.identities import actions, http, reads
from shuke.console import words
from shuke.kernel.errors import ShukeError
from shuke.shops import navigation, today
from shuke.shops.access import Access, page
from shuke.shops.csv_out import wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed
from shuke.shops.tables import Column, build_paged_table, build_table, page_number

navigation.register(
    navigation.NavigationEntry(
        "merge_suggestions",
        pgettext_lazy("sidebar", "Merge suggestions"),
        "replace",
        "console:merge_suggestions",
        Deed.VIEW_CUSTOMERS,
        "customers",
        80,
    )
)
SIZE = 25
_SHOWN = 4  # names of a side, beside the one that leads


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def suggestions(request: PageRequest, shop: str) -> HttpResponseBase:
    """What waits, or (`state=refused`) what was refused; `?format=csv` is all of it."""
    access = request.access
    state = "refused" if request.GET.get("state") == "refused" else "waiting"
    if wants_csv(request.GET):
        return http.suggestions_csv(request, state)
    number = page_number(request)
    found = reads.suggestions(access.shop, state=state, offset=(number - 1) * SIZE, limit=SIZE)
    count = reads.count_suggestions(access.shop, state=state)
    known = reads.identities_of_many(
        access.shop, {s.customer_id for one in found for s in (one.one, one.other)}
    )
    may_manage = access.may(Deed.MANAGE_CUSTOMERS)
    columns: list[Column[reads.SuggestionView]] = [
        Column(
            "one",
            gettext("One"),
            lambda s: s.one.ref,
            "known_name",
            is_first=True,
            shown=lambda s: _side(access, s.one, known),
        ),
        Column(
            "other",
            gettext("The other"),
            lambda s: s.other.ref,
            "known_name",
            shown=lambda s: _side(access, s.other, known),
        ),
        Column("reason", gettext("Why they may be one"), lambda s: s.reason.value, "known_name", shown=_why),
        Column("at", gettext("Since"), lambda s: s.at, "moment"),
    ]
    if state == "refused":
        columns.append(Column("refused", gettext("Refused by"), lambda s: s.refused_by))
    elif may_manage:
        columns.append(
            Column("deeds", "", lambda s: s.id, "suggestion_deeds", is_sortable=False, shown=lambda s: s)
        )
    context = {
        "table": build_paged_table(
            request, "suggestions", columns, found, count=count, page=number, size=SIZE
        ),
        "state": state,
        "sentence": _sentence(count) if state == "waiting" else "",
        "refused": reads.count_suggestions(access.shop, state="refused") if state == "waiting" else 0,
        "kept_out": [_kept_out(one) for one in reads.kept_out(access.shop)],
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    return render(request, "console/merge_suggestions.html", context)


def _lines(access: Access, at: datetime) -> Sequence[today.TodayLine]:
    """That merges wait, for who may decide."""
    if not access.may(Deed.MANAGE_CUSTOMERS):
        return ()
    newest = reads.suggestions(access.shop, limit=1)
    if not newest:
        return ()
    count = reads.count_suggestions(access.shop)
    told = ngettext("%(count)s merge suggestion waits", "%(count)s merge suggestions wait", count)
    return (
        today.TodayLine(
            title=told % {"count": words.count(count)},
            url=reverse("console:merge_suggestions", args=[access.shop.slug]),
            deed=gettext("Decide"),
            icon="replace",
            at=newest[0].at,
        ),
    )


today.register(today.TodaySource("merge_suggestions", _lines))


def _sentence(count: int) -> str:
    if not count:
        return ""
    told = ngettext(
        "%(count)s pair of customers may be one and the same person. Nothing is merged until you say so.",
        "%(count)s pairs of customers may be one and the same person. Nothing is merged until you say so.",
        count,
    )
    return told % {"count": words.count(count)}


def _side(
    access: Access, view: reads.IdentityView, known: dict[int, tuple[reads.IdentityView, ...]]
) -> dict[str, Any]:
    """The name that leads, and below it what else is known of this customer."""
    others = [one for one in known.get(view.customer_id, ()) if one.id != view.id]
    shown = [f"{reads.KIND_TITLES[one.kind]} {one.ref}" for one in others[:_SHOWN]]
    if len(others) > _SHOWN:
        shown.append("…")
    return {"text": view.ref, "sub": " · ".join(shown), "url": identities_url(access, view.customer_id)}


def _why(one: reads.SuggestionView) -> dict[str, Any]:
    return {"words": str(reads.REASON_TITLES[one.reason]), "sub": one.via.ref if one.via else ""}


def _kept_out(one: reads.KeptOutCount) -> str:
    told = ngettext(
        "%(count)s %(kind)s in the facts could not be read and joins nobody.",
        "%(count)s of %(kind)s in the facts could not be read and join nobody.",
        one.count,
    )
    return told % {"count": words.count(one.count), "kind": reads.KIND_TITLES[one.kind]}


def identities_url(access: Access, customer_id: int) -> str:
    """The page of a customer's names and links."""
    return reverse("console:customer_identities", args=[access.shop.slug, customer_id])


@require_safe
@page(Deed.VIEW_CUSTOMERS)
def identities(request: PageRequest, shop: str, customer_id: int) -> HttpResponseBase:
    """The names of the customer to whom an identity belongs."""
    access = request.access
    home = reads.customer_of(access.shop, customer_id)
    if home != customer_id:  # merged into another one since the link was made
        return redirect(identities_url(access, home))
    return render(request, "console/customer_identities.html", identities_context(request, home))


def identities_context(request: PageRequest, customer_id: int) -> dict[str, Any]:
    """What `console/pieces/customer_identities.html` draws: the names of a customer, the links that join them, and their undo.
    Raises NoSuchCustomer."""
    access = request.access
    found = reads.identities_of(access.shop, customer_id)
    links = reads.links_of(access.shop, customer_id)
    may_manage = access.may(Deed.MANAGE_CUSTOMERS)
    names: list[Column[reads.IdentityView]] = [
        Column(
            "ref",
            pgettext("identities", "Name"),
            lambda v: v.ref,
            "known_name",
            is_first=True,
            is_searched=True,
            shown=lambda v: _drawn(v, with_kind=False),
        ),
        Column("kind", gettext("What it is"), lambda v: str(reads.KIND_TITLES[v.kind])),
        Column("first", gettext("First seen"), lambda v: v.first_at, "moment"),
        Column("last", gettext("Last seen"), lambda v: v.last_at, "moment"),
        Column("source", gettext("From"), lambda v: v.source or words.UNKNOWN),
    ]
    joined: list[Column[reads.LinkView]] = [
        Column(
            "one",
            gettext("One"),
            lambda k: k.one.ref,
            "known_name",
            is_first=True,
            is_searched=True,
            shown=lambda k: _drawn(k.one),
        ),
        Column(
            "other",
            gettext("The other"),
            lambda k: k.other.ref,
            "known_name",
            is_searched=True,
            shown=lambda k: _drawn(k.other),
        ),
        Column(
            "origin",
            gettext("Who said so"),
            lambda k: str(reads.ORIGIN_TITLES[k.origin]),
            "known_name",
            shown=_who_said,
        ),
        Column("at", gettext("Since"), lambda k: k.at, "moment"),
        Column("state", gettext("State"), lambda k: k.holds, "state", shown=_link_state),
    ]
    if may_manage:
        joined.append(Column("deeds", "", lambda k: k.id, "link_deeds", is_sortable=False, shown=lambda k: k))
    return {
        "customer_id": customer_id,
        "lead": found[0].ref,
        "names": build_table(request, "names", names, found),
        "links": build_table(request, "links", joined, links),
        "may_manage": may_manage,
    }


def _number(text: str) -> int:
    """The surrogate in an address; anything else is no page."""
    if not text.removeprefix("-").isdecimal() or not text.isascii() or not -(2**63) <= int(text) < 2**63:
        raise Http404(text)
    return int(text)


def _drawn(view: reads.IdentityView, *, with_kind: bool = True) -> dict[str, Any]:
    note = ""
    if view.is_crowded:
        note = gettext("with too many others: joins nobody")
    elif view.is_shared:
        note = gettext("of several customers: joins nobody")
    kind = str(reads.KIND_TITLES[view.kind]) if with_kind else ""
    return {
        "text": view.ref or words.UNKNOWN,
        "words": "",
        "sub": "",
        "note": " · ".join(part for part in (kind, note) if part),
    }


def _who_said(link: reads.LinkView) -> dict[str, Any]:
    return {"words": str(reads.ORIGIN_TITLES[link.origin]), "sub": link.made_by or link.source}


def _link_state(link: reads.LinkView) -> dict[str, str]:
    if link.holds:
        return {"text": gettext("holds"), "tone": "good"}
    return {"text": gettext("undone by %(name)s") % {"name": link.undone_by}, "tone": ""}


def _done(request: PageRequest, deed: Callable[[], str]) -> None:
    """A deed whose page is drawn anew in any case: its words, or why it was refused."""
    try:
        messages.success(request, deed())
    except ShukeError as error:
        messages.error(request, str(error))


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def accept(request: PageRequest, shop: str, suggestion_id: int) -> HttpResponse:
    """Merge; the answer is the customer's page, where it can be undone."""
    access = request.access
    link = access.do(actions.accept_suggestion, suggestion_id=suggestion_id)
    messages.success(request, _merged_words(link))
    return redirect("console:merge_suggestions", shop)


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def refuse(request: PageRequest, shop: str, suggestion_id: int) -> HttpResponse:
    """Remembered: not suggested again for this reason."""
    request.access.do(actions.refuse_suggestion, suggestion_id=suggestion_id)
    messages.success(request, gettext("Refused. They are not suggested again for this reason."))
    return redirect("console:merge_suggestions", shop)


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def merge(request: PageRequest, shop: str, customer_id: int) -> HttpResponse:
    """Merge a customer with the one whom a name (`other`) names."""
    access = request.access
    home = reads.customer_of(access.shop, customer_id)
    reads.identities_of(access.shop, home)  # of this shop, or no page

    def deed() -> str:
        other = reads.named(access.shop, request.POST.get("other", ""))
        return _merged_words(access.do(actions.merge, one_id=home, other_id=other.id))

    _done(request, deed)
    return redirect(identities_url(access, reads.customer_of(access.shop, home)))


@require_POST
@page(Deed.MANAGE_CUSTOMERS)
def split(request: PageRequest, shop: str, link_id: int) -> HttpResponse:
    """Undo a link; `side`: to which of its ends goes what was typed on the merged customer."""
    access = request.access
    link = reads.link_of(access.shop, link_id)
    text = request.POST.get("side", "")
    done = None
    try:
        done = access.do(actions.split, link_id=link_id, side=_number(text) if text else None)
    except ShukeError as error:
        messages.error(request, str(error))
    if done is not None:
        told = {"one": link.one.ref, "other": link.other.ref}
        if done.is_still_one:
            messages.warning(
                request,
                gettext("The link is undone, but something else still joins %(one)s and %(other)s.") % told,
            )
        else:
            messages.success(request, gettext("%(one)s and %(other)s are two customers again.") % told)
    return redirect(identities_url(access, reads.customer_of(access.shop, link.one.id)))


def _merged_words(link: reads.LinkView) -> str:
    told = {"one": link.one.ref, "other": link.other.ref}
    return gettext("%(one)s and %(other)s are one customer now. It can be undone under his names.") % told
