"""The only ways to a shop on behalf of someone: a person, an API key, a write key. Here it is decided, nowhere else.

Whoever is not in a shop gets the same answer as for a shop that does not exist. A role without the deed gets NotAllowed.
`page` and `api` wrap views and operations; both enter the shop's scope and enter themselves in `COVERED`, so that a test
can find what is reachable and not covered.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from django_scopes import scope, scopes_disabled

from shuke.kernel import clock
from shuke.kernel.errors import NotAllowed, NotFound, ShukeError
from shuke.records.actor import Actor
from shuke.shops import repeats
from shuke.shops.models import ApiKey, Member, WriteKey
from shuke.shops.reads import ShopNotFound, ShopView, WriteKeyView, shop_view, write_key_view
from shuke.shops.roles import DEED_TITLES, Deed, Role, may
from shuke.shops.words import is_slug

T = TypeVar("T")
# Dotted name of a view or operation -> the deed that it asks for; None: whoever is signed in, about themselves only.
COVERED: dict[str, Deed | None] = {}

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class NotSignedIn(ShukeError):
    code = "not_signed_in"
    status = 401
    words = _("Sign in, or send an API key as “Authorization: Bearer <key>”.")


class BadKey(ShukeError):
    code = "bad_key"
    status = 401
    words = _("This API key is unknown or revoked.")
    remedy = _("Ask an owner or manager of the shop for a new one.")


class ForgedRequest(ShukeError):
    code = "csrf_failed"
    status = 403
    words = _("The request does not prove that it came from a page of this site.")
    remedy = _("Load the page again, or use an API key.")


@dataclass(frozen=True)
class Access:
    """Someone in a shop, already checked for one deed; `may` answers for others (what to show in a menu)."""

    shop: ShopView
    role: Role
    actor: Actor
    member: Member | None = None

    def may(self, deed: Deed | str) -> bool:
        return may(self.role, Deed(deed))

    def do(self, action: Callable[..., T], **given: Any) -> T:
        """A deed of theirs, now: the action in their shop and their name."""
        return action(shop=self.shop, actor=self.actor, at=clock.now(), **given)


class ShopRequest(HttpRequest):
    """What a view or operation under `page` or `api` gets."""

    access: Access


class OwnRequest(HttpRequest):
    """What an operation under `own` gets."""

    accesses: tuple[Access, ...]


def shop_for(user: Any, slug: str, deed: Deed) -> Access:
    """A signed-in person's way into a shop. Raises NotSignedIn, NotFound, NotAllowed."""
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        raise NotSignedIn()
    member = None
    if is_slug(slug):
        with scopes_disabled():
            rows = Member.objects.filter(shop__slug=slug, user_id=user.pk)
            member = rows.select_related("shop").first()
    if member is None:
        raise ShopNotFound(field="shop", value=slug)
    role = Role(member.role)
    _require(role, deed)
    actor = Actor("member", user.pk, user.name or user.email, role.value)
    return Access(shop_view(member.shop), role, actor, member)


def shop_for_api_key(header: str, slug: str, deed: Deed) -> Access:
    """A program's way into a shop, by `Authorization: Bearer <key>`. Raises BadKey, NotFound, NotAllowed."""
    key = _live_api_key(header)
    if key.shop.slug != slug:
        raise ShopNotFound(field="shop", value=slug)
    role = Role(key.role)
    _require(role, deed)
    return Access(shop_view(key.shop), role, Actor("api_key", key.pk, key.name, role.value))


def _live_api_key(header: str) -> ApiKey:
    scheme, _space, secret = header.strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not (secret.isascii() and secret.isprintable() and secret):
        raise BadKey()
    with scopes_disabled():
        rows = ApiKey.objects.filter(prefix=secret.partition(".")[0], revoked=False)
        key = rows.select_related("shop").first()
        if key is None or not key.is_valid(secret):
            raise BadKey()
    return key


def write_key_for(key: str) -> tuple[WriteKeyView, ShopView] | None:
    """A live write key and its shop. Callers that ask per request remember the answer for a few seconds."""
    if not (key.isascii() and key.isprintable()):
        return None
    with scopes_disabled():
        row = WriteKey.objects.filter(key=key, revoked_at__isnull=True).select_related("shop").first()
    return (write_key_view(row), shop_view(row.shop)) if row else None


def shop_of_write_key(key: str) -> ShopView | None:
    """The shop of a live write key."""
    found = write_key_for(key)
    return found[1] if found else None


def _require(role: Role, deed: Deed) -> None:
    if not may(role, deed):
        raise NotAllowed(field=str(DEED_TITLES[deed]), value=deed.value)


def require(*, actor: Actor, shop_id: int, deed: Deed) -> Role | None:
    """Check an action's actor against the table and against the database as it is now; None for the system.

    Raises NotFound when the actor is not (or no longer) in this shop, NotAllowed without the deed.
    """
    if actor.is_system:
        return None
    if actor.id is None:
        raise ShopNotFound(field="shop", value=shop_id)
    with scopes_disabled():
        if actor.kind == "member":
            rows = Member.objects.filter(shop_id=shop_id, user_id=actor.id, user__is_active=True)
        elif actor.kind == "api_key":
            rows = ApiKey.objects.filter(shop_id=shop_id, id=actor.id, revoked=False)
        else:
            raise NotAllowed(field=str(DEED_TITLES[deed]), value=deed.value)
        found = rows.values_list("role", flat=True).first()
    if found is None:
        raise ShopNotFound(field="shop", value=shop_id)
    role = Role(found)
    _require(role, deed)
    return role


