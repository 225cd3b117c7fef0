"""What the pages of a job have in common, be it an import or a mend: its state as they draw it, to stop it, to let it go

on. The piece `job.html` (state, deeds, progress, error) belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_POST

from shuke.kernel import clock
from shuke.shops.access import Access, page
from shuke.shops.page_request import PageRequest
from shuke.shops.roles import Deed

View = Callable[..., HttpResponse]


class HasJob(Protocol):
    """A view of something that a job does."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def share(self) -> float | None: ...


def is_running(one: HasJob) -> bool:
    """Whether the page asks again by itself."""
    return one.state in ("waiting", "running", "stopping")


def job_context(access: Access, one: HasJob, *, noun: str, deed: Deed) -> dict[str, Any]:
    """What `intake/pieces/job.html` draws. `noun`: as the addresses stop_<noun> and resume_<noun> are named."""
    may = access.may(deed)
    address = [access.shop.slug, one.id]
    return {
        "is_running": is_running(one),
        "may_stop": may and one.state in ("waiting", "running"),
        "may_resume": may and one.state in ("stopped", "failed"),
        "stop_url": reverse(f"intake:stop_{noun}", args=address),
        "resume_url": reverse(f"intake:resume_{noun}", args=address),
        "percent": round(100 * one.share) if one.share is not None else None,
    }


def job_view(act: Callable[..., Any], *, noun: str, deed: Deed, said: str | Promise) -> View:
    """A page that does `act` (stop or resume) to what its address names by <noun>_id, says so and goes back to it."""

    def view(request: PageRequest, shop: str, **named: int) -> HttpResponse:
        access = request.access
        act(shop=access.shop, **named, actor=access.actor, at=clock.now())
        messages.success(request, str(said))
        return redirect(f"intake:{noun}", shop, *named.values())

    view.__name__ = view.__qualname__ = act.__name__
    view.__doc__ = act.__doc__
    found: View = require_POST(page(deed)(view))
    return found
