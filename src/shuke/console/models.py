"""What a member picked for themselves: which numbers stand first, which columns a table shows."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from shuke.shops.models import Member, Shop


class Choice(models.Model):
    """One choice of one member in one shop, by name; `value` is versioned JSON ({"v": 1, ...})."""

    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    value = models.JSONField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "name"], name="choice_once")]
