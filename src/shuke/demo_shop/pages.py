"""The pages of the demo shop. What a page's own script tells the tracker stands in the page as data, never as a script."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from shuke.demo_shop import basket as baskets
from shuke.demo_shop import catalogue

CONSENT = "shop_consent"
ELSEWHERE = "https://en.wikipedia.org/wiki/Linen"  # a link that leads out of the shop
_COOKIE: dict[str, Any] = {"max_age": 30 * 24 * 3600, "samesite": "Lax"}
Events = list[tuple[str, dict[str, object]]]


def _page(
    request: HttpRequest, name: str, events: Events | None = None, *, status: int = 200, **context: object
) -> HttpResponse:
    """A page; `events` are what it tells the tracker when it is shown."""
    given: Any = request
    about = {
        "door": given.door,
        "write_key": given.write_key,
        "console_shop": given.console_shop,
        "elsewhere": ELSEWHERE,
        "categories": catalogue.CATEGORIES,
        "basket": baskets.basket_of(request.COOKIES),
        "is_asking": CONSENT not in request.COOKIES,
        "events": events or [],
        "here": request.get_full_path(),
        "other_language": "en" if (get_language() or "").startswith("zh") else "zh-hans",
        "html_language": "zh-Hans" if (get_language() or "").startswith("zh") else "en",
    }
    # Without the request: what the console adds to its own templates is none of a shop's business.
    response = HttpResponse(render_to_string(f"demo_shop/{name}.html", about | context), status=status)
    response["Cache-Control"] = "no-store"
    policy: Any = response
    policy._csp_update = {"script-src": [SELF, given.door], "connect-src": [SELF, given.door]}
    return response


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return _page(request, "home", items=catalogue.BEST_SELLERS)


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """A list; its order stands in the address."""
    one = catalogue.BY_SLUG.get(slug)
    if one is None:
        raise Http404
    is_by_price = request.GET.get("sort") == "price"
    items = sorted(one.items, key=lambda item: -item.price_minor) if is_by_price else one.items
    events: Events = [("Product List Viewed", {"list_id": slug, "category": slug})]
    return _page(request, "list", events, category=one, items=items, is_by_price=is_by_price)


@require_safe
def found(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "")[:100].strip()
    events: Events = [("Products Searched", {"query": words})] if words else []
    return _page(request, "search", events, words=words, items=catalogue.search(words))


@require_safe
def item(request: HttpRequest, number: int) -> HttpResponse:
    one = catalogue.BY_NUMBER.get(number)
    if one is None:
        raise Http404
    others = [other for other in one.category.items if other is not one]
    events: Events = [("Product Viewed", one.properties())]
    return _page(request, "item", events, item=one, others=others, added=one.properties())


@require_safe
def cart(request: HttpRequest) -> HttpResponse:
    events: Events = [("Cart Viewed", baskets.basket_of(request.COOKIES).properties())]
    return _page(request, "cart", events)


# Nobody is signed in here and nothing is sold: a form that another page sends does no harm.
@csrf_exempt
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    basket = baskets.basket_of(request.COOKIES).with_more(_number(request))
    return _with_cookie("/cart", baskets.BASKET, basket.written())


@csrf_exempt
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    basket = baskets.basket_of(request.COOKIES).without(_number(request))
    return _with_cookie("/cart", baskets.BASKET, basket.written())


@csrf_exempt
def checkout(request: HttpRequest) -> HttpResponse:
    """A form that sends nothing of a person anywhere; sending it orders the basket."""
    basket = baskets.basket_of(request.COOKIES)
    if not basket.lines:
        return HttpResponseRedirect("/cart")
    if request.method != "POST":
        return _page(request, "checkout", [("Checkout Started", basket.properties())])
    _order, text = baskets.place_order(basket)
    response = _with_cookie("/checkout/thanks", baskets.ORDER, text)
    response.delete_cookie(baskets.BASKET, samesite="Lax")
    return response


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Tells the order each time that it is shown: one order, however often it is told."""
    order = baskets.order_of(request.COOKIES)
    if order is None:
        return HttpResponseRedirect("/")
    events: Events = [("Order Completed", {"order_id": order.ref, **order.basket.properties()})]
    return _page(request, "thanks", events, order=order)


@require_safe
def campaign(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The looks of the season: one page whose address changes without loading."""
    look = catalogue.LOOK_BY_SLUG.get(slug) if slug else catalogue.LOOKS[0]
    if look is None:
        raise Http404
    return _page(request, "campaign", looks=catalogue.LOOKS, look=look)


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return _page(request, "privacy", consent=request.COOKIES.get(CONSENT, ""))


@csrf_exempt
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    chosen, there = request.POST.get("language", ""), request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(there, allowed_hosts=None):
        there = "/"
    if chosen not in dict(settings.LANGUAGES):
        return HttpResponseRedirect(there)
    return _with_cookie(there, settings.LANGUAGE_COOKIE_NAME, chosen)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "not_found", status=404)


def _with_cookie(there: str, name: str, value: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(there)
    response.set_cookie(name, value, **_COOKIE)
    return response


def _number(request: HttpRequest) -> int:
    given = request.POST.get("item", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0
