"""Questions about shops, members and keys, answered with frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from django_scopes import scopes_disabled

from shuke.kernel.errors import NotFound
from shuke.shops.models import ApiKey, Member, Shop, User, WriteKey
from shuke.shops.roles import Role
from shuke.shops.words import is_slug


class ShopNotFound(NotFound):
    """The same for a shop that does not exist and for one that the asker is not in."""

    words = _("There is no such shop, or you are not a member of it.")


@dataclass(frozen=True)
class ShopView:
    """A shop as every other room sees it."""

    id: int
    slug: str
    name: str
    zone: ZoneInfo
    currency: str
    category: str
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class MemberView:
    """`has_joined` is False until the invited person has set a password."""

    id: int
    user_id: int
    email: str
    name: str
    role: Role
    joined_at: datetime
    has_joined: bool
    has_second_factor: bool


@dataclass(frozen=True)
class PersonView:
    """Somebody who may sign in, as one who writes to them sees them. `language`: the one they read."""

    id: int
    email: str
    name: str
    language: str


@dataclass(frozen=True)
class WriteKeyView:
    id: int
    shop_id: int
    key: str
    name: str
    created_at: datetime
    revoked_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None


@dataclass(frozen=True)
class ApiKeyView:
    """`prefix` recognises the key; the secret is not kept."""

    id: int
    shop_id: int
    prefix: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None


def shop_view(row: Shop) -> ShopView:
    return ShopView(
        id=row.pk,
        slug=row.slug,
        name=row.name,
        zone=ZoneInfo(row.zone),
        currency=row.currency,
        category=row.category,
        platforms=tuple(row.platforms),
    )


def get_shop(slug: str) -> ShopView:
    """For commands and processes; a person's way to a shop is shops.access. Raises NotFound."""
    row = Shop.objects.filter(slug=slug).first() if is_slug(slug) else None
    if row is None:
        raise ShopNotFound(field="shop", value=slug)
    return shop_view(row)


def get_shop_by_id(shop_id: int) -> ShopView:
    """Raises NotFound."""
    row = Shop.objects.filter(id=shop_id).first()
    if row is None:
        raise ShopNotFound(field="shop", value=shop_id)
    return shop_view(row)


def list_shops() -> tuple[ShopView, ...]:
    """Every shop of the installation, by slug."""
    return tuple(shop_view(row) for row in Shop.objects.order_by("slug"))


def list_shops_of(user: User) -> tuple[ShopView, ...]:
    """The shops that a person is a member of, by name."""
    with scopes_disabled():
        rows = Member.objects.filter(user=user).select_related("shop").order_by("shop__name", "shop__slug")
        return tuple(shop_view(row.shop) for row in rows)


def find_user(email: str) -> User | None:
    return User.objects.filter(email=email.strip().lower()).first()


def find_person(user_id: int) -> PersonView | None:
    """None for one who is gone or may not sign in any more."""
    row = User.objects.filter(pk=user_id, is_active=True).first()
    return None if row is None else PersonView(row.pk, row.email, row.name, row.language)


def list_members(shop: ShopView) -> tuple[MemberView, ...]:
    """Members of a shop, the most trusted first."""
    from allauth.mfa.models import Authenticator

    order = list(Role)
    with scopes_disabled():
        rows = list(Member.objects.filter(shop_id=shop.id).select_related("user"))
        secured = set(
            Authenticator.objects.filter(
                user_id__in=[row.user_id for row in rows], type=Authenticator.Type.TOTP
            ).values_list("user_id", flat=True)
        )
    views = [
        MemberView(
            id=row.pk,
            user_id=row.user_id,
            email=row.user.email,
            name=row.user.name,
            role=Role(row.role),
            joined_at=row.joined_at,
            has_joined=row.user.has_usable_password(),
            has_second_factor=row.user_id in secured,
        )
        for row in rows
    ]
    return tuple(sorted(views, key=lambda m: (order.index(m.role), m.name, m.id)))


def list_write_keys(shop: ShopView) -> tuple[WriteKeyView, ...]:
    """Write keys of a shop, oldest first, revoked ones included."""
    with scopes_disabled():
        return tuple(write_key_view(row) for row in WriteKey.objects.filter(shop_id=shop.id).order_by("id"))


def write_key_view(row: WriteKey) -> WriteKeyView:
    return WriteKeyView(row.pk, row.shop_id, row.key, row.name, row.created_at, row.revoked_at)


def list_api_keys(shop: ShopView) -> tuple[ApiKeyView, ...]:
    """API keys of a shop, oldest first, revoked ones included."""
    with scopes_disabled():
        rows = ApiKey.objects.filter(shop_id=shop.id).order_by("id")
        return tuple(
            ApiKeyView(row.pk, row.shop_id, row.prefix, row.name, Role(row.role), row.created, row.revoked_at)
            for row in rows
        )
