"""Members of the shop: who they are, what their role lets them do, and inviting, changing and removing them."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from shuke.console.deeds import attempt
from shuke.shops import actions, reads
from shuke.shops.access import page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import DEED_TITLES, ROLE_TITLES, TABLE, Deed, Role
from shuke.shops.tables import Column, build_table, csv_rows


class InviteForm(forms.Form):
    """Whom to add, and as what."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[(role.value, ROLE_TITLES[role]) for role in Role],
        initial=Role.OPERATOR.value,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_MEMBERS)
def members(request: PageRequest, shop: str) -> HttpResponseBase:
    """The list, the form to invite, and the table of roles and deeds."""
    access = request.access
    form = InviteForm(request.POST or None)
    link = ""
    if request.method == "POST":
        invited = attempt(
            form,
            lambda: access.do(actions.invite_member, **form.cleaned_data),
        )
        if invited is not None:
            if invited.path is None:
                messages.success(request, gettext("%(name)s is a member now.") % {"name": invited.user.email})
                return redirect("console:members", shop)
            link = request.build_absolute_uri(invited.path)
            form = InviteForm()
    return _page(request, form, link)


def _page(request: PageRequest, form: forms.Form, link: str) -> HttpResponseBase:
    access = request.access
    rows = reads.list_members(access.shop)
    columns: list[Column[reads.MemberView]] = [
        Column(
            "name",
            gettext("Member"),
            lambda m: m.name or m.email,
            "person",
            is_first=True,
            is_searched=True,
            shown=lambda m: m,
        ),
        Column("role", gettext("Role"), lambda m: str(ROLE_TITLES[m.role]), is_searched=True),
        Column("joined", gettext("Since"), lambda m: m.joined_at, "moment"),
        Column("security", gettext("Sign-in"), lambda m: m.has_second_factor, "state", shown=_security),
    ]
    if wants_csv(request.GET):
        header = ["email", *(column.title for column in columns)]
        lines = ([row.email, *cells] for row, cells in zip(rows, csv_rows(columns, rows), strict=True))
        return csv_response(access, "members", header, lines)
    columns.append(Column("deeds", "", lambda m: m.id, "member_deeds", is_sortable=False, shown=lambda m: m))
    deeds = [{"title": DEED_TITLES[deed], "may": [role in TABLE[deed] for role in Role]} for deed in Deed]
    context = {
        "form": form,
        "link": link,
        "table": build_table(request, "members", columns, rows),
        "is_exportable": access.may(Deed.EXPORT_TABLES),
        "deeds": deeds,
        "roles": [ROLE_TITLES[role] for role in Role],
        "role_choices": [(role.value, ROLE_TITLES[role]) for role in Role],
    }
    return render(request, "console/members.html", context, status=422 if form.errors else 200)


def _security(member: reads.MemberView) -> dict[str, object]:
    if not member.has_joined:
        return {"text": gettext("invited"), "tone": "warn"}
    if member.has_second_factor:
        return {"text": gettext("with second factor"), "tone": "good"}
    return {"text": gettext("password only"), "tone": ""}


@require_POST
@page(Deed.MANAGE_MEMBERS)
def change_role(request: PageRequest, shop: str, user_id: int) -> HttpResponse:
    """Give a member another role."""
    access = request.access
    role = request.POST.get("role", "")
    access.do(actions.change_role, user_id=user_id, role=role)
    messages.success(request, gettext("The role is changed to %(role)s.") % {"role": ROLE_TITLES[Role(role)]})
    return redirect("console:members", shop)


@require_POST
@page(Deed.MANAGE_MEMBERS)
def remove(request: PageRequest, shop: str, user_id: int) -> HttpResponse:
    """Take a member out of the shop; their account stays."""
    access = request.access
    access.do(actions.remove_member, user_id=user_id)
    messages.success(request, gettext("The member is removed. What they did stays in the audit."))
    return redirect("console:members", shop)


@require_POST
@page(Deed.MANAGE_MEMBERS)
def renew(request: PageRequest, shop: str, user_id: int) -> HttpResponseBase:
    """A new link for someone who has not set a password yet."""
    access = request.access
    found = access.do(actions.renew_invitation, user_id=user_id)
    link = request.build_absolute_uri(found.path) if found.path else ""
    return _page(request, InviteForm(), link)
