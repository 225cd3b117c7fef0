"""Keys: write keys with which pages send events, with a snippet to copy; API keys for programs, shown once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from shuke.console.deeds import attempt
from shuke.shops import actions, reads
from shuke.shops.access import Access, page
from shuke.shops.csv_out import csv_response, wants_csv
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import ROLE_TITLES, Deed, Role
from shuke.shops.tables import Column, build_table


class WriteKeyForm(forms.Form):
    """A write key is named after where it stands."""

    name = forms.CharField(label=gettext_lazy("Where it is used"), max_length=60)


class ApiKeyForm(forms.Form):
    """A program acts with one role."""

    name = forms.CharField(label=gettext_lazy("Program"), max_length=50)
    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        choices=[(role.value, ROLE_TITLES[role]) for role in Role],
        initial=Role.ANALYST.value,
    )


@require_safe
@page(Deed.MANAGE_KEYS)
def keys(request: PageRequest, shop: str) -> HttpResponseBase:
    """Both kinds of key; each as a file. No file holds a secret, since none is kept."""
    if wants_csv(request.GET):
        return _file(request.access, is_write=request.GET.get("table") == "write")
    return _page(request, WriteKeyForm(prefix="write"), ApiKeyForm(prefix="api"))


@never_cache
@require_POST
@page(Deed.MANAGE_KEYS)
def create_write_key(request: PageRequest, shop: str) -> HttpResponse:
    """A new write key; it is no secret, so it stays readable."""
    access = request.access
    form = WriteKeyForm(request.POST, prefix="write")
    made = attempt(
        form,
        lambda: access.do(actions.create_write_key, name=form.cleaned_data["name"]),
    )
    if made is None:
        return _page(request, form, ApiKeyForm(prefix="api"))
    messages.success(request, gettext("The write key is ready. Put its snippet into the shop's pages."))
    return redirect("console:keys", shop)


@never_cache
@require_POST
@page(Deed.MANAGE_KEYS)
def create_api_key(request: PageRequest, shop: str) -> HttpResponse:
    """A new API key; its secret is on this answer and nowhere else."""
    access = request.access
    form = ApiKeyForm(request.POST, prefix="api")
    made = attempt(
        form,
        lambda: access.do(actions.create_api_key, **form.cleaned_data),
    )
    if made is None:
        return _page(request, WriteKeyForm(prefix="write"), form)
    _row, secret = made
    return _page(request, WriteKeyForm(prefix="write"), ApiKeyForm(prefix="api"), secret=secret)


@require_POST
@page(Deed.MANAGE_KEYS)
def revoke_write_key(request: PageRequest, shop: str, key_id: int) -> HttpResponse:
    """Events under the key are refused from now on."""
    access = request.access
    access.do(actions.revoke_write_key, key_id=key_id)
    messages.success(request, gettext("The write key is revoked; events sent with it are refused now."))
    return redirect("console:keys", shop)


@require_POST
@page(Deed.MANAGE_KEYS)
def revoke_api_key(request: PageRequest, shop: str, key_id: int) -> HttpResponse:
    """The program is refused from now on."""
    access = request.access
    access.do(actions.revoke_api_key, key_id=key_id)
    messages.success(request, gettext("The API key is revoked; the program is refused now."))
    return redirect("console:keys", shop)


def _file(access: Access, *, is_write: bool) -> HttpResponseBase:
    if is_write:
        write_keys = reads.list_write_keys(access.shop)
        rows = ([key.name, key.key, key.created_at, key.is_live] for key in write_keys)
        return csv_response(access, "write-keys", ["name", "key", "created_at", "is_live"], rows)
    header = ["name", "prefix", "role", "created_at", "is_live"]
    api_keys = reads.list_api_keys(access.shop)
    return csv_response(
        access,
        "api-keys",
        header,
        ([key.name, key.prefix, key.role.value, key.created_at, key.is_live] for key in api_keys),
    )


def _page(
    request: PageRequest, write_form: forms.Form, api_form: forms.Form, *, secret: str = ""
) -> HttpResponse:
    access = request.access
    write_keys = reads.list_write_keys(access.shop)
    api_keys = reads.list_api_keys(access.shop)
    api_columns: list[Column[Any]] = [
        Column("name", gettext("Program"), lambda k: k.name, is_first=True, is_searched=True),
        Column("prefix", gettext("Begins with"), lambda k: k.prefix, "code"),
        Column("role", gettext("Role"), lambda k: str(ROLE_TITLES[k.role])),
        Column("created", gettext("Since"), lambda k: k.created_at, "moment"),
        Column("state", gettext("State"), lambda k: k.is_live, "state", shown=_state),
        Column("deeds", "", lambda k: k.id, "api_key_deeds", is_sortable=False, shown=lambda k: k),
    ]
    base = request.build_absolute_uri("/").rstrip("/")
    context = {
        "write_form": write_form,
        "api_form": api_form,
        "secret": secret,
        "write_keys": write_keys,
        "live_keys": [key for key in write_keys if key.is_live],
        "table": build_table(request, "api-keys", api_columns, api_keys),
        "base": base,
        "table_page": reverse(
            "console:keys", args=[access.shop.slug]
        ),  # a new secret stands on another address
        "is_exportable": access.may(Deed.EXPORT_TABLES),
    }
    status = 422 if write_form.errors or api_form.errors else 200
    return render(request, "console/keys.html", context, status=status)


def _state(key: Any) -> dict[str, str]:
    return (
        {"text": gettext("live"), "tone": "good"} if key.is_live else {"text": gettext("revoked"), "tone": ""}
    )