def page(deed: Deed) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a view with `shop` (slug) in its address: sets `request.access` and enters the shop's scope.

    The view keeps its arguments. Not signed in: to the sign-in; not in the shop: 404; without the deed: 403.
    """

    def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                access = shop_for(request.user, kwargs["shop"], deed)
            except NotSignedIn:
                return redirect_to_login(request.get_full_path())
            except NotFound as error:
                raise Http404(str(error)) from None
            except NotAllowed as error:
                raise PermissionDenied(str(error)) from None
            request.access = access  # type: ignore[attr-defined]
            with scope(shop=access.shop.id):
                response = view(request, *args, **kwargs)
                if callable(getattr(response, "render", None)):
                    response = response.render()  # a lazy template asks the database too
            return _streaming_within(response, access.shop.id)

        return _covered(checked, view, deed)

    return wrap


def api(deed: Deed) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For an operation with `shop` (slug) in its path: by API key, or by the session of a page of this site.

    Sets `request.access`, enters the shop's scope, keeps the signature; a POST may carry a key for repeats. Raises ShukeErrors for the API's handler.
    """

    def wrap(operation: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(operation)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            header = request.headers.get("Authorization", "")
            if header:
                access = shop_for_api_key(header, kwargs["shop"], deed)
            else:
                access = shop_for(request.user, kwargs["shop"], deed)
                _require_own_page(request)
            request.access = access  # type: ignore[attr-defined]
            with scope(shop=access.shop.id):
                if key := repeats.key_of(request):
                    return repeats.answered_once(
                        request,
                        key=key,
                        shop_id=access.shop.id,
                        actor=access.actor,
                        deed=deed,
                        act=lambda: _answer(request, operation(request, *args, **kwargs)),
                    )
                result = operation(request, *args, **kwargs)
            return _streaming_within(result, access.shop.id)

        from ninja.decorators import decorate_view

        decorate_view(_telling_operation)(checked)
        return _covered(_with_types(checked, operation), operation, deed)

    return wrap


def _telling_operation(run: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Around django-ninja's operation, which is mounted as a copy: tells the request which one runs it."""

    @functools.wraps(run)
    def telling(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        request.operation = run.__self__  # type: ignore[attr-defined]
        return run(request, **kwargs)

    return telling


def _answer(request: HttpRequest, result: Any) -> HttpResponseBase:
    """What django-ninja would answer with this result."""
    running = request.operation  # type: ignore[attr-defined]
    response = running.api.create_temporal_response(request)
    return cast(HttpResponseBase, running._result_to_response(request, result, response))


def own(operation: Callable[..., Any]) -> Callable[..., Any]:
    """For an operation without a shop, about the asker alone: sets `request.accesses`, every shop they are in."""

    @functools.wraps(operation)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        request.accesses = accesses_of(request)  # type: ignore[attr-defined]
        return operation(request, *args, **kwargs)

    return _covered(_with_types(checked, operation), operation, None)


def accesses_of(request: HttpRequest) -> tuple[Access, ...]:
    """Every shop that the request's key or person is in. Raises BadKey, NotSignedIn."""
    header = request.headers.get("Authorization", "")
    if header:
        key = _live_api_key(header)
        actor = Actor("api_key", key.pk, key.name, key.role)
        return (Access(shop_view(key.shop), Role(key.role), actor),)
    if not request.user.is_authenticated:
        raise NotSignedIn()
    with scopes_disabled():
        rows = Member.objects.filter(user_id=request.user.pk).select_related("shop").order_by("shop__slug")
        name = request.user.name or request.user.email
        return tuple(
            Access(shop_view(row.shop), Role(row.role), Actor("member", row.user_id, name, row.role), row)
            for row in rows
        )


def _require_own_page(request: HttpRequest) -> None:
    """A browser sends the session cookie by itself, so a changing request must carry the page's token as well."""
    if request.method in _SAFE_METHODS:
        return
    from ninja.utils import check_csrf

    if check_csrf(request) is not None:
        raise ForgedRequest()


def _with_types(checked: Callable[..., Any], operation: Callable[..., Any]) -> Callable[..., Any]:
    """django-ninja looks types up by name where the function that it gets was written; that is here, not there."""
    checked.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
    return checked


def _covered(checked: Callable[..., Any], view: Callable[..., Any], deed: Deed | None) -> Callable[..., Any]:
    COVERED[f"{view.__module__}.{view.__qualname__}"] = deed
    checked.deed = deed  # type: ignore[attr-defined]
    return checked


def _streaming_within(response: Any, shop_id: int) -> Any:
    """A streamed body is made after the view returned; each piece of it enters the scope again."""
    if isinstance(response, StreamingHttpResponse) and not response.is_async:
        pieces = cast("Iterable[bytes]", response.streaming_content)
        response.streaming_content = _pieces_within(pieces, shop_id)
    return response


def _pieces_within(pieces: Iterable[bytes], shop_id: int) -> Iterator[bytes]:
    iterator = iter(pieces)
    while True:
        with scope(shop=shop_id):
            try:
                piece = next(iterator)
            except StopIteration:
                return
        yield piece
