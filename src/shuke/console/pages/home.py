"""The way in: straight to the only shop, or the list to choose from."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from shuke.shops import reads
from shuke.shops.models import User


def _reader(request: HttpRequest) -> User:
    """Whoever is signed in; `login_required` has seen to it."""
    user = request.user
    assert isinstance(user, User)
    return user


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the only shop; else to the choice."""
    shops = reads.list_shops_of(_reader(request))
    return redirect("console:today", shops[0].slug) if len(shops) == 1 else redirect("console:shops")


@require_safe
@login_required
def shops(request: HttpRequest) -> HttpResponse:
    """Every shop that the reader is a member of."""
    return render(request, "console/shops.html", {"shops": reads.list_shops_of(_reader(request))})
