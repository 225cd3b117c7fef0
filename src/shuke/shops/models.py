"""Whose it is: people who sign in, shops, membership with a role, keys for browsers (write) and for programs (API)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django_scopes import ScopedManager
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from shuke.shops.roles import ROLE_TITLES, Role


class UserManager(BaseUserManager["User"]):
    """Accounts are made by invitation or by command only (shops.actions)."""

    def get_by_natural_key(self, email: str | None) -> User:
        """E-mail addresses are kept in lower case, whatever was typed."""
        return self.get(email=(email or "").strip().lower())


class User(AbstractBaseUser):
    """A person who signs in by e-mail. What they may do is said by their membership in each shop, nowhere else."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=10, default="zh-hans")
    theme = models.CharField(max_length=8, default="auto")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class Shop(models.Model):
    """One shop. Its zone decides its days and its currency its amounts, so both are fixed once it exists."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    platforms = models.JSONField(default=list)
    category = models.CharField(max_length=60, default="")
    currency = models.CharField(max_length=3)
    zone = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    members_turn = models.BigIntegerField(
        default=0
    )  # raised first in each change of members: they take turns on it

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    """A person's role in one shop."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=[(role.value, ROLE_TITLES[role]) for role in Role])
    joined_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "user"], name="member_once")]


class WriteKey(models.Model):
    """Lets a page or an app send events to one shop and do nothing else. It stands in pages, so it is no secret."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")


class _ApiKeyManager(BaseAPIKeyManager):
    def assign_key(self, obj: AbstractAPIKey) -> str:
        """Unlike the library's, the row's id is a number: its hash never stands in an address or an audit entry."""
        key, prefix, hashed_key = self.key_generator.generate()
        obj.prefix, obj.hashed_key = prefix, hashed_key
        return key


class ApiKey(AbstractAPIKey):
    """Lets a program act in one shop with one role. Only its hash is kept; the secret is shown once."""

    id = models.BigAutoField(primary_key=True)  # type: ignore[assignment]
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, choices=[(role.value, ROLE_TITLES[role]) for role in Role])
    created = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    expiry_date: Any = None  # keys are revoked, they do not lapse

    objects: ClassVar[Any] = ScopedManager(_manager_class=_ApiKeyManager, shop="shop_id")

    class Meta(AbstractAPIKey.Meta):
        pass
