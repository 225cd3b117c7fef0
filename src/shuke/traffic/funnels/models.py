"""A funnel that was saved: its definition as versioned JSON, and who made and changed it."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager


class SavedFunnel(models.Model):
    """`definition` is `shapes.dump_funnel`; `version` counts the changes. Archived ones stay, so that links hold."""

    shop = models.ForeignKey("shops.Shop", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    definition = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    made_by = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = ScopedManager(shop="shop_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "name"], condition=models.Q(archived_at=None), name="funnels_one_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
