"""The shop's own settings: name, platforms, category. Zone and currency are fixed, and the page says why."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from shuke.console.deeds import attempt
from shuke.kernel import clock
from shuke.shops import actions
from shuke.shops.access import page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed


class ShopForm(forms.Form):
    """What an owner may change."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    category = forms.CharField(label=gettext_lazy("Category"), max_length=60, required=False)
    platforms = forms.MultipleChoiceField(
        label=gettext_lazy("Platforms"),
        choices=list(actions.PLATFORMS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Deed.MANAGE_SHOP)
def settings(request: PageRequest, shop: str) -> HttpResponse:
    """Read and change."""
    access = request.access
    found = access.shop
    initial = {"name": found.name, "category": found.category, "platforms": list(found.platforms)}
    form = ShopForm(request.POST or None, initial=initial)
    if request.method == "POST":
        changed = attempt(
            form,
            lambda: actions.update_shop(shop=found, actor=access.actor, at=clock.now(), **form.cleaned_data),
        )
        if changed is not None:
            messages.success(request, gettext("The shop is saved."))
            return redirect("console:shop", shop)
    return render(request, "console/shop.html", {"form": form}, status=422 if form.errors else 200)
