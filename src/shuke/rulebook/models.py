"""A shop's own values over the rules that may be changed: rows are added, never changed, so the past stays as it was."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class RuleOverride(models.Model):
    """From `since` on (a shop's day) the shop's `value` holds for `rule`; null: the rule itself holds again."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")
    rule = models.CharField(max_length=120)
    since = models.DateField()
    value = models.JSONField(null=True)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    objects = ScopedManager(shop="shop_id")

    class Meta:
        indexes = [models.Index(fields=["shop", "rule", "since"], name="rulebook_own_value")]

    def __str__(self) -> str:
        return f"{self.rule} from {self.since}"
