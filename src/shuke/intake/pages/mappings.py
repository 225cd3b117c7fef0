"""Mappings: how a file's columns become facts. Shipped ones are read; a shop's own are written as JSON, versioned."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from shuke.intake import actions, reads
from shuke.kernel import clock
from shuke.kernel.errors import ShukeError
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

LONGEST = 200_000


@require_safe
@page(Deed.IMPORT_FILES)
def mappings(request: PageRequest, shop: str) -> HttpResponse:
    """The shop's own mappings, then those that come with the project."""
    access = request.access
    context = {
        "mappings": reads.list_mappings(access.shop),
        "may_change": access.may(Deed.MANAGE_MAPPINGS),
    }
    return render(request, "intake/mappings.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_MAPPINGS)
def edit(request: PageRequest, shop: str, name: str = "") -> HttpResponse:
    """Read a mapping, change one's own, or make one from another (`?from=`). What was typed stays when it is refused."""
    access = request.access
    found = reads.get_mapping(access.shop, name) if name else None
    is_own = found is not None and not found.is_shipped
    text = request.POST.get("spec", "") or _text(found, request.GET.get("from", ""), access)
    problem = ""
    if request.method == "POST":
        try:
            saved = actions.save_mapping(
                shop=access.shop,
                spec=_parsed(text),
                version=_version(request) if is_own else None,
                actor=access.actor,
                at=clock.now(),
            )
        except ShukeError as error:
            problem = str(error)
        else:
            messages.success(request, gettext("The mapping “%(name)s” is saved.") % {"name": saved.name})
            return redirect("intake:mapping", shop, saved.name)
    context = {
        "found": found,
        "is_own": is_own,
        "text": text,
        "problem": problem,
        "rows": min(40, text.count("\n") + 3),
    }
    return render(request, "intake/mapping.html", context, status=422 if problem else 200)


def _text(found: Any, copied: str, access: Any) -> str:
    """The mapping as JSON; a copy of a shipped one gets a name of its own."""
    if found is not None:
        return json.dumps(dict(found.spec.raw), ensure_ascii=False, indent=2)
    if not copied:
        return ""
    spec = dict(reads.get_mapping(access.shop, copied).spec.raw)
    spec["name"] = f"{spec.get('name', copied)}_2"
    return json.dumps(spec, ensure_ascii=False, indent=2)


class _NotJson(ShukeError):
    code = "mapping_not_json"
    status = 422


def _parsed(text: str) -> Any:
    try:
        return json.loads(text[:LONGEST])
    except ValueError as error:
        refusal = _NotJson(field="spec")
        refusal.words = gettext("This is not JSON: %(why)s.")
        refusal.params["why"] = str(error)
        raise refusal from None


def _version(request: PageRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@require_POST
@page(Deed.MANAGE_MAPPINGS)
def remove(request: PageRequest, shop: str, name: str) -> HttpResponse:
    """Remove a mapping of the shop; imports keep the copy that they used."""
    access = request.access
    actions.remove_mapping(shop=access.shop, name=name, actor=access.actor, at=clock.now())
    messages.success(request, gettext("The mapping is removed; imports that used it keep their copy."))
    return redirect("intake:mappings", shop)
