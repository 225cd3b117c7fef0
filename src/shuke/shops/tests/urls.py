"""Addresses for this room's tests: sign-in, one page and one operation per deed, and the room's own API."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import include, path
from ninja import NinjaAPI, Router

from shuke.kernel.errors import ShukeError
from shuke.shops.access import api, page
from shuke.shops.http import router
from shuke.shops.models import Member
from shuke.shops.roles import Deed

extra = Router()
pages = []


def _members() -> str:
    """Counts what the entered scope lets through; raises outside a scope."""
    return str(Member.objects.count())


for deed in Deed:

    @page(deed)
    def view(request, shop):
        return HttpResponse(f"{request.access.shop.slug} {request.access.role.value} {_members()}")

    @extra.get(f"/shops/{{shop}}/deeds/{deed.value}", operation_id=f"look_{deed.value}")
    @api(deed)
    def look(request, shop: str):
        return {"shop": request.access.shop.slug, "members": _members()}

    pages.append(path(f"s/<slug:shop>/{deed.value}/", view))


@extra.post("/shops/{shop}/deeds", operation_id="change")
@api(Deed.VIEW_TODAY)
def change(request, shop: str):
    return {"actor": request.access.actor.kind}


@page(Deed.EXPORT_TABLES)
def streamed(request, shop):
    return StreamingHttpResponse(_members().encode() for _piece in range(3))


@page(Deed.VIEW_TODAY)
def lazy(request, shop):
    return SimpleTemplateResponse("counted.html", {"count": _members})


operations = NinjaAPI(title="tests", urls_namespace="tests", docs_url=None)
operations.add_router("", router)
operations.add_router("", extra)


@operations.exception_handler(ShukeError)
def refuse(request, error):
    return operations.create_response(request, error.as_dict(), status=error.status)


urlpatterns = [
    path("accounts/", include("shuke.shops.sign_in_urls")),
    path("api/", operations.urls),
    path("s/<slug:shop>/streamed/", streamed),
    path("s/<slug:shop>/lazy/", lazy),
    path("", lambda request: HttpResponse(f"home {request.user.is_authenticated}")),
    *pages,
]
